/*
 * Hadoop's data transfer protocol, version 28: what a client sends to a DataNode and gets from it (datatransfer.proto).
 * Functions that write append to a buf, whose failure is sticky. Slices that are read are BORROWED.
 */
#ifndef COVE_WIRE_HDFS_TRANSFER_H
#define COVE_WIRE_HDFS_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "wire/hdfs_messages.h"

#define COVE__HDFS_PACKET_MAX ((size_t)16 << 20) /* of one packet, as Hadoop's own clients have it */
#define COVE__HDFS_CHUNK_MAX  ((size_t)1 << 20)

/* Status of datatransfer.proto. */
enum {
    COVE__HDFS_SUCCESS = 0,
    COVE__HDFS_ERROR_CHECKSUM = 2,
    COVE__HDFS_ERROR_ACCESS_TOKEN = 5,
    COVE__HDFS_CHECKSUM_OK = 6
};

enum cove__hdfs_checksum { COVE__HDFS_CHECKSUM_NULL, COVE__HDFS_CHECKSUM_CRC32, COVE__HDFS_CHECKSUM_CRC32C };

/* A request for bytes of a block: `offset` in it, and how many. */
void cove__hdfs_write_read_block(struct cove__buf *out, const struct cove__hdfs_block *block, struct cove__slice token,
                                 const char *client, uint64_t offset, uint64_t length);
/* What a reader reports at its end. */
void cove__hdfs_write_read_status(struct cove__buf *out, unsigned status);

/* BlockOpResponseProto */
struct cove__hdfs_block_response {
    unsigned status;
    struct cove__slice bad_link, message;
    bool has_checksum; /* of a read: */
    enum cove__hdfs_checksum checksum;
    uint32_t chunk;        /* bytes of each checksum */
    uint64_t chunk_offset; /* in the block, where the first packet begins */
};
int cove__hdfs_read_block_response(struct cove__slice message, struct cove__hdfs_block_response *ret);

/* The two lengths before a packet's header: PacketHeaderProto, checksums and data follow. */
#define COVE__HDFS_PACKET_LENGTHS 6
struct cove__hdfs_packet {
    uint32_t header_size; /* in bytes */
    uint32_t sums_size;   /* known when the header has been read */
    uint32_t payload;     /* checksums and data */
    int64_t offset;       /* in the block */
    int64_t number;
    uint32_t data_size;
    bool last;
};
/* From the lengths: payload and header_size. COVE_EPROTOCOL. */
int cove__hdfs_read_packet_lengths(const uint8_t lengths[COVE__HDFS_PACKET_LENGTHS], struct cove__hdfs_packet *ret);
/* From the header: the rest. COVE_EPROTOCOL. */
int cove__hdfs_read_packet_header(struct cove__slice header, struct cove__hdfs_packet *ret);

/* ---- SASL: DataTransferEncryptorMessageProto ---- */

#define COVE__HDFS_SASL_MAGIC 0xDEADBEEFu /* what a client sends first, big endian */
enum { COVE__HDFS_SASL_SUCCESS = 0, COVE__HDFS_SASL_UNKNOWN_KEY = 1 };
struct cove__hdfs_sasl_message {
    unsigned status;
    struct cove__slice payload, text;
    bool bad_token;                                      /* the block's token has expired, or is another's */
    bool has_cipher;                                     /* AES/CTR/NoPadding, from here on; the keys are sealed: */
    struct cove__slice to_key, to_iv, from_key, from_iv; /* to and from the DataNode */
};
/* `offers_cipher`: AES/CTR/NoPadding, if the DataNode wants to. */
void cove__hdfs_write_sasl(struct cove__buf *out, struct cove__slice payload, bool offers_cipher);
/* COVE_EPROTOCOL. */
int cove__hdfs_read_sasl(struct cove__slice message, struct cove__hdfs_sasl_message *ret);

/* ---- writing ---- */

/* BlockConstructionStage */
enum cove__hdfs_stage {
    COVE__HDFS_APPEND = 0,         /* to a block that ended in the middle */
    COVE__HDFS_RECOVER_APPEND = 1, /* a failure of that */
    COVE__HDFS_RECOVER_STREAM = 3, /* a failure amid the data */
    COVE__HDFS_RECOVER_CLOSE = 5,  /* a failure of the block's end */
    COVE__HDFS_CREATE = 6          /* a new block */
};

/* A request to the first DataNode of a pipeline, which connects to the others. BORROWED. */
struct cove__hdfs_write_block {
    const struct cove__hdfs_block *block; /* with the stamp that the nodes know */
    struct cove__slice token;
    const char *client;
    const struct cove__hdfs_node *nodes; /* all of the pipeline; the first is the one that is asked */
    size_t n_nodes;
    enum cove__hdfs_stage stage;
    uint64_t min_size, max_size; /* bytes that every node has, and that any may have */
    uint64_t new_stamp;          /* 0: of a new block */
    enum cove__hdfs_checksum checksum;
    uint32_t chunk;
};
void cove__hdfs_write_write_block(struct cove__buf *out, const struct cove__hdfs_write_block *request);
/* Lets a node copy its replica to others: those in `targets`. */
void cove__hdfs_write_transfer_block(struct cove__buf *out, const struct cove__hdfs_block *block,
                                     struct cove__slice token, const char *client,
                                     const struct cove__hdfs_node *targets, size_t n_targets);

/* The two lengths of a packet and its header, which are always as long. */
#define COVE__HDFS_PACKET_HEADER_SIZE 33
void cove__hdfs_write_packet_header(uint8_t out[COVE__HDFS_PACKET_HEADER_SIZE], int64_t offset, int64_t number,
                                    bool last, uint32_t data_size, uint32_t sums_size, bool sync);

/* PipelineAckProto */
#define COVE__HDFS_HEARTBEAT ((int64_t)-1) /* its number */
struct cove__hdfs_ack {
    int64_t number;
    size_t n_replies;
    size_t failed;   /* the first node, by its place in the pipeline, that does not report success; n_replies: none */
    unsigned status; /* of that node */
};
int cove__hdfs_read_ack(struct cove__slice message, struct cove__hdfs_ack *ret);

#endif
