/* Logging in to a NameNode, or a DataNode's RPC: SASL on a new connection of Hadoop's RPC, by a delegation token or by
 * Kerberos. */
#ifndef COVE_FS_HDFS_LOGIN_H
#define COVE_FS_HDFS_LOGIN_H

#include "fs/hdfs/hdfs_rpc.h"
#include "fs/hdfs/hdfs_security.h"

enum cove__hdfs_way { COVE__HDFS_SIMPLE, COVE__HDFS_BY_TOKEN, COVE__HDFS_BY_TICKET };

/*
 * Sends the preamble and logs in; protects the connection where server and settings want that. The server's refusal is
 * no failure: then `refusal` holds it. COVE_EAUTH, COVE_ENOTSUP, COVE_EPROTOCOL, and as cove__hdfs_socket_send.
 */
int cove__hdfs_login(struct cove__hdfs_socket *s, const struct cove__hdfs_server *server,
                     const struct cove__hdfs_caller *caller, const struct cove__ctx *ctx, enum cove__hdfs_way *ret,
                     struct cove__hdfs_reply *refusal, struct cove_error *err);

#endif
