/* The order of the sources, and how one leads to the next: see aws_chain.h. Files and environment are read at each
 * refresh, so a change in them takes effect. */
#include "auth/aws_chain.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

#define DEPTH_MAX 8 /* of a chain of roles */

static void chain_free(void *self)
{
    struct cove__aws_chain *chain = self;
    if (chain == NULL)
        return;
    cove__free(chain->profile);
    cove__free(chain->region);
    cove__exchange_client_done(&chain->client);
    cove__free(chain);
}

static int none_found(const struct cove__aws_profile *profile, const char *last, struct cove_error *err)
{
    char *config = cove__aws_file("AWS_CONFIG_FILE", "config");
    char *credentials = cove__aws_file("AWS_SHARED_CREDENTIALS_FILE", "credentials");

    cove__fail(err, COVE_EAUTH,
               "no credentials found in the options key and secret, in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
               "in the profile '%s' of %s and %s, nor of a container or an instance%s%s%s; for a public bucket set "
               "anon=true",
               profile->name, credentials != NULL ? credentials : "~/.aws/credentials",
               config != NULL ? config : "~/.aws/config", last != NULL ? " (" : "", last != NULL ? last : "",
               last != NULL ? ")" : "");
    cove__free(config);
    cove__free(credentials);
    return COVE_EAUTH;
}

static int of_source_profile(const struct cove__aws_chain *chain, const struct cove__aws_profile *of, unsigned depth,
                             cove_cancel *cancel, struct cove__aws_credentials *ret, struct cove_error *err);

/* The keys that credential_source names. */
static int of_source(const struct cove__aws_chain *chain, const struct cove__aws_profile *profile, cove_cancel *cancel,
                     struct cove__aws_credentials *ret, struct cove_error *err)
{
    const char *source = profile->credential_source;

    if (strcmp(source, "Environment") == 0 && cove__aws_env("AWS_ACCESS_KEY_ID") != NULL &&
        cove__aws_env("AWS_SECRET_ACCESS_KEY") != NULL)
        return cove__aws_credentials_of_environment(ret, err);
    if (strcmp(source, "EcsContainer") == 0 && cove__aws_has_container())
        return cove__aws_container(chain, cancel, ret, err);
    if (strcmp(source, "Ec2InstanceMetadata") == 0 && cove__aws_has_instance())
        return cove__aws_instance(chain, cancel, ret, err);
    return cove__fail(err, COVE_EAUTH, "the AWS profile '%s': credential_source = %s gives nothing here", profile->name,
                      source);
}

static int of_role(const struct cove__aws_chain *chain, const struct cove__aws_profile *profile, unsigned depth,
                   cove_cancel *cancel, struct cove__aws_credentials *ret, struct cove_error *err)
{
    struct cove__aws_credentials by = { 0 };
    struct cove__aws_role role = { .arn = profile->role_arn,
                                   .session_name = profile->role_session_name,
                                   .external_id = profile->external_id,
                                   .duration_seconds = profile->duration_seconds,
                                   .region = profile->region,
                                   .by = &by };
    const char *source = profile->source_profile;
    int rc;

    if (cove__aws_given(profile->mfa_serial))
        return cove__fail(err, COVE_EAUTH,
                          "the AWS profile '%s': its role needs a code of the MFA device %s, which cove cannot ask for",
                          profile->name, profile->mfa_serial);
    if (cove__aws_given(source) && cove__aws_given(profile->credential_source))
        return cove__fail(err, COVE_EINVAL, "the AWS profile '%s' has both source_profile and credential_source",
                          profile->name);
    if (depth >= DEPTH_MAX)
        return cove__fail(err, COVE_EINVAL, "the AWS profile '%s': the chain of source_profile has more than %u links",
                          profile->name, DEPTH_MAX);
    if (cove__aws_given(source) && strcmp(source, profile->name) == 0 && cove__aws_given(profile->access_key_id) &&
        cove__aws_given(profile->secret_access_key))
        rc = cove__aws_credentials_of_profile(profile, &by, err);
    else if (cove__aws_given(source))
        rc = of_source_profile(chain, profile, depth + 1, cancel, &by, err);
    else if (cove__aws_given(profile->credential_source))
        rc = of_source(chain, profile, cancel, &by, err);
    else
        rc = cove__fail(err, COVE_EINVAL,
                        "the AWS profile '%s' has role_arn, but none of source_profile, credential_source and "
                        "web_identity_token_file",
                        profile->name);
    if (rc == 0)
        rc = cove__aws_sts(chain, &role, cancel, ret, err);
    cove__aws_credentials_done(&by);
    return rc;
}

/* The keys that a loaded profile leads to. COVE__AWS_USE_CHAIN: it names none. */
static int of_loaded(const struct cove__aws_chain *chain, const struct cove__aws_profile *profile, unsigned depth,
                     cove_cancel *cancel, struct cove__aws_credentials *ret, struct cove_error *err)
{
    bool has_keys = cove__aws_given(profile->access_key_id);

    if (cove__aws_given(profile->web_identity_token_file) && cove__aws_given(profile->role_arn)) {
        struct cove__aws_role role = { .arn = profile->role_arn,
                                       .session_name = profile->role_session_name,
                                       .duration_seconds = profile->duration_seconds,
                                       .token_file = profile->web_identity_token_file,
                                       .region = profile->region };
        return cove__aws_sts(chain, &role, cancel, ret, err);
    }
    if (cove__aws_given(profile->web_identity_token_file))
        return cove__fail(err, COVE_EINVAL, "the AWS profile '%s' has web_identity_token_file, but no role_arn",
                          profile->name);
    /* A source_profile that has keys gives these, even if it also has a role. */
    if (cove__aws_given(profile->role_arn) && (depth == 0 || !has_keys))
        return of_role(chain, profile, depth, cancel, ret, err);
    if (cove__aws_given(profile->sso_account_id) || cove__aws_given(profile->sso_role_name))
        return cove__aws_sso(chain, profile, cancel, ret, err);
    if (cove__aws_given(profile->credential_process) && (profile->keys_of_config || !has_keys))
        return cove__aws_process(profile->credential_process, cancel, ret, err);
    int rc = cove__aws_profile_check_keys(profile, err);
    if (rc < 0)
        return rc;
    if (has_keys)
        return cove__aws_credentials_of_profile(profile, ret, err);
    return COVE__AWS_USE_CHAIN;
}

/* The keys of the source_profile `of` a profile. */
static int of_source_profile(const struct cove__aws_chain *chain, const struct cove__aws_profile *of, unsigned depth,
                             cove_cancel *cancel, struct cove__aws_credentials *ret, struct cove_error *err)
{
    struct cove__aws_profile profile = { 0 };
    struct cove_error why = COVE_ERROR_INIT;

    int rc = cove__aws_profile_load(of->source_profile, &profile, &why);
    if (rc < 0)
        return cove__fail(err, rc, "source_profile of the AWS profile '%s': %s", of->name, why.message);
    rc = of_loaded(chain, &profile, depth, cancel, ret, err);
    if (rc == COVE__AWS_USE_CHAIN)
        rc = cove__fail(err, COVE_EAUTH,
                        "source_profile of the AWS profile '%s': the AWS profile '%s' has no credentials", of->name,
                        profile.name);
    cove__aws_profile_done(&profile);
    return rc;
}

static int of_environment_token(const struct cove__aws_chain *chain, const struct cove__aws_profile *profile,
                                cove_cancel *cancel, struct cove__aws_credentials *ret, struct cove_error *err)
{
    struct cove__aws_role role = { .arn = cove__aws_env("AWS_ROLE_ARN"),
                                   .session_name = cove__aws_env("AWS_ROLE_SESSION_NAME"),
                                   .token_file = cove__aws_env("AWS_WEB_IDENTITY_TOKEN_FILE"),
                                   .region = profile->region };
    if (role.arn == NULL)
        return cove__fail(err, COVE_EINVAL, "the environment has AWS_WEB_IDENTITY_TOKEN_FILE but not AWS_ROLE_ARN");
    return cove__aws_sts(chain, &role, cancel, ret, err);
}

static int of_place(const struct cove__aws_chain *chain, const struct cove__aws_profile *profile, cove_cancel *cancel,
                    struct cove__aws_credentials *ret, struct cove_error *err)
{
    if (cove__aws_has_container())
        return cove__aws_container(chain, cancel, ret, err);
    if (!cove__aws_has_instance())
        return none_found(profile, NULL, err);
    int rc = cove__aws_instance(chain, cancel, ret, err);
    if (rc < 0 && rc != COVE_ENOMEM && rc != COVE_ECANCELED) {
        struct cove_error why = *err;
        rc = none_found(profile, why.message, err);
    }
    return rc;
}

static int fetch(void *self, cove_cancel *cancel, void *ret_payload, struct cove_error *err)
{
    struct cove__aws_credentials *ret = ret_payload;
    struct cove__aws_profile profile = { 0 };
    struct cove__aws_chain now = *(const struct cove__aws_chain *)self, *chain = &now;

    int rc = cove__aws_profile_load(chain->profile, &profile, err);
    if (rc < 0)
        return rc;
    now.first = &profile;
    bool by_role = cove__aws_given(profile.role_arn) && !cove__aws_given(profile.web_identity_token_file);
    if (chain->profile == NULL && !by_role && cove__aws_env("AWS_WEB_IDENTITY_TOKEN_FILE") != NULL)
        rc = of_environment_token(chain, &profile, cancel, ret, err);
    else
        rc = of_loaded(chain, &profile, 0, cancel, ret, err);
    if (rc == COVE__AWS_USE_CHAIN)
        rc = of_place(chain, &profile, cancel, ret, err);
    cove__aws_profile_done(&profile);
    return rc;
}

int cove__aws_chain_new(const struct cove__aws_chain_options *o, struct cove__credentials_source *ret,
                        struct cove_error *err)
{
    struct cove__aws_chain *chain = cove__calloc(1, sizeof *chain);

    if (chain == NULL || cove__set_string(&chain->profile, o->profile) < 0 ||
        cove__set_string(&chain->region, o->region) < 0) {
        chain_free(chain);
        return cove__fail_nomem(err, "the credentials");
    }
    int rc = cove__exchange_client_copy(o->http, &chain->client, err);
    if (rc < 0) {
        chain_free(chain);
        return rc;
    }
    *ret = (struct cove__credentials_source){
        .type = &cove__aws_credentials_type, .fetch = fetch, .free = chain_free, .self = chain
    };
    return 0;
}
