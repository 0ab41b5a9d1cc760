/* The table of the DFS endpoint, and its opening beside the blob service: see dfs.h. */
#include "fs/azure/dfs.h"

#include "base/error.h"
#include "base/mem.h"
#include "fs/azure/azure_request.h"
#include "fs/object/known.h"

static enum cove__can can(const struct cove__object_store *store, enum cove__capability capability)
{
    switch (capability) {
    case COVE__PUT_CONDITIONS:
    case COVE__UPLOAD_CONDITIONS:
    case COVE__COPY_SOURCE_CONDITIONS:
    case COVE__COPY_TARGET_CONDITIONS:
    case COVE__DELETE_CONDITIONS:
    case COVE__UNEQUAL_PARTS:
    case COVE__UPLOADS_BY_PREFIX:
        return COVE__CAN_YES;
    default:
        return COVE__CAN_NO;
    }
}

static const char *product(const struct cove__object_store *store)
{
    return "Azure Data Lake Storage";
}

/* A directory comes before what its name begins, whose key sorts before the directory's: "d/x" before "d.txt". */
static bool is_unordered(const struct cove__object_store *store, struct cove__slice filesystem)
{
    return true;
}

static const char *const shown_headers[] = { "cache-control",    "content-encoding", "content-disposition",
                                             "content-language", "content-md5",      "x-ms-owner",
                                             "x-ms-group",       "x-ms-permissions", NULL };

const struct cove__object_ops cove__dfs_object_ops = {
    .name = "azure-dfs",
    .format = COVE__OBJECT_JSON,
    .signs_time = true,
    .headers = { .version = "etag",
                 .size = "content-length",
                 .metadata = "x-ms-meta-", /* as dfs_work.c writes x-ms-properties */
                 .keeps_case = true,
                 .created = "x-ms-creation-time",
                 .write_mark = "cove_write",
                 .if_match = "If-Match",
                 .if_new = "If-None-Match: *",
                 .storage_class = "x-ms-access-tier",
                 .shown = shown_headers },
    .can = can,
    .product = product,
    .prepare = cove__dfs_prepare,
    .request_done = cove__dfs_request_done,
    .body = cove__dfs_body,
    .response = cove__dfs_response,
    .learns = cove__dfs_learns,
    .classify = cove__dfs_classify,
    .is_from_store = cove__azure_is_from_store,
    .refuses_operation = cove__azure_refuses_operation,
    .credentials_refused = cove__azure_credentials_refused,
    .list_page_max = AZURE_LIST_PAGE,
    .list_request = cove__dfs_list_request,
    .list_response = cove__dfs_list_response,
    .is_unordered = is_unordered,
    .buckets_request = cove__dfs_filesystems_request,
    .buckets_response = cove__dfs_filesystems_response,
    .make_bucket_request = cove__dfs_make_filesystem_request,
    .remove_bucket_request = cove__dfs_filesystem_request,
    .removes_full_buckets = true,
    .deleted_status = 200,
    .delete_request = cove__dfs_delete_request,
    .remove_tree = &cove__dfs_remove_tree_ops,
    .move_object = &cove__dfs_move_ops,
    .move_directory = &cove__dfs_move_directory_ops,
    .is_directory = cove__dfs_is_directory,
    .directories = &cove__dfs_directory_ops,
    .upload = &cove__dfs_upload_ops,
    .copy = &cove__dfs_metadata_ops,
    .append = &cove__dfs_append_ops,
};

int cove__dfs_open(struct cove__azure *azure, const struct cove__http_config *config, struct cove__azure **ret,
                   struct cove_error *err)
{
    struct cove__azure *dfs = cove__calloc(1, sizeof *dfs);

    if (!dfs)
        return cove__fail_nomem(err, "a store");
    cove__object_store_init(&dfs->store, &cove__dfs_object_ops);
    dfs->o = azure->o;
    dfs->account = azure->account;
    dfs->account.endpoint = azure->account.dfs;
    dfs->provider = azure->provider;
    dfs->store.create_buckets = azure->store.create_buckets;
    dfs->store.block_size = azure->store.block_size;
    dfs->store.max_concurrency = azure->store.max_concurrency;
    int rc = cove__buf_add_slice(&dfs->store.extra.create, cove__buf_slice(&azure->store.extra.create));
    if (rc < 0)
        cove__fail_nomem(err, "a store");
    if (rc == 0)
        rc = cove__object_known_at(&dfs->store, &dfs->account.endpoint, err);
    if (rc == 0)
        rc = cove__client_new(config, dfs->account.endpoint.tls, dfs->account.endpoint.host, &dfs->store.http, err);
    if (rc < 0) {
        cove__dfs_close(dfs);
        return rc;
    }
    *ret = dfs;
    return 0;
}

/* All but the store is the other's. */
void cove__dfs_close(struct cove__azure *dfs)
{
    if (!dfs)
        return;
    cove__object_store_done(&dfs->store);
    cove__free(dfs);
}
