/*
 * A store that writes large objects in more than one mode: copied parts are only ever in uploads in parts, and what is
 * secret of a session's URL is hidden.
 */
#include "fs/object/append.h"
#include "fs/object/copy.h"
#include "fs/object/scripted_store.h"
#include "fs/object/upload.h"

#include "base/secret.h"

/* ---- the backend ---- */

/* As Google Cloud Storage: only a session's end takes a condition. */
static enum cove__upload_mode mode(const struct cove__object_store *s, const struct cove__put *put)
{
    return put->condition == COVE_WRITE_ALWAYS ? COVE__UPLOAD_PARTS : COVE__UPLOAD_SESSION;
}

static enum cove__upload_mode sessions_only(const struct cove__object_store *s, const struct cove__put *put)
{
    return COVE__UPLOAD_SESSION;
}

static void part_rules(const struct cove__object_store *s, enum cove__upload_mode m, struct cove__part_rules *ret)
{
    ret->min_part = 1;
    ret->max_part = 1 << 20;
}

static void begin_session(struct cove__object_request *r, const struct cove__upload *u)
{
    cove__buf_add_str(&r->query, "session");
}

static int session_begun(const struct cove__object_request *r, struct cove__buf *ret_id)
{
    char url[COVE__HEADER_MAX];

    return cove__object_response_header(r, "location", url) ? cove__buf_add_str(ret_id, url) : COVE_EPROTOCOL;
}

static void send_chunk(struct cove__object_request *r, const struct cove__upload *u,
                       const struct cove__object_chunk *chunk)
{
}

static int chunk_sent(const struct cove__object_request *r, const struct cove__object_chunk *chunk,
                      struct cove__object_kept *ret, struct cove__object_made *made, struct cove_error *e)
{
    ret->done = cove__object_response_version(r, made->version);
    return 0;
}

static int part_made(const struct cove__object_request *r, struct cove__object_made *ret, struct cove_error *e)
{
    snprintf(ret->version, sizeof ret->version, "p");
    return 0;
}

static void send_part(struct cove__object_request *r, const struct cove__upload *u,
                      const struct cove__object_place *place)
{
    cove__buf_addf(&r->query, "part=%u", place->number);
}

static int join(struct cove__object_request *r, const struct cove__upload *u, uint32_t crc32c, struct cove__buf *body)
{
    cove__buf_add_str(&r->query, "join");
    return cove__buf_addf(body, "%zu", u->n);
}

static int joined(const struct cove__object_request *r, struct cove__object_made *ret, struct cove_error *e)
{
    return cove__object_response_version(r, ret->version) ? 0 : COVE_EPROTOCOL;
}

static void copy(struct cove__object_request *r, const struct cove__object_source *from, const char *replaced,
                 bool new_properties)
{
    cove__buf_add_str(&r->query, "copy");
}

static void copy_part(struct cove__object_request *r, const struct cove__upload *u,
                      const struct cove__object_place *place, const struct cove__object_source *from)
{
    cove__buf_addf(&r->query, "copy=%u", place->number);
}

static const struct cove__object_session_ops session = { .granularity = 1,
                                                         .begin_request = begin_session,
                                                         .begin_response = session_begun,
                                                         .id_is_url = true,
                                                         .secret_parameter = "right",
                                                         .method = "PUT",
                                                         .chunk_request = send_chunk,
                                                         .chunk_response = chunk_sent };
static const struct cove__object_upload_ops both = { .mode = mode,
                                                     .part_rules = part_rules,
                                                     .session = &session,
                                                     .part_request = send_part,
                                                     .part_response = part_made,
                                                     .finish_request = join,
                                                     .finish_response = joined },
                                            ordered = { .mode = sessions_only,
                                                        .part_rules = part_rules,
                                                        .session = &session };
static const struct cove__object_copy_ops copies = { .max_size = 2,
                                                     .max_part = 3,
                                                     .request = copy,
                                                     .response = part_made,
                                                     .part_request = copy_part,
                                                     .part_response = part_made };
static const struct cove__object_append_ops appends = { .rewrite_below = 2 };

static void use(struct cove__object_ops *table, const struct cove__object_upload_ops *upload)
{
    *table = ops;
    table->upload = upload;
    table->copy = &copies;
    table->append = &appends;
    store.ops = table;
    store.max_concurrency = 1;
    store.block_size = 1 << 20;
}

/* ---- tests ---- */

#define JOINED "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nETag: \"new\"\r\nConnection: close\r\n\r\n"

/* Each of them has a condition, by which it would be a session. */
static void test_copied_parts(void **state)
{
    static const struct exchange metadata[] = { { "HEAD /b/k", OBJECT },
                                                { "PUT /b/k?copy=1", TEXT("", "0") },
                                                { "POST /b/k?join 1", JOINED } },
                                 append[] = { { "HEAD /b/k", OBJECT },
                                              { "PUT /b/k?copy=1", TEXT("", "0") },
                                              { "PUT /b/k?part=2 new", TEXT("", "0") },
                                              { "POST /b/k?join 2", JOINED } };
    struct cove__object_ops table;
    void *tail = NULL;
    size_t added = 0;

    use(&table, &both);
    EXPECT(metadata);
    assert_int_equal(cove__object_set_metadata(&store, "b/k", NULL, 0, &ctx, &err), 0);
    all_was_sent();
    EXPECT(append);
    assert_int_equal(cove__object_append_open(&store, "b/k", false, NULL, &ctx, &tail, &err), 0);
    assert_int_equal(cove__object_append(&store, tail, cove__slice_str("new"), &ctx, &added, &err), 0);
    assert_int_equal(added, 3);
    all_was_sent();
    cove__object_append_close(&store, tail);
    store.ops = &ops;
}

/* What cannot be done in parts is refused, and the object stays as it is. */
static void test_sessions_only(void **state)
{
    static const struct exchange head[] = { { "HEAD /b/k", OBJECT } }, again[] = { { "HEAD /b/k", OBJECT },
                                                                                   { "GET /b/k", OBJECT "abc" },
                                                                                   { "PUT /b/k abcnew", JOINED } };
    struct cove__object_ops table;
    void *tail = NULL;
    size_t added = 0;

    use(&table, &ordered);
    EXPECT(head);
    fails(COVE_ELIMIT, cove__object_set_metadata(&store, "b/k", NULL, 0, &ctx, &err), "no object of more than 2 bytes");
    EXPECT(again);
    assert_int_equal(cove__object_append_open(&store, "b/k", false, NULL, &ctx, &tail, &err), 0);
    assert_int_equal(cove__object_append(&store, tail, cove__slice_str("new"), &ctx, &added, &err), 0);
    all_was_sent();
    cove__object_append_close(&store, tail);
    store.ops = &ops;
}

/* Its URL, with the name of the object and what is secret. */
static const char *location(char *text, size_t size)
{
    snprintf(
        text, size,
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\nLocation: "
        "http://127.0.0.1:%u/uploads-of-large-objects-in-sessions?name=a-long-name&right=0123456789-secret\r\n\r\n",
        server.port);
    return text;
}

static struct cove__upload *open_session(void)
{
    /* Written once: the server's thread may still be reading them when this returns. */
    static char response[512];
    static struct exchange begin[1];
    const struct cove__put put = { .condition = COVE_WRITE_IF_NEW, .expected_size = -1 };
    struct cove__upload *u = NULL;

    if (!begin[0].request)
        begin[0] = (struct exchange){ "POST /b/k?session", location(response, sizeof response) };
    EXPECT(begin);
    assert_int_equal(cove__object_upload_begin(&store, "b/k", &put, &ctx, &u, &err), 0);
    all_was_sent();
    assert_int_equal(u->mode, COVE__UPLOAD_SESSION);
    return u;
}

/* Where `copies` was forgotten at the begin. */
static void test_a_session_takes_no_copies(void **state)
{
    struct cove__object_ops table;
    struct cove__inbox inbox;
    unsigned n = 0;

    use(&table, &both);
    struct cove__upload *u = open_session();
    expect(NULL, 0);
    fails(COVE_ESTATE, cove__upload_copy_parts(u, cove__object_split("b/k"), 3, "\"e\"", 1, &ctx, &n, &err),
          "takes no copied");
    struct cove__part_io io = { .op = { .ctx = ctx }, .upload = u, .number = 1, .src = cove__slice_str("abc") };
    io.from.path = "b/k";
    io.from.etag = "\"e\"";
    cove__op_will_wait(&io.op, &inbox);
    cove__op_start(&io.op);
    cove__object_upload_copy_part(&store, &io);
    fails(COVE_ESTATE, cove__op_wait(&io.op, &err), "takes no copied");
    cove__object_upload_abort(&store, u, &ctx);
    store.ops = &ops;
}

static void test_the_url_of_a_session(void **state)
{
    char text[] = "right=0123456789-secret of /uploads-of-large-objects-in-sessions, a-long-name, b/k";
    struct cove__object_ops table;

    use(&table, &both);
    struct cove__upload *u = open_session();
    cove__secrets_hide(text);
    assert_string_equal(text, "right=*** of /uploads-of-large-objects-in-sessions, a-long-name, b/k");
    cove__object_upload_abort(&store, u, &ctx);
    store.ops = &ops;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copied_parts),
        cmocka_unit_test(test_sessions_only),
        cmocka_unit_test(test_a_session_takes_no_copies),
        cmocka_unit_test(test_the_url_of_a_session),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
