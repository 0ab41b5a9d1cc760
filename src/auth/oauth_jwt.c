/* JSON Web Tokens and their signatures: see oauth_jwt.h. */
#include "auth/oauth_jwt.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>

#include <cove/error.h>

#include "wire/digest.h"

bool cove__rsa_is_usable(const struct evp_pkey_st *key)
{
    return EVP_PKEY_base_id(key) == EVP_PKEY_RSA && EVP_PKEY_size(key) <= (int)COVE__RSA_SIGNATURE_MAX;
}

bool cove__rsa_sign(struct evp_pkey_st *key, enum cove__jwt_algorithm algorithm, struct cove__slice text, uint8_t *ret,
                    size_t *size)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *padding = NULL; /* the context's */
    bool done = context && EVP_DigestSignInit(context, &padding, cove__sha256_md(), NULL, key) == 1;

    if (done && algorithm == COVE__JWT_PS256)
        done = EVP_PKEY_CTX_set_rsa_padding(padding, RSA_PKCS1_PSS_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(padding, RSA_PSS_SALTLEN_DIGEST) == 1;
    done = done && EVP_DigestSign(context, ret, size, text.data, text.size) == 1;
    EVP_MD_CTX_free(context);
    return done;
}

void cove__jwt_add_base64url(struct cove__buf *out, struct cove__slice data)
{
    if (cove__buf_reserve(out, COVE__BASE64_SIZE(data.size)) < 0)
        return;
    cove__base64url(data.data, data.size, (char *)out->data + out->size);
    out->size += strlen((char *)out->data + out->size);
}

int cove__jwt_sign(struct evp_pkey_st *key, enum cove__jwt_algorithm algorithm, const char *members,
                   struct cove__slice claims, struct cove__buf *out)
{
    struct cove__buf header = COVE__BUF_INIT(out->max);
    uint8_t signature[COVE__RSA_SIGNATURE_MAX];
    size_t begin = out->size, size = sizeof signature;

    cove__buf_addf(&header, "{\"alg\":\"%s\",\"typ\":\"JWT\"%s}", algorithm == COVE__JWT_PS256 ? "PS256" : "RS256",
                   members);
    int rc = cove__buf_rc(&header);
    if (rc == 0) {
        cove__jwt_add_base64url(out, cove__buf_slice(&header));
        cove__buf_add_char(out, '.');
        cove__jwt_add_base64url(out, claims);
        rc = cove__buf_rc(out);
    }
    if (rc == 0 &&
        !cove__rsa_sign(key, algorithm, cove__slice_sub(cove__buf_slice(out), begin, SIZE_MAX), signature, &size))
        rc = COVE_EAUTH;
    if (rc == 0) {
        cove__buf_add_char(out, '.');
        cove__jwt_add_base64url(out, cove__slice(signature, size));
        rc = cove__buf_rc(out);
    }
    cove__buf_done(&header);
    return rc;
}
