/* Messages of files and blocks: see hdfs_messages.h. */
#include "wire/hdfs_messages.h"

#include <cove/error.h>

#include "base/mem.h"
#include "wire/protobuf.h"

#define NODES_MAX  ((size_t)1024)    /* of one block: replicas, or the units of a group */
#define BLOCKS_MAX ((size_t)1 << 22) /* of one response */

bool cove__hdfs_field(struct cove__slice message, unsigned number, struct cove__slice *ret)
{
    struct cove__pb_field field;
    bool found = false;
    int more;

    while ((more = cove__pb_next(&message, &field)) == 1) {
        if (!cove__pb_is(&field, number, COVE__PB_BYTES))
            continue;
        *ret = field.bytes;
        found = true;
    }
    return found && more == 0;
}

bool cove__hdfs_number(struct cove__slice message, unsigned number, uint64_t *ret)
{
    struct cove__pb_field field;
    bool found = false;
    int more;

    while ((more = cove__pb_next(&message, &field)) == 1) {
        if (!cove__pb_is(&field, number, COVE__PB_VARINT))
            continue;
        *ret = field.value;
        found = true;
    }
    return found && more == 0;
}

/* ---- blocks ---- */

int cove__hdfs_read_block(struct cove__slice message, struct cove__hdfs_block *ret)
{
    *ret = (struct cove__hdfs_block){ 0 };
    if (!cove__hdfs_field(message, 1, &ret->pool) || !cove__hdfs_number(message, 2, &ret->id) ||
        !cove__hdfs_number(message, 3, &ret->stamp))
        return COVE_EPROTOCOL;
    cove__hdfs_number(message, 4, &ret->size);
    return 0;
}

void cove__hdfs_write_block(struct cove__buf *out, unsigned number, const struct cove__hdfs_block *block)
{
    size_t mark = cove__pb_begin(out, number);

    cove__pb_bytes(out, 1, block->pool);
    cove__pb_uint(out, 2, block->id);
    cove__pb_uint(out, 3, block->stamp);
    cove__pb_uint(out, 4, block->size);
    cove__pb_end(out, mark);
}

void cove__hdfs_write_permission(struct cove__buf *out, unsigned number, uint32_t mode)
{
    size_t mark = cove__pb_begin(out, number);

    cove__pb_uint(out, 1, mode);
    cove__pb_end(out, mark);
}

int cove__hdfs_read_node(struct cove__slice message, struct cove__hdfs_node *ret)
{
    uint64_t port = 0, ipc_port = 0;

    *ret = (struct cove__hdfs_node){ .message = message, .storage_type = 1 };
    if (!cove__hdfs_field(message, 1, &ret->id) || !cove__hdfs_field(ret->id, 1, &ret->address) ||
        !cove__hdfs_field(ret->id, 2, &ret->host) || !cove__hdfs_field(ret->id, 3, &ret->uuid) ||
        !cove__hdfs_number(ret->id, 4, &port) || !cove__hdfs_number(ret->id, 6, &ipc_port) || port > 65535 ||
        ipc_port > 65535)
        return COVE_EPROTOCOL;
    ret->port = (unsigned)port;
    ret->ipc_port = (unsigned)ipc_port;
    return 0;
}

static int add_node(struct cove__hdfs_located *located, struct cove__slice message)
{
    if (cove__grow(&located->nodes, &located->nodes_cap, located->n_nodes + 1, sizeof *located->nodes, NODES_MAX) < 0)
        return located->n_nodes < NODES_MAX ? COVE_ENOMEM : COVE_EPROTOCOL;
    return cove__hdfs_read_node(message, &located->nodes[located->n_nodes++]);
}

static int add_token(struct cove__hdfs_located *located, struct cove__slice token)
{
    if (cove__grow(&located->tokens, &located->tokens_cap, located->n_tokens + 1, sizeof *located->tokens, NODES_MAX) <
        0)
        return located->n_tokens < NODES_MAX ? COVE_ENOMEM : COVE_EPROTOCOL;
    located->tokens[located->n_tokens++] = token;
    return 0;
}

/* The types and IDs of storages come in the nodes' order, after them or before. Types may be packed. */
static int read_storages(struct cove__slice message, struct cove__hdfs_located *ret)
{
    size_t n_types = 0, n_ids = 0;
    struct cove__pb_field field;
    uint64_t type;
    int more;

    while ((more = cove__pb_next(&message, &field)) == 1) {
        if (cove__pb_is(&field, 7, COVE__PB_VARINT) && n_types < ret->n_nodes)
            ret->nodes[n_types++].storage_type = (unsigned)field.value;
        else if (cove__pb_is(&field, 7, COVE__PB_BYTES)) {
            while (n_types < ret->n_nodes && cove__pb_take_varint(&field.bytes, &type) == 1)
                ret->nodes[n_types++].storage_type = (unsigned)type;
        } else if (cove__pb_is(&field, 8, COVE__PB_BYTES) && n_ids < ret->n_nodes)
            ret->nodes[n_ids++].storage = field.bytes;
    }
    return more < 0 ? COVE_EPROTOCOL : 0;
}

int cove__hdfs_read_located(struct cove__slice message, struct cove__hdfs_located *ret)
{
    struct cove__slice rest = message, block;
    struct cove__pb_field field;
    bool has_token = false;
    int rc = 0, more = 0;

    *ret = (struct cove__hdfs_located){ 0 };
    while (rc == 0 && (more = cove__pb_next(&rest, &field)) == 1) {
        if (cove__pb_is(&field, 2, COVE__PB_VARINT))
            ret->offset = field.value;
        else if (cove__pb_is(&field, 3, COVE__PB_BYTES))
            rc = add_node(ret, field.bytes);
        else if (cove__pb_is(&field, 4, COVE__PB_VARINT))
            ret->corrupt = field.value != 0;
        else if (cove__pb_is(&field, 5, COVE__PB_BYTES)) {
            ret->token = field.bytes;
            has_token = true;
        } else if (cove__pb_is(&field, 9, COVE__PB_BYTES)) {
            ret->indices = field.bytes;
            ret->striped = true;
        } else if (cove__pb_is(&field, 10, COVE__PB_BYTES))
            rc = add_token(ret, field.bytes);
    }
    if (rc == 0 && (more < 0 || !has_token || !cove__hdfs_field(message, 1, &block)))
        rc = COVE_EPROTOCOL;
    if (rc == 0)
        rc = cove__hdfs_read_block(block, &ret->block);
    if (rc == 0)
        rc = read_storages(message, ret);
    if (rc == 0 && ret->striped && ret->indices.size != ret->n_nodes)
        rc = COVE_EPROTOCOL;
    if (rc < 0)
        cove__hdfs_located_done(ret);
    return rc;
}

void cove__hdfs_located_done(struct cove__hdfs_located *located)
{
    cove__free(located->nodes);
    cove__free(located->tokens);
    *located = (struct cove__hdfs_located){ 0 };
}

static int add_located(struct cove__hdfs_locations *locations, struct cove__slice message)
{
    if (cove__grow(&locations->blocks, &locations->blocks_cap, locations->n_blocks + 1, sizeof *locations->blocks,
                   BLOCKS_MAX) < 0)
        return locations->n_blocks < BLOCKS_MAX ? COVE_ENOMEM : COVE_EPROTOCOL;
    int rc = cove__hdfs_read_located(message, &locations->blocks[locations->n_blocks]);

    locations->n_blocks += rc == 0;
    return rc;
}

int cove__hdfs_read_locations(struct cove__slice message, struct cove__hdfs_locations *ret)
{
    struct cove__pb_field field;
    bool has_length = false;
    int rc = 0, more = 0;

    *ret = (struct cove__hdfs_locations){ .last_complete = true };
    while (rc == 0 && (more = cove__pb_next(&message, &field)) == 1) {
        if (cove__pb_is(&field, 1, COVE__PB_VARINT)) {
            ret->length = field.value;
            has_length = true;
        } else if (cove__pb_is(&field, 2, COVE__PB_BYTES))
            rc = add_located(ret, field.bytes);
        else if (cove__pb_is(&field, 3, COVE__PB_VARINT))
            ret->under_construction = field.value != 0;
        else if (cove__pb_is(&field, 4, COVE__PB_BYTES) && !ret->has_last) {
            rc = cove__hdfs_read_located(field.bytes, &ret->last);
            ret->has_last = rc == 0;
        } else if (cove__pb_is(&field, 5, COVE__PB_VARINT))
            ret->last_complete = field.value != 0;
        else if (cove__pb_is(&field, 6, COVE__PB_BYTES))
            ret->encryption = field.bytes;
        else if (cove__pb_is(&field, 7, COVE__PB_BYTES))
            ret->ec_policy = field.bytes;
    }
    if (rc == 0 && (more < 0 || !has_length))
        rc = COVE_EPROTOCOL;
    if (rc < 0)
        cove__hdfs_locations_done(ret);
    return rc;
}

void cove__hdfs_locations_done(struct cove__hdfs_locations *locations)
{
    for (size_t i = 0; i < locations->n_blocks; i++)
        cove__hdfs_located_done(&locations->blocks[i]);
    cove__free(locations->blocks);
    cove__hdfs_located_done(&locations->last);
    *locations = (struct cove__hdfs_locations){ 0 };
}

/* ---- files ---- */

static void read_status_number(const struct cove__pb_field *field, struct cove__hdfs_status *ret)
{
    switch (field->number) {
    case 1:
        ret->type = (enum cove__hdfs_type)field->value;
        break;
    case 3:
        ret->length = field->value;
        break;
    case 7:
        ret->mtime_ms = (int64_t)field->value;
        break;
    case 8:
        ret->atime_ms = (int64_t)field->value;
        break;
    case 10:
        ret->replication = (uint32_t)field->value;
        break;
    case 11:
        ret->block_size = field->value;
        break;
    case 13:
        ret->file_id = field->value;
        break;
    default:
        break;
    }
}

static void read_status_bytes(const struct cove__pb_field *field, struct cove__hdfs_status *ret)
{
    uint64_t permission = 0;

    switch (field->number) {
    case 2:
        ret->path = field->bytes;
        break;
    case 4:
        if (cove__hdfs_number(field->bytes, 1, &permission))
            ret->permission = (uint32_t)permission;
        break;
    case 5:
        ret->owner = field->bytes;
        break;
    case 6:
        ret->group = field->bytes;
        break;
    case 9:
        ret->symlink = field->bytes;
        break;
    case 15:
        ret->encryption = field->bytes;
        break;
    case 17:
        ret->ec_policy = field->bytes;
        break;
    default:
        break;
    }
}

int cove__hdfs_read_status(struct cove__slice message, struct cove__hdfs_status *ret)
{
    struct cove__pb_field field;
    int more;

    *ret = (struct cove__hdfs_status){ 0 };
    while ((more = cove__pb_next(&message, &field)) == 1) {
        if (field.type == COVE__PB_VARINT)
            read_status_number(&field, ret);
        else if (field.type == COVE__PB_BYTES)
            read_status_bytes(&field, ret);
    }
    if (more < 0 || ret->type < COVE__HDFS_DIRECTORY || ret->type > COVE__HDFS_SYMLINK || ret->length > INT64_MAX)
        return COVE_EPROTOCOL;
    return 0;
}

int cove__hdfs_read_defaults(struct cove__slice message, struct cove__hdfs_defaults *ret)
{
    uint64_t sums = 0, packet = 0, replication = 0, type = 1, encrypts = 0; /* CRC32, where it is not set */

    *ret = (struct cove__hdfs_defaults){ 0 };
    if (!cove__hdfs_number(message, 1, &ret->block_size) || !cove__hdfs_number(message, 2, &sums) ||
        !cove__hdfs_number(message, 3, &packet) || !cove__hdfs_number(message, 4, &replication))
        return COVE_EPROTOCOL;
    cove__hdfs_number(message, 6, &encrypts);
    cove__hdfs_number(message, 8, &type);
    cove__hdfs_field(message, 9, &ret->key_provider);
    ret->bytes_per_checksum = (uint32_t)sums;
    ret->packet_size = (uint32_t)packet;
    ret->replication = (uint32_t)replication;
    ret->checksum_type = (uint32_t)type;
    ret->encrypts = encrypts != 0;
    return ret->block_size == 0 || sums == 0 || sums > 1 << 20 || packet > 16 << 20 || replication > 32767 || type > 2
               ? COVE_EPROTOCOL
               : 0;
}
