/* The messages between a client and a DataNode: see hdfs_transfer.h. */
#include "wire/hdfs_transfer.h"

#include <cove/error.h>

#include "wire/protobuf.h"

#define VERSION 28
#define OP_READ 81

static void begin_operation(struct cove__buf *out, uint8_t operation)
{
    const uint8_t bytes[] = { 0, VERSION, operation };

    cove__buf_add(out, bytes, sizeof bytes);
}

static void add_delimited(struct cove__buf *out, struct cove__buf *message)
{
    if (message->rc)
        out->rc = message->rc;
    cove__pb_put_varint(out, message->size);
    cove__buf_add_slice(out, cove__buf_slice(message));
    cove__buf_done(message);
}

/* ClientOperationHeaderProto */
static void put_header(struct cove__buf *out, unsigned number, const struct cove__hdfs_block *block,
                       struct cove__slice token, const char *client)
{
    size_t header = cove__pb_begin(out, number), base = cove__pb_begin(out, 1);

    cove__hdfs_write_block(out, 1, block);
    cove__pb_bytes(out, 2, token);
    cove__pb_end(out, base);
    cove__pb_string(out, 2, client);
    cove__pb_end(out, header);
}

void cove__hdfs_write_read_block(struct cove__buf *out, const struct cove__hdfs_block *block, struct cove__slice token,
                                 const char *client, uint64_t offset, uint64_t length)
{
    struct cove__buf message = COVE__BUF_INIT(out->max);

    begin_operation(out, OP_READ);
    put_header(&message, 1, block, token, client);
    cove__pb_uint(&message, 2, offset);
    cove__pb_uint(&message, 3, length);
    add_delimited(out, &message);
}

void cove__hdfs_write_read_status(struct cove__buf *out, unsigned status)
{
    struct cove__buf message = COVE__BUF_INIT(16);

    cove__pb_uint(&message, 1, status);
    add_delimited(out, &message);
}

/* ReadOpChecksumInfoProto */
static int read_checksum(struct cove__slice message, struct cove__hdfs_block_response *ret)
{
    struct cove__slice checksum;
    uint64_t type = 0, chunk = 0;

    if (!cove__hdfs_field(message, 1, &checksum) || !cove__hdfs_number(message, 2, &ret->chunk_offset) ||
        !cove__hdfs_number(checksum, 1, &type) || !cove__hdfs_number(checksum, 2, &chunk) ||
        type > COVE__HDFS_CHECKSUM_CRC32C || chunk == 0 || chunk > COVE__HDFS_CHUNK_MAX)
        return COVE_EPROTOCOL;
    ret->has_checksum = true;
    ret->checksum = (enum cove__hdfs_checksum)type;
    ret->chunk = (uint32_t)chunk;
    return 0;
}

int cove__hdfs_read_block_response(struct cove__slice message, struct cove__hdfs_block_response *ret)
{
    struct cove__slice checksum;
    uint64_t status = 0;

    *ret = (struct cove__hdfs_block_response){ 0 };
    if (!cove__hdfs_number(message, 1, &status))
        return COVE_EPROTOCOL;
    ret->status = (unsigned)status;
    cove__hdfs_field(message, 2, &ret->bad_link);
    cove__hdfs_field(message, 5, &ret->message);
    return cove__hdfs_field(message, 4, &checksum) ? read_checksum(checksum, ret) : 0;
}

int cove__hdfs_read_packet_lengths(const uint8_t lengths[COVE__HDFS_PACKET_LENGTHS], struct cove__hdfs_packet *ret)
{
    /* The first length counts itself. */
    uint32_t size =
        (uint32_t)lengths[0] << 24 | (uint32_t)lengths[1] << 16 | (uint32_t)lengths[2] << 8 | (uint32_t)lengths[3];

    *ret = (struct cove__hdfs_packet){ .header_size = (uint32_t)lengths[4] << 8 | lengths[5] };
    if (size < 4 || size > COVE__HDFS_PACKET_MAX || ret->header_size == 0)
        return COVE_EPROTOCOL;
    ret->payload = size - 4;
    return 0;
}

int cove__hdfs_read_packet_header(struct cove__slice header, struct cove__hdfs_packet *ret)
{
    bool has_offset = false, has_number = false, has_size = false;
    struct cove__pb_field field;
    int more;

    while ((more = cove__pb_next(&header, &field)) == 1) {
        if (cove__pb_is(&field, 1, COVE__PB_FIXED64)) {
            ret->offset = (int64_t)field.value;
            has_offset = true;
        } else if (cove__pb_is(&field, 2, COVE__PB_FIXED64)) {
            ret->number = (int64_t)field.value;
            has_number = true;
        } else if (cove__pb_is(&field, 3, COVE__PB_VARINT))
            ret->last = field.value != 0;
        else if (cove__pb_is(&field, 4, COVE__PB_FIXED32)) {
            ret->data_size = (uint32_t)field.value;
            has_size = true;
        }
    }
    if (more < 0 || !has_offset || !has_number || !has_size || ret->offset < 0 || ret->data_size > ret->payload)
        return COVE_EPROTOCOL;
    ret->sums_size = ret->payload - ret->data_size;
    return 0;
}
