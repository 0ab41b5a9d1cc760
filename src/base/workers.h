/*
 * Pools of threads for work that blocks. A pool's threads are started when there is more work than idle ones, and end
 * after some seconds without work. Groups of work take turns, so that one with much of it does not keep the others
 * waiting. Work whose time is over before a thread has taken it ends without one, even where all threads hang, or no
 * more can be started: for that a thread watches it. A forked child starts with no threads and no work. Signals are
 * never delivered to these threads.
 *
 * Work must not wait for other work of the same pool: all threads could do so, and none would be left to end the wait.
 */
#ifndef COVE_BASE_WORKERS_H
#define COVE_BASE_WORKERS_H

#include <pthread.h>
#include <stdbool.h>

struct cove__ctx;
struct cove_error;

/* One piece of work, in the memory of who adds it, until `run` or `late` is called, which may free it. */
struct cove__work {
    void (*run)(void *user); /* on a thread of the pool, or on one that has taken the work back */
    /* Called instead of `run`, soon after the deadline of `ctx` has passed or its token was fired while the work still
     * waited, with COVE_ETIMEDOUT or COVE_ECANCELED. On a thread of the pool; it must not block. NULL: the work waits
     * for its turn. */
    void (*late)(void *user, int rc, const struct cove_error *err);
    const struct cove__ctx *ctx; /* BORROWED as long as the work; NULL: there is no `late` */
    /* It is not added where no thread is free for it and none can be started, not even one that watches its time. Else
     * it waits for its turn then. */
    bool or_refuse;
    bool refused; /* the pool's: it was not added for that reason, and a thread may be free for it later */
    void *user;
    struct cove__work *next; /* the pool's, under its lock */
};

/* The work of one client. Zeroed at first; must outlive its work. */
struct cove__work_group {
    /* the pool's, under its lock: */
    struct cove__work *first, *last;
    struct cove__work_group *next, *prev; /* in the ring, while it has work */
};

struct cove__workers {
    unsigned most;       /* threads */
    unsigned generation; /* of fork, in which all below was made; 0: never. Under the state lock */
    pthread_mutex_t lock;
    /* under lock */
    pthread_cond_t some;                   /* on CLOCK_MONOTONIC */
    struct cove__work_group *first, *last; /* the ring: groups that have work */
    unsigned threads, idle, waiting;       /* waiting: pieces that no thread has taken yet */
    bool watching;                         /* a thread beside these looks for work whose time is over */
    bool released;                         /* of cove__workers_new: the last thread frees the pool */
};
#define COVE__WORKERS_INIT(MOST)                                                                                       \
    {                                                                                                                  \
        .most = (MOST), .lock = PTHREAD_MUTEX_INITIALIZER                                                              \
    }

/* A pool on the heap. NULL: no memory. */
struct cove__workers *cove__workers_new(unsigned most);
/* Frees it, now or when its threads have ended. It has no work any more. NULL accepted. */
void cove__workers_free(struct cove__workers *pool);
/* Adds `work` to its group. False: the pool has no thread, and none can be started (or `or_refuse`); nothing was
 * added. */
bool cove__workers_add(struct cove__workers *pool, struct cove__work_group *group, struct cove__work *work);
/* Takes back the group's oldest piece that no thread has taken yet, for the caller to run; NULL: there is none. */
struct cove__work *cove__workers_take(struct cove__workers *pool, struct cove__work_group *group);

#endif
