/*
 * Owner, group, mode and POSIX ACL of a new version of a file. It gets those of the file that it replaces, as far as
 * the kernel allows, and no user gets more access than before; until then only its owner may open it. Set-id bits are
 * not kept: they were set for the old content, and write(2) clears them too.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fs/file/file.h"

/* The kernel's format of a POSIX ACL: a version (4 bytes), then entries of a tag (2), permissions (2) and an id (4),
 * all little-endian. */
#define ACL_NAME      "system.posix_acl_access"
#define ACL_MAX       4096
#define ACL_HEAD      4
#define ACL_ENTRY     8
#define ACL_USER_OBJ  0x01 /* the owner */
#define ACL_OTHER_OBJ 0x20

#define OLD_TRIES 16 /* other writers may replace the file between two calls */

struct acl {
    uint8_t bytes[ACL_MAX];
    ssize_t n; /* bytes; 0: there is none; -1: unknown */
};

static bool means_no_acl(int errnum)
{
    return errnum == ENODATA || errnum == ENOTSUP || errnum == ENOSYS;
}

static void read_acl(int fd, struct acl *ret)
{
    ret->n = fd >= 0 ? fgetxattr(fd, ACL_NAME, ret->bytes, sizeof ret->bytes) : -1;
    if (fd >= 0 && ret->n < 0 && means_no_acl(errno))
        ret->n = 0;
}

/* The mode for a copy that cannot have the ACL. With an ACL, the group bits of a mode are the ACL's mask, not the
 * group's permissions. Group and others get only what every user and group in the ACL has, so that no user gets
 * more than before. */
static mode_t without_acl(mode_t mode, const struct acl *acl)
{
    mode_t all = acl->n < 0 ? 0 : 07;

    if (acl->n == 0)
        return mode;
    for (ssize_t i = ACL_HEAD; i + ACL_ENTRY <= acl->n; i += ACL_ENTRY) {
        unsigned tag = acl->bytes[i] | (unsigned)acl->bytes[i + 1] << 8;

        if (tag != ACL_USER_OBJ && tag != ACL_OTHER_OBJ)
            all &= acl->bytes[i + 2];
    }
    return (mode & 0700) | all << 3 | (mode & all);
}

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

int cove__file_keep_rights(int fd, int old_fd, const struct stat *old)
{
    struct acl acl;
    struct stat now;
    bool other_group;
    mode_t mode;
    int errnum;

    read_acl(old_fd, &acl);
    mode = without_acl(old->st_mode & 0777, &acl);
    if (fstat(fd, &now) < 0)
        return errno;
    other_group = now.st_gid != old->st_gid;
    if (now.st_uid != old->st_uid || other_group) {
        bool kept = fchown(fd, old->st_uid, old->st_gid) == 0 || fchown(fd, (uid_t)-1, old->st_gid) == 0;

        if (fstat(fd, &now) < 0)
            return errno;
        other_group = !kept || now.st_gid != old->st_gid;
    }
    if (other_group)
        mode &= ~(mode_t)070 | (mode & 07) << 3; /* the new group gets the permissions of others */
    if (fremovexattr(fd, ACL_NAME) < 0 && !means_no_acl(errno))
        mode &= ~(mode_t)070; /* masks the entries from the folder's default ACL */
    errnum = set_mode(fd, mode);
    if (errnum == 0 && acl.n > 0 && !other_group)
        (void)fsetxattr(fd, ACL_NAME, acl.bytes, (size_t)acl.n, 0); /* if it fails, the mode is the safe choice */
    return errnum;
}

/* Opens the file that cove__file_look has seen. A descriptor; -1: it cannot be opened; -2: it is gone or another file
 * has its name now. */
static int open_old(const struct cove__place *p)
{
    const int flags = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    int fd = openat(p->folder, cove__path_name(p->path), O_RDONLY | flags);
    struct stat st;

    if (fd < 0 && errno == EACCES)
        fd = openat(p->folder, cove__path_name(p->path), O_WRONLY | flags);
    if (fd < 0)
        return errno == ENOENT ? -2 : -1;
    if (fstat(fd, &st) == 0 && cove__file_same(&st, &p->st))
        return fd;
    close(fd);
    return -2;
}

int cove__file_open_up(int fd, struct cove__place *p, mode_t mode, const struct cove__ctx *ctx, struct cove_error *err)
{
    int old_fd = -2;
    int errnum;
    int rc = 0;

    for (int i = 0; old_fd == -2 && i < OLD_TRIES; i++) {
        rc = cove__file_look(p, ctx, err);
        if (rc < 0)
            return rc;
        if (!p->there || !S_ISREG(p->st.st_mode))
            break;
        old_fd = open_old(p);
    }
    errnum = p->there && S_ISREG(p->st.st_mode) ? cove__file_keep_rights(fd, old_fd, &p->st) : set_mode(fd, mode);
    if (old_fd >= 0)
        close(old_fd);
    return errnum ? cove__file_fail(err, ctx, errnum) : 0;
}
