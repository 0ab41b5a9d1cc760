/*
 * Owner, group and mode of a new version of a file. It gets those of the file that it replaces, as far as the kernel
 * allows; until then only its owner may open it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/file/file.h"

#define MAX_LINKS 40 /* the kernel's limit */

/* ---- which file is replaced ---- */

/* Whether another user has put this into a sticky folder that everybody may write to, such as /tmp. A link there may
 * lead anywhere, and the owner of a file there can read what is written. The kernel's protections (protected_symlinks,
 * protected_regular) do not apply, because we resolve links ourselves and replace files by renaming. */
static bool is_planted(const char *path, const struct stat *st)
{
    struct stat folder;
    char *parent;
    bool planted;

    if (st->st_uid == geteuid() || S_ISDIR(st->st_mode))
        return false;
    parent = cove__path_parent(path);
    planted = !parent || (stat(parent, &folder) == 0 && (folder.st_mode & S_ISVTX) && (folder.st_mode & S_IWOTH) &&
                          folder.st_uid != st->st_uid);
    cove__free(parent);
    return planted;
}

static char *link_target(const char *path)
{
    char target[4096];
    ssize_t n = readlink(path, target, sizeof target - 1);
    char *parent;
    char *next;

    if (n < 0)
        return NULL;
    target[n] = '\0';
    if (target[0] == '/')
        return cove__strdup(target);
    parent = cove__path_parent(path);
    next = parent ? cove__path_join(parent, target) : NULL;
    cove__free(parent);
    return next;
}

int cove__file_follow(const char *path, const struct cove__ctx *ctx, char **ret_path, struct cove_error *err)
{
    char *now = cove__strdup(path);
    struct stat st;
    int rc = 0;

    for (int i = 0; now && rc == 0 && lstat(now, &st) == 0; i++) {
        char *next = NULL;

        if (is_planted(now, &st))
            rc = cove__fs_fail(err, ctx, COVE_EACCESS,
                               "%s belongs to another user, in a folder that everybody may write to; remove it first",
                               now);
        else if (!S_ISLNK(st.st_mode))
            break;
        else if (i == MAX_LINKS)
            rc = cove__file_fail(err, ctx, ELOOP);
        else
            next = link_target(now);
        cove__free(now);
        now = next;
    }
    if (rc == 0 && !now)
        rc = cove__fail_nomem(err, "a path");
    if (rc == 0)
        *ret_path = now;
    else
        cove__free(now);
    return rc;
}

/* ---- owner and mode ---- */

/* File systems without modes (FAT, many in user space) refuse fchmod; that is no error. */
static int set_mode(int fd, mode_t mode)
{
    if (fchmod(fd, mode) == 0 || errno == EPERM || errno == ENOTSUP || errno == ENOSYS)
        return 0;
    return errno;
}

int cove__file_make_private(int fd, mode_t *ret_mode)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return errno;
    *ret_mode = st.st_mode & 0777;
    return set_mode(fd, 0600);
}

/* The owner first: chown clears set-id bits. */
int cove__file_keep_owner(int fd, const struct stat *old)
{
    mode_t mode = old->st_mode & 07777;
    struct stat now;

    if (fstat(fd, &now) < 0)
        return errno;
    if (now.st_uid != old->st_uid || now.st_gid != old->st_gid) {
        if (fchown(fd, old->st_uid, old->st_gid) < 0 && fchown(fd, (uid_t)-1, old->st_gid) < 0)
            mode &= ~(mode_t)06000; /* neither could be set; what could is checked below */
        if (fstat(fd, &now) < 0)
            return errno;
    }
    if (now.st_uid != old->st_uid || now.st_gid != old->st_gid)
        mode &= ~(mode_t)06000; /* they would grant the rights of another user or group */
    if (now.st_gid != old->st_gid)
        mode &= ~(mode_t)070 | (mode & 07) << 3; /* the new group gets the permissions of others */
    return set_mode(fd, mode);
}

int cove__file_open_up(int fd, const char *path, mode_t mode)
{
    struct stat old;

    if (lstat(path, &old) == 0 && S_ISREG(old.st_mode))
        return cove__file_keep_owner(fd, &old);
    return set_mode(fd, mode);
}
