/* SSO (IAM Identity Center): the token of a login (aws_sso_token.c) buys a role's keys at the portal. For aws_chain.c.
 */
#include <string.h>
#include <strings.h>

#include "auth/aws_chain.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/secret.h"
#include "net/header.h"
#include "wire/uri.h"

static bool is_region(const char *region)
{
    return strlen(region) < 64 && strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(region);
}

int cove__aws_sso(const struct cove__aws_chain *chain, const struct cove__aws_profile *profile, cove_cancel *cancel,
                  struct cove__aws_credentials *ret, struct cove_error *err)
{
    const char *endpoint = cove__aws_endpoint("AWS_ENDPOINT_URL_SSO", chain->first->sso_endpoint_url, NULL);
    const char *region = profile->sso_region;
    struct cove__exchange x;
    char *token = NULL;

    if (profile->sso_problem)
        return cove__fail(err, COVE_EINVAL, "credentials of SSO: the AWS profile '%s': %s", profile->name,
                          profile->sso_problem);
    if (!cove__aws_given(profile->sso_account_id) || !cove__aws_given(profile->sso_role_name) ||
        !cove__aws_given(profile->sso_start_url) || !cove__aws_given(region) || !is_region(region))
        return cove__fail(err, COVE_EINVAL,
                          "credentials of SSO: the AWS profile '%s' needs sso_account_id, sso_role_name, and (in its "
                          "sso-session or itself) sso_start_url and sso_region",
                          profile->name);
    int rc = cove__aws_sso_token(chain, profile, cancel, &token, err);
    if (rc < 0)
        return rc;
    cove__exchange_init(&x, &chain->client, "GET", "of SSO's portal");
    cove__aws_sso_url(&x.url, endpoint, "portal.sso", region);
    cove__buf_add_str(&x.url, "/federation/credentials?role_name=");
    cove__uri_encode(&x.url, cove__slice_str(profile->sso_role_name), false);
    cove__buf_add_str(&x.url, "&account_id=");
    cove__uri_encode(&x.url, cove__slice_str(profile->sso_account_id), false);
    cove__header_append(&x.headers, "x-amz-sso_bearer_token", cove__slice_str(token));
    cove__secret_add_owned(token);
    rc = cove__exchange_run(&x, cancel, err);
    if (rc == COVE_EAUTH && x.status == 401)
        cove__aws_log_in(profile, "the portal does not take the token", err);
    if (rc == 0)
        rc = cove__aws_keys_from_json(cove__buf_slice(&x.response), "SSO's portal", false, ret, err);
    cove__exchange_done(&x);
    cove__wipe(token);
    return rc;
}
