/* What uploads and copies share of S3's spelling. */
#ifndef COVE_FS_S3_UPLOAD_H
#define COVE_FS_S3_UPLOAD_H

#include "fs/object/copy.h"
#include "fs/s3/s3.h"

extern const struct cove__object_upload_ops cove__s3_upload_ops;
extern const struct cove__object_copy_ops cove__s3_copy_ops;

void cove__s3_part_query(struct cove__object_request *r, const struct cove__upload *u, unsigned number);

#endif
