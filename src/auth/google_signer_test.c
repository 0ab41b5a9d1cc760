/* Who signs by Google's credentials, and what IAM's service is sent where the key is not here. */
#include "auth/google_testing.h"

#include <string.h>

#include "auth/google_signer.h"

#define SIGNED "{\"keyId\": \"k\", \"signedBlob\": \"c2lnbmF0dXJl\"}"

static struct cove__credentials_source source;
static struct cove__google_signer signer;
static struct cove__buf signature = { .max = 4096 };

static void forget(void)
{
    if (source.free) {
        source.type->done(&signer);
        source.free(source.self);
    }
    source = (struct cove__credentials_source){ 0 };
}

static int find(const char *token)
{
    struct cove__http_config http = { .proxy = "" };
    char iam[64];
    struct cove__google_chain_options options = { .token = token, .scope = SCOPE, .iam_url = iam, .http = &http };

    snprintf(iam, sizeof iam, "http://127.0.0.1:%u", server.port);
    err = (struct cove_error)COVE_ERROR_INIT;
    forget();
    assert_int_equal(cove__google_signer_source(&options, &source, &err), 0);
    return source.fetch(source.self, NULL, &signer, &err);
}

static int sign(void)
{
    cove__buf_reset(&signature);
    return cove__google_signer_sign(&signer, cove__slice_str("a text"), 0, NULL, &signature, &err);
}

static void test_by_key(void **state)
{
    expect(NULL, 0);
    assert_int_equal(find(service_file()), 0);
    assert_string_equal(signer.email, "a@p.iam");
    assert_int_equal(sign(), 0);
    assert_true(is_signature("a text", 6, signature.data, signature.size));
    assert_false(is_signature("a texT", 6, signature.data, signature.size));
    all_was_sent();
}

static void test_by_impersonation(void **state)
{
#define ASKED "POST /v1/projects/-/serviceAccounts/b@p.iam:signBlob {\"payload\":\"YSB0ZXh0\",\"delegates\":[\"d1\"]}"
    static const struct exchange script[] = {
        { "POST /token " REFRESH, "200 OK", "", TOKEN("of-the-user", "3599") },
        { ASKED, "200 OK", "", SIGNED, "Authorization: Bearer of-the-user\r\n" },
        { ASKED, "403 Forbidden", "",
          "{\"error\": {\"code\": 403, \"status\": \"PERMISSION_DENIED\", \"message\": \"not of-the-user\"}}" },
        { ASKED, "200 OK", "", "{\"signedBlob\": \"c2ln=mF0\"}" },
        { ASKED, "200 OK", "", "{}" },
    };
    char text[2048];

    snprintf(text, sizeof text,
             "{\"type\": \"impersonated_service_account\", \"delegates\": [\"d1\"], "
             "\"service_account_impersonation_url\": "
             "\"http://127.0.0.1:%u/v1/projects/-/serviceAccounts/b@p.iam:generateAccessToken\", "
             "\"source_credentials\": %s}",
             server.port, user_file());
    expect(script, 5);
    assert_int_equal(find(text), 0);
    assert_string_equal(signer.email, "b@p.iam");
    assert_int_equal(sign(), 0);
    assert_true(cove__slice_is(cove__buf_slice(&signature), "signature"));
    assert_int_equal(sign(), COVE_EAUTH);
    assert_string_equal(err.message, "credentials of IAM's signBlob: PERMISSION_DENIED: not ***");
    assert_int_equal(sign(), COVE_EPROTOCOL);
    assert_int_equal(sign(), COVE_EPROTOCOL);
    all_was_sent();
}

static void test_by_metadata(void **state)
{
#define FLAVOR "Metadata-Flavor: Google\r\n"
    static const struct exchange script[] = {
        { "GET /computeMetadata/v1/instance/service-accounts/default/email", "200 OK", FLAVOR, "m@p.iam" },
        { "GET /computeMetadata/v1/instance/service-accounts/default/token?scopes=https%3A//www.googleapis.com/auth/"
          "cloud-platform",
          "200 OK", FLAVOR, TOKEN("of-the-machine", "1200") },
        { "POST /v1/projects/-/serviceAccounts/m@p.iam:signBlob {\"payload\":\"YSB0ZXh0\",\"delegates\":[]}", "200 OK",
          "", SIGNED, "Authorization: Bearer of-the-machine\r\n" },
        { "GET /computeMetadata/v1/instance/service-accounts/default/email", "200 OK", FLAVOR, "a\nb" },
    };

    use_metadata();
    expect(script, 4);
    assert_int_equal(find("cloud"), 0);
    assert_string_equal(signer.email, "m@p.iam");
    assert_int_equal(sign(), 0);
    assert_true(cove__slice_is(cove__buf_slice(&signature), "signature"));
    assert_int_equal(find(NULL), COVE_EPROTOCOL);
    all_was_sent();
}

static void test_by_no_account(void **state)
{
    const char *const tokens[] = { NULL, "anon", "ya29.a-token", user_file() };

    expect(NULL, 0);
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        assert_int_equal(find(tokens[i]), COVE_EINVAL);
        assert_non_null(strstr(err.message, "only a service account signs, by its key or by impersonation"));
    }
    all_was_sent();
}

static int end(void **state)
{
    forget();
    cove__buf_done(&signature);
    return stop(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_by_key, clean),
        cmocka_unit_test_setup(test_by_impersonation, clean),
        cmocka_unit_test_setup(test_by_metadata, clean),
        cmocka_unit_test_setup_teardown(test_by_no_account, clean, clean),
    };

    return cmocka_run_group_tests(tests, start, end);
}
