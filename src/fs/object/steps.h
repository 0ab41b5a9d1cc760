/*
 * Operations that a store does in steps: each response either ends the operation or gives a token, with which the next
 * request continues it (the continuation of a rename, a rewrite token), or polls it (a long-running operation, a
 * pending copy).
 */
#ifndef COVE_FS_OBJECT_STEPS_H
#define COVE_FS_OBJECT_STEPS_H

#include "fs/object/request.h"
#include "fs/paging.h"

#define COVE__OBJECT_STEPS_MAX   100000u
#define COVE__OBJECT_REPEATS_MAX 1000u

/* Of a backend. `arg` is described in object.h, at the operation. */
struct cove__object_steps {
    /* Completes the request of one step: method, query, headers, conditions. `token`: NULL for the first step. */
    void (*request)(struct cove__object_request *r, const void *arg, const char *token);
    /* Reads a good response. `ret_token` stays empty where the operation is done. 0; COVE_EPROTOCOL: it cannot be read;
     * COVE_ELIMIT, COVE_ENOMEM. */
    int (*response)(const struct cove__object_request *r, const void *arg, struct cove__buf *ret_token);
    /* More than 0: the store works on the operation meanwhile, so a token may repeat. The next request follows after a
     * wait, which grows to 5 seconds; after so many polls the call fails. */
    unsigned polls_max;
};

/* After `begun` or `repeated`, "not found" does not show what happened: the caller has to check. */
struct cove__object_steps_end {
    bool begun;       /* a step has succeeded: there was something to do */
    bool repeated;    /* the last step failed after an attempt that was not refused, and may have done its work */
    bool silent;      /* the last attempt of the last step had no response */
    bool unsupported; /* the store has no such operation: nothing was done, unless it seems so after `repeated` */
};

/* Waits before poll number `n`, from 1 on, of such an operation: a moment at first, later 5 seconds. COVE_ESERVER: more
 * than `polls_max`. COVE_ETIMEDOUT, COVE_ECANCELED. */
int cove__object_wait_to_poll(unsigned polls_max, unsigned n, const struct cove__ctx *ctx, struct cove_error *err);

/* The progress of an operation in steps, to end one that does not advance. A token may name the operation rather than a
 * place in it, so a store may repeat it. The number of bytes that are done, if reported, shows progress. Zeroed before
 * the first step. */
struct cove__object_progress {
    struct cove__paging tokens;
    int64_t done;
    unsigned steps, repeats; /* since `done` grew */
};
/* To be called after each step but the last. `done`: bytes; 0: not reported. False: the store has had
 * COVE__OBJECT_STEPS_MAX steps, or has repeated its tokens COVE__OBJECT_REPEATS_MAX times, without reporting that more
 * is done. */
bool cove__object_step_advances(struct cove__object_progress *p, const char *token, int64_t done);

/* Runs the steps until the operation is done. COVE_EPROTOCOL: it does not advance, as far as its tokens show.
 * COVE_ESERVER: `polls_max`. COVE_ETIMEDOUT, COVE_ECANCELED: also while it waits; the store may still complete it. */
int cove__object_run_steps(struct cove__object_store *store, const struct cove__object_steps *steps,
                           struct cove__object_name name, const void *arg, const struct cove__ctx *ctx,
                           struct cove__object_steps_end *ret_end, struct cove_error *err);

#endif
