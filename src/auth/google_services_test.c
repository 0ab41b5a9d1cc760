/* Google's credentials that come from another service: impersonation by IAM, the metadata server. */
#include "auth/google_testing.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

/* ---- impersonation ---- */

static const char *impersonated_file(const char *url, const char *source)
{
    static char text[8192];

    snprintf(text, sizeof text,
             "{\"type\": \"impersonated_service_account\", \"delegates\": [\"d1\", \"d\\\"2\"], "
             "\"quota_project_id\": \"outer\", \"service_account_impersonation_url\": \"%s\", "
             "\"source_credentials\": %s}",
             url, source);
    return text;
}

static void test_impersonation(void **state)
{
#define ASKED                                                                                                          \
    "POST /v1/projects/-/serviceAccounts/a@p.iam:generateAccessToken {\"scope\":[\"" SCOPE                             \
    "\"],\"lifetime\":\"3600s\",\"delegates\":[\"d1\",\"d\\\"2\"]}"
    static const struct exchange script[] = {
        { "POST /token " REFRESH, "200 OK", "", TOKEN("of-the-user", "3599") },
        { ASKED, "200 OK", "", "{\"accessToken\": \"of-the-account\", \"expireTime\": \"2033-05-18T03:33:20Z\"}" },
        { ASKED, "403 Forbidden", "",
          "{\"error\": {\"code\": 403, \"status\": \"PERMISSION_DENIED\", \"message\": \"Permission denied.\"}}" },
        { "POST /token " REFRESH, "200 OK", "", TOKEN("of-the-user", "3599") },
        { ASKED, "200 OK", "", "{\"accessToken\": \"of-the-account\", \"expireTime\": \"soon\"}" },
    };
    const char *header, *claims;
    char url[128];

    snprintf(url, sizeof url, "http://127.0.0.1:%u/v1/projects/-/serviceAccounts/a@p.iam:generateAccessToken",
             server.port);
    expect(script, 5);
    gives(impersonated_file(url, user_file()), "of-the-account", "the option token");
    assert_string_equal(server.last_authorization, "Bearer of-the-user");
    assert_true(got.expires_ns == 2000000000 * COVE__SEC);
    assert_string_equal(got.quota_project, "outer");

    /* The source signs another token, for IAM's service and not for the store. */
    write_file(path, impersonated_file(url, service_file()));
    fails(path, COVE_EAUTH,
          " (the option token): an impersonated service account: PERMISSION_DENIED: Permission denied.");
    read_jwt(server.last_authorization + strlen("Bearer "), &header, &claims);
    assert_non_null(strstr(claims, "\"scope\":\"https://www.googleapis.com/auth/cloud-platform\""));
    fails(impersonated_file(url, user_file()), COVE_EPROTOCOL, "the response has no usable token");
    all_was_sent();

    fails("{\"type\": \"impersonated_service_account\"}", COVE_EAUTH, "its source_credentials has no \"type\"");
    fails("{\"type\": \"impersonated_service_account\", \"source_credentials\": {\"type\": \"authorized_user\"}}",
          COVE_EAUTH, "\"service_account_impersonation_url\" is missing");
    fails(impersonated_file("http://iam.example/v1", user_file()), COVE_EAUTH,
          "its service_account_impersonation_url is not of the form https://host/path");
    fails(impersonated_file("https://user@iam.example/v1", user_file()), COVE_EAUTH,
          "is not of the form https://host/path");
    fails(impersonated_file(url, "{\"type\": \"service_account\"}"), COVE_EAUTH, "\"client_email\" is missing");
}

/* ---- the metadata server ---- */

static void test_metadata(void **state)
{
    static const struct exchange script[] = {
        { METADATA, "200 OK", "Metadata-Flavor: Google\r\n", TOKEN("machine", "1200") },
        { METADATA, "503 Service Unavailable", "", "" }, /* as GKE's is at first */
        { METADATA, "200 OK", "Metadata-Flavor: Google\r\n", TOKEN("machine", "1200") },
        { METADATA, "200 OK", "", TOKEN("of-another", "1200") },
        { METADATA, "404 Not Found", "Metadata-Flavor: Google\r\n", "" },
    };

    use_metadata();
    expect(script, 5);
    gives(NULL, "machine", "the metadata server");
    assert_true(got.expires_ns <= cove__wall_ns() + 1200 * COVE__SEC);
    gives("cloud", "machine", "the metadata server");
    fails(NULL, COVE_EPROTOCOL, "credentials of the metadata server: the response has no \"metadata-flavor: Google\"");
    fails(NULL, COVE_EAUTH, "; this machine has no service account: attach one, or set GOOGLE_APPLICATION_CREDENTIALS");
    all_was_sent();
}

/* Google's libraries read more names. */
static void test_other_names_of_the_metadata_server(void **state)
{
    static const struct exchange script[] = {
        { METADATA, "200 OK", "Metadata-Flavor: Google\r\n", TOKEN("machine", "1200") },
        { METADATA, "200 OK", "Metadata-Flavor: Google\r\n", TOKEN("machine", "1200") },
    };
    static const char *const names[] = { "GCE_METADATA_ROOT", "GCE_METADATA_IP" };
    char host[64];

    expect(script, 2);
    for (size_t i = 0; i < 2; i++) {
        use_metadata();
        snprintf(host, sizeof host, "%s", getenv("GCE_METADATA_HOST"));
        setenv(names[i], host, 1);
        unsetenv("GCE_METADATA_HOST");
        gives(NULL, "machine", "the metadata server");
        unsetenv(names[i]);
    }
    all_was_sent();
}

/* Where it is expected it is asked five times, as it refuses connections when a pod has just started; in a pod of
 * anybody's, three times. */
static void test_a_metadata_server_that_starts(void **state)
{
    static const struct exchange script[] = {
        { METADATA, "500 Internal Server Error", "", "" },
        { METADATA, "503 Service Unavailable", "", "" },
        { METADATA, "502 Bad Gateway", "", "" },
        { METADATA, "503 Service Unavailable", "", "" },
        { METADATA, "200 OK", "Metadata-Flavor: Google\r\n", TOKEN("machine", "1200") },
    };

    use_metadata();
    expect(script, 5);
    gives(NULL, "machine", "the metadata server");
    all_was_sent();
    setenv("GCE_METADATA_HOST", "127.0.0.1:1", 1); /* closed */
    fails("cloud", COVE_ENETWORK, "after 5 attempts");
}

/* ---- the project ---- */

/* The key's, else gcloud's, else the machine's. */
static void test_project(void **state)
{
#define PROJECT "GET /computeMetadata/v1/project/project-id"
    static const struct exchange script[] = {
        { METADATA, "200 OK", "Metadata-Flavor: Google\r\n", TOKEN("machine", "1200") },
        { PROJECT, "200 OK", "Metadata-Flavor: Google\r\n", "of-the-machine" },
        { METADATA, "200 OK", "Metadata-Flavor: Google\r\n", TOKEN("machine", "1200") },
        { PROJECT, "404 Not Found", "Metadata-Flavor: Google\r\n", "" },
        { METADATA, "200 OK", "Metadata-Flavor: Google\r\n", TOKEN("machine", "1200") },
    };
    char text[4200], configurations[128], at[192], active[128];

    use_metadata();
    wants_project = true;
    expect(script, 5);
    gives("cloud", "machine", "the metadata server");
    assert_string_equal(got.project, "of-the-machine");
    gives("cloud", "machine", "the metadata server");
    assert_null(got.project);

    snprintf(configurations, sizeof configurations, "%s/configurations", gcloud_folder);
    snprintf(at, sizeof at, "%s/config_default", configurations);
    assert_int_equal(mkdir(configurations, 0700), 0);
    write_file(at, "[compute]\nproject = not-this\n[core]\naccount = a@b\nproject = of-gcloud\n");
    gives("cloud", "machine", "the metadata server");
    assert_string_equal(got.project, "of-gcloud");
    gives("ya29.a-token", "ya29.a-token", "the option token");
    assert_string_equal(got.project, "of-gcloud");
    unlink(at);
    snprintf(at, sizeof at, "%s/config_work", configurations);
    write_file(at, "[core]\nproject = of-work\n");
    snprintf(active, sizeof active, "%s/active_config", gcloud_folder);
    write_file(active, "work\n");
    gives("ya29.a-token", "ya29.a-token", "the option token");
    assert_string_equal(got.project, "of-work");
    snprintf(text, sizeof text, "{\"project_id\": \"of-the-key\", %s", service_file() + 1);
    assert_int_equal(fetch(text, false), 0);
    assert_string_equal(got.project, "of-the-key");
    wants_project = false;
    gives("ya29.a-token", "ya29.a-token", "the option token");
    assert_null(got.project);
    unlink(active);
    unlink(at);
    rmdir(configurations);
    all_was_sent();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_impersonation, clean),
        cmocka_unit_test_setup(test_metadata, clean),
        cmocka_unit_test_setup_teardown(test_other_names_of_the_metadata_server, clean, clean),
        cmocka_unit_test_setup_teardown(test_a_metadata_server_that_starts, clean, clean),
        cmocka_unit_test_setup_teardown(test_project, clean, clean),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
