/*
 * The sources of AWS's credentials that need a request, a program or a chain of profiles: roles, web identity, SSO,
 * processes, containers, instances. For provider.c, which calls them on a separate thread, as they block.
 */
#ifndef COVE_AUTH_AWS_CHAIN_H
#define COVE_AUTH_AWS_CHAIN_H

#include <cove/call.h>

#include "auth/aws_config.h"
#include "auth/aws_credentials.h"
#include "auth/credentials_file.h"
#include "auth/exchange.h"
#include "net/http.h"

#define COVE__AWS_TOKEN_MAX COVE__EXCHANGE_RESPONSE_MAX /* of a token's file, and of what a process prints */

/* What can give keys, in the order in which it is tried. */
enum cove__aws_place {
    COVE__AWS_UNKNOWN,
    COVE__AWS_WEB_IDENTITY, /* of the environment */
    COVE__AWS_PROFILE,
    COVE__AWS_CONTAINER,
    COVE__AWS_INSTANCE
};

/* A store's sources, in their order. Owned strings. */
struct cove__aws_chain {
    /* Where the first keys were found. Later ones are looked for only there, so that a file which is empty for a moment
     * does not change who signs. UNKNOWN: none were found yet. */
    enum cove__aws_place place;
    char *profile; /* of the option, or the one of the first keys; NULL: the environment's */
    char *region;  /* of the store, and of STS where the profile names none */
    struct cove__exchange_client client;
    struct cove__credentials_files *tokens; /* owned: web identities and logins that the last refresh read */
    /* of the present refresh: the profile that it began with, whose endpoints are used for all requests. BORROWED */
    const struct cove__aws_profile *first;
};

/* What a store is opened with. BORROWED. */
struct cove__aws_chain_options {
    const char *profile, *region;
    const char *keys_of; /* the profile whose keys the store has already: later ones are of it; NULL: it has none */
    const struct cove__http_config *http; /* CA, proxy and user agent of it hold for the sources too */
};
/* `ret`: for cove__provider_new, which takes what it holds. */
int cove__aws_chain_new(const struct cove__aws_chain_options *options, struct cove__credentials_source *ret,
                        struct cove_error *err);

/* ---- the sources; each returns 0 and keys, or an error whose message names the source ---- */

/* aws_process.c: runs `command` by the shell and reads what it prints. */
int cove__aws_process(const char *command, cove_cancel *cancel, struct cove__aws_credentials *ret,
                      struct cove_error *err);
/* aws_metadata.c */
bool cove__aws_has_container(void);
int cove__aws_container(const struct cove__aws_chain *chain, cove_cancel *cancel, struct cove__aws_credentials *ret,
                        struct cove_error *err);
bool cove__aws_has_instance(void); /* not switched off */
int cove__aws_instance(const struct cove__aws_chain *chain, cove_cancel *cancel, struct cove__aws_credentials *ret,
                       struct cove_error *err);
/* aws_sts.c: `by` signs. `token_file` instead: web identity. BORROWED strings; NULL: not given. */
struct cove__aws_role {
    const char *arn, *session_name, *external_id, *duration_seconds, *token_file, *region;
    const struct cove__aws_credentials *by;
};
int cove__aws_sts(const struct cove__aws_chain *chain, const struct cove__aws_role *role, cove_cancel *cancel,
                  struct cove__aws_credentials *ret, struct cove_error *err);
/* aws_sso.c */
int cove__aws_sso(const struct cove__aws_chain *chain, const struct cove__aws_profile *profile, cove_cancel *cancel,
                  struct cove__aws_credentials *ret, struct cove_error *err);
void cove__aws_sso_url(struct cove__buf *out, const char *endpoint, const char *service, const char *region);
/* aws_sso_token.c: the token of a login, renewed where it can be; wiped by the caller. */
int cove__aws_sso_token(const struct cove__aws_chain *chain, const struct cove__aws_profile *profile,
                        cove_cancel *cancel, char **ret_token, struct cove_error *err);
/* "why: run aws sso login" */
int cove__aws_log_in(const struct cove__aws_profile *profile, const char *why, struct cove_error *err);

/* ---- keys in responses: aws_keys.c ---- */

/* The keys in a JSON object, as processes, containers, instances and SSO's portal write them. `origin` is for messages,
 * which never show the text itself. `may_last`: keys of this source may have no expiration, and then never expire. */
int cove__aws_keys_from_json(struct cove__slice text, const char *origin, bool may_last,
                             struct cove__aws_credentials *ret, struct cove_error *err);
/* The same of an XML document's <Credentials>, as STS and the sessions of S3's directory buckets write them: with a
 * token and an end. aws_sts.c. */
int cove__aws_keys_from_xml(struct cove__slice text, const char *origin, struct cove__aws_credentials *ret,
                            struct cove_error *err);
/* "2026-11-24T02:00:00Z", in any zone, to nanoseconds; NULL or "": never (INT64_MAX); COVE_EPROTOCOL: neither. */
int cove__aws_expiry(const char *text, const char *origin, int64_t *ret_ns, struct cove_error *err);

#endif
