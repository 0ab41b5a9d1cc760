/* Buckets made and removed: https://cloud.google.com/storage/docs/json_api/v1/buckets/insert */
#ifndef COVE_FS_GCS_BUCKET_H
#define COVE_FS_GCS_BUCKET_H

#include "fs/gcs/gcs.h"

void cove__gcs_make_bucket_request(struct cove__object_request *r, struct cove__buf *body);

#endif
