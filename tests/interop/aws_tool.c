/*
 * What cove reads of AWS's shared files, for the tests beside this file:
 *
 *   aws_tool FOLDER PROFILE [FOLDER PROFILE]...
 *
 * Prints for each pair: a line "NAME HEX" for each setting that FOLDER/config and FOLDER/credentials give; then "keys
 * ID SECRET TOKEN" in hexadecimal, "ask" or "refused MESSAGE"; or "error MESSAGE" alone; then "end".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/aws_credentials.h"

static void show_hex(const char *text)
{
    printf(" ");
    for (; text && *text != '\0'; text++)
        printf("%02x", (unsigned char)*text);
}

static void show(const char *name, const char *value)
{
    if (!cove__aws_given(value))
        return;
    printf("%s", name);
    show_hex(value);
    printf("\n");
}

static void show_settings(const struct cove__aws_profile *p)
{
    show("region", p->region);
    show("ca_bundle", p->ca_bundle);
    show("credential_process", p->credential_process);
    show("role_arn", p->role_arn);
    show("source_profile", p->source_profile);
    show("credential_source", p->credential_source);
    show("external_id", p->external_id);
    show("role_session_name", p->role_session_name);
    show("duration_seconds", p->duration_seconds);
    show("mfa_serial", p->mfa_serial);
    show("web_identity_token_file", p->web_identity_token_file);
    show("sso_account_id", p->sso_account_id);
    show("sso_role_name", p->sso_role_name);
    show("sso", p->sso_problem ? "refused" : NULL);
    if (!p->sso_problem) {
        show("sso_start_url", p->sso_start_url);
        show("sso_region", p->sso_region);
    }
    show("use_fips_endpoint", p->use_fips);
    show("s3.addressing_style", p->s3_addressing_style);
    show("s3.use_accelerate_endpoint", p->s3_use_accelerate);
    show("s3.use_arn_region", p->s3_use_arn_region);
    show("use_dualstack_endpoint", cove__aws_given(p->s3_use_dualstack) ? p->s3_use_dualstack : p->use_dualstack);
    show("services", p->services_missing ? "missing" : NULL);
    if (!p->services_missing) {
        show("endpoint.s3", cove__aws_given(p->s3_endpoint_url) ? p->s3_endpoint_url : p->endpoint_url);
        show("endpoint.sts", cove__aws_endpoint("AWS_ENDPOINT_URL_STS", p->sts_endpoint_url, p));
        show("endpoint.sso", cove__aws_endpoint("AWS_ENDPOINT_URL_SSO", p->sso_endpoint_url, NULL));
        show("endpoint.sso_oidc", cove__aws_endpoint("AWS_ENDPOINT_URL_SSO_OIDC", p->sso_oidc_endpoint_url, NULL));
    }
}

static void show_keys(const struct cove__aws_profile *p)
{
    struct cove__aws_sources s = { .profile = p, .profile_given = true };
    struct cove__aws_credentials c;
    struct cove_error err = COVE_ERROR_INIT;
    int rc = cove__aws_credentials_find(&s, &c, &err);

    if (rc == COVE__AWS_USE_CHAIN) {
        printf("ask\n");
    } else if (rc < 0) {
        printf("refused %s\n", err.message);
    } else {
        printf("keys");
        show_hex(c.key_id);
        show_hex(c.secret);
        show_hex(c.token);
        printf("\n");
        cove__aws_credentials_done(&c);
    }
}

int main(int argc, char **argv)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        struct cove__aws_profile profile;
        struct cove_error err = COVE_ERROR_INIT;
        char path[4096];
        snprintf(path, sizeof path, "%s/config", argv[i]);
        setenv("AWS_CONFIG_FILE", path, 1);
        snprintf(path, sizeof path, "%s/credentials", argv[i]);
        setenv("AWS_SHARED_CREDENTIALS_FILE", path, 1);
        if (cove__aws_profile_load(argv[i + 1], &profile, &err) < 0) {
            printf("error %s\n", err.message);
        } else {
            show_settings(&profile);
            show_keys(&profile);
            cove__aws_profile_done(&profile);
        }
        printf("end\n");
    }
    return 0;
}
