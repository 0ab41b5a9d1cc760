/*
 * THE retry policy: exponential backoff with full jitter, never sooner than the server asked, never past the deadline.
 * A Retry-After gets a random part added to it.
 * Pure: chance and time come in as arguments, so that a test can give them.
 */
#ifndef COVE_NET_RETRY_H
#define COVE_NET_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#define COVE__RETRY_BASE_MS      100   /* the first wait is at most this long */
#define COVE__RETRY_CAP_MS       20000 /* and no later one longer than this */
#define COVE__RETRY_DEFAULT      10    /* attempts after the first */
#define COVE__RETRY_UNREACHED    3     /* where no server ever answered: more likely a wrong address than an outage */
#define COVE__RETRY_AGAIN_MAX    4     /* repeats at once, for a new region or token */
#define COVE__RETRY_AFTER_MAX_MS 600000
#define COVE__RETRY_SPREAD       4 /* the random part is at most this fraction (1/4) of a Retry-After */

/* What is known when an attempt failed. */
struct cove__retry {
    unsigned attempts; /* made so far, the failed one too */
    unsigned max_retries;
    int64_t first_wait_ns;  /* of the caller's own waits, which double and are not random; 0: the policy's. With it an
                               address that never answered gets all attempts */
    bool repeatable;        /* the request may be done twice */
    bool not_done;          /* the server surely did nothing: no connection, or it refused to start */
    bool reached;           /* some server has answered this client before */
    bool connecting;        /* it failed before a connection stood */
    int64_t retry_after_ns; /* what the server asked for; -1: nothing */
    int64_t now_ns, deadline_ns;
    uint64_t random;
};

/* How long to wait before the next attempt, in nanoseconds, or -1: give up. */
int64_t cove__retry_wait_ns(const struct cove__retry *r);

/* The value of a Retry-After header (seconds or an HTTP date) as a wait from `wall_ns` on, at most
 * COVE__RETRY_AFTER_MAX_MS; -1: not one. */
int64_t cove__retry_after_ns(const char *value, int64_t wall_ns);
/* The same of a header in milliseconds, as Azure's x-ms-retry-after-ms. */
int64_t cove__retry_after_ms_ns(const char *value);

#endif
