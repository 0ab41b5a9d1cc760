/* Folders: listing one, removing one with all that is in it, finding the temporary files that a killed process left. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "fs/file/file.h"
#include "fs/temporary.h"

#define MAX_DEPTH 4096

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct cove_info *)a)->path, ((const struct cove_info *)b)->path);
}

static int add_entry(int dir, const char *directory, const char *name, struct cove__page *page)
{
    struct stat st;
    char etag[80];
    char *path;
    bool is_directory;
    bool link;
    int rc;

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return 0; /* gone since the folder was read */
    link = S_ISLNK(st.st_mode);
    if (link && fstatat(dir, name, &st, 0) < 0 && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    is_directory = S_ISDIR(st.st_mode);
    cove__file_etag(&st, etag);
    path = cove__path_join(directory, name);
    if (!path)
        return COVE_ENOMEM;
    rc = cove__page_add(page, path, is_directory ? COVE_INFO_DIRECTORY : COVE_INFO_FILE,
                        is_directory ? 0 : (int64_t)st.st_size, cove__file_mtime(&st), is_directory ? NULL : etag);
    if (rc == 0)
        page->items[page->n - 1].link = is_directory && link;
    cove__free(path);
    return rc;
}

/* The whole folder in one page. */
int cove__file_list(void *self, const char *path, bool deep, const char *token, const struct cove__ctx *ctx,
                    struct cove__page *page, struct cove_error *err)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    int rc = 0;

    if (!dir)
        return cove__file_fail(err, ctx, errno);
    while (rc == 0 && (errno = 0, entry = readdir(dir))) {
        if (is_dots(entry->d_name) || cove__is_temporary(entry->d_name))
            continue;
        if (add_entry(dirfd(dir), path, entry->d_name, page) < 0)
            rc = cove__fail_nomem(err, "a listing");
    }
    if (rc == 0 && errno)
        rc = cove__file_fail(err, ctx, errno);
    closedir(dir);
    if (rc == 0 && page->n > 1)
        qsort(page->items, page->n, sizeof *page->items, by_path);
    return rc;
}

/* ---- walks that don't follow links, by descriptors, so that no folder can be swapped for a link on the way ---- */

struct walk {
    /* Called for each entry that is no folder, and for each folder after what is in it; 0 continues. */
    int (*visit)(struct walk *w, int dir, const char *name, const char *path, const struct stat *st,
                 struct cove_error *err);
    const struct cove__ctx *ctx;
    const char *root, *start;          /* the folder of the call, and the one in it where this walk begins */
    struct cove__upload_page *uploads; /* of visit_temporary */
};

static int walk_folder(struct walk *w, int parent, const char *name, const char *path, int depth,
                       struct cove_error *err);

/* A folder that is gone since its name was read has nothing to visit. One that cannot be read keeps no uploads beside
 * it from being listed: it is the page after them, which fails. */
static int cannot_open(const struct walk *w, const char *path, int errnum, struct cove_error *err)
{
    if (strcmp(path, w->root) == 0)
        return cove__file_fail(err, w->ctx, errnum);
    if (errnum == ENOENT)
        return 0;
    if (!w->uploads || strcmp(path, w->start) == 0 || strlen(path) >= COVE__UPLOAD_MARKER_MAX)
        return cove__fail_errno(err, errnum, "%s %s: %s", w->ctx->op, w->ctx->url, path);
    if (!w->uploads->more && cove__buf_add_str(&w->uploads->next_key, path) < 0)
        return cove__fail_nomem(err, "a list of uploads");
    w->uploads->more = true;
    return 0;
}

static int walk_entry(struct walk *w, int dir, const char *name, const char *directory, int depth,
                      struct cove_error *err)
{
    struct stat st;
    char *path;
    int rc = cove__ctx_check(w->ctx, err);

    if (rc < 0)
        return rc;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : cove__file_fail(err, w->ctx, errno);
    path = cove__path_join(directory, name);
    if (!path)
        return cove__fail_nomem(err, "a path");
    if (S_ISDIR(st.st_mode))
        rc = walk_folder(w, dir, name, path, depth + 1, err);
    if (rc == 0)
        rc = w->visit(w, dir, name, path, &st, err);
    cove__free(path);
    return rc;
}

static int walk_folder(struct walk *w, int parent, const char *name, const char *path, int depth,
                       struct cove_error *err)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *entry;
    int rc = 0;

    if (!dir) {
        rc = cannot_open(w, path, errno, err);
        if (fd >= 0)
            close(fd);
        return rc;
    }
    if (depth > MAX_DEPTH)
        rc = cove__fs_fail(err, w->ctx, COVE_ELIMIT, "folders are nested more than %d deep", MAX_DEPTH);
    while (rc == 0 && (errno = 0, entry = readdir(dir))) {
        if (!is_dots(entry->d_name))
            rc = walk_entry(w, dirfd(dir), entry->d_name, path, depth, err);
    }
    closedir(dir);
    return rc;
}

static int visit_remove(struct walk *w, int dir, const char *name, const char *path, const struct stat *st,
                        struct cove_error *err)
{
    if (unlinkat(dir, name, S_ISDIR(st->st_mode) ? AT_REMOVEDIR : 0) < 0 && errno != ENOENT)
        return cove__file_fail(err, w->ctx, errno);
    return 0;
}

int cove__file_remove_tree(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct walk w = { .visit = visit_remove, .ctx = ctx, .root = path, .start = path };
    int rc = walk_folder(&w, AT_FDCWD, path, path, 0, err);

    if (rc == 0 && rmdir(path) < 0 && errno != ENOENT)
        rc = cove__file_fail(err, ctx, errno);
    return rc;
}

static int visit_temporary(struct walk *w, int dir, const char *name, const char *path, const struct stat *st,
                           struct cove_error *err)
{
    if (!S_ISREG(st->st_mode) || !cove__is_temporary(name))
        return 0;
    const char *id = cove__path_below(path, w->root);
    int rc = cove__upload_page_add(w->uploads, cove__slice_str(path), cove__slice_str(id), cove__file_mtime(st));
    return rc < 0 ? cove__fail_nomem(err, "a list of uploads") : 0;
}

/* All in one page. If a folder could not be read, the next page fails with its error. The id of an upload is the path
 * of its temporary file below the folder that is listed. */
int cove__file_list_uploads(void *self, const char *path, const struct cove__upload_page *last,
                            const struct cove__ctx *ctx, struct cove__upload_page *ret, struct cove_error *err)
{
    const char *start = last ? cove__buf_str(&last->next_key) : path;
    struct walk w = { .visit = visit_temporary, .ctx = ctx, .root = path, .start = start, .uploads = ret };

    ret->now_ns = cove__wall_ns();
    return walk_folder(&w, AT_FDCWD, start, start, 0, err);
}

/* The folder of the file at `below`, a path below `root`; *ret_name is the file's name in it. -1: errno is set. Links
 * below the root are not followed: a user who may write there could swap a folder for a link since it was listed. */
static int open_below(const char *root, const char *below, const char **ret_name)
{
    int folder = open(root, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    const char *slash;

    for (; folder >= 0 && (slash = strchr(below, '/')); below = slash + 1) {
        char name[NAME_MAX + 1];
        int parent = folder, errnum;
        size_t n = (size_t)(slash - below);

        folder = -1;
        errno = n > NAME_MAX ? ENAMETOOLONG : EINVAL;
        if (n <= NAME_MAX) {
            memcpy(name, below, n);
            name[n] = '\0';
            if (!is_dots(name))
                folder = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        }
        errnum = errno;
        close(parent);
        errno = errnum;
    }
    *ret_name = below;
    return folder;
}

int cove__file_remove_upload(void *self, const char *path, const char *id, const struct cove__ctx *ctx,
                             struct cove_error *err)
{
    size_t n = strlen(path), m = strlen(id);
    struct stat st;
    const char *name;
    char *root;
    int folder, rc = 0;

    if (!cove__is_temporary(cove__path_name(path)) || m >= n || path[n - m - 1] != '/' || strcmp(path + n - m, id) != 0)
        return cove__fs_fail(err, ctx, COVE_EINVAL, "is not the temporary file of an upload");
    root = cove__strndup(path, n - m > 1 ? n - m - 1 : 1);
    if (!root)
        return cove__fail_nomem(err, "a path");
    folder = open_below(root, id, &name);
    cove__free(root);
    if (folder < 0)
        return errno == ENOENT ? 0 : cove__file_fail(err, ctx, errno);
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(st.st_mode))
        rc = cove__fs_fail(err, ctx, COVE_EINVAL, "is not a file");
    else if (unlinkat(folder, name, 0) < 0 && errno != ENOENT)
        rc = cove__file_fail(err, ctx, errno);
    close(folder);
    return rc;
}
