/*
 * Requests that remove what a call leaves on the store: parts and temporary objects of an aborted upload. The call
 * waits for them until its deadline, or a little longer if that has passed. If the store has not answered by then, they
 * are sent again in the background, so that the call ends in time. What stays after that is logged, and listed with the
 * unfinished uploads.
 *
 * For upload_end.c and the backends.
 */
#ifndef COVE_FS_OBJECT_CLEANUP_H
#define COVE_FS_OBJECT_CLEANUP_H

#include "base/call.h"
#include "base/workers.h"

struct cove__object_store;

/* One clean-up, embedded in a struct of the user. */
struct cove__cleanup {
    struct cove__object_store *store;
    /* Sends the requests: once for the call and, if its time ran out, once more on another thread. What is already
     * gone is no error. */
    int (*run)(struct cove__cleanup *c, const struct cove__ctx *ctx, struct cove_error *err);
    void (*free)(struct cove__cleanup *c);
    const char *op;      /* for messages: of what call it is. Static; NULL: "abort" */
    const char *url;     /* for messages; BORROWED until `free` */
    const char *failure; /* what a failure means, for the log */
    unsigned batches;    /* of requests: each has the whole time */
    struct cove__work work;
};

/* The clean-ups of one store; zeroed at first; private to cleanup.c, under its lock. */
struct cove__cleanups {
    struct cove__work_group group;
    cove_cancel *stop;   /* owned; NULL: there has been no clean-up in the background */
    unsigned pending;    /* in the background */
    unsigned generation; /* of fork */
};

/* Runs the clean-up, which is TAKEN, for a call of this ctx; the call's time may be over. It never fails. */
void cove__cleanup(struct cove__cleanup *c, const struct cove__ctx *call);
/* Before the store is closed: waits for clean-ups in the background, 2 seconds at most, and ends the rest. */
void cove__cleanups_end(struct cove__object_store *store);

#endif
