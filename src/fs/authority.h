/* Which store a URL is of: its scheme, and what the backend calls its authority (struct cove__authority_ops). */
#ifndef COVE_FS_AUTHORITY_H
#define COVE_FS_AUTHORITY_H

#include "fs/fs_impl.h"

/* The store that `url` names, or else `options`; and the store that `options` name. Both are owned by the caller, and
 * "" where there is none, as for every backend without authorities. COVE_EINVAL. */
int cove__authority_resolve(const struct cove__fs_ops *ops, const char *url, const cove_options *options,
                            char **ret_authority, char **ret_of_options, struct cove_error *err);

/* COVE_EINVAL: `path` is a URL, and not of the store of `fs`. The message names this one, and the URL's where the URL
 * itself does not; the caller puts the operation and the URL before it. */
int cove__authority_check(const cove_fs *fs, const char *path, struct cove_error *err);

#endif
