/* Appends, as the blob service has them, for the engine (fs/object/append.h). */
#ifndef COVE_FS_AZURE_APPEND_H
#define COVE_FS_AZURE_APPEND_H

#include "fs/azure/azure.h"
#include "fs/object/append.h"

extern const struct cove__object_append_ops cove__azure_append_ops;

/* Of a good response to a HEAD: it is an append blob, as others may have made it. */
bool cove__azure_is_append_blob(const struct cove__object_request *r);

#endif
