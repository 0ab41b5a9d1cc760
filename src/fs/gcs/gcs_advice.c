/* What a user can do about a refusal: the command or option that helps. It sends no request. */
#include "fs/gcs/gcs_advice.h"

#include <stdio.h>
#include <string.h>

#include "auth/google_chain.h"
#include "base/error.h"
#include "fs/object/known.h"

#define GENERATION_DIGITS 16 /* microseconds since 1970 */
#define LOGIN             "run \"gcloud auth application-default login\""

static bool ends_in(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);

    return n >= m && strcmp(text + n - m, end) == 0;
}

/* ---- credentials ---- */

static void add_none(const struct cove__gcs *gcs, const char *origin, struct cove_error *err)
{
    if (gcs->provider)
        cove__error_add(err, "; %s: " LOGIN ", or set GOOGLE_APPLICATION_CREDENTIALS", origin);
    else if (gcs->o.token)
        cove__error_add(err,
                        "; the request has no credentials: leave out token=%s to use those of the environment or of "
                        "gcloud",
                        gcs->o.token);
    else
        cove__error_add(err,
                        "; the request has no credentials: an emulator's endpoint gets only those of the option token");
}

/* Google's access tokens, and JSON Web Tokens. */
static bool looks_like_token(const char *text)
{
    return strncmp(text, "ya29.", 5) == 0 || strncmp(text, "eyJ", 3) == 0;
}

/* For a token that may do less than its account: what decides it. `is_token`: the option token is one. */
static void add_scopes(const struct cove__gcs *gcs, const char *origin, bool is_token, struct cove_error *err)
{
    if (strcmp(origin, COVE__GOOGLE_OF_METADATA) == 0)
        cove__error_add(err, ": the machine's access scopes decide; \"gcloud compute instances set-service-account "
                             "MACHINE --scopes=cloud-platform\" allows all");
    else if (is_token && strcmp(origin, COVE__GOOGLE_OF_OPTION) == 0)
        cove__error_add(err, ": who made the token chose its scopes");
    else if (strcmp(gcs->o.access, "full_control") != 0)
        cove__error_add(err, ": the option access is %s", gcs->o.access);
}

/* For a refusal of the credentials: adds where they come from, and how to get others. */
static void add_credentials(const struct cove__gcs *gcs, int code, bool scopes, struct cove_error *err)
{
    char origin[COVE_ERROR_MESSAGE_MAX] = "";
    bool is_token = gcs->o.token && gcs->o.token[0] != '{';

    if (gcs->provider)
        cove__provider_origin(gcs->provider, origin, sizeof origin);
    if (!gcs->provider || strcmp(origin, COVE__GOOGLE_NONE_FOUND) == 0) {
        add_none(gcs, origin, err);
        return;
    }
    if (origin[0] == '\0')
        return;
    cove__error_add(err, "; with the credentials of %s", origin);
    if (scopes)
        add_scopes(gcs, origin, is_token, err);
    if (code == COVE_EAUTH && ends_in(origin, COVE__GOOGLE_OF_GCLOUD))
        cove__error_add(err, ": " LOGIN);
    else if (code == COVE_EAUTH && is_token && strcmp(origin, COVE__GOOGLE_OF_OPTION) == 0 &&
             !looks_like_token(gcs->o.token))
        cove__error_add(err, ", which was taken for an access token: it names no file here, and is not google_default, "
                             "cloud or anon");
    else if (code == COVE_EAUTH && is_token && strcmp(origin, COVE__GOOGLE_OF_OPTION) == 0)
        cove__error_add(err,
                        ", an access token, which expires after an hour: \"gcloud auth print-access-token\" prints "
                        "another");
}

/* ---- buckets ---- */

/* Of a copy or move between two buckets. True: the source's bucket is missing, or it is not known which of them is. */
static bool add_source(const struct cove__object_request *r, struct cove_error *err)
{
    struct cove__slice source = cove__gcs_state(r)->source.bucket, target = r->name.bucket;

    if (source.size == 0 || cove__slice_eq(source, target) || cove__object_bucket_is_known(r->store, source))
        return false;
    if (cove__object_bucket_is_known(r->store, target))
        cove__object_fail(r, err, COVE_ENOTFOUND,
                          "no such bucket: %.*s; check its name (cove ls gs:// lists the buckets)", (int)source.size,
                          (const char *)source.data);
    else
        cove__object_fail(r, err, COVE_ENOTFOUND,
                          "no such bucket: %.*s or %.*s; check their names (cove ls gs:// lists the buckets)",
                          (int)source.size, (const char *)source.data, (int)target.size, (const char *)target.data);
    return true;
}

void cove__gcs_no_bucket(const struct cove__object_request *r, struct cove_error *err)
{
    int n = (int)r->name.bucket.size;
    const char *bucket = (const char *)r->name.bucket.data, *rule = cove__gcs_broken_rule(r->name.bucket);

    if (add_source(r, err))
        return;
    if (rule)
        cove__object_fail(r, err, COVE_ENOTFOUND, "no such bucket: %.*s; %s", n, bucket, rule);
    else if (cove__object_may_make_bucket(r))
        cove__object_fail(r, err, COVE_ENOTFOUND, "no such bucket: %.*s; to make it: cove mkdir gs://%.*s", n, bucket,
                          n, bucket);
    else
        cove__object_fail(r, err, COVE_ENOTFOUND,
                          "no such bucket: %.*s; check its name (cove ls gs:// lists the buckets)", n, bucket);
}

/* A bucket belongs to a project, and its name is unique among those of all users. */
static void add_project(const struct cove__object_request *r, struct cove_error *err)
{
    const struct cove__gcs *gcs = cove__gcs_of(r);
    const char *rule = r->name.bucket.size > 0 && r->http.status == 400 ? cove__gcs_broken_rule(r->name.bucket) : NULL;

    if (rule)
        cove__error_add(err, "; %s", rule);
    else if (err->code == COVE_EEXIST)
        cove__error_add(err, "; take another name, unless the bucket is yours");
    else if (gcs->project)
        cove__error_add(err, "; the project is %s (option project, GOOGLE_CLOUD_PROJECT)", gcs->project);
    else
        cove__error_add(err, "; the project is that of the credentials, or none: set the option project, or "
                             "GOOGLE_CLOUD_PROJECT");
}

/* ---- objects ---- */

static bool is_reason(const char *reason, const char *json, const char *xml)
{
    return strcmp(reason, json) == 0 || strcmp(reason, xml) == 0;
}

/* The protected object stays, so only a write can use another name. */
static void add_kept(const struct cove__object_request *r, const struct gcs_error_body *e, struct cove_error *err)
{
    static const char *const writes[] = { "write", "append", "save", "copy" };
    bool held = is_reason(e->reason, "objectUnderActiveHold", "ObjectUnderActiveHold");

    if (held)
        cove__error_add(err, "; to release it: gcloud storage objects update --no-%s-hold URL",
                        strstr(e->message, "vent-") ? "event-based" : "temporary");
    for (size_t i = 0; i < sizeof writes / sizeof writes[0]; i++) {
        if (strcmp(r->http.op.ctx.op, writes[i]) == 0)
            cove__error_add(err, held ? "; or write under another name" : "; write under another name");
    }
}

/* The permission to create objects does not include the one to replace them. */
static void add_permission(const struct cove__object_request *r, const struct gcs_error_body *e, struct cove_error *err)
{
    enum gcs_kind kind = cove__gcs_state(r)->kind;
    bool replaces = strcmp(r->http.method, "DELETE") != 0 && kind != GCS_BATCH && kind != GCS_MOVE;

    if (replaces && strstr(e->message, "storage.objects.delete"))
        cove__error_add(err, "; to replace an object also takes the permission to delete it, which the role Storage "
                             "Object User has");
}

/* A version's path, as gcloud prints it, where no versions are asked for. */
static void add_version(const struct cove__object_request *r, struct cove_error *err)
{
    struct cove__slice source = cove__gcs_state(r)->source.key, key = source.size > 0 ? source : r->name.key;
    const uint8_t *mark = key.size > 0 ? memrchr(key.data, '#', key.size) : NULL;
    size_t n = mark ? (size_t)(key.data + key.size - mark) - 1 : 0, digits = 0;

    while (digits < n && mark[1 + digits] >= '0' && mark[1 + digits] <= '9')
        digits++;
    if (n >= GENERATION_DIGITS && digits == n && !r->store->version_aware)
        cove__error_add(err, "; with the option version_aware=true, #%.*s at its end names a version", (int)n,
                        (const char *)mark + 1);
}

void cove__gcs_add_advice(const struct cove__object_request *r, const struct gcs_error_body *e, struct cove_error *err)
{
    if (is_reason(e->reason, "objectUnderActiveHold", "ObjectUnderActiveHold") ||
        is_reason(e->reason, "retentionPolicyNotMet", "RetentionPolicyNotMet")) {
        add_kept(r, e, err);
        return;
    }
    if (r->refusal == COVE__REFUSED_NO_OBJECT)
        add_version(r, err);
    if (err->code == COVE_EACCESS)
        add_permission(r, e, err);
    if (err->code == COVE_EAUTH || err->code == COVE_EACCESS)
        add_credentials(cove__gcs_of(r), err->code, strcmp(e->reason, "insufficientPermissions") == 0, err);
    if (cove__gcs_state(r)->kind == GCS_BUCKETS && err->code != COVE_EAUTH && r->http.status < 429)
        add_project(r, err);
}
