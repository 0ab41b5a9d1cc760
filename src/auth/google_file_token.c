/* The token that a file of credentials leads to: by its type, and by impersonation. For google_chain.c and
 * google_signing_account.c. */
#include "auth/google_chain.h"

static int of_source(const struct cove__google_chain *chain, const struct cove__google_key_file *file,
                     cove_cancel *cancel, struct cove__oauth_token *ret, struct cove_error *err)
{
    switch (file->type) {
    case COVE__GOOGLE_SERVICE_ACCOUNT:
        return cove__google_service_account(chain, file, cancel, ret, err);
    case COVE__GOOGLE_EXTERNAL_ACCOUNT:
        return cove__google_external_account(chain, file, cancel, ret, err);
    case COVE__GOOGLE_EXTERNAL_USER:
        return cove__google_external_user(chain, file, cancel, ret, err);
    default:
        return cove__google_authorized_user(chain, file, cancel, ret, err);
    }
}

int cove__google_cloud_token(const struct cove__google_chain *chain, const struct cove__google_key_file *file,
                             cove_cancel *cancel, struct cove__oauth_token *ret, struct cove_error *err)
{
    char scope[] = COVE__GOOGLE_CLOUD_SCOPE;
    struct cove__google_chain view = *chain;

    view.scope = scope;
    return of_source(&view, file, cancel, ret, err);
}

static int of_impersonation(const struct cove__google_chain *chain, const struct cove__google_key_file *file,
                            cove_cancel *cancel, struct cove__oauth_token *ret, struct cove_error *err)
{
    struct cove__oauth_token by = { 0 };

    int rc = cove__google_cloud_token(chain, file, cancel, &by, err);
    if (rc == 0)
        rc = cove__google_impersonate(chain, file, by.token, cancel, ret, err);
    cove__oauth_token_done(&by);
    return rc;
}

int cove__google_file_token(const struct cove__google_chain *chain, const struct cove__google_key_file *file,
                            cove_cancel *cancel, struct cove__oauth_token *ret, struct cove_error *err)
{
    return file->impersonation_url ? of_impersonation(chain, file, cancel, ret, err)
                                   : of_source(chain, file, cancel, ret, err);
}
