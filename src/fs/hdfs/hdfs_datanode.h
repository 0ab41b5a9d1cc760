/*
 * Connections to DataNodes, and the reads of one block from one of them. Idle connections are kept for as long as the
 * DataNodes keep them by default, and shared by all reads of a filesystem.
 */
#ifndef COVE_FS_HDFS_DATANODE_H
#define COVE_FS_HDFS_DATANODE_H

#include <stdbool.h>
#include <stdint.h>

#include "fs/hdfs/hdfs_socket.h"
#include "wire/hdfs_transfer.h"

struct cove__hdfs;
struct cove__hdfs_datanode; /* an open connection, of one thread at a time */

#define COVE__HDFS_SUSPECTS 32

/* A node that could not be reached: while it is one, others are asked first. */
struct cove__hdfs_suspect {
    char uuid[48];
    int64_t until_ns; /* 0: none */
};

/* Zeroed at first. */
struct cove__hdfs_datanodes {
    /* under cove__lock */
    struct cove__hdfs_datanode *idle; /* the latest first, of this fork generation */
    unsigned generation;
    struct cove__hdfs_suspect suspects[COVE__HDFS_SUSPECTS];
    unsigned next_suspect; /* the entry that the next one takes */
};
void cove__hdfs_datanodes_done(struct cove__hdfs_datanodes *pool);

/* `token`: the block's, to log in with where the cluster wants that. *ret_reused: it had been idle before. With `fresh`
 * it is a new one. COVE_ENETWORK, COVE_EAUTH, and as cove__hdfs_socket_connect. */
int cove__hdfs_datanode_open(struct cove__hdfs *fs, const struct cove__hdfs_node *node, struct cove__slice token,
                             bool fresh, const struct cove__ctx *ctx, struct cove__hdfs_datanode **ret,
                             bool *ret_reused, struct cove_error *err);
/* A connection that is not kept, for a writer: zeroes and connects `ret`. */
int cove__hdfs_datanode_connect(struct cove__hdfs *fs, const struct cove__hdfs_node *node, struct cove__slice token,
                                struct cove__hdfs_socket *ret, const struct cove__ctx *ctx, struct cove_error *err);
struct cove__hdfs_socket *cove__hdfs_datanode_socket(struct cove__hdfs_datanode *c);
/* `reusable`: nothing of an operation is left on it. */
void cove__hdfs_datanode_close(struct cove__hdfs *fs, struct cove__hdfs_datanode *c, bool reusable);

/* Where the node listens: a name or an address, owned. NULL: no memory. */
char *cove__hdfs_datanode_host(const struct cove__hdfs *fs, const struct cove__hdfs_node *node);
/* Notes for a minute that the node `failed`, so that not each read waits until it cannot be reached; or that it works
 * again. */
void cove__hdfs_datanode_suspect(struct cove__hdfs *fs, const struct cove__hdfs_node *node, bool failed);
bool cove__hdfs_datanode_is_suspect(struct cove__hdfs *fs, const struct cove__hdfs_node *node);

/* Bytes of one block. */
struct cove__hdfs_block_read {
    const struct cove__hdfs_located *block;
    struct cove__slice token;
    uint64_t offset; /* in the block */
    size_t length;
    uint8_t *dst;
    size_t ret_done; /* verified bytes, also of a read that failed */
};
/*
 * COVE_ECORRUPT: the bytes do not have their checksums. COVE_EAUTH: the block's token is not (or no longer) accepted.
 * COVE_ENETWORK, COVE_EPROTOCOL; COVE_ESERVER: the DataNode refused. All of these mean that another node may do it.
 */
int cove__hdfs_read_block_of(struct cove__hdfs *fs, const struct cove__hdfs_node *node,
                             struct cove__hdfs_block_read *read, const struct cove__ctx *ctx, struct cove_error *err);

#endif
