/* The options of az://, under the names that adlfs gives them. */
#include <stddef.h>

#include "fs/azure/azure.h"

#define MIB       ((int64_t)1 << 20)
#define AT(field) offsetof(struct azure_options, field)

const struct cove__option_row cove__azure_option_rows[] = {
    /* account and credentials */
    { "account_name", COVE__OPTION_STRING, AT(account_name), NULL, "AZURE_STORAGE_ACCOUNT_NAME AZURE_STORAGE_ACCOUNT",
      "storage account, if the URL does not name it", 0, 0, NULL },
    { "account_key", COVE__OPTION_SECRET, AT(account_key), NULL, "AZURE_STORAGE_ACCOUNT_KEY AZURE_STORAGE_KEY",
      "key of the account, in base64", 0, 0, NULL },
    { "connection_string", COVE__OPTION_SECRET, AT(connection_string), NULL, "AZURE_STORAGE_CONNECTION_STRING",
      "AccountName, AccountKey, SharedAccessSignature, BlobEndpoint, ... as Azure's portal shows them; comes before "
      "the other options; UseDevelopmentStorage=true: Azurite on this machine",
      0, 0, NULL },
    { "sas_token", COVE__OPTION_SECRET, AT(sas_token), NULL, "AZURE_STORAGE_SAS_TOKEN",
      "shared access signature, of the account, a container or a user delegation key, with or without \"?\"", 0, 0,
      NULL },
    { "anon", COVE__OPTION_BOOL, AT(anon), "false", "AZURE_STORAGE_ANON",
      "send no credentials, for containers with public access", 0, 0, NULL },
    { "credential", COVE__OPTION_SECRET, AT(credential), NULL, NULL,
      "how to log in: default, environment, workload_identity, managed_identity, cli, anon, or an access token; comes "
      "before account_key, sas_token and anon; else, without those, what AZURE_TOKEN_CREDENTIALS names, or default: "
      "the "
      "first of the others that is there, in this order",
      0, 0, NULL },
    { "client_id", COVE__OPTION_STRING, AT(client_id), NULL, "AZURE_STORAGE_CLIENT_ID AZURE_CLIENT_ID",
      "ID of the application, or of the user-assigned managed identity", 0, 0, NULL },
    { "client_secret", COVE__OPTION_SECRET, AT(client_secret), NULL, "AZURE_STORAGE_CLIENT_SECRET AZURE_CLIENT_SECRET",
      "secret of the application", 0, 0, NULL },
    { "tenant_id", COVE__OPTION_STRING, AT(tenant_id), NULL, "AZURE_STORAGE_TENANT_ID AZURE_TENANT_ID",
      "tenant that the application, or the login, is of", 0, 0, NULL },
    { "client_certificate_path", COVE__OPTION_STRING, AT(client_certificate_path), NULL,
      "AZURE_CLIENT_CERTIFICATE_PATH",
      "file with the certificate of the application and its key, PEM or PKCS #12, in place of a secret", 0, 0, NULL },
    { "client_certificate_password", COVE__OPTION_SECRET, AT(client_certificate_password), NULL,
      "AZURE_CLIENT_CERTIFICATE_PASSWORD", "password of that file", 0, 0, NULL },
    { "federated_token_file", COVE__OPTION_STRING, AT(federated_token_file), NULL, "AZURE_FEDERATED_TOKEN_FILE",
      "file with the token of a workload of Kubernetes; read again at each refresh", 0, 0, NULL },
    { "object_id", COVE__OPTION_STRING, AT(object_id), NULL, NULL,
      "object ID of the user-assigned managed identity, in place of client_id", 0, 0, NULL },
    { "msi_resource_id", COVE__OPTION_STRING, AT(msi_resource_id), NULL, NULL,
      "resource ID of the user-assigned managed identity, in place of client_id", 0, 0, NULL },
    { "authority_host", COVE__OPTION_STRING, AT(authority_host), NULL, "AZURE_AUTHORITY_HOST",
      "where applications log in, as https://login.microsoftonline.us; else by the cloud that the account is in", 0, 0,
      NULL },
    /* where the store is */
    { "account_host", COVE__OPTION_STRING, AT(account_host), NULL, NULL,
      "host of the account's blob service, as account.blob.core.windows.net; for other clouds and private endpoints", 0,
      0, NULL },
    { "endpoint_url", COVE__OPTION_STRING, AT(endpoint_url), NULL, "AZURE_STORAGE_ENDPOINT",
      "address of the blob service, as http://127.0.0.1:10000/devstoreaccount1 for Azurite", 0, 0, NULL },
    { "dfs_endpoint", COVE__OPTION_STRING, AT(dfs_endpoint), NULL, "AZURE_STORAGE_DFS_ENDPOINT",
      "address of the Data Lake service of an account with a hierarchical namespace, where it does not follow from the "
      "host of the blob service (dfs in place of blob)",
      0, 0, NULL },
    { "hierarchical_namespace", COVE__OPTION_CHOICE, AT(hierarchical_namespace), "auto", NULL,
      "whether the account has one, for callers who may not ask; auto: it is asked", 0, 0, "auto true false" },
    { "location_mode", COVE__OPTION_CHOICE, AT(location_mode), "primary", NULL,
      "secondary: read from the account's secondary region, which takes no writes", 0, 0, "primary secondary" },
    COVE__CLIENT_ROW_SSL(struct azure_options, client),
    { "create_buckets", COVE__OPTION_BOOL, AT(create_containers), "false", NULL,
      "mkdir of a directory makes a missing container; false: it fails, and only mkdir of the container itself makes "
      "one",
      0, 0, NULL },
    { "version_aware", COVE__OPTION_BOOL, AT(version_aware), "false", NULL,
      "a path may end in ?versionid=ID, which names one version of a blob", 0, 0, NULL },
    /* new objects */
    { "access_tier", COVE__OPTION_STRING, AT(access_tier), NULL, NULL,
      "access tier of new blobs: Hot, Cool, Cold; else the account's", 0, 0, NULL },
    { "cache_control", COVE__OPTION_STRING, AT(cache_control), NULL, NULL, "Cache-Control of new blobs", 0, 0, NULL },
    /* how much at once */
    { "default_block_size", COVE__OPTION_SIZE, AT(block_size), "8MiB", NULL,
      "bytes of the first blocks of an upload, and of the ranges that a large read is cut into", MIB, 4000 * MIB,
      NULL },
    { "blocksize", COVE__OPTION_SIZE, AT(block_size), NULL, NULL, "another name of default_block_size", 0, 0, NULL,
      "default_block_size" },
    { "max_concurrency", COVE__OPTION_INTEGER, AT(max_concurrency), "16", NULL,
      "blocks or ranges of one file under way at once", 1, 64, NULL },
    /* the connection */
    COVE__CLIENT_ROWS(struct azure_options, client, NULL, ""),
    { 0 },
};
