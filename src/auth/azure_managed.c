/*
 * Managed identities: a service on the machine gives tokens of the identity that the machine runs as. The environment
 * shows which service (https://learn.microsoft.com/entra/identity/managed-identities-azure-resources). For
 * azure_chain.c.
 */
#include <stdlib.h>
#include <string.h>

#include "auth/azure_chain.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/secret.h"
#include "net/header.h"
#include "wire/uri.h"

static const char *given(const char *name)
{
    const char *value = getenv(name);

    return value && value[0] != '\0' ? value : NULL;
}

/* The environment's secret for the service, which may quote it. */
static int add_secret(struct cove__exchange *x, const char *header, const char *variable, struct cove_error *err)
{
    struct cove__slice secret = cove__slice_str(given(variable));

    cove__secret_add(x, secret);
    if (cove__header_append(&x->headers, header, secret) < 0)
        return cove__fail(err, COVE_EINVAL, "%s has a control character", variable);
    return 0;
}

/* Of the service at `endpoint`, whose request is in `x` but for headers. */
static void begin(struct cove__exchange *x, const struct cove__azure_chain *chain, const char *endpoint,
                  const char *version, const char *where)
{
    cove__exchange_init(x, &chain->client, "GET", where);
    cove__buf_addf(&x->url, "%s?api-version=%s", endpoint, version);
    cove__uri_add_pair(&x->url, "resource", cove__slice_str(COVE__AZURE_RESOURCE));
    x->no_proxy = true;
}

static int run(struct cove__exchange *x, cove_cancel *cancel, struct cove__oauth_token *ret, struct cove_error *err)
{
    int rc = cove__exchange_run(x, cancel, err);

    if (rc == 0)
        rc = cove__azure_managed_read(x, ret, err);
    else if (rc == COVE_EAUTH)
        cove__azure_managed_refused(x, err);
    return rc;
}

static int of_app_service(const struct cove__azure_chain *chain, cove_cancel *cancel, struct cove__oauth_token *ret,
                          struct cove_error *err)
{
    struct cove__exchange x;

    begin(&x, chain, given("IDENTITY_ENDPOINT"), "2019-08-01", "of the managed identity of App Service");
    cove__azure_add_identity(chain, "client_id", "principal_id", "mi_res_id", &x.url);
    int rc = add_secret(&x, "X-IDENTITY-HEADER", "IDENTITY_HEADER", err);
    if (rc == 0)
        rc = run(&x, cancel, ret, err);
    cove__exchange_done(&x);
    return rc;
}

/* Clusters and compute instances. A cluster with user-assigned identities names one in a variable. */
static int of_machine_learning(const struct cove__azure_chain *chain, cove_cancel *cancel,
                               struct cove__oauth_token *ret, struct cove_error *err)
{
    struct cove__exchange x;
    const char *id = chain->client_id ? chain->client_id : given("DEFAULT_IDENTITY_CLIENT_ID");

    begin(&x, chain, given("MSI_ENDPOINT"), "2017-09-01", "of the managed identity of Azure Machine Learning");
    if (chain->object_id || chain->msi_resource_id)
        cove__azure_add_identity(chain, "clientid", "object_id", "mi_res_id", &x.url);
    else if (id)
        cove__uri_add_pair(&x.url, "clientid", cove__slice_str(id));
    int rc = add_secret(&x, "secret", "MSI_SECRET", err);
    if (rc == 0)
        rc = run(&x, cancel, ret, err);
    if (rc == COVE_EAUTH && !id)
        cove__error_add(err, "; a cluster with a user-assigned identity wants its client_id (AZURE_CLIENT_ID)");
    cove__exchange_done(&x);
    return rc;
}

/* The user that is logged in there, whatever identity is named. */
static int of_cloud_shell(const struct cove__azure_chain *chain, cove_cancel *cancel, struct cove__oauth_token *ret,
                          struct cove_error *err)
{
    struct cove__exchange x;

    cove__exchange_init(&x, &chain->client, "POST", "of Azure Cloud Shell");
    cove__buf_add_str(&x.url, given("MSI_ENDPOINT"));
    cove__buf_add_str(&x.headers, "Metadata: true\n");
    cove__exchange_form(&x);
    cove__exchange_add_field(&x, "resource", COVE__AZURE_RESOURCE);
    x.no_proxy = true;
    int rc = run(&x, cancel, ret, err);
    cove__exchange_done(&x);
    return rc;
}

/* *ret_origin: static. */
static int find(const struct cove__azure_chain *chain, cove_cancel *cancel, struct cove__oauth_token *ret,
                const char **ret_origin, struct cove_error *err)
{
    bool endpoint = given("IDENTITY_ENDPOINT");

    if (endpoint && given("IDENTITY_HEADER") && given("IDENTITY_SERVER_THUMBPRINT"))
        return cove__fail(err, COVE_ENOTSUP,
                          "credentials of a managed identity: those of Service Fabric are not supported: use a client "
                          "secret or a client certificate");
    if (endpoint && given("IDENTITY_HEADER")) {
        *ret_origin = "the managed identity of App Service";
        return of_app_service(chain, cancel, ret, err);
    }
    if (endpoint && given("IMDS_ENDPOINT")) {
        *ret_origin = "the managed identity of Azure Arc";
        return cove__azure_arc(chain, cancel, ret, err);
    }
    if (given("MSI_ENDPOINT") && given("MSI_SECRET")) {
        *ret_origin = "the managed identity of Azure Machine Learning";
        return of_machine_learning(chain, cancel, ret, err);
    }
    if (given("MSI_ENDPOINT")) {
        *ret_origin = "Azure Cloud Shell";
        return of_cloud_shell(chain, cancel, ret, err);
    }
    *ret_origin = "the managed identity of this machine";
    return cove__azure_imds(chain, cancel, ret, err);
}

int cove__azure_managed(const struct cove__azure_chain *chain, cove_cancel *cancel, struct cove__oauth_token *ret,
                        struct cove_error *err)
{
    const char *origin = "";
    int rc = find(chain, cancel, ret, &origin, err);

    return rc == 0 && cove__set_string(&ret->origin, origin) < 0 ? cove__fail_nomem(err, "the credentials") : rc;
}
