/*
 * Removes objects: many at once by batches (batch.c), if the store has these and, for objects with a version, checks
 * versions there; otherwise one by one (delete.c).
 */
#include "fs/object/remove.h"

#include "base/error.h"
#include "fs/fs_impl.h"
#include "fs/object/operations.h"

/* Deletes the first *ret_n of the objects: as many as fit into one request, or are deleted one by one. */
static int delete_some(struct cove__object_store *store, struct cove__object_deletions all,
                       struct cove__object_failed *failed, size_t *ret_n, const struct cove__ctx *ctx,
                       struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;
    bool alone = all.n == 1 || !store->ops->batch;

    alone |= cove__object_can(store, COVE__BATCH_DELETE) == COVE__CAN_NO;
    if (all.versions)
        alone |= cove__object_can(store, COVE__BATCH_CONDITIONS) != COVE__CAN_YES;
    *ret_n = all.n;
    int rc = alone ? 0 : cove__object_delete_batch(store, all, failed, ctx, ret_n, &alone, &why);
    if (alone) {
        all.n = *ret_n;
        return cove__object_delete_each(store, &all, ctx, err);
    }
    return rc < 0 ? cove__error_copy(err, &why) : 0;
}

static int remove_all(struct cove__object_store *store, const char *const *paths, const char *const *versions, size_t n,
                      bool exact, bool with_snapshots, struct cove__object_failed *failed, const struct cove__ctx *ctx,
                      struct cove_error *err)
{
    const struct cove__object_batch_ops *batch = store->ops->batch;
    struct cove_error why = COVE_ERROR_INIT;
    size_t max = batch ? batch->max : n;
    int rc = 0, broken = 0;

    for (size_t at = 0, gone = 0; !cove__fs_fails_for_all(rc) && at < n; at += gone) {
        struct cove__object_deletions all = { paths + at, versions ? versions + at : NULL, 1, exact, with_snapshots };
        struct cove__slice bucket = cove__object_split(paths[at]).bucket;

        while (all.n < max && at + all.n < n && cove__slice_eq(bucket, cove__object_split(paths[at + all.n]).bucket))
            all.n++;
        cove__error_clear(&why);
        rc = delete_some(store, all, failed, &gone, ctx, &why);
        if (cove__fs_fails_for_all(rc) && at + gone < n)
            cove__error_add(&why, "; %zu more were not tried", n - at - gone);
        /* The other objects are still to be deleted. A refusal is reported before a changed object. */
        if (rc < 0 && (broken == 0 || (broken == COVE_EPRECONDITION && rc != COVE_EPRECONDITION)))
            broken = cove__error_copy(err, &why);
    }
    return broken;
}

/* The same, with an error where some could not be deleted. */
static int remove_and_tell(struct cove__object_store *store, const char *const *paths, const char *const *versions,
                           size_t n, bool with_snapshots, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__object_failed failed = { 0 };
    int rc = remove_all(store, paths, versions, n, false, with_snapshots, &failed, ctx, err);

    return (rc == 0 || rc == COVE_EPRECONDITION) && failed.n > 0 ? cove__object_failed_error(&failed, ctx, err) : rc;
}

int cove__object_remove(void *self, const char *const *paths, const char *const *versions, size_t n,
                        const struct cove__ctx *ctx, struct cove_error *err)
{
    return remove_and_tell(self, paths, versions, n, true, ctx, err);
}

int cove__object_remove_exact(struct cove__object_store *store, const char *const *paths, size_t n,
                              struct cove__object_failed *failed, const struct cove__ctx *ctx, struct cove_error *err)
{
    return remove_all(store, paths, NULL, n, true, true, failed, ctx, err);
}

int cove__object_remove_current(struct cove__object_store *store, const char *const *paths, const char *const *versions,
                                size_t n, const struct cove__ctx *ctx, struct cove_error *err)
{
    return remove_and_tell(store, paths, versions, n, false, ctx, err);
}
