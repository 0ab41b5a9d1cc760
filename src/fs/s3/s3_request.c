/*
 * One request to the store: its URL, headers and signature before each attempt, the verdict after it. Operations fill a
 * s3_request; net/http calls prepare and inspect on its loops.
 */
#include "fs/s3/s3.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/head.h"
#include "wire/crc.h"
#include "wire/digest.h"
#include "wire/uri.h"

#define QUERY_MAX   ((size_t)32 << 10)
#define EXTRA_MAX   ((size_t)64 << 10)
#define SKEW_MIN_NS (240 * COVE__SEC) /* what the store would refuse is 15 minutes */

/* ---- regions, learned from redirects ---- */

static void region_of(struct cove__s3 *s3, struct cove__slice bucket, char out[64])
{
    const char *region = s3->region;

    cove__lock();
    for (size_t i = 0; i < s3->n_regions; i++) {
        if (cove__slice_is(bucket, s3->regions[i].bucket))
            region = s3->regions[i].region;
    }
    snprintf(out, 64, "%s", region);
    cove__unlock();
}

/* True: it is news. A full table forgets its first row. */
static bool learn_region(struct cove__s3 *s3, struct cove__slice bucket, const char *region)
{
    char *name = cove__strndup((const char *)bucket.data, bucket.size), *value = cove__strdup(region);
    char *old_name = name, *old_value = value;

    if (name != NULL && value != NULL) {
        cove__lock();
        size_t i = 0;
        while (i < s3->n_regions && !cove__slice_is(bucket, s3->regions[i].bucket))
            i++;
        if (i == S3_REGIONS_MAX)
            i = 0;
        old_name = i < s3->n_regions ? s3->regions[i].bucket : NULL;
        old_value = i < s3->n_regions ? s3->regions[i].region : NULL;
        s3->regions[i] = (struct s3_region){ name, value };
        if (i == s3->n_regions)
            s3->n_regions++;
        cove__unlock();
    }
    bool learned = old_name != name;
    cove__free(old_name);
    cove__free(old_value);
    return learned;
}

static bool plausible_region(const char *region)
{
    size_t n = strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return n > 0 && n < 64 && region[n] == '\0';
}

/* ---- before an attempt ---- */

/* The URL's path, which is what is signed. */
static int add_path(const struct s3_address *to, struct cove__slice key, struct cove__buf *path)
{
    cove__buf_add_str(path, to->path);
    if (to->ends_in_bucket && key.size > 0)
        cove__buf_add_char(path, '/');
    return cove__uri_encode(path, key, true);
}

static struct cove__provider *provider_of(const struct cove__object_request *r)
{
    return r->session != NULL ? r->session->provider : r->s3->provider;
}

/* Who signs: the session of a directory bucket, or the filesystem's own keys; NULL where nothing is signed. As
 * cove__provider_get. */
static int get_keys(struct cove__object_request *r, const struct s3_address *to, bool wait,
                    struct cove__credentials **ret, struct cove_error *err)
{
    struct cove__s3 *s3 = r->s3;
    bool by_session = to->directory && !r->own_keys && !r->whole_bucket && !s3->no_sessions;

    if (to->directory && s3->provider == NULL)
        return cove__fail(err, COVE_EINVAL, "a directory bucket takes signed requests only, so none with anon=true");
    if (by_session && r->session == NULL) {
        int rc = cove__s3_session_get(s3, r->name.bucket, &r->session, err);
        if (rc < 0)
            return rc;
    }
    return s3->provider != NULL ? cove__provider_get(provider_of(r), wait ? &r->http : NULL, &r->keys, ret, err) : 0;
}

int cove__s3_target_of(struct cove__object_request *r, bool wait, struct s3_target *ret, struct cove_error *err)
{
    struct cove__s3 *s3 = r->s3;
    struct cove_error why = COVE_ERROR_INIT;

    *ret = (struct s3_target){ .path = COVE__BUF_INIT(8192) };
    region_of(s3, r->name.bucket, r->region);
    int rc = cove__s3_endpoint(&s3->rules, r->name.bucket, r->whole_bucket, r->region, &ret->to, &why);
    if (rc == 0)
        rc = get_keys(r, &ret->to, wait, &ret->credentials, &why);
    if (rc < 0)
        cove__object_fail(r, err, rc, "%s", why.message);
    if (rc != 0)
        return rc;
    memcpy(r->region, ret->to.region, sizeof r->region);
    r->fixed_region = ret->to.fixed_region;
    rc = cove__buf_rc(&r->query) < 0 ? cove__buf_rc(&r->query) : cove__buf_rc(&r->extra);
    if (rc == 0)
        rc = add_path(&ret->to, r->name.key, &ret->path);
    if (rc < 0)
        cove__object_fail(r, err, rc, "the request cannot be made: %s", cove_code_phrase(rc));
    return rc;
}

void cove__s3_target_done(struct s3_target *aim)
{
    cove__credentials_unref(aim->credentials);
    cove__buf_done(&aim->path);
}

struct cove__sigv4_request cove__s3_to_sign(const struct cove__object_request *r, const struct s3_target *aim)
{
    cove__lock();
    int64_t now_ns = cove__wall_ns() + r->s3->clock_skew_ns;
    cove__unlock();
    const struct cove__aws_credentials *keys = cove__aws_credentials_get(aim->credentials);
    return (struct cove__sigv4_request){ .key_id = keys->key_id,
                                         .secret = keys->secret,
                                         .region = aim->to.region,
                                         .service = aim->to.service,
                                         .method = r->http.method,
                                         .path = cove__buf_str(&aim->path),
                                         .query = cove__buf_str(&r->query),
                                         .payload_hash = r->payload_hash,
                                         .wall_ns = now_ns };
}

struct cove__sigv4_cache *cove__s3_signing(struct cove__object_request *r)
{
    return r->session != NULL ? &r->session->signing : &r->s3->signing;
}

static int sign(struct cove__object_request *r, const struct s3_target *aim, struct cove__buf *headers)
{
    struct cove__sigv4_request v4 = cove__s3_to_sign(r, aim);
    const char *token = cove__aws_credentials_get(aim->credentials)->token;
    char time[17];

    cove__format_iso8601_basic(v4.wall_ns, time);
    cove__buf_addf(headers, "x-amz-date: %s\nx-amz-content-sha256: %s\n", time, r->payload_hash);
    if (token != NULL)
        cove__head_line(headers, r->session != NULL ? "x-amz-s3session-token" : "x-amz-security-token",
                        cove__slice_str(token));
    if (cove__buf_rc(headers) < 0)
        return cove__buf_rc(headers);
    return cove__sigv4_sign(&v4, cove__s3_signing(r), headers);
}

static int prepare(void *self, struct cove__http_request *http, struct cove_error *err)
{
    struct cove__object_request *r = self;
    struct s3_target aim;

    if (r->why != S3_REASON_UNKNOWN)
        http->method = r->why == S3_REASON_ASKING ? "GET" : "HEAD";
    http->head_suffices = r->why == S3_REASON_ASKING; /* where it is no error, it tells nothing */
    int rc = cove__s3_target_of(r, true, &aim, err);
    if (rc == 0) {
        cove__buf_addf(&http->url, "%s://%s%s", aim.to.scheme, aim.to.host, cove__buf_str(&aim.path));
        if (r->query.size > 0)
            cove__buf_addf(&http->url, "?%s", cove__buf_str(&r->query));
        cove__head_line(&http->headers, "Host", cove__slice_str(aim.to.host));
        if (r->s3->o.requester_pays)
            cove__buf_add_str(&http->headers, "x-amz-request-payer: requester\n");
        cove__buf_add_slice(&http->headers, cove__buf_slice(&r->extra));
        if (r->lines != NULL)
            r->lines(r, &http->headers);
        if (r->why == S3_REASON_ASKING)
            cove__buf_add_str(&http->headers, "Range: bytes=0-0\n");
        cove__s3_add_checksums(r, &http->headers);
        if (aim.credentials != NULL)
            rc = sign(r, &aim, &http->headers);
        if (rc < 0)
            cove__object_fail(r, err, rc, "the request cannot be made: %s", cove_code_phrase(rc));
    }
    cove__s3_target_done(&aim);
    return rc;
}

/* ---- after an attempt ---- */

/* True: the reply tells a region other than the one that was asked, so the same request may succeed there. */
static bool other_region(struct cove__object_request *r)
{
    struct s3_error_body e;
    char region[COVE__HEADER_MAX] = "";
    int status = r->http.status;

    if (status != 301 && status != 307 && status != 400 && status != 403)
        return false;
    if (!cove__object_reply_header(r, "x-amz-bucket-region", region) &&
        cove__s3_read_error(cove__buf_slice(&r->http.reply), &e) == 0 &&
        (status != 403 || strcmp(e.code, "AuthorizationHeaderMalformed") == 0))
        snprintf(region, sizeof region, "%s", e.region);
    if (r->fixed_region || !plausible_region(region) || strcmp(region, r->region) == 0)
        return false;
    cove__log(COVE_LOG_INFO, "s3", "%s: the bucket is in the region %s, not %s", r->http.op.ctx.url, region, r->region);
    return learn_region(r->s3, r->name.bucket, region);
}

/* True: the store's clock was found to be far from what we signed with, and is followed from now on. */
static bool other_clock(struct cove__object_request *r)
{
    struct cove__s3 *s3 = r->s3;
    char date[COVE__HEADER_MAX];

    if (r->http.status != 403 || !cove__object_reply_header(r, "date", date))
        return false;
    int64_t theirs = cove__parse_http_date(date), ours = cove__wall_ns();
    if (theirs < 0)
        return false;
    cove__lock();
    int64_t wrong_by = theirs - (ours + s3->clock_skew_ns);
    bool far = wrong_by > SKEW_MIN_NS || wrong_by < -SKEW_MIN_NS;
    if (far)
        s3->clock_skew_ns = theirs - ours;
    cove__unlock();
    return far;
}

/* True: the store does not take the keys any more, and there may be others. Where a reply has no words, 400 is what
 * Amazon says of a token that has expired. What it says of a session is not documented, so that one is replaced also
 * where its key is unknown or the word is missing. */
static bool keys_refused(struct cove__object_request *r)
{
    static const char *const codes[] = { "ExpiredToken", "InvalidToken", "TokenRefreshRequired", "InvalidTokenId" };
    int status = r->http.status;
    bool wordless = cove__object_is_head(r) && r->code[0] == '\0';
    bool refused = wordless && (status == 400 || (r->session != NULL && (status == 401 || status == 403)));

    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        refused |= strcmp(r->code, codes[i]) == 0;
    if (r->session != NULL)
        refused |= strcmp(r->code, "InvalidAccessKeyId") == 0;
    return refused && provider_of(r) != NULL && cove__provider_invalidate(provider_of(r), &r->keys);
}

/* True: the HEAD's next attempt is the GET that tells why it is refused. */
static bool ask_why(struct cove__object_request *r)
{
    if (!cove__object_is_head(r) || r->why != S3_REASON_UNKNOWN || r->http.status != 400)
        return false;
    r->why = S3_REASON_ASKING;
    return true;
}

static bool holds_error(const struct cove__object_request *r)
{
    struct s3_error_body e;
    return r->error_in_200 && cove__s3_read_error(cove__buf_slice(&r->http.reply), &e) == 0 && e.code[0] != '\0';
}

/* Remembers what a successful request shows: the bucket is there, and the object, if it was read or written. */
static void remember(struct cove__object_request *r)
{
    const char *method = r->http.method, *query = cove__buf_str(&r->query);
    struct cove__object_name name = r->name;
    bool removal = strcmp(method, "DELETE") == 0;
    bool completion = strcmp(method, "POST") == 0 && strncmp(query, "uploadId=", 9) == 0;

    if (!r->whole_bucket || !removal)
        cove__object_remember_bucket(r->s3, name.bucket);
    if (name.key.size > 0 && !removal && (query[0] == '\0' || completion)) {
        const char *path = (const char *)name.bucket.data;
        size_t length = (size_t)(name.key.data + name.key.size - name.bucket.data);

        cove__virtual_end(r->s3, path, length);
        if (completion || strcmp(method, "PUT") == 0)
            cove__virtual_forget(r->s3, path, length);
    }
}

/* A request that changes something may meet another change; one that reads can only ask for a version. */
static bool has_condition(const struct cove__object_request *r)
{
    const struct cove__buf *headers = &r->http.headers;

    return (strcmp(r->http.method, "GET") != 0 && strcmp(r->http.method, "HEAD") != 0) ||
           (headers->size > 0 && memmem(headers->data, headers->size, "\nIf-", 4) != NULL) ||
           (headers->size > 3 && memcmp(headers->data, "If-", 3) == 0);
}

static enum cove__http_verdict inspect(void *self, struct cove__http_request *http, struct cove_error *err)
{
    struct cove__object_request *r = self;
    bool good = http->status >= 200 && http->status < 300;
    bool asked_why = r->why == S3_REASON_ASKING;

    if (asked_why)
        r->why = S3_REASON_ASKED;
    cove__s3_identify_store(r);
    if (asked_why && (good || http->status == 416)) { /* 416: the object is empty */
        cove__s3_classify(r, err);
        return COVE__HTTP_FAIL;
    }
    if (good && !holds_error(r)) {
        r->code[0] = '\0';
        if (r->sum_refused && !cove__object_is_head(r)) /* whose refusals say nothing */
            cove__object_learn_missing(r, COVE__CRC32C);
        int rc = r->accept != NULL ? r->accept(r, err) : 0;
        if (rc == 0) {
            remember(r);
            return COVE__HTTP_ACCEPT;
        }
        bool retry = rc == COVE_EPROTOCOL || rc == COVE_ECORRUPT || err->retryable;
        return retry ? COVE__HTTP_RETRY : COVE__HTTP_FAIL;
    }
    r->refusals += http->status >= 400 && http->status < 500;
    if (other_region(r) || other_clock(r) || cove__s3_give_up_checksums(r) || ask_why(r))
        return COVE__HTTP_AGAIN;
    if (http->kept > 0 && (http->status == 412 || http->status == 416)) {
        http->kept = 0; /* another object stands there now: from the start, if the caller takes any */
        return COVE__HTTP_AGAIN;
    }
    bool retry = cove__s3_classify(r, err);
    if (err->code == COVE_EPRECONDITION && !has_condition(r))
        err->code = COVE_ESERVER; /* the store's own conflict: no other version has been seen */
    r->refusals += http->status >= 500 && err->code == COVE_ETHROTTLED;
    if (keys_refused(r))
        return COVE__HTTP_AGAIN;
    return retry ? COVE__HTTP_RETRY : COVE__HTTP_FAIL;
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
static const struct cove__http_hooks on_its_own = {
    .prepare = prepare, .inspect = inspect, .keep = keep, .done = done
};

/* ---- making ---- */

void cove__object_request_init(struct cove__object_request *r, struct cove__s3 *s3, const char *method,
                               struct cove__object_name name, const struct cove__ctx *ctx)
{
    *r = (struct cove__object_request){ .s3 = s3, .name = name };
    cove__http_request_init(&r->http);
    r->http.http = s3->http;
    r->http.method = method;
    r->http.self = r;
    r->http.op.ctx = *ctx;
    cove__buf_init(&r->query, QUERY_MAX);
    cove__buf_init(&r->extra, EXTRA_MAX);
    if (name.version.size > 0)
        cove__s3_query(&r->query, "versionId", name.version);
    memcpy(r->payload_hash, COVE__SIGV4_EMPTY, sizeof r->payload_hash);
}

void cove__object_request_done(struct cove__object_request *r)
{
    cove__http_request_done(&r->http);
    cove__s3_session_put(r->session);
    r->session = NULL;
    cove__buf_done(&r->query);
    cove__buf_done(&r->extra);
}

bool cove__object_is_head(const struct cove__object_request *r)
{
    return r->why != S3_REASON_UNKNOWN || strcmp(r->http.method, "HEAD") == 0;
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
    cove__head_line(&r->extra, name, cove__buf_slice(&value));
    cove__buf_done(&value);
}

void cove__object_want_checksum(struct cove__object_request *r)
{
    r->asks_sum = cove__object_checksum(r->s3) == COVE__CHECKSUM_CRC32C;
}

/* A checksum of parts' checksums ("...-3", type COMPOSITE) is none of the bytes. */
bool cove__object_reply_crc32c(const struct cove__object_request *r, uint32_t *ret)
{
    char text[COVE__HEADER_MAX];

    if (cove__object_checksum(r->s3) != COVE__CHECKSUM_CRC32C)
        return false;
    if (cove__object_reply_header(r, "x-amz-checksum-type", text) && strcmp(text, "FULL_OBJECT") != 0)
        return false;
    return cove__object_reply_header(r, "x-amz-checksum-crc32c", text) && cove__base64_to_be32(text, ret);
}

void cove__object_body(struct cove__object_request *r, struct cove__slice body, enum cove__checksum_kind sum)
{
    r->http.body = body;
    r->http.has_body = true;
    r->sum = sum;
    if (sum == COVE__CHECKSUM_CRC32C)
        r->crc32c = cove__crc32c(0, body.data, body.size);
    else if (sum == COVE__CHECKSUM_MD5 && (cove__s3_is_directory(r->s3, r->name.bucket) || !cove__s3_use_md5(r)))
        r->hash_payload =
            true; /* a directory bucket takes no MD5, FIPS has none: the signature vouches for the bytes */
    if (r->s3->provider == NULL)
        return;
    if ((r->s3->sign_payload || r->hash_payload) && r->known_hash != NULL) {
        memcpy(r->payload_hash, r->known_hash, sizeof r->payload_hash);
    } else if (r->s3->sign_payload || r->hash_payload) {
        int rc = cove__sha256_hex(body, r->payload_hash);
        if (rc < 0)
            r->extra.rc = rc;
    } else {
        memcpy(r->payload_hash, COVE__SIGV4_UNSIGNED, sizeof COVE__SIGV4_UNSIGNED);
    }
}

void cove__object_start(struct cove__object_request *r)
{
    r->http.hooks = &on_its_own;
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

int64_t cove__object_reply_time(const struct cove__object_request *r)
{
    char date[COVE__HEADER_MAX];
    int64_t told_ns = cove__object_reply_header(r, "date", date) ? cove__parse_http_date(date) : -1;

    cove__lock();
    int64_t known_ns = cove__wall_ns() + r->s3->clock_skew_ns;
    cove__unlock();
    return told_ns >= 0 ? told_ns : known_ns;
}

int cove__object_accept_empty(struct cove__object_request *r, struct cove_error *err)
{
    if (r->http.reply.size == 0)
        return 0;
    return cove__object_fail(r, err, COVE_EPROTOCOL,
                             "the reply has a body, so it is not from the store: check the endpoint and any proxy");
}

bool cove__object_reply_header(const struct cove__object_request *r, const char *name, char out[COVE__HEADER_MAX])
{
    return cove__http_header(&r->http, name, out, COVE__HEADER_MAX);
}

bool cove__object_reply_version(const struct cove__object_request *r, char out[COVE__HEADER_MAX])
{
    char text[COVE__HEADER_MAX] = "";
    bool any = cove__object_reply_header(r, "etag", text);

    cove__object_etag(cove__slice_str(text), out, COVE__HEADER_MAX);
    return any;
}

int64_t cove__object_reply_number(const struct cove__object_request *r, const char *name)
{
    char text[COVE__HEADER_MAX], *end;

    if (!cove__object_reply_header(r, name, text) || text[0] < '0' || text[0] > '9')
        return -1;
    long long v = strtoll(text, &end, 10);
    return *end == '\0' && v >= 0 && v <= COVE__OBJECT_SIZE_MAX ? v : -1;
}
