/* Digests for signatures (src/auth) and for what backends send (src/fs). */
#include "wire/digest.h"

#include <pthread.h>
#include <string.h>

#include <cove/error.h>
#include <openssl/evp.h>

#include "base/hex.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const EVP_MD *sha256_md, *md5_md; /* NULL: OpenSSL refuses */

/* What EVP_sha256() names is looked up at each use, under locks of the whole process: a thread that forks meanwhile
 * leaves them held in the child. Looked up once, neither is so, and each use is cheaper. */
static void look_up(void)
{
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
    sha256_md = EVP_MD_fetch(NULL, "SHA256", NULL);
    md5_md = EVP_MD_fetch(NULL, "MD5", NULL);
#else
    sha256_md = EVP_sha256();
    md5_md = EVP_md5();
#endif
}

const struct evp_md_st *cove__sha256_md(void)
{
    pthread_once(&once, look_up);
    return sha256_md;
}

void cove__base64(const void *data, size_t size, char *out)
{
    EVP_EncodeBlock((unsigned char *)out, data, (int)size);
}

void cove__base64_be32(uint32_t v, char out[COVE__BASE64_SIZE(4)])
{
    uint8_t bytes[4] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v };
    cove__base64(bytes, sizeof bytes, out);
}

bool cove__base64_to_be32(const char *text, uint32_t *ret)
{
    unsigned char bytes[6];
    char again[COVE__BASE64_SIZE(4)];

    if (strlen(text) != sizeof again - 1 || EVP_DecodeBlock(bytes, (const unsigned char *)text, sizeof again - 1) < 4)
        return false;
    uint32_t v = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
    cove__base64_be32(v, again);
    if (strcmp(again, text) != 0)
        return false;
    *ret = v;
    return true;
}

void cove__hex(const void *data, size_t size, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *p = data;
    for (size_t i = 0; i < size; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15];
    }
    out[2 * size] = '\0';
}

bool cove__unhex(const char *text, void *out, size_t size)
{
    uint8_t *p = out;
    for (size_t i = 0; i < size; i++) {
        int byte = cove__hex_byte(text + 2 * i);
        if (byte < 0)
            return false;
        p[i] = (uint8_t)byte;
    }
    return true;
}

int cove__sha256(struct cove__slice data, uint8_t out[32])
{
    const EVP_MD *md = cove__sha256_md();
    return md != NULL && EVP_Digest(data.data, data.size, out, NULL, md, NULL) == 1 ? 0 : COVE_ENOTSUP;
}

int cove__sha256_hex(struct cove__slice data, char out[65])
{
    uint8_t hash[32];
    int rc = cove__sha256(data, hash);
    if (rc == 0)
        cove__hex(hash, sizeof hash, out);
    return rc;
}

int cove__md5_base64(struct cove__slice data, char out[COVE__BASE64_SIZE(16)])
{
    uint8_t hash[16];
    pthread_once(&once, look_up);
    if (md5_md == NULL || EVP_Digest(data.data, data.size, hash, NULL, md5_md, NULL) != 1)
        return COVE_ENOTSUP;
    cove__base64(hash, sizeof hash, out);
    return 0;
}
