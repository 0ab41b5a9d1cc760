/*
 * Google's credentials: OAuth tokens from key files, a login of gcloud, or the metadata server of a machine. For
 * provider.c, which calls them on a separate thread, as they block. Each source has a file; google_chain.c has their
 * order.
 */
#ifndef COVE_AUTH_GOOGLE_CHAIN_H
#define COVE_AUTH_GOOGLE_CHAIN_H

#include <cove/call.h>

#include "auth/credentials_file.h"
#include "auth/exchange.h"
#include "auth/google_external.h"
#include "auth/oauth_jwt.h"
#include "auth/oauth_token.h"
#include "auth/provider.h"

#define COVE__GOOGLE_KEY_FILE_MAX ((size_t)64 << 10)
#define COVE__GOOGLE_EMAIL_MAX    320
#define COVE__GOOGLE_UNIVERSE     "googleapis.com"
#define COVE__GOOGLE_CLOUD_SCOPE  "https://www.googleapis.com/auth/cloud-platform"

/* Origins of tokens, which decide what brings others. */
#define COVE__GOOGLE_NONE_FOUND  "anonymous access: no credentials were found"
#define COVE__GOOGLE_OF_OPTION   "the option token"
#define COVE__GOOGLE_OF_METADATA "the metadata server"
#define COVE__GOOGLE_OF_GCLOUD   " (gcloud)" /* at the end */

/* What a store is opened with. BORROWED. */
struct cove__google_chain_options {
    /*
     * gcsfs's `token`. NULL: the default order, and anonymous access where nothing is found; "google_default": the
     * default order; "cloud": the metadata server; "anon"; a key file's path, or its content (JSON); else an access
     * token.
     */
    const char *token;
    const char *scope;                    /* what tokens are asked for, scopes separated by spaces */
    const char *universe;                 /* the domain of Google's services; NULL: googleapis.com */
    const char *iam_url;                  /* where IAM's service is asked to sign; NULL: in the universe */
    bool wants_project;                   /* tokens come with a project, where one is configured */
    bool grant;                           /* service accounts exchange their JWT for a token of the token endpoint */
    int64_t metadata_wait_ms;             /* before the metadata server is asked again, then doubled; 0: a second */
    const struct cove__http_config *http; /* CA, proxy and user agent of it hold for the sources too */
};
/* `ret`: for cove__provider_new, which takes what it holds; its type is cove__oauth_token_type. */
int cove__google_chain_new(const struct cove__google_chain_options *options, struct cove__credentials_source *ret,
                           struct cove_error *err);

/* The places of the default order. */
enum cove__google_place { COVE__GOOGLE_VARIABLE, COVE__GOOGLE_GCLOUD, COVE__GOOGLE_METADATA, COVE__GOOGLE_NOWHERE };

/* What one fetch leaves to the next. Owned strings. */
struct cove__google_kept {
    char *replaced, *refresh_token;        /* one that took the place of another, which a file still has */
    struct cove__credentials_files tokens; /* subject tokens that were read */
};

struct cove__google_signer;

/* Owned strings. */
struct cove__google_chain {
    char *token, *scope, *universe, *iam_url;
    bool token_is_path; /* decided once: a file that is missing for a moment does not turn its name into a token */
    bool grant, wants_project;
    int64_t metadata_wait_ms;
    /* Where the first token was found. Later ones are looked for only there, so that a file which is missing for a
     * moment does not change who is meant. NOWHERE: none was found yet; anonymous access is none. */
    enum cove__google_place place;
    struct cove__exchange_client client;
    struct cove__google_kept *kept; /* owned */
    /* of a view of the chain: who signs is looked for, not a token. NULL: a token. BORROWED */
    struct cove__google_signer *signer;
};
int cove__google_chain_make(const struct cove__google_chain_options *options, struct cove__google_chain **ret,
                            struct cove_error *err);
void cove__google_chain_free(void *chain); /* NULL accepted */
/* Whether the option token is the name of a file, so that it is no secret. */
bool cove__google_token_is_path(const char *token);
/* Follows the order; fills in `ret`, or `chain->signer` instead. */
int cove__google_chain_find(struct cove__google_chain *chain, cove_cancel *cancel, struct cove__oauth_token *ret,
                            struct cove_error *err);

/* ---- google_key_file.c ---- */

/* The types that cove reads; the others are refused by name. */
enum cove__google_key_type {
    COVE__GOOGLE_SERVICE_ACCOUNT,
    COVE__GOOGLE_AUTHORIZED_USER,
    COVE__GOOGLE_EXTERNAL_ACCOUNT,
    COVE__GOOGLE_EXTERNAL_USER /* external_account_authorized_user */
};

/* Owned strings; NULL: not in the file. What its type needs is there. */
struct cove__google_key_file {
    enum cove__google_key_type type;
    char *client_email, *private_key, *private_key_id; /* service_account; the key: PEM, PKCS #8 */
    char *client_id, *client_secret, *refresh_token;   /* authorized_user; of external ones the first two may be NULL */
    char *token_uri;                                   /* Google's where the file has none */
    char *quota_project, *project;
    struct cove__google_external external; /* external_account */
    /* impersonated_service_account: the members above are those of source_credentials, whose token asks this URL for
     * one of the account; through these delegates, JSON strings joined by commas (NULL: none). An external account has
     * the URL beside its own members. */
    char *impersonation_url, *delegates;
    const char *origin; /* of the file, for messages; BORROWED from who reads it */
};
/* Reads the content of a file of credentials. `origin` names it in messages, which never show what stands in it.
 * `universe`: the domain that it has to be of. COVE_EAUTH: it is none, lacks something, or is of another universe;
 * COVE_ENOTSUP: of a type that cove does not read. */
int cove__google_key_file_read(struct cove__slice text, const char *origin, const char *universe,
                               struct cove__google_key_file *ret, struct cove_error *err);
void cove__google_key_file_done(struct cove__google_key_file *file); /* wipes */

/* ---- google_jwt.c ---- */

/* Signs a text by RSA and SHA-256 (PKCS #1 v1.5) into `ret`; *size: its room, then the signature's. `private_key`: an
 * RSA key in PEM. COVE_EAUTH: the key cannot be used. */
int cove__google_rs256(const char *private_key, struct cove__slice text, uint8_t *ret, size_t *size,
                       struct cove_error *err);
/* Adds a JSON Web Token of these claims (a JSON object), signed by RS256 (RFC 7515, RFC 7518). `private_key`: an RSA
 * key in PEM; `key_id`: NULL: none. COVE_EAUTH: the key cannot be used. */
int cove__google_jwt(const char *private_key, const char *key_id, struct cove__slice claims, struct cove__buf *out,
                     struct cove_error *err);

/* Of a login that is not valid any more: the command that renews it, which writes gcloud's own file. `ret`: its text.
 */
const char *cove__google_login_advice(const struct cove__google_key_file *file, char *ret, size_t size);

/* ---- the sources; each returns 0 and a token, or an error whose message names the source ---- */

/* google_file_token.c: by the type of the file. */
int cove__google_file_token(const struct cove__google_chain *chain, const struct cove__google_key_file *file,
                            cove_cancel *cancel, struct cove__oauth_token *ret, struct cove_error *err);
/* The token of the file's own account, of the scope of Google's services and not of the store. */
int cove__google_cloud_token(const struct cove__google_chain *chain, const struct cove__google_key_file *file,
                             cove_cancel *cancel, struct cove__oauth_token *ret, struct cove_error *err);
/* google_service_account.c: signs a JWT, which is a token, or exchanges it for one (`grant`). */
int cove__google_service_account(const struct cove__google_chain *chain, const struct cove__google_key_file *file,
                                 cove_cancel *cancel, struct cove__oauth_token *ret, struct cove_error *err);
/* google_authorized_user.c: the refresh token of a login. */
int cove__google_authorized_user(const struct cove__google_chain *chain, const struct cove__google_key_file *file,
                                 cove_cancel *cancel, struct cove__oauth_token *ret, struct cove_error *err);
/* google_external_account.c: another provider's token, exchanged; and the refresh token of a login by one. */
int cove__google_external_account(const struct cove__google_chain *chain, const struct cove__google_key_file *file,
                                  cove_cancel *cancel, struct cove__oauth_token *ret, struct cove_error *err);
int cove__google_external_user(const struct cove__google_chain *chain, const struct cove__google_key_file *file,
                               cove_cancel *cancel, struct cove__oauth_token *ret, struct cove_error *err);
/* google_impersonation.c: with the token `by` of the file's source, a token of the account that it impersonates. */
int cove__google_impersonate(const struct cove__google_chain *chain, const struct cove__google_key_file *file,
                             const char *by, cove_cancel *cancel, struct cove__oauth_token *ret,
                             struct cove_error *err);
/* Runs a request to IAM's service. *ret_value: the member `name` of the response, owned, secret until cove__wipe;
 * *ret_ends_ns: its expireTime; -1: it has none. */
int cove__google_iam_run(struct cove__exchange *x, const char *name, cove_cancel *cancel, char **ret_value,
                         int64_t *ret_ends_ns, struct cove_error *err);
/* Whom the file impersonates; false: no account, or its URL does not say. */
bool cove__google_impersonated_email(const struct cove__google_key_file *file, char ret[COVE__GOOGLE_EMAIL_MAX]);
/* google_metadata.c: the service account of this machine, by its metadata server. COVE_ENOTFOUND: there is none, also
 * where it is switched off. */
int cove__google_metadata(const struct cove__google_chain *chain, cove_cancel *cancel, struct cove__oauth_token *ret,
                          struct cove_error *err);
/* One plain line of its data: "project/project-id". */
int cove__google_metadata_text(const struct cove__google_chain *chain, const char *path, cove_cancel *cancel,
                               struct cove__buf *out, struct cove_error *err);

/* ---- google_project.c ---- */

/* The project of gcloud's active configuration; owned; NULL: none. */
char *cove__google_gcloud_project(void);
/* Where gcloud keeps its files. False: there is no home directory. */
bool cove__google_gcloud_folder(struct cove__buf *out);

#endif
