/* The requests of the JSON API: what gcs.c's table and the backend's own operations need of gcs_request.c. */
#ifndef COVE_FS_GCS_REQUEST_H
#define COVE_FS_GCS_REQUEST_H

#include "fs/gcs/gcs.h"

void cove__gcs_request_init(struct cove__object_request *r);
void cove__gcs_request_done(struct cove__object_request *r);
int cove__gcs_prepare(struct cove__object_request *r, struct cove_error *err);
bool cove__gcs_response(struct cove__object_request *r, enum cove__http_verdict *ret_verdict, struct cove_error *err);
bool cove__gcs_credentials_refused(struct cove__object_request *r);
/* Of a download: -1 where it is not told, or the bytes come packed or unpacked. */
int64_t cove__gcs_stored_size(const struct cove__object_request *r);
/* The CRC32C of the whole object in "x-goog-hash". */
bool cove__gcs_response_crc32c(const struct cove__object_request *r, uint32_t *ret);

/* Adds "/storage/v1/b/BUCKET/o/OBJECT", encoded; `object` empty: up to the bucket. */
void cove__gcs_add_path(struct cove__buf *url, struct cove__slice bucket, struct cove__slice object);

#endif
