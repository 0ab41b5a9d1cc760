/* What uploads and copies share of S3's spelling. */
#ifndef COVE_FS_S3_UPLOAD_H
#define COVE_FS_S3_UPLOAD_H

#include "fs/object/copy.h"
#include "fs/s3/s3.h"

extern const struct cove__object_upload_ops cove__s3_upload_ops;
extern const struct cove__object_copy_ops cove__s3_copy_ops;
/* What a change of metadata keeps, and a copy to another name does not. Ends with NULL. */
extern const char *const cove__s3_kept_headers[];

void cove__s3_part_query(struct cove__object_request *r, const struct cove__upload *u, unsigned number);

#endif
