/*
 * Virtual directories: those that mkdir made and nothing is in yet. An object store has no directories, so the process
 * remembers them, for all filesystems of the store, and shows them in stats and listings.
 */
#ifndef COVE_FS_OBJECT_VIRTUAL_H
#define COVE_FS_OBJECT_VIRTUAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cove__object_known;
struct cove__object_store;
struct cove__page;

#define COVE__VIRTUAL_DIRECTORIES_MAX ((size_t)1 << 16) /* of one store */
#define COVE__VIRTUAL_PATHS_MAX       ((size_t)8 << 20) /* bytes of their paths */
#define COVE__VIRTUAL_NOW             UINT64_MAX

/* Times are values of cove__object_known.now. */
struct cove__virtual_directory {
    char *path;
    uint64_t made, filled; /* when it was made, and when something was found below it; 0: not yet */
    uint64_t again;        /* when it was made again after that; 0: it was not */
    uint64_t used;         /* when it or one below it was last made */
};

/* Of `path` and its parents below the bucket. COVE_ENOMEM. */
int cove__virtual_make(struct cove__object_store *store, const char *path);
/* The time, to be taken before a request is sent. */
uint64_t cove__virtual_time(struct cove__object_store *store);
/* Whether `path`, or a directory below it, was a virtual directory at the time `at`. */
bool cove__virtual_exists(struct cove__object_store *store, const char *path, uint64_t at);
bool cove__virtual_has_children(struct cove__object_store *store, const char *path); /* now, a directory below it */
bool cove__virtual_existed(struct cove__object_store *store, const char *path);      /* now or earlier */
/* Something was found at `path`: the directories above it exist by their content now. `path` has `length` bytes, bucket
 * and key; with a slash at its end it is a directory, which ends, too. */
void cove__virtual_end(struct cove__object_store *store, const char *path, size_t length);
void cove__virtual_end_page(struct cove__object_store *store, const struct cove__page *page);
/* A file of this name was written: forgets `path`, but not directories below it. */
void cove__virtual_forget(struct cove__object_store *store, const char *path, size_t length);
void cove__virtual_forget_tree(struct cove__object_store *store, const char *path); /* `path` and below it */
/* Moves the virtual directories at and below `from` to `to`. COVE_ENOMEM. */
int cove__virtual_move(struct cove__object_store *store, const char *from, const char *to);
/* Adds to the page the directories directly below `path`, or with `deep` at any depth, that were there at the time
 * `at`: those after the key `after` (NULL: from the first) up to `until` (NULL: to the last), in no order, maybe twice.
 * COVE_ENOMEM. */
int cove__virtual_list(struct cove__object_store *store, const char *path, bool deep, uint64_t at, const char *after,
                       const char *until, struct cove__page *page);

#endif
