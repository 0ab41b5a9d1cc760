/*
 * Appenders: small additions gather in memory and go to the store together. A flush takes the gathered bytes away under
 * the lock and sends them without it, so that writing never waits for the network (until twice `flush_bytes` are
 * gathered). What could not be sent stays first in line: a store that is away for a minute costs no byte.
 */
#include "stream/appender.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/log.h"
#include "base/mem.h"

#define MAX_GATHERED  ((size_t)1 << 30)
#define FLUSH_TIMEOUT (60 * COVE__SEC) /* of one in the background, at most */

int cove_appender_open(cove_fs *fs, const char *path, const struct cove_appender_options *options,
                       const struct cove_call *call, cove_appender **ret_appender, struct cove_error *err)
{
    struct cove_appender_options o = COVE_APPENDER_OPTIONS_INIT;
    cove_appender *a = cove__calloc(1, sizeof *a);
    int rc;

    if (!a)
        return cove__fail_nomem(err, "an appender");
    if (options)
        memcpy(&o, options, options->size < sizeof o ? options->size : sizeof o);
    a->fs = cove_fs_ref(fs);
    a->generation = cove__fork_generation();
    a->call = call ? *call : (struct cove_call)COVE_CALL_INIT;
    a->interval_ns = o.flush_interval_ms > 0 ? cove__ms_ns(o.flush_interval_ms) : 0;
    a->took_ns = a->interval_ns / 10; /* a guess, until there has been a flush */
    a->flush_bytes = o.flush_bytes > 0 && o.flush_bytes < MAX_GATHERED / 2 ? o.flush_bytes : MAX_GATHERED / 2;
    a->failure = (struct cove_error)COVE_ERROR_INIT;
    a->due_ns = INT64_MAX;
    cove__buf_init(&a->gathered, MAX_GATHERED);
    cove__buf_init(&a->sending, MAX_GATHERED);
    pthread_mutex_init(&a->lock, NULL);
    cove__cond_init(&a->idle);
    a->cancel = cove__cancel_child(a->call.cancel);
    rc =
        a->cancel ? cove__target_init(&a->target, fs, path, call, "append", err) : cove__fail_nomem(err, "an appender");
    if (rc == 0 && !fs->ops->append)
        rc = cove__fs_fail(err, &a->target.ctx, COVE_ENOTSUP, "this store cannot append");
    if (rc == 0)
        rc = fs->ops->append_open(fs->self, a->target.path, o.truncate != 0, o.etag, &a->target.ctx, &a->tail, err);
    a->target.ctx.cancel = a->cancel;
    a->target.ctx.last_waits = &a->last_waits;
    if (rc == 0 && a->interval_ns > 0)
        rc = cove__flusher_add(a, err);
    if (rc < 0) {
        cove__appender_free(a);
        return rc;
    }
    *ret_appender = a;
    return 0;
}

void cove__appender_free(struct cove_appender *a)
{
    if (a->tail)
        a->fs->ops->append_close(a->fs->self, a->tail);
    if (a->generation == cove__fork_generation()) { /* else a thread of the parent may hold them */
        pthread_mutex_destroy(&a->lock);
        pthread_cond_destroy(&a->idle);
    }
    cove__buf_done(&a->gathered);
    cove__buf_done(&a->sending);
    cove__target_done(&a->target);
    cove__background_done(&a->background);
    cove_cancel_unref(a->cancel);
    cove_fs_unref(a->fs);
    cove__free(a);
}

/* ---- flushing ---- */

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

/* The call ends before the flush that it waits for: what has failed of that is said, too. */
static int timed_out(const struct cove_appender *a, struct cove_error *err)
{
    int rc = cove__fs_fail(err, &a->target.ctx, COVE_ETIMEDOUT, "the deadline passed");

    cove__background_explain(&a->background, err);
    return rc;
}

/* Waits for another thread's flush until this call's deadline; the flush has its own deadline. */
static int wait_for_flush_locked(struct cove_appender *a, int64_t deadline_ns, struct cove_error *err)
{
    if (cove__cond_wait_until(&a->idle, &a->lock, deadline_ns))
        return 0;
    return cove__cancel_fired(a->cancel) ? cove__ctx_check(&a->target.ctx, err) : timed_out(a, err);
}

/* Sends everything. A flush that is under way in another thread is waited for first. */
static int flush_locked(struct cove_appender *a, int64_t deadline_ns, struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;
    struct cove__ctx ctx = a->target.ctx;
    int64_t begun_ns;
    size_t added = 0;
    int rc = 0;

    ctx.deadline_ns = deadline_ns;
    ctx.background = &a->background;
    while (rc == 0 && a->flushing)
        rc = wait_for_flush_locked(a, deadline_ns, err);
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
    rc = a->fs->ops->append(a->fs->self, a->tail, cove__buf_slice(&a->sending), &ctx, &added, &why);
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

/* The same where the appender ends with it. A flush that is under way becomes a last wait as well. */
static int flush_at_last_locked(struct cove_appender *a, int64_t deadline_ns, struct cove_error *err)
{
    int rc;

    atomic_fetch_add(&a->last_waits, COVE__LAST_CLOSE);
    rc = flush_locked(a, deadline_ns, err);
    atomic_fetch_sub(&a->last_waits, COVE__LAST_CLOSE);
    return rc;
}

/* A passing trouble is tried again an interval later; any other ends the appender: each later call says why. */
static bool is_passing(int rc, const struct cove_error *err)
{
    return err->retryable || rc == COVE_ENETWORK || rc == COVE_ETIMEDOUT || rc == COVE_ETHROTTLED ||
           rc == COVE_ESERVER || rc == COVE_ENOSPC || rc == COVE_ENOMEM;
}

void cove__appender_flush_last(struct cove_appender *a, int64_t deadline_ns)
{
    struct cove_error err = COVE_ERROR_INIT;

    pthread_mutex_lock(&a->lock);
    if (flush_at_last_locked(a, deadline_ns, &err) < 0)
        cove__log(COVE_LOG_ERROR, "appender", "%s; %zu bytes are lost with the process", err.message,
                  a->sending.size + a->gathered.size);
    pthread_mutex_unlock(&a->lock);
}

void cove__appender_flush_due(struct cove_appender *a)
{
    struct cove_error err = COVE_ERROR_INIT;
    int rc;

    pthread_mutex_lock(&a->lock);
    rc = a->flushing ? 0 : flush_locked(a, cove__now_ns() + FLUSH_TIMEOUT, &err);
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

/* ---- the calls ---- */

static int check_usable(struct cove_appender *a, struct cove_error *err)
{
    if (a->generation == cove__fork_generation())
        return 0;
    return cove__fs_fail(err, &a->target.ctx, COVE_ESTATE, "the appender was opened before fork");
}

/* How long bytes may gather, so that they are in the store when the interval ends: it less what the last flush took. */
static int64_t wait_for_more(const cove_appender *a)
{
    int64_t half = a->interval_ns / 2;

    return a->interval_ns - (a->took_ns < half ? a->took_ns : half);
}

int cove_appender_write(cove_appender *a, const void *data, size_t length, struct cove_error *err)
{
    bool first = false;
    int rc = check_usable(a, err), waited = 0;

    if (rc < 0 || length == 0)
        return rc;
    int64_t deadline_ns = cove__call_deadline(a->fs, &a->call);
    pthread_mutex_lock(&a->lock);
    /* Too much has gathered behind a slow flush: wait for it instead of allocating more. After the deadline the call
     * fails, although the bytes were taken. */
    while (waited == 0 && a->flushing && a->gathered.size >= 2 * a->flush_bytes)
        waited = wait_for_flush_locked(a, deadline_ns, err);
    if (a->failure.code)
        rc = cove__error_copy(err, &a->failure);
    else if (cove__buf_add(&a->gathered, data, length) < 0) {
        rc = cove__fail(err, a->gathered.rc, "append %s: no memory for %zu more bytes", a->target.url, length);
        a->gathered.rc = 0; /* what had gathered is whole */
    }
    if (rc == 0 && a->due_ns == INT64_MAX && a->interval_ns > 0) {
        a->due_ns = cove__now_ns() + wait_for_more(a);
        first = true;
    }
    if (rc == 0 && (a->interval_ns == 0 || a->gathered.size >= a->flush_bytes) && !a->flushing) {
        rc = flush_locked(a, deadline_ns, err);
        first = false;
    }
    pthread_mutex_unlock(&a->lock);
    if (first)
        cove__flusher_wake();
    return rc < 0 ? rc : waited;
}

int cove_appender_flush(cove_appender *a, struct cove_error *err)
{
    int rc = check_usable(a, err);

    if (rc < 0)
        return rc;
    int64_t deadline_ns = cove__call_deadline(a->fs, &a->call);
    pthread_mutex_lock(&a->lock);
    rc = flush_locked(a, deadline_ns, err);
    pthread_mutex_unlock(&a->lock);
    return rc;
}

int cove_appender_close(cove_appender *a, struct cove_error *err)
{
    int rc = 0;

    if (!a)
        return 0;
    if (a->generation == cove__fork_generation()) { /* the bytes that a parent gathered are the parent's to send */
        int64_t deadline_ns = cove__call_deadline(a->fs, &a->call);
        bool in_time = cove__flusher_remove(a, deadline_ns);
        size_t lost = a->sending.size + a->gathered.size;

        if (in_time) {
            pthread_mutex_lock(&a->lock);
            rc = flush_at_last_locked(a, deadline_ns, err);
            pthread_mutex_unlock(&a->lock);
        } else if (lost > 0)
            rc = timed_out(a, err);
        lost = a->sending.size + a->gathered.size;
        if (rc < 0 && err && lost > 0)
            rc = cove__error_prefix(err, rc, "%zu bytes could not be appended", lost);
        cove__flusher_closed();
    }
    cove__appender_free(a);
    return rc;
}
