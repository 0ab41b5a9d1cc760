/* What the process knows of a store, shared by its filesystems, whatever their options. A child of fork has a copy. */
#ifndef COVE_FS_OBJECT_KNOWN_H
#define COVE_FS_OBJECT_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cove/error.h>

#include "base/slice.h"
#include "fs/object/capability.h"

#define COVE__OBJECT_BUCKETS_MAX 256 /* known to be there, of one store */

struct cove__endpoint;
struct cove__object_store;
struct cove__virtual_directory;

struct cove__object_bucket {
    char *name;
    enum cove__can directories; /* whether it has real ones: real.h */
    unsigned notes;             /* bits of the backend's */
};

struct cove__object_known {
    char *identity; /* fixed: identifies the store, as its endpoint does */
    /* under cove__lock */
    struct cove__object_known *next;
    unsigned refs;                               /* filesystems */
    struct cove__virtual_directory *directories; /* sorted by path: virtual.h */
    size_t n_directories, cap_directories;
    size_t directories_size; /* bytes of their paths */
    uint64_t now;            /* a logical clock: grows when a virtual directory is made or ends */
    struct cove__object_bucket buckets[COVE__OBJECT_BUCKETS_MAX];
    size_t n_buckets;
};

/* Sets store->known. COVE_ENOMEM */
int cove__object_known_get(struct cove__object_store *store, const char *identity, struct cove_error *err);
/* The same for the store at this endpoint: scheme, host and base path identify it. */
int cove__object_known_at(struct cove__object_store *store, const struct cove__endpoint *endpoint,
                          struct cove_error *err);
void cove__object_known_put(struct cove__object_known *known); /* NULL accepted */

/* Whether a response has shown that the bucket is there. */
bool cove__object_bucket_is_known(struct cove__object_store *store, struct cove__slice bucket);
void cove__object_remember_bucket(struct cove__object_store *store, struct cove__slice bucket);
/* Whether the bucket has real directories, as a response has shown: COVE__CAN_MAYBE: none has. */
enum cove__can cove__object_bucket_directories(struct cove__object_store *store, struct cove__slice bucket);
void cove__object_remember_directories(struct cove__object_store *store, struct cove__slice bucket,
                                       enum cove__can real);
/* Notes these bits of the bucket (0: none). Those that were noted before; of a bucket that is not known, 0. */
unsigned cove__object_note_bucket(struct cove__object_store *store, struct cove__slice bucket, unsigned notes);
void cove__object_forget_bucket(struct cove__object_store *store, struct cove__slice bucket);

#endif
