/*
 * The inside of a reader. reader.c reads; reader_open.c opens; read_ahead.c keeps the stretches that are read ahead;
 * reader_checksum.c compares a file that is read from start to end with the store's checksum.
 */
#ifndef COVE_STREAM_READER_H
#define COVE_STREAM_READER_H

#include <stdatomic.h>

#include <cove/stream.h>

#include "fs/fs_impl.h"
#include "stream/first_bytes.h"

#define COVE__READER_SLOTS 64
#define COVE__FIRST_READ                                                                                               \
    COVE__FIRST_BYTES_SIZE /* what the open reads of a file, and the least that a read in order requests */

/* A stretch of the file that is read ahead. */
struct cove__slot {
    struct cove__read_io io; /* first: the inbox gives it back; offset and length are the stretch's */
    struct cove__background background;
    cove_cancel *stop; /* of this stretch alone */
    uint8_t *buffer;
    bool used, pending, dropped;
};

struct cove_reader {
    cove_fs *fs;
    struct cove__target target;
    struct cove_call call;
    cove_cancel *user; /* held */
    cove_cancel *stop; /* of the reads ahead */
    struct cove__part_rules rules;
    struct cove__read_handle handle; /* the first read opens it */
    char *etag, *version_id;         /* of what is read; NULL: not known */
    int64_t size;
    int64_t position;
    int64_t expected;            /* where the next read in order begins */
    _Atomic int64_t attended_ns; /* the deadline of the latest call */
    struct cove__stat_io probe;  /* for the store's checksum of the whole file, beside the reads */
    struct cove__background probe_background;
    struct cove_info probe_info;
    bool probe_sent, probing; /* the checksum probe */
    uint32_t crc32c;          /* of the file up to `checksum_end` */
    uint32_t crc32;           /* likewise, where the store may report this one instead */
    int64_t checksum_end;     /* how far it has come without a gap; -1: there is no checksum to compare */
    unsigned reopened;        /* how often */
    bool replaced;            /* a read has shown that the file was replaced */
    size_t first_read;        /* bytes that the open requests */
    int64_t in_order;         /* bytes read in order since the last jump */
    unsigned generation;      /* of fork: a child has none of its parent's reads ahead */
    struct cove__inbox inbox;
    struct cove__slot slots[COVE__READER_SLOTS];
};

/* Sets the deadline of the call that begins. */
void cove__reader_begin_call(struct cove_reader *r);

/* For a read of this version; 0: not known yet. */
static inline int64_t cove__reader_known_size(const struct cove_reader *r)
{
    return r->size == INT64_MAX ? 0 : r->size;
}

/* ---- read_ahead.c ---- */

/* Whether reads from `offset` on are to compute their checksum: their bytes continue those that have come. */
bool cove__reader_wants_sum(const struct cove_reader *r, int64_t offset);
/* Requests a stretch. 1; 0: there is no slot or memory for it; or the error of the store's look-up of the file. That
 * error is this call's alone: a later call that reads the stretch tries again. `entitled`: it may have memory beyond
 * the budget. */
int cove__reader_ask(struct cove_reader *r, int64_t offset, size_t length, bool entitled, struct cove_error *err);
struct cove__slot *cove__reader_slot_at(struct cove_reader *r, int64_t offset); /* NULL: no stretch has the byte */
void cove__slot_release(struct cove__slot *slot);
/* The stretch is not needed any more: cancels a read that is under way. Its memory is still being written to, so it is
 * released when the read has ended. */
void cove__slot_drop(struct cove__slot *slot);
/* Sets up an op of the reader. It does not get the deadline of the call that starts it, because a much later call may
 * be the one that waits for it. The HTTP client's retries bound it. */
void cove__reader_in_background(struct cove_reader *r, struct cove__op *op, struct cove__background *background,
                                cove_cancel *stop);
/* Takes in the result of a finished read. False: `op` is NULL. */
bool cove__reader_reap(struct cove_reader *r, struct cove__op *op);
/* Waits for one of the running reads until the call's deadline; `wanted` is what the call needs, NULL: any. After the
 * deadline the reads continue, and the next call uses their results. */
int cove__reader_reap_one(struct cove_reader *r, const struct cove__background *wanted, struct cove_error *err);
/* Keeps the window open, for a read of `block` bytes. */
void cove__reader_prefetch(struct cove_reader *r, int64_t in_order, size_t block);
/* Releases stretches that the position has passed or jumped out of. */
void cove__reader_drop_passed(struct cove_reader *r, bool jumped);
/* In a forked child: the memory of the parent's reads ahead will never be filled. */
void cove__reader_mind_fork(struct cove_reader *r);

/* ---- reader_checksum.c ---- */

/* A caller that reads from the first byte to the last needs the checksum at the end: it is requested beside the reads,
 * so it is there by then. */
void cove__reader_want_checksum(struct cove_reader *r, int64_t in_order);
/* The checksum of bytes that came together, computed when they came. A size of 0: there is none. */
struct cove__sum {
    int64_t offset, size;
    uint32_t crc32c;
};

/* Adds the next bytes of a file that is read from its first byte to its last, and compares the whole with the store's
 * checksum at the end. `sum` is of bytes that begin at or before these, and is added whole. 0, COVE_ECORRUPT, or why
 * the checksum could not be waited for. */
int cove__reader_check(struct cove_reader *r, const struct cove__sum *sum, const uint8_t *data, size_t n,
                       struct cove_error *err);

#endif
