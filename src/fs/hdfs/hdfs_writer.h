/*
 * A file that is open for writing: its lease at the NameNode and the block that is written now. One thread at a time;
 * the thread that keeps leases (hdfs_lease.c) touches it between the calls.
 */
#ifndef COVE_FS_HDFS_WRITER_H
#define COVE_FS_HDFS_WRITER_H

#include <pthread.h>

#include "fs/hdfs/hdfs.h"
#include "fs/hdfs/hdfs_pipeline.h"

struct cove__hdfs_writer {
    struct cove__hdfs_file file;
    char *path, *client;                 /* owned: what `file` points to */
    struct cove__hdfs_pipeline pipeline; /* n_nodes 0: no block is open */
    struct cove__hdfs_block last;        /* the block before, whose pool is `last_pool`; pool empty: none */
    char *last_pool;                     /* owned */
    uint64_t size;                       /* bytes that the file's finished blocks and this one have */
    bool broken;                         /* under lock: a write failed */
    pthread_cond_t turn;                 /* on CLOCK_MONOTONIC: `size` or `broken` has changed */
    pthread_mutex_t lock;                /* while a call or the lease's thread works on the pipeline */
    int64_t used_ns;                     /* under lock: when something was last sent */
    /* hdfs_lease.c's: */
    struct cove__hdfs_writer *next;
    int64_t renewed_ns, looked_ns;
    bool in_use;       /* its thread works for it now */
    cove_cancel *stop; /* owned: ends that */
};

/* Makes `path`, which the NameNode then knows as empty. `mode`: its permissions; `replaces`: also where it exists. */
int cove__hdfs_create(struct cove__hdfs *fs, const char *path, uint32_t mode, bool replaces,
                      const struct cove__ctx *ctx, struct cove__hdfs_writer **ret, struct cove_error *err);
/* Opens the end of a file that exists. */
int cove__hdfs_append_to(struct cove__hdfs *fs, const char *path, const struct cove__ctx *ctx,
                         struct cove__hdfs_writer **ret, struct cove_error *err);
/* Adds `data` as the bytes from `offset` on; waits until those before it are written, by another thread. On success all
 * DataNodes of its blocks have it. A writer that failed stays so. */
int cove__hdfs_write(struct cove__hdfs_writer *w, uint64_t offset, struct cove__slice data, const struct cove__ctx *ctx,
                     struct cove_error *err);
/* Lets the NameNode know the length that the file has now, so that every reader finds it. */
int cove__hdfs_publish_length(struct cove__hdfs_writer *w, const struct cove__ctx *ctx, struct cove_error *err);
/* Ends the file. It is still to be freed. */
int cove__hdfs_complete(struct cove__hdfs_writer *w, const struct cove__ctx *ctx, struct cove_error *err);
void cove__hdfs_writer_free(struct cove__hdfs_writer *w);

/* ---- hdfs_upload.c ---- */

/* The bytes of an upload from `offset` on: see cove__hdfs_write. */
int cove__hdfs_upload_write(struct cove__upload *u, uint64_t offset, struct cove__slice data,
                            const struct cove__ctx *ctx, struct cove_error *err);

/* ---- hdfs_lease.c ---- */

/* While a writer is kept, its filesystem's leases are renewed and its pipeline gets heartbeats. */
int cove__hdfs_keep(struct cove__hdfs_writer *w);
void cove__hdfs_unkeep(struct cove__hdfs_writer *w);

#endif
