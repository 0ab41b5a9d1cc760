/* Azure's managed identities: which service is asked, and what it is sent. */
#include "auth/azure_testing.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

#define ENDS_ON "\"expires_on\": \"2000000000\""

static int by_name(void **state)
{
    azure_clean(state);
    options.credential = "managed_identity";
    return 0;
}

static void test_imds(void **state)
{
#define IMDS "GET /metadata/identity/oauth2/token?api-version=2018-02-01&" RESOURCE
    static const struct exchange script[] = {
        { IMDS, "404 Not Found", "", "" }, /* it has just begun */
        { IMDS, "200 OK", "", "{\"access_token\": \"t1\", \"expires_in\": \"3600\", " ENDS_ON "}",
          "Metadata: true\r\n" },
        { IMDS "&object_id=o", "200 OK", "", "{\"access_token\": \"t2\", \"expires_in\": 3600}" },
        { IMDS "&msi_res_id=r", "200 OK", "", "{\"access_token\": \"t3\"}" },
        { IMDS "&client_id=c", "400 Bad Request", "",
          "{\"error\": \"invalid_request\", \"error_description\": \"Identity not found\"}" },
    };

    set_url("AZURE_POD_IDENTITY_AUTHORITY_HOST", "");
    expect(script, 5);
    gives("t1", "the managed identity of this machine");
    assert_true(got.expires_ns <= cove__wall_ns() + 3600 * COVE__SEC);
    options.object_id = "o";
    gives("t2", "the managed identity of this machine");
    options.msi_resource_id = "r";
    fails(COVE_EPROTOCOL, "credentials of the managed identity of this machine: the response has no usable token");
    options.object_id = options.msi_resource_id = NULL;
    options.client_id = "c";
    fails(COVE_EAUTH, "the machine has no such identity: assign one to it, or set client_id (AZURE_CLIENT_ID) to that "
                      "of one which it has (invalid_request: Identity not found)");
    all_was_sent();
}

/* In the default order a machine without identities has other credentials, as has one where Docker Desktop answers. */
static void test_imds_has_none(void **state)
{
    static const struct exchange script[] = {
        { IMDS, "400 Bad Request", "", "{\"error\": \"invalid_request\"}" },
        { IMDS, "403 Forbidden", "",
          "connecting to 169.254.169.254:80: A socket operation was attempted to an "
          "unreachable network." },
    };

    options.credential = NULL;
    set_url("AZURE_POD_IDENTITY_AUTHORITY_HOST", "");
    expect(script, 2);
    fails(COVE_EAUTH, "the Azure CLI (there is no program");
    fails(COVE_EAUTH, "managed identity (no metadata service answers), the Azure CLI");
    all_was_sent();
}

static void test_app_service(void **state)
{
#define APP "GET /msi/token?api-version=2019-08-01&" RESOURCE
    static const struct exchange script[] = {
        { APP "&client_id=c", "200 OK", "", "{\"access_token\": \"t\", " ENDS_ON "}", "X-IDENTITY-HEADER: h\r\n" },
        { APP "&client_id=c", "200 OK", "", "{\"access_token\": \"t\", \"expires_on\": 1000000000}" },
        { APP "&client_id=c", "400 Bad Request", "", "{\"statusCode\": 400, \"message\": \"No such identity\"}" },
    };

    set_url("IDENTITY_ENDPOINT", "/msi/token");
    setenv("IDENTITY_HEADER", "h", 1);
    options.client_id = "c";
    expect(script, 3);
    gives("t", "the managed identity of App Service");
    assert_true(got.expires_ns == 2000000000 * COVE__SEC);
    fails(COVE_EAUTH, "the token has ended by this machine's clock: is the clock right?");
    fails(COVE_EAUTH, "(No such identity)");
    all_was_sent();
    setenv("IDENTITY_SERVER_THUMBPRINT", "x", 1);
    fails(COVE_ENOTSUP, "those of Service Fabric are not supported");
}

static void test_machine_learning(void **state)
{
#define ML "GET /ml?api-version=2017-09-01&" RESOURCE
    static const struct exchange script[] = {
        { ML "&clientid=of-the-cluster", "200 OK", "Content-Type: text/plain\r\n",
          "{\"access_token\": \"t\", \"expires_on\": \"05/18/2033 03:33:20 +00:00\"}", "\r\nsecret: s\r\n" },
        { ML "&clientid=c", "200 OK", "", "{\"access_token\": \"t\", " ENDS_ON "}" },
        { ML, "400 Bad Request", "", "{\"error\": {\"code\": \"UserError\", \"message\": \"no identity\"}}" },
    };

    set_url("MSI_ENDPOINT", "/ml");
    setenv("MSI_SECRET", "s", 1);
    setenv("DEFAULT_IDENTITY_CLIENT_ID", "of-the-cluster", 1);
    expect(script, 3);
    gives("t", "the managed identity of Azure Machine Learning");
    assert_true(got.expires_ns == 2000000000 * COVE__SEC);
    options.client_id = "c";
    gives("t", "the managed identity of Azure Machine Learning");
    options.client_id = NULL;
    unsetenv("DEFAULT_IDENTITY_CLIENT_ID");
    fails(COVE_EAUTH, "(UserError: no identity); a cluster with a user-assigned identity wants its client_id");
    all_was_sent();
}

/* A service may quote the request that it refuses. */
static void test_secrets_of_the_environment_are_not_shown(void **state)
{
    static const struct exchange script[] = {
        { APP, "400 Bad Request", "", "{\"message\": \"m {'x-identity-header': 'secret-of-app-service'}\"}" },
        { ML, "400 Bad Request", "", "{\"message\": \"m {'secret': 'secret-of-the-cluster'}\"}" },
    };

    set_url("IDENTITY_ENDPOINT", "/msi/token");
    setenv("IDENTITY_HEADER", "secret-of-app-service", 1);
    expect(script, 2);
    fails(COVE_EAUTH, "(m {'x-identity-header': '***'})");
    unsetenv("IDENTITY_ENDPOINT");
    set_url("MSI_ENDPOINT", "/ml");
    setenv("MSI_SECRET", "secret-of-the-cluster", 1);
    fails(COVE_EAUTH, "(m {'secret': '***'})");
    all_was_sent();
}

static void test_cloud_shell(void **state)
{
    static const struct exchange script[] = {
        { "POST /shell " RESOURCE, "200 OK", "", "{\"access_token\": \"t\", \"expires_in\": \"3600\"}",
          "Metadata: true\r\n" },
    };

    set_url("MSI_ENDPOINT", "/shell");
    expect(script, 1);
    gives("t", "Azure Cloud Shell");
    all_was_sent();
}

static void test_arc(void **state)
{
#define ARC "GET /arc?api-version=2020-06-01&" RESOURCE
    char keys[96], inside[128], outside[128], named[128], challenge[5][256];
    const char *const paths[] = { inside, named, outside, "/etc/passwd" };
    struct exchange script[8];
    size_t n = 0;

    snprintf(keys, sizeof keys, "%s/tokens", folder);
    snprintf(inside, sizeof inside, "%s/id.key", keys);
    snprintf(named, sizeof named, "%s/id.txt", keys);
    snprintf(outside, sizeof outside, "%s/../outside.key", keys);
    assert_int_equal(mkdir(keys, 0700), 0);
    write_bytes(inside, "a-key", 5);
    write_bytes(named, "a-key", 5);
    write_bytes(outside, "a-key", 5);
    for (size_t i = 0; i < 4; i++) {
        snprintf(challenge[i], sizeof challenge[i], "WWW-Authenticate: Basic realm=%s\r\n", paths[i]);
        script[n++] = (struct exchange){ ARC, "401 Unauthorized", challenge[i], "", "Metadata: true\r\n" };
        if (i == 0)
            script[n++] = (struct exchange){ ARC, "200 OK", "", "{\"access_token\": \"t\", " ENDS_ON "}",
                                             "Authorization: Basic a-key\r\n" };
    }
    script[n++] = (struct exchange){ ARC, "401 Unauthorized", "", "", NULL };
    script[n++] = (struct exchange){ ARC, "200 OK", "", "{\"access_token\": \"t\", " ENDS_ON "}", NULL };
    set_url("IDENTITY_ENDPOINT", "/arc");
    setenv("IMDS_ENDPOINT", "http://127.0.0.1:1", 1);
    options.arc_key_folder = keys;
    expect(script, n);
    gives("t", "the managed identity of Azure Arc");
    for (size_t i = 0; i < 4; i++)
        fails(COVE_EAUTH, "credentials of the managed identity of Azure Arc: its agent names no key file in ");
    fails(COVE_EPROTOCOL, "its agent gives a token without a key");
    all_was_sent();
    unlink(inside);
    unlink(named);
    unlink(outside);
    rmdir(keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_imds, by_name),
        cmocka_unit_test_setup(test_imds_has_none, by_name),
        cmocka_unit_test_setup(test_app_service, by_name),
        cmocka_unit_test_setup(test_machine_learning, by_name),
        cmocka_unit_test_setup(test_secrets_of_the_environment_are_not_shown, by_name),
        cmocka_unit_test_setup(test_cloud_shell, by_name),
        cmocka_unit_test_setup_teardown(test_arc, by_name, azure_clean),
    };

    return cmocka_run_group_tests(tests, azure_start, azure_stop);
}
