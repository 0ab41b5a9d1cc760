/*
 * The thread that flushes appenders when their time has come, and the flush of all at the process's ordinary exit.
 * In a forked child there is neither: a child's first appender starts a new thread, and the parent's are left to the
 * parent.
 */

#include "base/at_exit.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/thread.h"
#include "stream/appender.h"

#define EXIT_TIMEOUT (60 * COVE__SEC) /* of all appenders together */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed; /* on CLOCK_MONOTONIC; work for the thread, or an appender was released */
static unsigned generation;    /* of fork, in which all below was made; 0: never */
static struct {                /* under lock */
    struct cove_appender *first;
    /* The ones that are flushed now: by the thread, and at the process's end. Two, because both may flush at once, and
     * neither may release the one that the other holds. */
    struct cove_appender *of_thread, *of_exit;
    unsigned closing; /* appenders that are not in the list any more, and that their closes still flush */
    bool running;
    bool ending; /* the process's end waits for the thread */
} flusher;
static _Thread_local unsigned closing_here; /* … in this thread, which cannot wait for them */

static void take(void)
{
    /* The first call in a child comes from its only thread; the first of all, under the state lock. */
    cove__lock();
    if (generation != cove__fork_generation()) {
        generation = cove__fork_generation();
        lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
        cove__cond_init(&changed);
        flusher.first = flusher.of_thread = flusher.of_exit = NULL;
        flusher.closing = closing_here = 0;
        flusher.running = flusher.ending = false;
    }
    cove__unlock();
    pthread_mutex_lock(&lock);
}

static struct cove_appender *soonest_locked(int64_t *ret_due)
{
    struct cove_appender *best = NULL;

    *ret_due = INT64_MAX;
    for (struct cove_appender *a = flusher.first; a; a = a->next) {
        int64_t due = cove__appender_due(a);

        if (due < *ret_due) {
            *ret_due = due;
            best = a;
        }
    }
    return best;
}

static void run(void *unused)
{
    take();
    while (flusher.first) {
        int64_t due;
        struct cove_appender *a = soonest_locked(&due);

        if (!a || due > cove__now_ns()) {
            cove__cond_wait_until(&changed, &lock, due);
            continue;
        }
        flusher.of_thread = a;
        pthread_mutex_unlock(&lock);
        cove__appender_flush_due(a);
        pthread_mutex_lock(&lock);
        flusher.of_thread = NULL;
        pthread_cond_broadcast(&changed);
    }
    flusher.running = false;
    if (!flusher.ending) /* else the process's exit has counted it */
        cove__threads_end_soon(1);
    flusher.ending = false;
    pthread_mutex_unlock(&lock);
}

/* A program that ends by exit() or by returning from main without closing its appenders loses nothing. A store that
 * does not answer delays its end by at most EXIT_TIMEOUT. */
static void flush_all(void)
{
    int64_t deadline_ns = cove__now_ns() + EXIT_TIMEOUT;

    take();
    while (flusher.first || flusher.closing > closing_here) {
        struct cove_appender *a = flusher.first;

        if (!a) {
            if (!cove__cond_wait_until(&changed, &lock, deadline_ns))
                break;
            continue;
        }
        if (a == flusher.of_thread) {
            /* The mark is not removed: after the wait another thread may have freed the appender. */
            atomic_fetch_or(&a->last_waits, COVE__LAST_EXIT);
            pthread_cond_wait(&changed, &lock);
            continue;
        }
        flusher.first = a->next;
        flusher.of_exit = a;
        pthread_mutex_unlock(&lock);
        atomic_fetch_or(&a->last_waits, COVE__LAST_EXIT);
        cove__appender_flush_last(a, deadline_ns);
        pthread_mutex_lock(&lock);
        flusher.of_exit = NULL;
        pthread_cond_broadcast(&changed);
    }
    if (flusher.running && !flusher.ending) {
        cove__threads_end_soon(1);
        flusher.ending = true;
    }
    pthread_cond_broadcast(&changed); /* the thread, if any, finds nothing and ends */
    pthread_mutex_unlock(&lock);
}

static int start_locked(struct cove_error *err)
{
    int errnum;

    if (cove__at_exit(COVE__EXIT_FLUSH, flush_all) < 0)
        return cove__fail_nomem(err, "the exit handler");
    if (flusher.running)
        return 0;
    errnum = cove__thread_start(run, NULL);
    if (errnum)
        return cove__fail_errno(err, errnum, "start the thread that flushes appenders");
    flusher.running = true;
    return 0;
}

int cove__flusher_add(struct cove_appender *a, struct cove_error *err)
{
    int rc;

    take();
    a->next = flusher.first;
    flusher.first = a;
    rc = start_locked(err);
    if (rc < 0)
        flusher.first = a->next;
    pthread_mutex_unlock(&lock);
    return rc;
}

bool cove__flusher_remove(struct cove_appender *a, int64_t deadline_ns)
{
    struct cove_appender **link = &flusher.first;
    bool in_time = true;

    take();
    atomic_fetch_add(&a->last_waits, COVE__LAST_CLOSE);
    while (flusher.of_thread == a || flusher.of_exit == a) {
        if (cove__cond_wait_until(&changed, &lock, in_time ? deadline_ns : INT64_MAX))
            continue;
        in_time = false;
        cove_cancel_fire(a->cancel);
    }
    atomic_fetch_sub(&a->last_waits, COVE__LAST_CLOSE);
    while (*link && *link != a)
        link = &(*link)->next;
    if (*link)
        *link = a->next;
    flusher.closing++;
    closing_here++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    return in_time;
}

void cove__flusher_closed(void)
{
    take();
    flusher.closing--;
    closing_here--;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

void cove__flusher_wake(void)
{
    take();
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}
