/*
 * Logins to DataNodes: by the block's token, or by the key of encrypted transfers, which the NameNode gives. Both are
 * passwords of DIGEST-MD5. Where privacy is agreed on, AES takes its place if the DataNode is set to.
 */
#include "fs/hdfs/hdfs_transfer_login.h"

#include <stdio.h>
#include <sys/time.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/mem.h"
#include "base/secret.h"
#include "fs/fs_impl.h"
#include "fs/hdfs/hdfs.h"
#include "fs/hdfs/hdfs_filter.h"
#include "wire/digest.h"
#include "wire/hadoop_tokens.h"
#include "wire/hdfs_transfer.h"

#define MESSAGE_MAX      ((size_t)64 << 10)
#define PRIVILEGED_PORTS 1024 /* a DataNode below needs no login: only root can listen there */
#define KEY_LEFT_MS      60000

struct transfer_login {
    struct cove__hdfs_socket *socket;
    const struct cove__ctx *ctx;
    struct cove_error *err;
    bool *ret_again;

    struct cove__sasl_qualities qualities;
    struct cove__buf user;
    char *password; /* owned; wiped */
    struct cove__hdfs_layer layer;
    struct cove__buf in;
};

static int fail(const struct transfer_login *l, int code, const char *text)
{
    return cove__fs_fail(l->err, l->ctx, code, "the login to the DataNode %s: %s", l->socket->peer, text);
}

/* ---- with what ---- */

static int put_base64(struct cove__buf *out, struct cove__slice bytes)
{
    char *text = cove__malloc(COVE__BASE64_SIZE(bytes.size));

    if (!text)
        return COVE_ENOMEM;
    cove__base64(bytes.data, bytes.size, text);
    cove__buf_add_str(out, text);
    cove__free(text);
    return cove__buf_rc(out);
}

static int set_password(struct transfer_login *l, struct cove__slice bytes)
{
    l->password = cove__malloc(COVE__BASE64_SIZE(bytes.size));
    if (!l->password)
        return COVE_ENOMEM;
    cove__base64(bytes.data, bytes.size, l->password);
    return 0;
}

/* By a block's token. 0: there is none. */
static int by_token(struct transfer_login *l, struct cove__slice message)
{
    struct cove__hadoop_token token;
    int rc;

    if (cove__hadoop_token_read(message, &token) < 0 || token.identifier.size == 0)
        return 0;
    rc = put_base64(&l->user, token.identifier);
    if (rc == 0)
        rc = set_password(l, token.password);
    return rc < 0 ? cove__fail_nomem(l->err, "a login") : 1;
}

static int by_key(struct transfer_login *l, struct cove__slice key)
{
    struct cove__slice pool, nonce, secret;
    uint64_t id = 0;
    int rc;

    if (!cove__hdfs_number(key, 1, &id) || !cove__hdfs_field(key, 2, &pool) || !cove__hdfs_field(key, 3, &nonce) ||
        !cove__hdfs_field(key, 4, &secret))
        return cove__hdfs_unreadable(l->ctx, "getDataEncryptionKey", COVE_EPROTOCOL, l->err);
    cove__buf_addf(&l->user, "%d ", (int)(uint32_t)id);
    cove__buf_add_slice(&l->user, pool);
    cove__buf_add_char(&l->user, ' ');
    rc = put_base64(&l->user, nonce);
    if (rc == 0)
        rc = set_password(l, secret);
    l->qualities = (struct cove__sasl_qualities){ { COVE__SASL_PRIVACY }, 1 };
    return rc < 0 ? cove__fail_nomem(l->err, "a login") : 1;
}

static bool is_old(struct cove__slice key)
{
    struct timeval now;
    uint64_t end_ms = 0;

    gettimeofday(&now, NULL);
    return key.size == 0 || !cove__hdfs_number(key, 5, &end_ms) || end_ms < (uint64_t)now.tv_sec * 1000 + KEY_LEFT_MS;
}

/* The NameNode's key, into `ret`; empty: it gives none. */
static int get_key(struct cove__hdfs *fs, const struct cove__ctx *ctx, struct cove__buf *ret, struct cove_error *err)
{
    struct cove__buf request = COVE__BUF_INIT(16);
    struct cove__slice key = { 0 };
    struct cove__hdfs_reply reply;
    int rc;

    cove__lock();
    if (!is_old(cove__buf_slice(&fs->transfer_key)))
        cove__buf_add_slice(ret, cove__buf_slice(&fs->transfer_key));
    cove__unlock();
    if (ret->size > 0 || cove__buf_rc(ret) < 0)
        return cove__buf_rc(ret);
    rc = cove__hdfs_call(fs, "getDataEncryptionKey", &request, NULL, ctx, &reply, err);
    if (rc < 0)
        return rc;
    if (cove__hdfs_field(reply.response.message, 1, &key) && cove__buf_add_slice(ret, key) == 0) {
        cove__lock();
        cove__buf_wipe(&fs->transfer_key);
        cove__buf_add_slice(&fs->transfer_key, key);
        cove__unlock();
    }
    cove__hdfs_reply_done(&reply);
    return cove__buf_rc(ret);
}

static void forget_key(struct cove__hdfs *fs)
{
    cove__lock();
    cove__buf_wipe(&fs->transfer_key);
    cove__unlock();
}

/* 1: user, password and qualities are set; 0: no login is wanted. */
static int choose(struct transfer_login *l, struct cove__hdfs *fs, const struct cove__hdfs_node *node,
                  struct cove__slice token)
{
    struct cove__hdfs_defaults defaults;
    struct cove__buf key;
    int rc = cove__hdfs_defaults(fs, l->ctx, &defaults, l->err);

    if (rc < 0)
        return rc;
    if (!defaults.encrypts) {
        if (!cove__hdfs_is_secure(&fs->security) || fs->security.data.n == 0 || node->port < PRIVILEGED_PORTS)
            return 0;
        l->qualities = fs->security.data;
        return by_token(l, token);
    }
    cove__buf_init_secret(&key, MESSAGE_MAX);
    rc = get_key(fs, l->ctx, &key, l->err);
    if (rc == 0 && key.size > 0)
        rc = by_key(l, cove__buf_slice(&key));
    cove__buf_done(&key);
    return rc;
}

/* ---- the exchange ---- */

static int send_message(struct transfer_login *l, bool first, struct cove__slice payload, bool offers_cipher)
{
    struct cove__buf out = COVE__BUF_INIT(MESSAGE_MAX);
    struct iovec part;
    int rc;

    for (int shift = 24; first && shift >= 0; shift -= 8)
        cove__buf_add_char(&out, (char)(uint8_t)(COVE__HDFS_SASL_MAGIC >> shift));
    cove__hdfs_write_sasl(&out, payload, offers_cipher);
    part = (struct iovec){ out.data, out.size };
    rc = cove__buf_rc(&out) < 0 ? cove__fail_nomem(l->err, "a login")
                                : cove__hdfs_socket_send(l->socket, &part, 1, l->ctx, l->err);
    cove__buf_done(&out);
    return rc;
}

static int receive_message(struct transfer_login *l, struct cove__hdfs_sasl_message *ret)
{
    int rc = cove__hdfs_receive_delimited(l->socket, &l->in, l->ctx, l->err);

    if (rc == COVE_ENETWORK)
        cove__error_add(l->err, "; a DataNode ends a login where its dfs.data.transfer.protection differs");
    if (rc < 0)
        return rc;
    if (cove__hdfs_read_sasl(cove__buf_slice(&l->in), ret) < 0)
        return fail(l, COVE_EPROTOCOL, "it sent a malformed message");
    if (ret->status == COVE__HDFS_SASL_SUCCESS)
        return 0;
    *l->ret_again = ret->status == COVE__HDFS_SASL_UNKNOWN_KEY;
    return cove__fs_fail(l->err, l->ctx, ret->bad_token ? COVE_EAUTH : COVE_ESERVER,
                         "the DataNode %s refused a login: %.*s", l->socket->peer,
                         (int)(ret->text.size < 400 ? ret->text.size : 400),
                         ret->text.size ? (const char *)ret->text.data : "");
}

/* From here on by AES, with the keys that the DataNode has chosen and sent sealed. */
static int use_aes(struct transfer_login *l, const struct cove__hdfs_sasl_message *m)
{
    struct cove__sasl_cipher *to = NULL, *from = NULL;
    struct cove__buf key;
    int rc;

    cove__buf_init_secret(&key, 4096);
    rc = cove__sasl_digest_open(l->layer.digest, m->to_key, &key);
    if (rc == 0)
        rc = cove__sasl_cipher_aes(cove__buf_slice(&key), m->to_iv, &to);
    cove__buf_reset(&key);
    if (rc == 0)
        rc = cove__sasl_digest_open(l->layer.digest, m->from_key, &key);
    if (rc == 0)
        rc = cove__sasl_cipher_aes(cove__buf_slice(&key), m->from_iv, &from);
    cove__buf_wipe(&key);
    if (rc == 0)
        rc = cove__hdfs_protect_aes(l->socket, to, from);
    else
        cove__sasl_cipher_free(to);
    return rc < 0 ? fail(l, rc, "the keys of AES cannot be used") : 0;
}

static int exchange(struct transfer_login *l)
{
    const struct cove__sasl_digest_login login = {
        .user = cove__buf_str(&l->user), .password = l->password, .service = "hdfs/0", .qualities = l->qualities
    };
    struct cove__buf answer = COVE__BUF_INIT(MESSAGE_MAX);
    struct cove__hdfs_sasl_message m;
    const char *why = "";
    unsigned quality = 0;
    int rc = send_message(l, true, cove__slice(NULL, 0), false);

    if (rc == 0)
        rc = receive_message(l, &m);
    if (rc == 0) {
        rc = cove__sasl_digest_answer(m.payload, &login, &answer, &l->layer.digest, &why);
        if (rc < 0)
            rc = fail(l, rc == COVE_EAUTH ? COVE_ESERVER : rc, why); /* another DataNode may be set otherwise */
    }
    if (rc == 0) {
        quality = cove__sasl_digest_quality(l->layer.digest);
        rc = send_message(l, false, cove__buf_slice(&answer), quality == COVE__SASL_PRIVACY);
    }
    cove__buf_done(&answer);
    if (rc == 0)
        rc = receive_message(l, &m);
    if (rc == 0 && cove__sasl_digest_check(l->layer.digest, m.payload) < 0)
        rc = fail(l, COVE_ESERVER, "it does not know the password: it is another one");
    if (rc < 0 || quality == COVE__SASL_AUTH)
        return rc;
    if (quality == COVE__SASL_PRIVACY && m.has_cipher)
        return use_aes(l, &m);
    rc = cove__hdfs_protect_transfer(l->socket, &l->layer);
    return rc < 0 ? fail(l, rc, "no memory") : 0;
}

int cove__hdfs_transfer_login(struct cove__hdfs *fs, struct cove__hdfs_socket *s, const struct cove__hdfs_node *node,
                              struct cove__slice token, const struct cove__ctx *ctx, bool *ret_again,
                              struct cove_error *err)
{
    struct transfer_login l = { .socket = s, .ctx = ctx, .err = err, .ret_again = ret_again };
    int rc;

    cove__buf_init(&l.user, MESSAGE_MAX);
    cove__buf_init_secret(&l.in, MESSAGE_MAX);
    *ret_again = false;
    rc = choose(&l, fs, node, token);
    if (rc == 1)
        rc = exchange(&l);
    if (*ret_again)
        forget_key(fs);
    cove__buf_done(&l.user);
    cove__buf_done(&l.in);
    cove__wipe(l.password);
    cove__hdfs_layer_done(&l.layer);
    return rc;
}
