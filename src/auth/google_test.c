/* Google's credentials: which source is asked, and which files are refused. */
#include "auth/google_testing.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/mem.h"

static void test_order(void **state)
{
    static const struct exchange script[] = {
        { "POST /token " REFRESH, "200 OK", "", TOKEN("of-the-variable", "3599") },
        { "POST /token " REFRESH, "200 OK", "", TOKEN("of-the-option", "3599") },
    };
    char origin[256];

    expect(script, 2);
    gives(NULL, NULL, "anonymous access: no credentials were found");
    assert_true(got.expires_ns == INT64_MAX);
    fails("google_default", COVE_EAUTH, "no credentials found in GOOGLE_APPLICATION_CREDENTIALS or in ");
    fails("cloud", COVE_EAUTH, "token=cloud: the metadata server is switched off by NO_GCE_CHECK");
    gives("anon", NULL, "anonymous access: token=anon");
    gives("ya29.a-token", "ya29.a-token", "the option token");
    assert_true(got.expires_ns == INT64_MAX);

    write_file(gcloud_path, "not read");
    setenv("GOOGLE_APPLICATION_CREDENTIALS", path, 1);
    fails(NULL, COVE_EAUTH, "(GOOGLE_APPLICATION_CREDENTIALS): there is no such file");
    write_file(path, user_file());
    snprintf(origin, sizeof origin, "%s (GOOGLE_APPLICATION_CREDENTIALS)", path);
    gives(NULL, "of-the-variable", origin);
    gives(user_file(), "of-the-option", "the option token");
    all_was_sent();

    fails("no/such/key.json", COVE_EAUTH, "no/such/key.json (the option token): there is no such file");
    fails("two words", COVE_EINVAL, "option token: neither a file that exists, nor an access token");
    fails("browser", COVE_ENOTSUP, "option token: \"browser\" is not supported: run \"gcloud auth");
    fails("cache", COVE_ENOTSUP, "option token: \"cache\" is not supported");
}

static void test_files(void **state)
{
    static const struct {
        const char *text;
        int code;
        const char *part;
    } rows[] = {
        { "", COVE_EAUTH, "it is not JSON: the text ends too early (line 1, column 1)" },
        { "[]", COVE_EAUTH, "it is not JSON: it is not an object" },
        { "{}", COVE_EAUTH, "it has no \"type\"" },
        { "{\"type\": \"gdch_service_account\"}", COVE_ENOTSUP,
          "its type \"gdch_service_account\" is not supported: use the key file of a service account, or run \"gcloud "
          "auth "
          "application-default login\"" },
        { "{\"type\": \"impersonated_service_account\", \"source_credentials\": {\"type\": \"external_account\"}}",
          COVE_ENOTSUP, "its source_credentials' type \"external_account\" is not supported" },
        { "{\"type\": \"service_account\"}", COVE_EAUTH, "\"client_email\" is missing" },
        { "{\"type\": \"service_account\", \"client_email\": \"a\", \"private_key\": \"\"}", COVE_EAUTH,
          "\"private_key\" is missing" },
        { "{\"type\": \"service_account\", \"client_email\": \"a\", \"private_key\": \"a wrong secret\"}", COVE_EAUTH,
          "its private_key is not an RSA key in PEM" },
        { "{\"type\": \"service_account\", \"private_key\": \"a\", \"private_key\": \"b\"}", COVE_EAUTH,
          "it is not JSON: duplicate name" },
        { "{\"type\": \"authorized_user\", \"client_id\": \"a\", \"client_secret\": \"b\"}", COVE_EAUTH,
          "\"refresh_token\" is missing" },
        { "{\"type\": \"authorized_user\", \"client_id\": \"a\", \"client_secret\": \"b\", \"refresh_token\": \"c\", "
          "\"token_uri\": \"http://example.com/token\"}",
          COVE_EAUTH, "its token_uri is not of the form https://host/path" },
    };

    expect(NULL, 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        write_file(path, rows[i].text);
        fails(path, rows[i].code, rows[i].part);
        assert_non_null(strstr(rows[i].part, "private_key is not") ? err.message : strstr(err.message, path));
    }
    all_was_sent();
}

static char logged[512];

static void keep_log(void *user, enum cove_log_level level, const char *subject, const char *message)
{
    snprintf(logged, sizeof logged, "%s: %s", subject, message);
}

static void test_readable_by_others(void **state)
{
    cove_log_set(keep_log, NULL, COVE_LOG_WARNING);
    write_file(path, "{}");
    logged[0] = '\0';
    fails(path, COVE_EAUTH, "type");
    assert_string_equal(logged, "");
    chmod(path, 0644);
    fails(path, COVE_EAUTH, "type");
    assert_non_null(strstr(logged, "key.json: other users can read these credentials"));
    logged[0] = '\0';
    fails(path, COVE_EAUTH, "type"); /* each refresh reads it, but it was told */
    assert_string_equal(logged, "");
    cove_log_set(NULL, NULL, COVE_LOG_WARNING);
}

/* Each allocation fails in turn, of a token that is signed and of files that are read. */
static void test_without_memory(void **state)
{
    unsigned long n = 0;
    int rc;

    write_file(path, service_file());
    do {
        cove__mem_fail(++n, 0);
        rc = fetch(path, false);
        cove__mem_fail(0, 0);
        if (rc != 0 && rc != COVE_ENOMEM)
            fail_msg("allocation %lu: %s", n, err.message);
    } while (rc != 0 && n < 500);
    assert_true(rc == 0 && n > 10);
}

/* A key of another universe is refused before anything is sent. */
static void test_universe(void **state)
{
    static const char external[] =
        "{\"type\": \"external_account\", \"universe_domain\": \"apis.example\", \"audience\": \"a\", "
        "\"subject_token_type\": \"t\", \"credential_source\": {\"file\": \"/f\"}}";
    struct cove__google_key_file file;
    char text[4200];

    expect(NULL, 0);
    snprintf(text, sizeof text, "{\"universe_domain\": \"apis.example\", %s", service_file() + 1);
    fails(text, COVE_EAUTH,
          "credentials of the option token: they are of the universe_domain \"apis.example\", but the option "
          "universe_domain is \"googleapis.com\"");
    universe = "apis.example";
    assert_int_equal(fetch(text, false), 0);
    fails(user_file(), COVE_EAUTH, "they are of the universe_domain \"googleapis.com\"");
    all_was_sent();

    assert_int_equal(cove__google_key_file_read(cove__slice_str(external), "x", universe, &file, &err), 0);
    assert_string_equal(file.token_uri, "https://sts.apis.example/v1/token");
    cove__google_key_file_done(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_order, clean),
        cmocka_unit_test_setup(test_files, clean),
        cmocka_unit_test_setup(test_universe, clean),
        cmocka_unit_test_setup(test_readable_by_others, clean),
        cmocka_unit_test_setup_teardown(test_without_memory, clean, clean),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
