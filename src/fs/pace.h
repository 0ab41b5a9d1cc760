/*
 * How large the requests of a large read are. For range_fetch.c. Pure.
 *
 * A store whose responses begin late gets requests for larger parts, so that there are fewer waits. One whose responses
 * begin at once gets requests for small parts, whose bytes are still in the cache when they are processed.
 */
#ifndef COVE_FS_PACE_H
#define COVE_FS_PACE_H

#include <stddef.h>
#include <stdint.h>

struct cove__pace {
    unsigned at_once;
    size_t part;
    int64_t wait_ns, took_ns; /* of all responses */
};

/* `at_once` (at least 1) requests are under way, of `part` bytes at least. */
void cove__pace_begin(struct cove__pace *pace, unsigned at_once, size_t part);
/* Bytes of the next request, of the `left` that have not been requested yet; it may be more than those. */
size_t cove__pace_next(const struct cove__pace *pace, size_t left);
/* A response has come, which began after wait_ns and ended after took_ns. */
void cove__pace_took(struct cove__pace *pace, int64_t wait_ns, int64_t took_ns);

#endif
