/* Copying, moving, removing. */
#include "contract.h"

static void copies(void **state)
{
    (void)state;
    NEEDS(copies);
    put(at("a"), "content");
    OK(cove_fs_copy(w.fs, at("a"), at("b"), NULL, &err));
    has(at("a"), "content");
    has(at("b"), "content");
    put(at("c"), "another, longer content");
    OK(cove_fs_copy(w.fs, at("a"), at("c"), NULL, &err)); /* replaces */
    has(at("c"), "content");
    OK(cove_fs_copy(w.fs, at("a"), at("new/deep/a"), NULL, &err));
    has(at("new/deep/a"), "content");
    put(at("empty"), "");
    OK(cove_fs_copy(w.fs, at("empty"), at("empty2"), NULL, &err));
    has(at("empty2"), "");
    put_filled(at("large"), 12 * MIB + 1, 110);
    OK(cove_fs_copy(w.fs, at("large"), at("large2"), NULL, &err));
    has_filled(at("large2"), 12 * MIB + 1, 110);
}

static void copies_one_version(void **state)
{
    cove_info *info = NULL;

    (void)state;
    NEEDS(copies);
    put(at("a"), "first");
    put(at("b"), "older");
    OK(cove_fs_stat(w.fs, at("a"), NULL, &info, &err));
    OK(cove_fs_copy_if_match(w.fs, at("a"), cove_info_etag(info), at("b"), NULL, &err));
    has(at("b"), "first");
    put(at("a"), "second");
    FAILS(COVE_EPRECONDITION, cove_fs_copy_if_match(w.fs, at("a"), cove_info_etag(info), at("b"), NULL, &err));
    has(at("b"), "first");
    OK(cove_fs_copy_if_match(w.fs, at("a"), NULL, at("b"), NULL, &err));
    has(at("b"), "second");
    OK(cove_fs_remove(w.fs, at("a"), NULL, &err));
    FAILS(COVE_ENOTFOUND, cove_fs_copy_if_match(w.fs, at("a"), cove_info_etag(info), at("b"), NULL, &err));
    has(at("b"), "second");
    cove_info_free(info);
}

static void copies_that_cannot_be(void **state)
{
    (void)state;
    NEEDS(copies);
    put(at("b"), "b");
    put(at("d/f"), "x");
    FAILS(COVE_ENOTFOUND, cove_fs_copy(w.fs, at("no"), at("b"), NULL, &err));
    has(at("b"), "b");
    FAILS(COVE_EISDIR, cove_fs_copy(w.fs, at("d"), at("e"), NULL, &err));
    /* Onto itself: nothing is lost, whatever is returned. */
    err_reset();
    int rc = cove_fs_copy(w.fs, at("b"), at("b"), NULL, &err);
    assert_true(rc == 0 || rc == COVE_EINVAL);
    has(at("b"), "b");
}

static void moves(void **state)
{
    (void)state;
    NEEDS(copies);
    put(at("a"), "content");
    OK(cove_fs_move(w.fs, at("a"), at("b"), NULL, &err));
    gone(at("a"));
    has(at("b"), "content");
    put(at("c"), "older");
    OK(cove_fs_move(w.fs, at("b"), at("c"), NULL, &err)); /* replaces */
    gone(at("b"));
    has(at("c"), "content");
    OK(cove_fs_move(w.fs, at("c"), at("new/deep/c"), NULL, &err));
    has(at("new/deep/c"), "content");
    FAILS(COVE_ENOTFOUND, cove_fs_move(w.fs, at("no"), at("x"), NULL, &err));
    put(at("self"), "s");
    err_reset();
    int rc = cove_fs_move(w.fs, at("self"), at("self"), NULL, &err);
    assert_true(rc == 0 || rc == COVE_EINVAL);
    has(at("self"), "s");
}

static void moves_of_directories(void **state)
{
    (void)state;
    NEEDS(copies);
    put(at("d/a"), "1");
    put(at("d/sub/b"), "2");
    put(at("d2/x"), "neighbour");
    OK(cove_fs_move(w.fs, at("d"), at("e"), NULL, &err));
    gone(at("d"));
    has(at("e/a"), "1");
    has(at("e/sub/b"), "2");
    has(at("d2/x"), "neighbour");
    /* Into itself: refused before anything is touched. */
    FAILS(COVE_EINVAL, cove_fs_move(w.fs, at("e"), at("e/sub/e"), NULL, &err));
    has(at("e/a"), "1");
}

static void removals(void **state)
{
    (void)state;
    put(at("f"), "x");
    OK(cove_fs_remove(w.fs, at("f"), NULL, &err));
    gone(at("f"));
    FAILS(COVE_ENOTFOUND, cove_fs_remove(w.fs, at("f"), NULL, &err));
    put(at("d/f"), "x");
    FAILS(COVE_ENOTEMPTY, cove_fs_remove(w.fs, at("d"), NULL, &err));
    has(at("d/f"), "x");
    OK(cove_fs_mkdir(w.fs, at("empty/one"), NULL, &err));
    OK(cove_fs_remove(w.fs, at("empty/one"), NULL, &err));
    gone(at("empty/one"));
}

static void removals_of_many(void **state)
{
    (void)state;
    enum { N = 1203 }; /* more than one request takes */
    char **paths = calloc(N, sizeof *paths);
    for (int i = 0; i < N; i++) {
        paths[i] = strdup(at("many/f%d", i));
        if (i % 100 == 0)
            put(paths[i], "x"); /* the others are not there, which is no error */
    }
    put(at("many/stays"), "x");
    OK(cove_fs_remove_files(w.fs, (const char *const *)paths, N, NULL, &err));
    assert_string_equal(listed(at("many")), "many/stays");
    OK(cove_fs_remove_files(w.fs, NULL, 0, NULL, &err));
    FAILS(COVE_EINVAL, cove_fs_remove_files(w.fs, NULL, 1, NULL, &err));
    for (int i = 0; i < N; i++)
        free(paths[i]);
    free(paths);

    put(at("d/f"), "x");
    put(at("f"), "x");
    const char *mixed[] = { at("d"), at("f") };
    if (w.can->real_directories || w.can->removes_no_directory) {
        FAILS(COVE_EISDIR, cove_fs_remove_files(w.fs, mixed, 2, NULL, &err));
    } else {
        OK(cove_fs_remove_files(w.fs, mixed, 2, NULL, &err));
    }
    gone(at("f"));
    has(at("d/f"), "x");
    const char *below = at("d/f/g");
    OK(cove_fs_remove_files(w.fs, &below, 1, NULL, &err));
    const char *none[] = { at("d/f"), NULL };
    FAILS(COVE_EINVAL, cove_fs_remove_files(w.fs, none, 2, NULL, &err));
}

/* A condition that is no ETag is never taken for no condition. */
static void conditions_that_are_no_etag(void **state)
{
    static const char *const bad[] = { "", "*", "\"", "x", "W/", "W/x", "\"a\", \"b\"", "\"a\n\"" };
    (void)state;
    put(at("a"), "content");
    put(at("b"), "old");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *both[] = { strdup(at("b")), strdup(at("a")) }, *etags[] = { NULL, bad[i] };
        struct cove_writer_options options = COVE_WRITER_OPTIONS_INIT;
        cove_writer *writer = NULL;

        FAILS(COVE_EINVAL, cove_fs_copy_if_match(w.fs, at("a"), bad[i], at("b"), NULL, &err));
        FAILS(COVE_EINVAL, cove_fs_remove_files_if_match(w.fs, both, etags, 2, NULL, &err));
        options.condition = COVE_WRITE_IF_MATCH;
        options.etag = bad[i];
        FAILS(COVE_EINVAL, cove_writer_open(w.fs, at("b"), &options, NULL, &writer, &err));
        has(at("a"), "content");
        has(at("b"), "old");
        free((void *)(uintptr_t)both[0]);
        free((void *)(uintptr_t)both[1]);
    }
}

/* A file that another writer has replaced is kept; the others are removed. */
static void removals_of_what_was_seen(void **state)
{
    (void)state;
    const char *names[] = { "seen/a", "seen/b", "seen/c" };
    char *paths[3], *etags[3];

    for (int i = 0; i < 3; i++) {
        paths[i] = strdup(at("%s", names[i]));
        put(paths[i], "old");
        etags[i] = etag_of(paths[i]);
    }
    put(paths[1], "another");
    FAILS(COVE_EPRECONDITION,
          cove_fs_remove_files_if_match(w.fs, (const char *const *)paths, (const char *const *)etags, 3, NULL, &err));
    assert_non_null(strstr(err.message, "seen/b"));
    gone(paths[0]);
    has(paths[1], "another");
    gone(paths[2]);
    const char *const any[] = { NULL, NULL, NULL };
    OK(cove_fs_remove_files_if_match(w.fs, (const char *const *)paths, any, 3, NULL, &err));
    gone(paths[1]);
    for (int i = 0; i < 3; i++) {
        free(paths[i]);
        free(etags[i]);
    }
}

static void removals_of_trees(void **state)
{
    (void)state;
    static const char *const files[] = { "d/a", "d/sub/b", "d/sub/deep/c", "d2/x", "d.txt", "dd" };
    for (size_t i = 0; i < 6; i++)
        put(at("%s", files[i]), "x");
    OK(cove_fs_mkdir(w.fs, at("d/empty"), NULL, &err));
    OK(cove_fs_remove_tree(w.fs, at("d"), NULL, &err));
    gone(at("d"));
    gone(at("d/sub/deep/c"));
    assert_string_equal(listed(at("%s", "")), "d.txt d2/ dd"); /* neighbours stay */
    OK(cove_fs_remove_tree(w.fs, at("dd"), NULL, &err));       /* a file is a tree of one */
    gone(at("dd"));
    FAILS(COVE_ENOTFOUND, cove_fs_remove_tree(w.fs, at("d"), NULL, &err));
}

/* A directory without files is moved by its name, and nothing stays behind; a move upwards overwrites nothing of its
 * own. */
static void moves_of_empty_directories(void **state)
{
    (void)state;
    NEEDS(copies);
    OK(cove_fs_mkdir(w.fs, at("from"), NULL, &err));
    OK(cove_fs_move(w.fs, at("from"), at("to"), NULL, &err));
    gone(at("from"));
    assert_string_equal(listed(at("%s", "")), "to/");
    put(at("to/f"), "x");
    OK(cove_fs_move(w.fs, at("to"), at("end"), NULL, &err));
    gone(at("to"));
    put(at("up/up/x"), "inner");
    put(at("up/x"), "outer");
    assert_true(cove_fs_move(w.fs, at("up"), at("%s", ""), NULL, NULL) < 0);
    has(at("up/up/x"), "inner");
    has(at("up/x"), "outer");
}

const struct CMUnitTest changes_tests[] = {
    cmocka_unit_test(copies),
    cmocka_unit_test(copies_one_version),
    cmocka_unit_test(copies_that_cannot_be),
    cmocka_unit_test(moves),
    cmocka_unit_test(moves_of_directories),
    cmocka_unit_test(moves_of_empty_directories),
    cmocka_unit_test(removals),
    cmocka_unit_test(removals_of_many),
    cmocka_unit_test(removals_of_what_was_seen),
    cmocka_unit_test(conditions_that_are_no_etag),
    cmocka_unit_test(removals_of_trees),
    { 0 },
};
