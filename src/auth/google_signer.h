/*
 * The service account that signs URLs of Cloud Storage: with its key, or through IAM if the key is not at hand. A kind
 * of credentials, so that provider.h keeps one for many signatures.
 */
#ifndef COVE_AUTH_GOOGLE_SIGNER_H
#define COVE_AUTH_GOOGLE_SIGNER_H

#include "auth/google_chain.h"
#include "auth/provider.h"

/* Owned; zeroed at first. */
struct cove__google_signer {
    char *email;
    char *private_key;                          /* PEM; NULL: the next are set */
    char *url;                                  /* of IAM's signBlob */
    char *token;                                /* for its requests */
    char *delegates;                            /* JSON strings joined by commas; NULL: none */
    char *origin;                               /* where it was found, for messages */
    int64_t expires_ns;                         /* since 1970 */
    const struct cove__exchange_client *client; /* of the source; BORROWED until its end */
};
extern const struct cove__credentials_type cove__google_signer_type;

/* BORROWED from the credentials, which are of this type. */
const struct cove__google_signer *cove__google_signer_of(const struct cove__credentials *credentials);
/* The source of the signer that the chain's options choose. `ret`: for cove__provider_new, which takes what it holds;
 * its `fetch` returns COVE_EINVAL if the credentials are not those of a service account. */
int cove__google_signer_source(const struct cove__google_chain_options *options, struct cove__credentials_source *ret,
                               struct cove_error *err);
/* The signature of a text, by RSA and SHA-256: its bytes in `ret`. With IAM it blocks, until
 * `deadline_ns` at most (monotonic; 0: no limit); COVE_EAUTH with the status 401: IAM refuses the token. */
int cove__google_signer_sign(const struct cove__google_signer *signer, struct cove__slice text, int64_t deadline_ns,
                             cove_cancel *cancel, struct cove__buf *ret, struct cove_error *err);

/* ---- for the chain: google_signing_account.c ---- */

int cove__google_signer_of_file(const struct cove__google_chain *chain, const struct cove__google_key_file *file,
                                const char *origin, cove_cancel *cancel, struct cove__google_signer *ret,
                                struct cove_error *err);
int cove__google_signer_of_metadata(const struct cove__google_chain *chain, cove_cancel *cancel,
                                    struct cove__google_signer *ret, struct cove_error *err);
int cove__google_signer_none(const char *origin, struct cove_error *err);

#endif
