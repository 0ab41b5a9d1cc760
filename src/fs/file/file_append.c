/*
 * Appending to local files. Appends and conditional replacements (file_write.c) lock the file while they check and
 * write it, so that no process that uses cove appends to a version that another one has replaced.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/file/file.h"

#define OPEN_TRIES 3

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

/* Opens the file that the path leads to, links resolved; with O_CREAT in `flags` it may be created. */
static int open_tail(struct cove__file *f, struct tail *tail, int flags, const struct cove__ctx *ctx,
                     struct cove_error *err)
{
    struct cove__place p;
    int rc = cove__file_find(&p, tail->path, ctx, err);

    if (rc == 0 && p.folder < 0 && (flags & O_CREAT))
        rc = cove__file_make_folder(f, &p, ctx, err);
    flags |= O_WRONLY | O_APPEND;
    if (rc == 0)
        rc = p.magic || p.folder < 0 ? cove__file_open(AT_FDCWD, tail->path, flags & ~(O_CREAT | O_EXCL), ctx, err)
                                     : cove__file_open(p.folder, cove__path_name(p.path), flags | O_NOFOLLOW, ctx, err);
    cove__file_leave(&p);
    if (rc < 0)
        return rc;
    tail->fd = rc;
    return 0;
}

/* Opens the version `etag`; "": checks that there is no file yet. */
static int bind_tail(struct cove__file *f, struct tail *tail, const char *etag, const struct cove__ctx *ctx,
                     struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;
    struct stat st;
    char now[80] = "";
    int rc = open_tail(f, tail, 0, ctx, &why);

    if (rc < 0 && rc != COVE_ENOTFOUND)
        return cove__error_copy(err, &why);
    if (rc == 0 && fstat(tail->fd, &st) < 0)
        return cove__file_fail(err, ctx, errno);
    if (rc == 0)
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
    tail->bound = etag;
    rc = etag ? bind_tail(self, tail, etag, ctx, err) : 0;
    if (rc < 0) {
        cove__file_append_close(self, tail);
        return rc;
    }
    *ret_tail = tail;
    return 0;
}

/* A log that was moved away or removed under us: bytes written to its old file would be lost, or be in the wrong one.
 */
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

/* Opens and locks the current file. After OPEN_TRIES uses the one opened last: some file systems report another inode
 * each time. */
static int hold_tail(struct cove__file *f, struct tail *tail, const struct cove__ctx *ctx, struct cove_error *err)
{
    for (int i = 1;; i++) {
        struct cove_error why = COVE_ERROR_INIT;
        int rc = tail->fd < 0 ? open_tail(f, tail, O_CREAT | (tail->bound ? O_EXCL : 0), ctx, &why) : 0;

        if (rc == COVE_EEXIST && tail->bound)
            return fail_replaced(ctx, err);
        if (rc < 0)
            return cove__error_copy(err, &why);
        rc = cove__file_lock(tail->fd, ctx, err);
        if (rc < 0 || !was_replaced(tail))
            return rc;
        if (tail->bound)
            return fail_replaced(ctx, err);
        if (i == OPEN_TRIES)
            return 0;
        close(tail->fd);
        tail->fd = -1;
    }
}

/* No partial record: removes the bytes of a failed append, unless another writer has appended after them. */
static int append_whole(struct tail *tail, struct cove__slice data, const struct cove__ctx *ctx, size_t *ret_added,
                        struct cove_error *err)
{
    struct stat before;
    struct stat now;
    int rc = 0;

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
    if (rc < 0 && *ret_added > 0 && fstat(tail->fd, &now) == 0 && now.st_size == before.st_size + (off_t)*ret_added &&
        ftruncate(tail->fd, before.st_size) == 0)
        *ret_added = 0;
    return rc;
}

int cove__file_append(void *self, void *tail_, struct cove__slice data, const struct cove__ctx *ctx, size_t *ret_added,
                      struct cove_error *err)
{
    struct tail *tail = tail_;
    int rc;

    *ret_added = 0;
    rc = hold_tail(self, tail, ctx, err);
    if (rc == 0)
        rc = append_whole(tail, data, ctx, ret_added, err);
    if (tail->fd >= 0)
        cove__file_unlock(tail->fd);
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
