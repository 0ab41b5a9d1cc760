/* The one place that decides whether and when a failed attempt is repeated. Asked by net/http after each attempt. */
#include "net/retry.h"

#include <ctype.h>

#include "base/clock.h"

static int64_t doubled_ns(int64_t first_ns, unsigned attempts)
{
    unsigned doublings = attempts > 0 ? attempts - 1 : 0;
    int64_t cap = COVE__RETRY_CAP_MS * COVE__MS;

    return doublings < 16 && first_ns << doublings < cap ? first_ns << doublings : cap;
}

/* The longest wait before the next attempt where the server asks for none; the wait is random, from 0 to this. */
static int64_t backoff_ns(unsigned attempts)
{
    return doubled_ns(COVE__RETRY_BASE_MS * COVE__MS, attempts);
}

/* The longest random wait after a Retry-After: requests that were refused together must not come back together. At most
 * half of what the deadline leaves, so that there is time for the attempt. */
static int64_t spread_ns(const struct cove__retry *r, int64_t asked)
{
    int64_t most = COVE__RETRY_CAP_MS * COVE__MS, spread = backoff_ns(r->attempts);

    if (asked / COVE__RETRY_SPREAD > spread)
        spread = asked / COVE__RETRY_SPREAD < most ? asked / COVE__RETRY_SPREAD : most;
    if (r->deadline_ns != INT64_MAX && spread > (r->deadline_ns - r->now_ns - asked) / 2)
        spread = (r->deadline_ns - r->now_ns - asked) / 2;
    return spread;
}

int64_t cove__retry_wait_ns(const struct cove__retry *r)
{
    if (!r->repeatable && !r->not_done)
        return -1;
    unsigned max = r->max_retries;
    if (r->connecting && !r->reached && r->first_wait_ns == 0 && max > COVE__RETRY_UNREACHED)
        max = COVE__RETRY_UNREACHED;
    if (r->attempts > max)
        return -1;

    int64_t asked = r->retry_after_ns > 0 ? r->retry_after_ns : 0;
    /* A wait that ends at the deadline leaves no time to ask again: report now why it failed. */
    if (r->deadline_ns != INT64_MAX && asked >= r->deadline_ns - r->now_ns)
        return -1;
    int64_t limit = asked > 0 ? spread_ns(r, asked) : backoff_ns(r->attempts);
    int64_t wait = asked + (int64_t)(r->random % (uint64_t)(limit + 1));
    if (r->first_wait_ns > 0 && asked == 0)
        wait = doubled_ns(r->first_wait_ns, r->attempts);
    if (r->deadline_ns != INT64_MAX && wait >= r->deadline_ns - r->now_ns)
        return -1;
    return wait;
}

int64_t cove__retry_after_ns(const char *value, int64_t wall_ns)
{
    const int64_t max = COVE__RETRY_AFTER_MAX_MS * COVE__MS;

    while (*value == ' ')
        value++;
    if (!isdigit((unsigned char)*value)) {
        int64_t at = cove__parse_http_date(value);
        if (at < 0)
            return -1;
        if (at <= wall_ns)
            return 0;
        return at - wall_ns < max ? at - wall_ns : max;
    }
    int64_t seconds = 0;
    for (; isdigit((unsigned char)*value); value++) {
        if (seconds < max / COVE__SEC)
            seconds = seconds * 10 + (*value - '0');
    }
    while (*value == ' ')
        value++;
    if (*value != '\0')
        return -1;
    return seconds < max / COVE__SEC ? seconds * COVE__SEC : max;
}

int64_t cove__retry_after_ms_ns(const char *value)
{
    int64_t ms = 0;

    if (!isdigit((unsigned char)*value))
        return -1;
    for (; isdigit((unsigned char)*value); value++) {
        if (ms < COVE__RETRY_AFTER_MAX_MS)
            ms = ms * 10 + (*value - '0');
    }
    if (*value != '\0')
        return -1;
    return (ms < COVE__RETRY_AFTER_MAX_MS ? ms : COVE__RETRY_AFTER_MAX_MS) * COVE__MS;
}
