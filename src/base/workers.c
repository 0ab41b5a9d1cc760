/* Pools of threads for work that blocks: see workers.h. */
#include "base/workers.h"

#include <signal.h>

#include "base/clock.h"
#include "base/fork.h"

#define IDLE_NS (5 * COVE__SEC)

static void take_lock(struct cove__workers *pool)
{
    /* The first call in a child comes from its only thread; the first of all, under the state lock. */
    cove__lock();
    if (pool->generation != cove__fork_generation()) {
        *pool = (struct cove__workers)COVE__WORKERS_INIT(pool->most);
        pool->generation = cove__fork_generation();
        cove__cond_init(&pool->some);
    }
    cove__unlock();
    pthread_mutex_lock(&pool->lock);
}

static void to_ring_locked(struct cove__workers *pool, struct cove__work_group *group)
{
    group->next = NULL;
    group->prev = pool->last;
    if (pool->last)
        pool->last->next = group;
    else
        pool->first = group;
    pool->last = group;
}

static void from_ring_locked(struct cove__workers *pool, struct cove__work_group *group)
{
    if (group->prev)
        group->prev->next = group->next;
    else
        pool->first = group->next;
    if (group->next)
        group->next->prev = group->prev;
    else
        pool->last = group->prev;
}

static void add_locked(struct cove__workers *pool, struct cove__work_group *group, struct cove__work *work)
{
    work->next = NULL;
    if (group->first) {
        group->last->next = work;
    } else {
        group->first = work;
        to_ring_locked(pool, group);
    }
    group->last = work;
    pool->waiting++;
}

/* The oldest piece of a group that has some; the group goes to the ring's end. */
static struct cove__work *take_locked(struct cove__workers *pool, struct cove__work_group *group)
{
    struct cove__work *work = group->first;

    from_ring_locked(pool, group);
    group->first = work->next;
    if (group->first)
        to_ring_locked(pool, group);
    pool->waiting--;
    return work;
}

/* The next piece of work, waited for. NULL: none came for so long that the thread ends. */
static struct cove__work *next_locked(struct cove__workers *pool)
{
    int64_t until_ns = cove__now_ns() + IDLE_NS;
    bool in_time = true;

    pool->idle++;
    while (!pool->first && in_time)
        in_time = cove__cond_wait_until(&pool->some, &pool->lock, until_ns);
    pool->idle--;
    return pool->first ? take_locked(pool, pool->first) : NULL;
}

static void *serve(void *user)
{
    struct cove__workers *pool = user;
    struct cove__work *work;

    pthread_mutex_lock(&pool->lock);
    while ((work = next_locked(pool)) != NULL) {
        pthread_mutex_unlock(&pool->lock);
        work->run(work->user);
        pthread_mutex_lock(&pool->lock);
    }
    pool->threads--;
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

static bool start_thread(struct cove__workers *pool)
{
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t all, old;
    int errnum;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    errnum = pthread_create(&thread, &attr, serve, pool);
    pthread_attr_destroy(&attr);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return errnum == 0;
}

bool cove__workers_add(struct cove__workers *pool, struct cove__work_group *group, struct cove__work *work)
{
    bool added;

    take_lock(pool);
    if (pool->waiting >= pool->idle && pool->threads < pool->most && start_thread(pool))
        pool->threads++;
    added = pool->threads > 0;
    if (added) {
        add_locked(pool, group, work);
        pthread_cond_signal(&pool->some);
    }
    pthread_mutex_unlock(&pool->lock);
    return added;
}

struct cove__work *cove__workers_take(struct cove__workers *pool, struct cove__work_group *group)
{
    struct cove__work *work;

    take_lock(pool);
    work = group->first ? take_locked(pool, group) : NULL;
    pthread_mutex_unlock(&pool->lock);
    return work;
}
