/*
 * Operations that a store does in steps: each response either ends the operation or gives a token, with which the next
 * request continues it (the continuation of a rename, a rewrite token).
 */
#ifndef COVE_FS_OBJECT_STEPS_H
#define COVE_FS_OBJECT_STEPS_H

#include "fs/object/request.h"

#define COVE__OBJECT_STEPS_MAX 100000u

/* Of a backend. `arg` is what object.h says of the operation. */
struct cove__object_steps {
    /* Completes the request of one step: method, query, headers, conditions. `token`: NULL for the first step. */
    void (*request)(struct cove__object_request *r, const void *arg, const char *token);
    /* Reads a good response. `ret_token` stays empty where the operation is done. 0; COVE_EPROTOCOL: it cannot be read;
     * COVE_ELIMIT, COVE_ENOMEM. */
    int (*response)(const struct cove__object_request *r, const void *arg, struct cove__buf *ret_token);
};

struct cove__object_steps_end {
    bool begun;       /* a step has succeeded: there was something to do */
    bool repeated;    /* the last step failed after an attempt that was not refused, and may have done its work */
    bool unsupported; /* the store has no such operation; nothing was done */
};

/* Runs the steps until the operation is done. COVE_EPROTOCOL: the store repeats a token, or gives tokens without end.
 */
int cove__object_run_steps(struct cove__object_store *store, const struct cove__object_steps *steps,
                           struct cove__object_name name, const void *arg, const struct cove__ctx *ctx,
                           struct cove__object_steps_end *ret_end, struct cove_error *err);

#endif
