/*
 * Runs one request: the backend's headers and signature before each attempt, what the response means after it. net/http
 * calls prepare and inspect on its loops.
 */
#include "fs/object/request.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "fs/object/known.h"
#include "fs/object/object.h"
#include "fs/object/virtual.h"
#include "net/header.h"
#include "wire/crc.h"
#include "wire/digest.h"

#define QUERY_MAX   ((size_t)32 << 10)
#define EXTRA_MAX   ((size_t)64 << 10)
#define SKEW_MIN_NS (240 * COVE__SEC) /* what a store would refuse is 15 minutes */

/* ---- before an attempt ---- */

int cove__object_request_rc(const struct cove__object_request *r)
{
    return cove__buf_rc(&r->query) < 0 ? cove__buf_rc(&r->query) : cove__buf_rc(&r->extra);
}

static int prepare(void *self, struct cove__http_request *http, struct cove_error *err)
{
    struct cove__object_request *r = self;
    int rc = cove__object_request_rc(r);

    r->code[0] = '\0'; /* a failure from here on is not the last response's */
    r->attempt_conditional = false;
    if (rc < 0) /* what is missing may be a condition or a prefix */
        return cove__object_fail(r, err, rc, "the request cannot be made: %s", cove_code_phrase(rc));
    return r->store->ops->prepare(r, err);
}

void cove__object_add_headers(struct cove__object_request *r, struct cove__buf *headers)
{
    cove__buf_add_slice(headers, cove__buf_slice(&r->extra));
    if (r->add_headers != NULL)
        r->add_headers(r, headers);
}

/* ---- after an attempt ---- */

/* True: the store's clock was found to be far from what we signed with, and is followed from now on. */
static bool learns_clock(struct cove__object_request *r)
{
    struct cove__object_store *store = r->store;
    char date[COVE__HEADER_MAX];

    if (r->http.status != 403 || !cove__object_response_header(r, "date", date))
        return false;
    int64_t theirs = cove__parse_http_date(date), ours = cove__wall_ns();
    if (theirs < 0)
        return false;
    cove__lock();
    int64_t wrong_by = theirs - (ours + store->clock_skew_ns);
    bool far = wrong_by > SKEW_MIN_NS || wrong_by < -SKEW_MIN_NS;
    if (far)
        store->clock_skew_ns = theirs - ours;
    cove__unlock();
    return far;
}

/* Remembers what a successful request shows: the bucket is there, and the object, if it was read or written. */
static void remember(struct cove__object_request *r)
{
    struct cove__object_name name = r->name;

    if (!r->whole_bucket || strcmp(r->http.method, "DELETE") != 0)
        cove__object_remember_bucket(r->store, name.bucket);
    if (r->effect != COVE__EFFECT_NONE && name.key.size > 0) {
        const char *path = (const char *)name.bucket.data;
        size_t length = (size_t)(name.key.data + name.key.size - name.bucket.data);

        cove__virtual_end(r->store, path, length);
        if (r->effect == COVE__EFFECT_MADE)
            cove__virtual_forget(r->store, path, length);
    }
}

/* A request that changes something may meet another change; one that reads can only ask for a version. */
static bool has_condition(const struct cove__object_request *r)
{
    return r->conditional || r->attempt_conditional ||
           (strcmp(r->http.method, "GET") != 0 && strcmp(r->http.method, "HEAD") != 0);
}

static enum cove__http_verdict accept(struct cove__object_request *r, struct cove_error *err)
{
    r->code[0] = '\0';
    r->refusal = COVE__REFUSED_OTHER;
    if (r->checksum_refused && !r->is_head) /* whose refusals say nothing */
        cove__object_learn_missing(r, COVE__CRC32C);
    r->again = false;
    int rc = r->accept != NULL ? r->accept(r, err) : 0;
    if (rc == 0 && r->again)
        return COVE__HTTP_AGAIN;
    if (rc == 0) {
        remember(r);
        return COVE__HTTP_ACCEPT;
    }
    bool retry = rc == COVE_EPROTOCOL || rc == COVE_ECORRUPT || err->retryable;
    return retry ? COVE__HTTP_RETRY : COVE__HTTP_FAIL;
}

static enum cove__http_verdict refuse(struct cove__object_request *r, struct cove_error *err)
{
    const struct cove__object_ops *ops = r->store->ops;
    int status = r->http.status;

    r->refusals += status >= 400 && status < 500;
    if (learns_clock(r) || (ops->learns != NULL && ops->learns(r)))
        return COVE__HTTP_AGAIN;
    if (r->http.kept > 0 && (status == 412 || status == 416)) {
        r->http.kept = 0; /* another object stands there now: from the start, if the caller takes any */
        return COVE__HTTP_AGAIN;
    }
    bool retry = ops->classify(r, err);
    cove__error_store_code(err, r->code);
    if (err->code == COVE_EPRECONDITION && !has_condition(r))
        err->code = COVE_ESERVER; /* the store's own conflict: no other version has been seen */
    r->refusals += status >= 500 && err->code == COVE_ETHROTTLED;
    if (ops->credentials_refused != NULL && ops->credentials_refused(r))
        return COVE__HTTP_AGAIN;
    return retry ? COVE__HTTP_RETRY : COVE__HTTP_FAIL;
}

static enum cove__http_verdict inspect(void *self, struct cove__http_request *http, struct cove_error *err)
{
    struct cove__object_request *r = self;
    const struct cove__object_ops *ops = r->store->ops;
    bool good = http->status >= 200 && http->status < 300;
    enum cove__http_verdict verdict;

    if (ops->response != NULL && ops->response(r, &verdict, err))
        return verdict;
    if (good && r->error_in_200 && ops->holds_error != NULL && ops->holds_error(r))
        good = false;
    return good ? accept(r, err) : refuse(r, err);
}

static int64_t keep(void *self, struct cove__http_request *http)
{
    struct cove__object_request *r = self;
    return r->keep != NULL ? r->keep(r) : 0;
}

static void done(void *self, struct cove__http_request *http)
{
    struct cove__object_request *r = self;
    r->done(r);
}

static const struct cove__http_hooks waited_for = { .prepare = prepare, .inspect = inspect, .keep = keep };
static const struct cove__http_hooks asynchronous = {
    .prepare = prepare, .inspect = inspect, .keep = keep, .done = done
};

/* ---- making and running ---- */

void cove__object_request_init(struct cove__object_request *r, struct cove__object_store *store, const char *method,
                               struct cove__object_name name, const struct cove__ctx *ctx)
{
    *r = (struct cove__object_request){ .store = store, .name = name, .is_head = strcmp(method, "HEAD") == 0 };
    cove__http_request_init(&r->http);
    r->http.http = store->http;
    r->http.method = method;
    r->http.self = r;
    r->http.op.ctx = *ctx;
    cove__buf_init(&r->query, QUERY_MAX);
    cove__buf_init(&r->extra, EXTRA_MAX);
    if (store->ops->request_init != NULL)
        store->ops->request_init(r);
}

void cove__object_request_done(struct cove__object_request *r)
{
    cove__http_request_done(&r->http);
    if (r->store->ops->request_done != NULL)
        r->store->ops->request_done(r);
    cove__buf_done(&r->query);
    cove__buf_done(&r->extra);
}

void cove__object_header(struct cove__object_request *r, const char *name, const char *format, ...)
{
    struct cove__buf value = COVE__BUF_INIT(EXTRA_MAX);
    va_list args;

    va_start(args, format);
    cove__buf_vaddf(&value, format, args);
    va_end(args);
    if (cove__buf_rc(&value) < 0 && r->extra.rc == 0)
        r->extra.rc = cove__buf_rc(&value);
    cove__header_append(&r->extra, name, cove__buf_slice(&value));
    cove__buf_done(&value);
}

bool cove__object_use_md5(struct cove__object_request *r)
{
    if (r->md5[0] == '\0' && cove__md5_base64(r->http.body, r->md5) < 0)
        r->md5[0] = '\0';
    return r->md5[0] != '\0';
}

void cove__object_body(struct cove__object_request *r, struct cove__slice body, enum cove__checksum_kind checksum)
{
    r->http.body = body;
    r->http.has_body = true;
    r->checksum = checksum;
    if (checksum == COVE__CHECKSUM_CRC32C)
        r->crc32c = cove__crc32c(0, body.data, body.size);
    if (r->store->ops->body != NULL)
        r->store->ops->body(r);
}

void cove__object_start(struct cove__object_request *r)
{
    r->http.hooks = &asynchronous;
    cove__http_start(&r->http);
}

void cove__object_start_in(struct cove__object_request *r, struct cove__inbox *inbox)
{
    r->http.hooks = &waited_for;
    r->http.op.inbox = inbox;
    cove__http_start(&r->http);
}

int cove__object_run(struct cove__object_request *r, struct cove_error *err)
{
    r->http.hooks = &waited_for;
    return cove__http_run(&r->http, err);
}

bool cove__object_refuses_operation(const struct cove__object_request *r)
{
    const struct cove__object_ops *ops = r->store->ops;

    return ops->refuses_operation != NULL && ops->refuses_operation(r);
}

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
    return out[0] != '\0'; /* a header that a proxy has emptied says nothing of the object */
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
    int64_t told_ns = cove__object_response_header(r, "date", date) ? cove__parse_http_date(date) : -1;

    return told_ns >= 0 ? told_ns : cove__object_now(r->store);
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

void cove__object_error_response(const struct cove__object_request *r, struct cove_error *err)
{
    if (err == NULL)
        return;
    err->http_status = r->http.status;
    cove__error_store_code(err, r->code);
}

#define BEGIN 512 /* bytes of a response, in which a page of HTML says what it is */

bool cove__object_is_html(struct cove__slice body)
{
    char text[BEGIN + 1];
    size_t n = 0;

    for (; n < BEGIN && n < body.size && body.data[n] != '\0'; n++)
        text[n] = (char)tolower(body.data[n]);
    text[n] = '\0';
    return strstr(text, "<html") != NULL || strstr(text, "<!doctype html") != NULL;
}

static bool is_xml(struct cove__slice body)
{
    size_t i = body.size >= 3 && memcmp(body.data, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;

    while (i < body.size && isspace(body.data[i]))
        i++;
    return i < body.size && body.data[i] == '<';
}

int cove__object_unreadable(const struct cove__object_request *r, struct cove_error *err, int rc, const char *what)
{
    struct cove__slice body = cove__buf_slice(&r->http.response);
    const char *problem = cove__object_is_html(body)            ? "the response is a page of HTML"
                          : r->store->ops->xml && !is_xml(body) ? "the response is not XML"
                                                                : NULL;

    if (rc != COVE_EPROTOCOL || problem == NULL)
        return cove__object_fail(r, err, rc, "%s cannot be read: %s", what, cove_code_phrase(rc));
    return cove__object_fail(r, err, rc,
                             "%s cannot be read: %s, so it is not from the store: check the endpoint and any proxy",
                             what, problem);
}
