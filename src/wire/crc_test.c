/* Checksums against the published check values, and joins against the whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/crc.h"

static void test_check_values(void **state)
{
    assert_int_equal(cove__crc32c(0, "123456789", 9), 0xE3069283u);
    assert_int_equal(cove__crc32c(0, "", 0), 0);
}

static void test_pieces_give_the_whole(void **state)
{
    uint8_t data[1000];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7 + i / 13);
    uint32_t whole = cove__crc32c(0, data, sizeof data);
    for (size_t cut = 0; cut <= sizeof data; cut += 37) {
        uint32_t a = cove__crc32c(0, data, cut), b = cove__crc32c(0, data + cut, sizeof data - cut);
        assert_int_equal(cove__crc32c(a, data + cut, sizeof data - cut), whole);
        assert_int_equal(cove__crc32c_join(a, b, sizeof data - cut), whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check_values),
        cmocka_unit_test(test_pieces_give_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
