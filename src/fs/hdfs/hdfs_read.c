/*
 * Reads. What the NameNode knows of a file's blocks is looked up once for all reads of it, and again where no DataNode
 * of a block could give it: replicas move, and their tokens expire. A file that was replaced has another ETag then.
 */
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/hdfs/hdfs.h"
#include "fs/hdfs/hdfs_datanode.h"
#include "fs/hdfs/hdfs_error.h"
#include "wire/protobuf.h"

#define REQUEST_MAX ((size_t)256 << 10)
#define MAY_READ    4u /* FsActionProto */
#define LOOKS_MAX   3  /* dfs.client.max.block.acquire.failures */

/* A file and where its blocks are, as the NameNode had it at one moment. */
struct blocks {
    atomic_uint refs;
    struct cove__hdfs_reply reply;
    struct cove__hdfs_status status;
    struct cove__hdfs_locations locations;
    uint64_t size; /* bytes that can be read: also those of a last block that is being written */
    char etag[COVE__HDFS_ETAG_SIZE];
};

struct handle {
    struct blocks *now; /* under cove__lock */
};

static void release(struct blocks *b)
{
    if (!b || atomic_fetch_sub(&b->refs, 1) > 1)
        return;
    cove__hdfs_locations_done(&b->locations);
    cove__hdfs_reply_done(&b->reply);
    cove__free(b);
}

static struct blocks *current(struct handle *h)
{
    struct blocks *b;

    cove__lock();
    b = h->now;
    atomic_fetch_add(&b->refs, 1);
    cove__unlock();
    return b;
}

static void replace(struct handle *h, struct blocks *b)
{
    struct blocks *old;

    atomic_fetch_add(&b->refs, 1);
    cove__lock();
    old = h->now;
    h->now = b;
    cove__unlock();
    release(old);
}

/* The last block with what its nodes have of it; the NameNode lists it, too, with the length that it knows. */
static int take_unfinished(struct cove__hdfs *fs, struct blocks *b, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__hdfs_locations *l = &b->locations;
    int rc = cove__hdfs_visible_length(fs, &l->last, ctx, &l->last.block.size, err);

    while (l->n_blocks > 0 && l->blocks[l->n_blocks - 1].offset >= l->last.offset)
        cove__hdfs_located_done(&l->blocks[--l->n_blocks]);
    b->size = l->length + l->last.block.size;
    return rc;
}

static bool is_unfinished(const struct blocks *b)
{
    return b->locations.has_last && !b->locations.last_complete;
}

static int read_file(struct cove__hdfs *fs, struct blocks *b, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__slice message, locations;
    int rc;

    if (!cove__hdfs_field(b->reply.response.message, 1, &message))
        return cove__fs_fail(err, ctx, COVE_ENOTFOUND, "no such file");
    rc = cove__hdfs_read_status(message, &b->status);
    if (rc == 0 && b->status.type == COVE__HDFS_DIRECTORY)
        return cove__fs_fail(err, ctx, COVE_EISDIR, "is a directory");
    if (rc == 0)
        rc = cove__hdfs_field(message, 12, &locations) ? cove__hdfs_read_locations(locations, &b->locations)
                                                       : COVE_EPROTOCOL;
    if (rc < 0)
        return cove__hdfs_unreadable(ctx, "getLocatedFileInfo", rc, err);
    cove__hdfs_etag(&b->status, b->etag);
    b->size = b->status.length;
    return is_unfinished(b) ? take_unfinished(fs, b, ctx, err) : 0;
}

/* The NameNode checks the right to read a file where a client asks for its blocks, but not in the call below. */
static int check_access(struct cove__hdfs *fs, const char *path, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__buf request = COVE__BUF_INIT(REQUEST_MAX);
    struct cove__hdfs_reply reply;
    int rc;

    cove__pb_string(&request, 1, path);
    cove__pb_uint(&request, 2, MAY_READ);
    rc = cove__hdfs_call(fs, "checkAccess", &request, NULL, ctx, &reply, err);
    cove__buf_done(&request);
    if (rc == 0)
        cove__hdfs_reply_done(&reply);
    return rc;
}

static int look_up(struct cove__hdfs *fs, const char *path, const struct cove__ctx *ctx, struct blocks **ret,
                   struct cove_error *err)
{
    struct cove__buf request = COVE__BUF_INIT(REQUEST_MAX);
    struct blocks *b = cove__calloc(1, sizeof *b);
    int rc;

    if (!b)
        return cove__fail_nomem(err, "a file's blocks");
    b->refs = 1;
    cove__pb_string(&request, 1, path);
    cove__pb_uint(&request, 2, 1); /* with tokens for its blocks */
    rc = check_access(fs, path, ctx, err);
    if (rc == 0)
        rc = cove__hdfs_call(fs, "getLocatedFileInfo", &request, NULL, ctx, &b->reply, err);
    cove__buf_done(&request);
    if (rc == 0)
        rc = read_file(fs, b, ctx, err);
    if (rc == 0)
        *ret = b;
    else
        release(b);
    return rc;
}

int cove__hdfs_read_open(void *self, const char *path, const struct cove__ctx *ctx, void **ret_handle,
                         struct cove_error *err)
{
    struct handle *h = cove__calloc(1, sizeof *h);
    int rc = h ? look_up(self, path, ctx, &h->now, err) : cove__fail_nomem(err, "a reader");

    if (rc == 0)
        *ret_handle = h;
    else
        cove__free(h);
    return rc;
}

void cove__hdfs_read_close(void *self, void *handle)
{
    struct handle *h = handle;

    (void)self;
    release(h->now);
    cove__free(h);
}

/* ---- a range ---- */

/* The block that has the byte at `offset`; NULL: it is missing. */
static const struct cove__hdfs_located *block_at(const struct blocks *b, uint64_t offset)
{
    const struct cove__hdfs_locations *l = &b->locations;
    size_t low = 0, high = l->n_blocks;

    if (is_unfinished(b) && offset >= l->last.offset)
        return offset - l->last.offset < l->last.block.size ? &l->last : NULL;
    while (low < high) {
        size_t middle = (low + high) / 2;

        if (l->blocks[middle].offset <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return NULL;
    const struct cove__hdfs_located *found = &l->blocks[low - 1];

    return offset - found->offset < found->block.size ? found : NULL;
}

/* The nodes, one bit for each, that are tried after the others. */
static uint64_t suspects_of(struct cove__hdfs *fs, const struct cove__hdfs_located *block)
{
    uint64_t suspects = 0;

    for (size_t i = 0; i < block->n_nodes && i < 64; i++)
        suspects |= (uint64_t)cove__hdfs_datanode_is_suspect(fs, &block->nodes[i]) << i;
    return suspects;
}

static int read_from_node(struct cove__hdfs *fs, const struct cove__hdfs_node *node, struct cove__hdfs_block_read *read,
                          const struct cove__ctx *ctx, size_t *done, struct cove_error *err)
{
    int rc = cove__hdfs_read_block_of(fs, node, read, ctx, err);

    if (rc == 0 || rc == COVE_ENETWORK)
        cove__hdfs_datanode_suspect(fs, node, rc < 0);
    *done += read->ret_done;
    read->offset += read->ret_done;
    read->dst += read->ret_done;
    read->length -= read->ret_done;
    return rc;
}

/* From the block's nodes in their order, each from where the one before has failed. */
static int read_from_nodes(struct cove__hdfs *fs, struct cove__hdfs_block_read *read, const struct cove__ctx *ctx,
                           size_t *ret_done, struct cove_error *err)
{
    const struct cove__hdfs_located *block = read->block;
    int rc = cove__fs_fail(err, ctx, COVE_ESERVER, "block %llu has no live replica: `hdfs fsck` shows where it was",
                           (unsigned long long)block->block.id);

    uint64_t suspects = suspects_of(fs, block);

    *ret_done = 0;
    for (size_t i = 0; i < 2 * block->n_nodes && rc < 0; i++) {
        size_t node = i % block->n_nodes;
        bool later = node < 64 && suspects >> node & 1;

        if (later != (i >= block->n_nodes))
            continue;
        rc = read_from_node(fs, &block->nodes[node], read, ctx, ret_done, err);
        if (rc == COVE_ETIMEDOUT || rc == COVE_ECANCELED || rc == COVE_ENOMEM)
            break;
    }
    return rc;
}

/* Bytes from `*at` on, to the end of their block or of what is wanted. */
static int read_some(struct cove__hdfs *fs, const struct blocks *b, struct cove__read_io *io, uint64_t at,
                     size_t length, uint8_t *dst, size_t *ret_done, struct cove_error *err)
{
    const struct cove__hdfs_located *block = block_at(b, at);
    struct cove__hdfs_block_read read;

    *ret_done = 0;
    if (!block)
        return cove__fs_fail(err, &io->op.ctx, COVE_ESERVER, "the NameNode knows no block for the bytes at %llu",
                             (unsigned long long)at);
    uint64_t left = block->block.size - (at - block->offset);

    read = (struct cove__hdfs_block_read){
        .block = block,
        .token = block->token,
        .offset = at - block->offset,
        .length = left < length ? (size_t)left : length,
        .dst = dst,
    };
    return read_from_nodes(fs, &read, &io->op.ctx, ret_done, err);
}

/* A file that was being written is the same one while it grows. */
static bool is_same(const struct blocks *old, const struct blocks *now)
{
    return strcmp(now->etag, old->etag) == 0 ||
           (old->locations.under_construction && now->size >= old->size && now->status.file_id == old->status.file_id);
}

/* Looks the file up again, into *b and the handle. COVE_EPRECONDITION: it is another version. */
static int look_again(struct cove__hdfs *fs, struct cove__read_io *io, struct blocks **b, struct cove_error *err)
{
    struct blocks *now = NULL;
    int rc = look_up(fs, io->path, &io->op.ctx, &now, err);

    if (rc == 0 && !is_same(*b, now))
        rc = cove__fs_fail(err, &io->op.ctx, COVE_EPRECONDITION, "the file was replaced while it was read");
    if (rc < 0) {
        release(now);
        return rc;
    }
    memcpy(now->etag, (*b)->etag, sizeof now->etag); /* the one that the caller has */
    if (io->handle)
        replace(io->handle, now);
    release(*b);
    *b = now;
    return 0;
}

static int read_range(struct cove__hdfs *fs, struct cove__read_io *io, struct blocks **b, uint64_t from, size_t length,
                      struct cove_error *err)
{
    unsigned looks = 1;

    while ((size_t)io->op.count < length) {
        size_t got = 0, done = (size_t)io->op.count;
        int rc = read_some(fs, *b, io, from + done, length - done, io->dst + done, &got, err);

        io->op.count += (int64_t)got;
        if (got > 0)
            looks = 1;
        if (rc == 0)
            continue;
        if (rc == COVE_ETIMEDOUT || rc == COVE_ECANCELED || rc == COVE_ENOMEM || looks++ == LOOKS_MAX)
            return rc;
        rc = cove__ctx_check(&io->op.ctx, NULL) == 0 ? look_again(fs, io, b, err) : rc;
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int start(struct cove__hdfs *fs, struct cove__read_io *io, struct blocks **b, struct cove_error *err)
{
    const struct cove__ctx *ctx = &io->op.ctx;
    int rc = cove__ctx_check(ctx, err);

    if (rc == 0 && io->handle)
        *b = current(io->handle);
    else if (rc == 0)
        rc = look_up(fs, io->path, ctx, b, err);
    if (rc < 0)
        return rc;
    if (io->if_match && strcmp(io->if_match, (*b)->etag) != 0)
        return cove__fs_fail(err, ctx, COVE_EPRECONDITION, "the file was replaced while it was read");
    if ((*b)->locations.ec_policy.size > 0 || (*b)->locations.encryption.size > 0)
        return cove__fs_fail(err, ctx, COVE_ENOTSUP, "reading %s is not supported yet",
                             (*b)->locations.encryption.size > 0 ? "an encryption zone" : "an erasure-coded file");
    return 0;
}

static int read_file_range(struct cove__hdfs *fs, struct cove__read_io *io, struct cove_error *err)
{
    struct blocks *b = NULL;
    int rc = start(fs, io, &b, err);

    if (rc == 0) {
        int64_t size = (int64_t)b->size, from = io->offset < 0 ? size + io->offset : io->offset;

        from = from > 0 ? from : 0;
        io->ret_total = size;
        io->ret_etag = cove__strdup(b->etag);
        if (!io->ret_etag)
            rc = cove__fail_nomem(err, "a read");
        else if (from < size)
            rc = read_range(fs, io, &b, (uint64_t)from,
                            (uint64_t)(size - from) < io->length ? (size_t)(size - from) : io->length, err);
    }
    release(b);
    return rc;
}

void cove__hdfs_read(void *self, struct cove__read_io *io)
{
    struct cove_error err = COVE_ERROR_INIT;
    int rc = read_file_range(self, io, &err);

    cove__op_finish(&io->op, rc, rc < 0 ? 0 : io->op.count, &err);
}

int cove__hdfs_read_bytes(struct cove__hdfs *fs, const char *path, uint64_t offset, uint8_t *dst, size_t length,
                          const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__read_io io = { .op.ctx = *ctx, .path = path, .offset = (int64_t)offset, .length = length, .dst = dst };
    int rc = read_file_range(fs, &io, err);

    cove__free(io.ret_etag);
    if (rc == 0 && (size_t)io.op.count < length)
        rc = cove__fs_fail(err, ctx, COVE_EPRECONDITION, "the file became shorter");
    return rc;
}
