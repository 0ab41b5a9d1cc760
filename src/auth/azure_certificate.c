/*
 * Certificates of an application: a PEM file with key and certificate, or PKCS #12. The key signs an assertion, which
 * names the certificate by its SHA-256 (https://learn.microsoft.com/entra/identity-platform/certificate-credentials).
 * By OpenSSL. For azure_application.c.
 */
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth/azure_chain.h"
#include "auth/credentials_file.h"
#include "auth/oauth_jwt.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "wire/digest.h"
#include "wire/json.h"

#define LIFETIME_S   ((int64_t)600)
#define BEFORE_S     ((int64_t)60) /* clocks differ */
#define ID_SIZE      16
#define PASSWORD_MAX ((size_t)1024)
#define MEMBERS_MAX  ((size_t)64 << 10)
#define CLAIMS_MAX   ((size_t)8 << 10)

struct certificate {
    EVP_PKEY *key;
    X509 *leaf;             /* of the key */
    STACK_OF(X509) * chain; /* the others of the file; may be NULL */
};

static void certificate_done(struct certificate *c)
{
    EVP_PKEY_free(c->key);
    X509_free(c->leaf);
    sk_X509_pop_free(c->chain, X509_free);
}

/* ---- files ---- */

/* Without one: OpenSSL would ask on the terminal. */
static int give_password(char *out, int size, int writing, void *user)
{
    const char *password = user;
    size_t n = password ? strlen(password) : 0;

    if (n == 0 || n > (size_t)size)
        return -1;
    memcpy(out, password, n);
    return (int)n;
}

static EVP_PKEY *pem_key(struct cove__slice text, const char *password)
{
    BIO *bio = BIO_new_mem_buf(text.data, (int)text.size);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, give_password, (void *)(uintptr_t)password) : NULL;

    BIO_free(bio);
    return key;
}

/* The certificate of the key, wherever it stands in the file; the others are those that signed it. */
static bool pem_certificates(struct cove__slice text, struct certificate *c)
{
    BIO *bio = BIO_new_mem_buf(text.data, (int)text.size);
    X509 *next;

    c->chain = sk_X509_new_null();
    while (bio && c->chain && (next = PEM_read_bio_X509(bio, NULL, give_password, NULL))) {
        if (!c->leaf && X509_check_private_key(next, c->key) == 1)
            c->leaf = next;
        else if (sk_X509_push(c->chain, next) == 0)
            X509_free(next);
    }
    BIO_free(bio);
    return c->leaf;
}

static int read_pem(struct cove__slice text, const struct cove__azure_chain *chain, struct certificate *c,
                    struct cove_error *err)
{
    c->key = pem_key(text, chain->certificate_password);
    if (!c->key)
        return cove__fail(err, COVE_EAUTH,
                          "credentials of the client certificate: there is no private key that can be read in %s: it "
                          "holds key and certificate; where the key is encrypted, set client_certificate_password",
                          chain->certificate_path);
    if (!pem_certificates(text, c))
        return cove__fail(err, COVE_EAUTH, "credentials of the client certificate: %s has no certificate of its key",
                          chain->certificate_path);
    return 0;
}

static int read_pkcs12(struct cove__slice text, const struct cove__azure_chain *chain, struct certificate *c,
                       struct cove_error *err)
{
    const char *password = chain->certificate_password ? chain->certificate_password : "";
    const unsigned char *at = text.data;
    PKCS12 *file = d2i_PKCS12(NULL, &at, (long)text.size);
    int rc = 0;

    if (!file)
        rc = cove__fail(err, COVE_EAUTH, "credentials of the client certificate: %s is neither PEM nor PKCS #12",
                        chain->certificate_path);
    else if (PKCS12_verify_mac(file, password, -1) != 1 &&
             (password[0] != '\0' || PKCS12_verify_mac(file, NULL, 0) != 1))
        rc = cove__fail(err, COVE_EAUTH,
                        "credentials of the client certificate: the password of %s is wrong: set "
                        "client_certificate_password (AZURE_CLIENT_CERTIFICATE_PASSWORD)",
                        chain->certificate_path);
    else if (PKCS12_parse(file, password, &c->key, &c->leaf, &c->chain) != 1 || !c->key || !c->leaf)
        rc = cove__fail(err, COVE_EAUTH,
                        "credentials of the client certificate: %s lacks a key or its certificate, or is encrypted in "
                        "an old way that OpenSSL does not read: convert it by \"openssl pkcs12 -legacy\"",
                        chain->certificate_path);
    PKCS12_free(file);
    return rc;
}

static int read_file(const struct cove__azure_chain *chain, struct certificate *c, struct cove_error *err)
{
    struct cove__buf text = COVE__BUF_INIT(COVE__AZURE_FILE_MAX);
    struct cove_error why = COVE_ERROR_INIT;

    int rc = cove__credentials_file_read(chain->certificate_path, &text, &why);
    if (rc < 0) {
        rc = cove__fail(err, rc == COVE_ENOMEM ? rc : COVE_EAUTH, "credentials of the client certificate: %s",
                        why.message);
    } else {
        bool pem = memmem(text.data, text.size, "-----BEGIN", 10);
        cove__credentials_file_warn(chain->certificate_path);
        rc = (pem ? read_pem : read_pkcs12)(cove__buf_slice(&text), chain, c, err);
    }
    cove__buf_wipe(&text);
    if (rc == 0 && !cove__rsa_is_usable(c->key))
        rc = cove__fail(err, COVE_EAUTH, "credentials of the client certificate: the key of %s is not of RSA",
                        chain->certificate_path);
    return rc;
}

/* ---- the assertion ---- */

static void add_der(struct cove__buf *out, X509 *certificate)
{
    unsigned char *der = NULL;
    int size = i2d_X509(certificate, &der);

    if (size <= 0 || cove__buf_reserve(out, COVE__BASE64_SIZE((size_t)size)) < 0) {
        out->rc = COVE_ENOMEM;
    } else {
        cove__base64(der, (size_t)size, (char *)out->data + out->size);
        out->size += strlen((char *)out->data + out->size);
    }
    OPENSSL_free(der);
}

/* An issuer that the application trusts, in place of one certificate: the service wants to see who signed it. */
static bool sends_chain(void)
{
    const char *value = getenv("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN");

    return value && (strcmp(value, "1") == 0 || strcasecmp(value, "true") == 0);
}

static int add_members(const struct certificate *c, struct cove__buf *out)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;

    if (X509_digest(c->leaf, cove__sha256_md(), digest, &size) != 1)
        return COVE_ENOTSUP;
    cove__buf_add_str(out, ",\"x5t#S256\":\"");
    cove__jwt_add_base64url(out, cove__slice(digest, size));
    cove__buf_add_char(out, '"');
    if (sends_chain()) {
        cove__buf_add_str(out, ",\"x5c\":[\"");
        add_der(out, c->leaf);
        for (int i = 0; i < sk_X509_num(c->chain); i++) { /* -1 of NULL */
            cove__buf_add_str(out, "\",\"");
            add_der(out, sk_X509_value(c->chain, i));
        }
        cove__buf_add_str(out, "\"]");
    }
    return cove__buf_rc(out);
}

static int add_claims(const struct cove__azure_chain *chain, struct cove__buf *out, struct cove_error *err)
{
    const long long now_s = cove__wall_ns() / COVE__SEC;
    struct cove__buf url = COVE__BUF_INIT(CLAIMS_MAX);
    uint8_t id[ID_SIZE];
    char text[2 * ID_SIZE + 1];

    int rc = cove__azure_token_url(chain, &url, err);
    if (rc == 0 && RAND_bytes(id, sizeof id) != 1)
        rc = cove__fail(err, COVE_ENOTSUP, "credentials of the client certificate: OpenSSL gives no random numbers");
    if (rc == 0) {
        cove__hex(id, sizeof id, text);
        cove__buf_add_str(out, "{\"aud\":");
        cove__json_add_string(out, cove__buf_slice(&url));
        cove__buf_add_str(out, ",\"iss\":");
        cove__json_add_string(out, cove__slice_str(chain->client_id));
        cove__buf_add_str(out, ",\"sub\":");
        cove__json_add_string(out, cove__slice_str(chain->client_id));
        cove__buf_addf(out, ",\"jti\":\"%s\",\"nbf\":%lld,\"exp\":%lld}", text, now_s - (long long)BEFORE_S,
                       now_s + (long long)LIFETIME_S);
    }
    cove__buf_done(&url);
    return rc;
}

int cove__azure_certificate_assertion(const struct cove__azure_chain *chain, struct cove__buf *out,
                                      struct cove_error *err)
{
    struct cove__buf members = COVE__BUF_INIT(MEMBERS_MAX), claims = COVE__BUF_INIT(CLAIMS_MAX);
    struct certificate c = { 0 };

    int rc = read_file(chain, &c, err);
    if (rc < 0)
        goto out;
    rc = add_claims(chain, &claims, err);
    if (rc < 0)
        goto out;
    rc = add_members(&c, &members);
    if (rc == 0)
        rc = cove__buf_rc(&claims);
    if (rc == 0)
        rc = cove__jwt_sign(c.key, COVE__JWT_PS256, cove__buf_str(&members), cove__buf_slice(&claims), out);
    if (rc < 0)
        cove__fail(err, rc, "credentials of the client certificate: the assertion cannot be made: %s",
                   cove_code_phrase(rc));
out:
    cove__buf_done(&members);
    cove__buf_done(&claims);
    certificate_done(&c);
    ERR_clear_error(); /* of this thread, which may have a use of OpenSSL besides ours */
    return rc;
}
