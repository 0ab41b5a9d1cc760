/*
 * Azure Arc, on machines outside Azure: its agent asks, by a first refusal, for the content of a file that only its
 * group can read (https://learn.microsoft.com/azure/azure-arc/servers/managed-identity-authentication). What the
 * refusal names is checked, as it could be any file. For azure_managed.c.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "auth/azure_chain.h"
#include "auth/credentials_file.h"
#include "auth/oauth_endpoint.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/secret.h"
#include "wire/uri.h"

#define KEY_MAX ((size_t)4096)
#define WHERE   "of the managed identity of Azure Arc"

/* "Basic realm=/var/opt/azcmagent/tokens/ID.key". NULL: it has no such form. */
static const char *path_of(const char *challenge)
{
    const char *realm = strcasestr(challenge, "Basic realm=");

    return realm ? realm + strlen("Basic realm=") : NULL;
}

/* In the agent's folder itself, whatever links lead there, and a key by its name. */
static bool is_in_folder(const char *path, const char *folder)
{
    char real[PATH_MAX], real_folder[PATH_MAX];
    size_t n = strlen(path);

    if (n < 4 || strcmp(path + n - 4, ".key") != 0 || !realpath(path, real) || !realpath(folder, real_folder))
        return false;
    const char *slash = strrchr(real, '/');
    size_t size = (size_t)(slash - real);
    return size == strlen(real_folder) && strncmp(real, real_folder, size) == 0;
}

static int read_key(const struct cove__azure_chain *chain, const char *challenge, struct cove__buf *out,
                    struct cove_error *err)
{
    const char *folder = chain->arc_key_folder ? chain->arc_key_folder : COVE__AZURE_ARC_KEY_FOLDER;
    const char *path = path_of(challenge);
    struct cove_error why = COVE_ERROR_INIT;

    if (!path || !is_in_folder(path, folder))
        return cove__fail(err, COVE_EAUTH,
                          "credentials " WHERE ": its agent names no key file in %s: is the agent installed, and are "
                          "you of the group himds?",
                          folder);
    int rc = cove__credentials_file_read(path, out, &why);
    if (rc < 0)
        rc = cove__fail(err, rc == COVE_ENOMEM ? rc : COVE_EAUTH, "credentials " WHERE ": %s", why.message);
    else if (!cove__oauth_token_is_usable(cove__buf_str(out)))
        rc = cove__fail(err, COVE_EAUTH, "credentials " WHERE ": its key file holds no key");
    return rc;
}

static void begin(struct cove__exchange *x, const struct cove__azure_chain *chain)
{
    cove__exchange_init(x, &chain->client, "GET", WHERE);
    cove__buf_addf(&x->url, "%s?api-version=2020-06-01", getenv("IDENTITY_ENDPOINT"));
    cove__uri_add_pair(&x->url, "resource", cove__slice_str(COVE__AZURE_RESOURCE));
    cove__buf_add_str(&x->headers, "Metadata: true\n");
    x->no_proxy = true;
}

static int run_with_key(const struct cove__azure_chain *chain, const char *challenge, cove_cancel *cancel,
                        struct cove__oauth_token *ret, struct cove_error *err)
{
    struct cove__buf key = COVE__BUF_INIT(KEY_MAX);
    struct cove__exchange x;

    begin(&x, chain);
    int rc = read_key(chain, challenge, &key, err);
    if (rc == 0) {
        cove__secret_add(&x, cove__buf_slice(&key));
        cove__buf_addf(&x.headers, "Authorization: Basic %s\n", cove__buf_str(&key));
        rc = cove__exchange_run(&x, cancel, err);
        if (rc == COVE_EAUTH)
            cove__azure_managed_refused(&x, err);
    }
    if (rc == 0)
        rc = cove__azure_managed_read(&x, ret, err);
    cove__exchange_done(&x);
    cove__buf_wipe(&key);
    return rc;
}

int cove__azure_arc(const struct cove__azure_chain *chain, cove_cancel *cancel, struct cove__oauth_token *ret,
                    struct cove_error *err)
{
    struct cove__exchange x;

    begin(&x, chain);
    int rc = cove__exchange_run(&x, cancel, err);
    if (rc == 0)
        rc = cove__fail(err, COVE_EPROTOCOL, "credentials " WHERE ": its agent gives a token without a key");
    else if (rc == COVE_EAUTH && x.status == 401)
        rc = run_with_key(chain, x.challenge, cancel, ret, err);
    cove__exchange_done(&x);
    return rc;
}
