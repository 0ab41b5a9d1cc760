/*
 * The keys that a store's requests are signed with, kept fresh: between the sources of credentials (aws_chain.c), which
 * block, and src/fs/s3's requests, which must not. One refresh serves all who wait for it.
 */
#ifndef COVE_AUTH_AWS_PROVIDER_H
#define COVE_AUTH_AWS_PROVIDER_H

#include <cove/call.h>

#include "auth/aws_config.h"
#include "net/http.h"

struct cove__aws_provider;

/* One set of keys; never changed once made, so that a request signs with a pair that belongs together. Counted. */
struct cove__aws_set {
    struct cove__aws_credentials keys;
    uint64_t serial;
    unsigned refs; /* under cove__lock */
};

/* Where new keys come from. `fetch` runs on a thread of its own and may block; it ends soon after `cancel` is fired. */
struct cove__aws_source {
    int (*fetch)(void *self, cove_cancel *cancel, struct cove__aws_credentials *ret, struct cove_error *err);
    void (*free)(void *self);
    void *self;
    /* So long before the keys' end new ones are fetched while the old ones serve, and nothing is signed with the old
     * ones any more; 0: ten minutes, one minute. */
    int64_t early_ns, late_ns;
};

/* What a request remembers from one attempt to the next; zeroed at first. */
struct cove__aws_use {
    uint64_t serial; /* of the set that it was last signed with */
    uint64_t waited; /* the number of the refresh that it has waited for */
    bool refused;    /* the store did not take a set: it has asked for another once */
};

/* `fixed`: keys that never change; TAKEN. Or a source; its self is TAKEN, also when this fails. */
int cove__aws_provider_new_fixed(struct cove__aws_credentials *fixed, struct cove__aws_provider **ret,
                                 struct cove_error *err);
int cove__aws_provider_new(const struct cove__aws_source *source, struct cove__aws_provider **ret,
                           struct cove_error *err);
/* No refresh is under way, so freeing it waits for nobody. */
bool cove__aws_provider_idle_locked(const struct cove__aws_provider *p);
/* NULL accepted. No request may use it; a refresh under way is cancelled and waited for. */
void cove__aws_provider_free(struct cove__aws_provider *p);

/* For a request's prepare: 0 and a set, to be unreferenced; COVE__HTTP_LATER: the request now waits, and prepare
 * answers the same; or why there are no keys (`err` holds it without operation and URL). `request` NULL: nothing waits,
 * COVE__HTTP_LATER only says that something would have to. */
int cove__aws_provider_get(struct cove__aws_provider *p, struct cove__http_request *request, struct cove__aws_use *use,
                           struct cove__aws_set **ret, struct cove_error *err);
/* Where the keys that sign now were found, for messages: at most `size` bytes; "" where nobody knows. */
void cove__aws_provider_source(const struct cove__aws_provider *p, char *ret, size_t size);
void cove__aws_set_unref(struct cove__aws_set *set); /* NULL accepted */
/* For inspect: the store says that the set is not valid. True: another attempt may find a new one. */
bool cove__aws_provider_refused(struct cove__aws_provider *p, struct cove__aws_use *use);

#endif
