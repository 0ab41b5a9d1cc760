/* Transfers from and to descriptors: standard input and output, pipes, sockets and devices. */
#include "cli.h"

#include <errno.h>
#include <linux/magic.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define BUFFER   ((size_t)1 << 20) /* stays in the cache between a read and its write */
#define CHECK_MS 100               /* between two checks for an interrupt */

/* The size of files of /proc is given as 0, that of files of /sys as a page: they are read to their end. */
static bool has_wrong_size(const char *path, const struct stat *st)
{
    struct statfs fs;

    if (st->st_size > 0 && st->st_blocks > 0) /* what is on a disk */
        return false;
    return statfs(path, &fs) == 0 && (fs.f_type == PROC_SUPER_MAGIC || fs.f_type == SYSFS_MAGIC);
}

bool cli_is_special(cove_fs *fs, const char *path)
{
    struct stat st;

    return strcmp(cove_fs_scheme(fs), "file") == 0 && stat(path, &st) == 0 && !S_ISDIR(st.st_mode) &&
           (!S_ISREG(st.st_mode) || has_wrong_size(path, &st));
}

bool cli_is_link(cove_fs *fs, const char *path)
{
    struct stat st;

    return strcmp(cove_fs_scheme(fs), "file") == 0 && lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

/* A descriptor; negative: it cannot be opened, and the error was printed. The first read waits for a FIFO's writer. */
static int open_special(struct cli *c, const struct cli_target *t)
{
    int fd = open(t->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (fd < 0)
        cli_failf(c, errno == EACCES ? CLI_DENIED : CLI_FAILED, "read %s: %s", t->arg, strerror(errno));
    return fd;
}

/* As read(2), but notices an interrupt within CHECK_MS and handles EINTR and EAGAIN. Each wait for bytes of `t` has the
 * timeout of an operation; standard input (`t` NULL) has none. -1: failed, the error was printed; -2: interrupted. */
static int64_t read_descriptor(struct cli *c, int fd, const struct cli_target *t, void *buffer, size_t size)
{
    int64_t timeout_ms = t ? cli_timeout_ms(c) : 0;
    int64_t until = cli_now_ms() + timeout_ms;

    for (;;) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        int ready = poll(&p, 1, CHECK_MS);
        ssize_t n = 0;

        if (cli_interrupted(c))
            return -2;
        if (ready > 0 && (n = read(fd, buffer, size)) >= 0)
            return n;
        if (ready > 0 && errno != EINTR && errno != EAGAIN) {
            cli_failf(c, CLI_FAILED, "read %s: %s", t ? t->arg : "standard input", strerror(errno));
            return -1;
        }
        if (timeout_ms > 0 && cli_now_ms() >= until) {
            cli_failf(c, CLI_NETWORK, "read %s: the deadline passed before any data came", t->arg);
            return -1;
        }
    }
}

static void upload(struct cli *c, int fd, const struct cli_target *from, cove_fs *fs, const char *path)
{
    struct cove_writer_options options = COVE_WRITER_OPTIONS_INIT;
    struct cove_error err = COVE_ERROR_INIT;
    cove_writer *writer = NULL;
    char *buffer = cli_alloc(BUFFER);
    int64_t n = 0, total = 0;
    int rc = cove_writer_open(fs, path, &options, &c->call, &writer, &err);

    cli_progress_start(c, c->verb->name);
    while (rc == 0 && (n = read_descriptor(c, fd, from, buffer, BUFFER)) > 0) {
        rc = cove_writer_write(writer, buffer, (size_t)n, &err);
        total += n;
        cli_terminal_lock();
        cli_progress_draw(0, 0, total, -1);
        cli_terminal_unlock();
    }
    if (rc == 0 && n == 0)
        rc = cove_writer_finish(writer, &err);
    cove_writer_free(writer); /* aborts if it was not finished */
    cli_terminal_lock();
    cli_progress_clear();
    cli_terminal_unlock();
    if (rc < 0)
        cli_fail(c, rc, &err);
    free(buffer);
}

void cli_upload(struct cli *c, const struct cli_target *from, cove_fs *fs, const char *path)
{
    int fd = from ? open_special(c, from) : STDIN_FILENO;

    if (fd < 0)
        return;
    upload(c, fd, from, fs, path);
    if (from)
        close(fd);
}

void cli_download(struct cli *c, const struct cli_target *t)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_reader *reader = NULL;
    char *buffer = cli_alloc(BUFFER);
    bool special = cli_is_special(t->fs, t->path), written = false;
    int fd = special ? open_special(c, t) : -1;
    int64_t n = 0;
    int rc = 0;

    if (!special)
        rc = cove_reader_open(t->fs, t->path, &c->call, &reader, &err);
    while (rc == 0 && (reader || fd >= 0)) {
        n = reader ? cove_reader_read(reader, buffer, BUFFER, &err) : read_descriptor(c, fd, t, buffer, BUFFER);
        if (n == COVE_EPRECONDITION && reader && !written) { /* replaced before a byte was written */
            rc = cove_reader_reopen(&reader, &err);
            continue;
        }
        if (n <= 0)
            break;
        written = true;
        cli_write(c, buffer, (size_t)n);
    }
    if (rc == 0 && reader && n < 0)
        rc = (int)n;
    if (rc < 0)
        cli_fail(c, rc, &err);
    cove_reader_close(reader);
    if (fd >= 0)
        close(fd);
    free(buffer);
}
