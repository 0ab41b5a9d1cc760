/*
 * Credentials kept fresh, of any kind: between a source of credentials (aws_chain.c), which blocks, and the requests of
 * a store, which must not. One refresh serves all requests that wait for it. The kind is described by a table; AWS's
 * keys (aws_credentials.h) and OAuth's bearer tokens (oauth_token.h) are two.
 */
#ifndef COVE_AUTH_PROVIDER_H
#define COVE_AUTH_PROVIDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cove/call.h>

#include "net/http.h"

/* A kind of credentials: what the provider must know of the struct that holds them, its payload. */
struct cove__credentials_type {
    const char *name;                           /* for the log */
    size_t size;                                /* of the payload; it can be moved by memcpy */
    void (*done)(void *payload);                /* frees what it holds and wipes secrets; a zeroed one is accepted */
    int64_t (*expires_ns)(const void *payload); /* since 1970; INT64_MAX: never */
    const char *(*origin)(const void *payload); /* where they were found, for messages; BORROWED; NULL: unknown */
};

/* One set of credentials; it never changes, so a request signs with values that belong together. Counted. */
struct cove__credentials {
    const struct cove__credentials_type *type;
    uint64_t serial;
    unsigned refs; /* under cove__lock */
    _Alignas(max_align_t) unsigned char payload[];
};
void cove__credentials_unref(struct cove__credentials *credentials); /* NULL accepted */

/* Where new credentials come from. `fetch` fills in a zeroed payload; it runs on a separate thread and may block; it
 * ends soon after `cancel` is fired. */
struct cove__credentials_source {
    const struct cove__credentials_type *type;
    int (*fetch)(void *self, cove_cancel *cancel, void *ret_payload, struct cove_error *err);
    void (*free)(void *self);
    void *self;
    /* How long before the end of the credentials new ones are fetched while the old ones still serve, and how long
     * before it requests wait for the new ones; 0: ten minutes, one minute. */
    int64_t early_ns, late_ns;
};

/* What a request remembers from one attempt to the next; zeroed at first. */
struct cove__credentials_use {
    uint64_t serial; /* of the credentials that it last used */
    uint64_t waited; /* the number of the refresh that it has waited for */
    bool refused;    /* the store refused credentials, and the request has asked for others once */
};

struct cove__provider;

/* Credentials that never change: the payload at `fixed` is TAKEN and zeroed, also when this fails. */
int cove__provider_new_fixed(const struct cove__credentials_type *type, void *fixed, struct cove__provider **ret,
                             struct cove_error *err);
/* The self of the source is TAKEN, also when this fails. */
int cove__provider_new(const struct cove__credentials_source *source, struct cove__provider **ret,
                       struct cove_error *err);
/* No refresh is under way, so cove__provider_free does not block. */
bool cove__provider_is_idle_locked(const struct cove__provider *p);
/* NULL accepted. No request may use it; a refresh under way is cancelled, and its end is waited for. */
void cove__provider_free(struct cove__provider *p);

/* For a request's prepare: 0 and credentials, to be unreferenced; COVE__HTTP_LATER: the request now waits, and prepare
 * returns the same; or why there are no credentials (`err` holds it without operation and URL). `request` NULL: nothing
 * waits, and COVE__HTTP_LATER only says that something would have to. */
int cove__provider_get(struct cove__provider *p, struct cove__http_request *request, struct cove__credentials_use *use,
                       struct cove__credentials **ret, struct cove_error *err);
/* For a request's inspect: the store says that the credentials of `use` are not valid. True: another attempt may get
 * others. */
bool cove__provider_invalidate(struct cove__provider *p, struct cove__credentials_use *use);
/* Where the present credentials were found, for messages: at most `size` bytes; "" where that is unknown. */
void cove__provider_origin(const struct cove__provider *p, char *ret, size_t size);

#endif
