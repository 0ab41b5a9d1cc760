/* Deletions of many blobs by one request, for the engine (fs/object/remove.h). */
#ifndef COVE_FS_AZURE_BATCH_H
#define COVE_FS_AZURE_BATCH_H

#include "fs/azure/azure.h"

extern const struct cove__object_batch_ops cove__azure_batch_ops;

#endif
