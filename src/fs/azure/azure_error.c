/* Errors: codes of the blob service (https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes),
 * and what a user can do about each. */
#include <stdio.h>
#include <string.h>

#include "auth/azure_chain.h"
#include "auth/oauth_endpoint.h"
#include "base/clock.h"
#include "base/error.h"
#include "fs/azure/azure_copy.h"
#include "fs/azure/dfs.h"
#include "fs/object/known.h"
#include "net/status.h"
#include "wire/xml.h"

#define LOST_BLOCK_RETRIES 5

/* ---- bodies ---- */

static void copy_line(char *to, size_t size, struct cove__slice text)
{
    size_t n = text.size < size ? text.size : size - 1;

    if (n > 0)
        memcpy(to, text.data, n);
    to[n] = '\0';
    for (char *c = to; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ')
            *c = ' ';
    }
}

static int take(void *user, const char *path, struct cove__slice text)
{
    struct azure_error_body *e = user;

    if (strcmp(path, "Error/Code") == 0)
        copy_line(e->code, sizeof e->code, text);
    else if (strcmp(path, "Error/AuthenticationErrorDetail") == 0)
        copy_line(e->detail, sizeof e->detail, text);
    else if (strcmp(path, "Error/Message") == 0) {
        /* "The specified blob does not exist.\nRequestId:...\nTime:..." */
        const uint8_t *end = text.size > 0 ? memchr(text.data, '\n', text.size) : NULL;
        copy_line(e->message, sizeof e->message, end ? cove__slice(text.data, (size_t)(end - text.data)) : text);
    }
    return 0;
}

void cove__azure_read_error(struct cove__slice body, struct azure_error_body *ret)
{
    static const struct cove__xml_handler handler = { NULL, take, "Error" };

    if (cove__dfs_read_error(body, ret))
        return;
    *ret = (struct azure_error_body){ 0 };
    if (body.size >= 3 && memcmp(body.data, "\xEF\xBB\xBF", 3) == 0) /* as the service sends */
        body = cove__slice_sub(body, 3, SIZE_MAX);
    (void)cove__xml_read(body, &handler, ret); /* also of a body that is cut */
}

/* ---- codes ---- */

static const struct azure_code codes[] = {
    /* credentials and permissions */
    { "AuthenticationFailed", COVE_EAUTH, false, COVE__REFUSED_OTHER,
      "the account's key or the shared access signature is not accepted, or has expired" },
    { "AuthorizationFailure", COVE_EACCESS, false, COVE__REFUSED_ACCESS,
      "access denied: the account's firewall or network rules may not let this machine in" },
    { "AuthorizationPermissionMismatch", COVE_EACCESS, false, COVE__REFUSED_ACCESS,
      "access denied: the credentials lack the permission, which a role such as Storage Blob Data Contributor or the "
      "shared access signature (sp=) gives" },
    { "AuthorizationResourceTypeMismatch", COVE_EACCESS, false, COVE__REFUSED_ACCESS,
      "access denied: the shared access signature is not for this kind of resource (srt=, sr=)" },
    { "AuthorizationServiceMismatch", COVE_EACCESS, false, COVE__REFUSED_ACCESS,
      "access denied: the shared access signature is not for blobs (ss=)" },
    { "AuthorizationProtocolMismatch", COVE_EACCESS, false, COVE__REFUSED_ACCESS,
      "access denied: the shared access signature is for https alone (spr=)" },
    { "AuthorizationSourceIPMismatch", COVE_EACCESS, false, COVE__REFUSED_ACCESS,
      "access denied: the shared access signature is not for this machine's address (sip=)" },
    { "InsufficientAccountPermissions", COVE_EACCESS, false, COVE__REFUSED_ACCESS,
      "access denied: the account may not do this" },
    { "UnauthorizedBlobOverwrite", COVE_EACCESS, false, COVE__REFUSED_ACCESS,
      "access denied: the shared access signature may make blobs, not overwrite them (sp= without w)" },
    { "KeyBasedAuthenticationNotPermitted", COVE_EACCESS, false, COVE__REFUSED_OTHER,
      "the account does not accept its keys: leave out account_key and log in, for example by \"az login\"" },
    { "PublicAccessNotPermitted", COVE_EACCESS, false, COVE__REFUSED_OTHER,
      "the account has no public access: set credentials in place of anon=true" },
    { "NoAuthenticationInformation", COVE_EAUTH, false, COVE__REFUSED_OTHER,
      "the store requires credentials: set account_key, sas_token or connection_string, or log in" },
    { "InvalidAuthenticationInfo", COVE_EAUTH, false, COVE__REFUSED_OTHER,
      "the access token is not accepted, or has expired" },
    { "AccountIsDisabled", COVE_EACCESS, false, COVE__REFUSED_OTHER, "the storage account is disabled" },
    /* what is missing, or in the way */
    { "ContainerNotFound", COVE_ENOTFOUND, false, COVE__REFUSED_NO_BUCKET, "no such container" },
    { "BlobNotFound", COVE_ENOTFOUND, false, COVE__REFUSED_NO_OBJECT, "no such blob" },
    { "ResourceNotFound", COVE_ENOTFOUND, false, COVE__REFUSED_OTHER, "no such blob" },
    { "ContainerBeingDeleted", COVE_ESERVER, true, COVE__REFUSED_OTHER,
      "the container is being deleted, which takes some 30 seconds" },
    { "ContainerDisabled", COVE_EACCESS, false, COVE__REFUSED_OTHER, "the container is disabled" },
    { "ContainerAlreadyExists", COVE_EEXIST, false, COVE__REFUSED_BUCKET_IS_OURS, "the container exists" },
    { "BlobAlreadyExists", COVE_EEXIST, false, COVE__REFUSED_OTHER, "the blob exists already" },
    { "ConditionNotMet", COVE_EPRECONDITION, false, COVE__REFUSED_OTHER, "the blob changed meanwhile" },
    { "TargetConditionNotMet", COVE_EPRECONDITION, false, COVE__REFUSED_OTHER, "the blob changed meanwhile" },
    { "SourceConditionNotMet", COVE_EPRECONDITION, false, COVE__REFUSED_OTHER, "the source changed meanwhile" },
    { "CannotVerifyCopySource", COVE_EACCESS, false, COVE__REFUSED_OTHER, "the store cannot read the copy's source" },
    { "AppendPositionConditionNotMet", COVE_EPRECONDITION, false, COVE__REFUSED_OTHER, "the size of the blob changed" },
    { "PendingCopyOperation", COVE_ESERVER, true, COVE__REFUSED_OTHER, "a copy to the blob is under way" },
    { "InvalidBlobType", COVE_EINVAL, false, COVE__REFUSED_OTHER,
      "the blob is of another type (append or page blob), which this call does not support" },
    { "SnapshotsPresent", COVE_ENOTEMPTY, false, COVE__REFUSED_OTHER, "the blob has snapshots" },
    { "DirectoryNotEmpty", COVE_ENOTEMPTY, false, COVE__REFUSED_OTHER, "the directory is not empty" },
    { "BlobImmutableDueToPolicy", COVE_EACCESS, false, COVE__REFUSED_OTHER,
      "an immutability policy or a legal hold protects the blob" },
    { "LeaseIdMissing", COVE_EACCESS, false, COVE__REFUSED_OTHER,
      "another program holds a lease on it, which \"az storage blob lease break\" ends" },
    { "LeaseIdMismatchWithBlobOperation", COVE_EACCESS, false, COVE__REFUSED_OTHER,
      "another program holds a lease on it, which \"az storage blob lease break\" ends" },
    { "LeaseIdMismatchWithContainerOperation", COVE_EACCESS, false, COVE__REFUSED_OTHER,
      "another program holds a lease on the container, which \"az storage container lease break\" ends" },
    { "BlobArchived", COVE_ENOTSUP, false, COVE__REFUSED_OTHER,
      "the blob is archived: give it another tier (az storage blob set-tier), and wait until it is back" },
    { "BlobBeingRehydrated", COVE_ENOTSUP, false, COVE__REFUSED_OTHER,
      "the blob is being restored from the archive, which takes hours" },
    { "ReadOnlyAtSecondaryAfterFailover", COVE_ENOTSUP, false, COVE__REFUSED_OTHER,
      "the secondary region accepts no writes" },
    { "WriteOperationNotSupportedOnSecondary", COVE_ENOTSUP, false, COVE__REFUSED_OTHER,
      "the secondary region accepts no writes: leave out location_mode=secondary" },
    { "FeatureVersionMismatch", COVE_ENOTSUP, false, COVE__REFUSED_OTHER, "the store does not support this" },
    { "FeatureNotYetSupportedForHierarchicalNamespaceAccounts", COVE_ENOTSUP, false, COVE__REFUSED_OTHER,
      "the account has a hierarchical namespace, which does not support this" },
    /* what is wrong with the request */
    { "InvalidMetadata", COVE_EINVAL, false, COVE__REFUSED_OTHER,
      "names of metadata are letters, digits and _, and begin with no digit" },
    { "EmptyMetadataKey", COVE_EINVAL, false, COVE__REFUSED_OTHER, "a name of metadata is empty" },
    { "MetadataTooLarge", COVE_EINVAL, false, COVE__REFUSED_OTHER, "the metadata are larger than 8 KiB" },
    { "OutOfRangeInput", COVE_EINVAL, false, COVE__REFUSED_OTHER, "the store does not accept this name" },
    { "InvalidResourceName", COVE_EINVAL, false, COVE__REFUSED_OTHER, "the store does not accept this name" },
    { "InvalidUri", COVE_EINVAL, false, COVE__REFUSED_OTHER, "the store does not accept this name" },
    { "InvalidRange", COVE_EINVAL, false, COVE__REFUSED_OTHER, "the range is past the blob's end" },
    { "RequestBodyTooLarge", COVE_ELIMIT, false, COVE__REFUSED_TOO_LARGE, "larger than the store allows" },
    { "BlockCountExceedsLimit", COVE_ELIMIT, false, COVE__REFUSED_OTHER,
      "the blob has as many blocks as the store allows" },
    { "BlockListTooLong", COVE_ELIMIT, false, COVE__REFUSED_OTHER, "the blob has as many blocks as the store allows" },
    { "Crc64Mismatch", COVE_ECORRUPT, true, COVE__REFUSED_OTHER,
      "the bytes that the store received do not match their checksum" },
    { "Md5Mismatch", COVE_ECORRUPT, true, COVE__REFUSED_OTHER,
      "the bytes that the store received do not match their checksum" },
    { "InvalidBlockList", COVE_ESERVER, true, COVE__REFUSED_NO_PART,
      "blocks of the upload are gone, as when another writer writes the blob meanwhile: write the file again" },
    { "InvalidBlobOrBlock", COVE_EINVAL, false, COVE__REFUSED_OTHER,
      "an unfinished upload of another program to this blob has blocks with names of another length; they expire after "
      "a "
      "week, or when that program writes the blob again" },
    /* later */
    { "ServerBusy", COVE_ETHROTTLED, true, COVE__REFUSED_OTHER, "the store asks for fewer requests" },
    { "AccountBeingCreated", COVE_ESERVER, true, COVE__REFUSED_OTHER, "the account is being made" },
    { "OperationTimedOut", COVE_ESERVER, true, COVE__REFUSED_OTHER, "the store failed" },
    { "InternalError", COVE_ESERVER, true, COVE__REFUSED_OTHER, "the store failed" },
};
#define N_CODES (sizeof codes / sizeof codes[0])

static const struct azure_code *find(const char *name)
{
    for (size_t i = 0; i < N_CODES; i++) {
        if (strcmp(codes[i].name, name) == 0)
            return &codes[i];
    }
    return cove__dfs_code(name);
}

const char *cove__azure_text(const char *name)
{
    const struct azure_code *known = find(name);

    return known ? known->text : NULL;
}

int cove__azure_code(const char *name, int status, bool *ret_retry, enum cove__object_refusal *ret_refusal)
{
    const struct azure_code *known = find(name);

    *ret_refusal = COVE__REFUSED_OTHER;
    if (known) {
        *ret_retry = known->retry;
        *ret_refusal = known->refusal;
        return known->code;
    }
    int code = cove__status_code(status);
    *ret_retry = cove__status_retry(status);
    return code < 0 ? code : COVE_ESERVER;
}

/* ---- messages ---- */

static void no_container(struct cove__object_request *r, struct cove_error *err)
{
    int n = (int)r->name.bucket.size;
    const char *name = (const char *)r->name.bucket.data, *rule = cove__azure_broken_rule(r->name.bucket);

    if (rule)
        cove__object_fail(r, err, COVE_ENOTFOUND, "no such container: %.*s; %s", n, name, rule);
    else if (cove__object_may_make_bucket(r))
        cove__object_fail(r, err, COVE_ENOTFOUND, "no such container: %.*s; to make it: cove mkdir az://%.*s", n, name,
                          n, name);
    else
        cove__object_fail(r, err, COVE_ENOTFOUND,
                          "no such container: %.*s; check its name (cove ls az:// lists the containers)", n, name);
}

/* Where the credentials come from, for a refusal that is about them. */
static void add_origin(const struct cove__object_request *r, char *text, size_t size)
{
    const struct cove__azure *azure = cove__azure_of(r);
    char origin[COVE_ERROR_MESSAGE_MAX] = "";

    if (azure->account.key_size > 0)
        snprintf(text, size, "; with the key of the account %s", azure->account.name);
    else if (azure->account.sas)
        snprintf(text, size, "; with a shared access signature");
    else if (!azure->provider)
        snprintf(text, size, "; the request has no credentials");
    else
        cove__provider_origin(azure->provider, origin, sizeof origin);
    if (origin[0] != '\0')
        snprintf(text, size, "; with the credentials of %s", origin);
}

/* "Bearer authorization_uri=https://login.microsoftonline.com/TENANT/oauth2/authorize resource_id=...": who has to log
 * in is of this tenant. */
static void add_tenant(const struct cove__object_request *r, struct cove_error *err)
{
    static const char name[] = "authorization_uri=";
    char challenge[COVE__HEADER_MAX] = "";

    if (r->http.status != 401 || !cove__object_response_header(r, "www-authenticate", challenge))
        return;
    const char *at = strstr(challenge, name), *host = at ? strstr(at, "://") : NULL;
    const char *tenant = host ? strchr(host + 3, '/') : NULL;
    size_t n = tenant ? strcspn(tenant + 1, "/ \",") : 0;
    /* Any server may have written it, and it stands in a command to paste. */
    if (n > 0 && cove__azure_is_tenant(cove__slice(tenant + 1, n)))
        cove__error_add(err,
                        "; the account is of the tenant %.*s: log in there, for example by \"az login --tenant %.*s\"",
                        (int)n, tenant + 1, (int)n, tenant + 1);
}

/* A signed request is refused where the clocks differ, with a message that does not show it. */
static void add_clock(const struct cove__object_request *r, int code, struct cove_error *err)
{
    char date[COVE__HEADER_MAX];

    if (code == COVE_EAUTH && cove__object_response_header(r, "date", date))
        cove__oauth_add_clock(cove__parse_http_date(date), "the store's", err);
}

static enum cove__object_refusal refusal_of(const struct cove__object_request *r)
{
    /* "ResourceNotFound" is used for containers and blobs, and by emulators for requests that they lack: of a batch it
     * does not show that the container, and so each of its blobs, is gone. */
    if (r->http.status == 404 && cove__azure_state(r)->kind != AZURE_BATCH)
        return r->name.key.size == 0 ? COVE__REFUSED_NO_BUCKET : COVE__REFUSED_NO_OBJECT;
    return COVE__REFUSED_OTHER;
}

static void fail_with(struct cove__object_request *r, const struct azure_error_body *e, int code,
                      struct cove_error *err)
{
    const char *text = cove__azure_text(r->code);
    char origin[COVE_ERROR_MESSAGE_MAX] = "";
    bool explained = e->message[0] != '\0' && r->refusal != COVE__REFUSED_NO_OBJECT;

    if (r->refusal == COVE__REFUSED_NO_BUCKET) {
        no_container(r, err);
        return;
    }
    if (code == COVE_EAUTH || code == COVE_EACCESS)
        add_origin(r, origin, sizeof origin);
    if (code == COVE_EMISMATCH)
        text = "the copied part has another checksum than its bytes";
    if (!text)
        text = r->refusal == COVE__REFUSED_NO_OBJECT ? "no such blob"
               : r->http.status >= 500               ? "the store failed"
                                                     : "the store refused";
    if (r->code[0] != '\0' || explained)
        cove__object_fail(r, err, code, "%s (%s%s%s%s%s)%s", text, r->code, explained && r->code[0] != '\0' ? ": " : "",
                          explained ? e->message : "", e->detail[0] != '\0' ? " " : "", e->detail, origin);
    else
        cove__object_fail(r, err, code, "%s (HTTP %d)%s", text, r->http.status, origin);
    const char *rule = r->name.key.size == 0 && r->http.status == 400 ? cove__azure_broken_rule(r->name.bucket) : NULL;
    if (rule)
        cove__error_add(err, "; %s", rule);
    add_clock(r, code, err);
}

void cove__azure_error_code(const struct cove__object_request *r, char ret[COVE__HEADER_MAX])
{
    struct azure_error_body e;

    if (cove__object_response_header(r, "x-ms-error-code", ret)) /* a HEAD's response has no body */
        return;
    cove__azure_read_error(cove__buf_slice(&r->http.response), &e);
    snprintf(ret, COVE__HEADER_MAX, "%s", e.code);
}

bool cove__azure_classify(struct cove__object_request *r, struct cove_error *err)
{
    const struct azure_state *state = cove__azure_state(r);
    struct azure_error_body e;
    char code_header[COVE__HEADER_MAX];
    bool retry;

    cove__azure_read_error(cove__buf_slice(&r->http.response), &e);
    cove__azure_error_code(r, code_header);
    snprintf(r->code, sizeof r->code, "%.63s", code_header);
    int code = cove__azure_code(r->code, r->http.status, &retry, &r->refusal);
    if (code == COVE_ECORRUPT && state->source.bucket.size > 0) { /* another attempt would copy the same bytes */
        code = COVE_EMISMATCH;
        retry = false;
    }
    if (r->refusal == COVE__REFUSED_OTHER)
        r->refusal = refusal_of(r);
    /* If the response to a commit was lost and the store has made the blob, the blocks are not uncommitted any more: a
     * few more attempts show whether it was made. */
    if (r->refusal == COVE__REFUSED_NO_PART && r->http.attempts > LOST_BLOCK_RETRIES)
        retry = false;
    /* A copy's source has its own error, which may pass. */
    if (!retry && cove__object_response_header(r, "x-ms-copy-source-error-code", code_header)) {
        enum cove__object_refusal unused;
        (void)cove__azure_code(code_header, 0, &retry, &unused);
    }
    fail_with(r, &e, code, err);
    add_tenant(r, err);
    err->http_status = r->http.status;
    err->retryable = retry;
    return retry && !cove__azure_finds_copy(r); /* which takes as long as it takes */
}

/* The service names each request that it has seen. */
bool cove__azure_is_from_store(const struct cove__object_request *r)
{
    char text[COVE__HEADER_MAX];

    return cove__object_response_header(r, "x-ms-request-id", text);
}

bool cove__azure_refuses_operation(const struct cove__object_request *r)
{
    return r->http.status == 405 || r->http.status == 501 || strcmp(r->code, "FeatureVersionMismatch") == 0 ||
           strcmp(r->code, "FeatureNotSupported") == 0;
}
