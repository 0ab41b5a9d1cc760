/* Signals while a caller that waits does the I/O itself (net/loop.c): they go to the program's own threads, and a
 * handler may end the process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/http.h"

#define NAME "somewhere.invalid" /* this machine */

static atomic_int blocked; /* while NAME was resolved: of the two signals that are looked at */
static unsigned port;
static const char *host = "127.0.0.1";

/* Stands before the C library's. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    sigset_t mask;

    *(void **)(void *)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    if (!node || strcmp(node, NAME) != 0)
        return real(node, service, hints, ret);
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    atomic_store(&blocked, sigismember(&mask, SIGTERM) + sigismember(&mask, SIGPIPE));
    return real("127.0.0.1", service, hints, ret);
}

/* Answers the first connection's request, and keeps the others waiting. */
static void *serve(void *arg)
{
    static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    int fd = accept(*(int *)arg, NULL, NULL);
    char request[4096];

    if (fd >= 0 && recv(fd, request, sizeof request, 0) > 0)
        send(fd, response, sizeof response - 1, MSG_NOSIGNAL);
    close(fd);
    return NULL;
}

static int prepare(void *self, struct cove__http_request *r, struct cove_error *err)
{
    cove__buf_addf(&r->url, "http://%s:%u/", host, port);
    return 0;
}

static int run(struct cove__http *http)
{
    static const struct cove__http_hooks hooks = { .prepare = prepare };
    struct cove_error err = COVE_ERROR_INIT;
    struct cove__http_request r;

    cove__http_request_init(&r);
    r.http = http;
    r.hooks = &hooks;
    r.op.ctx.op = "read";
    r.op.ctx.url = "test://x";
    int rc = cove__http_run(&r, &err);
    cove__http_request_done(&r);
    return rc;
}

static void go_to_own_threads(void **state)
{
    sigset_t before, after;

    pthread_sigmask(SIG_SETMASK, NULL, &before);
    host = NAME;
    assert_int_equal(run(*state), 0);
    host = "127.0.0.1";
    assert_int_equal(atomic_load(&blocked), 2);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    assert_int_equal(sigismember(&after, SIGTERM), sigismember(&before, SIGTERM));
}

static void leave(int signal)
{
    exit(3);
}

static void end_the_process(void **state)
{
    int64_t began_ns = cove__now_ns();
    int status;

#ifdef __SANITIZE_THREAD__
    print_message("ThreadSanitizer reports that exit is not made for handlers, which is so, though programs do it\n");
    skip();
#endif
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct itimerval soon = { .it_value.tv_usec = 200000 };
        signal(SIGALRM, leave);
        setitimer(ITIMER_REAL, &soon, NULL);
        run(*state);
        _exit(1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 3);
    assert_true(cove__now_ns() - began_ns < 1500 * COVE__MS);
}

int main(void)
{
    struct cove__http_config config = { .verify_tls = 1, .user_agent = "test", .proxy = "", .max_concurrency = 1 };
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    struct cove__http *http = NULL;
    int fd = socket(AF_INET, SOCK_STREAM, 0), rc;
    pthread_t thread;

    if (bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, 8) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0 || pthread_create(&thread, NULL, serve, &fd) != 0 ||
        cove__http_new(&config, &http, NULL) < 0)
        return 1;
    port = ntohs(address.sin_port);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(go_to_own_threads, http),
        cmocka_unit_test_prestate(end_the_process, http),
    };
    rc = cmocka_run_group_tests_name("net_signals", tests, NULL, NULL);
    pthread_join(thread, NULL);
    cove__http_free(http);
    close(fd);
    return rc;
}
