/* Names of an upload's blocks, as long as those of uncommitted blocks that another writer has left at its name. */
#ifndef COVE_FS_AZURE_BLOCK_NAMES_H
#define COVE_FS_AZURE_BLOCK_NAMES_H

#include "fs/azure/azure.h"

/* After a refusal: true, where a part is sent again under another name, or the service is asked for the length. */
bool cove__azure_names_part_again(struct cove__object_request *r);

#endif
