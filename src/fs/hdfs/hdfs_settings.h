/* What a filesystem takes from the site files where the user has set no option. */
#ifndef COVE_FS_HDFS_SETTINGS_H
#define COVE_FS_HDFS_SETTINGS_H

#include "fs/hdfs/hdfs.h"
#include "fs/hdfs/hdfs_site.h"

/* `given`: the user's options. COVE_EINVAL, with file and line. */
int cove__hdfs_apply_site(struct cove__hdfs *fs, const struct cove__hdfs_site *site, const struct cove_options *given,
                          struct cove_error *err);
/* "022", or "u=rwx,g=rx,o=" of what is allowed: the bits that new files and directories do not get. -1: neither. */
int cove__hdfs_parse_umask(const char *text, uint32_t *ret);

#endif
