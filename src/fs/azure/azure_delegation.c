/*
 * Get User Delegation Key: https://learn.microsoft.com/rest/api/storageservices/get-user-delegation-key. One key signs
 * for seven days; auth/provider keeps it, and one request serves all calls that wait for it.
 */
#include "fs/azure/azure_delegation.h"

#include <string.h>

#include "auth/exchange.h"
#include "base/clock.h"
#include "base/error.h"
#include "fs/object/await_credentials.h"

#define VALID_NS   (7 * 24 * 3600 * COVE__SEC) /* the service's limit */
#define BACK_NS    (5 * 60 * COVE__SEC)        /* the clocks of the service's machines differ */
#define SHORT_NS   (15 * 60 * COVE__SEC) /* that a URL may end early, so that URLs of seven days share keys, too */
#define TIMEOUT_NS (60 * COVE__SEC)      /* of one request, with its repetitions */

static int fetch(void *self, cove_cancel *cancel, void *ret_payload, struct cove_error *err)
{
    struct cove__azure *azure = self;
    const struct cove__ctx ctx = { .deadline_ns = cove__now_ns() + TIMEOUT_NS,
                                   .cancel = cancel,
                                   .op = "Get User Delegation Key",
                                   .url = azure->account.endpoint.host };
    int64_t starts_ns = cove__object_now(&azure->store) - BACK_NS;
    struct cove__buf body = COVE__BUF_INIT(4096);
    struct cove__object_request r;

    cove__object_request_init(&r, &azure->store, "POST", cove__object_split(""), &ctx);
    r.http.response_max = COVE__EXCHANGE_RESPONSE_MAX;
    cove__buf_add_str(&r.query, "restype=service&comp=userdelegationkey");
    cove__object_header(&r, "Content-Type", "application/xml");
    int rc = cove__delegation_key_request(starts_ns, starts_ns + VALID_NS, &body);
    if (rc < 0) {
        cove__fail_nomem(err, "a request");
    } else {
        cove__object_body(&r, cove__buf_slice(&body), COVE__CHECKSUM_NONE);
        rc = cove__object_run(&r, err);
        if (rc == COVE_EACCESS)
            cove__error_add(err, "; to sign URLs, a login needs the permission generateUserDelegationKey of the "
                                 "account, which the role Storage Blob Delegator gives");
    }
    if (rc == 0) {
        rc = cove__delegation_key_read(cove__buf_slice(&r.http.response), ret_payload);
        if (rc < 0)
            cove__object_unreadable(&r, err, rc, "the user delegation key");
    }
    if (r.http.response.data)
        explicit_bzero(r.http.response.data, r.http.response.size);
    cove__object_request_done(&r);
    cove__buf_done(&body);
    return rc;
}

/* The source is of the store, which frees the provider. */
static void keep(void *self)
{
}

int cove__azure_delegation_new(struct cove__azure *azure, struct cove__provider **ret, struct cove_error *err)
{
    const struct cove__credentials_source source = {
        .type = &cove__delegation_key_type, .fetch = fetch, .free = keep, .self = azure, .is_the_store = true
    };

    return cove__provider_new(&source, ret, err);
}

int cove__azure_delegation_get(struct cove__azure *azure, int64_t expires_ns, const struct cove__ctx *ctx,
                               struct cove__credentials **ret, struct cove_error *err)
{
    struct cove__credentials_use use = { 0 };
    struct cove__credentials *key = NULL, *fresh = NULL;
    struct cove_error why = COVE_ERROR_INIT;

    int rc = cove__object_await_credentials(&azure->store, azure->signers, &use, ctx, &key, &why);
    /* A key that ends before is doubted, once: where the service gives no other, it is the longest that there is. */
    if (rc == 0 && cove__delegation_key_of(key)->expires_ns + SHORT_NS < expires_ns &&
        cove__provider_doubt(azure->signers, &use)) {
        cove__error_clear(&why);
        rc = cove__object_await_credentials(&azure->store, azure->signers, &use, ctx, &fresh, &why);
        if (rc == COVE__CREDENTIALS_UNCHANGED && why.code == 0) {
            rc = 0;
        } else {
            cove__credentials_unref(key);
            key = fresh;
        }
    }
    if (rc != 0)
        return cove__error_copy(err, &why);
    *ret = key;
    return 0;
}
