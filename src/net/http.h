/*
 * HTTP: the one client, and the only user of libcurl. Requests run on I/O threads (net/loop), are retried by the one
 * policy (net/retry), and end in the caller's inbox.
 */
#ifndef COVE_NET_HTTP_H
#define COVE_NET_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/op.h"
#include "base/slice.h"

struct cove__http; /* a client: TLS and proxy settings, limits; one per filesystem */
struct cove__http_request;

struct cove__http_config {
    const char *ca_file, *ca_path; /* NULL: the system's */
    int verify_tls;
    const char *proxy; /* NULL: http_proxy, https_proxy, all_proxy, no_proxy from the environment */
    const char *user_agent;
    int64_t connect_timeout_ms;
    int64_t stall_timeout_ms; /* no byte for so long: the attempt is given up and retried */
    unsigned max_retries;
    int64_t first_wait_ms; /* before the second attempt, doubled before each later one, as for a server that is known to
                              start soon; 0: the policy's waits (net/retry.h) */
    unsigned max_concurrency; /* requests under way at once */
};
int cove__http_new(const struct cove__http_config *config, struct cove__http **ret, struct cove_error *err);
void cove__http_free(struct cove__http *http); /* NULL accepted; no request may be under way */

enum cove__http_verdict {
    COVE__HTTP_ACCEPT,   /* the response is what was asked for */
    COVE__HTTP_RETRY,    /* worth another attempt by the policy */
    COVE__HTTP_AGAIN,    /* prepare has something new (a region, a token): repeat at once, a few times at most */
    COVE__HTTP_CONTINUE, /* good, but only a step: the next attempt follows at once, and this one does not count. Only
                         after an attempt that counts, so that the policy ends the steps too */
    COVE__HTTP_FAIL      /* final */
};

/* What the store knows and HTTP does not: all run on a loop thread (`done` also inside cove__http_start, where nothing
 * could be started), must not block, and see a `self` that outlives the request. */
struct cove__http_hooks {
    /* Before each attempt: fills url and headers (already emptied) with what is to be sent now, signed. 0; an error,
     * which is final; or COVE__HTTP_LATER, after cove__http_wait_locked: then it is asked again once resumed. */
    int (*prepare)(void *self, struct cove__http_request *request, struct cove_error *err);
    /* After each whole response, of any status: the verdict; for RETRY and FAIL `err` holds why (see cove__http_error).
     * NULL: by status alone. */
    enum cove__http_verdict (*inspect)(void *self, struct cove__http_request *request, struct cove_error *err);
    /* After a response that broke off within a body meant for dst: how many bytes from dst's start on can stay there,
     * `kept` and `received` together at most; prepare then asks for what follows them. NULL: none. */
    int64_t (*keep)(void *self, struct cove__http_request *request);
    /* After an attempt that failed, where the policy would send another. False: the request ends instead, as what
     * follows is to be decided by the caller (repeat_after_ns). NULL: always true. */
    bool (*repeats)(void *self, const struct cove__http_request *request);
    /* NULL: the op ends in its inbox. Else this takes the ended request over instead (its op.rc, op.count and op.err
     * are set, no inbox is touched): to translate the result, to start a follow-up, to free it. */
    void (*done)(void *self, struct cove__http_request *request);
};

/* Requests whose prepare waits for something that all of them need (new credentials). Under cove__lock. */
struct cove__http_waiters {
    struct cove__http_state *first;
};
#define COVE__HTTP_LATER 1 /* of prepare: nothing is sent, the slot is given back, deadline and token still hold */

struct cove__http_request {
    struct cove__op op; /* first: the inbox gives it back. op.ctx gives deadline, token and the words for messages */
    /* set by the caller */
    struct cove__http *http;
    const struct cove__http_hooks *hooks;
    void *self;
    const char *method;      /* static: GET HEAD PUT POST DELETE */
    struct cove__slice body; /* BORROWED until the op has been taken; re-read by each attempt */
    bool has_body;           /* send a body, even an empty one */
    /* What is sent before and after `body`, as a body in parts needs it (multipart/related); BORROWED as `body` is, but
     * `prepare` may set them again. */
    struct cove__slice body_before, body_after;
    bool repeatable;          /* safe to send twice */
    int64_t begin_after_ns;   /* waited before the first attempt */
    unsigned attempts_before; /* of requests that this one continues: the policy counts them, too */
    bool asked_once;          /* one attempt has to do: its failure is a result, too */
    bool sent_once;           /* by each attempt: one whose kept connection is lost has failed, and prepare sees it */
    uint8_t *dst;             /* BORROWED: where a 2xx response's body goes; NULL: into `response` */
    size_t dst_size;          /* a body that is longer ends in COVE_EPROTOCOL */
    bool wants_crc32c;        /* of what lands at dst, computed while it is in the cache: cove__http_crc32c gives it */
    size_t response_max;      /* limit of `response`; 0: 64 KiB. A wanted body ends in COVE_ELIMIT, an error's is cut */
    bool head_suffices;       /* a wanted body is of no interest: cut at the limit, or anywhere, the response counts */
    /* set by prepare, per attempt */
    struct cove__buf url;
    struct cove__buf headers; /* "Name: value\n" lines */
    /* set by inspect, of the last attempt */
    bool throttles_name; /* a refusal is of this name alone: others need not slow down */
    /* set by the client, of the last attempt */
    int status;                        /* 0: no response */
    struct cove__buf response;         /* body of an error, or of any response when dst is NULL */
    struct cove__buf response_headers; /* "name: value\n" */
    int64_t received;                  /* bytes of body that arrived in it */
    int64_t wait_ns, took_ns;          /* from the request's first byte until the response began; until it ended */
    unsigned attempts;
    int64_t repeat_after_ns; /* of a failure: the policy's wait for another attempt, where `repeats` has forbidden it;
                                -1: it has none */
    unsigned sends; /* times that it went out: libcurl repeats what a kept connection lost, except with `sent_once` */
    /* of the attempts before it */
    int64_t kept; /* bytes from dst's start on that stand: the body continues behind them */
    /* the client's own */
    struct cove__http_state *state;
    uint32_t crc32c; /* of dst's first `crc32c_size` bytes */
    int64_t crc32c_size;
};

void cove__http_request_init(struct cove__http_request *r);
void cove__http_request_done(struct cove__http_request *r); /* not while it is under way */
/* Starts it; it ends in op.inbox, always, by its deadline at the latest. */
void cove__http_start(struct cove__http_request *r);
/* Starts it with a new inbox and waits. Returns op.rc and copies the error. */
int cove__http_run(struct cove__http_request *r, struct cove_error *err);
/* Called by prepare before it answers COVE__HTTP_LATER. `waiters` outlives the request. */
void cove__http_wait_locked(struct cove__http_request *r, struct cove__http_waiters *waiters);
/* Sends all that wait back to their loops, from any thread, without the lock. Waiters that a forked child has from its
 * parent are forgotten by clearing the struct. */
void cove__http_resume(struct cove__http_waiters *waiters);
/* A header of the last response (name in lower case): copied into `out` as a string; false where there is none or it
 * does not fit. */
bool cove__http_header(const struct cove__http_request *r, const char *name, char *out, size_t out_size);
/* The CRC32C of the bytes at dst, those kept and those received, of a request that wants it. */
uint32_t cove__http_crc32c(const struct cove__http_request *r);
/* The one map from status to code: fills err with "op URL: text (HTTP status)" and whether a retry may help. */
int cove__http_error(const struct cove__http_request *r, int status, const char *text, struct cove_error *err);
/* Of a response without TLS: it asks for TLS. */
bool cove__http_wants_tls(const struct cove__http_request *r, int status);

#endif
