/*
 * What the engine sends, in which order, to a store that S3 is not: operations in steps, moves and removals of trees by
 * the store, batches with results by index. The test is the store: it compares each request with a script.
 */
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
#include "fs/object/append.h"
#include "fs/object/copy.h"
#include "fs/object/known.h"
#include "fs/object/operations.h"
#include "fs/object/virtual.h"

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
        if (end == NULL)
            continue;
        *ret_body = end + 4;
        if (length == NULL || strlen(end + 4) >= (size_t)atol(length + strlen("content-length:")))
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
    if (e == NULL || strcmp(seen, e->request) != 0) {
        if (server.wrong[0] == '\0')
            snprintf(server.wrong, sizeof server.wrong, "request %zu: %s, not %s", server.at, seen,
                     e != NULL ? e->request : "any");
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

    cove__object_fail(r, err,
                      status == 404   ? COVE_ENOTFOUND
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
    if (move != NULL)
        cove__buf_addf(&r->query, "from=%.*s", (int)move->from.key.size, (const char *)move->from.key.data);
    if (token != NULL)
        cove__buf_addf(&r->query, "token=%s", token);
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
                                                                                   : COVE_EACCESS,
                                                             .retry = status == 503,
                                                             .code = "Code" });
    }
    return text[0] == '\0' ? 0 : COVE_EPROTOCOL;
}

static void list_request(struct cove__object_request *r, const struct cove__object_list_query *query)
{
    cove__buf_reset(&r->query);
    cove__buf_addf(&r->query, "list=%.*s", (int)query->prefix.size, (const char *)query->prefix.data);
}

/* Empty pages. */
static int list_response(const struct cove__object_request *r, struct cove__object_page_reader *page)
{
    return r->http.response.size == 0 ? 0 : COVE_EPROTOCOL;
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

static void test_steps(void **state)
{
    static const struct exchange three[] = { { "POST /b/d x", TEXT("t1", "2") },
                                             { "POST /b/d?token=t1 x", TEXT("t2", "2") },
                                             { "POST /b/d?token=t2 x", EMPTY } },
                                 repeated[] = { { "POST /b/d x", TEXT("t1", "2") },
                                                { "POST /b/d?token=t1 x", TEXT("t1", "2") } },
                                 missing[] = { { "POST /b/d x", ERROR("404 Missing") } },
                                 busy[] = { { "POST /b/d x", ERROR("503 Busy") },
                                            { "POST /b/d x", ERROR("404 Missing") } },
                                 ended[] = { { "POST /b/d x", TEXT("t1", "2") },
                                             { "POST /b/d?token=t1 x", ERROR("404 Missing") } };

    EXPECT(three);
    assert_int_equal(cove__object_remove_tree(&store, "b/d", &ctx, &err), 0);
    all_was_sent();
    EXPECT(repeated);
    assert_int_equal(cove__object_remove_tree(&store, "b/d", &ctx, &err), COVE_EPROTOCOL);
    all_was_sent();
    EXPECT(missing);
    assert_int_equal(cove__object_remove_tree(&store, "b/d", &ctx, &err), COVE_ENOTFOUND);
    all_was_sent();
    EXPECT(busy); /* the first attempt was refused, so it has removed nothing */
    assert_int_equal(cove__object_remove_tree(&store, "b/d", &ctx, &err), COVE_ENOTFOUND);
    all_was_sent();
    EXPECT(ended); /* something was there: the first step has removed it */
    assert_int_equal(cove__object_remove_tree(&store, "b/d", &ctx, &err), 0);
    all_was_sent();
    EXPECT(missing);
    assert_int_equal(cove__virtual_make(&store, "b/d"), 0);
    assert_int_equal(cove__object_remove_tree(&store, "b/d", &ctx, &err), 0);
    all_was_sent();
}

static void test_moves(void **state)
{
    static const struct exchange object[] = { { "HEAD /b/k", OBJECT }, { "POST /b/to?from=k x", EMPTY } },
                                 lost[] = { { "HEAD /b/k", OBJECT },
                                            { "POST /b/to?from=k x", LOST },
                                            { "POST /b/to?from=k x", ERROR("404 Missing") },
                                            { "HEAD /b/to", OBJECT } },
                                 changed[] = { { "HEAD /b/k", OBJECT },
                                               { "POST /b/to?from=k x", ERROR("412 Changed") } },
                                 directory[] = { { "HEAD /b/d", ERROR("404 Missing") },
                                                 { "POST /b/to?from=d x", EMPTY } },
                                 nothing[] = { { "HEAD /b/d", ERROR("404 Missing") },
                                               { "POST /b/to?from=d x", ERROR("404 Missing") } };

    EXPECT(object);
    assert_int_equal(cove__object_move(&store, "b/k", "b/to", &ctx, &err), 0);
    all_was_sent();
    EXPECT(lost);
    assert_int_equal(cove__object_move(&store, "b/k", "b/to", &ctx, &err), 0);
    all_was_sent();
    EXPECT(changed);
    assert_int_equal(cove__object_move(&store, "b/k", "b/to", &ctx, &err), COVE_EPRECONDITION);
    all_was_sent();
    cove__object_remember_bucket(&store, cove__slice_str("b"));
    EXPECT(directory);
    assert_int_equal(cove__object_move(&store, "b/d", "b/to", &ctx, &err), 0);
    all_was_sent();
    EXPECT(nothing);
    assert_int_equal(cove__object_move(&store, "b/d", "b/to", &ctx, &err), COVE_ENOTFOUND);
    all_was_sent();
}

static void test_batches(void **state)
{
    static const char *const paths[] = { "b/a", "b/c", "b/d", "b/e", "b/f" },
                             *const odd[] = { "b/a", "b/c", "b/!", "b/d", "b/e" },
                             *const versions[] = { "\"a\"", "\"c\"", "\"d\"", "\"e\"", "\"f\"" };
    static const struct exchange two[] = { { "POST /b?batch 0=a;1=c;2=d;3=e;.", TEXT("0 204\n1 404\n", "12") },
                                           { "DELETE /b/f", EMPTY } },
                                 passing[] = { { "POST /b?batch 0=a;1=c;2=d;.", TEXT("1 503\n2 204\n", "12") },
                                               { "POST /b?batch 1=c;.", TEXT("1 204\n", "6") } },
                                 refused[] = { { "POST /b?batch 0=a;1=c;2=d;.", TEXT("1 403\n", "6") } },
                                 old[] = { { "POST /b?batch 0=a;1=c;2=d;.", TEXT("1 412\n", "6") },
                                           { "DELETE /b/c", ERROR("412 Changed") },
                                           { "HEAD /b/c", OBJECT } },
                                 between[] = { { "POST /b?batch 0=a;1=c;.", TEXT("", "0") },
                                               { "DELETE /b/!", EMPTY },
                                               { "POST /b?batch 0=d;1=e;.", TEXT("", "0") } };

    EXPECT(two);
    assert_int_equal(cove__object_remove(&store, paths, NULL, 5, &ctx, &err), 0);
    all_was_sent();
    EXPECT(passing);
    assert_int_equal(cove__object_remove(&store, paths, NULL, 3, &ctx, &err), 0);
    all_was_sent();
    EXPECT(refused);
    assert_int_equal(cove__object_remove(&store, paths, NULL, 3, &ctx, &err), COVE_EACCESS);
    assert_string_equal(err.message, "test test://b: 1 could not be deleted, the first: c (Code)");
    all_was_sent();
    EXPECT(old);
    assert_int_equal(cove__object_remove(&store, paths, versions, 3, &ctx, &err), COVE_EPRECONDITION);
    all_was_sent();
    EXPECT(between);
    assert_int_equal(cove__object_remove(&store, odd, NULL, 5, &ctx, &err), 0);
    all_was_sent();
}

/* The store turns out to have neither: keys one by one, and that is remembered. */
static void test_unsupported(void **state)
{
    static const char *const paths[] = { "b/a", "b/a" };
    static const struct exchange no_batch[] = { { "POST /b?batch 0=a;1=a;.", ERROR("501 Unknown") },
                                                { "DELETE /b/a", EMPTY },
                                                { "DELETE /b/a", EMPTY } },
                                 after[] = { { "DELETE /b/a", EMPTY }, { "DELETE /b/a", EMPTY } };

    EXPECT(no_batch);
    assert_int_equal(cove__object_remove(&store, paths, NULL, 2, &ctx, &err), 0);
    all_was_sent();
    EXPECT(after);
    assert_int_equal(cove__object_remove(&store, paths, NULL, 2, &ctx, &err), 0);
    all_was_sent();
}

/* Without memory for a header or a query nothing is sent: what is missing may be a condition or a prefix. */
static void test_requests_that_are_not_whole(void **state)
{
    static const struct exchange nothing[] = { { "", "" } };
    struct cove__object_request r;

    for (int i = 0; i < 2; i++) {
        EXPECT(nothing);
        cove__object_request_init(&r, &store, "GET", cove__object_split("b/k"), &ctx);
        (i == 0 ? &r.extra : &r.query)->rc = COVE_ENOMEM;
        assert_int_equal(cove__object_run(&r, &err), COVE_ENOMEM);
        assert_int_equal(server.at, 0);
        cove__object_request_done(&r);
    }
}

/* ---- what a table leaves out ---- */

static void copy_request(struct cove__object_request *r, const struct cove__object_source *from, const char *replaced,
                         bool new_properties)
{
    cove__buf_add_str(&r->query, "copy");
}

static int copy_response(const struct cove__object_request *r, struct cove__object_made *ret, struct cove_error *e)
{
    return 0;
}

static void fails(int code, int rc, const char *says)
{
    assert_int_equal(rc, code);
    if (strstr(err.message, says) == NULL)
        fail_msg("%s is not in: %s", says, err.message);
    all_was_sent();
}

/* No group of operations crashes where the store has none of its kind. */
static void test_without_groups(void **state)
{
    static const struct exchange between[] = { { "HEAD /b/k", OBJECT } };
    struct cove__upload_page uploads = COVE__UPLOAD_PAGE_INIT;
    struct cove__page page = { 0 };
    struct cove__upload *upload;
    void *tail;

    EXPECT(between);
    fails(COVE_ENOTSUP, cove__object_move(&store, "b/k", "b2/to", &ctx, &err), "cannot copy objects");
    expect(NULL, 0);
    fails(COVE_ENOTSUP, cove__object_copy(&store, "b/k", NULL, "b/to", &ctx, &err), "cannot copy objects");
    fails(COVE_ENOTSUP, cove__object_set_metadata(&store, "b/k", NULL, 0, &ctx, &err), "cannot copy objects");
    fails(COVE_ENOTSUP, cove__object_append_open(&store, "b/k", false, NULL, &ctx, &tail, &err), "has no appends");
    fails(COVE_ENOTSUP, cove__object_upload_begin(&store, "b/k", NULL, &ctx, &upload, &err), "has no uploads");
    fails(COVE_ENOTSUP, cove__object_list_uploads(&store, "b", NULL, &ctx, &uploads, &err), "no list of unfinished");
    fails(COVE_ENOTSUP, cove__object_remove_upload(&store, "b/k", "u1", &ctx, &err), "has no uploads");
    fails(COVE_ENOTSUP, cove__object_list(&store, "", false, NULL, &ctx, &page, &err), "no list of its buckets");
}

/* Copies without uploads, and without a threshold: by one request, as large as that takes. */
static void test_copies_alone(void **state)
{
    static const struct exchange by_one[] = { { "HEAD /b/k", OBJECT }, { "PUT /b/k?copy", EMPTY } },
                                 too_large[] = { { "HEAD /b/k", OBJECT } };
    struct cove__object_copy_ops copy = { .max_size = 3, .request = copy_request, .response = copy_response };
    struct cove__object_ops copies = ops;

    copies.copy = &copy;
    store.ops = &copies;
    EXPECT(by_one);
    assert_int_equal(cove__object_set_metadata(&store, "b/k", NULL, 0, &ctx, &err), 0);
    all_was_sent();
    copy.max_size = 2;
    EXPECT(too_large);
    fails(COVE_ELIMIT, cove__object_set_metadata(&store, "b/k", NULL, 0, &ctx, &err), "no object of more than 2 bytes");
    store.ops = &ops;
}

/* 0: any good status is the store's, and no more is asked. */
static void test_deleted_status(void **state)
{
    static const char *const path = "b/a";
    static const struct exchange any[] = { { "DELETE /b/a", TEXT("", "0") } },
                                 other[] = { { "DELETE /b/a", TEXT("", "0") }, { "HEAD /b/a", ERROR("404 Missing") } };
    struct cove__object_ops undemanding = ops;

    undemanding.deleted_status = 0;
    store.ops = &undemanding;
    EXPECT(any);
    assert_int_equal(cove__object_remove(&store, &path, NULL, 1, &ctx, &err), 0);
    all_was_sent();
    store.ops = &ops;
    EXPECT(other);
    assert_int_equal(cove__object_remove(&store, &path, NULL, 1, &ctx, &err), 0);
    all_was_sent();
}

static void abort_request(struct cove__object_request *r, const char *id)
{
    cove__buf_addf(&r->query, "id=%s", id);
}

static void list_uploads(struct cove__object_request *r, struct cove__slice below, const struct cove__upload_page *last)
{
    cove__buf_add_str(&r->query, "uploads");
}

/* Who may abort an upload may not be allowed to list them: the response to the abort says that it is done. */
static void test_aborts_that_cannot_be_seen(void **state)
{
    static const struct cove__object_upload_ops upload = { .abort_request = abort_request,
                                                           .list_request = list_uploads },
                                                unlisted = { .abort_request = abort_request };
    static const struct exchange refused[] = { { "DELETE /b/k?id=u1", EMPTY }, { "GET /b?uploads", ERROR("403 No") } },
                                 blind[] = { { "DELETE /b/k?id=u1", EMPTY } };
    struct cove__object_ops uploads = ops;

    uploads.upload = &upload;
    store.ops = &uploads;
    EXPECT(refused);
    assert_int_equal(cove__object_remove_upload(&store, "b/k", "u1", &ctx, &err), 0);
    assert_int_equal(err.code, 0);
    all_was_sent();
    uploads.upload = &unlisted;
    EXPECT(blind);
    assert_int_equal(cove__object_remove_upload(&store, "b/k", "u1", &ctx, &err), 0);
    all_was_sent();
    store.ops = &ops;
}

/* Over a limit is not out of memory. */
static void test_limits(void **state)
{
    static char path[3 << 20];
    const char *const paths[] = { path, path, path };
    struct cove__page page = { 0 };

    memset(path, 'k', sizeof path - 1);
    memcpy(path, "b/", 2);
    store.capabilities.learned[COVE__BATCH_DELETE] = COVE__CAN_YES;
    expect(NULL, 0);
    fails(COVE_ELIMIT, cove__object_remove(&store, paths, NULL, 3, &ctx, &err), "3 deletions cannot be held");
    fails(COVE_ELIMIT, cove__object_list(&store, path, false, NULL, &ctx, &page, &err), "prefix cannot be held");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_moves),
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_unsupported),
        cmocka_unit_test(test_requests_that_are_not_whole),
        cmocka_unit_test(test_without_groups),
        cmocka_unit_test(test_copies_alone),
        cmocka_unit_test(test_deleted_status),
        cmocka_unit_test(test_aborts_that_cannot_be_seen),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
