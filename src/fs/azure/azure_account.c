/* Which account the options, the environment and the URL name, where its blob service is, and with what requests to it
 * are signed. Pure. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/secret.h"
#include "fs/azure/azure.h"
#include "net/loopback.h"
#include "wire/digest.h"
#include "wire/uri.h"

#define URL_MAX       ((size_t)64 << 10)
#define PUBLIC_SUFFIX "core.windows.net"
/* The account of every Azurite, and its key, which is no secret:
 * https://learn.microsoft.com/azure/storage/common/storage-use-azurite */
#define AZURITE_ACCOUNT  "devstoreaccount1"
#define AZURITE_KEY      "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
#define AZURITE_ENDPOINT "127.0.0.1:10000/" AZURITE_ACCOUNT

/* ---- connection strings ---- */

/* "AccountName=a;AccountKey=...": BORROWED from the text, none of it ends in a NUL. */
struct connection {
    struct cove__slice protocol, account, key, suffix, blob, secondary, sas;
    bool development;
};

static bool is_name(struct cove__slice text, const char *name)
{
    return text.size == strlen(name) && strncasecmp((const char *)text.data, name, text.size) == 0;
}

static int read_connection(const char *text, struct connection *ret, struct cove_error *err)
{
    struct connection c = { 0 };
    struct cove__slice development = { 0 };
    const struct {
        const char *name;
        struct cove__slice *at;
    } rows[] = {
        { "DefaultEndpointsProtocol", &c.protocol },
        { "AccountName", &c.account },
        { "AccountKey", &c.key },
        { "EndpointSuffix", &c.suffix },
        { "BlobEndpoint", &c.blob },
        { "BlobSecondaryEndpoint", &c.secondary },
        { "SharedAccessSignature", &c.sas },
        { "UseDevelopmentStorage", &development },
    };

    for (const char *at = text; *at != '\0';) {
        size_t n = strcspn(at, ";");
        const char *equals = memchr(at, '=', n);
        if (!equals && strspn(at, " \t") < n)
            return cove__fail(err, COVE_EINVAL, "option connection_string: a part of it is not Name=Value");
        for (size_t i = 0; equals && i < sizeof rows / sizeof rows[0]; i++) {
            if (is_name(cove__slice(at, (size_t)(equals - at)), rows[i].name))
                *rows[i].at = cove__slice(equals + 1, n - (size_t)(equals + 1 - at));
        }
        at += n + (at[n] == ';');
    }
    c.development = is_name(development, "true");
    if (!c.development && c.account.size == 0 && c.blob.size == 0)
        return cove__fail(err, COVE_EINVAL, "option connection_string: it names neither AccountName nor BlobEndpoint");
    if (c.protocol.size > 0 && !is_name(c.protocol, "https") && !is_name(c.protocol, "http"))
        return cove__fail(err, COVE_EINVAL, "option connection_string: DefaultEndpointsProtocol is https or http");
    *ret = c;
    return 0;
}

/* An option that is "" is none, and the environment is not asked for it. */
static bool is_set(const char *option)
{
    return option && option[0] != '\0';
}

/* ---- names ---- */

/* Of the account's own host, or of the path that follows another host's: "127.0.0.1:10000/devstoreaccount1". */
static int name_of_endpoint(const struct cove__endpoint *endpoint, struct cove__buf *ret)
{
    if (endpoint->base[0] == '/')
        return cove__buf_add_str(ret, strrchr(endpoint->base, '/') + 1);
    if (!cove__azure_authority_of_host(cove__slice_str(endpoint->host), ret))
        cove__buf_reset(ret);
    return cove__buf_rc(ret);
}

/* "acct" -> "acct.blob.core.windows.net"; "acct.core.chinacloudapi.cn" -> "acct.blob.core.chinacloudapi.cn". */
static void add_host(struct cove__buf *host, const char *authority, struct cove__slice suffix, bool secondary)
{
    size_t n = strcspn(authority, ".");

    cove__buf_addf(host, "%.*s%s.blob.", (int)n, authority, secondary ? "-secondary" : "");
    if (authority[n] == '.')
        cove__buf_add_str(host, authority + n + 1);
    else if (suffix.size > 0)
        cove__buf_add_slice(host, suffix);
    else
        cove__buf_add_str(host, PUBLIC_SUFFIX);
}

/* The endpoint that the options give; "": none, it follows from the account's name. */
static void given_endpoint(const struct azure_options *o, const struct connection *c, struct cove__buf *ret)
{
    bool secondary = strcmp(o->location_mode, "secondary") == 0;

    if (c->development)
        cove__buf_add_str(ret, "http://" AZURITE_ENDPOINT);
    else if (secondary && c->secondary.size > 0)
        cove__buf_add_slice(ret, c->secondary);
    else if (c->blob.size > 0)
        cove__buf_add_slice(ret, c->blob);
    else if (is_set(o->endpoint_url))
        cove__buf_add_str(ret, o->endpoint_url);
    else if (is_set(o->account_host))
        cove__buf_add_str(ret, o->account_host);
}

/* What the options and the environment name. */
struct given {
    struct cove__buf authority; /* in lower case; "": no account */
    struct cove__buf host_own;  /* the account that the endpoint's own host is of; "": it shows none */
    bool endpoint;              /* they name the blob service's address */
    bool here;                  /* which is a server on this machine that has accounts in its paths */
};

static struct given nothing_given(void)
{
    return (struct given){ .authority = COVE__BUF_INIT(4096), .host_own = COVE__BUF_INIT(4096) };
}

static void given_done(struct given *given)
{
    cove__buf_done(&given->authority);
    cove__buf_done(&given->host_own);
}

static void add_lower(struct cove__buf *ret, struct cove__slice text)
{
    size_t before = ret->size;

    cove__buf_add_slice(ret, text);
    for (size_t i = before; i < ret->size; i++) {
        if (ret->data[i] >= 'A' && ret->data[i] <= 'Z')
            ret->data[i] += 'a' - 'A';
    }
}

/* The account, with the cloud that the endpoint's host is in. */
static void add_account(struct cove__slice name, struct given *ret)
{
    const char *own = cove__buf_str(&ret->host_own);

    if (own[0] != '\0' && name.size == strcspn(own, ".") && strncasecmp(own, (const char *)name.data, name.size) == 0)
        cove__buf_add_str(&ret->authority, own);
    else
        add_lower(&ret->authority, name);
}

/* A name goes into the host, so it must not end it. */
static int check_name(struct cove__slice name, const char *option, struct cove_error *err)
{
    for (size_t i = 0; i < name.size; i++) {
        char c = (char)name.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
            return cove__fail(err, COVE_EINVAL, "option %s: \"%.*s\" is not the name of a storage account", option,
                              (int)name.size, (const char *)name.data);
    }
    return 0;
}

static int find_given(const struct azure_options *o, const struct connection *c, struct given *ret,
                      struct cove_error *err)
{
    struct cove__buf text = COVE__BUF_INIT(4096), named = COVE__BUF_INIT(4096);
    struct cove__endpoint endpoint = { 0 };
    bool azurite = c->development;
    int rc = azurite ? 0 : check_name(c->account, "connection_string", err);

    if (rc == 0 && is_set(o->account_name))
        rc = check_name(cove__slice_str(o->account_name), "account_name", err);
    given_endpoint(o, c, &text);
    ret->endpoint = text.size > 0;
    if (rc == 0 && ret->endpoint)
        rc = cove__endpoint_parse(c->blob.size > 0 ? "connection_string" : "endpoint_url", cove__buf_str(&text), true,
                                  &endpoint, err);
    if (rc == 0 && ret->endpoint) {
        ret->here = endpoint.base[0] == '\0' && cove__is_loopback(endpoint.host);
        if (endpoint.base[0] == '\0' && !cove__azure_authority_of_host(cove__slice_str(endpoint.host), &ret->host_own))
            cove__buf_reset(&ret->host_own);
        rc = name_of_endpoint(&endpoint, &named);
    }
    if (rc == 0 && azurite) {
        cove__buf_add_str(&ret->authority, AZURITE_ACCOUNT);
    } else if (rc == 0 && c->account.size > 0) {
        if (c->suffix.size > 0 && !is_name(c->suffix, PUBLIC_SUFFIX)) {
            add_lower(&ret->authority, c->account);
            cove__buf_add_char(&ret->authority, '.');
            add_lower(&ret->authority, c->suffix);
        } else {
            add_account(c->account, ret);
        }
    } else if (rc == 0 && c->blob.size == 0 && is_set(o->account_name)) {
        add_account(cove__slice_str(o->account_name), ret);
    } else if (rc == 0) {
        add_lower(&ret->authority, cove__buf_slice(&named));
    }
    if (rc == 0 && (cove__buf_rc(&ret->authority) < 0 || cove__buf_rc(&ret->host_own) < 0 || cove__buf_rc(&text) < 0))
        rc = cove__fail_nomem(err, "an option");
    cove__endpoint_done(&endpoint);
    cove__buf_done(&named);
    cove__buf_done(&text);
    return rc;
}

int cove__azure_authority_of_options(const struct cove_options *options, char **ret_authority, struct cove_error *err)
{
    struct azure_options o = { 0 };
    struct connection c = { 0 };
    struct given given = nothing_given();
    int rc = cove__options_fill(cove__azure_option_rows, options, "az", &o, err);

    if (rc == 0 && is_set(o.connection_string))
        rc = read_connection(o.connection_string, &c, err);
    if (rc == 0)
        rc = find_given(&o, &c, &given, err);
    if (rc == 0) {
        *ret_authority = cove__strdup(cove__buf_str(&given.authority));
        rc = *ret_authority ? 0 : cove__fail_nomem(err, "an option");
    }
    given_done(&given);
    cove__options_clear(cove__azure_option_rows, &o);
    return rc;
}

/* ---- credentials ---- */

static int set_key(struct azure_account *a, struct cove__slice text, const char *option, struct cove_error *err)
{
    char *copy = cove__strndup((const char *)text.data, text.size);
    int rc = 0;

    if (!copy)
        return cove__fail_nomem(err, "an option");
    cove__secret_add_owned(copy);
    a->key_size = cove__unbase64_some(copy, a->key, sizeof a->key);
    if (a->key_size == 0)
        rc = cove__fail(
            err, COVE_EINVAL,
            "option %s: the account's key is not base64; copy it from \"Access keys\" of the storage account", option);
    cove__wipe(copy);
    return rc;
}

/* Messages of the store have the signature decoded, too. */
static int hide_signature(const char *sas, struct cove__slice signature, struct cove_error *err)
{
    struct cove__buf plain = COVE__BUF_SECRET(URL_MAX);
    int rc = cove__uri_decode(&plain, signature);

    cove__secret_add(sas, signature);
    if (rc == 0)
        cove__secret_add(sas, cove__buf_slice(&plain));
    cove__buf_done(&plain);
    return rc == COVE_ENOMEM ? cove__fail_nomem(err, "an option") : 0;
}

static int set_sas(struct azure_account *a, struct cove__slice text, const char *option, struct cove_error *err)
{
    if (text.size > 0 && text.data[0] == '?')
        text = cove__slice_sub(text, 1, text.size);
    a->sas = cove__strndup((const char *)text.data, text.size);
    if (!a->sas)
        return cove__fail_nomem(err, "an option");
    cove__secret_add_owned(a->sas);
    if (strstr(a->sas, "://"))
        return cove__fail(err, COVE_EINVAL,
                          "option %s: it is a URL; a shared access signature is what follows the \"?\" in it", option);
    const char *signature = strstr(a->sas, "sig=");
    if (!signature || (signature != a->sas && signature[-1] != '&'))
        return cove__fail(err, COVE_EINVAL, "option %s: a shared access signature has the form sv=...&sig=...", option);
    return hide_signature(a->sas, cove__slice(signature + 4, strcspn(signature + 4, "&")), err);
}

static int set_credentials(struct azure_account *a, const struct azure_options *o, const struct connection *c,
                           struct cove_error *err)
{
    if (c->development)
        return set_key(a, cove__slice_str(AZURITE_KEY), "connection_string", err);
    if (c->key.size > 0)
        return set_key(a, c->key, "connection_string", err);
    if (c->sas.size > 0)
        return set_sas(a, c->sas, "connection_string", err);
    if (o->credential && o->credential[0] != '\0') { /* comes before a key of the environment */
        a->anon = strcmp(o->credential, "anon") == 0;
        return 0;
    }
    if (o->anon)
        a->anon = true;
    else if (is_set(o->account_key))
        return set_key(a, cove__slice_str(o->account_key), "account_key", err);
    else if (is_set(o->sas_token))
        return set_sas(a, cove__slice_str(o->sas_token), "sas_token", err);
    return 0;
}

/* ---- all of it ---- */

static int set_endpoint(struct azure_account *a, const struct azure_options *o, const struct connection *c,
                        const char *authority, struct cove_error *err)
{
    struct cove__buf text = COVE__BUF_INIT(4096);
    bool tls = o->client.use_ssl && !is_name(c->protocol, "http");

    given_endpoint(o, c, &text);
    if (text.size == 0)
        add_host(&text, authority, c->suffix, strcmp(o->location_mode, "secondary") == 0);
    int rc = cove__buf_rc(&text) < 0 ? cove__fail_nomem(err, "an option")
                                     : cove__endpoint_parse(c->blob.size > 0 ? "connection_string" : "endpoint_url",
                                                            cove__buf_str(&text), tls, &a->endpoint, err);
    cove__buf_done(&text);
    if (rc < 0 || a->endpoint.base[0] != '\0' || !cove__is_loopback(a->endpoint.host))
        return rc;
    /* An emulator has the account in the path. */
    cove__buf_addf(&text, "/%s", a->name);
    cove__free(a->endpoint.base);
    a->endpoint.base = cove__buf_take(&text);
    return a->endpoint.base ? 0 : cove__fail_nomem(err, "an option");
}

/* "acct.blob.core.windows.net" -> "acct.dfs.core.windows.net", which private endpoints and other clouds have, too. An
 * emulator has one only where the option names it. */
static int set_dfs(struct azure_account *a, const struct azure_options *o, struct cove_error *err)
{
    static const char blob[] = ".blob.";
    const char *at = strstr(a->endpoint.host, blob);
    struct cove__buf text = COVE__BUF_INIT(4096);

    if (is_set(o->dfs_endpoint))
        cove__buf_add_str(&text, o->dfs_endpoint);
    else if (at && a->endpoint.base[0] == '\0')
        cove__buf_addf(&text, "%.*s.dfs.%s", (int)(at - a->endpoint.host), a->endpoint.host, at + strlen(blob));
    int rc = cove__buf_rc(&text) < 0 ? cove__fail_nomem(err, "an option") : 0;
    if (rc == 0 && text.size > 0)
        rc = cove__endpoint_parse("dfs_endpoint", cove__buf_str(&text), a->endpoint.tls, &a->dfs, err);
    cove__buf_done(&text);
    return rc;
}

/* A URL is data. It may name another account of Azure, to which a login's tokens go; it never
 * chooses a host that is not Azure's, and where the options name an address, it does not lead to another account's. */
static int check_url(const struct azure_account *a, const struct azure_options *o, const struct given *given,
                     const char *authority, struct cove_error *err)
{
    const char *account = cove__buf_str(&given->authority), *own = cove__buf_str(&given->host_own);
    bool endpoint = given->endpoint || is_set(o->dfs_endpoint), same = strcmp(authority, account) == 0;

    if (account[0] != '\0' && !same && (a->key_size > 0 || a->sas))
        return cove__fail(err, COVE_EINVAL,
                          "the URL is of the storage account %s, and the credentials of the options or the "
                          "environment are of %s",
                          authority, account);
    if (own[0] != '\0' ? strcmp(authority, own) == 0 : same)
        return 0;
    if (endpoint && own[0] == '\0' && account[0] == '\0' && !given->here)
        return cove__fail(err, COVE_EINVAL,
                          "the URL is of the storage account %s, and the address that the options or the environment "
                          "name does not show which account it is of: set account_name",
                          authority);
    if (is_set(o->connection_string) || (endpoint && !(given->here && account[0] == '\0')))
        return cove__fail(err, COVE_EINVAL,
                          "the URL is of the storage account %s, and the address that the options or the environment "
                          "name is of %s",
                          authority, own[0] != '\0' ? own : account);
    if (!cove__azure_is_own_cloud(authority))
        return cove__fail(err, COVE_EINVAL,
                          "the URL is of the storage account %s, whose host is not in a cloud of Azure: credentials go "
                          "there only if account_host or endpoint_url names that host",
                          authority);
    return 0;
}

/* The environment's key or signature is of the environment's account. A URL may have made the option account_name. */
static int check_environment(const struct azure_account *a, const cove_options *options, const struct connection *c,
                             const char *authority, struct cove_error *err)
{
    const char *name = getenv("AZURE_STORAGE_ACCOUNT_NAME");
    bool own = c->key.size > 0 || c->sas.size > 0 || c->development ||
               cove_options_get(options, a->sas ? "sas_token" : "account_key");

    if (!is_set(name))
        name = getenv("AZURE_STORAGE_ACCOUNT");
    if (own || !is_set(name) || !(a->key_size > 0 || a->sas) ||
        is_name(cove__slice(authority, strcspn(authority, ".")), name))
        return 0;
    return cove__fail(err, COVE_EINVAL,
                      "the URL or the options name the storage account %s, and the credentials of the environment are "
                      "of %s (AZURE_STORAGE_ACCOUNT_NAME)",
                      authority, name);
}

int cove__azure_account_init(struct azure_account *ret, const struct azure_options *o, const cove_options *options,
                             const char *authority, struct cove_error *err)
{
    struct connection c = { 0 };
    struct given given = nothing_given();
    bool of_url = authority[0] != '\0';
    int rc = 0;

    *ret = (struct azure_account){ 0 };
    if (is_set(o->connection_string))
        rc = read_connection(o->connection_string, &c, err);
    if (rc == 0)
        rc = find_given(o, &c, &given, err);
    if (rc == 0 && !of_url)
        authority = cove__buf_str(&given.authority);
    if (rc == 0 && authority[0] == '\0')
        rc = cove__fail(err, COVE_EINVAL,
                        "no storage account is named: set the option account_name or connection_string, or "
                        "AZURE_STORAGE_ACCOUNT_NAME, or write abfs://CONTAINER@ACCOUNT.dfs.core.windows.net/...");
    if (rc == 0)
        rc = set_credentials(ret, o, &c, err);
    if (rc == 0 && of_url)
        rc = check_url(ret, o, &given, authority, err);
    if (rc == 0)
        rc = check_environment(ret, options, &c, authority, err);
    if (rc == 0) {
        ret->name = cove__strndup(authority, strcspn(authority, "."));
        rc = ret->name ? set_endpoint(ret, o, &c, authority, err) : cove__fail_nomem(err, "an option");
        if (rc == 0)
            rc = set_dfs(ret, o, err);
    }
    given_done(&given);
    if (rc < 0)
        cove__azure_account_done(ret);
    return rc;
}

void cove__azure_account_done(struct azure_account *account)
{
    cove__free(account->name);
    cove__endpoint_done(&account->endpoint);
    cove__endpoint_done(&account->dfs);
    cove__wipe(account->sas);
    explicit_bzero(account, sizeof *account);
}
