/* Errors: reasons of the JSON API (https://cloud.google.com/storage/docs/json_api/v1/status-codes), codes
 * of the XML API, and what a user can do about each. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "auth/oauth_endpoint.h"
#include "base/clock.h"
#include "base/error.h"
#include "fs/gcs/gcs.h"
#include "fs/gcs/gcs_advice.h"
#include "fs/object/known.h"
#include "net/status.h"
#include "wire/json.h"
#include "wire/xml.h"

/* ---- bodies ---- */

static void copy_line(char *to, size_t size, const char *text)
{
    size_t n = strnlen(text, size - 1);

    memcpy(to, text, n);
    to[n] = '\0';
    for (char *c = to; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ')
            *c = ' ';
    }
}

/* {"error": {"code": 403, "message": "...", "errors": [{"reason": "...", ...}]}}. A text in the place of "error"'s
 * object is what web frameworks send. */
static int take_json(void *user, const char *path, enum cove__json_type type, const char *text)
{
    struct gcs_error_body *e = user;

    if (type != COVE__JSON_STRING)
        return 0;
    if (strcmp(path, "error/message") == 0)
        copy_line(e->message, sizeof e->message, text);
    else if (strcmp(path, "error/errors[]/reason") == 0 && e->reason[0] == '\0')
        copy_line(e->reason, sizeof e->reason, text);
    return 0;
}

static int take_xml(void *user, const char *path, struct cove__slice text)
{
    struct gcs_error_body *e = user;
    char copy[sizeof e->message];

    snprintf(copy, sizeof copy, "%.*s", (int)(text.size < sizeof copy ? text.size : sizeof copy - 1), text.data);
    if (strcmp(path, "Error/Code") == 0)
        copy_line(e->reason, sizeof e->reason, copy);
    else if (strcmp(path, "Error/Message") == 0 || (strcmp(path, "Error/Details") == 0 && copy[0] != '\0'))
        copy_line(e->message, sizeof e->message, copy);
    return 0;
}

/* Reasons that only the message has: that of a refused download is plain text, and "required" stands for more than
 * one thing. */
static void find_reason(struct gcs_error_body *e)
{
    static const struct {
        const char *message, *reason;
    } known[] = {
        { "requester pays bucket", "userProjectMissing" },
        { "is not encrypted by a customer-supplied", "resourceNotEncryptedWithCustomerEncryptionKey" },
        { "is encrypted by a customer-supplied", "resourceIsEncryptedWithCustomerEncryptionKey" },
        { "encryption key is incorrect", "customerEncryptionKeyIsIncorrect" },
        { "has not been used in project", "accessNotConfigured" },
        { "prohibited by organization's policy", "vpcServiceControls" },
        { "Insufficient Permission", "insufficientPermissions" },
        { "Provided scope(s) are not authorized", "insufficientPermissions" },
    };

    if (e->reason[0] != '\0' && strcmp(e->reason, "required") != 0)
        return;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strstr(e->message, known[i].message)) {
            copy_line(e->reason, sizeof e->reason, known[i].reason);
            return;
        }
    }
}

static void take_text(struct gcs_error_body *e, struct cove__slice body)
{
    char copy[sizeof e->message];

    if (cove__object_is_html(body) || memchr(body.data, '\0', body.size))
        return;
    snprintf(copy, sizeof copy, "%.*s", (int)(body.size < sizeof copy ? body.size : sizeof copy - 1),
             (const char *)body.data);
    copy_line(e->message, sizeof e->message, copy);
}

bool cove__gcs_read_error(struct cove__slice body, struct gcs_error_body *ret)
{
    static const struct cove__json_handler json = { .value = take_json };
    static const struct cove__xml_handler xml = { NULL, take_xml, "Error" };
    size_t i = 0;
    char why[160];

    *ret = (struct gcs_error_body){ 0 };
    while (i < body.size && isspace(body.data[i]))
        i++;
    if (i < body.size && body.data[i] == '{')
        (void)cove__json_read(body, &json, ret, why, sizeof why);
    else if (i < body.size && body.data[i] == '<')
        (void)cove__xml_read(body, &xml, ret);
    else if (i < body.size)
        take_text(ret, body);
    find_reason(ret);
    return ret->reason[0] != '\0' || ret->message[0] != '\0';
}

/* ---- codes ---- */

static const struct {
    const char *reason; /* of the JSON API, or the code of the XML API */
    int code;
    bool retry;
    enum cove__object_refusal refusal;
    const char *text; /* NULL: by the code (words_for) */
} codes[] = {
    /* what stands in the way of a write */
    { "conditionNotMet", COVE_EPRECONDITION, false, COVE__REFUSED_OTHER, "the object changed meanwhile" },
    { "PreconditionFailed", COVE_EPRECONDITION, false, COVE__REFUSED_OTHER, "the object changed meanwhile" },
    { "retentionPolicyNotMet", COVE_EACCESS, false, COVE__REFUSED_OTHER,
      "the bucket's retention policy keeps the object as it is" },
    { "RetentionPolicyNotMet", COVE_EACCESS, false, COVE__REFUSED_OTHER,
      "the bucket's retention policy keeps the object as it is" },
    { "retentionPolicyLocked", COVE_EACCESS, false, COVE__REFUSED_OTHER, "the bucket's retention policy is locked" },
    { "objectUnderActiveHold", COVE_EACCESS, false, COVE__REFUSED_OTHER, "a hold keeps the object as it is" },
    { "ObjectUnderActiveHold", COVE_EACCESS, false, COVE__REFUSED_OTHER, "a hold keeps the object as it is" },
    { "objectNotAppendable", COVE_EINVAL, false, COVE__REFUSED_OTHER, NULL },
    { "uploadTooLarge", COVE_EINVAL, false, COVE__REFUSED_TOO_LARGE, "the object is too large" },
    { "EntityTooLarge", COVE_EINVAL, false, COVE__REFUSED_TOO_LARGE, "the object is too large" },
    { "NoSuchUpload", COVE_ENOTFOUND, false, COVE__REFUSED_NO_UPLOAD, "the upload does not exist any more" },
    { "InvalidPart", COVE_EPROTOCOL, true, COVE__REFUSED_NO_PART, "the store lacks a part of the upload" },
    /* permissions */
    { "authError", COVE_EAUTH, false, COVE__REFUSED_OTHER, "the credentials are not valid" },
    { "AuthenticationRequired", COVE_EAUTH, false, COVE__REFUSED_OTHER, "the store requires credentials" },
    { "required", COVE_EAUTH, false, COVE__REFUSED_OTHER, "the store requires credentials" },
    { "ExpiredToken", COVE_EAUTH, false, COVE__REFUSED_OTHER, "the credentials have expired" },
    { "forbidden", COVE_EACCESS, false, COVE__REFUSED_ACCESS, NULL },
    { "insufficientPermissions", COVE_EACCESS, false, COVE__REFUSED_ACCESS,
      "access denied: the access token has fewer scopes than the request needs" },
    { "AccessDenied", COVE_EACCESS, false, COVE__REFUSED_ACCESS, NULL },
    { "accountDisabled", COVE_EACCESS, false, COVE__REFUSED_OTHER, "the project's billing account is disabled" },
    { "accessNotConfigured", COVE_EACCESS, false, COVE__REFUSED_OTHER,
      "the project has not enabled Cloud Storage's API: run \"gcloud services enable storage.googleapis.com\"" },
    { "vpcServiceControls", COVE_EACCESS, false, COVE__REFUSED_OTHER,
      "the organization's VPC Service Controls refuse the request" },
    { "SecurityPolicyViolated", COVE_EACCESS, false, COVE__REFUSED_OTHER,
      "the organization's VPC Service Controls refuse the request" },
    { "userProjectMissing", COVE_EINVAL, false, COVE__REFUSED_OTHER,
      "the bucket requires a project that pays: set the option requester_pays to a project" },
    { "UserProjectMissing", COVE_EINVAL, false, COVE__REFUSED_OTHER,
      "the bucket requires a project that pays: set the option requester_pays to a project" },
    { "userProjectAccessDenied", COVE_EACCESS, false, COVE__REFUSED_OTHER,
      "the credentials may not let the project of requester_pays or quota_project pay" },
    { "customerEncryptionKeyIsIncorrect", COVE_EINVAL, false, COVE__REFUSED_OTHER,
      "the object is encrypted with another key than the option encryption_key" },
    { "resourceIsEncryptedWithCustomerEncryptionKey", COVE_EINVAL, false, COVE__REFUSED_OTHER,
      "the object is encrypted with a customer's key: set the option encryption_key" },
    { "ResourceIsEncryptedWithCustomerEncryptionKey", COVE_EINVAL, false, COVE__REFUSED_OTHER,
      "the object is encrypted with a customer's key: set the option encryption_key" },
    { "resourceNotEncryptedWithCustomerEncryptionKey", COVE_EINVAL, false, COVE__REFUSED_OTHER,
      "the object is not encrypted with a customer's key: leave the option encryption_key out" },
    /* what is missing, or in the way */
    { "NoSuchBucket", COVE_ENOTFOUND, false, COVE__REFUSED_NO_BUCKET, "no such bucket" },
    { "NoSuchKey", COVE_ENOTFOUND, false, COVE__REFUSED_NO_OBJECT, "no such object" },
    { "BucketAlreadyOwnedByYou", COVE_EEXIST, false, COVE__REFUSED_BUCKET_IS_OURS, "the bucket exists" },
    { "BucketNotEmpty", COVE_ENOTEMPTY, false, COVE__REFUSED_BUCKET_NOT_EMPTY, "the bucket is not empty" },
    /* later */
    { "rateLimitExceeded", COVE_ETHROTTLED, true, COVE__REFUSED_OTHER, "the store asks for fewer requests" },
    { "userRateLimitExceeded", COVE_ETHROTTLED, true, COVE__REFUSED_OTHER, "the store asks for fewer requests" },
    { "bandwidthLimitExceeded", COVE_ETHROTTLED, true, COVE__REFUSED_OTHER,
      "the store asks for fewer bytes: a bandwidth quota of the project is used up" },
    { "SlowDown", COVE_ETHROTTLED, true, COVE__REFUSED_OTHER, "the store asks for fewer requests" },
    { "quotaExceeded", COVE_ETHROTTLED, false, COVE__REFUSED_OTHER, "a quota of the project is used up" },
    { "dailyLimitExceeded", COVE_ETHROTTLED, false, COVE__REFUSED_OTHER, "a quota of the project is used up" },
    { "backendError", COVE_ESERVER, true, COVE__REFUSED_OTHER, "the store failed" },
    { "internalError", COVE_ESERVER, true, COVE__REFUSED_OTHER, "the store failed" },
    { "InternalError", COVE_ESERVER, true, COVE__REFUSED_OTHER, "the store failed" },
    { "InvalidRange", COVE_EINVAL, false, COVE__REFUSED_OTHER, "the range is past the object's end" },
};
#define N_CODES (sizeof codes / sizeof codes[0])

static const char *text_of(const char *reason)
{
    for (size_t i = 0; i < N_CODES; i++) {
        if (strcmp(codes[i].reason, reason) == 0)
            return codes[i].text;
    }
    return NULL;
}

int cove__gcs_code(const char *reason, int status, bool *ret_retry, enum cove__object_refusal *ret_refusal)
{
    *ret_refusal = COVE__REFUSED_OTHER;
    bool parameter = strcmp(reason, "required") == 0 && status != 401; /* one of the request is missing */
    for (size_t i = 0; i < N_CODES && !parameter; i++) {
        if (strcmp(codes[i].reason, reason) == 0) {
            *ret_retry = codes[i].retry;
            *ret_refusal = codes[i].refusal;
            return codes[i].code;
        }
    }
    int code = cove__status_code(status);
    *ret_retry = cove__status_retry(status);
    return code < 0 ? code : COVE_ESERVER;
}

/* ---- messages ---- */

/* "notFound" is said of objects and of buckets: the message of the second names no object, or speaks of the bucket. */
/* A request that makes an object without a condition can miss nothing but the bucket, whatever its response has. */
static bool makes_object(const struct cove__object_request *r)
{
    enum gcs_kind kind = cove__gcs_state(r)->kind;

    return (kind == GCS_INSERT || kind == GCS_SESSION) && !r->conditional;
}

static bool is_no_bucket(const struct cove__object_request *r, const struct gcs_error_body *e)
{
    if (r->http.status != 404 || cove__gcs_state(r)->kind == GCS_BUCKETS) /* that lacks the project */
        return false;
    return r->name.key.size == 0 || makes_object(r) || strcmp(e->reason, "NoSuchBucket") == 0 ||
           strstr(e->message, "specified bucket does not exist");
}

static enum cove__object_refusal refusal_of(const struct cove__object_request *r, const struct gcs_error_body *e)
{
    int status = r->http.status;

    if (cove__gcs_state(r)->kind == GCS_CHUNK && (status == 404 || status == 410 || status == 499))
        return COVE__REFUSED_NO_UPLOAD; /* 499: it was cancelled */
    if (is_no_bucket(r, e))
        return COVE__REFUSED_NO_BUCKET;
    if (status == 404 && cove__gcs_state(r)->kind != GCS_BUCKETS &&
        (strcmp(e->reason, "notFound") == 0 || e->reason[0] == '\0'))
        return COVE__REFUSED_NO_OBJECT;
    if ((status == 409 || status == 412) && r->whole_bucket) {
        if (strcmp(r->http.method, "DELETE") == 0) /* it has no condition of ours */
            return COVE__REFUSED_BUCKET_NOT_EMPTY;
        return strstr(e->message, "already own") ? COVE__REFUSED_BUCKET_IS_OURS : COVE__REFUSED_OTHER;
    }
    return COVE__REFUSED_OTHER;
}

/* For a folder that exists or is not empty, the store reports a plain conflict. */
static int code_of_folder(const struct cove__object_request *r, const struct gcs_error_body *e, int code)
{
    bool conflict = r->http.status == 409 || r->http.status == 412;

    switch (cove__gcs_state(r)->kind) {
    case GCS_FOLDERS:
    case GCS_FOLDER_RENAME:
        return conflict ? COVE_EEXIST : code;
    case GCS_FOLDER:
        conflict |= r->http.status == 400 && strstr(e->message, "not empty");
        return conflict && strcmp(r->http.method, "DELETE") == 0 ? COVE_ENOTEMPTY : code;
    default:
        return code;
    }
}

/* Whether a refused read may mean that there is no object: not where the text names another permission that is missing
 * than the one to list. */
static bool may_be_missing(const struct cove__object_request *r, const struct gcs_error_body *e)
{
    bool plain = e->reason[0] == '\0' || strcmp(e->reason, "forbidden") == 0 || strcmp(e->reason, "AccessDenied") == 0;

    return plain && strcmp(r->http.method, "GET") == 0 && r->name.key.size > 0 &&
           (!strstr(e->message, "storage.objects.") || strstr(e->message, "storage.objects.list"));
}

/* The text for a refusal if the table has none for its reason. */
static const char *words_for(const struct cove__object_request *r, const struct gcs_error_body *e, int code)
{
    switch (r->refusal) {
    case COVE__REFUSED_NO_OBJECT:
        return r->name.version.size > 0 ? "no such version of the object" : "no such object";
    case COVE__REFUSED_BUCKET_NOT_EMPTY:
        return "the bucket is not empty";
    case COVE__REFUSED_BUCKET_IS_OURS:
        return "the bucket exists";
    default:
        break;
    }
    switch (code) {
    case COVE_EAUTH:
        return "the store requires credentials";
    case COVE_EACCESS:
        return may_be_missing(r, e) ? "access denied, or there is no such object; the store shows which only with the "
                                      "permission storage.objects.list"
                                    : "access denied";
    case COVE_ETHROTTLED:
        return "the store asks for fewer requests";
    case COVE_EEXIST:
        return r->whole_bucket ? "a bucket of this name exists" : "a folder of this name exists";
    case COVE_ENOTEMPTY:
        return "the folder is not empty";
    default:
        return r->http.status >= 500 ? "the store failed" : "the store refused";
    }
}

static void fail_with(struct cove__object_request *r, const struct gcs_error_body *e, int code, struct cove_error *err)
{
    bool parameter = strcmp(e->reason, "required") == 0 && code != COVE_EAUTH;
    const char *text = parameter ? NULL : text_of(e->reason);

    if (r->refusal == COVE__REFUSED_NO_BUCKET) {
        cove__gcs_no_bucket(r, err);
        return;
    }
    if (!text)
        text = words_for(r, e, code);
    bool explained = e->message[0] != '\0' && r->refusal != COVE__REFUSED_NO_OBJECT;
    if (e->reason[0] != '\0' || explained)
        cove__object_fail(r, err, code, "%s (%s%s%s)", text, e->reason, explained && e->reason[0] != '\0' ? ": " : "",
                          explained ? e->message : "");
    else
        cove__object_fail(r, err, code, "%s (HTTP %d)", text, r->http.status);
    cove__gcs_add_advice(r, e, err);
    char date[COVE__HEADER_MAX];
    if (code == COVE_EAUTH && cove__object_response_header(r, "date", date))
        cove__oauth_add_clock(cove__parse_http_date(date), "the store's", err);
}

bool cove__gcs_classify(struct cove__object_request *r, struct cove_error *err)
{
    struct gcs_error_body e;
    enum cove__object_refusal refusal;
    bool retry;

    cove__gcs_read_error(cove__buf_slice(&r->http.response), &e);
    snprintf(r->code, sizeof r->code, "%s", e.reason);
    int code = cove__gcs_code(e.reason, r->http.status, &retry, &refusal);
    r->refusal = refusal != COVE__REFUSED_OTHER ? refusal : refusal_of(r, &e);
    if (r->refusal == COVE__REFUSED_BUCKET_NOT_EMPTY)
        code = COVE_ENOTEMPTY;
    else if (r->http.status == 409 && r->whole_bucket)
        code = COVE_EEXIST;
    else if (r->http.status == 404 && cove__gcs_state(r)->kind == GCS_BUCKETS)
        code = COVE_EINVAL; /* there is no such project */
    else
        code = code_of_folder(r, &e, code);
    /* One write a second for one name: other names are not affected. */
    r->http.throttles_name =
        code == COVE_ETHROTTLED && retry && r->name.key.size > 0 && strcmp(r->http.method, "GET") != 0;
    fail_with(r, &e, code, err);
    err->http_status = r->http.status;
    err->retryable = retry;
    return retry;
}

/* Google's front ends name each request that they have seen, and refuse downloads in plain text. An emulator has no
 * such header: the shape of its text must do. */
bool cove__gcs_is_from_store(const struct cove__object_request *r)
{
    struct cove__slice body = cove__buf_slice(&r->http.response);
    char text[COVE__HEADER_MAX];
    struct gcs_error_body e;

    if (cove__object_response_header(r, "x-guploader-uploadid", text))
        return true;
    if (!cove__gcs_of(r)->emulator || !cove__gcs_read_error(body, &e))
        return false;
    return cove__gcs_state(r)->kind == GCS_MEDIA || !cove__object_foreign(COVE__OBJECT_JSON, body);
}

bool cove__gcs_refuses_operation(const struct cove__object_request *r)
{
    bool emulator = cove__gcs_of(r)->emulator;
    int status = r->http.status;

    if (cove__gcs_state(r)->kind == GCS_MOVE && emulator && status == 400)
        return true; /* fake-gcs-server takes it for another request */
    /* Google's 404 has a reason: one without it is a response that was cut. */
    return status == 405 || status == 501 || (status == 404 && emulator && r->code[0] == '\0');
}
