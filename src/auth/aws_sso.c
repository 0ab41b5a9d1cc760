/* SSO (IAM Identity Center): the token that `aws sso login` left in its cache buys a role's keys at the portal. For
 * aws_chain.c. */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth/aws_chain.h"
#include "auth/sigv4.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "wire/digest.h"
#include "wire/json.h"

#define PATH_LENGTH_MAX ((size_t)4096)

struct cached {
    char *token, *expires;
};

static int take(void *user, const char *path, enum cove__json_type type, const char *text)
{
    struct cached *c = user;
    char **at = strcmp(path, "accessToken") == 0 ? &c->token : strcmp(path, "expiresAt") == 0 ? &c->expires : NULL;

    if (at == NULL || type != COVE__JSON_STRING)
        return 0;
    cove__aws_wipe(*at);
    *at = cove__strdup(text);
    return *at != NULL ? 0 : COVE_ENOMEM;
}

static int log_in(const struct cove__aws_profile *profile, const char *why, struct cove_error *err)
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

    if (home == NULL)
        return COVE_ENOTFOUND;
    if (EVP_Digest(key, strlen(key), hash, &size, EVP_sha1(), NULL) != 1)
        return COVE_ENOTSUP;
    cove__hex(hash, size, hex);
    return cove__buf_addf(out, "%s/.aws/sso/cache/%s.json", home, hex);
}

static int load_token(const struct cove__aws_profile *profile, char **ret_token, struct cove_error *err)
{
    struct cove__buf path = COVE__BUF_INIT(PATH_LENGTH_MAX), text = COVE__BUF_INIT(COVE__AWS_REPLY_MAX);
    struct cached c = { 0 };
    char unshown[256]; /* why it is no JSON, in words that quote it */

    int rc = cache_path(cove__aws_given(profile->sso_session) ? profile->sso_session : profile->sso_start_url, &path);
    if (rc == 0)
        rc = cove__aws_read_file(cove__buf_str(&path), &text, err);
    if (rc == COVE_ENOTFOUND) {
        rc = log_in(profile, "nobody has logged in", err);
        goto out;
    }
    if (rc < 0) {
        cove__error_prefix(err, rc, "credentials of SSO");
        if (err->code == 0)
            cove__fail(err, rc, "credentials of SSO: the token's file cannot be named: %s", cove_code_phrase(rc));
        goto out;
    }
    rc = cove__json_read(cove__buf_slice(&text), take, &c, unshown, sizeof unshown);
    explicit_bzero(unshown, sizeof unshown);
    int64_t until_ns = c.expires != NULL ? cove__parse_iso8601(c.expires) : -1;
    if (rc == COVE_ENOMEM)
        cove__fail_nomem(err, "the credentials");
    else if (rc < 0 || !cove__aws_given(c.token) || until_ns < 0 || strpbrk(c.token, "\r\n") != NULL)
        rc = log_in(profile, "the token in the cache makes no sense", err);
    else if (until_ns <= cove__wall_ns())
        rc = log_in(profile, "the session has expired", err);
    if (rc == 0) {
        *ret_token = c.token;
        c.token = NULL;
    }
out:
    cove__aws_wipe(c.token);
    cove__free(c.expires);
    cove__aws_wipe_buf(&text);
    cove__buf_done(&path);
    return rc;
}

static bool is_region(const char *region)
{
    return strlen(region) < 64 && strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(region);
}

int cove__aws_sso(const struct cove__aws_chain *chain, const struct cove__aws_profile *profile, cove_cancel *cancel,
                  struct cove__aws_credentials *ret, struct cove_error *err)
{
    const char *endpoint = cove__aws_env("AWS_ENDPOINT_URL_SSO"), *region = profile->sso_region;
    struct cove__aws_ask ask;
    char *token = NULL;

    if (!cove__aws_given(profile->sso_account_id) || !cove__aws_given(profile->sso_role_name) ||
        !cove__aws_given(profile->sso_start_url) || !cove__aws_given(region) || !is_region(region))
        return cove__fail(err, COVE_EINVAL,
                          "credentials of SSO: the AWS profile '%s' needs sso_account_id, sso_role_name, and (in its "
                          "sso-session or itself) sso_start_url and sso_region",
                          profile->name);
    int rc = load_token(profile, &token, err);
    if (rc < 0)
        return rc;
    cove__aws_ask_init(&ask, chain, "GET", "of SSO's portal");
    if (endpoint != NULL)
        cove__buf_addf(&ask.url, "%s", endpoint);
    else
        cove__buf_addf(&ask.url, "https://portal.sso.%s.amazonaws.com%s", region,
                       strncmp(region, "cn-", 3) == 0 ? ".cn" : "");
    cove__buf_add_str(&ask.url, "/federation/credentials?role_name=");
    cove__uri_encode(&ask.url, cove__slice_str(profile->sso_role_name), false);
    cove__buf_add_str(&ask.url, "&account_id=");
    cove__uri_encode(&ask.url, cove__slice_str(profile->sso_account_id), false);
    cove__buf_addf(&ask.headers, "x-amz-sso_bearer_token: %s\n", token);
    cove__aws_wipe(token);
    rc = cove__aws_ask(&ask, cancel, err);
    if (rc == COVE_EAUTH && ask.status == 401)
        log_in(profile, "the portal does not take the token", err);
    if (rc == 0)
        rc = cove__aws_keys_from_json(cove__buf_slice(&ask.reply), "SSO's portal", ret, err);
    cove__aws_ask_done(&ask);
    return rc;
}
