/*
 * What a NameNode returns about files and blocks: hdfs.proto's messages, read. All slices are BORROWED from the
 * response.
 *
 * Messages that a client only sends back (a node, a token, a block's storage) are kept as their bytes. Each reader
 * returns 0, COVE_ENOMEM, or COVE_EPROTOCOL where a field that a client needs is missing.
 */
#ifndef COVE_WIRE_HDFS_MESSAGES_H
#define COVE_WIRE_HDFS_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

/* ExtendedBlockProto */
struct cove__hdfs_block {
    struct cove__slice pool;
    uint64_t id, stamp; /* stamp: the generation's */
    uint64_t size;      /* in bytes */
};
int cove__hdfs_read_block(struct cove__slice message, struct cove__hdfs_block *ret);
void cove__hdfs_write_block(struct cove__buf *out, unsigned number, const struct cove__hdfs_block *block);

void cove__hdfs_write_permission(struct cove__buf *out, unsigned number, uint32_t mode); /* FsPermissionProto */

/* DatanodeInfoProto, with what a LocatedBlockProto has beside it. */
struct cove__hdfs_node {
    struct cove__slice message; /* DatanodeInfoProto, to be sent back */
    struct cove__slice id;      /* DatanodeIDProto, likewise */
    struct cove__slice address, host, uuid;
    unsigned port, ipc_port;
    struct cove__slice storage; /* its storage's ID; empty: none */
    unsigned storage_type;      /* StorageTypeProto */
};

int cove__hdfs_read_node(struct cove__slice message, struct cove__hdfs_node *ret); /* without its storage */

/* LocatedBlockProto */
struct cove__hdfs_located {
    struct cove__hdfs_block block;
    uint64_t offset;               /* of its first byte in the file */
    bool corrupt;                  /* no good replica is known */
    struct cove__slice token;      /* TokenProto */
    struct cove__hdfs_node *nodes; /* owned, the nearest first */
    size_t n_nodes, nodes_cap;
    bool striped;               /* its nodes have units of an erasure-coded group: */
    struct cove__slice indices; /* one byte for each node: its unit */
    struct cove__slice *tokens; /* owned: of each node; NULL: none */
    size_t n_tokens, tokens_cap;
};
int cove__hdfs_read_located(struct cove__slice message, struct cove__hdfs_located *ret);
void cove__hdfs_located_done(struct cove__hdfs_located *located);

/* LocatedBlocksProto */
struct cove__hdfs_locations {
    uint64_t length;                   /* of the file, without a last block that is being written */
    struct cove__hdfs_located *blocks; /* owned, by offset */
    size_t n_blocks, blocks_cap;
    bool under_construction, last_complete, has_last;
    struct cove__hdfs_located last;
    struct cove__slice encryption, ec_policy; /* FileEncryptionInfoProto, ErasureCodingPolicyProto; empty: none */
};
int cove__hdfs_read_locations(struct cove__slice message, struct cove__hdfs_locations *ret);
void cove__hdfs_locations_done(struct cove__hdfs_locations *locations);

enum cove__hdfs_type { COVE__HDFS_DIRECTORY = 1, COVE__HDFS_FILE = 2, COVE__HDFS_SYMLINK = 3 };

/* HdfsFileStatusProto */
struct cove__hdfs_status {
    enum cove__hdfs_type type;
    struct cove__slice path; /* of a listing: the name; else empty */
    uint64_t length;
    int64_t mtime_ms, atime_ms;
    uint32_t permission;
    struct cove__slice owner, group, symlink;
    uint32_t replication;
    uint64_t block_size, file_id;
    struct cove__slice encryption, ec_policy; /* as of locations */
};
int cove__hdfs_read_status(struct cove__slice message, struct cove__hdfs_status *ret);

/* FsServerDefaultsProto */
struct cove__hdfs_defaults {
    uint64_t block_size;
    uint32_t bytes_per_checksum, packet_size, replication, checksum_type;
    bool encrypts;
    struct cove__slice key_provider;
};
int cove__hdfs_read_defaults(struct cove__slice message, struct cove__hdfs_defaults *ret);

/* The submessage, string or number of a field; of several the last one. False: the message has none, or is malformed.
 */
bool cove__hdfs_field(struct cove__slice message, unsigned number, struct cove__slice *ret);
bool cove__hdfs_number(struct cove__slice message, unsigned number, uint64_t *ret);

#endif
