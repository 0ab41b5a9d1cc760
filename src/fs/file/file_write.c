/*
 * Writing local files. A new version grows in a temporary file beside the target, reaches the disk, and takes the name
 * in one step (fsync, rename, fsync of the folder), so a reader, or a machine that lost its power, finds the old file
 * or the new one. What is no regular file (a pipe, a terminal) is written straight.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "fs/file/file.h"
#include "fs/temporary.h"

struct cove__upload {
    struct cove__file *f;
    int fd;
    struct cove__place place; /* the target */
    char *temporary;          /* its name in the same folder; NULL: the target is written directly */
    mode_t mode;              /* if there is no file to replace at the end */
    bool owned;               /* owner and mode are already set */
    enum cove_write_if condition;
    char *etag;
};

/* The user may be allowed to write to the file, but a new version needs permission to write to the folder. */
static int refuse_folder(const struct cove__upload *u, int errnum, bool there, const struct cove__ctx *ctx,
                         struct cove_error *err)
{
    char *parent = cove__path_parent(u->place.path);
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
static int open_temporary(struct cove__upload *u, const struct cove__ctx *ctx, struct cove_error *err)
{
    const char *name = cove__path_name(u->place.path);
    bool there = u->place.there;
    struct cove__buf b = COVE__BUF_INIT((size_t)1 << 20);
    int errnum;
    int rc = 0;

    for (int i = 0; u->fd < 0 && i < COVE__TEMPORARY_TRIES; i++) {
        cove__buf_reset(&b);
        cove__temporary_name(&b, name);
        if (cove__buf_rc(&b)) {
            rc = cove__fail_nomem(err, "a path");
            goto out;
        }
        u->fd =
            openat(u->place.folder, cove__buf_str(&b), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, there ? 0600 : 0666);
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

/* Opens a pipe, terminal or other device for writing; by its path if only a link in /proc leads to it. */
static int open_straight(struct cove__upload *u, const char *path, const struct cove__ctx *ctx, struct cove_error *err)
{
    const struct cove__place *p = &u->place;
    struct stat st;

    u->fd = p->magic ? cove__file_open(AT_FDCWD, path, O_WRONLY, ctx, err)
                     : cove__file_open(p->folder, cove__path_name(p->path), O_WRONLY | O_NOFOLLOW, ctx, err);
    if (u->fd < 0)
        return u->fd;
    if (!p->magic && (fstat(u->fd, &st) < 0 || !cove__file_same(&st, &p->st)))
        return cove__fs_fail(err, ctx, COVE_EPRECONDITION, "was replaced by another file meanwhile");
    return 0;
}

/* If the target is missing or a regular file, opens a temporary file beside it, or beside the target of a link. Refuses
 * a directory at once. */
static int open_target(struct cove__upload *u, const char *path, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__place *p = &u->place;
    struct stat st;
    bool special;
    int rc;

    rc = cove__file_find(p, path, ctx, err);
    if (rc < 0)
        return rc;
    special = p->magic ? stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)
                       : p->there && !S_ISREG(p->st.st_mode) && !S_ISDIR(p->st.st_mode);
    if (special)
        return open_straight(u, path, ctx, err);
    if (p->there && S_ISDIR(p->st.st_mode))
        return cove__fs_fail(err, ctx, COVE_EISDIR, "is a directory");
    if (p->folder < 0)
        rc = cove__file_make_folder(u->f, p, ctx, err);
    if (rc < 0)
        return rc;
    if (p->there && faccessat(p->folder, cove__path_name(p->path), W_OK, AT_EACCESS) < 0)
        return cove__file_fail(err, ctx, errno); /* renaming over it would bypass its permissions */
    if (p->there) /* if it is removed meanwhile: without its group and ACL, the group gets the permissions of others */
        u->mode = p->st.st_mode & 0777 & (~(mode_t)070 | (p->st.st_mode & 07) << 3);
    return open_temporary(u, ctx, err);
}

static void upload_free(struct cove__upload *u)
{
    if (!u)
        return;
    if (u->fd >= 0)
        close(u->fd);
    cove__file_leave(&u->place);
    cove__free(u->temporary);
    cove__free(u->etag);
    cove__free(u);
}

void cove__file_abort(void *self, struct cove__upload *u, const struct cove__ctx *ctx)
{
    if (u && u->temporary)
        unlinkat(u->place.folder, u->temporary, 0);
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
    u->place.folder = -1;
    u->f = self;
    u->condition = put ? put->condition : COVE_WRITE_ALWAYS;
    u->etag = put && put->etag ? cove__strdup(put->etag) : NULL;
    rc = u->etag || !put || !put->etag ? open_target(u, path, ctx, err) : cove__fail_nomem(err, "an upload");
    if (rc < 0) {
        cove__file_abort(self, u, NULL);
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

void cove__file_part(void *self, struct cove__part_io *io)
{
    struct cove_error err = COVE_ERROR_INIT;
    int rc = cove__ctx_check(&io->op.ctx, &err);

    if (rc == 0)
        rc = write_fully(io->upload, io->src, io->offset, &io->op.ctx, &err);
    cove__op_finish(&io->op, rc, rc < 0 ? 0 : (int64_t)io->src.size, &err);
}

/* ---- publishing ---- */

/* `fd` (-1: none): the file to be replaced, which is locked so that nothing is appended to it until then. */
static int check_unchanged(struct cove__upload *u, int fd, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct stat locked;
    char etag[80];
    int rc = fd >= 0 ? cove__file_lock(fd, ctx, err) : 0;

    if (rc == 0)
        rc = cove__file_look(&u->place, ctx, err);
    if (rc < 0)
        return rc;
    if (!u->place.there)
        return cove__fs_fail(err, ctx, COVE_EPRECONDITION, "the file is gone");
    cove__file_etag(&u->place.st, etag);
    if (!u->etag || strcmp(etag, u->etag) != 0 ||
        (fd >= 0 && (fstat(fd, &locked) < 0 || !cove__file_same(&locked, &u->place.st))))
        return cove__fs_fail(err, ctx, COVE_EPRECONDITION, "the file was replaced meanwhile");
    return 0;
}

static int take_name_if_match(struct cove__upload *u, const struct cove__ctx *ctx, struct cove_error *err)
{
    const char *name = cove__path_name(u->place.path);
    int folder = u->place.folder;
    int fd = openat(folder, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    int rc = check_unchanged(u, fd, ctx, err);

    if (rc == 0 && renameat(folder, u->temporary, folder, name) < 0)
        rc = refuse_folder(u, errno, true, ctx, err);
    if (fd >= 0) {
        cove__file_unlock(fd); /* a forked child may still have the descriptor */
        close(fd);
    }
    return rc;
}

/* Only if the name is free. File systems have such a rename, or hard links, or both. */
static int take_new_name(const struct cove__upload *u, const struct cove__ctx *ctx, struct cove_error *err)
{
    const char *name = cove__path_name(u->place.path);
    int folder = u->place.folder;

    if (renameat2(folder, u->temporary, folder, name, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EEXIST && linkat(folder, u->temporary, folder, name, 0) == 0)
        return unlinkat(folder, u->temporary, 0) < 0 ? cove__file_fail(err, ctx, errno) : 0;
    if (errno == EEXIST)
        return cove__fs_fail(err, ctx, COVE_EEXIST, "already exists");
    if (errno == EPERM || errno == ENOTSUP || errno == ENOSYS)
        return cove__fs_fail(err, ctx, COVE_ENOTSUP,
                             "this file system can neither rename without replacing nor link, so a file cannot be "
                             "written on condition that it is new");
    return cove__file_fail(err, ctx, errno);
}

static int take_name(struct cove__upload *u, const struct cove__ctx *ctx, struct cove_error *err)
{
    int folder = u->place.folder;
    int rc = cove__file_check_folder(&u->place, ctx, err);

    if (rc < 0)
        return rc;
    if (u->condition == COVE_WRITE_IF_NEW)
        return take_new_name(u, ctx, err);
    if (u->condition == COVE_WRITE_IF_MATCH)
        return take_name_if_match(u, ctx, err);
    if (renameat(folder, u->temporary, folder, cove__path_name(u->place.path)) < 0)
        return refuse_folder(u, errno, true, ctx, err);
    return 0;
}

int cove__file_finish(void *self, struct cove__upload *u, const struct cove__ctx *ctx, char **ret_etag,
                      char **ret_version_id, struct cove_error *err)
{
    struct stat st;
    char etag[80];
    int errnum;
    int rc = cove__ctx_check(ctx, err);

    if (!u->temporary) { /* nothing to publish */
        upload_free(u);
        return rc;
    }
    if (rc == 0 && !u->owned)
        rc = cove__file_open_up(u->fd, &u->place, u->mode, ctx, err);
    if (rc == 0 && u->f->fsync && fsync(u->fd) < 0)
        rc = cove__file_fail(err, ctx, errno);
    if (rc == 0 && fstat(u->fd, &st) < 0)
        rc = cove__file_fail(err, ctx, errno);
    if (rc == 0)
        rc = take_name(u, ctx, err);
    if (rc < 0) {
        cove__file_abort(self, u, NULL);
        return rc;
    }
    errnum = u->f->fsync ? cove__file_sync_folder(u->place.folder) : 0;
    if (errnum)
        rc = cove__file_fail(err, ctx, errnum);
    cove__file_etag(&st, etag);
    *ret_etag = cove__strdup(etag); /* NULL when memory is short: the version is not known, the file is there */
    upload_free(u);
    return rc;
}

void cove__file_put(void *self, struct cove__put_io *io)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct cove__upload *u = NULL;
    int rc = cove__ctx_check(&io->op.ctx, &err);

    if (rc == 0)
        rc = cove__file_begin(self, io->path, io->put, &io->op.ctx, &u, &err);
    if (rc == 0) {
        rc = write_fully(u, io->src, 0, &io->op.ctx, &err);
        if (rc < 0)
            cove__file_abort(self, u, NULL);
        else
            rc = cove__file_finish(self, u, &io->op.ctx, &io->ret_etag, NULL, &err);
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
    int fd = cove__file_open(AT_FDCWD, from, O_RDONLY, ctx, err);
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

/* Checks that one version of the source was read. */
static int check_source(int from, const struct stat *st, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct stat now;

    if (fstat(from, &now) < 0)
        return cove__file_fail(err, ctx, errno);
    if (!cove__file_unchanged(st, &now))
        return cove__fs_fail(err, ctx, COVE_EPRECONDITION, "the source was changed while it was copied and is kept");
    return 0;
}

/* Gives the copy the owner, mode and ACL of the source. */
static int keep_rights(struct cove__upload *u, int from, const struct stat *st, const struct cove__ctx *ctx,
                       struct cove_error *err)
{
    int errnum = u->temporary ? cove__file_keep_rights(u->fd, from, st) : 0;

    u->owned = true;
    return errnum ? cove__file_fail(err, ctx, errnum) : 0;
}

static int check_etag(const struct stat *st, const char *etag, const struct cove__ctx *ctx, struct cove_error *err)
{
    char now[80];

    cove__file_etag(st, now);
    return strcmp(now, etag) == 0 ? 0 : cove__fs_fail(err, ctx, COVE_EPRECONDITION, "the source has changed");
}

int cove__file_copy_as(struct cove__file *f, const char *from, const char *etag, const char *to, struct stat *ret_st,
                       const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__upload *u = NULL;
    struct stat st;
    struct stat there;
    char *made = NULL;
    int fd = open_source(from, &st, ctx, err);
    int rc;

    if (fd < 0)
        return fd;
    rc = stat(to, &there) == 0 && cove__file_same(&st, &there)
             ? cove__fs_fail(err, ctx, COVE_EINVAL, "source and target are the same file")
             : 0;
    if (rc == 0 && etag)
        rc = check_etag(&st, etag, ctx, err);
    if (rc == 0)
        rc = cove__file_begin(f, to, NULL, ctx, &u, err);
    if (rc < 0)
        goto out;
    rc = copy_bytes(fd, u, ctx, err);
    if (rc == 0 && (ret_st || etag))
        rc = check_source(fd, &st, ctx, err);
    if (rc == 0 && ret_st)
        rc = keep_rights(u, fd, &st, ctx, err);
    if (rc < 0)
        cove__file_abort(f, u, NULL);
    else
        rc = cove__file_finish(f, u, ctx, &made, NULL, err);
    if (ret_st)
        *ret_st = st;
out:
    cove__free(made);
    close(fd);
    return rc;
}

int cove__file_copy(void *self, const char *from, const char *etag, const char *to, const struct cove__ctx *ctx,
                    struct cove_error *err)
{
    return cove__file_copy_as(self, from, etag, to, NULL, ctx, err);
}
