/*
 * An operation under way, and the inbox in which finished ones are found.
 *
 * This is the one way in which work comes back in cove: the caller that starts an operation names an inbox, does other
 * things, and takes finished operations from the inbox. No callback runs, so an operation that ends
 * inside its start (a local file) and one that ends later on an I/O loop (HTTP) look the same to the caller. The one
 * exception is the completion queue, whose inbox passes finished operations on.
 */
#ifndef COVE_BASE_OP_H
#define COVE_BASE_OP_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cove/error.h>

#include "base/call.h"
#include "base/workers.h"

struct cove__op {
    /* set by the caller before the start */
    struct cove__inbox *inbox; /* BORROWED until the op has been taken from it */
    struct cove__ctx ctx;      /* BORROWED strings, until the op has been taken */
    /* set by the worker, before cove__op_finish */
    int rc;        /* 0 or COVE_E… */
    int64_t count; /* bytes read or sent */
    struct cove_error err;
    struct cove__op *next; /* the inbox's */
};

/* What a thread that waits does meanwhile, instead of sleeping: the work of an I/O thread that has nothing to do. */
struct cove__driver {
    /* Works until the inbox has a finished op. False: it has nothing to do, and the thread sleeps. */
    bool (*run)(void *self, struct cove__inbox *inbox);
    void (*wake)(void *self);  /* from any thread, under the inbox's lock: an op has been finished */
    void (*leave)(void *self); /* nothing is pending any more */
};

struct cove__inbox {
    /* Instead of all below: called where an op is finished, also inside of its start. It must not block, and runs no
     * code of the user's. Set before the first start. */
    void (*arrived)(struct cove__inbox *inbox, struct cove__op *op);
    pthread_mutex_t lock;
    pthread_cond_t some;               /* on CLOCK_MONOTONIC */
    struct cove__op *first, *last;     /* synced: finished, not yet taken */
    size_t pending;                    /* synced: started, not yet taken */
    const struct cove__driver *driver; /* synced: of the thread that waits here; NULL: it sleeps */
    void *driven;                      /* synced: the driver's self */
    struct cove__work_group work;      /* a pool's: what stands before threads that may block, and will end here */
    unsigned generation;               /* of fork: a child finds the inboxes of its parent empty */
    bool holds;     /* of the thread that waits here (ctx.waits): it cannot be cancelled until nothing is pending */
    int cancelable; /* what it was before */
};

void cove__inbox_init(struct cove__inbox *inbox);
void cove__inbox_done(struct cove__inbox *inbox); /* asserts that nothing is pending */

/* Counts `op` as pending in its inbox; the caller then hands it to whatever works on it. */
void cove__op_start(struct cove__op *op);
/* Ends it, from any thread; the worker must not touch the op after this call. */
void cove__op_finish(struct cove__op *op, int rc, int64_t count, const struct cove_error *err);

/* The next finished op, or NULL if none is pending at all. Waits: every op ends by its own deadline or token, so this
 * ends too. In a forked child, pending ops of the parent's threads never end: they are dropped and NULL is returned. */
struct cove__op *cove__inbox_wait(struct cove__inbox *inbox);
/* The same, at most until `deadline_ns` (monotonic; INT64_MAX: without limit). NULL while ops are pending: the deadline
 * passed, and they continue. For background ops, whose deadline is not that of the waiting call. */
struct cove__op *cove__inbox_wait_until(struct cove__inbox *inbox, int64_t deadline_ns);
struct cove__op *cove__inbox_poll(struct cove__inbox *inbox); /* NULL: none is finished now */
size_t cove__inbox_pending(struct cove__inbox *inbox);
bool cove__inbox_ready(struct cove__inbox *inbox); /* has a finished op */

/* For a call that starts one op and does nothing else until it has ended, in three steps: this one, which makes `inbox`
 * the op's (its ctx must be set before); the start; and cove__op_wait. */
void cove__op_will_wait(struct cove__op *op, struct cove__inbox *inbox);
/* Waits for the op, which then has no inbox any more. Its rc; `err` gets its error. */
int cove__op_wait(struct cove__op *op, struct cove_error *err);

/* From now on, until nothing is pending, the thread that waits at this inbox works by this driver. Called inside the
 * start of an op whose ctx.waits is that inbox, on the waiting thread. */
void cove__inbox_drive(struct cove__inbox *inbox, const struct cove__driver *driver, void *self);

#endif
