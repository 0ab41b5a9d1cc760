/* User delegation keys: what signs URLs for a caller who has logged in. */
#ifndef COVE_FS_AZURE_DELEGATION_H
#define COVE_FS_AZURE_DELEGATION_H

#include "auth/azure_delegation_key.h"
#include "fs/azure/azure.h"

/* Makes the provider of keys, of the account that `azure` is and its login. It is freed before the store. */
int cove__azure_delegation_new(struct cove__azure *azure, struct cove__provider **ret, struct cove_error *err);
/* A key that is valid until then, or nearly, as keys are valid for seven days at most; to be unreferenced. */
int cove__azure_delegation_get(struct cove__azure *azure, int64_t expires_ns, const struct cove__ctx *ctx,
                               struct cove__credentials **ret, struct cove_error *err);

#endif
