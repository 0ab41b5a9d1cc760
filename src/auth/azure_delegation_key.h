/*
 * Azure's user delegation key, as a provider's payload: it signs URLs for a caller who has logged in, and is valid for
 * seven days at most. https://learn.microsoft.com/rest/api/storageservices/get-user-delegation-key
 */
#ifndef COVE_AUTH_AZURE_DELEGATION_KEY_H
#define COVE_AUTH_AZURE_DELEGATION_KEY_H

#include "auth/provider.h"
#include "base/buf.h"

#define COVE__DELEGATION_KEY_MAX 64 /* bytes */

/* Owned strings, as the service wrote them: a signature repeats them. */
struct cove__delegation_key {
    char *object_id, *tenant_id, *start, *expiry, *service, *version;
    char *value; /* the key, in base64 */
    uint8_t key[COVE__DELEGATION_KEY_MAX];
    size_t key_size;
    int64_t expires_ns; /* since 1970 */
};
extern const struct cove__credentials_type cove__delegation_key_type;

/* BORROWED from the credentials, which are of this type. */
const struct cove__delegation_key *cove__delegation_key_of(const struct cove__credentials *credentials);
/* Adds the body of the request for a key that is valid between the two times. */
int cove__delegation_key_request(int64_t starts_ns, int64_t expires_ns, struct cove__buf *ret_body);
/* The key of the response. COVE_EPROTOCOL: there is none; COVE_ELIMIT, COVE_ENOMEM. *ret is unchanged on failure. */
int cove__delegation_key_read(struct cove__slice response, struct cove__delegation_key *ret);

#endif
