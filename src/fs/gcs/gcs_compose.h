/* One object made of others in its bucket, on the store's side: the request of appends and of uploads as temporary
 * objects (https://cloud.google.com/storage/docs/composite-objects). Pure. */
#ifndef COVE_FS_GCS_COMPOSE_H
#define COVE_FS_GCS_COMPOSE_H

#include "fs/gcs/gcs.h"
#include "fs/object/upload.h"

/* Completes the POST that makes the request's object, of 1 to GCS_COMPOSE_MAX others. The lines of the request describe
 * it; `body` stays empty, as each attempt writes its own. `removes`: as in struct cove__object_upload_ops; never of the
 * target itself, nor of what a repeated request would miss. */
void cove__gcs_compose_request(struct cove__object_request *r, const struct cove__compose_source *sources, size_t n,
                               bool removes, struct cove__buf *body);
/* COVE_EPROTOCOL: it does not describe the object. */
int cove__gcs_compose_response(const struct cove__object_request *r, struct cove__object_made *ret,
                               struct cove_error *err);

#endif
