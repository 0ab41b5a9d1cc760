/*
 * The tree of files in memory: one for the process, as fsspec's memory:// is, in an array in the order of paths. Looks
 * at entries, lists, makes, moves and removes them. Their contents: memory_contents.c.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/memory/memory.h"

#define MAX_ENTRIES ((size_t)1 << 28)

/* All under cove__lock. Nodes are pointers, so that keeping the order moves little. */
static struct entry **tree;
static size_t tree_n, tree_cap;
static uint64_t versions;

uint64_t cove__memory_next_version_locked(void)
{
    return ++versions;
}

static size_t place_locked(const char *path, bool *found)
{
    size_t low = 0;
    size_t high = tree_n;

    cove__assert_locked();
    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (strcmp(tree[mid]->path, path) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    *found = low < tree_n && strcmp(tree[low]->path, path) == 0;
    return low;
}

struct entry *cove__memory_find_locked(const char *path)
{
    bool found;
    size_t i = place_locked(path, &found);

    return found ? tree[i] : NULL;
}

void cove__memory_unref_blob_locked(struct blob *blob)
{
    if (!blob || --blob->refs > 0)
        return;
    cove__free(blob->data);
    cove__free(blob);
}

static void drop_locked(size_t i)
{
    cove__memory_unref_blob_locked(tree[i]->blob);
    cove__free(tree[i]->path);
    cove__free(tree[i]);
    memmove(tree + i, tree + i + 1, (tree_n - i - 1) * sizeof *tree);
    if (--tree_n == 0) {
        cove__free(tree);
        tree = NULL;
        tree_cap = 0;
    }
}

/* A new entry in its place; the caller knows that there is none yet. */
static struct entry *insert_locked(const char *path, size_t n)
{
    struct entry *e = cove__calloc(1, sizeof *e);
    bool found;
    size_t i;

    if (e)
        e->path = cove__strndup(path, n);
    if (!e || !e->path || cove__grow(&tree, &tree_cap, tree_n + 1, sizeof *tree, MAX_ENTRIES) < 0) {
        if (e)
            cove__free(e->path);
        cove__free(e);
        return NULL;
    }
    i = place_locked(e->path, &found);
    memmove(tree + i + 1, tree + i, (tree_n - i) * sizeof *tree);
    tree[i] = e;
    tree_n++;
    e->mtime_ns = cove__wall_ns();
    return e;
}

/* Every directory above `path` (and, with `itself`, that one). COVE_ENOTDIR, COVE_ENOMEM. */
static int mkdirs_locked(const char *path, bool itself)
{
    for (size_t n = 0; path[0]; n++) {
        char part[4096];
        struct entry *e;

        if (path[n] && path[n] != '/')
            continue;
        if (!path[n] && !itself)
            return 0;
        if (n >= sizeof part)
            return COVE_EINVAL;
        memcpy(part, path, n);
        part[n] = '\0';
        e = cove__memory_find_locked(part);
        if (e && e->blob)
            return path[n] ? COVE_ENOTDIR : COVE_EEXIST;
        if (!e && !insert_locked(part, n))
            return COVE_ENOMEM;
        if (!path[n])
            return 0;
    }
    return 0;
}

void cove__memory_make_etag(const struct entry *e, char out[32])
{
    snprintf(out, 32, "\"%" PRIx64 "\"", e->version);
}

int cove__memory_explain(const struct cove__ctx *ctx, int rc, struct cove_error *err)
{
    switch (rc) {
    case 0:
        return 0;
    case COVE_ENOMEM:
        return cove__fail_nomem(err, "a file in memory");
    case COVE_ENOTDIR:
        return cove__fs_fail(err, ctx, rc, "a file is in the place of a directory");
    case COVE_EISDIR:
        return cove__fs_fail(err, ctx, rc, "is a directory");
    case COVE_EPRECONDITION:
        return cove__fs_fail(err, ctx, rc, "another writer has replaced the file");
    default:
        return cove__fs_fail(err, ctx, rc, "%s", cove_code_phrase(rc));
    }
}

int cove__memory_publish_locked(const char *path, struct blob *blob, enum cove_write_if condition, const char *etag,
                                char **ret_etag)
{
    struct entry *e = cove__memory_find_locked(path);
    char now[32];
    int rc;

    if (!path[0] || (e && !e->blob))
        return COVE_EISDIR;
    if (condition == COVE_WRITE_IF_NEW && e)
        return COVE_EEXIST;
    if (condition == COVE_WRITE_IF_MATCH) {
        if (!e)
            return COVE_EPRECONDITION;
        cove__memory_make_etag(e, now);
        if (!etag || strcmp(now, etag) != 0)
            return COVE_EPRECONDITION;
    }
    if (!e) {
        rc = mkdirs_locked(path, false);
        if (rc < 0)
            return rc;
        e = insert_locked(path, strlen(path));
        if (!e)
            return COVE_ENOMEM;
    }
    cove__memory_unref_blob_locked(e->blob);
    e->blob = blob;
    e->mtime_ns = cove__wall_ns();
    e->made = e->version = ++versions;
    cove__memory_make_etag(e, now);
    if (ret_etag)
        *ret_etag = cove__strdup(now);
    return 0;
}

/* ---- slots of a backend ---- */

void cove__memory_stat(void *self, struct cove__stat_io *io)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct cove_info *ret = io->ret_info;
    const char *path = io->path;
    struct entry *e;
    char etag[32];
    int rc = 0;

    cove__lock();
    e = cove__memory_find_locked(path);
    if (!e && path[0] != '\0')
        rc = COVE_ENOTFOUND;
    else if (!e || !e->blob)
        rc = cove__info_set(ret, path, COVE_INFO_DIRECTORY, 0, e ? e->mtime_ns : -1, NULL);
    else {
        cove__memory_make_etag(e, etag);
        rc = cove__info_set(ret, path, COVE_INFO_FILE, (int64_t)e->blob->size, e->mtime_ns, etag);
    }
    cove__unlock();
    rc = cove__memory_explain(&io->op.ctx, rc, &err);
    cove__op_finish(&io->op, rc, 0, &err);
}

static bool is_below(const char *path, const char *directory, size_t n)
{
    return n == 0 || (strncmp(path, directory, n) == 0 && path[n] == '/');
}

static int list_locked(const char *path, struct cove__page *page)
{
    struct entry *e = cove__memory_find_locked(path);
    size_t n = strlen(path);
    bool found;
    size_t i;

    if (path[0] && (!e || e->blob))
        return e ? COVE_ENOTDIR : COVE_ENOTFOUND;
    /* Entries below "a" follow "a/", which names that sort between ("a-b") come before. */
    for (i = place_locked(path, &found); i < tree_n && strncmp(tree[i]->path, path, n) == 0; i++) {
        const char *rest = tree[i]->path + n + (n > 0);
        char etag[32];
        int rc;

        if (!is_below(tree[i]->path, path, n) || strchr(rest, '/'))
            continue;
        cove__memory_make_etag(tree[i], etag);
        rc = cove__page_add(page, tree[i]->path, tree[i]->blob ? COVE_INFO_FILE : COVE_INFO_DIRECTORY,
                            tree[i]->blob ? (int64_t)tree[i]->blob->size : 0, tree[i]->mtime_ns,
                            tree[i]->blob ? etag : NULL);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int cove__memory_list(void *self, const char *path, bool deep, const char *token, const struct cove__ctx *ctx,
                      struct cove__page *page, struct cove_error *err)
{
    int rc;

    cove__lock();
    rc = list_locked(path, page);
    cove__unlock();
    return cove__memory_explain(ctx, rc, err);
}

int cove__memory_mkdir(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err)
{
    int rc;

    cove__lock();
    rc = mkdirs_locked(path, true);
    cove__unlock();
    return cove__memory_explain(ctx, rc, err);
}

int cove__memory_rmdir(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err)
{
    bool found;
    size_t i;
    int rc = 0;

    if (path[0] == '\0')
        return cove__fs_fail(err, ctx, COVE_EINVAL, "the root cannot be removed");
    cove__lock();
    i = place_locked(path, &found);
    if (!found)
        rc = COVE_ENOTFOUND;
    else if (tree[i]->blob)
        rc = COVE_ENOTDIR;
    for (size_t j = i + 1; rc == 0 && j < tree_n && strncmp(tree[j]->path, path, strlen(path)) == 0; j++) {
        if (is_below(tree[j]->path, path, strlen(path)))
            rc = COVE_ENOTEMPTY;
    }
    if (rc == 0)
        drop_locked(i);
    cove__unlock();
    return cove__memory_explain(ctx, rc, err);
}

bool cove__memory_has_changed(const struct entry *e, const char *etag)
{
    char now[32];

    cove__memory_make_etag(e, now);
    return etag && strcmp(now, etag) != 0;
}

int cove__memory_remove(void *self, const char *const *paths, const char *const *etags, size_t n,
                        const struct cove__ctx *ctx, struct cove_error *err)
{
    const char *changed = NULL;
    bool directory = false;

    cove__lock();
    for (size_t i = 0; i < n; i++) {
        bool found;
        size_t at = place_locked(paths[i], &found);

        directory |= found && !tree[at]->blob;
        if (found && tree[at]->blob && cove__memory_has_changed(tree[at], etags ? etags[i] : NULL))
            changed = paths[i];
        else if (found && tree[at]->blob)
            drop_locked(at);
    }
    cove__unlock();
    if (changed)
        return cove__fs_fail(err, ctx, COVE_EPRECONDITION, "%s was changed meanwhile and is kept", changed);
    return directory ? cove__fs_fail(err, ctx, COVE_EISDIR, "is a directory") : 0;
}

int cove__memory_remove_tree(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err)
{
    size_t n = strlen(path);
    bool found;

    cove__lock();
    for (size_t i = place_locked(path, &found); i < tree_n && strncmp(tree[i]->path, path, n) == 0;) {
        if (tree[i]->path[n] == '\0' || is_below(tree[i]->path, path, n))
            drop_locked(i);
        else
            i++;
    }
    cove__unlock();
    return 0;
}

static int move_file_locked(size_t at, const char *to)
{
    struct blob *blob = tree[at]->blob;
    char *from = tree[at]->path;
    bool found;
    int rc;

    blob->refs++;
    rc = cove__memory_publish_locked(to, blob, COVE_WRITE_ALWAYS, NULL, NULL);
    if (rc < 0) {
        blob->refs--;
        return rc;
    }
    at = place_locked(from, &found);
    drop_locked(at);
    return 0;
}

/* Every entry of a directory gets its new name; the order of the array is mended at the end. */
static int compare_entries(const void *a, const void *b)
{
    return strcmp((*(struct entry *const *)a)->path, (*(struct entry *const *)b)->path);
}

static int move_tree_locked(const char *from, const char *to)
{
    size_t n = strlen(from);
    bool found;
    size_t first = place_locked(from, &found);
    size_t last = first;
    char **names;
    size_t k = 0;
    int rc;

    if (is_below(to, from, n))
        return COVE_EINVAL;
    rc = mkdirs_locked(to, false);
    if (rc < 0)
        return rc;
    first = place_locked(from, &found);
    for (last = first; last < tree_n && strncmp(tree[last]->path, from, n) == 0; last++)
        ;
    names = cove__calloc(last - first, sizeof *names);
    rc = names ? 0 : COVE_ENOMEM;
    for (size_t i = first; rc == 0 && i < last; i++) {
        struct cove__buf b = COVE__BUF_INIT((size_t)1 << 20);

        if (i != first && !is_below(tree[i]->path, from, n))
            continue;
        cove__buf_addf(&b, "%s%s", to, tree[i]->path + n);
        names[i - first] = cove__buf_take(&b);
        rc = names[i - first] ? 0 : COVE_ENOMEM;
    }
    for (size_t i = first; i < last; i++, k++) {
        if (!names || !names[k])
            continue;
        if (rc == 0) {
            char *old = tree[i]->path;

            tree[i]->path = names[k];
            names[k] = old;
        }
        cove__free(names[k]);
    }
    cove__free(names);
    qsort(tree, tree_n, sizeof *tree, compare_entries);
    return rc;
}

int cove__memory_move(void *self, const char *from, const char *to, const struct cove__ctx *ctx, struct cove_error *err)
{
    bool found;
    size_t at;
    int rc;

    cove__lock();
    at = place_locked(from, &found);
    if (!found)
        rc = COVE_ENOTFOUND;
    else if (tree[at]->blob)
        rc = move_file_locked(at, to);
    else
        rc = !to[0] || cove__memory_find_locked(to) ? COVE_EEXIST : move_tree_locked(from, to);
    cove__unlock();
    return cove__memory_explain(ctx, rc, err);
}
