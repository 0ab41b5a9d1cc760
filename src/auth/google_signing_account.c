/* Who signs by a file of credentials, or on a machine of Google's: see google_signer.h. For google_chain.c. */
#include <string.h>

#include "auth/google_signer.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/secret.h"

#define URL_MAX ((size_t)4096)
#define EMAIL   "instance/service-accounts/default/email"
#define KEY_NS  (300 * COVE__SEC) /* a key does not end, but its file may be replaced */

int cove__google_signer_none(const char *origin, struct cove_error *err)
{
    return cove__fail(err, COVE_EINVAL,
                      "only a service account signs, by its key or by impersonation; these credentials are of none "
                      "(%s): set the option token to an account's key file, or run \"gcloud auth application-default "
                      "login --impersonate-service-account=ACCOUNT\"",
                      origin);
}

/* In the place of ":generateAccessToken". */
static char *sign_url(const char *impersonation_url)
{
    struct cove__buf url = COVE__BUF_INIT(URL_MAX);
    const char *colon = strrchr(impersonation_url, ':');

    cove__buf_add(&url, impersonation_url, colon ? (size_t)(colon - impersonation_url) : 0);
    cove__buf_add_str(&url, ":signBlob");
    return cove__buf_take(&url);
}

int cove__google_signer_of_file(const struct cove__google_chain *chain, const struct cove__google_key_file *file,
                                const char *origin, cove_cancel *cancel, struct cove__google_signer *ret,
                                struct cove_error *err)
{
    char email[COVE__GOOGLE_EMAIL_MAX];
    struct cove__oauth_token by = { 0 };
    bool impersonates = cove__google_impersonated_email(file, email);

    if (!impersonates && file->type != COVE__GOOGLE_SERVICE_ACCOUNT)
        return cove__google_signer_none(origin, err);
    int rc = impersonates ? cove__google_cloud_token(chain, file, cancel, &by, err) : 0;
    if (rc == 0) {
        const char *key = impersonates ? NULL : file->private_key;
        ret->url = impersonates ? sign_url(file->impersonation_url) : NULL;
        ret->expires_ns = impersonates ? by.expires_ns : cove__wall_ns() + KEY_NS;
        if (cove__set_string(&ret->email, impersonates ? email : file->client_email) < 0 ||
            cove__set_string(&ret->private_key, key) < 0 || cove__set_string(&ret->token, by.token) < 0 ||
            cove__set_string(&ret->delegates, file->delegates) < 0 || cove__set_string(&ret->origin, origin) < 0 ||
            (impersonates && !ret->url))
            rc = cove__fail_nomem(err, "the credentials");
        cove__secret_add_owned(ret->private_key);
        cove__secret_add_owned(ret->token);
    }
    cove__oauth_token_done(&by);
    return rc;
}

int cove__google_signer_of_metadata(const struct cove__google_chain *chain, cove_cancel *cancel,
                                    struct cove__google_signer *ret, struct cove_error *err)
{
    char scope[] = COVE__GOOGLE_CLOUD_SCOPE;
    struct cove__google_chain view = *chain;
    struct cove__oauth_token by = { 0 };
    struct cove__buf email = COVE__BUF_INIT(COVE__GOOGLE_EMAIL_MAX), url = COVE__BUF_INIT(URL_MAX);

    view.scope = scope;
    int rc = cove__google_metadata_text(chain, EMAIL, cancel, &email, err);
    if (rc == 0)
        rc = cove__google_metadata(&view, cancel, &by, err);
    if (rc == 0) {
        if (chain->iam_url)
            cove__buf_add_str(&url, chain->iam_url);
        else
            cove__buf_addf(&url, "https://iamcredentials.%s", chain->universe);
        cove__buf_addf(&url, "/v1/projects/-/serviceAccounts/%s:signBlob", cove__buf_str(&email));
        ret->token = by.token;
        ret->expires_ns = by.expires_ns;
        by.token = NULL;
        ret->email = cove__buf_take(&email);
        ret->url = cove__buf_take(&url);
        if (!ret->email || !ret->url || cove__set_string(&ret->origin, COVE__GOOGLE_OF_METADATA) < 0)
            rc = cove__fail_nomem(err, "the credentials");
    }
    cove__oauth_token_done(&by);
    cove__buf_done(&email);
    cove__buf_done(&url);
    return rc;
}
