/* The public calls for metadata, and those that change a store without transferring bytes; removals are in fs_remove.c.
 */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"

int cove__fs_unsupported(const struct cove__target *target, struct cove_error *err)
{
    return cove__fs_fail(err, &target->ctx, COVE_ENOTSUP, "this store cannot do that");
}

int cove__fs_explain(cove_fs *fs, const struct cove__target *target, int rc, struct cove_error *err)
{
    if (rc < 0 && err && fs->ops->explain)
        fs->ops->explain(fs->self, target->path, &target->ctx, err);
    return rc;
}

bool cove__fs_unordered(const cove_fs *fs, const char *path)
{
    return fs->ops->unordered && fs->ops->unordered(fs->self, path);
}

/* `only` as in cove__stat_io. */
static int look(cove_fs *fs, const char *path, enum cove_info_type only, const struct cove__ctx *ctx,
                struct cove_info *ret, struct cove_error *err)
{
    struct cove__inbox inbox;
    struct cove__stat_io io = { .op = { .ctx = *ctx }, .path = path, .ret_info = ret, .only = only };

    cove__op_will_wait(&io.op, &inbox);
    cove__op_start(&io.op);
    fs->ops->stat(fs->self, &io);
    int rc = cove__op_wait(&io.op, err);
    if (rc == 0)
        cove__checksum_cache_put(fs, path, ret);
    return rc;
}

int cove__fs_stat(cove_fs *fs, const char *path, const struct cove__ctx *ctx, struct cove_info *ret,
                  struct cove_error *err)
{
    return look(fs, path, 0, ctx, ret, err);
}

int cove_fs_stat(cove_fs *fs, const char *path, const struct cove_call *call, cove_info **ret_info,
                 struct cove_error *err)
{
    struct cove__target target;
    cove_info *info = NULL;
    int rc = cove__target_init(&target, fs, path, call, "stat", err);

    if (rc < 0)
        return rc;
    info = cove__calloc(1, sizeof *info);
    rc = info ? cove__fs_stat(fs, target.path, &target.ctx, info, err) : cove__fail_nomem(err, "an info");
    cove__fs_explain(fs, &target, rc, err);
    if (rc == 0) {
        *ret_info = info;
        info = NULL;
    }
    cove_info_free(info);
    cove__target_done(&target);
    return rc;
}

/* Whether `path` is of type `only` (0: of either). */
static int is_there(cove_fs *fs, const char *path, enum cove_info_type only, const struct cove_call *call,
                    struct cove_error *err)
{
    struct cove__target target;
    struct cove_info info = { 0 };
    struct cove_error why = COVE_ERROR_INIT;
    int rc = cove__target_init(&target, fs, path, call, "stat", err);

    if (rc < 0)
        return rc;
    rc = look(fs, target.path, only, &target.ctx, &info, &why);
    cove__target_done(&target);
    if (rc == 0)
        rc = only == 0 || info.type == only;
    else if (rc == COVE_ENOTFOUND || rc == COVE_ENOTDIR)
        rc = 0;
    else
        cove__error_copy(err, &why);
    cove__info_done(&info);
    return rc;
}

int cove_fs_exists(cove_fs *fs, const char *path, const struct cove_call *call, struct cove_error *err)
{
    return is_there(fs, path, 0, call, err);
}

int cove_fs_is_file(cove_fs *fs, const char *path, const struct cove_call *call, struct cove_error *err)
{
    return is_there(fs, path, COVE_INFO_FILE, call, err);
}

int cove_fs_is_directory(cove_fs *fs, const char *path, const struct cove_call *call, struct cove_error *err)
{
    return is_there(fs, path, COVE_INFO_DIRECTORY, call, err);
}

int cove_fs_has_directories(cove_fs *fs, const char *path, const struct cove_call *call, struct cove_error *err)
{
    struct cove__target target;
    int rc = cove__target_init(&target, fs, path, call, "stat", err);

    if (rc == 0 && fs->ops->real_directories)
        rc = 1;
    else if (rc == 0 && fs->ops->hides_directories)
        rc = fs->ops->hides_directories(fs->self, target.path, &target.ctx, err);
    cove__target_done(&target);
    return rc;
}

/* Two paths of one store. Messages name both, because either may cause a failure. */
struct two {
    struct cove__target from, to;
    struct cove__buf urls;
};

static int two_init(struct two *two, cove_fs *fs, const char *from, const char *to, const struct cove_call *call,
                    const char *op, struct cove_error *err)
{
    int rc;

    *two = (struct two){ 0 };
    cove__buf_init(&two->urls, SIZE_MAX);
    rc = cove__target_init(&two->from, fs, from, call, op, err);
    if (rc == 0)
        rc = cove__target_init(&two->to, fs, to, call, op, err);
    if (rc == 0 && cove__buf_addf(&two->urls, "%s to %s", two->from.url, two->to.url) < 0)
        rc = cove__fail_nomem(err, "a URL");
    if (rc == 0)
        two->from.ctx.url = cove__buf_str(&two->urls);
    return rc;
}

static void two_done(struct two *two)
{
    cove__target_done(&two->from);
    cove__target_done(&two->to);
    cove__buf_done(&two->urls);
}

bool cove__fs_is_etag(const char *text)
{
    const char *opaque = strncmp(text, "W/", 2) == 0 ? text + 2 : text;
    size_t n = strlen(opaque);

    return n >= 2 && opaque[0] == '"' && strcspn(opaque + 1, "\"\r\n") == n - 2 && opaque[n - 1] == '"';
}

int cove__fs_check_etag(const cove_fs *fs, const char *etag, const struct cove__ctx *ctx, struct cove_error *err)
{
    bool own = fs->ops->is_version;

    if (!etag || (own ? fs->ops->is_version(fs->self, etag) : cove__fs_is_etag(etag)))
        return 0;
    return cove__fs_fail(err, ctx, COVE_EINVAL,
                         own ? "the condition is not a version of this store"
                             : "the condition is not an ETag with its quotes");
}

static int copy_one(cove_fs *fs, const char *from, const char *etag, const char *to, const struct cove__ctx *ctx,
                    struct cove_error *err)
{
    if (strcmp(from, to) == 0)
        return cove__fs_fail(err, ctx, COVE_EINVAL, "source and target are the same file");
    return fs->ops->copy(fs->self, from, etag, to, ctx, err);
}

int cove_fs_copy(cove_fs *fs, const char *from, const char *to, const struct cove_call *call, struct cove_error *err)
{
    return cove_fs_copy_if_match(fs, from, NULL, to, call, err);
}

int cove_fs_copy_if_match(cove_fs *fs, const char *from, const char *etag, const char *to, const struct cove_call *call,
                          struct cove_error *err)
{
    struct two two;
    int rc = two_init(&two, fs, from, to, call, "copy", err);

    if (rc == 0)
        rc = cove__fs_check_etag(fs, etag, &two.from.ctx, err);
    if (rc == 0)
        rc = fs->ops->copy ? copy_one(fs, two.from.path, etag, two.to.path, &two.from.ctx, err)
                           : cove__fs_unsupported(&two.from, err);
    two_done(&two);
    return rc;
}

/* Copies, then removes the original if it still is what was copied. For stores without a move, and moves to another
 * disk. */
static int move_by_copy(cove_fs *fs, const struct two *two, struct cove_error *err)
{
    struct cove_info info = { 0 };
    const char *path = two->from.path;
    int rc = cove__fs_stat(fs, path, &two->from.ctx, &info, err);

    if (rc == 0 && info.type == COVE_INFO_DIRECTORY)
        rc = cove__fs_fail(err, &two->from.ctx, COVE_ENOTSUP, "a directory cannot be moved there in one step; copy it");
    if (rc == 0)
        rc = copy_one(fs, path, NULL, two->to.path, &two->from.ctx, err);
    if (rc == 0) {
        const char *etag = info.etag;
        rc = fs->ops->remove(fs->self, &path, &etag, 1, &two->from.ctx, err);
    }
    cove__info_done(&info);
    return rc;
}

int cove_fs_move(cove_fs *fs, const char *from, const char *to, const struct cove_call *call, struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;
    struct two two;
    int rc = two_init(&two, fs, from, to, call, "move", err);

    if (rc == 0 && strcmp(two.from.path, two.to.path) == 0)
        rc = cove__fs_fail(err, &two.from.ctx, COVE_EINVAL, "source and target are the same file");
    if (rc < 0)
        goto out;
    rc = fs->ops->move ? fs->ops->move(fs->self, two.from.path, two.to.path, &two.from.ctx, &why) : COVE_ENOTSUP;
    bool another_way =
        rc == COVE_ENOTSUP && why.message[0] == '\0'; /* else the backend has tried, and the message has the reason */
    if (another_way && fs->ops->copy && fs->ops->remove)
        rc = move_by_copy(fs, &two, err);
    else if (another_way)
        rc = cove__fs_unsupported(&two.from, err);
    else if (rc < 0)
        cove__error_copy(err, &why);
out:
    two_done(&two);
    return rc;
}

int cove_fs_mkdir(cove_fs *fs, const char *path, const struct cove_call *call, struct cove_error *err)
{
    struct cove__target target;
    int rc = cove__target_init(&target, fs, path, call, "mkdir", err);

    if (rc == 0)
        rc = fs->ops->directories.make ? fs->ops->directories.make(fs->self, target.path, &target.ctx, err)
                                       : cove__fs_unsupported(&target, err);
    cove__target_done(&target);
    return rc;
}
