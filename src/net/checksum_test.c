/*
 * The CRC32C of a body that is computed while its bytes come (cove__http_crc32c), against a server of this program that
 * cuts its responses: it is that of the bytes at dst, however they came.
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

#include "net/http.h"
#include "wire/crc.h"

#define SIZE ((size_t)300001)

/* What the server sends of its next response: `sent` bytes of those from `from` on, after which it closes. */
struct response {
    size_t from, sent;
    uint8_t flip; /* of the first byte */
};

static struct {
    int fd;
    unsigned port;
    pthread_t thread;
    const struct response *script;
    atomic_size_t served; /* of it */
} server;

static uint8_t object[SIZE];

static void send_all(int fd, const void *data, size_t size)
{
    const uint8_t *p = data;

    while (size > 0) {
        ssize_t n = send(fd, p, size, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        p += n;
        size -= (size_t)n;
    }
}

static void respond(int fd, const struct response *response)
{
    char head[256], request[8192];
    size_t n = 0;
    uint8_t first = object[response->from] ^ response->flip;

    do { /* of a GET, which has no body */
        ssize_t got = recv(fd, request + n, sizeof request - 1 - n, 0);
        if (got <= 0)
            return;
        n += (size_t)got;
        request[n] = '\0';
    } while (!strstr(request, "\r\n\r\n"));
    snprintf(head, sizeof head, "HTTP/1.1 206 Partial Content\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n",
             SIZE - response->from);
    send_all(fd, head, strlen(head));
    send_all(fd, &first, 1);
    send_all(fd, object + response->from + 1, response->sent - 1);
}

static void *serve(void *arg)
{
    int fd;

    while ((fd = accept(server.fd, NULL, NULL)) >= 0) {
        respond(fd, &server.script[atomic_fetch_add(&server.served, 1)]);
        shutdown(fd, SHUT_WR);
        while (recv(fd, (char[256]){ 0 }, 256, 0) > 0)
            ; /* until the client closes, so that it loses none of what was sent */
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

/* ---- the client ---- */

static int64_t kept; /* what it keeps of a response that broke off */

static int prepare(void *self, struct cove__http_request *r, struct cove_error *err)
{
    return cove__buf_addf(&r->url, "http://127.0.0.1:%u/", server.port);
}

static int64_t keep(void *self, struct cove__http_request *r)
{
    return kept;
}

static const struct cove__http_hooks hooks = { .prepare = prepare, .keep = keep };

static void get(const struct response *script, int64_t keeps)
{
    struct cove__http_config config = { .proxy = "",
                                        .verify_tls = 1,
                                        .connect_timeout_ms = 10000,
                                        .stall_timeout_ms = 10000,
                                        .max_retries = 3,
                                        .max_concurrency = 1 };
    struct cove__http_request r;
    struct cove__http *http = NULL;
    uint8_t *dst = calloc(1, SIZE);

    assert_non_null(dst);
    server.script = script;
    atomic_store(&server.served, 0);
    kept = keeps;
    assert_int_equal(cove__http_new(&config, &http, NULL), 0);
    cove__http_request_init(&r);
    r.http = http;
    r.hooks = &hooks;
    r.method = "GET";
    r.repeatable = true;
    r.dst = dst;
    r.dst_size = SIZE;
    r.wants_crc32c = true;
    r.op.ctx.op = "get";
    r.op.ctx.url = "http://x/";
    r.op.ctx.deadline_ns = INT64_MAX;
    assert_int_equal(cove__http_run(&r, NULL), 0);
    assert_int_equal(r.kept + r.received, SIZE);
    assert_memory_equal(dst, object, SIZE);
    assert_int_equal(r.crc32c_size, SIZE); /* so it was computed on the way */
    assert_int_equal(cove__http_crc32c(&r), cove__crc32c(0, object, SIZE));
    cove__http_request_done(&r);
    cove__http_free(http);
    free(dst);
}

static void test_in_one_response(void **state)
{
    static const struct response script[] = { { 0, SIZE, 0 } };
    get(script, 0);
}

static void test_resumed(void **state)
{
    static const struct response script[] = { { 0, 200000, 0 }, { 200000, SIZE - 200000, 0 } };
    get(script, 200000);
}

static void test_fewer_bytes_are_kept_than_came(void **state)
{
    static const struct response script[] = { { 0, 200000, 0 }, { 100000, SIZE - 100000, 0 } };
    get(script, 100000);
}

static void test_none_are_kept(void **state)
{
    static const struct response script[] = { { 0, 200000, 0xff }, { 0, SIZE, 0 } };
    get(script, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_one_response),
        cmocka_unit_test(test_resumed),
        cmocka_unit_test(test_fewer_bytes_are_kept_than_came),
        cmocka_unit_test(test_none_are_kept),
    };

    for (size_t i = 0; i < SIZE; i++)
        object[i] = (uint8_t)(i * 2654435761u >> 24);
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
