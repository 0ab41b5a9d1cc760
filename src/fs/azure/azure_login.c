/* Tokens of Microsoft Entra ID for a store that has neither a key nor a SAS: auth/azure_chain.h finds them. */
#include <string.h>
#include <strings.h>

#include "auth/azure_chain.h"
#include "base/error.h"
#include "fs/azure/azure.h"
#include "net/loopback.h"

static bool ends_with(const char *host, const char *suffix)
{
    size_t n = strcspn(host, ":"), size = strlen(suffix);

    return n > size && strncasecmp(host + n - size, suffix, size) == 0;
}

/* Each cloud has its own logins. */
static const char *authority_of(const struct cove__azure *azure)
{
    const char *host = azure->account.endpoint.host;

    if (azure->o.authority_host && azure->o.authority_host[0] != '\0')
        return azure->o.authority_host;
    return ends_with(host, ".core.chinacloudapi.cn")    ? COVE__AZURE_CHINA_LOGIN
           : ends_with(host, ".core.usgovcloudapi.net") ? COVE__AZURE_US_GOV_LOGIN
                                                        : COVE__AZURE_PUBLIC_LOGIN;
}

static bool shows_tokens(const struct cove__endpoint *endpoint)
{
    return endpoint->host && !endpoint->tls && !cove__is_loopback(endpoint->host);
}

int cove__azure_login(struct cove__azure *azure, const struct cove__http_config *config, struct cove_error *err)
{
    const struct azure_account *account = &azure->account;
    const struct azure_options *o = &azure->o;
    const struct cove__azure_chain_options options = { .credential = o->credential,
                                                       .client_id = o->client_id,
                                                       .tenant_id = o->tenant_id,
                                                       .client_secret = o->client_secret,
                                                       .certificate_path = o->client_certificate_path,
                                                       .certificate_password = o->client_certificate_password,
                                                       .federated_token_file = o->federated_token_file,
                                                       .object_id = o->object_id,
                                                       .msi_resource_id = o->msi_resource_id,
                                                       .authority = authority_of(azure),
                                                       .http = config };
    struct cove__credentials_source source;

    if (account->anon || account->key_size > 0 || account->sas)
        return 0;
    if (shows_tokens(&account->endpoint) || shows_tokens(&account->dfs))
        return cove__fail(err, COVE_EINVAL,
                          "an address of the storage account %s is http://, which would show access tokens to "
                          "everyone on the way: use https://, or account_key, sas_token or anon=true",
                          account->name);
    int rc = cove__azure_chain_new(&options, &source, err);
    return rc < 0 ? rc : cove__provider_new(&source, &azure->provider, err);
}
