/*
 * Runs one request: the backend's headers and signature before each attempt, what the response means after it. net/http
 * calls prepare and inspect on its loops.
 */
#include "fs/object/request.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "auth/provider.h"
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

static int prepare_secret(struct cove__object_request *r, struct cove_error *err)
{
    cove__buf_add_str(&r->http.url, r->secret_url);
    cove__object_add_headers(r, &r->http.headers);
    int rc = cove__buf_rc(&r->http.url) < 0 ? cove__buf_rc(&r->http.url) : cove__buf_rc(&r->http.headers);
    return rc < 0 ? cove__object_fail(r, err, rc, "the request cannot be made: %s", cove_code_phrase(rc)) : 0;
}

static int prepare(void *self, struct cove__http_request *http, struct cove_error *err)
{
    struct cove__object_request *r = self;

    if (r->renew)
        r->renew(r);
    int rc = cove__object_request_rc(r);
    assert(r->store->known && r->store->http); /* the backend's open makes both */
    r->code[0] = '\0';                         /* a failure from here on is not the last response's */
    r->attempt_conditional = false;
    if (rc < 0) /* what is missing may be a condition or a prefix */
        return cove__object_fail(r, err, rc, "the request cannot be made: %s", cove_code_phrase(rc));
    rc = r->secret_url ? prepare_secret(r, err) : r->store->ops->prepare(r, err);
    if (rc != COVE__CREDENTIALS_UNCHANGED)
        return rc;
    struct cove_error why = *err;         /* code 0: the source gave the same ones again */
    cove__error_copy(err, &http->op.err); /* the refusal stands */
    if (why.code < 0)
        cove__error_add(err, "; no other credentials could be had: %s", why.message);
    snprintf(r->code, sizeof r->code, "%s", err->store_code);
    return err->code;
}

void cove__object_add_headers(struct cove__object_request *r, struct cove__buf *headers)
{
    cove__buf_add_slice(headers, cove__buf_slice(&r->extra));
    if (r->add_headers)
        r->add_headers(r, headers);
}

/* ---- after an attempt ---- */

/* True: the store's clock was found to be far from what we signed with, and is followed from now on. */
static bool learns_clock(struct cove__object_request *r)
{
    struct cove__object_store *store = r->store;
    char date[COVE__HEADER_MAX];

    if (!store->ops->signs_time || r->http.status != 403 || !cove__object_response_header(r, "date", date))
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

static bool is_read(const struct cove__object_request *r)
{
    return strcmp(r->http.method, "GET") == 0 || strcmp(r->http.method, "HEAD") == 0;
}

/* The refusal of a request that changes something may be of a concurrent change; one that reads can only ask for a
 * version. */
static bool has_condition(const struct cove__object_request *r)
{
    return r->conditional || r->attempt_conditional || !is_read(r);
}

/* A proxy, a login page or a gateway can say that something is done which the store has never seen. */
static int check_origin(const struct cove__object_request *r, struct cove_error *err)
{
    const struct cove__object_ops *ops = r->store->ops;

    if (!ops->marks_responses || is_read(r) || ops->is_from_store(r))
        return 0;
    return cove__object_fail(r, err, COVE_EPROTOCOL,
                             "the response is not from the store: check the endpoint and any proxy (HTTP %d)",
                             r->http.status);
}

/* One that is too long to be kept must not count as absent: what follows would be without its condition. */
static int check_versions(const struct cove__object_request *r, struct cove_error *err)
{
    const struct cove__object_headers *headers = &r->store->ops->headers;
    const char *const names[] = { headers->version, headers->version_id };
    struct cove__slice value;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i] && cove__header_value(cove__buf_slice(&r->http.response_headers), names[i], &value) &&
            value.size >= COVE__HEADER_MAX)
            return cove__object_fail(r, err, COVE_ELIMIT,
                                     "the response's header %s has %zu bytes, and at most %d are supported", names[i],
                                     value.size, COVE__HEADER_MAX - 1);
    }
    return 0;
}

static enum cove__http_verdict accept(struct cove__object_request *r, struct cove_error *err)
{
    r->code[0] = '\0';
    r->refusal = COVE__REFUSED_OTHER;
    if (r->checksum_refused && !r->is_head) /* a HEAD's refusal has no body */
        cove__object_learn_missing(r, COVE__CRC32C);
    r->again = r->continues = false;
    int rc = check_origin(r, err);
    if (rc == 0)
        rc = check_versions(r, err);
    if (rc == 0 && r->accept)
        rc = r->accept(r, err);
    if (rc == 0 && r->again)
        return COVE__HTTP_AGAIN;
    if (rc == 0 && r->continues)
        return COVE__HTTP_CONTINUE;
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

    r->refusals += (status >= 400 && status < 500) || status == 501;
    if (learns_clock(r) || (ops->learns && ops->learns(r)))
        return COVE__HTTP_AGAIN;
    if (r->http.kept > 0 && (status == 412 || status == 416)) {
        r->http.kept = 0; /* it is another object now: read from the start, if the caller accepts any version */
        return COVE__HTTP_AGAIN;
    }
    bool retry = ops->classify(r, err);
    if (r->code[0] == '\0' && !retry)
        cove__object_look_for_another(r, err);
    cove__error_store_code(err, r->code);
    /* What is missing is not what the caller has asked for: as "not found" it would be taken for that. */
    if (r->refusal == COVE__REFUSED_NO_UPLOAD && err->code == COVE_ENOTFOUND)
        err->code = COVE_ESERVER;
    if (err->code == COVE_EPRECONDITION && !has_condition(r))
        err->code = COVE_ESERVER; /* the store's own conflict: no other version has been seen */
    /* Without a code it may be of a load balancer, which did not wait for the store to end. */
    r->refusals += status >= 500 && err->code == COVE_ETHROTTLED && r->code[0] != '\0';
    if (ops->credentials_refused && ops->credentials_refused(r))
        return COVE__HTTP_AGAIN;
    return retry ? COVE__HTTP_RETRY : COVE__HTTP_FAIL;
}

static enum cove__http_verdict inspect(void *self, struct cove__http_request *http, struct cove_error *err)
{
    struct cove__object_request *r = self;
    const struct cove__object_ops *ops = r->store->ops;
    enum cove__http_verdict verdict;

    if (!ops->headers.keeps_case)
        cove__header_lower_names(&http->response_headers);
    if (ops->response && ops->response(r, &verdict, err))
        return verdict;
    bool good = (http->status >= 200 && http->status < 300) || (http->status > 0 && http->status == r->good_status);
    if (good && r->error_in_200 && ops->holds_error && ops->holds_error(r))
        good = false;
    return good ? accept(r, err) : refuse(r, err);
}

static int64_t keep(void *self, struct cove__http_request *http)
{
    struct cove__object_request *r = self;
    return r->keep ? r->keep(r) : 0;
}

static bool repeats(void *self, const struct cove__http_request *http)
{
    const struct cove__object_request *r = self;
    return !r->looks_before_repeat || !cove__object_may_be_done(r);
}

static void done(void *self, struct cove__http_request *http)
{
    struct cove__object_request *r = self;
    r->done(r);
}

static const struct cove__http_hooks waited_for = {
    .prepare = prepare, .inspect = inspect, .keep = keep, .repeats = repeats
};
static const struct cove__http_hooks asynchronous = {
    .prepare = prepare, .inspect = inspect, .keep = keep, .repeats = repeats, .done = done
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
    cove__buf_init_secret(&r->query, QUERY_MAX);
    cove__buf_init_secret(&r->extra, EXTRA_MAX);
    if (store->ops->request_init)
        store->ops->request_init(r);
}

void cove__object_request_done(struct cove__object_request *r)
{
    cove__http_request_done(&r->http);
    if (r->store->ops->request_done)
        r->store->ops->request_done(r);
    cove__buf_done(&r->query);
    cove__buf_done(&r->extra);
}

void cove__object_header(struct cove__object_request *r, const char *name, const char *format, ...)
{
    struct cove__buf value = COVE__BUF_SECRET(EXTRA_MAX);
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
    cove__object_body_summed(r, body, checksum, NULL);
}

void cove__object_body_summed(struct cove__object_request *r, struct cove__slice body,
                              enum cove__checksum_kind checksum, const uint32_t *crc32c)
{
    r->http.body = body;
    r->http.has_body = true;
    r->checksum = checksum;
    if (checksum == COVE__CHECKSUM_CRC32C)
        r->crc32c = crc32c ? *crc32c : cove__crc32c(0, body.data, body.size);
    if (r->store->ops->body)
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

bool cove__object_may_be_done(const struct cove__object_request *r)
{
    return r->http.sends > r->refusals;
}

bool cove__object_refuses_operation(const struct cove__object_request *r)
{
    const struct cove__object_ops *ops = r->store->ops;

    return ops->refuses_operation && ops->refuses_operation(r);
}
