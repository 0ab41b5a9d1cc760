/* Batches of deletions: https://cloud.google.com/storage/docs/batch */
#ifndef COVE_FS_GCS_BATCH_H
#define COVE_FS_GCS_BATCH_H

#include "fs/gcs/gcs.h"

extern const struct cove__object_batch_ops cove__gcs_batch_ops;

#endif
