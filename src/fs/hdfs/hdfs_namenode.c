/*
 * Calls to the NameNode that is active. The next one is tried when a server is a standby or cannot be reached, after a
 * wait once each was. A call keeps its number and the client's ID however often it is sent, so that the NameNodes'
 * retry cache, which they share, answers a repeated create, rename or removal as the first time.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/hdfs/hdfs.h"
#include "fs/hdfs/hdfs_error.h"

#define TRIES_ALONE  6 /* at a server that is the only one: with the waits about 15 s, as long as a restart takes */
#define ROUTER_STATE ((size_t)64 << 10)

/* ---- who calls ---- */

void cove__hdfs_describe_caller(struct cove__hdfs *fs, const char *protocol, struct cove__hdfs_caller *ret)
{
    bool proxied = fs->proxy_user && *fs->proxy_user;

    *ret = (struct cove__hdfs_caller){
        .protocol = protocol,
        .user = proxied ? fs->proxy_user : fs->user,
        .real_user = proxied ? fs->user : NULL,
        .security = &fs->security,
        .connect_ns = cove__ms_ns(fs->connect_timeout_ms),
        .idle_ns = cove__ms_ns(fs->request_timeout_ms),
    };
    cove__lock();
    if (fs->generation != cove__fork_generation()) {
        uint64_t chance[2] = { cove__random(), cove__random() };

        fs->generation = cove__fork_generation();
        memcpy(fs->client_id, chance, sizeof fs->client_id);
    }
    memcpy(ret->id, fs->client_id, sizeof ret->id);
    cove__unlock();
}

int32_t cove__hdfs_next_call(struct cove__hdfs *fs)
{
    return (int32_t)((unsigned)atomic_fetch_add(&fs->next_call, 1) & INT32_MAX);
}

/* ---- the state of namespaces, for servers that have observers ---- */

static void copy_router_state(struct cove__hdfs *fs, struct cove__buf *ret)
{
    cove__lock();
    cove__buf_add_slice(ret, cove__buf_slice(&fs->router_state));
    cove__unlock();
}

static void keep_state(struct cove__hdfs *fs, const struct cove__hadoop_response *response)
{
    int64_t known = atomic_load(&fs->state_id);

    while (response->state_id > known && !atomic_compare_exchange_weak(&fs->state_id, &known, response->state_id))
        ;
    if (response->router_state.size == 0)
        return;
    cove__lock();
    cove__buf_reset(&fs->router_state);
    if (cove__buf_add_slice(&fs->router_state, response->router_state) < 0)
        cove__buf_reset(&fs->router_state);
    cove__unlock();
}

/* ---- attempts ---- */

/* One call, while it is repeated. */
struct attempts {
    struct cove__hdfs *fs;
    size_t server;  /* the index of the one that is asked */
    size_t asked;   /* how many were, in this round */
    unsigned round; /* through all servers */
    int64_t tries;  /* that failed */
};

static int wait_a_while(const struct attempts *a, const struct cove__ctx *ctx, struct cove_error *err)
{
    int64_t most = cove__ms_ns(a->fs->failover_wait_max_ms), least = cove__ms_ns(a->fs->failover_wait_ms);
    int64_t until_ns;

    for (unsigned i = 1; i < a->round && least < most; i++)
        least *= 2;
    most = least < most ? least : most;
    until_ns = cove__now_ns() + most / 2 + (int64_t)(cove__random() % (uint64_t)(most / 2 + 1));
    while (cove__now_ns() < until_ns) {
        struct cove_error over = COVE_ERROR_INIT;
        int rc = cove__ctx_check(ctx, &over);

        if (rc == COVE_ETIMEDOUT) /* the last failure shows more than that the time is over */
            cove__error_add(err, "; the deadline passed while it was tried again");
        else if (rc < 0)
            cove__error_copy(err, &over);
        if (rc < 0)
            return rc;
        cove__sleep_ns(20 * COVE__MS);
    }
    return 0;
}

/* A name without an address: of a nameservice that the site files do not have? Then no wait helps. */
static bool is_unknown(const struct attempts *a, struct cove_error *err)
{
    bool known = false;

    if (!a->fs->names.advice || !cove__hdfs_lacks_address(&a->fs->servers[0], &known))
        return false;
    if (known)
        cove__error_add(err, "; %s", a->fs->names.advice);
    return known;
}

/* Whether the call is to be sent again, and to which server. */
static bool try_again(struct attempts *a, bool next, const struct cove__ctx *ctx, int *rc, struct cove_error *err)
{
    size_t n = a->fs->n_servers;

    if (*rc == COVE_ENETWORK && a->tries == 0 && is_unknown(a, err))
        return false;
    if (++a->tries > (n > 1 ? a->fs->failovers_max : TRIES_ALONE - 1)) {
        if (n > 1)
            cove__error_add(err, "; none of the %zu servers of %s could do it, in %lld tries", n, a->fs->name,
                            (long long)a->tries);
        else if (strcmp(err->store_code, "StandbyException") == 0)
            cove__error_add(err, ": give the nameservice, not one host");
        return false;
    }
    if (next) {
        a->server = (a->server + 1) % n;
        if (++a->asked < n)
            return true;
    }
    a->round++;
    a->asked = 0;
    int waited = wait_a_while(a, ctx, err);

    if (waited < 0)
        *rc = waited;
    return waited == 0;
}

/* The servers behind a name that stands for all of them: looked up by the first call. */
static int resolve(struct cove__hdfs *fs, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__hdfs_server *servers = NULL;
    size_t n = 0;
    int rc = atomic_load(&fs->resolved) ? 0 : cove__hdfs_names_resolve(&fs->names, &servers, &n, ctx, err);

    if (rc < 0 || !servers)
        return rc;
    cove__lock();
    if (!atomic_load(&fs->resolved)) {
        fs->servers = servers;
        fs->n_servers = n;
        servers = NULL;
        atomic_store(&fs->active, fs->names.random ? cove__random() % n : 0);
        atomic_store(&fs->resolved, true);
    }
    cove__unlock();
    cove__hdfs_servers_free(servers, n);
    return 0;
}

static int take_response(struct attempts *a, const char *may_be, const struct cove__ctx *ctx,
                         struct cove__hdfs_reply *ret, enum cove__hdfs_retry *ret_retry, struct cove_error *err)
{
    const struct cove__hdfs_server *server = &a->fs->servers[a->server];
    const struct cove__hadoop_response *response = &ret->response;
    char name[300];
    int rc;

    *ret_retry = COVE__HDFS_NO_RETRY;
    keep_state(a->fs, response);
    if (!response->failed)
        return 0;
    if (may_be && cove__hdfs_is_exception(response, may_be))
        return 0;
    snprintf(name, sizeof name, "%s:%u", server->host, server->port);
    *ret_retry = cove__hdfs_may_retry(response->exception, response->error);
    rc = cove__hdfs_fail(err, ctx, name, response);
    cove__hdfs_reply_done(ret);
    return rc;
}

int cove__hdfs_call(struct cove__hdfs *fs, const char *method, struct cove__buf *request, const char *may_be,
                    const struct cove__ctx *ctx, struct cove__hdfs_reply *ret, struct cove_error *err)
{
    struct attempts a = { .fs = fs };
    struct cove__buf router_state = COVE__BUF_INIT(ROUTER_STATE);
    struct cove_error failure = COVE_ERROR_INIT;
    struct cove__hdfs_caller caller;
    struct cove__hadoop_call call = { .protocol = COVE__HDFS_CLIENT_PROTOCOL, .method = method };
    enum cove__hdfs_retry retry;
    bool reused, again = true;
    int rc = cove__buf_rc(request);

    if (rc < 0)
        return cove__fail_nomem(err, "a request");
    rc = resolve(fs, ctx, err);
    if (rc < 0)
        return rc;
    a.server = atomic_load(&fs->active);
    cove__hdfs_describe_caller(fs, call.protocol, &caller);
    copy_router_state(fs, &router_state);
    call.id = cove__hdfs_next_call(fs);
    call.client_id = caller.id;
    call.router_state = cove__buf_slice(&router_state);
    for (call.retry = 0; again; call.retry++) {
        call.state_id = atomic_load(&fs->state_id);
        retry = COVE__HDFS_NO_RETRY;
        rc = cove__hdfs_rpc_call(&fs->servers[a.server], &caller, &call, cove__buf_slice(request), ctx, ret, &reused,
                                 &failure);
        if (rc == 0)
            rc = take_response(&a, may_be, ctx, ret, &retry, &failure);
        if (rc == 0)
            atomic_store(&fs->active, a.server);
        if (rc == COVE_ENETWORK && reused)
            continue; /* the server had closed an idle connection */
        again = rc < 0 && (rc == COVE_ENETWORK || retry != COVE__HDFS_NO_RETRY) &&
                try_again(&a, rc == COVE_ENETWORK || retry == COVE__HDFS_NEXT_SERVER, ctx, &rc, &failure);
    }
    cove__buf_done(&router_state);
    if (rc < 0) {
        cove__error_copy(err, &failure);
        if (err)
            err->code = rc;
    }
    return rc;
}

int cove__hdfs_unreadable(const struct cove__ctx *ctx, const char *method, int rc, struct cove_error *err)
{
    if (rc == COVE_ENOMEM)
        return cove__fail_nomem(err, "a response");
    return cove__fs_fail(err, ctx, COVE_EPROTOCOL, "the NameNode's response to %s is malformed", method);
}

int cove__hdfs_defaults(struct cove__hdfs *fs, const struct cove__ctx *ctx, struct cove__hdfs_defaults *ret,
                        struct cove_error *err)
{
    struct cove__buf request = COVE__BUF_INIT(16);
    struct cove__hdfs_reply reply;
    struct cove__slice message;
    int rc;

    cove__lock();
    *ret = fs->defaults;
    cove__unlock();
    if (ret->block_size > 0)
        return 0;
    rc = cove__hdfs_call(fs, "getServerDefaults", &request, NULL, ctx, &reply, err);
    if (rc < 0)
        return rc;
    if (!cove__hdfs_field(reply.response.message, 1, &message) || cove__hdfs_read_defaults(message, ret) < 0)
        rc = cove__hdfs_unreadable(ctx, "getServerDefaults", COVE_EPROTOCOL, err);
    ret->key_provider = (struct cove__slice){ 0 }; /* it is in the reply */
    cove__hdfs_reply_done(&reply);
    if (rc == 0) {
        cove__lock();
        fs->defaults = *ret;
        cove__unlock();
    }
    return rc;
}
