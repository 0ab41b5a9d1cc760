/* Where Azure's credentials are looked for, and in which order: see azure_chain.h. */
#include "auth/azure_chain.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth/credentials_file.h"
#include "auth/oauth_endpoint.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/secret.h"

#define EARLY_NS      (300 * COVE__SEC)
#define LATE_NS       (60 * COVE__SEC)
#define AUTHORITY_MAX ((size_t)1024)
#define TRIED_MAX     ((size_t)2048)

/* ---- which places are wanted ---- */

#define BIT(place)  (1u << COVE__AZURE_##place)
#define PRODUCTION  (BIT(APPLICATION) | BIT(WORKLOAD) | BIT(MANAGED))
#define ALL         (PRODUCTION | BIT(CLI))
#define NOT_IN_COVE 0u

static const struct {
    const char *name;
    unsigned places;
} names[] = {
    { "default", ALL },
    { "DefaultAzureCredential", ALL },
    { "prod", PRODUCTION },
    { "dev", BIT(CLI) },
    { "environment", BIT(APPLICATION) },
    { "EnvironmentCredential", BIT(APPLICATION) },
    { "client_secret", BIT(APPLICATION) },
    { "ClientSecretCredential", BIT(APPLICATION) },
    { "client_certificate", BIT(APPLICATION) },
    { "CertificateCredential", BIT(APPLICATION) },
    { "workload_identity", BIT(WORKLOAD) },
    { "WorkloadIdentityCredential", BIT(WORKLOAD) },
    { "managed_identity", BIT(MANAGED) },
    { "ManagedIdentityCredential", BIT(MANAGED) },
    { "cli", BIT(CLI) },
    { "AzureCliCredential", BIT(CLI) },
    { "AzureDeveloperCliCredential", NOT_IN_COVE },
    { "AzurePowerShellCredential", NOT_IN_COVE },
    { "VisualStudioCodeCredential", NOT_IN_COVE },
    { "InteractiveBrowserCredential", NOT_IN_COVE },
};

/* `from`: "option credential". */
static int set_places(struct cove__azure_chain *chain, const char *name, const char *from, struct cove_error *err)
{
    unsigned places = NOT_IN_COVE;
    size_t i = 0;

    while (i < sizeof names / sizeof names[0] && strcasecmp(name, names[i].name) != 0)
        i++;
    if (i < sizeof names / sizeof names[0])
        places = names[i].places;
    if (places == NOT_IN_COVE && i < sizeof names / sizeof names[0])
        return cove__fail(err, COVE_ENOTSUP,
                          "%s: %s is not supported: log in by \"az login\", which credential=cli uses", from,
                          names[i].name);
    if (places == NOT_IN_COVE) /* not quoted: it may be a secret */
        return cove__fail(err, COVE_EINVAL,
                          "%s: it is none of default, environment, workload_identity, managed_identity, cli, anon%s",
                          from, strcmp(from, "AZURE_TOKEN_CREDENTIALS") == 0 ? ", prod, dev" : ", and no access token");
    for (unsigned place = 0; place < COVE__AZURE_NOWHERE; place++)
        chain->wanted[place] = places & 1u << place;
    chain->only = (places & (places - 1)) == 0;
    return 0;
}

static int choose(struct cove__azure_chain *chain, const char *credential, struct cove_error *err)
{
    const char *variable = getenv("AZURE_TOKEN_CREDENTIALS");

    if (credential && strncmp(credential, "eyJ", 3) == 0) { /* as each JSON Web Token begins */
        if (!cove__oauth_token_is_usable(credential))
            return cove__fail(err, COVE_EINVAL, "option credential: the access token has a character that none has");
        if (cove__set_string(&chain->given, credential) < 0)
            return cove__fail_nomem(err, "the credentials");
        cove__secret_add_owned(chain->given);
        return 0;
    }
    if (!credential && variable && variable[0] != '\0')
        return set_places(chain, variable, "AZURE_TOKEN_CREDENTIALS", err);
    return set_places(chain, credential ? credential : "default", "option credential", err);
}

/* ---- one token ---- */

static const struct {
    const char *name; /* in the list of what was tried */
    int (*ask)(const struct cove__azure_chain *chain, cove_cancel *cancel, struct cove__oauth_token *ret,
               struct cove_error *err);
} places[COVE__AZURE_NOWHERE] = {
    [COVE__AZURE_APPLICATION] = { "the environment", cove__azure_application },
    [COVE__AZURE_WORKLOAD] = { "workload identity", cove__azure_workload },
    [COVE__AZURE_MANAGED] = { "managed identity", cove__azure_managed },
    [COVE__AZURE_CLI] = { "the Azure CLI", cove__azure_cli },
};

static int of_given(const struct cove__azure_chain *chain, struct cove__oauth_token *ret, struct cove_error *err)
{
    ret->expires_ns = INT64_MAX;
    if (cove__set_string(&ret->token, chain->given) < 0 || cove__set_string(&ret->origin, "the option credential") < 0)
        return cove__fail_nomem(err, "the credentials");
    cove__secret_add_owned(ret->token);
    return 0;
}

static int none_found(const struct cove__buf *tried, struct cove_error *err)
{
    return cove__fail(err, COVE_EAUTH,
                      "no credentials found; tried: %s; set account_key, sas_token or connection_string, run \"az "
                      "login\", or set anon=true for public containers",
                      cove__buf_str(tried));
}

static int search(struct cove__azure_chain *chain, cove_cancel *cancel, struct cove__oauth_token *ret,
                  struct cove_error *err)
{
    struct cove__buf tried = COVE__BUF_INIT(TRIED_MAX);
    int rc = COVE_ENOTFOUND;

    for (unsigned place = 0; rc == COVE_ENOTFOUND && place < COVE__AZURE_NOWHERE; place++) {
        if (!chain->wanted[place])
            continue;
        rc = places[place].ask(chain, cancel, ret, err);
        if (rc == 0)
            chain->place = place;
        else if (rc == COVE_ENOTFOUND)
            cove__buf_addf(&tried, "%s%s (%s)", tried.size > 0 ? ", " : "", places[place].name, err->message);
    }
    if (rc == COVE_ENOTFOUND)
        rc = cove__buf_rc(&tried) < 0 ? cove__fail_nomem(err, "the credentials") : none_found(&tried, err);
    cove__buf_done(&tried);
    return rc;
}

static int fetch(void *self, cove_cancel *cancel, void *ret_payload, struct cove_error *err)
{
    struct cove__azure_chain *chain = self;
    struct cove_error why;

    if (chain->given)
        return of_given(chain, ret_payload, err);
    if (chain->place == COVE__AZURE_NOWHERE)
        return search(chain, cancel, ret_payload, err);
    int rc = places[chain->place].ask(chain, cancel, ret_payload, err);
    if (rc == COVE_ENOTFOUND) {
        why = *err;
        rc = cove__fail(err, COVE_EAUTH, "the credentials are gone from where they were found at first: %s: %s",
                        places[chain->place].name, why.message);
    }
    return rc;
}

/* ---- the chain ---- */

static uint64_t stamp(void *self)
{
    const struct cove__azure_chain *chain = self;

    return cove__credentials_file_stamp(cove__credentials_file_stamp(0, chain->certificate_path),
                                        chain->federated_token_file);
}

static void chain_free(void *self)
{
    struct cove__azure_chain *chain = self;

    if (!chain)
        return;
    cove__free(chain->client_id);
    cove__free(chain->tenant_id);
    cove__wipe(chain->client_secret);
    cove__free(chain->certificate_path);
    cove__wipe(chain->certificate_password);
    cove__free(chain->federated_token_file);
    cove__free(chain->object_id);
    cove__free(chain->msi_resource_id);
    cove__free(chain->arc_key_folder);
    cove__free(chain->authority);
    cove__wipe(chain->given);
    cove__exchange_client_done(&chain->client);
    cove__free(chain);
}

/* "login.microsoftonline.us", "https://login.microsoftonline.us/". */
static int set_authority(struct cove__azure_chain *chain, const char *text, struct cove_error *err)
{
    struct cove__buf url = COVE__BUF_INIT(AUTHORITY_MAX);
    size_t n = strlen(text);

    while (n > 0 && text[n - 1] == '/')
        n--;
    cove__buf_addf(&url, "%s%.*s", strstr(text, "://") ? "" : "https://", (int)n, text);
    int rc = cove__buf_rc(&url);
    if (rc < 0)
        cove__fail(err, rc, "option authority_host: it cannot be kept in memory");
    else if (!cove__oauth_is_safe_url(cove__buf_str(&url)))
        rc = cove__fail(err, COVE_EINVAL, "option authority_host: it is not of the form https://host");
    else if (!(chain->authority = cove__buf_take(&url)))
        rc = cove__fail_nomem(err, "the credentials");
    cove__buf_done(&url);
    return rc;
}

static int copy(const struct cove__azure_chain_options *o, struct cove__azure_chain *chain, struct cove_error *err)
{
    const struct {
        const char *from;
        char **to;
    } rows[] = {
        { o->client_id, &chain->client_id },
        { o->tenant_id, &chain->tenant_id },
        { o->client_secret, &chain->client_secret },
        { o->certificate_path, &chain->certificate_path },
        { o->certificate_password, &chain->certificate_password },
        { o->federated_token_file, &chain->federated_token_file },
        { o->object_id, &chain->object_id },
        { o->msi_resource_id, &chain->msi_resource_id },
        { o->arc_key_folder, &chain->arc_key_folder },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].from && rows[i].from[0] != '\0' && cove__set_string(rows[i].to, rows[i].from) < 0)
            return cove__fail_nomem(err, "the credentials");
    }
    cove__secret_add_owned(chain->client_secret);
    cove__secret_add_owned(chain->certificate_password);
    return 0;
}

int cove__azure_chain_new(const struct cove__azure_chain_options *o, struct cove__credentials_source *ret,
                          struct cove_error *err)
{
    struct cove__azure_chain *chain = cove__calloc(1, sizeof *chain);

    if (!chain)
        return cove__fail_nomem(err, "the credentials");
    chain->place = COVE__AZURE_NOWHERE;
    int rc = copy(o, chain, err);
    if (rc == 0)
        rc = choose(chain, o->credential && o->credential[0] != '\0' ? o->credential : NULL, err);
    if (rc == 0)
        rc = set_authority(chain, o->authority && o->authority[0] != '\0' ? o->authority : COVE__AZURE_PUBLIC_LOGIN,
                           err);
    if (rc == 0)
        rc = cove__exchange_client_copy(o->http, &chain->client, err);
    if (rc < 0) {
        chain_free(chain);
        return rc;
    }
    *ret = (struct cove__credentials_source){ .type = &cove__oauth_token_type,
                                              .fetch = fetch,
                                              .free = chain_free,
                                              .self = chain,
                                              .stamp = stamp,
                                              .is_constant = chain->given,
                                              .early_ns = EARLY_NS,
                                              .late_ns = LATE_NS };
    return 0;
}
