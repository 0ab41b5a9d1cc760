/* What other libraries for the same stores call an option of ours: boto3, PyArrow, obstore, Polars, DuckDB. Only asked
 * for an option that is refused. */
#include "fs/options.h"

#include <string.h>
#include <strings.h>

static const struct {
    const char *name, *ours;
} others[] = {
    { "aws_access_key_id", "key" },
    { "access_key_id", "key" },
    { "aws_access_key", "key" },
    { "access_key", "key" },
    { "key_id", "key" },
    { "aws_secret_access_key", "secret" },
    { "secret_access_key", "secret" },
    { "aws_secret_key", "secret" },
    { "secret_key", "secret" },
    { "aws_session_token", "token" },
    { "session_token", "token" },
    { "aws_token", "token" },
    { "aws_profile", "profile" },
    { "profile_name", "profile" },
    { "aws_region", "region" },
    { "aws_region_name", "region" },
    { "aws_default_region", "region" },
    { "default_region", "region" },
    { "aws_endpoint_url", "endpoint_url" },
    { "aws_endpoint", "endpoint_url" },
    { "endpoint", "endpoint_url" },
    { "endpoint_override", "endpoint_url" },
    { "anonymous", "anon" },
    { "skip_signature", "anon" },
    { "aws_skip_signature", "anon" },
    { "no_sign_request", "anon" },
    { "request_payer", "requester_pays" },
    { "aws_request_payer", "requester_pays" },
    { "virtual_hosted_style_request", "addressing_style" },
    { "aws_virtual_hosted_style_request", "addressing_style" },
    { "force_virtual_addressing", "addressing_style" },
    { "url_style", "addressing_style" },
    { "proxy_url", "proxy" },
    { "proxy_options", "proxy" },
    { "max_retries", "retries" },
    { "max_attempts", "retries" },
    { "ca_cert", "ca_bundle" },
    { "ssl_verify", "verify" },
};

const char *cove__options_other_name(const char *name)
{
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (strcasecmp(others[i].name, name) == 0)
            return others[i].ours;
    }
    return NULL;
}
