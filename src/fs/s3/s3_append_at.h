/* S3's appends at an offset. */
#ifndef COVE_FS_S3_APPEND_AT_H
#define COVE_FS_S3_APPEND_AT_H

#include "fs/object/append.h"
#include "fs/s3/s3.h"

extern const struct cove__object_append_ops cove__s3_append_ops;

/* The request that adds at `offset`, and its response. One with another size than `size`, which the
 * object must have then, is of a store that did something else (COVE_ESERVER). Pure. */
void cove__s3_append_at_request(struct cove__object_request *r, int64_t offset);
int cove__s3_append_at_response(const struct cove__object_request *r, int64_t size, struct cove_error *err);

#endif
