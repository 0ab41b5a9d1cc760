/*
 * Threads for jobs that wait inside a call. They are started when there is more work than idle ones, end after some
 * seconds without work, and take turns among the queues that have some. A forked child starts with none.
 */
#include <signal.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "queue/queue.h"

#define WORKERS_MAX 16
#define IDLE_NS     (5 * COVE__SEC)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t some;          /* on CLOCK_MONOTONIC */
static unsigned generation;          /* of fork, in which all below was made; 0: never */
static struct {                      /* under lock */
    struct cove_queue *first, *last; /* the ring: queues that have work */
    unsigned threads, idle, jobs;    /* jobs: not yet taken by a thread */
} workers;

static void take_lock(void)
{
    /* The first call in a child comes from its only thread; the first of all, under the state lock. */
    cove__lock();
    if (generation != cove__fork_generation()) {
        generation = cove__fork_generation();
        lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
        cove__cond_init(&some);
        workers.first = workers.last = NULL;
        workers.threads = workers.idle = workers.jobs = 0;
    }
    cove__unlock();
    pthread_mutex_lock(&lock);
}

static void to_ring_locked(struct cove_queue *q)
{
    q->work_next = NULL;
    if (workers.last)
        workers.last->work_next = q;
    else
        workers.first = q;
    workers.last = q;
    q->at_work = true;
}

static void add_locked(struct cove__job *job)
{
    struct cove_queue *q = job->queue;

    job->work_next = NULL;
    if (q->at_work) {
        q->work_last->work_next = job;
    } else {
        q->work_first = job;
        to_ring_locked(q);
    }
    q->work_last = job;
    workers.jobs++;
}

/* The first job of the queue whose turn it is; that queue goes to the ring's end. */
static struct cove__job *next_locked(void)
{
    struct cove_queue *q = workers.first;
    struct cove__job *job;

    if (!q)
        return NULL;
    workers.first = q->work_next;
    if (!workers.first)
        workers.last = NULL;
    job = q->work_first;
    q->work_first = job->work_next;
    q->at_work = false;
    if (q->work_first)
        to_ring_locked(q);
    workers.jobs--;
    return job;
}

static void *work(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&lock);
    for (;;) {
        int64_t due_ns = cove__now_ns() + IDLE_NS;
        struct timespec t = { .tv_sec = due_ns / COVE__SEC, .tv_nsec = due_ns % COVE__SEC };
        struct cove__job *job;
        int late = 0;

        workers.idle++;
        while (!(job = next_locked()) && !late)
            late = pthread_cond_timedwait(&some, &lock, &t);
        workers.idle--;
        if (!job)
            break;
        pthread_mutex_unlock(&lock);
        cove__job_work(job);
        pthread_mutex_lock(&lock);
    }
    workers.threads--;
    pthread_mutex_unlock(&lock);
    return NULL;
}

/* Signals are the program's: none is delivered to a thread of the library. */
static int start_thread(void)
{
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t all, old;
    int errnum;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    errnum = pthread_create(&thread, &attr, work, NULL);
    pthread_attr_destroy(&attr);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return errnum;
}

int cove__workers_add(struct cove__job *job, struct cove_error *err)
{
    int errnum = 0;

    take_lock();
    if (workers.jobs >= workers.idle && workers.threads < WORKERS_MAX) {
        errnum = start_thread();
        if (errnum == 0)
            workers.threads++;
    }
    if (workers.threads > 0) {
        add_locked(job);
        pthread_cond_signal(&some);
        errnum = 0;
    }
    pthread_mutex_unlock(&lock);
    if (errnum)
        return cove__fail(err, COVE_ENOMEM, "%s %s: no thread can be started", job->target.ctx.op, job->target.url);
    return 0;
}
