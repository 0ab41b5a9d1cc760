/*
 * A pipeline after a failure. The nodes that are left get a new generation of the block, so that a node which comes
 * back with fewer bytes is not taken for one that has them all.
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/hdfs/hdfs.h"
#include "fs/hdfs/hdfs_pipeline.h"
#include "wire/protobuf.h"

#define REQUEST_MAX    ((size_t)1 << 20)
#define RECOVERIES_MAX 5 /* without a byte between them */

bool cove__hdfs_is_node_failure(int rc)
{
    return rc == COVE_ENETWORK || rc == COVE_ESERVER || rc == COVE_EPROTOCOL || rc == COVE_EAUTH;
}

/* ---- the nodes ---- */

static int take_out(struct cove__hdfs_pipeline *p, size_t bad)
{
    if (cove__grow(&p->failed, &p->failed_cap, p->n_failed + 1, sizeof *p->failed, 4096) < 0)
        return COVE_ENOMEM;
    p->failed[p->n_failed++] = p->nodes[bad].message;
    cove__free((void *)p->nodes[bad].storage.data);
    p->n_nodes--;
    memmove(&p->nodes[bad], &p->nodes[bad + 1], (p->n_nodes - bad) * sizeof *p->nodes);
    return 0;
}

/* The cluster's default policy (dfs.client.block.write.replace-datanode-on-failure.policy): small files and short
 * failures are left to the NameNode's own repair. */
static bool wants_another(const struct cove__hdfs_pipeline *p)
{
    size_t wanted = p->file->replication;

    return wanted >= 3 && p->n_nodes < wanted && (p->n_nodes <= wanted / 2 || p->visible);
}

static bool is_among(const struct cove__hdfs_pipeline *p, const struct cove__hdfs_node *node)
{
    for (size_t i = 0; i < p->n_nodes; i++) {
        if (cove__slice_eq(p->nodes[i].uuid, node->uuid))
            return true;
    }
    return false;
}

static int ask_for_another(struct cove__hdfs_pipeline *p, const struct cove__ctx *ctx, struct cove__hdfs_reply *reply,
                           struct cove__hdfs_located *ret, struct cove_error *err)
{
    struct cove__buf request = COVE__BUF_INIT(REQUEST_MAX);
    struct cove__slice message;
    int rc;

    cove__pb_string(&request, 1, p->file->path);
    cove__hdfs_write_block(&request, 2, &p->block);
    for (size_t i = 0; i < p->n_nodes; i++)
        cove__pb_bytes(&request, 3, p->nodes[i].message);
    for (size_t i = 0; i < p->n_failed; i++)
        cove__pb_bytes(&request, 4, p->failed[i]);
    cove__pb_uint(&request, 5, 1);
    cove__pb_string(&request, 6, p->file->client);
    for (size_t i = 0; i < p->n_nodes; i++)
        cove__pb_bytes(&request, 7, p->nodes[i].storage);
    cove__pb_uint(&request, 8, p->file->id);
    rc = cove__hdfs_call(p->file->fs, "getAdditionalDatanode", &request, NULL, ctx, reply, err);
    cove__buf_done(&request);
    if (rc < 0)
        return rc;
    if (!cove__hdfs_field(reply->response.message, 1, &message))
        rc = COVE_EPROTOCOL;
    else
        rc = cove__hdfs_read_located(message, ret);
    if (rc < 0) {
        rc = cove__hdfs_unreadable(ctx, "getAdditionalDatanode", rc, err);
        cove__hdfs_reply_done(reply);
    }
    return rc;
}

/* The last node copies what it has of the block to the new one. */
static int transfer(struct cove__hdfs_pipeline *p, const struct cove__hdfs_node *to, struct cove__slice token,
                    const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__hdfs_block_response response;
    struct cove__buf text = COVE__BUF_INIT(REQUEST_MAX);
    struct cove__hdfs_socket s = { .fd = -1 };
    int rc = cove__hdfs_datanode_connect(p->file->fs, &p->nodes[p->n_nodes - 1], token, &s, ctx, err);

    cove__hdfs_write_transfer_block(&text, &p->block, token, p->file->client, to, 1);
    if (rc == 0 && cove__buf_rc(&text))
        rc = cove__fail_nomem(err, "a request");
    if (rc == 0) {
        struct iovec part = { text.data, text.size };

        rc = cove__hdfs_socket_send(&s, &part, 1, ctx, err);
    }
    if (rc == 0)
        rc = cove__hdfs_receive_delimited(&s, &text, ctx, err);
    if (rc == 0 && (cove__hdfs_read_block_response(cove__buf_slice(&text), &response) < 0 ||
                    response.status != COVE__HDFS_SUCCESS))
        rc = cove__fs_fail(err, ctx, COVE_ESERVER, "%s could not copy block %llu to another DataNode", s.peer,
                           (unsigned long long)p->block.id);
    cove__hdfs_socket_close(&s);
    cove__buf_done(&text);
    return rc;
}

/* Adds a node to the pipeline. Clusters of two or three nodes have none to add: the write continues with those that
 * are left, and the NameNode repairs the block later. */
static int add_another(struct cove__hdfs_pipeline *p, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__hdfs_located located;
    struct cove__hdfs_reply reply;
    int rc = ask_for_another(p, ctx, &reply, &located, NULL);

    if (rc < 0)
        return cove__ctx_check(ctx, err);
    for (size_t i = 0; i < located.n_nodes; i++) {
        const struct cove__hdfs_node *node = &located.nodes[i];

        if (is_among(p, node))
            continue;
        if (transfer(p, node, located.token, ctx, NULL) == 0 && cove__hdfs_pipeline_add_node(p, node) < 0)
            rc = cove__fail_nomem(err, "a DataNode");
        break;
    }
    cove__hdfs_located_done(&located);
    cove__hdfs_reply_done(&reply);
    return rc < 0 ? rc : cove__ctx_check(ctx, err);
}

/* ---- the generation ---- */

static int new_generation(struct cove__hdfs_pipeline *p, const struct cove__ctx *ctx, uint64_t *ret_stamp,
                          struct cove_error *err)
{
    struct cove__buf request = COVE__BUF_INIT(REQUEST_MAX);
    struct cove__hdfs_located located = { 0 };
    struct cove__hdfs_reply reply;
    struct cove__slice message;
    int rc;

    cove__hdfs_write_block(&request, 1, &p->block);
    cove__pb_string(&request, 2, p->file->client);
    rc = cove__hdfs_call(p->file->fs, "updateBlockForPipeline", &request, NULL, ctx, &reply, err);
    cove__buf_done(&request);
    if (rc < 0)
        return rc;
    rc = cove__hdfs_field(reply.response.message, 1, &message) ? cove__hdfs_read_located(message, &located)
                                                               : COVE_EPROTOCOL;
    if (rc < 0)
        rc = cove__hdfs_unreadable(ctx, "updateBlockForPipeline", rc, err);
    cove__buf_reset(&p->token);
    if (rc == 0 && cove__buf_add_slice(&p->token, located.token) < 0)
        rc = cove__fail_nomem(err, "a block's token");
    *ret_stamp = located.block.stamp;
    cove__hdfs_located_done(&located);
    cove__hdfs_reply_done(&reply);
    return rc;
}

static int publish(struct cove__hdfs_pipeline *p, uint64_t old_stamp, const struct cove__ctx *ctx,
                   struct cove_error *err)
{
    const struct cove__hdfs_block old = { p->block.pool, p->block.id, old_stamp, p->block.size };
    struct cove__buf request = COVE__BUF_INIT(REQUEST_MAX);
    struct cove__hdfs_reply reply;
    int rc;

    cove__pb_string(&request, 1, p->file->client);
    cove__hdfs_write_block(&request, 2, &old);
    cove__hdfs_write_block(&request, 3, &p->block);
    for (size_t i = 0; i < p->n_nodes; i++)
        cove__pb_bytes(&request, 4, p->nodes[i].id);
    for (size_t i = 0; i < p->n_nodes; i++)
        cove__pb_bytes(&request, 5, p->nodes[i].storage);
    rc = cove__hdfs_call(p->file->fs, "updatePipeline", &request, NULL, ctx, &reply, err);
    cove__buf_done(&request);
    if (rc == 0)
        cove__hdfs_reply_done(&reply);
    return rc;
}

/* One attempt with the nodes that are left. *ret_bad as of cove__hdfs_pipeline_connect. */
static int reconnect(struct cove__hdfs_pipeline *p, enum cove__hdfs_stage stage, const struct cove__ctx *ctx,
                     size_t *ret_bad, struct cove_error *err, bool *ret_is_nodes)
{
    uint64_t stamp = 0, old_stamp = p->block.stamp;
    int rc = new_generation(p, ctx, &stamp, err);

    *ret_is_nodes = false;
    if (rc < 0)
        return rc;
    rc = cove__hdfs_pipeline_connect(p, stage, stamp, ctx, ret_bad, err);
    *ret_is_nodes = cove__hdfs_is_node_failure(rc);
    return rc < 0 ? rc : publish(p, old_stamp, ctx, err);
}

int cove__hdfs_pipeline_recover(struct cove__hdfs_pipeline *p, enum cove__hdfs_stage stage, size_t bad,
                                const struct cove_error *failure, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove_error why = *failure;
    bool is_nodes = true;
    int rc = COVE_ENETWORK;

    while (rc < 0 && is_nodes) {
        cove__hdfs_socket_close(&p->socket);
        rc = cove__ctx_check(ctx, err);
        if (rc == 0 && take_out(p, bad < p->n_nodes ? bad : 0) < 0)
            rc = cove__fail_nomem(err, "a DataNode");
        if (rc < 0)
            return rc;
        if (p->n_nodes == 0 || ++p->recoveries > RECOVERIES_MAX) {
            cove__error_copy(err, &why);
            cove__error_add(err, "; no DataNode of the block is left to write to");
            return why.code;
        }
        if (stage != COVE__HDFS_RECOVER_CLOSE && wants_another(p) && (rc = add_another(p, ctx, err)) < 0)
            return rc;
        rc = reconnect(p, stage, ctx, &bad, &why, &is_nodes);
    }
    if (rc < 0)
        cove__error_copy(err, &why);
    return rc;
}

int cove__hdfs_pipeline_append(struct cove__hdfs_pipeline *p, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove_error failure = COVE_ERROR_INIT;
    bool is_nodes = false;
    size_t bad = 0;
    int rc;

    p->visible = true;
    p->sent = p->block.size;
    rc = reconnect(p, COVE__HDFS_APPEND, ctx, &bad, &failure, &is_nodes);
    if (is_nodes)
        rc = cove__hdfs_pipeline_recover(p, COVE__HDFS_RECOVER_APPEND, bad, &failure, ctx, err);
    else if (rc < 0)
        cove__error_copy(err, &failure);
    return rc;
}
