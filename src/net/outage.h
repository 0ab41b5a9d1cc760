/*
 * Servers that do not answer. Each request has its own retries, time-outs and deadline, and nothing here shortens them:
 * the failures of one client mean little for another's request. Only last waits share a deadline: the flush of
 * appenders at a process's exit, the close of an appender, the abort of an upload. A program that ends would otherwise
 * wait for a dead server once for each file.
 *
 * A server is down when attempts have failed and nothing has answered for COVE__OUTAGE_KNOWN_NS. The first last wait
 * of a kind from then on begins the time that all of the kind have together. Any byte of a response ends both.
 *
 * By endpoint, for the whole process: a logger and a checkpoint may have clients of their own. Also decides when to say
 * that something is waited for. Pure, for net/waits: time comes in as an argument, its owner guards it.
 */
#ifndef COVE_NET_OUTAGE_H
#define COVE_NET_OUTAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

#define COVE__OUTAGE_KNOWN_NS  (25 * COVE__SEC) /* without an answer while attempts failed: it is down */
#define COVE__OUTAGE_LAST_NS   (10 * COVE__SEC) /* that all last waits have together from then on */
#define COVE__OUTAGE_PROBE_NS  (2 * COVE__SEC)  /* silence that ends an attempt of theirs after that */
#define COVE__OUTAGE_FORGET_NS (90 * COVE__SEC) /* without a failure or a last wait, after which it is forgotten */
#define COVE__OUTAGE_LOG_NS    (5 * COVE__SEC)  /* the first line about a wait; the next one after as long ... */
#define COVE__OUTAGE_AGAIN_NS  (10 * COVE__SEC) /* ... and then after this: at 5, 10, 20, 30 s */

#define COVE__OUTAGES         16  /* endpoints that are remembered; the one longest unused goes first */
#define COVE__OUTAGE_WAY      272 /* " through SCHEME://HOST:PORT" of a proxy */
#define COVE__OUTAGE_ENDPOINT (272 + COVE__OUTAGE_WAY)

#define COVE__OUTAGE_KINDS 3 /* of last waits: closes, aborts, the exit */

struct cove__outage {
    char endpoint[COVE__OUTAGE_ENDPOINT]; /* "": unused */
    int64_t used_ns;
    int64_t answered_ns; /* the last answer; 0: none */
    int64_t since_ns;    /* since when it does not answer; valid while `failing` */
    int64_t last_ns;     /* the latest failure */
    struct {
        int64_t until_ns;  /* their deadline; INT64_MAX: none has begun */
        int64_t waited_ns; /* when one was last there */
    } last[COVE__OUTAGE_KINDS];
    int64_t logged_ns, gap_ns; /* the last line about a wait, and the least time to the next */
    bool failing;              /* there was a failure, and no answer since */
    bool logged;               /* there was a line since the last answer */
};

struct cove__outages {
    struct cove__outage of[COVE__OUTAGES];
};

/* SCHEME://HOST:PORT of a proxy, without its user and password; "" for NULL and "". Cut where it is too long. */
void cove__outage_proxy(const char *proxy, char ret_proxy[COVE__OUTAGE_WAY]);
/* The way through a proxy (NULL, "": there is none), without its user and password. Cut where it is too
 * long, as is the endpoint. */
void cove__outage_way(const char *proxy, char ret_way[COVE__OUTAGE_WAY]);
/* SCHEME://HOST:PORT of a URL, and the way there. */
void cove__outage_endpoint(const char *url, const char *way, char ret_endpoint[COVE__OUTAGE_ENDPOINT]);

/* An attempt that began at `started_ns` has failed without an answer. */
void cove__outage_failed(struct cove__outages *all, const char *endpoint, int64_t started_ns, int64_t now_ns);
/* It has answered. True: the wait was logged, so its end is to be logged, too; gives how long the outage lasted. */
bool cove__outage_answered(struct cove__outages *all, const char *endpoint, int64_t now_ns, int64_t *ret_lasted_ns);
/* A last wait of this kind is there: the deadline that all of the kind share; INT64_MAX: the server is not known to be
 * down. How long it has not answered then, and whether this wait is the first. */
int64_t cove__outage_last_wait(struct cove__outages *all, const char *endpoint, unsigned kind, int64_t now_ns,
                               int64_t *ret_lasted_ns, bool *ret_first);
/* Whether a line about a wait of `waited_ns` is due for this endpoint; if so, counts it as logged. */
bool cove__outage_log_due(struct cove__outages *all, const char *endpoint, int64_t waited_ns, int64_t now_ns);

#endif
