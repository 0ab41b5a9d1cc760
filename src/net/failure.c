/*
 * What went wrong with a request, in words, and whether another attempt may help: one map from a response's status, one
 * from libcurl's result. http.c uses them after each attempt, backends for the responses that they inspect.
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

#define PROXY_TEXT  (COVE__OUTAGE_WAY + 64)
#define BARE_STATUS 40 /* bytes: a status line, and no header */

/* Go's servers and nginx answer a request without TLS with 400 and a text that names HTTPS; Go's answer a HEAD with a
 * status line alone. Only for a client that no server has answered yet: a configuration that has worked is not wrong.
 */
bool cove__http_wants_tls(const struct cove__http_request *r, int status)
{
    const struct cove__buf *response = &r->response;

    if (status != 400 || !r->http || r->http->reached)
        return false;
    return response->size == 0 ? r->state && r->state->header_bytes < BARE_STATUS
                               : response->size < 1024 && memmem(response->data, response->size, "HTTPS ", 6);
}

/* SCHEME://HOST:PORT of the settings; "": none is known. */
static const char *proxy_of(const struct cove__http_request *r)
{
    bool tls = strncasecmp(cove__buf_str(&r->url), "https:", 6) == 0;

    return r->http ? r->http->proxies[tls] : "";
}

/* What a proxy refuses without asking the server. */
static void proxy_text(const struct cove__http_request *r, int status, char *out, size_t size)
{
    const char *proxy = proxy_of(r);

    snprintf(out, size, "the proxy%s%s %s", proxy[0] != '\0' ? " " : "", proxy,
             status == 407 ? "requires a user and a password in its URL" : "does not connect to the server");
}

int cove__http_error(const struct cove__http_request *r, int status, const char *text, struct cove_error *err)
{
    char of_proxy[PROXY_TEXT];
    int code = cove__status_code(status);

    if (code == COVE_OK)
        code = COVE_EPROTOCOL;
    if (status == 407) {
        proxy_text(r, status, of_proxy, sizeof of_proxy);
        text = of_proxy;
    }
    cove__fail(err, code, "%s %s: %s%s (HTTP %d)", r->op.ctx.op, r->op.ctx.url, text,
               cove__http_wants_tls(r, status) ? "; the server speaks TLS: try https:// in the endpoint" : "", status);
    if (err) {
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

/* The proxy that could not be reached, SCHEME://HOST:PORT; NULL: the server could not be reached. libcurl's result
 * has the host that it tried: with `no_proxy` that may be the server although there is a proxy. */
static const char *unreached_proxy(const struct cove__http_state *st, CURLcode result)
{
    const struct cove__http_request *r = st->r;
    const char *proxy = proxy_of(r), *host = strstr(proxy, "://"), *tried;

    if (result == CURLE_COULDNT_RESOLVE_PROXY)
        return proxy;
    tried = strstr(st->curl_error, "onnect to ");
    if (result == CURLE_COULDNT_RESOLVE_HOST || proxy[0] == '\0' || !tried)
        return NULL;
    host = host ? host + 3 : proxy;
    host += host[0] == '[';
    tried += strlen("onnect to ");
    size_t n = strcspn(host, strchr(host, ']') ? "]" : ":");
    const char *port = strrchr(host + n, ':');
    if (strncmp(tried, host, n) != 0 || strncmp(tried + n, " port ", 6) != 0)
        return NULL;
    return !port || strtol(port + 1, NULL, 10) == strtol(tried + n + 6, NULL, 10) ? proxy : NULL;
}

/* What libcurl's codes mean. `final`: the configuration is wrong, so another attempt is worthless. */
static const struct meaning {
    CURLcode result;
    int code;
    bool final;
    const char *text;
} meanings[] = {
    { CURLE_SSL_CONNECT_ERROR, COVE_ENETWORK, false, "cannot reach the server" },
    { CURLE_COULDNT_RESOLVE_HOST, COVE_ENETWORK, false, "cannot reach the server" },
    { CURLE_COULDNT_RESOLVE_PROXY, COVE_ENETWORK, false, "cannot reach the server" },
    { CURLE_COULDNT_CONNECT, COVE_ENETWORK, false, "cannot reach the server" },
    { CURLE_OPERATION_TIMEDOUT, COVE_ENETWORK, false, "cannot reach the server" }, /* or, once connected, it stalled */
    { CURLE_PARTIAL_FILE, COVE_ENETWORK, false, "the body was cut" },
    { CURLE_GOT_NOTHING, COVE_ENETWORK, false, "the server closed the connection without a response" },
    { CURLE_PEER_FAILED_VERIFICATION, COVE_ENETWORK, true, "the server's certificate is not trusted" },
    { CURLE_SSL_ISSUER_ERROR, COVE_ENETWORK, true, "the server's certificate is not trusted" },
    { CURLE_SSL_CACERT_BADFILE, COVE_ENETWORK, true, "TLS cannot be set up" },
    { CURLE_SSL_CERTPROBLEM, COVE_ENETWORK, true, "TLS cannot be set up" },
    { CURLE_SSL_CIPHER, COVE_ENETWORK, true, "TLS cannot be set up" },
    { CURLE_URL_MALFORMAT, COVE_EINVAL, true, "the endpoint's URL is not valid" },
    { CURLE_OUT_OF_MEMORY, COVE_ENOMEM, true, "out of memory" },
    { CURLE_ABORTED_BY_CALLBACK, COVE_ENETWORK, false, "the connection broke" }, /* before libcurl repeats */
    { CURLE_WEIRD_SERVER_REPLY, COVE_EPROTOCOL, false,
      "the response is not HTTP; does the endpoint's port speak TLS (https://)?" },
    { CURLE_UNSUPPORTED_PROTOCOL, COVE_EPROTOCOL, false, /* libcurl's result for HTTP/0.9 */
      "the response is not HTTP; does the endpoint's port speak TLS (https://)?" },
    { CURLE_OK, COVE_ENETWORK, false, "the connection broke" }, /* any other */
};

/* No TLS record came. A server that has spoken TLS before is only in trouble, or something before it is. */
static bool speaks_no_tls(const struct cove__http_state *st, CURLcode result, const char *detail)
{
    return result == CURLE_SSL_CONNECT_ERROR && !st->r->http->reached &&
           (strstr(detail, "wrong version number") || strstr(detail, "packet length too long"));
}

/* libcurl 7.88 reports a line of the head that is over its limit as a lack of memory. */
static bool is_line_too_long(struct cove__http_state *st, CURLcode result)
{
    bool may_be = result == CURLE_OUT_OF_MEMORY;
#if LIBCURL_VERSION_NUM >= 0x080600
    may_be |= result == CURLE_TOO_LARGE;
#endif
    return may_be && !st->head_ended && cove__transfer_connected(st);
}

static struct meaning meaning_of(struct cove__http_state *st, CURLcode result, const char *detail)
{
    const struct meaning *m = meanings;

    if (st->malformed)
        return (struct meaning){ result, COVE_EPROTOCOL, st->decompressed, "the response makes no sense" };
    if (st->local_rc != 0)
        return (struct meaning){ result, st->local_rc, true, "the response cannot be kept in memory" };
    if (st->lacking != 0)
        return (struct meaning){ result, COVE_ENETWORK, false, "no connection can be made" };
    if (speaks_no_tls(st, result, detail))
        return (struct meaning){ result, COVE_ENETWORK, true,
                                 "the server does not speak TLS; try http:// in the endpoint" };
    if (result == CURLE_OPERATION_TIMEDOUT && cove__transfer_connected(st))
        return (struct meaning){ result, COVE_ENETWORK, false, "the connection stalled" };
    if (is_line_too_long(st, result))
        return (struct meaning){ result, COVE_EPROTOCOL, false, "the response makes no sense" };
    while (m->result != CURLE_OK && m->result != result)
        m++;
    return *m;
}

/* The proxy that is out of reach, SCHEME://HOST:PORT; NULL: it is not a proxy. */
static const char *proxy_out_of_reach(struct cove__http_state *st, CURLcode result)
{
    bool unreached = result == CURLE_COULDNT_RESOLVE_HOST || result == CURLE_COULDNT_RESOLVE_PROXY ||
                     result == CURLE_COULDNT_CONNECT ||
                     (result == CURLE_OPERATION_TIMEDOUT && !cove__transfer_connected(st));

    return unreached && !st->malformed && st->local_rc == 0 && st->lacking == 0 ? unreached_proxy(st, result) : NULL;
}

/* Of a CONNECT. */
static enum cove__http_verdict proxy_refuses(const struct cove__http_request *r, int status, struct cove_error *err)
{
    bool later = status >= 500 || cove__status_retry(status); /* also where the server cannot be reached: 502, 503 */
    char text[PROXY_TEXT];

    proxy_text(r, status, text, sizeof text);
    cove__fail(err, COVE_ENETWORK, "%s %s: %s (HTTP %d)", r->op.ctx.op, r->op.ctx.url, text, status);
    err->retryable = later;
    return later ? COVE__HTTP_RETRY : COVE__HTTP_FAIL;
}

/* What went wrong below HTTP, in words. */
enum cove__http_verdict cove__http_transport_error(struct cove__http_state *st, CURLcode result, struct cove_error *err)
{
    const struct cove__http_request *r = st->r;
    const char *detail = st->curl_error[0] != '\0' ? st->curl_error : curl_easy_strerror(result);
    char text[128], out_of_reach[COVE__OUTAGE_WAY + 32];
    long os_errno = 0, connect_status = 0;

    curl_easy_getinfo(st->easy, CURLINFO_HTTP_CONNECTCODE, &connect_status);
    if (result != CURLE_OK && connect_status >= 300)
        return proxy_refuses(r, (int)connect_status, err);
    st->lacking = lacking(result);
    struct meaning m = meaning_of(st, result, detail);
    if (st->malformed)
        detail = st->malformed;
    else if (result == CURLE_ABORTED_BY_CALLBACK)
        detail = "the server closed it before it responded";
    else if (st->local_rc != 0)
        detail = st->local_rc == COVE_ENOMEM ? "out of memory" : "it is larger than the limit";
    else if (is_line_too_long(st, result))
        detail = "a line of its head is longer than libcurl takes, or memory is used up";
    else if (st->lacking != 0)
        detail = strerror_r(st->lacking, text, sizeof text);
    const char *proxy = proxy_out_of_reach(st, result);
    if (proxy) {
        snprintf(out_of_reach, sizeof out_of_reach, "cannot reach the proxy %s", proxy);
        m.text = out_of_reach;
    }
    curl_easy_getinfo(st->easy, CURLINFO_OS_ERRNO, &os_errno);
    cove__fail(err, m.code, "%s %s: %s: %s", r->op.ctx.op, r->op.ctx.url, m.text, detail);
    err->os_errno = m.code != COVE_ENETWORK ? 0 : st->lacking != 0 ? st->lacking : (int)os_errno;
    err->retryable = !m.final;
    return m.final ? COVE__HTTP_FAIL : COVE__HTTP_RETRY;
}
