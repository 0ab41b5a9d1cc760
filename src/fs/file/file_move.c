/* Moves of local files and directories. Paths are compared by device and inode, not by name: through links and mounts a
 * file has several names, and a move onto itself would destroy it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/file/file.h"

static bool same_folder(const char *a, const char *b)
{
    char *parent_a = cove__path_parent(a);
    char *parent_b = cove__path_parent(b);
    struct stat st_a;
    struct stat st_b;
    bool same = parent_a && parent_b && stat(parent_a, &st_a) == 0 && stat(parent_b, &st_b) == 0 &&
                cove__file_same(&st_a, &st_b);

    cove__free(parent_a);
    cove__free(parent_b);
    return same;
}

/* Whether the folder of `path` has an entry with exactly these bytes. If case is ignored, other names match it too. */
static bool is_listed(const char *path)
{
    const char *name = cove__path_name(path);
    char *parent = cove__path_parent(path);
    DIR *dir = parent ? opendir(parent) : NULL;
    struct dirent *entry;
    bool listed = false;

    while (dir && !listed && (entry = readdir(dir)))
        listed = strcmp(entry->d_name, name) == 0;
    if (dir)
        closedir(dir);
    cove__free(parent);
    return listed;
}

enum relation {
    DIFFERENT,  /* or the same name in another case, which rename(2) changes */
    SAME,       /* the same file or directory */
    HARD_LINKS, /* two links to one file */
};

static enum relation compare(const char *from, const struct stat *st, const char *to)
{
    struct stat there;
    struct stat a;
    struct stat b;
    bool same_name = strcmp(cove__path_name(from), cove__path_name(to)) == 0;

    if (lstat(to, &there) < 0)
        return DIFFERENT;
    if (!cove__file_same(st, &there)) /* one may be a symbolic link to the other */
        return (S_ISLNK(st->st_mode) || S_ISLNK(there.st_mode)) && stat(from, &a) == 0 && stat(to, &b) == 0 &&
                       cove__file_same(&a, &b)
                   ? SAME
                   : DIFFERENT;
    if (same_folder(from, to)) {
        if (same_name)
            return SAME;
        if (!is_listed(from) || !is_listed(to))
            return DIFFERENT;
    }
    return S_ISDIR(st->st_mode) || st->st_nlink == 1 ? SAME
                                                     : HARD_LINKS; /* with one link, the second path is a mount */
}

/* A descriptor of the nearest folder above `path` that exists; -1: none. */
static int open_above(const char *path)
{
    char *above = cove__path_parent(path);
    int fd = -1;

    while (above && (fd = open(above, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0 && strcmp(above, "/") != 0) {
        char *next = cove__path_parent(above);

        cove__free(above);
        above = next;
    }
    cove__free(above);
    return fd;
}

static bool is_inside(const struct stat *directory, const char *path)
{
    int fd = open_above(path);
    struct stat st = { 0 };
    bool inside = false;

    while (fd >= 0) {
        struct stat below = st;
        int up = -1;

        if (fstat(fd, &st) == 0 && !cove__file_same(&st, &below)) { /* the root is its own parent */
            inside = cove__file_same(&st, directory);
            up = inside ? -1 : openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
        }
        close(fd);
        fd = up;
    }
    return inside;
}

/* Removes the original only if it still is the version that was copied. */
static int remove_copied(const struct cove__file *f, int folder, const char *from, const struct stat *copied,
                         const struct cove__ctx *ctx, struct cove_error *err)
{
    const char *name = cove__path_name(from);
    struct stat now;
    int errnum;

    if (fstatat(folder, name, &now, 0) < 0)
        return errno == ENOENT ? 0 : cove__file_fail(err, ctx, errno);
    if (!cove__file_unchanged(copied, &now))
        return cove__fs_fail(err, ctx, COVE_EPRECONDITION, "the source was changed after it was copied and is kept");
    if (unlinkat(folder, name, 0) < 0)
        return cove__file_fail(err, ctx, errno);
    errnum = f->fsync ? cove__file_sync_folder(folder) : 0;
    return errnum ? cove__file_fail(err, ctx, errnum) : 0;
}

/* To another disk: copies with owner, mode and ACL, then removes the original. */
static int move_between_disks(struct cove__file *f, const char *from, const char *to, const struct cove__ctx *ctx,
                              struct cove_error *err)
{
    struct stat st;
    int folder;
    int rc;

    if (stat(from, &st) < 0)
        return cove__file_fail(err, ctx, errno);
    if (S_ISDIR(st.st_mode))
        return COVE_ENOTSUP; /* fs_meta.c copies and removes instead */
    if (!S_ISREG(st.st_mode))
        return cove__fs_fail(err, ctx, COVE_EINVAL,
                             "is neither a file nor a directory; it cannot be moved to another disk");
    folder = cove__file_open_folder(from);
    if (folder < 0)
        return cove__file_fail(err, ctx, errno);
    rc = cove__file_copy_as(f, from, NULL, to, &st, ctx, err);
    if (rc == 0)
        rc = remove_copied(f, folder, from, &st, ctx, err);
    close(folder);
    return rc;
}

static int sync_both(const struct cove__file *f, const char *from, const char *to, const struct cove__ctx *ctx,
                     struct cove_error *err)
{
    int errnum = f->fsync ? cove__file_sync_parent(to) : 0;

    if (!errnum && f->fsync)
        errnum = cove__file_sync_parent(from);
    return errnum ? cove__file_fail(err, ctx, errnum) : 0;
}

int cove__file_move(void *self, const char *from, const char *to, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__file *f = self;
    struct stat st;
    enum relation relation;
    char *parent;
    int rc = 0;

    if (lstat(from, &st) < 0)
        return cove__file_fail(err, ctx, errno);
    relation = compare(from, &st, to);
    if (relation == SAME)
        return cove__fs_fail(err, ctx, COVE_EINVAL, "source and target are the same %s",
                             S_ISDIR(st.st_mode) ? "directory" : "file");
    if (S_ISDIR(st.st_mode) && is_inside(&st, to))
        return cove__fs_fail(err, ctx, COVE_EINVAL, "cannot move a directory into itself");
    if (relation == HARD_LINKS) /* rename(2) would leave both names */
        return unlink(from) < 0 ? cove__file_fail(err, ctx, errno) : sync_both(f, from, to, ctx, err);
    if (f->auto_mkdir) {
        parent = cove__path_parent(to);
        rc = parent ? cove__file_mkdirs(f, parent, ctx, err) : cove__fail_nomem(err, "a path");
        cove__free(parent);
    }
    if (rc < 0)
        return rc;
    if (rename(from, to) == 0)
        return sync_both(f, from, to, ctx, err);
    return errno == EXDEV ? move_between_disks(f, from, to, ctx, err) : cove__file_fail_below(err, ctx, errno, to);
}
