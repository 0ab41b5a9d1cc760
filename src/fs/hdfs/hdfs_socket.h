/*
 * A TCP connection to a NameNode or a DataNode, for one thread at a time. Each wait ends at the call's deadline, when
 * its token is fired, or when nothing has come or gone for a while. A forked child only closes what it inherits.
 */
#ifndef COVE_FS_HDFS_SOCKET_H
#define COVE_FS_HDFS_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/buf.h"
#include "base/call.h"
#include "base/slice.h"

/* What protects the bytes of a connection, in the order in which they are sent. Codes as of cove__fs_fail. */
struct cove__hdfs_filter {
    /* Of a stream cipher, whose bytes keep their number: changes them in place. NULL: of frames. */
    int (*change)(void *self, bool sends, uint8_t *bytes, size_t size);
    /* Of frames: appends one with `data`, which has at most `max` bytes, its length before it. */
    int (*seal)(void *self, struct cove__slice data, struct cove__buf *out);
    /* A frame's bytes after its length, without its protection, appended to `out`. */
    int (*open)(void *self, struct cove__slice frame, struct cove__buf *out);
    void (*free)(void *self);
    size_t max;
};

struct cove__hdfs_socket {
    int fd;      /* -1: not open */
    uint8_t *in; /* owned: received, not yet taken */
    size_t start, end;
    int64_t idle_ns; /* how long nothing may come or go */
    char peer[280];  /* "host:port", for messages */

    const struct cove__hdfs_filter *filter; /* NULL: bytes go as they are */
    void *filter_self;                      /* owned */
    struct cove__buf plain;                 /* received and opened; what is before plain_at is taken */
    size_t plain_at;
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
/* Four bytes, big endian, and so many bytes, into `frame`. COVE_EPROTOCOL: more than it may have. */
int cove__hdfs_socket_receive_frame(struct cove__hdfs_socket *s, struct cove__buf *frame, const struct cove__ctx *ctx,
                                    struct cove_error *err);
/* A message after its length as a varint, into `into`. COVE_EPROTOCOL: it is longer than `into` may be. */
int cove__hdfs_receive_delimited(struct cove__hdfs_socket *s, struct cove__buf *into, const struct cove__ctx *ctx,
                                 struct cove_error *err);
/* From here on all bytes go through the filter, which is the socket's then. */
void cove__hdfs_socket_protect(struct cove__hdfs_socket *s, const struct cove__hdfs_filter *filter, void *self);
/* Whether bytes have come that were not taken yet, or come now. */
bool cove__hdfs_socket_has_bytes(const struct cove__hdfs_socket *s);
/* Whether bytes wait, or the peer has closed it: an idle connection on which nothing is expected is then no use. */
bool cove__hdfs_socket_is_stale(const struct cove__hdfs_socket *s);

#endif
