/*
 * Servers that do not answer. A request is retried for half a minute or longer, and a program that loses its store
 * sends many more before it ends: it closes loggers, tries a last checkpoint, flushes appenders. Once a request that a
 * caller waits for is given up, the store is known to be down, and all other requests share one deadline. Those under
 * way make their last attempt at that deadline; those that begin after it make a single attempt. Any answer ends the
 * outage.
 *
 * One record per endpoint (host:port) for the whole process, since a logger and a checkpoint may use different clients.
 * It also decides when a line about a wait is due. Pure: time comes in as an argument; the owner (waits.c) locks.
 */
#ifndef COVE_NET_OUTAGE_H
#define COVE_NET_OUTAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

#define COVE__OUTAGE_GRACE_NS   (10 * COVE__SEC) /* from the first request given up to the shared deadline */
#define COVE__OUTAGE_SILENCE_NS (10 * COVE__SEC) /* silence before a call's deadline that counts as an outage */
#define COVE__OUTAGE_PROBE_NS   (5 * COVE__SEC)  /* silence that ends an attempt after the shared deadline */
#define COVE__OUTAGE_FORGET_NS  (60 * COVE__SEC) /* without a failure, after which the outage is forgotten */
#define COVE__OUTAGE_LOG_NS     (5 * COVE__SEC)  /* the first line about a wait; the next at 10, 20, 40 s */

#define COVE__OUTAGES        16 /* endpoints that are remembered; the one longest unused goes first */
#define COVE__OUTAGE_ADDRESS 264

struct cove__outage {
    char endpoint[COVE__OUTAGE_ADDRESS]; /* "": unused */
    int64_t used_ns;
    int64_t since_ns;          /* when the first attempt that failed began; valid while `failing` */
    int64_t last_ns;           /* the latest failure */
    int64_t until_ns;          /* the shared deadline; INT64_MAX: not known to be down */
    int64_t logged_ns, gap_ns; /* the last line about a wait, and the least time to the next */
    bool failing;              /* there was a failure, and no answer since */
    bool logged;               /* there was a line since the last answer */
};

struct cove__outages {
    struct cove__outage of[COVE__OUTAGES];
};

/* The authority of a URL (host:port), cut where it is too long. */
void cove__outage_endpoint(const char *url, char out[COVE__OUTAGE_ADDRESS]);

/* An attempt that began at `started_ns` has failed without an answer. */
void cove__outage_failed(struct cove__outages *all, const char *endpoint, int64_t started_ns, int64_t now_ns);
/* A request that a caller waits for is given up after such failures. True: from now on the server is known to be down;
 * gives how long it has not answered, and the time left to the shared deadline. */
bool cove__outage_given_up(struct cove__outages *all, const char *endpoint, int64_t now_ns, int64_t *ret_lasted_ns,
                           int64_t *ret_left_ns);
/* It has answered. True: the wait was logged, so its end is to be logged, too; gives how long the outage lasted. */
bool cove__outage_answered(struct cove__outages *all, const char *endpoint, int64_t now_ns, int64_t *ret_lasted_ns);
/* The deadline that all requests to it share; INT64_MAX: it is not known to be down. */
int64_t cove__outage_deadline(const struct cove__outages *all, const char *endpoint, int64_t now_ns);
/* Whether a line about a wait of `waited_ns` is due for this endpoint; if so, counts it as logged. */
bool cove__outage_log_due(struct cove__outages *all, const char *endpoint, int64_t waited_ns, int64_t now_ns);

#endif
