/*
 * SSO's token: what `aws sso login` left in its cache, and its renewal by SSO's OIDC service (CreateToken), which goes
 * back into the same file, so that AWS's tools and we share one login. For aws_sso.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/aws_chain.h"
#include "auth/credentials_file.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "wire/digest.h"
#include "wire/json.h"

#define PATH_LENGTH_MAX ((size_t)4096)
#define RENEW_BEFORE_NS (15 * 60 * COVE__SEC) /* as AWS's tools do */
#define LIFETIME_MAX_S  ((int64_t)90 * 24 * 3600)
#define TIMEOUT_MS      15000

/* A file's content. */
struct cached {
    char *token, *expires, *refresh, *client_id, *client_secret, *registered_until;
    int64_t until_ns;
};

void cove__aws_sso_url(struct cove__buf *out, const char *endpoint, const char *service, const char *region)
{
    size_t n = endpoint ? strlen(endpoint) : 0;

    while (n > 0 && endpoint[n - 1] == '/')
        n--;
    if (endpoint)
        cove__buf_add(out, endpoint, n);
    else
        cove__buf_addf(out, "https://%s.%s.amazonaws.com%s", service, region,
                       strncmp(region, "cn-", 3) == 0 ? ".cn" : "");
}

static void cached_done(struct cached *c)
{
    cove__wipe(c->token);
    cove__wipe(c->refresh);
    cove__wipe(c->client_secret);
    cove__free(c->client_id);
    cove__free(c->expires);
    cove__free(c->registered_until);
    *c = (struct cached){ 0 };
}

static int take(void *user, const char *path, enum cove__json_type type, const char *text)
{
    struct cached *c = user;
    const struct {
        const char *name;
        char **at;
        bool secret;
    } rows[] = {
        { "accessToken", &c->token, true },          { "expiresAt", &c->expires, false },
        { "refreshToken", &c->refresh, true },       { "clientId", &c->client_id, false },
        { "clientSecret", &c->client_secret, true }, { "registrationExpiresAt", &c->registered_until, false },
    };

    for (size_t i = 0; type == COVE__JSON_STRING && i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(path, rows[i].name) != 0)
            continue;
        cove__wipe(*rows[i].at);
        *rows[i].at = cove__strdup(text);
        if (rows[i].secret)
            cove__secret_add_owned(*rows[i].at);
        return *rows[i].at ? 0 : COVE_ENOMEM;
    }
    return 0;
}

/* It goes into a header's line. */
static bool usable(const char *token)
{
    return cove__aws_given(token) && !strpbrk(token, "\r\n");
}

int cove__aws_log_in(const struct cove__aws_profile *profile, const char *why, struct cove_error *err)
{
    return cove__fail(err, COVE_EAUTH, "credentials of SSO: %s: run \"aws sso login --profile %s\"", why,
                      profile->name);
}

/* ~/.aws/sso/cache/<SHA-1 of the session's name, or of the start URL>.json */
static int cache_path(const char *key, struct cove__buf *out)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    char hex[2 * EVP_MAX_MD_SIZE + 1];
    const char *home = cove__aws_env("HOME");

    if (!home)
        return COVE_ENOTFOUND;
    if (EVP_Digest(key, strlen(key), hash, &size, EVP_sha1(), NULL) != 1)
        return COVE_ENOTSUP;
    cove__hex(hash, size, hex);
    return cove__buf_addf(out, "%s/.aws/sso/cache/%s.json", home, hex);
}

static int load(const struct cove__aws_profile *profile, const char *path, struct cached *ret, struct cove_error *err)
{
    static const struct cove__json_handler handler = { .value = take };
    struct cove__buf text = COVE__BUF_SECRET(COVE__AWS_TOKEN_MAX);
    char why[160];

    int rc = cove__credentials_file_read(path, &text, err);
    if (rc == COVE_ENOTFOUND) {
        rc = cove__aws_log_in(profile, "there is no login yet", err);
        goto out;
    }
    if (rc < 0) {
        cove__error_prefix(err, rc, "credentials of SSO");
        goto out;
    }
    rc = cove__json_read(cove__buf_slice(&text), &handler, ret, why, sizeof why);
    ret->until_ns = ret->expires ? cove__parse_iso8601(ret->expires) : -1;
    if (rc == COVE_ENOMEM)
        cove__fail_nomem(err, "the credentials");
    else if (rc < 0 || !usable(ret->token) || ret->until_ns < 0)
        rc = cove__aws_log_in(profile, "the token in the cache is malformed", err);
out:
    cove__buf_wipe(&text);
    return rc;
}

/* ---- renewal ---- */

static bool can_renew(const struct cove__aws_profile *profile, const struct cached *c)
{
    int64_t registered_ns = c->registered_until ? cove__parse_iso8601(c->registered_until) : INT64_MAX;

    return cove__aws_given(profile->sso_session) && cove__aws_given(c->refresh) && cove__aws_given(c->client_id) &&
           cove__aws_given(c->client_secret) && registered_ns > cove__wall_ns();
}

static void add_field(struct cove__buf *out, const char *name, const char *value)
{
    if (!value)
        return;
    cove__buf_addf(out, "%s\"%s\": ", out->size > 1 ? ", " : "", name);
    cove__json_add_string(out, cove__slice_str(value));
}

struct created {
    char *token, *refresh;
    int64_t lasts_s;
};

static int take_created(void *user, const char *path, enum cove__json_type type, const char *text)
{
    struct created *c = user;
    char **at = strcmp(path, "accessToken") == 0 ? &c->token : strcmp(path, "refreshToken") == 0 ? &c->refresh : NULL;

    if (type == COVE__JSON_NUMBER && strcmp(path, "expiresIn") == 0)
        c->lasts_s = strtoll(text, NULL, 10);
    if (!at || type != COVE__JSON_STRING)
        return 0;
    cove__wipe(*at);
    *at = cove__strdup(text);
    cove__secret_add_owned(*at);
    return *at ? 0 : COVE_ENOMEM;
}

/* The response's token into `c`, in place of the old one. */
static int renewed(struct cove__slice response, struct cached *c, struct cove_error *err)
{
    static const struct cove__json_handler handler = { .value = take_created };
    struct created made = { 0 };
    char why[160], until[21];

    int rc = cove__json_read(response, &handler, &made, why, sizeof why);
    if (rc == COVE_ENOMEM)
        cove__fail_nomem(err, "the credentials");
    else if (rc < 0 || !usable(made.token) || made.lasts_s <= 0 || made.lasts_s > LIFETIME_MAX_S)
        rc = cove__fail(err, COVE_EPROTOCOL, "credentials of SSO: the response to the token's renewal is malformed");
    if (rc == 0) {
        int64_t until_ns = cove__wall_ns() + cove__sec_ns(made.lasts_s);
        cove__format_iso8601(until_ns, until);
        char *expires = cove__strdup(until);
        if (!expires) {
            rc = cove__fail_nomem(err, "the credentials");
        } else {
            cove__free(c->expires);
            c->expires = expires;
            c->until_ns = until_ns;
            cove__wipe(c->token);
            c->token = made.token;
            made.token = NULL;
        }
    }
    if (rc == 0 && cove__aws_given(made.refresh)) { /* else the old one stays valid */
        cove__wipe(c->refresh);
        c->refresh = made.refresh;
        made.refresh = NULL;
    }
    cove__wipe(made.token);
    cove__wipe(made.refresh);
    return rc;
}

static int renew(const struct cove__aws_chain *chain, const struct cove__aws_profile *profile, struct cached *c,
                 cove_cancel *cancel, struct cove_error *err)
{
    const char *endpoint = cove__aws_endpoint("AWS_ENDPOINT_URL_SSO_OIDC", chain->first->sso_oidc_endpoint_url, NULL);
    struct cove__exchange x;

    cove__exchange_init(&x, &chain->client, "POST", "of SSO's OIDC service");
    cove__aws_sso_url(&x.url, endpoint, "oidc", profile->sso_region);
    cove__buf_add_str(&x.url, "/token");
    cove__buf_add_str(&x.headers, "Content-Type: application/json\n");
    cove__buf_add_char(&x.body, '{');
    add_field(&x.body, "grantType", "refresh_token");
    add_field(&x.body, "clientId", c->client_id);
    add_field(&x.body, "clientSecret", c->client_secret);
    add_field(&x.body, "refreshToken", c->refresh);
    cove__buf_add_char(&x.body, '}');
    x.has_body = true;
    x.timeout_ms = TIMEOUT_MS;
    int rc = cove__exchange_run(&x, cancel, err);
    if (rc == 0)
        rc = renewed(cove__buf_slice(&x.response), c, err);
    cove__exchange_done(&x);
    return rc;
}

/* ---- back into the file ---- */

static int write_all(int fd, struct cove__slice s)
{
    while (s.size > 0) {
        ssize_t n = write(fd, s.data, s.size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        s = cove__slice_sub(s, (size_t)n, SIZE_MAX);
    }
    return fsync(fd);
}

/* Whole or not at all, and for its owner alone: another program may read it at any moment. If it can't be written, this
 * process still uses it. */
static void store(const struct cove__aws_profile *profile, const char *path, const struct cached *c)
{
    struct cove__buf text = COVE__BUF_SECRET(2 * COVE__AWS_TOKEN_MAX), temporary = COVE__BUF_INIT(PATH_LENGTH_MAX);
    int fd = -1;

    cove__buf_add_char(&text, '{');
    add_field(&text, "startUrl", profile->sso_start_url);
    add_field(&text, "region", profile->sso_region);
    add_field(&text, "accessToken", c->token);
    add_field(&text, "expiresAt", c->expires);
    add_field(&text, "clientId", c->client_id);
    add_field(&text, "clientSecret", c->client_secret);
    add_field(&text, "registrationExpiresAt", c->registered_until);
    add_field(&text, "refreshToken", c->refresh);
    cove__buf_add_str(&text, "}\n");
    cove__buf_addf(&temporary, "%s.XXXXXX", path);
    errno = ENOMEM;
    bool made = cove__buf_rc(&text) == 0 && cove__buf_rc(&temporary) == 0 &&
                (fd = mkostemp((char *)temporary.data, O_CLOEXEC)) >= 0; /* mode 0600 */
    bool written = made && write_all(fd, cove__buf_slice(&text)) == 0;
    int why = errno;
    if (made && close(fd) < 0 && written) {
        why = errno;
        written = false;
    }
    if (written && rename(cove__buf_str(&temporary), path) < 0) {
        why = errno;
        written = false;
    }
    if (!written) {
        if (made)
            unlink(cove__buf_str(&temporary));
        cove__log(COVE_LOG_WARNING, "aws", "%s: the renewed token of SSO cannot be kept: %s", path, strerror(why));
    }
    cove__buf_wipe(&text);
    cove__buf_done(&temporary);
}

/* The refresh token may have been used up by another program that shares the login: then its token is in the file. */
static bool renewed_by_others(const struct cove__aws_profile *profile, const char *path, struct cached *c)
{
    struct cached now = { 0 };
    struct cove_error err = COVE_ERROR_INIT;
    bool others =
        load(profile, path, &now, &err) == 0 && strcmp(now.token, c->token) != 0 && now.until_ns > cove__wall_ns();

    if (others) {
        cached_done(c);
        *c = now;
    } else {
        cached_done(&now);
    }
    return others;
}

/* `renewal`: why it was not renewed, if that was tried. */
static int expired(const struct cove__aws_profile *profile, const struct cove_error *renewal, struct cove_error *err)
{
    char text[640] = "the session has expired";

    if (renewal->code != 0)
        snprintf(text, sizeof text, "the session has expired, and is not renewed (%.500s)", renewal->message);
    return cove__aws_log_in(profile, text, err);
}

int cove__aws_sso_token(const struct cove__aws_chain *chain, const struct cove__aws_profile *profile,
                        cove_cancel *cancel, char **ret_token, struct cove_error *err)
{
    struct cove__buf path = COVE__BUF_INIT(PATH_LENGTH_MAX);
    struct cove_error why = COVE_ERROR_INIT;
    struct cached c = { 0 };

    int rc = cache_path(cove__aws_given(profile->sso_session) ? profile->sso_session : profile->sso_start_url, &path);
    if (rc < 0) {
        rc = rc == COVE_ENOTFOUND ? cove__aws_log_in(profile, "there is no home directory", err)
                                  : cove__fail(err, rc, "credentials of SSO: the token's file cannot be named: %s",
                                               cove_code_phrase(rc));
        goto out;
    }
    cove__credentials_files_add(chain->tokens, cove__buf_str(&path));
    rc = load(profile, cove__buf_str(&path), &c, err);
    if (rc == 0 && c.until_ns - RENEW_BEFORE_NS <= cove__wall_ns() && can_renew(profile, &c)) {
        int renewal = renew(chain, profile, &c, cancel, &why);
        if (renewal == 0)
            store(profile, cove__buf_str(&path), &c);
        else if (renewal == COVE_ECANCELED || renewal == COVE_ENOMEM)
            rc = cove__error_copy(err, &why);
        else if (!renewed_by_others(profile, cove__buf_str(&path), &c))
            cove__log(COVE_LOG_WARNING, "aws", "%s; the token of SSO is not renewed", why.message);
    }
    if (rc == 0 && c.until_ns <= cove__wall_ns())
        rc = expired(profile, &why, err);
    if (rc == 0) {
        *ret_token = c.token;
        c.token = NULL;
    }
out:
    cached_done(&c);
    cove__buf_done(&path);
    return rc;
}
