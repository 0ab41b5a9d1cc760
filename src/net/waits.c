/*
 * The process's record of servers that do not answer (outage.h), and the log lines about them, of the subject "wait".
 * http.c calls this for each attempt.
 */
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/log.h"
#include "net/loop.h"
#include "net/outage.h"

/* Of silence, before a line is a warning: the reply to the end of a large upload, or to a copy, may take long. */
#define WARN_NS (20 * COVE__SEC)

/* under cove__lock */
static struct cove__outages outages;
static unsigned generation; /* of fork: a child starts with an empty record */

static struct cove__outages *outages_locked(void)
{
    if (generation != cove__fork_generation()) {
        generation = cove__fork_generation();
        outages = (struct cove__outages){ 0 };
    }
    return &outages;
}

static void endpoint_of(const struct cove__http_state *st, char out[COVE__OUTAGE_ADDRESS])
{
    cove__outage_endpoint(cove__buf_str(&st->r->url), out);
}

static long long seconds(int64_t ns)
{
    return (long long)((ns + COVE__SEC / 2) / COVE__SEC);
}

void cove__wait_note_attempt(struct cove__http_state *st, bool answered)
{
    char endpoint[COVE__OUTAGE_ADDRESS];
    int64_t now_ns = cove__now_ns(), lasted_ns = 0;
    bool log_it = false;

    if (!answered && !st->unreachable)
        return;
    endpoint_of(st, endpoint);
    cove__lock();
    if (answered)
        log_it = cove__outage_answered(outages_locked(), endpoint, now_ns, &lasted_ns);
    else
        cove__outage_failed(outages_locked(), endpoint, st->started_ns, now_ns);
    cove__unlock();
    if (log_it)
        cove__log(COVE_LOG_WARNING, "wait", "%s answers again, after %lld s", endpoint, seconds(lasted_ns));
}

int64_t cove__wait_deadline(const struct cove__http_state *st, int64_t now_ns)
{
    char endpoint[COVE__OUTAGE_ADDRESS];

    endpoint_of(st, endpoint);
    cove__lock();
    int64_t until_ns = cove__outage_deadline(outages_locked(), endpoint, now_ns);
    cove__unlock();
    return until_ns;
}

int64_t cove__wait_limit(struct cove__http_state *st, int64_t wait_ns, int64_t now_ns)
{
    char endpoint[COVE__OUTAGE_ADDRESS];
    int64_t until_ns = cove__wait_deadline(st, now_ns);

    if (now_ns < until_ns)
        return until_ns - now_ns < wait_ns ? until_ns - now_ns : wait_ns;
    endpoint_of(st, endpoint);
    cove__error_add(&st->r->op.err, ", and %s is known to be down", endpoint);
    return -1;
}

/* Only of a server that has answered this client: another is more likely a wrong address, which gets few retries. */
void cove__wait_note_given_up(struct cove__http_state *st)
{
    char endpoint[COVE__OUTAGE_ADDRESS];
    int64_t lasted_ns = 0, left_ns = 0;
    bool down = false;

    if (!cove__background_is_awaited(&st->r->op.ctx))
        return;
    endpoint_of(st, endpoint);
    cove__lock();
    if (st->r->http->reached)
        down = cove__outage_given_up(outages_locked(), endpoint, cove__now_ns(), &lasted_ns, &left_ns);
    cove__unlock();
    if (down)
        cove__log(COVE_LOG_WARNING, "wait",
                  "%s has not answered for %lld s: unless it answers, all requests to it are given up in %lld s",
                  endpoint, seconds(lasted_ns), seconds(left_ns));
}

/* When it ends at the latest: "attempt 3 of 11", "timeout 30 s". */
static void limits_of(const struct cove__http_state *st, int64_t now_ns, char *out, size_t size)
{
    const struct cove__http_request *r = st->r;
    int n = snprintf(out, size, "attempt %u of %u", r->attempts - st->fruitful, r->http->config.max_retries + 1);

    if (r->op.ctx.deadline_ns != INT64_MAX && n > 0 && (size_t)n < size)
        snprintf(out + n, size - (size_t)n, ", %lld s left", seconds(r->op.ctx.deadline_ns - now_ns));
}

static bool log_is_due(const char *endpoint, int64_t waited_ns, int64_t now_ns)
{
    cove__lock();
    bool yes = cove__outage_log_due(outages_locked(), endpoint, waited_ns, now_ns);
    cove__unlock();
    return yes;
}

void cove__wait_log(struct cove__http_state *st, int64_t waited_ns, int64_t now_ns)
{
    const struct cove__http_request *r = st->r;
    char endpoint[COVE__OUTAGE_ADDRESS], limits[96];

    if (waited_ns < COVE__OUTAGE_LOG_NS)
        return;
    endpoint_of(st, endpoint);
    if (!log_is_due(endpoint, waited_ns, now_ns))
        return;
    limits_of(st, now_ns, limits, sizeof(limits));
    if (r->op.err.code != 0)
        cove__log(COVE_LOG_WARNING, "wait", "waiting for %s, %lld s so far (%s): %s", endpoint, seconds(waited_ns),
                  limits, r->op.err.message);
    else
        cove__log(waited_ns < WARN_NS ? COVE_LOG_INFO : COVE_LOG_WARNING, "wait",
                  "waiting for %s, %lld s so far (%s): %s %s", endpoint, seconds(waited_ns), limits, r->op.ctx.op,
                  r->op.ctx.url);
}

void cove__wait_log_retry_after(struct cove__http_state *st, int64_t asked_ns, int64_t wait_ns, int64_t now_ns)
{
    char endpoint[COVE__OUTAGE_ADDRESS], until[21];

    endpoint_of(st, endpoint);
    if (asked_ns <= COVE__OUTAGE_LOG_NS || !log_is_due(endpoint, asked_ns, now_ns))
        return;
    cove__format_iso8601(cove__wall_ns() + wait_ns, until);
    cove__log(COVE_LOG_WARNING, "wait", "%s asks to wait %lld s (Retry-After), until %s: %s", endpoint,
              seconds(asked_ns), until, st->r->op.err.message);
}
