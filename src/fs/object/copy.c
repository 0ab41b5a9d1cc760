/* Copies on the store's side: in one request, or in parts where the object is too large for that. */
#include "fs/object/copy.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"

int64_t cove__object_copy_at_once(const struct cove__object_store *store)
{
    const struct cove__object_copy_ops *copy = store->ops->copy;
    int64_t threshold = store->copy_part_threshold;

    if (copy == NULL)
        return INT64_MAX;
    return threshold > 0 && threshold < copy->max_size && cove__object_can_copy_parts(store) ? threshold
                                                                                             : copy->max_size;
}

static int no_copies(const struct cove__ctx *ctx, struct cove_error *err)
{
    return cove__fs_fail(err, ctx, COVE_ENOTSUP, "this store cannot copy objects");
}

/* ---- whole objects in parts ---- */

/* `replaces`: the version that `to` must have at the end; NULL: no condition. */
static int copy_large(struct cove__object_store *store, struct cove__object_name from, const char *to,
                      const char *replaces, const struct cove__ctx *ctx, int64_t size, const char *version,
                      const char *headers, struct cove_error *err)
{
    struct cove__put put = { .condition = replaces != NULL ? COVE_WRITE_IF_MATCH : COVE_WRITE_ALWAYS,
                             .etag = replaces,
                             .or_look = true,
                             .expected_size = size,
                             .headers = headers };
    struct cove__upload *u = NULL;
    unsigned n = 0;
    char *made = NULL;

    if (store->ops->upload == NULL || store->ops->copy->part_request == NULL)
        return cove__fs_fail(err, ctx, COVE_ELIMIT, "the store copies no object of more than %lld bytes",
                             (long long)store->ops->copy->max_size);
    if (version[0] == '\0') /* the parts could be of two objects */
        return cove__object_no_version(ctx, err);
    int rc = cove__upload_open(store, to, &put, false, ctx, &u, err);
    if (rc < 0)
        return rc;
    rc = cove__upload_copy_parts(u, from, size, version, 1, ctx, &n, err);
    if (rc < 0) {
        cove__object_upload_abort(store, u);
        return rc;
    }
    rc = cove__object_upload_finish(store, u, ctx, &made, NULL, err);
    cove__free(made);
    return rc;
}

/* ---- in one request ---- */

static bool is_made_by(struct cove__object_store *store, struct cove__object_name name,
                       const struct cove__write_mark *mark, const struct cove__ctx *ctx)
{
    struct cove_error unseen = COVE_ERROR_INIT;
    struct cove__object_head head;

    return cove__object_head(store, name, ctx, &head, &unseen) == 0 && strcmp(head.write_id, mark->write_id) == 0;
}

/* Whether the object has this ETag now. A copy of an object that was sent in one request has the ETag of its source. */
static bool is_copied(struct cove__object_store *store, struct cove__object_name name, const char *version,
                      const struct cove__ctx *ctx)
{
    struct cove_error unseen = COVE_ERROR_INIT;
    struct cove__object_head head;

    return cove__object_head(store, name, ctx, &head, &unseen) == 0 && cove__object_same_version(head.version, version);
}

static int accept_copy(struct cove__object_request *r, struct cove_error *err)
{
    struct cove__object_made *made = r->user;

    *made = (struct cove__object_made){ 0 };
    return r->store->ops->copy->response(r, made, err);
}

/* `version`: what the source must have; NULL or "": no condition. `headers`: for a copy onto itself, the lines that
 * replace the object's properties; NULL: they are kept. */
static int copy_once(struct cove__object_store *store, struct cove__object_name from, const char *version,
                     struct cove__object_name to, const char *headers, const struct cove__ctx *ctx, bool *ret_too_large,
                     struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;
    struct cove__object_request r;
    struct cove__object_made made;
    struct cove__write_mark mark;
    struct cove__object_source source = { .name = from, .version = version };
    const char *replaced = NULL;

    /* A store that gives none: an empty condition would be ignored or refused. */
    if (version != NULL && version[0] == '\0')
        source.version = version = NULL;
    /* The source's condition is checked only when the copy begins; this also detects a write during the copy. */
    if (headers != NULL && cove__object_can(store, COVE__COPY_TARGET_CONDITIONS) == COVE__CAN_YES)
        replaced = version;
    if (cove__object_can(store, COVE__COPY_SOURCE_CONDITIONS) == COVE__CAN_NO)
        source.version = NULL;
    cove__object_request_init(&r, store, "PUT", to, ctx);
    r.error_in_200 = true;
    r.effect = COVE__EFFECT_MADE;
    r.accept = accept_copy;
    r.user = &made;
    store->ops->copy->request(&r, &source, replaced, headers != NULL);
    cove__object_describe(&r, &(struct cove__put){ .headers = headers });
    if (headers != NULL)
        cove__object_mark(&r, NULL, &mark);
    int rc = cove__object_run(&r, &why);
    *ret_too_large = rc < 0 && store->ops->copy->too_large != NULL && store->ops->copy->too_large(&r);
    if (rc == COVE_EPRECONDITION && headers != NULL && r.http.sends > 1 && is_made_by(store, to, &mark, ctx))
        rc = 0; /* an earlier attempt made it, and its response was lost */
    if ((rc == COVE_EPRECONDITION || rc == COVE_ENOTFOUND) && headers == NULL && version != NULL && r.http.sends > 1 &&
        is_copied(store, to, version, ctx))
        rc = 0; /* likewise; the source has changed since */
    cove__object_request_done(&r);
    return rc < 0 ? cove__error_copy(err, &why) : 0;
}

static int source_changed(const struct cove__ctx *ctx, struct cove_error *err)
{
    return cove__fs_fail(err, ctx, COVE_EPRECONDITION, "the source has changed");
}

static int check_source(struct cove__object_store *store, struct cove__object_name from, const char *version,
                        const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__object_head head;
    int rc = cove__object_head(store, from, ctx, &head, err);

    return rc == 0 && !cove__object_same_version(head.version, version) ? source_changed(ctx, err) : rc;
}

/* Sends a HEAD for the source first: its size decides. */
static int copy_by_size(struct cove__object_store *store, struct cove__object_name from, const char *version,
                        const char *to, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__buf headers = COVE__BUF_INIT(COVE__OBJECT_METADATA_MAX);
    struct cove__object_head head;
    bool too_large;

    int rc = cove__object_head_metadata(store, from, ctx, &head, &headers, err);
    if (rc == 0 && version != NULL && !cove__object_same_version(head.version, version))
        rc = source_changed(ctx, err);
    if (rc == 0 && head.size > cove__object_copy_at_once(store))
        rc = copy_large(store, from, to, NULL, ctx, head.size, head.version, cove__buf_str(&headers), err);
    else if (rc == 0)
        rc = copy_once(store, from, version, cove__object_split(to), NULL, ctx, &too_large, err);
    cove__buf_done(&headers);
    return rc;
}

int cove__object_copy_known(struct cove__object_store *store, struct cove__object_name from,
                            const struct cove__object_head *head, const char *kept, const char *to,
                            const struct cove__ctx *ctx, struct cove_error *err)
{
    bool too_large;

    if (store->ops->copy == NULL)
        return no_copies(ctx, err);
    if (head->size > cove__object_copy_at_once(store))
        return copy_large(store, from, to, NULL, ctx, head->size, head->version, kept, err);
    return copy_once(store, from, head->version, cove__object_split(to), NULL, ctx, &too_large, err);
}

int cove__object_copy(void *self, const char *from, const char *version, const char *to, const struct cove__ctx *ctx,
                      struct cove_error *err)
{
    struct cove__object_store *store = self;
    struct cove__object_name source, target;
    struct cove_error why = COVE_ERROR_INIT;
    bool too_large = false, looks;

    if (store->ops->copy == NULL)
        return no_copies(ctx, err);
    int rc = cove__object_name_of(store, from, false, ctx, &source, err);
    if (rc == 0)
        rc = cove__object_name_of(store, to, true, ctx, &target, err);
    if (rc < 0)
        return rc;
    looks = version != NULL && cove__object_can(store, COVE__COPY_SOURCE_CONDITIONS) != COVE__CAN_YES;
    if (looks)
        rc = check_source(store, source, version, ctx, &why);
    if (rc == 0 && cove__object_copy_at_once(store) < store->ops->copy->max_size) {
        rc = copy_by_size(store, source, version, to, ctx, &why);
    } else if (rc == 0) {
        /* Most objects need one request, and the store itself says when one is not enough. */
        rc = copy_once(store, source, version, target, NULL, ctx, &too_large, &why);
        if (rc < 0 && too_large) {
            cove__error_clear(&why);
            rc = copy_by_size(store, source, version, to, ctx, &why);
        }
    }
    if (rc == 0 && looks) { /* if the ETag has changed, another version may have been copied */
        rc = check_source(store, source, version, ctx, &why);
        if ((rc == COVE_EPRECONDITION || rc == COVE_ENOTFOUND) && is_copied(store, target, version, ctx))
            rc = 0; /* changed only after the copy */
    }
    return rc == COVE_EPRECONDITION ? source_changed(ctx, err)
                                    : cove__object_refine_not_found(store, source, rc, &why, ctx, err);
}

/* ---- onto itself, under other metadata ---- */

int cove__object_set_metadata(void *self, const char *path, const struct cove_pair *pairs, size_t n,
                              const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__object_store *store = self;
    struct cove__buf headers = COVE__BUF_INIT(2 * COVE__OBJECT_METADATA_MAX);
    struct cove_error why = COVE_ERROR_INIT;
    struct cove__object_name name;
    struct cove__object_request r;
    struct cove__object_head head;
    bool too_large;

    if (store->ops->copy == NULL)
        return no_copies(ctx, err);
    int rc = cove__object_name_of(store, path, true, ctx, &name, err);
    if (rc < 0)
        return rc;
    cove__object_request_init(&r, store, "HEAD", name, ctx);
    cove__object_head_request(&r);
    rc = cove__object_run(&r, &why);
    if (rc == 0) {
        cove__object_head_response(&r, &head);
        rc = cove__object_change_metadata(&r, pairs, n, &headers);
        if (rc < 0)
            cove__object_fail(&r, &why, rc, "the object's metadata cannot be held");
    }
    cove__object_request_done(&r);
    if (rc == 0 && head.size > cove__object_copy_at_once(store))
        rc = copy_large(store, name, path, head.version, ctx, head.size, head.version, cove__buf_str(&headers), &why);
    else if (rc == 0)
        rc = copy_once(store, name, head.version, name, cove__buf_str(&headers), ctx, &too_large, &why);
    cove__buf_done(&headers);
    return cove__object_refine_not_found(store, name, rc, &why, ctx, err);
}
