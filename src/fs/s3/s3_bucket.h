/* Buckets of S3: slots of struct cove__object_ops. */
#ifndef COVE_FS_S3_BUCKET_H
#define COVE_FS_S3_BUCKET_H

#include "fs/s3/s3.h"

void cove__s3_make_bucket_request(struct cove__object_request *r, struct cove__buf *body);

#endif
