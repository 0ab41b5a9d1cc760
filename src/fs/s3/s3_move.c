/*
 * Moves of objects, and of folders key by key, markers included. An original is deleted only if it still is what was
 * copied: an object that another writer puts there meanwhile is kept.
 */
#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/paging.h"
#include "fs/object/virtual.h"
#include "fs/s3/s3.h"

static int delete_copied(struct cove__object_store *store, const char *const *paths, const char *const *etags, size_t n,
                         const struct cove__ctx *ctx, struct cove_error *err)
{
    int rc = cove__object_remove(store, paths, etags, n, ctx, err);

    if (rc == COVE_EPRECONDITION)
        cove__error_add(err, ", beside the copy of the old one");
    return rc;
}

/* *ret_folder: there is no such object, or only a folder's marker, and nothing was done. */
static int move_object(struct cove__object_store *store, const char *from, const char *to, const struct cove__ctx *ctx,
                       bool *ret_folder, struct cove_error *err)
{
    struct cove__buf kept = COVE__BUF_INIT(COVE__OBJECT_METADATA_MAX);
    struct cove_error why = COVE_ERROR_INIT;
    struct cove__object_name source, target;
    struct cove__object_head head;

    int rc = cove__object_name_of(store, from, true, ctx, &source, err);
    if (rc < 0)
        return rc;
    rc = cove__object_head_metadata(store, source, ctx, &head, &kept, &why);
    bool marker = rc == 0 && head.size == 0 && source.key.data[source.key.size - 1] == '/';
    *ret_folder = rc == COVE_ENOTFOUND || marker;
    if (*ret_folder)
        goto out;
    if (rc == 0)
        rc = cove__object_name_of(store, to, true, ctx, &target, &why);
    if (rc == 0)
        rc = cove__object_copy_known(store, source, &head, cove__buf_str(&kept), to, ctx, &why);
    if (rc == 0) {
        const char *etag = head.version;
        rc = delete_copied(store, &from, &etag, 1, ctx, &why);
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

/* An object too large for one copy request would lose its metadata: a HEAD reads them first. */
static int copy_key(const struct move *m, struct cove_info *item, const char *to, struct cove_error *err)
{
    struct cove__buf kept = COVE__BUF_INIT(COVE__OBJECT_METADATA_MAX);
    struct cove__object_name source = cove__object_split(item->path);
    struct cove__object_head head = { .size = item->size };
    int rc = 0;

    if (item->etag == NULL || item->size > m->store->copy_part_threshold) {
        rc = cove__object_head_metadata(m->store, source, m->ctx, &head, &kept, err);
        cove__free(item->etag);
        item->etag = rc == 0 ? cove__strdup(head.version) : NULL;
        if (rc == 0 && item->etag == NULL)
            rc = cove__fail_nomem(err, "a listing");
    } else {
        cove__object_text(cove__slice_str(item->etag), head.version, sizeof head.version);
    }
    if (rc == 0)
        rc = cove__object_copy_known(m->store, source, &head, cove__buf_str(&kept), to, m->ctx, err);
    cove__buf_done(&kept);
    return rc;
}

static int move_key(const struct move *m, struct cove_info *item, struct cove_error *err)
{
    char *to = cove__path_join(m->to, cove__path_below(item->path, m->from));
    int rc = 0;

    if (to == NULL)
        rc = cove__fail_nomem(err, "a path");
    else if (is_below(to, m->from))
        /* In a move to a folder above itself, the target may be a file of the tree that is still to be moved. */
        rc = cove__fs_fail(err, m->ctx, COVE_EEXIST, "%s would replace a file that is still to be moved", item->path);
    else if (cove__object_split(to).key.size > 0) /* a bucket needs no marker */
        rc = copy_key(m, item, to, err);
    cove__free(to);
    return rc;
}

/* Deletes the originals when the whole page has been copied. */
static int move_page(struct move *m, const struct cove__page *page, struct cove_error *err)
{
    const char **paths = cove__calloc(2 * page->n, sizeof *paths), **etags = paths + page->n;
    int rc = paths != NULL ? 0 : cove__fail_nomem(err, "a list of paths");

    for (size_t i = 0; rc == 0 && i < page->n; i++) {
        rc = move_key(m, &page->items[i], err);
        paths[i] = page->items[i].path;
        etags[i] = page->items[i].etag;
    }
    if (rc == 0)
        rc = delete_copied(m->store, paths, etags, page->n, m->ctx, err);
    cove__free(paths);
    return rc;
}

static int move_keys(struct move *m, struct cove_error *err)
{
    struct cove__object_name name = cove__object_split(m->from);
    struct cove__paging paging = { 0 };
    char *token = NULL;
    bool more = false;
    int rc;

    do {
        struct cove__page page = { 0 };

        rc = cove__object_list_keys(m->store, name, token, m->ctx, &page, err);
        cove__free(token);
        token = NULL;
        if (rc == 0 && page.n > 0)
            rc = move_page(m, &page, err);
        if (rc == 0 && page.token != NULL)
            rc = cove__paging_next(&paging, page.token, page.n > 0 ? page.items[0].path : NULL, page.n, m->ctx, err);
        m->any |= page.n > 0;
        more = page.token != NULL;
        if (rc == 0 && (page.n == 0 || !cove__s3_is_directory(m->store, name.bucket))) { /* else lists from the start */
            token = page.token;
            page.token = NULL;
        }
        cove__page_done(&page);
    } while (rc == 0 && more);
    cove__free(token);
    return rc;
}

/* A bucket is kept, empty: moving its content does not concern its name and policy. */
static int move_folder(struct cove__object_store *store, const char *from, const char *to, const struct cove__ctx *ctx,
                       struct cove_error *err)
{
    struct move m = { .store = store, .from = from, .to = to, .ctx = ctx };
    struct cove__object_name source = cove__object_split(from), target = cove__object_split(to);

    if (source.bucket.size == 0 || target.bucket.size == 0)
        return cove__fs_fail(err, ctx, COVE_EINVAL, "all buckets at once cannot be moved; name one");
    if (is_below(to, from))
        return cove__fs_fail(err, ctx, COVE_EINVAL, "cannot move a directory into itself");
    bool promised = cove__virtual_exists(store, from, COVE__VIRTUAL_NOW);
    int rc = cove__object_require_bucket(store, target, ctx, err);
    if (rc == 0)
        rc = move_keys(&m, err);
    if (rc < 0)
        return rc;
    if (!m.any && !promised && source.key.size > 0)
        return cove__fs_fail(err, ctx, COVE_ENOTFOUND, "no such object, and nothing below it");
    if (cove__virtual_move(store, from, to) < 0)
        rc = cove__fail_nomem(err, "a promised directory");
    return rc;
}

int cove__object_move(void *self, const char *from, const char *to, const struct cove__ctx *ctx, struct cove_error *err)
{
    char *plain_from, *plain_to;
    bool folder = cove__object_split(from).key.size == 0;
    int rc = folder ? 0 : move_object(self, from, to, ctx, &folder, err);

    if (!folder)
        return rc;
    plain_from = cove__object_trim_slash(from);
    plain_to = cove__object_trim_slash(to);
    rc = plain_from != NULL && plain_to != NULL ? move_folder(self, plain_from, plain_to, ctx, err)
                                                : cove__fail_nomem(err, "a path");
    cove__free(plain_from);
    cove__free(plain_to);
    return rc;
}
