/*
 * Service accounts: a JWT signed by the account's key. Cloud Storage takes it as a token if it names its scope, so no
 * request is made; or it is exchanged for a token (RFC 7523), where that is asked for. For google_chain.c.
 */
#include "auth/google_chain.h"
#include "auth/oauth_endpoint.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/secret.h"
#include "wire/json.h"

#define LIFETIME_S ((int64_t)3600) /* the longest that Google accepts */
#define CLAIMS_MAX ((size_t)8 << 10)
#define JWT_MAX    ((size_t)32 << 10)

static void add_claim(struct cove__buf *out, const char *name, const char *value)
{
    cove__buf_addf(out, "%s\"%s\":", out->size > 1 ? "," : "", name);
    cove__json_add_string(out, cove__slice_str(value));
}

static int make_jwt(const struct cove__google_chain *chain, const struct cove__google_key_file *file, int64_t now_s,
                    struct cove__buf *out, struct cove_error *err)
{
    struct cove__buf claims = COVE__BUF_INIT(CLAIMS_MAX);

    cove__buf_add_char(&claims, '{');
    add_claim(&claims, "iss", file->client_email);
    add_claim(&claims, chain->grant ? "aud" : "sub", chain->grant ? file->token_uri : file->client_email);
    add_claim(&claims, "scope", chain->scope);
    cove__buf_addf(&claims, ",\"iat\":%lld,\"exp\":%lld}", (long long)now_s, (long long)(now_s + LIFETIME_S));
    int rc = cove__buf_rc(&claims);
    if (rc < 0)
        cove__fail(err, rc, "credentials of a service account: its token cannot be made: %s", cove_code_phrase(rc));
    else
        rc = cove__google_jwt(file->private_key, file->private_key_id, cove__buf_slice(&claims), out, err);
    cove__buf_done(&claims);
    return rc;
}

static int exchange(const struct cove__google_chain *chain, const struct cove__google_key_file *file,
                    const struct cove__buf *jwt, cove_cancel *cancel, struct cove__oauth_token *ret,
                    struct cove_error *err)
{
    struct cove__exchange x;

    cove__exchange_init(&x, &chain->client, "POST", "of a service account");
    cove__secret_add(&x, cove__buf_slice(jwt));
    cove__buf_add_str(&x.url, file->token_uri);
    cove__exchange_form(&x);
    cove__exchange_add_field(&x, "grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
    cove__exchange_add_field(&x, "assertion", cove__buf_str(jwt));
    int rc = cove__oauth_run(&x, "check the key, and the clock of this machine", cancel, ret, NULL, err);
    cove__exchange_done(&x);
    return rc;
}

int cove__google_service_account(const struct cove__google_chain *chain, const struct cove__google_key_file *file,
                                 cove_cancel *cancel, struct cove__oauth_token *ret, struct cove_error *err)
{
    struct cove__buf jwt = COVE__BUF_SECRET(JWT_MAX);
    int64_t now_s = cove__wall_ns() / COVE__SEC;

    int rc = make_jwt(chain, file, now_s, &jwt, err);
    if (rc == 0 && chain->grant) {
        rc = exchange(chain, file, &jwt, cancel, ret, err);
    } else if (rc == 0) {
        ret->token = cove__strdup(cove__buf_str(&jwt));
        ret->expires_ns = (now_s + LIFETIME_S) * COVE__SEC;
        cove__secret_add_owned(ret->token);
        if (!ret->token)
            rc = cove__fail_nomem(err, "the credentials");
    }
    cove__buf_wipe(&jwt);
    return rc;
}
