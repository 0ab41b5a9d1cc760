/* Names of temporary files, ".NAME.0badcafe.cove-tmp". Listings leave such names out. */
#ifndef COVE_FS_TEMPORARY_H
#define COVE_FS_TEMPORARY_H

#include <stdbool.h>

#include "base/buf.h"

#define COVE__TEMPORARY_TRIES 16 /* of random names, before a file is not made */

/* Appends one for the target's name. */
void cove__temporary_name(struct cove__buf *out, const char *name);
bool cove__is_temporary(const char *name);

#endif
