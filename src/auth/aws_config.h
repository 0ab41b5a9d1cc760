/*
 * AWS's shared files, ~/.aws/config and ~/.aws/credentials, and the credentials that come from options, environment and
 * files. Reading files blocks; nothing here touches the network.
 */
#ifndef COVE_AUTH_AWS_CONFIG_H
#define COVE_AUTH_AWS_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include <cove/error.h>

#include "base/buf.h"
#include "base/slice.h"
#include "wire/ini.h"

#define COVE__AWS_FILE_MAX ((size_t)1 << 20)

/* One profile. Owned strings; NULL: not set. */
struct cove__aws_profile {
    char *name;
    char *access_key_id, *secret_access_key, *session_token; /* all from one file */
    bool keys_of_config; /* that is ~/.aws/config, where credential_process comes before keys */
    char *keys_file;     /* their file, and in it the line of the access key id */
    unsigned keys_line;
    char *region, *endpoint_url, *ca_bundle;
    /* of the services section that the profile names */
    char *s3_endpoint_url, *sts_endpoint_url, *sso_endpoint_url, *sso_oidc_endpoint_url;
    char *s3_addressing_style;
    /* "true" or "false"; the ones of the s3 settings come before the profile's own */
    char *use_dualstack, *use_fips, *s3_use_dualstack, *s3_use_accelerate, *s3_use_arn_region;
    char *s3_disable_express_session_auth; /* likewise */
    char *services;
    bool services_missing; /* the file has no such section, or nothing in it */
    /* ways to credentials: see aws_chain.c */
    char *credential_process;
    char *role_arn, *source_profile, *credential_source, *external_id, *role_session_name, *duration_seconds;
    char *mfa_serial, *web_identity_token_file;
    char *sso_session, *sso_account_id, *sso_role_name;
    char *sso_start_url, *sso_region; /* of the sso-session section that the profile names, or its own */
    const char *sso_problem;          /* why these can't be used; static; NULL: they can */
    bool found;                       /* in either file */
};

/* A shared file and its content; a missing file is empty. */
struct cove__aws_shared {
    char *path;
    struct cove__ini ini;
};
enum { COVE__AWS_CONFIG, COVE__AWS_CREDENTIALS };

/* Reads both files for `name` (NULL: AWS_PROFILE, AWS_DEFAULT_PROFILE, "default"). COVE_EINVAL: a profile that was
 * asked for by name is in neither, or a line is malformed (the message names file and line). A missing file is an
 * empty one. */
int cove__aws_profile_load(const char *name, struct cove__aws_profile *ret, struct cove_error *err);
void cove__aws_profile_done(struct cove__aws_profile *profile);

/* Fills in the profile of the name that it has, from a config and a credentials file. Pure. 0, COVE_ENOMEM or
 * COVE_EINVAL; the caller frees the profile in any case. */
int cove__aws_profile_read(const struct cove__aws_shared files[2], struct cove__aws_profile *profile,
                           struct cove_error *err);

/* The path that the environment has in `variable` (with ~, ~user, $NAME and ${NAME} expanded), or ~/.aws/`name`; owned
 * by the caller. NULL: too long, or no memory. */
char *cove__aws_file(const char *variable, const char *name);
/* The configured endpoint of a service: the environment's `variable`, then `of_services` (of the
 * profile's services section). With `general`, AWS_ENDPOINT_URL and the profile's endpoint_url come behind each.
 * BORROWED; NULL: Amazon's, also where AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is set. */
const char *cove__aws_endpoint(const char *variable, const char *of_services, const struct cove__aws_profile *general);
bool cove__aws_ignores_endpoints(void); /* by AWS_IGNORE_CONFIGURED_ENDPOINT_URLS */
bool cove__aws_given(const char *s);    /* neither NULL nor empty */
/* COVE_EINVAL: a key id without its secret. A secret alone is ignored. */
int cove__aws_profile_check_keys(const struct cove__aws_profile *profile, struct cove_error *err);
const char *cove__aws_env(const char *name); /* NULL where it is not given */

#endif
