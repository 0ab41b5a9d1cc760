/*
 * Uploads: resumable sessions (https://cloud.google.com/storage/docs/performing-resumable-uploads) and multipart
 * uploads of the XML API (https://cloud.google.com/storage/docs/multipart-uploads).
 */
#ifndef COVE_FS_GCS_UPLOAD_H
#define COVE_FS_GCS_UPLOAD_H

#include "fs/gcs/gcs.h"
#include "fs/object/upload.h"

extern const struct cove__object_upload_ops cove__gcs_upload_ops;
extern const struct cove__object_session_ops cove__gcs_session_ops; /* gcs_session.c */

#endif
