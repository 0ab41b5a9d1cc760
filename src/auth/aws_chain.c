/* The order of the sources, and how one leads to the next: see aws_chain.h. Files and environment are read at each
 * refresh, so a change in them takes effect, but for which source it is. */
#include "auth/aws_chain.h"

#include <stdlib.h>
#include <string.h>

#include "auth/credentials_file.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/mem.h"

#define DEPTH_MAX 8 /* of a chain of roles */

static void chain_free(void *self)
{
    struct cove__aws_chain *chain = self;
    if (!chain)
        return;
    cove__free(chain->profile);
    cove__free(chain->region);
    cove__exchange_client_done(&chain->client);
    if (chain->tokens)
        cove__credentials_files_done(chain->tokens);
    cove__free(chain->tokens);
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
               profile->name, credentials ? credentials : "~/.aws/credentials", config ? config : "~/.aws/config",
               last ? " (" : "", last ? last : "", last ? ")" : "");
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

    if (strcmp(source, "Environment") == 0 && cove__aws_env("AWS_ACCESS_KEY_ID") &&
        cove__aws_env("AWS_SECRET_ACCESS_KEY"))
        return cove__aws_credentials_of_environment(ret, err);
    if (strcmp(source, "EcsContainer") == 0 && cove__aws_has_container())
        return cove__aws_container(chain, cancel, ret, err);
    if (strcmp(source, "Ec2InstanceMetadata") == 0 && cove__aws_has_instance())
        return cove__aws_instance(chain, cancel, ret, err);
    return cove__fail(err, COVE_EAUTH,
                      "the AWS profile '%s': credential_source = %s has no credentials on this machine", profile->name,
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
    if (!role.arn)
        return cove__fail(err, COVE_EINVAL, "the environment has AWS_WEB_IDENTITY_TOKEN_FILE but not AWS_ROLE_ARN");
    return cove__aws_sts(chain, &role, cancel, ret, err);
}

/* COVE__AWS_USE_CHAIN: the place has no keys. */
static int of_place(const struct cove__aws_chain *chain, enum cove__aws_place place,
                    const struct cove__aws_profile *profile, cove_cancel *cancel, struct cove__aws_credentials *ret,
                    struct cove_error *err)
{
    switch (place) {
    case COVE__AWS_WEB_IDENTITY:
        return cove__aws_env("AWS_WEB_IDENTITY_TOKEN_FILE") ? of_environment_token(chain, profile, cancel, ret, err)
                                                            : COVE__AWS_USE_CHAIN;
    case COVE__AWS_PROFILE:
        return of_loaded(chain, profile, 0, cancel, ret, err);
    case COVE__AWS_CONTAINER:
        return cove__aws_has_container() ? cove__aws_container(chain, cancel, ret, err) : COVE__AWS_USE_CHAIN;
    default:
        return cove__aws_has_instance() ? cove__aws_instance(chain, cancel, ret, err) : COVE__AWS_USE_CHAIN;
    }
}

/* *ret_place: where they were found. */
static int find_first(const struct cove__aws_chain *chain, const struct cove__aws_profile *profile, cove_cancel *cancel,
                      struct cove__aws_credentials *ret, enum cove__aws_place *ret_place, struct cove_error *err)
{
    bool by_role = cove__aws_given(profile->role_arn) && !cove__aws_given(profile->web_identity_token_file);
    unsigned place = chain->profile || by_role ? COVE__AWS_PROFILE : COVE__AWS_WEB_IDENTITY;
    int rc = of_place(chain, place, profile, cancel, ret, err);

    while (rc == COVE__AWS_USE_CHAIN && place < COVE__AWS_INSTANCE)
        rc = of_place(chain, ++place, profile, cancel, ret, err);
    *ret_place = place;
    if (rc == COVE__AWS_USE_CHAIN)
        return none_found(profile, NULL, err);
    if (place == COVE__AWS_INSTANCE && rc < 0 && rc != COVE_ENOMEM && rc != COVE_ECANCELED) {
        struct cove_error why = *err;
        return none_found(profile, why.message, err);
    }
    return rc;
}

static int not_there(enum cove__aws_place place, const struct cove__aws_profile *profile, struct cove_error *err)
{
    switch (place) {
    case COVE__AWS_WEB_IDENTITY:
        return cove__fail(err, COVE_EAUTH, "AWS_WEB_IDENTITY_TOKEN_FILE, the source of the first keys, is not set now");
    case COVE__AWS_PROFILE:
        return cove__fail(err, COVE_EAUTH, "the AWS profile '%s', the source of the first keys, has no credentials now",
                          profile->name);
    case COVE__AWS_CONTAINER:
        return cove__fail(err, COVE_EAUTH,
                          "the container's credentials, the source of the first keys, are not configured now");
    default:
        return cove__fail(err, COVE_EAUTH,
                          "the instance's credentials, the source of the first keys, are switched off now by "
                          "AWS_EC2_METADATA_DISABLED");
    }
}

/* A child of fork finds either the old name or the new one. */
static int stay_with(struct cove__aws_chain *chain, enum cove__aws_place place, const struct cove__aws_profile *profile,
                     struct cove_error *err)
{
    char *name = place == COVE__AWS_PROFILE ? cove__strdup(profile->name) : NULL, *old = NULL;

    if (place == COVE__AWS_PROFILE && !name)
        return cove__fail_nomem(err, "the credentials");
    cove__lock();
    chain->place = place;
    if (name) {
        old = chain->profile;
        chain->profile = name;
    }
    cove__unlock();
    cove__free(old);
    return 0;
}

static int fetch(void *self, cove_cancel *cancel, void *ret_payload, struct cove_error *err)
{
    struct cove__aws_credentials *ret = ret_payload;
    struct cove__aws_profile profile = { 0 };
    struct cove__aws_chain now = *(const struct cove__aws_chain *)self;
    enum cove__aws_place place = now.place;

    int rc = cove__aws_profile_load(now.profile, &profile, err);
    if (rc < 0)
        return rc;
    now.first = &profile;
    cove__credentials_files_done(now.tokens);
    if (place == COVE__AWS_UNKNOWN) {
        rc = find_first(&now, &profile, cancel, ret, &place, err);
        if (rc == 0)
            rc = stay_with(self, place, &profile, err);
    } else {
        rc = of_place(&now, place, &profile, cancel, ret, err);
        if (rc == COVE__AWS_USE_CHAIN)
            rc = not_there(place, &profile, err);
    }
    cove__aws_profile_done(&profile);
    return rc;
}

/* Of the shared files, and of the tokens that the environment and the profiles name. */
static uint64_t stamp(void *self)
{
    static const struct {
        const char *variable, *name; /* NULL: no file where it is not set */
    } rows[] = { { "AWS_CONFIG_FILE", "config" },
                 { "AWS_SHARED_CREDENTIALS_FILE", "credentials" },
                 { "AWS_WEB_IDENTITY_TOKEN_FILE", NULL },
                 { "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", NULL } };
    uint64_t ret = cove__credentials_files_stamp(((const struct cove__aws_chain *)self)->tokens, 0);

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *path = rows[i].name ? cove__aws_file(rows[i].variable, rows[i].name) : NULL;
        ret = cove__credentials_file_stamp(ret, path ? path : cove__aws_env(rows[i].variable));
        cove__free(path);
    }
    return ret;
}

int cove__aws_chain_new(const struct cove__aws_chain_options *o, struct cove__credentials_source *ret,
                        struct cove_error *err)
{
    struct cove__aws_chain *chain = cove__calloc(1, sizeof *chain);

    if (!chain || !(chain->tokens = cove__calloc(1, sizeof *chain->tokens)) ||
        cove__set_string(&chain->profile, o->keys_of ? o->keys_of : o->profile) < 0 ||
        cove__set_string(&chain->region, o->region) < 0) {
        chain_free(chain);
        return cove__fail_nomem(err, "the credentials");
    }
    chain->place = o->keys_of ? COVE__AWS_PROFILE : COVE__AWS_UNKNOWN;
    int rc = cove__exchange_client_copy(o->http, &chain->client, err);
    if (rc < 0) {
        chain_free(chain);
        return rc;
    }
    *ret = (struct cove__credentials_source){
        .type = &cove__aws_credentials_type, .fetch = fetch, .free = chain_free, .self = chain, .stamp = stamp
    };
    return 0;
}
