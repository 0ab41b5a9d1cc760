/* What each of a NameNode's exceptions becomes, and which mean that the call is to be sent again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fs/fs_impl.h"
#include "fs/hdfs/hdfs_error.h"

static struct cove_error error_of(const char *exception, const char *text)
{
    const struct cove__ctx ctx = { .op = "stat", .url = "hdfs://nn1/f" };
    const struct cove__hadoop_response response = {
        .failed = true, .exception = cove__slice_str(exception), .error = cove__slice_str(text), .state_id = INT64_MIN
    };
    struct cove_error err = COVE_ERROR_INIT;

    int rc = cove__hdfs_fail(&err, &ctx, "nn1:8020", &response);

    assert_int_equal(rc, err.code);
    return err;
}

static void test_codes(void **state)
{
    static const struct {
        const char *exception;
        int code;
    } rows[] = {
        { "java.io.FileNotFoundException", COVE_ENOTFOUND },
        { "org.apache.hadoop.fs.FileAlreadyExistsException", COVE_EEXIST },
        { "org.apache.hadoop.fs.PathIsNotEmptyDirectoryException", COVE_ENOTEMPTY },
        { "org.apache.hadoop.fs.ParentNotDirectoryException", COVE_ENOTDIR },
        { "org.apache.hadoop.security.AccessControlException", COVE_EACCESS },
        { "org.apache.hadoop.security.token.SecretManager$InvalidToken", COVE_EAUTH },
        { "org.apache.hadoop.hdfs.protocol.DSQuotaExceededException", COVE_ENOSPC },
        { "org.apache.hadoop.hdfs.protocol.AlreadyBeingCreatedException", COVE_EPRECONDITION },
        { "org.apache.hadoop.ipc.StandbyException", COVE_ESERVER },
        { "org.example.Unknown", COVE_ESERVER },
        { "NoPackage", COVE_ESERVER },
        { "", COVE_ESERVER },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(error_of(rows[i].exception, "why").code, rows[i].code);
}

static void test_messages(void **state)
{
    static char text[5000];
    struct cove_error err = error_of("java.io.FileNotFoundException", "no /f\n\tat java.base/x");

    (void)state;
    assert_string_equal(err.message, "stat hdfs://nn1/f: nn1:8020: no /f (FileNotFoundException)");
    assert_string_equal(err.store_code, "FileNotFoundException");
    assert_int_equal(err.retryable, 0);
    memset(text, 'x', sizeof text - 1);
    err = error_of(text, text); /* neither is as long as it likes */
    assert_true(strlen(err.message) < COVE_ERROR_MESSAGE_MAX && strlen(err.store_code) < COVE_STORE_CODE_MAX);
    assert_string_equal(error_of("", "").message, "stat hdfs://nn1/f: nn1:8020:  ()");
}

/* The cause of a RetriableException is in its text. */
static void test_causes(void **state)
{
    struct cove_error err =
        error_of("org.apache.hadoop.ipc.RetriableException", "org.apache.hadoop.hdfs.SafeModeException: in safe mode");

    (void)state;
    assert_string_equal(err.store_code, "SafeModeException");
    assert_non_null(strstr(err.message, "wait"));
    assert_int_equal(err.retryable, 1);
    assert_string_equal(error_of("a.RetriableException", "no class").store_code, "RetriableException");
}

static enum cove__hdfs_retry retry(const char *exception, const char *text)
{
    return cove__hdfs_may_retry(cove__slice_str(exception), cove__slice_str(text));
}

static void test_retries(void **state)
{
    (void)state;
    assert_int_equal(retry("org.apache.hadoop.ipc.StandbyException", ""), COVE__HDFS_NEXT_SERVER);
    assert_int_equal(retry("a.ObserverRetryOnActiveException", ""), COVE__HDFS_NEXT_SERVER);
    assert_int_equal(retry("a.RetriableException", ""), COVE__HDFS_LATER);
    assert_int_equal(retry("a.RouterSafeModeException", ""), COVE__HDFS_LATER);
    assert_int_equal(retry("java.io.IOException", "Server is stopped"), COVE__HDFS_NEXT_SERVER);
    assert_int_equal(retry("java.io.IOException", "Server is"), COVE__HDFS_NO_RETRY);
    assert_int_equal(retry("java.io.FileNotFoundException", ""), COVE__HDFS_NO_RETRY);
    assert_int_equal(retry("a.NotStandbyException", ""), COVE__HDFS_NO_RETRY);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_codes), cmocka_unit_test(test_messages),
                                        cmocka_unit_test(test_causes), cmocka_unit_test(test_retries) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
