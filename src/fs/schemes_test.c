/* Schemes in capitals are the same schemes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <cove/fs.h>

#include "config.h"
#include "fs/schemes.h"

static void test_table(void **state)
{
    size_t n;

    assert_string_equal(cove__scheme_of("File:///x", &n)->name, "file");
    assert_int_equal(n, 4);
    assert_string_equal(cove__scheme_of("S3A://b/k", &n)->name, "s3a");
    assert_string_equal(cove__scheme_named("MEMORY")->name, "memory");
    assert_null(cove__scheme_named("memoryx"));
    assert_null(cove__scheme_named("s"));
    assert_null(cove__scheme_of("S33://b/k", &n));
    assert_true(cove__scheme_lacks_slash("S3:/b/k"));
    assert_false(cove__scheme_lacks_slash("S3://b/k"));
    assert_string_equal(cove__scheme_skip("S3://b/k", "s3"), "b/k");
    assert_null(cove__scheme_skip("s3a://b/k", "s3"));
    assert_null(cove__scheme_skip("s3:/b/k", "s3"));
}

static void same(const char *a, const char *b)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_fs *fs_a, *fs_b;
    char *path_a, *path_b;

    assert_int_equal(cove_fs_from_url(a, NULL, &fs_a, &path_a, &err), 0);
    assert_int_equal(cove_fs_from_url(b, NULL, &fs_b, &path_b, &err), 0);
    assert_string_equal(path_a, path_b);
    assert_string_equal(cove_fs_scheme(fs_a), cove_fs_scheme(fs_b));
    assert_true(cove_fs_same_store(fs_a, fs_b));
    cove_free(path_a);
    cove_free(path_b);
    cove_fs_unref(fs_a);
    cove_fs_unref(fs_b);
}

static void test_paths(void **state)
{
    same("Memory://a/b", "memory://a/b");
    same("FILE:///tmp/x", "/tmp/x");
    same("File://localhost/tmp/x", "file:///tmp/x");
#if COVE__HAVE_S3
    setenv("AWS_CONFIG_FILE", "/nowhere", 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere", 1);
    same("S3://b/k", "s3://b/k");
    same("S3a://b/k", "s3a://b/k");
#endif
}

/* A new filesystem is never another call's, and is freed whether or not there is a shared one. */
static void test_new_and_shared(void **state)
{
    cove_fs *new_before, *shared, *again, *new_after;
    char *path;

    assert_int_equal(cove_fs_new_from_url("memory://new", NULL, &new_before, NULL, NULL), 0);
    assert_int_equal(cove_fs_from_url("memory://new", NULL, &shared, NULL, NULL), 0);
    assert_int_equal(cove_fs_from_url("memory://new", NULL, &again, NULL, NULL), 0);
    assert_int_equal(cove_fs_new_from_url("memory://new/x", NULL, &new_after, &path, NULL), 0);
    assert_string_equal(path, "new/x");
    assert_ptr_equal(shared, again);
    assert_ptr_not_equal(new_before, shared);
    assert_ptr_not_equal(new_after, shared);
    assert_ptr_not_equal(new_after, new_before);
    assert_true(cove_fs_same_store(new_before, new_after));
    cove_free(path);
    cove_fs_unref(new_before);
    cove_fs_unref(shared);
    cove_fs_unref(new_after);
    cove_fs_unref(again);
}

/* A host is another machine, not a folder of the working directory. */
static void test_hosts(void **state)
{
    static const char *const urls[] = { "file://elsewhere/x", "file://x", "file://localhost", "file://localhosts/x" };
    struct cove_error err = COVE_ERROR_INIT;
    cove_fs *fs = NULL;
    char *path = NULL;

    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        assert_int_equal(cove_fs_from_url(urls[i], NULL, &fs, &path, &err), COVE_EINVAL);
        assert_non_null(strstr(err.message, urls[i]));
        assert_int_equal(cove_fs_from_url(urls[i], NULL, &fs, NULL, &err), COVE_EINVAL);
    }
    assert_null(fs);
    assert_null(path);
    same("file://./x", "./x");
    same("file://../x", "../x");
    same("file://LocalHost/x", "/x");
    same("file://", ".");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_table), cmocka_unit_test(test_paths),
                                        cmocka_unit_test(test_new_and_shared), cmocka_unit_test(test_hosts) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
