/* Pools of threads for work that blocks: see workers.h. */
#include "base/workers.h"

#include "base/call.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/mem.h"
#include "base/thread.h"

#define IDLE_NS (5 * COVE__SEC)
#define LOOK_NS (10 * COVE__MS) /* how often the work that waits is checked: a cancel token wakes no thread */

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

/* The first piece that has to end before its turn, taken out; *ret_rc and `err` say why. NULL: there is none. */
static struct cove__work *take_late_locked(struct cove__workers *pool, int *ret_rc, struct cove_error *err)
{
    for (struct cove__work_group *group = pool->first; group; group = group->next) {
        struct cove__work *before = NULL;

        for (struct cove__work *work = group->first; work; before = work, work = work->next) {
            *ret_rc = work->late ? cove__ctx_check(work->ctx, err) : 0;
            if (*ret_rc == 0)
                continue;
            if (before)
                before->next = work->next;
            else
                group->first = work->next;
            if (group->last == work)
                group->last = before;
            if (!group->first)
                from_ring_locked(pool, group);
            pool->waiting--;
            return work;
        }
    }
    return NULL;
}

/* Ends the hold of a thread, or of the owner: frees a pool that was released, if it is the last. */
static void leave_locked(struct cove__workers *pool)
{
    bool last = pool->released && pool->threads == 0 && !pool->watching;

    pthread_mutex_unlock(&pool->lock);
    if (last)
        cove__free(pool);
}

/* Ends work whose time is over, as long as there is more work than free threads. */
static void watch(void *user)
{
    struct cove__workers *pool = user;

    pthread_mutex_lock(&pool->lock);
    while (pool->waiting > 0) {
        struct cove_error err = COVE_ERROR_INIT;
        int rc = 0;
        struct cove__work *work = take_late_locked(pool, &rc, &err);

        pthread_mutex_unlock(&pool->lock);
        if (work)
            work->late(work->user, rc, &err);
        else
            cove__sleep_ns(LOOK_NS);
        pthread_mutex_lock(&pool->lock);
    }
    pool->watching = false;
    cove__threads_end_soon(1);
    leave_locked(pool);
}

/* The next piece of work, waited for. NULL: none came for so long that the thread ends. */
static struct cove__work *next_locked(struct cove__workers *pool)
{
    int64_t until_ns = cove__now_ns() + IDLE_NS;
    bool in_time = true;

    pool->idle++;
    while (!pool->first && in_time && !pool->released)
        in_time = cove__cond_wait_until(&pool->some, &pool->lock, until_ns);
    pool->idle--;
    return pool->first ? take_locked(pool, pool->first) : NULL;
}

static void serve(void *user)
{
    struct cove__workers *pool = user;
    struct cove__work *work;

    pthread_mutex_lock(&pool->lock);
    while ((work = next_locked(pool))) {
        pthread_mutex_unlock(&pool->lock);
        work->run(work->user);
        pthread_mutex_lock(&pool->lock);
    }
    pool->threads--;
    if (!pool->released) /* else cove__workers_free has counted it */
        cove__threads_end_soon(1);
    leave_locked(pool);
}

struct cove__workers *cove__workers_new(unsigned most)
{
    struct cove__workers *pool = cove__malloc(sizeof *pool);

    if (pool)
        *pool = (struct cove__workers)COVE__WORKERS_INIT(most);
    return pool;
}

void cove__workers_free(struct cove__workers *pool)
{
    if (!pool)
        return;
    take_lock(pool);
    pool->released = true;
    cove__threads_end_soon(pool->threads);
    pthread_cond_broadcast(&pool->some);
    leave_locked(pool);
}

bool cove__workers_add(struct cove__workers *pool, struct cove__work_group *group, struct cove__work *work)
{
    bool added;

    take_lock(pool);
    bool served = pool->waiting < pool->idle;
    if (!served && pool->threads < pool->most && cove__thread_start(serve, pool) == 0) {
        served = true;
        pool->threads++;
    }
    if (!served && work->late && !pool->watching)
        pool->watching = pool->threads > 0 && cove__thread_start(watch, pool) == 0;
    bool watched = served || pool->watching || !work->late;
    added = pool->threads > 0 && (watched || !work->or_refuse);
    work->refused = !added && pool->threads > 0;
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
