/* Paths of hdfs:// URLs, and the store that each names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "fs/hdfs/hdfs.h"

static void assert_path(const char *url, const char *expected)
{
    struct cove_error err = COVE_ERROR_INIT;
    char *path = NULL;
    int rc = cove__hdfs_parse(url, &path, &err);

    assert_string_equal(rc < 0 ? err.message : path, expected);
    cove__free(path);
}

static void assert_refused(const char *url, const char *part)
{
    struct cove_error err = COVE_ERROR_INIT;
    char *path = NULL;

    assert_int_equal(cove__hdfs_parse(url, &path, &err), COVE_EINVAL);
    assert_non_null(strstr(err.message, part));
}

static void test_paths(void **state)
{
    (void)state;
    assert_path("hdfs://nn1", "/");
    assert_path("hdfs://nn1/", "/");
    assert_path("hdfs:///a", "/a");
    assert_path("HDFS://nn1:9000//a///b/", "/a/b");
    assert_path("a/b", "/a/b");
    assert_path("", "/");
    assert_path("hdfs://nn1/ä %25?#*", "/ä %25?#*"); /* nothing is escaped */
    assert_path("hdfs://nn1/.snapshot/..x/...", "/.snapshot/..x/...");
    assert_refused("hdfs://nn1/a/./b", "HDFS has no \".\" in a path");
    assert_refused("hdfs://nn1/a/..", "HDFS has no \"..\" in a path");
    assert_refused("hdfs://nn1/a:b", "HDFS allows no ':' in a name");
    assert_refused("hdfs://nn1/\xff", "UTF-8");
}

/* A path of 16 KiB is read, one byte more is refused. */
static void test_long_paths(void **state)
{
    static char url[(16 << 10) + 32];
    struct cove_error err = COVE_ERROR_INIT;
    char *path = NULL;

    (void)state;
    memset(url, 'x', sizeof url);
    memcpy(url, "hdfs://n/", 9);
    url[8 + (16 << 10)] = '\0';
    assert_int_equal(cove__hdfs_parse(url, &path, &err), 0);
    assert_int_equal(strlen(path), 16 << 10);
    cove__free(path);
    url[8 + (16 << 10)] = 'x';
    url[9 + (16 << 10)] = '\0';
    assert_refused(url, "longer than 16384 bytes");
}

static const char *store_of(const char *url)
{
    static char text[COVE_ERROR_MESSAGE_MAX];
    struct cove_error err = COVE_ERROR_INIT;
    char *authority = NULL;
    int rc = cove__hdfs_authority.of_url(url, &authority, &err);

    snprintf(text, sizeof text, "%s", rc < 0 ? err.message : authority);
    cove__free(authority);
    return text;
}

static void test_stores(void **state)
{
    (void)state;
    assert_string_equal(store_of("hdfs://NN1/x"), "nn1");
    assert_string_equal(store_of("hdfs://NN1:8020/x"), "nn1");
    assert_string_equal(store_of("hdfs://nn1:9000"), "nn1:9000");
    assert_string_equal(store_of("hdfs://[::1]:9000/x"), "[::1]:9000");
    assert_string_equal(store_of("hdfs://Alice@nn1/x"), "Alice@nn1");
    assert_string_equal(store_of("hdfs:///x"), "");
    assert_string_equal(store_of("/x"), "");
    assert_non_null(strstr(store_of("hdfs://[::1/x"), "the address lacks its ]"));
    assert_non_null(strstr(store_of("hdfs://:9000/x"), "no host"));
    assert_non_null(strstr(store_of("hdfs://nn1:/x"), "hdfs://host:port/path"));
    assert_non_null(strstr(store_of("hdfs://nn1:65536/x"), "hdfs://host:port/path"));
    assert_non_null(strstr(store_of("hdfs://nn1:80x/x"), "hdfs://host:port/path"));
    assert_null(strstr(store_of("hdfs://a:secret@nn1/x"), "secret"));
}

static void test_no_memory(void **state)
{
    struct cove_error err = COVE_ERROR_INIT;
    char *path = NULL;

    (void)state;
    cove__mem_fail(1, 0);
    assert_int_equal(cove__hdfs_parse("hdfs://nn1/a", &path, &err), COVE_ENOMEM);
    cove__mem_fail(1, 0);
    assert_int_equal(cove__hdfs_authority.of_url("hdfs://nn1/a", &path, &err), COVE_ENOMEM);
    cove__mem_fail(2, 0);
    assert_int_equal(cove__hdfs_authority.of_url("hdfs://nn1/a", &path, &err), COVE_ENOMEM);
    cove__mem_fail(0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_paths), cmocka_unit_test(test_long_paths),
                                        cmocka_unit_test(test_stores), cmocka_unit_test(test_no_memory) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
