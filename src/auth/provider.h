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
    const char *name;                            /* for the log */
    size_t size;                                 /* of the payload; it can be moved by memcpy */
    void (*done)(void *payload);                 /* frees what it holds and wipes secrets; a zeroed one is accepted */
    int64_t (*expires_ns)(const void *payload);  /* since 1970; INT64_MAX: never */
    const char *(*origin)(const void *payload);  /* where they were found, for messages; BORROWED; NULL: unknown */
    bool (*equal)(const void *a, const void *b); /* a store cannot tell one from the other; the end may differ */
    void (*hide)(const void *payload);           /* masks its secrets in messages until they are wiped */
    const char *(*project)(const void *payload); /* of the credentials, for the log; BORROWED; NULL: none */
    bool (*is_none)(const void *payload);        /* anonymous access: there are none; NULL: never */
};

/* One set of credentials; it never changes, so a request signs with values that belong together. Counted. */
struct cove__credentials {
    const struct cove__credentials_type *type;
    uint64_t serial; /* the same of sets that are equal */
    unsigned refs;   /* under cove__lock */
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
    /* A number that changes with the local files that `fetch` reads. It runs on the thread of `fetch`. NULL: `fetch`
     * reads none. */
    uint64_t (*stamp)(void *self);
    bool is_constant;  /* `fetch` gives the same each time: an option's value */
    bool is_the_store; /* the store of the requests gives the credentials: its errors are about what they ask for */
    /* How long before the end of the credentials new ones are fetched while the old ones still serve, and how long
     * before it requests wait for the new ones; 0: ten minutes, one minute. */
    int64_t early_ns, late_ns;
};

/* What a request remembers from one attempt to the next; zeroed at first. */
struct cove__credentials_use {
    uint64_t serial; /* of the credentials that it last used */
    uint64_t waited; /* the number of the refresh that it waits for; 0: none */
    bool refused;    /* the store refused those of `refused_serial`, and the request has asked for others once */
    uint64_t refused_serial;
};

#define COVE__CREDENTIALS_UNCHANGED 2 /* of cove__provider_get; differs from COVE__HTTP_LATER */

struct cove__provider;

/* Credentials that never change: the payload at `fixed` is TAKEN and zeroed, also when this fails. */
int cove__provider_new_fixed(const struct cove__credentials_type *type, void *fixed, struct cove__provider **ret,
                             struct cove_error *err);
/* The self of the source is TAKEN, also when this fails. */
int cove__provider_new(const struct cove__credentials_source *source, struct cove__provider **ret,
                       struct cove_error *err);
/* The same with the first credentials, of the source's type: the source is asked before their end, or when the store
 * refuses them. Both are TAKEN, also when this fails; `first` is zeroed. */
int cove__provider_new_with(const struct cove__credentials_source *source, void *first, struct cove__provider **ret,
                            struct cove_error *err);
/* No refresh is under way, so cove__provider_free does not block. */
bool cove__provider_is_idle_locked(const struct cove__provider *p);
/* NULL accepted. No request may use it; a refresh under way is cancelled, and its end is waited for. */
void cove__provider_free(struct cove__provider *p);

/* For a request's prepare: 0 and credentials, to be unreferenced; COVE__HTTP_LATER: the request now waits, and prepare
 * returns the same; COVE__CREDENTIALS_UNCHANGED: the store has refused those of this request, and there are no others:
 * its refusal is the error, and `err` has a code only where the source failed, and holds why; or why there are no
 * credentials (`err` holds it without operation and URL). Where the source fails, the old ones serve until their end
 * all requests for which they were not refused. `request` NULL: nothing waits, and COVE__HTTP_LATER is returned where
 * it would have to. */
int cove__provider_get(struct cove__provider *p, struct cove__http_request *request, struct cove__credentials_use *use,
                       struct cove__credentials **ret, struct cove_error *err);
/* For a request's inspect: the store has refused the credentials of `use` as ended or unknown. True: the next
 * cove__provider_get may give others. Other requests wait for the source's answer. It is asked for this at most once in
 * five seconds; sooner, a few times, where it gave others that were refused again; and whenever its files have changed.
 * Where access is anonymous, it is asked at most once a minute, and the others continue meanwhile. */
bool cove__provider_invalidate(struct cove__provider *p, struct cove__credentials_use *use);
/* The same where the refusal may be of this request alone (a signature that does not match): the others continue with
 * the credentials meanwhile. */
bool cove__provider_doubt(struct cove__provider *p, struct cove__credentials_use *use);
/* Whether cove__provider_invalidate would ask for others, or they are here. */
bool cove__provider_may_replace(struct cove__provider *p, const struct cove__credentials_use *use);
/* Where the present credentials were found, for messages: at most `size` bytes; "" where that is unknown. */
void cove__provider_origin(const struct cove__provider *p, char *ret, size_t size);

#endif
