/*
 * For unit tests of the engine: a store that S3 is not. The test is the server: it compares each request with a script.
 */
#ifndef COVE_FS_OBJECT_SCRIPTED_STORE_H
#define COVE_FS_OBJECT_SCRIPTED_STORE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "fs/object/known.h"
#include "fs/object/operations.h"

#define OBJECT "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nETag: \"e\"\r\nConnection: close\r\n\r\n"
#define EMPTY  "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
#define TEXT(body, size)                                                                                               \
    "HTTP/1.1 200 OK\r\nContent-Length: " size "\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n" body
#define ERROR(status) "HTTP/1.1 " status "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
#define LOST          "" /* the connection ends without a response */

struct exchange {
    const char *request; /* "METHOD /bucket/key?query body" */
    const char *response;
};

static struct {
    int fd;
    unsigned port;
    const struct exchange *script;
    size_t n, at;
    char wrong[512]; /* the first request that is not the script's */
} server;

/* ---- the server ---- */

static bool receive(int fd, char *data, size_t size, const char **ret_body)
{
    size_t n = 0;

    for (;;) {
        ssize_t got = recv(fd, data + n, size - 1 - n, 0);
        if (got <= 0)
            return false;
        n += (size_t)got;
        data[n] = '\0';
        const char *end = strstr(data, "\r\n\r\n"), *length = strcasestr(data, "content-length:");
        if (!end)
            continue;
        *ret_body = end + 4;
        if (!length || strlen(end + 4) >= (size_t)atol(length + strlen("content-length:")))
            return true;
    }
}

static void answer(int fd)
{
    char data[8192], seen[256];
    const char *body = NULL;
    char method[16], target[128];

    if (!receive(fd, data, sizeof data, &body) || sscanf(data, "%15s %127s", method, target) != 2)
        return;
    snprintf(seen, sizeof seen, "%s %s%s%.64s", method, target, body[0] != '\0' ? " " : "", body);
    const struct exchange *e = server.at < server.n ? &server.script[server.at] : NULL;
    server.at++;
    if (!e || strcmp(seen, e->request) != 0) {
        if (server.wrong[0] == '\0')
            snprintf(server.wrong, sizeof server.wrong, "request %zu: %s, not %s", server.at, seen,
                     e ? e->request : "any");
        send(fd, ERROR("400 Bad"), strlen(ERROR("400 Bad")), MSG_NOSIGNAL);
        return;
    }
    send(fd, e->response, strlen(e->response), MSG_NOSIGNAL);
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

/* ---- the backend ---- */

static enum cove__can can(const struct cove__object_store *store, enum cove__capability capability)
{
    return capability == COVE__CRC32C ? COVE__CAN_NO : COVE__CAN_YES;
}

static int prepare(struct cove__object_request *r, struct cove_error *err)
{
    struct cove__buf *url = &r->http.url;

    cove__buf_addf(url, "http://127.0.0.1:%u/%.*s", server.port, (int)r->name.bucket.size,
                   (const char *)r->name.bucket.data);
    if (r->name.key.size > 0)
        cove__buf_addf(url, "/%.*s", (int)r->name.key.size, (const char *)r->name.key.data);
    if (r->query.size > 0)
        cove__buf_addf(url, "?%s", cove__buf_str(&r->query));
    cove__object_add_headers(r, &r->http.headers);
    return cove__buf_rc(url);
}

static bool classify(struct cove__object_request *r, struct cove_error *err)
{
    int status = r->http.status;

    if (status == 503)
        snprintf(r->code, sizeof r->code, "Busy");
    cove__object_fail(r, err,
                      status == 404   ? COVE_ENOTFOUND
                      : status == 401 ? COVE_EAUTH
                      : status == 403 ? COVE_EACCESS
                      : status == 409 ? (strcmp(r->http.method, "PUT") == 0 ? COVE_EEXIST : COVE_ENOTEMPTY)
                      : status == 412 ? COVE_EPRECONDITION
                      : status == 503 ? COVE_ETHROTTLED
                                      : COVE_ENOTSUP,
                      "refused");
    return status == 503;
}

static bool refuses_operation(const struct cove__object_request *r)
{
    return r->http.op.rc < 0 && r->http.status == 501;
}

static void step_request(struct cove__object_request *r, const void *arg, const char *token)
{
    const struct cove__object_move *move = arg;

    r->http.method = "POST";
    cove__object_body(r, cove__slice_str("x"), COVE__CHECKSUM_NONE);
    if (move)
        cove__buf_addf(&r->query, "from=%.*s", (int)move->from.key.size, (const char *)move->from.key.data);
    if (token)
        cove__buf_addf(&r->query, "%stoken=%s", move ? "&" : "", token);
}

static int step_response(const struct cove__object_request *r, const void *arg, struct cove__buf *ret_token)
{
    return cove__buf_add_slice(ret_token, cove__buf_slice(&r->http.response));
}

static void batch_request(struct cove__object_request *r)
{
    cove__buf_add_str(&r->query, "batch");
}

/* Keys that begin with "!" cannot be in a batch. */
static bool batch_add(struct cove__object_request *r, size_t index, const struct cove__object_deletion *deletion,
                      struct cove__buf *body)
{
    struct cove__slice key = deletion->name.key;

    cove__buf_addf(body, "%zu=%.*s;", index, (int)key.size, (const char *)key.data);
    return key.data[0] != '!';
}

static void batch_end(struct cove__object_request *r, struct cove__buf *body)
{
    cove__buf_add_char(body, '.');
}

/* "INDEX STATUS" for each deletion. */
static int batch_response(const struct cove__object_request *r, cove__object_deletion_fn *result, void *user)
{
    const char *text = cove__buf_str(&r->http.response);
    unsigned index, status;
    int length;

    for (; sscanf(text, "%u %u\n%n", &index, &status, &length) == 2; text += length) {
        result(user, &(struct cove__object_deletion_result){ .index = index,
                                                             .rc = status == 204   ? 0
                                                                   : status == 404 ? COVE_ENOTFOUND
                                                                   : status == 412 ? COVE_EPRECONDITION
                                                                   : status == 503 ? COVE_ETHROTTLED
                                                                   : status == 401 ? COVE_EAUTH
                                                                   : status == 301 ? COVE_EPROTOCOL
                                                                                   : COVE_EACCESS,
                                                             .retry = status == 503,
                                                             .code = status == 301 ? NULL : "Code",
                                                             .message = status == 403 ? "A hold is on it" : NULL,
                                                             .status = status });
    }
    return text[0] == '\0' ? 0 : COVE_EPROTOCOL;
}

static void list_request(struct cove__object_request *r, const struct cove__object_list_query *query)
{
    cove__buf_reset(&r->query);
    cove__buf_addf(&r->query, "list=%.*s", (int)query->prefix.size, (const char *)query->prefix.data);
}

/* An empty page, or one with the key that the response has. */
static int list_response(const struct cove__object_request *r, struct cove__object_page_reader *page)
{
    struct cove__object_entry entry = { .key = cove__buf_slice(&r->http.response), .size = 3, .version = "\"e\"" };

    return r->http.response.size == 0 ? 0 : cove__object_page_add(page, &entry);
}

static const struct cove__object_steps steps = { step_request, step_response };

static const struct cove__object_batch_ops batch = {
    .max = 4, .request = batch_request, .add = batch_add, .end = batch_end, .response = batch_response
};

static const struct cove__object_ops ops = {
    .name = "scripted",
    .headers = { .version = "etag",
                 .size = "content-length",
                 .metadata = "x-meta-",
                 .write_mark = "write",
                 .if_match = "If-Match",
                 .if_new = "If-None-Match: *" },
    .can = can,
    .prepare = prepare,
    .classify = classify,
    .refuses_operation = refuses_operation,
    .list_page_max = 1,
    .list_request = list_request,
    .list_response = list_response,
    .deleted_status = 204,
    .batch = &batch,
    .remove_tree = &steps,
    .move_object = &steps,
    .move_directory = &steps,
    .put_max = 1 << 20,
};

/* ---- tests ---- */

static struct cove__object_store store;
static struct cove_error err;
static const struct cove__ctx ctx = { .deadline_ns = INT64_MAX, .op = "test", .url = "test://b" };

static int start(void **state)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct cove__http_config config = { .proxy = "", .max_retries = 2, .max_concurrency = 4 };
    socklen_t size = sizeof address;
    static pthread_t thread;

    server.fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(server.fd, (struct sockaddr *)&address, size) < 0 || listen(server.fd, 64) < 0 ||
        getsockname(server.fd, (struct sockaddr *)&address, &size) < 0)
        return -1;
    server.port = ntohs(address.sin_port);
    *state = &thread;
    cove__object_store_init(&store, &ops);
    return pthread_create(&thread, NULL, serve, NULL) == 0 && cove__http_new(&config, &store.http, NULL) == 0 &&
                   cove__object_known_get(&store, "scripted", NULL) == 0
               ? 0
               : -1;
}

static int stop(void **state)
{
    const pthread_t *thread = *state;

    shutdown(server.fd, SHUT_RDWR);
    pthread_join(*thread, NULL);
    close(server.fd);
    cove__object_store_done(&store);
    return 0;
}

static void expect(const struct exchange *script, size_t n)
{
    server.script = script;
    server.n = n;
    server.at = 0;
    server.wrong[0] = '\0';
    err = (struct cove_error)COVE_ERROR_INIT;
}

#define EXPECT(script) expect(script, sizeof(script) / sizeof(script)[0])

static void all_was_sent(void)
{
    assert_string_equal(server.wrong, "");
    assert_int_equal(server.at, server.n);
}

static void fails(int code, int rc, const char *part)
{
    assert_int_equal(rc, code);
    if (!strstr(err.message, part))
        fail_msg("%s is not in: %s", part, err.message);
    all_was_sent();
}

/* The type of what is there, or an error. */
static inline int stat_of(const char *path, enum cove_info_type only)
{
    struct cove_info info = { 0 };
    struct cove__stat_io io = { .op = { .ctx = ctx }, .path = path, .ret_info = &info, .only = only };
    struct cove__inbox inbox;

    cove__op_will_wait(&io.op, &inbox);
    cove__op_start(&io.op);
    cove__object_stat(&store, &io);
    int rc = cove__op_wait(&io.op, &err);
    int type = rc < 0 ? rc : (int)info.type;
    cove__info_done(&info);
    return type;
}

#endif
