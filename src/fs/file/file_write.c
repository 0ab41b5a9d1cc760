/*
 * Writing local files. A new version grows in a temporary file beside the target, reaches the disk, and takes the name
 * in one step (fsync, rename, fsync of the folder), so a reader, or a machine that lost its power, finds the old file
 * or the new one. What is no regular file (a pipe, a terminal) is written straight.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
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
    char *path;      /* the target, links resolved; NULL: as `temporary` */
    char *temporary; /* NULL: the target is written straight */
    mode_t mode;     /* if there is no file to replace at the end */
    bool owned;      /* owner and mode are already set */
    enum cove_write_if condition;
    char *etag;
};

/* How many bytes of the target's name go into the temporary name: whole characters, as some file systems require. */
static int kept_of(const char *name)
{
    size_t n = strnlen(name, NAME_KEPT);

    while (n > 0 && ((unsigned char)name[n] & 0xc0) == 0x80)
        n--;
    return (int)n;
}

/* The user may be allowed to write to the file, but a new version needs permission to write to the folder. */
static int refuse_folder(const struct cove__upload *u, int errnum, bool there, const struct cove__ctx *ctx,
                         struct cove_error *err)
{
    char *parent = cove__path_parent(u->path);
    int rc = there && parent && (errnum == EACCES || errnum == EPERM)
                 ? cove__fs_fail(err, ctx, COVE_EACCESS,
                                 "a new version is written beside the file and renamed, and the folder %s is not "
                                 "writable for this user (%s)",
                                 parent, strerror(errnum))
                 : cove__file_fail(err, ctx, errnum);

    cove__free(parent);
    return rc;
}

/* No other user may open it until it is published. For a new file it is first created like any other, to learn the mode
 * from the umask and the folder's default ACL, and made private before anything is written. */
static int open_temporary(struct cove__upload *u, bool there, const struct cove__ctx *ctx, struct cove_error *err)
{
    const char *name = cove__path_name(u->path);
    struct cove__buf b = COVE__BUF_INIT((size_t)1 << 20);
    int errnum;
    int rc = 0;

    for (int i = 0; u->fd < 0 && i < NAME_TRIES; i++) {
        cove__buf_reset(&b);
        cove__buf_add(&b, u->path, (size_t)(name - u->path));
        cove__buf_addf(&b, ".%.*s.%08" PRIx32 COVE__FILE_TEMPORARY, kept_of(name), name, (uint32_t)cove__random());
        if (cove__buf_rc(&b)) {
            rc = cove__fail_nomem(err, "a path");
            goto out;
        }
        u->fd = open(cove__buf_str(&b), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, there ? 0600 : 0666);
        if (u->fd < 0 && errno != EEXIST)
            break;
    }
    if (u->fd < 0) {
        rc = refuse_folder(u, errno, there, ctx, err);
        goto out;
    }
    u->temporary = cove__buf_take(&b);
    if (!u->temporary)
        rc = cove__fail_nomem(err, "a path");
    errnum = rc == 0 && !there ? cove__file_make_private(u->fd, &u->mode) : 0;
    if (errnum)
        rc = cove__file_fail(err, ctx, errnum);
out:
    cove__buf_done(&b);
    return rc;
}

static int make_parent(const struct cove__upload *u, const struct cove__ctx *ctx, struct cove_error *err)
{
    char *parent = cove__path_parent(u->path);
    int rc = parent ? cove__file_mkdirs(u->f, parent, ctx, err) : cove__fail_nomem(err, "a path");

    cove__free(parent);
    return rc == COVE_EEXIST ? cove__fs_fail(err, ctx, COVE_ENOTDIR, "a file has the name of a folder above it") : rc;
}

/* If the target is missing or a regular file, opens a temporary file beside it, or beside the target of a link. Refuses
 * a directory at once. */
static int open_target(struct cove__upload *u, const char *path, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct stat st;
    bool there = stat(path, &st) == 0;
    int rc;

    if (there && S_ISDIR(st.st_mode))
        return cove__fs_fail(err, ctx, COVE_EISDIR, "is a directory");
    if (there && !S_ISREG(st.st_mode)) {
        u->fd = cove__file_open(path, O_WRONLY, ctx, err);
        return u->fd < 0 ? u->fd : 0;
    }
    rc = cove__file_follow(path, ctx, &u->path, err);
    if (rc < 0)
        return rc;
    if (there && faccessat(AT_FDCWD, u->path, W_OK, AT_EACCESS) < 0)
        return cove__file_fail(err, ctx, errno); /* renaming over it would bypass its permissions */
    if (!there && u->f->auto_mkdir)
        rc = make_parent(u, ctx, err);
    if (there)
        u->mode = st.st_mode & 0777;
    return rc < 0 ? rc : open_temporary(u, there, ctx, err);
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
    rc = u->etag || !put || !put->etag ? open_target(u, path, ctx, err) : cove__fail_nomem(err, "an upload");
    if (rc < 0) {
        cove__file_abort(self, u);
        return rc;
    }
    *ret = u;
    return 0;
}

static int write_fully(struct cove__upload *u, struct cove__slice data, int64_t offset, const struct cove__ctx *ctx,
                       struct cove_error *err)
{
    size_t done = 0;

    while (done < data.size) {
        size_t step = data.size - done < ((size_t)64 << 20) ? data.size - done : (size_t)64 << 20;
        int64_t n =
            cove__file_write(u->fd, data.data + done, step, u->temporary ? offset + (int64_t)done : -1, ctx, err);

        if (n < 0)
            return (int)n;
        done += (size_t)n;
    }
    return 0;
}

void cove__file_part(void *self, struct cove__io *io)
{
    struct cove_error err = COVE_ERROR_INIT;
    int rc = cove__ctx_check(&io->op.ctx, &err);

    if (rc == 0)
        rc = write_fully(io->upload, io->src, io->offset, &io->op.ctx, &err);
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

/* Only if the name is free. File systems have such a rename, or hard links, or both. */
static int take_new_name(const struct cove__upload *u, const struct cove__ctx *ctx, struct cove_error *err)
{
    if (renameat2(AT_FDCWD, u->temporary, AT_FDCWD, u->path, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EEXIST && link(u->temporary, u->path) == 0)
        return unlink(u->temporary) < 0 ? cove__file_fail(err, ctx, errno) : 0;
    if (errno == EEXIST)
        return cove__fs_fail(err, ctx, COVE_EEXIST, "already exists");
    if (errno == EPERM || errno == ENOTSUP || errno == ENOSYS)
        return cove__fs_fail(err, ctx, COVE_ENOTSUP,
                             "this file system can neither rename without replacing nor link, so a file cannot be "
                             "written on condition that it is new");
    return cove__file_fail(err, ctx, errno);
}

static int take_name(const struct cove__upload *u, const struct cove__ctx *ctx, struct cove_error *err)
{
    int rc = 0;

    if (u->condition == COVE_WRITE_IF_NEW)
        return take_new_name(u, ctx, err);
    if (u->condition == COVE_WRITE_IF_MATCH)
        rc = check_unchanged(u, ctx, err);
    if (rc == 0 && rename(u->temporary, u->path) < 0)
        rc = refuse_folder(u, errno, true, ctx, err);
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
    int errnum = 0;
    int rc = cove__ctx_check(ctx, err);

    if (!u->temporary) { /* nothing to publish */
        upload_free(u);
        return rc;
    }
    if (rc == 0)
        errnum = u->owned ? 0 : cove__file_open_up(u->fd, u->path, u->mode);
    if (errnum)
        rc = cove__file_fail(err, ctx, errnum);
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
        rc = write_fully(u, io->src, 0, &io->op.ctx, &err);
        if (rc < 0)
            cove__file_abort(self, u);
        else
            rc = cove__file_finish(self, u, &io->op.ctx, &io->ret_etag, &err);
    }
    cove__op_finish(&io->op, rc, rc < 0 ? 0 : (int64_t)io->src.size, &err);
}

/* ---- copying ---- */

static int copy_by_hand(int from, struct cove__upload *u, uint8_t *buffer, size_t size, const struct cove__ctx *ctx,
                        struct cove_error *err)
{
    for (;;) {
        int64_t n = cove__file_read(from, buffer, size, -1, ctx, err);
        int rc = n > 0 ? cove__ctx_check(ctx, err) : (int)n;

        for (int64_t done = 0; rc == 0 && done < n;) {
            int64_t wrote = cove__file_write(u->fd, buffer + done, (size_t)(n - done), -1, ctx, err);

            rc = wrote < 0 ? (int)wrote : 0;
            done += wrote;
        }
        if (rc < 0 || n == 0)
            return rc;
    }
}

static int copy_bytes(int from, struct cove__upload *u, const struct cove__ctx *ctx, struct cove_error *err)
{
    size_t size = (size_t)1 << 20;
    uint8_t *buffer;
    ssize_t n;
    int rc = 0;

    while (rc == 0 && (n = copy_file_range(from, NULL, u->fd, NULL, (size_t)64 << 20, 0)) != 0) {
        if (n < 0 && errno == ENOSPC)
            return cove__file_fail(err, ctx, errno);
        if (n < 0 && errno != EINTR)
            break; /* not supported between these two files */
        rc = cove__ctx_check(ctx, err);
    }
    if (rc < 0)
        return rc;
    buffer = cove__malloc(size); /* also at the end: files in /proc report size 0 and can only be copied this way */
    rc = buffer ? copy_by_hand(from, u, buffer, size, ctx, err) : cove__fail_nomem(err, "a copy");
    cove__free(buffer);
    return rc;
}

/* Opens `from`, which must not be a directory, and waits until it can be read: a FIFO until it has a writer. */
static int open_source(const char *from, struct stat *ret_st, const struct cove__ctx *ctx, struct cove_error *err)
{
    int fd = cove__file_open(from, O_RDONLY, ctx, err);
    int rc = 0;

    if (fd < 0)
        return fd;
    if (fstat(fd, ret_st) < 0)
        rc = cove__file_fail(err, ctx, errno);
    else if (S_ISDIR(ret_st->st_mode))
        rc = cove__fs_fail(err, ctx, COVE_EISDIR, "is a directory");
    else if (S_ISFIFO(ret_st->st_mode))
        rc = cove__file_wait(fd, POLLIN, ctx, err);
    if (rc == 0)
        return fd;
    close(fd);
    return rc;
}

int cove__file_copy_as(struct cove__file *f, const char *from, const char *to, bool keep, const struct cove__ctx *ctx,
                       struct cove_error *err)
{
    struct cove__upload *u = NULL;
    struct stat st;
    struct stat there;
    char *etag = NULL;
    int errnum = 0;
    int fd = open_source(from, &st, ctx, err);
    int rc;

    if (fd < 0)
        return fd;
    rc = stat(to, &there) == 0 && cove__file_same(&st, &there)
             ? cove__fs_fail(err, ctx, COVE_EINVAL, "source and target are the same file")
             : cove__file_begin(f, to, NULL, ctx, &u, err);
    if (rc < 0)
        goto out;
    rc = copy_bytes(fd, u, ctx, err);
    if (rc == 0 && keep && u->temporary)
        errnum = cove__file_keep_owner(u->fd, &st);
    if (errnum)
        rc = cove__file_fail(err, ctx, errnum);
    u->owned = keep;
    if (rc < 0)
        cove__file_abort(f, u);
    else
        rc = cove__file_finish(f, u, ctx, &etag, err);
out:
    cove__free(etag);
    close(fd);
    return rc;
}

int cove__file_copy(void *self, const char *from, const char *to, const struct cove__ctx *ctx, struct cove_error *err)
{
    return cove__file_copy_as(self, from, to, false, ctx, err);
}

/* ---- appending ---- */

struct tail {
    char *path;
    int fd; /* negative: not opened yet */
    bool truncate;
    bool bound; /* append only to one file: the open one, or one that this tail creates */
};

static int fail_replaced(const struct cove__ctx *ctx, struct cove_error *err)
{
    return cove__fs_fail(err, ctx, COVE_EPRECONDITION, "another writer has replaced the file");
}

/* Opens the version `etag`; "": checks that there is no file yet. */
static int bind_tail(struct tail *tail, const char *etag, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;
    struct stat st;
    char now[80] = "";

    tail->fd = cove__file_open(tail->path, O_WRONLY | O_APPEND, ctx, &why);
    if (tail->fd < 0 && tail->fd != COVE_ENOTFOUND)
        return cove__error_copy(err, &why);
    if (tail->fd >= 0 && fstat(tail->fd, &st) < 0)
        return cove__file_fail(err, ctx, errno);
    if (tail->fd >= 0)
        cove__file_etag(&st, now);
    return strcmp(now, etag) == 0 ? 0 : fail_replaced(ctx, err);
}

int cove__file_append_open(void *self, const char *path, bool truncate, const char *etag, const struct cove__ctx *ctx,
                           void **ret_tail, struct cove_error *err)
{
    struct tail *tail;
    struct stat st;
    int rc;

    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return cove__fs_fail(err, ctx, COVE_EISDIR, "is a directory");
    tail = cove__calloc(1, sizeof *tail);
    if (tail)
        tail->path = cove__strdup(path);
    if (!tail || !tail->path) {
        cove__free(tail);
        return cove__fail_nomem(err, "an appender");
    }
    tail->fd = -1;
    tail->truncate = truncate;
    tail->bound = etag != NULL;
    rc = etag ? bind_tail(tail, etag, ctx, err) : 0;
    if (rc < 0) {
        cove__file_append_close(self, tail);
        return rc;
    }
    *ret_tail = tail;
    return 0;
}

static int open_tail(struct cove__file *f, struct tail *tail, const struct cove__ctx *ctx, struct cove_error *err)
{
    int flags = O_WRONLY | O_APPEND | O_CREAT | (tail->bound ? O_EXCL : 0);
    struct cove_error why = COVE_ERROR_INIT;
    char *parent;
    int rc = 0;

    tail->fd = cove__file_open(tail->path, flags, ctx, &why);
    if (tail->fd == COVE_ENOTFOUND && f->auto_mkdir) {
        parent = cove__path_parent(tail->path);
        rc = parent ? cove__file_mkdirs(f, parent, ctx, err) : cove__fail_nomem(err, "a path");
        cove__free(parent);
        if (rc < 0)
            return rc;
        tail->fd = cove__file_open(tail->path, flags, ctx, &why);
    }
    if (tail->bound && tail->fd == COVE_EEXIST)
        return fail_replaced(ctx, err);
    if (tail->fd < 0)
        return cove__error_copy(err, &why);
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

int cove__file_append(void *self, void *tail_, struct cove__slice data, const struct cove__ctx *ctx, size_t *ret_added,
                      struct cove_error *err)
{
    struct tail *tail = tail_;
    struct stat before;
    struct stat now;
    int rc;

    *ret_added = 0;
    if (tail->fd >= 0 && was_replaced(tail)) {
        if (tail->bound)
            return fail_replaced(ctx, err);
        close(tail->fd);
        tail->fd = -1;
    }
    rc = tail->fd < 0 ? open_tail(self, tail, ctx, err) : 0;
    if (rc < 0)
        return rc;
    if (tail->truncate && ftruncate(tail->fd, 0) < 0)
        return cove__file_fail(err, ctx, errno);
    tail->truncate = false;
    if (fstat(tail->fd, &before) < 0)
        return cove__file_fail(err, ctx, errno);
    while (*ret_added < data.size && rc == 0) {
        int64_t n = cove__file_write(tail->fd, data.data + *ret_added, data.size - *ret_added, -1, ctx, err);

        if (n < 0)
            rc = (int)n;
        else
            *ret_added += (size_t)n;
    }
    /* No partial record: removes the bytes again, unless another writer has appended after them. */
    if (rc < 0 && *ret_added > 0 && fstat(tail->fd, &now) == 0 && now.st_size == before.st_size + (off_t)*ret_added &&
        ftruncate(tail->fd, before.st_size) == 0)
        *ret_added = 0;
    return rc;
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
