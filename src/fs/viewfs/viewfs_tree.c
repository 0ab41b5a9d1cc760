/* Names: what is at a path, directories, removals, moves. */
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "fs/viewfs/viewfs.h"

int cove__viewfs_spot(const struct cove__viewfs *fs, const char *path, struct viewfs_spot *ret, struct cove_error *err)
{
    const char *rest;

    *ret = (struct viewfs_spot){ 0 };
    ret->place = cove__viewfs_find(&fs->table, path, &ret->mount, &rest);
    if (ret->place != VIEWFS_MOUNTED)
        return 0;
    ret->is_mount = *rest == '\0';
    ret->ops = ret->mount->fs->ops;
    ret->self = ret->mount->fs->self;
    ret->path = *rest ? cove__path_join(ret->mount->root, rest) : cove__strdup(ret->mount->root);
    return ret->path ? 0 : cove__fail_nomem(err, "a path");
}

static int refuse_nowhere(const struct cove__viewfs *fs, const char *path, const struct cove__ctx *ctx,
                          struct cove_error *err)
{
    struct cove__buf text = COVE__BUF_INIT((size_t)16 << 10);
    int rc;

    cove__viewfs_paths(&fs->table, &text);
    rc = cove__fs_fail(err, ctx, COVE_ENOTFOUND, "no mount for %s; the mount table %s has %s", path, fs->table.cluster,
                       cove__buf_str(&text));
    cove__buf_done(&text);
    return rc;
}

int cove__viewfs_mounted(const struct cove__viewfs *fs, const char *path, const struct cove__ctx *ctx,
                         struct viewfs_spot *ret, struct cove_error *err)
{
    int rc = cove__viewfs_spot(fs, path, ret, err);

    if (rc < 0 || ret->place == VIEWFS_MOUNTED)
        return rc;
    if (ret->place == VIEWFS_NOWHERE)
        return refuse_nowhere(fs, path, ctx, err);
    return cove__fs_fail(err, ctx, COVE_EISDIR, "%s is a directory of the mount table, which cannot be changed", path);
}

/* The same, but of no mount itself, which stays. */
static int below_a_mount(const struct cove__viewfs *fs, const char *path, const struct cove__ctx *ctx,
                         struct viewfs_spot *ret, struct cove_error *err)
{
    int rc = cove__viewfs_mounted(fs, path, ctx, ret, err);

    if (rc < 0 || !ret->is_mount)
        return rc;
    rc = cove__fs_fail(err, ctx, COVE_EACCESS, "%s is the mount of %s, which stays", path, ret->mount->url);
    cove__free(ret->path);
    ret->path = NULL;
    return rc;
}

/* ---- what is there ---- */

static int stat_in(const struct viewfs_spot *spot, const struct cove__stat_io *io, struct cove_error *err)
{
    struct cove__inbox inbox;
    struct cove__stat_io inner = {
        .op.ctx = io->op.ctx, .path = spot->path, .only = io->only, .ret_info = io->ret_info
    };
    char *path = cove__strdup(io->path);
    int rc;

    if (!path)
        return cove__fail_nomem(err, "a path");
    cove__op_will_wait(&inner.op, &inbox);
    cove__op_start(&inner.op);
    spot->ops->stat(spot->self, &inner);
    rc = cove__op_wait(&inner.op, err);
    if (rc < 0) {
        cove__free(path);
        return rc;
    }
    cove__free(io->ret_info->path);
    io->ret_info->path = path;
    return 0;
}

void cove__viewfs_stat(void *self, struct cove__stat_io *io)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct viewfs_spot spot;
    int rc = cove__viewfs_spot(self, io->path, &spot, &err);

    if (rc == 0 && spot.place == VIEWFS_MOUNTED)
        rc = stat_in(&spot, io, &err);
    else if (rc == 0 && spot.place == VIEWFS_NOWHERE)
        rc = refuse_nowhere(self, io->path, &io->op.ctx, &err);
    else if (rc == 0 && cove__info_set(io->ret_info, io->path, COVE_INFO_DIRECTORY, 0, -1, NULL) < 0)
        rc = cove__fail_nomem(&err, "an info");
    cove__free(spot.path);
    cove__op_finish(&io->op, rc, 0, &err);
}

/* Gives the entries of a target's directory their paths here, and leaves out those that mounts hide. */
static int rename_entries(const struct cove__viewfs *fs, const char *directory, const char *there,
                          struct cove__page *page)
{
    size_t kept = 0;
    int rc = 0;

    for (size_t i = 0; i < page->n; i++) {
        const char *name = cove__path_below(page->items[i].path, there);
        char *path;

        if (rc < 0 || cove__viewfs_has_child(&fs->table, directory, name)) {
            cove__info_done(&page->items[i]);
            continue;
        }
        path = cove__path_join(directory, name);
        rc = path ? 0 : COVE_ENOMEM;
        cove__free(page->items[i].path);
        page->items[i].path = path;
        page->items[kept++] = page->items[i];
    }
    page->n = kept;
    return rc;
}

static int list_in(const struct cove__viewfs *fs, const char *path, const struct viewfs_spot *spot, const char *token,
                   const struct cove__ctx *ctx, struct cove__page *ret_page, struct cove_error *err)
{
    int rc = spot->ops->list(spot->self, spot->path, false, token, ctx, ret_page, err);

    if (rc == 0 && rename_entries(fs, path, spot->path, ret_page) < 0) {
        cove__page_done(ret_page);
        rc = cove__fail_nomem(err, "a listing");
    }
    return rc;
}

/* After the entries of the mount table come those of the fallback, whose tokens get a letter before them. */
static int list_inner(const struct cove__viewfs *fs, const char *path, const char *token, const struct cove__ctx *ctx,
                      struct cove__page *ret_page, struct cove_error *err)
{
    const struct viewfs_mount *fallback = &fs->table.fallback;
    struct viewfs_spot spot;
    struct cove_error why = COVE_ERROR_INIT;
    char *next;
    int rc;

    if (!token) {
        rc = cove__viewfs_children(&fs->table, path, ret_page);
        if (rc == 0 && fallback->url && !(ret_page->token = cove__strdup("f")))
            rc = COVE_ENOMEM;
        if (rc < 0)
            cove__page_done(ret_page);
        return rc < 0 ? cove__fail_nomem(err, "a listing") : 0;
    }
    spot = (struct viewfs_spot){ .ops = fallback->fs->ops, .self = fallback->fs->self };
    spot.path = path[1] ? cove__path_join(fallback->root, path + 1) : cove__strdup(fallback->root);
    if (!spot.path)
        return cove__fail_nomem(err, "a path");
    rc = list_in(fs, path, &spot, token[1] ? token + 1 : NULL, ctx, ret_page, &why);
    cove__free(spot.path);
    if (rc == COVE_ENOTFOUND || rc == COVE_ENOTDIR)
        return 0; /* only the mount table has this directory */
    if (rc < 0)
        return cove__error_copy(err, &why);
    if (!ret_page->token)
        return 0;
    struct cove__buf text = COVE__BUF_INIT((size_t)1 << 20);

    cove__buf_addf(&text, "f%s", ret_page->token);
    next = cove__buf_take(&text);
    if (!next) {
        cove__page_done(ret_page);
        return cove__fail_nomem(err, "a listing");
    }
    cove__free(ret_page->token);
    ret_page->token = next;
    return 0;
}

int cove__viewfs_list(void *self, const char *path, bool deep, const char *token, const struct cove__ctx *ctx,
                      struct cove__page *ret_page, struct cove_error *err)
{
    struct viewfs_spot spot;
    int rc = cove__viewfs_spot(self, path, &spot, err);

    (void)deep; /* of stores without real directories only */
    if (rc == 0 && spot.place == VIEWFS_MOUNTED)
        rc = list_in(self, path, &spot, token, ctx, ret_page, err);
    else if (rc == 0 && spot.place == VIEWFS_INNER)
        rc = list_inner(self, path, token, ctx, ret_page, err);
    else if (rc == 0)
        rc = refuse_nowhere(self, path, ctx, err);
    cove__free(spot.path);
    return rc;
}

/* ---- changes ---- */

static int unsupported(const struct viewfs_spot *spot, const struct cove__ctx *ctx, struct cove_error *err)
{
    return cove__fs_fail(err, ctx, COVE_ENOTSUP, "%s:// has no such operation", spot->mount->fs->scheme);
}

int cove__viewfs_make(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct viewfs_spot spot;
    int rc = cove__viewfs_spot(self, path, &spot, err);

    if (rc == 0 && spot.place == VIEWFS_NOWHERE)
        rc = refuse_nowhere(self, path, ctx, err);
    else if (rc == 0 && spot.place == VIEWFS_MOUNTED)
        rc = spot.ops->directories.make ? spot.ops->directories.make(spot.self, spot.path, ctx, err)
                                        : unsupported(&spot, ctx, err);
    cove__free(spot.path);
    return rc;
}

int cove__viewfs_remove_directory(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct viewfs_spot spot = { 0 };
    int rc = below_a_mount(self, path, ctx, &spot, err);

    if (rc == 0)
        rc = spot.ops->directories.remove ? spot.ops->directories.remove(spot.self, spot.path, ctx, err)
                                          : unsupported(&spot, ctx, err);
    cove__free(spot.path);
    return rc;
}

/* By the public call, as a target may have no slot for it. */
int cove__viewfs_remove_tree(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove_call call = COVE_CALL_INIT;
    struct viewfs_spot spot = { 0 };
    int rc = below_a_mount(self, path, ctx, &spot, err);

    call.cancel = ctx->cancel;
    call.timeout_ms = -1;
    if (ctx->deadline_ns != INT64_MAX) {
        call.timeout_ms = (ctx->deadline_ns - cove__now_ns()) / COVE__MS;
        call.timeout_ms = call.timeout_ms > 0 ? call.timeout_ms : 1;
    }
    if (rc == 0)
        rc = cove_fs_remove_tree(spot.mount->fs, spot.path, &call, err);
    cove__free(spot.path);
    return rc;
}

int cove__viewfs_remove(void *self, const char *const *paths, const char *const *etags, size_t n,
                        const struct cove__ctx *ctx, struct cove_error *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct viewfs_spot spot = { 0 };
        const char *one;

        rc = below_a_mount(self, paths[i], ctx, &spot, err);
        one = spot.path;
        if (rc == 0)
            rc = spot.ops->remove ? spot.ops->remove(spot.self, &one, etags ? &etags[i] : NULL, 1, ctx, err)
                                  : unsupported(&spot, ctx, err);
        cove__free(spot.path);
    }
    return rc;
}

int cove__viewfs_move(void *self, const char *from, const char *to, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct viewfs_spot source = { 0 }, target = { 0 };
    int rc = below_a_mount(self, from, ctx, &source, err);

    if (rc == 0)
        rc = below_a_mount(self, to, ctx, &target, err);
    if (rc == 0 && source.mount != target.mount)
        rc = cove__fs_fail(err, ctx, COVE_ENOTSUP,
                           "a move from the mount %s (%s) to the mount %s (%s) is refused; copy, then remove",
                           source.mount->path, source.mount->url, target.mount->path, target.mount->url);
    else if (rc == 0)
        rc = source.ops->move ? source.ops->move(source.self, source.path, target.path, ctx, err) : COVE_ENOTSUP;
    cove__free(source.path);
    cove__free(target.path);
    return rc;
}

int cove__viewfs_copy(void *self, const char *from, const char *etag, const char *to, const struct cove__ctx *ctx,
                      struct cove_error *err)
{
    struct viewfs_spot source = { 0 }, target = { 0 };
    int rc = cove__viewfs_mounted(self, from, ctx, &source, err);

    if (rc == 0)
        rc = cove__viewfs_mounted(self, to, ctx, &target, err);
    if (rc == 0 && source.mount->fs != target.mount->fs)
        rc = cove__fs_fail(err, ctx, COVE_ENOTSUP,
                           "%s (%s) and %s (%s) are of different stores; copy between their own URLs",
                           source.mount->path, source.mount->url, target.mount->path, target.mount->url);
    else if (rc == 0)
        rc = source.ops->copy ? source.ops->copy(source.self, source.path, etag, target.path, ctx, err)
                              : unsupported(&source, ctx, err);
    cove__free(source.path);
    cove__free(target.path);
    return rc;
}
