/* Workload identity: a token that Kubernetes signs and puts into a file, which it replaces each hour; Microsoft Entra
 * ID exchanges it. The file is read at each refresh. For azure_chain.c. */
#include "auth/azure_chain.h"
#include "auth/credentials_file.h"
#include "auth/oauth_endpoint.h"
#include "base/error.h"

int cove__azure_workload(const struct cove__azure_chain *chain, cove_cancel *cancel, struct cove__oauth_token *ret,
                         struct cove_error *err)
{
    struct cove__buf text = COVE__BUF_INIT(COVE__AZURE_FILE_MAX);
    struct cove_error why = COVE_ERROR_INIT;

    if (!chain->federated_token_file)
        return cove__fail(err, COVE_ENOTFOUND, "AZURE_FEDERATED_TOKEN_FILE is not set");
    if (!chain->client_id || !chain->tenant_id)
        return cove__fail(err, chain->only ? COVE_EAUTH : COVE_ENOTFOUND,
                          "AZURE_CLIENT_ID or AZURE_TENANT_ID is not set");
    int rc = cove__credentials_file_read(chain->federated_token_file, &text, &why);
    while (text.size > 0 && text.data[text.size - 1] <= ' ')
        text.data[--text.size] = '\0';
    if (rc < 0)
        rc = cove__fail(err, rc == COVE_ENOMEM ? rc : COVE_EAUTH, "credentials of the workload identity: %s",
                        why.message);
    else if (!cove__oauth_token_is_usable(cove__buf_str(&text)))
        rc = cove__fail(err, COVE_EAUTH, "credentials of the workload identity: there is no token in %s",
                        chain->federated_token_file);
    else
        rc = cove__azure_ask(chain, "of the workload identity", cove__buf_str(&text), cancel, ret, err);
    cove__buf_wipe(&text);
    return rc;
}
