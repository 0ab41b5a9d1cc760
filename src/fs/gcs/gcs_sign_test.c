/* Signed URLs: what is signed, by Google's published vectors, and the URL around it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include <cove/fs.h>

#include "base/clock.h"
#include "base/mem.h"
#include "fs/gcs/gcs_sign.h"
#include "wire/digest.h"
#include "wire/uri.h"

#define EMAIL "test-iam-credentials@dummy-project-id.iam.gserviceaccount.com"

static struct cove_error err = COVE_ERROR_INIT;

/* Of googleapis/conformance-tests, storage/v1/v4_signatures.json: the cases without headers of the caller's. `hash`:
 * the last line of what is signed, which is that of the whole canonical request. */
static void test_published_vectors(void **state)
{
    static const struct {
        const char *method, *host, *path, *date, *day, *query, *hash;
        int expires_s;
    } rows[] = {
        { "GET", NULL, "/test-bucket/test-object", "20190201T090000Z", "20190201", "",
          "00e2fb794ea93d7adb703edaebdd509821fcc7d4f1a79ac5c8d2b394df109320", 10 },
        { "PUT", NULL, "/test-bucket/test-object", "20190201T090000Z", "20190201", "",
          "78742860705da91404222d5d66ff89850292471199c3c2808d116ad12e6177b4", 10 },
        { "GET", NULL, "/test-bucket/test-object", "20190301T090000Z", "20190301", "",
          "779f19fdb6fd381390e2d5af04947cf21750277ee3c20e0c97b7e46a1dff8907", 20 },
        { "GET", NULL, "/test-bucket2/test-object2", "20190201T090000Z", "20190201", "",
          "a139afbf35ac30e9864f63197f79609731ab1b0ca166e2a456dba156fcd3f9ce", 10 },
        { "GET", NULL, "/test-bucket//path/with/slashes/under_score/amper%26sand/file.ext", "20190201T090000Z",
          "20190201", "", "63c601ecd6ccfec84f1113fc906609cbdf7651395f4300cecd96ddd2c35164f8", 10 },
        { "GET", NULL, "/test-bucket/test-object", "20190201T090000Z", "20190201",
          "aA0%C3%A9%2F%3D%25-_.~=~%20._-%25%3D%2F%C3%A90Aa",
          "448f96c23dafa8210900554e138b2b5fd55bc53ef53b8637cecc3edec45a8fcf", 10 },
        { "GET", NULL, "/test-bucket/test-object", "20190201T090000Z", "20190201", "prefix=%2Ffoo&X-Goog-Meta-Foo=bar",
          "4dafe74ad142f32b7c25fc4e6b38fd3b8a6339d7f112247573fb0066f637db6c", 10 },
        { "GET", "mydomain.tld", "/test-object", "20190201T090000Z", "20190201", "",
          "d6c309924b51a5abbe4d6356f7bf29c2120c6b14649b1e97b3bc9309adca7d4b", 10 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cove__buf query = COVE__BUF_INIT(4096), text = COVE__BUF_INIT(1024);
        char want[256], begin[512], time[32];
        snprintf(time, sizeof time, "%.4s-%.2s-%.2sT09:00:00Z", rows[i].day, rows[i].day + 4, rows[i].day + 6);
        const struct gcs_signed s = { .email = EMAIL,
                                      .method = rows[i].method,
                                      .host = rows[i].host ? rows[i].host : "storage.googleapis.com",
                                      .path = rows[i].path,
                                      .expires_s = rows[i].expires_s,
                                      .wall_ns = cove__parse_iso8601(time) };
        cove__buf_add_str(&query, rows[i].query);
        assert_int_equal(cove__gcs_text_to_sign(&s, &query, &text), 0);
        snprintf(want, sizeof want, "GOOG4-RSA-SHA256\n%s\n%s/auto/storage/goog4_request\n%s", rows[i].date,
                 rows[i].day, rows[i].hash);
        assert_string_equal(cove__buf_str(&text), want);
        snprintf(begin, sizeof begin,
                 "%s%sX-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential=test-iam-credentials%%40dummy-project-id.iam."
                 "gserviceaccount.com%%2F%s%%2Fauto%%2Fstorage%%2Fgoog4_request&X-Goog-Date=%s&X-Goog-Expires=%d&"
                 "X-Goog-SignedHeaders=host",
                 rows[i].query, rows[i].query[0] != '\0' ? "&" : "", rows[i].day, rows[i].date, rows[i].expires_s);
        assert_string_equal(cove__buf_str(&query), begin);
        cove__buf_done(&query);
        cove__buf_done(&text);
    }
}

/* ---- whole URLs ---- */

static EVP_PKEY *key;
static char key_file[4096];

static int make_key(void **state)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
    BIO *bio = BIO_new(BIO_s_mem());
    char *pem;

    assert_true(EVP_PKEY_keygen_init(context) == 1 && EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048) == 1);
    assert_int_equal(EVP_PKEY_keygen(context, &key), 1);
    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    long size = BIO_get_mem_data(bio, &pem);
    size_t n = (size_t)snprintf(key_file, sizeof key_file,
                                "{\"type\": \"service_account\", \"client_email\": \"" EMAIL "\", \"private_key\": \"");
    for (long i = 0; i < size; i++)
        n += (size_t)snprintf(key_file + n, sizeof key_file - n, pem[i] == '\n' ? "\\n" : "%c", pem[i]);
    snprintf(key_file + n, sizeof key_file - n, "\"}");
    BIO_free(bio);
    EVP_PKEY_CTX_free(context);
    return 0;
}

static int free_key(void **state)
{
    EVP_PKEY_free(key);
    return 0;
}

static cove_fs *open_with(const char *const *pairs)
{
    cove_options *options = cove_options_new();
    cove_fs *fs = NULL;

    for (; *pairs; pairs += 2)
        assert_int_equal(cove_options_set(options, pairs[0], pairs[1], &err), 0);
    assert_int_equal(cove_fs_from_url("gs://bkt", options, &fs, NULL, &err), 0);
    cove_options_free(options);
    return fs;
}

static int presign(const char *const *pairs, const char *url, const char *method, char **ret)
{
    cove_fs *fs = open_with(pairs);
    int rc = cove_fs_presign(fs, url, method, 60, NULL, ret, &err);

    cove_fs_unref(fs);
    return rc;
}

/* Makes the text again from the URL's own query, and checks the signature of it. */
static void check_signature(const char *url, const char *method, const char *host, const char *path)
{
    struct cove__buf query = COVE__BUF_INIT(4096), text = COVE__BUF_INIT(1024);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const char *own = strstr(url, "X-Goog-Algorithm="), *date = strstr(url, "X-Goog-Date="),
               *signature = strstr(url, "&X-Goog-Signature="), *begin = strchr(url, '?') + 1;
    uint8_t bytes[512];
    char iso[32];

    assert_true(own && date && signature);
    date += strlen("X-Goog-Date=");
    snprintf(iso, sizeof iso, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", date, date + 4, date + 6, date + 9, date + 11,
             date + 13);
    const struct gcs_signed s = { .email = EMAIL,
                                  .method = method,
                                  .host = host,
                                  .path = path,
                                  .expires_s = 60,
                                  .wall_ns = cove__parse_iso8601(iso) };
    cove__buf_add(&query, begin, own > begin ? (size_t)(own - begin) - 1 : 0);
    assert_int_equal(cove__gcs_text_to_sign(&s, &query, &text), 0);
    assert_int_equal(strncmp(begin, cove__buf_str(&query), query.size), 0);
    signature += strlen("&X-Goog-Signature=");
    assert_int_equal(strlen(signature), 512);
    assert_true(cove__unhex(signature, bytes, 256));
    assert_int_equal(EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestVerify(context, bytes, 256, text.data, text.size), 1);
    EVP_MD_CTX_free(context);
    cove__buf_done(&query);
    cove__buf_done(&text);
}

static void test_urls(void **state)
{
    static const struct {
        const char *pairs[5], *url, *method, *host, *path, *begin;
    } rows[] = {
        { { NULL },
          "gs://bkt/a b/c+d",
          "GET",
          "storage.googleapis.com",
          "/bkt/a%20b/c%2Bd",
          "https://storage.googleapis.com/bkt/a%20b/c%2Bd?X-Goog-Algorithm=" },
        { { "requester_pays", "payer" },
          "gs://bkt//k",
          "PUT",
          "storage.googleapis.com",
          "/bkt//k",
          "https://storage.googleapis.com/bkt//k?userProject=payer&X-Goog-Algorithm=" },
        { { "version_aware", "true" },
          "gs://bkt/k#12",
          "GET",
          "storage.googleapis.com",
          "/bkt/k",
          "https://storage.googleapis.com/bkt/k?generation=12&X-Goog-Algorithm=" },
        { { "endpoint_url", "http://127.0.0.1:4443/base" },
          "gs://bkt/k",
          "GET",
          "127.0.0.1:4443",
          "/base/bkt/k",
          "http://127.0.0.1:4443/base/bkt/k?X-Goog-Algorithm=" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *pairs[7] = { "token", key_file };
        char *url = NULL;
        memcpy(pairs + 2, rows[i].pairs, sizeof rows[i].pairs);
        if (presign(pairs, rows[i].url, rows[i].method, &url) < 0)
            fail_msg("%s", err.message);
        assert_int_equal(strncmp(url, rows[i].begin, strlen(rows[i].begin)), 0);
        check_signature(url, rows[i].method, rows[i].host, rows[i].path);
        cove_free(url);
    }
}

static void test_refusals(void **state)
{
    static const char *const anonymous[] = { "token", "anon", NULL }, *const token[] = { "token", "ya29.a-token",
                                                                                         NULL };
    const char *const with_key[] = { "token", key_file, "version_aware", "true", NULL };
    char *url = NULL;

    assert_int_equal(presign(anonymous, "gs://bkt/k", "GET", &url), COVE_EINVAL);
    assert_non_null(strstr(err.message, "access is anonymous"));
    assert_int_equal(presign(token, "gs://bkt/k", "GET", &url), COVE_EINVAL);
    assert_non_null(strstr(err.message, "only a service account signs, by its key or by impersonation"));
    assert_non_null(strstr(err.message, "gs://bkt/k"));
    assert_int_equal(presign(with_key, "gs://bkt", "GET", &url), COVE_EISDIR);
    assert_int_equal(presign(with_key, "gs://bkt/k#1", "PUT", &url), COVE_EINVAL);
    cove_fs *fs = open_with(with_key);
    int rc = COVE_ENOMEM;
    for (unsigned long n = 1; rc == COVE_ENOMEM && n < 500; n++) { /* without memory never a shorter URL */
        cove__mem_fail(n, 0);
        rc = cove_fs_presign(fs, "gs://bkt/k#1", "GET", 60, NULL, &url, &err);
        cove__mem_fail(0, 0);
        if (rc != COVE_ENOMEM && (rc != 0 || !strstr(url, "?generation=1&")))
            fail_msg("allocation %lu: %s", n, rc < 0 ? err.message : url);
    }
    assert_int_equal(rc, 0);
    cove_free(url);
    cove_fs_unref(fs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_vectors),
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_refusals),
    };

    return cmocka_run_group_tests(tests, make_key, free_key);
}
