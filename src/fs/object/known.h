/* What the process knows of a store, shared by its filesystems, whatever their options. A child of fork has a copy. */
#ifndef COVE_FS_OBJECT_KNOWN_H
#define COVE_FS_OBJECT_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cove/error.h>

#include "base/slice.h"

#define COVE__OBJECT_BUCKETS_MAX 256 /* known to be there, of one store */

struct cove__object_store;
struct cove__virtual_directory;

struct cove__object_known {
    char *identity; /* fixed: identifies the store, as its endpoint does */
    /* under cove__lock */
    struct cove__object_known *next;
    unsigned refs;                               /* filesystems */
    struct cove__virtual_directory *directories; /* sorted by path: virtual.h */
    size_t n_directories, cap_directories;
    size_t directories_size; /* bytes of their paths */
    uint64_t now;            /* a logical clock: grows when a virtual directory is made or ends */
    char *buckets[COVE__OBJECT_BUCKETS_MAX];
    size_t n_buckets;
};

/* Sets store->known. COVE_ENOMEM */
int cove__object_known_get(struct cove__object_store *store, const char *identity, struct cove_error *err);
void cove__object_known_put(struct cove__object_known *known); /* NULL accepted */

/* Whether a response has shown that the bucket is there. */
bool cove__object_bucket_is_known(struct cove__object_store *store, struct cove__slice bucket);
void cove__object_remember_bucket(struct cove__object_store *store, struct cove__slice bucket);
void cove__object_forget_bucket(struct cove__object_store *store, struct cove__slice bucket);

#endif
