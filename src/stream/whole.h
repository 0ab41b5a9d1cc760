/* Whole files in one call, beside the calls of fs.h. */
#ifndef COVE_STREAM_WHOLE_H
#define COVE_STREAM_WHOLE_H

#include "fs/fs_impl.h"

/* cove_fs_write_file; sets the etag and the version_id of `ret` (NULL: not wanted), as far as they are known. */
int cove__fs_write_file(cove_fs *fs, const char *path, const void *data, size_t size, const struct cove_call *call,
                        struct cove_info *ret, struct cove_error *err);

#endif
