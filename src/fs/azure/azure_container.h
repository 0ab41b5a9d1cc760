/* Containers are made and removed (struct cove__object_ops). */
#ifndef COVE_FS_AZURE_CONTAINER_H
#define COVE_FS_AZURE_CONTAINER_H

#include "fs/azure/azure.h"

void cove__azure_make_container_request(struct cove__object_request *r, struct cove__buf *body);
void cove__azure_remove_container_request(struct cove__object_request *r);
void cove__azure_delete_request(struct cove__object_request *r, bool with_snapshots); /* of a blob */

#endif
