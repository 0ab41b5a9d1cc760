/* Signed URLs: shared access signatures of one blob. */
#ifndef COVE_FS_AZURE_SIGN_H
#define COVE_FS_AZURE_SIGN_H

#include "fs/azure/azure.h"

/* A slot of struct cove__fs_ops. For a login it may request a key, and so wait. COVE_EINVAL: there is neither the
 * account's key nor a login. */
int cove__azure_sign(void *self, const char *path, const char *method, int64_t expires_s, const struct cove__ctx *ctx,
                     char **ret_url, struct cove_error *err);

#endif
