/*
 * Azure's credentials: tokens of Microsoft Entra ID for an application, a workload of Kubernetes, the managed identity
 * of a machine, or a login of the Azure CLI. For provider.c, which calls them on a separate thread, as they block. Each
 * source has a file; azure_chain.c has their order, that of DefaultAzureCredential.
 */
#ifndef COVE_AUTH_AZURE_CHAIN_H
#define COVE_AUTH_AZURE_CHAIN_H

#include <cove/call.h>

#include "auth/exchange.h"
#include "auth/oauth_token.h"
#include "auth/provider.h"

#define COVE__AZURE_RESOURCE       "https://storage.azure.com"
#define COVE__AZURE_SCOPE          COVE__AZURE_RESOURCE "/.default"
#define COVE__AZURE_FILE_MAX       ((size_t)256 << 10) /* certificates, subject tokens, what the Azure CLI prints */
#define COVE__AZURE_PUBLIC_LOGIN   "https://login.microsoftonline.com"
#define COVE__AZURE_US_GOV_LOGIN   "https://login.microsoftonline.us"
#define COVE__AZURE_CHINA_LOGIN    "https://login.chinacloudapi.cn"
#define COVE__AZURE_ARC_KEY_FOLDER "/var/opt/azcmagent/tokens"

/* What a store is opened with. NULL: not given. BORROWED. */
struct cove__azure_chain_options {
    /* "environment", "workload_identity", "managed_identity", "cli"; "prod": the first three, "dev": the last; the
     * names of azure-identity's classes; an access token. NULL: those that AZURE_TOKEN_CREDENTIALS names, else all, in
     * order.
     */
    const char *credential;
    const char *client_id, *tenant_id, *client_secret;
    const char *certificate_path, *certificate_password;
    const char *federated_token_file;
    const char *object_id, *msi_resource_id; /* which managed identity, in place of client_id */
    const char *authority;                   /* where tokens are asked for; NULL: the public cloud's */
    const char *arc_key_folder;              /* NULL: COVE__AZURE_ARC_KEY_FOLDER; a test's */
    const struct cove__http_config *http;    /* CA, proxy and user agent of it hold for the sources too */
};
/* `ret`: for cove__provider_new, which takes what it holds; its type is cove__oauth_token_type. */
int cove__azure_chain_new(const struct cove__azure_chain_options *options, struct cove__credentials_source *ret,
                          struct cove_error *err);

/* The places where credentials are looked for, in order. */
enum cove__azure_place {
    COVE__AZURE_APPLICATION, /* a secret or a certificate */
    COVE__AZURE_WORKLOAD,
    COVE__AZURE_MANAGED,
    COVE__AZURE_CLI,
    COVE__AZURE_NOWHERE
};

/* Owned strings. */
struct cove__azure_chain {
    char *client_id, *tenant_id, *client_secret, *certificate_path, *certificate_password, *federated_token_file;
    char *object_id, *msi_resource_id, *arc_key_folder;
    char *authority; /* "https://login.microsoftonline.com", without a slash at its end */
    char *given;     /* an access token; NULL: none is given */
    bool wanted[COVE__AZURE_NOWHERE];
    bool only; /* one place is wanted, by name: it has to be there */
    /* Where the first token was found. Later ones are looked for only there, so that a source which is missing for a
     * moment does not change who is meant. NOWHERE: none was found yet. */
    enum cove__azure_place place;
    struct cove__exchange_client client;
};

/*
 * The sources: each returns 0, a token and its origin; COVE_ENOTFOUND: nothing is there, the message names what is
 * missing; or an error whose message names the source.
 */

/* azure_application.c: the secret or the certificate of an application. */
int cove__azure_application(const struct cove__azure_chain *chain, cove_cancel *cancel, struct cove__oauth_token *ret,
                            struct cove_error *err);
/* azure_endpoint.c: asks Microsoft Entra ID. `where`: "of the client secret"; `assertion` NULL: the secret. */
int cove__azure_ask(const struct cove__azure_chain *chain, const char *where, const char *assertion,
                    cove_cancel *cancel, struct cove__oauth_token *ret, struct cove_error *err);
/* Whether the text can be a tenant's ID or domain: letters, digits, dots and hyphens. Pure. */
bool cove__azure_is_tenant(struct cove__slice text);
/* Adds the address of the tenant's token endpoint. COVE_EINVAL: tenant_id is not one. */
int cove__azure_token_url(const struct cove__azure_chain *chain, struct cove__buf *out, struct cove_error *err);
/* azure_certificate.c: adds the assertion (a JWT) that the certificate's key signs. */
int cove__azure_certificate_assertion(const struct cove__azure_chain *chain, struct cove__buf *out,
                                      struct cove_error *err);
/* azure_workload.c: the token that Kubernetes puts into a file. */
int cove__azure_workload(const struct cove__azure_chain *chain, cove_cancel *cancel, struct cove__oauth_token *ret,
                         struct cove_error *err);
/* azure_cli.c: the login of "az login". */
int cove__azure_cli(const struct cove__azure_chain *chain, cove_cancel *cancel, struct cove__oauth_token *ret,
                    struct cove_error *err);

/* ---- managed identities ---- */

/* azure_managed.c: the service of this machine that gives the tokens of its identity, as the environment shows. */
int cove__azure_managed(const struct cove__azure_chain *chain, cove_cancel *cancel, struct cove__oauth_token *ret,
                        struct cove_error *err);
/* azure_imds.c: of virtual machines, by the metadata service. */
int cove__azure_imds(const struct cove__azure_chain *chain, cove_cancel *cancel, struct cove__oauth_token *ret,
                     struct cove_error *err);
/* azure_arc.c: of machines elsewhere, by Azure Arc. */
int cove__azure_arc(const struct cove__azure_chain *chain, cove_cancel *cancel, struct cove__oauth_token *ret,
                    struct cove_error *err);
/* azure_identity.c: adds "&NAME=..." of the identity that the options name; the names differ from service to service.
 */
void cove__azure_add_identity(const struct cove__azure_chain *chain, const char *client_id, const char *object_id,
                              const char *resource_id, struct cove__buf *url);
/* azure_managed_response.c: reads a token, or adds the service's own words to the error of a refusal. */
int cove__azure_managed_read(const struct cove__exchange *x, struct cove__oauth_token *ret, struct cove_error *err);
void cove__azure_managed_refused(const struct cove__exchange *x, struct cove_error *err);

/* ---- azure_time.c; pure ---- */

/* When a token ends, as a service writes it: seconds since 1970, "06/20/2019 02:57:58 +00:00", "6/20/2019 2:57:58 AM
 * +00:00", or RFC 3339. Nanoseconds since 1970; -1: none of them. */
int64_t cove__azure_ends_ns(const char *text);
/* The same of "2019-06-20 02:57:58.000000", in this machine's time zone. */
int64_t cove__azure_local_ns(const char *text);

/* ---- azure_advice.c; pure ---- */

/* What a user can do where Microsoft Entra ID's message has such a code (AADSTS...); NULL: nothing is known. */
const char *cove__azure_advice(const char *message);

#endif
