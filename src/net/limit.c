/* Additive growth, multiplicative cut, for net/http's count of requests under way. */
#include "net/limit.h"

void cove__limit_init(struct cove__limit *limit, unsigned max)
{
    if (max == 0)
        max = 1;
    *limit = (struct cove__limit){ .max = max, .now = max, .cut_ns = INT64_MIN };
}

void cove__limit_started(struct cove__limit *limit, unsigned active)
{
    if (active > limit->busy)
        limit->busy = active;
}

/* The refusals of requests that were under way together count as one. */
static bool counts(const struct cove__limit *limit, int64_t started_ns, int64_t now_ns)
{
    if (limit->cut_ns == INT64_MIN)
        return true;
    return started_ns >= limit->cut_ns && (limit->refused || now_ns - limit->cut_ns >= COVE__LIMIT_CUT_EVERY_NS);
}

void cove__limit_throttled(struct cove__limit *limit, int64_t started_ns, int64_t now_ns)
{
    limit->good = 0;
    if (!counts(limit, started_ns, now_ns))
        return;
    limit->cut_ns = now_ns;
    /* Half of a limit that is far above the number of requests under way would change nothing. */
    unsigned from = limit->busy > 0 && limit->busy < limit->now ? limit->busy : limit->now;
    limit->now = from > 1 ? from / 2 : 1;
    if (!limit->refused)
        limit->steep = limit->now;
    limit->refused = true;
    limit->busy = 0;
}

/* Successes of requests that were under way when the limit was lowered don't count for the new limit. */
void cove__limit_succeeded(struct cove__limit *limit, int64_t started_ns)
{
    if (started_ns < limit->cut_ns)
        return;
    limit->refused = false;
    if (limit->now == limit->max)
        return;
    if (++limit->good >= limit->now) {
        limit->good = 0;
        limit->now++;
    } else if (limit->now < limit->steep) {
        limit->now++;
    }
}
