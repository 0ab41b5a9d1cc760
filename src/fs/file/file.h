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
/* The version of a file: changes whenever its content may have. */
void cove__file_etag(const struct stat *st, char out[80]);
int64_t cove__file_mtime(const struct stat *st);

/* file_write.c: a new version of a file, beside the old one until it is published. */
int cove__file_begin(void *self, const char *path, const struct cove__put *put, const struct cove__ctx *ctx,
                     struct cove__upload **ret, struct cove_error *err);
void cove__file_part(void *self, struct cove__io *io);
int cove__file_finish(void *self, struct cove__upload *upload, const struct cove__ctx *ctx, char **ret_etag,
                      struct cove_error *err);
void cove__file_abort(void *self, struct cove__upload *upload);
void cove__file_put(void *self, struct cove__io *io);
int cove__file_copy(void *self, const char *from, const char *to, const struct cove__ctx *ctx, struct cove_error *err);
int cove__file_append_open(void *self, const char *path, bool truncate, const struct cove__ctx *ctx, void **ret_tail,
                           struct cove_error *err);
int cove__file_append(void *self, void *tail, struct cove__slice data, const struct cove__ctx *ctx,
                      struct cove_error *err);
void cove__file_append_close(void *self, void *tail);

/* file_tree.c: directories. */
int cove__file_list(void *self, const char *path, bool deep, const char *token, const struct cove__ctx *ctx,
                    struct cove__page *ret_page, struct cove_error *err);
int cove__file_remove_tree(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err);
int64_t cove__file_abandoned(void *self, const char *path, int64_t min_age_s, bool remove, cove_upload_fn each,
                             void *user, const struct cove__ctx *ctx, struct cove_error *err);

#endif
