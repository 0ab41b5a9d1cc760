/*
 * What bounds a call: a deadline and a cancel token. Every call that may wait takes one, or NULL for the defaults.
 *
 * Any thread may use a token, at the same time as others; none of these calls waits. Don't end a call by
 * pthread_cancel: it takes effect only when the thread has nothing under way, and what the call holds is then lost.
 */
#ifndef COVE_CALL_H
#define COVE_CALL_H

#include <stddef.h>
#include <stdint.h>

#include <cove/export.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cove_cancel cove_cancel;

/* A token, unfired, with one reference, which the caller gives back with cove_cancel_unref. NULL: memory is exhausted.
 */
COVE_API cove_cancel *cove_cancel_new(void);
/* One more reference to the same token, given back with cove_cancel_unref. Returns `cancel`; NULL accepted. */
COVE_API cove_cancel *cove_cancel_ref(cove_cancel *cancel);
COVE_API void cove_cancel_unref(cove_cancel *cancel); /* frees the token with its last reference; NULL accepted */

/* Fires the token for good: each call that carries it, now or later, ends with COVE_ECANCELED. Also allowed in a signal
 * handler (it is one atomic store; a waiting call sees it within 100 ms). NULL accepted. */
COVE_API void cove_cancel_fire(cove_cancel *cancel);
COVE_API int cove_cancel_fired(const cove_cancel *cancel); /* 1: fired; 0: not, or NULL */

struct cove_call {
    size_t size;         /* sizeof(struct cove_call), set by COVE_CALL_INIT; 0: COVE_EINVAL */
    int64_t timeout_ms;  /* from the start of the call, with all retries; 0: the filesystem's option `timeout`; -1: no
                            limit */
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
