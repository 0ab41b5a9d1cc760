/* A key for tests, and what is signed by it: see jwt_testing.h. */
#include "auth/jwt_testing.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

EVP_PKEY *key;
char *pem;

void make_key(void)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
    BIO *bio = BIO_new(BIO_s_mem());
    char *data;

    assert_true(EVP_PKEY_keygen_init(context) == 1 && EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048) == 1);
    assert_int_equal(EVP_PKEY_keygen(context, &key), 1);
    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    long size = BIO_get_mem_data(bio, &data);
    pem = strndup(data, (size_t)size);
    BIO_free(bio);
    EVP_PKEY_CTX_free(context);
}

void free_key(void)
{
    EVP_PKEY_free(key);
    free(pem);
    key = NULL;
    pem = NULL;
}

size_t unbase64(const char *text, size_t size, uint8_t *out)
{
    char padded[4096];
    size_t n = 0;

    for (; n < size; n++)
        padded[n] = text[n] == '-' ? '+' : text[n] == '_' ? '/' : text[n];
    size_t padding = (4 - n % 4) % 4;
    memset(padded + n, '=', padding);
    int got_size = EVP_DecodeBlock(out, (unsigned char *)padded, (int)(n + padding));
    assert_true(got_size >= 0);
    out[(size_t)got_size - padding] = '\0';
    return (size_t)got_size - padding;
}

static bool is_signed(const void *text, size_t size, const uint8_t *signature, size_t signature_size, bool pss)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *padding = NULL;
    bool is = EVP_DigestVerifyInit(context, &padding, EVP_sha256(), NULL, key) == 1 &&
              (!pss || (EVP_PKEY_CTX_set_rsa_padding(padding, RSA_PKCS1_PSS_PADDING) == 1 &&
                        EVP_PKEY_CTX_set_rsa_pss_saltlen(padding, RSA_PSS_SALTLEN_DIGEST) == 1)) &&
              EVP_DigestVerify(context, signature, signature_size, text, size) == 1;

    EVP_MD_CTX_free(context);
    return is;
}

bool is_signature(const void *text, size_t size, const uint8_t *signature, size_t signature_size)
{
    return is_signed(text, size, signature, signature_size, false);
}

void read_jwt(const char *jwt, const char **ret_header, const char **ret_claims)
{
    static uint8_t header[4096], claims[4096], signature[1024];
    const char *first = strchr(jwt, '.'), *second = first ? strchr(first + 1, '.') : NULL;

    assert_non_null(second);
    assert_null(strpbrk(jwt, "+/="));
    unbase64(jwt, (size_t)(first - jwt), header);
    unbase64(first + 1, (size_t)(second - first - 1), claims);
    size_t size = unbase64(second + 1, strlen(second + 1), signature);
    bool pss = strstr((const char *)header, "\"alg\":\"PS256\"");
    assert_true(is_signed(jwt, (size_t)(second - jwt), signature, size, pss));
    *ret_header = (const char *)header;
    *ret_claims = (const char *)claims;
}
