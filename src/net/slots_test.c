/*
 * Who has one of the client's slots: background work that no call waits for any more gives its slot to a request that
 * is waited for. The test itself is the server: it takes each connection and answers when it wants to, so that nothing
 * depends on how long anything takes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "net/http.h"
#include "net/loop.h"

#define WHILE_MS 300 /* several looks of the I/O loop at what is under way */

static int listener;
static unsigned port;
static _Atomic int64_t attended_ns;

static int start_server(void **state)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;

    listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 64) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) < 0)
        return -1;
    port = ntohs(address.sin_port);
    return 0;
}

static int stop_server(void **state)
{
    return close(listener);
}

/* Takes the next connection and its request, of this path. */
static int take(const char *path)
{
    char data[4096] = "", line[64];
    size_t size = 0;
    int fd = accept(listener, NULL, NULL);

    assert_true(fd >= 0);
    while (!strstr(data, "\r\n\r\n")) {
        ssize_t n = recv(fd, data + size, sizeof data - 1 - size, 0);
        assert_true(n > 0);
        size += (size_t)n;
        data[size] = '\0';
    }
    snprintf(line, sizeof line, "GET %s ", path);
    assert_ptr_equal(strstr(data, line), data);
    return fd;
}

static void answer(int fd)
{
    static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";

    assert_int_equal(send(fd, response, sizeof response - 1, MSG_NOSIGNAL), sizeof response - 1);
    close(fd);
}

/* Its other end has been closed: nothing but the end can be read. */
static void was_given_up(int fd)
{
    char byte;

    assert_true(recv(fd, &byte, 1, 0) <= 0);
    close(fd);
}

struct one {
    struct cove__http_request r; /* first: the inbox gives it back */
    struct cove__background background;
    const char *path;
};

static int prepare(void *self, struct cove__http_request *r, struct cove_error *err)
{
    const struct one *one = self;

    return cove__buf_addf(&r->url, "http://127.0.0.1:%u%s", port, one->path);
}

static struct cove__http *client(unsigned concurrency)
{
    struct cove__http_config config = { .proxy = "", .max_concurrency = concurrency };
    struct cove__http *http = NULL;

    assert_int_equal(cove__http_new(&config, &http, NULL), 0);
    return http;
}

static void start(struct one *one, struct cove__http *http, struct cove__inbox *inbox, const char *path,
                  bool background)
{
    static const struct cove__http_hooks hooks = { .prepare = prepare };

    *one = (struct one){ .path = path, .background = { .attended_ns = &attended_ns } };
    cove__http_request_init(&one->r);
    one->r.http = http;
    one->r.hooks = &hooks;
    one->r.self = one;
    one->r.op.inbox = inbox;
    one->r.op.ctx.op = "read";
    one->r.op.ctx.url = path;
    one->r.op.ctx.background = background ? &one->background : NULL;
    cove__http_start(&one->r);
}

static void ends_well(struct cove__inbox *inbox, struct one *one)
{
    assert_ptr_equal(cove__inbox_wait(inbox), &one->r.op);
    assert_int_equal(one->r.op.rc, 0);
    assert_string_equal(cove__buf_str(&one->r.response), "hello");
    cove__http_request_done(&one->r);
}

/* A client without retries: what was given up is not counted as one. */
static void left_work_gives_its_slot_to_a_call(void **state)
{
    struct cove__http *http = client(1);
    struct cove__inbox inbox;
    struct one left, wanted;

    cove__inbox_init(&inbox);
    attended_ns = 0; /* no call waits for it */
    start(&left, http, &inbox, "/left", true);
    int fd = take("/left");
    start(&wanted, http, &inbox, "/wanted", false);
    answer(take("/wanted")); /* although the other was never answered */
    ends_well(&inbox, &wanted);
    was_given_up(fd);
    answer(take("/left")); /* it has the slot again */
    ends_well(&inbox, &left);
    cove__inbox_done(&inbox);
    cove__http_free(http);
}

static void left_work_waits_behind_calls(void **state)
{
    struct cove__http *http = client(1);
    struct cove__inbox inbox;
    struct one first, left, wanted;

    cove__inbox_init(&inbox);
    attended_ns = 0;
    start(&first, http, &inbox, "/first", false);
    int fd = take("/first");
    start(&left, http, &inbox, "/left", true);
    start(&wanted, http, &inbox, "/wanted", false);
    answer(fd);
    ends_well(&inbox, &first);
    answer(take("/wanted"));
    ends_well(&inbox, &wanted);
    answer(take("/left"));
    ends_well(&inbox, &left);
    cove__inbox_done(&inbox);
    cove__http_free(http);
}

static void work_that_is_waited_for_keeps_its_slot(void **state)
{
    struct cove__http *http = client(1);
    struct cove__inbox inbox;
    struct one ahead, wanted;

    cove__inbox_init(&inbox);
    attended_ns = INT64_MAX;
    start(&ahead, http, &inbox, "/ahead", true);
    int fd = take("/ahead");
    start(&wanted, http, &inbox, "/wanted", false);
    cove__sleep_ns(WHILE_MS * COVE__MS);
    answer(fd); /* fails where it was given up, and then the next one is not in the order below */
    ends_well(&inbox, &ahead);
    answer(take("/wanted"));
    ends_well(&inbox, &wanted);
    cove__inbox_done(&inbox);
    cove__http_free(http);
}

/* ---- a store that asks for fewer requests ---- */

static enum cove__http_verdict refused_for_its_name(void *self, struct cove__http_request *r, struct cove_error *err)
{
    r->throttles_name = true;
    cove__http_error(r, r->status, "one write a second for one name", err);
    return COVE__HTTP_FAIL;
}

static enum cove__http_verdict refused_for_all(void *self, struct cove__http_request *r, struct cove_error *err)
{
    cove__http_error(r, r->status, "fewer requests", err);
    return COVE__HTTP_FAIL;
}

/* Runs a request that is answered 429, and gives the client's limit after it. */
static unsigned limit_after(enum cove__http_verdict (*inspect)(void *, struct cove__http_request *,
                                                               struct cove_error *))
{
    static const char response[] = "HTTP/1.1 429 Slow\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    const struct cove__http_hooks hooks = { .prepare = prepare, .inspect = inspect };
    struct cove__http *http = client(8);
    struct one one = { .path = "/busy" };
    struct cove__inbox inbox;

    cove__inbox_init(&inbox);
    cove__http_request_init(&one.r);
    one.r.http = http;
    one.r.hooks = &hooks;
    one.r.self = &one;
    one.r.op.inbox = &inbox;
    one.r.op.ctx.op = "write";
    one.r.op.ctx.url = "/busy";
    cove__http_start(&one.r);
    int fd = take("/busy");
    assert_int_equal(send(fd, response, sizeof response - 1, MSG_NOSIGNAL), sizeof response - 1);
    close(fd);
    assert_ptr_equal(cove__inbox_wait(&inbox), &one.r.op);
    assert_int_equal(one.r.op.rc, COVE_ETHROTTLED);
    cove__http_request_done(&one.r);
    cove__inbox_done(&inbox);
    unsigned now = http->limit.now;
    cove__http_free(http);
    return now;
}

static void a_name_that_is_throttled_slows_no_other(void **state)
{
    assert_in_range(limit_after(refused_for_all), 1, 7);
    assert_int_equal(limit_after(refused_for_its_name), 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(left_work_gives_its_slot_to_a_call),
        cmocka_unit_test(left_work_waits_behind_calls),
        cmocka_unit_test(work_that_is_waited_for_keeps_its_slot),
        cmocka_unit_test(a_name_that_is_throttled_slows_no_other),
    };

    return cmocka_run_group_tests(tests, start_server, stop_server);
}
