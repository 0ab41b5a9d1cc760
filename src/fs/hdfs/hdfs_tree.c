/* Directories, removals and renames: what the NameNode does in one step. */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/hdfs/hdfs.h"
#include "fs/hdfs/hdfs_error.h"
#include "wire/protobuf.h"

#define REQUEST_MAX    ((size_t)256 << 10)
#define DIRECTORY_MODE 0777u

/* A call whose response is empty, or one bool, which *ret (NULL: of no interest) gets. */
static int call_for_bool(struct cove__hdfs *fs, const char *method, struct cove__buf *request,
                         const struct cove__ctx *ctx, bool *ret, struct cove_error *err)
{
    struct cove__hdfs_reply reply;
    uint64_t value = 0;
    int rc = cove__hdfs_call(fs, method, request, NULL, ctx, &reply, err);

    cove__buf_done(request);
    if (rc < 0)
        return rc;
    if (ret && !cove__hdfs_number(reply.response.message, 1, &value))
        rc = cove__hdfs_unreadable(ctx, method, COVE_EPROTOCOL, err);
    else if (ret)
        *ret = value != 0;
    cove__hdfs_reply_done(&reply);
    return rc;
}

int cove__hdfs_make_directory(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__hdfs *fs = self;
    struct cove__buf request = COVE__BUF_INIT(REQUEST_MAX);
    bool made = false;
    int rc;

    cove__pb_string(&request, 1, path);
    cove__hdfs_write_permission(&request, 2, DIRECTORY_MODE & ~fs->umask);
    cove__pb_uint(&request, 3, 1);
    cove__hdfs_write_permission(&request, 4, DIRECTORY_MODE);
    rc = call_for_bool(self, "mkdirs", &request, ctx, &made, err);
    return rc == 0 && !made ? cove__fs_fail(err, ctx, COVE_ESERVER, "the NameNode did not make the directory") : rc;
}

int cove__hdfs_delete(struct cove__hdfs *fs, const char *path, bool recursive, const struct cove__ctx *ctx,
                      struct cove_error *err)
{
    struct cove__buf request = COVE__BUF_INIT(REQUEST_MAX);
    bool removed = false;
    int rc;

    cove__pb_string(&request, 1, path);
    cove__pb_uint(&request, 2, recursive);
    rc = call_for_bool(fs, "delete", &request, ctx, &removed, err);
    return rc < 0 ? rc : removed;
}

/* ---- removals ---- */

/* What is at the path: its type, or an error. `etag` (NULL: any): COVE_EPRECONDITION if a file has another. */
static int type_of(struct cove__hdfs *fs, const char *path, const char *etag, const struct cove__ctx *ctx,
                   struct cove_error *err)
{
    char found[COVE__HDFS_ETAG_SIZE];
    struct cove__hdfs_status status;
    struct cove__hdfs_reply reply;
    int rc = cove__hdfs_look(fs, path, ctx, &reply, &status, err);

    if (rc < 0)
        return rc;
    cove__hdfs_etag(&status, found);
    rc = (int)status.type;
    if (etag && rc != COVE__HDFS_DIRECTORY && strcmp(etag, found) != 0)
        rc = cove__fs_fail(err, ctx, COVE_EPRECONDITION, "%s was changed meanwhile and is kept", path);
    cove__hdfs_reply_done(&reply);
    return rc;
}

/* The NameNode removes an empty directory like a file, and knows no conditions: it is asked first. */
static int remove_file(struct cove__hdfs *fs, const char *path, const char *etag, const struct cove__ctx *ctx,
                       struct cove_error *err)
{
    int rc = type_of(fs, path, etag, ctx, err);

    if (rc == COVE_ENOTFOUND)
        return 0;
    if (rc == COVE__HDFS_DIRECTORY)
        return cove__fs_fail(err, ctx, COVE_EISDIR, "%s is a directory", path);
    return rc < 0 ? rc : cove__hdfs_delete(fs, path, false, ctx, err);
}

int cove__hdfs_remove(void *self, const char *const *paths, const char *const *etags, size_t n,
                      const struct cove__ctx *ctx, struct cove_error *err)
{
    int broken = 0;

    for (size_t i = 0; i < n; i++) {
        int rc = remove_file(self, paths[i], etags ? etags[i] : NULL, ctx, broken ? NULL : err);

        if (rc == COVE_EPRECONDITION)
            broken = rc;
        else if (rc < 0)
            return rc;
    }
    return broken;
}

static int check_directory(struct cove__hdfs *fs, const char *path, const struct cove__ctx *ctx, struct cove_error *err)
{
    int rc = type_of(fs, path, NULL, ctx, err);

    if (rc == COVE_ENOTFOUND)
        return cove__fs_fail(err, ctx, rc, "no such directory");
    return rc < 0 || rc == COVE__HDFS_DIRECTORY ? (rc < 0 ? rc : 0)
                                                : cove__fs_fail(err, ctx, COVE_ENOTDIR, "is a file");
}

int cove__hdfs_remove_directory(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err)
{
    int rc = check_directory(self, path, ctx, err);

    if (rc < 0)
        return rc;
    if (strcmp(path, "/") == 0)
        return cove__fs_fail(err, ctx, COVE_EINVAL, "the root cannot be removed");
    rc = cove__hdfs_delete(self, path, false, ctx, err);
    return rc == 0 ? cove__fs_fail(err, ctx, COVE_ENOTFOUND, "no such directory") : rc < 0 ? rc : 0;
}

/* The root itself cannot be removed, only what is in it. */
static int empty_root(struct cove__hdfs *fs, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__page page = { 0 };
    int rc = 0;
    bool more;

    do {
        rc = cove__hdfs_list(fs, "/", false, NULL, ctx, &page, err);
        more = rc == 0 && page.token;
        for (size_t i = 0; rc >= 0 && i < page.n; i++)
            rc = cove__hdfs_delete(fs, page.items[i].path, true, ctx, err);
        cove__page_done(&page);
    } while (rc >= 0 && more);
    return rc < 0 ? rc : 0;
}

int cove__hdfs_remove_tree(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err)
{
    int rc;

    if (strcmp(path, "/") == 0)
        return empty_root(self, ctx, err);
    rc = check_directory(self, path, ctx, err);
    if (rc == 0)
        rc = cove__hdfs_delete(self, path, true, ctx, err);
    return rc < 0 ? rc : 0;
}

/* ---- renames ---- */

static int rename_once(struct cove__hdfs *fs, const char *from, const char *to, bool replaces,
                       const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__buf request = COVE__BUF_INIT(REQUEST_MAX);

    cove__pb_string(&request, 1, from);
    cove__pb_string(&request, 2, to);
    cove__pb_uint(&request, 3, replaces);
    return call_for_bool(fs, "rename2", &request, ctx, NULL, err);
}

/* Whether a rename did not find its source, but its target's parent. */
static int make_parent(struct cove__hdfs *fs, const char *from, const char *to, const struct cove__ctx *ctx,
                       struct cove_error *err)
{
    char *parent = cove__path_parent(to);
    int rc;

    if (!parent)
        return cove__fail_nomem(err, "a path");
    rc = type_of(fs, from, NULL, ctx, err);
    if (rc == COVE_ENOTFOUND)
        rc = cove__fs_fail(err, ctx, rc, "no such file or directory: %s", from);
    if (rc > 0)
        rc = cove__hdfs_make_directory(fs, parent, ctx, err);
    cove__free(parent);
    return rc;
}

int cove__hdfs_rename(struct cove__hdfs *fs, const char *from, const char *to, bool replaces,
                      const struct cove__ctx *ctx, struct cove_error *err)
{
    int rc = rename_once(fs, from, to, replaces, ctx, err);

    if (rc != COVE_ENOTFOUND)
        return rc;
    rc = make_parent(fs, from, to, ctx, err);
    return rc < 0 ? rc : rename_once(fs, from, to, replaces, ctx, err);
}

int cove__hdfs_move(void *self, const char *from, const char *to, const struct cove__ctx *ctx, struct cove_error *err)
{
    size_t n = strlen(from);

    if (strncmp(from, to, n) == 0 && to[n] == '/')
        return cove__fs_fail(err, ctx, COVE_EINVAL, "cannot move a directory into itself");
    return cove__hdfs_rename(self, from, to, true, ctx, err);
}
