/* TCP connections: see hdfs_socket.h. */
#include "fs/hdfs/hdfs_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "fs/fs_impl.h"

#define LOOK_MS     50 /* between two checks of the cancel token */
#define BUFFER_SIZE ((size_t)64 << 10)
#define FRAME_MAX   ((size_t)160 << 20) /* a response of Hadoop's RPC, protected */
#define SEALED_MAX  ((size_t)256 << 10) /* sent at once */

/* 0 when the socket is ready for `events`. `until_ns`: when it has been idle for too long. */
static int wait_ready(const struct cove__hdfs_socket *s, int fd, short events, int64_t until_ns,
                      const struct cove__ctx *ctx, struct cove_error *err)
{
    for (;;) {
        struct pollfd p = { .fd = fd, .events = events };
        int rc = cove__ctx_check(ctx, err), n;

        if (rc < 0)
            return rc;
        n = poll(&p, 1, LOOK_MS);
        if (n > 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return cove__fs_fail(err, ctx, COVE_EIO, "poll of a connection to %s: %s", s->peer, strerror(errno));
        if (cove__now_ns() >= until_ns)
            return cove__fs_fail(err, ctx, COVE_ENETWORK, "%s has not answered for %d s", s->peer,
                                 (int)(s->idle_ns / COVE__SEC));
    }
}

static int broken(const struct cove__hdfs_socket *s, const struct cove__ctx *ctx, int errnum, struct cove_error *err)
{
    int rc = cove__fs_fail(err, ctx, COVE_ENETWORK, "the connection to %s broke: %s", s->peer,
                           errnum ? strerror(errnum) : "it was closed");

    if (err)
        err->os_errno = errnum;
    return rc;
}

static int connect_to(struct cove__hdfs_socket *s, const struct addrinfo *to, int64_t until_ns,
                      const struct cove__ctx *ctx, struct cove_error *err)
{
    int fd = socket(to->ai_family, to->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, to->ai_protocol);
    int one = 1, errnum = 0, rc = 0;
    socklen_t size = sizeof errnum;

    if (fd < 0)
        return cove__fs_fail(err, ctx, COVE_EIO, "a socket to %s: %s", s->peer, strerror(errno));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    if (connect(fd, to->ai_addr, to->ai_addrlen) < 0) {
        if (errno != EINPROGRESS)
            errnum = errno;
        else if ((rc = wait_ready(s, fd, POLLOUT, until_ns, ctx, err)) == 0)
            (void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &errnum, &size);
    }
    if (rc == 0 && errnum != 0) {
        rc = cove__fs_fail(err, ctx, COVE_ENETWORK, "cannot connect to %s: %s", s->peer, strerror(errnum));
        if (err)
            err->os_errno = errnum;
    }
    if (rc == 0)
        s->fd = fd;
    else
        close(fd);
    return rc;
}

int cove__hdfs_socket_connect(struct cove__hdfs_socket *s, const char *address, unsigned port, const char *name,
                              int64_t connect_ns, int64_t idle_ns, const struct cove__ctx *ctx, struct cove_error *err)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
    struct addrinfo *found = NULL;
    char service[8];
    int rc, why;

    *s = (struct cove__hdfs_socket){ .fd = -1, .idle_ns = connect_ns };
    snprintf(s->peer, sizeof s->peer, "%s:%u", name ? name : address, port);
    snprintf(service, sizeof service, "%u", port);
    why = getaddrinfo(address, service, &hints, &found);
    if (why != 0)
        return cove__fs_fail(err, ctx, COVE_ENETWORK, "the address of %s cannot be found: %s", s->peer,
                             gai_strerror(why));
    s->in = cove__malloc(BUFFER_SIZE);
    rc = s->in ? COVE_ENETWORK : cove__fs_fail(err, ctx, COVE_ENOMEM, "no memory for a connection");
    for (const struct addrinfo *to = found; to && rc == COVE_ENETWORK; to = to->ai_next)
        rc = connect_to(s, to, cove__now_ns() + connect_ns, ctx, err);
    freeaddrinfo(found);
    s->idle_ns = idle_ns;
    if (rc < 0)
        cove__hdfs_socket_close(s);
    return rc;
}

void cove__hdfs_socket_close(struct cove__hdfs_socket *s)
{
    if (s->fd >= 0)
        close(s->fd);
    if (s->filter)
        s->filter->free(s->filter_self);
    cove__free(s->in);
    cove__buf_done(&s->plain);
    s->fd = -1;
    s->in = NULL;
    s->filter = NULL;
    s->filter_self = NULL;
    s->start = s->end = s->plain_at = 0;
}

void cove__hdfs_socket_protect(struct cove__hdfs_socket *s, const struct cove__hdfs_filter *filter, void *self)
{
    s->filter = filter;
    s->filter_self = self;
    cove__buf_init(&s->plain, FRAME_MAX);
}

static int protection_failed(const struct cove__hdfs_socket *s, int rc, const struct cove__ctx *ctx,
                             struct cove_error *err)
{
    if (rc == COVE_ENOMEM)
        return cove__fs_fail(err, ctx, rc, "no memory for protected bytes of %s", s->peer);
    return cove__fs_fail(
        err, ctx, rc == COVE_EAUTH ? rc : COVE_ENETWORK, "the connection to %s cannot be used: %s", s->peer,
        rc == COVE_EAUTH ? "the login to it has ended" : "bytes were changed on their way, or are not protected");
}

/* Removes `n` bytes that were sent. */
static void advance(struct iovec **parts, int *n_parts, size_t n)
{
    while (*n_parts > 0 && n >= (*parts)->iov_len) {
        n -= (*parts)->iov_len;
        ++*parts;
        --*n_parts;
    }
    if (*n_parts > 0) {
        (*parts)->iov_base = (uint8_t *)(*parts)->iov_base + n;
        (*parts)->iov_len -= n;
    }
}

static int send_raw(struct cove__hdfs_socket *s, struct iovec *parts, int n, const struct cove__ctx *ctx,
                    struct cove_error *err)
{
    int64_t until_ns = cove__now_ns() + s->idle_ns;

    advance(&parts, &n, 0);
    while (n > 0) {
        const struct msghdr message = { .msg_iov = parts, .msg_iovlen = (size_t)n };
        ssize_t sent = sendmsg(s->fd, &message, MSG_NOSIGNAL);
        int rc = 0;

        if (sent > 0) {
            advance(&parts, &n, (size_t)sent);
            until_ns = cove__now_ns() + s->idle_ns;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK)
            rc = wait_ready(s, s->fd, POLLOUT, until_ns, ctx, err);
        else if (errno != EINTR)
            rc = broken(s, ctx, errno, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Takes up to `size` bytes from the parts. */
static int gather(struct iovec **parts, int *n_parts, size_t size, struct cove__buf *out)
{
    while (*n_parts > 0 && size > 0) {
        size_t n = (*parts)->iov_len < size ? (*parts)->iov_len : size;

        cove__buf_add(out, (*parts)->iov_base, n);
        advance(parts, n_parts, n);
        size -= n;
    }
    return cove__buf_rc(out);
}

static int seal_next(struct cove__hdfs_socket *s, struct iovec **parts, int *n_parts, struct cove__buf *plain,
                     struct cove__buf *sealed)
{
    const struct cove__hdfs_filter *f = s->filter;
    int rc;

    if (f->change) {
        rc = gather(parts, n_parts, SEALED_MAX, sealed);
        return rc < 0 ? rc : f->change(s->filter_self, true, sealed->data, sealed->size);
    }
    cove__buf_reset(plain);
    rc = gather(parts, n_parts, f->max, plain);
    return rc < 0 ? rc : f->seal(s->filter_self, cove__buf_slice(plain), sealed);
}

static int send_protected(struct cove__hdfs_socket *s, struct iovec *parts, int n, const struct cove__ctx *ctx,
                          struct cove_error *err)
{
    struct cove__buf plain = COVE__BUF_INIT(FRAME_MAX), sealed = COVE__BUF_INIT(FRAME_MAX);
    int rc = 0;

    advance(&parts, &n, 0);
    while (rc == 0 && n > 0) {
        cove__buf_reset(&sealed);
        do
            rc = seal_next(s, &parts, &n, &plain, &sealed);
        while (rc == 0 && n > 0 && sealed.size < SEALED_MAX);
        if (rc < 0)
            rc = protection_failed(s, rc, ctx, err);
        else {
            struct iovec part = { sealed.data, sealed.size };

            rc = send_raw(s, &part, 1, ctx, err);
        }
    }
    cove__buf_done(&plain);
    cove__buf_done(&sealed);
    return rc;
}

int cove__hdfs_socket_send(struct cove__hdfs_socket *s, struct iovec *parts, int n, const struct cove__ctx *ctx,
                           struct cove_error *err)
{
    return s->filter ? send_protected(s, parts, n, ctx, err) : send_raw(s, parts, n, ctx, err);
}

/* Some bytes into `dst`: how many, or an error. */
static int64_t receive_some(struct cove__hdfs_socket *s, void *dst, size_t size, const struct cove__ctx *ctx,
                            struct cove_error *err)
{
    int64_t until_ns = cove__now_ns() + s->idle_ns;

    for (;;) {
        ssize_t n = recv(s->fd, dst, size, 0);
        int rc = 0;

        if (n > 0)
            return n;
        if (n == 0)
            return broken(s, ctx, 0, err);
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            rc = wait_ready(s, s->fd, POLLIN, until_ns, ctx, err);
        else if (errno != EINTR)
            rc = broken(s, ctx, errno, err);
        if (rc < 0)
            return rc;
    }
}

static int receive_raw(struct cove__hdfs_socket *s, void *dst, size_t size, const struct cove__ctx *ctx,
                       struct cove_error *err)
{
    uint8_t *to = dst;

    while (size > 0) {
        size_t have = s->end - s->start;
        int64_t n;

        if (have > 0) {
            n = (int64_t)(have < size ? have : size);
            memcpy(to, s->in + s->start, (size_t)n);
            s->start += (size_t)n;
        } else if (size >= BUFFER_SIZE)
            n = receive_some(s, to, size, ctx, err);
        else {
            n = receive_some(s, s->in, BUFFER_SIZE, ctx, err);
            if (n < 0)
                return (int)n;
            s->start = 0;
            s->end = (size_t)n;
            continue;
        }
        if (n < 0)
            return (int)n;
        to += n;
        size -= (size_t)n;
    }
    return 0;
}

typedef int (*receiver)(struct cove__hdfs_socket *s, void *dst, size_t size, const struct cove__ctx *ctx,
                        struct cove_error *err);

static int receive_frame(struct cove__hdfs_socket *s, receiver receive, struct cove__buf *frame,
                         const struct cove__ctx *ctx, struct cove_error *err)
{
    uint8_t length[4];
    int rc = receive(s, length, sizeof length, ctx, err);

    if (rc < 0)
        return rc;
    size_t size = (size_t)length[0] << 24 | (size_t)length[1] << 16 | (size_t)length[2] << 8 | (size_t)length[3];

    cove__buf_reset(frame);
    if (size > frame->max)
        return cove__fs_fail(err, ctx, COVE_EPROTOCOL,
                             "%s sent what is no response of Hadoop's RPC: is it the port of a NameNode's RPC (8020)?",
                             s->peer);
    if (cove__buf_reserve(frame, size) < 0)
        return cove__fs_fail(err, ctx, COVE_ENOMEM, "no memory for a response");
    rc = receive(s, frame->data, size, ctx, err);
    frame->size = rc == 0 ? size : 0;
    return rc;
}

/* The next frame's bytes into `plain`, which is all taken. */
static int open_next(struct cove__hdfs_socket *s, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__buf frame = COVE__BUF_INIT(FRAME_MAX);
    int rc = receive_frame(s, receive_raw, &frame, ctx, err);

    cove__buf_reset(&s->plain);
    s->plain_at = 0;
    if (rc == 0) {
        rc = s->filter->open(s->filter_self, cove__buf_slice(&frame), &s->plain);
        if (rc < 0)
            rc = protection_failed(s, rc, ctx, err);
    }
    cove__buf_done(&frame);
    return rc;
}

static int receive_protected(struct cove__hdfs_socket *s, uint8_t *dst, size_t size, const struct cove__ctx *ctx,
                             struct cove_error *err)
{
    int rc = 0;

    if (s->filter->change) {
        rc = receive_raw(s, dst, size, ctx, err);
        if (rc == 0 && s->filter->change(s->filter_self, false, dst, size) < 0)
            rc = protection_failed(s, COVE_ENETWORK, ctx, err);
        return rc;
    }
    while (rc == 0 && size > 0) {
        size_t n = s->plain.size - s->plain_at;

        if (n == 0) {
            rc = open_next(s, ctx, err);
            continue;
        }
        n = n < size ? n : size;
        memcpy(dst, s->plain.data + s->plain_at, n);
        s->plain_at += n;
        dst += n;
        size -= n;
    }
    return rc;
}

int cove__hdfs_socket_receive(struct cove__hdfs_socket *s, void *dst, size_t size, const struct cove__ctx *ctx,
                              struct cove_error *err)
{
    return s->filter ? receive_protected(s, dst, size, ctx, err) : receive_raw(s, dst, size, ctx, err);
}

int cove__hdfs_socket_receive_frame(struct cove__hdfs_socket *s, struct cove__buf *frame, const struct cove__ctx *ctx,
                                    struct cove_error *err)
{
    return receive_frame(s, cove__hdfs_socket_receive, frame, ctx, err);
}

static bool has_received(const struct cove__hdfs_socket *s)
{
    return s->start < s->end || s->plain_at < s->plain.size;
}

bool cove__hdfs_socket_has_bytes(const struct cove__hdfs_socket *s)
{
    struct pollfd ready = { .fd = s->fd, .events = POLLIN };

    return has_received(s) || poll(&ready, 1, 0) > 0;
}

bool cove__hdfs_socket_is_stale(const struct cove__hdfs_socket *s)
{
    uint8_t byte;

    return has_received(s) || recv(s->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 ||
           (errno != EAGAIN && errno != EWOULDBLOCK);
}

int cove__hdfs_receive_delimited(struct cove__hdfs_socket *s, struct cove__buf *into, const struct cove__ctx *ctx,
                                 struct cove_error *err)
{
    uint64_t size = 0;
    uint8_t byte = 0x80;
    int rc = 0;

    for (unsigned shift = 0; rc == 0 && byte & 0x80; shift += 7) {
        if (shift > 28)
            return cove__fs_fail(err, ctx, COVE_EPROTOCOL, "%s sent a malformed response", s->peer);
        rc = cove__hdfs_socket_receive(s, &byte, 1, ctx, err);
        size |= (uint64_t)(byte & 0x7F) << shift;
    }
    cove__buf_reset(into);
    if (rc == 0 && size > into->max)
        return cove__fs_fail(err, ctx, COVE_EPROTOCOL, "%s sent a malformed response", s->peer);
    if (rc == 0 && cove__buf_reserve(into, (size_t)size + 1) < 0)
        return cove__fs_fail(err, ctx, COVE_ENOMEM, "no memory for a response");
    if (rc == 0)
        rc = cove__hdfs_socket_receive(s, into->data, (size_t)size, ctx, err);
    into->size = rc == 0 ? (size_t)size : 0;
    return rc;
}
