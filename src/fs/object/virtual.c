/*
 * Virtual directories: a sorted array under cove__lock; no network. One ends when it is removed, or when something is
 * found below it: from then on the directory exists by its content.
 *
 * A response shows the store at the moment of the response. So a request takes the time (cove__virtual_time) before it
 * is sent, and its response is merged with the directories of that time: one that another thread ended meanwhile, by
 * writing a file there, may not be in the response yet.
 */
#include "fs/object/virtual.h"

#include <stdlib.h>
#include <string.h>

#include "base/fork.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/object/known.h"
#include "fs/object/object.h"

/* Compares `d` with a path, or with `slash` with the path and a slash after it. */
static int compare_path(const char *d, const char *path, size_t length, bool slash)
{
    int c = strncmp(d, path, length);

    if (c == 0 && slash)
        c = (unsigned char)*(d += length) - '/';
    else if (c == 0)
        return d[length] != '\0';
    return c == 0 ? d[1] != '\0' : c;
}

/* The index of the path, or where it would be inserted. */
static size_t place_locked(const struct cove__object_known *k, const char *path, size_t length, bool slash)
{
    size_t low = 0, high = k->n_directories;

    cove__assert_locked();
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_path(k->directories[middle].path, path, length, slash) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct cove__virtual_directory *find_locked(const struct cove__object_known *k, const char *path, size_t length)
{
    size_t i = place_locked(k, path, length, false);
    bool found = i < k->n_directories && compare_path(k->directories[i].path, path, length, false) == 0;

    return found ? &k->directories[i] : NULL;
}

static bool is_below(const char *path, const char *directory, size_t length)
{
    return strncmp(path, directory, length) == 0 && path[length] == '/';
}

static bool held_at(const struct cove__virtual_directory *p, uint64_t at)
{
    return (p->made <= at && (p->filled == 0 || p->filled > at)) || (p->again != 0 && p->again <= at);
}

static bool holds(const struct cove__virtual_directory *p)
{
    return held_at(p, UINT64_MAX);
}

/* Whether a directory below `path` was there at that time: its parents exist with it. */
static bool below_held_locked(const struct cove__object_known *k, const char *path, size_t length, uint64_t at)
{
    for (size_t i = place_locked(k, path, length, true); i < k->n_directories; i++) {
        if (!is_below(k->directories[i].path, path, length))
            break;
        if (held_at(&k->directories[i], at))
            return true;
    }
    return false;
}

/* The path of a row that leaves the table. */
static void free_path_locked(struct cove__object_known *k, char *path)
{
    cove__assert_locked();
    k->directories_size -= strlen(path) + 1;
    cove__free(path);
}

/* ---- making ---- */

static void forget_used_before_locked(struct cove__object_known *k, uint64_t used)
{
    size_t kept = 0;

    cove__assert_locked();
    for (size_t i = 0; i < k->n_directories; i++) {
        struct cove__virtual_directory p = k->directories[i];
        if (holds(&p) && p.used >= used)
            k->directories[kept++] = p;
        else
            free_path_locked(k, p.path);
    }
    k->n_directories = kept;
}

static bool has_room_locked(const struct cove__object_known *k, size_t size)
{
    cove__assert_locked();
    return k->n_directories < COVE__VIRTUAL_DIRECTORIES_MAX && size <= COVE__VIRTUAL_PATHS_MAX - k->directories_size;
}

/* A full table forgets the directories that have ended, or else those last used in the older half of the time that it
 * covers. A use of a directory is one of its parents, so no parent goes before it. One path's parents fill a small part
 * of the table only, so the latest path stays whole. `size`: of the new path, far less than COVE__VIRTUAL_PATHS_MAX. */
static void make_room_locked(struct cove__object_known *k, size_t size)
{
    if (!has_room_locked(k, size))
        forget_used_before_locked(k, 0);
    while (!has_room_locked(k, size)) {
        uint64_t oldest = UINT64_MAX;

        for (size_t i = 0; i < k->n_directories; i++)
            oldest = k->directories[i].used < oldest ? k->directories[i].used : oldest;
        forget_used_before_locked(k, oldest + (k->now - oldest) / 2 + 1);
    }
}

/* Takes *copy and sets it to NULL where it becomes a new row. */
static int make_locked(struct cove__object_known *k, char **copy, size_t length, uint64_t used)
{
    struct cove__virtual_directory *p = find_locked(k, *copy, length);

    if (!p) {
        make_room_locked(k, length + 1);
        if (cove__grow(&k->directories, &k->cap_directories, k->n_directories + 1, sizeof *p,
                       COVE__VIRTUAL_DIRECTORIES_MAX) < 0)
            return COVE_ENOMEM;
        size_t i = place_locked(k, *copy, length, false);
        memmove(k->directories + i + 1, k->directories + i, (k->n_directories - i) * sizeof *p);
        k->n_directories++;
        p = &k->directories[i];
        *p = (struct cove__virtual_directory){ .path = *copy, .made = ++k->now };
        *copy = NULL;
        k->directories_size += length + 1;
    } else if (!holds(p)) {
        p->again = ++k->now;
    }
    p->used = used;
    return 0;
}

static int make_one(struct cove__object_known *k, const char *path, size_t length, uint64_t used)
{
    char *copy = cove__strndup(path, length);
    int rc = copy ? 0 : COVE_ENOMEM;

    if (rc == 0) {
        cove__lock();
        rc = make_locked(k, &copy, length, used);
        cove__unlock();
    }
    cove__free(copy);
    return rc;
}

int cove__virtual_make(struct cove__object_store *store, const char *path)
{
    int rc = 0;
    bool below_bucket = false;

    cove__lock();
    uint64_t used = ++store->known->now;
    cove__unlock();
    for (size_t i = 0; rc == 0; i++) {
        if (path[i] == '/' || path[i] == '\0') {
            if (below_bucket && path[i - 1] != '/')
                rc = make_one(store->known, path, i, used);
            below_bucket = true;
        }
        if (path[i] == '\0')
            break;
    }
    return rc;
}

/* ---- asking ---- */

uint64_t cove__virtual_time(struct cove__object_store *store)
{
    cove__lock();
    uint64_t now = store->known->now;
    cove__unlock();
    return now;
}

bool cove__virtual_exists(struct cove__object_store *store, const char *path, uint64_t at)
{
    size_t length = strlen(path);

    cove__lock();
    const struct cove__virtual_directory *p = find_locked(store->known, path, length);
    bool there = (p && held_at(p, at)) || below_held_locked(store->known, path, length, at);
    cove__unlock();
    return there;
}

bool cove__virtual_has_children(struct cove__object_store *store, const char *path)
{
    cove__lock();
    bool there = below_held_locked(store->known, path, strlen(path), UINT64_MAX);
    cove__unlock();
    return there;
}

bool cove__virtual_existed(struct cove__object_store *store, const char *path)
{
    cove__lock();
    bool was = find_locked(store->known, path, strlen(path));
    cove__unlock();
    return was;
}

/* ---- ending ---- */

static void fill_locked(struct cove__object_known *k, const char *path, size_t length)
{
    struct cove__virtual_directory *p = find_locked(k, path, length);

    if (!p || !holds(p))
        return;
    if (p->again != 0)
        p->made = p->again;
    p->again = 0;
    p->filled = ++k->now;
}

void cove__virtual_end(struct cove__object_store *store, const char *path, size_t length)
{
    bool below_bucket = false;

    cove__lock();
    for (size_t i = 0; i < length && store->known->n_directories > 0; i++) {
        if (path[i] != '/')
            continue;
        if (below_bucket && path[i - 1] != '/')
            fill_locked(store->known, path, i);
        below_bucket = true;
    }
    cove__unlock();
}

void cove__virtual_forget(struct cove__object_store *store, const char *path, size_t length)
{
    struct cove__object_known *k = store->known;

    cove__lock();
    struct cove__virtual_directory *p = find_locked(k, path, length);
    if (p) {
        free_path_locked(k, p->path);
        memmove(p, p + 1, (size_t)(k->directories + --k->n_directories - p) * sizeof *p);
    }
    cove__unlock();
}

void cove__virtual_end_page(struct cove__object_store *store, const struct cove__page *page)
{
    const char *last = "";
    size_t n_last = 0;

    for (size_t i = 0; i < page->n; i++) {
        const struct cove_info *info = &page->items[i];
        const char *slash = strrchr(info->path, '/');

        if (info->type == COVE_INFO_DIRECTORY) {
            char *key = cove__path_join(info->path, "");
            if (key)
                cove__virtual_end(store, key, strlen(key));
            cove__free(key);
        } else if (slash) {
            size_t n = (size_t)(slash - info->path) + 1;
            if (n != n_last || memcmp(info->path, last, n) != 0)
                cove__virtual_end(store, info->path, n);
            last = info->path;
            n_last = n;
        }
    }
}

void cove__virtual_forget_tree(struct cove__object_store *store, const char *path)
{
    struct cove__object_known *k = store->known;
    size_t length = strlen(path), kept = 0;

    cove__lock();
    for (size_t i = 0; i < k->n_directories; i++) {
        struct cove__virtual_directory p = k->directories[i];
        if (strcmp(p.path, path) == 0 || is_below(p.path, path, length))
            free_path_locked(k, p.path);
        else
            k->directories[kept++] = p;
    }
    k->n_directories = kept;
    cove__unlock();
}

/* ---- moving ---- */

/* The first directory after `after`, at or below `path`; owned. NULL: none, or no memory. */
static char *next_of(struct cove__object_store *store, const char *path, const char *after, int *ret_rc)
{
    const struct cove__object_known *k = store->known;
    size_t length = strlen(path);
    char *copy = NULL;

    *ret_rc = 0;
    cove__lock();
    for (size_t i = place_locked(k, after, strlen(after), false); i < k->n_directories && !copy; i++) {
        const char *d = k->directories[i].path;
        if (strncmp(d, path, length) != 0)
            break;
        if ((d[length] != '\0' && d[length] != '/') || strcmp(d, after) == 0 || !holds(&k->directories[i]))
            continue;
        copy = cove__strdup(d);
        *ret_rc = copy ? 0 : COVE_ENOMEM;
        if (!copy)
            break;
    }
    cove__unlock();
    return copy;
}

int cove__virtual_move(struct cove__object_store *store, const char *from, const char *to)
{
    char *last = NULL, *old;
    int rc = 0;

    if (cove__virtual_exists(store, from, UINT64_MAX) && cove__object_split(to).key.size > 0)
        rc = cove__virtual_make(store, to);
    while (rc == 0 && (old = next_of(store, from, last ? last : from, &rc))) {
        struct cove__buf new = COVE__BUF_INIT(SIZE_MAX);
        rc = cove__buf_addf(&new, "%s%s", to, old + strlen(from));
        if (rc == 0)
            rc = cove__virtual_make(store, cove__buf_str(&new));
        cove__buf_done(&new);
        cove__free(last);
        last = old;
    }
    cove__free(last);
    if (rc == 0)
        cove__virtual_forget_tree(store, from);
    return rc;
}

/* ---- in listings ---- */

/* A place in the table: the last row, and the directory that it gave. */
struct cursor {
    char *row, *directory; /* owned; NULL: before the first */
};

/* The length of the directory that a row gives in a listing of `path`: the row's own, or its parent directly below
 * `path`. */
static size_t shown_length(const char *row, size_t length, bool deep)
{
    return deep ? strlen(row) : length + 1 + strcspn(row + length + 1, "/");
}

/* Moves to the next directory below `path` of that time. 1; 0: there are no more; COVE_ENOMEM. */
static int next_below(struct cove__object_known *k, const char *path, bool deep, uint64_t at, struct cursor *c)
{
    size_t length = strlen(path), n = 0;
    char *row = NULL, *directory = NULL;
    bool found = false;

    cove__lock();
    size_t i = c->row ? place_locked(k, c->row, strlen(c->row), false) : place_locked(k, path, length, true);
    for (; i < k->n_directories && is_below(k->directories[i].path, path, length) && !found; i++) {
        const char *d = k->directories[i].path;
        n = shown_length(d, length, deep);
        bool again = c->directory && strlen(c->directory) == n && strncmp(d, c->directory, n) == 0;
        found = !again && held_at(&k->directories[i], at);
        if (found) {
            row = cove__strdup(d);
            directory = cove__strndup(d, n);
        }
    }
    cove__unlock();
    cove__free(c->row);
    cove__free(c->directory);
    *c = (struct cursor){ row, directory };
    return !found ? 0 : row && directory ? 1 : COVE_ENOMEM;
}

/* By the order of keys, in which a directory's ends in a slash. */
static int compare_directory(const char *directory, const char *key)
{
    size_t n = strlen(directory);
    int c = strncmp(directory, key, n);

    return c != 0 ? c : strcmp("/", key + n);
}

int cove__virtual_list(struct cove__object_store *store, const char *path, bool deep, uint64_t at, const char *after,
                       const char *until, struct cove__page *page)
{
    struct cursor c = { 0 };
    int rc;

    while ((rc = next_below(store->known, path, deep, at, &c)) > 0) {
        if ((!after || compare_directory(c.directory, after) > 0) &&
            (!until || compare_directory(c.directory, until) <= 0) &&
            cove__page_add(page, c.directory, COVE_INFO_DIRECTORY, 0, -1, NULL) < 0) {
            rc = COVE_ENOMEM;
            break;
        }
    }
    cove__free(c.row);
    cove__free(c.directory);
    return rc;
}
