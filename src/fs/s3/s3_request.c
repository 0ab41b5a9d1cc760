/*
 * A request to S3: its URL, headers and signature before each attempt, and what a response reveals of the region and
 * the keys (struct cove__object_ops).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/log.h"
#include "base/mem.h"
#include "fs/s3/s3_capabilities.h"
#include "fs/s3/s3.h"
#include "fs/s3/s3_request.h"
#include "net/header.h"
#include "wire/digest.h"
#include "wire/uri.h"

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

    if (name && value) {
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
    struct s3_state *state = cove__s3_state(r);

    return state->session ? state->session->provider : cove__s3_of(r)->provider;
}

/* The keys to sign with: those of a directory bucket's session, or the filesystem's; NULL where nothing is signed. As
 * cove__provider_get. */
static int get_keys(struct cove__object_request *r, const struct s3_address *to, bool wait,
                    struct cove__credentials **ret, struct cove_error *err)
{
    struct s3_state *state = cove__s3_state(r);
    struct cove__s3 *s3 = cove__s3_of(r);
    bool by_session = to->directory && !state->own_keys && !r->whole_bucket && !s3->no_sessions;

    if (to->directory && !s3->provider)
        return cove__fail(err, COVE_EINVAL, "a directory bucket accepts only signed requests: remove anon=true");
    if (by_session && !state->session) {
        int rc = cove__s3_session_get(s3, r->name.bucket, &state->session, err);
        if (rc < 0)
            return rc;
    }
    return s3->provider ? cove__provider_get(provider_of(r), wait ? &r->http : NULL, &state->keys, ret, err) : 0;
}

int cove__s3_target_of(struct cove__object_request *r, bool wait, struct s3_target *ret, struct cove_error *err)
{
    struct s3_state *state = cove__s3_state(r);
    struct cove__s3 *s3 = cove__s3_of(r);
    struct cove_error why = COVE_ERROR_INIT;

    *ret = (struct s3_target){ .path = COVE__BUF_INIT(8192) };
    region_of(s3, r->name.bucket, state->region);
    int rc = cove__s3_endpoint(&s3->rules, r->name.bucket, r->whole_bucket, state->region, &ret->to, &why);
    if (rc == 0)
        rc = get_keys(r, &ret->to, wait, &ret->credentials, &why);
    if (rc < 0) {
        cove__object_fail(r, err, rc, "%s", why.message);
        err->http_status = why.http_status;
        cove__error_store_code(err, why.store_code);
    } else if (rc == COVE__CREDENTIALS_UNCHANGED) {
        cove__error_copy(err, &why);
    }
    if (rc != 0)
        return rc;
    memcpy(state->region, ret->to.region, sizeof state->region);
    state->fixed_region = ret->to.fixed_region;
    rc = add_path(&ret->to, r->name.key, &ret->path);
    if (rc < 0)
        cove__object_fail(r, err, rc, "the request cannot be made: %s", cove_code_phrase(rc));
    return rc;
}

void cove__s3_target_done(struct s3_target *target)
{
    cove__credentials_unref(target->credentials);
    cove__buf_done(&target->path);
}

struct cove__sigv4_request cove__s3_to_sign(const struct cove__object_request *r, const struct s3_target *target)
{
    const struct cove__aws_credentials *keys = cove__aws_credentials_get(target->credentials);

    return (struct cove__sigv4_request){ .key_id = keys->key_id,
                                         .secret = keys->secret,
                                         .region = target->to.region,
                                         .service = target->to.service,
                                         .method = r->http.method,
                                         .path = cove__buf_str(&target->path),
                                         .query = cove__buf_str(&r->query),
                                         .payload_hash = cove__s3_state(r)->payload_hash,
                                         .wall_ns = cove__object_now(r->store) };
}

struct cove__sigv4_cache *cove__s3_signing(struct cove__object_request *r)
{
    struct s3_state *state = cove__s3_state(r);

    return state->session ? &state->session->signing : &cove__s3_of(r)->signing;
}

static int sign(struct cove__object_request *r, const struct s3_target *target, struct cove__buf *headers)
{
    struct s3_state *state = cove__s3_state(r);
    struct cove__sigv4_request v4 = cove__s3_to_sign(r, target);
    const char *token = cove__aws_credentials_get(target->credentials)->token;
    char time[17];

    cove__format_iso8601_basic(v4.wall_ns, time);
    cove__buf_addf(headers, "x-amz-date: %s\nx-amz-content-sha256: %s\n", time, state->payload_hash);
    if (token)
        cove__header_append(headers, state->session ? "x-amz-s3session-token" : "x-amz-security-token",
                            cove__slice_str(token));
    if (cove__buf_rc(headers) < 0)
        return cove__buf_rc(headers);
    return cove__sigv4_sign(&v4, cove__s3_signing(r), headers);
}

int cove__s3_prepare(struct cove__object_request *r, struct cove_error *err)
{
    struct cove__http_request *http = &r->http;
    struct s3_state *state = cove__s3_state(r);
    struct s3_target target;

    if (state->reason != S3_REASON_UNKNOWN)
        http->method = state->reason == S3_REASON_ASKING ? "GET" : "HEAD";
    http->head_suffices = state->reason == S3_REASON_ASKING; /* where it is no error, it is of no use */
    int rc = cove__s3_target_of(r, true, &target, err);
    if (rc == 0) {
        cove__buf_addf(&http->url, "%s://%s%s", target.to.scheme, target.to.host, cove__buf_str(&target.path));
        if (r->query.size > 0)
            cove__buf_addf(&http->url, "?%s", cove__buf_str(&r->query));
        cove__header_append(&http->headers, "Host", cove__slice_str(target.to.host));
        if (cove__s3_of(r)->o.requester_pays)
            cove__buf_add_str(&http->headers, "x-amz-request-payer: requester\n");
        cove__object_add_headers(r, &http->headers);
        if (state->reason == S3_REASON_ASKING)
            cove__buf_add_str(&http->headers, "Range: bytes=0-0\n");
        cove__s3_add_checksums(r, &http->headers);
        if (target.credentials)
            rc = sign(r, &target, &http->headers);
        if (rc < 0)
            cove__object_fail(r, err, rc, "the request cannot be made: %s", cove_code_phrase(rc));
    }
    cove__s3_target_done(&target);
    return rc;
}

/* ---- after an attempt ---- */

/* True: the response names another region than the request's, so the same request may succeed there. */
static bool learns_region(struct cove__object_request *r)
{
    struct s3_state *state = cove__s3_state(r);
    struct s3_error_body e;
    char region[COVE__HEADER_MAX] = "";
    int status = r->http.status;

    if (status != 301 && status != 307 && status != 400 && status != 403)
        return false;
    if (!cove__object_response_header(r, "x-amz-bucket-region", region) &&
        cove__s3_read_error(cove__buf_slice(&r->http.response), &e) == 0 &&
        (status != 403 || strcmp(e.code, "AuthorizationHeaderMalformed") == 0))
        snprintf(region, sizeof region, "%s", e.region);
    if (state->fixed_region || !plausible_region(region) || strcmp(region, state->region) == 0)
        return false;
    cove__log(COVE_LOG_INFO, "s3", "%s: the bucket is in the region %s, not %s", r->http.op.ctx.url, region,
              state->region);
    return learn_region(cove__s3_of(r), r->name.bucket, region);
}

/* True: the store refuses the keys, and there may be others: fresh ones of a role, or those of a shared file that was
 * changed. To a HEAD, whose response has no error code, Amazon answers 400 if the token has expired. Its answer for an
 * expired session is not documented, so a session is replaced also without a code. Only a code that is about the keys
 * concerns other requests: a signature that does not match can be the fault of this request, or of a proxy. */
bool cove__s3_credentials_refused(struct cove__object_request *r)
{
    struct s3_state *state = cove__s3_state(r);
    static const char *const of_keys[] = { "ExpiredToken", "InvalidToken", "TokenRefreshRequired", "InvalidTokenId",
                                           "InvalidAccessKeyId" };
    int status = r->http.status;
    bool wordless = r->is_head && r->code[0] == '\0';
    bool doubted = (wordless && (status == 400 || (state->session && (status == 401 || status == 403)))) ||
                   strcmp(r->code, "SignatureDoesNotMatch") == 0 || strcmp(r->code, "InvalidSecurity") == 0;
    struct cove__provider *provider = provider_of(r);

    for (size_t i = 0; provider && i < sizeof of_keys / sizeof of_keys[0]; i++) {
        if (strcmp(r->code, of_keys[i]) == 0)
            return cove__provider_invalidate(provider, &state->keys);
    }
    return doubted && provider && cove__provider_doubt(provider, &state->keys);
}

/* True: the HEAD's next attempt is the GET for the reason of its refusal. The reason of a 403 is of use only where
 * other keys could be had. */
static bool asks_reason(struct cove__object_request *r)
{
    struct s3_state *state = cove__s3_state(r);
    struct cove__provider *own = !state->session ? cove__s3_of(r)->provider : NULL;
    int status = r->http.status;

    if (!r->is_head || state->reason != S3_REASON_UNKNOWN ||
        !(status == 400 || (status == 403 && own && cove__provider_may_replace(own, &state->keys))))
        return false;
    state->reason = S3_REASON_ASKING;
    return true;
}

bool cove__s3_holds_error(const struct cove__object_request *r)
{
    struct s3_error_body e;
    return cove__s3_read_error(cove__buf_slice(&r->http.response), &e) == 0 && e.code[0] != '\0';
}

bool cove__s3_learns(struct cove__object_request *r)
{
    return learns_region(r) || cove__s3_give_up_checksums(r) || asks_reason(r);
}

bool cove__s3_response(struct cove__object_request *r, enum cove__http_verdict *ret_verdict, struct cove_error *err)
{
    struct s3_state *state = cove__s3_state(r);
    int status = r->http.status;
    bool asked = state->reason == S3_REASON_ASKING;

    if (asked)
        state->reason = S3_REASON_ASKED;
    cove__s3_identify_store(r);
    if (!asked || !((status >= 200 && status < 300) || status == 416)) /* 416: the object is empty */
        return false;
    cove__s3_classify(r, err);
    *ret_verdict = COVE__HTTP_FAIL;
    return true;
}

/* ---- making ---- */

void cove__s3_request_init(struct cove__object_request *r)
{
    struct s3_state *state = cove__s3_state(r);

    if (r->name.version.size > 0)
        cove__uri_add_pair(&r->query, "versionId", r->name.version);
    memcpy(state->payload_hash, COVE__SIGV4_EMPTY, sizeof state->payload_hash);
}

void cove__s3_request_done(struct cove__object_request *r)
{
    struct s3_state *state = cove__s3_state(r);

    cove__s3_session_put(state->session);
    state->session = NULL;
}

void cove__s3_body(struct cove__object_request *r)
{
    struct cove__s3 *s3 = cove__s3_of(r);
    struct s3_state *state = cove__s3_state(r);

    /* A directory bucket takes no MD5, FIPS has none: then the signature vouches for the bytes. */
    if (r->checksum == COVE__CHECKSUM_MD5 &&
        (cove__s3_is_directory(r->store, r->name.bucket) || !cove__object_use_md5(r)))
        r->sign_body = true;
    if (!s3->provider)
        return;
    if ((s3->sign_payload || r->sign_body) && r->body_sha256) {
        memcpy(state->payload_hash, r->body_sha256, sizeof state->payload_hash);
    } else if (s3->sign_payload || r->sign_body) {
        int rc = cove__sha256_hex(r->http.body, state->payload_hash);
        if (rc < 0)
            r->extra.rc = rc;
    } else {
        memcpy(state->payload_hash, COVE__SIGV4_UNSIGNED, sizeof COVE__SIGV4_UNSIGNED);
    }
}
