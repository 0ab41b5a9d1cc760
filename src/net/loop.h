/*
 * I/O threads and the life of a request on them; for src/net alone.
 *
 * client.c owns the client, http.c the state machine, slots.c the client's slots, transfer.c one attempt on one curl
 * handle, loop.c the threads. A request lives on one loop from start to end. What threads share (the loops' inboxes,
 * the clients' slots) is guarded by cove__lock, so that a forked child finds it whole; fields marked (loop) belong to
 * the loop's thread.
 */
#ifndef COVE_NET_LOOP_H
#define COVE_NET_LOOP_H

#include <curl/curl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "net/http.h"
#include "net/limit.h"
#include "net/outage.h"

#define COVE__LOOPS_MAX    4
#define COVE__LOOP_SCAN_NS (50 * COVE__MS) /* how often deadlines, tokens and stalls are checked */

struct cove__loop;

struct cove__http {
    /* fixed */
    struct cove__http_config config; /* its strings owned */
    uint64_t serial;                 /* never reused: identifies the client that a pooled handle has the settings of */
    char way[COVE__OUTAGE_WAY];      /* to its servers: through which proxy */
    char proxies[2][COVE__OUTAGE_WAY]; /* SCHEME://HOST:PORT of those for http:// and https://; "": none */
    atomic_bool reached;               /* a server has answered, and not only that it wants to be asked otherwise */
    /* under cove__lock */
    unsigned generation; /* of the slots below: a forked child resets them */
    struct cove__limit limit;
    unsigned active;
    struct cove__http_state *first_waiting, *last_waiting;
};

enum cove__http_phase {
    COVE__PHASE_SLOT,    /* waits until the client may have one more request under way */
    COVE__PHASE_ATTEMPT, /* on a curl handle */
    COVE__PHASE_PARKED,  /* its prepare waits for something */
    COVE__PHASE_BACKOFF
};

struct cove__http_state;

/* Events of a request, on its loop's thread: http.c's state machine. */
struct cove__loop_events {
    void (*begin)(struct cove__http_state *st);                  /* arrived, or has got its slot */
    void (*ended)(struct cove__http_state *st, CURLcode result); /* its transfer ended */
    void (*tick)(struct cove__http_state *st, int64_t now_ns);   /* may be over: deadline, token, stall, backoff */
    int64_t (*next_ns)(const struct cove__http_state *st);       /* when it needs its next tick at the latest */
};

struct cove__http_state {
    struct cove__http_request *r;
    const struct cove__loop_events *events;
    struct cove__loop *loop;
    /* under cove__lock */
    struct cove__http_state *queue_next; /* of the one queue that it is in: a loop's inbox, its client's slots, or the
                                          * requests that wait for the same thing */
    bool granted;
    bool resumed; /* in its loop's inbox, not for the first time, and without a slot */
    struct cove__http_waiters *waits_in;
    /* (loop) */
    struct cove__http_state *next, *prev; /* all requests of the loop */
    enum cove__http_phase phase;
    int64_t wake_ns;          /* end of the backoff */
    int64_t started_ns;       /* of the attempt */
    int64_t waiting_since_ns; /* when the first attempt began, or the last byte moved */
    unsigned again;
    unsigned fruitful;  /* attempts that are not counted as retries: those before the last one that brought much of the
                         * body, and those that gave their slot away */
    int64_t high_water; /* how much of the body had arrived after that one */
    bool fresh;         /* the last attempt broke: do not trust pooled connections */
    /* the attempt's */
    CURL *easy;
    unsigned sends_before; /* r->sends when it began */
    struct curl_slist *lines;
    int lacking;           /* an errno: descriptors or memory ran out, and no connection could be made */
    int local_rc;          /* why a callback stopped the transfer */
    size_t sent;           /* bytes of a body in pieces that curl has taken */
    void *joined;          /* a small body in pieces, as one; owned */
    uint8_t *populated;    /* up to here the body's destination has its pages */
    const char *malformed; /* what is invalid about the response and stopped the transfer; NULL: nothing */
    bool decompressed;     /* `malformed`: a server or proxy on the way does so each time */
    bool head_ended;       /* the empty line after the response's headers has arrived */
    int64_t progress_ns, progress_mark;
    int64_t header_bytes;
    int64_t answer_mark; /* how much of the response had come when it was last noted as an answer */
    char curl_error[CURL_ERROR_SIZE];
};

/* ---- loop.c ---- */

/* Once for the process, before any client: libcurl, and the end of the threads before OpenSSL's at exit. */
int cove__loops_global_init(struct cove_error *err);
/* Hands a request to a loop (a new thread, where one more helps). */
int cove__loop_submit(struct cove__http_state *st, struct cove_error *err);
/* Puts a request that has got its slot into its loop's inbox; the loop to wake after the unlock, NULL: it is awake. */
struct cove__loop *cove__loop_grant_locked(struct cove__http_state *st);
/* The same for one that has waited and has no slot. */
struct cove__loop *cove__loop_resume_locked(struct cove__http_state *st);
void cove__loop_wake(struct cove__loop *loop); /* NULL accepted */
/* On the loop's thread: */
CURLM *cove__loop_multi(struct cove__loop *loop);
CURLSH *cove__loop_share(struct cove__loop *loop);
struct cove__watch *cove__loop_watch(struct cove__loop *loop);
CURL *cove__loop_easy_get(struct cove__loop *loop, uint64_t serial, bool *ret_prepared);
void cove__loop_easy_put(struct cove__loop *loop, CURL *easy, uint64_t serial);
int cove__loop_resolves(void *resolver, void *reserved, void *user); /* CURLOPT_RESOLVER_START_FUNCTION */
void cove__loop_leave(struct cove__http_state *st); /* the request ended: takes it out of the loop's list */

/* ---- slots.c ---- */

/* True: the request has a slot. False: it waits in the client's queue, and its loop gets it back with the slot. */
bool cove__http_slot_take(struct cove__http_state *st);
void cove__http_slot_give(struct cove__http_state *st);
/* Takes a request out of its client's queue. False: it has got its slot meanwhile and is in its loop's inbox. */
bool cove__http_slot_leave_queue(struct cove__http_state *st);
/* Background work that no call waits for gives its slot to a request that is waited for, and goes to the queue's end.
 * False: there is no such request, or it may not be sent again. */
bool cove__http_slot_pass_on(struct cove__http_state *st, int64_t now_ns);
/* Takes a request from those that wait. False: it was resumed meanwhile and is in its loop's inbox. */
bool cove__http_waiters_leave(struct cove__http_state *st);

/* ---- failure.c ---- */

enum cove__http_verdict cove__http_transport_error(struct cove__http_state *st, CURLcode result,
                                                   struct cove_error *err);

/* ---- waits.c, on the loop's thread: servers that do not answer, and log lines about them ---- */

void cove__wait_answered(struct cove__http_state *st); /* some of a response has come */
void cove__wait_failed(struct cove__http_state *st);   /* an attempt has failed without any */
/* The deadline that all last waits for a server share that is down (net/outage.h); INT64_MAX: it is not, or this is no
 * last wait. */
int64_t cove__wait_deadline(struct cove__http_state *st, int64_t now_ns);
/* The wait before the next attempt, `wait_ns` cut at that deadline; -1: the deadline has passed, which is then
 * st's error. */
int64_t cove__wait_limit(struct cove__http_state *st, int64_t wait_ns, int64_t now_ns);
void cove__wait_log(struct cove__http_state *st, int64_t waited_ns, int64_t now_ns);
void cove__wait_log_retry_after(struct cove__http_state *st, int64_t asked_ns, int64_t wait_ns, int64_t now_ns);

/* ---- transfer.c, on the loop's thread ---- */

int cove__transfer_start(struct cove__http_state *st, struct cove_error *err);
void cove__transfer_stop(struct cove__http_state *st);        /* also after its end: frees what the attempt held */
int64_t cove__transfer_progress(struct cove__http_state *st); /* grows with each byte moved */
void cove__transfer_times(struct cove__http_state *st, int64_t *ret_wait_ns, int64_t *ret_took_ns);
bool cove__transfer_connected(struct cove__http_state *st); /* a connection stood, so something may have been sent */

#endif
