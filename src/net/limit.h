/*
 * How many requests of one client may be under way: a ceiling that halves when the store throttles and grows back by
 * one for each round of successes. Pure; the client's owner guards it.
 */
#ifndef COVE_NET_LIMIT_H
#define COVE_NET_LIMIT_H

#include <stdint.h>

#include "base/clock.h"

#define COVE__LIMIT_CUT_EVERY_NS (500 * COVE__MS) /* replies to one burst count as one */

struct cove__limit {
    unsigned max;   /* as configured */
    unsigned now;   /* 1..max */
    unsigned good;  /* successes since it last changed */
    int64_t cut_ns; /* when it was last lowered */
};

void cove__limit_init(struct cove__limit *limit, unsigned max);
void cove__limit_throttled(struct cove__limit *limit, int64_t now_ns);
void cove__limit_succeeded(struct cove__limit *limit);

#endif
