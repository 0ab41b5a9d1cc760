/*
 * The open end of an object, and a store's own way to extend one: for append.c and the backends.
 *
 * Where a store extends objects, `extend` does all that it takes: S3's directory buckets take one request at an offset;
 * Azure will stage a block and commit it behind those that are there, Google Cloud Storage put an object and compose
 * both. What such a store must remember between appends (the ids of the blocks) becomes a member of the tail with a
 * slot that frees it, and holds only while the tail has the version that it was read at.
 */
#ifndef COVE_FS_OBJECT_APPEND_H
#define COVE_FS_OBJECT_APPEND_H

#include "fs/object/operations.h"

struct cove__object_tail {
    char *path;
    bool exists;
    bool truncated;     /* nothing of what is there is kept by the next append */
    bool unconditional; /* the next append replaces the object, whatever is there */
    int64_t size;       /* of what is kept of the object: 0 where it is to be replaced */
    char *version;      /* of the object as we know it; NULL where it does not exist */
    bool cached;        /* `content` is what is kept of the object, which is small */
    struct cove__buf content;
    struct cove__buf headers; /* its content type and metadata, that its successors keep */
    char id[17];              /* with which the marks of all our writes begin */
    bool has_crc32c;          /* the store keeps the object's checksum of this kind */
    /* where the store extends objects */
    bool extends; /* this one's kind: it takes the new bytes alone */
    bool full;    /* it takes no more of them: the next append rewrites it in full */
    bool unsure;  /* an extension may have come through, although it seemed to fail */
};

/* Of `extend`: nothing was done, and the tail now has what to do instead. */
#define COVE__APPEND_OTHERWISE 1

struct cove__object_append_ops {
    /* Bytes of an object below which it is put again with the new ones, as it cannot be a part of its successor. 0: no
     * object is. (Up to a limit of the engine's any object is where the store cannot copy parts.) */
    int64_t rewrite_below;
    /* Whether this object takes new bytes alone: what depends on the bucket is asked here. NULL: none does. Pure. */
    bool (*extends)(const struct cove__object_store *store, struct cove__object_name name);
    /* Adds the bytes to an object that is there, under the condition of the tail's version, and keeps what the object
     * is now (cove__append_tail_is). Sets t->unsure where they may have come through despite the error. 0,
     * COVE_EPRECONDITION (cove__append_changed), COVE__APPEND_OTHERWISE, or another error. */
    int (*extend)(struct cove__object_store *store, struct cove__object_tail *t, struct cove__slice data,
                  const struct cove__ctx *ctx, struct cove_error *err);
};

/* ---- slots of struct cove__fs_ops ---- */

int cove__object_append_open(void *self, const char *path, bool truncate, const char *etag, const struct cove__ctx *ctx,
                             void **ret_tail, struct cove_error *err);
int cove__object_append(void *self, void *tail, struct cove__slice data, const struct cove__ctx *ctx, size_t *ret_added,
                        struct cove_error *err);
void cove__object_append_close(void *self, void *tail);

/* ---- for `extend` ---- */

/* COVE_EPRECONDITION, with its message. */
int cove__append_changed(const struct cove__ctx *ctx, struct cove_error *err);
/* Remembers what the object is now; `version` is TAKEN. NULL, where there was no memory for it: nothing is known to
 * have changed. COVE_ENOMEM. */
int cove__append_tail_is(struct cove__object_tail *t, char *version, int64_t size, struct cove_error *err);

#endif
