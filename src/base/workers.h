/*
 * Pools of threads for work that blocks. A pool's threads are started when there is more work than idle ones, and end
 * after some seconds without work. Groups of work take turns, so that one with much of it does not keep the others
 * waiting. A forked child starts with no threads and no work. Signals are never delivered to these threads.
 *
 * Work must not wait for other work of the same pool: all threads could do so, and none would be left to end the wait.
 */
#ifndef COVE_BASE_WORKERS_H
#define COVE_BASE_WORKERS_H

#include <pthread.h>
#include <stdbool.h>

/* One piece of work, in the memory of who adds it, until `run` is called. */
struct cove__work {
    void (*run)(void *user); /* on a thread of the pool; may free the memory of this struct */
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
};
#define COVE__WORKERS_INIT(MOST)                                                                                       \
    {                                                                                                                  \
        .most = (MOST), .lock = PTHREAD_MUTEX_INITIALIZER                                                              \
    }

/* Adds `work` to its group. False: the pool has no thread, and none can be started; nothing was added. */
bool cove__workers_add(struct cove__workers *pool, struct cove__work_group *group, struct cove__work *work);
/* Takes back the group's oldest piece that no thread has taken yet, for the caller to run; NULL: there is none. */
struct cove__work *cove__workers_take(struct cove__workers *pool, struct cove__work_group *group);

#endif
