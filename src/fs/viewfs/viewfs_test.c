/* The mount table of viewfs://: what is read, what is refused, and where paths are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "fs/viewfs/viewfs_mounts.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define T            "\"fs.viewfs.mounttable.Cluster."

/* The message of what is refused; "": the table was read. */
static const char *read_table(const char *settings, const char *cluster, struct viewfs_table *ret)
{
    static char text[2048];
    struct cove__hdfs_site site = { 0 };
    struct cove_error err = COVE_ERROR_INIT;
    int rc = cove__hdfs_site_read(&site, NULL, settings, &err);

    if (rc == 0)
        rc = cove__viewfs_table_read(&site, cluster, ret, &err);
    cove__hdfs_site_done(&site);
    snprintf(text, sizeof text, "%s", rc < 0 ? err.message : "");
    return text;
}

static const char *const usual = "{" T "link./user\":\"hdfs://nn1/user\"," T
                                 "link./data/a/b/\":\"hdfs://${nn}:9000/b\"," T "link./data/a-b\":\"s3a://bucket/x\"," T
                                 "homedir\":\"/user\",\"fs.viewfs.mounttable.other.link./x\":\"hdfs://nn3/\","
                                 "\"nn\":\"nn2\"}";

static void test_paths(void **state)
{
    static const struct {
        const char *path;
        enum viewfs_place place;
        const char *mount, *rest;
    } cases[] = {
        { "/", VIEWFS_INNER, NULL, NULL },
        { "/data", VIEWFS_INNER, NULL, NULL },
        { "/data/a", VIEWFS_INNER, NULL, NULL },
        { "/data/a/b", VIEWFS_MOUNTED, "/data/a/b", "" },
        { "/data/a/b/c/d", VIEWFS_MOUNTED, "/data/a/b", "c/d" },
        { "/data/a/bc", VIEWFS_NOWHERE, NULL, NULL },
        { "/data/a/c", VIEWFS_NOWHERE, NULL, NULL },
        { "/data/a-b/c", VIEWFS_MOUNTED, "/data/a-b", "c" },
        { "/user", VIEWFS_MOUNTED, "/user", "" },
        { "/users", VIEWFS_NOWHERE, NULL, NULL },
        { "/use", VIEWFS_NOWHERE, NULL, NULL },
        { "/x", VIEWFS_NOWHERE, NULL, NULL },
    };
    struct viewfs_table table = { 0 };

    (void)state;
    assert_string_equal(read_table(usual, "cluster", &table), "");
    assert_int_equal(table.n, 3);
    assert_string_equal(table.mounts[0].url, "s3a://bucket/x");
    assert_string_equal(table.mounts[1].url, "hdfs://nn2:9000/b");
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct viewfs_mount *mount = NULL;
        const char *rest = NULL;

        assert_int_equal(cove__viewfs_find(&table, cases[i].path, &mount, &rest), cases[i].place);
        if (cases[i].mount) {
            assert_string_equal(mount->path, cases[i].mount);
            assert_string_equal(rest, cases[i].rest);
        }
    }
    cove__viewfs_table_done(&table);
}

static void test_inner_directories(void **state)
{
    struct viewfs_table table = { 0 };
    struct cove__page page = { 0 };

    (void)state;
    assert_string_equal(read_table(usual, "CLUSTER", &table), "");
    assert_int_equal(cove__viewfs_children(&table, "/", &page), 0);
    assert_int_equal(page.n, 2);
    assert_string_equal(page.items[0].path, "/data");
    assert_string_equal(page.items[1].path, "/user");
    cove__page_done(&page);
    assert_int_equal(cove__viewfs_children(&table, "/data", &page), 0);
    assert_int_equal(page.n, 2);
    assert_string_equal(page.items[0].path, "/data/a");
    assert_string_equal(page.items[1].path, "/data/a-b");
    cove__page_done(&page);
    assert_true(cove__viewfs_has_child(&table, "/data", "a"));
    assert_false(cove__viewfs_has_child(&table, "/data", "b"));
    assert_false(cove__viewfs_has_child(&table, "/data", "a-"));
    cove__viewfs_table_done(&table);
}

static void test_a_fallback_and_a_merged_root(void **state)
{
    struct viewfs_table table = { 0 };
    const struct viewfs_mount *mount = NULL;
    const char *rest = NULL;

    (void)state;
    assert_string_equal(
        read_table("{" T "link./a/b\":\"hdfs://nn1/\"," T "linkFallback\":\"hdfs://nn2/f\"}", "cluster", &table), "");
    assert_int_equal(cove__viewfs_find(&table, "/a/c", &mount, &rest), VIEWFS_MOUNTED);
    assert_string_equal(mount->url, "hdfs://nn2/f");
    assert_string_equal(rest, "a/c");
    assert_int_equal(cove__viewfs_find(&table, "/a", &mount, &rest), VIEWFS_INNER);
    assert_int_equal(cove__viewfs_find(&table, "/a/b/c", &mount, &rest), VIEWFS_MOUNTED);
    assert_string_equal(rest, "c");
    cove__viewfs_table_done(&table);
    assert_string_equal(read_table("{" T "linkMergeSlash\":\"hdfs://nn1/\"}", "cluster", &table), "");
    assert_int_equal(cove__viewfs_find(&table, "/", &mount, &rest), VIEWFS_MOUNTED);
    assert_int_equal(cove__viewfs_find(&table, "/a/c", &mount, &rest), VIEWFS_MOUNTED);
    assert_string_equal(rest, "a/c");
    cove__viewfs_table_done(&table);
}

static void test_tables_that_are_refused(void **state)
{
    static const char *const cases[][2] = {
        { "{}", "no key begins with fs.viewfs.mounttable.cluster.link" },
        { "{" T "homedir\":\"/user\"}", "no key begins with" },
        { "{" T "linkNfly.minReplication=2./a\":\"hdfs://a/,hdfs://b/\"}", "linkNfly is not supported" },
        { "{" T "linkRegx./a\":\"hdfs://a/\"}", "linkRegx is not supported" },
        { "{" T "link./a\":\"viewfs://other/a\"}", "a viewfs:// is not supported as the target" },
        { "{" T "link./a\":\"/a\"}", "no URL of a filesystem" },
        { "{" T "link./a\":\"ofs://a/\"}", "no URL of a filesystem" },
        { "{" T "link./a\":\"hdfs://a/\"," T "link./a/b\":\"hdfs://b/\"}", "/a/b below the mount /a" },
        { "{" T "linkMergeSlash\":\"hdfs://a/\"," T "link./a/b\":\"hdfs://b/\"}", "/a/b below the mount /" },
        { "{" T "link./a/../b\":\"hdfs://a/\"}", "\"..\"" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct viewfs_table table = { 0 };

        const char *text = read_table(cases[i][0], "cluster", &table);

        if (!strstr(text, cases[i][1]))
            fail_msg("%s: \"%s\"", cases[i][0], text);
        assert_null(table.cluster);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_inner_directories),
        cmocka_unit_test(test_a_fallback_and_a_merged_root),
        cmocka_unit_test(test_tables_that_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
