/* Signed URLs: see azure_sign.h. */
#include "fs/azure/azure_sign.h"

#include <string.h>

#include "auth/azure_shared_key.h"
#include "base/clock.h"
#include "base/error.h"
#include "fs/azure/azure_delegation.h"
#include "fs/azure/azure_request.h"
#include "fs/fs_impl.h"

#define URL_MAX ((size_t)64 << 10)

/* A PUT also needs the header x-ms-blob-type, which the caller sends. */
static const char *permissions(const char *method)
{
    return strcmp(method, "PUT") == 0 ? "cw" : strcmp(method, "DELETE") == 0 ? "d" : "r";
}

/* By the account's key, or by `delegation`. */
static int sign(const struct cove__azure *azure, const struct cove__blob_sas *sas,
                const struct cove__delegation_key *delegation, struct cove__buf *query)
{
    const struct azure_account *account = &azure->account;
    const struct cove__shared_key key = { account->name, cove__slice(account->key, account->key_size) };

    return delegation ? cove__blob_sas_delegate(account->name, delegation, sas, query)
                      : cove__blob_sas_sign(&key, sas, query);
}

int cove__azure_sign(void *self, const char *path, const char *method, int64_t expires_s, const struct cove__ctx *ctx,
                     char **ret_url, struct cove_error *err)
{
    struct cove__azure *azure = self;
    const struct azure_account *account = &azure->account;
    struct cove__buf url = COVE__BUF_SECRET(URL_MAX), query = COVE__BUF_SECRET(URL_MAX);
    struct cove__credentials *delegated = NULL;
    const struct cove__delegation_key *delegation = NULL;
    struct cove__object_name name;
    int64_t expires_ns = cove__object_now(&azure->store) + cove__sec_ns(expires_s);
    int rc = cove__object_name_of(&azure->store, path, strcmp(method, "PUT") == 0, ctx, &name, err);

    if (rc < 0)
        return rc;
    if (account->key_size == 0 && !azure->signers)
        return cove__fs_fail(err, ctx, COVE_EINVAL,
                             "only the key of the account, or a login, signs URLs: set account_key or "
                             "connection_string, or log in");
    if (account->key_size == 0) {
        rc = cove__azure_delegation_get(azure, expires_ns, ctx, &delegated, err);
        if (rc < 0)
            return rc;
        delegation = cove__delegation_key_of(delegated);
        if (expires_ns > delegation->expires_ns)
            expires_ns = delegation->expires_ns;
    }
    const struct cove__blob_sas sas = { .permissions = permissions(method),
                                        .container = name.bucket,
                                        .blob = name.key,
                                        .version = name.version,
                                        .of_snapshot = name.other_mark,
                                        .protocol = account->endpoint.tls ? "https" : "",
                                        .expires_ns = expires_ns };
    cove__azure_add_version(name, &query);
    rc = sign(azure, &sas, delegation, &query);
    cove__credentials_unref(delegated);
    cove__buf_addf(&url, "%s://%s", account->endpoint.tls ? "https" : "http", account->endpoint.host);
    cove__azure_add_path(azure, name, &url);
    cove__buf_addf(&url, "?%s", cove__buf_str(&query));
    if (rc == 0)
        rc = cove__buf_rc(&url);
    *ret_url = rc == 0 ? cove__buf_take(&url) : NULL;
    cove__buf_done(&url);
    cove__buf_done(&query);
    return *ret_url ? 0 : cove__fs_fail(err, ctx, rc < 0 ? rc : COVE_ENOMEM, "the URL cannot be made");
}
