/* The store's error codes as cove's: the one table, which s3_request.c uses after each response that is an error; and
 * responses that are not from a store. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "fs/object/known.h"
#include "fs/s3/s3_capabilities.h"
#include "fs/s3/s3_request.h"
#include "net/status.h"
#include "wire/xml.h"

#define LOST_PART_RETRIES 5

static const struct {
    const char *name;
    int code;
    bool retry;
    const char *text; /* NULL: the store's own message */
} codes[] = {
    { "NoSuchBucket", COVE_ENOTFOUND, false, "no such bucket" },
    { "NoSuchKey", COVE_ENOTFOUND, false, "no such object" },
    { "NoSuchVersion", COVE_ENOTFOUND, false, "no such object" },
    { "NoSuchUpload", COVE_ENOTFOUND, false, "no such upload: it was finished, aborted or removed as abandoned" },
    { "AccessDenied", COVE_EACCESS, false, "access denied" },
    { "AllAccessDisabled", COVE_EACCESS, false, "access denied" },
    { "AccountProblem", COVE_EACCESS, false, NULL },
    { "InvalidAccessKeyId", COVE_EAUTH, false, "the store does not know this access key id" },
    { "SignatureDoesNotMatch", COVE_EAUTH, false, "the secret key does not belong to the access key id" },
    { "ExpiredToken", COVE_EAUTH, false, "the session token has expired" },
    { "TokenRefreshRequired", COVE_EAUTH, false, "the session token has expired" },
    { "InvalidToken", COVE_EAUTH, false, "the session token is not valid" },
    { "InvalidTokenId", COVE_EAUTH, false, "the session token is not valid" },
    { "RequestTimeTooSkewed", COVE_EAUTH, false, "this machine's clock differs too much from the store's: set it" },
    { "AuthorizationHeaderMalformed", COVE_EAUTH, false, NULL },
    { "SlowDown", COVE_ETHROTTLED, true, "the store asks for fewer requests" },
    { "SlowDownRead", COVE_ETHROTTLED, true, "the store asks for fewer requests" },
    { "SlowDownWrite", COVE_ETHROTTLED, true, "the store asks for fewer requests" },
    { "ServiceUnavailable", COVE_ETHROTTLED, true, "the store asks for fewer requests" },
    { "Throttling", COVE_ETHROTTLED, true, "the store asks for fewer requests" },
    { "ThrottlingException", COVE_ETHROTTLED, true, "the store asks for fewer requests" },
    { "RequestLimitExceeded", COVE_ETHROTTLED, true, "the store asks for fewer requests" },
    { "TooManyRequests", COVE_ETHROTTLED, true, "the store asks for fewer requests" },
    { "InternalError", COVE_ESERVER, true, "the store failed" },
    { "RequestTimeout", COVE_ENETWORK, true, "the store waited too long for the request's bytes" },
    { "IncompleteBody", COVE_ENETWORK, true, "the store got only a part of the body" },
    { "BadDigest", COVE_ECORRUPT, true, "the bytes that the store received do not match their checksum" },
    { "InvalidDigest", COVE_EPROTOCOL, false, NULL },
    { "XAmzContentSHA256Mismatch", COVE_ECORRUPT, true,
      "the bytes that the store received do not match their checksum" },
    { "XAmzContentChecksumMismatch", COVE_ECORRUPT, true,
      "the bytes that the store received do not match their checksum" },
    { "OperationAborted", COVE_EPRECONDITION, true, "another change of the same name is under way" },
    { "ConditionalRequestConflict", COVE_EPRECONDITION, true, "another change of the same object is under way" },
    { "PreconditionFailed", COVE_EPRECONDITION, false, "the object changed meanwhile" },
    { "InvalidWriteOffset", COVE_EPRECONDITION, false, "the size of the object changed" },
    { "TooManyParts", COVE_ELIMIT, false, "the object has as many parts as it may" },
    { "EntityTooLarge", COVE_ELIMIT, false, "larger than the store allows" },
    { "EntityTooSmall", COVE_EINVAL, false, "a part is smaller than the store allows" },
    { "InvalidPart", COVE_ESERVER, true, "the store lost a part of the upload" },
    { "InvalidPartOrder", COVE_EPROTOCOL, false, NULL },
    /* Stores that keep objects as files: a key that has keys below it, and a key below another key. */
    { "ExistingObjectIsDirectory", COVE_EISDIR, false, "it is a directory" },
    { "XMinioObjectExistsAsDirectory", COVE_EISDIR, false, "it is a directory" },
    { "ObjectExistsAsDirectory", COVE_EISDIR, false, "it is a directory" },
    { "DirectoryObjectContainsData", COVE_EISDIR, false, "a directory holds no bytes" },
    { "ObjectParentIsFile", COVE_ENOTDIR, false, "a file is in the place of a directory" },
    { "ExistingObjectIsFile", COVE_ENOTDIR, false, "a file is in the place of a directory" },
    { "XMinioParentIsObject", COVE_ENOTDIR, false, "a file is in the place of a directory" },
    { "ParentIsObject", COVE_ENOTDIR, false, "a file is in the place of a directory" },
    { "ErrDirectoryNotEmpty", COVE_ENOTEMPTY, false, "the directory is not empty" },
    { "DirectoryNotEmpty", COVE_ENOTEMPTY, false, "the directory is not empty" },
    { "BucketAlreadyOwnedByYou", COVE_EEXIST, false, "the bucket exists" },
    { "BucketAlreadyExists", COVE_EEXIST, false, "the bucket exists, and belongs to another account" },
    { "BucketNotEmpty", COVE_ENOTEMPTY, false, "the bucket is not empty" },
    { "InvalidBucketName", COVE_EINVAL, false, "not a valid bucket name" },
    { "KeyTooLongError", COVE_EINVAL, false, "the key is too long for the store" },
    { "XMinioInvalidObjectName", COVE_EINVAL, false, "the store does not take such a key" },
    { "InvalidObjectState", COVE_ENOTSUP, false, "the object is archived and must be restored before it can be read" },
    { "NotImplemented", COVE_ENOTSUP, false, NULL },
    { "MethodNotAllowed", COVE_ENOTSUP, false, NULL },
    { "QuotaExceeded", COVE_ENOSPC, false, "the store's quota is used up" },
    { "XMinioAdminBucketQuotaExceeded", COVE_ENOSPC, false, "the bucket's quota is used up" },
    { "XMinioStorageFull", COVE_ENOSPC, false, "the store is full" },
    { "PermanentRedirect", COVE_EINVAL, false, NULL },
};

int cove__s3_code(const char *name, bool *ret_retry)
{
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (strcmp(codes[i].name, name) == 0) {
            *ret_retry = codes[i].retry;
            return codes[i].code;
        }
    }
    *ret_retry = false;
    return COVE_ESERVER;
}

static int take(void *user, const char *path, struct cove__slice text)
{
    struct s3_error_body *e = user;
    const struct {
        const char *path;
        char *at;
        size_t size;
    } rows[] = {
        { "Error/Code", e->code, sizeof e->code },       { "Error/Message", e->message, sizeof e->message },
        { "Error/Region", e->region, sizeof e->region }, { "Error/Endpoint", e->endpoint, sizeof e->endpoint },
        { "Error/Header", e->header, sizeof e->header }, { "Error/BucketName", e->bucket, sizeof e->bucket },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(path, rows[i].path) != 0)
            continue;
        size_t n = text.size < rows[i].size ? text.size : rows[i].size - 1;
        if (n > 0)
            memcpy(rows[i].at, text.data, n);
        rows[i].at[n] = '\0';
        for (size_t k = 0; k < n; k++) {
            if ((unsigned char)rows[i].at[k] < ' ')
                rows[i].at[k] = ' '; /* it goes into one line of a message */
        }
    }
    return 0;
}

int cove__s3_read_error(struct cove__slice body, struct s3_error_body *ret)
{
    static const struct cove__xml_handler handler = { NULL, take };
    memset(ret, 0, sizeof *ret);
    return cove__xml_read(body, &handler, ret);
}

/* ---- errors that the store reports ---- */

static void add(struct cove_error *err, const char *format, ...) COVE_PRINTF(2, 3);

/* Adds to the message. */
static void add(struct cove_error *err, const char *format, ...)
{
    char more[COVE_ERROR_MESSAGE_MAX];
    struct cove_error both = *err;
    va_list args;

    va_start(args, format);
    vsnprintf(more, sizeof more, format, args);
    va_end(args);
    cove__fail(&both, err->code, "%s%s", err->message, more);
    memcpy(err->message, both.message, sizeof err->message);
}

/* http://host/bucket or https://bucket.host as the endpoint, beside the bucket of the URL: then the store takes the
 * second for a part of the key. */
static void name_endpoint(const struct cove__object_request *r, struct cove_error *err)
{
    const struct cove__s3 *s3 = cove__s3_of(r);
    struct cove__slice bucket = r->name.bucket;
    size_t n = bucket.size, base = s3->base ? strlen(s3->base) : 0;

    if (!s3->own_endpoint || n == 0 || (err->code != COVE_ENOTFOUND && err->code != COVE_EACCESS))
        return;
    bool in_path = base > n && s3->base[base - n - 1] == '/' && memcmp(s3->base + base - n, bucket.data, n) == 0;
    bool in_host = strncmp(s3->host, (const char *)bucket.data, n) == 0 && s3->host[n] == '.';
    bool no_bucket = r->name.key.size == 0 && strcmp(r->code, "NoSuchKey") == 0;
    /* A name such as `minio` or `storage` may begin the store's own host. */
    bool in_aws_host =
        in_host && strncmp(s3->host + n, ".s3", 3) == 0 && (s3->host[n + 3] == '.' || s3->host[n + 3] == '-');
    if (in_path || in_aws_host || (no_bucket && base > 0))
        add(err, "; the endpoint %s://%s%s has a bucket in it, which belongs into the URL only",
            s3->tls ? "https" : "http", s3->host, base > 0 ? s3->base : "");
    else if (in_host)
        add(err, "; if the endpoint %s://%s has the bucket in it, take it out: it belongs into the URL only",
            s3->tls ? "https" : "http", s3->host);
}

/* Of keys that the store does not take, or not for this: where they were found. */
static void name_keys(const struct cove__object_request *r, struct cove_error *err)
{
    char source[COVE_ERROR_MESSAGE_MAX];

    if (strcmp(r->code, "RequestTimeTooSkewed") == 0 || strcmp(r->code, "AuthorizationHeaderMalformed") == 0 ||
        (err->code != COVE_EAUTH && err->code != COVE_EACCESS))
        return;
    if (!cove__s3_of(r)->provider && err->code == COVE_EACCESS)
        add(err, "; the request is not signed: anon=true");
    if (!cove__s3_of(r)->provider)
        return;
    cove__provider_origin(cove__s3_of(r)->provider, source, sizeof source);
    if (source[0] != '\0')
        add(err, "; signed with the keys of %s", source);
}

static void check_name(const struct cove__s3 *s3, struct cove_error *err)
{
    add(err, "; check its name (cove ls s3:// lists the buckets)");
    if (s3->own_endpoint)
        add(err, ", and the endpoint %s://%s%s", s3->tls ? "https" : "http", s3->host, s3->base);
}

/* Of a copy between two buckets, unless it is the target's that is missing. What has been seen of the two decides,
 * before what the response names: MinIO names the source, whichever it is, and other stores the target. */
static bool no_source(const struct cove__object_request *r, const struct s3_error_body *e, int code, const char *text,
                      struct cove_error *err)
{
    struct cove__slice source = cove__s3_state(r)->source, target = r->name.bucket;

    if (source.size == 0 || cove__slice_eq(source, target))
        return false;
    if (cove__object_bucket_is_known(r->store, source))
        return false;
    bool named = cove__slice_eq(source, cove__slice_str(e->bucket));
    if (named || cove__object_bucket_is_known(r->store, target))
        cove__object_fail(r, err, code, "%s: %.*s (%s)", text, (int)source.size, (const char *)source.data, e->code);
    else
        cove__object_fail(r, err, code, "%s: %.*s or %.*s (%s)", text, (int)source.size, (const char *)source.data,
                          (int)target.size, (const char *)target.data, e->code);
    check_name(cove__s3_of(r), err);
    return true;
}

static void no_bucket(const struct cove__object_request *r, const struct s3_error_body *e, int code, const char *text,
                      struct cove_error *err)
{
    const char *bucket = (const char *)r->name.bucket.data;
    int n = (int)r->name.bucket.size;

    if (no_source(r, e, code, text, err))
        return;
    cove__object_fail(r, err, code, "%s: %.*s (%s)", text, n, bucket, e->code);
    if (cove__object_may_make_bucket(r)) {
        add(err, "; to make it: cove mkdir s3://%.*s", n, bucket);
        return;
    }
    check_name(cove__s3_of(r), err);
}

/* NULL: none, or the request is not about a bucket. */
static const char *broken_rule(const struct cove__object_request *r)
{
    return r->name.bucket.size > 0 ? cove__s3_broken_rule(r->name.bucket) : NULL;
}

static int fail_with(struct cove__object_request *r, const struct s3_error_body *e, int code, const char *text,
                     bool retry, struct cove_error *err)
{
    bool store_says = e->message[0] != '\0' && strcasecmp(e->message, text) != 0;

    if (strcmp(e->code, "NoSuchBucket") == 0)
        no_bucket(r, e, code, text, err);
    else if (strncmp(e->code, "Bucket", 6) == 0)
        cove__object_fail(r, err, code, "%s: %.*s (%s)", text, (int)r->name.bucket.size,
                          (const char *)r->name.bucket.data, e->code);
    else if (e->endpoint[0] != '\0')
        cove__object_fail(r, err, code, "the bucket is served by another endpoint: %s (%s)", e->endpoint, e->code);
    else
        cove__object_fail(r, err, code, "%s (%s%s%s)", text, e->code, store_says ? ": " : "",
                          store_says ? e->message : "");
    const char *rule = strcmp(e->code, "InvalidBucketName") == 0 ? broken_rule(r) : NULL;
    if (rule)
        add(err, "; %s", rule);
    err->http_status = r->http.status;
    err->retryable = retry;
    return code;
}

/* A HEAD is refused by 400, and the GET after it gives no reason: more likely because of the credentials than of the
 * object. */
static bool no_reason(const struct cove__object_request *r, struct cove_error *err)
{
    cove__object_fail(r, err, COVE_EACCESS, "the store refused the request and gave no reason (HTTP 400)");
    err->http_status = 400;
    return false;
}

bool cove__s3_is_delete_marker(const struct cove__object_request *r)
{
    char text[COVE__HEADER_MAX];
    return r->http.status == 405 && cove__object_response_header(r, "x-amz-delete-marker", text) &&
           strcmp(text, "true") == 0;
}

enum cove__object_refusal cove__s3_refusal(const char *code)
{
    static const struct {
        const char *code;
        enum cove__object_refusal refusal;
    } rows[] = {
        { "AccessDenied", COVE__REFUSED_ACCESS },
        { "NoSuchBucket", COVE__REFUSED_NO_BUCKET },
        { "NoSuchKey", COVE__REFUSED_NO_OBJECT },
        { "NoSuchUpload", COVE__REFUSED_NO_UPLOAD },
        { "InvalidPart", COVE__REFUSED_NO_PART },
        { "EntityTooLarge", COVE__REFUSED_TOO_LARGE },
        { "BucketAlreadyOwnedByYou", COVE__REFUSED_BUCKET_IS_OURS },
        { "BucketNotEmpty", COVE__REFUSED_BUCKET_NOT_EMPTY },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].code, code) == 0)
            return rows[i].refusal;
    }
    return COVE__REFUSED_OTHER;
}

static bool classify(struct cove__object_request *r, struct cove_error *err)
{
    struct s3_error_body e;
    int status = r->http.status;

    r->code[0] = '\0';
    r->refusal = COVE__REFUSED_OTHER;
    if (cove__s3_is_delete_marker(r)) {
        cove__object_fail(r, err, COVE_ENOTFOUND, "the object was removed by this version");
        err->http_status = status;
        return false;
    }
    /* The GET for the reason of a refused HEAD succeeds. */
    if (cove__s3_state(r)->reason == S3_REASON_ASKED && (status < 300 || status == 416))
        return no_reason(r, err);
    (void)cove__s3_read_error(cove__buf_slice(&r->http.response), &e); /* also of a body that is cut, or too large */
    if (e.code[0] != '\0') {
        memcpy(r->code, e.code, sizeof r->code);
        r->refusal = cove__s3_refusal(e.code);
        for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
            if (strcmp(codes[i].name, e.code) == 0) {
                const char *text = codes[i].text ? codes[i].text : "the store refused";
                /* If the response to an upload's end was lost and the store is still making the object, the parts seem
                 * gone: a few more attempts show whether the object was made. This may be true of the first attempt,
                 * because libcurl repeats a request that a kept connection lost. */
                bool lost = strcmp(e.code, "InvalidPart") == 0;
                bool retry = codes[i].retry && !(lost && r->http.attempts > LOST_PART_RETRIES);
                fail_with(r, &e, codes[i].code, text, retry, err);
                return retry;
            }
        }
        bool retry = cove__status_retry(status);
        int code = cove__status_code(status);
        fail_with(r, &e, code != 0 ? code : COVE_ESERVER, "the store refused", retry, err);
        return retry;
    }
    /* No body, as of HEAD: the status is all there is. */
    static const struct {
        int status;
        const char *text;
    } texts[] = {
        { 403, "access denied" },
        { 404, "no such object" },
        { 412, "the object changed meanwhile" },
        { 301, "the bucket is in another region, and the store does not name it" },
        { 503, "the store asks for fewer requests" },
    };
    const char *text = status >= 500 ? "the store failed" : "the store refused", *rule = NULL;
    char both[160];
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i].status == status)
            text = texts[i].text;
    }
    /* Stores send InvalidBucketName only in a body. */
    if (status == 400 || status == 403 || status == 404)
        rule = broken_rule(r);
    if (rule) {
        snprintf(both, sizeof both, "%s; %s", text, rule);
        text = both;
    } else if (status == 400 && r->http.response.size == 0 && r->is_head) {
        return no_reason(r, err);
    }
    cove__http_error(&r->http, status, text, err);
    return cove__status_retry(status);
}

bool cove__s3_classify(struct cove__object_request *r, struct cove_error *err)
{
    bool retry = classify(r, err);

    name_endpoint(r, err);
    name_keys(r, err);
    return retry;
}
