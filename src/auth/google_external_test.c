/* External accounts: where their subject tokens come from, and what the Security Token Service is sent. */
#include "auth/google_testing.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "wire/uri.h"

#define TYPE "urn:ietf:params:oauth:token-type:jwt"
#define EXCHANGE                                                                                                       \
    "POST /v1/token grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&audience=%2F%2Fiam%2Fpool&"   \
    "scope="
#define OF_STORE "https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fdevstorage.read_write&"
#define OF_CLOUD "https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fcloud-platform&"
#define WANTED   "requested_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token&subject_token="
#define JWT      "&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt"

static char subject[96];

/* A file of an external account; `%u` in what is given is the server's port. */
static const char *external_file(const char *source, const char *more)
{
    static char text[4096];
    char pattern[2048];

    snprintf(pattern, sizeof pattern,
             "{\"type\": \"external_account\", \"audience\": \"//iam/pool\", \"subject_token_type\": \"" TYPE "\", "
             "\"token_url\": \"http://127.0.0.1:%%PORT/v1/token\", %s\"credential_source\": {%s}}",
             more, source);
    size_t n = 0;
    for (const char *at = pattern; *at != '\0'; at++) {
        if (strncmp(at, "%PORT", 5) == 0) {
            n += (size_t)snprintf(text + n, sizeof text - n, "%u", server.port);
            at += 4;
        } else if (strncmp(at, "%SUBJECT", 8) == 0) {
            n += (size_t)snprintf(text + n, sizeof text - n, "%s", subject);
            at += 7;
        } else {
            text[n++] = *at;
        }
    }
    text[n] = '\0';
    return text;
}

static int clean_subject(void **state)
{
    snprintf(subject, sizeof subject, "%s/subject", folder);
    unlink(subject);
    return clean(state);
}

static void test_of_file(void **state)
{
    static const struct exchange script[] = {
        { EXCHANGE OF_STORE WANTED "subject%2Fsecret" JWT, "200 OK", "", TOKEN("exchanged", "3599") },
        { EXCHANGE OF_STORE WANTED "another-secret" JWT "&options=%257B%2522userProject%2522%253A%2522p%2522%257D",
          "200 OK", "", TOKEN("exchanged", "3599") },
        { EXCHANGE OF_STORE WANTED "another-secret" JWT, "200 OK", "", TOKEN("exchanged", "3599"),
          "Authorization: Basic aWQ6Y2xpZW50LXNlY3JldA==\r\n" },
        { EXCHANGE OF_STORE WANTED "another-secret" JWT, "400 Bad Request", "",
          "{\"error\": \"invalid_grant\", \"error_description\": \"The JWT another-secret is expired\"}" },
    };
    static const char plain[] = "\"file\": \"%SUBJECT\"";
    static const char json[] =
        "\"file\": \"%SUBJECT\", \"format\": {\"type\": \"json\", \"subject_token_field_name\": \"t\"}";

    fails(external_file(plain, ""), COVE_EAUTH, "credentials of the option token: an external account: ");
    write_file(subject, "subject/secret\n");
    expect(script, 4);
    gives(external_file(plain, ""), "exchanged", "the option token");
    write_file(subject, "{\"t\": \"another-secret\"}");
    gives(external_file(json, "\"workforce_pool_user_project\": \"p\", "), "exchanged", "the option token");
    gives(external_file(json, "\"workforce_pool_user_project\": \"p\", \"client_id\": \"id\", "
                              "\"client_secret\": \"client-secret\", "),
          "exchanged", "the option token");
    fails(external_file(json, ""), COVE_EAUTH,
          ": an external account: invalid_grant: The JWT *** is expired; the subject token was refused");
    write_file(subject, "{\"other\": \"x\"}");
    fails(external_file(json, ""), COVE_EAUTH, "there is no subject token in ");
    write_file(subject, "not json");
    fails(external_file(json, ""), COVE_EAUTH, "cannot be read: ");
    all_was_sent();
}

/* Another subject token is a reason to ask again, as another key file is. */
static void test_stamp(void **state)
{
    static const struct exchange script[] = {
        { EXCHANGE OF_STORE WANTED "subject%2Fsecret" JWT, "200 OK", "", TOKEN("exchanged", "3599") },
    };
    struct cove__http_config http = { .proxy = "" };
    struct cove__google_chain_options options = { .token = path, .scope = SCOPE, .http = &http };
    struct cove__credentials_source source;

    write_file(path, external_file("\"file\": \"%SUBJECT\"", ""));
    write_file(subject, "subject/secret");
    expect(script, 1);
    assert_int_equal(cove__google_chain_new(&options, &source, &err), 0);
    cove__oauth_token_done(&got);
    assert_int_equal(source.fetch(source.self, NULL, &got, &err), 0);
    uint64_t stamp = source.stamp(source.self);
    assert_true(source.stamp(source.self) == stamp);
    write_file(subject, "another subject");
    assert_true(source.stamp(source.self) != stamp);
    source.free(source.self);
    all_was_sent();
}

static void test_of_url(void **state)
{
    static const struct exchange script[] = {
        { "GET /subject?a=b", "200 OK", "", "{\"value\": \"of-the-url\"}", "Metadata: True\r\n" },
        { EXCHANGE OF_CLOUD WANTED "of-the-url" JWT, "200 OK", "", TOKEN("federated", "3599") },
        { "POST /v1/a@p.iam:generateAccessToken {\"scope\":[\"" SCOPE "\"],\"lifetime\":\"900s\",\"delegates\":[]}",
          "200 OK", "", "{\"accessToken\": \"of-the-account\", \"expireTime\": \"2033-05-18T03:33:20Z\"}",
          "Authorization: Bearer federated\r\n" },
        { "GET /subject?a=b", "403 Forbidden", "", "no" },
    };
    static const char source[] =
        "\"url\": \"http://127.0.0.1:%PORT/subject?a=b\", \"headers\": {\"Metadata\": \"True\"}, "
        "\"format\": {\"type\": \"json\", \"subject_token_field_name\": \"value\"}";
    static const char account[] = "\"service_account_impersonation_url\": "
                                  "\"http://127.0.0.1:%PORT/v1/a@p.iam:generateAccessToken\", "
                                  "\"service_account_impersonation\": {\"token_lifetime_seconds\": 900}, ";

    expect(script, 4);
    gives(external_file(source, account), "of-the-account", "the option token");
    fails(external_file(source, account), COVE_EAUTH,
          "credentials of the option token: an external account's subject token");
    all_was_sent();
    fails(external_file("\"url\": \"http://x/\", \"headers\": {\"A\": \"b\\r\\nC: d\"}", ""), COVE_EAUTH,
          "its credential_source.headers cannot be sent");
}

/* ---- AWS ---- */

#define AWS                                                                                                            \
    "\"environment_id\": \"aws1\", \"region_url\": \"http://127.0.0.1:%PORT/zone\", "                                  \
    "\"url\": \"http://127.0.0.1:%PORT/role\", "                                                                       \
    "\"regional_cred_verification_url\": "                                                                             \
    "\"https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15\""

/* The subject token of the last exchange, decoded: JSON. */
static const char *last_subject(void)
{
    static struct cove__buf once = { .max = 16384 }, twice = { .max = 16384 };
    const char *begin = strstr(server.last, "&subject_token=");

    assert_non_null(begin);
    begin += strlen("&subject_token=");
    cove__buf_reset(&once);
    cove__buf_reset(&twice);
    assert_int_equal(cove__uri_decode(&once, cove__slice(begin, strcspn(begin, "&"))), 0);
    assert_int_equal(cove__uri_decode(&twice, cove__buf_slice(&once)), 0);
    return cove__buf_str(&twice);
}

static void has(const char *text, const char *part)
{
    if (!text || !strstr(text, part))
        fail_msg("%s has not %s", text ? text : "nothing", part);
}

static void test_of_aws(void **state)
{
    static const struct exchange script[] = {
        { EXCHANGE OF_STORE WANTED "%257B*", "200 OK", "", TOKEN("by-keys", "3599") },
        { EXCHANGE OF_STORE WANTED "%257B*", "400 Bad Request", "",
          "{\"error\": \"invalid_grant\", "
          "\"error_description\": \"a token aws-session-token, a signature\"}" },
        { "PUT /session", "200 OK", "", "session-secret", "X-aws-ec2-metadata-token-ttl-seconds: 300\r\n" },
        { "GET /zone", "200 OK", "", "eu-west-1b", "X-aws-ec2-metadata-token: session-secret\r\n" },
        { "GET /role", "200 OK", "", "the-role\n", "X-aws-ec2-metadata-token: session-secret\r\n" },
        { "GET /role/the-role", "200 OK", "",
          "{\"AccessKeyId\": \"AKI\", \"SecretAccessKey\": \"instance-secret\", \"Token\": \"instance-token\"}",
          "X-aws-ec2-metadata-token: session-secret\r\n" },
        { EXCHANGE OF_STORE WANTED "%257B*", "200 OK", "", TOKEN("of-the-instance", "3599") },
        { "GET /zone", "200 OK", "", "eu-west-1b" },
        { "GET /role", "404 Not Found", "", "" },
    };

    setenv("AWS_ACCESS_KEY_ID", "AKID", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "aws-secret-key", 1);
    setenv("AWS_REGION", "us-east-2", 1);
    expect(script, 9);
    gives(external_file(AWS, ""), "by-keys", "the option token");
    const char *json = last_subject();
    has(json, "{\"url\":\"https://sts.us-east-2.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15\","
              "\"method\":\"POST\",\"headers\":[");
    has(json, "{\"key\":\"host\",\"value\":\"sts.us-east-2.amazonaws.com\"}");
    has(json, "{\"key\":\"x-goog-cloud-target-resource\",\"value\":\"//iam/pool\"}");
    has(json, "{\"key\":\"Authorization\",\"value\":\"AWS4-HMAC-SHA256 Credential=AKID/");
    has(json, "/us-east-2/sts/aws4_request, SignedHeaders=host;x-amz-date;x-goog-cloud-target-resource, Signature=");
    assert_null(strstr(json, "aws-secret-key"));
    assert_null(strstr(json, "x-amz-security-token"));

    setenv("AWS_SESSION_TOKEN", "aws-session-token", 1);
    fails(external_file(AWS, ""), COVE_EAUTH, "a token ***, a signature");
    assert_null(strstr(err.message, "aws-session-token"));

    clean(NULL);
    gives(external_file(AWS ", \"imdsv2_session_token_url\": \"http://127.0.0.1:%PORT/session\"", ""),
          "of-the-instance", "the option token");
    json = last_subject();
    has(json, "https://sts.eu-west-1.amazonaws.com?");
    has(json, "{\"key\":\"x-amz-security-token\",\"value\":\"instance-token\"}");
    fails(external_file(AWS, ""), COVE_EAUTH, ": AWS's metadata service");
    all_was_sent();
    fails(external_file("\"environment_id\": \"aws1\", \"regional_cred_verification_url\": \"https://sts\"", ""),
          COVE_EAUTH, "neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are set");
}

/* ---- programs ---- */

#define PRINTS "\"executable\": {\"command\": \"/bin/sh '%SUBJECT' one 'two \\\\\\\" words' three\\\\ more\"}"

static void test_of_program(void **state)
{
    static const struct exchange script[] = {
        { EXCHANGE OF_CLOUD WANTED "of-the-program" JWT, "200 OK", "", TOKEN("federated", "3599") },
        { "POST /v1/a@p.iam:generateAccessToken *", "200 OK", "",
          "{\"accessToken\": \"of-the-account\", \"expireTime\": \"2033-05-18T03:33:20Z\"}" },
    };
    static const char account[] = "\"service_account_impersonation_url\": "
                                  "\"http://127.0.0.1:%PORT/v1/a@p.iam:generateAccessToken\", ";
    static const char program[] =
        "[ \"$#/$1/$2/$3\" = '3/one/two \\\" words/three more' ] || exit 2\n"
        "[ \"$GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE\" = //iam/pool ] || exit 3\n"
        "[ \"$GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE\" = " TYPE " ] || exit 4\n"
        "[ \"$GOOGLE_EXTERNAL_ACCOUNT_INTERACTIVE\" = 0 ] || exit 5\n"
        "[ \"$GOOGLE_EXTERNAL_ACCOUNT_IMPERSONATED_EMAIL\" = a@p.iam ] || exit 6\n"
        "echo '{\"version\": 1, \"success\": true, \"token_type\": \"" TYPE "\", \"id_token\": \"of-the-program\"}'\n";
    static const struct {
        const char *prints, *part;
    } rows[] = {
        { "exit 7", ": an external account's executable: it ended with status 7" },
        { "echo x", "its response is not JSON" },
        { "printf '{\"a\":'; head -c 2000 /dev/zero | tr '\\0' '['", "its response is not JSON: over a stated limit" },
        { "echo '{\"version\": 1, \"success\": false, \"code\": \"401\", \"message\": \"log in\"}'", "401: log in" },
        { "echo '{\"version\": 2, \"success\": true}'", "its response is not of version 1" },
        { "echo '{\"version\": 1, \"success\": true, \"token_type\": \"other\", \"id_token\": \"hidden-secret\"}'",
          "the token_type of its response is not " TYPE },
        { "echo '{\"version\": 1, \"success\": true, \"token_type\": \"" TYPE "\"}'", "its response has no id_token" },
        { "echo '{\"version\": 1, \"success\": true, \"token_type\": \"" TYPE
          "\", \"id_token\": \"hidden-secret\", \"expiration_time\": 5}'",
          "the token that it gives has expired" },
    };

    write_file(subject, program);
    expect(script, 2);
    fails(external_file(PRINTS, account), COVE_EAUTH, "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES is set to 1");
    setenv("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1", 1);
    gives(external_file(PRINTS, account), "of-the-account", "the option token");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        write_file(subject, rows[i].prints);
        fails(external_file(PRINTS, account), COVE_EAUTH, rows[i].part);
        assert_null(strstr(err.message, "hidden-secret"));
    }
    all_was_sent();
    fails(external_file("\"executable\": {\"command\": \"x\", \"timeout_millis\": 100}", ""), COVE_EAUTH,
          "its timeout_millis is not between 5000 and 120000");
    fails(external_file("\"executable\": {\"command\": \"x 'y\"}", ""), COVE_EAUTH, "has a quote without an end");
    fails(external_file("\"executable\": {\"command\": \"/no/such/program\"}", ""), COVE_ENOTFOUND,
          "it cannot be started");
}

/* SAML, whose response has another name. */
static void test_saml(void **state)
{
#define SAML "urn:ietf:params:oauth:token-type:saml2"
    static const struct exchange script[] = {
        { EXCHANGE OF_STORE WANTED "of-saml&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Asaml2",
          "200 OK", "", TOKEN("exchanged", "3599") },
    };
    char text[1024];

    setenv("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1", 1);
    write_file(subject, "echo '{\"version\": 1, \"success\": true, \"token_type\": \"" SAML
                        "\", \"saml_response\": \"of-saml\"}'\n");
    snprintf(text, sizeof text,
             "{\"type\": \"external_account\", \"audience\": \"//iam/pool\", \"subject_token_type\": \"" SAML
             "\", \"token_url\": \"http://127.0.0.1:%u/v1/token\", \"credential_source\": {\"executable\": "
             "{\"command\": \"/bin/sh %s\"}}}",
             server.port, subject);
    expect(script, 1);
    gives(text, "exchanged", "the option token");
    all_was_sent();
}

/* What the program kept serves until its end. */
static void test_kept_response(void **state)
{
    static const struct exchange script[] = {
        { EXCHANGE OF_STORE WANTED "kept-token" JWT, "200 OK", "", TOKEN("exchanged", "3599") },
    };
    static const char source[] = "\"executable\": {\"command\": \"/bin/false\", \"output_file\": \"%SUBJECT\"}";
    char text[256];

    setenv("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1", 1);
    expect(script, 1);
    for (int ahead = 1; ahead >= 0; ahead--) {
        snprintf(text, sizeof text,
                 "{\"version\": 1, \"success\": true, \"token_type\": \"" TYPE
                 "\", \"id_token\": \"kept-token\", \"expiration_time\": %lld}",
                 (long long)(cove__wall_ns() / COVE__SEC) + (ahead != 0 ? 3600 : -1));
        write_file(subject, text);
        if (ahead != 0)
            gives(external_file(source, ""), "exchanged", "the option token");
        else
            fails(external_file(source, ""), COVE_EAUTH, "it ended with status 1");
    }
    all_was_sent();
}

/* ---- logins by another provider ---- */

/* The service may replace the refresh token, which the file then does not have. */
static void test_login_of_external_user(void **state)
{
#define ASK "POST /v1/oauthtoken grant_type=refresh_token&refresh_token="
    static const struct exchange script[] = {
        { ASK "first-secret", "200 OK", "",
          "{\"access_token\": \"one\", \"expires_in\": 10, \"refresh_token\": \"second-secret\"}",
          "Authorization: Basic aWQ6Y2xpZW50LXNlY3JldA==\r\n" },
        { ASK "second-secret", "200 OK", "", TOKEN("two", "10") },
        { ASK "second-secret", "400 Bad Request", "",
          "{\"error\": \"invalid_grant\", \"error_description\": \"no second-secret\"}" },
    };
    struct cove__http_config http = { .proxy = "" };
    struct cove__google_chain_options options = { .token = path, .scope = SCOPE, .http = &http };
    struct cove__credentials_source source;
    char text[512];

    snprintf(text, sizeof text,
             "{\"type\": \"external_account_authorized_user\", \"client_id\": \"id\", \"client_secret\": "
             "\"client-secret\", \"refresh_token\": \"first-secret\", \"token_url\": "
             "\"http://127.0.0.1:%u/v1/oauthtoken\"}",
             server.port);
    write_file(path, text);
    expect(script, 3);
    assert_int_equal(cove__google_chain_new(&options, &source, &err), 0);
    for (int i = 0; i < 2; i++) {
        cove__oauth_token_done(&got);
        assert_int_equal(source.fetch(source.self, NULL, &got, &err), 0);
        assert_string_equal(got.token, i == 0 ? "one" : "two");
    }
    cove__oauth_token_done(&got);
    assert_int_equal(source.fetch(source.self, NULL, &got, &err), COVE_EAUTH);
    assert_non_null(strstr(err.message, "invalid_grant: no ***; run \"gcloud auth application-default login\""));
    source.free(source.self);
    all_was_sent();
}

static void test_refused_files(void **state)
{
    static const struct {
        const char *source;
        int code;
        const char *part;
    } rows[] = {
        { "\"certificate\": {\"use_default_certificate_config\": true}", COVE_ENOTSUP,
          "X.509 certificates (credential_source.certificate) are not supported" },
        { "\"environment_id\": \"aws2\", \"regional_cred_verification_url\": \"https://x\"", COVE_ENOTSUP,
          "its environment_id \"aws2\" is not supported; supported: aws1" },
        { "\"environment_id\": \"aws1\"", COVE_EAUTH, "regional_cred_verification_url\" is missing" },
        { "\"file\": \"f\", \"format\": {\"type\": \"xml\"}", COVE_ENOTSUP, "the format \"xml\" is not supported" },
        { "\"file\": \"f\", \"format\": {\"type\": \"json\"}", COVE_EAUTH, "subject_token_field_name\" is missing" },
        { "", COVE_EAUTH, "not exactly one of file, url, environment_id and executable" },
        { "\"file\": \"f\", \"url\": \"http://x\"", COVE_EAUTH, "not exactly one of" },
    };

    expect(NULL, 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        fails(external_file(rows[i].source, ""), rows[i].code, rows[i].part);
    fails("{\"type\": \"external_account\"}", COVE_EAUTH, "\"audience\" is missing");
    all_was_sent();
}

/* Each allocation fails in turn while a file is read. */
static void test_without_memory(void **state)
{
    const char *text = external_file("\"url\": \"http://x/\", \"headers\": {\"A\": \"b\"}", "\"client_id\": \"id\", ");
    struct cove__google_key_file file;
    unsigned long n = 0;
    int rc;

    do {
        cove__mem_fail(++n, 0);
        rc = cove__google_key_file_read(cove__slice_str(text), "x", COVE__GOOGLE_UNIVERSE, &file, &err);
        cove__mem_fail(0, 0);
        if (rc != 0 && rc != COVE_ENOMEM)
            fail_msg("allocation %lu: %s", n, err.message);
    } while (rc != 0 && n < 500);
    assert_true(rc == 0 && n > 10);
    assert_string_equal(cove__buf_str(&file.external.headers), "A: b\n");
    cove__google_key_file_done(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_of_file, clean_subject),
        cmocka_unit_test_setup(test_stamp, clean_subject),
        cmocka_unit_test_setup(test_of_url, clean_subject),
        cmocka_unit_test_setup(test_of_aws, clean_subject),
        cmocka_unit_test_setup(test_of_program, clean_subject),
        cmocka_unit_test_setup(test_saml, clean_subject),
        cmocka_unit_test_setup(test_kept_response, clean_subject),
        cmocka_unit_test_setup(test_login_of_external_user, clean_subject),
        cmocka_unit_test_setup(test_without_memory, clean_subject),
        cmocka_unit_test_setup_teardown(test_refused_files, clean_subject, clean_subject),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
