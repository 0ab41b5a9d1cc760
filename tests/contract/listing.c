/* Listings: what is right below, everything below, what a pattern matches; in pages. */
#include "contract.h"

#define MANY 1100 /* more than one page of any store that pages by a thousand */

static const char *found(const char *path)
{
    cove_listing *listing;
    OK(cove_fs_find(w.fs, path, NULL, &listing, &err));
    return names(listing);
}

static const char *globbed(const char *pattern)
{
    cove_listing *listing;
    OK(cove_fs_glob(w.fs, at("%s", pattern), NULL, &listing, &err));
    return names(listing);
}

static void list_shows_what_is_right_below(void **state)
{
    (void)state;
    put(at("d/b"), "1");
    put(at("d/a"), "22");
    put(at("d/sub/x"), "3");
    put(at("d/sub/deep/y"), "3");
    put(at("d.txt"), "not below d");
    put(at("dd/z"), "neither");
    assert_string_equal(listed(at("d")), "d/a d/b d/sub/");
    assert_string_equal(listed(at("d/sub")), "d/sub/deep/ d/sub/x");
}

static void entries_are_complete(void **state)
{
    (void)state;
    put(at("d/f"), "12345");
    cove_listing *listing;
    const cove_info *info;
    OK(cove_fs_list(w.fs, at("d"), NULL, &listing, &err));
    assert_int_equal(OK(cove_listing_next(listing, &info, &err)), 1);
    assert_string_equal(cove_info_path(info), at("d/f"));
    assert_string_equal(cove_info_name(info), "f");
    assert_int_equal(cove_info_size(info), 5);
    assert_int_equal(cove_info_type(info), COVE_INFO_FILE);
    assert_true(cove_info_mtime_ns(info) > 0);
    char *etag = etag_of(at("d/f"));
    if (cove_info_etag(info))
        assert_string_equal(cove_info_etag(info), etag);
    free(etag);
    assert_int_equal(OK(cove_listing_next(listing, &info, &err)), 0);
    assert_int_equal(OK(cove_listing_next(listing, &info, &err)), 0); /* the end stays the end */
    cove_listing_free(listing);
    cove_listing_free(NULL);
}

static void a_file_lists_itself(void **state)
{
    (void)state;
    cove_listing *listing = NULL;
    const cove_info *info = NULL;
    put(at("f"), "x");
    assert_string_equal(listed(at("f")), "f");
    OK(cove_fs_list(w.fs, at("f"), NULL, &listing, &err));
    assert_int_equal(OK(cove_listing_next(listing, &info, &err)), 1);
    assert_int_equal(err.code, 0); /* failed attempts on the way are not reported as errors */
    assert_string_equal(err.message, "");
    cove_listing_free(listing);
}

static void list_of_nothing(void **state)
{
    (void)state;
    cove_listing *listing = NULL;
    put(at("nothing.txt"), "x");
    err_reset();
    int rc = cove_fs_list(w.fs, at("nothing"), NULL, &listing, &err);
    if (rc == 0) { /* it comes from the first step */
        const cove_info *info;
        FAILS(COVE_ENOTFOUND, cove_listing_next(listing, &info, &err));
        cove_listing_free(listing);
    } else {
        assert_int_equal(rc, COVE_ENOTFOUND);
        assert_null(listing);
    }
}

static void list_of_the_store_itself(void **state)
{
    (void)state;
    put(at("f"), "x");
    /* The root of the run is a directory too. */
    cove_listing *listing;
    OK(cove_fs_list(w.fs, w.run, NULL, &listing, &err));
    assert_true(count(listing) >= 1);
}

static void find_gives_files_at_any_depth(void **state)
{
    (void)state;
    put(at("d/a"), "1");
    put(at("d/sub/x"), "3");
    put(at("d/sub/deep/y"), "3");
    put(at("d.txt"), "not below d");
    OK(cove_fs_mkdir(w.fs, at("d/empty"), NULL, &err));
    /* Where directories are walked one by one, a directory's own files come before those below its directories. */
    assert_string_equal(found(at("d")),
                        w.can->real_directories ? "d/a d/sub/x d/sub/deep/y" : "d/a d/sub/deep/y d/sub/x");
    assert_string_equal(found(at("d/empty")), "");
    assert_string_equal(found(at("nothing")), "");
}

static const char *walked(const char *path)
{
    cove_listing *listing;
    OK(cove_fs_walk(w.fs, path, NULL, &listing, &err));
    return names(listing);
}

static bool keeps_directories(void)
{
    return w.can->real_directories || w.can->folders;
}

/* Whether a walk lists one directory after the other, and its names are seen in that order. */
static bool by_directory(void)
{
    return keeps_directories() && !w.unordered;
}

static void walk_gives_directories_too(void **state)
{
    (void)state;
    put(at("d/a"), "1");
    put(at("d/sub/x"), "3");
    put(at("d/sub/deep/y"), "3");
    put(at("d.txt"), "not below d");
    /* Real directories are listed one by one: a directory's own files come before those in its subdirectories. */
    assert_string_equal(walked(at("d")), by_directory() ? "d/a d/sub/ d/sub/deep/ d/sub/x d/sub/deep/y"
                                                        : "d/a d/sub/ d/sub/deep/ d/sub/deep/y d/sub/x");
    assert_string_equal(walked(at("d.txt")), "d.txt");
    assert_string_equal(walked(at("nothing")), "");
}

static void walk_sees_empty_directories(void **state)
{
    (void)state;
    put(at("d/a"), "1");
    OK(cove_fs_mkdir(w.fs, at("d/empty/below"), NULL, &err));
    assert_string_equal(walked(at("d")), "d/a d/empty/ d/empty/below/");
    assert_string_equal(walked(at("d/empty")), "d/empty/below/");
    assert_string_equal(walked(at("d/empty/below")), "");
}

/* A made directory is in every listing until it is removed, also on a store without real directories. */
static void made_directories_are_listed(void **state)
{
    (void)state;
    put(at("d/b/f"), "1");
    put(at("d/z"), "1");
    OK(cove_fs_mkdir(w.fs, at("d/a/x/y"), NULL, &err));
    OK(cove_fs_mkdir(w.fs, at("d/b/x"), NULL, &err)); /* beside a file */
    assert_string_equal(listed(at("%s", "")), "d/");
    assert_string_equal(listed(at("d")), "d/a/ d/b/ d/z");
    assert_string_equal(listed(at("d/a")), "d/a/x/");
    assert_string_equal(listed(at("d/b")), "d/b/f d/b/x/");
    assert_string_equal(walked(at("d")), by_directory() ? "d/a/ d/b/ d/z d/a/x/ d/a/x/y/ d/b/f d/b/x/"
                                                        : "d/a/ d/a/x/ d/a/x/y/ d/b/ d/b/f d/b/x/ d/z");
    assert_string_equal(found(at("d")), w.can->real_directories ? "d/z d/b/f" : "d/b/f d/z");
    static const char *const rows[][2] = {
        { "d/*", "d/a/ d/b/ d/z" }, { "d/*/x", "d/a/x/ d/b/x/" },  { "d/a/**", "d/a/x/ d/a/x/y/" },
        { "**/y", "d/a/x/y/" },     { "d/**/x", "d/a/x/ d/b/x/" }, { "d/a/x/y", "d/a/x/y/" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(globbed(rows[i][0]), rows[i][1]);

    FAILS(COVE_ENOTEMPTY, cove_fs_remove(w.fs, at("d/a/x"), NULL, &err));
    OK(cove_fs_remove(w.fs, at("d/a/x/y"), NULL, &err));
    assert_string_equal(listed(at("d/a")), "d/a/x/");
    OK(cove_fs_remove(w.fs, at("d/a/x"), NULL, &err));
    if (w.can->copies) {
        OK(cove_fs_move(w.fs, at("d/b"), at("d/c"), NULL, &err));
    } else {
        OK(cove_fs_remove_tree(w.fs, at("d/b"), NULL, &err));
        OK(cove_fs_mkdir(w.fs, at("d/c/x"), NULL, &err));
        put(at("d/c/f"), "x");
    }
    assert_string_equal(walked(at("d")), by_directory() ? "d/a/ d/c/ d/z d/c/f d/c/x/" : "d/a/ d/c/ d/c/f d/c/x/ d/z");
    OK(cove_fs_remove_tree(w.fs, at("d"), NULL, &err));
    assert_string_equal(walked(at("d")), "");
    gone(at("d"));
}

/* On a store without real directories, a made directory that has had files goes with the last of them. */
static void a_directory_ends_with_its_last_file(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) { /* with a listing of its file, and without */
        const char *directory = at("d%zu/e", i);
        OK(cove_fs_mkdir(w.fs, directory, NULL, &err));
        assert_string_equal(listed(directory), "");
        put(at("d%zu/e/f", i), "1");
        if (i == 0)
            listed(at("d0"));
        OK(cove_fs_remove(w.fs, at("d%zu/e/f", i), NULL, &err));
        bool stays = keeps_directories();
        assert_int_equal(OK(cove_fs_exists(w.fs, directory, NULL, &err)), stays);
        assert_string_equal(walked(at("d%zu", i)), !stays ? "" : i == 0 ? "d0/e/" : "d1/e/");
        OK(cove_fs_mkdir(w.fs, directory, NULL, &err)); /* and is made again */
        assert_string_equal(walked(at("d%zu", i)), i == 0 ? "d0/e/" : "d1/e/");
    }
}

/* A file beside a directory of its name, where the store can hold both. */
static void a_name_that_is_both(void **state)
{
    (void)state;
    put(at("d/a"), "1");
    if (cove_fs_write_file(w.fs, at("d/a/b"), "2", 1, NULL, NULL) < 0)
        return; /* metadata.c asserts who may refuse it */
    if (OK(cove_fs_is_directory(w.fs, at("d/a"), NULL, &err)) == 0)
        return; /* MinIO accepts the object but does not list it */
    assert_string_equal(listed(at("d")), "d/a d/a/");
    assert_string_equal(found(at("d")), "d/a d/a/b");
    assert_string_equal(walked(at("d")), "d/a d/a/ d/a/b");
    assert_string_equal(globbed("d/**"), "d/a d/a/ d/a/b");
    NEEDS(copies);
    OK(cove_fs_move(w.fs, at("d"), at("e"), NULL, &err));
    has(at("e/a"), "1");
    has(at("e/a/b"), "2");
    assert_string_equal(found(at("d")), "");
}

static void globs(void **state)
{
    (void)state;
    static const char *const files[] = { "a.txt", "b.txt", "c.csv", "sub/a.txt", "sub/deep/a.txt", "sub/deep/z",
                                         "x1",    "x2",    "x10",   "[odd]",     ".hidden" };
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        put(at("%s", files[i]), "x");
    static const struct {
        const char *pattern, *want;
    } rows[] = {
        { "*.txt", "a.txt b.txt" },
        { "?.txt", "a.txt b.txt" },
        { "[ab].txt", "a.txt b.txt" },
        { "[!a].txt", "b.txt" },
        { "[a-c].*", "a.txt b.txt c.csv" },
        { "{a,c}.*", "a.txt c.csv" },
        { "x?", "x1 x2" },
        { "x*", "x1 x10 x2" },
        { "*/a.txt", "sub/a.txt" },
        { "**/a.txt", "a.txt sub/a.txt sub/deep/a.txt" },
        { "sub/**/z", "sub/deep/z" },
        { "sub/*", "sub/a.txt sub/deep/" },
        { "s*/d*/z", "sub/deep/z" },
        { "[[]odd]", "[odd]" },
        { "nothing*", "" },
        { "no/such/directory/*", "" },
        { "a.txt", "a.txt" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *got = globbed(rows[i].pattern);
        if (strcmp(got, rows[i].want) != 0)
            fail_msg("%s matches \"%s\", not \"%s\"", rows[i].pattern, got, rows[i].want);
    }
}

static const char *many_below;

static const char *put_many(size_t number)
{
    for (size_t i = number; i < MANY; i += 16) {
        char path[4096];
        snprintf(path, sizeof(path), "%s/f%05zu", many_below, i);
        if (cove_fs_write_file(w.fs, path, "x", 1, NULL, NULL) < 0)
            return "a file could not be written";
    }
    return NULL;
}

/* Each file once and each directory once, whatever their order. */
static void has_all_of_many(cove_listing *listing, const char *const *made, size_t n_made)
{
    bool seen[MANY] = { false }, seen_made[3] = { false };
    const cove_info *info;
    size_t n = 0;
    for (; OK(cove_listing_next(listing, &info, &err)) == 1; n++) {
        const char *name = cove_info_name(info);
        bool *at_it = NULL;
        if (cove_info_type(info) == COVE_INFO_FILE) {
            assert_in_range(strtoul(name + 1, NULL, 10), 0, MANY - 1);
            at_it = &seen[strtoul(name + 1, NULL, 10)];
        }
        for (size_t i = 0; i < n_made && !at_it; i++)
            at_it = strcmp(name, made[i]) == 0 ? &seen_made[i] : NULL;
        assert_non_null(at_it);
        assert_false(*at_it);
        *at_it = true;
    }
    assert_int_equal(n, MANY + n_made);
    cove_listing_free(listing);
}

static void more_than_a_page(void **state)
{
    (void)state;
    many_below = at("many");
    OK(cove_fs_mkdir(w.fs, many_below, NULL, &err));
    in_threads(16, put_many);
    for (int deep = 0; deep < 2; deep++) {
        cove_listing *listing;
        OK((deep ? cove_fs_find : cove_fs_list)(w.fs, many_below, NULL, &listing, &err));
        if (w.unordered) {
            has_all_of_many(listing, NULL, 0);
            continue;
        }
        const cove_info *info;
        for (size_t i = 0; i < MANY; i++) {
            char want[16];
            snprintf(want, sizeof(want), "f%05zu", i);
            assert_int_equal(OK(cove_listing_next(listing, &info, &err)), 1);
            assert_string_equal(cove_info_name(info), want);
        }
        assert_int_equal(OK(cove_listing_next(listing, &info, &err)), 0);
        cove_listing_free(listing);
    }
    cove_listing *listing;
    OK(cove_fs_glob(w.fs, at("many/f*9"), NULL, &listing, &err));
    assert_int_equal(count(listing), MANY / 10);
    /* Directories that were only made stand in their places, whatever page that is. */
    static const char *const made[] = { "a", "f00500a", "z" };
    for (size_t i = 0; i < 3; i++)
        OK(cove_fs_mkdir(w.fs, at("many/%s", made[i]), NULL, &err));
    OK(cove_fs_list(w.fs, many_below, NULL, &listing, &err));
    for (size_t i = 0, dirs = 0; !w.unordered && i < MANY + 3; i++) {
        char want[16];
        const cove_info *entry;
        bool dir = i == 0 || i == 502 || i == MANY + 2;
        snprintf(want, sizeof(want), "f%05zu", i - dirs);
        assert_int_equal(OK(cove_listing_next(listing, &entry, &err)), 1);
        assert_string_equal(cove_info_name(entry), dir ? made[dirs] : want);
        dirs += dir;
    }
    if (w.unordered)
        has_all_of_many(listing, made, 3);
    else
        cove_listing_free(listing);
    /* One that is given up in the middle. */
    const cove_info *info;
    OK(cove_fs_find(w.fs, many_below, NULL, &listing, &err));
    assert_int_equal(OK(cove_listing_next(listing, &info, &err)), 1);
    cove_listing_free(listing);
    /* And so many are removed. */
    OK(cove_fs_remove_tree(w.fs, many_below, NULL, &err));
    assert_string_equal(found(many_below), "");
}

/* Files and directories share one order, across whatever pages a store makes. */
static void files_and_directories_in_one_order(void **state)
{
    (void)state;
    put(at("d/a"), "x");
    put(at("d/b/x"), "x");
    put(at("d/c"), "x");
    put(at("d/b-file"), "x");
    put(at("d/d/x"), "x");
    const char *got = listed(at("d"));
    /* "b-file" < "b/" in bytes of names with their slash, "b" < "b-file" without: a listing may do either, but each
     * entry comes once. */
    assert_true(strcmp(got, "d/a d/b/ d/b-file d/c d/d/") == 0 || strcmp(got, "d/a d/b-file d/b/ d/c d/d/") == 0);
}

const struct CMUnitTest listing_tests[] = {
    cmocka_unit_test(list_shows_what_is_right_below),
    cmocka_unit_test(entries_are_complete),
    cmocka_unit_test(a_file_lists_itself),
    cmocka_unit_test(list_of_nothing),
    cmocka_unit_test(list_of_the_store_itself),
    cmocka_unit_test(find_gives_files_at_any_depth),
    cmocka_unit_test(walk_gives_directories_too),
    cmocka_unit_test(walk_sees_empty_directories),
    cmocka_unit_test(made_directories_are_listed),
    cmocka_unit_test(a_directory_ends_with_its_last_file),
    cmocka_unit_test(a_name_that_is_both),
    cmocka_unit_test(globs),
    cmocka_unit_test(more_than_a_page),
    cmocka_unit_test(files_and_directories_in_one_order),
    { 0 },
};
