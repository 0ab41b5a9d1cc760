/* The inside of the memory backend: memory.c has the tree of entries, memory_append.c appends to a file. */
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

/* ---- memory.c ---- */

struct entry *cove__memory_find_locked(const char *path);
void cove__memory_make_etag(const struct entry *e, char out[32]);
int cove__memory_explain(const struct cove__ctx *ctx, int rc, struct cove_error *err);
int cove__memory_blob_write(struct blob *blob, int64_t offset, struct cove__slice data);
struct blob *cove__memory_new_blob(void);
int cove__memory_publish_locked(const char *path, struct blob *blob, enum cove_write_if condition, const char *etag,
                                char **ret_etag);
void cove__memory_unref_blob_locked(struct blob *blob);
uint64_t cove__memory_next_version_locked(void);

/* ---- memory_append.c ---- */

int cove__memory_append_open(void *self, const char *path, bool truncate, const char *etag, const struct cove__ctx *ctx,
                             void **ret_tail, struct cove_error *err);
int cove__memory_append(void *self, void *tail_, struct cove__slice data, const struct cove__ctx *ctx,
                        size_t *ret_added, struct cove_error *err);
void cove__memory_append_close(void *self, void *tail_);

#endif
