/*
 * viewfs://CLUSTER: one tree of several filesystems, each mounted at a path by the site files. A call goes to the
 * filesystem that its path is in; the directories above the mounts can only be listed.
 *
 * viewfs_mounts.c reads the table and finds paths in it, viewfs.c has the options and opens the targets, viewfs_tree.c
 * and viewfs_data.c hand the slots on.
 */
#ifndef COVE_FS_VIEWFS_H
#define COVE_FS_VIEWFS_H

#include "fs/fs_impl.h"
#include "fs/viewfs/viewfs_mounts.h"

struct viewfs_options {
    char *host, *user, *proxy_user, *conf_dir, *extra_conf;
    int64_t replication, block_size;
};

/* Fixed after open. */
struct cove__viewfs {
    struct viewfs_options o;
    struct viewfs_table table;
};

/* ---- viewfs_tree.c ---- */

/* A path in its target. Zeroed at first. */
struct viewfs_spot {
    enum viewfs_place place;
    const struct viewfs_mount *mount; /* of VIEWFS_MOUNTED */
    const struct cove__fs_ops *ops;   /* the target's */
    void *self;                       /* likewise */
    char *path;                       /* owned: there */
    bool is_mount;                    /* the mount itself */
};
/* COVE_ENOMEM. */
int cove__viewfs_spot(const struct cove__viewfs *fs, const char *path, struct viewfs_spot *ret, struct cove_error *err);
/* The same, of a path that has to be in a target. COVE_ENOTFOUND: no mount for it. COVE_EISDIR: above the mounts. */
int cove__viewfs_mounted(const struct cove__viewfs *fs, const char *path, const struct cove__ctx *ctx,
                         struct viewfs_spot *ret, struct cove_error *err);
void cove__viewfs_stat(void *self, struct cove__stat_io *io);
int cove__viewfs_list(void *self, const char *path, bool deep, const char *token, const struct cove__ctx *ctx,
                      struct cove__page *ret_page, struct cove_error *err);
int cove__viewfs_make(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err);
int cove__viewfs_remove_directory(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err);
int cove__viewfs_remove_tree(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err);
int cove__viewfs_remove(void *self, const char *const *paths, const char *const *etags, size_t n,
                        const struct cove__ctx *ctx, struct cove_error *err);
int cove__viewfs_move(void *self, const char *from, const char *to, const struct cove__ctx *ctx,
                      struct cove_error *err);
int cove__viewfs_copy(void *self, const char *from, const char *etag, const char *to, const struct cove__ctx *ctx,
                      struct cove_error *err);

/* ---- viewfs_data.c ---- */

int cove__viewfs_read_open(void *self, const char *path, const struct cove__ctx *ctx, void **ret_handle,
                           struct cove_error *err);
void cove__viewfs_read_close(void *self, void *handle);
void cove__viewfs_read(void *self, struct cove__read_io *io);
void cove__viewfs_put(void *self, struct cove__put_io *io);
void cove__viewfs_part_rules(void *self, const struct cove__put *put, struct cove__part_rules *ret);
int cove__viewfs_begin(void *self, const char *path, const struct cove__put *put, const struct cove__ctx *ctx,
                       struct cove__upload **ret, struct cove_error *err);
void cove__viewfs_part(void *self, struct cove__part_io *io);
int cove__viewfs_finish(void *self, struct cove__upload *upload, const struct cove__ctx *ctx, char **ret_etag,
                        char **ret_version_id, struct cove_error *err);
void cove__viewfs_abort(void *self, struct cove__upload *upload, const struct cove__ctx *ctx);
int cove__viewfs_append_open(void *self, const char *path, bool truncate, const char *etag, const struct cove__ctx *ctx,
                             void **ret_tail, struct cove_error *err);
int cove__viewfs_append(void *self, void *tail, struct cove__slice data, const struct cove__ctx *ctx, size_t *ret_added,
                        struct cove_error *err);
void cove__viewfs_append_close(void *self, void *tail);

#endif
