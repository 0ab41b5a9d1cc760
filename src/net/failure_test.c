/*
 * What is said of a failure, where that depends on what came before: a server that has answered is not taken for
 * another kind because of one response. The test is the server, which gives each connection the same bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "net/http.h"

#define RETRIES 1
#define HELLO   "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"
#define IN_PLAIN_TEXT                                                                                                  \
    "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"

struct server {
    int fd;
    unsigned port;
    const char *response;
};

static void *serve(void *arg)
{
    const struct server *s = arg;
    char data[4096];
    int fd;

    while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
        if (recv(fd, data, sizeof data, 0) > 0)
            send(fd, s->response, strlen(s->response), MSG_NOSIGNAL);
        close(fd);
    }
    return NULL;
}

struct question {
    struct server server;
    const char *scheme;
};

static int prepare(void *self, struct cove__http_request *r, struct cove_error *err)
{
    const struct question *q = self;

    (void)err;
    return cove__buf_addf(&r->url, "%s://127.0.0.1:%u/key", q->scheme, q->server.port);
}

/* Its attempts. */
static unsigned run(struct cove__http *http, struct question *q, struct cove_error *err)
{
    static const struct cove__http_hooks hooks = { .prepare = prepare };
    struct cove__http_request r;

    cove__http_request_init(&r);
    r.http = http;
    r.hooks = &hooks;
    r.self = q;
    r.op.ctx.op = "read";
    r.op.ctx.url = "test://x";
    cove__error_clear(err);
    cove__http_run(&r, err);
    unsigned attempts = r.attempts;
    cove__http_request_done(&r);
    return attempts;
}

/* The attempts of a request to a server that gives `response`. */
static unsigned ask(struct cove__http *http, const char *scheme, const char *response, struct cove_error *err)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    struct question q = { .server.response = response, .scheme = scheme };
    pthread_t thread;

    q.server.fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_return_code(bind(q.server.fd, (struct sockaddr *)&address, size), 0);
    assert_return_code(listen(q.server.fd, 64), 0);
    assert_return_code(getsockname(q.server.fd, (struct sockaddr *)&address, &size), 0);
    q.server.port = ntohs(address.sin_port);
    pthread_create(&thread, NULL, serve, &q.server);

    unsigned attempts = run(http, &q, err);

    shutdown(q.server.fd, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(q.server.fd);
    return attempts;
}

static struct cove__http *client(void)
{
    struct cove__http_config config = { .proxy = "", .max_retries = RETRIES };
    struct cove__http *http = NULL;

    assert_int_equal(cove__http_new(&config, &http, NULL), 0);
    return http;
}

/* A balancer in trouble answers in plain text where TLS is spoken: that passes. */
static void test_no_tls(void **state)
{
    struct cove__http *http = client();
    struct cove_error err = COVE_ERROR_INIT;

    assert_int_equal(ask(http, "https", IN_PLAIN_TEXT, &err), 1);
    assert_false(err.retryable);
    assert_non_null(strstr(err.message, "the server does not speak TLS; try http:// in the endpoint"));
    assert_int_equal(ask(http, "http", HELLO, &err), 1);
    assert_int_equal(err.code, 0);
    assert_int_equal(ask(http, "https", IN_PLAIN_TEXT, &err), RETRIES + 1);
    assert_int_equal(err.code, COVE_ENETWORK);
    assert_true(err.retryable);
    assert_null(strstr(err.message, "http://"));
    cove__http_free(http);
}

static void test_plain_http_to_a_tls_server(void **state)
{
    struct cove__http *http = client();
    struct cove_error err = COVE_ERROR_INIT;

    for (int i = 0; i < 2; i++) { /* such a response is no proof that the server is the right one */
        assert_int_equal(ask(http, "http", IN_PLAIN_TEXT, &err), 1);
        assert_int_equal(err.http_status, 400);
        assert_non_null(strstr(err.message, "the server speaks TLS: try https:// in the endpoint"));
    }
    assert_int_equal(ask(http, "http", HELLO, &err), 1);
    assert_int_equal(ask(http, "http", IN_PLAIN_TEXT, &err), 1);
    assert_int_equal(err.http_status, 400);
    assert_null(strstr(err.message, "https://"));
    cove__http_free(http);
}

/* libcurl takes no line of the head that is so long, and calls that a lack of memory. */
static void test_a_long_line_of_the_head(void **state)
{
    static const char begin[] = "HTTP/1.1 200 OK\r\nx: ";
    static char response[sizeof begin + (512 << 10)];
    struct cove__http *http = client();
    struct cove_error err = COVE_ERROR_INIT;

    memset(response, 'y', sizeof response - 1);
    memcpy(response, begin, sizeof begin - 1);
    ask(http, "http", response, &err);
    assert_int_equal(err.code, COVE_EPROTOCOL);
    assert_non_null(strstr(err.message, "the response makes no sense: a line of its head is longer than"));
    cove__http_free(http);
}

/* A server that is there is not said to be out of reach. */
static void test_no_descriptors(void **state)
{
    struct cove__http *http = client();
    struct cove_error err = COVE_ERROR_INIT;
    struct question q = { .scheme = "http", .server.port = 1 };
    struct rlimit all, none;
    int next;

    assert_int_equal(ask(http, "http", HELLO, &err), 1); /* the I/O threads have theirs */
    assert_return_code(getrlimit(RLIMIT_NOFILE, &all), 0);
    next = dup(STDIN_FILENO);
    close(next);
    none = all;
    none.rlim_cur = (rlim_t)next;
    assert_return_code(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(run(http, &q, &err), RETRIES + 1);
    assert_return_code(setrlimit(RLIMIT_NOFILE, &all), 0);
    assert_int_equal(err.code, COVE_ENETWORK);
    assert_int_equal(err.os_errno, EMFILE);
    assert_non_null(strstr(err.message, "read test://x: no connection can be made: Too many open files"));
    run(http, &q, &err);
    assert_non_null(strstr(err.message, "cannot reach the server"));
    cove__http_free(http);
}

/* It is the proxy that is not there: it is named, and its password is not. */
static void test_a_proxy_out_of_reach(void **state)
{
    struct question q = { .scheme = "http", .server.port = 2 };
    struct cove_error err = COVE_ERROR_INIT;
    struct cove__http_config config = { .proxy = "http://user:secret@127.0.0.1:1" };
    struct cove__http *http = NULL;

    for (int i = 0; i < 3; i++) {
        if (i == 1) {
            config.proxy = NULL;
            setenv("http_proxy", "127.0.0.1:1", 1);
        } else if (i == 2) {
            setenv("no_proxy", "127.0.0.1", 1);
        }
        assert_int_equal(cove__http_new(&config, &http, NULL), 0);
        run(http, &q, &err);
        assert_int_equal(err.code, COVE_ENETWORK);
        assert_null(strstr(err.message, "secret"));
        assert_non_null(strstr(err.message, i == 0   ? "read test://x: cannot reach the proxy http://127.0.0.1:1: "
                                            : i == 1 ? "read test://x: cannot reach the proxy 127.0.0.1:1: "
                                                     : "read test://x: cannot reach the server: "));
        cove__http_free(http);
    }
    unsetenv("http_proxy");
    unsetenv("no_proxy");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_tls),
        cmocka_unit_test(test_plain_http_to_a_tls_server),
        cmocka_unit_test(test_a_long_line_of_the_head),
        cmocka_unit_test(test_no_descriptors),
        cmocka_unit_test(test_a_proxy_out_of_reach),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
