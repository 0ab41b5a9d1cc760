/*
 * Listings: iterators over pages. `list` reads one directory. `find`, `walk` and `glob` traverse real directories with
 * a stack; in a store without directories they read flat pages of all keys below the path.
 */
#include <string.h>

#include "base/copy_options.h"
#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/glob.h"
#include "fs/paging.h"
#include "fs/time_left.h"

#define MAX_STACK ((size_t)1 << 20)

enum mode { LIST, FIND, WALK, GLOB, VERSIONS, VERSIONS_BELOW };

struct cove_listing {
    cove_fs *fs;
    struct cove__target target; /* its path is the directory where the listing begins */
    struct cove_call call;
    cove_cancel *cancel; /* held */
    enum mode mode;
    bool flat;     /* pages come at any depth */
    char *pattern; /* GLOB */
    struct cove__patterns patterns;
    char **stack; /* directories still to be listed; the last comes first */
    size_t n_stack, cap_stack;
    char *directory; /* being listed */
    struct cove__page page;
    struct cove__paging paging; /* of the directory */
    size_t next;
    bool started, ended;
    struct cove__time_left time;
    /* WALK and GLOB over flat pages: most directories occur only as parts of paths */
    struct cove_info parent;
    char *last;           /* the previous path; a directory's with its slash */
    size_t pending_slash; /* how far the path's slashes have been checked */
};

void cove_listing_free(cove_listing *l)
{
    if (!l)
        return;
    cove__page_done(&l->page);
    for (size_t i = 0; i < l->n_stack; i++)
        cove__free(l->stack[i]);
    cove__free(l->stack);
    cove__free(l->directory);
    cove__free(l->pattern);
    cove__patterns_done(&l->patterns);
    cove__free(l->last);
    cove__info_done(&l->parent);
    cove__target_done(&l->target);
    cove_cancel_unref(l->cancel);
    cove_fs_unref(l->fs);
    cove__free(l);
}

/* Of a tree, not of one place. */
static bool walks(const struct cove_listing *l)
{
    return l->mode == FIND || l->mode == WALK || l->mode == GLOB;
}

static int push(struct cove_listing *l, const char *path, struct cove_error *err)
{
    char *copy;

    if (cove__grow(&l->stack, &l->cap_stack, l->n_stack + 1, sizeof *l->stack, MAX_STACK) < 0)
        return cove__fail_nomem(err, "a listing");
    copy = cove__strdup(path);
    if (!copy)
        return cove__fail_nomem(err, "a listing");
    l->stack[l->n_stack++] = copy;
    return 0;
}

/* Whether the store has what the mode asks of it. */
static bool supported(const cove_fs *fs, enum mode mode)
{
    if (mode == VERSIONS)
        return fs->ops->attributes.versions;
    return mode == VERSIONS_BELOW ? (bool)fs->ops->attributes.versions_below : (bool)fs->ops->list;
}

static int open_listing(cove_fs *fs, const char *path, const struct cove_call *call, enum mode mode, const char *op,
                        cove_listing **ret, struct cove_error *err)
{
    cove_listing *l = cove__calloc(1, sizeof *l);
    int rc;

    if (!l)
        return cove__fail_nomem(err, "a listing");
    l->fs = cove_fs_ref(fs);
    l->mode = mode;
    l->call = cove__call_of(call);
    l->cancel = cove_cancel_ref(l->call.cancel);
    rc = cove__target_init(&l->target, fs, path, call, op, err);
    if (rc == 0 && !supported(fs, mode))
        rc = cove__fs_unsupported(&l->target, err);
    if (rc == 0 && mode == GLOB) {
        l->pattern = l->target.path;
        l->target.path = cove__strdup(l->pattern);
        if (l->target.path)
            cove__glob_root(l->pattern, l->target.path);
        rc = l->target.path ? cove__patterns_init(&l->patterns, l->pattern) : COVE_ENOMEM;
        if (rc == COVE_ENOMEM)
            cove__fail_nomem(err, "a listing");
        else if (rc < 0)
            cove__fs_fail(err, &l->target.ctx, rc, "the braces stand for too many patterns");
    }
    /* One depth is cheaper by directories, any depth by pages; but directories that are seen only as parts of paths
     * must be seen in order. */
    l->flat = rc == 0 && !fs->ops->real_directories &&
              (mode == FIND || ((mode == WALK || (mode == GLOB && strstr(l->pattern, "**"))) &&
                                !cove__fs_unordered(fs, l->target.path)));
    if (rc == 0)
        rc = push(l, l->target.path, err);
    if (rc < 0) {
        cove_listing_free(l);
        return rc;
    }
    *ret = l;
    return 0;
}

int cove_fs_list(cove_fs *fs, const char *path, const struct cove_call *call, cove_listing **ret_listing,
                 struct cove_error *err)
{
    return open_listing(fs, path, call, LIST, "list", ret_listing, err);
}

int cove_fs_find(cove_fs *fs, const char *path, const struct cove_call *call, cove_listing **ret_listing,
                 struct cove_error *err)
{
    return open_listing(fs, path, call, FIND, "find", ret_listing, err);
}

int cove_fs_walk(cove_fs *fs, const char *path, const struct cove_call *call, cove_listing **ret_listing,
                 struct cove_error *err)
{
    return open_listing(fs, path, call, WALK, "walk", ret_listing, err);
}

int cove_fs_glob(cove_fs *fs, const char *pattern, const struct cove_call *call, cove_listing **ret_listing,
                 struct cove_error *err)
{
    return open_listing(fs, pattern, call, GLOB, "glob", ret_listing, err);
}

int cove_fs_versions(cove_fs *fs, const char *path, const struct cove_call *call, cove_listing **ret_listing,
                     struct cove_error *err)
{
    return open_listing(fs, path, call, VERSIONS, "versions", ret_listing, err);
}

int cove_fs_find_versions(cove_fs *fs, const char *path, const struct cove_call *call, cove_listing **ret_listing,
                          struct cove_error *err)
{
    return open_listing(fs, path, call, VERSIONS_BELOW, "find versions", ret_listing, err);
}

/* The path is a file (or, for a pattern without wildcards, whatever it is): a listing of itself. */
static int page_of_itself(struct cove_listing *l, const char *path, struct cove_error *err)
{
    struct cove_info info = { 0 };
    int rc = cove__fs_stat(l->fs, path, &l->target.ctx, &info, err);

    if (rc == 0 && cove__page_take(&l->page, &info) < 0)
        rc = cove__fail_nomem(err, "a listing");
    cove__info_done(&info);
    return rc;
}

/* The next page: of the directory under way, or of the next one on the stack. 0 with an empty page at the end of all.
 */
static int fetch_page(struct cove_listing *l, struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT; /* what turns out to be no failure must not be seen in the caller's */
    char *token = l->page.token;
    int rc;

    l->page.token = NULL;
    cove__page_done(&l->page);
    l->next = 0;
    if (!token) {
        l->paging = (struct cove__paging){ 0 };
        cove__free(l->directory);
        l->directory = l->n_stack > 0 ? l->stack[--l->n_stack] : NULL;
        if (!l->directory) {
            l->ended = true;
            return 0;
        }
    }
    if (l->mode == GLOB && !cove__glob_has_magic(l->pattern))
        rc = page_of_itself(l, l->pattern, &why);
    else if (l->mode == VERSIONS)
        rc = l->fs->ops->attributes.versions(l->fs->self, l->directory, token, &l->target.ctx, &l->page, &why);
    else if (l->mode == VERSIONS_BELOW)
        rc = l->fs->ops->attributes.versions_below(l->fs->self, l->directory, token, &l->target.ctx, &l->page, &why);
    else
        rc = l->fs->ops->list(l->fs->self, l->directory, l->flat, token, &l->target.ctx, &l->page, &why);
    if (rc == COVE_ENOTDIR && (l->mode == LIST || l->mode == FIND || l->mode == WALK) && !l->started)
        rc = page_of_itself(l, l->directory, &why);
    /* For `find`, `walk` and `glob` a missing path is no error, nor a directory removed during the traversal. */
    if ((rc == COVE_ENOTFOUND || rc == COVE_ENOTDIR) && (walks(l) || l->started))
        rc = 0;
    if (rc == 0 && l->page.token)
        rc = cove__paging_next_page(&l->paging, &l->page, l->page.token, NULL, &l->target.ctx, &why);
    l->started = true;
    cove__free(token);
    return rc < 0 ? cove__error_copy(err, &why) : 0;
}

/* Directories of a page are pushed last first, so that they are walked in order. */
static int descend(struct cove_listing *l, struct cove_error *err)
{
    for (size_t i = l->page.n; i-- > 0;) {
        const struct cove_info *info = &l->page.items[i];
        int rc;

        if (info->type != COVE_INFO_DIRECTORY || info->link)
            continue;
        if (l->mode == GLOB && !cove__patterns_may_descend(&l->patterns, info->path))
            continue;
        rc = push(l, info->path, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Whether the path matches the pattern, if there is one. */
static bool takes(const struct cove_listing *l, const char *path)
{
    return l->mode != GLOB || cove__patterns_match(&l->patterns, path);
}

/*
 * The next directory above the entry and below the root that did not contain the previous entry, and that matches.
 * l->pending_slash is the position in the path. NULL: no more of them. The path of a directory with an empty name
 * ("a//") keeps its slash, which distinguishes it from its parent.
 */
static const cove_info *next_parent(struct cove_listing *l, const struct cove_info *entry)
{
    const char *path = entry->path, *slash;
    size_t root = strlen(l->target.path);

    root -= root > 0 && l->target.path[root - 1] == '/';
    while ((slash = strchr(path + l->pending_slash, '/'))) {
        size_t n = (size_t)(slash - path);

        if (slash[1] == '\0' && entry->type == COVE_INFO_DIRECTORY)
            break; /* the entry itself */
        l->pending_slash = n + 1;
        if (n <= root || (l->last && strncmp(l->last, path, n + 1) == 0))
            continue;
        cove__info_done(&l->parent);
        l->parent.path = cove__strndup(path, n + (path[n - 1] == '/'));
        l->parent.type = COVE_INFO_DIRECTORY;
        l->parent.mtime_ns = -1;
        if (!l->parent.path || takes(l, l->parent.path))
            return &l->parent;
    }
    return NULL;
}

/* The entry's path, to be compared with the next one's. */
static char *as_last(const struct cove_info *entry)
{
    return entry->type == COVE_INFO_DIRECTORY ? cove__path_join(entry->path, "") : cove__strdup(entry->path);
}

/* Whether the entry is the marker of the directory that is listed. */
static bool is_root(const struct cove_listing *l, const struct cove_info *entry)
{
    size_t n = strlen(entry->path);

    return entry->type == COVE_INFO_DIRECTORY && strncmp(entry->path, l->target.path, n) == 0 &&
           strspn(l->target.path + n, "/") == strlen(l->target.path + n);
}

static int next_flat(struct cove_listing *l, const cove_info **ret, struct cove_error *err)
{
    const struct cove_info *info = &l->page.items[l->next];
    const cove_info *parent = next_parent(l, info);

    if (parent) {
        *ret = parent;
        return parent->path ? 1 : cove__fail_nomem(err, "a listing");
    }
    cove__free(l->last);
    l->last = as_last(info);
    if (!l->last)
        return cove__fail_nomem(err, "a listing");
    l->pending_slash = 0;
    l->next++;
    *ret = info;
    return (l->mode == WALK || !is_root(l, info)) && takes(l, info->path) ? 1 : 0;
}

static bool wanted(const struct cove_listing *l, const struct cove_info *info)
{
    if (l->mode == FIND)
        return info->type == COVE_INFO_FILE;
    return !(l->mode == WALK && info->link) && takes(l, info->path);
}

void cove_listing_use_one_timeout(cove_listing *l)
{
    cove__time_left_share(&l->time, l->fs, &l->call);
}

/* Before the first page, of a listing that gives directories: whether pages of all depths have them. */
static int choose_pages(struct cove_listing *l, struct cove_error *err)
{
    const struct cove__fs_ops *ops = l->fs->ops;

    if (l->started || !l->flat || l->mode == FIND || !ops->hides_directories)
        return 0;
    int rc = ops->hides_directories(l->fs->self, l->target.path, &l->target.ctx, err);
    l->flat = rc == 0;
    return rc < 0 ? rc : 0;
}

/* Fetches a page and pushes its directories onto the stack. */
static int advance(struct cove_listing *l, struct cove_error *err)
{
    int rc = choose_pages(l, err);
    if (rc == 0)
        rc = fetch_page(l, err);
    return rc == 0 && walks(l) && !l->flat ? descend(l, err) : rc;
}

int64_t cove__listing_gather(cove_listing *l, struct cove_error *err)
{
    struct cove__page all = { 0 };
    int rc = 0;

    l->target.ctx.deadline_ns = cove__time_left_begin(&l->time, l->fs, &l->call);
    while (rc == 0 && !l->ended) {
        rc = advance(l, err);
        for (size_t i = 0; rc == 0 && i < l->page.n; i++) {
            if (wanted(l, &l->page.items[i]) && cove__page_take(&all, &l->page.items[i]) < 0)
                rc = cove__fail_nomem(err, "a listing");
        }
    }
    cove__time_left_end(&l->time);
    if (rc < 0) {
        cove__page_done(&all);
        return rc;
    }
    cove__page_done(&l->page);
    l->page = all;
    l->next = 0;
    l->ended = false; /* with nothing left to be fetched */
    return (int64_t)all.n;
}

/* The next entry of the page: 1, 0 at the end of the page, or an error. */
static int next_of_page(struct cove_listing *l, const cove_info **ret_info, struct cove_error *err)
{
    int rc = 0;

    if (l->flat && l->mode != FIND) {
        while (rc == 0 && l->next < l->page.n)
            rc = next_flat(l, ret_info, err);
        return rc;
    }
    while (l->next < l->page.n) {
        const struct cove_info *info = &l->page.items[l->next++];

        if (wanted(l, info)) {
            *ret_info = info;
            return 1;
        }
    }
    return 0;
}

int cove_listing_next(cove_listing *l, const cove_info **ret_info, struct cove_error *err)
{
    int rc = next_of_page(l, ret_info, err);

    if (rc != 0 || l->ended)
        return rc;
    l->target.ctx.deadline_ns = cove__time_left_begin(&l->time, l->fs, &l->call);
    while (rc == 0 && !l->ended) { /* pages may be empty */
        rc = advance(l, err);
        l->ended |= rc < 0;
        if (rc == 0)
            rc = next_of_page(l, ret_info, err);
    }
    cove__time_left_end(&l->time);
    return rc;
}
