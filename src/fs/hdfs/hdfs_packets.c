/* A block's packets and their acknowledgements: see hdfs_pipeline.h. */

#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/hdfs/hdfs.h"
#include "fs/hdfs/hdfs_pipeline.h"
#include "wire/crc.h"

#define MESSAGE_MAX ((size_t)256 << 10)
#define UNDER_WAY   80             /* packets that are not acknowledged; as Hadoop's own clients have it */
#define BATCH       16             /* packets of one system call */
#define CHUNKS_MAX  ((size_t)4096) /* of one packet */

static void sum_chunks(const struct cove__hdfs_file *file, const uint8_t *data, size_t size, uint8_t *out)
{
    for (size_t at = 0; at < size; at += file->chunk, out += 4) {
        size_t n = size - at < file->chunk ? size - at : file->chunk;
        uint32_t sum =
            file->checksum == COVE__HDFS_CHECKSUM_CRC32C ? cove__crc32c(0, data + at, n) : cove__crc32(0, data + at, n);

        for (int i = 0; i < 4; i++)
            out[i] = (uint8_t)(sum >> (24 - 8 * i));
    }
}

/* Data bytes of one packet: whole chunks. */
static size_t packet_data(const struct cove__hdfs_file *file)
{
    size_t sum = file->checksum == COVE__HDFS_CHECKSUM_NULL ? 0 : 4;
    size_t chunks = file->packet > COVE__HDFS_PACKET_HEADER_SIZE
                        ? (file->packet - COVE__HDFS_PACKET_HEADER_SIZE) / (file->chunk + sum)
                        : 0;

    return (chunks == 0 ? 1 : chunks > CHUNKS_MAX ? CHUNKS_MAX : chunks) * file->chunk;
}

/* Of the bytes from `offset` on, those that fit into the next packet: a chunk that the block has in part is completed
 * by a separate packet. */
static size_t next_size(const struct cove__hdfs_file *file, uint64_t offset, size_t left)
{
    size_t most = packet_data(file), begun = (size_t)(offset % file->chunk);

    if (begun > 0)
        most = file->chunk - begun;
    return left < most ? left : most;
}

/* Packets whose acknowledgement is awaited: the end of each, in the block. */
struct window {
    uint64_t ends[UNDER_WAY];
    int64_t first; /* the number of the oldest */
    size_t n;
};

/* What a batch of packets is written into before it is sent. */
struct batch {
    struct iovec parts[BATCH * 3];
    uint8_t headers[BATCH][COVE__HDFS_PACKET_HEADER_SIZE];
    uint8_t *sums; /* owned: of all packets */
    size_t sums_room;
};

/* Sends the next packets of `data`, as many as the window and a batch take. */
static int send_batch(struct cove__hdfs_pipeline *p, struct batch *b, struct window *w, struct cove__slice *data,
                      uint64_t *offset, const struct cove__ctx *ctx, struct cove_error *err)
{
    const struct cove__hdfs_file *file = p->file;
    uint8_t *sums = b->sums;
    int n = 0;

    for (int i = 0; i < BATCH && data->size > 0 && w->n < UNDER_WAY; i++) {
        size_t size = next_size(file, *offset, data->size), sums_size = 0;

        if (file->checksum != COVE__HDFS_CHECKSUM_NULL) {
            sums_size = (size + file->chunk - 1) / file->chunk * 4;
            sum_chunks(file, data->data, size, sums);
        }
        cove__hdfs_write_packet_header(b->headers[i], (int64_t)*offset, p->next_number, false, (uint32_t)size,
                                       (uint32_t)sums_size, false);
        b->parts[n++] = (struct iovec){ b->headers[i], COVE__HDFS_PACKET_HEADER_SIZE };
        if (sums_size > 0)
            b->parts[n++] = (struct iovec){ sums, sums_size };
        b->parts[n++] = (struct iovec){ (void *)data->data, size };
        sums += sums_size;
        *offset += size;
        *data = cove__slice_sub(*data, size, data->size);
        w->ends[(size_t)(p->next_number % UNDER_WAY)] = *offset;
        w->n++;
        p->next_number++;
    }
    if (*offset > p->sent)
        p->sent = *offset;
    return cove__hdfs_socket_send(&p->socket, b->parts, n, ctx, err);
}

static int node_failed(const struct cove__hdfs_pipeline *p, const struct cove__hdfs_ack *ack,
                       const struct cove__ctx *ctx, size_t *ret_bad, struct cove_error *err)
{
    *ret_bad = ack->failed < p->n_nodes ? ack->failed : p->n_nodes;
    return cove__fs_fail(err, ctx, COVE_ESERVER, "DataNode %zu of %zu of the pipeline by %s failed (status %u)",
                         ack->failed + 1, p->n_nodes, p->socket.peer, ack->status);
}

/* One acknowledgement: of the packet `number`, or a heartbeat's. 1: that one; 0: another's. */
static int take_ack(struct cove__hdfs_pipeline *p, int64_t number, const struct cove__ctx *ctx, size_t *ret_bad,
                    struct cove_error *err)
{
    struct cove__buf message = COVE__BUF_INIT(MESSAGE_MAX);
    struct cove__hdfs_ack ack = { 0 };
    int rc = cove__hdfs_receive_delimited(&p->socket, &message, ctx, err);

    *ret_bad = 0; /* the first one, if the connection broke */
    if (rc == 0 && cove__hdfs_read_ack(cove__buf_slice(&message), &ack) < 0)
        rc = cove__fs_fail(err, ctx, COVE_EPROTOCOL, "%s sent a malformed acknowledgement", p->socket.peer);
    cove__buf_done(&message);
    if (rc < 0)
        return rc;
    if (ack.failed < ack.n_replies)
        return node_failed(p, &ack, ctx, ret_bad, err);
    if (ack.number == COVE__HDFS_HEARTBEAT)
        return 0;
    if (ack.number != number)
        return cove__fs_fail(err, ctx, COVE_EPROTOCOL, "%s acknowledged packet %lld, but %lld is awaited",
                             p->socket.peer, (long long)ack.number, (long long)number);
    return 1;
}

static int take_acks(struct cove__hdfs_pipeline *p, struct window *w, bool all, const struct cove__ctx *ctx,
                     size_t *ret_bad, struct cove_error *err)
{
    while (w->n > 0 && (all || w->n == UNDER_WAY || cove__hdfs_socket_has_bytes(&p->socket))) {
        int rc = take_ack(p, w->first, ctx, ret_bad, err);

        if (rc < 0)
            return rc;
        if (rc == 0)
            continue;
        p->block.size = w->ends[(size_t)(w->first % UNDER_WAY)];
        p->recoveries = 0;
        w->first++;
        w->n--;
    }
    return 0;
}

static int check_connected(const struct cove__hdfs_pipeline *p, const struct cove__ctx *ctx, size_t *ret_bad,
                           struct cove_error *err)
{
    *ret_bad = p->socket.fd < 0 ? p->suspect : 0;
    if (p->socket.fd >= 0)
        return 0;
    return cove__fs_fail(err, ctx, COVE_ENETWORK, "a DataNode of the pipeline failed while nothing was written");
}

/* Sends what is not acknowledged, from block.size on, until all is. */
static int send_all(struct cove__hdfs_pipeline *p, struct batch *b, struct cove__slice data,
                    const struct cove__ctx *ctx, size_t *ret_bad, struct cove_error *err)
{
    struct window w = { .first = p->next_number };
    uint64_t offset = p->block.size;
    int rc;

    rc = check_connected(p, ctx, ret_bad, err);
    while (rc == 0 && (data.size > 0 || w.n > 0)) {
        if (data.size > 0 && w.n < UNDER_WAY)
            rc = send_batch(p, b, &w, &data, &offset, ctx, err);
        if (rc == COVE_ENETWORK && cove__hdfs_socket_has_bytes(&p->socket)) { /* it may say which node failed */
            struct cove_error why = COVE_ERROR_INIT;
            int told = take_acks(p, &w, true, ctx, ret_bad, &why);

            if (told == COVE_ESERVER)
                rc = cove__error_copy(err, &why);
        } else if (rc == 0)
            rc = take_acks(p, &w, data.size == 0, ctx, ret_bad, err);
    }
    return rc;
}

int cove__hdfs_pipeline_send(struct cove__hdfs_pipeline *p, struct cove__slice data, const struct cove__ctx *ctx,
                             struct cove_error *err)
{
    uint64_t start = p->block.size, end = start + data.size;
    struct batch *b = cove__malloc(sizeof *b);
    struct cove_error failure = COVE_ERROR_INIT;
    int rc = 0;

    if (b) {
        b->sums_room = BATCH * (packet_data(p->file) / p->file->chunk) * 4;
        b->sums = cove__malloc(b->sums_room);
    }
    if (!b || !b->sums)
        rc = cove__fail_nomem(err, "packets");
    while (rc == 0 && p->block.size < end) {
        size_t bad = 0;

        rc = send_all(p, b, cove__slice_sub(data, (size_t)(p->block.size - start), data.size), ctx, &bad, &failure);
        if (cove__hdfs_is_node_failure(rc))
            rc = cove__hdfs_pipeline_recover(p, COVE__HDFS_RECOVER_STREAM, bad, &failure, ctx, err);
        else if (rc < 0)
            cove__error_copy(err, &failure);
    }
    if (b)
        cove__free(b->sums);
    cove__free(b);
    return rc;
}

/* ---- the end ---- */

static int send_end(struct cove__hdfs_pipeline *p, const struct cove__ctx *ctx, size_t *ret_bad, struct cove_error *err)
{
    uint8_t header[COVE__HDFS_PACKET_HEADER_SIZE];
    struct iovec part = { header, sizeof header };
    int64_t number = p->next_number++;
    int rc;

    rc = check_connected(p, ctx, ret_bad, err);
    cove__hdfs_write_packet_header(header, (int64_t)p->block.size, number, true, 0, 0, false);
    if (rc == 0)
        rc = cove__hdfs_socket_send(&p->socket, &part, 1, ctx, err);
    while (rc == 0) {
        rc = take_ack(p, number, ctx, ret_bad, err);
        if (rc == 1)
            return 0;
    }
    return rc;
}

int cove__hdfs_pipeline_end(struct cove__hdfs_pipeline *p, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove_error failure = COVE_ERROR_INIT;
    size_t bad = 0;
    int rc = send_end(p, ctx, &bad, &failure);

    /* The recovery of a block's end lets the nodes end it: there is no more to be sent. */
    if (cove__hdfs_is_node_failure(rc))
        rc = cove__hdfs_pipeline_recover(p, COVE__HDFS_RECOVER_CLOSE, bad, &failure, ctx, err);
    else if (rc < 0)
        cove__error_copy(err, &failure);
    cove__hdfs_socket_close(&p->socket);
    return rc;
}

void cove__hdfs_pipeline_heartbeat(struct cove__hdfs_pipeline *p, const struct cove__ctx *ctx)
{
    uint8_t header[COVE__HDFS_PACKET_HEADER_SIZE];
    struct iovec part = { header, sizeof header };
    int rc = 0;

    if (p->socket.fd < 0)
        return;
    p->suspect = 0;
    while (rc == 0 && cove__hdfs_socket_has_bytes(&p->socket)) /* of the heartbeats before */
        rc = take_ack(p, COVE__HDFS_HEARTBEAT, ctx, &p->suspect, NULL);
    cove__hdfs_write_packet_header(header, 0, COVE__HDFS_HEARTBEAT, false, 0, 0, false);
    if (rc == 0)
        rc = cove__hdfs_socket_send(&p->socket, &part, 1, ctx, NULL);
    if (rc < 0)
        cove__hdfs_socket_close(&p->socket);
}
