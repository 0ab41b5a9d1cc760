/* Digests for signatures (src/auth) and for what backends send (src/fs). */
#include "wire/digest.h"

#include <pthread.h>
#include <string.h>

#include <cove/error.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/hex.h"

#define UNBASE64_MAX 64 /* bytes */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const EVP_MD *sha256_md, *md5_md; /* NULL: OpenSSL refuses */

/* OpenSSL looks the algorithm of EVP_sha256() up at each use, under process-wide locks, which a fork meanwhile leaves
 * held in the child. One look-up at the start avoids the locks, and each use is cheaper. */
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

const struct evp_md_st *cove__md5_md(void)
{
    pthread_once(&once, look_up);
    return md5_md;
}

void cove__base64(const void *data, size_t size, char *out)
{
    EVP_EncodeBlock((unsigned char *)out, data, (int)size);
}

void cove__base64url(const void *data, size_t size, char *out)
{
    cove__base64(data, size, out);
    for (; *out != '\0' && *out != '='; out++)
        *out = *out == '+' ? '-' : *out == '/' ? '_' : *out;
    *out = '\0';
}

void cove__base64_le64(uint64_t v, char out[COVE__BASE64_SIZE(8)])
{
    uint8_t bytes[8];

    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(v >> (8 * i));
    cove__base64(bytes, sizeof bytes, out);
}

void cove__base64_be32(uint32_t v, char out[COVE__BASE64_SIZE(4)])
{
    uint8_t bytes[4] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v };
    cove__base64(bytes, sizeof bytes, out);
}

bool cove__unbase64(const char *text, void *out, size_t size)
{
    unsigned char bytes[UNBASE64_MAX + 2];
    char again[COVE__BASE64_SIZE(UNBASE64_MAX)];
    size_t n = COVE__BASE64_SIZE(size) - 1;

    if (size > UNBASE64_MAX || strlen(text) != n ||
        EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)n) < (int)size)
        return false;
    cove__base64(bytes, size, again);
    bool same = strcmp(again, text) == 0; /* one spelling */
    if (same)
        memcpy(out, bytes, size);
    OPENSSL_cleanse(bytes, sizeof bytes); /* it may be a key */
    OPENSSL_cleanse(again, sizeof again);
    return same;
}

size_t cove__unbase64_some(const char *text, void *out, size_t max)
{
    size_t n = strlen(text), digits = n;

    while (digits > 0 && text[digits - 1] == '=')
        digits--;
    size_t size = digits * 3 / 4;
    return n % 4 == 0 && size > 0 && size <= max && cove__unbase64(text, out, size) ? size : 0;
}

bool cove__base64_to_be32(const char *text, uint32_t *ret)
{
    uint8_t bytes[4];

    if (!cove__unbase64(text, bytes, sizeof bytes))
        return false;
    *ret = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
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
    return md && EVP_Digest(data.data, data.size, out, NULL, md, NULL) == 1 ? 0 : COVE_ENOTSUP;
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
    const EVP_MD *md = cove__md5_md();
    if (!md || EVP_Digest(data.data, data.size, hash, NULL, md, NULL) != 1)
        return COVE_ENOTSUP;
    cove__base64(hash, sizeof hash, out);
    return 0;
}
