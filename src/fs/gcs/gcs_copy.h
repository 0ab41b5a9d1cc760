/*
 * Copies, moves and changes of metadata on the store's side: rewriteTo, moveTo and PATCH
 * (https://cloud.google.com/storage/docs/json_api/v1/objects).
 */
#ifndef COVE_FS_GCS_COPY_H
#define COVE_FS_GCS_COPY_H

#include "fs/gcs/gcs.h"
#include "fs/object/copy.h"

extern const struct cove__object_copy_ops cove__gcs_copy_ops;
extern const struct cove__object_steps cove__gcs_move_ops;

void cove__gcs_metadata_request(struct cove__object_request *r, const struct cove_pair *pairs, size_t n,
                                struct cove__buf *body);

#endif
