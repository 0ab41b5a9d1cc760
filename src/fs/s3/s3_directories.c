/*
 * Directories that mkdir promised: an object store has none, so they are remembered here until something is written
 * below them or they are removed. A sorted array under cove__lock; no network.
 */
#include <stdlib.h>

#include "base/fork.h"
#include "base/mem.h"
#include "fs/s3/s3.h"

/* Where `path` stands or would stand. */
static size_t place_locked(const struct cove__s3 *s3, const char *path, size_t length)
{
    size_t low = 0, high = s3->n_directories;

    cove__assert_locked();
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const char *d = s3->directories[middle].path;
        int c = strncmp(d, path, length);
        if (c == 0 && d[length] != '\0')
            c = 1;
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Its serial; 0: it is not promised. */
static uint64_t find_locked(const struct cove__s3 *s3, const char *path, size_t length)
{
    size_t i = place_locked(s3, path, length);
    bool found = i < s3->n_directories && strlen(s3->directories[i].path) == length &&
                 memcmp(s3->directories[i].path, path, length) == 0;
    return found ? s3->directories[i].serial : 0;
}

static int promise_one(struct cove__s3 *s3, const char *path, size_t length)
{
    char *copy = cove__strndup(path, length);
    int rc = copy != NULL ? 0 : COVE_ENOMEM;

    cove__lock();
    if (rc == 0 && find_locked(s3, path, length) == 0) {
        if (s3->n_directories == S3_DIRECTORIES_MAX)
            rc = COVE_ELIMIT;
        else if (cove__grow(&s3->directories, &s3->cap_directories, s3->n_directories + 1, sizeof *s3->directories,
                            S3_DIRECTORIES_MAX) < 0)
            rc = COVE_ENOMEM;
        if (rc == 0) {
            size_t i = place_locked(s3, path, length);
            memmove(s3->directories + i + 1, s3->directories + i, (s3->n_directories - i) * sizeof *s3->directories);
            s3->directories[i] = (struct s3_promise){ copy, ++s3->promises };
            s3->n_directories++;
            copy = NULL;
        }
    }
    cove__unlock();
    cove__free(copy);
    return rc;
}

int cove__s3_promise(struct cove__s3 *s3, const char *path)
{
    int rc = 0;
    bool below_bucket = false;

    for (size_t i = 0; rc == 0; i++) {
        if (path[i] == '/' || path[i] == '\0') {
            if (below_bucket && path[i - 1] != '/')
                rc = promise_one(s3, path, i);
            below_bucket = true;
        }
        if (path[i] == '\0')
            break;
    }
    return rc;
}

bool cove__s3_promised(struct cove__s3 *s3, const char *path)
{
    return cove__s3_promised_by(s3, path, UINT64_MAX);
}

bool cove__s3_promised_by(struct cove__s3 *s3, const char *path, uint64_t serial)
{
    cove__lock();
    uint64_t found = find_locked(s3, path, strlen(path));
    cove__unlock();
    return found != 0 && found <= serial;
}

uint64_t cove__s3_promises(struct cove__s3 *s3)
{
    cove__lock();
    uint64_t n = s3->promises;
    cove__unlock();
    return n;
}

static bool is_below(const char *path, const char *directory, size_t length)
{
    return strncmp(path, directory, length) == 0 && path[length] == '/';
}

void cove__s3_forget(struct cove__s3 *s3, const char *path, bool tree)
{
    size_t length = strlen(path), kept = 0;

    cove__lock();
    for (size_t i = 0; i < s3->n_directories; i++) {
        struct s3_promise d = s3->directories[i];
        if (strcmp(d.path, path) == 0 || (tree && is_below(d.path, path, length)))
            cove__free(d.path);
        else
            s3->directories[kept++] = d;
    }
    s3->n_directories = kept;
    cove__unlock();
}

/* The first promised directory at or below `path`; owned. NULL: none, or no memory. */
static char *first_of(struct cove__s3 *s3, const char *path, int *ret_rc)
{
    size_t length = strlen(path);
    char *copy = NULL;

    *ret_rc = 0;
    cove__lock();
    for (size_t i = place_locked(s3, path, length); i < s3->n_directories; i++) {
        const char *d = s3->directories[i].path;
        if (strncmp(d, path, length) != 0)
            break;
        if (d[length] != '\0' && d[length] != '/')
            continue;
        copy = cove__strdup(d);
        *ret_rc = copy != NULL ? 0 : COVE_ENOMEM;
        break;
    }
    cove__unlock();
    return copy;
}

int cove__s3_move_promises(struct cove__s3 *s3, const char *from, const char *to)
{
    char *old;
    int rc;

    while ((old = first_of(s3, from, &rc)) != NULL) {
        struct cove__buf new = COVE__BUF_INIT(SIZE_MAX);
        rc = cove__buf_addf(&new, "%s%s", to, old + strlen(from));
        if (rc == 0)
            rc = cove__s3_promise(s3, cove__buf_str(&new));
        cove__s3_forget(s3, old, false);
        cove__buf_done(&new);
        cove__free(old);
        if (rc < 0)
            break;
    }
    return rc;
}

void cove__s3_forget_all(struct cove__s3 *s3)
{
    for (size_t i = 0; i < s3->n_directories; i++)
        cove__free(s3->directories[i].path);
    cove__free(s3->directories);
    s3->directories = NULL;
    s3->n_directories = s3->cap_directories = 0;
}

/* One promised directory right below `path` that comes after `after`; owned. NULL: no more. */
static char *next_below(struct cove__s3 *s3, const char *path, const char *after, int *ret_rc)
{
    size_t length = strlen(path);
    char *copy = NULL;

    cove__lock();
    for (size_t i = place_locked(s3, after, strlen(after)); i < s3->n_directories; i++) {
        const char *d = s3->directories[i].path;
        if (strcmp(d, after) <= 0)
            continue;
        if (strncmp(d, path, length) != 0)
            break;
        if (d[length] != '/' || strchr(d + length + 1, '/') != NULL)
            continue;
        copy = cove__strdup(d);
        *ret_rc = copy != NULL ? 0 : COVE_ENOMEM;
        break;
    }
    cove__unlock();
    return copy;
}

/* By the order of keys, in which a directory's ends in a slash. */
static int compare_directory(const char *directory, const char *key)
{
    size_t n = strlen(directory);
    int c = strncmp(directory, key, n);

    return c != 0 ? c : strcmp("/", key + n);
}

int cove__s3_promised_below(struct cove__s3 *s3, const char *path, const char *after, const char *until,
                            struct cove__page *page)
{
    char *last = cove__strdup(path), *next;
    int rc = last != NULL ? 0 : COVE_ENOMEM;
    size_t listed = page->n;

    while (rc == 0 && (next = next_below(s3, path, last, &rc)) != NULL) {
        bool known = (after != NULL && compare_directory(next, after) <= 0) ||
                     (until != NULL && compare_directory(next, until) > 0);
        for (size_t i = 0; i < listed && !known; i++)
            known = page->items[i].type == COVE_TYPE_DIRECTORY && strcmp(page->items[i].path, next) == 0;
        if (!known)
            rc = cove__page_add(page, next, COVE_TYPE_DIRECTORY, 0, -1, NULL);
        cove__free(last);
        last = next;
    }
    cove__free(last);
    return rc;
}
