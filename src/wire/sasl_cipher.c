/* Ciphers by OpenSSL, and RC4, which OpenSSL keeps in a separate provider: see sasl_cipher.h. */
#include "wire/sasl_cipher.h"

#include <pthread.h>
#include <string.h>

#include <cove/error.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/mem.h"

#define AT_ONCE ((size_t)1 << 20)

struct cove__sasl_cipher {
    EVP_CIPHER_CTX *evp; /* NULL: RC4 */
    size_t block;
    uint8_t state[256], i, j; /* of RC4 */
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const EVP_CIPHER *des3, *aes[3]; /* NULL: OpenSSL refuses */

static void look_up(void)
{
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
    des3 = EVP_CIPHER_fetch(NULL, "DES-EDE-CBC", NULL);
    aes[0] = EVP_CIPHER_fetch(NULL, "AES-128-CTR", NULL);
    aes[1] = EVP_CIPHER_fetch(NULL, "AES-192-CTR", NULL);
    aes[2] = EVP_CIPHER_fetch(NULL, "AES-256-CTR", NULL);
#else
    des3 = EVP_des_ede_cbc();
    aes[0] = EVP_aes_128_ctr();
    aes[1] = EVP_aes_192_ctr();
    aes[2] = EVP_aes_256_ctr();
#endif
}

static void rc4_key(struct cove__sasl_cipher *c, const uint8_t key[16])
{
    uint8_t j = 0;

    for (unsigned i = 0; i < 256; i++)
        c->state[i] = (uint8_t)i;
    for (unsigned i = 0; i < 256; i++) {
        uint8_t byte = c->state[i];

        j = (uint8_t)(j + byte + key[i % 16]);
        c->state[i] = c->state[j];
        c->state[j] = byte;
    }
}

static void rc4(struct cove__sasl_cipher *c, uint8_t *bytes, size_t size)
{
    uint8_t i = c->i, j = c->j, *s = c->state;

    for (size_t at = 0; at < size; at++) {
        uint8_t byte = s[++i];

        j = (uint8_t)(j + byte);
        s[i] = s[j];
        s[j] = byte;
        bytes[at] ^= s[(uint8_t)(s[i] + byte)];
    }
    c->i = i;
    c->j = j;
}

/* Seven bytes as the eight of a DES key, whose lowest bits are for parity. */
static void des_key(const uint8_t in[7], uint8_t out[8])
{
    uint64_t bits = 0;

    for (int i = 0; i < 7; i++)
        bits = bits << 8 | in[i];
    for (int i = 7; i >= 0; i--, bits >>= 7)
        out[i] = (uint8_t)((bits & 0x7F) << 1);
}

static int use(struct cove__sasl_cipher *c, const EVP_CIPHER *cipher, const uint8_t *key, const uint8_t *iv,
               bool encrypts)
{
    c->evp = cipher ? EVP_CIPHER_CTX_new() : NULL;
    if (!c->evp || EVP_CipherInit_ex(c->evp, cipher, NULL, key, iv, encrypts) != 1)
        return COVE_ENOTSUP;
    EVP_CIPHER_CTX_set_padding(c->evp, 0);
    return 0;
}

int cove__sasl_cipher_new(unsigned cipher, const uint8_t key[16], bool encrypts, struct cove__sasl_cipher **ret)
{
    struct cove__sasl_cipher *c = cove__calloc(1, sizeof *c);
    uint8_t keys[16];
    int rc = 0;

    if (!c)
        return COVE_ENOMEM;
    pthread_once(&once, look_up);
    c->block = cipher == COVE__SASL_3DES ? 8 : 1;
    if (cipher == COVE__SASL_3DES) {
        des_key(key, keys);
        des_key(key + 7, keys + 8);
        rc = use(c, des3, keys, key + 8, encrypts);
        OPENSSL_cleanse(keys, sizeof keys);
    } else
        rc4_key(c, key);
    if (rc == 0)
        *ret = c;
    else
        cove__sasl_cipher_free(c);
    return rc;
}

int cove__sasl_cipher_aes(struct cove__slice key, struct cove__slice iv, struct cove__sasl_cipher **ret)
{
    struct cove__sasl_cipher *c;
    int rc;

    if ((key.size != 16 && key.size != 24 && key.size != 32) || iv.size != 16)
        return COVE_EPROTOCOL;
    c = cove__calloc(1, sizeof *c);
    if (!c)
        return COVE_ENOMEM;
    pthread_once(&once, look_up);
    c->block = 1;
    rc = use(c, aes[key.size / 8 - 2], key.data, iv.data, true); /* the same for both directions */
    if (rc == 0)
        *ret = c;
    else
        cove__sasl_cipher_free(c);
    return rc;
}

size_t cove__sasl_cipher_block(const struct cove__sasl_cipher *c)
{
    return c->block;
}

int cove__sasl_cipher_apply(struct cove__sasl_cipher *c, uint8_t *bytes, size_t size)
{
    if (!c->evp)
        rc4(c, bytes, size);
    while (c->evp && size > 0) {
        int n = (int)(size < AT_ONCE ? size : AT_ONCE), done = 0;

        if (EVP_CipherUpdate(c->evp, bytes, &done, bytes, n) != 1 || done != n)
            return COVE_ENOTSUP;
        bytes += n;
        size -= (size_t)n;
    }
    return 0;
}

void cove__sasl_cipher_free(struct cove__sasl_cipher *c)
{
    if (!c)
        return;
    EVP_CIPHER_CTX_free(c->evp);
    OPENSSL_cleanse(c, sizeof *c);
    cove__free(c);
}
