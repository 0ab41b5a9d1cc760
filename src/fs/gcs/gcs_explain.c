/*
 * What the response to a failed request does not show: that the missing object was soft-deleted
 * (https://cloud.google.com/storage/docs/soft-delete), that the bucket is a Rapid one; and that appends to a bucket are
 * expensive. Each costs one request at most, of a few seconds. If it fails, nothing is added.
 */
#include "fs/gcs/gcs_explain.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "fs/object/known.h"
#include "wire/json.h"
#include "wire/uri.h"

#define TIME_MAX_NS     (5 * COVE__SEC)
#define SHOWN_MAX       ((size_t)300) /* bytes of a name */
#define DEAR_APPENDS    ((int64_t)8 << 20)
#define SECONDS_OF_HOUR 3600

static struct cove__ctx short_ctx(const struct cove__ctx *ctx)
{
    struct cove__ctx copy = *ctx;
    int64_t until_ns = cove__now_ns() + TIME_MAX_NS;

    if (copy.deadline_ns > until_ns)
        copy.deadline_ns = until_ns;
    return copy;
}

/* Sends the request and reads its JSON. 0 or an error. */
static int fetch(struct cove__object_request *r, const struct cove__json_handler *handler, void *user)
{
    struct cove_error unseen = COVE_ERROR_INIT;
    char why[160];
    int rc = cove__object_run(r, &unseen);

    return rc == 0 ? cove__json_read(cove__buf_slice(&r->http.response), handler, user, why, sizeof why) : rc;
}

/* ---- objects that were deleted ---- */

struct deleted {
    struct cove__slice key;
    struct cove__buf name; /* of the item at hand, as are the next three */
    char generation[32], from[32], until[32];
    char last_generation[32], last_from[32], last_until[32];
};

static int take_deleted(void *user, const char *path, enum cove__json_type type, const char *text)
{
    struct deleted *d = user;
    struct cove__slice value = cove__slice_str(text);

    if (strcmp(path, "items[]/name") == 0)
        return cove__buf_add_slice(&d->name, value);
    if (strcmp(path, "items[]/generation") == 0 && cove__gcs_is_generation(text))
        cove__object_text(value, d->generation, sizeof d->generation);
    else if (strcmp(path, "items[]/softDeleteTime") == 0)
        cove__object_text(value, d->from, sizeof d->from);
    else if (strcmp(path, "items[]/hardDeleteTime") == 0)
        cove__object_text(value, d->until, sizeof d->until);
    return 0;
}

static int end_deleted(void *user, const char *path)
{
    struct deleted *d = user;

    if (strcmp(path, "items[]") != 0)
        return 0;
    if (cove__slice_eq(cove__buf_slice(&d->name), d->key) && d->generation[0] != '\0' && d->from[0] != '\0' &&
        strtoll(d->generation, NULL, 10) > strtoll(d->last_generation, NULL, 10)) {
        memcpy(d->last_generation, d->generation, sizeof d->generation);
        memcpy(d->last_from, d->from, sizeof d->from);
        memcpy(d->last_until, d->until, sizeof d->until);
    }
    cove__buf_reset(&d->name);
    d->generation[0] = d->from[0] = d->until[0] = '\0';
    return 0;
}

/* Characters that mean nothing to a shell. */
static bool is_plain(struct cove__slice key)
{
    for (size_t i = 0; i < key.size; i++) {
        char c = (char)key.data[i];
        if (!isalnum((unsigned char)c) && !strchr("._-/=+,@%:", c))
            return false;
    }
    return true;
}

/* A listing of a prefix begins with the object that has the prefix as its name. */
static void add_deleted(struct cove__object_store *store, struct cove__object_name name, const struct cove__ctx *ctx,
                        struct cove_error *err)
{
    static const struct cove__json_handler handler = { .value = take_deleted, .end = end_deleted };
    struct deleted d = { .key = name.key, .name = COVE__BUF_INIT(COVE__OBJECT_KEY_MAX + 1) };
    struct cove__object_request r;
    int n = (int)(name.key.size < SHOWN_MAX ? name.key.size : 0);

    cove__object_request_init(&r, store, "GET", (struct cove__object_name){ .bucket = name.bucket }, ctx);
    cove__buf_add_str(&r.query, "softDeleted=true&maxResults=100&projection=noAcl&fields=items(name,generation,"
                                "softDeleteTime,hardDeleteTime)");
    cove__uri_add_pair(&r.query, "prefix", name.key);
    r.http.asked_once = true; /* the error is certain: what is added to it is not worth a wait */
    if (fetch(&r, &handler, &d) == 0 && d.last_generation[0] != '\0') {
        cove__error_add(err, "; it was deleted on %.10s (generation %s)", d.last_from, d.last_generation);
        if (d.last_until[0] != '\0')
            cove__error_add(err, " and is kept until %.10s", d.last_until);
        if (n > 0 && is_plain(name.key)) /* the command is for a shell, and the name is not the user's own */
            cove__error_add(err, ": gcloud storage restore gs://%.*s/%.*s#%s", (int)name.bucket.size,
                            (const char *)name.bucket.data, n, (const char *)name.key.data, d.last_generation);
    }
    cove__object_request_done(&r);
    cove__buf_done(&d.name);
}

/* ---- Rapid buckets ---- */

/* A refusal without another reason: the bucket may refuse every request. */
static bool may_be_of_the_bucket(const struct cove_error *err)
{
    return err->http_status == 400 || err->http_status == 405 || err->http_status == 501;
}

static void read_layout(struct cove__object_store *store, struct cove__object_name name, const struct cove__ctx *ctx,
                        struct cove_error *err)
{
    struct cove_error unseen = COVE_ERROR_INIT;

    if (!(cove__object_note_bucket(store, name.bucket, GCS_NOTE_LAYOUT_READ) & GCS_NOTE_LAYOUT_READ))
        (void)cove__real_here(store, name, ctx, &unseen);
    if (cove__object_note_bucket(store, name.bucket, 0) & GCS_NOTE_RAPID)
        cove__gcs_refuse_rapid(ctx, err->code, name.bucket, err);
}

void cove__gcs_explain(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__object_store *store = self;
    struct cove__object_name name = cove__object_locate(store, path);
    struct cove__ctx in_time = short_ctx(ctx);

    if (name.key.size == 0 || name.version.size > 0)
        return;
    bool reads = strcmp(ctx->op, "read") == 0 || strcmp(ctx->op, "stat") == 0; /* a write finds no bucket */
    if (err->code == COVE_ENOTFOUND && reads)
        add_deleted(store, name, &in_time, err);
    else if (may_be_of_the_bucket(err))
        read_layout(store, name, &in_time, err);
}

/* ---- appends ---- */

static int take_policy(void *user, const char *path, enum cove__json_type type, const char *text)
{
    int64_t *seconds = user;

    if (strcmp(path, "softDeletePolicy/retentionDurationSeconds") == 0)
        *seconds = cove__object_number(cove__slice_str(text));
    return 0;
}

void cove__gcs_warn_of_appends(struct cove__object_store *store, struct cove__object_name name, int64_t size,
                               const struct cove__ctx *ctx)
{
    static const struct cove__json_handler handler = { .value = take_policy };
    struct cove__ctx in_time = short_ctx(ctx);
    struct cove__object_request r;
    int64_t seconds = 0;

    if (size < DEAR_APPENDS ||
        (cove__object_note_bucket(store, name.bucket, GCS_NOTE_POLICY_READ) & GCS_NOTE_POLICY_READ))
        return;
    cove__object_request_init(&r, store, "GET", (struct cove__object_name){ .bucket = name.bucket }, &in_time);
    cove__gcs_state(&r)->kind = GCS_BUCKET;
    cove__buf_add_str(&r.query, "fields=softDeletePolicy");
    if (fetch(&r, &handler, &seconds) == 0 && seconds > 0)
        cove__log(
            COVE_LOG_WARNING, "gcs",
            "%s: the bucket keeps replaced objects for %lld hours and charges for them, and each append replaces the "
            "whole object, which now has %lld MiB: use a bucket without soft delete for logs that grow",
            ctx->url, (long long)(seconds / SECONDS_OF_HOUR), (long long)(size >> 20));
    cove__object_request_done(&r);
}
