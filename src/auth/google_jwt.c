/* Signatures by a service account's key, and JSON Web Tokens made with them. For google_service_account.c and
 * google_signer.c. */
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "auth/google_chain.h"
#include "auth/oauth_jwt.h"
#include "base/error.h"
#include "wire/json.h"

#define MEMBERS_MAX ((size_t)1024)

/* For a key that is encrypted: OpenSSL would ask on the terminal. */
static int no_password(char *buf, int size, int writing, void *user)
{
    return -1;
}

/* NULL: it is no RSA key that OpenSSL reads. */
static EVP_PKEY *read_key(const char *pem, struct cove_error *err)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;

    BIO_free(bio);
    if (key && !cove__rsa_is_usable(key)) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    if (!key)
        cove__fail(err, COVE_EAUTH, "credentials of a service account: its private_key is not an RSA key in PEM");
    return key;
}

static int cannot_sign(struct cove_error *err)
{
    return cove__fail(err, COVE_EAUTH, "credentials of a service account: its private_key cannot sign");
}

int cove__google_rs256(const char *private_key, struct cove__slice text, uint8_t *ret, size_t *size,
                       struct cove_error *err)
{
    EVP_PKEY *key = read_key(private_key, err);
    int rc = key ? 0 : COVE_EAUTH;

    if (key && !cove__rsa_sign(key, COVE__JWT_RS256, text, ret, size))
        rc = cannot_sign(err);
    EVP_PKEY_free(key);
    ERR_clear_error(); /* of this thread, which may have a use of OpenSSL besides ours */
    return rc;
}

int cove__google_jwt(const char *private_key, const char *key_id, struct cove__slice claims, struct cove__buf *out,
                     struct cove_error *err)
{
    struct cove__buf members = COVE__BUF_INIT(MEMBERS_MAX);
    EVP_PKEY *key = read_key(private_key, err);
    int rc = key ? 0 : COVE_EAUTH;

    if (key_id) {
        cove__buf_add_str(&members, ",\"kid\":");
        cove__json_add_string(&members, cove__slice_str(key_id));
    }
    if (key) {
        rc = cove__buf_rc(&members);
        if (rc == 0)
            rc = cove__jwt_sign(key, COVE__JWT_RS256, cove__buf_str(&members), claims, out);
        if (rc == COVE_EAUTH)
            cannot_sign(err);
        else if (rc < 0)
            cove__fail(err, rc, "credentials of a service account: its token cannot be made: %s", cove_code_phrase(rc));
    }
    cove__buf_done(&members);
    EVP_PKEY_free(key);
    ERR_clear_error(); /* of this thread, which may have a use of OpenSSL besides ours */
    return rc;
}
