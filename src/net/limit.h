/*
 * How many requests of one client may be under way: a limit that is cut to half of what was under way when the store
 * throttles, and grows back by one for each round of successes. While the store refuses everything, each flight of
 * requests halves it; after that it grows by one for each success first, up to half of what went before. Pure; the
 * client's owner guards it.
 */
#ifndef COVE_NET_LIMIT_H
#define COVE_NET_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

#define COVE__LIMIT_CUT_EVERY_NS (500 * COVE__MS) /* between two cuts, if some requests succeed meanwhile */

struct cove__limit {
    unsigned max;   /* as configured */
    unsigned now;   /* 1..max */
    unsigned busy;  /* the most that were under way since it was last lowered; 0: none was started */
    unsigned steep; /* below it each success adds one */
    unsigned good;  /* successes since it last changed by a round, or was lowered */
    bool refused;   /* it was lowered, and nothing has succeeded since */
    int64_t cut_ns; /* when it was last lowered */
};

void cove__limit_init(struct cove__limit *limit, unsigned max);
void cove__limit_started(struct cove__limit *limit,
                         unsigned active); /* one more is under way; `active`: their number, with it */
/* A request that began at `started_ns` was throttled by the store, or succeeded. */
void cove__limit_throttled(struct cove__limit *limit, int64_t started_ns, int64_t now_ns);
void cove__limit_succeeded(struct cove__limit *limit, int64_t started_ns);

#endif
