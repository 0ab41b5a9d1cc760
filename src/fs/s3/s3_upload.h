/* What uploads and copies share of S3's spelling. */
#ifndef COVE_FS_S3_UPLOAD_H
#define COVE_FS_S3_UPLOAD_H

#include "fs/object/upload.h"
#include "fs/s3/s3.h"

extern const struct cove__object_upload_ops cove__s3_upload_ops;

void cove__s3_part_query(struct cove__object_request *r, const struct cove__upload *u, unsigned number);

/* Fills parts from `first` on with the bytes of an object, on the store's side and in parallel; the number of parts is
 * *ret_n. The object must have `etag` (COVE_EPRECONDITION). */
int cove__s3_copy_parts(struct cove__upload *u, struct cove__object_name source, int64_t size, const char *etag,
                        unsigned first, const struct cove__ctx *ctx, unsigned *ret_n, struct cove_error *err);

#endif
