/* The mount table of a cluster: which filesystem a path of viewfs:// is in. Pure. */
#ifndef COVE_FS_VIEWFS_MOUNTS_H
#define COVE_FS_VIEWFS_MOUNTS_H

#include "fs/fs_impl.h"
#include "fs/hdfs/hdfs_site.h"

struct viewfs_mount {
    char *path; /* owned: "/user", "/" of the fallback */
    char *url;  /* owned: the target, as the site files have it */
    /* The target, opened by viewfs.c. */
    cove_fs *fs; /* owned */
    char *root;  /* owned: its path there */
};

/* Zeroed at first. */
struct viewfs_table {
    char *cluster; /* owned */
    struct viewfs_mount *mounts;
    size_t n, cap;
    struct viewfs_mount fallback; /* url NULL: there is none */
};
void cove__viewfs_table_done(struct viewfs_table *table);

/* Reads the keys fs.viewfs.mounttable.CLUSTER.*, CLUSTER in any case. COVE_EINVAL: there is none, or one of them cannot
 * be used; with file and line. */
int cove__viewfs_table_read(const struct cove__hdfs_site *site, const char *cluster, struct viewfs_table *ret,
                            struct cove_error *err);

enum viewfs_place {
    VIEWFS_NOWHERE, /* no mount */
    VIEWFS_INNER,   /* a directory above mounts */
    VIEWFS_MOUNTED,
};
/* Where `path` (canonical) is. Of a mounted one: the mount, and the rest of the path, without a slash before it. */
enum viewfs_place cove__viewfs_find(const struct viewfs_table *table, const char *path,
                                    const struct viewfs_mount **ret_mount, const char **ret_rest);
/* Whether a mount is, or is below, the entry `name` of the inner directory `directory`. */
bool cove__viewfs_has_child(const struct viewfs_table *table, const char *directory, const char *name);
/* Adds the entries of an inner directory, sorted. COVE_ENOMEM. */
int cove__viewfs_children(const struct viewfs_table *table, const char *directory, struct cove__page *page);
/* "/data, /user": for messages. */
void cove__viewfs_paths(const struct viewfs_table *table, struct cove__buf *ret);

#endif
