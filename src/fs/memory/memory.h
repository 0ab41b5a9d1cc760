/*
 * The inside of the memory backend. memory.c is its table; memory_tree.c has the entries, memory_contents.c their
 * bytes, memory_append.c appends to a file.
 */
#ifndef COVE_FS_MEMORY_H
#define COVE_FS_MEMORY_H

#include "fs/fs_ops.h"

struct blob {
    unsigned refs; /* under cove__lock */
    size_t size, cap;
    uint8_t *data;
};

struct entry {
    char *path;
    struct blob *blob; /* NULL: a directory */
    int64_t mtime_ns;
    uint64_t version;
    uint64_t made; /* the version that last replaced the content; appends do not change it */
};

/* ---- memory_tree.c ---- */

struct entry *cove__memory_find_locked(const char *path);
void cove__memory_make_etag(const struct entry *e, char out[32]);
/* Whether the entry has another ETag than `etag`; false where that is NULL. */
bool cove__memory_has_changed(const struct entry *e, const char *etag);
int cove__memory_explain(const struct cove__ctx *ctx, int rc, struct cove_error *err);
/* Makes `blob` the content of `path`, if the condition holds; takes the caller's reference over on success. */
int cove__memory_publish_locked(const char *path, struct blob *blob, enum cove_write_if condition, const char *etag,
                                char **ret_etag);
void cove__memory_unref_blob_locked(struct blob *blob);
uint64_t cove__memory_next_version_locked(void);

void cove__memory_stat(void *self, struct cove__stat_io *io);
int cove__memory_list(void *self, const char *path, bool deep, const char *token, const struct cove__ctx *ctx,
                      struct cove__page *page, struct cove_error *err);
int cove__memory_mkdir(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err);
int cove__memory_rmdir(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err);
int cove__memory_remove(void *self, const char *const *paths, const char *const *etags, size_t n,
                        const struct cove__ctx *ctx, struct cove_error *err);
int cove__memory_remove_tree(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err);
int cove__memory_move(void *self, const char *from, const char *to, const struct cove__ctx *ctx,
                      struct cove_error *err);

/* ---- memory_contents.c ---- */

struct blob *cove__memory_new_blob(void);
/* Puts bytes at `offset` of contents that no other thread sees. */
int cove__memory_blob_write(struct blob *blob, int64_t offset, struct cove__slice data);

void cove__memory_read(void *self, struct cove__read_io *io);
void cove__memory_put(void *self, struct cove__put_io *io);
int cove__memory_copy(void *self, const char *from, const char *etag, const char *to, const struct cove__ctx *ctx,
                      struct cove_error *err);
void cove__memory_part_rules(void *self, const struct cove__put *put, struct cove__part_rules *ret);
void cove__memory_abort(void *self, struct cove__upload *u, const struct cove__ctx *ctx);
int cove__memory_begin(void *self, const char *path, const struct cove__put *put, const struct cove__ctx *ctx,
                       struct cove__upload **ret, struct cove_error *err);
void cove__memory_part(void *self, struct cove__part_io *io);
int cove__memory_finish(void *self, struct cove__upload *u, const struct cove__ctx *ctx, char **ret_etag,
                        char **ret_version_id, struct cove_error *err);

/* ---- memory_append.c ---- */

int cove__memory_append_open(void *self, const char *path, bool truncate, const char *etag, const struct cove__ctx *ctx,
                             void **ret_tail, struct cove_error *err);
int cove__memory_append(void *self, void *tail_, struct cove__slice data, const struct cove__ctx *ctx,
                        size_t *ret_added, struct cove_error *err);
void cove__memory_append_close(void *self, void *tail_);

#endif
