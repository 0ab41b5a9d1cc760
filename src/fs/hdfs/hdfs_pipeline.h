/*
 * One block while it is written: the DataNodes that store it, each of which passes the bytes to the next, and the
 * connection to the first. The bytes that are sent stay the caller's until all nodes have acknowledged them, so that a
 * failed node costs no more than to send some again.
 */
#ifndef COVE_FS_HDFS_PIPELINE_H
#define COVE_FS_HDFS_PIPELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "fs/hdfs/hdfs_datanode.h"
#include "wire/hdfs_transfer.h"

/* The file that the block belongs to. BORROWED by the pipeline. */
struct cove__hdfs_file {
    struct cove__hdfs *fs;
    const char *path;
    const char *client; /* the name by which the NameNode knows the writer */
    uint64_t id;
    uint64_t block_size;
    unsigned replication;
    enum cove__hdfs_checksum checksum;
    uint32_t chunk, packet; /* bytes of a checksum; of a packet, checksums and header too */
};

struct cove__hdfs_pipeline {
    const struct cove__hdfs_file *file;
    struct cove__hdfs_socket socket; /* fd -1: not connected */
    struct cove__hdfs_block block;   /* its size: what the NameNode knows, or all nodes have */
    struct cove__hdfs_node *nodes;   /* owned, with all that they point to */
    size_t n_nodes, nodes_cap;
    struct cove__slice *failed; /* owned likewise: DatanodeInfoProto of those that failed */
    size_t n_failed, failed_cap;
    char *pool; /* owned: block.pool */
    struct cove__buf token;
    uint64_t sent;       /* the highest end of a packet that was sent, in bytes from the block's start */
    int64_t next_number; /* of the next packet */
    unsigned recoveries; /* since bytes were last acknowledged */
    size_t suspect;      /* if it is no longer connected: the node at fault */
    bool visible;        /* a reader may have seen bytes of it: it was appended to, or flushed */
};

/* Takes a block that the NameNode has given. COVE_ENOMEM. */
int cove__hdfs_pipeline_init(struct cove__hdfs_pipeline *p, const struct cove__hdfs_file *file,
                             const struct cove__hdfs_located *located);
void cove__hdfs_pipeline_done(struct cove__hdfs_pipeline *p);

/* Connects. *ret_bad: the node at fault, by its place; only where the error is one of a node (COVE_ENETWORK,
 * COVE_ESERVER, COVE_EPROTOCOL, COVE_EAUTH). */
int cove__hdfs_pipeline_connect(struct cove__hdfs_pipeline *p, enum cove__hdfs_stage stage, uint64_t new_stamp,
                                const struct cove__ctx *ctx, size_t *ret_bad, struct cove_error *err);

/* ---- hdfs_packets.c ---- */

/* Sends `data`, the bytes after block.size, and waits until all nodes have them. */
int cove__hdfs_pipeline_send(struct cove__hdfs_pipeline *p, struct cove__slice data, const struct cove__ctx *ctx,
                             struct cove_error *err);
/* Ends the block: all nodes have it whole. */
int cove__hdfs_pipeline_end(struct cove__hdfs_pipeline *p, const struct cove__ctx *ctx, struct cove_error *err);
/* Shows the nodes that the writer is alive. Never fails: the next call finds out. */
void cove__hdfs_pipeline_heartbeat(struct cove__hdfs_pipeline *p, const struct cove__ctx *ctx);

/* ---- hdfs_recover.c ---- */

/* Continues a block that ended in the middle, on its nodes: the first step of an append. */
int cove__hdfs_pipeline_append(struct cove__hdfs_pipeline *p, const struct cove__ctx *ctx, struct cove_error *err);
/*
 * After a failure of node `bad` (n_nodes: it is not known which): takes it out, lets the NameNode give the block a new
 * generation, adds another node where the cluster's policy wants that, and connects again. `failure` is what happened.
 */
int cove__hdfs_pipeline_recover(struct cove__hdfs_pipeline *p, enum cove__hdfs_stage stage, size_t bad,
                                const struct cove_error *failure, const struct cove__ctx *ctx, struct cove_error *err);
/* Whether an error of a pipeline is one that another node may not have. */
bool cove__hdfs_is_node_failure(int rc);
/* Copies what a node points to. COVE_ENOMEM. */
int cove__hdfs_pipeline_add_node(struct cove__hdfs_pipeline *p, const struct cove__hdfs_node *node);

#endif
