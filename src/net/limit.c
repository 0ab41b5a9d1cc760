/* Additive growth, multiplicative cut, for net/http's count of requests under way. */
#include "net/limit.h"

void cove__limit_init(struct cove__limit *limit, unsigned max)
{
    if (max == 0)
        max = 1;
    *limit = (struct cove__limit){ .max = max, .now = max, .cut_ns = INT64_MIN };
}

void cove__limit_throttled(struct cove__limit *limit, int64_t now_ns)
{
    limit->good = 0;
    if (limit->cut_ns != INT64_MIN && now_ns - limit->cut_ns < COVE__LIMIT_CUT_EVERY_NS)
        return;
    limit->cut_ns = now_ns;
    limit->now = limit->now > 1 ? limit->now / 2 : 1;
}

void cove__limit_succeeded(struct cove__limit *limit)
{
    if (limit->now == limit->max || ++limit->good < limit->now)
        return;
    limit->good = 0;
    limit->now++;
}
