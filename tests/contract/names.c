/* Names: paths are bytes, and every name that a store takes comes back as it went in. */
#include "contract.h"

static const char *const ordinary[] = {
    "plain",
    "with space",
    "plus+plus",
    "percent%20percent",
    "hash#tag",
    "question?mark=1&two=2",
    "\xc3\xa4\xc3\xb6 \xe2\x98\x83 \xe6\x97\xa5\xe6\x9c\xac",
    "quote'\"`quote",
    "back\\slash",
    "colon:semi;comma,",
    "~!$^(){}[]|<>",
    "star*",
    "%2F",
    "%",
    ".hidden",
    "dots..dots",
    "a=b",
    "@at",
    "trailing ",
    " leading",
    "-dash",
    "epoch=4-step=500.ckpt",
    "a.b.c",
    "UPPER and lower",
    "&amp;",
    "]]>",
    "\xf0\x9f\xa6\x95",
};

/* Where a store takes any bytes, these too. */
static const char *const wild[] = { "tab\there", "line\nbreak", "\x01\x1f", "not utf-8 \xff\xfe", "\x7f" };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool takes(const char *name)
{
    return !(w.can->no_backslash && strchr(name, '\\')) && !(w.can->no_colon && strchr(name, ':'));
}

static void round_trip(const char *name)
{
    const char *path = at("%s", name), *copy = at("copy of %s", name);
    put(path, name);
    has(path, name);
    cove_info *info;
    OK(cove_fs_stat(w.fs, path, NULL, &info, &err));
    assert_string_equal(cove_info_path(info), path);
    assert_string_equal(cove_info_name(info), name);
    assert_int_equal(cove_info_size(info), strlen(name));
    cove_info_free(info);
    assert_string_equal(listed(at("%s", "")), name);
    if (w.can->copies) {
        OK(cove_fs_copy(w.fs, path, copy, NULL, &err));
        has(copy, name);
        OK(cove_fs_remove(w.fs, copy, NULL, &err));
    }
    OK(cove_fs_remove(w.fs, path, NULL, &err));
    gone(path);
}

static void names_come_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(ordinary); i++) {
        if (!takes(ordinary[i]))
            FAILS(COVE_EINVAL, cove_fs_write_file(w.fs, at("%s", ordinary[i]), "x", 1, NULL, &err));
        else
            round_trip(ordinary[i]);
    }
}

static void wild_names_come_back_or_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(wild); i++) {
        if (w.can->any_bytes) {
            round_trip(wild[i]);
            continue;
        }
        /* A store of UTF-8 names: it accepts the name whole, or refuses it; it never makes another name of it. */
        const char *path = at("%s", wild[i]);
        err_reset();
        int rc = cove_fs_write_file(w.fs, path, "x", 1, NULL, &err);
        if (rc < 0)
            assert_true(rc == COVE_EINVAL || rc == COVE_ENOTSUP);
        else
            round_trip(wild[i]);
    }
}

static void names_as_directories(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(ordinary); i++) {
        if (!takes(ordinary[i]))
            continue;
        const char *path = at("%s/in/%s", ordinary[i], ordinary[i]);
        OK(cove_fs_mkdir(w.fs, at("%s/in", ordinary[i]), NULL, &err));
        put(path, ordinary[i]);
        has(path, ordinary[i]);
        char want[200];
        snprintf(want, sizeof(want), "%s/in/%s", ordinary[i], ordinary[i]);
        assert_string_equal(listed(at("%s/in", ordinary[i])), want);
        cove_listing *listing;
        OK(cove_fs_find(w.fs, at("%s", ordinary[i]), NULL, &listing, &err));
        assert_string_equal(names(listing), want);
        OK(cove_fs_remove_tree(w.fs, at("%s", ordinary[i]), NULL, &err));
        gone(path);
    }
}

/* A URL with the path as it is, unescaped, leads to the same file as the path. */
static void urls_are_not_decoded(void **state)
{
    (void)state;
    static const char *const twins[] = { "a b", "a%20b", "a+b", "a%2520b" };
    for (size_t i = 0; i < COUNT(twins); i++)
        put(at("%s", twins[i]), twins[i]);
    for (size_t i = 0; i < COUNT(twins); i++) {
        has(at("%s", twins[i]), twins[i]);
        void *data;
        size_t size;
        OK(cove_read_url(url_of(at("%s", twins[i])), &data, &size, &err));
        assert_int_equal(size, strlen(twins[i]));
        assert_memory_equal(data, twins[i], size);
        cove_free(data);
    }
}

/* A whole URL stands wherever a path may. */
static void whole_urls_as_paths(void **state)
{
    (void)state;
    const char *url = url_of(at("by url #1?x"));
    OK(cove_fs_write_file(w.fs, url, "u", 1, NULL, &err));
    has(at("by url #1?x"), "u");
    has(url, "u");
    cove_fs *fs;
    char *path;
    OK(cove_fs_from_url(url, NULL, &fs, &path, &err));
    assert_ptr_equal(fs, w.fs);
    assert_string_equal(path, at("by url #1?x"));
    cove_free(path);
    cove_fs_unref(fs);
}

static void double_slashes(void **state)
{
    (void)state;
    put(at("a/b"), "one");
    err_reset();
    int rc = cove_fs_write_file(w.fs, at("a//b"), "two", 3, NULL, &err);
    if (!w.can->slashes_are_kept) {
        assert_int_equal(rc, 0);
        has(at("a/b"), "two");
        return;
    }
    /* Another object, or a refusal: never the same one. */
    has(at("a/b"), "one");
    if (rc < 0)
        assert_int_equal(rc, COVE_EINVAL);
    else
        has(at("a//b"), "two");
}

static void trailing_slashes_name_the_directory(void **state)
{
    (void)state;
    put(at("d/f"), "x");
    cove_info *info;
    OK(cove_fs_stat(w.fs, at("d/"), NULL, &info, &err));
    assert_int_equal(cove_info_type(info), COVE_INFO_DIRECTORY);
    assert_string_equal(cove_info_name(info), "d");
    cove_info_free(info);
    assert_string_equal(listed(at("d/")), "d/f");
}

static void long_names(void **state)
{
    (void)state;
    char name[1000];
    memset(name, 'n', sizeof(name));
    name[w.can->part_max] = '\0';
    round_trip(name);
    /* Many parts: 600 bytes in all. */
    char deep[700] = "";
    for (int i = 0; i < 60; i++)
        strcat(deep, i ? "/directory" : "directory");
    OK(cove_fs_mkdir(w.fs, at("%.*s", (int)(strlen(deep) - strlen("/directory")), deep), NULL, &err));
    put(at("%s", deep), "deep");
    has(at("%s", deep), "deep");
}

static void endless_names_are_refused(void **state)
{
    (void)state;
    char *name = malloc(70001);
    assert_non_null(name);
    memset(name, 'n', 70000);
    name[70000] = '\0';
    size_t size = strlen(at("%s", "")) + 70002;
    char *path = malloc(size);
    snprintf(path, size, "%s/%s", at("%s", ""), name);
    err_reset();
    int rc = cove_fs_write_file(w.fs, path, "x", 1, NULL, &err);
    if (strcmp(w.can->scheme, "memory") == 0 && rc == 0)
        has(path, "x");
    else
        assert_true(rc == COVE_EINVAL || rc == COVE_ELIMIT);
    free(path);
    free(name);
}

static void order_is_of_bytes(void **state)
{
    (void)state;
    static const char *const some[] = { "b", "a", "B", "a.b", "a-b", "ab", "\xc3\xa4", "_", "a b" };
    for (size_t i = 0; i < COUNT(some); i++)
        put(at("%s", some[i]), "x");
    assert_string_equal(listed(at("%s", "")), "B _ a a b a-b a.b ab b \xc3\xa4");
}

const struct CMUnitTest names_tests[] = {
    cmocka_unit_test(names_come_back),
    cmocka_unit_test(wild_names_come_back_or_are_refused),
    cmocka_unit_test(names_as_directories),
    cmocka_unit_test(urls_are_not_decoded),
    cmocka_unit_test(whole_urls_as_paths),
    cmocka_unit_test(double_slashes),
    cmocka_unit_test(trailing_slashes_name_the_directory),
    cmocka_unit_test(long_names),
    cmocka_unit_test(endless_names_are_refused),
    cmocka_unit_test(order_is_of_bytes),
    { 0 },
};
