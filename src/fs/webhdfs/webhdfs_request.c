/*
 * Runs one request, step by step. A step goes to the NameNode; where that redirects it, the bytes go to or come from
 * the address that it names, which has all in its query that the server there needs: no login is sent to another host.
 * After a failed attempt the NameNode is asked again, as another DataNode may do.
 */
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#include "base/error.h"
#include "fs/webhdfs/webhdfs.h"
#include "net/header.h"
#include "net/status.h"
#include "wire/uri.h"

#define QUERY_MAX    ((size_t)32 << 10)
#define LOCATION_MAX ((size_t)64 << 10)
#define RESPONSE_MAX                                                                                                   \
    ((size_t)16 << 20) /* of a page of a listing: 1,000 entries, if the server has no other setting                    \
                        */
#define REDIRECTS_MAX 4u

void cove__webhdfs_step(struct webhdfs_request *r, const char *method, const char *op, const char *path)
{
    r->method = method;
    r->path = path;
    cove__buf_reset(&r->query);
    cove__uri_add_pair(&r->query, "op", cove__slice_str(op));
    cove__buf_reset(&r->location);
    r->redirects = 0;
    r->sends = false;
    r->http.dst = NULL;
    r->http.dst_size = 0;
    r->sends_before = r->http.sends;
    r->answered = 0;
    r->follows = r->begun;
}

void cove__webhdfs_add(struct webhdfs_request *r, const char *name, const char *value)
{
    cove__uri_add_pair(&r->query, name, cove__slice_str(value));
}

void cove__webhdfs_add_number(struct webhdfs_request *r, const char *name, int64_t value)
{
    char text[24];

    snprintf(text, sizeof text, "%lld", (long long)value);
    cove__webhdfs_add(r, name, text);
}

bool cove__webhdfs_may_be_done(const struct webhdfs_request *r)
{
    return r->http.sends - r->sends_before > r->answered;
}

/* ---- before an attempt ---- */

static void add_endpoint(const struct cove__webhdfs *store, struct cove__buf *url)
{
    cove__buf_addf(url, "%s://%s", store->tls ? "https" : "http", store->host);
}

/* Whether the URL is of the host that the login is for. */
static bool is_ours(const struct cove__webhdfs *store, const struct cove__buf *url)
{
    struct cove__buf own = COVE__BUF_INIT(LOCATION_MAX);

    add_endpoint(store, &own);
    cove__buf_add_char(&own, '/');
    bool ours = cove__buf_rc(&own) == 0 && strncasecmp(cove__buf_str(url), cove__buf_str(&own), own.size) == 0;
    cove__buf_done(&own);
    return ours;
}

static void write_url(const struct webhdfs_request *r, struct cove__buf *url)
{
    const struct cove__webhdfs *store = r->store;

    if (r->location.size > 0) {
        cove__buf_add_slice(url, cove__buf_slice(&r->location));
        return;
    }
    add_endpoint(store, url);
    cove__buf_add_str(url, store->base);
    cove__uri_encode(url, cove__slice_str(r->path), true);
    cove__buf_addf(url, "?%s", cove__buf_str(&r->query));
    if (store->login.size > 0)
        cove__buf_addf(url, "&%s", cove__buf_str(&store->login));
}

static int prepare(void *self, struct cove__http_request *http, struct cove_error *err)
{
    struct webhdfs_request *r = self;

    if (r->begun && !r->follows) {
        cove__buf_reset(&r->location);
        r->redirects = 0;
        if (r->repeat)
            r->repeat(r);
    }
    r->begun = true;
    r->follows = false;
    write_url(r, &http->url);
    http->method = r->method;
    http->has_body = r->sends && r->location.size > 0;
    http->body = http->has_body ? r->data : (struct cove__slice){ 0 };
    if (http->has_body)
        cove__header_append(&http->headers, "Content-Type", cove__slice_str("application/octet-stream"));
    if (r->store->authorization.size > 0 && is_ours(r->store, &http->url))
        cove__header_append(&http->headers, "Authorization", cove__buf_slice(&r->store->authorization));
    if (cove__buf_rc(&r->query) < 0)
        return cove__webhdfs_fail(r, err, cove__buf_rc(&r->query), "the request cannot be made: %s",
                                  cove_code_phrase(cove__buf_rc(&r->query)));
    return 0;
}

/* ---- after it ---- */

int cove__webhdfs_fail(const struct webhdfs_request *r, struct cove_error *err, int code, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    cove__fail(err, code, "%s %s: %s", r->http.op.ctx.op, r->http.op.ctx.url, text);
    cove__error_store_code(err, r->code);
    return code;
}

int cove__webhdfs_unreadable(const struct webhdfs_request *r, struct cove_error *err, int rc)
{
    return cove__webhdfs_fail(
        r, err, rc, "the response is not one of WebHDFS: check host, port and base_path (HTTP %d)", r->http.status);
}

/* False: it is no redirect. */
static bool follow(struct webhdfs_request *r, enum cove__http_verdict *ret_verdict, struct cove_error *err)
{
    int status = r->http.status;
    struct cove__slice to;

    if ((status != 307 && status != 302 && status != 301 && status != 308) ||
        !cove__header_value(cove__buf_slice(&r->http.response_headers), "location", &to))
        return false;
    cove__buf_reset(&r->location);
    cove__buf_add_slice(&r->location, to);
    bool tls = strncasecmp(cove__buf_str(&r->location), "https://", 8) == 0;
    bool plain = strncasecmp(cove__buf_str(&r->location), "http://", 7) == 0;
    int rc = cove__buf_rc(&r->location);
    if (rc < 0 || (!tls && !plain) || ++r->redirects > REDIRECTS_MAX)
        rc = cove__webhdfs_fail(r, err, COVE_EPROTOCOL, "the server redirects to an address that cannot be used");
    else if (r->store->tls && !tls)
        rc = cove__webhdfs_fail(r, err, COVE_EPROTOCOL,
                                "the server redirects from https:// to http://, where the login would be readable");
    r->follows = rc == 0;
    *ret_verdict = rc < 0 ? COVE__HTTP_FAIL : COVE__HTTP_CONTINUE;
    return true;
}

static enum cove__http_verdict accept(struct webhdfs_request *r, struct cove_error *err)
{
    int rc = r->accept ? r->accept(r, err) : 0;

    if (rc == 0)
        return r->follows ? COVE__HTTP_CONTINUE : COVE__HTTP_ACCEPT;
    return rc == COVE_EPROTOCOL || (err && err->retryable) ? COVE__HTTP_RETRY : COVE__HTTP_FAIL;
}

/* A refusal without an exception: of a login page, a proxy, or a web server at another address. */
static bool classify_bare(const struct webhdfs_request *r, struct cove_error *err)
{
    int status = r->http.status;
    const char *text = "the server refused";

    if (status == 401)
        text = r->store->o.token || r->store->o.password
                   ? "the login was refused: check the token, or user and password"
                   : "the server requires a login: set the option token to a delegation token, or user and password "
                     "for a gateway";
    else if (status == 404 || status == 405)
        text = "the server is not WebHDFS: check host, port and base_path";
    cove__http_error(&r->http, status, text, err);
    if (status == 404 || status == 405)
        err->code = COVE_EPROTOCOL;
    return err->retryable;
}

/* Fills err and r->code; true: another attempt may help. */
static bool classify(struct webhdfs_request *r, struct cove_error *err)
{
    struct webhdfs_error_body body;

    cove__webhdfs_read_error(cove__buf_slice(&r->http.response), &body);
    snprintf(r->code, sizeof r->code, "%s", body.name);
    if (body.name[0] == '\0')
        return classify_bare(r, err);
    const struct webhdfs_exception *known = cove__webhdfs_exception(body.name);
    char text[400];
    if (known && known->code == COVE_ENOTFOUND)
        snprintf(text, sizeof text, "%s", known->text);
    else
        snprintf(text, sizeof text, "%s: %s", known ? known->text : body.name, body.message);
    cove__http_error(&r->http, r->http.status, text, err);
    err->code = known ? known->code : COVE_ESERVER;
    err->retryable = known ? known->retry : cove__status_retry(r->http.status);
    cove__error_store_code(err, r->code);
    return err->retryable;
}

static enum cove__http_verdict inspect(void *self, struct cove__http_request *http, struct cove_error *err)
{
    struct webhdfs_request *r = self;
    enum cove__http_verdict verdict;
    bool good = http->status >= 200 && http->status < 300;

    r->code[0] = '\0';
    if (http->status < 500)
        r->answered++;
    if (follow(r, &verdict, err))
        return verdict;
    if (good)
        return accept(r, err);
    bool retry = classify(r, err);
    if (r->learns && r->learns(r)) {
        r->follows = true;
        return COVE__HTTP_AGAIN;
    }
    return retry ? COVE__HTTP_RETRY : COVE__HTTP_FAIL;
}

/* Bytes of a broken response stay: an operation that reads checks afterwards that the file is still the same. */
static int64_t keep(void *self, struct cove__http_request *http)
{
    return http->status >= 200 && http->status < 300 ? http->kept + http->received : http->kept;
}

static void done(void *self, struct cove__http_request *http)
{
    struct webhdfs_request *r = self;

    r->done(r);
}

static const struct cove__http_hooks waited_for = { .prepare = prepare, .inspect = inspect, .keep = keep };
static const struct cove__http_hooks asynchronous = {
    .prepare = prepare, .inspect = inspect, .keep = keep, .done = done
};

/* ---- making and running ---- */

void cove__webhdfs_request_init(struct webhdfs_request *r, struct cove__webhdfs *store, const struct cove__ctx *ctx)
{
    *r = (struct webhdfs_request){ .store = store };
    cove__http_request_init(&r->http);
    r->http.http = store->http;
    r->http.self = r;
    r->http.op.ctx = *ctx;
    r->http.response_max = RESPONSE_MAX;
    cove__buf_init(&r->query, QUERY_MAX);
    cove__buf_init_secret(&r->location, LOCATION_MAX); /* it has the token */
}

void cove__webhdfs_request_done(struct webhdfs_request *r)
{
    cove__http_request_done(&r->http);
    cove__buf_done(&r->query);
    cove__buf_done(&r->location);
}

void cove__webhdfs_start(struct webhdfs_request *r)
{
    r->http.hooks = &asynchronous;
    cove__http_start(&r->http);
}

int cove__webhdfs_run(struct webhdfs_request *r, struct cove_error *err)
{
    r->http.hooks = &waited_for;
    return cove__http_run(&r->http, err);
}
