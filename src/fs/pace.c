/* See pace.h. */
#include "fs/pace.h"

#include <stdbool.h>

#define LARGE   16           /* parts at most in one request: one that breaks off is gone on with */
#define FAR     6            /* which fraction of a reply's time, spent waiting for it to begin, is much */
#define NARROW  4            /* requests that keep a store busy whose replies begin at once */
#define SAMPLE  (2 * NARROW) /* replies that tell how fast these are */
#define ALIGNED ((size_t)1 << 20)

void cove__pace_begin(struct cove__pace *pace, unsigned most, size_t part, int64_t now_ns)
{
    *pace = (struct cove__pace){ .most = most, .part = part, .wanted = most, .began_ns = now_ns };
}

static bool is_far(const struct cove__pace *pace)
{
    return pace->wait_ns > pace->took_ns / FAR;
}

/* Three quarters of what is left are shared out, so that the last requests are small, and all end together. */
size_t cove__pace_next(const struct cove__pace *pace, size_t left)
{
    size_t share = left / 4 * 3 / pace->most & ~(ALIGNED - 1), large = pace->part * LARGE;

    if (!is_far(pace) || share < pace->part)
        return pace->part;
    return share < large ? share : large;
}

static void enter(struct cove__pace *pace, int stage, unsigned wanted, int64_t now_ns)
{
    pace->stage = stage;
    pace->wanted = wanted;
    pace->began_ns = now_ns;
    pace->bytes = 0;
    pace->replies = 0;
}

static int64_t rate(const struct cove__pace *pace, int64_t now_ns)
{
    int64_t us = (now_ns - pace->began_ns) / 1000;
    return pace->bytes / (us < 1000 ? 1 : us / 1000);
}

void cove__pace_took(struct cove__pace *pace, int64_t bytes, int64_t wait_ns, int64_t took_ns, unsigned under_way,
                     int64_t now_ns)
{
    pace->wait_ns += wait_ns;
    pace->took_ns += took_ns;
    pace->bytes += bytes;
    pace->replies++;
    switch (pace->stage) {
    case COVE__PACE_WIDE:
        if (pace->replies < pace->most)
            return;
        pace->wide_rate = rate(pace, now_ns);
        if (pace->most > NARROW && !is_far(pace))
            enter(pace, COVE__PACE_NARROWING, NARROW, now_ns);
        else
            enter(pace, COVE__PACE_SETTLED, pace->most, now_ns);
        return;
    case COVE__PACE_NARROWING:
        if (under_way <= NARROW)
            enter(pace, COVE__PACE_NARROW, NARROW, now_ns);
        return;
    case COVE__PACE_NARROW:
        if (pace->replies < SAMPLE)
            return;
        bool slower = rate(pace, now_ns) < pace->wide_rate - pace->wide_rate / 10;
        enter(pace, COVE__PACE_SETTLED, slower ? pace->most : NARROW, now_ns);
        return;
    case COVE__PACE_SETTLED:
        return;
    }
}
