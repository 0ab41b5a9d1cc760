/* One exchange with a source of credentials, and the keys in its reply: for aws_sts.c, aws_metadata.c and their like.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth/aws_chain.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/secret.h"
#include "wire/json.h"

#define URL_MAX     ((size_t)8 << 10)
#define HEADERS_MAX ((size_t)32 << 10)

void cove__aws_wipe_buf(struct cove__buf *b)
{
    if (b->data != NULL)
        explicit_bzero(b->data, b->cap);
    cove__buf_done(b);
}

void cove__aws_ask_init(struct cove__aws_ask *ask, const struct cove__aws_chain *chain, const char *method,
                        const char *where)
{
    *ask = (struct cove__aws_ask){ .chain = chain, .method = method, .where = where };
    ask->timeout_ms = 60000;
    ask->connect_timeout_ms = 10000;
    ask->retries = 3;
    cove__buf_init(&ask->url, URL_MAX);
    cove__buf_init(&ask->headers, HEADERS_MAX);
    cove__buf_init(&ask->reply, COVE__AWS_REPLY_MAX);
}

void cove__aws_ask_done(struct cove__aws_ask *ask)
{
    cove__secret_drop(ask);
    cove__buf_done(&ask->url);
    cove__aws_wipe_buf(&ask->headers);
    cove__aws_wipe_buf(&ask->reply);
}

static int prepare(void *self, struct cove__http_request *r, struct cove_error *err)
{
    const struct cove__aws_ask *ask = self;
    cove__buf_add_slice(&r->url, cove__buf_slice(&ask->url));
    cove__buf_add_slice(&r->headers, cove__buf_slice(&ask->headers));
    return 0;
}

int cove__aws_ask(struct cove__aws_ask *ask, cove_cancel *cancel, struct cove_error *err)
{
    static const struct cove__http_hooks hooks = { prepare, NULL, NULL };
    const struct cove__aws_chain *chain = ask->chain;
    struct cove__http_config config = { .ca_file = chain->ca_file,
                                        .ca_path = chain->ca_path,
                                        .verify_tls = 1,
                                        .proxy = ask->direct ? "" : chain->proxy,
                                        .user_agent = chain->user_agent,
                                        .connect_timeout_ms = ask->connect_timeout_ms,
                                        .stall_timeout_ms = ask->timeout_ms,
                                        .max_retries = ask->retries,
                                        .max_concurrency = 1 };
    struct cove__http_request r;
    struct cove__http *http = NULL;

    int rc = cove__buf_rc(&ask->url) < 0 ? cove__buf_rc(&ask->url) : cove__buf_rc(&ask->headers);
    if (rc < 0)
        return cove__fail(err, rc, "credentials %s: the request cannot be made: %s", ask->where, cove_code_phrase(rc));
    rc = cove__http_new(&config, &http, err);
    if (rc < 0)
        return rc;
    cove__http_request_init(&r);
    r.http = http;
    r.hooks = &hooks;
    r.self = ask;
    r.method = ask->method;
    r.body = ask->body;
    r.has_body = ask->has_body;
    r.reply_max = COVE__AWS_REPLY_MAX;
    r.op.ctx = (struct cove__ctx){ .deadline_ns = cove__now_ns() + cove__ms_ns(ask->timeout_ms),
                                   .cancel = cancel,
                                   .op = "credentials",
                                   .url = ask->where };
    rc = cove__http_run(&r, err);
    char date[64];
    ask->status = r.status;
    ask->date_ns = cove__http_header(&r, "date", date, sizeof date) ? cove__parse_http_date(date) : -1;
    cove__buf_add_slice(&ask->reply, cove__buf_slice(&r.reply));
    if (rc == 0 && cove__buf_rc(&ask->reply) < 0)
        rc = cove__fail_nomem(err, "the credentials");
    /* Whatever word HTTP has for it: who asks is not let in. */
    if (rc < 0 && r.status >= 400 && r.status < 500 && r.status != 429) {
        rc = COVE_EAUTH;
        err->code = rc;
    }
    cove__aws_wipe_buf(&r.reply);
    cove__http_request_done(&r);
    cove__http_free(http);
    return rc;
}

/* ---- keys ---- */

int cove__aws_expiry(const char *text, const char *who, int64_t *ret_ns, struct cove_error *err)
{
    int64_t at_ns = INT64_MAX;

    if (cove__aws_given(text)) {
        size_t digits = strspn(text, "0123456789");
        /* SSO's portal counts milliseconds. */
        at_ns = text[digits] == '\0' && digits < 16 ? cove__ms_ns(strtoll(text, NULL, 10)) : cove__parse_iso8601(text);
    }
    if (at_ns < 0)
        return cove__fail(err, COVE_EPROTOCOL, "credentials of %s: their expiration is not a date", who);
    *ret_ns = at_ns;
    return 0;
}

struct keys {
    char *id, *secret, *token, *expiration, *code, *message;
};

static int take_key(void *user, const char *path, enum cove__json_type type, const char *text)
{
    static const char portal[] = "roleCredentials/";
    struct keys *k = user;
    const struct {
        const char *name;
        char **at;
    } rows[] = {
        { "AccessKeyId", &k->id },  { "SecretAccessKey", &k->secret }, { "SessionToken", &k->token },
        { "Token", &k->token },     { "Expiration", &k->expiration },  { "Code", &k->code },
        { "Message", &k->message },
    };

    if (strncmp(path, portal, sizeof portal - 1) == 0)
        path += sizeof portal - 1;
    for (size_t i = 0; type != COVE__JSON_NULL && i < sizeof rows / sizeof rows[0]; i++) {
        if (strcasecmp(path, rows[i].name) != 0)
            continue;
        cove__wipe(*rows[i].at);
        *rows[i].at = cove__strdup(text);
        return *rows[i].at != NULL ? 0 : COVE_ENOMEM;
    }
    return 0;
}

/* A header is made of each: nothing in it may end the line. */
static bool plain(const char *s)
{
    for (; s != NULL && *s != '\0'; s++) {
        if ((unsigned char)*s <= ' ' || (unsigned char)*s > '~')
            return false;
    }
    return true;
}

int cove__aws_keys_from_json(struct cove__slice text, const char *who, bool may_last, struct cove__aws_credentials *ret,
                             struct cove_error *err)
{
    struct cove__aws_credentials c = { .expires_ns = INT64_MAX };
    struct keys k = { 0 };
    char unshown[256]; /* why it is no JSON, in words that quote it */

    int rc = cove__json_read(text, take_key, &k, unshown, sizeof unshown);
    explicit_bzero(unshown, sizeof unshown);
    if (rc == COVE_ENOMEM)
        cove__fail_nomem(err, "the credentials");
    else if (rc < 0)
        rc = cove__fail(err, COVE_EPROTOCOL, "credentials of %s: what it gave is not a JSON object", who);
    else if (k.code != NULL && strcmp(k.code, "Success") != 0)
        rc = cove__fail(err, COVE_EAUTH, "credentials of %s: it refused: %.64s%s%.200s", who,
                        plain(k.code) ? k.code : "", k.message != NULL ? ": " : "", k.message != NULL ? k.message : "");
    else if (!cove__aws_given(k.id) || !cove__aws_given(k.secret) || !plain(k.id) || !plain(k.token))
        rc = cove__fail(err, COVE_EPROTOCOL, "credentials of %s: what it gave has no usable access key id and secret",
                        who);
    else if (!may_last && !cove__aws_given(k.expiration))
        rc = cove__fail(err, COVE_EPROTOCOL, "credentials of %s: the reply has no expiration time", who);
    else
        rc = cove__aws_expiry(k.expiration, who, &c.expires_ns, err);
    if (rc == 0)
        rc = cove__aws_credentials_set_origin(&c, err, "%s", who);
    if (rc == 0) {
        c.key_id = k.id;
        c.secret = k.secret;
        c.token = cove__aws_given(k.token) ? k.token : NULL;
        k.id = k.secret = NULL;
        if (c.token != NULL)
            k.token = NULL;
        cove__aws_credentials_hide(&c);
        *ret = c;
    }
    cove__wipe(k.id);
    cove__wipe(k.secret);
    cove__wipe(k.token);
    cove__free(k.expiration);
    cove__free(k.code);
    cove__free(k.message);
    return rc;
}
