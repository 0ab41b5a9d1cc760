/*
 * The place of a new version of a file: a name, and a descriptor of its folder. The owner of any folder above it can
 * replace that folder by a link during a write. With the descriptor all steps of the write use the same folder.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/file/file.h"

#define MAX_LINKS 40 /* the kernel's limit */

/* Whether another user has put this into a sticky folder that everybody may write to, such as /tmp. A link there may
 * lead anywhere, and the owner of a file or pipe there can read what is written. The kernel's protections
 * (protected_symlinks, protected_regular, protected_fifos) do not apply, because we resolve links ourselves, replace
 * files by renaming and open pipes without O_CREAT. */
static bool is_planted(const struct cove__place *p)
{
    struct stat folder;

    if (!p->there || p->st.st_uid == geteuid() || S_ISDIR(p->st.st_mode))
        return false;
    return fstat(p->folder, &folder) < 0 ||
           ((folder.st_mode & S_ISVTX) && (folder.st_mode & S_IWOTH) && folder.st_uid != p->st.st_uid);
}

int cove__file_look(struct cove__place *p, const struct cove__ctx *ctx, struct cove_error *err)
{
    p->there = fstatat(p->folder, cove__path_name(p->path), &p->st, AT_SYMLINK_NOFOLLOW) == 0;
    if (is_planted(p))
        return cove__fs_fail(err, ctx, COVE_EACCESS,
                             "%s belongs to another user, in a folder that everybody may write to; remove it first",
                             p->path);
    return 0;
}

/* Whether links in the folder may lead to files that their text does not name, such as open pipes in /proc/PID/fd. */
static bool is_magic(int folder)
{
    struct statfs system;

    return fstatfs(folder, &system) == 0 && system.f_type == PROC_SUPER_MAGIC;
}

/* Replaces the path by the target of its link. 0, or an errno. */
static int follow_link(struct cove__place *p)
{
    char target[4096];
    ssize_t n = readlinkat(p->folder, cove__path_name(p->path), target, sizeof target - 1);
    bool magic = p->magic || is_magic(p->folder);
    char *parent;
    char *next;

    if (n < 0)
        return errno;
    target[n] = '\0';
    if (target[0] == '/') {
        next = cove__strdup(target);
    } else {
        parent = cove__path_parent(p->path);
        next = parent ? cove__path_join(parent, target) : NULL;
        cove__free(parent);
    }
    if (!next)
        return ENOMEM;
    cove__file_leave(p);
    p->path = next;
    p->magic = magic;
    return 0;
}

int cove__file_find(struct cove__place *p, const char *path, const struct cove__ctx *ctx, struct cove_error *err)
{
    int errnum = 0;
    int rc = 0;

    *p = (struct cove__place){ .folder = -1, .path = cove__strdup(path) };
    if (!p->path)
        return cove__fail_nomem(err, "a path");
    for (int i = 0; rc == 0 && errnum == 0; i++) {
        p->folder = cove__file_open_folder(p->path);
        if (p->folder >= 0)
            rc = cove__file_look(p, ctx, err);
        if (rc < 0 || !p->there || !S_ISLNK(p->st.st_mode))
            return rc;
        errnum = i == MAX_LINKS ? ELOOP : follow_link(p);
    }
    return cove__file_fail(err, ctx, errnum);
}

int cove__file_make_folder(const struct cove__file *f, struct cove__place *p, const struct cove__ctx *ctx,
                           struct cove_error *err)
{
    char *parent = cove__path_parent(p->path);
    int rc = 0;

    if (!parent)
        return cove__fail_nomem(err, "a path");
    if (f->auto_mkdir)
        rc = cove__file_mkdirs(f, parent, ctx, err);
    cove__free(parent);
    if (rc < 0)
        return rc == COVE_EEXIST ? cove__fs_fail(err, ctx, COVE_ENOTDIR, "a file has the name of a folder above it")
                                 : rc;
    p->folder = cove__file_open_folder(p->path);
    return p->folder < 0 ? cove__file_fail_below(err, ctx, errno, p->path) : 0;
}

int cove__file_check_folder(const struct cove__place *p, const struct cove__ctx *ctx, struct cove_error *err)
{
    int fd = cove__file_open_folder(p->path);
    struct stat ours;
    struct stat now;
    bool same;

    if (fd < 0 && errno != ENOENT && errno != ENOTDIR)
        return cove__file_fail(err, ctx, errno);
    same = fd >= 0 && fstat(fd, &now) == 0 && fstat(p->folder, &ours) == 0 && cove__file_same(&now, &ours);
    if (fd >= 0)
        close(fd);
    return same ? 0
                : cove__fs_fail(err, ctx, COVE_EPRECONDITION,
                                "the folder of %s was moved, removed or replaced meanwhile; nothing was written",
                                p->path);
}

void cove__file_leave(struct cove__place *p)
{
    if (p->path && p->folder >= 0)
        close(p->folder);
    cove__free(p->path);
    *p = (struct cove__place){ .folder = -1 };
}
