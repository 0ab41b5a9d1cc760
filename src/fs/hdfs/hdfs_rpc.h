/*
 * Calls to one server that speaks Hadoop's RPC: a NameNode or a router. A call has a connection for itself while it is
 * under way; idle connections are kept for some seconds. A call that ends early, by its deadline or its token, closes
 * its connection, so that its response is never taken for another's.
 */
#ifndef COVE_FS_HDFS_RPC_H
#define COVE_FS_HDFS_RPC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "fs/hdfs/hdfs_socket.h"
#include "wire/hadoop_rpc.h"

#define COVE__HDFS_CLIENT_PROTOCOL   "org.apache.hadoop.hdfs.protocol.ClientProtocol"
#define COVE__HDFS_DATANODE_PROTOCOL "org.apache.hadoop.hdfs.protocol.ClientDatanodeProtocol"

struct cove__hdfs_connection;
struct cove__hdfs_security;

/* Who calls: of one filesystem and process. BORROWED strings. */
struct cove__hdfs_caller {
    uint8_t id[COVE__HADOOP_CLIENT_ID_SIZE];
    const char *protocol;
    const char *user, *real_user;               /* real_user: see cove__hadoop_write_context */
    const struct cove__hdfs_security *security; /* how it logs in */
    struct cove__slice token;                   /* to a DataNode: TokenProto of a block; empty: to a NameNode */
    int64_t connect_ns, idle_ns;
};

struct cove__hdfs_server {
    char *host; /* owned */
    unsigned port;
    /* Under cove__lock: connections without a call, the latest first, of this fork generation. */
    struct cove__hdfs_connection *idle;
    unsigned generation;
};
void cove__hdfs_server_done(struct cove__hdfs_server *server);

struct cove__hdfs_reply {
    struct cove__buf frame; /* what `response` points into */
    struct cove__hadoop_response response;
};
void cove__hdfs_reply_done(struct cove__hdfs_reply *reply);

/*
 * Sends `call` and waits for its response, which may be the server's exception: that is no failure here. *ret_reused:
 * the connection had been idle before, so that a COVE_ENETWORK may mean no more than that the server had closed it.
 * COVE_ENETWORK, COVE_EPROTOCOL, COVE_ETIMEDOUT, COVE_ECANCELED, COVE_ENOMEM.
 */
int cove__hdfs_rpc_call(struct cove__hdfs_server *server, const struct cove__hdfs_caller *caller,
                        const struct cove__hadoop_call *call, struct cove__slice message, const struct cove__ctx *ctx,
                        struct cove__hdfs_reply *ret, bool *ret_reused, struct cove_error *err);

#endif
