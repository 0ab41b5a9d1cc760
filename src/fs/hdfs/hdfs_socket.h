/*
 * A TCP connection to a NameNode or a DataNode, for one thread at a time. Each wait ends at the call's deadline, when
 * its token is fired, or when nothing has come or gone for a while. A forked child only closes what it inherits.
 */
#ifndef COVE_FS_HDFS_SOCKET_H
#define COVE_FS_HDFS_SOCKET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/call.h"

struct cove__hdfs_socket {
    int fd;      /* -1: not open */
    uint8_t *in; /* owned: received, not yet taken */
    size_t start, end;
    int64_t idle_ns; /* how long nothing may come or go */
    char peer[280];  /* "host:port", for messages */
};

/* Zeroes and connects. `address` is a number or a name; `name` (NULL: the same) is for messages. Tries each address of
 * a name. COVE_ENETWORK, COVE_ETIMEDOUT, COVE_ECANCELED, COVE_ENOMEM. */
int cove__hdfs_socket_connect(struct cove__hdfs_socket *s, const char *address, unsigned port, const char *name,
                              int64_t connect_ns, int64_t idle_ns, const struct cove__ctx *ctx, struct cove_error *err);
void cove__hdfs_socket_close(struct cove__hdfs_socket *s);

/* All of them, in order; `parts` is changed. */
int cove__hdfs_socket_send(struct cove__hdfs_socket *s, struct iovec *parts, int n, const struct cove__ctx *ctx,
                           struct cove_error *err);
/* `size` bytes. COVE_ENETWORK: the connection ended before. Large ones come straight into `dst`. */
int cove__hdfs_socket_receive(struct cove__hdfs_socket *s, void *dst, size_t size, const struct cove__ctx *ctx,
                              struct cove_error *err);
/* Whether bytes wait, or the peer has closed it: an idle connection on which nothing is expected is then no use. */
bool cove__hdfs_socket_is_stale(const struct cove__hdfs_socket *s);

#endif
