/* Connections to DataNodes: see hdfs_datanode.h. */
#include "fs/hdfs/hdfs_datanode.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/hdfs/hdfs.h"
#include "fs/hdfs/hdfs_transfer_login.h"

#define KEEP_NS    (3 * COVE__SEC) /* dfs.client.socketcache.expiryMsec */
#define KEEP_MAX   16              /* dfs.client.socketcache.capacity */
#define SUSPECT_NS (60 * COVE__SEC)

struct cove__hdfs_datanode {
    struct cove__hdfs_socket socket;
    char *address; /* owned: of the node, with its port */
    int64_t since_ns;
    struct cove__hdfs_datanode *next;
};

static void close_connection(struct cove__hdfs_datanode *c)
{
    cove__hdfs_socket_close(&c->socket);
    cove__free(c->address);
    cove__free(c);
}

static void close_all(struct cove__hdfs_datanode *c)
{
    while (c) {
        struct cove__hdfs_datanode *next = c->next;

        close_connection(c);
        c = next;
    }
}

void cove__hdfs_datanodes_done(struct cove__hdfs_datanodes *pool)
{
    close_all(pool->idle);
    *pool = (struct cove__hdfs_datanodes){ 0 };
}

/* Takes the first idle connection to that address; what is too old, or of a parent, goes to *ret_old. */
static struct cove__hdfs_datanode *take_locked(struct cove__hdfs_datanodes *pool, const char *address,
                                               struct cove__hdfs_datanode **ret_old)
{
    int64_t oldest_ns = cove__now_ns() - KEEP_NS;
    struct cove__hdfs_datanode **at = &pool->idle;

    if (pool->generation != cove__fork_generation()) {
        pool->generation = cove__fork_generation();
        *ret_old = pool->idle;
        pool->idle = NULL;
    }
    while (*at) {
        struct cove__hdfs_datanode *c = *at;

        if (c->since_ns < oldest_ns) { /* and so are those after it */
            *ret_old = c;
            *at = NULL;
            return NULL;
        }
        if (strcmp(c->address, address) == 0) {
            *at = c->next;
            c->next = NULL;
            return c;
        }
        at = &c->next;
    }
    return NULL;
}

static struct cove__hdfs_datanode *take_idle(struct cove__hdfs_datanodes *pool, const char *address)
{
    for (;;) {
        struct cove__hdfs_datanode *old = NULL, *c;

        cove__lock();
        c = take_locked(pool, address, &old);
        cove__unlock();
        close_all(old);
        if (!c || !cove__hdfs_socket_is_stale(&c->socket))
            return c;
        close_connection(c);
    }
}

static void put_idle(struct cove__hdfs_datanodes *pool, struct cove__hdfs_datanode *c)
{
    struct cove__hdfs_datanode **end, *extra;
    int n = 1;

    c->since_ns = cove__now_ns();
    cove__lock();
    c->next = pool->idle;
    pool->idle = c;
    for (end = &c->next; *end && n < KEEP_MAX; end = &(*end)->next)
        n++;
    extra = *end;
    *end = NULL;
    cove__unlock();
    close_all(extra);
}

char *cove__hdfs_datanode_host(const struct cove__hdfs *fs, const struct cove__hdfs_node *node)
{
    struct cove__slice host = fs->uses_hostnames ? node->host : node->address;

    return cove__strndup((const char *)host.data, host.size);
}

static int connect_once(struct cove__hdfs *fs, const struct cove__hdfs_node *node, struct cove__slice token,
                        struct cove__hdfs_socket *ret, const struct cove__ctx *ctx, bool *ret_again,
                        struct cove_error *err)
{
    char *host = cove__hdfs_datanode_host(fs, node);
    int rc = host ? cove__hdfs_socket_connect(ret, host, node->port, NULL, cove__ms_ns(fs->connect_timeout_ms),
                                              cove__ms_ns(fs->datanode_timeout_ms), ctx, err)
                  : cove__fail_nomem(err, "a connection");

    cove__free(host);
    if (rc == 0) {
        rc = cove__hdfs_transfer_login(fs, ret, node, token, ctx, ret_again, err);
        if (rc < 0)
            cove__hdfs_socket_close(ret);
    }
    return rc;
}

int cove__hdfs_datanode_connect(struct cove__hdfs *fs, const struct cove__hdfs_node *node, struct cove__slice token,
                                struct cove__hdfs_socket *ret, const struct cove__ctx *ctx, struct cove_error *err)
{
    bool again = false;
    int rc = connect_once(fs, node, token, ret, ctx, &again, err);

    if (rc < 0 && again) /* the key of encrypted transfers was replaced */
        rc = connect_once(fs, node, token, ret, ctx, &again, err);
    return rc;
}

int cove__hdfs_datanode_open(struct cove__hdfs *fs, const struct cove__hdfs_node *node, struct cove__slice token,
                             bool fresh, const struct cove__ctx *ctx, struct cove__hdfs_datanode **ret,
                             bool *ret_reused, struct cove_error *err)
{
    struct cove__buf address = COVE__BUF_INIT(65536);
    struct cove__hdfs_datanode *c = NULL;
    int rc = 0;

    cove__buf_add_slice(&address, fs->uses_hostnames ? node->host : node->address);
    cove__buf_addf(&address, ":%u", node->port);
    if (cove__buf_rc(&address) == 0 && !fresh)
        c = take_idle(&fs->datanodes, cove__buf_str(&address));
    *ret_reused = c;
    if (!c) {
        c = cove__calloc(1, sizeof *c);
        if (c)
            c->socket.fd = -1;
        rc = c ? cove__hdfs_datanode_connect(fs, node, token, &c->socket, ctx, err)
               : cove__fail_nomem(err, "a connection");
        if (rc == 0 && !(c->address = cove__buf_take(&address)))
            rc = cove__fail_nomem(err, "a connection");
        if (rc < 0 && c)
            close_connection(c);
    }
    cove__buf_done(&address);
    if (rc == 0)
        *ret = c;
    return rc;
}

struct cove__hdfs_socket *cove__hdfs_datanode_socket(struct cove__hdfs_datanode *c)
{
    return &c->socket;
}

void cove__hdfs_datanode_close(struct cove__hdfs *fs, struct cove__hdfs_datanode *c, bool reusable)
{
    if (reusable)
        put_idle(&fs->datanodes, c);
    else
        close_connection(c);
}

/* ---- nodes that failed ---- */

static struct cove__hdfs_suspect *find_locked(struct cove__hdfs_datanodes *pool, const struct cove__hdfs_node *node)
{
    for (size_t i = 0; i < COVE__HDFS_SUSPECTS; i++) {
        if (pool->suspects[i].until_ns > 0 && cove__slice_is(node->uuid, pool->suspects[i].uuid))
            return &pool->suspects[i];
    }
    return NULL;
}

void cove__hdfs_datanode_suspect(struct cove__hdfs *fs, const struct cove__hdfs_node *node, bool failed)
{
    struct cove__hdfs_datanodes *pool = &fs->datanodes;
    struct cove__hdfs_suspect *s;

    cove__lock();
    s = find_locked(pool, node);
    if (failed && !s)
        s = &pool->suspects[pool->next_suspect++ % COVE__HDFS_SUSPECTS];
    if (s) {
        s->until_ns = failed ? cove__now_ns() + SUSPECT_NS : 0;
        snprintf(s->uuid, sizeof s->uuid, "%.*s", (int)node->uuid.size, (const char *)node->uuid.data);
    }
    cove__unlock();
}

bool cove__hdfs_datanode_is_suspect(struct cove__hdfs *fs, const struct cove__hdfs_node *node)
{
    const struct cove__hdfs_suspect *s;
    bool suspect;

    cove__lock();
    s = find_locked(&fs->datanodes, node);
    suspect = s && cove__now_ns() < s->until_ns;
    cove__unlock();
    return suspect;
}
