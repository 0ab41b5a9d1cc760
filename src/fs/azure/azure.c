/* The table of the blob service, and a store's opening: options and environment become one fixed set of facts. No
 * network. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/azure/azure_append.h"
#include "fs/azure/azure_batch.h"
#include "fs/azure/azure_block_names.h"
#include "fs/azure/azure_blocks.h"
#include "fs/azure/azure_checksum.h"
#include "fs/azure/azure_container.h"
#include "fs/azure/azure_copy.h"
#include "fs/azure/azure_delegation.h"
#include "fs/azure/azure_list.h"
#include "fs/azure/azure_request.h"
#include "fs/azure/azure_tags.h"
#include "fs/azure/azure_uploads.h"
#include "fs/azure/dfs.h"
#include "fs/object/known.h"
#include "net/header.h"

static enum cove__can can(const struct cove__object_store *store, enum cove__capability capability)
{
    switch (capability) {
    case COVE__BATCH_CONDITIONS:
    case COVE__BATCH_DELETE:
    case COVE__PUT_CONDITIONS:
    case COVE__UPLOAD_CONDITIONS:
    case COVE__COPY_SOURCE_CONDITIONS:
    case COVE__COPY_TARGET_CONDITIONS:
    case COVE__DELETE_CONDITIONS:
    case COVE__PART_COPY:
    case COVE__UNEQUAL_PARTS:
    case COVE__UPLOADS_BY_PREFIX:
    case COVE__RANGE_CHECKSUMS:
        return COVE__CAN_YES;
    default:
        return COVE__CAN_NO;
    }
}

static bool learns(struct cove__object_request *r)
{
    return cove__azure_gives_up_checksums(r) || cove__azure_gives_up_tags(r) || cove__azure_names_part_again(r);
}

static const char *product(const struct cove__object_store *store)
{
    return "Azure Blob Storage";
}

static const char *const shown_headers[] = {
    "cache-control",       "content-encoding", "content-disposition",     "content-language", "content-md5",
    "x-ms-archive-status", "x-ms-blob-type",   "x-ms-is-current-version", "x-ms-tag-count",   NULL
};

const struct cove__object_ops cove__azure_object_ops = {
    .name = "azure",
    .format = COVE__OBJECT_XML,
    .version_mark = "?versionid=",
    .other_version_mark = "?snapshot=",
    .signs_time = true,
    .headers = { .version = "etag",
                 .size = "content-length",
                 .metadata = "x-ms-meta-",
                 .keeps_case = true,
                 .created = "x-ms-creation-time",
                 .write_mark = "cove_write", /* names have no hyphen */
                 .if_match = "If-Match",
                 .if_new = "If-None-Match: *",
                 .version_id = "x-ms-version-id",
                 .storage_class = "x-ms-access-tier",
                 .shown = shown_headers },
    .can = can,
    .product = product,
    .looks_before_repeat = true,
    .prepare = cove__azure_prepare,
    .request_init = cove__azure_request_init,
    .request_done = cove__azure_request_done,
    .sends_crc64 = true,
    .body = cove__azure_body,
    .response = cove__azure_response,
    .learns = learns,
    .classify = cove__azure_classify,
    .is_from_store = cove__azure_is_from_store,
    .marks_responses = true,
    .refuses_operation = cove__azure_refuses_operation,
    .credentials_refused = cove__azure_credentials_refused,
    .list_page_max = AZURE_LIST_PAGE,
    .list_request = cove__azure_list_request,
    .list_response = cove__azure_list_response,
    .buckets_request = cove__azure_containers_request,
    .buckets_response = cove__azure_list_response,
    .make_bucket_request = cove__azure_make_container_request,
    .remove_bucket_request = cove__azure_remove_container_request,
    .removes_full_buckets = true,
    .deleted_status = 202,
    .batch = &cove__azure_batch_ops,
    .delete_request = cove__azure_delete_request,
    .is_directory = cove__azure_is_marker,
    .extends_only = cove__azure_is_append_blob,
    .read_headers = cove__azure_read_headers,
    .read_matches = cove__azure_read_matches,
    .upload = &cove__azure_upload_ops,
    .copy = &cove__azure_copy_ops,
    .append = &cove__azure_append_ops,
};

/* ---- open ---- */

static int add_properties(struct cove__azure *azure, struct cove_error *err)
{
    const struct {
        const char *value, *name, *header;
    } rows[] = {
        { azure->o.cache_control, "cache_control", "Cache-Control" },
        { azure->o.access_tier, "access_tier", "x-ms-access-tier" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].value &&
            cove__header_append(&azure->store.extra.create, rows[i].header, cove__slice_str(rows[i].value)) < 0)
            return cove__fail(err, COVE_EINVAL, "option %s: it has a control character", rows[i].name);
    }
    return 0;
}

void cove__azure_close(void *self)
{
    struct cove__azure *azure = self;

    if (!azure)
        return;
    cove__provider_free(azure->signers); /* whose requests are the store's */
    cove__dfs_close(azure->dfs);
    cove__object_store_done(&azure->store);
    cove__provider_free(azure->provider);
    cove__options_clear(cove__azure_option_rows, &azure->o);
    cove__azure_account_done(&azure->account);
    cove__free(azure);
}

int cove__azure_open(const struct cove_options *options, const char *authority, void **ret_self, struct cove_error *err)
{
    struct cove__http_config config;
    struct cove__azure *azure = cove__calloc(1, sizeof *azure);

    if (!azure)
        return cove__fail_nomem(err, "a store");
    cove__object_store_init(&azure->store, &cove__azure_object_ops);
    int rc = cove__options_fill(cove__azure_option_rows, options, "az", &azure->o, err);
    if (rc == 0)
        rc = cove__azure_account_init(&azure->account, &azure->o, options, authority, err);
    if (rc == 0)
        rc = add_properties(azure, err);
    if (rc == 0) {
        azure->store.version_aware = azure->o.version_aware;
        azure->store.create_buckets = azure->o.create_containers;
        azure->store.block_size = azure->o.block_size;
        azure->store.max_concurrency = azure->o.max_concurrency;
        atomic_store(&azure->kind_of_namespace, cove__azure_namespace_of(azure->o.hierarchical_namespace));
        rc = cove__object_known_at(&azure->store, &azure->account.endpoint, err);
    }
    if (rc == 0)
        rc = cove__client_config(&azure->o.client, azure->account.endpoint.tls, NULL, &config, err);
    if (rc == 0)
        rc = cove__azure_login(azure, &config, err);
    if (rc == 0 && azure->provider)
        rc = cove__azure_delegation_new(azure, &azure->signers, err);
    if (rc == 0)
        rc = cove__client_new(&config, azure->account.endpoint.tls, azure->account.endpoint.host, &azure->store.http,
                              err);
    if (rc == 0 && azure->account.dfs.host)
        rc = cove__dfs_open(azure, &config, &azure->dfs, err);
    if (rc < 0) {
        cove__azure_close(azure);
        return rc;
    }
    *ret_self = azure;
    return 0;
}

bool cove__azure_same_store(const void *self, const void *other)
{
    const struct cove__endpoint *a = &((const struct cove__azure *)self)->account.endpoint,
                                *b = &((const struct cove__azure *)other)->account.endpoint;

    return a->tls == b->tls && strcasecmp(a->host, b->host) == 0 && strcmp(a->base, b->base) == 0;
}

int cove__azure_endpoint(const void *self, struct cove__buf *ret, struct cove_error *err)
{
    const struct cove__endpoint *e = &((const struct cove__azure *)self)->account.endpoint;
    int rc = cove__buf_addf(ret, "%s://%s%s", e->tls ? "https" : "http", e->host, e->base);

    return rc < 0 ? cove__fail(err, rc, "endpoint %s: %s", e->host, cove_code_phrase(rc)) : 0;
}

/* What a provider finds, it logs itself. */
void cove__azure_describe(const void *self, struct cove__buf *ret)
{
    const struct azure_account *account = &((const struct cove__azure *)self)->account;

    if (account->key_size > 0)
        cove__buf_addf(ret, "; credentials: key of the account %s", account->name);
    else if (account->sas)
        cove__buf_add_str(ret, "; credentials: shared access signature");
    else if (account->anon)
        cove__buf_add_str(ret, "; no credentials");
}
