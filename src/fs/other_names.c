/* What other libraries for the same stores call an option of ours: boto3, PyArrow, obstore, Polars, DuckDB. Only asked
 * for an option that is refused. A name may be of several stores: the first row counts that fits the store's table. */
#include "fs/options.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *name, *ours; /* ours: "option", or "option=value" */
    const char *of;          /* an option that only the stores have which are meant; NULL: of any */
} others[] = {
    { "aws_access_key_id", "key", NULL },
    { "access_key_id", "key", NULL },
    { "aws_access_key", "key", NULL },
    { "access_key", "key", NULL },
    { "key_id", "key", NULL },
    { "aws_secret_access_key", "secret", NULL },
    { "secret_access_key", "secret", NULL },
    { "aws_secret_key", "secret", NULL },
    { "secret_key", "secret", NULL },
    { "aws_session_token", "token", NULL },
    { "session_token", "token", NULL },
    { "aws_token", "token", NULL },
    { "aws_profile", "profile", NULL },
    { "profile_name", "profile", NULL },
    { "aws_region", "region", NULL },
    { "aws_region_name", "region", NULL },
    { "aws_default_region", "region", NULL },
    { "default_region", "region", NULL },
    { "aws_endpoint_url", "endpoint_url", NULL },
    { "aws_endpoint", "endpoint_url", NULL },
    { "endpoint", "endpoint_url", NULL },
    { "endpoint_override", "endpoint_url", NULL },
    { "anonymous", "anon", NULL },
    { "skip_signature", "anon", NULL },
    { "aws_skip_signature", "anon", NULL },
    { "no_sign_request", "anon", NULL },
    { "request_payer", "requester_pays", NULL },
    { "aws_request_payer", "requester_pays", NULL },
    { "virtual_hosted_style_request", "addressing_style", NULL },
    { "aws_virtual_hosted_style_request", "addressing_style", NULL },
    { "force_virtual_addressing", "addressing_style", NULL },
    { "url_style", "addressing_style", NULL },
    { "proxy_url", "proxy", NULL },
    { "proxy_options", "proxy", NULL },
    { "max_retries", "retries", NULL },
    { "max_attempts", "retries", NULL },
    { "ca_cert", "ca_bundle", NULL },
    { "ssl_verify", "verify", NULL },
    { "location", "region", NULL },
    { "bucket_location", "region", NULL },
    /* Google Cloud Storage */
    { "region", "default_location", NULL },
    { "region_name", "default_location", NULL },
    { "location", "default_location", NULL },
    { "bucket_location", "default_location", NULL },
    { "anon", "token=anon", "universe_domain" },
    { "anonymous", "token=anon", "universe_domain" },
    { "skip_signature", "token=anon", "universe_domain" },
    { "google_skip_signature", "token=anon", "universe_domain" },
    { "no_sign_request", "token=anon", "universe_domain" },
    { "key", "token", "universe_domain" },
    { "credential", "token", "universe_domain" },
    { "credentials", "token", "universe_domain" },
    { "credentials_path", "token", "universe_domain" },
    { "credentials_file", "token", "universe_domain" },
    { "key_file", "token", "universe_domain" },
    { "keyfile", "token", "universe_domain" },
    { "key_path", "token", "universe_domain" },
    { "service_account", "token", "universe_domain" },
    { "service_account_path", "token", "universe_domain" },
    { "service_account_key", "token", "universe_domain" },
    { "google_service_account", "token", "universe_domain" },
    { "google_application_credentials", "token", "universe_domain" },
    { "application_credentials", "token", "universe_domain" },
    { "project_id", "project", "universe_domain" },
    { "project_name", "project", "universe_domain" },
    { "google_project", "project", "universe_domain" },
    { "user_project", "requester_pays", "universe_domain" },
    { "billing_project", "requester_pays", "universe_domain" },
    { "client_kwargs", "endpoint_url", "universe_domain" },
    { "host", "endpoint_url", "universe_domain" },
    { "api_endpoint", "endpoint_url", "universe_domain" },
    /* Azure Blob Storage */
    { "account", "account_name", "account_name" },
    { "storage_account", "account_name", "account_name" },
    { "azure_storage_account_name", "account_name", "account_name" },
    { "username", "account_name", "account_name" },
    { "key", "account_key", "account_name" },
    { "secret", "account_key", "account_name" },
    { "access_key", "account_key", "account_name" },
    { "secret_key", "account_key", "account_name" },
    { "azure_storage_account_key", "account_key", "account_name" },
    { "token", "sas_token", "account_name" },
    { "sas", "sas_token", "account_name" },
    { "azure_storage_sas_token", "sas_token", "account_name" },
    { "credentials", "credential", "account_name" },
};

static bool has(const struct cove__option_row *rows, const char *name, size_t n)
{
    for (; rows->name; rows++) {
        if (strlen(rows->name) == n && memcmp(rows->name, name, n) == 0)
            return true;
    }
    return false;
}

const char *cove__options_other_name(const struct cove__option_row *rows, const char *name)
{
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        const char *ours = others[i].ours, *of = others[i].of;
        if (strcasecmp(others[i].name, name) == 0 && has(rows, ours, strcspn(ours, "=")) &&
            (!of || has(rows, of, strlen(of))))
            return ours;
    }
    return NULL;
}
