/* Markers of directories: what is asked, shown and removed where an object may be one. */
#include "fs/object/scripted_store.h"
#include "fs/object/virtual.h"

static bool is_directory(const struct cove__object_request *r)
{
    char text[COVE__HEADER_MAX];

    return cove__object_response_header(r, "x-directory", text);
}

#define MARKER  "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nETag: \"m\"\r\nX-Directory: 1\r\nConnection: close\r\n\r\n"
#define FILE_   "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nETag: \"f\"\r\nConnection: close\r\n\r\n"
#define NOTHING ERROR("404 Missing")
#define NONE    TEXT("", "0")

static void test_stats(void **state)
{
    static const struct exchange head[] = { { "HEAD /b/d", MARKER } },
                                 asked[] = { { "GET /b?list=d/", NONE }, { "HEAD /b/d", MARKER } },
                                 full[] = { { "GET /b?list=d/", TEXT("d/x", "3") } },
                                 file[] = { { "GET /b?list=f/", NONE }, { "HEAD /b/f", FILE_ } },
                                 missing[] = { { "GET /b?list=n/", NONE }, { "HEAD /b/n", NOTHING } },
                                 once[] = { { "HEAD /b/n", NOTHING }, { "GET /b?list=n/", NONE } },
                                 refused[] = { { "GET /b?list=n/", NONE }, { "HEAD /b/n", ERROR("403 No") } },
                                 bucket[] = { { "GET /b?list=", NONE } };

    EXPECT(head);
    assert_int_equal(stat_of("b/d", 0), COVE_INFO_DIRECTORY);
    all_was_sent();
    for (size_t i = 0; i < 2; i++) {
        EXPECT(asked);
        assert_int_equal(i == 0 ? stat_of("b/d", COVE_INFO_DIRECTORY) : stat_of("b/d/", 0), COVE_INFO_DIRECTORY);
        all_was_sent();
    }
    EXPECT(full);
    assert_int_equal(stat_of("b/d", COVE_INFO_DIRECTORY), COVE_INFO_DIRECTORY);
    all_was_sent();
    EXPECT(file);
    fails(COVE_ENOTFOUND, stat_of("b/f", COVE_INFO_DIRECTORY), "nothing below it");
    EXPECT(missing);
    fails(COVE_ENOTFOUND, stat_of("b/n", COVE_INFO_DIRECTORY), "nothing below it");
    EXPECT(once);
    fails(COVE_ENOTFOUND, stat_of("b/n", 0), "nothing below it");
    EXPECT(refused);
    fails(COVE_ENOTFOUND, stat_of("b/n", COVE_INFO_DIRECTORY), "nothing below it");
    EXPECT(bucket);
    assert_int_equal(stat_of("b", 0), COVE_INFO_DIRECTORY);
    all_was_sent();
}

static void test_listings(void **state)
{
    static const struct exchange empty[] = { { "GET /b?list=d/", NONE }, { "HEAD /b/d", MARKER } };
    static const char *const paths[] = { "b/d", "b/d/" };

    for (size_t i = 0; i < 2; i++) {
        struct cove__page page = { 0 };

        EXPECT(empty);
        assert_int_equal(cove__object_list(&store, paths[i], false, NULL, &ctx, &page, &err), 0);
        all_was_sent();
        assert_int_equal(page.n, 0);
        cove__page_done(&page);
    }
}

/* A file of the directory's name is none, and stays. */
static void test_removals(void **state)
{
    static const struct exchange empty[] = { { "GET /b?list=d/", NONE },
                                             { "HEAD /b/d", MARKER },
                                             { "DELETE /b/d", EMPTY } },
                                 file[] = { { "GET /b?list=f/", NONE }, { "HEAD /b/f", FILE_ } },
                                 full[] = { { "GET /b?list=d/", TEXT("d/x", "3") } },
                                 tree[] = { { "GET /b?list=d/", TEXT("d/x", "3") },
                                            { "DELETE /b/d/x", EMPTY },
                                            { "HEAD /b/d", MARKER },
                                            { "DELETE /b/d", EMPTY } },
                                 beside[] = { { "GET /b?list=f/", TEXT("f/x", "3") },
                                              { "DELETE /b/f/x", EMPTY },
                                              { "HEAD /b/f", FILE_ } },
                                 replaced[] = { { "GET /b?list=d/", NONE },
                                                { "HEAD /b/d", MARKER },
                                                { "DELETE /b/d", ERROR("412 Changed") },
                                                { "HEAD /b/d", FILE_ } },
                                 unsure[] = { { "GET /b?list=d/", NONE }, { "HEAD /b/d", ERROR("401 No") } };

    EXPECT(empty);
    assert_int_equal(cove__object_rmdir(&store, "b/d/", &ctx, &err), 0);
    all_was_sent();
    EXPECT(file);
    fails(COVE_ENOTFOUND, cove__object_rmdir(&store, "b/f", &ctx, &err), "no such directory");
    EXPECT(full);
    fails(COVE_ENOTEMPTY, cove__object_rmdir(&store, "b/d", &ctx, &err), "not empty");
    EXPECT(empty);
    assert_int_equal(cove__object_remove_tree(&store, "b/d", &ctx, &err), 0);
    all_was_sent();
    EXPECT(tree);
    assert_int_equal(cove__object_remove_tree(&store, "b/d", &ctx, &err), 0);
    all_was_sent();
    EXPECT(beside);
    assert_int_equal(cove__object_remove_tree(&store, "b/f", &ctx, &err), 0);
    all_was_sent();
    EXPECT(replaced);
    fails(COVE_EPRECONDITION, cove__object_rmdir(&store, "b/d", &ctx, &err), "");
    EXPECT(unsure);
    fails(COVE_EAUTH, cove__object_remove_tree(&store, "b/d", &ctx, &err), "refused");
}

/* An empty directory is a virtual one at its new name. */
static void test_moves(void **state)
{
    static const struct exchange empty[] = {
        { "HEAD /b/d", MARKER }, { "GET /b?list=d/", NONE }, { "HEAD /b/d", MARKER }, { "DELETE /b/d", EMPTY }
    };

    EXPECT(empty);
    assert_int_equal(cove__object_move(&store, "b/d", "b/to", &ctx, &err), 0);
    all_was_sent();
    assert_true(cove__virtual_exists(&store, "b/to", COVE__VIRTUAL_NOW));
}

static int start_with_markers(void **state)
{
    static struct cove__object_ops table;
    int rc = start(state);

    table = ops;
    table.is_directory = is_directory;
    table.remove_tree = table.move_object = table.move_directory = NULL;
    table.batch = NULL;
    store.ops = &table;
    cove__object_remember_bucket(&store, cove__slice_str("b"));
    return rc;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stats),
        cmocka_unit_test(test_listings),
        cmocka_unit_test(test_removals),
        cmocka_unit_test(test_moves),
    };

    return cmocka_run_group_tests(tests, start_with_markers, stop);
}
