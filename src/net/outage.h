/*
 * Servers that do not answer. A request is tried again for half a minute or longer, and a program whose store has died
 * asks it many times more before it ends: loggers are closed, a last checkpoint is tried, appenders are flushed. Once
 * one request that somebody waited for was given up, the store is known to be down, and all others share one deadline:
 * those under way are tried once more then, those that begin later once at all. Any answer ends that.
 *
 * By endpoint (host:port), for the whole process: a logger and a checkpoint may have clients of their own. Also decides
 * when to say that something is waited for. Pure, for net/http: time comes in as an argument, its owner guards it.
 */
#ifndef COVE_NET_OUTAGE_H
#define COVE_NET_OUTAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

#define COVE__OUTAGE_GRACE_NS   (10 * COVE__SEC) /* the shared deadline is at most so long after the first giving up */
#define COVE__OUTAGE_SILENCE_NS (10 * COVE__SEC) /* before a call's deadline: it tells of an outage */
#define COVE__OUTAGE_PROBE_NS   (5 * COVE__SEC)  /* of an attempt after the shared deadline, until it is given up */
#define COVE__OUTAGE_FORGET_NS  (60 * COVE__SEC) /* without another failure; then what comes begins anew */
#define COVE__OUTAGE_TELL_NS    (5 * COVE__SEC)  /* a wait of this length is told; the next line after twice as long */

#define COVE__OUTAGES        16 /* endpoints that are remembered; the one longest unused goes first */
#define COVE__OUTAGE_ADDRESS 264

struct cove__outage {
    char endpoint[COVE__OUTAGE_ADDRESS]; /* "": unused */
    int64_t used_ns;
    int64_t since_ns;        /* when the first attempt that failed began; valid while `failing` */
    int64_t last_ns;         /* the latest failure */
    int64_t until_ns;        /* the shared deadline; INT64_MAX: not known to be down */
    int64_t told_ns, gap_ns; /* the last line about a wait, and how long there is none after it */
    bool failing;            /* nothing has answered since */
    bool told;               /* a line was said since the last answer */
};

struct cove__outages {
    struct cove__outage of[COVE__OUTAGES];
};

/* host:port of a URL, or the URL's whole authority; cut where it is too long. */
void cove__outage_endpoint(const char *url, char out[COVE__OUTAGE_ADDRESS]);

/* An attempt that began then has failed without an answer. */
void cove__outage_failed(struct cove__outages *all, const char *endpoint, int64_t started_ns, int64_t now_ns);
/* A request that somebody waited for is given up after such failures. True: by this the server is known to be down; how
 * long it has not answered, and how long others go on. */
bool cove__outage_given_up(struct cove__outages *all, const char *endpoint, int64_t now_ns, int64_t *ret_lasted_ns,
                           int64_t *ret_left_ns);
/* It has answered. True: the waiting had been told, so its end is to be told as well; it had lasted so long. */
bool cove__outage_answered(struct cove__outages *all, const char *endpoint, int64_t now_ns, int64_t *ret_lasted_ns);
/* The deadline that all requests to it share; INT64_MAX: it is not known to be down. */
int64_t cove__outage_until(const struct cove__outages *all, const char *endpoint, int64_t now_ns);
/* Whether a line about a wait of `waited_ns` is to be said now, one an endpoint: counts it as said. */
bool cove__outage_tell(struct cove__outages *all, const char *endpoint, int64_t waited_ns, int64_t now_ns);

#endif
