/* THE table of schemes: what a URL's first word means. */
#ifndef COVE_FS_SCHEMES_H
#define COVE_FS_SCHEMES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "fs/fs_ops.h"

struct cove__scheme {
    const char *name;
    const char *backend;
    const char *description;
    const struct cove__fs_ops *ops; /* NULL: left out of this build */
};

/* Schemes are case-insensitive (RFC 3986, 3.1), whatever the locale. */

/* The scheme of `url` ("" and file's for a plain path); NULL for an unknown one, with its name's length in *ret_length.
 */
const struct cove__scheme *cove__scheme_of(const char *url, size_t *ret_length);
const struct cove__scheme *cove__scheme_named(const char *name);
/* What follows "name://"; NULL where the URL does not begin with it. */
const char *cove__scheme_skip(const char *url, const char *name);
/* "s3:/bucket/key": a slash is missing, and taken for a local path it would be written to a folder "s3:". */
bool cove__scheme_lacks_slash(const char *url);
/* "file, memory, s3": for messages. */
void cove__scheme_list(struct cove__buf *out);

#endif
