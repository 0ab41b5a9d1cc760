/* The ciphers of DIGEST-MD5's privacy (RFC 2831, section 2.4) and of Hadoop's encrypted transfer: bytes in place. */
#ifndef COVE_WIRE_SASL_CIPHER_H
#define COVE_WIRE_SASL_CIPHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum { COVE__SASL_3DES = 1, COVE__SASL_RC4 = 2 };

struct cove__sasl_cipher; /* of one direction of a connection */

/* From a key of 16 bytes. COVE_ENOMEM, COVE_ENOTSUP: OpenSSL refuses. */
int cove__sasl_cipher_new(unsigned cipher, const uint8_t key[16], bool encrypts, struct cove__sasl_cipher **ret);
/* AES/CTR/NoPadding; a key of 16, 24 or 32 bytes and the first counter of 16. COVE_EPROTOCOL: they are of another size.
 */
int cove__sasl_cipher_aes(struct cove__slice key, struct cove__slice iv, struct cove__sasl_cipher **ret);
size_t cove__sasl_cipher_block(const struct cove__sasl_cipher *c); /* 1: of any size */
/* The next `size` bytes, a multiple of the block. COVE_ENOTSUP. */
int cove__sasl_cipher_apply(struct cove__sasl_cipher *c, uint8_t *bytes, size_t size);
void cove__sasl_cipher_free(struct cove__sasl_cipher *c);

#endif
