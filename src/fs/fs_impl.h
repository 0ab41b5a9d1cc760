/* Inside of cove_fs, for src/fs and src/stream. Backends use cove__fs_fail only. */
#ifndef COVE_FS_IMPL_H
#define COVE_FS_IMPL_H

#include "fs/fs_ops.h"

struct cove_fs {
    const struct cove__fs_ops *ops;
    void *self; /* the backend's */
    const char *scheme;
    char *key;            /* scheme, authority and options: what the process's cache goes by */
    unsigned refs;        /* under cove__lock */
    int64_t timeout_ms;   /* the option `timeout` */
    struct cove_fs *next; /* the cache's list, under cove__lock */
};

/* Turns a public call's arguments into a ctx; `url` must outlive it (make it with cove__fs_show). */
void cove__ctx_init(struct cove__ctx *ctx, const cove_fs *fs, const struct cove_call *call, const char *op,
                    const char *url);
/* "op URL: text" and the code; the one form of messages. Returns `code`. */
int cove__fs_fail(struct cove_error *err, const struct cove__ctx *ctx, int code, const char *format, ...)
    COVE_PRINTF(4, 5);

#endif
