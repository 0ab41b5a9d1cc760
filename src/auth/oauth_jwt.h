/* JSON Web Tokens, signed by RSA (RFC 7515, RFC 7518): what services accept from the owner of a key. By OpenSSL. */
#ifndef COVE_AUTH_OAUTH_JWT_H
#define COVE_AUTH_OAUTH_JWT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct evp_pkey_st; /* OpenSSL's EVP_PKEY */

#define COVE__RSA_SIGNATURE_MAX ((size_t)2048) /* of a key of 16,384 bits */

/* How a text is signed; all of them with SHA-256. */
enum cove__jwt_algorithm {
    COVE__JWT_RS256, /* PKCS #1 v1.5 */
    COVE__JWT_PS256  /* PSS, its salt as long as the digest */
};

/* Whether it is an RSA key whose signatures are at most COVE__RSA_SIGNATURE_MAX bytes. */
bool cove__rsa_is_usable(const struct evp_pkey_st *key);
/* The signature of a text into `ret`; *size: its room, then its size. False: the key cannot sign. */
bool cove__rsa_sign(struct evp_pkey_st *key, enum cove__jwt_algorithm algorithm, struct cove__slice text, uint8_t *ret,
                    size_t *size);
/* Adds the token of these claims, a JSON object. `members`: what follows the header's "alg" and "typ": ",\"kid\":...",
 * or "". 0; COVE_EAUTH: the key cannot sign; what went wrong with `out`. */
int cove__jwt_sign(struct evp_pkey_st *key, enum cove__jwt_algorithm algorithm, const char *members,
                   struct cove__slice claims, struct cove__buf *out);
/* Adds bytes in base64 for URLs, without padding. */
void cove__jwt_add_base64url(struct cove__buf *out, struct cove__slice data);

#endif
