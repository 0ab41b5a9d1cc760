/* Moves of whole directories by one operation of the store, which may take time. move.c moves all others. */
#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/object/move.h"
#include "fs/object/operations.h"
#include "fs/paging.h"

/* The parent of a key without a slash at its end; the bucket's has an empty key. */
static struct cove__object_name parent_of(struct cove__object_name name)
{
    while (name.key.size > 0 && name.key.data[name.key.size - 1] != '/')
        name.key.size--;
    name.key.size -= name.key.size > 0;
    return name;
}

/* 1: the real directory may be moved; 0: there is none. As rename() does, it removes an empty directory at the target,
 * so that a target which exists later is the moved one; *ret_removed. COVE_ENOTEMPTY. */
static int make_way(struct cove__object_store *store, const struct cove__object_move *move, bool is_directory,
                    const struct cove__ctx *ctx, bool *ret_removed, struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;
    int rc = is_directory ? 1 : cove__real_exists(store, move->from, ctx, err);

    if (rc <= 0)
        return rc;
    rc = cove__real_exists(store, move->to, ctx, err);
    if (rc <= 0)
        return rc < 0 ? rc : 1;
    rc = cove__real_remove(store, move->to, ctx, &why);
    if (rc == COVE_ENOTEMPTY)
        return cove__fs_fail(err, ctx, rc, "the target is a directory that is not empty");
    *ret_removed = rc == 0;
    return rc < 0 && rc != COVE_ENOTFOUND ? cove__error_copy(err, &why) : 1;
}

/* The move has failed: the empty directory that made way for it comes back, unless the move may still take its place.
 */
static void restore_target(struct cove__object_store *store, const struct cove__object_move *move,
                           const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove_error unseen = COVE_ERROR_INIT;
    int rc = cove__real_exists(store, move->from, ctx, &unseen);

    if (rc > 0)
        rc = cove__real_make(store, move->to, ctx, &unseen);
    if (rc < 0)
        cove__error_add(err, "; the empty directory in the target's place was removed");
}

/* Whether the source still exists once no move of it is under way: 1, 0, or an error. */
static int is_left(struct cove__object_store *store, const struct cove__object_move *move, const struct cove__ctx *ctx,
                   struct cove_error *err)
{
    if (store->ops->directories)
        return cove__real_stays(store, move->from, store->ops->move_directory->polls_max, ctx, err);
    return cove__object_any_below(store, move->from, ctx, err);
}

/* 1: it was moved; 0: it does not exist any more. *ret_unsupported: the store has no such operation.
 *
 * COVE_ENOTFOUND may be about the source or the target's parent. After a lost response it, or a conflict, may also mean
 * that the first request has begun the move. The directory has then moved if the target exists and the source does not.
 */
static int run_move(struct cove__object_store *store, const struct cove__object_move *move, const struct cove__ctx *ctx,
                    bool *ret_unsupported, struct cove_error *err)
{
    struct cove__object_name parent = parent_of(move->to);
    struct cove__object_steps_end end;
    bool real = store->ops->directories, has_parent = !real || parent.key.size == 0;

    for (;;) {
        struct cove_error why = COVE_ERROR_INIT, unseen = COVE_ERROR_INIT;
        int rc = cove__object_run_steps(store, store->ops->move_directory, move->to, move, ctx, &end, &why);
        bool doubted = end.begun || end.repeated, missing = rc == COVE_ENOTFOUND;

        *ret_unsupported = end.unsupported && !doubted;
        if (rc == 0 || *ret_unsupported)
            return 1;
        if (!missing && !doubted)
            return cove__error_copy(err, &why);
        if (!doubted && has_parent)
            return 0;
        int left = is_left(store, move, ctx, missing ? err : &unseen);
        if (left < 0 && missing)
            return left;
        if (left < 0) {
            cove__error_add(&why, "; it may have been moved");
            return cove__error_copy(err, &why);
        }
        *ret_unsupported = left > 0 && end.unsupported;
        if (*ret_unsupported)
            return 1;
        if (left == 0)
            return doubted ? cove__object_any_below(store, move->to, ctx, err) : 0;
        if (missing && end.begun)
            return cove__fs_fail(err, ctx, COVE_ESERVER,
                                 "the store has lost its operation, and the directory still exists: repeat it");
        if (!missing || has_parent)
            return cove__error_copy(err, &why);
        rc = cove__real_make(store, parent, ctx, err);
        if (rc < 0)
            return rc;
        has_parent = true;
    }
}

int cove__object_move_directory(struct cove__object_store *store, struct cove__object_name from,
                                struct cove__object_name to, bool is_directory, const struct cove__ctx *ctx,
                                bool *ret_moved, bool *ret_any, struct cove_error *err)
{
    struct cove__object_move move = { .from = from, .to = to };
    bool real = store->ops->directories, unsupported, removed = false;

    *ret_moved = false;
    if (!store->ops->move_directory || from.key.size == 0 || to.key.size == 0 ||
        !cove__slice_eq(from.bucket, to.bucket))
        return 0;
    int rc = real ? cove__real_here(store, from, ctx, err) : 1;
    if (rc <= 0)
        return rc;
    int any = real ? make_way(store, &move, is_directory, ctx, &removed, err) : 1;
    if (any > 0)
        any = run_move(store, &move, ctx, &unsupported, err);
    if (any < 0 && removed)
        restore_target(store, &move, ctx, err);
    if (any < 0)
        return any;
    *ret_moved = any == 0 || !unsupported;
    *ret_any = any;
    return 0;
}

/* ---- what moves of single objects leave ---- */

static int remove_entries(struct cove__object_store *store, const struct cove__page *page, const char *path,
                          const char *to, const struct cove__ctx *ctx, struct cove_error *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < page->n; i++) {
        if (page->items[i].type != COVE_INFO_DIRECTORY)
            continue;
        const char *below = page->items[i].path;
        char *there = to ? cove__path_join(to, cove__path_below(below, path)) : NULL;
        rc = to && !there ? cove__fail_nomem(err, "a path")
                          : cove__object_remove_empty_directories(store, below, there, ctx, err);
        cove__free(there);
    }
    return rc;
}

int cove__object_remove_empty_directories(struct cove__object_store *store, const char *path, const char *to,
                                          const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;
    struct cove__paging paging = { 0 };
    char *token = NULL;
    bool any = false;
    int rc;

    do {
        struct cove__page page = { 0 };

        rc = cove__object_list(store, path, false, token, ctx, &page, &why);
        cove__free(token);
        token = page.token;
        page.token = NULL;
        any |= page.n > 0;
        if (rc == 0)
            rc = remove_entries(store, &page, path, to, ctx, &why);
        if (rc == 0 && token)
            rc = cove__paging_next_page(&paging, &page, token, NULL, ctx, &why);
        cove__page_done(&page);
    } while (rc == 0 && token);
    cove__free(token);
    if (rc == 0 && to && !any) /* the store has made those of the others */
        rc = cove__real_make(store, cove__object_split(to), ctx, &why);
    if (rc == 0)
        rc = cove__real_remove(store, cove__object_split(path), ctx, &why);
    if (rc == COVE_ENOTEMPTY || rc == COVE_ENOTFOUND) /* new objects have come; or the store removed it, too */
        return 0;
    return rc < 0 ? cove__error_copy(err, &why) : 0;
}
