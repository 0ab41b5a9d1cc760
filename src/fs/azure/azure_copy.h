/* Copies, as the blob service has them, for the engine (fs/object/copy.h). */
#ifndef COVE_FS_AZURE_COPY_H
#define COVE_FS_AZURE_COPY_H

#include "fs/azure/azure.h"
#include "fs/object/copy.h"

extern const struct cove__object_copy_ops cove__azure_copy_ops;

/* Completes a PUT: Put Block From URL, of `from`'s range. `from` is BORROWED until the request has ended. */
void cove__azure_copy_block_request(struct cove__object_request *r, const char *block_id,
                                    const struct cove__object_source *from);
/* Whether a copy was refused as another to the same blob is under way, which may be its own earlier attempt. */
bool cove__azure_finds_copy(const struct cove__object_request *r);

#endif
