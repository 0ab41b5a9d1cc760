/* Azure's credentials: the order, applications, workloads and the Azure CLI. */
#include "auth/azure_testing.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#define SECRET ENTRA "&client_secret=the-secret%2F1" SCOPED

static void use_application(void)
{
    options.client_id = "app";
    options.tenant_id = "tenant";
    options.client_secret = "the-secret/1";
}

static void test_client_secret(void **state)
{
    static const struct exchange script[] = {
        { SECRET, "200 OK", "", TOKEN("of-the-application") },
        { SECRET, "401 Unauthorized", "",
          "{\"error\": \"invalid_client\", \"error_description\": \"AADSTS7000222: The provided client secret keys for "
          "app 'app' are expired.\\r\\nTrace ID: 1\"}" },
        { SECRET, "400 Bad Request", "",
          "{\"error\": \"unauthorized_client\", \"error_description\": \"AADSTS700016: Application not found.\"}" },
        { SECRET, "400 Bad Request", "",
          "{\"error\": \"invalid_request\", \"error_description\": \"AADSTS9999999: Another code.\"}" },
    };

    use_application();
    expect(script, 4);
    gives("of-the-application", "the client secret");
    assert_true(got.expires_ns > cove__wall_ns() && got.expires_ns <= cove__wall_ns() + 3599 * COVE__SEC);
    fails(COVE_EAUTH, "credentials of the client secret: the client secret has expired: make a new one for the "
                      "application (AADSTS7000222: ");
    fails(COVE_EAUTH, "the tenant has no such application: check client_id (AZURE_CLIENT_ID)");
    fails(COVE_EAUTH, "credentials of the client secret: invalid_request: AADSTS9999999: Another code.");
    all_was_sent();
    options.tenant_id = "../evil";
    fails(COVE_EINVAL, "option tenant_id: it is neither a tenant's ID nor its domain");
    options.tenant_id = NULL;
    fails(COVE_EAUTH, "credentials of the client secret: tenant_id (AZURE_TENANT_ID) is not set");
    options.tenant_id = "tenant";
    options.authority = "http://login.example";
    fails(COVE_EINVAL, "option authority_host: it is not of the form https://host");
}

/* Kubernetes replaces the file while the store is open: each refresh reads it. */
static void test_workload_identity(void **state)
{
#define ASSERTED(assertion)                                                                                            \
    ENTRA "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_"            \
          "assertion=" assertion SCOPED
    static const struct exchange script[] = {
        { ASSERTED("first.jwt.x"), "200 OK", "", TOKEN("one") },
        { ASSERTED("second.jwt.x"), "200 OK", "", TOKEN("two") },
        { ASSERTED("second.jwt.x"), "401 Unauthorized", "",
          "{\"error\": \"invalid_client\", \"error_description\": \"AADSTS700213: No matching federated identity.\"}" },
    };
    struct cove__credentials_source source;

    options.client_id = "app";
    options.tenant_id = "tenant";
    options.federated_token_file = path;
    expect(script, 3);
    assert_int_equal(cove__azure_chain_new(&options, &source, &err), 0);
    write_bytes(path, "first.jwt.x\n", 12);
    uint64_t stamp = source.stamp(source.self);
    assert_int_equal(source.fetch(source.self, NULL, &got, &err), 0);
    assert_string_equal(got.token, "one");
    assert_string_equal(got.origin, "the workload identity");
    cove__oauth_token_done(&got);
    write_bytes(path, "second.jwt.x", 12);
    assert_true(source.stamp(source.self) != stamp);
    assert_int_equal(source.fetch(source.self, NULL, &got, &err), 0);
    assert_string_equal(got.token, "two");
    source.free(source.self);
    fails(COVE_EAUTH, "no federated credential of the application fits");
    all_was_sent();
    unlink(path);
    fails(COVE_EAUTH, "credentials of the workload identity: ");
    options.client_id = NULL;
    options.credential = "WorkloadIdentityCredential";
    fails(COVE_EAUTH, "AZURE_CLIENT_ID or AZURE_TENANT_ID is not set");
}

static void write_az(const char *text)
{
    char at[128], script[1024];

    snprintf(at, sizeof at, "%s/az", folder);
    int n = snprintf(script, sizeof script, "#!/bin/sh\nprintf '%%s\\n' \"$PWD $*\" >%s\n%s\n", path, text);
    write_bytes(at, script, (size_t)n);
}

static int remove_az(void **state)
{
    char at[128];

    snprintf(at, sizeof at, "%s/az", folder);
    unlink(at);
    return azure_clean(state);
}

static void test_cli(void **state)
{
    char line[256] = "";

    options.credential = "cli";
    fails(COVE_EAUTH, "there is no program \"az\" in PATH");
    write_az("echo WARNING: old; echo '{'; echo '\"accessToken\": \"of-az\", \"expiresOn\": \"2033-05-18 "
             "03:33:20.000000\", \"expires_on\": 2000000000}'");
    gives("of-az", "the Azure CLI");
    assert_true(got.expires_ns == 2000000000 * COVE__SEC);
    FILE *f = fopen(path, "r");
    assert_non_null(fgets(line, sizeof line, f));
    fclose(f);
    assert_string_equal(line, "/ account get-access-token --output json --scope https://storage.azure.com/.default\n");

    options.tenant_id = "tenant";
    write_az("echo '{\"accessToken\": \"of-az\", \"expiresOn\": \"2033-05-18 03:33:20.000000\"}'");
    setenv("TZ", "XYZ-2", 1); /* two hours before UTC */
    tzset();
    gives("of-az", "the Azure CLI");
    unsetenv("TZ");
    tzset();
    assert_true(got.expires_ns == (2000000000 - 7200) * COVE__SEC);
    f = fopen(path, "r");
    assert_non_null(fgets(line, sizeof line, f));
    fclose(f);
    assert_non_null(strstr(line, "/.default --tenant tenant\n"));

    write_az("echo \"ERROR: Please run 'az login' to setup account.\" >&2; exit 1");
    fails(COVE_EAUTH, "credentials of the Azure CLI: Please run 'az login' to setup account.");
    options.credential = NULL;
    fails(COVE_EAUTH, "the Azure CLI (Please run 'az login' to setup account.)");
    write_az("echo '{\"accessToken\": \"of-az\"}'");
    fails(COVE_EPROTOCOL, "credentials of the Azure CLI: what it prints has no usable token");
    write_az("echo ERROR: AADSTS700082: The refresh token has expired. >&2; exit 1");
    fails(COVE_EAUTH, "credentials of the Azure CLI: log in again: run \"az login\" (AADSTS700082: The refresh token");
}

static void test_order(void **state)
{
    static const struct exchange script[] = {
        { SECRET, "200 OK", "", TOKEN("of-the-application") },
        { "GET /metadata/identity/oauth2/token?api-version=2018-02-01&" RESOURCE "&client_id=app", "200 OK", "",
          "{\"access_token\": \"of-the-machine\", \"expires_in\": \"86399\"}", "Metadata: true\r\n" },
    };

    expect(script, 2);
    fails(COVE_EAUTH, "no credentials found; tried: the environment (AZURE_CLIENT_SECRET and "
                      "AZURE_CLIENT_CERTIFICATE_PATH are not set), workload identity (AZURE_FEDERATED_TOKEN_FILE is "
                      "not set), managed identity (no metadata service answers), the Azure CLI (there is no program "
                      "\"az\" in PATH); set account_key, sas_token or connection_string, run \"az login\"");
    write_az("echo '{\"accessToken\": \"of-az\", \"expires_on\": 2000000000}'");
    gives("of-az", "the Azure CLI");
    setenv("AZURE_TOKEN_CREDENTIALS", "prod", 1);
    fails(COVE_EAUTH, "managed identity (no metadata service answers); set");
    use_application();
    gives("of-the-application", "the client secret");
    setenv("AZURE_TOKEN_CREDENTIALS", "dev", 1);
    gives("of-az", "the Azure CLI");
    setenv("AZURE_TOKEN_CREDENTIALS", "managedidentitycredential", 1);
    set_url("AZURE_POD_IDENTITY_AUTHORITY_HOST", "");
    gives("of-the-machine", "the managed identity of this machine");
    all_was_sent();

    setenv("AZURE_TOKEN_CREDENTIALS", "AzurePowerShellCredential", 1);
    fails(COVE_ENOTSUP, "AZURE_TOKEN_CREDENTIALS: AzurePowerShellCredential is not supported");
    setenv("AZURE_TOKEN_CREDENTIALS", "somewhere", 1);
    fails(COVE_EINVAL, "AZURE_TOKEN_CREDENTIALS: it is none of default, environment");
    options.credential = "the-secret";
    fails(COVE_EINVAL, "option credential: it is none of default, environment");
    options.credential = "eyJhbGciOiJub25lIn0.e30.";
    gives(options.credential, "the option credential");
    assert_true(got.expires_ns == INT64_MAX);
}

/* What was found once is not replaced by another that is found later. */
static void test_place_is_kept(void **state)
{
    struct cove__credentials_source source;

    write_az("echo '{\"accessToken\": \"of-az\", \"expires_on\": 2000000000}'");
    assert_int_equal(cove__azure_chain_new(&options, &source, &err), 0);
    assert_int_equal(source.fetch(source.self, NULL, &got, &err), 0);
    cove__oauth_token_done(&got);
    remove_az(NULL);
    set_url("AZURE_POD_IDENTITY_AUTHORITY_HOST", "");
    expect(NULL, 0);
    assert_int_equal(source.fetch(source.self, NULL, &got, &err), COVE_EAUTH);
    assert_non_null(strstr(err.message, "the credentials are gone from where they were found at first: the Azure CLI: "
                                        "there is no program \"az\" in PATH"));
    source.free(source.self);
    all_was_sent();
}

static void test_times(void **state)
{
    const int64_t ends_ns = 2000000000 * COVE__SEC; /* 2033-05-18 03:33:20 */

    assert_true(cove__azure_ends_ns("2000000000") == ends_ns);
    assert_true(cove__azure_ends_ns("05/18/2033 03:33:20 +00:00") == ends_ns);
    assert_true(cove__azure_ends_ns("5/18/2033 3:33:20 AM +00:00") == ends_ns);
    assert_true(cove__azure_ends_ns("5/18/2033 3:33:20 PM +00:00") == ends_ns + 12 * 3600 * COVE__SEC);
    assert_true(cove__azure_ends_ns("5/18/2033 12:33:20 AM +00:00") == ends_ns - 3 * 3600 * COVE__SEC);
    assert_true(cove__azure_ends_ns("2033-05-18T03:33:20Z") == ends_ns);
    static const char *const wrong[] = { "",
                                         "soon",
                                         "-5",
                                         "13:00",
                                         "5/18/2033",
                                         "18/5/2033 03:33:20 +00:00",
                                         "5/18/2033 03:33:20 +02:00",
                                         "5/18/2033 13:33:20 PM +00:00",
                                         "99999999999999999999" };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (cove__azure_ends_ns(wrong[i]) >= 0)
            fail_msg("%s", wrong[i]);
    }
    assert_true(cove__azure_local_ns("2033-05-18") < 0);
    assert_true(cove__azure_local_ns("2033-05-18 03:33:20Z") < 0);
}

/* A code is read whole: AADSTS70021 is another than AADSTS7002199. */
static void test_codes(void **state)
{
    assert_non_null(strstr(cove__azure_advice("AADSTS7000215: Invalid client secret."), "client secret is wrong"));
    assert_null(cove__azure_advice("AADSTS70002159: another"));
    assert_non_null(strstr(cove__azure_advice("AADSTS70021: No match."), "no federated credential"));
    assert_null(cove__azure_advice("no code at all"));
}

/* Each allocation fails in turn. */
static void test_without_memory(void **state)
{
    unsigned failed = 0;

    options.client_id = options.tenant_id = "x";
    options.credential = "eyJhbGciOiJub25lIn0.e30.";
    for (unsigned long n = 1; n < 40; n++) {
        cove__mem_fail(n, 0);
        int rc = fetch();
        cove__mem_fail(0, 0);
        if (rc != 0 && rc != COVE_ENOMEM)
            fail_msg("allocation %lu: %s", n, err.message);
        failed += rc != 0;
    }
    assert_true(failed > 5); /* secrets are hidden as well as memory allows */
    assert_int_equal(fetch(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_client_secret, azure_clean),
        cmocka_unit_test_setup_teardown(test_workload_identity, azure_clean, azure_clean),
        cmocka_unit_test_setup_teardown(test_cli, azure_clean, remove_az),
        cmocka_unit_test_setup_teardown(test_order, azure_clean, remove_az),
        cmocka_unit_test_setup_teardown(test_place_is_kept, azure_clean, remove_az),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_codes),
        cmocka_unit_test_setup(test_without_memory, azure_clean),
    };

    return cmocka_run_group_tests(tests, azure_start, azure_stop);
}
