/* What a new blob has to be given again of the one that it continues or copies: its tier and index tags. */
#ifndef COVE_FS_AZURE_TAGS_H
#define COVE_FS_AZURE_TAGS_H

#include "fs/azure/azure.h"

/* Slot of struct cove__object_copy_ops: the index tags. */
int cove__azure_keep_tags(const struct cove__object_request *head, const struct cove__ctx *ctx, struct cove__buf *lines,
                          struct cove_error *err);
/* Slot of struct cove__object_append_ops: the same, and the tier. */
int cove__azure_keep(const struct cove__object_request *head, const struct cove__ctx *ctx, struct cove__buf *lines,
                     struct cove_error *err);
/* The caller may write blobs, and no tags: the write is repeated without. */
bool cove__azure_gives_up_tags(struct cove__object_request *r);

#endif
