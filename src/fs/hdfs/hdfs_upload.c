/*
 * New versions of files. One grows in a temporary file beside the target and takes its name by a rename that replaces
 * it in one step, so that a reader finds the old file or the new one.
 */
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/hdfs/hdfs_writer.h"
#include "fs/temporary.h"

#define NEW_MODE 0666u

struct cove__upload {
    struct cove__hdfs *fs;
    char *path, *temporary, *etag; /* owned */
    enum cove_write_if condition;
    struct cove__hdfs_writer *writer;
};

static void upload_free(struct cove__upload *u)
{
    if (!u)
        return;
    cove__hdfs_writer_free(u->writer);
    cove__free(u->path);
    cove__free(u->temporary);
    cove__free(u->etag);
    cove__free(u);
}

/* The permissions that the new version is to have: those of the file that it replaces. */
static int look_at_target(const struct cove__upload *u, uint32_t *ret_mode, const struct cove__ctx *ctx,
                          struct cove_error *err)
{
    struct cove__hdfs_status status;
    struct cove__hdfs_reply reply;
    int rc = cove__hdfs_look(u->fs, u->path, ctx, &reply, &status, err);

    *ret_mode = NEW_MODE & ~u->fs->umask;
    if (rc == COVE_ENOTFOUND)
        return 0;
    if (rc < 0)
        return rc;
    if (status.type == COVE__HDFS_DIRECTORY)
        rc = cove__fs_fail(err, ctx, COVE_EISDIR, "is a directory");
    else
        *ret_mode = status.permission;
    cove__hdfs_reply_done(&reply);
    return rc;
}

static int create_temporary(struct cove__upload *u, uint32_t mode, const struct cove__ctx *ctx, struct cove_error *err)
{
    const char *name = cove__path_name(u->path);
    struct cove__buf b = COVE__BUF_INIT((size_t)1 << 16);
    int rc = COVE_EEXIST;

    for (int i = 0; rc == COVE_EEXIST && i < COVE__TEMPORARY_TRIES; i++) {
        cove__buf_reset(&b);
        cove__buf_add(&b, u->path, (size_t)(name - u->path));
        cove__temporary_name(&b, name);
        rc = cove__buf_rc(&b) ? cove__fail_nomem(err, "a path")
                              : cove__hdfs_create(u->fs, cove__buf_str(&b), mode, false, ctx, &u->writer, err);
    }
    if (rc == 0 && !(u->temporary = cove__buf_take(&b)))
        rc = cove__fail_nomem(err, "a path");
    cove__buf_done(&b);
    return rc;
}

int cove__hdfs_begin(void *self, const char *path, const struct cove__put *put, const struct cove__ctx *ctx,
                     struct cove__upload **ret, struct cove_error *err)
{
    struct cove__upload *u = cove__calloc(1, sizeof *u);
    uint32_t mode = 0;
    int rc = 0;

    if (!u)
        return cove__fail_nomem(err, "an upload");
    u->fs = self;
    u->condition = put ? put->condition : COVE_WRITE_ALWAYS;
    u->path = cove__strdup(path);
    u->etag = put && put->etag ? cove__strdup(put->etag) : NULL;
    if (!u->path || (put && put->etag && !u->etag))
        rc = cove__fail_nomem(err, "an upload");
    if (rc == 0 && strcmp(path, "/") == 0)
        rc = cove__fs_fail(err, ctx, COVE_EISDIR, "is a directory");
    if (rc == 0)
        rc = look_at_target(u, &mode, ctx, err);
    if (rc == 0)
        rc = create_temporary(u, mode, ctx, err);
    if (rc == 0)
        *ret = u;
    else
        cove__hdfs_abort(self, u, ctx);
    return rc;
}

int cove__hdfs_upload_write(struct cove__upload *u, uint64_t offset, struct cove__slice data,
                            const struct cove__ctx *ctx, struct cove_error *err)
{
    return cove__hdfs_write(u->writer, offset, data, ctx, err);
}

void cove__hdfs_part(void *self, struct cove__part_io *io)
{
    struct cove_error err = COVE_ERROR_INIT;
    int rc = cove__ctx_check(&io->op.ctx, &err);

    (void)self;
    if (rc == 0)
        rc = cove__hdfs_upload_write(io->upload, (uint64_t)io->offset, io->src, &io->op.ctx, &err);
    cove__op_finish(&io->op, rc, rc < 0 ? 0 : (int64_t)io->src.size, &err);
}

#define ABORT_NS (10 * COVE__SEC)

/* The call's time may be over: the removal has its own. */
void cove__hdfs_abort(void *self, struct cove__upload *u, const struct cove__ctx *ctx)
{
    struct cove__ctx own = *ctx;

    own.deadline_ns = cove__now_ns() + ABORT_NS;
    own.cancel = NULL;
    if (u->writer && u->temporary) {
        cove__hdfs_unkeep(u->writer);
        (void)cove__hdfs_delete(self, u->temporary, false, &own, NULL);
    }
    upload_free(u);
}

/* ---- publishing ---- */

/* The version that the temporary file has, which the rename does not change. */
static int check_written(struct cove__upload *u, char etag[COVE__HDFS_ETAG_SIZE], const struct cove__ctx *ctx,
                         struct cove_error *err)
{
    struct cove__hdfs_status status;
    struct cove__hdfs_reply reply;
    int rc = cove__hdfs_look(u->fs, u->temporary, ctx, &reply, &status, err);

    if (rc == COVE_ENOTFOUND)
        return cove__fs_fail(err, ctx, COVE_EPRECONDITION, "the temporary file %s was removed", u->temporary);
    if (rc < 0)
        return rc;
    if (status.length != u->writer->size)
        rc = cove__fs_fail(err, ctx, COVE_ESERVER, "the cluster has %llu bytes of the %llu that were written",
                           (unsigned long long)status.length, (unsigned long long)u->writer->size);
    cove__hdfs_etag(&status, etag);
    cove__hdfs_reply_done(&reply);
    return rc;
}

/* The NameNode has no such condition: the file may still be replaced between this and the rename. */
static int check_target(struct cove__upload *u, const struct cove__ctx *ctx, struct cove_error *err)
{
    char etag[COVE__HDFS_ETAG_SIZE];
    struct cove__hdfs_status status;
    struct cove__hdfs_reply reply;
    int rc = cove__hdfs_look(u->fs, u->path, ctx, &reply, &status, err);

    if (rc == COVE_ENOTFOUND)
        return cove__fs_fail(err, ctx, COVE_EPRECONDITION, "the file is gone");
    if (rc < 0)
        return rc;
    cove__hdfs_etag(&status, etag);
    cove__hdfs_reply_done(&reply);
    return u->etag && strcmp(etag, u->etag) == 0
               ? 0
               : cove__fs_fail(err, ctx, COVE_EPRECONDITION, "the file was replaced meanwhile");
}

int cove__hdfs_finish(void *self, struct cove__upload *u, const struct cove__ctx *ctx, char **ret_etag,
                      char **ret_version_id, struct cove_error *err)
{
    char etag[COVE__HDFS_ETAG_SIZE];
    int rc = cove__ctx_check(ctx, err);

    (void)ret_version_id;
    if (rc == 0)
        rc = cove__hdfs_complete(u->writer, ctx, err);
    if (rc == 0)
        rc = check_written(u, etag, ctx, err);
    if (rc == 0 && u->condition == COVE_WRITE_IF_MATCH)
        rc = check_target(u, ctx, err);
    if (rc == 0)
        rc = cove__hdfs_rename(u->fs, u->temporary, u->path, u->condition != COVE_WRITE_IF_NEW, ctx, err);
    if (rc < 0) {
        cove__hdfs_abort(self, u, ctx);
        return rc;
    }
    *ret_etag = cove__strdup(etag); /* NULL when memory is short: the version is not known, the file is there */
    upload_free(u);
    return 0;
}

void cove__hdfs_put(void *self, struct cove__put_io *io)
{
    const struct cove__ctx *ctx = &io->op.ctx;
    struct cove_error err = COVE_ERROR_INIT;
    struct cove__upload *u = NULL;
    int rc = cove__ctx_check(ctx, &err);

    if (rc == 0)
        rc = cove__hdfs_begin(self, io->path, io->put, ctx, &u, &err);
    if (rc == 0) {
        rc = cove__hdfs_upload_write(u, 0, io->src, ctx, &err);
        if (rc < 0)
            cove__hdfs_abort(self, u, ctx);
        else
            rc = cove__hdfs_finish(self, u, ctx, &io->ret_etag, NULL, &err);
    }
    cove__op_finish(&io->op, rc, rc < 0 ? 0 : (int64_t)io->src.size, &err);
}
