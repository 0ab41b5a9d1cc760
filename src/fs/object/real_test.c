/* Real directories: what is asked of a bucket and of a directory, and that all other buckets have virtual ones. */
#include "fs/object/scripted_store.h"

/* ---- the backend ---- */

static void layout_request(struct cove__object_request *r)
{
    cove__buf_add_str(&r->query, "layout");
}

static int layout_response(const struct cove__object_request *r, bool *ret_real, struct cove_error *ret_err)
{
    *ret_real = cove__slice_is(cove__buf_slice(&r->http.response), "real");
    return r->http.response.size > 0 ? 0 : COVE_EPROTOCOL;
}

static void directory_request(struct cove__object_request *r)
{
    cove__buf_add_str(&r->query, "directory");
}

static bool is_directory(const struct cove__object_request *r)
{
    char text[COVE__HEADER_MAX];

    return cove__object_response_header(r, "x-directory", text);
}

static bool is_moving(const struct cove__object_request *r)
{
    char text[COVE__HEADER_MAX];

    return cove__object_response_header(r, "x-directory", text) && strcmp(text, "moving") == 0;
}

static const struct cove__object_directory_ops directories = { .detect_request = layout_request,
                                                               .detect_response = layout_response,
                                                               .make_request = directory_request,
                                                               .remove_request = directory_request,
                                                               .stat_request = directory_request };

#define REAL      TEXT("real", "4")
#define FLAT      TEXT("flat", "4")
#define DIRECTORY "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nETag: \"e\"\r\nX-Directory: 1\r\nConnection: close\r\n\r\n"
#define MOVING    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Directory: moving\r\nConnection: close\r\n\r\n"
#define NOTHING   ERROR("404 Missing")

/* ---- tests ---- */

static int list_of(const char *path)
{
    struct cove__page page = { 0 };
    int rc = cove__object_list(&store, path, false, NULL, &ctx, &page, &err);

    assert_int_equal(page.n, 0);
    cove__page_done(&page);
    return rc;
}

static void use_directories(struct cove__object_ops *table, const struct cove__object_directory_ops *group)
{
    static struct cove__object_steps polled;

    polled = steps;
    polled.polls_max = 100;
    *table = ops;
    table->directories = group;
    table->move_directory = &polled;
    store.ops = table;
}

/* The bucket is asked once. The parents are the store's to make. */
static void test_real_directories(void **state)
{
    static const struct exchange make[] = { { "GET /r?layout", REAL },
                                            { "HEAD /r/d/e", NOTHING },
                                            { "PUT /r/d/e?directory", EMPTY } },
                                 again[] = { { "HEAD /r/d", NOTHING },
                                             { "PUT /r/d?directory", ERROR("409 Exists") },
                                             { "GET /r/d?directory", TEXT("", "0") } },
                                 object[] = { { "HEAD /r/o", OBJECT } },
                                 raced[] = { { "HEAD /r/o", NOTHING },
                                             { "PUT /r/o?directory", ERROR("409 Exists") },
                                             { "GET /r/o?directory", NOTHING } },
                                 found[] = { { "HEAD /r/d", NOTHING }, { "GET /r/d?directory", TEXT("", "0") } },
                                 asked[] = { { "GET /r/d?directory", TEXT("", "0") } },
                                 missing[] = { { "HEAD /r/n", NOTHING }, { "GET /r/n?directory", NOTHING } },
                                 refused[] = { { "HEAD /r/n", ERROR("403 No") },
                                               { "GET /r?list=n/", ERROR("403 No") } },
                                 empty[] = { { "GET /r?list=d/", TEXT("", "0") },
                                             { "GET /r/d?directory", TEXT("", "0") } },
                                 no_list[] = { { "GET /r?list=n/", TEXT("", "0") },
                                               { "GET /r/n?directory", NOTHING },
                                               { "HEAD /r/n", NOTHING } },
                                 removed[] = { { "DELETE /r/d?directory", EMPTY } },
                                 full[] = { { "DELETE /r/d?directory", ERROR("409 Full") } },
                                 gone[] = { { "DELETE /r/d?directory", NOTHING } },
                                 lost[] = { { "DELETE /r/d?directory", LOST }, { "DELETE /r/d?directory", NOTHING } },
                                 tree[] = { { "POST /r/d x", EMPTY } };
    struct cove__object_ops table;

    use_directories(&table, &directories);
    EXPECT(make);
    assert_int_equal(cove__object_mkdir(&store, "r/d/e", &ctx, &err), 0);
    all_was_sent();
    EXPECT(again);
    assert_int_equal(cove__object_mkdir(&store, "r/d/", &ctx, &err), 0);
    all_was_sent();
    EXPECT(object);
    fails(COVE_EEXIST, cove__object_mkdir(&store, "r/o", &ctx, &err), "an object of this name");
    EXPECT(raced);
    fails(COVE_EEXIST, cove__object_mkdir(&store, "r/o", &ctx, &err), "an object of this name");
    EXPECT(found);
    assert_int_equal(stat_of("r/d", 0), COVE_INFO_DIRECTORY);
    all_was_sent();
    EXPECT(asked);
    assert_int_equal(stat_of("r/d/", 0), COVE_INFO_DIRECTORY);
    all_was_sent();
    EXPECT(asked);
    assert_int_equal(stat_of("r/d", COVE_INFO_DIRECTORY), COVE_INFO_DIRECTORY);
    all_was_sent();
    EXPECT(missing);
    fails(COVE_ENOTFOUND, stat_of("r/n", 0), "no such object");
    EXPECT(refused); /* what may not be read is no question of directories */
    fails(COVE_EACCESS, stat_of("r/n", 0), "refused");
    EXPECT(empty);
    assert_int_equal(list_of("r/d"), 0);
    all_was_sent();
    EXPECT(no_list);
    fails(COVE_ENOTFOUND, list_of("r/n"), "nothing below it");
    EXPECT(removed);
    assert_int_equal(cove__object_rmdir(&store, "r/d/", &ctx, &err), 0);
    all_was_sent();
    EXPECT(full);
    fails(COVE_ENOTEMPTY, cove__object_rmdir(&store, "r/d", &ctx, &err), "not empty");
    EXPECT(gone);
    fails(COVE_ENOTFOUND, cove__object_rmdir(&store, "r/d", &ctx, &err), "no such directory");
    EXPECT(lost); /* the attempt without a response has removed it */
    assert_int_equal(cove__object_rmdir(&store, "r/d", &ctx, &err), 0);
    all_was_sent();
    EXPECT(tree);
    assert_int_equal(cove__object_remove_tree(&store, "r/d", &ctx, &err), 0);
    all_was_sent();
    store.ops = &ops;
}

/* Also where the question is asked without waiting, and where it has no answer: that is not remembered. */
static void test_buckets_without_real_directories(void **state)
{
    static const struct exchange flat[] = { { "HEAD /f/d", NOTHING },
                                            { "GET /f?layout", FLAT },
                                            { "GET /f?list=d/", TEXT("", "0") } },
                                 tree[] = { { "GET /f?list=d/", TEXT("", "0") } },
                                 move[] = { { "HEAD /f/d", NOTHING }, { "GET /f?list=d/", TEXT("", "0") } },
                                 secret[] = { { "GET /s?layout", ERROR("403 No") },
                                              { "GET /s?list=", TEXT("", "0") },
                                              { "HEAD /s/d", NOTHING } },
                                 still_secret[] = { { "GET /s?layout", ERROR("403 No") },
                                                    { "GET /s?list=d/", TEXT("", "0") } },
                                 broken[] = { { "GET /s?layout", ERROR("401 Who") } },
                                 broken_stat[] = { { "HEAD /s/n", NOTHING }, { "GET /s?layout", ERROR("401 Who") } };
    struct cove__object_ops table;

    use_directories(&table, &directories);
    EXPECT(flat);
    fails(COVE_ENOTFOUND, stat_of("f/d", 0), "no such object");
    EXPECT(tree); /* key by key, whatever the table has for real directories */
    fails(COVE_ENOTFOUND, cove__object_remove_tree(&store, "f/d", &ctx, &err), "no such object");
    EXPECT(move);
    fails(COVE_ENOTFOUND, cove__object_move(&store, "f/d", "f/to", &ctx, &err), "no such object");
    EXPECT(secret);
    assert_int_equal(cove__object_mkdir(&store, "s/d", &ctx, &err), 0);
    all_was_sent();
    EXPECT(still_secret);
    assert_int_equal(cove__object_rmdir(&store, "s/d", &ctx, &err), 0);
    all_was_sent();
    EXPECT(broken);
    fails(COVE_EAUTH, cove__object_rmdir(&store, "s/n", &ctx, &err), "refused");
    EXPECT(broken_stat);
    fails(COVE_EAUTH, stat_of("s/n", 0), "refused");
    store.ops = &ops;
}

/* A store whose HEAD finds directories, too, and whose buckets all have them. */
static void test_directories_that_a_head_finds(void **state)
{
    static const struct exchange
        head[] = { { "HEAD /a/d", DIRECTORY } },
        file[] = { { "GET /a/o?directory", TEXT("abc", "3") } },
        move[] = { { "HEAD /a/d", DIRECTORY }, { "GET /a/to?directory", NOTHING }, { "POST /a/to?from=d x", EMPTY } },
        onto_empty[] = { { "HEAD /a/d", DIRECTORY },
                         { "GET /a/to?directory", DIRECTORY },
                         { "DELETE /a/to?directory", EMPTY },
                         { "POST /a/to?from=d x", EMPTY } },
        onto_full[] = { { "HEAD /a/d", DIRECTORY },
                        { "GET /a/to?directory", DIRECTORY },
                        { "DELETE /a/to?directory", ERROR("409 Full") } },
        gone[] = { { "HEAD /a/d", DIRECTORY }, { "GET /a/to?directory", NOTHING }, { "POST /a/to?from=d x", NOTHING } },
        conflict[] = { { "HEAD /a/d", DIRECTORY },
                       { "GET /a/to?directory", NOTHING },
                       { "POST /a/to?from=d x", ERROR("412 Other") } },
        begun[] = { { "HEAD /a/d", DIRECTORY },          { "GET /a/to?directory", NOTHING },
                    { "POST /a/to?from=d x", LOST },     { "POST /a/to?from=d x", ERROR("412 Moving") },
                    { "GET /a/d?directory", MOVING },    { "GET /a/d?directory", NOTHING },
                    { "GET /a/to?directory", DIRECTORY } },
        lost[] = { { "HEAD /a/d", DIRECTORY },        { "GET /a/to?directory", NOTHING },
                   { "POST /a/to?from=d x", LOST },   { "POST /a/to?from=d x", NOTHING },
                   { "GET /a/d?directory", NOTHING }, { "GET /a/to?directory", DIRECTORY } },
        no_parent[] = { { "HEAD /a/d", DIRECTORY },          { "GET /a/p/to?directory", NOTHING },
                        { "POST /a/p/to?from=d x", LOST },   { "POST /a/p/to?from=d x", NOTHING },
                        { "GET /a/d?directory", DIRECTORY }, { "PUT /a/p?directory", EMPTY },
                        { "POST /a/p/to?from=d x", EMPTY } };
    struct cove__object_directory_ops everywhere = directories;
    struct cove__object_ops table;

    everywhere.detect_request = NULL;
    everywhere.is_moving = is_moving;
    use_directories(&table, &everywhere);
    table.is_directory = is_directory;
    EXPECT(head);
    assert_int_equal(stat_of("a/d", 0), COVE_INFO_DIRECTORY);
    all_was_sent();
    EXPECT(head);
    assert_int_equal(cove__object_mkdir(&store, "a/d", &ctx, &err), 0);
    all_was_sent();
    EXPECT(file);
    fails(COVE_ENOTFOUND, stat_of("a/o", COVE_INFO_DIRECTORY), "no such object");
    cove__object_remember_bucket(&store, cove__slice_str("a"));
    EXPECT(move);
    assert_int_equal(cove__object_move(&store, "a/d", "a/to", &ctx, &err), 0);
    all_was_sent();
    EXPECT(lost);
    assert_int_equal(cove__object_move(&store, "a/d", "a/to", &ctx, &err), 0);
    all_was_sent();
    EXPECT(no_parent); /* what is missing is the target's parent */
    assert_int_equal(cove__object_move(&store, "a/d", "a/p/to", &ctx, &err), 0);
    all_was_sent();
    EXPECT(onto_empty);
    assert_int_equal(cove__object_move(&store, "a/d", "a/to", &ctx, &err), 0);
    all_was_sent();
    EXPECT(onto_full);
    fails(COVE_ENOTEMPTY, cove__object_move(&store, "a/d", "a/to", &ctx, &err), "target");
    EXPECT(gone); /* meanwhile, and not by this move */
    fails(COVE_ENOTFOUND, cove__object_move(&store, "a/d", "a/to", &ctx, &err), "no such object");
    EXPECT(conflict);
    fails(COVE_EPRECONDITION, cove__object_move(&store, "a/d", "a/to", &ctx, &err), "refused");
    EXPECT(begun); /* by the attempt without a response; the store works on it still */
    assert_int_equal(cove__object_move(&store, "a/d", "a/to", &ctx, &err), 0);
    all_was_sent();
    store.ops = &ops;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_real_directories),
        cmocka_unit_test(test_buckets_without_real_directories),
        cmocka_unit_test(test_directories_that_a_head_finds),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
