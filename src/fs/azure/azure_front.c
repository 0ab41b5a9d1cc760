/*
 * The backend's slots: each call goes to the store that the account is, the blob service or, with a hierarchical
 * namespace, the DFS endpoint. Uploads and appenders keep the store with which they began.
 */
#include "base/error.h"
#include "base/mem.h"
#include "fs/azure/azure_sign.h"
#include "fs/azure/azure_uploads.h"
#include "fs/azure/azure_versions.h"
#include "fs/azure/dfs.h"
#include "fs/fs_impl.h"
#include "fs/paging.h"

static struct cove__object_store *store_now(struct cove__azure *azure)
{
    return atomic_load(&azure->kind_of_namespace) == AZURE_HIERARCHICAL && azure->dfs ? &azure->dfs->store
                                                                                      : &azure->store;
}

static bool is_dfs(const struct cove__object_store *store)
{
    return store->ops == &cove__dfs_object_ops;
}

/* ---- asynchronous ---- */

static void stat_in(struct cove__object_store *store, void *io)
{
    cove__object_stat(store, io);
}

static void read_in(struct cove__object_store *store, void *io)
{
    cove__object_read(store, io);
}

static void put_in(struct cove__object_store *store, void *io)
{
    cove__object_put(store, io);
}

static void azure_stat(void *self, struct cove__stat_io *io)
{
    cove__azure_choose_and(self, io->path, AZURE_READS, &io->op, stat_in, io);
}

static void azure_read(void *self, struct cove__read_io *io)
{
    cove__azure_choose_and(self, io->path, AZURE_READS, &io->op, read_in, io);
}

static void azure_put(void *self, struct cove__put_io *io)
{
    cove__azure_choose_and(self, io->path, AZURE_WRITES, &io->op, put_in, io);
}

/* ---- files and listings ---- */

static int azure_list(void *self, const char *path, bool deep, const char *token, const struct cove__ctx *ctx,
                      struct cove__page *ret_page, struct cove_error *err)
{
    struct cove__object_store *store;
    int rc = cove__azure_choose(self, path, AZURE_READS, ctx, &store, err);

    return rc < 0 ? rc : cove__object_list(store, path, deep, token, ctx, ret_page, err);
}

static int azure_hides_directories(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__object_store *store;
    int rc = cove__azure_choose(self, path, AZURE_READS, ctx, &store, err);

    return rc < 0 ? rc : cove__object_hides_directories(store, path, ctx, err);
}

static bool azure_unordered(void *self, const char *path)
{
    return cove__object_unordered(store_now(self), path);
}

static int azure_copy(void *self, const char *from, const char *etag, const char *to, const struct cove__ctx *ctx,
                      struct cove_error *err)
{
    struct cove__object_store *store;
    int rc = cove__azure_choose(self, from, AZURE_WRITES, ctx, &store, err);

    if (rc == 0 && is_dfs(store))
        return cove__dfs_copy(store, from, etag, to, ctx, err);
    return rc < 0 ? rc : cove__object_copy(store, from, etag, to, ctx, err);
}

static int azure_move(void *self, const char *from, const char *to, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__object_store *store;
    int rc = cove__azure_choose(self, from, AZURE_WRITES, ctx, &store, err);

    return rc < 0 ? rc : cove__object_move(store, from, to, ctx, err);
}

static int azure_remove(void *self, const char *const *paths, const char *const *etags, size_t n,
                        const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__object_store *store;
    int rc = n > 0 ? cove__azure_choose(self, paths[0], AZURE_WRITES, ctx, &store, err) : 0;

    return rc < 0 || n == 0 ? rc : cove__object_remove(store, paths, etags, n, ctx, err);
}

static int azure_set_metadata(void *self, const char *path, const struct cove_pair *pairs, size_t n,
                              const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__object_store *store;
    int rc = cove__azure_choose(self, path, AZURE_WRITES, ctx, &store, err);

    return rc < 0 ? rc : cove__object_set_metadata(store, path, pairs, n, ctx, err);
}

/* ---- versions ---- */

static int choose_versions(struct cove__azure *azure, const char *path, const struct cove__ctx *ctx,
                           struct cove__object_store **ret, struct cove_error *err)
{
    int rc = cove__azure_choose(azure, path, AZURE_READS, ctx, ret, err);

    if (rc == 0 && is_dfs(*ret))
        rc = cove__fs_fail(err, ctx, COVE_ENOTSUP, "an account with a hierarchical namespace keeps no versions");
    return rc;
}

static int azure_versions(void *self, const char *path, const char *token, const struct cove__ctx *ctx,
                          struct cove__page *ret_page, struct cove_error *err)
{
    struct cove__object_store *store;
    int rc = choose_versions(self, path, ctx, &store, err);

    return rc < 0 ? rc : cove__azure_versions(store, path, token, ctx, ret_page, err);
}

static int azure_versions_below(void *self, const char *path, const char *token, const struct cove__ctx *ctx,
                                struct cove__page *ret_page, struct cove_error *err)
{
    struct cove__object_store *store;
    int rc = choose_versions(self, path, ctx, &store, err);

    return rc < 0 ? rc : cove__azure_versions_below(store, path, token, ctx, ret_page, err);
}

/* ---- directories ---- */

static bool is_container(const char *path)
{
    struct cove__object_name name = cove__object_split(path);

    return name.bucket.size > 0 && name.key.size == 0;
}

/* A container alone is the same to both services. Else it is made first, where it may be made: before it is there, not
 * everyone can find out which store the account is. */
static int choose_to_make(struct cove__azure *azure, const char *path, const struct cove__ctx *ctx,
                          struct cove__object_store **ret, struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;
    int rc = cove__azure_choose(azure, path, is_container(path) ? AZURE_READS : AZURE_WRITES, ctx, ret, &why);

    if (rc == COVE_ENOTFOUND && azure->store.create_buckets) {
        rc = cove__object_require_bucket(&azure->store, cove__object_split(path), ctx, err);
        return rc < 0 ? rc : cove__azure_choose(azure, path, AZURE_WRITES, ctx, ret, err);
    }
    return rc < 0 ? cove__error_copy(err, &why) : 0;
}

static int azure_mkdir(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__object_store *store;
    int rc = choose_to_make(self, path, ctx, &store, err);

    return rc < 0 ? rc : cove__object_mkdir(store, path, ctx, err);
}

/* What writes have left goes with the tree: with its directories, and what is in the container itself here. */
static int azure_remove_tree(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__object_store *store;
    int rc = cove__azure_choose(self, path, AZURE_WRITES, ctx, &store, err);

    if (rc == 0)
        rc = cove__object_remove_tree(store, path, ctx, err);
    if (rc == 0 && is_dfs(store) && is_container(path))
        rc = cove__dfs_uploads_below(store, path, true, ctx, err);
    return rc < 0 ? rc : 0;
}

/* Whether a listing of one level has anything: 1, 0, or an error. */
static int any_entry(struct cove__object_store *store, const char *path, const struct cove__ctx *ctx,
                     struct cove_error *err)
{
    struct cove__paging paging = { 0 };
    char *token = NULL;
    bool any = false;
    int rc;

    do {
        struct cove__page page = { 0 };
        rc = cove__object_list(store, path, false, token, ctx, &page, err);
        cove__free(token);
        token = page.token;
        page.token = NULL;
        any |= page.n > 0;
        if (rc == 0 && token)
            rc = cove__paging_next_page(&paging, &page, token, NULL, ctx, err);
        cove__page_done(&page);
    } while (rc == 0 && token && !any);
    cove__free(token);
    return rc < 0 ? rc : any;
}

/* The engine asks for objects below a container, which directories are not; and listings leave out what killed
 * processes have left. 0: nothing is there; COVE_ENOTEMPTY, with what to do. */
static int refuse_full(struct cove__object_store *store, const char *path, const struct cove__ctx *ctx,
                       struct cove_error *err)
{
    int any = any_entry(store, path, ctx, err);

    if (any > 0)
        return cove__fs_fail(err, ctx, COVE_ENOTEMPTY, "%s",
                             is_container(path) ? "the container is not empty" : "the directory is not empty");
    any = any == 0 ? cove__dfs_uploads_below(store, path, false, ctx, err) : any;
    if (any > 0)
        return cove__fs_fail(err, ctx, COVE_ENOTEMPTY,
                             "nothing but unfinished uploads is in it, under way or left by a killed process: cove "
                             "uploads --remove removes them");
    return any;
}

static int azure_rmdir(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__object_store *store;
    struct cove_error why = COVE_ERROR_INIT;
    int rc = cove__azure_choose(self, path, AZURE_WRITES, ctx, &store, &why);

    if (rc == 0 && is_dfs(store) && is_container(path))
        rc = refuse_full(store, path, ctx, &why);
    if (rc == 0) {
        rc = cove__object_rmdir(store, path, ctx, &why);
        if (rc == COVE_ENOTEMPTY && is_dfs(store)) { /* of a directory: what is in it may not be visible */
            struct cove_error closer = COVE_ERROR_INIT;
            if (refuse_full(store, path, ctx, &closer) == COVE_ENOTEMPTY)
                why = closer;
        }
    }
    return rc < 0 ? cove__error_copy(err, &why) : 0;
}

/* ---- uploads ---- */

/* Before it is known which store the account is, parts are cut as either takes them. */
static void azure_part_rules(void *self, const struct cove__put *put, struct cove__part_rules *ret)
{
    struct cove__azure *azure = self;
    bool flat = atomic_load(&azure->kind_of_namespace) == AZURE_FLAT || !azure->dfs;

    cove__object_part_rules(flat ? &azure->store : &azure->dfs->store, put, ret);
}

static int azure_begin(void *self, const char *path, const struct cove__put *put, const struct cove__ctx *ctx,
                       struct cove__upload **ret, struct cove_error *err)
{
    struct cove__object_store *store;
    int rc = cove__azure_choose(self, path, AZURE_WRITES, ctx, &store, err);

    return rc < 0 ? rc : cove__object_upload_begin(store, path, put, ctx, ret, err);
}

static void azure_part(void *self, struct cove__part_io *io)
{
    cove__object_upload_part(io->upload->store, io);
}

static void azure_copy_part(void *self, struct cove__part_io *io)
{
    cove__object_upload_copy_part(io->upload->store, io);
}

static int azure_finish(void *self, struct cove__upload *u, const struct cove__ctx *ctx, char **ret_etag,
                        char **ret_version_id, struct cove_error *err)
{
    return cove__object_upload_finish(u->store, u, ctx, ret_etag, ret_version_id, err);
}

static void azure_abort(void *self, struct cove__upload *u, const struct cove__ctx *ctx)
{
    if (u)
        cove__object_upload_abort(u->store, u, ctx);
}

static int azure_list_uploads(void *self, const char *path, const struct cove__upload_page *last,
                              const struct cove__ctx *ctx, struct cove__upload_page *ret, struct cove_error *err)
{
    struct cove__object_store *store;
    int rc = cove__azure_choose(self, path, AZURE_READS, ctx, &store, err);

    return rc < 0 ? rc : cove__object_list_uploads(store, path, last, ctx, ret, err);
}

static int azure_remove_upload(void *self, const char *path, const char *id, const struct cove__ctx *ctx,
                               struct cove_error *err)
{
    struct cove__object_store *store;
    int rc = cove__azure_choose(self, path, AZURE_WRITES, ctx, &store, err);

    if (rc < 0)
        return rc;
    return is_dfs(store) ? cove__dfs_remove_upload(store, path, id, ctx, err)
                         : cove__azure_remove_upload(store, path, id, ctx, err);
}

/* ---- appends ---- */

static int azure_append_open(void *self, const char *path, bool truncate, const char *etag, const struct cove__ctx *ctx,
                             void **ret_tail, struct cove_error *err)
{
    struct cove__object_store *store;
    int rc = cove__azure_choose(self, path, AZURE_WRITES, ctx, &store, err);

    return rc < 0 ? rc : cove__object_append_open(store, path, truncate, etag, ctx, ret_tail, err);
}

static int azure_append(void *self, void *tail, struct cove__slice data, const struct cove__ctx *ctx, size_t *ret_added,
                        struct cove_error *err)
{
    return cove__object_append(((struct cove__object_tail *)tail)->store, tail, data, ctx, ret_added, err);
}

static void azure_append_close(void *self, void *tail)
{
    if (tail)
        cove__object_append_close(((struct cove__object_tail *)tail)->store, tail);
}

const struct cove__fs_ops cove__azure_ops = {
    .name = "azure",
    .options = cove__azure_option_rows,
    .open = cove__azure_open,
    .close = cove__azure_close,
    .same_store = cove__azure_same_store,
    .endpoint = cove__azure_endpoint,
    .describe = cove__azure_describe,
    .parse = cove__azure_parse,
    .authority = &cove__azure_authority,
    .stat = azure_stat,
    .list = azure_list,
    .unordered = azure_unordered,
    .hides_directories = azure_hides_directories,
    .copy = azure_copy,
    .move = azure_move,
    .remove = azure_remove,
    .sign = cove__azure_sign,
    .read = { .range = azure_read },
    .put = azure_put,
    .directories = {
        .make = azure_mkdir,
        .remove_tree = azure_remove_tree,
        .remove = azure_rmdir,
    },
    .upload = {
        .part_rules = azure_part_rules,
        .begin = azure_begin,
        .part = azure_part,
        .copy_part = azure_copy_part,
        .finish = azure_finish,
        .abort = azure_abort,
        .list = azure_list_uploads,
        .remove = azure_remove_upload,
    },
    .append = {
        .open = azure_append_open,
        .write = azure_append,
        .close = azure_append_close,
    },
    .attributes = {
        .versions = azure_versions,
        .versions_below = azure_versions_below,
        .set_metadata = azure_set_metadata,
    },
};
