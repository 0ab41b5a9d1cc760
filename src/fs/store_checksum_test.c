/* Which reported checksums match the bytes, and that the warning comes once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cove/log.h>

#include "fs/store_checksum.h"

#define CRC32C 0xe3069283u /* of "123456789" */
#define CRC32  0xcbf43926u

static int warnings;

static void count(void *user, enum cove_log_level level, const char *subject, const char *message)
{
    warnings += level == COVE_LOG_WARNING;
}

static void test_which_match(void **state)
{
    assert_true(cove__store_checksum_matches(CRC32C, CRC32C, CRC32));
    assert_true(cove__store_checksum_matches_bytes(CRC32C, CRC32C, "123456789", 9));
    assert_int_equal(warnings, 0);
    assert_false(cove__store_checksum_matches(CRC32C ^ 1, CRC32C, CRC32));
    assert_false(cove__store_checksum_matches_bytes(CRC32 ^ 1, CRC32C, "123456789", 9));
    assert_int_equal(warnings, 0);
    for (int i = 0; i < 3; i++) {
        assert_true(cove__store_checksum_matches(CRC32, CRC32C, CRC32));
        assert_true(cove__store_checksum_matches_bytes(CRC32, CRC32C, "123456789", 9));
    }
    assert_int_equal(warnings, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_which_match) };

    cove_log_set(count, NULL, COVE_LOG_WARNING);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
