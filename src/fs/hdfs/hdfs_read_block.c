/*
 * Bytes of one block from one DataNode. It sends whole checksum chunks in packets. A packet that lies within the wanted
 * bytes is received in its place; the first and the last come through memory of their own.
 */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/hdfs/hdfs.h"
#include "fs/hdfs/hdfs_datanode.h"
#include "wire/crc.h"

#define MESSAGE_MAX ((size_t)256 << 10)

/* A read under way. */
struct packets {
    struct cove__hdfs_socket *socket;
    struct cove__hdfs_block_read *read;
    struct cove__hdfs_block_response response;
    const struct cove__ctx *ctx;
    struct cove_error *err;
    struct cove__buf sums, scratch; /* a packet's checksums; its data, where that is not wanted as a whole */
};

static int malformed(const struct packets *p)
{
    return cove__fs_fail(p->err, p->ctx, COVE_EPROTOCOL, "%s sent a malformed packet", p->socket->peer);
}

static int receive_into(struct packets *p, struct cove__buf *buf, size_t size)
{
    cove__buf_reset(buf);
    if (cove__buf_reserve(buf, size + 1) < 0)
        return cove__fail_nomem(p->err, "a packet");
    int rc = cove__hdfs_socket_receive(p->socket, buf->data, size, p->ctx, p->err);

    buf->size = rc == 0 ? size : 0;
    return rc;
}

static uint32_t checksum(enum cove__hdfs_checksum type, const uint8_t *data, size_t size)
{
    return type == COVE__HDFS_CHECKSUM_CRC32C ? cove__crc32c(0, data, size) : cove__crc32(0, data, size);
}

static bool sums_match(const struct packets *p, const uint8_t *data, size_t size)
{
    const uint8_t *sum = p->sums.data;

    if (p->response.checksum == COVE__HDFS_CHECKSUM_NULL)
        return true;
    for (size_t at = 0; at < size; at += p->response.chunk, sum += 4) {
        size_t n = size - at < p->response.chunk ? size - at : p->response.chunk;
        uint32_t want = (uint32_t)sum[0] << 24 | (uint32_t)sum[1] << 16 | (uint32_t)sum[2] << 8 | (uint32_t)sum[3];

        if (checksum(p->response.checksum, data + at, n) != want)
            return false;
    }
    return true;
}

/* How many bytes of checksums belong to so much data. */
static size_t sums_size(const struct packets *p, size_t size)
{
    if (p->response.checksum == COVE__HDFS_CHECKSUM_NULL)
        return 0;
    return (size + p->response.chunk - 1) / p->response.chunk * 4;
}

/* The data of a packet: what is wanted of it lands in `dst`. */
static int take_data(struct packets *p, const struct cove__hdfs_packet *packet)
{
    struct cove__hdfs_block_read *read = p->read;
    uint64_t next = read->offset + read->ret_done, start = (uint64_t)packet->offset, end = start + packet->data_size;
    uint64_t until = read->offset + read->length;
    size_t n = (size_t)((end < until ? end : until) - next);
    uint8_t *dst = read->dst + read->ret_done, *data = dst;
    int rc = receive_into(p, &p->sums, packet->sums_size);

    if (rc < 0)
        return rc;
    if (start == next && end <= until)
        rc = cove__hdfs_socket_receive(p->socket, dst, packet->data_size, p->ctx, p->err);
    else {
        rc = receive_into(p, &p->scratch, packet->data_size);
        data = p->scratch.data;
    }
    if (rc < 0)
        return rc;
    if (!sums_match(p, data, packet->data_size))
        return cove__fs_fail(p->err, p->ctx, COVE_ECORRUPT, "%s sent bytes that do not have their checksum",
                             p->socket->peer);
    if (data != dst)
        memcpy(dst, data + (next - start), n);
    read->ret_done += n;
    return 0;
}

/* 1: a packet was taken; 0: it was the last one, which has no data. */
static int take_packet(struct packets *p)
{
    uint8_t lengths[COVE__HDFS_PACKET_LENGTHS];
    struct cove__hdfs_packet packet;
    uint64_t next = p->read->offset + p->read->ret_done;
    int rc = cove__hdfs_socket_receive(p->socket, lengths, sizeof lengths, p->ctx, p->err);

    if (rc == 0 && cove__hdfs_read_packet_lengths(lengths, &packet) < 0)
        rc = malformed(p);
    if (rc == 0)
        rc = receive_into(p, &p->scratch, packet.header_size);
    if (rc < 0)
        return rc;
    if (cove__hdfs_read_packet_header(cove__buf_slice(&p->scratch), &packet) < 0)
        return malformed(p);
    if (packet.data_size == 0) {
        if (!packet.last || packet.sums_size > 0)
            return malformed(p);
        return 0;
    }
    /* It continues where the one before has ended; only the first begins earlier, with its chunk. */
    if ((uint64_t)packet.offset > next || (uint64_t)packet.offset + packet.data_size <= next ||
        ((uint64_t)packet.offset != next && p->read->ret_done > 0) ||
        packet.sums_size != sums_size(p, packet.data_size) || p->read->ret_done == p->read->length)
        return malformed(p);
    rc = take_data(p, &packet);
    return rc < 0 ? rc : 1;
}

static int refused(const struct packets *p)
{
    unsigned status = p->response.status;
    struct cove__slice text = p->response.message;
    int code = status == COVE__HDFS_ERROR_ACCESS_TOKEN ? COVE_EAUTH
               : status == COVE__HDFS_ERROR_CHECKSUM   ? COVE_ECORRUPT
                                                       : COVE_ESERVER;

    return cove__fs_fail(p->err, p->ctx, code, "%s cannot read block %llu: %.*s (status %u)", p->socket->peer,
                         (unsigned long long)p->read->block->block.id, (int)(text.size < 400 ? text.size : 400),
                         text.size ? (const char *)text.data : "", status);
}

static int ask(struct packets *p, const char *client, struct cove__buf *message)
{
    struct cove__buf request = COVE__BUF_INIT(MESSAGE_MAX);
    const struct cove__hdfs_block_read *read = p->read;
    int rc;

    cove__hdfs_write_read_block(&request, &read->block->block, read->token, client, read->offset, read->length);
    rc = cove__buf_rc(&request) ? cove__fail_nomem(p->err, "a request") : 0;
    if (rc == 0) {
        struct iovec part = { request.data, request.size };

        rc = cove__hdfs_socket_send(p->socket, &part, 1, p->ctx, p->err);
    }
    cove__buf_done(&request);
    if (rc == 0)
        rc = cove__hdfs_receive_delimited(p->socket, message, p->ctx, p->err);
    if (rc == 0 && cove__hdfs_read_block_response(cove__buf_slice(message), &p->response) < 0)
        rc = malformed(p);
    if (rc == 0 && p->response.status != COVE__HDFS_SUCCESS)
        rc = refused(p);
    return rc == 0 && !p->response.has_checksum ? malformed(p) : rc;
}

/* Reports that all was read and verified. The bytes are there, whether or not the report arrives. */
static bool report(const struct packets *p)
{
    struct cove__buf out = COVE__BUF_INIT(32);
    bool done;

    cove__hdfs_write_read_status(&out, p->response.checksum == COVE__HDFS_CHECKSUM_NULL ? COVE__HDFS_SUCCESS
                                                                                        : COVE__HDFS_CHECKSUM_OK);
    struct iovec part = { out.data, out.size };

    done = cove__buf_rc(&out) == 0 && cove__hdfs_socket_send(p->socket, &part, 1, p->ctx, NULL) == 0;
    cove__buf_done(&out);
    return done;
}

static int read_once(struct cove__hdfs *fs, struct cove__hdfs_datanode *c, struct cove__hdfs_block_read *read,
                     const struct cove__ctx *ctx, struct cove_error *err)
{
    struct packets p = { .socket = cove__hdfs_datanode_socket(c), .read = read, .ctx = ctx, .err = err };
    struct cove__buf message = COVE__BUF_INIT(MESSAGE_MAX);
    int rc, more = 1;

    cove__buf_init(&p.sums, COVE__HDFS_PACKET_MAX);
    cove__buf_init(&p.scratch, COVE__HDFS_PACKET_MAX);
    rc = ask(&p, fs->client_name, &message);
    while (rc == 0 && more == 1) {
        more = take_packet(&p);
        if (more < 0)
            rc = more;
    }
    if (rc == 0 && read->ret_done < read->length)
        rc = cove__fs_fail(err, ctx, COVE_ESERVER, "%s has only a part of block %llu", p.socket->peer,
                           (unsigned long long)read->block->block.id);
    cove__hdfs_datanode_close(fs, c, rc == 0 && report(&p));
    cove__buf_done(&message);
    cove__buf_done(&p.sums);
    cove__buf_done(&p.scratch);
    return rc;
}

int cove__hdfs_read_block_of(struct cove__hdfs *fs, const struct cove__hdfs_node *node,
                             struct cove__hdfs_block_read *read, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__hdfs_datanode *c = NULL;
    bool reused = false;
    int rc = cove__hdfs_datanode_open(fs, node, read->token, false, ctx, &c, &reused, err);

    read->ret_done = 0;
    if (rc == 0)
        rc = read_once(fs, c, read, ctx, err);
    if (rc != COVE_ENETWORK || !reused || read->ret_done > 0)
        return rc;
    /* The DataNode had closed an idle connection, which is no failure of it. */
    rc = cove__hdfs_datanode_open(fs, node, read->token, true, ctx, &c, &reused, err);
    return rc < 0 ? rc : read_once(fs, c, read, ctx, err);
}
