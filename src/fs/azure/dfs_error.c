/* Error codes that only the DFS endpoint has
 * (https://learn.microsoft.com/rest/api/storageservices/azure-data-lake-storage-error-codes), and its errors' bodies.
 */
#include <stdio.h>
#include <string.h>

#include "fs/azure/dfs.h"
#include "wire/json.h"

static const struct azure_code codes[] = {
    { "PathNotFound", COVE_ENOTFOUND, false, COVE__REFUSED_NO_OBJECT, "no such file or directory" },
    { "SourcePathNotFound", COVE_ENOTFOUND, false, COVE__REFUSED_NO_OBJECT, "no such file or directory" },
    { "RenameDestinationParentPathNotFound", COVE_ENOTFOUND, false, COVE__REFUSED_OTHER,
      "the directory of the new name does not exist" },
    { "FilesystemNotFound", COVE_ENOTFOUND, false, COVE__REFUSED_NO_BUCKET, "no such container" },
    { "FilesystemAlreadyExists", COVE_EEXIST, false, COVE__REFUSED_BUCKET_IS_OURS, "the container exists" },
    { "FilesystemBeingDeleted", COVE_ESERVER, true, COVE__REFUSED_OTHER,
      "the container is being deleted, which takes some 30 seconds" },
    { "PathAlreadyExists", COVE_EEXIST, false, COVE__REFUSED_OTHER, "a file or directory of this name exists" },
    { "PathConflict", COVE_ENOTDIR, false, COVE__REFUSED_OTHER,
      "a file stands where the path has a directory, or the other way round" },
    { "ResourceTypeMismatch", COVE_EISDIR, false, COVE__REFUSED_OTHER, "a directory stands in place of the file" },
    { "InvalidRenameSourcePath", COVE_EINVAL, false, COVE__REFUSED_OTHER,
      "it cannot be renamed into itself, or to this name" },
    { "InvalidDestinationPath", COVE_EINVAL, false, COVE__REFUSED_OTHER, "it cannot be renamed to this name" },
    { "InvalidSourceOrDestinationResourceType", COVE_ENOTDIR, false, COVE__REFUSED_OTHER,
      "a file cannot take the place of a directory, or the other way round" },
    { "DestinationPathIsBeingDeleted", COVE_ESERVER, true, COVE__REFUSED_OTHER, "what has this name is being deleted" },
    { "SourcePathIsBeingDeleted", COVE_ENOTFOUND, false, COVE__REFUSED_NO_OBJECT, "it is being deleted" },
    { "InvalidFlushPosition", COVE_EPRECONDITION, false, COVE__REFUSED_OTHER, "the size of the file changed" },
    { "InvalidPropertyName", COVE_EINVAL, false, COVE__REFUSED_OTHER,
      "names of metadata are letters, digits and _, and begin with no digit" },
    { "UnsupportedRestVersion", COVE_ENOTSUP, false, COVE__REFUSED_OTHER, "the store does not support this" },
};

const struct azure_code *cove__dfs_code(const char *name)
{
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (strcmp(codes[i].name, name) == 0)
            return &codes[i];
    }
    return NULL;
}

/* "The specified path does not exist.\nRequestId:...\nTime:..." */
static int take(void *user, const char *path, enum cove__json_type type, const char *text)
{
    struct azure_error_body *e = user;

    if (strcmp(path, "error/code") == 0)
        cove__object_text(cove__slice_str(text), e->code, sizeof e->code);
    else if (strcmp(path, "error/message") == 0)
        cove__object_text(cove__slice(text, strcspn(text, "\n")), e->message, sizeof e->message);
    return 0;
}

bool cove__dfs_read_error(struct cove__slice body, struct azure_error_body *ret)
{
    static const struct cove__json_handler handler = { .value = take };
    char why[160];

    if (body.size == 0 || body.data[0] != '{')
        return false;
    *ret = (struct azure_error_body){ 0 };
    (void)cove__json_read(body, &handler, ret, why, sizeof why); /* also of a body that is cut */
    return true;
}
