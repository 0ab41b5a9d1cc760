/*
 * Bodies in pieces (body_before, body, body_after of struct cove__http_request), against a server of this program: each
 * request arrives whole, also where it is sent again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "net/http.h"

#define LARGE     ((size_t)300001)
#define BODY_MAX  (3 * LARGE)
#define BODIES    4
#define HEADS_MAX 8192

#define OK   "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define BUSY "HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nRetry-After: 0\r\n\r\n"
#define LOST "" /* the connection ends, without a response */

/* ---- the server: a thread for each connection, as connections are kept from one client to the next ---- */

struct body {
    size_t size;
    uint8_t data[BODY_MAX];
};

static struct {
    int fd;
    unsigned port;
    pthread_t thread;
    const char *const *script; /* set while no request is under way, as all that the server writes is read then */
    atomic_size_t served;
    struct body bodies[BODIES];
} server;

/* What is there of the next request; false: the client closed. */
static bool receive(int fd, struct body *body)
{
    char head[HEADS_MAX];
    size_t n = 0, size = 0;
    char *end = NULL;

    while (!end) { /* a byte at a time, so that none of the body is in it */
        if (n == sizeof head - 1 || recv(fd, head + n, 1, 0) <= 0)
            return false;
        head[++n] = '\0';
        end = strstr(head, "\r\n\r\n");
    }
    const char *length = strstr(head, "Content-Length: ");
    size = length ? strtoul(length + strlen("Content-Length: "), NULL, 10) : 0;
    for (body->size = 0; size <= BODY_MAX && body->size < size;) {
        ssize_t got = recv(fd, body->data + body->size, size - body->size, 0);
        if (got <= 0)
            return false;
        body->size += (size_t)got;
    }
    return size <= BODY_MAX;
}

/* One request at a time is under way, on one of the connections. */
static void *serve_connection(void *arg)
{
    int fd = (int)(intptr_t)arg;
    struct body *body = malloc(sizeof *body);

    while (body && receive(fd, body)) {
        size_t i = atomic_load(&server.served);
        const char *response = i < BODIES ? server.script[i] : NULL;
        if (!response)
            break;
        server.bodies[i] = *body;
        atomic_fetch_add(&server.served, 1);
        if (response[0] == '\0' || send(fd, response, strlen(response), MSG_NOSIGNAL) < 0)
            break;
    }
    free(body);
    close(fd);
    return NULL;
}

static void *serve(void *arg)
{
    pthread_t thread;
    int fd;

    while ((fd = accept(server.fd, NULL, NULL)) >= 0) {
        if (pthread_create(&thread, NULL, serve_connection, (void *)(intptr_t)fd) == 0)
            pthread_detach(thread);
        else
            close(fd);
    }
    return arg;
}

static int start_server(void **state)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;

    server.fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(server.fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(server.fd, 64) < 0 ||
        getsockname(server.fd, (struct sockaddr *)&address, &size) < 0)
        return -1;
    server.port = ntohs(address.sin_port);
    return pthread_create(&server.thread, NULL, serve, NULL);
}

static int stop_server(void **state)
{
    shutdown(server.fd, SHUT_RDWR);
    pthread_join(server.thread, NULL);
    close(server.fd);
    return 0;
}

/* ---- what libcurl sends, which finds this function before the system's ---- */

static size_t first_send; /* bytes of the last send that began a request */

ssize_t send(int fd, const void *data, size_t size, int flags)
{
    if (size >= 5 && memcmp(data, "POST ", 5) == 0)
        first_send = size;
    return sendto(fd, data, size, flags, NULL, 0);
}

/* ---- the client ---- */

static uint8_t pattern[BODY_MAX]; /* of which the pieces are parts, one behind the other */

static int prepare(void *self, struct cove__http_request *r, struct cove_error *err)
{
    return cove__buf_addf(&r->url, "http://127.0.0.1:%u/x", server.port);
}

static const struct cove__http_hooks hooks = { .prepare = prepare };

static struct cove__http *client(const char *const *script)
{
    struct cove__http_config config = {
        .proxy = "", .stall_timeout_ms = 60000, .max_retries = 2, .max_concurrency = 1
    };
    struct cove__http *http = NULL;

    server.script = script;
    atomic_store(&server.served, 0);
    assert_int_equal(cove__http_new(&config, &http, NULL), 0);
    return http;
}

struct sizes {
    size_t before, body, after;
};

/* Sends one request. *ret_attempts, *ret_sends: of it. */
static void send_pieces(struct cove__http *http, struct sizes n, unsigned *ret_attempts, unsigned *ret_sends)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct cove__http_request r;

    cove__http_request_init(&r);
    r.http = http;
    r.hooks = &hooks;
    r.op.ctx.op = "write";
    r.op.ctx.url = "test://x";
    r.method = "POST";
    r.has_body = true;
    r.repeatable = true;
    r.body_before = cove__slice(pattern, n.before);
    r.body = cove__slice(pattern + n.before, n.body);
    r.body_after = cove__slice(pattern + n.before + n.body, n.after);
    if (cove__http_run(&r, &err) < 0)
        fail_msg("%s", err.message);
    *ret_attempts = r.attempts;
    *ret_sends = r.sends;
    cove__http_request_done(&r);
}

static void arrived_whole(size_t i, struct sizes n)
{
    assert_int_equal(server.bodies[i].size, n.before + n.body + n.after);
    assert_memory_equal(server.bodies[i].data, pattern, server.bodies[i].size);
}

/* ---- tests ---- */

/* With bodies in one piece in between, as the handles of libcurl are used again. */
static void test_sizes(void **state)
{
    static const struct sizes rows[] = {
        { 0, 0, 0 },     { 1, 0, 0 },         { 0, 1, 0 },         { 0, 0, 1 },
        { 1, 1, 1 },     { 1, LARGE, 0 },     { 0, LARGE, 1 },     { 0, LARGE, 0 },
        { LARGE, 0, 1 }, { LARGE, 1, LARGE }, { 1, LARGE, LARGE }, { LARGE, LARGE, LARGE },
    };
    static const char *const script[BODIES] = { OK, OK, OK, OK };
    unsigned attempts, sends;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i += BODIES) {
        struct cove__http *http = client(script);
        for (size_t k = 0; k < BODIES; k++) {
            send_pieces(http, rows[i + k], &attempts, &sends);
            arrived_whole(k, rows[i + k]);
            assert_int_equal(attempts, 1);
        }
        assert_int_equal(server.served, BODIES);
        cove__http_free(http);
    }
}

/* With its headers, not after them: a request, and a wake-up of the server, in place of two. */
static void test_a_small_body_goes_with_its_headers(void **state)
{
    static const struct sizes rows[] = { { 0, 16384, 0 }, { 300, 16384, 50 }, { 300, 0, 0 } };
    static const char *const script[BODIES] = { OK, OK, OK };
    unsigned attempts, sends;
    struct cove__http *http = client(script);

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        first_send = 0;
        send_pieces(http, rows[i], &attempts, &sends);
        arrived_whole(i, rows[i]);
        assert_true(first_send > rows[i].before + rows[i].body + rows[i].after);
    }
    cove__http_free(http);
}

static const struct sizes again[] = { { 1, LARGE, 1 }, { LARGE, 1, LARGE }, { LARGE, 0, 0 } };

static void test_after_a_refusal(void **state)
{
    static const char *const script[BODIES] = { BUSY, OK };
    unsigned attempts, sends;

    for (size_t i = 0; i < sizeof again / sizeof again[0]; i++) {
        struct cove__http *http = client(script);
        send_pieces(http, again[i], &attempts, &sends);
        assert_int_equal(attempts, 2);
        assert_int_equal(server.served, 2);
        arrived_whole(0, again[i]);
        arrived_whole(1, again[i]);
        cove__http_free(http);
    }
}

/* libcurl itself sends it again, and has the pieces rewound. */
static void test_after_a_kept_connection_was_lost(void **state)
{
    static const char *const script[BODIES] = { OK, LOST, OK };
    unsigned attempts, sends;

    for (size_t i = 0; i < sizeof again / sizeof again[0]; i++) {
        struct cove__http *http = client(script);
        send_pieces(http, (struct sizes){ 0, 1, 0 }, &attempts, &sends);
        send_pieces(http, again[i], &attempts, &sends);
        assert_int_equal(attempts, 1);
        assert_int_equal(sends, 2);
        assert_int_equal(server.served, 3);
        arrived_whole(1, again[i]);
        arrived_whole(2, again[i]);
        cove__http_free(http);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_a_small_body_goes_with_its_headers),
        cmocka_unit_test(test_after_a_refusal),
        cmocka_unit_test(test_after_a_kept_connection_was_lost),
    };

    setenv("COVE_IO_THREADS", "1", 1); /* which have connections of their own */
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = (uint8_t)(i * 2654435761u >> 24);
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
