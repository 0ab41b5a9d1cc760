/* Advice in messages, for gcs_error.c. */
#ifndef COVE_FS_GCS_ADVICE_H
#define COVE_FS_GCS_ADVICE_H

#include "fs/gcs/gcs.h"

/* Fills in `err` for a request to a missing bucket: which bucket, and what to do. */
void cove__gcs_no_bucket(const struct cove__object_request *r, struct cove_error *err);
/* Adds to the error of a refusal what a user can do about it. */
void cove__gcs_add_advice(const struct cove__object_request *r, const struct gcs_error_body *e, struct cove_error *err);

#endif
