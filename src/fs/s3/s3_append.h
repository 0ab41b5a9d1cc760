/* The open end of an object, for the files that add to it: s3_append.c, s3_append_at.c. */
#ifndef COVE_FS_S3_APPEND_H
#define COVE_FS_S3_APPEND_H

#include "fs/s3/s3.h"

struct s3_tail {
    char *path;
    bool exists;
    bool anew;    /* nothing of what is there is kept by the next append */
    bool replace; /* the next append starts the object anew, whatever is there */
    int64_t size; /* of what is kept of the object: 0 where it is to be replaced */
    char *etag;   /* of the object as we know it; NULL where it does not exist */
    bool cached;  /* `content` is what is kept of the object, which is small */
    struct cove__buf content;
    struct cove__buf headers; /* its content type and metadata, that its successors keep */
    char id[17];              /* with which the marks of all our writes begin */
    /* of a directory bucket */
    bool at_end;      /* it takes the new bytes alone */
    bool full;        /* this object takes no more of them: the next append writes it anew */
    bool with_crc32c; /* it has a checksum of this kind, so what is added must have one, too */
    bool unsure;      /* what was added at the end may have come through, although it seemed to fail */
};

#define COVE__S3_ANOTHER_WAY 1 /* of an append: nothing was done, and the tail says now what to do instead */

/* The new bytes alone, at the object's end. As an append: COVE_EPRECONDITION, or COVE__S3_ANOTHER_WAY. */
int cove__s3_append_at(struct cove__object_store *store, struct s3_tail *t, struct cove__slice data,
                       const struct cove__ctx *ctx, struct cove_error *err);
/* Whether what is in the object (as `head` has it) behind our end is `data`, which an append of ours may have put there
 * although it seemed to fail: 1, 0, or an error. */
int cove__s3_tail_has(struct cove__object_store *store, const struct s3_tail *t, const struct cove__object_head *head,
                      struct cove__slice data, const struct cove__ctx *ctx, struct cove_error *err);

/* ---- s3_append.c ---- */

/* COVE_EPRECONDITION, with its message. */
int cove__s3_tail_changed(const struct cove__ctx *ctx, struct cove_error *err);
/* Remembers what the object is now; `etag` is TAKEN. Without it (a reply that told none) nothing is known to have
 * changed: COVE_ENOMEM. */
int cove__s3_tail_is(struct s3_tail *t, char *etag, int64_t size, struct cove_error *err);
/* Runs one asynchronous slot and waits for it. */
int cove__object_run_io(struct cove__object_store *store, void (*slot)(void *, struct cove__io *), struct cove__io *io,
                        const struct cove__ctx *ctx, struct cove_error *err);

#endif
