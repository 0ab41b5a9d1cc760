/*
 * One HTTP exchange with a service that gives credentials (a token endpoint, a metadata server): a small request, a
 * small response, both wiped afterwards. It blocks, so it is for a source's fetch (provider.h). Error messages show
 * neither the URL nor bodies, which may hold secrets.
 */
#ifndef COVE_AUTH_EXCHANGE_H
#define COVE_AUTH_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cove/call.h>

#include "base/buf.h"
#include "net/http.h"

#define COVE__EXCHANGE_RESPONSE_MAX ((size_t)64 << 10)

/* How a store's client reaches the network; the services that give its credentials are reached in the same way. Owned
 * strings. */
struct cove__exchange_client {
    char *ca_file, *ca_path, *proxy, *user_agent;
    int64_t deadline_ns; /* monotonic: when each exchange ends at the latest; 0: none */
};
int cove__exchange_client_copy(const struct cove__http_config *config, struct cove__exchange_client *ret,
                               struct cove_error *err);
void cove__exchange_client_done(struct cove__exchange_client *client); /* wipes: the proxy may hold a password */

struct cove__exchange {
    /* set by the caller; cove__exchange_init gives them defaults */
    const struct cove__exchange_client *client; /* BORROWED */
    const char *method;                         /* static */
    const char *where;                          /* for messages: "of the metadata server"; BORROWED */
    struct cove__buf url, headers;              /* headers: "Name: value\n" lines */
    struct cove__buf body;
    bool has_body; /* also of an empty one */
    /* A header that every response of the service has, and its value: one without it is of another server. NULL: none.
     * Static
     */
    const char *header, *header_value;
    /* The response would be for the proxy's machine. A plain http:// URL of this machine is never asked by a proxy. */
    bool no_proxy;
    int64_t timeout_ms;         /* of all attempts; a minute */
    int64_t connect_timeout_ms; /* ten seconds */
    int64_t stall_timeout_ms;   /* of one attempt without a byte; 0: timeout_ms */
    int64_t first_wait_ms;      /* before the second attempt, then doubled; 0: by net/retry.h */
    int64_t gap_ns;             /* before an attempt that a token endpoint's own error allows; a quarter of a second */
    unsigned retries;           /* after the first attempt, where net/retry.h allows one; 3 */
    /* set by cove__exchange_run */
    int status;
    bool of_another;     /* there is a response without `header`: of another server */
    int64_t date_ns;     /* the response's Date, by the server's clock; -1: none */
    char challenge[512]; /* the response's WWW-Authenticate; "": none */
    struct cove__buf response;
};
void cove__exchange_init(struct cove__exchange *x, const struct cove__exchange_client *client, const char *method,
                         const char *where);
void cove__exchange_done(struct cove__exchange *x); /* wipes; drops the secrets that have the exchange as owner */

/* The body is a form (application/x-www-form-urlencoded), to be filled in by cove__exchange_add_field. */
void cove__exchange_form(struct cove__exchange *x);
/* `value` NULL or empty: nothing is added. */
void cove__exchange_add_field(struct cove__exchange *x, const char *name, const char *value);

/* 0: a 2xx response. COVE_EAUTH: the service refused (any 4xx but 429); the body is in `response`. Else an error of
 * network, time, cancellation or memory. It can be called again once `response` has been reset. */
int cove__exchange_run(struct cove__exchange *x, cove_cancel *cancel, struct cove_error *err);

#endif
