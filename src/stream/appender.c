/*
 * Appenders: small additions gather in memory and are sent together (appender_flush.c). A write waits for the network
 * only once twice `flush_bytes` have gathered.
 */
#include "stream/appender.h"

#include "base/clock.h"
#include "base/copy_options.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/mem.h"

#define MAX_GATHERED ((size_t)1 << 30)

static void destroy(struct cove_appender *a)
{
    if (a->tail)
        a->fs->ops->append.close(a->fs->self, a->tail);
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

int cove_appender_open(cove_fs *fs, const char *path, const struct cove_appender_options *options,
                       const struct cove_call *call, cove_appender **ret_appender, struct cove_error *err)
{
    struct cove_appender_options o = COVE_APPENDER_OPTIONS_INIT;
    cove_appender *a = cove__calloc(1, sizeof *a);
    int rc;

    if (!a)
        return cove__fail_nomem(err, "an appender");
    a->fs = cove_fs_ref(fs);
    a->generation = cove__fork_generation();
    a->call = cove__call_of(call);
    a->failure = (struct cove_error)COVE_ERROR_INIT;
    a->due_ns = INT64_MAX;
    cove__buf_init(&a->gathered, MAX_GATHERED);
    cove__buf_init(&a->sending, MAX_GATHERED);
    pthread_mutex_init(&a->lock, NULL);
    cove__cond_init(&a->idle);
    a->cancel = cove__cancel_child(a->call.cancel);
    rc =
        a->cancel ? cove__target_init(&a->target, fs, path, call, "append", err) : cove__fail_nomem(err, "an appender");
    if (rc == 0)
        rc = COVE__TARGET_OPTIONS(&a->target, &o, options, err);
    a->interval_ns = o.flush_interval_ms > 0 ? cove__ms_ns(o.flush_interval_ms) : 0;
    a->took_ns = a->interval_ns / 10; /* a guess, until there has been a flush */
    a->flush_bytes = o.flush_bytes > 0 && o.flush_bytes < MAX_GATHERED / 2 ? o.flush_bytes : MAX_GATHERED / 2;
    if (rc == 0 && !fs->ops->append.write)
        rc = cove__fs_fail(err, &a->target.ctx, COVE_ENOTSUP, "this store cannot append");
    if (rc == 0)
        rc = fs->ops->append.open(fs->self, a->target.path, o.truncate != 0, o.etag, &a->target.ctx, &a->tail, err);
    a->target.ctx.cancel = a->cancel;
    a->target.ctx.last_waits = &a->last_waits;
    if (rc == 0 && a->interval_ns > 0)
        rc = cove__flusher_add(a, err);
    if (rc < 0) {
        destroy(a);
        return rc;
    }
    *ret_appender = a;
    return 0;
}

static int check_usable(struct cove_appender *a, struct cove_error *err)
{
    if (a->generation == cove__fork_generation())
        return 0;
    return cove__fs_fail(err, &a->target.ctx, COVE_ESTATE, "the appender was opened before fork");
}

/* How long bytes may gather so that they are in the store when the interval ends: the interval less the time of the
 * last flush. */
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
        waited = cove__appender_wait_locked(a, deadline_ns, err);
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
        rc = cove__appender_flush_locked(a, deadline_ns, err);
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
    rc = cove__appender_flush_locked(a, deadline_ns, err);
    pthread_mutex_unlock(&a->lock);
    return rc;
}

int cove_appender_close(cove_appender *a, struct cove_error *err)
{
    int rc = 0;

    if (!a)
        return 0;
    if (a->generation == cove__fork_generation()) { /* only the parent sends the bytes that it gathered */
        int64_t deadline_ns = cove__call_deadline(a->fs, &a->call);
        bool in_time = cove__flusher_remove(a, deadline_ns);
        size_t lost = a->sending.size + a->gathered.size;

        if (in_time) {
            pthread_mutex_lock(&a->lock);
            rc = cove__appender_flush_at_last_locked(a, deadline_ns, err);
            pthread_mutex_unlock(&a->lock);
        } else if (lost > 0)
            rc = cove__appender_timed_out(a, err);
        lost = a->sending.size + a->gathered.size;
        if (rc < 0 && err && lost > 0)
            rc = cove__error_prefix(err, rc, "%zu bytes could not be appended", lost);
        cove__flusher_closed();
    }
    destroy(a);
    return rc;
}
