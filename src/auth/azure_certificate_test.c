/* Azure's credentials by a certificate: which files are read, and what the key signs. */
#include "auth/azure_testing.h"
#include "auth/jwt_testing.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "wire/digest.h"

static X509 *certificate;

static int start_all(void **state)
{
    make_key();
    certificate = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
    assert_int_equal(X509_set_pubkey(certificate, key), 1);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    return azure_start(state);
}

static int stop_all(void **state)
{
    X509_free(certificate);
    free_key();
    return azure_stop(state);
}

static void write_pem(bool with_key, const char *password)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data;

    assert_int_equal(PEM_write_bio_X509(bio, certificate), 1);
    if (with_key)
        assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, key, password ? EVP_aes_256_cbc() : NULL, password,
                                                       password ? (int)strlen(password) : 0, NULL, NULL),
                         1);
    long size = BIO_get_mem_data(bio, &data);
    write_bytes(path, data, (size_t)size);
    BIO_free(bio);
}

static void write_pkcs12(const char *password)
{
    PKCS12 *file = PKCS12_create(password, "x", key, certificate, NULL, 0, 0, 0, 0, 0);
    BIO *bio = BIO_new(BIO_s_mem());
    char *data;

    assert_non_null(file);
    assert_int_equal(i2d_PKCS12_bio(bio, file), 1);
    long size = BIO_get_mem_data(bio, &data);
    write_bytes(path, data, (size_t)size);
    BIO_free(bio);
    PKCS12_free(file);
}

static int use_certificate(void **state)
{
    azure_clean(state);
    options.client_id = "app";
    options.tenant_id = "tenant";
    options.certificate_path = path;
    return 0;
}

/* What was sent last. */
static void check_assertion(bool with_chain)
{
    static const char name[] = "&client_assertion=";
    char thumbprint[64], member[128], audience[160];
    unsigned char digest[32], *der = NULL;
    const char *header, *claims, *at = strstr(server.last, name);
    unsigned size = 0;

    assert_non_null(at);
    at += strlen(name);
    char *jwt = strndup(at, strcspn(at, "&"));
    read_jwt(jwt, &header, &claims);
    free(jwt);
    assert_int_equal(X509_digest(certificate, EVP_sha256(), digest, &size), 1);
    cove__base64url(digest, size, thumbprint);
    snprintf(member, sizeof member, "{\"alg\":\"PS256\",\"typ\":\"JWT\",\"x5t#S256\":\"%s\"%s", thumbprint,
             with_chain ? ",\"x5c\":[\"" : "}");
    assert_int_equal(strncmp(header, member, strlen(member)), 0);
    if (with_chain) {
        char text[4096];
        int der_size = i2d_X509(certificate, &der);
        EVP_EncodeBlock((unsigned char *)text, der, der_size);
        OPENSSL_free(der);
        assert_int_equal(strncmp(header + strlen(member), text, strlen(text)), 0);
        assert_string_equal(header + strlen(member) + strlen(text), "\"]}");
    }
    snprintf(audience, sizeof audience,
             "{\"aud\":\"http://127.0.0.1:%u/tenant/oauth2/v2.0/token\",\"iss\":\"app\",\"sub\":\"app\",\"jti\":\"",
             server.port);
    assert_int_equal(strncmp(claims, audience, strlen(audience)), 0);
    const char *begins = strstr(claims, "\"nbf\":"), *ends = strstr(claims, "\"exp\":");
    assert_true(begins && ends);
    long long now_s = cove__wall_ns() / COVE__SEC;
    assert_true(atoll(begins + 6) <= now_s && atoll(ends + 6) > now_s && atoll(ends + 6) <= now_s + 600);
}

#define ASSERTED                                                                                                       \
    ENTRA "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=*"

static void test_files(void **state)
{
    static const struct exchange script[] = {
        { ASSERTED, "200 OK", "", TOKEN("t1") },
        { ASSERTED, "200 OK", "", TOKEN("t2") },
        { ASSERTED, "200 OK", "", TOKEN("t3") },
        { ASSERTED, "200 OK", "", TOKEN("t4") },
        { ASSERTED, "401 Unauthorized", "",
          "{\"error\": \"invalid_client\", \"error_description\": \"AADSTS700027: Client assertion failed.\"}" },
    };

    expect(script, 5);
    write_pem(true, NULL);
    gives("t1", "the client certificate");
    check_assertion(false);
    options.certificate_password = "the-secret";
    write_pem(true, "the-secret");
    gives("t2", "the client certificate");
    check_assertion(false);
    write_pkcs12("the-secret");
    gives("t3", "the client certificate");
    check_assertion(false);
    setenv("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN", "True", 1);
    gives("t4", "the client certificate");
    check_assertion(true);
    fails(COVE_EAUTH, "credentials of the client certificate: the application does not know the certificate");
    all_was_sent();
    assert_int_equal(ERR_peek_error(), 0);
}

static void test_files_that_do_not_serve(void **state)
{
    expect(NULL, 0);
    fails(COVE_EAUTH, "credentials of the client certificate: ");
    write_bytes(path, "text", 4);
    fails(COVE_EAUTH, "is neither PEM nor PKCS #12");
    write_pem(false, NULL);
    fails(COVE_EAUTH, "there is no private key that can be read in ");
    write_pem(true, "the-secret");
    fails(COVE_EAUTH, "where the key is encrypted, set client_certificate_password");
    write_bytes(path, pem, strlen(pem));
    fails(COVE_EAUTH, "has no certificate of its key");
    write_pkcs12("the-secret");
    fails(COVE_EAUTH, "is wrong: set client_certificate_password (AZURE_CLIENT_CERTIFICATE_PASSWORD)");
    all_was_sent();
    assert_int_equal(ERR_peek_error(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_files, use_certificate, azure_clean),
        cmocka_unit_test_setup_teardown(test_files_that_do_not_serve, use_certificate, azure_clean),
    };

    return cmocka_run_group_tests(tests, start_all, stop_all);
}
