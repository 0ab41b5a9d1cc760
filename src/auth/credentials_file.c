/* Files that hold credentials, read whole: see credentials_file.h. */
#include "auth/credentials_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/log.h"
#include "base/mem.h"

#define WARNED_MAX  64u /* paths that are remembered */
#define PIPE_WAIT_S 10

bool cove__credentials_is_content(const char *path)
{
    size_t blank = strspn(path, " \t\r\n");

    return path[blank] == '{' || strpbrk(path, "\r\n") || strstr(path, "-----BEGIN") || strncmp(path, "eyJ", 3) == 0 ||
           strlen(path) >= PATH_MAX;
}

/* Editors of Windows begin a file with the mark of its encoding. */
static int check_encoding(const char *path, struct cove__buf *text, struct cove_error *err)
{
    if (text->size >= 3 && memcmp(text->data, "\xef\xbb\xbf", 3) == 0) {
        memmove(text->data, text->data + 3, text->size - 3);
        text->size -= 3;
    }
    if (text->size >= 2 && (memcmp(text->data, "\xff\xfe", 2) == 0 || memcmp(text->data, "\xfe\xff", 2) == 0))
        return cove__fail(err, COVE_EINVAL, "%s: it is in UTF-16: save it in UTF-8", path);
    return 0;
}

/* Of a pipe, as a shell makes one for <(COMMAND). */
static int wait_for_more(int fd, const char *path, int64_t until_ns, struct cove_error *err)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    int64_t left_ns = until_ns - cove__now_ns();

    if (left_ns <= 0 || poll(&p, 1, (int)(left_ns / COVE__MS) + 1) == 0)
        return cove__fail(err, COVE_ETIMEDOUT, "%s: it is not a regular file, and did not end within %d s", path,
                          PIPE_WAIT_S);
    return 0;
}

int cove__credentials_file_read(const char *path, struct cove__buf *out, struct cove_error *err)
{
    int64_t until_ns = cove__now_ns() + PIPE_WAIT_S * COVE__SEC;
    char chunk[4096];
    ssize_t n;
    int rc = 0;

    if (cove__credentials_is_content(path))
        return cove__fail(err, COVE_EINVAL,
                          "the path of the file looks like its content, which is not shown: name the file");

    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return cove__fail_errno(err, errno == ENOTDIR ? ENOENT : errno, "%s", path);
    while (rc == 0 && (n = read(fd, chunk, sizeof chunk)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            rc = wait_for_more(fd, path, until_ns, err);
            continue;
        }
        if (n < 0)
            rc = cove__fail_errno(err, errno, "%s", path);
        else if (cove__buf_add(out, chunk, (size_t)n) < 0)
            rc = cove__fail(err, cove__buf_rc(out), "%s: cannot be kept in memory (at most %zu bytes)", path, out->max);
    }
    explicit_bzero(chunk, sizeof chunk);
    close(fd);
    return rc == 0 ? check_encoding(path, out, err) : rc;
}

/* FNV-1a, of whole numbers. */
static uint64_t add_number(uint64_t hash, uint64_t number)
{
    return (hash ^ number) * UINT64_C(0x100000001b3);
}

uint64_t cove__credentials_file_stamp(uint64_t stamp, const char *path)
{
    struct stat s;

    if (!path || stat(path, &s) < 0)
        return stamp;
    const uint64_t numbers[] = { (uint64_t)s.st_dev,         (uint64_t)s.st_ino,          (uint64_t)s.st_size,
                                 (uint64_t)s.st_mtim.tv_sec, (uint64_t)s.st_mtim.tv_nsec, (uint64_t)s.st_ctim.tv_sec,
                                 (uint64_t)s.st_ctim.tv_nsec };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        stamp = add_number(stamp, numbers[i]);
    return stamp;
}

#define N_PATHS (sizeof((struct cove__credentials_files *)NULL)->paths / sizeof(char *))

void cove__credentials_files_add(struct cove__credentials_files *files, const char *path)
{
    size_t i = 0;

    while (path && i < N_PATHS && files->paths[i] && strcmp(files->paths[i], path) != 0)
        i++;
    if (path && i < N_PATHS && !files->paths[i])
        files->paths[i] = cove__strdup(path);
}

uint64_t cove__credentials_files_stamp(const struct cove__credentials_files *files, uint64_t stamp)
{
    for (size_t i = 0; i < N_PATHS; i++)
        stamp = cove__credentials_file_stamp(stamp, files->paths[i]);
    return stamp;
}

void cove__credentials_files_done(struct cove__credentials_files *files)
{
    for (size_t i = 0; i < N_PATHS; i++)
        cove__free(files->paths[i]);
    *files = (struct cove__credentials_files){ 0 };
}

/* Whether no warning about the path was logged yet. False also if the table of paths is full. */
static bool is_first(const char *path)
{
    static uint64_t warned[WARNED_MAX]; /* under cove__lock */
    static size_t n;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    size_t i = 0;

    for (const char *at = path; *at != '\0'; at++)
        hash = add_number(hash, (unsigned char)*at);
    cove__lock();
    while (i < n && warned[i] != hash)
        i++;
    bool news = i == n && n < WARNED_MAX;
    if (news)
        warned[n++] = hash;
    cove__unlock();
    return news;
}

void cove__credentials_file_warn(const char *path)
{
    struct stat s;

    if (stat(path, &s) == 0 && S_ISREG(s.st_mode) && (s.st_mode & (S_IRGRP | S_IROTH)) != 0 && is_first(path))
        cove__log(COVE_LOG_WARNING, "credentials",
                  "%s: other users can read these credentials: run \"chmod 600\" on it", path);
}
