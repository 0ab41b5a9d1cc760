/*
 * AWS's keys, and the places where they are found without a request: options, environment, shared files. They are one
 * kind of the credentials that a provider (provider.h) keeps.
 */
#ifndef COVE_AUTH_AWS_CREDENTIALS_H
#define COVE_AUTH_AWS_CREDENTIALS_H

#include "auth/aws_config.h"
#include "auth/provider.h"

/* A pair of keys, or anonymous access. Owned strings. */
struct cove__aws_credentials {
    char *key_id, *secret, *token; /* token: NULL where there is none */
    char *origin;                  /* where they were found, for messages: "AWS_ACCESS_KEY_ID"; NULL: unknown */
    int64_t expires_ns;            /* since 1970; INT64_MAX: never */
    bool anonymous;                /* nothing is signed */
    bool of_profile;               /* read from a shared file, which may change */
};
extern const struct cove__credentials_type cove__aws_credentials_type;
/* BORROWED from the credentials, which are of this type. */
const struct cove__aws_credentials *cove__aws_credentials_get(const struct cove__credentials *credentials);

/* What the caller was given. BORROWED. */
struct cove__aws_sources {
    bool anonymous;
    const char *key_id, *secret, *token; /* options */
    bool profile_given;                  /* by option: it precedes the environment */
    const struct cove__aws_profile *profile;
};

/* The first of: anonymous, options, environment (unless a profile was given), the profile's keys. COVE__AWS_USE_CHAIN:
 * the sources of aws_chain.h give them; so also where the profile has keys, but a role, SSO, a web identity or a
 * process takes precedence. COVE_EINVAL: a key id without its secret. */
#define COVE__AWS_USE_CHAIN 1
int cove__aws_credentials_find(const struct cove__aws_sources *sources, struct cove__aws_credentials *ret,
                               struct cove_error *err);
/* The same for the environment's alone, and for a profile's own: 0, COVE_ENOMEM, COVE_EINVAL. */
int cove__aws_credentials_of_environment(struct cove__aws_credentials *ret, struct cove_error *err);
int cove__aws_credentials_of_profile(const struct cove__aws_profile *profile, struct cove__aws_credentials *ret,
                                     struct cove_error *err);
/* Sets their origin. COVE_ENOMEM. */
int cove__aws_credentials_set_origin(struct cove__aws_credentials *credentials, struct cove_error *err,
                                     const char *format, ...) COVE_PRINTF(3, 4);
void cove__aws_credentials_done(struct cove__aws_credentials *credentials); /* wipes the secrets */
/* Masks these secrets in messages until they are wiped. To be called as soon as they are obtained. */
void cove__aws_credentials_hide(const struct cove__aws_credentials *credentials);

#endif
