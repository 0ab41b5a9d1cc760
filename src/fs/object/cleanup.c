/* Clean-ups within a call and in the background: see cleanup.h. */
#include "fs/object/cleanup.h"

#include "base/at_exit.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/log.h"
#include "fs/object/object.h"

#define TIME_NS     (30 * COVE__SEC) /* of a batch, at most */
#define GRACE_NS    (100 * COVE__MS) /* after the call's deadline, or if its token has fired */
#define END_NS      (2 * COVE__SEC)  /* a close, or the process's exit, waits for clean-ups in the background */
#define THREADS     16
#define PENDING_MAX 256 /* of a store in the background */

static struct cove__workers pool = COVE__WORKERS_INIT(THREADS);
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed; /* on CLOCK_MONOTONIC: a clean-up in the background has ended */
static unsigned generation;    /* the fork generation of this state; 0: none yet */
static unsigned pending;       /* under lock: of all stores */

static void take(struct cove__cleanups *all)
{
    /* The first call in a child comes from its only thread; the first of all, under the state lock. */
    cove__lock();
    if (generation != cove__fork_generation()) {
        generation = cove__fork_generation();
        lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
        cove__cond_init(&changed);
        pending = 0;
    }
    if (all && all->generation != generation) {
        cove_cancel_unref(all->stop);
        *all = (struct cove__cleanups){ .generation = generation }; /* the rest is left to the parent */
    }
    cove__unlock();
    pthread_mutex_lock(&lock);
}

/* The end of one that was in the background. The store may be freed after this. */
static void leave(struct cove__object_store *store)
{
    take(&store->cleanups);
    store->cleanups.pending--;
    pending--;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static struct cove__ctx ctx_of(const struct cove__cleanup *c)
{
    return (struct cove__ctx){ .deadline_ns = cove__now_ns() + (c->batches > 1 ? c->batches : 1) * TIME_NS,
                               .op = c->op ? c->op : "abort",
                               .url = c->url,
                               .last_waits = &cove__is_abort };
}

static void failed(const struct cove__cleanup *c, const char *why)
{
    cove__log(COVE_LOG_WARNING, c->store->ops->name, "%s; %s", why, c->failure);
}

/* ---- in the background ---- */

static void run_behind(void *user)
{
    struct cove__cleanup *c = user;
    struct cove__object_store *store = c->store;
    struct cove__ctx ctx = ctx_of(c);
    struct cove_error err = COVE_ERROR_INIT;

    ctx.cancel = store->cleanups.stop; /* fixed since before this was added */
    if (c->run(c, &ctx, &err) < 0)
        failed(c, err.message);
    else
        cove__log(COVE_LOG_INFO, store->ops->name, "%s %s: cleaned up in the background", ctx.op, c->url);
    c->free(c);
    leave(store);
}

static void wait_at_exit(void)
{
    int64_t until_ns = cove__now_ns() + END_NS;

    take(NULL);
    while (pending > 0 && cove__cond_wait_until(&changed, &lock, until_ns))
        ;
    pthread_mutex_unlock(&lock);
}

static bool run_later(struct cove__cleanup *c)
{
    struct cove__object_store *store = c->store;
    struct cove__cleanups *all = &store->cleanups;

    if (cove__at_exit(COVE__EXIT_CLEANUPS, wait_at_exit) < 0)
        return false;
    take(all);
    if (!all->stop)
        all->stop = cove_cancel_new();
    bool room = all->stop && all->pending < PENDING_MAX;
    if (room) {
        all->pending++;
        pending++;
    }
    pthread_mutex_unlock(&lock);
    if (!room)
        return false;
    c->work = (struct cove__work){ .run = run_behind, .user = c };
    if (cove__workers_add(&pool, &all->group, &c->work))
        return true;
    leave(store);
    return false;
}

void cove__cleanups_end(struct cove__object_store *store)
{
    struct cove__cleanups *all = &store->cleanups;
    int64_t until_ns = cove__now_ns() + END_NS;
    struct cove__work *work;

    take(all);
    while (all->pending > 0 && cove__cond_wait_until(&changed, &lock, until_ns))
        ;
    pthread_mutex_unlock(&lock);
    cove_cancel_fire(all->stop);
    while ((work = cove__workers_take(&pool, &all->group)))
        work->run(work->user); /* its token is fired */
    take(all);
    while (all->pending > 0)
        cove__cond_wait_until(&changed, &lock, INT64_MAX);
    pthread_mutex_unlock(&lock);
    cove_cancel_unref(all->stop);
    all->stop = NULL;
}

/* ---- for a call ---- */

/* Whether more time may help. */
static bool may_pass(int rc)
{
    return rc == COVE_ETIMEDOUT || rc == COVE_ECANCELED || rc == COVE_ENETWORK || rc == COVE_ETHROTTLED ||
           rc == COVE_ESERVER;
}

void cove__cleanup(struct cove__cleanup *c, const struct cove__ctx *call)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct cove__ctx ctx = ctx_of(c);
    bool fired = cove__cancel_fired(call->cancel);
    int64_t least_ns = cove__now_ns() + GRACE_NS, most_ns = ctx.deadline_ns;

    if (!fired)
        ctx.cancel = call->cancel;
    ctx.deadline_ns = fired || call->deadline_ns < least_ns ? least_ns : call->deadline_ns;
    if (ctx.deadline_ns > most_ns)
        ctx.deadline_ns = most_ns;
    int rc = c->run(c, &ctx, &err);
    bool cut = ctx.deadline_ns < most_ns || rc == COVE_ECANCELED;
    if (rc < 0 && cut && may_pass(rc) && run_later(c))
        return;
    if (rc < 0)
        failed(c, err.message);
    c->free(c);
}
