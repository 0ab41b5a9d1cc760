/* The inside of cove_call: an absolute deadline and a token, with the words for messages. */
#ifndef COVE_BASE_CALL_H
#define COVE_BASE_CALL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <cove/call.h>
#include <cove/error.h>

struct cove__inbox;

/* Of one piece of background work, which may outlive the call that starts it; in the memory of the stream that takes
 * its result. */
struct cove__background {
    /* The deadline of the latest call on the stream that it belongs to. After that no call waits for the work, and it
     * gives its place among the client's requests to one that is waited for. NULL: it keeps its place. */
    const _Atomic int64_t *attended_ns;
    char *failure; /* under cove__lock: why its last attempt failed; NULL: none has */
};

struct cove__ctx {
    int64_t deadline_ns; /* monotonic; INT64_MAX: none */
    cove_cancel *cancel; /* BORROWED for the call; may be NULL */
    const char *op;      /* "read", "stat": the public verb, for messages */
    const char *url;     /* the URL of the call, for messages; BORROWED for the call */
    /* The inbox at which the starting thread waits, at once and until nothing is pending there. It may do the I/O
     * itself meanwhile (see cove__inbox_drive). NULL: it may do something else first. */
    struct cove__inbox *waits;
    struct cove__background *background; /* BORROWED until the work has ended; NULL: the call itself waits for it */
    /* The last waits for this work, which end with it whether it succeeds or not: a sum of enum cove__last_wait. While
     * a server is down, last waits of a kind share one deadline. BORROWED like `background`; NULL: there never is one.
     */
    const atomic_int *last_waits;
};

enum cove__last_wait {
    COVE__LAST_CLOSE = 1,       /* an appender's close */
    COVE__LAST_ABORT = 1 << 10, /* an upload is cleaned up */
    COVE__LAST_EXIT = 1 << 20   /* the flush at the process's exit */
};
extern const atomic_int cove__is_abort; /* COVE__LAST_ABORT */

/* 0, or COVE_ECANCELED / COVE_ETIMEDOUT with a message that names ctx->op and ctx->url. */
int cove__ctx_check(const struct cove__ctx *ctx, struct cove_error *err);
bool cove__cancel_fired(const cove_cancel *cancel); /* NULL: false */
/* A token that is also fired when `parent` (NULL: none; referenced) is: for a stream to stop its own work with. NULL:
 * no memory. */
cove_cancel *cove__cancel_child(cove_cancel *parent);

/* An attempt of the work failed, and it continues: kept for the calls that wait for it. Nothing where it is no
 * background work. */
void cove__background_failed(const struct cove__ctx *ctx, const char *why);
/* Adds to `err`, of a call that no longer waits for the work, why its last attempt failed. False: none has. */
bool cove__background_explain(const struct cove__background *background, struct cove_error *err);
bool cove__background_yields(const struct cove__ctx *ctx, int64_t now_ns);
void cove__background_done(struct cove__background *background); /* it has ended; frees what it holds */

#endif
