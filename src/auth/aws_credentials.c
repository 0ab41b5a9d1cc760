/* Keys from options, environment and shared files, in the order of AWS's own tools: see aws_credentials.h. */
#include "auth/aws_credentials.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/credentials_file.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/secret.h"
#include "net/header.h"

/* The names of the three values in their source, and of all, for messages. */
struct names {
    const char *place, *key_id, *secret, *token, *found;
};

/* The values become headers. Messages name them but never show them. */
static int check(const struct names *names, const char *name, const char *value, struct cove_error *err)
{
    if (!value || cove__header_is_valid(cove__slice_str(value)))
        return 0;
    return cove__fail(err, COVE_EINVAL, "%s%s has a line break or another control character in it", names->place, name);
}

int cove__aws_credentials_set_origin(struct cove__aws_credentials *c, struct cove_error *err, const char *format, ...)
{
    struct cove__buf text = COVE__BUF_INIT(2 * COVE_ERROR_MESSAGE_MAX);
    va_list args;

    va_start(args, format);
    cove__buf_vaddf(&text, format, args);
    va_end(args);
    cove__free(c->origin);
    c->origin = cove__buf_rc(&text) == 0 ? cove__buf_take(&text) : NULL;
    cove__buf_done(&text);
    return c->origin ? 0 : cove__fail_nomem(err, "the credentials");
}

static bool in_quotes(const char *value)
{
    size_t n = strlen(value);
    return n > 1 && (value[0] == '"' || value[0] == '\'') && value[n - 1] == value[0];
}

static bool has_comment(const char *value)
{
    return strstr(value, " #") || strstr(value, " ;");
}

/* Mistakes in a value that AWS's own tools keep as well: the quotes or the comment are part of it. */
static const char *slip(const struct cove__aws_credentials *c)
{
    if (in_quotes(c->key_id) || in_quotes(c->secret) || (c->token && in_quotes(c->token)))
        return ", with quotes around them, which count as part of the value";
    if (has_comment(c->key_id) || has_comment(c->secret) || (c->token && has_comment(c->token)))
        return ", with a comment behind them, which counts as part of the value";
    return "";
}

static int copy(struct cove__aws_credentials *ret, const struct names *names, const char *key_id, const char *secret,
                const char *token, struct cove_error *err)
{
    struct cove__aws_credentials c = { .expires_ns = INT64_MAX };
    bool has_token = token && token[0] != '\0';

    int rc = check(names, names->key_id, key_id, err);
    if (rc == 0)
        rc = check(names, names->secret, secret, err);
    if (rc == 0)
        rc = check(names, names->token, token, err);
    if (rc < 0)
        return rc;
    c.key_id = cove__strdup(key_id);
    c.secret = cove__strdup(secret);
    c.token = has_token ? cove__strdup(token) : NULL;
    if (!c.key_id || !c.secret || (has_token && !c.token)) {
        cove__aws_credentials_done(&c);
        return cove__fail_nomem(err, "the credentials");
    }
    cove__aws_credentials_hide(&c);
    rc = cove__aws_credentials_set_origin(&c, err, "%s%s", names->found, slip(&c));
    if (rc < 0) {
        cove__aws_credentials_done(&c);
        return rc;
    }
    *ret = c;
    return 0;
}

int cove__aws_credentials_of_environment(struct cove__aws_credentials *ret, struct cove_error *err)
{
    static const struct names names = { "the environment's ", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
                                        "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID" };
    return copy(ret, &names, cove__aws_env("AWS_ACCESS_KEY_ID"), cove__aws_env("AWS_SECRET_ACCESS_KEY"),
                cove__aws_env("AWS_SESSION_TOKEN"), err);
}

int cove__aws_credentials_of_profile(const struct cove__aws_profile *p, struct cove__aws_credentials *ret,
                                     struct cove_error *err)
{
    char found[COVE_ERROR_MESSAGE_MAX];
    struct names names = { "the AWS profile's ", "aws_access_key_id", "aws_secret_access_key", "aws_session_token",
                           found };

    snprintf(found, sizeof found, "the AWS profile '%s', line %u of %s", p->name, p->keys_line,
             p->keys_file ? p->keys_file : "its file");
    int rc = copy(ret, &names, p->access_key_id, p->secret_access_key, p->session_token, err);
    if (rc == 0)
        ret->of_profile = true;
    if (rc == 0 && p->keys_file)
        cove__credentials_file_warn(p->keys_file);
    return rc;
}

void cove__aws_credentials_hide(const struct cove__aws_credentials *c)
{
    cove__secret_add_owned(c->secret);
    cove__secret_add_owned(c->token);
}

int cove__aws_credentials_find(const struct cove__aws_sources *s, struct cove__aws_credentials *ret,
                               struct cove_error *err)
{
    static const struct names options = { "the option ", "key", "secret", "token", "the option key" };
    const struct cove__aws_profile *profile = s->profile;

    if (s->anonymous) {
        *ret = (struct cove__aws_credentials){ .anonymous = true, .expires_ns = INT64_MAX };
        return 0;
    }
    if (cove__aws_given(s->key_id) != cove__aws_given(s->secret))
        return cove__fail(err, COVE_EINVAL, "the option %s needs %s beside it",
                          cove__aws_given(s->key_id) ? "key" : "secret", cove__aws_given(s->key_id) ? "secret" : "key");
    if (cove__aws_given(s->key_id))
        return copy(ret, &options, s->key_id, s->secret, s->token, err);

    const char *env_id = getenv("AWS_ACCESS_KEY_ID"), *env_secret = getenv("AWS_SECRET_ACCESS_KEY");
    if (!s->profile_given && cove__aws_given(env_id) != cove__aws_given(env_secret))
        return cove__fail(err, COVE_EINVAL, "the environment has AWS_%s but not AWS_%s",
                          cove__aws_given(env_id) ? "ACCESS_KEY_ID" : "SECRET_ACCESS_KEY",
                          cove__aws_given(env_id) ? "SECRET_ACCESS_KEY" : "ACCESS_KEY_ID");
    if (!s->profile_given && cove__aws_given(env_id))
        return cove__aws_credentials_of_environment(ret, err);

    /* A role or a session that the user has configured takes precedence over keys in the same place. */
    if (!s->profile_given && cove__aws_given(getenv("AWS_WEB_IDENTITY_TOKEN_FILE")))
        return COVE__AWS_USE_CHAIN;
    if (profile && (cove__aws_given(profile->role_arn) || cove__aws_given(profile->web_identity_token_file) ||
                    cove__aws_given(profile->sso_account_id) || cove__aws_given(profile->sso_role_name)))
        return COVE__AWS_USE_CHAIN;
    if (!profile || (profile->keys_of_config && cove__aws_given(profile->credential_process)))
        return COVE__AWS_USE_CHAIN;
    int rc = cove__aws_profile_check_keys(profile, err);
    if (rc < 0)
        return rc;
    if (cove__aws_given(profile->access_key_id))
        return cove__aws_credentials_of_profile(profile, ret, err);
    return COVE__AWS_USE_CHAIN;
}

int cove__aws_profile_check_keys(const struct cove__aws_profile *profile, struct cove_error *err)
{
    if (cove__aws_given(profile->access_key_id) && !cove__aws_given(profile->secret_access_key))
        return cove__fail(err, COVE_EINVAL,
                          "the AWS profile '%s' has aws_access_key_id but not aws_secret_access_key in the same file",
                          profile->name);
    return 0;
}

void cove__aws_credentials_done(struct cove__aws_credentials *c)
{
    cove__free(c->key_id);
    cove__free(c->origin);
    cove__wipe(c->secret);
    cove__wipe(c->token);
    *c = (struct cove__aws_credentials){ 0 };
}

/* ---- as a provider's payload ---- */

static void done(void *payload)
{
    cove__aws_credentials_done(payload);
}

static int64_t expires_ns(const void *payload)
{
    return ((const struct cove__aws_credentials *)payload)->expires_ns;
}

static const char *origin(const void *payload)
{
    return ((const struct cove__aws_credentials *)payload)->origin;
}

static bool same(const char *a, const char *b)
{
    return !a || !b ? a == b : strcmp(a, b) == 0;
}

static bool equal(const void *a, const void *b)
{
    const struct cove__aws_credentials *x = a, *y = b;
    return same(x->key_id, y->key_id) && same(x->secret, y->secret) && same(x->token, y->token);
}

static void hide(const void *payload)
{
    cove__aws_credentials_hide(payload);
}

const struct cove__credentials_type cove__aws_credentials_type = { .name = "aws",
                                                                   .size = sizeof(struct cove__aws_credentials),
                                                                   .done = done,
                                                                   .expires_ns = expires_ns,
                                                                   .origin = origin,
                                                                   .equal = equal,
                                                                   .hide = hide };

const struct cove__aws_credentials *cove__aws_credentials_get(const struct cove__credentials *credentials)
{
    assert(credentials->type == &cove__aws_credentials_type);
    return (const void *)credentials->payload;
}
