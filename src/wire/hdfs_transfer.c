/* The messages between a client and a DataNode: see hdfs_transfer.h. */
#include "wire/hdfs_transfer.h"

#include <cove/error.h>

#include "wire/protobuf.h"

#define VERSION     28
#define OP_WRITE    80
#define OP_READ     81
#define OP_TRANSFER 86

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

/* ---- writing ---- */

static void put_targets(struct cove__buf *out, unsigned number, const struct cove__hdfs_node *nodes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        cove__pb_bytes(out, number, nodes[i].message);
}

static void put_storages(struct cove__buf *out, unsigned type, unsigned id, const struct cove__hdfs_node *nodes,
                         size_t n)
{
    for (size_t i = 0; i < n; i++)
        cove__pb_uint(out, type, nodes[i].storage_type);
    for (size_t i = 0; i < n; i++)
        cove__pb_bytes(out, id, nodes[i].storage);
}

void cove__hdfs_write_write_block(struct cove__buf *out, const struct cove__hdfs_write_block *request)
{
    struct cove__buf message = COVE__BUF_INIT(out->max);
    const struct cove__hdfs_node *others = request->nodes + 1;
    size_t n_others = request->n_nodes - 1, mark;

    begin_operation(out, OP_WRITE);
    put_header(&message, 1, request->block, request->token, request->client);
    put_targets(&message, 2, others, n_others);
    cove__pb_uint(&message, 4, request->stage);
    cove__pb_uint(&message, 5, request->n_nodes);
    cove__pb_uint(&message, 6, request->min_size);
    cove__pb_uint(&message, 7, request->max_size);
    cove__pb_uint(&message, 8, request->new_stamp);
    mark = cove__pb_begin(&message, 9);
    cove__pb_uint(&message, 1, request->checksum);
    cove__pb_uint(&message, 2, request->chunk);
    cove__pb_end(&message, mark);
    cove__pb_uint(&message, 11, request->nodes[0].storage_type);
    for (size_t i = 0; i < n_others; i++)
        cove__pb_uint(&message, 12, others[i].storage_type);
    cove__pb_bytes(&message, 16, request->nodes[0].storage);
    for (size_t i = 0; i < n_others; i++)
        cove__pb_bytes(&message, 17, others[i].storage);
    add_delimited(out, &message);
}

void cove__hdfs_write_transfer_block(struct cove__buf *out, const struct cove__hdfs_block *block,
                                     struct cove__slice token, const char *client,
                                     const struct cove__hdfs_node *targets, size_t n_targets)
{
    struct cove__buf message = COVE__BUF_INIT(out->max);

    begin_operation(out, OP_TRANSFER);
    put_header(&message, 1, block, token, client);
    put_targets(&message, 2, targets, n_targets);
    put_storages(&message, 3, 4, targets, n_targets);
    add_delimited(out, &message);
}

static uint8_t *put_fixed(uint8_t *out, uint8_t tag, uint64_t value, size_t size)
{
    *out++ = tag;
    for (size_t i = 0; i < size; i++)
        *out++ = (uint8_t)(value >> (8 * i));
    return out;
}

static uint8_t *put_bool(uint8_t *out, uint8_t tag, bool value)
{
    *out++ = tag;
    *out++ = value;
    return out;
}

void cove__hdfs_write_packet_header(uint8_t out[COVE__HDFS_PACKET_HEADER_SIZE], int64_t offset, int64_t number,
                                    bool last, uint32_t data_size, uint32_t sums_size, bool sync)
{
    uint32_t size = 4 + sums_size + data_size; /* the length counts itself */
    uint8_t *p = out;

    for (int shift = 24; shift >= 0; shift -= 8)
        *p++ = (uint8_t)(size >> shift);
    *p++ = 0;
    *p++ = COVE__HDFS_PACKET_HEADER_SIZE - COVE__HDFS_PACKET_LENGTHS;
    p = put_fixed(p, 1 << 3 | COVE__PB_FIXED64, (uint64_t)offset, 8);
    p = put_fixed(p, 2 << 3 | COVE__PB_FIXED64, (uint64_t)number, 8);
    p = put_bool(p, 3 << 3 | COVE__PB_VARINT, last);
    p = put_fixed(p, 4 << 3 | COVE__PB_FIXED32, data_size, 4);
    (void)put_bool(p, 5 << 3 | COVE__PB_VARINT, sync);
}

static void take_reply(struct cove__hdfs_ack *ack, uint64_t status)
{
    if (status != COVE__HDFS_SUCCESS && ack->failed == SIZE_MAX) {
        ack->failed = ack->n_replies;
        ack->status = (unsigned)status;
    }
    ack->n_replies++;
}

int cove__hdfs_read_ack(struct cove__slice message, struct cove__hdfs_ack *ret)
{
    struct cove__pb_field field;
    bool has_number = false;
    uint64_t status;
    int more;

    *ret = (struct cove__hdfs_ack){ .failed = SIZE_MAX };
    while ((more = cove__pb_next(&message, &field)) == 1) {
        if (cove__pb_is(&field, 1, COVE__PB_VARINT)) {
            ret->number = (int64_t)(field.value >> 1) ^ -(int64_t)(field.value & 1);
            has_number = true;
        } else if (cove__pb_is(&field, 2, COVE__PB_VARINT))
            take_reply(ret, field.value);
        else if (cove__pb_is(&field, 2, COVE__PB_BYTES)) {
            while (cove__pb_take_varint(&field.bytes, &status) == 1)
                take_reply(ret, status);
            if (field.bytes.size > 0)
                return COVE_EPROTOCOL;
        }
    }
    if (ret->failed == SIZE_MAX)
        ret->failed = ret->n_replies;
    return more < 0 || !has_number ? COVE_EPROTOCOL : 0;
}

/* ---- SASL ---- */

#define AES_CTR 2 /* CipherSuiteProto */

void cove__hdfs_write_sasl(struct cove__buf *out, struct cove__slice payload, bool offers_cipher)
{
    struct cove__buf message = COVE__BUF_INIT(out->max);
    size_t mark;

    cove__pb_uint(&message, 1, COVE__HDFS_SASL_SUCCESS);
    cove__pb_bytes(&message, 2, payload);
    if (offers_cipher) {
        mark = cove__pb_begin(&message, 4);
        cove__pb_uint(&message, 1, AES_CTR);
        cove__pb_end(&message, mark);
    }
    add_delimited(out, &message);
}

int cove__hdfs_read_sasl(struct cove__slice message, struct cove__hdfs_sasl_message *ret)
{
    uint64_t status = 0, suite = 0, bad_token = 0;
    struct cove__slice cipher;

    *ret = (struct cove__hdfs_sasl_message){ 0 };
    if (!cove__hdfs_number(message, 1, &status))
        return COVE_EPROTOCOL;
    ret->status = (unsigned)status;
    cove__hdfs_field(message, 2, &ret->payload);
    cove__hdfs_field(message, 3, &ret->text);
    ret->bad_token = cove__hdfs_number(message, 6, &bad_token) && bad_token;
    if (!cove__hdfs_field(message, 4, &cipher))
        return 0;
    ret->has_cipher = true;
    /* "in" and "out" are the DataNode's. */
    return cove__hdfs_number(cipher, 1, &suite) && suite == AES_CTR && cove__hdfs_field(cipher, 2, &ret->to_key) &&
                   cove__hdfs_field(cipher, 3, &ret->to_iv) && cove__hdfs_field(cipher, 4, &ret->from_key) &&
                   cove__hdfs_field(cipher, 5, &ret->from_iv)
               ? 0
               : COVE_EPROTOCOL;
}
