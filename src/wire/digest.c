/* Digests for signatures (src/auth) and for what backends send (src/fs). */
#include "wire/digest.h"

#include <string.h>

#include <cove/error.h>
#include <openssl/evp.h>

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

static int nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool cove__unhex(const char *text, void *out, size_t size)
{
    uint8_t *p = out;
    for (size_t i = 0; i < size; i++) {
        int high = nibble(text[2 * i]), low = high < 0 ? -1 : nibble(text[2 * i + 1]);
        if (low < 0)
            return false;
        p[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

int cove__sha256(struct cove__slice data, uint8_t out[32])
{
    return EVP_Digest(data.data, data.size, out, NULL, EVP_sha256(), NULL) == 1 ? 0 : COVE_ENOTSUP;
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
    if (EVP_Digest(data.data, data.size, hash, NULL, EVP_md5(), NULL) != 1)
        return COVE_ENOTSUP;
    cove__base64(hash, sizeof hash, out);
    return 0;
}
