/*
 * Where AWS's keys are found, over time: later keys come from the source of the first ones, whatever happens to files
 * and environment meanwhile. The test is the container's server, and STS.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/aws_chain.h"
#include "base/error.h"

#define JSON_KEYS(id)                                                                                                  \
    "{\"Version\": 1, \"AccessKeyId\": \"" id "\", \"SecretAccessKey\": \"secret-of-" id "\", \"Token\": \"t0ken\", "  \
    "\"Expiration\": \"2033-01-01T00:00:00Z\"}"
#define XML_KEYS(id)                                                                                                   \
    "<R><Credentials><AccessKeyId>" id "</AccessKeyId><SecretAccessKey>secret-of-" id "</SecretAccessKey>"             \
    "<SessionToken>t0ken</SessionToken><Expiration>2033-01-01T00:00:00Z</Expiration></Credentials></R>"
#define FILE_KEYS(section, id) section "\naws_access_key_id = " id "\naws_secret_access_key = secret-of-" id "\n"

static int listener;
static unsigned port;
static pthread_t thread;
static char folder[64], config_file[96], credentials_file[96], token_file[96];
static struct cove__credentials_source source;
static struct cove_error err;

static void *serve(void *arg)
{
    char request[8192], response[2048];
    int fd;

    while ((fd = accept(listener, NULL, NULL)) >= 0) {
        ssize_t n = recv(fd, request, sizeof request - 1, 0);
        request[n > 0 ? n : 0] = '\0';
        const char *body = strncmp(request, "POST", 4) == 0 ? XML_KEYS("WEB") : JSON_KEYS("CONTAINER");
        snprintf(response, sizeof response, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
                 strlen(body), body);
        send(fd, response, strlen(response), MSG_NOSIGNAL);
        shutdown(fd, SHUT_WR);
        while (recv(fd, request, sizeof request, 0) > 0) {
        }
        close(fd);
    }
    return arg;
}

static int start(void **state)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;

    strcpy(folder, "/tmp/cove-aws-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(config_file, sizeof config_file, "%s/config", folder);
    snprintf(credentials_file, sizeof credentials_file, "%s/credentials", folder);
    snprintf(token_file, sizeof token_file, "%s/token", folder);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 8), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    port = ntohs(address.sin_port);
    return pthread_create(&thread, NULL, serve, NULL);
}

static int stop(void **state)
{
    shutdown(listener, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(listener);
    return rmdir(folder);
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

/* Empty files, and a container that has keys. */
static int set_up(void **state)
{
    static const char *const names[] = { "AWS_PROFILE",
                                         "AWS_DEFAULT_PROFILE",
                                         "AWS_ACCESS_KEY_ID",
                                         "AWS_SECRET_ACCESS_KEY",
                                         "AWS_WEB_IDENTITY_TOKEN_FILE",
                                         "AWS_ROLE_ARN",
                                         "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" };
    char url[64];

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unsetenv(names[i]);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", port);
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url, 1);
    setenv("AWS_ENDPOINT_URL_STS", url, 1);
    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
    setenv("AWS_CONFIG_FILE", config_file, 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", credentials_file, 1);
    write_file(config_file, "");
    write_file(credentials_file, "");
    return 0;
}

static int tear_down(void **state)
{
    source.free(source.self);
    unlink(config_file);
    unlink(credentials_file);
    unlink(token_file);
    return 0;
}

static void open_source(const char *keys_of)
{
    struct cove__http_config http = { .proxy = "" };
    struct cove__aws_chain_options options = { .region = "us-east-1", .keys_of = keys_of, .http = &http };

    assert_int_equal(cove__aws_chain_new(&options, &source, &err), 0);
}

static void gives(const char *key_id)
{
    struct cove__aws_credentials got = { 0 };

    err = (struct cove_error)COVE_ERROR_INIT;
    if (source.fetch(source.self, NULL, &got, &err) != 0)
        fail_msg("%s", err.message);
    assert_string_equal(got.key_id, key_id);
    cove__aws_credentials_done(&got);
}

static void fails(int code, const char *part)
{
    struct cove__aws_credentials got = { 0 };

    err = (struct cove_error)COVE_ERROR_INIT;
    int rc = source.fetch(source.self, NULL, &got, &err);
    if (rc == 0)
        fail_msg("it gives %s", got.key_id);
    assert_int_equal(rc, code);
    if (!strstr(err.message, part))
        fail_msg("%s: does not have: %s", err.message, part);
}

/* A store that has the keys of a profile asks for others of this profile. */
static void test_keys_of_a_profile(void **state)
{
    open_source("default");
    fails(COVE_EINVAL, "the AWS profile 'default' is neither in ");
    write_file(credentials_file, "[default]\n");
    fails(COVE_EAUTH, "the AWS profile 'default', the source of the first keys, has no credentials now");
    write_file(credentials_file, "[default]\naws_access_key_id = NEW\n");
    fails(COVE_EINVAL, "aws_secret_access_key");
    unlink(credentials_file);
    fails(COVE_EINVAL, "the AWS profile 'default' is neither in ");
    setenv("AWS_PROFILE", "other", 1); /* of this process too */
    write_file(credentials_file, FILE_KEYS("[other]", "OTHER") FILE_KEYS("[default]", "NEW"));
    gives("NEW");
    write_file(token_file, "token");
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", token_file, 1);
    setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/r", 1);
    gives("NEW");
}

/* Any way of a profile to keys, of which the credentials are not known before the first refresh. */
static void test_a_process_of_a_profile(void **state)
{
    setenv("AWS_PROFILE", "p", 1);
    write_file(config_file, "[profile p]\ncredential_process = echo '" JSON_KEYS("PROCESS") "'\n");
    open_source(NULL);
    gives("PROCESS");
    write_file(config_file, "[profile p]\nregion = eu-west-1\n");
    fails(COVE_EAUTH, "the AWS profile 'p', the source of the first keys, has no credentials now");
    unsetenv("AWS_PROFILE");
    write_file(config_file, "");
    fails(COVE_EINVAL, "the AWS profile 'p' is neither in ");
    write_file(config_file, "[profile p]\ncredential_process = echo '" JSON_KEYS("PROCESS2") "'\n");
    gives("PROCESS2");
}

static void test_what_a_process_prints(void **state)
{
#define PRINTED(more) "{" more "\"AccessKeyId\": \"A\", \"SecretAccessKey\": \"secret-of-A\"}"
    static const struct {
        const char *text, *part; /* of the error; NULL: keys */
    } rows[] = {
        { PRINTED("\"Version\": 1, \"Expiration\": \"2033-01-01T01:00:00.5+01:00\", "), NULL },
        { PRINTED("\"Version\": 1, \"Expiration\": \"2033-01-01T01:00:00\", "),
          "their expiration is not a date with a time zone: \"2033-01-01T01:00:00\"" },
        { PRINTED("\"Version\": 2, "), "credentials of credential_process: its response has version \"2\", not 1" },
    };
    char text[512];

    setenv("AWS_PROFILE", "p", 1);
    write_file(config_file, "[profile p]\n");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(text, sizeof text, "[profile p]\ncredential_process = echo '%s'\n", rows[i].text);
        write_file(config_file, text);
        if (i == 0) {
            open_source(NULL);
            gives("A");
        } else {
            fails(COVE_EPROTOCOL, rows[i].part);
        }
    }
}

static void test_a_container(void **state)
{
    open_source(NULL);
    gives("CONTAINER");
    write_file(credentials_file, FILE_KEYS("[default]", "FILE"));
    gives("CONTAINER");
    unsetenv("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    fails(COVE_EAUTH, "the container's credentials, the source of the first keys, are not configured now");
}

static void test_web_identity(void **state)
{
    write_file(token_file, "token");
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", token_file, 1);
    setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/r", 1);
    open_source(NULL);
    gives("WEB");
    unsetenv("AWS_WEB_IDENTITY_TOKEN_FILE");
    fails(COVE_EAUTH, "AWS_WEB_IDENTITY_TOKEN_FILE, the source of the first keys, is not set now");
}

/* What a profile names is a reason to ask again once it has changed: a token that Kubernetes has replaced. */
static void test_stamp_of_a_web_identity(void **state)
{
    char text[512];

    snprintf(text, sizeof text, "[profile p]\nrole_arn = arn:aws:iam::1:role/r\nweb_identity_token_file = %s\n",
             token_file);
    write_file(config_file, text);
    write_file(token_file, "token");
    setenv("AWS_PROFILE", "p", 1);
    open_source(NULL);
    gives("WEB");
    uint64_t stamp = source.stamp(source.self);
    assert_true(source.stamp(source.self) == stamp);
    write_file(token_file, "another token");
    assert_true(source.stamp(source.self) != stamp);
}

/* And a login that was made meanwhile. */
static void test_stamp_of_a_login(void **state)
{
    static const char *const folders[] = { "/.aws", "/.aws/sso", "/.aws/sso/cache" };
    const char *home = getenv("HOME");
    char at[3][96], file[160], *before = home ? strdup(home) : NULL;

    write_file(config_file, "[profile p]\nsso_account_id = 1\nsso_role_name = r\nsso_start_url = https://s\n"
                            "sso_region = eu-west-1\n");
    setenv("AWS_PROFILE", "p", 1);
    setenv("HOME", folder, 1);
    open_source(NULL);
    fails(COVE_EAUTH, "there is no login yet");
    uint64_t stamp = source.stamp(source.self);
    for (size_t i = 0; i < 3; i++) {
        snprintf(at[i], sizeof at[i], "%s%s", folder, folders[i]);
        assert_int_equal(mkdir(at[i], 0700), 0);
    }
    snprintf(file, sizeof file, "%s/9ea3c043881f6bad486147713ae23b0b566d0360.json", at[2]); /* of the URL */
    write_file(file, "{}");
    assert_true(source.stamp(source.self) != stamp);
    unlink(file);
    for (size_t i = 3; i > 0; i--)
        rmdir(at[i - 1]);
    if (before)
        setenv("HOME", before, 1);
    free(before);
}

/* Nothing was found yet: all sources are asked again. */
static void test_no_source_yet(void **state)
{
    unsetenv("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    open_source(NULL);
    fails(COVE_EAUTH, "no credentials found in the options");
    write_file(credentials_file, FILE_KEYS("[default]", "FILE"));
    gives("FILE");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_keys_of_a_profile, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_process_of_a_profile, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_a_process_prints, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_container, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_web_identity, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stamp_of_a_web_identity, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stamp_of_a_login, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_source_yet, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
