/* What exceptions mean: see hdfs_error.h. */
#include "fs/hdfs/hdfs_error.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "fs/fs_impl.h"

/* FATAL_UNAUTHORIZED of RpcErrorCodeProto */
#define UNAUTHORIZED 15

struct row {
    const char *name; /* the class without its package */
    int code;
    const char *advice; /* NULL: the server's text is enough */
};

static const struct row rows[] = {
    { "FileNotFoundException", COVE_ENOTFOUND, NULL },
    { "PathNotFoundException", COVE_ENOTFOUND, NULL },
    { "FileAlreadyExistsException", COVE_EEXIST, NULL },
    { "PathIsDirectoryException", COVE_EISDIR, NULL },
    { "PathIsNotDirectoryException", COVE_ENOTDIR, NULL },
    { "ParentNotDirectoryException", COVE_ENOTDIR, NULL },
    { "PathIsNotEmptyDirectoryException", COVE_ENOTEMPTY, NULL },
    { "InvalidPathException", COVE_EINVAL, "HDFS allows no ':' and no '.' or '..' as a part of a path" },
    { "PathComponentTooLongException", COVE_EINVAL, NULL },
    { "IllegalArgumentException", COVE_EINVAL, NULL },
    { "AccessControlException", COVE_EACCESS, "see `hdfs dfs -ls -d` for the owner and the mode" },
    { "AuthorizationException", COVE_EACCESS,
      "the cluster lets this user not act in the other's name "
      "(hadoop.proxyuser), or not call it at all" },
    { "InvalidToken", COVE_EAUTH, "the delegation token has expired or is unknown: get a new one" },
    { "SecretManager$InvalidToken", COVE_EAUTH, "the delegation token has expired or is unknown: get a new one" },
    { "SaslException", COVE_EAUTH, "see the NameNode's log for the reason; clocks, realms and keytabs must agree" },
    { "NSQuotaExceededException", COVE_ENOSPC, "the directory's quota of names is used up" },
    { "DSQuotaExceededException", COVE_ENOSPC, "the directory's quota of space is used up" },
    { "QuotaByStorageTypeExceededException", COVE_ENOSPC, "the directory's quota of space is used up" },
    { "QuotaExceededException", COVE_ENOSPC, NULL },
    { "MaxDirectoryItemsExceededException", COVE_ENOSPC, NULL },
    { "SafeModeException", COVE_ESERVER,
      "the NameNode accepts no changes while it is in safe mode: wait, or see "
      "`hdfs dfsadmin -safemode get`" },
    { "StandbyException", COVE_ESERVER, "it is a standby NameNode" },
    { "AlreadyBeingCreatedException", COVE_EPRECONDITION, "another writer has the file open" },
    { "RecoveryInProgressException", COVE_EPRECONDITION, "the lease of its last writer is being recovered: try again" },
    { "LeaseExpiredException", COVE_EPRECONDITION, "another writer took the file over, or it was removed" },
    { "UnsupportedOperationException", COVE_ENOTSUP, NULL },
    { "UnsupportedActionException", COVE_ENOTSUP, NULL },
    { "RpcNoSuchMethodException", COVE_ENOTSUP, "this server is too old for it" },
    { "SnapshotAccessControlException", COVE_EACCESS, "a snapshot cannot be changed" },
    { "UnknownCryptoProtocolVersionException", COVE_ENOTSUP, "the directory is an encryption zone" },
};

/* Of an AccessControlException whose class does not show it. */
static const struct row kerberos_only = { NULL, COVE_EAUTH,
                                          "set hadoop.security.authentication to kerberos, in core-site.xml or "
                                          "`extra_conf`, and get a ticket with `kinit`" };

/* The class's name without its package. */
static struct cove__slice short_name(struct cove__slice exception)
{
    size_t from = exception.size;

    while (from > 0 && exception.data[from - 1] != '.')
        from--;
    return cove__slice_sub(exception, from, exception.size);
}

static bool contains(struct cove__slice text, const char *word)
{
    size_t n = strlen(word);

    for (size_t i = 0; i + n <= text.size; i++) {
        if (memcmp(text.data + i, word, n) == 0)
            return true;
    }
    return false;
}

bool cove__hdfs_is_exception(const struct cove__hadoop_response *response, const char *name)
{
    return response->failed && cove__slice_is(short_name(response->exception), name);
}

enum cove__hdfs_retry cove__hdfs_may_retry(struct cove__slice exception, struct cove__slice text)
{
    struct cove__slice name = short_name(exception);

    if (cove__slice_is(name, "StandbyException") || cove__slice_is(name, "ObserverRetryOnActiveException") ||
        cove__slice_is(name, "NoNamenodesAvailableException"))
        return COVE__HDFS_NEXT_SERVER;
    if (cove__slice_is(name, "RetriableException") || cove__slice_is(name, "RouterSafeModeException") ||
        cove__slice_is(name, "ServerTooBusyException"))
        return COVE__HDFS_LATER;
    /* A server that stops answers what it still had to do with this. */
    return contains(text, "Server is stopped") ? COVE__HDFS_NEXT_SERVER : COVE__HDFS_NO_RETRY;
}

/* Of RetriableException the cause, which its text begins with: "org.apache…SafeModeException: …" */
static struct cove__slice cause(struct cove__slice exception, struct cove__slice text)
{
    size_t n = 0;

    if (!cove__slice_is(short_name(exception), "RetriableException"))
        return exception;
    while (n < text.size && text.data[n] != ':' && text.data[n] != '\n')
        n++;
    return n < text.size && text.data[n] == ':' ? cove__slice_sub(text, 0, n) : exception;
}

static const struct row *row_of(struct cove__slice name)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (cove__slice_is(name, rows[i].name))
            return &rows[i];
    }
    return NULL;
}

int cove__hdfs_fail(struct cove_error *err, const struct cove__ctx *ctx, const char *server,
                    const struct cove__hadoop_response *response)
{
    struct cove__slice name = short_name(cause(response->exception, response->error)), text = response->error;
    const struct row *row = contains(text, "SIMPLE authentication is not enabled") ? &kerberos_only : row_of(name);
    int code = row ? row->code : response->detail == UNAUTHORIZED ? COVE_EAUTH : COVE_ESERVER;
    char store_code[COVE_STORE_CODE_MAX];
    size_t line = 0;

    while (line < text.size && text.data[line] != '\n')
        line++;
    if (line > 600)
        line = 600;
    snprintf(store_code, sizeof store_code, "%.*s", (int)name.size, (const char *)name.data);
    cove__fs_fail(err, ctx, code, "%s: %.*s (%s)%s%s", server, (int)line, line ? (const char *)text.data : "",
                  store_code, row && row->advice ? "; " : "", row && row->advice ? row->advice : "");
    cove__error_store_code(err, store_code);
    if (err)
        err->retryable = cove__hdfs_may_retry(response->exception, text) != COVE__HDFS_NO_RETRY ||
                         cove__slice_is(name, "SafeModeException");
    return code;
}
