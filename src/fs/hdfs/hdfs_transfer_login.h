/* Logging in to a DataNode, on a new connection, where the cluster wants that. */
#ifndef COVE_FS_HDFS_TRANSFER_LOGIN_H
#define COVE_FS_HDFS_TRANSFER_LOGIN_H

#include "fs/hdfs/hdfs_socket.h"
#include "wire/hdfs_messages.h"

struct cove__hdfs;

/*
 * `token`: the block's. Protects the connection as the settings and the DataNode want it. *ret_again: the key of
 * encrypted transfers was too old, and is forgotten: a new connection may do. COVE_EAUTH: the block's token is not
 * accepted; COVE_ENETWORK, COVE_EPROTOCOL, and as cove__hdfs_call.
 */
int cove__hdfs_transfer_login(struct cove__hdfs *fs, struct cove__hdfs_socket *s, const struct cove__hdfs_node *node,
                              struct cove__slice token, const struct cove__ctx *ctx, bool *ret_again,
                              struct cove_error *err);

#endif
