/* Deletions of many objects in one request to S3. */
#ifndef COVE_FS_S3_BATCH_H
#define COVE_FS_S3_BATCH_H

#include "fs/object/remove.h"
#include "fs/s3/s3.h"

extern const struct cove__object_batch_ops cove__s3_batch_ops;

#endif
