/* Logins to NameNodes: see hdfs_login.h. */
#include "fs/hdfs/hdfs_login.h"

#include <fnmatch.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/secret.h"
#include "fs/fs_impl.h"
#include "fs/hdfs/hdfs_filter.h"
#include "wire/digest.h"

#define MESSAGES_MAX 16 /* of a login */
#define MESSAGE_MAX  ((size_t)1 << 20)
#define TOKENS_MAX   ((size_t)16 << 20)
#define NAME_SIZE    1024

struct login {
    struct cove__hdfs_socket *socket;
    const struct cove__hdfs_server *server;
    const struct cove__hdfs_security *security;
    struct cove__slice block; /* its token, to a DataNode */
    const struct cove__ctx *ctx;
    struct cove_error *err;

    enum cove__hdfs_way way;
    struct cove__hdfs_layer layer;
    unsigned quality;      /* that was agreed on; 0: not yet */
    bool stands;           /* the context of Kerberos */
    char host[NI_MAXHOST]; /* the server's, as it is known by its address; "": not asked yet */
    char address[NI_MAXHOST];
};

static int fail(const struct login *l, int code, const char *text)
{
    return cove__fs_fail(l->err, l->ctx, code, "the login to %s: %s", l->socket->peer, text);
}

/* ---- the server's principal ---- */

static void look_up_peer(struct login *l)
{
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;

    if (l->address[0])
        return;
    if (getpeername(l->socket->fd, (struct sockaddr *)&peer, &size) < 0 ||
        getnameinfo((struct sockaddr *)&peer, size, l->address, sizeof l->address, NULL, 0, NI_NUMERICHOST) != 0)
        snprintf(l->address, sizeof l->address, "?");
}

static bool is_servers_host(struct login *l, const char *host)
{
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;

    if (strcasecmp(host, l->server->host) == 0)
        return true;
    /* An address, or another name than its own: as Hadoop's own clients do. */
    if (!l->host[0] &&
        (getpeername(l->socket->fd, (struct sockaddr *)&peer, &size) < 0 ||
         getnameinfo((struct sockaddr *)&peer, size, l->host, sizeof l->host, NULL, 0, NI_NAMEREQD) != 0))
        snprintf(l->host, sizeof l->host, "?");
    return strcasecmp(host, l->host) == 0;
}

/* Whether the server may call itself service/host, by the setting "nn/_HOST@REALM". */
static bool is_expected(struct login *l, const char *setting, const char *service, const char *host)
{
    size_t n = strcspn(setting, "/"), host_size = strcspn(setting + n, "@");
    const char *of_setting = setting + n + 1;

    if (setting[n] != '/' || strlen(service) != n || strncmp(setting, service, n) != 0)
        return false;
    host_size--;
    if (host_size == strlen("_HOST") && strncmp(of_setting, "_HOST", host_size) == 0)
        return is_servers_host(l, host);
    return strlen(host) == host_size && strncasecmp(of_setting, host, host_size) == 0;
}

/* The principal that tickets are asked for; false: the server is not the one that is meant. */
static bool choose_principal(struct login *l, const char *service, const char *host, char ret[NAME_SIZE])
{
    const struct cove__hdfs_security *s = l->security;
    const char *realm = s->server_principal ? strchr(s->server_principal, '@') : NULL;

    snprintf(ret, NAME_SIZE, "%s/%s%s", service, host, realm ? realm : "");
    if (s->server_pattern) {
        char whole[NAME_SIZE + 1];

        /* Where the realm is not known, only "@*" of a pattern can be met. */
        snprintf(whole, sizeof whole, "%s%s", ret, !realm && strchr(s->server_pattern, '@') ? "@" : "");
        return fnmatch(s->server_pattern, whole, 0) == 0;
    }
    return s->server_principal ? is_expected(l, s->server_principal, service, host) : is_servers_host(l, host);
}

/* ---- Kerberos ---- */

/* Agrees on the quality of protection: RFC 4752, section 3.1. */
static int agree(struct login *l, struct cove__slice sealed, struct cove__buf *out)
{
    struct cove__buf plain = COVE__BUF_INIT(64);
    const uint8_t *p;
    uint8_t answer[4] = { 0 };
    int rc = cove__gss_unwrap(l->layer.gss, sealed, false, &plain);

    p = plain.data;
    if (rc < 0 || plain.size != 4)
        rc = fail(l, COVE_EPROTOCOL, "the server's offer of protection is malformed");
    else {
        l->quality = cove__sasl_choose(&l->security->rpc, p[0]);
        l->layer.max = (size_t)p[1] << 16 | (size_t)p[2] << 8 | (size_t)p[3];
        l->layer.private = l->quality == COVE__SASL_PRIVACY;
        if (l->quality == 0)
            rc = fail(l, COVE_EAUTH, "the server demands another hadoop.rpc.protection than the site files have");
    }
    cove__buf_done(&plain);
    if (rc < 0)
        return rc;
    answer[0] = (uint8_t)l->quality;
    if (l->quality != COVE__SASL_AUTH)
        memset(answer + 1, 0xFF, 3); /* we take what comes */
    rc = cove__gss_wrap(l->layer.gss, cove__slice(answer, sizeof answer), false, out);
    return rc < 0 ? fail(l, rc, "the answer cannot be signed") : 0;
}

static int answer_kerberos(struct login *l, struct cove__slice challenge, struct cove__buf *out)
{
    struct cove_error why = COVE_ERROR_INIT;
    int rc;

    if (l->stands)
        return l->quality == 0 ? agree(l, challenge, out) : fail(l, COVE_EPROTOCOL, "the server asks for too much");
    rc = cove__gss_step(l->layer.gss, challenge, out, &why);
    if (rc < 0)
        return fail(l, rc, why.message);
    l->stands = rc == 1;
    return 0;
}

static int begin_kerberos(struct login *l, const struct cove__hadoop_auth *auth, struct cove__buf *out)
{
    const struct cove__hdfs_security *s = l->security;
    const struct cove__gss_login login = { s->ticket_cache && *s->ticket_cache ? s->ticket_cache : NULL,
                                           s->keytab && *s->keytab ? s->keytab : NULL,
                                           s->principal && *s->principal ? s->principal : NULL };
    char service[200], host[300], principal[NAME_SIZE];
    struct cove_error why = COVE_ERROR_INIT;
    int rc;

    snprintf(service, sizeof service, "%.*s", (int)auth->protocol.size, (const char *)auth->protocol.data);
    snprintf(host, sizeof host, "%.*s", (int)auth->server.size, (const char *)auth->server.data);
    if (!choose_principal(l, service, host, principal)) {
        return cove__fs_fail(l->err, l->ctx, COVE_EAUTH,
                             "%s calls itself %s, which is not what %s has (%s): it may be another cluster's",
                             l->socket->peer, principal,
                             s->server_pattern     ? "dfs.namenode.kerberos.principal.pattern"
                             : s->server_principal ? "dfs.namenode.kerberos.principal"
                                                   : "the URL",
                             s->server_pattern     ? s->server_pattern
                             : s->server_principal ? s->server_principal
                                                   : l->server->host);
    }
    l->way = COVE__HDFS_BY_TICKET;
    rc = cove__gss_new(&login, principal, &l->layer.gss, &why);
    if (rc < 0)
        return fail(l, rc, why.message);
    return answer_kerberos(l, cove__slice(NULL, 0), out);
}

/* ---- tokens ---- */

/* 1: there is one for this server, in `text`. */
static int find_token(struct login *l, struct cove__buf *text, struct cove__hadoop_token *ret)
{
    char of_store[NAME_SIZE], by_address[NI_MAXHOST + 16], by_name[NAME_SIZE];
    const char *const services[] = { l->security->nameservice ? of_store : NULL, by_address, by_name };
    struct cove_error why = COVE_ERROR_INIT;
    int rc;

    if (l->block.size > 0) {
        rc = cove__hadoop_token_read(l->block, ret);
        return rc < 0 ? fail(l, rc, "the block's token is malformed") : ret->identifier.size > 0;
    }
    look_up_peer(l);
    snprintf(of_store, sizeof of_store, "ha-hdfs:%s", l->security->nameservice ? l->security->nameservice : "");
    snprintf(by_address, sizeof by_address, "%s:%u", l->address, l->server->port);
    snprintf(by_name, sizeof by_name, "%s:%u", l->server->host, l->server->port);
    rc = cove__hdfs_find_token(l->security, services, sizeof services / sizeof services[0], text, ret, &why);
    return rc < 0 ? fail(l, COVE_EAUTH, why.message) : rc;
}

static char *base64(struct cove__slice bytes)
{
    char *text = cove__malloc(COVE__BASE64_SIZE(bytes.size));

    if (text)
        cove__base64(bytes.data, bytes.size, text);
    return text;
}

static int answer_token(struct login *l, const struct cove__hadoop_auth *auth, const struct cove__hadoop_token *token,
                        struct cove__buf *out)
{
    char *user = base64(token->identifier), *password = base64(token->password), service[600];
    const struct cove__sasl_digest_login login = {
        .user = user, .password = password, .service = service, .qualities = l->security->rpc
    };
    const char *why = "no memory";
    int rc = COVE_ENOMEM;

    l->way = COVE__HDFS_BY_TOKEN;
    snprintf(service, sizeof service, "%.*s/%.*s", (int)auth->protocol.size, (const char *)auth->protocol.data,
             (int)auth->server.size, (const char *)auth->server.data);
    if (user && password)
        rc = cove__sasl_digest_answer(auth->challenge, &login, out, &l->layer.digest, &why);
    cove__free(user);
    cove__wipe(password);
    if (rc == 0)
        l->quality = cove__sasl_digest_quality(l->layer.digest);
    return rc < 0 ? fail(l, rc, why) : 0;
}

/* ---- the exchange ---- */

static const struct cove__hadoop_auth *find_auth(const struct cove__hadoop_sasl *m, const char *method,
                                                 const char *mechanism)
{
    for (size_t i = 0; i < m->n_auths; i++) {
        if (cove__slice_is(m->auths[i].method, method) && cove__slice_is(m->auths[i].mechanism, mechanism))
            return &m->auths[i];
    }
    return NULL;
}

static int refuse_all(const struct login *l, const struct cove__hadoop_sasl *m)
{
    char offered[300] = "";

    for (size_t i = 0; i < m->n_auths; i++) {
        size_t n = strlen(offered);

        snprintf(offered + n, sizeof offered - n, "%s%.*s", n > 0 ? ", " : "", (int)m->auths[i].method.size,
                 (const char *)m->auths[i].method.data);
    }
    return cove__fs_fail(l->err, l->ctx, COVE_EAUTH, "%s offers to log in by %s only; %s", l->socket->peer,
                         offered[0] ? offered : "nothing",
                         l->security->kerberos
                             ? "without Kerberos only where ipc.client.fallback-to-simple-auth-allowed "
                               "is true"
                             : "the file of tokens has none for it: set hadoop.security.authentication "
                               "to kerberos, and get a ticket with `kinit`");
}

/* The way in, and the first answer. */
static int choose(struct login *l, const struct cove__hadoop_sasl *m, struct cove__buf *out,
                  const struct cove__hadoop_auth **ret)
{
    struct cove__hadoop_token token = { 0 };
    struct cove__buf file;
    int rc;

    *ret = find_auth(m, "TOKEN", "DIGEST-MD5");
    cove__buf_init_secret(&file, TOKENS_MAX);
    rc = *ret && (*ret)->challenge.data ? find_token(l, &file, &token) : 0;
    if (rc == 1)
        rc = answer_token(l, *ret, &token, out);
    else if (rc == 0 && l->security->kerberos && (*ret = find_auth(m, "KERBEROS", "GSSAPI")))
        rc = begin_kerberos(l, *ret, out);
    else if (rc == 0 && (!l->security->kerberos || l->security->falls_back) && (*ret = find_auth(m, "SIMPLE", "")))
        l->way = COVE__HDFS_SIMPLE;
    else if (rc == 0)
        rc = refuse_all(l, m);
    cove__buf_wipe(&file);
    return rc;
}

static int finish(struct login *l, const struct cove__hadoop_sasl *m)
{
    if (l->quality == 0)
        return fail(l, COVE_EPROTOCOL, "the server ended it too early");
    if (l->layer.digest && cove__sasl_digest_check(l->layer.digest, m->token) < 0)
        return fail(l, COVE_EAUTH, "the server does not know the token's password: it is another one");
    if (l->quality == COVE__SASL_AUTH)
        return 0;
    return cove__hdfs_protect_rpc(l->socket, &l->layer) < 0 ? fail(l, COVE_ENOMEM, "no memory") : 0;
}

/* The answer to a message into `out`. 1: it was the last. */
static int answer(struct login *l, const struct cove__hadoop_sasl *m, struct cove__buf *out)
{
    enum cove__hadoop_sasl_state state = COVE__HADOOP_SASL_RESPONSE;
    const struct cove__hadoop_auth *auth = NULL;
    struct cove__buf token = COVE__BUF_INIT(MESSAGE_MAX);
    bool begins = m->state == COVE__HADOOP_SASL_NEGOTIATE;
    int rc = 0;

    if (m->state == COVE__HADOOP_SASL_SUCCESS) {
        rc = finish(l, m);
        return rc < 0 ? rc : 1;
    }
    if (begins != (l->way == COVE__HDFS_SIMPLE) || (!begins && m->state != COVE__HADOOP_SASL_CHALLENGE) ||
        (!begins && l->way == COVE__HDFS_BY_TOKEN))
        return fail(l, COVE_EPROTOCOL, "the server sent a message out of order");
    if (begins) {
        rc = choose(l, m, &token, &auth);
        state = COVE__HADOOP_SASL_INITIATE;
    } else
        rc = answer_kerberos(l, m->token, &token);
    if (rc == 0) {
        /* An empty answer is one, too. */
        cove__hadoop_write_sasl(out, state, cove__slice(cove__buf_str(&token), token.size), auth);
        rc = cove__buf_rc(&token) < 0 || cove__buf_rc(out) < 0 ? fail(l, COVE_ENOMEM, "no memory") : 0;
    }
    cove__buf_wipe(&token);
    return rc < 0 ? rc : begins && l->way == COVE__HDFS_SIMPLE;
}

static int send_all(struct login *l, struct cove__buf *out)
{
    struct iovec part = { out->data, out->size };

    return cove__hdfs_socket_send(l->socket, &part, 1, l->ctx, l->err);
}

static int exchange(struct login *l, struct cove__hdfs_reply *refusal)
{
    struct cove__buf out = COVE__BUF_INIT(2 * MESSAGE_MAX);
    struct cove__hadoop_sasl m;
    int rc, last = 0;

    cove__hadoop_write_preamble(&out, true);
    cove__hadoop_write_sasl(&out, COVE__HADOOP_SASL_NEGOTIATE, cove__slice(NULL, 0), NULL);
    rc = send_all(l, &out);
    for (int i = 0; rc == 0 && !last; i++) {
        rc = cove__hdfs_socket_receive_frame(l->socket, &refusal->frame, l->ctx, l->err);
        if (rc < 0)
            break;
        if (cove__hadoop_read_response(cove__buf_slice(&refusal->frame), &refusal->response) < 0)
            rc = fail(l, COVE_EPROTOCOL, "the server sent a malformed response");
        else if (refusal->response.failed)
            break;
        else if (i == MESSAGES_MAX || refusal->response.id != COVE__HADOOP_SASL ||
                 cove__hadoop_read_sasl(refusal->response.message, &m) < 0)
            rc = fail(l, COVE_EPROTOCOL, "the server sent a malformed message");
        cove__buf_reset(&out);
        if (rc == 0)
            rc = last = answer(l, &m, &out);
        if (rc >= 0 && out.size > 0)
            rc = send_all(l, &out);
        else if (rc > 0)
            rc = 0;
    }
    cove__buf_wipe(&out);
    return rc;
}

int cove__hdfs_login(struct cove__hdfs_socket *s, const struct cove__hdfs_server *server,
                     const struct cove__hdfs_caller *caller, const struct cove__ctx *ctx, enum cove__hdfs_way *ret,
                     struct cove__hdfs_reply *refusal, struct cove_error *err)
{
    struct login l = {
        .socket = s, .server = server, .security = caller->security, .block = caller->token, .ctx = ctx, .err = err
    };
    int rc = exchange(&l, refusal);

    *ret = l.way;
    cove__hdfs_layer_done(&l.layer);
    return rc;
}
