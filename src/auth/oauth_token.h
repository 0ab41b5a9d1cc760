/* OAuth 2.0 access tokens (RFC 6750): the second kind of credentials that a provider can keep. */
#ifndef COVE_AUTH_OAUTH_TOKEN_H
#define COVE_AUTH_OAUTH_TOKEN_H

#include "auth/provider.h"

/* Owned strings. */
struct cove__oauth_token {
    char *token;         /* what follows "Bearer "; NULL: anonymous access, which sends none */
    char *origin;        /* where it was found, for messages; NULL: unknown */
    char *quota_project; /* the project that Google bills for the requests; NULL: the token's */
    char *project;       /* that the credentials are of; NULL: unknown */
    int64_t expires_ns;  /* since 1970; INT64_MAX: never */
};
extern const struct cove__credentials_type cove__oauth_token_type;

void cove__oauth_token_done(struct cove__oauth_token *token); /* wipes */
/* BORROWED from the credentials, which are of this type. */
const struct cove__oauth_token *cove__oauth_token_of(const struct cove__credentials *credentials);

#endif
