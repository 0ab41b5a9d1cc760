/*
 * Where Google's credentials are found, over time: later tokens come from the place of the first, whatever happens to
 * files meanwhile; a server of another network that answers by the metadata server's name is none; responses and files
 * that are not as they should be. The test is the server of all names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/credentials_file.h"
#include "auth/google_chain.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"

#define METADATA_NAME "metadata.google.internal"
#define GOOGLE        "Metadata-Flavor: Google\r\n"
#define TOKEN(token)  "{\"access_token\": \"" token "\", \"expires_in\": 3599, \"token_type\": \"Bearer\"}"

struct response {
    const char *status, *headers, *body;
};

static struct {
    int fd;
    unsigned port;
    pthread_t thread;
    struct response token, metadata, account; /* of /token, of the metadata server, of /account */
    unsigned asked;                           /* requests to the metadata server */
} server;

static char folder[64], gcloud_path[128], file_path[96];
static struct cove__credentials_source source;
static struct cove__oauth_token got;
static struct cove_error err;

/* Stands before the C library's: the metadata server's name is this machine, and its port the test's. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    char port[16];

    *(void **)(void *)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    if (!node || strcmp(node, METADATA_NAME) != 0)
        return real(node, service, hints, ret);
    snprintf(port, sizeof port, "%u", server.port);
    return real("127.0.0.1", port, hints, ret);
}

static void *serve(void *arg)
{
    char request[8192], response[2048];
    int fd;

    while ((fd = accept(server.fd, NULL, NULL)) >= 0) {
        ssize_t n = recv(fd, request, sizeof request - 1, 0);
        request[n > 0 ? n : 0] = '\0';
        bool metadata = strncmp(request, "GET /computeMetadata/", 21) == 0;
        const struct response *r = metadata                                     ? &server.metadata
                                   : strncmp(request, "POST /account", 13) == 0 ? &server.account
                                                                                : &server.token;
        server.asked += metadata;
        snprintf(response, sizeof response, "HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n%s\r\n%s",
                 r->status, strlen(r->body), r->headers, r->body);
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

    strcpy(folder, "/tmp/cove-google-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(gcloud_path, sizeof gcloud_path, "%s/application_default_credentials.json", folder);
    snprintf(file_path, sizeof file_path, "%s/key", folder);
    server.fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(server.fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(server.fd, 8), 0);
    assert_int_equal(getsockname(server.fd, (struct sockaddr *)&address, &size), 0);
    server.port = ntohs(address.sin_port);
    return pthread_create(&server.thread, NULL, serve, NULL);
}

static int stop(void **state)
{
    shutdown(server.fd, SHUT_RDWR);
    pthread_join(server.thread, NULL);
    close(server.fd);
    return rmdir(folder);
}

static int clean(void **state)
{
    unsetenv("GOOGLE_APPLICATION_CREDENTIALS");
    unsetenv("GOOGLE_CLOUD_QUOTA_PROJECT");
    unsetenv("GCE_METADATA_HOST");
    unsetenv("GCE_METADATA_ROOT");
    unsetenv("GCE_METADATA_IP");
    unsetenv("KUBERNETES_SERVICE_HOST");
    unsetenv("NO_GCE_CHECK");
    setenv("CLOUDSDK_CONFIG", folder, 1);
    server.metadata = (struct response){ "200 OK", GOOGLE, TOKEN("of-the-machine") };
    server.token = (struct response){ "200 OK", "", TOKEN("of-the-login") };
    server.asked = 0;
    return 0;
}

static void close_source(void)
{
    if (source.free)
        source.free(source.self);
    source = (struct cove__credentials_source){ 0 };
}

static int remove_all(void **state)
{
    close_source();
    cove__oauth_token_done(&got);
    unlink(gcloud_path);
    unlink(file_path);
    return 0;
}

/* `token`: the option. */
static void open_source(const char *token)
{
    struct cove__http_config http = { .proxy = "" };
    struct cove__google_chain_options options = { .token = token, .scope = "s", .metadata_wait_ms = 1, .http = &http };

    close_source();
    assert_int_equal(cove__google_chain_new(&options, &source, &err), 0);
}

static int fetch(void)
{
    cove__oauth_token_done(&got);
    err = (struct cove_error)COVE_ERROR_INIT;
    return source.fetch(source.self, NULL, &got, &err);
}

static void gives(const char *bearer)
{
    if (fetch() < 0)
        fail_msg("%s", err.message);
    assert_string_equal(got.token ? got.token : "nothing", bearer);
}

static void fails(int code, const char *part)
{
    assert_int_equal(fetch(), code);
    if (!strstr(err.message, part))
        fail_msg("%s: does not have: %s", err.message, part);
    assert_null(got.token);
}

static void write_file(const char *at, const char *text)
{
    FILE *f = fopen(at, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(at, 0600), 0);
}

/* A login's file, with these members beside. */
static const char *login(const char *more)
{
    static char text[1024];

    snprintf(text, sizeof text,
             "{\"type\": \"authorized_user\", \"client_id\": \"id\", \"client_secret\": \"client-secret\", "
             "\"refresh_token\": \"refresh/secret\", %s\"token_uri\": \"http://127.0.0.1:%u/token\"}",
             more, server.port);
    return text;
}

/* ---- the place of the first token ---- */

static void test_a_login_stays(void **state)
{
    write_file(gcloud_path, login(""));
    open_source(NULL);
    gives("of-the-login");
    unlink(gcloud_path);
    fails(COVE_EAUTH, "the credentials are gone from where they were found at first: ");
    write_file(gcloud_path, "");
    fails(COVE_EAUTH, "it is not JSON");
    write_file(gcloud_path, "{\"type\": \"authorized_user\", \"cli");
    fails(COVE_EAUTH, "it is not JSON");
    write_file(gcloud_path, login(""));
    gives("of-the-login");
    assert_int_equal(server.asked, 0);
}

static void test_a_variable_stays(void **state)
{
    write_file(gcloud_path, "not read");
    write_file(file_path, login(""));
    setenv("GOOGLE_APPLICATION_CREDENTIALS", file_path, 1);
    open_source(NULL);
    gives("of-the-login");
    unsetenv("GOOGLE_APPLICATION_CREDENTIALS");
    fails(COVE_EAUTH, "found at first: GOOGLE_APPLICATION_CREDENTIALS is not set");
    assert_int_equal(server.asked, 0);
}

static void test_a_machine_stays(void **state)
{
    char host[32];

    snprintf(host, sizeof host, "127.0.0.1:%u", server.port);
    setenv("GCE_METADATA_HOST", host, 1);
    open_source(NULL);
    gives("of-the-machine");
    write_file(gcloud_path, login(""));
    gives("of-the-machine");
    setenv("NO_GCE_CHECK", "true", 1);
    fails(COVE_EAUTH, "found at first: the metadata server is switched off");
}

/* No credentials were found, so there is no place to stay with. */
static void test_anonymous_access_does_not_stay(void **state)
{
    setenv("NO_GCE_CHECK", "true", 1);
    open_source(NULL);
    gives("nothing");
    write_file(gcloud_path, login(""));
    gives("of-the-login");
}

/* The option names a file, whose name could also be a token. */
static void test_a_named_file_stays_a_file(void **state)
{
    char here[256];

    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(folder), 0);
    write_file("key", login(""));
    open_source("key");
    gives("of-the-login");
    unlink("key");
    int rc = fetch();
    assert_int_equal(chdir(here), 0);
    assert_int_equal(rc, COVE_EAUTH);
    assert_non_null(strstr(err.message, "key (the option token): there is no such file"));
}

/* ---- another network's server ---- */

static bool is_googles_machine(void)
{
    char name[64] = "";
    FILE *f = fopen("/sys/class/dmi/id/product_name", "r");
    bool is = f && fgets(name, sizeof name, f) && strncmp(name, "Google", 6) == 0;

    if (f)
        fclose(f);
    return is;
}

static void test_a_server_of_all_names(void **state)
{
    static const struct response portals[] = {
        { "200 OK", "", "<html>Log in to our network" },
        { "302 Found", "Location: /login\r\n", "" },
        { "404 Not Found", "", "" },
        { "503 Service Unavailable", "", "" },
    };

    if (is_googles_machine()) {
        print_message("on a machine of Google's the metadata server is expected\n");
        skip();
    }
    open_source(NULL);
    for (size_t i = 0; i < sizeof portals / sizeof portals[0]; i++) {
        server.metadata = portals[i];
        gives("nothing");
        assert_string_equal(got.origin, "anonymous access: no credentials were found");
    }
    assert_true(server.asked >= 4);
    server.metadata = (struct response){ "404 Not Found", GOOGLE, "" }; /* the right one, without an account */
    fails(COVE_EAUTH, "of the metadata server");

    /* What has given a token is the right one: an answer of another is a failure of it. */
    server.metadata = (struct response){ "200 OK", GOOGLE, TOKEN("of-the-machine") };
    gives("of-the-machine");
    server.metadata = portals[0];
    fails(COVE_EPROTOCOL, "another server sent it");
}

/* In a pod there may be one that has not started yet: it is asked three times. */
static void test_a_pod(void **state)
{
    if (is_googles_machine()) {
        print_message("on a machine of Google's the metadata server is expected\n");
        skip();
    }
    server.metadata = (struct response){ "503 Service Unavailable", "", "" };
    open_source(NULL);
    gives("nothing");
    assert_int_equal(server.asked, 1);
    setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1", 1);
    gives("nothing");
    assert_int_equal(server.asked, 4);
}

/* ---- tokens as credentials ---- */

static void test_tokens_are_compared(void **state)
{
    char a[] = "a", b[] = "b";
    const struct cove__oauth_token anonymous = { 0 }, one = { .token = a }, other = { .token = b },
                                   paid = { .token = a, .quota_project = b };
    const struct cove__credentials_type *type = &cove__oauth_token_type;

    assert_true(type->equal(&anonymous, &anonymous));
    assert_false(type->equal(&anonymous, &one));
    assert_false(type->equal(&one, &anonymous));
    assert_true(type->equal(&one, &one));
    assert_false(type->equal(&one, &other));
    assert_false(type->equal(&one, &paid));
}

/* Anonymous access by the option that the store refuses: there is nothing else, so its refusal stands. */
static void test_refused_anonymous_access(void **state)
{
    struct cove__provider *p = NULL;
    struct cove__credentials_use use = { 0 };
    struct cove__credentials *c = NULL;
    int rc;

    open_source("anon");
    assert_int_equal(cove__provider_new(&source, &p, &err), 0);
    source = (struct cove__credentials_source){ 0 };
    while ((rc = cove__provider_get(p, NULL, &use, &c, &err)) == COVE__HTTP_LATER)
        cove__sleep_ns(COVE__MS);
    assert_int_equal(rc, 0);
    assert_null(cove__oauth_token_of(c)->token);
    cove__credentials_unref(c);
    assert_false(cove__provider_invalidate(p, &use));
    cove__provider_free(p);
}

/* ---- what is malformed ---- */

/* It becomes a header. */
static void test_quota_project_of_two_lines(void **state)
{
    write_file(gcloud_path, login("\"quota_project_id\": \"quota\\r\\nX-Other: yes\", "));
    open_source(NULL);
    assert_int_equal(fetch(), COVE_EINVAL);
    assert_non_null(strstr(err.message, "has a line break or another control character in it"));
    setenv("GOOGLE_CLOUD_QUOTA_PROJECT", "two\nlines", 1);
    write_file(gcloud_path, login(""));
    assert_int_equal(fetch(), COVE_EINVAL);
    setenv("GOOGLE_CLOUD_QUOTA_PROJECT", "one", 1);
    gives("of-the-login");
    assert_string_equal(got.quota_project, "one");
}

static const char *impersonated(const char *of_source)
{
    static char text[2048];

    snprintf(text, sizeof text,
             "{\"type\": \"impersonated_service_account\", \"service_account_impersonation_url\": "
             "\"http://127.0.0.1:%u/account\", \"source_credentials\": %s}",
             server.port, login(of_source));
    return text;
}

/* A variable with the content of a file in place of its path: nothing of it is shown. */
static void test_content_in_place_of_a_path(void **state)
{
    static const char *const contents[] = { " {\"private_key\": \"SECRET\"}", "-----BEGIN PRIVATE KEY-----SECRET",
                                            "eyJhbGciOiJ.SECRET", "a\nSECRET" };
    struct cove__buf text = COVE__BUF_INIT(64);

    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
        setenv("GOOGLE_APPLICATION_CREDENTIALS", contents[i], 1);
        open_source(NULL);
        fails(COVE_EINVAL, "GOOGLE_APPLICATION_CREDENTIALS has the content of a key file");
        assert_null(strstr(err.message, "SECRET"));
        assert_int_equal(cove__credentials_file_read(contents[i], &text, &err), COVE_EINVAL);
        assert_null(strstr(err.message, "SECRET"));
    }
    assert_false(cove__credentials_is_content("/run/secrets/key.json"));
}

/* <(COMMAND) of a shell is a pipe. One without a writer has no text, and is not waited for. */
static void test_pipes(void **state)
{
    struct cove__buf text = COVE__BUF_INIT(64);
    char path[64];
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], "key", 3), 3);
    close(fds[1]);
    snprintf(path, sizeof path, "/dev/fd/%d", fds[0]);
    assert_int_equal(cove__credentials_file_read(path, &text, &err), 0);
    assert_string_equal(cove__buf_str(&text), "key");
    close(fds[0]);
    cove__buf_reset(&text);
    snprintf(path, sizeof path, "/tmp/cove-pipe-%d", (int)getpid());
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(cove__credentials_file_read(path, &text, &err), 0); /* waited without end once */
    assert_int_equal(text.size, 0);
    unlink(path);
    cove__buf_done(&text);
}

/* What stands in a response before its fault is not used. */
static void test_malformed_impersonation(void **state)
{
#define ENDS "\"expireTime\": \"2033-05-18T03:33:20Z\""
    open_source(impersonated(""));
    server.account =
        (struct response){ "200 OK", "", "{\"accessToken\": \"one\", " ENDS ", \"accessToken\": \"two\"}" };
    fails(COVE_EPROTOCOL, "the response has no accessToken");
    server.account.body = "{\"accessToken\": \"one\", " ENDS ", \"x";
    fails(COVE_EPROTOCOL, "the response has no accessToken");
    server.account.body = "{\"accessToken\": \"one\", " ENDS "}";
    gives("one");
    /* A source that has the member of the document: its own is not used, and freed. */
    open_source(impersonated("\"service_account_impersonation_url\": \"https://x/\", "));
    gives("one");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_login_stays, clean, remove_all),
        cmocka_unit_test_setup_teardown(test_a_variable_stays, clean, remove_all),
        cmocka_unit_test_setup_teardown(test_a_machine_stays, clean, remove_all),
        cmocka_unit_test_setup_teardown(test_anonymous_access_does_not_stay, clean, remove_all),
        cmocka_unit_test_setup_teardown(test_a_named_file_stays_a_file, clean, remove_all),
        cmocka_unit_test_setup_teardown(test_a_server_of_all_names, clean, remove_all),
        cmocka_unit_test_setup_teardown(test_a_pod, clean, remove_all),
        cmocka_unit_test_setup_teardown(test_tokens_are_compared, clean, remove_all),
        cmocka_unit_test_setup_teardown(test_refused_anonymous_access, clean, remove_all),
        cmocka_unit_test_setup_teardown(test_quota_project_of_two_lines, clean, remove_all),
        cmocka_unit_test_setup_teardown(test_malformed_impersonation, clean, remove_all),
        cmocka_unit_test_setup_teardown(test_pipes, clean, remove_all),
        cmocka_unit_test_setup_teardown(test_content_in_place_of_a_path, clean, remove_all),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
