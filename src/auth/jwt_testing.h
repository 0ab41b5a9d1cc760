/* An RSA key for tests, and JSON Web Tokens that are signed by it. For *_test.c only. */
#ifndef COVE_AUTH_JWT_TESTING_H
#define COVE_AUTH_JWT_TESTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

extern EVP_PKEY *key;
extern char *pem; /* of the key */

void make_key(void);
void free_key(void);

size_t unbase64(const char *text, size_t size, uint8_t *out);
/* Checks the signature of a text. */
bool is_signature(const void *text, size_t size, const uint8_t *signature, size_t signature_size);
/* Checks the signature, by the header's "alg"; the header and the claims as text, until the next call. */
void read_jwt(const char *jwt, const char **ret_header, const char **ret_claims);

#endif
