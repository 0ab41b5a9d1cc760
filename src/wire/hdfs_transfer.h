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

#endif
