/*
 * Writing local files. A new version grows in a temporary file beside the target, reaches the disk, and takes the name
 * in one step (fsync, rename, fsync of the folder), so a reader, or a machine that lost its power, finds the old file
 * or the new one. What is no regular file (a pipe, a terminal) is written straight.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "fs/file/file.h"

#define NAME_TRIES 16
#define NAME_KEPT  180 /* bytes of the target's name in the temporary one: a name has at most 255 */

struct cove__upload {
    struct cove__file *f;
    int fd;
    char *path;      /* where it is to stand; links followed */
    char *temporary; /* NULL: the target is written straight */
    enum cove_write_if condition;
    char *etag;
};

/* Links are followed by hand, so that the file that a link names is replaced and not the link. */
static char *follow_links(const char *path)
{
    char *now = cove__strdup(path);

    for (int i = 0; now && i < 40; i++) {
        char target[4096];
        ssize_t n = readlink(now, target, sizeof target - 1);
        char *parent;
        char *next;

        if (n < 0)
            break;
        target[n] = '\0';
        parent = target[0] == '/' ? NULL : cove__path_parent(now);
        next = target[0] == '/' ? cove__strdup(target) : parent ? cove__path_join(parent, target) : NULL;
        cove__free(parent);
        cove__free(now);
        now = next;
    }
    return now;
}

static int open_temporary(struct cove__upload *u, const struct cove__ctx *ctx, struct cove_error *err)
{
    const char *name = cove__path_name(u->path);
    struct cove__buf b = COVE__BUF_INIT((size_t)1 << 20);
    int rc = 0;

    for (int i = 0; u->fd < 0 && i < NAME_TRIES; i++) {
        cove__buf_reset(&b);
        cove__buf_add(&b, u->path, (size_t)(name - u->path));
        cove__buf_addf(&b, ".%.*s.%08" PRIx32 COVE__FILE_TEMPORARY, NAME_KEPT, name, (uint32_t)cove__random());
        if (cove__buf_rc(&b)) {
            rc = cove__fail_nomem(err, "a path");
            goto out;
        }
        u->fd = open(cove__buf_str(&b), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (u->fd < 0 && errno != EEXIST)
            break;
    }
    if (u->fd < 0) {
        rc = cove__file_fail(err, ctx, errno);
        goto out;
    }
    u->temporary = cove__buf_take(&b);
    if (!u->temporary)
        rc = cove__fail_nomem(err, "a path");
out:
    cove__buf_done(&b);
    return rc;
}

/* Nothing stands there, or a regular file: then a temporary one. A directory is refused at once. */
static int open_target(struct cove__upload *u, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct stat st;
    char *parent;
    bool there = stat(u->path, &st) == 0;
    int rc;

    if (there && S_ISDIR(st.st_mode))
        return cove__fs_fail(err, ctx, COVE_EISDIR, "is a directory");
    if (there && !S_ISREG(st.st_mode)) {
        u->fd = open(u->path, O_WRONLY | O_CLOEXEC);
        return u->fd < 0 ? cove__file_fail(err, ctx, errno) : 0;
    }
    if (there && access(u->path, W_OK) < 0) /* renaming over a write-protected file would go behind its owner's back */
        return cove__file_fail(err, ctx, errno);
    if (!there && u->f->auto_mkdir) {
        parent = cove__path_parent(u->path);
        rc = parent ? cove__file_mkdirs(u->f, parent, ctx, err) : cove__fail_nomem(err, "a path");
        cove__free(parent);
        if (rc < 0)
            return rc == COVE_EEXIST ? cove__fs_fail(err, ctx, COVE_ENOTDIR, "a file stands where a folder should")
                                     : rc;
    }
    rc = open_temporary(u, ctx, err);
    if (rc == 0 && there && fchmod(u->fd, st.st_mode & 07777) < 0)
        rc = cove__file_fail(err, ctx, errno);
    return rc;
}

static void upload_free(struct cove__upload *u)
{
    if (!u)
        return;
    if (u->fd >= 0)
        close(u->fd);
    cove__free(u->path);
    cove__free(u->temporary);
    cove__free(u->etag);
    cove__free(u);
}

void cove__file_abort(void *self, struct cove__upload *u)
{
    if (u && u->temporary)
        unlink(u->temporary);
    upload_free(u);
}

int cove__file_begin(void *self, const char *path, const struct cove__put *put, const struct cove__ctx *ctx,
                     struct cove__upload **ret, struct cove_error *err)
{
    struct cove__upload *u = cove__calloc(1, sizeof *u);
    int rc;

    if (!u)
        return cove__fail_nomem(err, "an upload");
    u->fd = -1;
    u->f = self;
    u->condition = put ? put->condition : COVE_WRITE_ALWAYS;
    u->etag = put && put->etag ? cove__strdup(put->etag) : NULL;
    u->path = follow_links(path);
    rc = u->path && (u->etag || !put || !put->etag) ? open_target(u, ctx, err) : cove__fail_nomem(err, "an upload");
    if (rc < 0) {
        cove__file_abort(self, u);
        return rc;
    }
    *ret = u;
    return 0;
}

static int write_fully(struct cove__upload *u, struct cove__slice data, int64_t offset)
{
    size_t done = 0;

    while (done < data.size) {
        size_t step = data.size - done < ((size_t)64 << 20) ? data.size - done : (size_t)64 << 20;
        ssize_t n = u->temporary ? pwrite(u->fd, data.data + done, step, (off_t)(offset + (int64_t)done))
                                 : write(u->fd, data.data + done, step);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        done += (size_t)n;
    }
    return 0;
}

void cove__file_part(void *self, struct cove__io *io)
{
    struct cove_error err = COVE_ERROR_INIT;
    int rc = cove__ctx_check(&io->op.ctx, &err);

    if (rc == 0) {
        int errnum = write_fully(io->upload, io->src, io->offset);

        rc = errnum ? cove__file_fail(&err, &io->op.ctx, errnum) : 0;
    }
    cove__op_finish(&io->op, rc, rc < 0 ? 0 : (int64_t)io->src.size, &err);
}

/* ---- publishing ---- */

static int check_unchanged(const struct cove__upload *u, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct stat st;
    char etag[80];

    if (stat(u->path, &st) < 0)
        return cove__fs_fail(err, ctx, COVE_EPRECONDITION, "the file is gone");
    cove__file_etag(&st, etag);
    if (!u->etag || strcmp(etag, u->etag) != 0)
        return cove__fs_fail(err, ctx, COVE_EPRECONDITION, "the file was replaced meanwhile");
    return 0;
}

static int take_name(const struct cove__upload *u, const struct cove__ctx *ctx, struct cove_error *err)
{
    int rc = 0;

    if (u->condition == COVE_WRITE_IF_NEW) {
        if (link(u->temporary, u->path) == 0)
            return unlink(u->temporary) < 0 ? cove__file_fail(err, ctx, errno) : 0;
        if (errno == EEXIST)
            return cove__fs_fail(err, ctx, COVE_EEXIST, "already exists");
        return cove__file_fail(err, ctx, errno);
    }
    if (u->condition == COVE_WRITE_IF_MATCH)
        rc = check_unchanged(u, ctx, err);
    if (rc == 0 && rename(u->temporary, u->path) < 0)
        rc = cove__file_fail(err, ctx, errno);
    return rc;
}

int cove__file_sync_parent(const char *path)
{
    char *parent = cove__path_parent(path);
    int fd = parent ? open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    int rc = fd >= 0 ? fsync(fd) : -1;
    int errnum = errno;

    if (fd >= 0)
        close(fd);
    cove__free(parent);
    return rc < 0 && errnum != EINVAL && errnum != EACCES ? errnum : 0; /* some filesystems don't sync folders */
}

int cove__file_finish(void *self, struct cove__upload *u, const struct cove__ctx *ctx, char **ret_etag,
                      struct cove_error *err)
{
    struct stat st;
    char etag[80];
    int errnum;
    int rc = cove__ctx_check(ctx, err);

    if (!u->temporary) { /* nothing to publish */
        upload_free(u);
        return rc;
    }
    if (rc == 0 && u->f->fsync && fsync(u->fd) < 0)
        rc = cove__file_fail(err, ctx, errno);
    if (rc == 0 && fstat(u->fd, &st) < 0)
        rc = cove__file_fail(err, ctx, errno);
    if (rc == 0)
        rc = take_name(u, ctx, err);
    if (rc < 0) {
        cove__file_abort(self, u);
        return rc;
    }
    errnum = u->f->fsync ? cove__file_sync_parent(u->path) : 0;
    if (errnum)
        rc = cove__file_fail(err, ctx, errnum);
    cove__file_etag(&st, etag);
    *ret_etag = cove__strdup(etag); /* NULL when memory is short: the version is not told, the file is there */
    upload_free(u);
    return rc;
}

void cove__file_put(void *self, struct cove__io *io)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct cove__upload *u = NULL;
    int rc = cove__ctx_check(&io->op.ctx, &err);

    if (rc == 0)
        rc = cove__file_begin(self, io->path, io->put, &io->op.ctx, &u, &err);
    if (rc == 0) {
        int errnum = write_fully(u, io->src, 0);

        if (errnum) {
            cove__file_abort(self, u);
            rc = cove__file_fail(&err, &io->op.ctx, errnum);
        } else {
            rc = cove__file_finish(self, u, &io->op.ctx, &io->ret_etag, &err);
        }
    }
    cove__op_finish(&io->op, rc, rc < 0 ? 0 : (int64_t)io->src.size, &err);
}

/* ---- copying ---- */

static int copy_bytes(int from, int to, const struct cove__ctx *ctx, struct cove_error *err)
{
    size_t size = (size_t)1 << 20;
    uint8_t *buffer = cove__malloc(size);
    bool in_kernel = true;
    int rc = buffer ? 0 : cove__fail_nomem(err, "a copy");

    while (rc == 0) {
        ssize_t n = in_kernel ? copy_file_range(from, NULL, to, NULL, (size_t)64 << 20, 0) : read(from, buffer, size);

        if (n < 0 && in_kernel && errno != EINTR && errno != ENOSPC) {
            in_kernel = false; /* not between these two filesystems */
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            rc = cove__file_fail(err, ctx, errno);
            break;
        }
        if (n == 0 && !in_kernel)
            break;
        if (n == 0) { /* the end; or a file of /proc, whose size is not known */
            in_kernel = false;
            continue;
        }
        for (ssize_t done = 0; rc == 0 && !in_kernel && done < n;) {
            ssize_t wrote = write(to, buffer + done, (size_t)(n - done));

            if (wrote < 0 && errno != EINTR)
                rc = cove__file_fail(err, ctx, errno);
            done += wrote > 0 ? wrote : 0;
        }
        if (rc == 0)
            rc = cove__ctx_check(ctx, err);
    }
    cove__free(buffer);
    return rc;
}

int cove__file_copy(void *self, const char *from, const char *to, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__upload *u = NULL;
    struct stat st;
    char *etag = NULL;
    int fd = open(from, O_RDONLY | O_CLOEXEC);
    int rc = 0;

    if (fd < 0 || fstat(fd, &st) < 0)
        rc = cove__file_fail(err, ctx, errno);
    else if (S_ISDIR(st.st_mode))
        rc = cove__fs_fail(err, ctx, COVE_EISDIR, "is a directory");
    if (rc == 0)
        rc = cove__file_begin(self, to, NULL, ctx, &u, err);
    if (rc == 0) {
        rc = copy_bytes(fd, u->fd, ctx, err);
        if (rc < 0)
            cove__file_abort(self, u);
        else
            rc = cove__file_finish(self, u, ctx, &etag, err);
    }
    cove__free(etag);
    if (fd >= 0)
        close(fd);
    return rc;
}

/* ---- appending ---- */

struct tail {
    char *path;
    int fd; /* -1: not opened yet */
    bool truncate;
};

int cove__file_append_open(void *self, const char *path, bool truncate, const struct cove__ctx *ctx, void **ret_tail,
                           struct cove_error *err)
{
    struct tail *tail = cove__calloc(1, sizeof *tail);
    struct stat st;

    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        cove__free(tail);
        return cove__fs_fail(err, ctx, COVE_EISDIR, "is a directory");
    }
    if (tail)
        tail->path = cove__strdup(path);
    if (!tail || !tail->path) {
        cove__free(tail);
        return cove__fail_nomem(err, "an appender");
    }
    tail->fd = -1;
    tail->truncate = truncate;
    *ret_tail = tail;
    return 0;
}

static int open_tail(struct cove__file *f, struct tail *tail, const struct cove__ctx *ctx, struct cove_error *err)
{
    int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | (tail->truncate ? O_TRUNC : 0);
    char *parent;
    int rc = 0;

    tail->fd = open(tail->path, flags, 0666);
    if (tail->fd < 0 && errno == ENOENT && f->auto_mkdir) {
        parent = cove__path_parent(tail->path);
        rc = parent ? cove__file_mkdirs(f, parent, ctx, err) : cove__fail_nomem(err, "a path");
        cove__free(parent);
        if (rc < 0)
            return rc;
        tail->fd = open(tail->path, flags, 0666);
    }
    if (tail->fd < 0)
        return cove__file_fail(err, ctx, errno);
    tail->truncate = false;
    return 0;
}

/* A log that was moved away or removed under us: what goes on into its old file would be lost, or stand in the wrong
 * one. */
static bool was_replaced(const struct tail *tail)
{
    struct stat ours;
    struct stat there;

    if (fstat(tail->fd, &ours) < 0)
        return false;
    if (stat(tail->path, &there) < 0)
        return errno == ENOENT;
    return there.st_dev != ours.st_dev || there.st_ino != ours.st_ino;
}

int cove__file_append(void *self, void *tail_, struct cove__slice data, const struct cove__ctx *ctx,
                      struct cove_error *err)
{
    struct tail *tail = tail_;
    struct stat before;
    struct stat now;
    size_t done = 0;
    int errnum = 0;
    int rc;

    if (tail->fd >= 0 && was_replaced(tail)) {
        close(tail->fd);
        tail->fd = -1;
    }
    rc = tail->fd < 0 ? open_tail(self, tail, ctx, err) : 0;
    if (rc < 0)
        return rc;
    if (fstat(tail->fd, &before) < 0)
        return cove__file_fail(err, ctx, errno);
    while (done < data.size && !errnum) {
        ssize_t n = write(tail->fd, data.data + done, data.size - done);

        if (n < 0 && errno != EINTR)
            errnum = errno;
        done += n > 0 ? (size_t)n : 0;
    }
    if (!errnum)
        return 0;
    /* Whole or not at all: half of the bytes go again, unless somebody else has written behind them. */
    if (done > 0 && fstat(tail->fd, &now) == 0 && now.st_size == before.st_size + (off_t)done &&
        ftruncate(tail->fd, before.st_size) < 0)
        return cove__file_fail(err, ctx, errno);
    return cove__file_fail(err, ctx, errnum);
}

void cove__file_append_close(void *self, void *tail_)
{
    struct tail *tail = tail_;

    if (!tail)
        return;
    if (tail->fd >= 0)
        close(tail->fd);
    cove__free(tail->path);
    cove__free(tail);
}
