/* The exchange with a service that gives credentials: forms, limits, and errors that show no secret. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth/exchange.h"
#include "base/error.h"
#include "base/mem.h"

#define SECRET "Hq7SecretOfTheTest"

static atomic_int connections;

static void test_form(void **state)
{
    struct cove__exchange_client client = { 0 };
    struct cove__exchange x;

    cove__exchange_init(&x, &client, "POST", "of the test");
    cove__exchange_form(&x);
    cove__exchange_add_field(&x, "grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
    cove__exchange_add_field(&x, "scope", NULL);
    cove__exchange_add_field(&x, "client_secret", "");
    cove__exchange_add_field(&x, "assertion", "a+b/c=");
    assert_string_equal(cove__buf_str(&x.headers), "Content-Type: application/x-www-form-urlencoded\n");
    assert_string_equal(cove__buf_str(&x.body),
                        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=a%2Bb%2Fc%3D");
    assert_true(x.has_body);
    cove__exchange_done(&x);
}

/* Each of its parts has a limit, and nothing is sent above it. */
static void test_ceilings(void **state)
{
    struct cove__exchange_client client = { 0 };
    static char large[200000];

    memset(large, 'a', sizeof large - 1);
    for (int i = 0; i < 3; i++) {
        struct cove__exchange x;
        struct cove_error err = COVE_ERROR_INIT;

        cove__exchange_init(&x, &client, "POST", "of the test");
        cove__buf_add_str(i == 0 ? &x.url : i == 1 ? &x.headers : &x.body, large);
        assert_int_equal(cove__exchange_run(&x, NULL, &err), COVE_ELIMIT);
        assert_non_null(strstr(err.message, "credentials of the test: the request cannot be made"));
        cove__exchange_done(&x);
    }
}

static void test_no_secret_in_errors(void **state)
{
    struct cove__exchange_client client = { 0 };
    struct cove__exchange x;
    struct cove_error err = COVE_ERROR_INIT;
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0); /* bound, but not listening */

    assert_int_equal(bind(fd, (struct sockaddr *)&at, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    cove__exchange_init(&x, &client, "POST", "of the test");
    x.no_proxy = true;
    x.retries = 0;
    cove__buf_addf(&x.url, "http://127.0.0.1:%d/?token=" SECRET, ntohs(at.sin_port));
    cove__exchange_form(&x);
    cove__exchange_add_field(&x, "client_secret", SECRET);
    assert_int_equal(cove__exchange_run(&x, NULL, &err), COVE_ENETWORK);
    assert_non_null(strstr(err.message, "credentials of the test: "));
    assert_null(strstr(err.message, SECRET));
    assert_int_equal(x.date_ns, -1);
    cove__exchange_done(&x);
    close(fd);
}

/* A proxy that closes each connection, and counts them. */
static void *closing_proxy(void *user)
{
    int fd = *(int *)user, accepted;

    while ((accepted = accept(fd, NULL, NULL)) >= 0) {
        atomic_fetch_add(&connections, 1);
        close(accepted);
    }
    return NULL;
}

/* Plain HTTP is allowed for services of this machine only, so the secrets must not pass through a proxy on the way. */
static void test_no_proxy_for_this_machine(void **state)
{
    static const struct {
        const char *url;
        bool by_proxy;
    } rows[] = {
        { "http://127.0.0.1:1/token", false },    { "http://localhost:1/token", false },
        { "http://[::1]:1/token", false },        { "HTTP://LOCALHOST:1?a", false },
        { "http://127.0.0.1.invalid:1/t", true }, { "http://localhost.invalid:1/t", true },
        { "http://elsewhere.invalid:1/t", true },
    };
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof at;
    char url[64];
    pthread_t proxy;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&at, size), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    assert_int_equal(pthread_create(&proxy, NULL, closing_proxy, &fd), 0);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", ntohs(at.sin_port));
    for (size_t i = 0; i < 2 * (sizeof rows / sizeof rows[0]); i++) {
        bool of_environment = i % 2 == 1;
        struct cove__exchange_client client = { .proxy = of_environment ? NULL : url };
        struct cove__exchange x;
        struct cove_error err = COVE_ERROR_INIT;

        if (of_environment)
            setenv("http_proxy", url, 1);
        atomic_store(&connections, 0);
        cove__exchange_init(&x, &client, "POST", "of the test");
        x.retries = 0;
        cove__buf_add_str(&x.url, rows[i / 2].url);
        assert_true(cove__exchange_run(&x, NULL, &err) < 0);
        if ((atomic_load(&connections) > 0) != rows[i / 2].by_proxy)
            fail_msg("%s: %s", rows[i / 2].url, rows[i / 2].by_proxy ? "not by the proxy" : "by the proxy");
        cove__exchange_done(&x);
        unsetenv("http_proxy");
    }
    shutdown(fd, SHUT_RDWR);
    pthread_join(proxy, NULL);
    close(fd);
}

static void test_client_without_memory(void **state)
{
    const struct cove__http_config config = {
        .ca_file = "/ca.pem", .ca_path = NULL, .proxy = "http://u:p@proxy:1", .user_agent = "cove/test"
    };

    for (unsigned long n = 1; n < 10; n++) {
        struct cove__exchange_client client = { 0 };
        struct cove_error err = COVE_ERROR_INIT;
        cove__mem_fail(n, 1);
        int rc = cove__exchange_client_copy(&config, &client, &err);
        cove__mem_fail(0, 0);
        if (rc == 0) {
            assert_string_equal(client.proxy, config.proxy);
            assert_null(client.ca_path);
            cove__exchange_client_done(&client);
            return;
        }
        assert_int_equal(rc, COVE_ENOMEM);
        assert_null(client.ca_file);
    }
    fail_msg("an allocation without end");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_form),
        cmocka_unit_test(test_ceilings),
        cmocka_unit_test(test_no_secret_in_errors),
        cmocka_unit_test(test_no_proxy_for_this_machine),
        cmocka_unit_test(test_client_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
