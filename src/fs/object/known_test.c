/* What the process remembers of a store: virtual directories, and buckets that are there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mem.h"
#include "fs/object/known.h"
#include "fs/object/object.h"
#include "fs/object/virtual.h"

static bool is_virtual(struct cove__object_store *store, const char *path)
{
    return cove__virtual_exists(store, path, COVE__VIRTUAL_NOW);
}

static void forget_all(struct cove__object_store *store)
{
    cove__virtual_forget_tree(store, "b");
    assert_int_equal(store->known->n_directories, 0);
    assert_int_equal(store->known->directories_size, 0);
    cove__free(store->known->directories);
    *store->known = (struct cove__object_known){ 0 };
}

/* The virtual directories below a path, joined by a space; lives until the next call. */
static const char *below(struct cove__object_store *store, const char *path, bool deep, uint64_t at)
{
    static char text[256];
    struct cove__page page = { 0 };

    assert_int_equal(cove__virtual_list(store, path, deep, at, NULL, NULL, &page), 0);
    text[0] = '\0';
    for (size_t i = 0; i < page.n; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i > 0 ? " " : "", page.items[i].path);
    cove__page_done(&page);
    return text;
}

static void test_directories(void **state)
{
    static struct cove__object_known known;
    static struct cove__object_store store = { .known = &known };
    struct cove__page page = { 0 };

    assert_int_equal(cove__virtual_make(&store, "b/x/y/z"), 0);
    assert_int_equal(cove__virtual_make(&store, "b/x/y"), 0); /* again */
    assert_int_equal(cove__virtual_make(&store, "b/xx"), 0);
    assert_int_equal(cove__virtual_make(&store, "b/x-1"), 0);
    static const char *const there[] = { "b/x", "b/x/y", "b/x/y/z", "b/xx", "b/x-1" }, *const not_there[] = {
        "b/x/", "b/x/z", "", "b/x/y/z/0"
    };
    for (size_t i = 0; i < sizeof there / sizeof there[0]; i++)
        assert_true(is_virtual(&store, there[i]));
    for (size_t i = 0; i < sizeof not_there / sizeof not_there[0]; i++)
        assert_false(is_virtual(&store, not_there[i]));
    assert_true(cove__virtual_has_children(&store, "b/x/y") && !cove__virtual_has_children(&store, "b/x/y/z"));

    assert_string_equal(below(&store, "b", false, COVE__VIRTUAL_NOW), "b/x b/x-1 b/x b/xx");
    assert_string_equal(below(&store, "b", true, COVE__VIRTUAL_NOW), "b/x b/x-1 b/x/y b/x/y/z b/xx");
    assert_string_equal(below(&store, "b/x", false, COVE__VIRTUAL_NOW), "b/x/y");
    assert_int_equal(cove__virtual_list(&store, "b", false, COVE__VIRTUAL_NOW, "b/x-2", "b/x/", &page), 0);
    assert_int_equal(page.n, 2); /* between the two keys: b/x, since the key of b/x-1 ends in a slash, too */
    cove__page_done(&page);

    cove__virtual_forget_tree(&store, "b/x");
    assert_false(is_virtual(&store, "b/x") || is_virtual(&store, "b/x/y/z"));
    assert_true(is_virtual(&store, "b/xx") && is_virtual(&store, "b/x-1"));
    forget_all(&store);
}

/* A file found below a directory ends it, for requests that begin after that. */
static void test_filled_directories(void **state)
{
    static struct cove__object_known known;
    static struct cove__object_store store = { .known = &known };

    assert_int_equal(cove__virtual_make(&store, "b/x/y"), 0);
    uint64_t before = cove__virtual_time(&store);
    cove__virtual_end(&store, "b/x/y/f", strlen("b/x/y/f"));
    uint64_t after = cove__virtual_time(&store);
    for (int i = 0; i < 2; i++) {
        assert_true(cove__virtual_exists(&store, "b/x/y", before) && cove__virtual_exists(&store, "b/x", before));
        assert_false(cove__virtual_exists(&store, "b/x/y", after) || cove__virtual_exists(&store, "b/x", after));
        assert_string_equal(below(&store, "b", true, before), "b/x b/x/y");
        assert_string_equal(below(&store, "b", true, after), "");
        assert_int_equal(cove__virtual_make(&store, "b/x/y"),
                         0); /* again: a request that began before sees the old state */
    }
    assert_true(cove__virtual_existed(&store, "b/x/y") && is_virtual(&store, "b/x/y"));
    cove__virtual_end(&store, "b/x/y/", strlen("b/x/y/"));
    assert_false(is_virtual(&store, "b/x/y"));
    /* A directory exists while one below it does. */
    assert_int_equal(cove__virtual_make(&store, "b/x/z"), 0);
    cove__virtual_end(&store, "b/x/f", strlen("b/x/f"));
    assert_true(is_virtual(&store, "b/x"));
    assert_string_equal(below(&store, "b", false, COVE__VIRTUAL_NOW), "b/x");
    forget_all(&store);
}

/* A file written under the directory's name: it is forgotten, and a new mkdir asks the store. */
static void test_a_file_in_its_place(void **state)
{
    static struct cove__object_known known;
    static struct cove__object_store store = { .known = &known };

    assert_int_equal(cove__virtual_make(&store, "b/d"), 0);
    assert_int_equal(cove__virtual_make(&store, "b/e/f"), 0);
    cove__virtual_forget(&store, "b/d", strlen("b/d"));
    cove__virtual_forget(&store, "b/e", strlen("b/e"));
    cove__virtual_forget(&store, "b/g", strlen("b/g"));
    assert_false(is_virtual(&store, "b/d") || cove__virtual_existed(&store, "b/d") ||
                 cove__virtual_existed(&store, "b/e"));
    assert_true(is_virtual(&store, "b/e")); /* by what is below it */
    assert_string_equal(below(&store, "b", true, COVE__VIRTUAL_NOW), "b/e/f");
    forget_all(&store);
}

/* A full table forgets the oldest directories, but no parent before its children. */
static void test_many_directories(void **state)
{
    static struct cove__object_known known;
    static struct cove__object_store store = { .known = &known };
    char path[64];

    for (size_t i = 0; i < COVE__VIRTUAL_DIRECTORIES_MAX + 10; i++) {
        snprintf(path, sizeof path, "b/top/%zu", i);
        assert_int_equal(cove__virtual_make(&store, path), 0);
    }
    assert_true(known.n_directories < COVE__VIRTUAL_DIRECTORIES_MAX);
    assert_true(is_virtual(&store, path) && cove__virtual_existed(&store, "b/top") && !is_virtual(&store, "b/top/0"));
    forget_all(&store);
}

/* Deep directories: their parents' paths are most of the memory, which has its own limit. */
static void test_deep_directories(void **state)
{
    static struct cove__object_known known;
    static struct cove__object_store store = { .known = &known };
    char path[1024], oldest[8] = "b/0000";
    size_t size = 0, n = 0;

    for (int i = 0; i < 100; i++) {
        n = (size_t)snprintf(path, sizeof path, "b/%04d", i);
        while (n + 2 < sizeof path)
            n += (size_t)snprintf(path + n, sizeof path - n, "/d");
        assert_int_equal(cove__virtual_make(&store, path), 0);
    }
    for (size_t i = 0; i < known.n_directories; i++)
        size += strlen(known.directories[i].path) + 1;
    assert_int_equal(size, known.directories_size);
    assert_in_range(size, COVE__VIRTUAL_PATHS_MAX / 4, COVE__VIRTUAL_PATHS_MAX);
    assert_false(is_virtual(&store, oldest));
    for (; n > strlen("b/0000"); n -= 2) { /* the latest path is whole */
        path[n] = '\0';
        assert_true(cove__virtual_existed(&store, path));
    }
    forget_all(&store);
}

static void test_buckets(void **state)
{
    static struct cove__object_known known;
    static struct cove__object_store store = { .known = &known };
    char name[16];

    for (int i = 0; i <= COVE__OBJECT_BUCKETS_MAX; i++) {
        snprintf(name, sizeof name, "b%d", i);
        assert_false(cove__object_bucket_is_known(&store, cove__slice_str(name)));
        for (int k = 0; k < 2; k++)
            cove__object_remember_bucket(&store, cove__slice_str(name));
        assert_true(cove__object_bucket_is_known(&store, cove__slice_str(name)));
    }
    assert_false(cove__object_bucket_is_known(&store, cove__slice_str("b0"))); /* the last one took its place */
    for (int i = 1; i <= COVE__OBJECT_BUCKETS_MAX; i++) {
        snprintf(name, sizeof name, "b%d", i);
        cove__object_forget_bucket(&store, cove__slice_str(name));
        assert_false(cove__object_bucket_is_known(&store, cove__slice_str(name)));
    }
    assert_int_equal(known.n_buckets, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_directories),         cmocka_unit_test(test_filled_directories),
        cmocka_unit_test(test_a_file_in_its_place), cmocka_unit_test(test_many_directories),
        cmocka_unit_test(test_deep_directories),    cmocka_unit_test(test_buckets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
