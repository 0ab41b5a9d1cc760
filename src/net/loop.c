/*
 * The I/O loops: each has one curl multi handle with all its requests, waits in watch.c, and is driven by one thread at
 * a time. Started when first needed, one more when all are busy, ended at the process's exit. Between http.c (what a
 * request does next) and libcurl.
 *
 * A loop's own thread is parked while there is nothing to do. A caller that waits for what it starts drives the loop
 * itself then: no thread has to be woken for its request, nor it for the response. What others put into the loop
 * meanwhile is done too; what is left when the caller has all it waits for goes to the loop's own thread.
 *
 * After fork the child has no such threads. It forgets the parent's loops and does not close them: that would end TLS
 * on connections that the parent still uses. Fork waits until every loop is at its poll, since the locks of OpenSSL and
 * the resolver that a loop held in between would be held forever in the child.
 */
#include "net/loop.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/at_exit.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/mem.h"
#include "base/thread.h"
#include "net/watch.h"

#define EASY_POOL      32  /* idle curl handles that a loop keeps */
#define CONNECTIONS    64L /* idle connections that a loop keeps */
#define IDLE_POLL_MS   60000
#define NO_SIGPIPE     0x075700 /* from this version on libcurl writes to a socket by calls that raise no signal */
#define EXIT_WAIT_SEC  10
#define FORK_WAIT_SEC  10
#define POLL_FAILED_NS (10 * COVE__MS)
/* Reading what has arrived at all sockets may take milliseconds. After this time the callers whose responses are there
 * continue, and their next requests are sent before the next socket is read. */
#define LINGER_NS (COVE__MS / 2)

struct pooled {
    CURL *easy;
    uint64_t serial; /* whose settings it has */
};

enum driver { NO_THREAD, OWN_THREAD, A_CALLER };

struct cove__loop {
    pthread_t thread;
    sem_t park; /* posted: its own thread is to drive the loop, or to end */
    CURLM *multi;
    CURLSH *share;
    struct cove__watch *watch;
    /* under cove__lock */
    struct cove__http_state *inbox, **inbox_end; /* new requests, and those that have got their slot or were resumed */
    unsigned load;                               /* requests that live here */
    enum driver driver;
    bool stop;
    bool asleep; /* found nothing to do: a thread that puts something into the inbox wakes it */
    /* (loop): the thread that drives it */
    bool signals_wait; /* for the end of the driver's work; `signals` is its own mask */
    sigset_t signals;
    int64_t next_scan_ns;
    struct cove__http_state *first;
    struct pooled pool[EASY_POOL];
    size_t n_pool;
};

/* under cove__lock */
static struct {
    unsigned generation;
    struct cove__loop *loops[COVE__LOOPS_MAX];
    unsigned n;
    bool ended;                               /* the process is exiting */
    struct cove__loop *lost[COVE__LOOPS_MAX]; /* a parent's, only kept reachable */
} loops;

/* Read by a loop while it works, written around fork. */
static pthread_rwlock_t working = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
static _Thread_local bool stopped_loops;         /* by the fork that this thread is about to make */
static _Thread_local struct cove__loop *driving; /* by this thread, at the moment */
static _Thread_local struct cove__loop *at_poll; /* this thread, a caller's, for it */

static pthread_once_t global_once = PTHREAD_ONCE_INIT;
static CURLcode global_result;
static bool callers_drive; /* a program's own threads must get no SIGPIPE; those of this file block it */

static unsigned loops_wanted(void)
{
    const char *given = getenv("COVE_IO_THREADS");
    if (given && given[0] >= '1' && given[0] <= '0' + COVE__LOOPS_MAX && given[1] == 0)
        return (unsigned)(given[0] - '0');
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) != 0)
        return 1;
    int n = CPU_COUNT(&set);
    if (n < 1)
        return 1;
    return n < COVE__LOOPS_MAX ? (unsigned)n : COVE__LOOPS_MAX;
}

CURLM *cove__loop_multi(struct cove__loop *loop)
{
    return loop->multi;
}

CURLSH *cove__loop_share(struct cove__loop *loop)
{
    return loop->share;
}

struct cove__watch *cove__loop_watch(struct cove__loop *loop)
{
    return loop->watch;
}

CURL *cove__loop_easy_get(struct cove__loop *loop, uint64_t serial, bool *ret_prepared)
{
    *ret_prepared = false;
    if (loop->n_pool == 0)
        return curl_easy_init();
    size_t pick = loop->n_pool - 1;
    for (size_t i = loop->n_pool; i-- > 0;) {
        if (loop->pool[i].serial == serial) {
            pick = i;
            break;
        }
    }
    CURL *easy = loop->pool[pick].easy;
    *ret_prepared = loop->pool[pick].serial == serial;
    loop->pool[pick] = loop->pool[--loop->n_pool];
    if (!*ret_prepared)
        curl_easy_reset(easy);
    return easy;
}

void cove__loop_easy_put(struct cove__loop *loop, CURL *easy, uint64_t serial)
{
    if (loop->n_pool == EASY_POOL) {
        curl_easy_cleanup(easy);
        return;
    }
    loop->pool[loop->n_pool++] = (struct pooled){ easy, serial };
}

void cove__loop_leave(struct cove__http_state *st)
{
    struct cove__loop *loop = st->loop;
    if (st->prev)
        st->prev->next = st->next;
    else
        loop->first = st->next;
    if (st->next)
        st->next->prev = st->prev;
    cove__lock();
    loop->load--;
    cove__unlock();
}

/* The loop, if it has to be woken after the unlock. */
static struct cove__loop *enqueue_locked(struct cove__loop *loop, struct cove__http_state *st)
{
    st->queue_next = NULL;
    *loop->inbox_end = st;
    loop->inbox_end = &st->queue_next;
    if (!loop->asleep)
        return NULL;
    loop->asleep = false;
    return loop;
}

struct cove__loop *cove__loop_grant_locked(struct cove__http_state *st)
{
    st->granted = true;
    return enqueue_locked(st->loop, st);
}

struct cove__loop *cove__loop_resume_locked(struct cove__http_state *st)
{
    st->resumed = true;
    return enqueue_locked(st->loop, st);
}

void cove__loop_wake(struct cove__loop *loop)
{
    if (loop)
        cove__watch_wake(loop->watch);
}

/* ---- driving ---- */

/* Signals are the program's: none is delivered to a thread of the library, as libcurl's resolver thread is, which has
 * the mask of the thread that starts it. */
int cove__loop_resolves(void *resolver, void *reserved, void *user)
{
    struct cove__loop *loop = driving;
    sigset_t all;

    if (loop && !loop->signals_wait) {
        sigfillset(&all);
        loop->signals_wait = pthread_sigmask(SIG_SETMASK, &all, &loop->signals) == 0;
    }
    return 0;
}

static void deliver_signals(struct cove__loop *loop)
{
    if (loop->signals_wait)
        pthread_sigmask(SIG_SETMASK, &loop->signals, NULL);
    loop->signals_wait = false;
}

static void take_inbox(struct cove__loop *loop, bool *ret_stop)
{
    cove__lock();
    struct cove__http_state *st = NULL;
    loop->asleep = false;
    *ret_stop = loop->stop;
    if (!loop->stop) { /* else it stays: what begins after exit has would be under way while OpenSSL ends */
        st = loop->inbox;
        loop->inbox = NULL;
        loop->inbox_end = &loop->inbox;
    }
    cove__unlock();

    while (st) {
        struct cove__http_state *next = st->queue_next;
        if (!st->granted && !st->resumed) {
            st->prev = NULL;
            st->next = loop->first;
            if (loop->first)
                loop->first->prev = st;
            loop->first = st;
        }
        st->resumed = false;
        st->events->begin(st);
        st = next;
    }
}

static void take_ended(struct cove__loop *loop)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(loop->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        struct cove__http_state *st = NULL;
        CURLcode result = message->data.result; /* the message dies with the handle's removal */
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&st);
        st->events->ended(st, result);
    }
}

/* True: the inbox is empty, and whatever comes into it from now on wakes the loop. */
static bool fall_asleep(struct cove__loop *loop)
{
    cove__lock();
    loop->asleep = !loop->inbox && !loop->stop;
    bool asleep = loop->asleep;
    cove__unlock();
    return asleep;
}

/* Gives every request its tick; returns when the next round is due. */
static int64_t scan(struct cove__loop *loop, int64_t now_ns)
{
    int64_t due = INT64_MAX;
    struct cove__http_state *next;
    for (struct cove__http_state *st = loop->first; st; st = next) {
        next = st->next;
        st->events->tick(st, now_ns);
    }
    for (struct cove__http_state *st = loop->first; st; st = st->next) {
        int64_t at = st->events->next_ns(st);
        if (at < due)
            due = at;
    }
    int64_t regular = now_ns + COVE__LOOP_SCAN_NS;
    return due < regular ? due : regular;
}

/* Does all that can be done now. False: the loop is to stop. */
static bool work(struct cove__loop *loop, int *ret_timeout_ms)
{
    bool stop = false;

    pthread_rwlock_rdlock(&working);
    driving = loop;
    take_inbox(loop, &stop);
    if (!stop) {
        int64_t now_ns = cove__now_ns(), next_ns = now_ns + LINGER_NS;
        while (!stop && cove__watch_run_event(loop->watch)) {
            now_ns = cove__now_ns();
            if (now_ns < next_ns)
                continue;
            take_ended(loop);
            take_inbox(loop, &stop);
            next_ns = now_ns + LINGER_NS;
        }
        cove__watch_run_timer(loop->watch, now_ns);
        take_ended(loop);

        if (loop->first && now_ns >= loop->next_scan_ns)
            loop->next_scan_ns = scan(loop, now_ns);
        int64_t due_ns = cove__watch_next_ns(loop->watch);
        if (loop->first && loop->next_scan_ns < due_ns)
            due_ns = loop->next_scan_ns;
        *ret_timeout_ms = IDLE_POLL_MS;
        if (due_ns <= now_ns || !fall_asleep(loop))
            *ret_timeout_ms = 0;
        else if (due_ns - now_ns < IDLE_POLL_MS * COVE__MS)
            *ret_timeout_ms = (int)((due_ns - now_ns + COVE__MS - 1) / COVE__MS);
    }
    driving = NULL;
    pthread_rwlock_unlock(&working);
    deliver_signals(loop);
    return !stop;
}

static void wait_for_more(struct cove__loop *loop, int timeout_ms)
{
    if (!cove__watch_wait(loop->watch, timeout_ms))
        cove__sleep_ns(POLL_FAILED_NS); /* for example no memory: try again, but not at full speed */
}

/* True: nothing is left to do, and the first thread that needs the loop may drive it. */
static bool release_if_idle(struct cove__loop *loop)
{
    cove__lock();
    bool idle = !loop->first && !loop->inbox && !loop->stop;
    if (idle)
        loop->driver = NO_THREAD;
    cove__unlock();
    return idle;
}

static void *loop_main(void *arg)
{
    struct cove__loop *loop = arg;
    int timeout_ms;

    for (;;) {
        while (sem_wait(&loop->park) != 0)
            ;
        for (;;) {
            if (!work(loop, &timeout_ms))
                return NULL;
            if (release_if_idle(loop))
                break;
            wait_for_more(loop, timeout_ms);
        }
    }
}

/* ---- by a caller that waits ---- */

static void hand_over(struct cove__loop *loop)
{
    cove__lock();
    loop->driver = OWN_THREAD;
    cove__unlock();
    sem_post(&loop->park);
}

static bool caller_runs(void *self, struct cove__inbox *inbox)
{
    struct cove__loop *loop = self;
    bool continues, ready = false;
    int timeout_ms;

    while ((continues = work(loop, &timeout_ms)) && !(ready = cove__inbox_ready(inbox))) {
        at_poll = loop;
        wait_for_more(loop, timeout_ms);
        at_poll = NULL;
    }
    if (!continues) /* the process is exiting */
        hand_over(loop);
    return ready;
}

static void wake_caller(void *self)
{
    if (driving != self)
        cove__loop_wake(self);
}

static void caller_leaves(void *self)
{
    if (!release_if_idle(self))
        hand_over(self);
}

static const struct cove__driver by_caller = { caller_runs, wake_caller, caller_leaves };

/* Finds a driver for a loop that has something to do: the caller, or its own thread. */
static void find_driver_locked(struct cove__loop *loop, struct cove__inbox *waits, bool *ret_caller, bool *ret_unpark)
{
    if (loop->driver != NO_THREAD)
        return;
    /* A loop's thread that starts a request for a caller must not read the caller's inbox: `driving` is checked first.
     */
    *ret_caller = !driving && waits && !waits->driver && callers_drive;
    *ret_unpark = !*ret_caller;
    loop->driver = *ret_caller ? A_CALLER : OWN_THREAD;
    loop->asleep = false;
}

/* ---- start and end ---- */

static void loop_free(struct cove__loop *loop)
{
    if (!loop)
        return;
    if (loop->multi)
        curl_multi_cleanup(loop->multi);
    if (loop->share)
        curl_share_cleanup(loop->share);
    cove__watch_free(loop->watch);
    sem_destroy(&loop->park);
    cove__free(loop);
}

static int start_thread(struct cove__loop *loop)
{
    int errnum = cove__thread_create(&loop->thread, loop_main, loop);
    if (errnum == 0)
        pthread_setname_np(loop->thread, "cove-io");
    else
        errno = errnum;
    return errnum;
}

/* NULL, with errno: there may be no descriptors or no threads left. */
static struct cove__loop *loop_new(void)
{
    int errnum;

    errno = ENOMEM;
    struct cove__loop *loop = cove__calloc(1, sizeof(*loop));
    if (!loop)
        return NULL;
    loop->inbox_end = &loop->inbox;
    sem_init(&loop->park, 0, 0);
    loop->multi = curl_multi_init();
    loop->share = curl_share_init();
    if (loop->multi)
        loop->watch = cove__watch_new(loop->multi);
    if (!loop->watch || !loop->share ||
        curl_share_setopt(loop->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) != CURLSHE_OK ||
        curl_multi_setopt(loop->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS) != CURLM_OK || start_thread(loop) != 0) {
        errnum = errno;
        loop_free(loop);
        errno = errnum;
        return NULL;
    }
    return loop;
}

/* The least busy loop, the first among equals so that one request after another finds its connection again. */
static struct cove__loop *pick_locked(void)
{
    unsigned generation = cove__fork_generation();
    if (loops.generation != generation) {
        for (unsigned i = 0; i < loops.n; i++) {
            loops.lost[i] = loops.loops[i];
            loops.loops[i] = NULL;
        }
        loops.n = 0;
        loops.generation = generation;
    }
    struct cove__loop *best = NULL;
    for (unsigned i = 0; i < loops.n; i++) {
        if (!best || loops.loops[i]->load < best->load)
            best = loops.loops[i];
    }
    if ((!best || best->load > 0) && loops.n < loops_wanted()) {
        struct cove__loop *more = loop_new();
        if (more) {
            loops.loops[loops.n++] = more;
            best = more;
        }
    }
    return best;
}

int cove__loop_submit(struct cove__http_state *st, struct cove_error *err)
{
    struct cove__inbox *waits = st->r->op.ctx.waits;

    cove__lock();
    bool ended = loops.ended;
    struct cove__loop *loop = ended ? NULL : pick_locked(), *wake = NULL;
    int errnum = errno; /* of a loop that could not be made */
    bool caller = false, unpark = false;
    if (loop) {
        st->loop = loop;
        loop->load++;
        find_driver_locked(loop, waits, &caller, &unpark);
        wake = enqueue_locked(loop, st);
    }
    cove__unlock();
    if (!loop)
        return ended
                   ? cove__fail(err, COVE_ESTATE, "%s %s: the process is exiting", st->r->op.ctx.op, st->r->op.ctx.url)
                   : cove__fail_errno(err, errnum, "%s %s: start an I/O thread", st->r->op.ctx.op, st->r->op.ctx.url);
    cove__loop_wake(wake);
    if (unpark)
        sem_post(&loop->park);
    if (caller) /* only it can wait there, so nothing has been missed */
        cove__inbox_drive(waits, &by_caller, loop);
    return 0;
}

/* Runs before OpenSSL's own end, being registered after it. The threads' memory is left to the system: freeing handles
 * may wait for a name that is being resolved. */
static void end_at_exit(void)
{
    struct cove__loop *mine[COVE__LOOPS_MAX];
    unsigned n = 0;

    cove__lock();
    if (loops.generation == cove__fork_generation()) {
        for (unsigned i = 0; i < loops.n; i++) {
            struct cove__loop *loop = loops.loops[i];
            loop->stop = true;
            if (loop == driving || loop == at_poll)
                continue; /* exit was called in the middle of it, for example by a signal handler */
            if (loop->driver == NO_THREAD) {
                loop->driver = OWN_THREAD;
                sem_post(&loop->park);
            }
            mine[n++] = loop;
        }
    }
    loops.ended = true;
    cove__unlock();

    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += EXIT_WAIT_SEC;
    for (unsigned i = 0; i < n; i++)
        cove__loop_wake(mine[i]);
    for (unsigned i = 0; i < n; i++)
        pthread_timedjoin_np(mine[i]->thread, NULL, &until);
}

/* What a loop does between two polls takes milliseconds, seconds where a machine has far too much to do. Not forever:
 * a log callback on the thread that drives one may wait for the thread that forks, or fork itself. */
static void before_fork(void)
{
    struct timespec until;
    stopped_loops = false;
    if (driving)
        return;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += FORK_WAIT_SEC;
    stopped_loops = pthread_rwlock_timedwrlock(&working, &until) == 0;
}

static void after_fork_parent(void)
{
    if (stopped_loops)
        pthread_rwlock_unlock(&working);
}

/* A new lock: the threads that wait for it in the parent do not exist here. */
static void after_fork_child(void)
{
    working = (pthread_rwlock_t)PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
    driving = at_poll = NULL;
}

static void global_init(void)
{
    /* After base/fork's own handlers, so that it runs before them: a loop that works may want cove__lock. */
    cove__fork_generation();
    pthread_atfork(before_fork, after_fork_parent, after_fork_child);
    global_result = curl_global_init(CURL_GLOBAL_DEFAULT);
    callers_drive = curl_version_info(CURLVERSION_NOW)->version_num >= NO_SIGPIPE;
    if (global_result == CURLE_OK)
        cove__at_exit(COVE__EXIT_NET, end_at_exit);
}

int cove__loops_global_init(struct cove_error *err)
{
    pthread_once(&global_once, global_init);
    if (global_result != CURLE_OK)
        return cove__fail(err, global_result == CURLE_OUT_OF_MEMORY ? COVE_ENOMEM : COVE_ENOTSUP,
                          "libcurl cannot start: %s", curl_easy_strerror(global_result));
    return 0;
}
