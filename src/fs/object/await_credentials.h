/* Credentials that a call needs beside those of its store's requests, such as what signs a URL: it waits for them. */
#ifndef COVE_FS_OBJECT_AWAIT_CREDENTIALS_H
#define COVE_FS_OBJECT_AWAIT_CREDENTIALS_H

#include "auth/provider.h"
#include "fs/fs_ops.h"
#include "fs/object/object.h"

/* 0 and credentials, to be unreferenced; the provider's error, with operation and URL; COVE__CREDENTIALS_UNCHANGED as
 * cove__provider_get: `err` then has a code only where the source failed. Until the context's deadline, or its
 * cancellation. */
int cove__object_await_credentials(struct cove__object_store *store, struct cove__provider *provider,
                                   struct cove__credentials_use *use, const struct cove__ctx *ctx,
                                   struct cove__credentials **ret, struct cove_error *err);

#endif
