/*
 * The HTTP client against a server of this program that answers by a script, connection by connection on 127.0.0.1:
 * retries, cut and overlong bodies, stalls, deadlines, tokens, slots, reuse of connections, fork.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/mem.h"
#include "net/http.h"

/* ---- the server ---- */

#define STALL      ""   /* sends nothing, keeps the connection */
#define HANG       NULL /* closes without a word */
#define SCRIPT_MAX 16

static struct {
    int fd;
    unsigned port;
    pthread_t thread;
    atomic_bool stop;
    pthread_mutex_t lock;
    /* under lock */
    const char *script[SCRIPT_MAX]; /* one response a request, in order; the last one stands for all that follow */
    size_t n_script, served;
    char path[32]; /* of the script's own requests: one that was given up before may be read only now */
    unsigned connections, now, most; /* requests being answered: now, and at most */
    char last[4096];
    size_t last_size;
    unsigned hold_ms; /* before each response */
} server = { .lock = PTHREAD_MUTEX_INITIALIZER };

static const char *next_response(void)
{
    pthread_mutex_lock(&server.lock);
    const char *response = server.script[server.served < server.n_script ? server.served : server.n_script - 1];
    server.served++;
    if (++server.now > server.most)
        server.most = server.now;
    unsigned hold_ms = server.hold_ms;
    pthread_mutex_unlock(&server.lock);
    if (hold_ms > 0)
        cove__sleep_ns(hold_ms * COVE__MS);
    pthread_mutex_lock(&server.lock);
    server.now--;
    pthread_mutex_unlock(&server.lock);
    return response;
}

/* A whole request, body and all; false: the client closed. */
static bool read_request(int fd)
{
    char data[4096] = "";
    size_t size = 0;

    for (;;) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        if (atomic_load(&server.stop))
            return false;
        if (poll(&p, 1, 50) <= 0)
            continue;
        ssize_t n = recv(fd, data + size, sizeof data - 1 - size, 0);
        if (n <= 0)
            return false;
        size += (size_t)n;
        data[size] = '\0';
        char *end = strstr(data, "\r\n\r\n"), *length = strstr(data, "Content-Length: ");
        if (!end)
            continue;
        size_t body = length && length < end ? strtoul(length + 16, NULL, 10) : 0;
        if (size >= (size_t)(end + 4 - data) + body)
            break;
    }
    pthread_mutex_lock(&server.lock);
    bool ours = strstr(data, server.path);
    if (ours) {
        memcpy(server.last, data, size + 1);
        server.last_size = size;
    }
    pthread_mutex_unlock(&server.lock);
    return ours;
}

static void *serve_connection(void *arg)
{
    int fd = (int)(intptr_t)arg;

    while (read_request(fd)) {
        const char *response = next_response();
        if (response == HANG)
            break;
        size_t n = strlen(response);
        if (n > 0 && send(fd, response, n, MSG_NOSIGNAL) != (ssize_t)n)
            break;
        if (n > 0 && strstr(response, "Connection: close"))
            break;
    }
    close(fd);
    return NULL;
}

static void *serve(void *arg)
{
    while (!atomic_load(&server.stop)) {
        struct pollfd p = { .fd = server.fd, .events = POLLIN };
        if (poll(&p, 1, 50) <= 0)
            continue;
        int fd = accept(server.fd, NULL, NULL);
        pthread_t thread;
        pthread_mutex_lock(&server.lock);
        server.connections++;
        pthread_mutex_unlock(&server.lock);
        if (fd >= 0 && pthread_create(&thread, NULL, serve_connection, (void *)(intptr_t)fd) == 0)
            pthread_detach(thread);
    }
    return NULL;
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
    atomic_store(&server.stop, true);
    pthread_join(server.thread, NULL);
    close(server.fd);
    return 0;
}

static void play(const char *const *script, size_t n)
{
    static unsigned plays;

    pthread_mutex_lock(&server.lock);
    snprintf(server.path, sizeof server.path, "/play-%u ", ++plays);
    memcpy(server.script, script, n * sizeof *script);
    server.n_script = n;
    server.served = 0;
    server.connections = server.now = server.most = 0;
    server.hold_ms = 0;
    pthread_mutex_unlock(&server.lock);
}
#define PLAY(...)                                                                                                      \
    play((const char *const[]){ __VA_ARGS__ }, sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

static unsigned served(void)
{
    pthread_mutex_lock(&server.lock);
    unsigned n = (unsigned)server.served;
    pthread_mutex_unlock(&server.lock);
    return n;
}

static unsigned connections(void)
{
    pthread_mutex_lock(&server.lock);
    unsigned n = server.connections;
    pthread_mutex_unlock(&server.lock);
    return n;
}

/* ---- the client ---- */

static int prepare(void *self, struct cove__http_request *r, struct cove_error *err)
{
    pthread_mutex_lock(&server.lock);
    cove__buf_addf(&r->url, "http://127.0.0.1:%u%.*s", server.port, (int)strcspn(server.path, " "), server.path);
    pthread_mutex_unlock(&server.lock);
    cove__buf_add_str(&r->headers, "X-Mine: yes\nX-Empty: \n");
    return 0;
}

static const struct cove__http_hooks hooks = { prepare, NULL, NULL };

static struct cove__http *client(unsigned retries, unsigned concurrency, int64_t stall_ms)
{
    struct cove__http_config config = { .verify_tls = 1,
                                        .user_agent = "test",
                                        .proxy = "", /* with any environment */
                                        .stall_timeout_ms = stall_ms,
                                        .max_retries = retries,
                                        .max_concurrency = concurrency };
    struct cove__http *http = NULL;
    struct cove_error err = COVE_ERROR_INIT;
    assert_int_equal(cove__http_new(&config, &http, &err), 0);
    return http;
}

static void request(struct cove__http_request *r, struct cove__http *http)
{
    cove__http_request_init(r);
    r->http = http;
    r->hooks = &hooks;
    r->op.ctx.op = "read";
    r->op.ctx.url = "test://x";
}

#define OK_HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"e\"\r\n\r\nhello"
#define BUSY     "HTTP/1.1 503 Slow Down\r\nContent-Length: 4\r\n\r\nbusy"
#define BUSY_NOW "HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nRetry-After: 0\r\n\r\n"

static void test_response_and_reuse(void **state)
{
    struct cove__http *http = client(0, 4, 10000);
    struct cove_error err = COVE_ERROR_INIT;
    char text[32];

    PLAY(OK_HELLO);
    for (int i = 0; i < 3; i++) {
        struct cove__http_request r;
        request(&r, http);
        assert_int_equal(cove__http_run(&r, &err), 0);
        assert_int_equal(r.status, 200);
        assert_string_equal(cove__buf_str(&r.response), "hello");
        assert_true(cove__http_header(&r, "etag", text, sizeof text));
        assert_string_equal(text, "\"e\"");
        assert_false(cove__http_header(&r, "eta", text, sizeof text));
        assert_false(cove__http_header(&r, "etag", text, 3));
        cove__http_request_done(&r);
    }
    assert_non_null(strstr(server.last, "X-Mine: yes\r\n"));
    assert_non_null(strstr(server.last, "X-Empty:\r\n"));
    assert_null(strstr(server.last, "Expect:"));
    assert_int_equal(connections(), 1);
    cove__http_free(http);
}

static void test_body_is_sent(void **state)
{
    struct cove__http *http = client(0, 4, 10000);
    struct cove__http_request r;
    struct cove_error err = COVE_ERROR_INIT;
    static const char *const methods[] = { "PUT", "POST", "DELETE", "PUT" };

    PLAY(OK_HELLO);
    for (int i = 0; i < 4; i++) {
        request(&r, http);
        r.method = methods[i];
        r.has_body = i != 2;
        r.body = cove__slice("\0bytes", i == 3 ? 0 : 6);
        assert_int_equal(cove__http_run(&r, &err), 0);
        assert_int_equal(strncmp(server.last, methods[i], strlen(methods[i])), 0);
        assert_null(strstr(server.last, "Expect:"));
        assert_null(strstr(server.last, "Content-Type:"));
        if (i < 2)
            assert_memory_equal(server.last + server.last_size - 6, "\0bytes", 6);
        if (i == 3)
            assert_non_null(strstr(server.last, "Content-Length: 0\r\n"));
        cove__http_request_done(&r);
    }
    cove__http_free(http);
}

static int run(struct cove__http *http, bool repeatable, struct cove_error *err, unsigned *ret_attempts)
{
    struct cove__http_request r;
    uint8_t dst[8];

    request(&r, http);
    r.repeatable = repeatable;
    r.dst = dst;
    r.dst_size = 5;
    int rc = cove__http_run(&r, err);
    if (rc == 0)
        assert_memory_equal(dst, "hello", 5);
    *ret_attempts = r.attempts;
    cove__http_request_done(&r);
    return rc;
}

/* Another reader of the same response would take another of the two lengths. */
static void test_two_lengths(void **state)
{
    struct cove__http *http = client(0, 4, 10000);
    struct cove_error err = COVE_ERROR_INIT;
    unsigned attempts;

    PLAY("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 4\r\nConnection: close\r\n\r\nhello");
    assert_int_equal(run(http, true, &err, &attempts), COVE_EPROTOCOL);
    assert_non_null(strstr(err.message, "Content-Length"));
    cove__http_free(http);
}

static void test_retries(void **state)
{
    struct cove__http *http = client(2, 4, 10000);
    struct cove_error err = COVE_ERROR_INIT;
    unsigned attempts;
    static const char *const passing[] = {
        BUSY,
        "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
        HANG,
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhel", /* cut */
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello you",                /* longer than what was asked for */
        "HTTP/1.1 503 Slow Down\r\nContent-Length: 100\r\nConnection: close\r\n\r\nbusy", /* a refusal, itself cut */
        "HTTP/1.1 404 No\r\nContent-Length: 100\r\nConnection: close\r\n\r\nno",          /* whose reason was cut */
        "not HTTP at all\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++) {
        PLAY(passing[i], OK_HELLO);
        assert_int_equal(run(http, true, &err, &attempts), 0);
        assert_int_equal(served(), 2); /* a pooled connection that is closed unanswered is libcurl's to replace */
        assert_int_equal(err.code, 0);
    }
    cove__http_free(http);
}

static void test_giving_up(void **state)
{
    struct cove__http *http = client(2, 4, 10000);
    struct cove_error err = COVE_ERROR_INIT;
    unsigned attempts;

    PLAY(BUSY_NOW);
    assert_int_equal(run(http, true, &err, &attempts), COVE_ETHROTTLED);
    assert_int_equal(attempts, 3);
    assert_int_equal(err.http_status, 503);
    assert_int_equal(err.retryable, 1);
    assert_string_equal(err.message, "read test://x: the server refused (HTTP 503), after 3 attempts");

    PLAY("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhel");
    assert_int_equal(run(http, true, &err, &attempts), COVE_ENETWORK);
    assert_non_null(strstr(err.message, "the body was cut"));

    PLAY("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello you");
    assert_int_equal(run(http, true, &err, &attempts), COVE_EPROTOCOL);

    PLAY("HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno");
    assert_int_equal(run(http, true, &err, &attempts), COVE_ENOTFOUND);
    assert_int_equal(attempts, 1);
    assert_int_equal(err.retryable, 0);

    PLAY("HTTP/1.1 404 No\r\nContent-Length: 100\r\nConnection: close\r\n\r\nno"); /* a refusal, cut each time */
    assert_int_equal(run(http, true, &err, &attempts), COVE_ENOTFOUND);
    assert_int_equal(attempts, 3);
    assert_int_equal(err.http_status, 404);
    cove__http_free(http);
}

static void test_only_what_may_be_repeated(void **state)
{
    struct cove__http *http = client(5, 4, 10000);
    struct cove_error err = COVE_ERROR_INIT;
    unsigned attempts;

    PLAY("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", OK_HELLO);
    assert_int_equal(run(http, false, &err, &attempts), COVE_ESERVER);
    assert_int_equal(served(), 1);
    PLAY(BUSY_NOW, OK_HELLO); /* refused before it began */
    assert_int_equal(run(http, false, &err, &attempts), 0);
    assert_int_equal(attempts, 2);
    cove__http_free(http);
}

static void test_retry_after_beyond_the_deadline(void **state)
{
    struct cove__http *http = client(5, 4, 10000);
    struct cove__http_request r;
    struct cove_error err = COVE_ERROR_INIT;

    PLAY("HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nRetry-After: 500\r\n\r\n");
    request(&r, http);
    r.op.ctx.deadline_ns = cove__now_ns() + 60 * COVE__SEC;
    assert_int_equal(cove__http_run(&r, &err), COVE_ETHROTTLED); /* now, not in a minute */
    assert_int_equal(r.attempts, 1);
    assert_int_equal(r.sends, 1);
    cove__http_request_done(&r);
    cove__http_free(http);
}

static void test_ceilings(void **state)
{
    struct cove__http *http = client(0, 4, 10000);
    struct cove__http_request r;
    struct cove_error err = COVE_ERROR_INIT;

    PLAY(OK_HELLO);
    request(&r, http);
    r.response_max = 4;
    assert_int_equal(cove__http_run(&r, &err), COVE_ELIMIT);
    cove__http_request_done(&r);

    PLAY("HTTP/1.1 403 No\r\nContent-Length: 9\r\n\r\nforbidden"); /* an error's body is cut instead */
    request(&r, http);
    r.response_max = 4;
    assert_int_equal(cove__http_run(&r, &err), COVE_EACCESS);
    assert_string_equal(cove__buf_str(&r.response), "forb");
    cove__http_request_done(&r);
    cove__http_free(http);
}

static void test_stall(void **state)
{
    struct cove__http *http = client(1, 4, 200);
    struct cove_error err = COVE_ERROR_INIT;
    unsigned attempts;

    PLAY(STALL, OK_HELLO);
    assert_int_equal(run(http, true, &err, &attempts), 0);
    assert_int_equal(attempts, 2);
    PLAY("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"); /* in the middle of the body */
    assert_int_equal(run(http, true, &err, &attempts), COVE_ENETWORK);
    assert_non_null(strstr(err.message, "stalled"));
    cove__http_free(http);
}

static void test_deadline_and_token(void **state)
{
    struct cove__http *http = client(5, 1, 60000);
    struct cove__http_request held, waiting;
    struct cove__inbox inbox;
    cove_cancel *cancel = cove_cancel_new();

    /* In the middle of a transfer, and while waiting for the client's only slot. */
    PLAY(STALL);
    cove__inbox_init(&inbox);
    request(&held, http);
    request(&waiting, http);
    held.op.inbox = waiting.op.inbox = &inbox;
    held.op.ctx.deadline_ns = cove__now_ns() + 300 * COVE__MS;
    waiting.op.ctx.cancel = cancel;
    cove__http_start(&held);
    while (served() == 0)
        cove__sleep_ns(COVE__MS);
    cove__http_start(&waiting);
    cove_cancel_fire(cancel);
    assert_ptr_equal(cove__inbox_wait(&inbox), &waiting.op);
    assert_int_equal(waiting.op.rc, COVE_ECANCELED);
    assert_int_equal(waiting.attempts, 0);
    assert_ptr_equal(cove__inbox_wait(&inbox), &held.op);
    assert_int_equal(held.op.rc, COVE_ETIMEDOUT);
    cove__http_request_done(&held);
    cove__http_request_done(&waiting);

    /* While it waits before another attempt: the token ends it, and the message keeps what had failed. */
    PLAY("HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nRetry-After: 500\r\n\r\n");
    cove_cancel *later = cove_cancel_new();
    request(&held, http);
    held.op.inbox = &inbox;
    held.op.ctx.cancel = later;
    cove__http_start(&held);
    while (served() == 0)
        cove__sleep_ns(COVE__MS);
    cove__sleep_ns(20 * COVE__MS);
    cove_cancel_fire(later);
    assert_ptr_equal(cove__inbox_wait(&inbox), &held.op);
    assert_int_equal(held.op.rc, COVE_ECANCELED);
    cove__http_request_done(&held);
    cove__inbox_done(&inbox);
    cove_cancel_unref(cancel);
    cove_cancel_unref(later);
    cove__http_free(http);
}

static void test_slots(void **state)
{
    enum { N = 40 };
    struct cove__http *http = client(5, 3, 10000);
    static struct cove__http_request r[N];
    struct cove__inbox inbox;

    PLAY(OK_HELLO);
    server.hold_ms = 2;
    cove__inbox_init(&inbox);
    for (int i = 0; i < N; i++) {
        request(&r[i], http);
        r[i].op.inbox = &inbox;
        cove__http_start(&r[i]);
    }
    for (int i = 0; i < N; i++) {
        struct cove__op *op = cove__inbox_wait(&inbox);
        assert_non_null(op);
        assert_int_equal(op->rc, 0);
        cove__http_request_done((struct cove__http_request *)(void *)op);
    }
    assert_null(cove__inbox_wait(&inbox));
    cove__inbox_done(&inbox);
    assert_true(server.most <= 3);
    assert_int_equal(served(), N);
    cove__http_free(http);
}

static void test_unreachable(void **state)
{
    struct cove__http *http = client(1, 4, 10000);
    struct cove_error err = COVE_ERROR_INIT;
    unsigned attempts, port = server.port;
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;

    int fd = socket(AF_INET, SOCK_STREAM, 0); /* bound but not listening: no other server can use the port */
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    server.port = ntohs(address.sin_port);
    assert_int_equal(run(http, false, &err, &attempts), COVE_ENETWORK);
    assert_int_equal(attempts, 2); /* nothing was sent, so it may be repeated */
    assert_non_null(strstr(err.message, "cannot reach the server"));
    assert_int_equal(err.os_errno, ECONNREFUSED);
    server.port = port;
    close(fd);
    cove__http_free(http);
}

/* The child has none of the parent's threads, and must leave its connections alone. */
static void test_fork(void **state)
{
    struct cove__http *http = client(0, 1, 10000);
    struct cove_error err = COVE_ERROR_INIT;
    unsigned attempts;
    int status;

    PLAY(OK_HELLO);
    assert_int_equal(run(http, true, &err, &attempts), 0);
    unsigned before = connections();
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(run(http, true, &err, &attempts) == 0 ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(run(http, true, &err, &attempts), 0);
    assert_int_equal(connections(), before + 1); /* the parent's own still serves it */
    cove__http_free(http);
}

static unsigned io_threads(void)
{
    char path[300], name[32];
    struct dirent *entry;
    unsigned n = 0;
    DIR *tasks = opendir("/proc/self/task");

    while (tasks && (entry = readdir(tasks))) {
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", entry->d_name);
        FILE *f = fopen(path, "r");
        if (!f)
            continue;
        n += fgets(name, sizeof name, f) && strcmp(name, "cove-io\n") == 0;
        fclose(f);
    }
    if (tasks)
        closedir(tasks);
    return n;
}

/* In children, which begin without any: requests that no answer comes to keep every thread busy. */
static void test_io_threads(void **state)
{
    enum { N = 8 };
    static struct cove__http_request r[N];

    PLAY(STALL);
    for (unsigned wanted = 1; wanted <= 4; wanted++) {
        int status;
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            struct cove__http *http = client(0, N, 60000);
            struct cove__inbox inbox;
            char text[] = { (char)('0' + wanted), 0 };
            setenv("COVE_IO_THREADS", text, 1);
            cove__inbox_init(&inbox);
            for (int i = 0; i < N; i++) {
                request(&r[i], http);
                r[i].op.inbox = &inbox;
                cove__http_start(&r[i]);
            }
            _exit(io_threads() == wanted ? 0 : 1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
}

static int fail_prepare(void *self, struct cove__http_request *r, struct cove_error *err)
{
    return cove__fail(err, COVE_EAUTH, "no key");
}

static void test_prepare_that_fails(void **state)
{
    static const struct cove__http_hooks bad = { fail_prepare, NULL, NULL };
    struct cove__http *http = client(5, 1, 10000);
    struct cove_error err = COVE_ERROR_INIT;
    unsigned attempts;
    struct cove__http_request r;

    request(&r, http);
    r.hooks = &bad;
    assert_int_equal(cove__http_run(&r, &err), COVE_EAUTH);
    assert_string_equal(err.message, "no key");
    cove__http_request_done(&r);
    PLAY(OK_HELLO);
    assert_int_equal(run(http, true, &err, &attempts), 0); /* its slot is free again */
    cove__http_free(http);
}

/* What prepare waits for: eight requests with a slot for one, so that a parked one must have given it back. */
static struct gate {
    struct cove__http_waiters waiters;
    bool open, at_once; /* under cove__lock */
    unsigned asked;
} gate;

static int prepare_behind_the_gate(void *self, struct cove__http_request *r, struct cove_error *err)
{
    struct gate *g = self;

    cove__lock();
    bool open = g->open;
    g->asked++;
    if (!open)
        cove__http_wait_locked(r, &g->waiters);
    g->open |= g->at_once;
    cove__unlock();
    if (open)
        return prepare(self, r, err);
    if (g->at_once)
        cove__http_resume(&g->waiters); /* before its loop knows that it is parked */
    return COVE__HTTP_LATER;
}

static unsigned asked_gate(void)
{
    cove__lock();
    unsigned n = gate.asked;
    cove__unlock();
    return n;
}

static void open_gate(void)
{
    cove__lock();
    gate.open = true;
    cove__unlock();
    cove__http_resume(&gate.waiters);
}

static void test_parked(void **state)
{
    static const struct cove__http_hooks gated = { prepare_behind_the_gate, NULL, NULL };
    struct cove__http *http = client(0, 1, 10000);
    struct cove__http_request r[8];
    struct cove__inbox inbox;
    struct cove__op *op;

    for (int at_once = 0; at_once < 2; at_once++) {
        PLAY(OK_HELLO);
        gate = (struct gate){ .at_once = at_once != 0 };
        cove__inbox_init(&inbox);
        for (int i = 0; i < 8; i++) {
            request(&r[i], http);
            r[i].hooks = &gated;
            r[i].self = &gate;
            r[i].op.inbox = &inbox;
            cove__http_start(&r[i]);
        }
        while (!at_once && asked_gate() < 8)
            cove__sleep_ns(COVE__MS);
        if (!at_once)
            open_gate();
        while ((op = cove__inbox_wait(&inbox))) {
            assert_int_equal(op->rc, 0);
            assert_int_equal(((struct cove__http_request *)op)->attempts, 1); /* what was not sent does not count */
        }
        assert_int_equal(served(), 8);
        assert_null(gate.waiters.first);
        cove__inbox_done(&inbox);
        for (int i = 0; i < 8; i++)
            cove__http_request_done(&r[i]);
    }
    cove__http_free(http);
}

static void test_parked_and_stopped(void **state)
{
    static const struct cove__http_hooks gated = { prepare_behind_the_gate, NULL, NULL };
    struct cove__http *http = client(0, 1, 10000);
    struct cove_error err = COVE_ERROR_INIT;

    PLAY(OK_HELLO);
    for (int i = 0; i < 3; i++) {
        struct cove__http_request r;
        struct cove__inbox inbox;
        cove_cancel *cancel = cove_cancel_new();

        gate = (struct gate){ 0 };
        request(&r, http);
        r.hooks = &gated;
        r.self = &gate;
        r.op.inbox = &inbox;
        r.op.ctx.cancel = cancel;
        if (i == 0)
            r.op.ctx.deadline_ns = cove__now_ns() + 30 * COVE__MS;
        cove__inbox_init(&inbox);
        cove__http_start(&r);
        while (asked_gate() == 0)
            cove__sleep_ns(COVE__MS);
        if (i > 0)
            cove_cancel_fire(cancel);
        if (i == 2)
            open_gate(); /* resumed and cancelled at once: either way it ends once */
        assert_ptr_equal(cove__inbox_wait(&inbox), &r.op);
        assert_int_equal(r.op.rc, i == 0 ? COVE_ETIMEDOUT : COVE_ECANCELED);
        assert_null(gate.waiters.first);
        cove__inbox_done(&inbox);
        cove__http_request_done(&r);
        cove_cancel_unref(cancel);
    }
    assert_int_equal(served(), 0);
    unsigned attempts;
    assert_int_equal(run(http, true, &err, &attempts), 0);
    cove__http_free(http);
}

static void test_no_memory(void **state)
{
    struct cove__http *http = client(0, 1, 10000);
    struct cove_error err = COVE_ERROR_INIT;
    unsigned attempts;

    PLAY(OK_HELLO);
    for (unsigned long n = 1; n < 100; n++) {
        struct cove__http_request r;
        request(&r, http);
        cove__mem_fail(n, 0);
        int rc = cove__http_run(&r, &err);
        bool failed = cove__mem_fail(0, 0) >= n;
        cove__http_request_done(&r);
        assert_int_equal(rc, failed ? COVE_ENOMEM : 0);
        if (!failed) {
            assert_int_equal(run(http, true, &err, &attempts), 0);
            cove__http_free(http);
            return;
        }
    }
    fail_msg("an allocation without end");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_response_and_reuse),
        cmocka_unit_test(test_body_is_sent),
        cmocka_unit_test(test_two_lengths),
        cmocka_unit_test(test_retries),
        cmocka_unit_test(test_giving_up),
        cmocka_unit_test(test_only_what_may_be_repeated),
        cmocka_unit_test(test_retry_after_beyond_the_deadline),
        cmocka_unit_test(test_ceilings),
        cmocka_unit_test(test_stall),
        cmocka_unit_test(test_deadline_and_token),
        cmocka_unit_test(test_slots),
        cmocka_unit_test(test_unreachable),
        cmocka_unit_test(test_fork),
        cmocka_unit_test(test_io_threads),
        cmocka_unit_test(test_prepare_that_fails),
        cmocka_unit_test(test_parked),
        cmocka_unit_test(test_parked_and_stopped),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
