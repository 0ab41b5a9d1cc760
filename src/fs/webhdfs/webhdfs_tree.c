/* Directories: listings, mkdir, removals and renames, each a request to the NameNode. */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/paging.h"
#include "fs/webhdfs/webhdfs.h"

/* ---- listings ---- */

struct page_work {
    const char *directory;
    struct cove__page *page;
    char *last; /* owned */
    size_t n;   /* entries before this response */
};

static int accept_listing(struct webhdfs_request *r, struct cove_error *err)
{
    struct page_work *work = r->user;
    int rc;

    for (; work->page->n > work->n; work->page->n--) /* of a response that could not be read to its end */
        cove__info_done(&work->page->items[work->page->n - 1]);
    rc = cove__webhdfs_read_listing(cove__buf_slice(&r->http.response), work->directory, work->page, &work->last);
    if (rc == COVE_ENOTDIR)
        return cove__webhdfs_fail(r, err, rc, "is a file, not a directory");
    return rc < 0 ? cove__webhdfs_unreadable(r, err, rc) : 0;
}

/* The entries after `after` (NULL: from the first on). */
static int list_after(struct cove__webhdfs *store, struct page_work *work, const char *after,
                      const struct cove__ctx *ctx, struct cove_error *err)
{
    struct webhdfs_request r;

    cove__webhdfs_request_init(&r, store, ctx);
    cove__webhdfs_step(&r, "GET", "LISTSTATUS_BATCH", work->directory);
    if (after)
        cove__webhdfs_add(&r, "startAfter", after);
    r.accept = accept_listing;
    r.user = work;
    work->n = work->page->n;
    int rc = cove__webhdfs_run(&r, err);
    if (rc == COVE_ENOTDIR && r.code[0] != '\0') /* a file above it */
        rc = cove__webhdfs_fail(&r, err, COVE_ENOTFOUND, "no such directory");
    cove__webhdfs_request_done(&r);
    return rc;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct cove_info *)a)->path, ((const struct cove_info *)b)->path);
}

/* The whole directory in one page, as HDFS's own order is of signed bytes. */
int cove__webhdfs_list(void *self, const char *path, bool deep, const char *token, const struct cove__ctx *ctx,
                       struct cove__page *page, struct cove_error *err)
{
    struct page_work work = { .directory = path, .page = page };
    struct cove__paging paging = { 0 };
    char *after = NULL;
    int rc;

    do {
        rc = list_after(self, &work, after, ctx, err);
        cove__free(after);
        after = work.last;
        work.last = NULL;
        if (rc == 0 && after)
            rc = cove__paging_next(&paging, after, NULL, page->n - work.n, ctx, err);
    } while (rc == 0 && after);
    cove__free(after);
    if (rc == 0 && page->n > 1)
        qsort(page->items, page->n, sizeof *page->items, by_path);
    return rc;
}

/* ---- directories ---- */

int cove__webhdfs_mkdir(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err)
{
    int rc = cove__webhdfs_mkdirs(self, path, ctx, err);

    if (rc == 0)
        return cove__fs_fail(err, ctx, COVE_ESERVER, "the NameNode has not made the directory");
    return rc < 0 ? rc : 0;
}

int cove__webhdfs_rmdir(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct webhdfs_status status;
    int rc = cove__webhdfs_look(self, path, ctx, &status, err);

    if (rc == 0 && !status.directory)
        rc = cove__fs_fail(err, ctx, COVE_ENOTDIR, "is a file, not a directory");
    if (rc == 0 && path[1] == '\0')
        rc = cove__fs_fail(err, ctx, COVE_ENOTSUP, "the root of a store cannot be removed");
    if (rc < 0)
        return rc;
    rc = cove__webhdfs_delete(self, path, false, ctx, err);
    return rc < 0 ? rc : 0;
}

/* The root is emptied. */
static int empty_root(struct cove__webhdfs *store, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__page page = { 0 };
    int rc = cove__webhdfs_list(store, "/", false, NULL, ctx, &page, err);

    for (size_t i = 0; rc >= 0 && i < page.n; i++)
        rc = cove__webhdfs_delete(store, page.items[i].path, true, ctx, err);
    cove__page_done(&page);
    return rc < 0 ? rc : 0;
}

int cove__webhdfs_remove_tree(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct webhdfs_status status;

    if (path[1] == '\0')
        return empty_root(self, ctx, err);
    int rc = cove__webhdfs_look(self, path, ctx, &status, err);
    if (rc == 0 && !status.directory)
        rc = cove__fs_fail(err, ctx, COVE_ENOTDIR, "is a file, not a directory");
    if (rc < 0)
        return rc;
    rc = cove__webhdfs_delete(self, path, true, ctx, err);
    return rc < 0 ? rc : 0;
}

/* ---- files ---- */

/* The NameNode removes an empty directory as it does a file, and knows no condition: so the file is looked at before.
 * 0: removed, or not there. */
static int remove_one(struct cove__webhdfs *store, const char *path, const char *etag, const struct cove__ctx *ctx,
                      struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;
    struct webhdfs_status status;
    char now[WEBHDFS_ETAG_MAX];
    int rc = cove__webhdfs_look(store, path, ctx, &status, &why);

    if (rc == COVE_ENOTFOUND)
        return 0;
    if (rc < 0)
        return cove__error_copy(err, &why);
    if (status.directory)
        return cove__fs_fail(err, ctx, COVE_EISDIR, "%s is a directory", path);
    cove__webhdfs_make_etag(&status, now);
    if (etag && strcmp(etag, now) != 0)
        return cove__fs_fail(err, ctx, COVE_EPRECONDITION, "%s was changed meanwhile and is kept", path);
    rc = cove__webhdfs_delete(store, path, false, ctx, &why);
    return rc < 0 && rc != COVE_ENOTFOUND ? cove__error_copy(err, &why) : 0;
}

int cove__webhdfs_remove(void *self, const char *const *paths, const char *const *etags, size_t n,
                         const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;
    int rc = 0, broken = 0;

    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = remove_one(self, paths[i], etags ? etags[i] : NULL, ctx, &why);
        if (rc != COVE_EPRECONDITION)
            continue;
        if (broken == 0)
            cove__error_copy(err, &why);
        broken = rc;
        rc = 0;
    }
    return rc < 0 ? cove__error_copy(err, &why) : broken;
}

/* ---- renames ---- */

struct move_work {
    const char *to;
    struct webhdfs_status source;
    bool confirms;
};

static int accept_move(struct webhdfs_request *r, struct cove_error *err)
{
    const struct move_work *work = r->user;
    const struct cove__slice response = cove__buf_slice(&r->http.response);
    struct webhdfs_status there;

    if (work->confirms) {
        int rc = cove__webhdfs_read_status(response, &there);
        if (rc < 0)
            return cove__webhdfs_unreadable(r, err, rc);
        return there.id == work->source.id && there.directory == work->source.directory
                   ? 0
                   : cove__webhdfs_fail(r, err, COVE_ENOTFOUND, "no such file or directory");
    }
    if (response.size == 0 || cove__webhdfs_read_boolean(response) == 1)
        return 0;
    return cove__webhdfs_fail(r, err, COVE_ENOTSUP,
                              "the server cannot replace the target in one step, as HttpFS: remove the target first");
}

/* It may have been done by an attempt whose response was lost. */
static bool learns_move(struct webhdfs_request *r)
{
    struct move_work *work = r->user;

    if (work->confirms || strcmp(r->code, "FileNotFoundException") != 0 || !cove__webhdfs_may_be_done(r))
        return false;
    work->confirms = true;
    cove__webhdfs_step(r, "GET", "GETFILESTATUS", work->to);
    return true;
}

static int make_parent(struct cove__webhdfs *store, const char *path, const struct cove__ctx *ctx,
                       struct cove_error *err)
{
    char *parent = cove__strndup(path, (size_t)(strrchr(path, '/') - path));
    int rc = 0;

    if (!parent)
        return cove__fail_nomem(err, "a path");
    if (parent[0] != '\0')
        rc = cove__webhdfs_mkdir(store, parent, ctx, err);
    cove__free(parent);
    return rc;
}

static int rename_to(struct cove__webhdfs *store, const char *from, struct move_work *work, const struct cove__ctx *ctx,
                     struct cove_error *err)
{
    struct webhdfs_request r;
    struct cove_error why = COVE_ERROR_INIT;

    cove__webhdfs_request_init(&r, store, ctx);
    cove__webhdfs_step(&r, "PUT", "RENAME", from);
    cove__webhdfs_add(&r, "destination", work->to);
    cove__webhdfs_add(&r, "renameoptions", "OVERWRITE");
    r.accept = accept_move;
    r.learns = learns_move;
    r.user = work;
    int rc = cove__webhdfs_run(&r, &why);
    if (rc == COVE_ESERVER && strstr(why.message, "must both be directories"))
        rc = work->source.directory
                 ? cove__webhdfs_fail(&r, &why, COVE_ENOTDIR, "%s is a file, not a directory", work->to)
                 : cove__webhdfs_fail(&r, &why, COVE_EISDIR, "%s is a directory", work->to);
    if (rc == COVE_ESERVER && strstr(why.message, "directory is not empty"))
        rc = cove__webhdfs_fail(&r, &why, COVE_ENOTEMPTY, "the directory %s is not empty", work->to);
    cove__webhdfs_request_done(&r);
    return rc < 0 ? cove__error_copy(err, &why) : 0;
}

int cove__webhdfs_move(void *self, const char *from, const char *to, const struct cove__ctx *ctx,
                       struct cove_error *err)
{
    struct move_work work = { .to = to };
    size_t n = strlen(from);
    int rc = cove__webhdfs_look(self, from, ctx, &work.source, err);

    if (rc == 0 && (n == 1 || to[1] == '\0'))
        rc = cove__fs_fail(err, ctx, COVE_EINVAL, "the root of a store cannot be moved or replaced");
    if (rc == 0 && strncmp(to, from, n) == 0 && to[n] == '/')
        rc = cove__fs_fail(err, ctx, work.source.directory ? COVE_EINVAL : COVE_ENOTDIR, "%s",
                           work.source.directory ? "cannot move a directory into itself" : "is a file");
    if (rc == 0)
        rc = make_parent(self, to, ctx, err);
    return rc < 0 ? rc : rename_to(self, from, &work, ctx, err);
}
