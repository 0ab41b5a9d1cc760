/* What the tests of Google's credentials share: see google_testing.h. */
#include "auth/google_testing.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

char folder[64], path[128], gcloud_folder[96], gcloud_path[160];

/* ---- set up ---- */

static bool has_flavor(const char *head, const char *target)
{
    bool flavor = strcasestr(head, "metadata-flavor: Google\r\n");

    return flavor == (strncmp(target, "/computeMetadata/", 17) == 0);
}

int start(void **state)
{
    make_key();
    strcpy(folder, "/tmp/cove-google-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/key.json", folder);
    snprintf(gcloud_folder, sizeof gcloud_folder, "%s/gcloud", folder);
    snprintf(gcloud_path, sizeof gcloud_path, "%s/application_default_credentials.json", gcloud_folder);
    assert_int_equal(mkdir(gcloud_folder, 0700), 0);
    server.fits = has_flavor;
    return server_start();
}

int stop(void **state)
{
    server_stop();
    cove__oauth_token_done(&got);
    free_key();
    rmdir(gcloud_folder);
    return rmdir(folder);
}

int clean(void **state)
{
    static const char *const names[] = { "GOOGLE_APPLICATION_CREDENTIALS",
                                         "GOOGLE_CLOUD_QUOTA_PROJECT",
                                         "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES",
                                         "GCE_METADATA_HOST",
                                         "GCE_METADATA_ROOT",
                                         "GCE_METADATA_IP",
                                         "KUBERNETES_SERVICE_HOST",
                                         "CLOUDSDK_CORE_PROJECT",
                                         "CLOUDSDK_ACTIVE_CONFIG_NAME",
                                         "AWS_ACCESS_KEY_ID",
                                         "AWS_SECRET_ACCESS_KEY",
                                         "AWS_SESSION_TOKEN",
                                         "AWS_REGION",
                                         "AWS_DEFAULT_REGION" };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unsetenv(names[i]);
    setenv("CLOUDSDK_CONFIG", gcloud_folder, 1);
    setenv("NO_GCE_CHECK", "true", 1);
    unlink(path);
    unlink(gcloud_path);
    universe = NULL;
    wants_project = false;
    return 0;
}

void use_metadata(void)
{
    char host[32];

    unsetenv("NO_GCE_CHECK");
    snprintf(host, sizeof host, "127.0.0.1:%u", server.port);
    setenv("GCE_METADATA_HOST", host, 1);
}

void write_file(const char *at, const char *text)
{
    FILE *f = fopen(at, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(at, 0600), 0);
}

const char *user_file(void)
{
    static char text[512];

    snprintf(text, sizeof text,
             "{\"type\": \"authorized_user\", \"client_id\": \"id\", \"client_secret\": \"client-secret\", "
             "\"refresh_token\": \"refresh/secret\", \"quota_project_id\": \"quota\", "
             "\"token_uri\": \"http://127.0.0.1:%u/token\"}",
             server.port);
    return text;
}

const char *service_file(void)
{
    static char text[4096];
    size_t n = (size_t)snprintf(text, sizeof text,
                                "{\"type\": \"service_account\", \"client_email\": \"a@p.iam\", \"private_key_id\": "
                                "\"k1\", \"token_uri\": \"http://127.0.0.1:%u/token\", \"private_key\": \"",
                                server.port);

    for (const char *p = pem; *p != '\0'; p++)
        n += (size_t)snprintf(text + n, sizeof text - n, *p == '\n' ? "\\n" : "%c", *p);
    snprintf(text + n, sizeof text - n, "\"}");
    return text;
}

/* ---- one fetch ---- */

struct cove__oauth_token got;
struct cove_error err;
const char *universe;
bool wants_project;

int fetch(const char *token, bool grant)
{
    struct cove__http_config http = { .proxy = "" };
    struct cove__google_chain_options options = { .token = token,
                                                  .scope = SCOPE,
                                                  .universe = universe,
                                                  .grant = grant,
                                                  .wants_project = wants_project,
                                                  .metadata_wait_ms = 1,
                                                  .http = &http };
    struct cove__credentials_source source;

    cove__oauth_token_done(&got);
    err = (struct cove_error)COVE_ERROR_INIT;
    int rc = cove__google_chain_new(&options, &source, &err);
    if (rc < 0)
        return rc;
    assert_ptr_equal(source.type, &cove__oauth_token_type);
    rc = source.fetch(source.self, server.cancel, &got, &err);
    source.free(source.self);
    if (rc < 0)
        cove__oauth_token_done(&got);
    return rc;
}

void gives(const char *token, const char *bearer, const char *origin)
{
    int rc = fetch(token, false);

    if (rc < 0)
        fail_msg("%s", err.message);
    if (bearer)
        assert_string_equal(got.token, bearer);
    else
        assert_null(got.token);
    assert_string_equal(got.origin, origin);
}

void fails(const char *token, int code, const char *part)
{
    assert_int_equal(fetch(token, false), code);
    if (!strstr(err.message, part))
        fail_msg("%s: does not have: %s", err.message, part);
    assert_null(strstr(err.message, "secret\""));
    assert_null(strstr(err.message, "PRIVATE KEY"));
}
