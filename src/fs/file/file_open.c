/*
 * Opening, reading and writing without blocking in the kernel, where neither a deadline nor a cancel token could end
 * the wait for the other end of a FIFO, a terminal or a lease. Everything is opened with O_NONBLOCK, which regular
 * files ignore, and the waits are done here.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "fs/file/file.h"

#define LOOK_MS      50    /* between two checks of the deadline and the cancel token */
#define LOCK_WAIT_MS 10000 /* cove holds a lock only briefly; beyond this, another program holds it */

/* 0 when `fd` is ready for `events`; with fd -1, after LOOK_MS at most, for the caller to try again. */
int cove__file_wait(int fd, short events, const struct cove__ctx *ctx, struct cove_error *err)
{
    for (;;) {
        struct pollfd p = { .fd = fd, .events = events };
        int rc = cove__ctx_check(ctx, err);
        int n;

        if (rc < 0)
            return rc;
        n = poll(&p, 1, LOOK_MS);
        if (n < 0 && errno != EINTR)
            return cove__file_fail(err, ctx, errno);
        if (n > 0 || fd < 0)
            return 0;
    }
}

/* A FIFO without a reader, or a file whose lease is still held by another process. */
static bool may_open_later(int folder, const char *path, int flags, int errnum)
{
    struct stat st;

    if (errnum == EWOULDBLOCK || errnum == EINTR)
        return true;
    return errnum == ENXIO && (flags & O_ACCMODE) != O_RDONLY && fstatat(folder, path, &st, 0) == 0 &&
           S_ISFIFO(st.st_mode);
}

int cove__file_open(int folder, const char *path, int flags, const struct cove__ctx *ctx, struct cove_error *err)
{
    for (;;) {
        int fd = openat(folder, path, flags | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, 0666);
        int rc;

        if (fd >= 0)
            return fd;
        if (!may_open_later(folder, path, flags, errno))
            return cove__file_fail(err, ctx, errno);
        rc = cove__file_wait(-1, 0, ctx, err);
        if (rc < 0)
            return rc;
    }
}

int64_t cove__file_read(int fd, void *buffer, size_t size, int64_t offset, const struct cove__ctx *ctx,
                        struct cove_error *err)
{
    for (;;) {
        ssize_t n = offset < 0 ? read(fd, buffer, size) : pread(fd, buffer, size, (off_t)offset);
        int rc;

        if (n >= 0)
            return n;
        if (errno != EINTR && errno != EAGAIN)
            return cove__file_fail(err, ctx, errno);
        rc = errno == EAGAIN ? cove__file_wait(fd, POLLIN, ctx, err) : cove__ctx_check(ctx, err);
        if (rc < 0)
            return rc;
    }
}

int64_t cove__file_write(int fd, const void *data, size_t size, int64_t offset, const struct cove__ctx *ctx,
                         struct cove_error *err)
{
    for (;;) {
        ssize_t n = offset < 0 ? write(fd, data, size) : pwrite(fd, data, size, (off_t)offset);
        int rc;

        if (n >= 0)
            return n;
        if (errno != EINTR && errno != EAGAIN)
            return cove__file_fail(err, ctx, errno);
        rc = errno == EAGAIN ? cove__file_wait(fd, POLLOUT, ctx, err) : cove__ctx_check(ctx, err);
        if (rc < 0)
            return rc;
    }
}

/* ---- locks ---- */

int cove__file_lock(int fd, const struct cove__ctx *ctx, struct cove_error *err)
{
    int ms = 1;

    for (int waited_ms = 0; flock(fd, LOCK_EX | LOCK_NB) < 0 && waited_ms < LOCK_WAIT_MS; waited_ms += ms) {
        bool held = errno == EWOULDBLOCK || errno == EINTR;
        int rc = cove__ctx_check(ctx, err);

        if (rc < 0 || !held)
            return rc;
        ms = ms < LOOK_MS ? 2 * ms : ms;
        (void)poll(NULL, 0, ms);
    }
    return 0;
}

void cove__file_unlock(int fd)
{
    (void)flock(fd, LOCK_UN);
}
