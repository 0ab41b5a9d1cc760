/* Digests and base64, as headers of HTTP carry them. By OpenSSL. */
#ifndef COVE_WIRE_DIGEST_H
#define COVE_WIRE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

#define COVE__BASE64_SIZE(n) (((n) + 2) / 3 * 4 + 1) /* with the NUL */

void cove__base64(const void *data, size_t size, char *out); /* out: COVE__BASE64_SIZE(size) bytes */
/* The same in the alphabet for URLs, without padding (RFC 4648, section 5). */
void cove__base64url(const void *data, size_t size, char *out);
void cove__base64_be32(uint32_t v, char out[COVE__BASE64_SIZE(4)]); /* most significant byte first */
void cove__base64_le64(uint64_t v, char out[COVE__BASE64_SIZE(8)]); /* least significant byte first */
/* The bytes that a base64 text encodes; false: the text is not the base64 of exactly `size` bytes. */
bool cove__unbase64(const char *text, void *out, size_t size);
/* The same where the size is not known: it is returned; 0: the text is not the base64 of 1 to `max` bytes. */
size_t cove__unbase64_some(const char *text, void *out, size_t max);
/* The number that a base64 text encodes; false: the text is not exactly 4 bytes in base64. */
bool cove__base64_to_be32(const char *text, uint32_t *ret);

const struct evp_md_st *cove__sha256_md(void);              /* OpenSSL's EVP_MD, for an HMAC; NULL: it refuses */
const struct evp_md_st *cove__md5_md(void);                 /* likewise, as in FIPS mode */
int cove__sha256(struct cove__slice data, uint8_t out[32]); /* 0, COVE_ENOTSUP */
/* SHA-256 as 64 hex digits and a NUL; MD5 in base64. 0, or COVE_ENOTSUP where OpenSSL refuses (MD5 in FIPS mode). */
int cove__sha256_hex(struct cove__slice data, char out[65]);
int cove__md5_base64(struct cove__slice data, char out[COVE__BASE64_SIZE(16)]);
void cove__hex(const void *data, size_t size, char *out); /* out: 2 * size + 1 bytes */
/* The first 2 * size characters of `text` as bytes, digits of either case; false: they are not all hex digits. */
bool cove__unhex(const char *text, void *out, size_t size);

#endif
