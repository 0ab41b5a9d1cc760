/* What gcs.c's table needs of gcs_explain.c. */
#ifndef COVE_FS_GCS_EXPLAIN_H
#define COVE_FS_GCS_EXPLAIN_H

#include "fs/gcs/gcs.h"

void cove__gcs_explain(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err);
/* After an append to an object, which now has this size: logs a warning, once for each bucket, if the bucket's soft
 * delete policy makes appends expensive. */
void cove__gcs_warn_of_appends(struct cove__object_store *store, struct cove__object_name name, int64_t size,
                               const struct cove__ctx *ctx);

#endif
