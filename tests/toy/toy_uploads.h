/* The toy store's ways to write objects of more than one request, each a mode of the engine's. */
#ifndef TOY_UPLOADS_H
#define TOY_UPLOADS_H

#include "fs/object/upload.h"

/* By the option's value; NULL: it has none. */
const struct cove__object_upload_ops *toy_uploads(const char *mode);

#endif
