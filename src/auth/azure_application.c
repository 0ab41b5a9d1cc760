/* Applications of Microsoft Entra ID (service principals): a token for the client secret, or for an assertion that the
 * application's certificate signs. For azure_chain.c. */
#include "auth/azure_chain.h"
#include "base/error.h"

static int by_certificate(const struct cove__azure_chain *chain, cove_cancel *cancel, struct cove__oauth_token *ret,
                          struct cove_error *err)
{
    struct cove__buf assertion = COVE__BUF_INIT(COVE__AZURE_FILE_MAX);

    int rc = cove__azure_certificate_assertion(chain, &assertion, err);
    if (rc == 0)
        rc = cove__azure_ask(chain, "of the client certificate", cove__buf_str(&assertion), cancel, ret, err);
    cove__buf_wipe(&assertion);
    return rc;
}

int cove__azure_application(const struct cove__azure_chain *chain, cove_cancel *cancel, struct cove__oauth_token *ret,
                            struct cove_error *err)
{
    if (!chain->client_secret && !chain->certificate_path)
        return cove__fail(err, COVE_ENOTFOUND, "AZURE_CLIENT_SECRET and AZURE_CLIENT_CERTIFICATE_PATH are not set");
    if (!chain->client_id || !chain->tenant_id)
        return cove__fail(err, COVE_EAUTH, "credentials of the %s: %s (%s) is not set",
                          chain->client_secret ? "client secret" : "client certificate",
                          chain->client_id ? "tenant_id" : "client_id",
                          chain->client_id ? "AZURE_TENANT_ID" : "AZURE_CLIENT_ID");
    return chain->client_secret ? cove__azure_ask(chain, "of the client secret", NULL, cancel, ret, err)
                                : by_certificate(chain, cancel, ret, err);
}
