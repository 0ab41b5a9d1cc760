/* A request's response: its headers, whether it is the store's, and its errors in words. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "fs/object/foreign.h"
#include "fs/object/object.h"
#include "net/header.h"
#include "net/status.h"

/* ---- the response ---- */

bool cove__object_response_header(const struct cove__object_request *r, const char *name, char out[COVE__HEADER_MAX])
{
    return cove__http_header(&r->http, name, out, COVE__HEADER_MAX);
}

bool cove__object_response_version(const struct cove__object_request *r, char out[COVE__HEADER_MAX])
{
    const char *header = r->store->ops->headers.version;
    char text[COVE__HEADER_MAX] = "";

    cove__object_response_header(r, header, text);
    if (strcmp(header, "etag") == 0)
        cove__object_etag(cove__slice_str(text), out, COVE__HEADER_MAX);
    else
        memcpy(out, text, sizeof text);
    return out[0] != '\0'; /* a header that a proxy has emptied is as good as none */
}

int64_t cove__object_response_number(const struct cove__object_request *r, const char *name)
{
    char text[COVE__HEADER_MAX], *end;

    if (!cove__object_response_header(r, name, text) || text[0] < '0' || text[0] > '9')
        return -1;
    long long v = strtoll(text, &end, 10);
    return *end == '\0' && v >= 0 && v <= COVE__OBJECT_SIZE_MAX ? v : -1;
}

int64_t cove__object_response_time(const struct cove__object_request *r)
{
    char date[COVE__HEADER_MAX];

    return cove__object_response_header(r, "date", date) ? cove__parse_http_date(date) : -1;
}

int cove__object_accept_empty(struct cove__object_request *r, struct cove_error *err)
{
    if (r->http.response.size == 0)
        return 0;
    return cove__object_fail(r, err, COVE_EPROTOCOL,
                             "the response has a body, so it is not from the store: check the endpoint and any proxy");
}

/* ---- messages ---- */

int cove__object_fail(const struct cove__object_request *r, struct cove_error *err, int code, const char *format, ...)
{
    char text[768];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    cove__fail(err, code, "%s %s: %s", r->http.op.ctx.op, r->http.op.ctx.url, text);
    cove__error_store_code(err, r->code);
    return code;
}

bool cove__object_may_make_bucket(const struct cove__object_request *r)
{
    static const char *const ops[] = { "write", "append", "save", "mkdir" };
    const char *op = r->http.op.ctx.op, *method = r->http.method;

    if (strcmp(op, "copy") == 0 || strcmp(op, "move") == 0)
        return strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0; /* those ask for the source */
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        if (strcmp(op, ops[i]) == 0)
            return true;
    }
    return false;
}

void cove__object_error_response(const struct cove__object_request *r, struct cove_error *err)
{
    if (!err)
        return;
    err->http_status = r->http.status;
    cove__error_store_code(err, r->code);
}

int cove__object_unreadable(const struct cove__object_request *r, struct cove_error *err, int rc, const char *what)
{
    const char *problem = cove__object_foreign(r->store->ops->format, cove__buf_slice(&r->http.response));

    if (rc != COVE_EPROTOCOL || !problem)
        return cove__object_fail(r, err, rc, "%s cannot be read: %s", what, cove_code_phrase(rc));
    return cove__object_fail(r, err, rc,
                             "%s cannot be read: %s, so it is not from the store: check the endpoint and any proxy",
                             what, problem);
}

/* ---- refusals by another server ---- */

static void note(struct cove__object_request *r, struct cove_error *err)
{
    r->refusal = COVE__REFUSED_BY_ANOTHER;
    err->http_status = r->http.status;
    err->retryable = false;
}

/* True: it leads to another address. The store's own has a code, too. */
static bool is_redirect(struct cove__object_request *r, char *location)
{
    int status = r->http.status;

    return (status == 301 || status == 302 || status == 303 || status == 307 || status == 308) &&
           cove__object_response_header(r, "location", location);
}

/* Of a refusal without a code. HEAD's have no body, and those of a few stores' other requests; but a store names the
 * bucket that a listing lacks. */
static bool is_from_store(const struct cove__object_request *r)
{
    const struct cove__object_ops *ops = r->store->ops;
    bool listing = r->name.key.size == 0 && strcmp(r->http.method, "GET") == 0;

    if (r->http.response.size == 0 && !(listing && r->http.status == 404) && !ops->marks_responses)
        return true;
    return ops->is_from_store && ops->is_from_store(r);
}

/* The status means the same, from whatever server it comes. With another status, another server shows nothing of the
 * store: least of all that an object is missing. */
static bool is_clear(int status)
{
    return status == 405 || status == 409 || status == 412 || status == 413 || status == 416;
}

void cove__object_look_for_another(struct cove__object_request *r, struct cove_error *err)
{
    struct cove__slice url = cove__object_endpoint_of(cove__buf_slice(&r->http.url));
    int status = r->http.status, n = (int)url.size;
    char text[COVE__HEADER_MAX];

    if (status == 407) {
        cove__http_error(&r->http, status, "", err);
        note(r, err);
    } else if (is_redirect(r, text)) {
        text[strcspn(text, "?#")] = '\0'; /* a query may be a secret */
        cove__object_fail(r, err, COVE_EPROTOCOL,
                          "redirected to %s, which is not followed: check the endpoint %.*s and any proxy (HTTP %d)",
                          text, n, (const char *)url.data, status);
        note(r, err);
    } else if (status >= 300 && status < 500 && !cove__status_retry(status) && !is_from_store(r) &&
               !cove__http_wants_tls(&r->http, status)) {
        int code = is_clear(status) ? err->code : COVE_EPROTOCOL;

        cove__object_body_text(cove__buf_slice(&r->http.response), text);
        cove__object_fail(r, err, code,
                          "the response is not from the store: check the endpoint %.*s and any proxy (HTTP %d, %s)", n,
                          (const char *)url.data, status, text);
        note(r, err);
    }
}
