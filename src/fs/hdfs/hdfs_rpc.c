/* Connections to a server, and one call on one of them: see hdfs_rpc.h. */
#include "fs/hdfs/hdfs_rpc.h"

#include <stddef.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/hdfs/hdfs_login.h"

#define KEEP_NS  (10 * COVE__SEC) /* ipc.client.connection.maxidletime */
#define KEEP_MAX 4                /* idle connections to a server */

struct cove__hdfs_connection {
    struct cove__hdfs_socket socket;
    int64_t since_ns; /* idle */
    struct cove__hdfs_connection *next;
};

static void close_connection(struct cove__hdfs_connection *c)
{
    if (c)
        cove__hdfs_socket_close(&c->socket);
    cove__free(c);
}

static void close_all(struct cove__hdfs_connection *c)
{
    while (c) {
        struct cove__hdfs_connection *next = c->next;

        close_connection(c);
        c = next;
    }
}

void cove__hdfs_server_done(struct cove__hdfs_server *server)
{
    close_all(server->idle);
    cove__free(server->host);
    *server = (struct cove__hdfs_server){ 0 };
}

void cove__hdfs_reply_done(struct cove__hdfs_reply *reply)
{
    cove__buf_done(&reply->frame);
    reply->response = (struct cove__hadoop_response){ 0 };
}

/* An idle connection that still works; NULL: there is none. */
static struct cove__hdfs_connection *take_idle(struct cove__hdfs_server *server)
{
    for (;;) {
        struct cove__hdfs_connection *inherited = NULL, *c;

        cove__lock();
        if (server->generation != cove__fork_generation()) {
            server->generation = cove__fork_generation();
            inherited = server->idle;
            server->idle = NULL;
        }
        c = server->idle;
        if (c)
            server->idle = c->next;
        cove__unlock();
        close_all(inherited);
        if (!c)
            return NULL;
        c->next = NULL;
        if (cove__now_ns() - c->since_ns < KEEP_NS && !cove__hdfs_socket_is_stale(&c->socket))
            return c;
        close_connection(c);
    }
}

static void put_idle(struct cove__hdfs_server *server, struct cove__hdfs_connection *c)
{
    struct cove__hdfs_connection **end, *extra;
    int n = 1;

    c->since_ns = cove__now_ns();
    cove__lock();
    c->next = server->idle;
    server->idle = c;
    for (end = &c->next; *end && n < KEEP_MAX; end = &(*end)->next)
        n++;
    extra = *end;
    *end = NULL;
    cove__unlock();
    close_all(extra);
}

/* Who calls. A login has shown that already, unless it is in another's name. */
static void write_context(struct cove__buf *out, const struct cove__hdfs_caller *caller, enum cove__hdfs_way by)
{
    const char *user = caller->user, *real_user = caller->real_user;

    if (by == COVE__HDFS_BY_TICKET) {
        user = caller->real_user ? caller->user : NULL; /* real_user: it is a proxy's */
        real_user = NULL;
    } else if (by == COVE__HDFS_BY_TOKEN)
        user = real_user = NULL;
    cove__hadoop_write_context(out, caller->id, caller->protocol, user, real_user);
}

static struct cove__hdfs_connection *connect_to(struct cove__hdfs_server *server,
                                                const struct cove__hdfs_caller *caller, const struct cove__ctx *ctx,
                                                struct cove__hdfs_reply *refusal, int *ret_rc, struct cove_error *err)
{
    struct cove__hdfs_connection *c = cove__calloc(1, sizeof *c);
    struct cove__buf hello = COVE__BUF_INIT(16384);
    enum cove__hdfs_way by = COVE__HDFS_SIMPLE;
    int rc;

    if (!c) {
        *ret_rc = cove__fail_nomem(err, "a connection");
        return NULL;
    }
    rc = cove__hdfs_socket_connect(&c->socket, server->host, server->port, NULL, caller->connect_ns, caller->idle_ns,
                                   ctx, err);
    if (rc == 0 && cove__hdfs_is_secure(caller->security))
        rc = cove__hdfs_login(&c->socket, server, caller, ctx, &by, refusal, err);
    else
        cove__hadoop_write_preamble(&hello, false);
    write_context(&hello, caller, by);
    if (rc == 0 && refusal->response.failed)
        cove__buf_reset(&hello);
    if (rc == 0 && cove__buf_rc(&hello) < 0)
        rc = cove__fs_fail(err, ctx, cove__buf_rc(&hello), "the name of the user is too long, or memory is exhausted");
    if (rc == 0) {
        struct iovec part = { hello.data, hello.size };

        rc = cove__hdfs_socket_send(&c->socket, &part, 1, ctx, err);
    }
    cove__buf_done(&hello);
    *ret_rc = rc;
    if (rc == 0)
        return c;
    close_connection(c);
    return NULL;
}

/* Reads until the response to the call, or one that ends the connection. */
static int read_response(struct cove__hdfs_socket *s, int32_t id, const struct cove__ctx *ctx,
                         struct cove__hdfs_reply *ret, struct cove_error *err)
{
    for (;;) {
        int rc = cove__hdfs_socket_receive_frame(s, &ret->frame, ctx, err);

        if (rc < 0)
            return rc;
        if (cove__hadoop_read_response(cove__buf_slice(&ret->frame), &ret->response) < 0)
            return cove__fs_fail(err, ctx, COVE_EPROTOCOL, "%s sent a malformed response", s->peer);
        if (ret->response.fatal || ret->response.id == id)
            return 0;
    }
}

int cove__hdfs_rpc_call(struct cove__hdfs_server *server, const struct cove__hdfs_caller *caller,
                        const struct cove__hadoop_call *call, struct cove__slice message, const struct cove__ctx *ctx,
                        struct cove__hdfs_reply *ret, bool *ret_reused, struct cove_error *err)
{
    struct cove__hdfs_connection *c = take_idle(server);
    struct cove__buf request = COVE__BUF_INIT(COVE__HADOOP_FRAME_MAX);
    int rc = 0;

    *ret_reused = c;
    ret->frame = COVE__BUF_INIT(COVE__HADOOP_FRAME_MAX);
    ret->response = (struct cove__hadoop_response){ 0 };
    if (!c)
        c = connect_to(server, caller, ctx, ret, &rc, err);
    if (c && ret->response.failed) { /* to let us in */
        close_connection(c);
        return 0;
    }
    if (c) {
        cove__hadoop_write_call(&request, call, message);
        rc = cove__buf_rc(&request);
        if (rc < 0)
            rc = cove__fs_fail(err, ctx, rc, "the request is too large, or memory is exhausted");
    }
    if (rc == 0) {
        struct iovec part = { request.data, request.size };

        rc = cove__hdfs_socket_send(&c->socket, &part, 1, ctx, err);
    }
    if (rc == 0)
        rc = read_response(&c->socket, call->id, ctx, ret, err);
    if (rc == 0 && !ret->response.fatal)
        put_idle(server, c);
    else
        close_connection(c);
    if (rc < 0)
        cove__hdfs_reply_done(ret);
    cove__buf_done(&request);
    return rc;
}
