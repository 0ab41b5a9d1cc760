/* The versions of an object, and of all below a prefix: slots of struct cove__fs_ops. */
#ifndef COVE_FS_GCS_VERSIONS_H
#define COVE_FS_GCS_VERSIONS_H

#include "fs/gcs/gcs.h"

int cove__gcs_versions(void *self, const char *path, const char *token, const struct cove__ctx *ctx,
                       struct cove__page *ret_page, struct cove_error *err);
int cove__gcs_versions_below(void *self, const char *path, const char *token, const struct cove__ctx *ctx,
                             struct cove__page *ret_page, struct cove_error *err);

#endif
