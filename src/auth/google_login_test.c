/* Google's credentials that are a key or a login: what is signed, and what token endpoints are sent. */
#include "auth/google_testing.h"
#include "auth/oauth_endpoint.h"

#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "wire/digest.h"

static void test_signed_token(void **state)
{
    const char *header, *claims;
    long long issued, ends;
    int64_t before_s = cove__wall_ns() / COVE__SEC;

    write_file(path, service_file());
    expect(NULL, 0);
    assert_int_equal(fetch(path, false), 0);
    all_was_sent();
    read_jwt(got.token, &header, &claims);
    assert_string_equal(header, "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"k1\"}");
    const char *times = strstr(claims, ",\"iat\":");
    assert_int_equal(sscanf(times, ",\"iat\":%lld,\"exp\":%lld}", &issued, &ends), 2);
    assert_int_equal((size_t)(times - claims),
                     strlen("{\"iss\":\"a@p.iam\",\"sub\":\"a@p.iam\",\"scope\":\"" SCOPE "\""));
    assert_int_equal(
        strncmp(claims, "{\"iss\":\"a@p.iam\",\"sub\":\"a@p.iam\",\"scope\":\"" SCOPE "\"", (size_t)(times - claims)),
        0);
    assert_true(issued >= before_s && issued <= cove__wall_ns() / COVE__SEC);
    assert_int_equal(ends, issued + 3600);
    assert_int_equal(got.expires_ns, ends * COVE__SEC);

    /* What is signed stands in no message. */
    char message[4096];
    snprintf(message, sizeof message, "the store quotes %s", got.token);
    cove__text_line(message, sizeof message);
    assert_string_equal(message, "the store quotes ***");
}

/* As editors and settings of deployments leave key files: a byte order mark, other line ends, line ends of the key that
 * were escaped twice. */
static void test_mended_key_files(void **state)
{
    static const char *const begins[] = { "", "\xef\xbb\xbf", "\xef\xbb\xbf\r\n", "" };
    static const char *const line_ends[] = { "\\\\n", "\\\\r\\\\n", "\\n", "\\r\\n" };
    char text[8192];

    expect(NULL, 0);
    for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++) {
        size_t n = (size_t)snprintf(text, sizeof text, "%s", begins[i]);
        for (const char *at = service_file(); *at != '\0'; at++) {
            bool line_end = at[0] == '\\' && at[1] == 'n';
            n += (size_t)snprintf(text + n, sizeof text - n, "%.*s", line_end ? 8 : 1, line_end ? line_ends[i] : at);
            at += line_end;
        }
        write_file(path, text);
        if (fetch(path, false) < 0)
            fail_msg("%s", err.message);
    }
    write_file(path, "\xff\xfe{");
    fails(path, COVE_EINVAL, "key.json (the option token): it is in UTF-16: save it in UTF-8");
    all_was_sent();
}

static void test_grant(void **state)
{
    static const struct exchange script[] = {
        { "POST /token grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=*", "200 OK", "",
          TOKEN("granted", "3599") },
    };
    const char *header, *claims;
    char audience[64];

    write_file(path, service_file());
    expect(script, 1);
    assert_int_equal(fetch(path, true), 0);
    all_was_sent();
    assert_string_equal(got.token, "granted");
    read_jwt(strstr(server.last, "assertion=") + strlen("assertion="), &header, &claims);
    snprintf(audience, sizeof audience, "\"aud\":\"http://127.0.0.1:%u/token\"", server.port);
    assert_non_null(strstr(claims, audience));
    assert_non_null(strstr(claims, "\"iss\":\"a@p.iam\""));
    assert_null(strstr(claims, "\"sub\""));
}

static void test_keys(void **state)
{
    static const char *const bad[] = { "", "x", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n" };
    struct cove__buf out = COVE__BUF_INIT(8192);
    char encoded[COVE__BASE64_SIZE(3)];

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(cove__google_jwt(bad[i], NULL, cove__slice_str("{}"), &out, &err), COVE_EAUTH);
        assert_non_null(strstr(err.message, "its private_key is not an RSA key in PEM"));
        cove__buf_reset(&out);
    }
    assert_int_equal(cove__google_jwt(pem, NULL, cove__slice_str("{}"), &out, &err), 0);
    assert_int_equal(strncmp(cove__buf_str(&out), "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.e30.", 41), 0);
    cove__buf_done(&out);
    cove__base64url("\xfb\xff", 2, encoded);
    assert_string_equal(encoded, "-_8");
}

/* ---- a login ---- */

static void test_login(void **state)
{
    static const struct exchange script[] = {
        { "POST /token " REFRESH, "200 OK", "", TOKEN("one", "3599") },
        { "POST /token " REFRESH, "200 OK", "", TOKEN("two", "\"3599\"") }, /* some give a string */
    };
    int64_t before_ns = cove__wall_ns();
    char origin[256];

    write_file(gcloud_path, user_file());
    snprintf(origin, sizeof origin, "%s (gcloud)", gcloud_path);
    expect(script, 2);
    gives(NULL, "one", origin);
    assert_true(got.expires_ns >= before_ns + 3599 * COVE__SEC && got.expires_ns <= cove__wall_ns() + 3599 * COVE__SEC);
    assert_string_equal(got.quota_project, "quota");
    setenv("GOOGLE_CLOUD_QUOTA_PROJECT", "another", 1);
    gives("google_default", "two", origin);
    assert_string_equal(got.quota_project, "another");
    all_was_sent();
}

static void test_refused_login(void **state)
{
    static const struct exchange script[] = {
        { "POST /token " REFRESH, "400 Bad Request", "",
          "{\"error\": \"invalid_grant\", \"error_description\": \"Token has been expired or revoked.\"}" },
        { "POST /token " REFRESH, "400 Bad Request", "",
          "{\"error\": \"invalid_client\", \"error_description\": \"client-secret is wrong\"}" },
        { "POST /token " REFRESH, "400 Bad Request", "",
          "{\"error\": \"invalid_grant\", \"error_description\": \"reauth related error (invalid_rapt)\", "
          "\"error_subtype\": \"invalid_rapt\"}" },
        { "POST /token " REFRESH, "400 Bad Request", "", "{\"error\": \"invalid_rapt\"}" },
        { "POST /token " REFRESH, "200 OK", "", "{\"expires_in\": 10}" },
        { "POST /token " REFRESH, "200 OK", "", TOKEN("a b", "10") },
        { "POST /token " REFRESH, "200 OK", "", TOKEN("a", "-1") },
        { "POST /token " REFRESH, "200 OK", "", "<html>" },
    };

    write_file(gcloud_path, user_file());
    expect(script, 8);
    fails(NULL, COVE_EAUTH,
          " (gcloud): a login of gcloud: invalid_grant: Token has been expired or revoked; run \"gcloud auth "
          "application-default login\"");
    assert_null(strstr(err.message, "leave out"));
    assert_int_equal(strncmp(err.message, "credentials of /tmp/", 20), 0);
    assert_int_equal(err.http_status, 400);
    fails(NULL, COVE_EAUTH, " (gcloud): a login of gcloud: invalid_client: *** is wrong");
    fails(NULL, COVE_EAUTH, "(invalid_rapt); run \"gcloud auth application-default login\""); /* reauthentication */
    fails(NULL, COVE_EAUTH, "login of gcloud: invalid_rapt; run \"gcloud auth application-default login\"");
    for (int i = 0; i < 4; i++)
        fails(NULL, COVE_EPROTOCOL, " (gcloud): a login of gcloud: the response of 127.0.0.1:");
    assert_non_null(strstr(err.message, " has no usable token"));
    all_was_sent();
}

/* gcloud writes its own file, so what names another has to go, too. */
static void test_refused_login_of_a_named_file(void **state)
{
#define ENDED "400 Bad Request", "", "{\"error\": \"invalid_grant\"}"
    static const struct exchange script[] = {
        { "POST /token " REFRESH, ENDED },
        { "POST /token " REFRESH, ENDED },
        { "POST /token " REFRESH, ENDED },
    };
    char expected[512];

    write_file(path, user_file());
    setenv("GOOGLE_APPLICATION_CREDENTIALS", path, 1);
    expect(script, 3);
    snprintf(expected, sizeof expected,
             "credentials of %s (GOOGLE_APPLICATION_CREDENTIALS): a login of gcloud: invalid_grant; run \"gcloud auth "
             "application-default login\" and leave out GOOGLE_APPLICATION_CREDENTIALS",
             path);
    fails(NULL, COVE_EAUTH, expected);
    fails(path, COVE_EAUTH, "application-default login\" and leave out the option token");
    fails(user_file(), COVE_EAUTH,
          "credentials of the option token: a login of gcloud: invalid_grant; run \"gcloud auth application-default "
          "login\" and leave out the option token");
    all_was_sent();
    fails(folder, COVE_EISDIR, " (the option token): Is a directory");
    fails("~/key.json", COVE_EAUTH, "there is no such file; ~ is not expanded here: write the whole path");
}

/* The end is optional (RFC 6749, section 5.1): such a token serves until it is refused. */
static void test_a_token_without_an_end(void **state)
{
    static const struct exchange script[] = {
        { "POST /token " REFRESH, "200 OK", "", "{\"access_token\": \"one\", \"token_type\": \"Bearer\"}" },
        { "POST /token " REFRESH, "200 OK", "", TOKEN("two", "null") },
    };

    write_file(path, user_file());
    expect(script, 2);
    assert_int_equal(fetch(path, false), 0);
    assert_true(got.expires_ns == INT64_MAX);
    assert_int_equal(fetch(path, false), 0);
    assert_true(got.expires_ns == INT64_MAX);
    all_was_sent();
}

/* Errors that pass, though their status part that the request was wrong. */
static void test_passing_errors(void **state)
{
    static const struct exchange script[] = {
        { "POST /token " REFRESH, "400 Bad Request", "", "{\"error\": \"internal_failure\"}" },
        { "POST /token " REFRESH, "400 Bad Request", "", "{\"error\": \"temporarily_unavailable\"}" },
        { "POST /token " REFRESH, "503 Service Unavailable", "", "" },
        { "POST /token " REFRESH, "429 Too Many Requests", "", "" },
        { "POST /token " REFRESH, "200 OK", "", TOKEN("one", "3599") },
    };
    static const struct exchange failing[] = {
        { "POST /token " REFRESH, "400 Bad Request", "", "{\"error\": \"server_error\"}" },
        { "POST /token " REFRESH, "400 Bad Request", "", "{\"error\": \"server_error\"}" },
        { "POST /token " REFRESH, "400 Bad Request", "", "{\"error\": \"server_error\"}" },
    };
    char origin[256];

    write_file(path, user_file());
    snprintf(origin, sizeof origin, "%s (the option token)", path);
    expect(script, 5);
    gives(path, "one", origin);
    all_was_sent();
    expect(failing, 3);
    fails(path, COVE_EAUTH, "server_error");
    all_was_sent();
}

/* The wait for the next attempt ends with the refresh. */
static void test_cancelled(void **state)
{
    static const struct exchange script[] = {
        { "POST /token grant_type=refresh_token", "400 Bad Request", "", "{\"error\": \"server_error\"}" },
    };
    struct cove__exchange_client client = { .proxy = (char *)"" };
    struct cove__exchange x;

    server.cancel = cove_cancel_new();
    expect(script, 1);
    cove__exchange_init(&x, &client, "POST", "of a test");
    cove__buf_addf(&x.url, "http://127.0.0.1:%u/token", server.port);
    cove__exchange_form(&x);
    cove__exchange_add_field(&x, "grant_type", "refresh_token");
    x.gap_ns = 3600 * COVE__SEC;
    cove__oauth_token_done(&got);
    int rc = cove__oauth_run(&x, NULL, server.cancel, &got, NULL, &err);
    cove__exchange_done(&x);
    cove_cancel_unref(server.cancel);
    server.cancel = NULL;
    assert_int_equal(rc, COVE_ECANCELED);
    all_was_sent();
}

static void test_clock(void **state)
{
    static const char refusal[] = "{\"error\": \"invalid_grant\", \"error_description\": \"Invalid JWT\"}";
    static const struct exchange script[] = {
        { "POST /token *", "400 Bad Request", "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", refusal },
        { "POST /token *", "400 Bad Request", "Date: Fri, 06 Nov 2099 08:49:37 GMT\r\n", refusal },
        { "POST /token *", "400 Bad Request", "", refusal },
        { "POST /token *", "400 Bad Request", "",
          "{\"error\": \"invalid_grant\", \"error_description\": \"Invalid JWT: Token must be a short-lived token (60 "
          "minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.\"}" },
    };

    write_file(path, service_file());
    expect(script, 4);
    assert_int_equal(fetch(path, true), COVE_EAUTH);
    assert_non_null(strstr(err.message, "; this machine's clock is "));
    assert_non_null(strstr(err.message, " seconds ahead of the service's: set it"));
    assert_int_equal(fetch(path, true), COVE_EAUTH);
    assert_non_null(strstr(err.message, " seconds behind the service's: set it"));
    assert_int_equal(fetch(path, true), COVE_EAUTH);
    assert_null(strstr(err.message, "seconds"));
    assert_int_equal(fetch(path, true), COVE_EAUTH);
    assert_non_null(strstr(err.message, "; this machine's clock is wrong: set it"));
    all_was_sent();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_signed_token, clean),
        cmocka_unit_test_setup(test_mended_key_files, clean),
        cmocka_unit_test_setup(test_grant, clean),
        cmocka_unit_test_setup(test_keys, clean),
        cmocka_unit_test_setup(test_login, clean),
        cmocka_unit_test_setup(test_refused_login, clean),
        cmocka_unit_test_setup(test_refused_login_of_a_named_file, clean),
        cmocka_unit_test_setup(test_a_token_without_an_end, clean),
        cmocka_unit_test_setup(test_passing_errors, clean),
        cmocka_unit_test_setup(test_cancelled, clean),
        cmocka_unit_test_setup_teardown(test_clock, clean, clean),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
