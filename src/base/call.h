/* The inside of cove_call: an absolute deadline and a token, with the words for messages. */
#ifndef COVE_BASE_CALL_H
#define COVE_BASE_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include <cove/call.h>
#include <cove/error.h>

struct cove__inbox;

struct cove__ctx {
    int64_t deadline_ns; /* monotonic; INT64_MAX: none */
    cove_cancel *cancel; /* BORROWED for the call; may be NULL */
    const char *op;      /* "read", "stat": the public verb, for messages */
    const char *url;     /* the URL it was asked of, for messages; BORROWED for the call */
    /* Where the thread that starts this waits for it: at once, and until nothing is pending there any more. It may be
     * given the I/O to do meanwhile (see cove__inbox_drive). NULL: it may go on with something else first. */
    struct cove__inbox *waits;
};

/* 0, or COVE_ECANCELED / COVE_ETIMEDOUT with a message that names ctx->op and ctx->url. */
int cove__ctx_check(const struct cove__ctx *ctx, struct cove_error *err);
bool cove__cancel_fired(const cove_cancel *cancel); /* NULL: false */
/* A token that is also fired when `parent` (NULL: none; referenced) is: for a stream to stop its own work with. NULL:
 * no memory. */
cove_cancel *cove__cancel_child(cove_cancel *parent);

#endif
