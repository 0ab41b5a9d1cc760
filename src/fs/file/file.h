/* Inside of the file backend. */
#ifndef COVE_FS_FILE_H
#define COVE_FS_FILE_H

#include <sys/stat.h>

#include "fs/fs_impl.h"

#define COVE__FILE_TEMPORARY ".cove-tmp" /* the end of a temporary file's name; listings leave them out */

struct cove__file {
    int auto_mkdir;
    int fsync;
};

/* "op URL: strerror" and the nearest code. */
int cove__file_fail(struct cove_error *err, const struct cove__ctx *ctx, int errnum);
bool cove__file_is_temporary(const char *name);
/* New directories reach the disk (option fsync) before what is put in them is promised to. */
int cove__file_mkdirs(const struct cove__file *f, const char *path, const struct cove__ctx *ctx,
                      struct cove_error *err);
/* Makes a new name in the folder of `path` durable. 0, or an errno. */
int cove__file_sync_parent(const char *path);
/* Both are the same file or directory (device and inode). */
bool cove__file_same(const struct stat *a, const struct stat *b);
/* The version of a file: changes whenever its content may have. */
void cove__file_etag(const struct stat *st, char out[80]);
int64_t cove__file_mtime(const struct stat *st);

/* file_open.c: open, read and write whose waits obey the deadline and the cancel token. They return a descriptor
 * (closed on exec), the number of bytes, or an error. `offset` -1: the descriptor's own offset. */
int cove__file_open(const char *path, int flags, const struct cove__ctx *ctx, struct cove_error *err);
int64_t cove__file_read(int fd, void *buffer, size_t size, int64_t offset, const struct cove__ctx *ctx,
                        struct cove_error *err);
int64_t cove__file_write(int fd, const void *data, size_t size, int64_t offset, const struct cove__ctx *ctx,
                         struct cove_error *err);
/* Waits until `fd` is ready for poll(2)'s `events`. */
int cove__file_wait(int fd, short events, const struct cove__ctx *ctx, struct cove_error *err);

/* file_mode.c: resolves symbolic links, so that a write replaces the target of a link and not the link. COVE_EACCESS:
 * the file or link belongs to another user, in a sticky folder that everybody may write to. */
int cove__file_follow(const char *path, const struct cove__ctx *ctx, char **ret_path, struct cove_error *err);
/* Sets mode 0600 and gives the permissions it had. 0, or an errno. */
int cove__file_make_private(int fd, mode_t *ret_mode);
/* Gives `fd` the owner, group and mode of `old`, as far as the kernel allows. If the owner or group differs, set-id
 * bits and group permissions that would extend access are dropped. 0, or an errno. */
int cove__file_keep_owner(int fd, const struct stat *old);
/* The same from the file at `path`; if there is none, sets `mode`. */
int cove__file_open_up(int fd, const char *path, mode_t mode);

/* file_move.c */
int cove__file_move(void *self, const char *from, const char *to, const struct cove__ctx *ctx, struct cove_error *err);

/* file_write.c: a new version of a file, beside the old one until it is published. */
int cove__file_begin(void *self, const char *path, const struct cove__put *put, const struct cove__ctx *ctx,
                     struct cove__upload **ret, struct cove_error *err);
void cove__file_part(void *self, struct cove__io *io);
int cove__file_finish(void *self, struct cove__upload *upload, const struct cove__ctx *ctx, char **ret_etag,
                      struct cove_error *err);
void cove__file_abort(void *self, struct cove__upload *upload);
void cove__file_put(void *self, struct cove__io *io);
int cove__file_copy(void *self, const char *from, const char *to, const struct cove__ctx *ctx, struct cove_error *err);
/* `keep`: the copy gets the owner and mode of `from`. */
int cove__file_copy_as(struct cove__file *f, const char *from, const char *to, bool keep, const struct cove__ctx *ctx,
                       struct cove_error *err);
int cove__file_append_open(void *self, const char *path, bool truncate, const char *etag, const struct cove__ctx *ctx,
                           void **ret_tail, struct cove_error *err);
int cove__file_append(void *self, void *tail, struct cove__slice data, const struct cove__ctx *ctx, size_t *ret_added,
                      struct cove_error *err);
void cove__file_append_close(void *self, void *tail);

/* file_tree.c: directories. */
int cove__file_list(void *self, const char *path, bool deep, const char *token, const struct cove__ctx *ctx,
                    struct cove__page *ret_page, struct cove_error *err);
int cove__file_remove_tree(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err);
int64_t cove__file_abandoned(void *self, const char *path, int64_t min_age_s, bool remove, cove_upload_fn each,
                             void *user, const struct cove__ctx *ctx, struct cove_error *err);

#endif
