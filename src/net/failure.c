/*
 * What went wrong with a request, in words, and whether another attempt may help: one map from a reply's status, one
 * from what libcurl says. Asked by http.c after each attempt, and by backends about the replies that they inspect.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "net/loop.h"
#include "net/status.h"

#define BARE_STATUS 40 /* bytes: a status line, and no header */

/* Go's servers and nginx answer a request without TLS with 400 and a text that names HTTPS; Go's answer a HEAD with a
 * status line alone. Asked only where no server has answered yet: what has worked before is no wrong configuration. */
bool cove__http_wants_tls(const struct cove__http_request *r, int status)
{
    const struct cove__buf *reply = &r->reply;

    if (status != 400 || r->http == NULL || r->http->reached)
        return false;
    return reply->size == 0 ? r->state != NULL && r->state->header_bytes < BARE_STATUS
                            : reply->size < 1024 && memmem(reply->data, reply->size, "HTTPS ", 6) != NULL;
}

int cove__http_error(const struct cove__http_request *r, int status, const char *text, struct cove_error *err)
{
    int code = cove__status_code(status);
    if (code == COVE_OK)
        code = COVE_EPROTOCOL;
    cove__fail(err, code, "%s %s: %s%s (HTTP %d)", r->op.ctx.op, r->op.ctx.url, text,
               cove__http_wants_tls(r, status) ? "; the server speaks TLS: try https:// in the endpoint" : "", status);
    if (err != NULL) {
        err->http_status = status;
        err->retryable = cove__status_retry(status);
    }
    return code;
}

/* What this machine or process lacks for another connection, as an errno; 0: nothing. libcurl takes it for a server
 * that cannot be reached. */
static int lacking(CURLcode result)
{
    if (result != CURLE_COULDNT_CONNECT && result != CURLE_COULDNT_RESOLVE_HOST &&
        result != CURLE_COULDNT_RESOLVE_PROXY)
        return 0;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        close(fd);
        return 0;
    }
    return errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM ? errno : 0;
}

/* The proxy that could not be reached, SCHEME://HOST:PORT; NULL: what could not is the server. libcurl says which host
 * it tried: with `no_proxy` that may be the server in spite of a proxy. */
static const char *unreached_proxy(const struct cove__http_state *st, CURLcode result)
{
    const struct cove__http_request *r = st->r;
    bool tls = strncasecmp(cove__buf_str(&r->url), "https:", 6) == 0;
    const char *proxy = r->http->proxies[tls], *host = strstr(proxy, "://"), *tried;

    if (result == CURLE_COULDNT_RESOLVE_PROXY)
        return proxy;
    tried = strstr(st->curl_error, "onnect to ");
    if (result == CURLE_COULDNT_RESOLVE_HOST || proxy[0] == '\0' || tried == NULL)
        return NULL;
    host = host != NULL ? host + 3 : proxy;
    host += host[0] == '[';
    tried += strlen("onnect to ");
    size_t n = strcspn(host, strchr(host, ']') != NULL ? "]" : ":");
    const char *port = strrchr(host + n, ':');
    if (strncmp(tried, host, n) != 0 || strncmp(tried + n, " port ", 6) != 0)
        return NULL;
    return port == NULL || strtol(port + 1, NULL, 10) == strtol(tried + n + 6, NULL, 10) ? proxy : NULL;
}

/* What went wrong below HTTP, in words. Retries are worthless where the configuration is wrong. */
enum cove__http_verdict cove__http_transport_error(struct cove__http_state *st, CURLcode result, struct cove_error *err)
{
    const struct cove__http_request *r = st->r;
    const char *detail = st->curl_error[0] != '\0' ? st->curl_error : curl_easy_strerror(result);
    const char *what = "the connection broke";
    enum cove__http_verdict verdict = COVE__HTTP_RETRY;
    int code = COVE_ENETWORK;

    const char *proxy = NULL;
    char text[128], whom[COVE__OUTAGE_WAY + 32];

    st->lacking = lacking(result);
    if (st->malformed != NULL) {
        detail = st->malformed;
        what = "the reply makes no sense";
        code = COVE_EPROTOCOL;
    } else if (st->local_rc != 0) {
        what = "the reply cannot be held";
        detail = st->local_rc == COVE_ENOMEM ? "out of memory" : "it is larger than the ceiling";
        code = st->local_rc;
        verdict = COVE__HTTP_FAIL;
    } else if (st->lacking != 0) {
        what = "no connection can be made";
        detail = strerror_r(st->lacking, text, sizeof text);
    } else {
        switch (result) {
        case CURLE_SSL_CONNECT_ERROR:
            /* No TLS record. A server that has spoken TLS before is only in trouble, or something before it is. */
            if (!r->http->reached &&
                (strstr(detail, "wrong version number") != NULL || strstr(detail, "packet length too long") != NULL)) {
                what = "the server does not speak TLS; try http:// in the endpoint";
                verdict = COVE__HTTP_FAIL;
                break;
            }
            what = "cannot reach the server";
            break;
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_COULDNT_RESOLVE_PROXY:
        case CURLE_COULDNT_CONNECT:
            what = "cannot reach the server";
            proxy = unreached_proxy(st, result);
            break;
        case CURLE_OPERATION_TIMEDOUT:
            what = cove__transfer_connected(st) ? "the connection stalled" : "cannot reach the server";
            proxy = cove__transfer_connected(st) ? NULL : unreached_proxy(st, result);
            break;
        case CURLE_PARTIAL_FILE:
            what = "the body was cut";
            break;
        case CURLE_GOT_NOTHING:
            what = "the server closed the connection without a reply";
            break;
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_ISSUER_ERROR:
            what = "the server's certificate is not trusted";
            verdict = COVE__HTTP_FAIL;
            break;
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_CERTPROBLEM:
        case CURLE_SSL_CIPHER:
            what = "TLS cannot be set up";
            verdict = COVE__HTTP_FAIL;
            break;
        case CURLE_URL_MALFORMAT:
            what = "the endpoint's URL is not valid";
            code = COVE_EINVAL;
            verdict = COVE__HTTP_FAIL;
            break;
        case CURLE_OUT_OF_MEMORY:
            what = "out of memory";
            code = COVE_ENOMEM;
            verdict = COVE__HTTP_FAIL;
            break;
        case CURLE_WEIRD_SERVER_REPLY:
        case CURLE_UNSUPPORTED_PROTOCOL: /* what libcurl says of HTTP/0.9 */
            what = "the reply is not HTTP; does the endpoint's port speak TLS (https://)?";
            code = COVE_EPROTOCOL;
            break;
        default:
            break;
        }
    }
    if (proxy != NULL) {
        snprintf(whom, sizeof whom, "cannot reach the proxy %s", proxy);
        what = whom;
    }
    long os_errno = 0;
    curl_easy_getinfo(st->easy, CURLINFO_OS_ERRNO, &os_errno);
    cove__fail(err, code, "%s %s: %s: %s", r->op.ctx.op, r->op.ctx.url, what, detail);
    err->os_errno = code != COVE_ENETWORK ? 0 : st->lacking != 0 ? st->lacking : (int)os_errno;
    err->retryable = verdict == COVE__HTTP_RETRY;
    return verdict;
}
