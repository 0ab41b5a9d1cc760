/* The DataNodes of a block and the connection to the first: see hdfs_pipeline.h. */
#include "fs/hdfs/hdfs_pipeline.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/hdfs/hdfs.h"

#define MESSAGE_MAX ((size_t)256 << 10)

/* ---- the nodes ---- */

static int copy_slice(struct cove__slice *slice)
{
    uint8_t *copy = cove__malloc(slice->size + 1);

    if (!copy)
        return COVE_ENOMEM;
    if (slice->size > 0)
        memcpy(copy, slice->data, slice->size);
    slice->data = copy;
    return 0;
}

static void free_slice(struct cove__slice slice)
{
    cove__free((void *)slice.data);
}

int cove__hdfs_pipeline_add_node(struct cove__hdfs_pipeline *p, const struct cove__hdfs_node *node)
{
    struct cove__slice message = node->message, storage = node->storage;
    struct cove__hdfs_node copy;

    if (cove__grow(&p->nodes, &p->nodes_cap, p->n_nodes + 1, sizeof *p->nodes, 1024) < 0 || copy_slice(&message) < 0)
        return COVE_ENOMEM;
    if (copy_slice(&storage) < 0 || cove__hdfs_read_node(message, &copy) < 0) {
        free_slice(message);
        return COVE_ENOMEM;
    }
    copy.storage = storage;
    copy.storage_type = node->storage_type;
    p->nodes[p->n_nodes++] = copy;
    return 0;
}

static void free_nodes(struct cove__hdfs_pipeline *p)
{
    for (size_t i = 0; i < p->n_nodes; i++) {
        free_slice(p->nodes[i].message);
        free_slice(p->nodes[i].storage);
    }
    for (size_t i = 0; i < p->n_failed; i++)
        free_slice(p->failed[i]);
    cove__free(p->nodes);
    cove__free(p->failed);
}

int cove__hdfs_pipeline_init(struct cove__hdfs_pipeline *p, const struct cove__hdfs_file *file,
                             const struct cove__hdfs_located *located)
{
    int rc = 0;

    *p = (struct cove__hdfs_pipeline){ .file = file, .socket.fd = -1, .block = located->block };
    cove__buf_init_secret(&p->token, MESSAGE_MAX);
    p->pool = cove__strndup((const char *)located->block.pool.data, located->block.pool.size);
    if (!p->pool || cove__buf_add_slice(&p->token, located->token) < 0)
        rc = COVE_ENOMEM;
    for (size_t i = 0; rc == 0 && i < located->n_nodes; i++)
        rc = cove__hdfs_pipeline_add_node(p, &located->nodes[i]);
    if (rc < 0)
        cove__hdfs_pipeline_done(p);
    else
        p->block.pool = cove__slice_str(p->pool);
    return rc;
}

void cove__hdfs_pipeline_done(struct cove__hdfs_pipeline *p)
{
    cove__hdfs_socket_close(&p->socket);
    free_nodes(p);
    cove__free(p->pool);
    cove__buf_done(&p->token);
    *p = (struct cove__hdfs_pipeline){ .socket.fd = -1 };
}

/* ---- the set-up ---- */

/* The node whose address the response names, or the first. */
static size_t bad_node(const struct cove__hdfs_pipeline *p, struct cove__slice link)
{
    char address[300];

    for (size_t i = 0; i < p->n_nodes; i++) {
        const struct cove__hdfs_node *node = &p->nodes[i];

        snprintf(address, sizeof address, "%.*s:%u", (int)node->address.size, (const char *)node->address.data,
                 node->port);
        if (cove__slice_is(link, address))
            return i;
        snprintf(address, sizeof address, "%.*s:%u", (int)node->host.size, (const char *)node->host.data, node->port);
        if (cove__slice_is(link, address))
            return i;
    }
    return 0;
}

static int set_up(struct cove__hdfs_pipeline *p, enum cove__hdfs_stage stage, uint64_t new_stamp,
                  const struct cove__ctx *ctx, size_t *ret_bad, struct cove_error *err)
{
    /* The nodes look for room for a whole block. */
    const struct cove__hdfs_block whole = { p->block.pool, p->block.id, p->block.stamp, p->file->block_size };
    const struct cove__hdfs_write_block request = {
        .block = &whole,
        .token = cove__buf_slice(&p->token),
        .client = p->file->client,
        .nodes = p->nodes,
        .n_nodes = p->n_nodes,
        .stage = stage,
        .min_size = p->block.size,
        .max_size = p->sent,
        .new_stamp = new_stamp,
        .checksum = p->file->checksum,
        .chunk = p->file->chunk,
    };
    struct cove__buf text = COVE__BUF_INIT(MESSAGE_MAX);
    struct cove__hdfs_block_response response;
    int rc;

    cove__hdfs_write_write_block(&text, &request);
    rc = cove__buf_rc(&text) ? cove__fail_nomem(err, "a request") : 0;
    if (rc == 0) {
        struct iovec part = { text.data, text.size };

        rc = cove__hdfs_socket_send(&p->socket, &part, 1, ctx, err);
    }
    if (rc == 0)
        rc = cove__hdfs_receive_delimited(&p->socket, &text, ctx, err);
    if (rc == 0 && cove__hdfs_read_block_response(cove__buf_slice(&text), &response) < 0)
        rc = cove__fs_fail(err, ctx, COVE_EPROTOCOL, "%s sent a malformed response", p->socket.peer);
    if (rc == 0 && response.status != COVE__HDFS_SUCCESS) {
        *ret_bad = bad_node(p, response.bad_link);
        rc = cove__fs_fail(err, ctx, response.status == COVE__HDFS_ERROR_ACCESS_TOKEN ? COVE_EAUTH : COVE_ESERVER,
                           "the DataNode %.*s:%u cannot take block %llu (status %u of %s): %.*s",
                           (int)p->nodes[*ret_bad].address.size, (const char *)p->nodes[*ret_bad].address.data,
                           p->nodes[*ret_bad].port, (unsigned long long)p->block.id, response.status, p->socket.peer,
                           (int)(response.message.size < 300 ? response.message.size : 300),
                           response.message.size ? (const char *)response.message.data : "");
    }
    cove__buf_done(&text);
    return rc;
}

int cove__hdfs_pipeline_connect(struct cove__hdfs_pipeline *p, enum cove__hdfs_stage stage, uint64_t new_stamp,
                                const struct cove__ctx *ctx, size_t *ret_bad, struct cove_error *err)
{
    int rc;

    *ret_bad = 0;
    cove__hdfs_socket_close(&p->socket);
    rc = cove__hdfs_datanode_connect(p->file->fs, &p->nodes[0], cove__buf_slice(&p->token), &p->socket, ctx, err);
    if (rc == 0)
        rc = set_up(p, stage, new_stamp, ctx, ret_bad, err);
    if (rc < 0)
        cove__hdfs_socket_close(&p->socket);
    else if (new_stamp)
        p->block.stamp = new_stamp;
    return rc;
}
