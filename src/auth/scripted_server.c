/* A server for tests that compares each request with a script: see scripted_server.h. */
#include "auth/scripted_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct scripted_server server;

static bool receive(int fd, char *data, size_t size, const char **ret_body)
{
    for (size_t n = 0;;) {
        ssize_t more = recv(fd, data + n, size - 1 - n, 0);
        if (more <= 0)
            return false;
        n += (size_t)more;
        data[n] = '\0';
        const char *end = strstr(data, "\r\n\r\n"), *length = strcasestr(data, "content-length:");
        if (!end)
            continue;
        *ret_body = end + 4;
        if (!length || strlen(end + 4) >= (size_t)atol(length + strlen("content-length:")))
            return true;
    }
}

static bool fits(const char *expected, const char *seen)
{
    size_t n = strlen(expected);

    return expected[n - 1] == '*' ? strncmp(expected, seen, n - 1) == 0 : strcmp(expected, seen) == 0;
}

/* As the services' forms begin. */
static bool is_form(const char *body)
{
    static const char *const begins[] = { "grant_type=", "resource=" };

    for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++) {
        if (strncmp(body, begins[i], strlen(begins[i])) == 0)
            return true;
    }
    return false;
}

static void answer(int fd)
{
    static char data[16384], seen[8192];
    char response[8192], method[16], target[1024];
    const char *body = NULL;

    if (!receive(fd, data, sizeof data, &body) || sscanf(data, "%15s %1023s", method, target) != 2)
        return;
    bool form = strcasestr(data, "content-type: application/x-www-form-urlencoded");
    if (server.cancel)
        cove_cancel_fire(server.cancel);
    snprintf(seen, sizeof seen, "%s %s%s%s", method, target, body[0] != '\0' ? " " : "", body);
    snprintf(server.last, sizeof server.last, "%s", body);
    const char *authorization = strcasestr(data, "authorization: ");
    snprintf(server.last_authorization, sizeof server.last_authorization, "%.*s",
             authorization ? (int)strcspn(authorization + 15, "\r") : 0, authorization ? authorization + 15 : "");
    const struct exchange *e = server.at < server.n ? &server.script[server.at] : NULL;
    server.at++;
    if (!e || !fits(e->request, seen) || form != is_form(body) || (server.fits && !server.fits(data, target)) ||
        (e->sent && !strcasestr(data, e->sent))) {
        if (server.wrong[0] == '\0')
            snprintf(server.wrong, sizeof server.wrong, "request %zu: %.400s, not %.400s", server.at, seen,
                     e ? e->request : "any");
        return;
    }
    snprintf(response, sizeof response, "HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n%s\r\n%s",
             e->status, strlen(e->body), e->headers, e->body);
    send(fd, response, strlen(response), MSG_NOSIGNAL);
}

static void *serve(void *arg)
{
    int fd;

    while ((fd = accept(server.fd, NULL, NULL)) >= 0) {
        answer(fd);
        close(fd);
    }
    return arg;
}

void expect(const struct exchange *script, size_t n)
{
    server.script = script;
    server.n = n;
    server.at = 0;
    server.wrong[0] = '\0';
}

void all_was_sent(void)
{
    if (server.wrong[0] != '\0')
        fail_msg("%s", server.wrong);
    assert_int_equal(server.at, server.n);
}

static pthread_t thread;

int server_start(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;

    server.fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(server.fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(server.fd, 8), 0);
    assert_int_equal(getsockname(server.fd, (struct sockaddr *)&address, &size), 0);
    server.port = ntohs(address.sin_port);
    return pthread_create(&thread, NULL, serve, NULL);
}

void server_stop(void)
{
    shutdown(server.fd, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(server.fd);
}
