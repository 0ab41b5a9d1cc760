/* Uploads under way: see azure_uploads.c. */
#ifndef COVE_FS_AZURE_UPLOADS_H
#define COVE_FS_AZURE_UPLOADS_H

#include "fs/azure/azure.h"
#include "fs/object/upload.h"

/* For struct cove__object_upload_ops. */
void cove__azure_uploads_request(struct cove__object_request *r, struct cove__slice below,
                                 const struct cove__upload_page *last);
int cove__azure_uploads_response(const struct cove__object_request *r, struct cove__upload_page *ret);
int cove__azure_identify_upload(struct cove__object_store *store, struct cove__object_name name,
                                const struct cove__ctx *ctx, struct cove__buf *ret_id, struct cove_error *err);
/* The slot upload.remove. */
int cove__azure_remove_upload(void *self, const char *path, const char *id, const struct cove__ctx *ctx,
                              struct cove_error *err);

#endif
