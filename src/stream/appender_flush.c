/*
 * The flush of an appender: for a call, the flusher's thread or the process's end. It takes the gathered bytes away
 * under the lock and sends them without it, so that writing never waits for the network. What could not be sent stays
 * first in line: a store that is away for a minute costs no byte.
 */
#include "stream/appender.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

#define FLUSH_TIMEOUT (60 * COVE__SEC) /* of one in the background, at most */

/* Moves the gathered bytes behind those that an earlier flush could not send. */
static int collect_locked(struct cove_appender *a)
{
    if (a->sending.size == 0) {
        struct cove__buf empty = a->sending;

        a->sending = a->gathered;
        a->gathered = empty;
    } else if (a->gathered.size > 0) {
        if (cove__buf_add_slice(&a->sending, cove__buf_slice(&a->gathered)) < 0) {
            a->sending.rc = 0; /* the bytes are still whole in both */
            return COVE_ENOMEM;
        }
        cove__buf_reset(&a->gathered);
    }
    a->due_ns = INT64_MAX;
    return 0;
}

int cove__appender_timed_out(const struct cove_appender *a, struct cove_error *err)
{
    int rc = cove__fs_fail(err, &a->target.ctx, COVE_ETIMEDOUT, "the deadline passed");

    cove__background_explain(&a->background, err);
    return rc;
}

int cove__appender_wait_locked(struct cove_appender *a, int64_t deadline_ns, struct cove_error *err)
{
    if (cove__cond_wait_until(&a->idle, &a->lock, deadline_ns))
        return 0;
    return cove__cancel_fired(a->cancel) ? cove__ctx_check(&a->target.ctx, err) : cove__appender_timed_out(a, err);
}

int cove__appender_flush_locked(struct cove_appender *a, int64_t deadline_ns, struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;
    struct cove__ctx ctx = a->target.ctx;
    int64_t begun_ns;
    size_t added = 0;
    int rc = 0;

    ctx.deadline_ns = deadline_ns;
    ctx.background = &a->background;
    while (rc == 0 && a->flushing)
        rc = cove__appender_wait_locked(a, deadline_ns, err);
    if (rc == 0 && a->failure.code)
        rc = cove__error_copy(err, &a->failure);
    if (rc < 0)
        return rc;
    if (collect_locked(a) < 0)
        return cove__fail_nomem(err, "a flush");
    if (a->sending.size == 0)
        return 0;
    a->flushing = true;
    pthread_mutex_unlock(&a->lock);
    begun_ns = cove__now_ns();
    rc = a->fs->ops->append.write(a->fs->self, a->tail, cove__buf_slice(&a->sending), &ctx, &added, &why);
    pthread_mutex_lock(&a->lock);
    a->flushing = false;
    a->took_ns = cove__now_ns() - begun_ns;
    cove__buf_drop(&a->sending, added);
    if (rc == 0)
        cove__background_done(&a->background);
    else if (rc != COVE_ECANCELED)
        cove__background_failed(&ctx, why.message);
    if (rc < 0)
        cove__error_copy(err, &why);
    if (rc < 0 && a->interval_ns > 0) /* the background thread retries */
        a->due_ns = cove__now_ns() + a->interval_ns;
    pthread_cond_broadcast(&a->idle);
    return rc;
}

int cove__appender_flush_at_last_locked(struct cove_appender *a, int64_t deadline_ns, struct cove_error *err)
{
    int rc;

    atomic_fetch_add(&a->last_waits, COVE__LAST_CLOSE);
    rc = cove__appender_flush_locked(a, deadline_ns, err);
    atomic_fetch_sub(&a->last_waits, COVE__LAST_CLOSE);
    return rc;
}

/* After a temporary failure the flush is retried an interval later; any other ends the appender: each later call
 * returns it. */
static bool is_passing(int rc, const struct cove_error *err)
{
    return err->retryable || rc == COVE_ENETWORK || rc == COVE_ETIMEDOUT || rc == COVE_ETHROTTLED ||
           rc == COVE_ESERVER || rc == COVE_ENOSPC || rc == COVE_ENOMEM;
}

void cove__appender_flush_last(struct cove_appender *a, int64_t deadline_ns)
{
    struct cove_error err = COVE_ERROR_INIT;

    pthread_mutex_lock(&a->lock);
    if (cove__appender_flush_at_last_locked(a, deadline_ns, &err) < 0)
        cove__log(COVE_LOG_ERROR, "appender", "%s; %zu bytes are lost with the process", err.message,
                  a->sending.size + a->gathered.size);
    pthread_mutex_unlock(&a->lock);
}

void cove__appender_flush_due(struct cove_appender *a)
{
    struct cove_error err = COVE_ERROR_INIT;
    int rc;

    pthread_mutex_lock(&a->lock);
    rc = a->flushing ? 0 : cove__appender_flush_locked(a, cove__now_ns() + FLUSH_TIMEOUT, &err);
    if (rc < 0 && is_passing(rc, &err)) {
        cove__log(COVE_LOG_INFO, "appender", "%s; %zu bytes are kept and tried again", err.message,
                  a->sending.size + a->gathered.size);
        a->due_ns = cove__now_ns() + a->interval_ns;
    } else if (rc < 0) {
        a->failure = err;
        a->due_ns = INT64_MAX;
    }
    pthread_mutex_unlock(&a->lock);
}

int64_t cove__appender_due(struct cove_appender *a)
{
    int64_t due;

    pthread_mutex_lock(&a->lock);
    due = a->due_ns;
    pthread_mutex_unlock(&a->lock);
    return due;
}
