/*
 * Moves of objects, and of folders key by key, markers included. Where the store has no move, or not between two
 * buckets, an object is copied, and the original deleted only if it still is what was copied: an object that another
 * writer puts there meanwhile is kept.
 */
#include "fs/object/move.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/object/copy.h"
#include "fs/object/marker.h"
#include "fs/object/virtual.h"
#include "fs/paging.h"

/* ---- by the store ---- */

/* Whether a request that seems to have failed has moved the object: 1: the target is what the source was, and the
 * source is not that any more; 0; negative: that is not known. `once`: by one attempt each. */
static int was_moved(struct cove__object_store *store, const struct cove__object_move *move,
                     const struct cove__object_head *source, bool once, const struct cove__ctx *ctx)
{
    struct cove_error unseen = COVE_ERROR_INIT;
    struct cove__object_head target, left;

    int rc = cove__object_look(store, move->to, once, ctx, &target, &unseen);
    if (rc < 0)
        return rc == COVE_ENOTFOUND ? 0 : rc;
    if (target.size != source->size)
        return 0;
    if (!cove__object_same_version(target.version, source->version) &&
        (!source->has_crc32c || !target.has_crc32c || target.crc32c != source->crc32c))
        return 0;
    rc = cove__object_look(store, move->from, once, ctx, &left, &unseen);
    if (rc < 0)
        return rc == COVE_ENOTFOUND ? 1 : rc;
    return !cove__object_same_version(left.version, source->version);
}

/* Not where the source is not sure to have been the one that is known. */
static int check_moved(const struct cove__object_store *store, const struct cove__object_move *move,
                       const struct cove__object_head *head, const struct cove__ctx *ctx, struct cove_error *err)
{
    const struct cove__object_sent sent = { .size = head->size,
                                            .has_crc32c = head->has_crc32c && cove__object_has_crc32c(store),
                                            .crc32c = head->crc32c };
    int rc = move->version ? cove__object_check_made(ctx, move->ret_made, &sent, err) : 0;

    if (rc < 0)
        cove__error_add(err, "; that object is at the new name now, and the original is gone");
    return rc;
}

/* *ret_moved: false where the store cannot move this, and nothing was done. */
static int move_by_store(struct cove__object_store *store, struct cove__object_name from,
                         const struct cove__object_head *head, const char *to, const struct cove__ctx *ctx,
                         bool *ret_moved, struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;
    struct cove__object_steps_end end;
    struct cove__object_made made = { 0 };
    struct cove__object_move move = { .from = from,
                                      .ret_made = &made,
                                      .to = cove__object_split(to),
                                      .version = head->version[0] != '\0' ? head->version : NULL };

    *ret_moved = false;
    if (!store->ops->move_object || !cove__slice_eq(from.bucket, move.to.bucket))
        return 0;
    int rc = cove__object_run_steps(store, store->ops->move_object, move.to, &move, ctx, &end, &why);
    int was = rc < 0 && (end.begun || end.repeated) ? was_moved(store, &move, head, end.silent, ctx) : 0;
    if (was == 0 && end.unsupported)
        return 0;
    if (was > 0)
        rc = 0;
    else if (was < 0)
        cove__error_add(&why, "; it may have been moved");
    if (rc < 0)
        return cove__error_copy(err, &why);
    cove__virtual_end(store, to, strlen(to));
    cove__virtual_forget(store, to, strlen(to));
    *ret_moved = true;
    return check_moved(store, &move, head, ctx, err);
}

/* ---- objects ---- */

static int delete_copied(struct cove__object_store *store, const char *const *paths, const char *const *versions,
                         size_t n, const struct cove__ctx *ctx, struct cove_error *err)
{
    int rc = cove__object_remove_current(store, paths, versions, n, ctx, err);

    if (rc == COVE_EPRECONDITION)
        cove__error_add(err, ", beside the copy of the old one");
    else if (rc == COVE_ENOTEMPTY)
        cove__error_add(err, "; a move does not remove them, so the original stays, beside its copy");
    return rc;
}

/* The copy is made only where the original can be deleted as what was copied. */
static int copy_to_move(struct cove__object_store *store, struct cove__object_name from,
                        const struct cove__object_head *head, const char *kept, const char *to,
                        const struct cove__ctx *ctx, struct cove_error *err)
{
    if (head->version[0] == '\0')
        return cove__object_no_version(ctx, err);
    return cove__object_copy_known(store, from, head, kept, to, ctx, err);
}

/* Of what a path may be. */
enum kind {
    OBJECT,
    FOLDER,   /* there is no object, or only a folder's marker */
    DIRECTORY /* the store has reported that it is one */
};

/* *ret_kind: of all but an object nothing was done. */
static int move_object(struct cove__object_store *store, const char *from, const char *to, const struct cove__ctx *ctx,
                       enum kind *ret_kind, struct cove_error *err)
{
    struct cove__buf kept = COVE__BUF_INIT(COVE__OBJECT_METADATA_MAX);
    struct cove_error why = COVE_ERROR_INIT;
    struct cove__object_name source, target;
    struct cove__object_head head;
    bool moved = false;

    int rc = cove__object_name_of(store, from, true, ctx, &source, err);
    if (rc < 0)
        return rc;
    rc = cove__object_head_to_copy(store, source, ctx, &head, &kept, &why);
    bool marker = rc == 0 && head.size == 0 && source.key.data[source.key.size - 1] == '/';
    *ret_kind = rc == COVE_EISDIR ? DIRECTORY : rc == COVE_ENOTFOUND || marker ? FOLDER : OBJECT;
    if (*ret_kind != OBJECT)
        goto out;
    if (rc == 0)
        rc = cove__object_name_of(store, to, true, ctx, &target, &why);
    if (rc == 0)
        rc = move_by_store(store, source, &head, to, ctx, &moved, &why);
    if (rc == 0 && !moved)
        rc = copy_to_move(store, source, &head, cove__buf_str(&kept), to, ctx, &why);
    if (rc == 0 && !moved) {
        const char *version = head.version;
        rc = delete_copied(store, &from, &version, 1, ctx, &why);
    }
    if (rc < 0)
        cove__error_copy(err, &why);
out:
    cove__buf_done(&kept);
    return rc;
}

/* ---- folders ---- */

struct move {
    struct cove__object_store *store;
    const char *from, *to; /* as cove__object_trim_slash has them */
    const struct cove__ctx *ctx;
    bool any;
};

static bool is_below(const char *path, const char *directory)
{
    size_t n = strlen(directory);

    return strncmp(path, directory, n) == 0 &&
           (path[n] == '/' || path[n] == '\0' || (n > 0 && directory[n - 1] == '/'));
}

static int head_item(const struct move *m, struct cove_info *item, struct cove__object_head *ret,
                     struct cove__buf *kept, struct cove_error *err)
{
    int rc = cove__object_head_to_copy(m->store, cove__object_split(item->path), m->ctx, ret, kept, err);

    cove__free(item->etag);
    item->etag = rc == 0 ? cove__strdup(ret->version) : NULL;
    return rc == 0 && !item->etag ? cove__fail_nomem(err, "a listing") : rc;
}

/* An object too large for one copy request would lose its metadata: a HEAD reads them first. *ret_moved: the original
 * is gone already. */
static int transfer(const struct move *m, struct cove_info *item, const char *to, bool *ret_moved,
                    struct cove_error *err)
{
    struct cove__buf kept = COVE__BUF_INIT(COVE__OBJECT_METADATA_MAX);
    struct cove__object_name source = cove__object_split(item->path);
    struct cove__object_head head = { .size = item->size, .has_crc32c = item->has_crc32c, .crc32c = item->crc32c };
    bool known = item->etag && item->size <= cove__object_copy_at_once(m->store);
    int rc = known ? 0 : head_item(m, item, &head, &kept, err);

    if (known)
        cove__object_text(cove__slice_str(item->etag), head.version, sizeof head.version);
    if (rc == 0)
        rc = move_by_store(m->store, source, &head, to, m->ctx, ret_moved, err);
    if (rc == 0 && !*ret_moved && known && cove__object_copy_sets_properties(m->store))
        rc = head_item(m, item, &head, &kept, err);
    if (rc == 0 && !*ret_moved)
        rc = copy_to_move(m->store, source, &head, cove__buf_str(&kept), to, m->ctx, err);
    cove__buf_done(&kept);
    return rc;
}

/* Whether an object that was listed and cannot be found is gone, as when another process has removed it since: a move
 * of the whole folder in one step would not have found it either. */
static bool is_gone(const struct move *m, const char *path)
{
    struct cove_error unseen = COVE_ERROR_INIT;
    struct cove__object_head head;

    return cove__object_head(m->store, cove__object_split(path), m->ctx, &head, &unseen) == COVE_ENOTFOUND;
}

static int move_key(const struct move *m, struct cove_info *item, bool *ret_moved, struct cove_error *err)
{
    char *to = cove__path_join(m->to, cove__path_below(item->path, m->from));
    struct cove_error why = COVE_ERROR_INIT;
    int rc = 0;

    *ret_moved = false;
    if (!to)
        rc = cove__fail_nomem(err, "a path");
    else if (is_below(to, m->from))
        /* In a move to a folder above itself, the target may be a file of the tree that is still to be moved. */
        rc = cove__fs_fail(err, m->ctx, COVE_EEXIST, "%s would replace a file that is still to be moved", item->path);
    else if (cove__object_split(to).key.size > 0) /* a bucket needs no marker */
        rc = transfer(m, item, to, ret_moved, &why);
    if (why.code == COVE_ENOTFOUND && is_gone(m, item->path)) {
        *ret_moved = true;
        rc = 0;
    } else if (why.code < 0) {
        cove__error_copy(err, &why);
    }
    cove__free(to);
    return rc;
}

/* Deletes the originals when the whole page has been copied. */
static int move_page(struct move *m, const struct cove__page *page, struct cove_error *err)
{
    const char **paths = cove__calloc(2 * page->n, sizeof *paths), **versions = paths + page->n;
    int rc = paths ? 0 : cove__fail_nomem(err, "a list of paths");
    size_t n = 0;

    for (size_t i = 0; rc == 0 && i < page->n; i++) {
        bool moved = false;

        rc = move_key(m, &page->items[i], &moved, err);
        if (moved)
            continue;
        paths[n] = page->items[i].path;
        versions[n++] = page->items[i].etag;
    }
    if (rc == 0 && n > 0)
        rc = delete_copied(m->store, paths, versions, n, m->ctx, err);
    cove__free(paths);
    return rc;
}

static int move_keys(struct move *m, struct cove_error *err)
{
    struct cove__object_name name = cove__object_split(m->from);
    struct cove__paging paging = { 0 };
    bool unordered = cove__object_is_unordered(m->store, name.bucket), more = false;
    char *token = NULL;
    int rc;

    do {
        struct cove__page page = { 0 };

        rc = cove__object_list_keys(m->store, name, token, m->ctx, &page, err);
        cove__free(token);
        token = NULL;
        if (rc == 0 && page.n > 0)
            rc = move_page(m, &page, err);
        if (rc == 0 && page.token)
            rc =
                cove__paging_next_page(&paging, &page, page.token, page.n > 0 ? page.items[0].path : NULL, m->ctx, err);
        m->any |= page.n > 0;
        more = page.token;
        if (rc == 0 && (page.n == 0 || !unordered)) { /* else lists from the start */
            token = page.token;
            page.token = NULL;
        }
        cove__page_done(&page);
    } while (rc == 0 && more);
    cove__free(token);
    return rc;
}

/* Real directories stay behind their objects, and follow them where the target can have them, so that empty ones are
 * kept. */
static int move_by_keys(struct move *m, struct cove_error *err)
{
    struct cove__object_name name = cove__object_split(m->from), target = cove__object_split(m->to);
    int rc = move_keys(m, err);
    int real = rc == 0 ? cove__real_here(m->store, name, m->ctx, err) : rc;

    if (real > 0 && !m->any)
        real = cove__real_exists(m->store, name, m->ctx, err);
    if (real <= 0)
        return real;
    m->any = true;
    int follow = cove__real_here(m->store, target, m->ctx, err);
    return follow < 0 ? follow
                      : cove__object_remove_empty_directories(m->store, m->from, follow ? m->to : NULL, m->ctx, err);
}

/* The marker is removed. An empty directory that had one is a virtual one at its new name. */
static int move_marker(struct move *m, struct cove_error *err)
{
    int marker = cove__marker_remove(m->store, m->from, false, m->ctx, err);

    if (marker <= 0)
        return marker;
    if (!m->any && cove__object_split(m->to).key.size > 0 && cove__virtual_make(m->store, m->to) < 0)
        return cove__fail_nomem(err, "a virtual directory");
    m->any = true;
    return 0;
}

/* A bucket is kept, empty: moving its content does not concern its name and policy. */
static int move_folder(struct cove__object_store *store, const char *from, const char *to, enum kind kind,
                       const struct cove__ctx *ctx, struct cove_error *err)
{
    struct move m = { .store = store, .from = from, .to = to, .ctx = ctx };
    struct cove__object_name source = cove__object_split(from), target = cove__object_split(to);

    if (source.bucket.size == 0 || target.bucket.size == 0)
        return cove__fs_fail(err, ctx, COVE_EINVAL, "all buckets at once cannot be moved; name one");
    if (is_below(to, from))
        return cove__fs_fail(err, ctx, COVE_EINVAL, "cannot move a directory into itself");
    bool is_virtual = cove__virtual_exists(store, from, COVE__VIRTUAL_NOW), moved = false;
    int rc = cove__object_require_bucket(store, target, ctx, err);
    if (rc == 0)
        rc = cove__object_move_directory(store, source, target, kind == DIRECTORY, ctx, &moved, &m.any, err);
    if (rc == 0 && !moved)
        rc = move_by_keys(&m, err);
    if (rc == 0 && !moved)
        rc = move_marker(&m, err);
    if (rc < 0)
        return rc;
    if (!m.any && !is_virtual && source.key.size > 0)
        return cove__fs_fail(err, ctx, COVE_ENOTFOUND, "no such object, and nothing below it");
    if (cove__virtual_move(store, from, to) < 0)
        rc = cove__fail_nomem(err, "a virtual directory");
    return rc;
}

int cove__object_move(void *self, const char *from, const char *to, const struct cove__ctx *ctx, struct cove_error *err)
{
    char *plain_from, *plain_to;
    enum kind kind = cove__object_split(from).key.size == 0 ? FOLDER : OBJECT;
    int rc = kind == OBJECT ? move_object(self, from, to, ctx, &kind, err) : 0;

    if (kind == OBJECT)
        return rc;
    plain_from = cove__object_trim_slash(from);
    plain_to = cove__object_trim_slash(to);
    rc = plain_from && plain_to ? move_folder(self, plain_from, plain_to, kind, ctx, err)
                                : cove__fail_nomem(err, "a path");
    cove__free(plain_from);
    cove__free(plain_to);
    return rc;
}
