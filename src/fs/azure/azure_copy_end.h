/* The end of a copy that its caller does not wait for any more, or that has failed. */
#ifndef COVE_FS_AZURE_COPY_END_H
#define COVE_FS_AZURE_COPY_END_H

#include "fs/azure/azure.h"

/* Stops the copy of this ID and removes what it has left; in the background where the call's time is over. */
void cove__azure_give_up_copy(struct cove__object_store *store, const char *path, const char *id,
                              const struct cove__ctx *ctx);

#endif
