/*
 * How much of a file that is being written can be read. The NameNode learns a block's length when the block ends; until
 * then the DataNodes that store it know.
 */
#include <stdio.h>

#include "base/error.h"
#include "fs/fs_impl.h"
#include "fs/hdfs/hdfs.h"
#include "fs/hdfs/hdfs_error.h"

#define REQUEST_MAX ((size_t)64 << 10)

/* The node's length of the block; -1: it does not know yet. COVE_ENOTFOUND: it has nothing of the block. */
static int read_length(const struct cove__hdfs_server *server, const struct cove__hdfs_reply *reply,
                       const struct cove__ctx *ctx, int64_t *ret, struct cove_error *err)
{
    const struct cove__hadoop_response *response = &reply->response;
    char name[300];
    uint64_t length = 0;

    if (cove__hdfs_is_exception(response, "ReplicaNotFoundException"))
        return COVE_ENOTFOUND;
    snprintf(name, sizeof name, "%s:%u", server->host, server->port);
    if (response->failed)
        return cove__hdfs_fail(err, ctx, name, response);
    if (!cove__hdfs_number(response->message, 1, &length))
        return cove__fs_fail(err, ctx, COVE_EPROTOCOL, "%s sent a malformed response", name);
    *ret = (int64_t)length;
    return 0;
}

static int ask(struct cove__hdfs *fs, const struct cove__hdfs_node *node, const struct cove__hdfs_located *last,
               const struct cove__ctx *ctx, int64_t *ret, struct cove_error *err)
{
    struct cove__hdfs_server server = { .host = cove__hdfs_datanode_host(fs, node), .port = node->ipc_port };
    struct cove__buf request = COVE__BUF_INIT(REQUEST_MAX);
    struct cove__hadoop_call call = { .protocol = COVE__HDFS_DATANODE_PROTOCOL,
                                      .method = "getReplicaVisibleLength",
                                      .state_id = INT64_MIN };
    struct cove__hdfs_caller caller;
    struct cove__hdfs_reply reply;
    bool reused;
    int rc;

    cove__hdfs_write_block(&request, 1, &last->block);
    if (!server.host || cove__buf_rc(&request) < 0) {
        rc = cove__fail_nomem(err, "a request");
    } else {
        cove__hdfs_describe_caller(fs, call.protocol, &caller);
        caller.token = last->token;
        call.client_id = caller.id;
        call.id = cove__hdfs_next_call(fs);
        rc = cove__hdfs_rpc_call(&server, &caller, &call, cove__buf_slice(&request), ctx, &reply, &reused, err);
    }
    if (rc == 0) {
        rc = read_length(&server, &reply, ctx, ret, err);
        cove__hdfs_reply_done(&reply);
    }
    cove__buf_done(&request);
    cove__hdfs_server_done(&server);
    return rc;
}

int cove__hdfs_visible_length(struct cove__hdfs *fs, const struct cove__hdfs_located *last, const struct cove__ctx *ctx,
                              uint64_t *ret, struct cove_error *err)
{
    int failure = 0;

    for (size_t i = 0; i < last->n_nodes; i++) {
        int64_t length = -1;
        int rc = ask(fs, &last->nodes[i], last, ctx, &length, err);

        if (rc == 0 && length >= 0) {
            *ret = (uint64_t)length;
            return 0;
        }
        if (rc == 0) /* it has started a moment ago */
            rc = cove__fs_fail(err, ctx, COVE_ESERVER,
                               "no DataNode knows how many bytes block %llu has, which is being written",
                               (unsigned long long)last->block.id);
        if (rc == COVE_ETIMEDOUT || rc == COVE_ECANCELED || rc == COVE_ENOMEM)
            return rc;
        if (rc != COVE_ENOTFOUND)
            failure = rc;
    }
    if (failure == 0) /* the writer has not begun with it */
        *ret = last->block.size;
    return failure;
}
