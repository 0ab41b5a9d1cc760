/* Directories that a file needs: made, opened, written to the disk; and the message where one is missing. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/file/file.h"

static bool is_directory(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int cove__file_fail_below(struct cove_error *err, const struct cove__ctx *ctx, int errnum, const char *path)
{
    char *parent = cove__path_parent(path);
    int rc = parent && errnum == ENOENT && !is_directory(parent)
                 ? cove__fail_errno(err, errnum,
                                    "%s %s: the directory %s must be made first (cove mkdir, or the option "
                                    "auto_mkdir)",
                                    ctx->op, ctx->url, parent)
                 : cove__file_fail(err, ctx, errnum);

    cove__free(parent);
    return rc;
}

int cove__file_open_folder(const char *path)
{
    char *parent = cove__path_parent(path);
    int fd = -1;

    errno = ENOMEM;
    if (parent)
        fd = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
    cove__free(parent);
    return fd;
}

int cove__file_sync_folder(int folder)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd >= 0 ? fsync(fd) : -1;
    int errnum = errno;

    if (fd >= 0)
        close(fd);
    return rc < 0 && errnum != EINVAL && errnum != EACCES ? errnum : 0; /* some filesystems don't sync folders */
}

int cove__file_sync_parent(const char *path)
{
    int folder = cove__file_open_folder(path);
    int errnum = folder >= 0 ? cove__file_sync_folder(folder) : errno;

    if (folder >= 0)
        close(folder);
    return errnum == EACCES ? 0 : errnum;
}

/* 0 or an errno; 0 also if something of that name exists. */
static int make_directory(const struct cove__file *f, const char *path)
{
    if (mkdir(path, 0777) == 0)
        return f->fsync ? cove__file_sync_parent(path) : 0;
    return errno == EEXIST ? 0 : errno;
}

/* The length of the longest beginning of `path` that exists; 0: nothing does. */
static size_t existing_part(char *path)
{
    size_t n = strlen(path);

    for (;;) {
        char was = path[n];
        bool there;

        path[n] = '\0';
        there = is_directory(path);
        path[n] = was;
        if (there)
            return n;
        while (n > 0 && path[--n] != '/')
            ;
        if (n == 0)
            return 0;
    }
}

/* Calls mkdir only for missing directories: for an existing one it may fail with another error than EEXIST, on network
 * file systems or in a sandbox. */
int cove__file_mkdirs(const struct cove__file *f, const char *path, const struct cove__ctx *ctx, struct cove_error *err)
{
    char *copy = cove__strdup(path);
    int errnum = 0, rc = 0;

    if (!copy)
        return cove__fail_nomem(err, "a path");
    for (size_t n = existing_part(copy); errnum == 0 && copy[n];) {
        char was;

        n += 1 + strcspn(copy + n + 1, "/");
        was = copy[n];
        copy[n] = '\0';
        errnum = make_directory(f, copy);
        if (errnum)
            rc = cove__fail_errno(err, errnum, "%s %s: the directory %s does not exist and cannot be made", ctx->op,
                                  ctx->url, copy);
        copy[n] = was;
    }
    cove__free(copy);
    if (rc < 0)
        return rc;
    return is_directory(path) ? 0 : cove__fs_fail(err, ctx, COVE_EEXIST, "a file of that name exists");
}
