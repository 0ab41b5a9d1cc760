/* What bounds a call: a deadline and a cancel token. Every call that may wait takes one, or NULL for the defaults.
 * pthread_cancel is none of the ways to end one: it waits until nothing of the thread's is under way, and what the call
 * holds is lost then. */
#ifndef COVE_CALL_H
#define COVE_CALL_H

#include <stddef.h>
#include <stdint.h>

#include <cove/export.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cove_cancel cove_cancel;

/* A token, unfired, with one reference; NULL when memory is exhausted. */
COVE_API cove_cancel *cove_cancel_new(void);
COVE_API cove_cancel *cove_cancel_ref(cove_cancel *cancel);
COVE_API void cove_cancel_unref(cove_cancel *cancel); /* NULL accepted */

/* Fires the token for good: each call that carries it, now or later, ends with COVE_ECANCELED. Any thread; also from a
 * signal handler (it is one atomic store; a waiting call sees it within 100 ms). */
COVE_API void cove_cancel_fire(cove_cancel *cancel);
COVE_API int cove_cancel_fired(const cove_cancel *cancel);

struct cove_call {
    size_t size; /* sizeof(struct cove_call), set by COVE_CALL_INIT */
    int64_t
        timeout_ms; /* from the start of the call, retries and all; 0: the filesystem's option `timeout`; -1: none */
    cove_cancel *cancel; /* BORROWED until the call returns; NULL: cannot be cancelled */
};

#define COVE_CALL_INIT                                                                                                 \
    {                                                                                                                  \
        sizeof(struct cove_call), 0, 0                                                                                 \
    }

#ifdef __cplusplus
}
#endif
#endif
