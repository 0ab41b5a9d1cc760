/* WebHDFS's URLs, responses, versions and exceptions: text in, text out. No network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "fs/webhdfs/webhdfs.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct cove_error err = COVE_ERROR_INIT;

/* ---- URLs ---- */

static void test_urls(void **state)
{
    static const struct {
        const char *url, *path, *plain, *secure, *again;
    } rows[] = {
        { "webhdfs://nn1/a/b", "/a/b", "nn1:9870", "nn1:9871", "webhdfs://nn1/a/b" },
        { "WEBHDFS://NN1:9870/a//b/", "/a/b", "nn1:9870", "nn1:9870", "webhdfs://nn1/a/b" },
        { "webhdfs://nn1:50070", "/", "nn1:50070", "nn1:50070", "webhdfs://nn1:50070/" },
        { "webhdfs://[::1]:80/x", "/x", "[::1]:80", "[::1]:80", "webhdfs://[::1]:80/x" },
        { "webhdfs://[::1]/x", "/x", "[::1]:9870", "[::1]:9871", "webhdfs://[::1]/x" },
        { "webhdfs://10.0.0.1/a%20b?c#d", "/a%20b?c#d", "10.0.0.1:9870", "10.0.0.1:9871",
          "webhdfs://10.0.0.1/a%20b?c#d" },
        { "webhdfs:///x", "/x", "", "", "webhdfs:///x" },
        { "/x/y", "/x/y", "", "", "webhdfs:///x/y" },
        { "x/y", "/x/y", "", "", "webhdfs:///x/y" },
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        char *path = NULL, *plain = NULL, *secure = NULL;
        struct cove__buf url = COVE__BUF_INIT(1000);

        assert_int_equal(cove__webhdfs_parse(rows[i].url, &path, &err), 0);
        assert_string_equal(path, rows[i].path);
        assert_int_equal(cove__webhdfs_authority.of_url(rows[i].url, &plain, &err), 0);
        assert_string_equal(plain, rows[i].plain);
        assert_int_equal(cove__swebhdfs_authority.of_url(rows[i].url, &secure, &err), 0);
        assert_string_equal(secure, rows[i].secure);
        cove__webhdfs_authority.write_url("webhdfs", plain, path, &url);
        assert_string_equal(cove__buf_str(&url), rows[i].again);
        cove__buf_done(&url);
        cove__free(path);
        cove__free(plain);
        cove__free(secure);
    }
}

static void test_urls_that_are_refused(void **state)
{
    static const char *const hosts[] = { "webhdfs://user:secret@nn1/x", "webhdfs://nn1:/x",  "webhdfs://nn1:99999/x",
                                         "webhdfs://nn1:98a/x",         "webhdfs://:9870/x", "webhdfs://nn 1/x",
                                         "webhdfs://nn1?x=/y",          "webhdfs://[::1/x" };
    static const char *const paths[] = { "webhdfs://nn1/a/../b", "webhdfs://nn1/.", "/a/..", "/\xff" };
    char *text = NULL;

    for (size_t i = 0; i < COUNT(hosts); i++) {
        assert_int_equal(cove__webhdfs_authority.of_url(hosts[i], &text, &err), COVE_EINVAL);
        assert_null(strstr(err.message, "secret"));
    }
    for (size_t i = 0; i < COUNT(paths); i++)
        assert_int_equal(cove__webhdfs_parse(paths[i], &text, &err), COVE_EINVAL);
    assert_null(text);
}

static void test_a_host_of_the_options(void **state)
{
    cove_options *options = cove_options_new();
    char *text = NULL;

    assert_int_equal(cove__webhdfs_authority.of_options(NULL, &text, &err), 0);
    assert_string_equal(text, "");
    cove__free(text);
    assert_int_equal(cove_options_set(options, "host", "NN1", &err), 0);
    assert_int_equal(cove__swebhdfs_authority.of_options(options, &text, &err), 0);
    assert_string_equal(text, "nn1:9871");
    cove__free(text);
    assert_int_equal(cove_options_set(options, "port", "50070", &err), 0);
    assert_int_equal(cove__webhdfs_authority.of_options(options, &text, &err), 0);
    assert_string_equal(text, "nn1:50070");
    cove__free(text);
    cove_options_free(options);
}

static void test_temporary_names(void **state)
{
    char *one = cove__webhdfs_temporary("/a/b"), *other = cove__webhdfs_temporary("/b");

    assert_memory_equal(one, "/a/.cove-upload-", 16);
    assert_memory_equal(other, "/.cove-upload-", 14);
    assert_true(cove__webhdfs_is_temporary(one + 3));
    assert_true(cove__webhdfs_is_temporary(other + 1));
    assert_string_not_equal(one + 3, other + 1);
    assert_false(cove__webhdfs_is_temporary(".cove-upload-notes"));
    assert_false(cove__webhdfs_is_temporary("b"));
    cove__free(one);
    cove__free(other);
}

/* ---- responses ---- */

#define FILE_STATUS                                                                                                    \
    "\"accessTime\":1796093098328,\"blockSize\":134217728,\"childrenNum\":0,\"fileId\":16387,\"group\":\"root\","      \
    "\"length\":5,\"modificationTime\":1796093099914,\"owner\":\"root\",\"permission\":\"644\",\"replication\":1,"     \
    "\"storagePolicy\":0,\"type\":\"FILE\""
#define DIRECTORY_STATUS                                                                                               \
    "\"fileId\":16389,\"length\":0,\"modificationTime\":1796093101119,\"replication\":0,\"type\":\"DIRECTORY\""

static void test_statuses(void **state)
{
    static const char *const bad[] = {
        "",
        "<html></html>",
        "{}",
        "{\"FileStatus\":{}}",
        "{\"FileStatus\":{\"length\":5,\"modificationTime\":1}}",
        "{\"FileStatus\":{\"length\":-5,\"modificationTime\":1,\"type\":\"FILE\"}}",
        "{\"FileStatus\":{\"length\":5,\"modificationTime\":9223372036854775807,\"type\":\"FILE\"}}",
        "{\"FileStatus\":{" FILE_STATUS "}",
    };
    struct webhdfs_status s = { 0 };

    assert_int_equal(
        cove__webhdfs_read_status(cove__slice_str("{\"FileStatus\":{\"pathSuffix\":\"\"," FILE_STATUS "}}"), &s), 0);
    assert_false(s.directory);
    assert_int_equal(s.length, 5);
    assert_int_equal(s.mtime_ms, 1796093099914);
    assert_int_equal(s.id, 16387);
    assert_int_equal(cove__webhdfs_read_status(cove__slice_str("{\"FileStatus\":{" DIRECTORY_STATUS "}}"), &s), 0);
    assert_true(s.directory);
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(cove__webhdfs_read_status(cove__slice_str(bad[i]), &s), COVE_EPROTOCOL);
}

static void test_what_a_status_shows(void **state)
{
    static const char *const wanted[][2] = {
        { "access-time", "1796093098328" },
        { "block-size", "134217728" },
        { "group", "root" },
        { "owner", "root" },
        { "permission", "644" },
        { "replication", "1" },
    };
    struct cove__pairs pairs = COVE__PAIRS_INIT;
    struct cove_pair *found;
    size_t n;

    assert_int_equal(cove__webhdfs_read_shown(cove__slice_str("{\"FileStatus\":{" FILE_STATUS "}}"), &pairs), 0);
    assert_int_equal(cove__pairs_take(&pairs, &found, &n), 0);
    assert_int_equal(n, COUNT(wanted));
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(found[i].name, wanted[i][0]);
        assert_string_equal(found[i].value, wanted[i][1]);
    }
    cove__free(found);
    assert_int_equal(cove__webhdfs_read_shown(cove__slice_str("{\"FileStatus\":{" FILE_STATUS "}"), &pairs),
                     COVE_EPROTOCOL);
    cove__pairs_done(&pairs);
}

#define LISTING(entries, left)                                                                                         \
    "{\"DirectoryListing\":{\"partialListing\":{\"FileStatuses\":{\"FileStatus\":[" entries                            \
    "]}},\"remainingEntries\":" left "}}"

static int listing(const char *text, struct cove__page *page, char **ret_last)
{
    return cove__webhdfs_read_listing(cove__slice_str(text), "/d", page, ret_last);
}

static void test_listings(void **state)
{
    struct cove__page page = { 0 };
    char *last = NULL;

    assert_int_equal(
        listing(LISTING("{\"pathSuffix\":\"a\"," FILE_STATUS "},{\"pathSuffix\":\"sub\"," DIRECTORY_STATUS
                        "},{\"pathSuffix\":\".cove-upload-0123456789abcdef0123456789abcdef\"," FILE_STATUS "}",
                        "3"),
                &page, &last),
        0);
    assert_string_equal(last, ".cove-upload-0123456789abcdef0123456789abcdef");
    assert_int_equal(page.n, 2);
    assert_string_equal(page.items[0].path, "/d/a");
    assert_string_equal(page.items[0].etag, "\"16387-1796093099914-5\"");
    assert_int_equal(page.items[0].size, 5);
    assert_int_equal(page.items[0].mtime_ns, 1796093099914000000);
    assert_string_equal(page.items[1].path, "/d/sub");
    assert_int_equal(page.items[1].type, COVE_INFO_DIRECTORY);
    assert_null(page.items[1].etag);
    cove__free(last);
    assert_int_equal(listing(LISTING("{\"pathSuffix\":\"b\"," FILE_STATUS "}", "0"), &page, &last), 0);
    assert_null(last);
    assert_int_equal(page.n, 3);
    assert_int_equal(listing(LISTING("", "0"), &page, &last), 0);
    assert_int_equal(listing(LISTING("{\"pathSuffix\":\"\"," FILE_STATUS "}", "0"), &page, &last), COVE_ENOTDIR);
    assert_int_equal(listing(LISTING("{\"pathSuffix\":\"a/b\"," FILE_STATUS "}", "0"), &page, &last), COVE_EPROTOCOL);
    assert_int_equal(listing(LISTING("{" FILE_STATUS "}", "0"), &page, &last), COVE_EPROTOCOL);
    assert_int_equal(listing(LISTING("", "5"), &page, &last), COVE_EPROTOCOL); /* more, but after what? */
    assert_int_equal(listing("{}", &page, &last), COVE_EPROTOCOL);
    cove__page_done(&page);
}

static void test_answers(void **state)
{
    assert_int_equal(cove__webhdfs_read_boolean(cove__slice_str("{\"boolean\":true}")), 1);
    assert_int_equal(cove__webhdfs_read_boolean(cove__slice_str("{\"boolean\": false}")), 0);
    assert_int_equal(cove__webhdfs_read_boolean(cove__slice_str("{}")), COVE_EPROTOCOL);
    assert_int_equal(cove__webhdfs_read_boolean(cove__slice_str("<html>")), COVE_EPROTOCOL);
}

static void test_versions(void **state)
{
    static const char *const bad[] = {
        "\"x\"", "\"1-2\"", "\"1-2--3\"", "\"1-2-3", "1-2-3", "\"1-2-3\" ", "\"01-2-3\""
    };
    const struct webhdfs_status s = { .id = 16387, .mtime_ms = 1796093099914, .length = 5 };
    char etag[WEBHDFS_ETAG_MAX];

    cove__webhdfs_make_etag(&s, etag);
    assert_string_equal(etag, "\"16387-1796093099914-5\"");
    assert_int_equal(cove__webhdfs_etag_length(etag), 5);
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(cove__webhdfs_etag_length(bad[i]), -1);
}

/* ---- exceptions ---- */

static void test_exceptions(void **state)
{
    struct webhdfs_error_body body;

    cove__webhdfs_read_error(cove__slice_str("{\"RemoteException\":{\"exception\":\"FileAlreadyExistsException\","
                                             "\"javaClassName\":\"org.apache.hadoop.fs.FileAlreadyExistsException\","
                                             "\"message\":\"/w/d already exists\\n\\tat org.apache.hadoop.X\"}}"),
                             &body);
    assert_string_equal(body.name, "FileAlreadyExistsException");
    assert_string_equal(body.message, "/w/d already exists");
    assert_int_equal(cove__webhdfs_exception(body.name)->code, COVE_EEXIST);
    assert_false(cove__webhdfs_exception(body.name)->retry);
    assert_true(cove__webhdfs_exception("StandbyException")->retry);
    assert_null(cove__webhdfs_exception("IOException"));
    cove__webhdfs_read_error(cove__slice_str("<html>404</html>"), &body);
    assert_string_equal(body.name, "");
    /* a body that was cut */
    cove__webhdfs_read_error(cove__slice_str("{\"RemoteException\":{\"exception\":\"SafeModeException\",\"mess"),
                             &body);
    assert_string_equal(body.name, "SafeModeException");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_urls_that_are_refused),
        cmocka_unit_test(test_a_host_of_the_options),
        cmocka_unit_test(test_temporary_names),
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_what_a_status_shows),
        cmocka_unit_test(test_listings),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_exceptions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
