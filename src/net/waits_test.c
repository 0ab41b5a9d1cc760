/*
 * A server that dies: last waits for it share a deadline, and no other request is ever given up before its own retries
 * end. The test is the server; it answers a request, stops listening, and listens again at the same port. An outage
 * of a minute is simulated by the record of a failed attempt that began then. What is compared are numbers of
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
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cove/log.h>

#include "base/clock.h"
#include "base/error.h"
#include "net/loop.h"

#define RETRIES 3

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

static const char response_hello[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";

/* Takes one connection and answers one request. */
static void *answer(void *arg)
{
    const struct server *s = arg;
    char data[4096] = "";
    size_t size = 0;
    int fd = accept(s->fd, NULL, NULL);

    while (!strstr(data, "\r\n\r\n")) {
        ssize_t n = recv(fd, data + size, sizeof data - 1 - size, 0);
        if (n <= 0)
            break;
        size += (size_t)n;
        data[size] = '\0';
    }
    send(fd, response_hello, sizeof response_hello - 1, MSG_NOSIGNAL);
    close(fd);
    return NULL;
}

static void *refuse(void *arg)
{
    const struct server *s = arg;
    static const char response[] =
        "HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nRetry-After: 400\r\nConnection: close\r\n\r\n";
    char data[4096];
    int fd = accept(s->fd, NULL, NULL);

    if (recv(fd, data, sizeof data, 0) > 0)
        send(fd, response, sizeof response - 1, MSG_NOSIGNAL);
    close(fd);
    return NULL;
}

static int prepare(void *self, struct cove__http_request *r, struct cove_error *err)
{
    const struct server *s = self;

    return cove__buf_addf(&r->url, "http://127.0.0.1:%u/key", s->port);
}

static struct cove__http *client_with(unsigned retries, const char *proxy)
{
    struct cove__http_config config = { .proxy = proxy, .max_retries = retries };
    struct cove__http *http = NULL;

    assert_int_equal(cove__http_new(&config, &http, NULL), 0);
    return http;
}

static struct cove__http *client(void)
{
    return client_with(RETRIES, "");
}

/* The attempts of one request. `last_waits`: see struct cove__ctx. */
static unsigned ask_as(struct cove__http *http, struct server *s, const atomic_int *last_waits, struct cove_error *err)
{
    static const struct cove__http_hooks hooks = { .prepare = prepare };
    struct cove__http_request r;

    cove__http_request_init(&r);
    r.http = http;
    r.hooks = &hooks;
    r.self = s;
    r.op.ctx.op = "read";
    r.op.ctx.url = "test://x";
    r.op.ctx.last_waits = last_waits;
    cove__error_clear(err);
    cove__http_run(&r, err);
    unsigned attempts = r.attempts;
    cove__http_request_done(&r);
    return attempts;
}

static unsigned ask(struct cove__http *http, struct server *s)
{
    struct cove_error err = COVE_ERROR_INIT;
    unsigned attempts = ask_as(http, s, NULL, &err);

    assert_int_equal(err.code, COVE_ENETWORK);
    assert_null(strstr(err.message, "has not answered"));
    return attempts;
}

static unsigned ask_last(struct cove__http *http, struct server *s)
{
    struct cove_error err = COVE_ERROR_INIT;
    unsigned attempts = ask_as(http, s, &cove__is_abort, &err);
    char told[80];

    assert_int_equal(err.code, COVE_ENETWORK);
    assert_true(err.retryable);
    snprintf(told, sizeof told, ", and http://127.0.0.1:%u has not answered for ", s->port);
    assert_true(!strstr(err.message, told) == (attempts >= RETRIES + 1));
    return attempts;
}

#define NO_LAST_WAIT INT64_MAX
#define OVER         (-20) /* a last wait that began so many seconds ago */
#define FAR_FROM     60

/* Records, as the client would, that a server that has never answered has been away for a minute, and that a last wait
 * begins so many seconds from now. */
static void has_been_away(struct cove__http *http, struct server *s, int64_t last_wait_s)
{
    struct cove__http_request r;
    struct cove__http_state st = { .r = &r, .started_ns = cove__now_ns() - 60 * COVE__SEC };

    cove__http_request_init(&r);
    r.http = http;
    r.op.ctx.op = "append";
    r.op.ctx.url = "test://log";
    r.op.ctx.last_waits = &cove__is_abort;
    assert_int_equal(prepare(s, &r, NULL), 0);
    cove__wait_failed(&st);
    if (last_wait_s != NO_LAST_WAIT)
        assert_int_not_equal(cove__wait_deadline(&st, cove__now_ns() + last_wait_s * COVE__SEC), INT64_MAX);
    cove__http_request_done(&r);
}

/* It answers one request of the client. */
static void reach(struct cove__http *http, struct server *s)
{
    struct cove_error err = COVE_ERROR_INIT;
    pthread_t thread;

    pthread_create(&thread, NULL, answer, s);
    assert_int_equal(ask_as(http, s, NULL, &err), 1);
    assert_int_equal(err.code, 0);
    pthread_join(thread, NULL);
}

/* The listener of a server that is gone, at a port that is its own. */
static void server_gone(struct server *s)
{
    server_start(s);
    server_stop(s);
}

static void test_last_waits_share_a_deadline(void **state)
{
    struct server here = { 0 }, known = { 0 };
    struct cove__http *http = client();

    server_gone(&here);
    server_gone(&known);
    assert_int_equal(ask_last(http, &here), RETRIES + 1); /* not known yet */
    has_been_away(http, &known, FAR_FROM);
    assert_int_equal(ask_last(http, &known), RETRIES + 1); /* within the time that they have together */
    cove__http_free(http);
}

static void test_after_that_each_is_tried_once(void **state)
{
    struct server here = { 0 }, there = { 0 };
    struct cove__http *http = client(), *other = client();

    server_gone(&here);
    server_gone(&there);
    has_been_away(http, &here, OVER);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ask_last(http, &here), 1);
        assert_int_equal(ask_last(other, &here), 1); /* whichever client asks */
    }
    assert_int_equal(ask_last(http, &there), RETRIES + 1); /* another server is not hurt by it */

    /* A forked child starts with an empty record. */
    pid_t child = fork();
    if (child == 0)
        _exit(ask_last(http, &here) == RETRIES + 1 ? 0 : 1);
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(ask_last(http, &here), 1);

    /* One answer ends the outage. */
    server_start(&here);
    reach(other, &here);
    server_stop(&here);
    assert_int_equal(ask_last(http, &here), RETRIES + 1);
    cove__http_free(http);
    cove__http_free(other);
}

/* What others meet, give up or have waited for changes nothing for a request that is no last wait. */
static void test_other_requests_keep_their_retries(void **state)
{
    struct server here = { 0 }, known = { 0 };
    struct cove__http *http = client(), *hasty = client_with(0, ""), *patient = client_with(RETRIES + 1, "");
    struct cove_error err = COVE_ERROR_INIT;
    atomic_int no_close = 0;

    server_start(&here);
    reach(http, &here);
    reach(patient, &here);
    server_stop(&here);
    assert_int_equal(ask(hasty, &here), 1);
    for (int i = 0; i < 3; i++) /* one after the other, as of a program that continues after an error */
        assert_int_equal(ask(http, &here), RETRIES + 1);
    assert_int_equal(ask(patient, &here), RETRIES + 2);
    cove__http_free(http);
    cove__http_free(hasty);
    cove__http_free(patient);

    server_gone(&known);
    http = client();
    has_been_away(http, &known, OVER);
    assert_int_equal(ask_last(http, &known), 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(ask(http, &known), RETRIES + 1);
    /* The flush of an appender, while no close waits for it. */
    assert_int_equal(ask_as(http, &known, &no_close, &err), RETRIES + 1);
    cove__http_free(http);
}

struct asking {
    struct cove__http *http;
    struct server *server;
    struct cove_error err;
    unsigned attempts;
};

static void *ask_aside(void *arg)
{
    struct asking *a = arg;

    a->attempts = ask_as(a->http, a->server, NULL, &a->err);
    return NULL;
}

/* A response that takes long is waited for as long as the client's options allow, whatever is known of its server; an
 * attempt of a last wait is not, once the time is over. */
static void test_a_slow_response_is_waited_for(void **state)
{
    struct server here = { 0 };
    struct cove__http *http = client();
    struct asking slow = { .http = http, .server = &here, .err = COVE_ERROR_INIT };
    char data[4096];
    pthread_t thread;

    server_start(&here);
    pthread_create(&thread, NULL, ask_aside, &slow);
    int fd = accept(here.fd, NULL, NULL);
    assert_true(recv(fd, data, sizeof data, 0) > 0);
    has_been_away(http, &here, OVER);
    for (int i = 0; i < 2; i++)
        assert_int_equal(ask_last(http, &here), 1); /* connected by the system, and never answered */
    server_stop(&here);
    assert_true(send(fd, response_hello, sizeof response_hello - 1, MSG_NOSIGNAL) > 0);
    pthread_join(thread, NULL);
    close(fd);
    assert_int_equal(slow.err.code, 0);
    assert_int_equal(slow.attempts, 1);
    cove__http_free(http);
}

/* A response of any status is an answer. */
static void test_an_error_is_an_answer(void **state)
{
    struct server here = { 0 };
    struct cove__http *http = client(), *hasty = client_with(0, "");
    struct cove_error err = COVE_ERROR_INIT;
    pthread_t thread;

    server_start(&here);
    has_been_away(http, &here, OVER);
    pthread_create(&thread, NULL, refuse, &here);
    assert_int_equal(ask_as(hasty, &here, NULL, &err), 1);
    assert_int_equal(err.http_status, 503);
    pthread_join(thread, NULL);
    server_stop(&here);
    assert_int_equal(ask_last(http, &here), RETRIES + 1);
    cove__http_free(http);
    cove__http_free(hasty);
}

/* An unreachable proxy does not mean that the server is unreachable. */
static void test_by_way_of_a_proxy(void **state)
{
    struct server here = { 0 }, proxy = { 0 };
    struct cove_error err = COVE_ERROR_INIT;
    char url[80];

    server_gone(&here);
    server_gone(&proxy);
    snprintf(url, sizeof url, "http://user:secret@127.0.0.1:%u", proxy.port);
    struct cove__http *direct = client(), *through = client_with(RETRIES, url);
    has_been_away(through, &here, OVER);
    assert_int_equal(ask_as(through, &here, &cove__is_abort, &err), 1);
    assert_null(strstr(err.message, "secret"));
    assert_int_equal(ask_last(direct, &here), RETRIES + 1);
    cove__http_free(direct);
    cove__http_free(through);
}

/* It is not known here whether no_proxy leads past the proxy. */
static void test_by_the_settings_of_the_environment(void **state)
{
    char endpoint[COVE__OUTAGE_ENDPOINT];

    setenv("all_proxy", "http://127.0.0.1:9", 1);
    struct cove__http *http = client_with(RETRIES, NULL);
    unsetenv("all_proxy");
    cove__outage_endpoint("http://h/k", http->way, endpoint);
    assert_string_equal(endpoint, "http://h (by the proxy settings of the environment)");
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

static void test_the_deadline_is_logged_once(void **state)
{
    struct server here = { 0 };
    struct cove__http *http = client();
    char expected[160];

    said[0] = '\0';
    server_gone(&here);
    has_been_away(http, &here, NO_LAST_WAIT);
    cove_log_set(keep_line, NULL, COVE_LOG_WARNING);
    ask(http, &here);
    assert_string_equal(said, "");
    ask_last(http, &here);
    ask_last(http, &here);
    cove_log_set(NULL, NULL, COVE_LOG_ERROR);
    snprintf(expected, sizeof expected, "http://127.0.0.1:%u has not answered for 6", here.port);
    assert_ptr_equal(strstr(said, expected), said);
    assert_null(strstr(said + 1, expected));
    assert_non_null(strstr(said, " s: the last waits for it end in 10 s, unless it answers: read test://x\n"));
    cove__http_free(http);
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
    snprintf(begin, sizeof begin, "http://127.0.0.1:%u asks to wait 4", here.port);
    assert_ptr_equal(strstr(said, begin), said);
    assert_non_null(strstr(said, " s (Retry-After), until 2"));
    assert_non_null(strstr(said, ": read test://x: "));
    server_stop(&here);
    cove_cancel_unref(stop);
    stop = NULL;
    cove__http_free(http);
}

static void keep_first_line(void *user, enum cove_log_level level, const char *subject, const char *text)
{
    (void)user;
    (void)level;
    if (strcmp(subject, "wait") != 0 || said[0] != '\0')
        return;
    snprintf(said, sizeof said, "%s", text);
    cove_cancel_fire(stop);
}

/* A connection that is neither made nor refused: the server's queue of them is full. */
static void test_a_connect_that_hangs_is_logged(void **state)
{
    struct server here = { 0 };
    struct cove__http_config config = { .proxy = "", .connect_timeout_ms = 600000 };
    static const struct cove__http_hooks hooks = { .prepare = prepare };
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct cove__http *http = NULL;
    struct cove__http_request r;
    struct cove_error err = COVE_ERROR_INIT;
    int fill[8];
    char begin[80];

    said[0] = '\0';
    stop = cove_cancel_new();
    server_start(&here);
    assert_return_code(listen(here.fd, 0), 0);
    address.sin_port = htons((uint16_t)here.port);
    for (int i = 0; i < 8; i++) {
        fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(fill[i], (struct sockaddr *)&address, sizeof address);
    }
    assert_int_equal(cove__http_new(&config, &http, NULL), 0);
    cove_log_set(keep_first_line, NULL, COVE_LOG_INFO);
    cove__http_request_init(&r);
    r.http = http;
    r.hooks = &hooks;
    r.self = &here;
    r.op.ctx.op = "read";
    r.op.ctx.url = "test://x";
    r.op.ctx.cancel = stop; /* fired by the line */
    r.op.ctx.deadline_ns = cove__now_ns() + 60 * COVE__SEC;
    assert_int_equal(cove__http_run(&r, &err), COVE_ECANCELED);
    cove__http_request_done(&r);
    cove_log_set(NULL, NULL, COVE_LOG_ERROR);
    snprintf(begin, sizeof begin, "waiting for http://127.0.0.1:%u, ", here.port);
    assert_ptr_equal(strstr(said, begin), said);
    assert_non_null(strstr(said, " s so far (attempt 1 of 1, "));
    assert_non_null(strstr(said, " s left): read test://x"));
    for (int i = 0; i < 8; i++)
        close(fill[i]);
    server_stop(&here);
    cove_cancel_unref(stop);
    stop = NULL;
    cove__http_free(http);
}

/* It waits without a slot and without an attempt, and its deadline ends it. */
static void test_a_request_that_begins_later(void **state)
{
    static const struct cove__http_hooks hooks = { .prepare = prepare };
    struct cove__http *http = client();
    struct cove__http_request r;
    struct cove_error err = COVE_ERROR_INIT;
    struct server none = { 0 };

    cove__http_request_init(&r);
    r.http = http;
    r.hooks = &hooks;
    r.self = &none;
    r.op.ctx.op = "write";
    r.op.ctx.url = "test://x";
    r.op.ctx.deadline_ns = cove__now_ns() + 20 * COVE__MS;
    r.begin_after_ns = 3600 * COVE__SEC;
    assert_int_equal(cove__http_run(&r, &err), COVE_ETIMEDOUT);
    assert_int_equal(r.attempts, 0);
    cove__http_request_done(&r);
    cove__http_free(http);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_last_waits_share_a_deadline),
        cmocka_unit_test(test_after_that_each_is_tried_once),
        cmocka_unit_test(test_other_requests_keep_their_retries),
        cmocka_unit_test(test_a_slow_response_is_waited_for),
        cmocka_unit_test(test_an_error_is_an_answer),
        cmocka_unit_test(test_by_way_of_a_proxy),
        cmocka_unit_test(test_by_the_settings_of_the_environment),
        cmocka_unit_test(test_the_deadline_is_logged_once),
        cmocka_unit_test(test_a_long_retry_after_is_logged),
        cmocka_unit_test(test_a_connect_that_hangs_is_logged),
        cmocka_unit_test(test_a_request_that_begins_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
