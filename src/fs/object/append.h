/*
 * The open end of an object, and a store's own way to extend one: for append.c and the backends.
 *
 * Where a store extends objects, `extend` does all that it takes: S3's directory buckets take one request at an offset;
 * Azure stages a block and commits it behind those that are there, Google Cloud Storage puts an object and composes
 * both. What such a store must remember between appends (the ids of the blocks) is the tail's `state`.
 */
#ifndef COVE_FS_OBJECT_APPEND_H
#define COVE_FS_OBJECT_APPEND_H

#include "fs/object/operations.h"

struct cove__object_tail {
    struct cove__object_store *store;
    char *path;
    bool exists;
    bool truncated;     /* the next append keeps none of the object's bytes */
    bool unconditional; /* the next append replaces any object */
    int64_t size;       /* of what is kept of the object: 0 where it is to be replaced */
    char *version;      /* of the object as we know it; NULL where it does not exist */
    bool cached;        /* `content` is what is kept of the object, which is small */
    struct cove__buf content;
    struct cove__buf headers; /* its content type and metadata, that its successors keep */
    char id[17];              /* with which the marks of all our writes begin */
    bool has_crc32c;          /* the store keeps the object's checksum of this kind */
    bool knows_sum;           /* `sum` is the CRC32C of the bytes that are kept of the object */
    uint32_t sum;
    /* if the store extends objects */
    bool extends;      /* the store extends this object with the new bytes */
    bool full;         /* it cannot be extended further: the next append is a full rewrite */
    bool unsure;       /* an extension that failed, and has no mark, may have reached the store */
    bool extends_only; /* it is never rewritten, however small it is */
    /* What the backend has read of this version of the object, such as the names of its blocks. NULL: nothing. */
    void *state;
    void (*free_state)(void *state);
};

/* Returned by `extend`: nothing was done, and the tail now describes what to do instead. */
#define COVE__APPEND_OTHERWISE 1

struct cove__object_append_ops {
    /* Bytes of an object below which it is put again with the new ones, as it cannot be a part of its successor. 0: no
     * object is. (Up to a limit of the engine's any object is where the store cannot copy parts.) */
    int64_t rewrite_below;
    /* A header of each object that is appended to, unless it or the options have one of that name: an object that is
     * replaced every few seconds may need it. NULL: none. */
    const char *header, *header_value;
    /* After the HEAD of an object that is there: adds lines, beside those of its metadata, that its successor needs. It
     * may send requests. NULL: nothing. */
    int (*keep)(const struct cove__object_request *head, const struct cove__ctx *ctx, struct cove__buf *lines,
                struct cove_error *err);
    /* Bytes of an object from which it is extended; below, it is put again with the new ones, which may cost less. */
    int64_t extend_from;
    /* Whether objects like this one, in its bucket, can be extended. NULL: none can. Pure. */
    bool (*extends)(const struct cove__object_store *store, struct cove__object_name name);
    /* Adds the bytes to an object that is there, under the condition of the tail's version, and keeps what the object
     * is now (cove__append_tail_is). Sets t->unsure if they may have reached the store despite the error, and
     * carry no mark. 0, COVE_EPRECONDITION (cove__append_changed), COVE__APPEND_OTHERWISE, or another error. */
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
/* The mark of a write after which the object has `size` bytes: by it, the tail knows the object for its own. */
void cove__append_mark(const struct cove__object_tail *t, int64_t size, struct cove__write_mark *ret);
/* Remembers the object's new version and size; its checksum is unknown. `version` is TAKEN; NULL (no memory for it):
 * COVE_ENOMEM, and nothing changes. */
int cove__append_tail_is(struct cove__object_tail *t, char *version, int64_t size, struct cove_error *err);

#endif
