/*
 * How a large read is cut: how many of its requests are under way at once, and how large the next one is. For
 * fs_read.c. Pure: the caller says what came when.
 *
 * All that may be are sent at first. A store whose replies are long in coming is then asked for larger parts, so that
 * it is waited for less often. One whose replies begin at once is asked for fewer at a time, for their bytes are then
 * still in the cache when they are taken from the socket; where that turns out to be slower, all are sent again.
 */
#ifndef COVE_FS_PACE_H
#define COVE_FS_PACE_H

#include <stddef.h>
#include <stdint.h>

struct cove__pace {
    unsigned most;
    size_t part;
    unsigned wanted; /* requests under way: what the caller keeps to */
    enum { COVE__PACE_WIDE, COVE__PACE_NARROWING, COVE__PACE_NARROW, COVE__PACE_SETTLED } stage;
    int64_t wait_ns, took_ns; /* of all replies */
    /* of the stage */
    int64_t began_ns, bytes;
    unsigned replies;
    int64_t wide_rate; /* bytes a millisecond */
};

/* At most `most` (at least 1) requests at once, of `part` bytes at least. */
void cove__pace_begin(struct cove__pace *pace, unsigned most, size_t part, int64_t now_ns);
/* Bytes of the next request, where `left` have not been asked for yet; more than those, perhaps. */
size_t cove__pace_next(const struct cove__pace *pace, size_t left);
/* A reply of `bytes` has come, which began after wait_ns and ended after took_ns; `under_way` others are. */
void cove__pace_took(struct cove__pace *pace, int64_t bytes, int64_t wait_ns, int64_t took_ns, unsigned under_way,
                     int64_t now_ns);

#endif
