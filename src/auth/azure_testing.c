/* What the tests of Azure's credentials share: see azure_testing.h. */
#include "auth/azure_testing.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char folder[64], path[128];
struct cove__azure_chain_options options;
struct cove__oauth_token got;
struct cove_error err;

static struct cove__http_config http = { .proxy = "" };
static char authority[64];

int azure_start(void **state)
{
    strcpy(folder, "/tmp/cove-azure-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/file", folder);
    return server_start();
}

int azure_stop(void **state)
{
    server_stop();
    cove__oauth_token_done(&got);
    return rmdir(folder);
}

int azure_clean(void **state)
{
    static const char *const names[] = { "AZURE_TOKEN_CREDENTIALS",
                                         "AZURE_CLIENT_SEND_CERTIFICATE_CHAIN",
                                         "IDENTITY_ENDPOINT",
                                         "IDENTITY_HEADER",
                                         "IDENTITY_SERVER_THUMBPRINT",
                                         "IMDS_ENDPOINT",
                                         "MSI_ENDPOINT",
                                         "MSI_SECRET",
                                         "DEFAULT_IDENTITY_CLIENT_ID" };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unsetenv(names[i]);
    setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:1", 1); /* no server is there */
    setenv("PATH", folder, 1);
    unlink(path);
    snprintf(authority, sizeof authority, "http://127.0.0.1:%u", server.port);
    options = (struct cove__azure_chain_options){ .authority = authority, .http = &http };
    return 0;
}

void write_bytes(const char *at, const void *data, size_t size)
{
    FILE *f = fopen(at, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(at, 0700), 0);
}

void set_url(const char *name, const char *url_path)
{
    char url[256];

    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", server.port, url_path);
    setenv(name, url, 1);
}

int fetch(void)
{
    struct cove__credentials_source source;

    cove__oauth_token_done(&got);
    err = (struct cove_error)COVE_ERROR_INIT;
    int rc = cove__azure_chain_new(&options, &source, &err);
    if (rc < 0)
        return rc;
    assert_ptr_equal(source.type, &cove__oauth_token_type);
    rc = source.fetch(source.self, server.cancel, &got, &err);
    source.free(source.self);
    if (rc < 0)
        cove__oauth_token_done(&got);
    return rc;
}

void gives(const char *token, const char *origin)
{
    if (fetch() < 0)
        fail_msg("%s", err.message);
    assert_string_equal(got.token, token);
    assert_string_equal(got.origin, origin);
}

void fails(int code, const char *part)
{
    int rc = fetch();

    if (rc != code || !strstr(err.message, part))
        fail_msg("%d: %s: does not have: %s", rc, err.message, part);
    assert_null(strstr(err.message, "the-secret"));
}
