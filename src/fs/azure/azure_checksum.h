/* Checksums of what is read: for azure.c's table. */
#ifndef COVE_FS_AZURE_CHECKSUM_H
#define COVE_FS_AZURE_CHECKSUM_H

#include "fs/azure/azure.h"

/* Slots of struct cove__object_ops. */
void cove__azure_read_headers(const struct cove__object_request *r, int64_t length, struct cove__buf *headers);
bool cove__azure_read_matches(const struct cove__object_request *r, struct cove__slice body);
/* The store, an emulator, has no checksums of ranges: the read is repeated without. */
bool cove__azure_gives_up_checksums(struct cove__object_request *r);

#endif
