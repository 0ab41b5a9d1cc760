/* CRC-64/NVME against its published check value, and all ways of computing it against each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/crc64.h"

static void test_check_values(void **state)
{
    for (size_t way = 0; way < cove__crc64nvme_ways(); way++) {
        assert_true(cove__crc64nvme_by(way, 0, "123456789", 9) == 0xAE8B14860A799888u);
        assert_true(cove__crc64nvme_by(way, 0, "", 0) == 0);
    }
    assert_true(cove__crc64nvme(0, "123456789", 9) == 0xAE8B14860A799888u);
}

static void assert_ways_agree(uint64_t crc, const uint8_t *data, size_t size)
{
    uint64_t want = cove__crc64nvme_by(0, crc, data, size);

    for (size_t way = 1; way < cove__crc64nvme_ways(); way++)
        assert_true(cove__crc64nvme_by(way, crc, data, size) == want);
    assert_true(cove__crc64nvme(crc, data, size) == want);
}

static void test_folding_gives_what_tables_give(void **state)
{
    static uint8_t data[10000];

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7 + i / 13);
    for (size_t from = 0; from < 20; from++) {
        for (size_t size = 0; size <= 1100; size++)
            assert_ways_agree(from, data + from, size);
    }
    for (size_t size = 1100; size <= sizeof data; size += 89)
        assert_ways_agree(size, data + sizeof data - size, size);
}

static void test_pieces_give_the_whole(void **state)
{
    uint8_t data[1000];

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 11 + i / 7);
    uint64_t whole = cove__crc64nvme(0, data, sizeof data);
    for (size_t cut = 0; cut <= sizeof data; cut += 37)
        assert_true(cove__crc64nvme(cove__crc64nvme(0, data, cut), data + cut, sizeof data - cut) == whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check_values),
        cmocka_unit_test(test_folding_gives_what_tables_give),
        cmocka_unit_test(test_pieces_give_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
