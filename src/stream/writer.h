/*
 * The inside of a writer. writer.c takes bytes and publishes the object. It calls writer_open.c, which opens, and
 * writer_parts.c, which has the parts under way. These two call neither writer.c nor each other.
 */
#ifndef COVE_STREAM_WRITER_H
#define COVE_STREAM_WRITER_H

#include <stdatomic.h>

#include <cove/stream.h>

#include "fs/fs_impl.h"
#include "stream/parts.h"

#define COVE__WRITER_SLOTS 64

/* A part under way. */
/* Bytes that were copied for one part. */
struct cove__gathered {
    uint8_t *buffer; /* of the budget; NULL: there is none */
    size_t cap;
    uint32_t crc32c; /* of the bytes, if the store wants it */
    uint64_t crc64;  /* likewise */
};

struct cove__part_slot {
    struct cove__part_io io; /* first: the inbox gives it back */
    struct cove__background background;
    struct cove__gathered gathered; /* without a buffer the caller's memory is sent */
    bool busy;
    char sha256[2 * COVE__DIGEST_SIZE + 1];
};

enum cove__writer_state { COVE__WRITER_OPEN, COVE__WRITER_FAILED, COVE__WRITER_FINISHED };

struct cove_writer {
    cove_fs *fs;
    struct cove__target target;
    struct cove_call call;
    cove_cancel *stop;           /* fired by abort, by a failure, or by the user's token */
    _Atomic int64_t attended_ns; /* the deadline of the latest call */
    struct cove__put put;
    char *etag, *content_type;   /* what `put` points to */
    char *new_etag, *version_id; /* of the published object; NULL: not known, or there is none */
    struct cove_pair *metadata;
    struct cove__part_rules rules;
    size_t first_part;
    enum cove__writer_state state;
    struct cove_error err; /* of the first failure */
    unsigned generation;   /* of fork: a child must not touch its parent's upload */
    struct cove__inbox inbox;
    struct cove__part_slot slots[COVE__WRITER_SLOTS];
    size_t busy;
    struct cove__gathered filling; /* the part that gathers */
    size_t filled;
    int64_t taken; /* bytes that the caller has given */
    int64_t sent;  /* bytes that parts have been made of */
    unsigned parts;
    struct cove__upload *upload;   /* NULL: all of it may still fit in one request */
    const struct cove_parts *base; /* BORROWED; NULL: there is none that parts can be copied from */
    struct cove_parts *made;       /* NULL: digests are not kept, or have been taken */
    bool too_many_parts, published;
    bool ending;                     /* the part that is sent next is the last */
    bool ends;                       /* by the last write, whose bytes stay there until the writer has ended */
    struct cove__slice whole;        /* that write's, where it is all of the object; BORROWED until then */
    struct cove__slice hashed_ahead; /* of the write under way: bytes whose digest is known already; empty: none */
    uint8_t ahead[COVE__DIGEST_SIZE];
    int64_t uploaded, copied; /* bytes of parts that are done */
};

/* ---- writer.c ---- */

/* The last write before the finish: no byte of it is copied, and nothing waits for it until then. `bytes` is BORROWED
 * until the writer has been finished, aborted or freed. */
int cove__writer_write_end(struct cove_writer *w, const void *bytes, size_t length, struct cove_error *err);

/* ---- writer_open.c ---- */

/* Frees the writer, of which no part is under way any more. */
void cove__writer_destroy(struct cove_writer *w);

/* ---- writer_parts.c ---- */

/* Keeps the first failure (`err` may be NULL), which every later call returns. Cancels the parts that are still under
 * way: they are of no use any more. */
int cove__writer_remember(struct cove_writer *w, int rc, const struct cove_error *err);
/* The size of the part that comes next. */
size_t cove__writer_part_size(const struct cove_writer *w);
/* Takes in one finished part, waiting until the call's deadline at most; then the error has why attempts of the parts
 * under way have failed. After a failure no part is waited for. */
int cove__writer_reap_one(struct cove_writer *w, struct cove_error *err);
/* Takes in all parts. Those still running at the call's deadline are cancelled: they send from the caller's memory, or
 * the upload ends with them. */
void cove__writer_reap_all(struct cove_writer *w);
/* Cancels all parts and takes them in. */
void cove__writer_stop(struct cove_writer *w);
/* Computes the digest of the next part and keeps it. If a second part of its size follows in the caller's memory, both
 * are hashed together. */
int cove__writer_digest(struct cove_writer *w, struct cove__slice data, size_t behind, uint8_t ret[COVE__DIGEST_SIZE],
                        struct cove_error *err);
/* Sends one part, which has gathered in `from`, whose buffer is TAKEN; NULL: it is in the caller's memory, followed by
 * `behind` more bytes. */
int cove__writer_send_part(struct cove_writer *w, struct cove__slice data, size_t behind,
                           const struct cove__gathered *from, struct cove_error *err);

#endif
