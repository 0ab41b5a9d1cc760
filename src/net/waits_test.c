/*
 * A server that dies: once a request is given up, all others share a deadline, until the server answers again. The test
 * plays the server: it answers a request, stops listening, and listens again at the same port. It compares numbers of
 * attempts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cove/log.h>

#include "base/clock.h"
#include "base/error.h"
#include "net/http.h"

#define RETRIES 3
#define MANY    100 /* requests, among which the shared deadline has passed long before the last */

struct server {
    int fd;
    unsigned port; /* 0: none yet */
};

static void server_start(struct server *s)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                   .sin_port = htons((uint16_t)s->port) };
    socklen_t size = sizeof address;
    int on = 1;

    s->fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    assert_return_code(bind(s->fd, (struct sockaddr *)&address, size), 0);
    assert_return_code(listen(s->fd, 64), 0);
    assert_return_code(getsockname(s->fd, (struct sockaddr *)&address, &size), 0);
    s->port = ntohs(address.sin_port);
}

static void server_stop(struct server *s)
{
    close(s->fd);
}

/* Takes one connection and answers one request. */
static void *answer(void *arg)
{
    const struct server *s = arg;
    static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
    char data[4096] = "";
    size_t size = 0;
    int fd = accept(s->fd, NULL, NULL);

    while (strstr(data, "\r\n\r\n") == NULL) {
        ssize_t n = recv(fd, data + size, sizeof data - 1 - size, 0);
        if (n <= 0)
            break;
        size += (size_t)n;
        data[size] = '\0';
    }
    send(fd, reply, sizeof reply - 1, MSG_NOSIGNAL);
    close(fd);
    return NULL;
}

static int prepare(void *self, struct cove__http_request *r, struct cove_error *err)
{
    const struct server *s = self;

    return cove__buf_addf(&r->url, "http://127.0.0.1:%u/key", s->port);
}

static struct cove__http *client(void)
{
    struct cove__http_config config = { .proxy = "", .max_retries = RETRIES };
    struct cove__http *http = NULL;

    assert_int_equal(cove__http_new(&config, &http, NULL), 0);
    return http;
}

/* How many attempts a request takes. `callers`: of a background flush; NULL: of a call. */
static unsigned ask(struct cove__http *http, struct server *s, const atomic_int *callers, struct cove_error *err)
{
    static const struct cove__http_hooks hooks = { .prepare = prepare };
    struct cove__background background = { .callers = callers };
    struct cove__http_request r;

    cove__http_request_init(&r);
    r.http = http;
    r.hooks = &hooks;
    r.self = s;
    r.op.ctx.op = "read";
    r.op.ctx.url = "test://x";
    r.op.ctx.background = callers ? &background : NULL;
    cove__http_run(&r, err);
    unsigned attempts = r.attempts;
    cove__background_done(&background);
    cove__http_request_done(&r);
    return attempts;
}

/* The server answers one request of the client. */
static void reach(struct cove__http *http, struct server *s)
{
    struct cove_error err = COVE_ERROR_INIT;
    pthread_t thread;

    pthread_create(&thread, NULL, answer, s);
    assert_int_equal(ask(http, s, NULL, &err), 1);
    assert_int_equal(err.code, 0);
    pthread_join(thread, NULL);
}

/* Sends requests until one gets a single attempt, as all do after the shared deadline. */
static bool becomes_known(struct cove__http *http, struct server *s)
{
    struct cove_error err = COVE_ERROR_INIT;

    for (int i = 0; i < MANY; i++) {
        if (ask(http, s, NULL, &err) == 1) {
            assert_int_equal(err.code, COVE_ENETWORK);
            assert_true(err.retryable);
            assert_non_null(strstr(err.message, "is known to be down"));
            return true;
        }
        assert_non_null(strstr(err.message, "after"));
    }
    return false;
}

static void test_one_deadline(void **state)
{
    struct server here = { 0 }, there = { 0 };
    struct cove__http *http = client(), *other = client();
    struct cove_error err = COVE_ERROR_INIT;

    server_start(&here);
    server_start(&there);
    reach(http, &here);
    reach(other, &here);
    reach(other, &there);
    server_stop(&here);
    assert_int_equal(ask(http, &here, NULL, &err), RETRIES + 1); /* the first has all its attempts */
    assert_true(becomes_known(http, &here));
    for (int i = 0; i < 3; i++)
        assert_int_equal(ask(other, &here, NULL, &err), 1); /* whichever client asks */

    /* Another server is not affected. */
    server_stop(&there);
    assert_int_equal(ask(other, &there, NULL, &err), RETRIES + 1);

    /* A forked child starts with an empty record. */
    pid_t child = fork();
    if (child == 0)
        _exit(ask(http, &here, NULL, &err) == RETRIES + 1 ? 0 : 1);
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(ask(http, &here, NULL, &err), 1);

    /* One answer ends the outage. */
    server_start(&here);
    reach(http, &here);
    server_stop(&here);
    assert_int_equal(ask(other, &here, NULL, &err), RETRIES + 1);
    cove__http_free(http);
    cove__http_free(other);
}

/* The failure of a background flush, which is retried later, starts no shared deadline. */
static void test_background_flushes_start_no_outage(void **state)
{
    struct server here = { 0 };
    struct cove__http *http = client();
    struct cove_error err = COVE_ERROR_INIT;
    atomic_int callers = 0;

    server_start(&here);
    reach(http, &here);
    server_stop(&here);
    for (int i = 0; i < 4; i++)
        assert_int_equal(ask(http, &here, &callers, &err), RETRIES + 1);
    callers = 1;
    assert_int_equal(ask(http, &here, &callers, &err), RETRIES + 1);
    assert_true(becomes_known(http, &here));
    cove__http_free(http);
}

/* ---- log lines ---- */

static char said[2048];
static cove_cancel *stop;

static void keep_line(void *user, enum cove_log_level level, const char *subject, const char *text)
{
    if (strcmp(subject, "wait") != 0)
        return;
    assert_int_equal(level, COVE_LOG_WARNING);
    snprintf(said + strlen(said), sizeof said - strlen(said), "%s\n", text);
    cove_cancel_fire(stop);
}

static void test_an_outage_is_logged_once(void **state)
{
    struct server here = { 0 };
    struct cove__http *http = client();
    struct cove_error err = COVE_ERROR_INIT;
    char begin[80];

    server_start(&here);
    reach(http, &here);
    server_stop(&here);
    cove_log_set(keep_line, NULL, COVE_LOG_WARNING);
    ask(http, &here, NULL, &err);
    assert_true(becomes_known(http, &here));
    cove_log_set(NULL, NULL, COVE_LOG_ERROR);
    snprintf(begin, sizeof begin, "127.0.0.1:%u has not answered for ", here.port);
    assert_ptr_equal(strstr(said, begin), said);
    assert_null(strstr(said + 1, begin));
    cove__http_free(http);
}

static void *refuse(void *arg)
{
    const struct server *s = arg;
    static const char reply[] =
        "HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nRetry-After: 400\r\nConnection: close\r\n\r\n";
    char data[4096];
    int fd = accept(s->fd, NULL, NULL);

    if (recv(fd, data, sizeof data, 0) > 0)
        send(fd, reply, sizeof reply - 1, MSG_NOSIGNAL);
    close(fd);
    return NULL;
}

static void test_a_long_retry_after_is_logged(void **state)
{
    struct server here = { 0 };
    struct cove__http *http = client();
    static const struct cove__http_hooks hooks = { .prepare = prepare };
    struct cove__http_request r;
    struct cove_error err = COVE_ERROR_INIT;
    pthread_t thread;
    char begin[80];

    said[0] = '\0';
    stop = cove_cancel_new();
    server_start(&here);
    pthread_create(&thread, NULL, refuse, &here);
    cove_log_set(keep_line, NULL, COVE_LOG_WARNING);
    cove__http_request_init(&r);
    r.http = http;
    r.hooks = &hooks;
    r.self = &here;
    r.op.ctx.op = "read";
    r.op.ctx.url = "test://x";
    r.op.ctx.cancel = stop; /* fired by the line */
    assert_int_equal(cove__http_run(&r, &err), COVE_ECANCELED);
    cove__http_request_done(&r);
    cove_log_set(NULL, NULL, COVE_LOG_ERROR);
    pthread_join(thread, NULL);
    snprintf(begin, sizeof begin, "127.0.0.1:%u asks to wait 4", here.port);
    assert_ptr_equal(strstr(said, begin), said);
    assert_non_null(strstr(said, " s (Retry-After), until 2"));
    assert_non_null(strstr(said, ": read test://x: "));
    server_stop(&here);
    cove_cancel_unref(stop);
    stop = NULL;
    cove__http_free(http);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_deadline),
        cmocka_unit_test(test_background_flushes_start_no_outage),
        cmocka_unit_test(test_an_outage_is_logged_once),
        cmocka_unit_test(test_a_long_retry_after_is_logged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
