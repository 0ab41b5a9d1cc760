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

/* Of silence, before a line is a warning: the response to the end of a large upload, or to a copy, may take long. */
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

static void endpoint_of(const struct cove__http_state *st, char ret_endpoint[COVE__OUTAGE_ENDPOINT])
{
    cove__outage_endpoint(cove__buf_str(&st->r->url), st->r->http->way, ret_endpoint);
}

static long long seconds(int64_t ns)
{
    return (long long)((ns + COVE__SEC / 2) / COVE__SEC);
}

void cove__wait_answered(struct cove__http_state *st)
{
    char endpoint[COVE__OUTAGE_ENDPOINT];
    int64_t lasted_ns = 0;

    st->answer_mark = st->r->received + st->header_bytes;
    endpoint_of(st, endpoint);
    cove__lock();
    bool log_it = cove__outage_answered(outages_locked(), endpoint, cove__now_ns(), &lasted_ns);
    cove__unlock();
    if (log_it)
        cove__log(COVE_LOG_WARNING, "wait", "%s answers again, after %lld s", endpoint, seconds(lasted_ns));
}

void cove__wait_failed(struct cove__http_state *st)
{
    char endpoint[COVE__OUTAGE_ENDPOINT];

    endpoint_of(st, endpoint);
    cove__lock();
    cove__outage_failed(outages_locked(), endpoint, st->started_ns, cove__now_ns());
    cove__unlock();
}

/* `ret_lasted_ns` is for the message, where the deadline has passed. */
static int64_t last_until(const struct cove__http_state *st, int64_t now_ns, int64_t *ret_lasted_ns)
{
    const struct cove__ctx *ctx = &st->r->op.ctx;
    char endpoint[COVE__OUTAGE_ENDPOINT];
    bool first = false;

    int waits = ctx->last_waits ? atomic_load(ctx->last_waits) : 0;
    if (waits == 0)
        return INT64_MAX;
    unsigned kind = waits >= COVE__LAST_EXIT ? 2 : waits >= COVE__LAST_ABORT ? 1 : 0;
    endpoint_of(st, endpoint);
    cove__lock();
    int64_t until_ns = cove__outage_last_wait(outages_locked(), endpoint, kind, now_ns, ret_lasted_ns, &first);
    cove__unlock();
    if (first)
        cove__log(COVE_LOG_WARNING, "wait",
                  "%s has not answered for %lld s: the last waits for it end in %lld s, unless it answers: %s %s",
                  endpoint, seconds(*ret_lasted_ns), seconds(until_ns - now_ns), ctx->op, ctx->url);
    return until_ns;
}

int64_t cove__wait_deadline(struct cove__http_state *st, int64_t now_ns)
{
    int64_t lasted_ns = 0;

    return last_until(st, now_ns, &lasted_ns);
}

int64_t cove__wait_limit(struct cove__http_state *st, int64_t wait_ns, int64_t now_ns)
{
    char endpoint[COVE__OUTAGE_ENDPOINT];
    int64_t lasted_ns = 0, until_ns = last_until(st, now_ns, &lasted_ns);

    if (now_ns < until_ns)
        return until_ns - now_ns < wait_ns ? until_ns - now_ns : wait_ns;
    endpoint_of(st, endpoint);
    cove__error_add(&st->r->op.err, ", and %s has not answered for %lld s", endpoint, seconds(lasted_ns));
    return -1;
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
    char endpoint[COVE__OUTAGE_ENDPOINT], limits[96];

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
    char endpoint[COVE__OUTAGE_ENDPOINT], until[21];

    endpoint_of(st, endpoint);
    if (asked_ns <= COVE__OUTAGE_LOG_NS || !log_is_due(endpoint, asked_ns, now_ns))
        return;
    cove__format_iso8601(cove__wall_ns() + wait_ns, until);
    cove__log(COVE_LOG_WARNING, "wait", "%s asks to wait %lld s (Retry-After), until %s: %s", endpoint,
              seconds(asked_ns), until, st->r->op.err.message);
}
