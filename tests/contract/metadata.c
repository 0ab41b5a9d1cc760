/* What is known of a path: stat, exists, mkdir, and which filesystem serves a URL. */
#include "contract.h"

static void stat_of_a_file(void **state)
{
    (void)state;
    put(at("f"), "12345");
    cove_info *info;
    OK(cove_fs_stat(w.fs, at("f"), NULL, &info, &err));
    assert_int_equal(cove_info_type(info), COVE_INFO_FILE);
    assert_int_equal(cove_info_size(info), 5);
    assert_string_equal(cove_info_path(info), at("f"));
    assert_string_equal(cove_info_name(info), "f");
    assert_true(cove_info_mtime_ns(info) > (int64_t)1577836800 * 1000000000); /* after 2019 */
    assert_non_null(cove_info_etag(info));
    cove_info_free(info);
    cove_info_free(NULL);
}

static void stat_of_an_empty_file(void **state)
{
    (void)state;
    put(at("f"), "");
    cove_info *info;
    OK(cove_fs_stat(w.fs, at("f"), NULL, &info, &err));
    assert_int_equal(cove_info_type(info), COVE_INFO_FILE);
    assert_int_equal(cove_info_size(info), 0);
    cove_info_free(info);
}

static void stat_of_a_directory(void **state)
{
    (void)state;
    put(at("d/e/f"), "x");
    const char *const paths[] = { at("d"), at("d/e"), at("d/") };
    for (size_t i = 0; i < 3; i++) {
        cove_info *info;
        OK(cove_fs_stat(w.fs, paths[i], NULL, &info, &err));
        assert_int_equal(cove_info_type(info), COVE_INFO_DIRECTORY);
        assert_int_equal(cove_info_size(info), 0);
        assert_string_equal(cove_info_path(info), i == 1 ? at("d/e") : at("d"));
        cove_info_free(info);
    }
}

static void stat_of_nothing(void **state)
{
    (void)state;
    cove_info *info = (cove_info *)&err;
    FAILS(COVE_ENOTFOUND, cove_fs_stat(w.fs, at("nothing"), NULL, &info, &err));
    assert_ptr_equal(info, &err); /* outputs are untouched on failure */
    put(at("nothing else"), "x");
    FAILS(COVE_ENOTFOUND,
          cove_fs_stat(w.fs, at("nothing"), NULL, &info, &err)); /* a common beginning is not a directory */
}

static void exists(void **state)
{
    (void)state;
    put(at("d/f"), "");
    assert_int_equal(OK(cove_fs_exists(w.fs, at("d/f"), NULL, &err)), 1);
    assert_int_equal(OK(cove_fs_exists(w.fs, at("d"), NULL, &err)), 1);
    assert_int_equal(OK(cove_fs_exists(w.fs, at("d/g"), NULL, &err)), 0);
    assert_int_equal(OK(cove_fs_exists(w.fs, at("d/f.more"), NULL, &err)), 0);
    assert_int_equal(OK(cove_fs_exists(w.fs, at("x/y/z"), NULL, &err)), 0);
    assert_int_equal(OK(cove_fs_exists(w.fs, at("d/f"), NULL, NULL)), 1);
}

static void kinds(void **state)
{
    (void)state;
    put(at("d/f"), "x");
    OK(cove_fs_mkdir(w.fs, at("made"), NULL, &err));
    static const struct {
        const char *path;
        int is_file, is_directory;
    } rows[] = { { "d/f", 1, 0 }, { "d", 0, 1 },     { "made", 0, 1 }, { "d/", 0, 1 },
                 { "no", 0, 0 },  { "d/f/g", 0, 0 }, { "d/f.x", 0, 0 } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *path = at("%s", rows[i].path);
        assert_int_equal(OK(cove_fs_is_file(w.fs, path, NULL, &err)), rows[i].is_file);
        assert_int_equal(OK(cove_fs_is_directory(w.fs, path, NULL, &err)), rows[i].is_directory);
    }
    FAILS(COVE_EINVAL, cove_fs_is_file(w.fs, NULL, NULL, &err));
}

/* What one client sees follows what another did at once: nothing is remembered that can be wrong. */
static void never_stale(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        gone(at("d/f"));
        put(at("d/f"), "x");
        assert_int_equal(OK(cove_fs_exists(w.fs, at("d/f"), NULL, &err)), 1);
        assert_string_equal(listed(at("d")), "d/f");
        OK(cove_fs_remove(w.fs, at("d/f"), NULL, &err));
    }
}

static void etags_change_with_content(void **state)
{
    (void)state;
    put(at("f"), "one");
    char *first = etag_of(at("f"));
    char *again = etag_of(at("f"));
    assert_string_equal(first, again);
    put(at("f"), "two");
    char *second = etag_of(at("f"));
    assert_string_not_equal(first, second);
    free(first);
    free(again);
    free(second);
}

static void made_directories(void **state)
{
    (void)state;
    OK(cove_fs_mkdir(w.fs, at("a/b/c"), NULL, &err));
    OK(cove_fs_mkdir(w.fs, at("a/b/c"), NULL, &err)); /* one that exists is success */
    OK(cove_fs_mkdir(w.fs, at("a"), NULL, &err));
    const char *const paths[] = { at("a"), at("a/b"), at("a/b/c") };
    for (size_t i = 0; i < 3; i++) {
        cove_info *info;
        OK(cove_fs_stat(w.fs, paths[i], NULL, &info, &err));
        assert_int_equal(cove_info_type(info), COVE_INFO_DIRECTORY);
        cove_info_free(info);
        assert_int_equal(OK(cove_fs_exists(w.fs, paths[i], NULL, &err)), 1);
    }
    assert_string_equal(listed(at("a/b/c")), "");
    put(at("a/b/c/f"), "x");
    assert_string_equal(listed(at("a/b/c")), "a/b/c/f");
}

static void no_directory_over_a_file(void **state)
{
    (void)state;
    put(at("f"), "x");
    FAILS(COVE_EEXIST, cove_fs_mkdir(w.fs, at("f"), NULL, &err));
    if (w.can->real_directories)
        FAILS(COVE_ENOTDIR, cove_fs_mkdir(w.fs, at("f/g"), NULL, &err));
    has(at("f"), "x");
}

/* Writing makes the directories that it needs: an object store has none, so a caller cannot be required to make them
 * first. */
static void writing_makes_parents(void **state)
{
    (void)state;
    put(at("new/and/deep/f"), "x");
    has(at("new/and/deep/f"), "x");
    assert_string_equal(listed(at("new")), "new/and/");
}

static void a_file_and_a_file_below_it(void **state)
{
    (void)state;
    put(at("twin"), "file");
    err_reset();
    int rc = cove_fs_write_file(w.fs, at("twin/below"), "x", 1, NULL, &err);
    if (!w.can->slash_twins)
        assert_int_equal(rc, COVE_ENOTDIR);
    else if (rc < 0) /* a store may be stricter than the rule of its kind */
        assert_true(rc == COVE_ENOTDIR || rc == COVE_EINVAL || rc == COVE_EACCESS || rc == COVE_EEXIST);
    has(at("twin"), "file");
}

static void writing_over_a_directory(void **state)
{
    (void)state;
    put(at("d/f"), "x");
    err_reset();
    int rc = cove_fs_write_file(w.fs, at("d"), "y", 1, NULL, &err);
    if (!w.can->slash_twins)
        assert_int_equal(rc, COVE_EISDIR);
    has(at("d/f"), "x");
}

static void one_instance_for_one_store(void **state)
{
    (void)state;
    cove_fs *again;
    OK(cove_fs_from_url(w.root, NULL, &again, NULL, &err));
    assert_ptr_equal(again, w.fs);
    cove_fs_unref(again);
    cove_options *options = cove_options_new();
    OK(cove_options_set(options, "timeout", "77", &err));
    OK(cove_fs_from_url(w.root, options, &again, NULL, &err));
    assert_ptr_not_equal(again, w.fs);
    cove_fs *third = cove_fs_ref(again);
    assert_ptr_equal(third, again);
    cove_fs_unref(third);
    cove_fs_unref(again);
    cove_fs_unref(NULL);
    cove_options_free(options);
}

static void schemes(void **state)
{
    (void)state;
    struct cove_scheme row;
    bool found = false;
    size_t i = 0;
    for (; cove_scheme_at(i, &row) == 0; i++) {
        assert_true(row.scheme && row.backend && row.description && *row.description);
        found = found || (strcmp(row.scheme, w.can->scheme) == 0 && row.available);
    }
    assert_true(found);
    assert_int_equal(cove_scheme_at(i + 1000, &row), COVE_ENOTFOUND);
}

const struct CMUnitTest metadata_tests[] = {
    cmocka_unit_test(stat_of_a_file),
    cmocka_unit_test(stat_of_an_empty_file),
    cmocka_unit_test(stat_of_a_directory),
    cmocka_unit_test(stat_of_nothing),
    cmocka_unit_test(exists),
    cmocka_unit_test(kinds),
    cmocka_unit_test(never_stale),
    cmocka_unit_test(etags_change_with_content),
    cmocka_unit_test(made_directories),
    cmocka_unit_test(no_directory_over_a_file),
    cmocka_unit_test(writing_makes_parents),
    cmocka_unit_test(a_file_and_a_file_below_it),
    cmocka_unit_test(writing_over_a_directory),
    cmocka_unit_test(one_instance_for_one_store),
    cmocka_unit_test(schemes),
    { 0 },
};
