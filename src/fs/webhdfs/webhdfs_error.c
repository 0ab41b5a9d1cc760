/* Exceptions of the NameNode and the DataNodes: {"RemoteException":{"exception":"...","message":"..."}}. Pure. */
#include <stdio.h>
#include <string.h>

#include "fs/webhdfs/webhdfs.h"
#include "wire/json.h"

static const struct webhdfs_exception exceptions[] = {
    { "FileNotFoundException", COVE_ENOTFOUND, false, "no such file or directory" },
    { "FileAlreadyExistsException", COVE_EEXIST, false, "it exists already" },
    { "ParentNotDirectoryException", COVE_ENOTDIR, false, "a file is in the place of a directory" },
    { "PathIsNotDirectoryException", COVE_ENOTDIR, false, "a file is in the place of a directory" },
    { "PathIsNotEmptyDirectoryException", COVE_ENOTEMPTY, false, "the directory is not empty" },
    { "AccessControlException", COVE_EACCESS, false, "the user may not do that: see the permissions of the path" },
    { "AuthorizationException", COVE_EACCESS, false, "the user may not act for another one" },
    { "SecurityException", COVE_EAUTH, false, "the login was refused: check user and token" },
    { "InvalidToken", COVE_EAUTH, false, "the delegation token is invalid or has expired: set a new one" },
    { "ExpiredTokenException", COVE_EAUTH, false, "the delegation token has expired: set a new one" },
    { "AuthenticationException", COVE_EAUTH, false, "the login was refused: check user and token" },
    { "DSQuotaExceededException", COVE_ENOSPC, false, "the space quota of a directory above it is used up" },
    { "NSQuotaExceededException", COVE_ENOSPC, false, "the name quota of a directory above it is used up" },
    { "QuotaExceededException", COVE_ENOSPC, false, "a quota of a directory above it is used up" },
    { "QuotaByStorageTypeExceededException", COVE_ENOSPC, false, "a quota of a directory above it is used up" },
    { "StandbyException", COVE_ESERVER, true, "this NameNode is on standby: name the active one" },
    { "RetriableException", COVE_ESERVER, true, "the NameNode is not ready" },
    { "SafeModeException", COVE_ESERVER, true,
      "the NameNode is in safe mode: it may have just started, or an administrator has to end it (hdfs dfsadmin "
      "-safemode leave)" },
    { "ServerTooBusyException", COVE_ETHROTTLED, true, "the NameNode is too busy" },
    { "AlreadyBeingCreatedException", COVE_ESERVER, true, "another client has the file open for writing" },
    { "RecoveryInProgressException", COVE_ESERVER, true, "the file's end is being recovered" },
    { "LeaseExpiredException", COVE_ESERVER, true, "the file was removed or taken over while it was written" },
    { "InvalidPathException", COVE_EINVAL, false, "HDFS refuses this name; names have no \":\"" },
    { "PathComponentTooLongException", COVE_EINVAL, false, "a part of the path is too long" },
    { "FSLimitException.PathComponentTooLongException", COVE_EINVAL, false, "a part of the path is too long" },
    { "MaxDirectoryItemsExceededException", COVE_ELIMIT, false, "the directory has too many entries" },
    { "IllegalArgumentException", COVE_EINVAL, false, "the server refuses the request" },
    { "UnsupportedOperationException", COVE_ENOTSUP, false, "the server does not support that" },
};

const struct webhdfs_exception *cove__webhdfs_exception(const char *name)
{
    for (size_t i = 0; i < sizeof exceptions / sizeof exceptions[0]; i++) {
        if (strcmp(exceptions[i].name, name) == 0)
            return &exceptions[i];
    }
    return NULL;
}

static int error_value(void *user, const char *path, enum cove__json_type type, const char *text)
{
    struct webhdfs_error_body *body = user;

    if (strcmp(path, "RemoteException/exception") == 0)
        snprintf(body->name, sizeof body->name, "%s", text);
    else if (strcmp(path, "RemoteException/message") == 0) /* a stack trace may follow */
        snprintf(body->message, sizeof body->message, "%.*s", (int)strcspn(text, "\r\n"), text);
    return 0;
}

void cove__webhdfs_read_error(struct cove__slice body, struct webhdfs_error_body *ret)
{
    static const struct cove__json_handler handler = { .value = error_value };
    char why[128];

    *ret = (struct webhdfs_error_body){ .name = "" };
    cove__json_read(body, &handler, ret, why, sizeof why); /* what came before a fault counts: a body may be cut */
}
