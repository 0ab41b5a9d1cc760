/* Appends by compose: https://cloud.google.com/storage/docs/composite-objects */
#ifndef COVE_FS_GCS_APPEND_H
#define COVE_FS_GCS_APPEND_H

#include "fs/gcs/gcs.h"
#include "fs/object/append.h"

extern const struct cove__object_append_ops cove__gcs_append_ops;

#endif
