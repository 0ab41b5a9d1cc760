/* See pace.h. */
#include "fs/pace.h"

#define LARGE   16 /* parts at most in one request: one that breaks off is resumed */
#define FAR     6  /* a store is far if more than this fraction (1/6) of a response's time is spent until it begins */
#define ALIGNED ((size_t)1 << 20)

void cove__pace_begin(struct cove__pace *pace, unsigned at_once, size_t part)
{
    *pace = (struct cove__pace){ .at_once = at_once, .part = part };
}

/* Three quarters of what is left are shared out, so that the last requests are small, and all end together. */
size_t cove__pace_next(const struct cove__pace *pace, size_t left)
{
    size_t share = left / 4 * 3 / pace->at_once & ~(ALIGNED - 1);

    if (pace->wait_ns <= pace->took_ns / FAR || share <= pace->part)
        return pace->part;
    return share / LARGE < pace->part ? share : pace->part * LARGE;
}

void cove__pace_took(struct cove__pace *pace, int64_t wait_ns, int64_t took_ns)
{
    pace->wait_ns += wait_ns;
    pace->took_ns += took_ns;
}
