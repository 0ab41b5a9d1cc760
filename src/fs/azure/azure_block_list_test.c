/* The list of a blob's blocks: read, named, and kept short however many appends there are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fs/azure/azure_block_list.h"

#define KIB ((int64_t)1 << 10)
#define MIB ((int64_t)1 << 20)

static void test_read(void **state)
{
    struct azure_block_list list;
    static const char body[] = "\xEF\xBB\xBF<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList><CommittedBlocks>"
                               "<Block><Name>QUFB</Name><Size>5</Size></Block>"
                               "<Block><Name>QkJC</Name><Size>4194304</Size></Block></CommittedBlocks></BlockList>";

    cove__azure_block_list_init(&list);
    assert_int_equal(cove__azure_block_list_read(&list, cove__slice_str(body)), 0);
    assert_int_equal(list.n, 2);
    assert_string_equal(list.blocks[1].name, "QkJC");
    assert_true(list.total == 5 + 4 * MIB);
    cove__azure_block_list_done(&list);
    cove__azure_block_list_init(&list);
    assert_int_equal(cove__azure_block_list_read(&list, cove__slice_str("<BlockList />")), 0);
    assert_int_equal(list.n, 0);
    static const char *const wrong[] = {
        "<html/>",
        "",
        "<BlockList><CommittedBlocks><Block><Name>a</Name></Block></CommittedBlocks></BlockList>",
        "<BlockList><CommittedBlocks><Block><Size>1</Size></Block></CommittedBlocks></BlockList>",
        "<BlockList><CommittedBlocks><Block><Name>a</Name><Size>-1</Size></Block></CommittedBlocks></BlockList>",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cove__azure_block_list_done(&list);
        assert_int_equal(cove__azure_block_list_read(&list, cove__slice_str(wrong[i])), COVE_EPROTOCOL);
    }
    cove__azure_block_list_done(&list);
}

/* All names of one blob have one length, also where another program has given the others. */
static void test_names(void **state)
{
    struct azure_block_list list;
    char name[AZURE_BLOCK_NAME_SIZE], other[AZURE_BLOCK_NAME_SIZE];

    cove__azure_block_list_init(&list);
    assert_true(cove__azure_block_list_new_name(&list, name));
    assert_true(cove__azure_block_list_new_name(&list, other));
    assert_string_not_equal(name, other);
    assert_int_equal(strlen(name), AZURE_BLOCK_ID_SIZE - 1);
    assert_int_equal(cove__azure_block_list_add(&list, "MDAwMDAwMDAwMDE=", 1), 0);
    assert_true(cove__azure_block_list_new_name(&list, name));
    assert_int_equal(strlen(name), 16);
    assert_true(name[15] == '=' && name[14] != '=');
    cove__azure_block_list_drop(&list, 1);
    assert_int_equal(cove__azure_block_list_add(&list, "MQ==", 1), 0);
    assert_false(cove__azure_block_list_new_name(&list, name)); /* too few are free */
    cove__azure_block_list_done(&list);
}

struct log {
    struct azure_block_list list;
    int64_t sent, kept;
    size_t longest;
};

static void append(struct log *log, int64_t size)
{
    int64_t bytes;
    size_t n = cove__azure_block_list_merge(&log->list, size, &bytes);

    assert_true(n <= log->list.n);
    cove__azure_block_list_drop(&log->list, n);
    assert_int_equal(cove__azure_block_list_add(&log->list, "QUFB", size + bytes), 0);
    log->sent += size + bytes;
    log->kept += size;
    assert_true(log->list.total == log->kept);
    if (log->list.n > log->longest)
        log->longest = log->list.n;
}

static void test_the_list_stays_short(void **state)
{
    static const struct {
        int64_t size;
        size_t appends, longest;
        int64_t factor; /* bytes sent for each that is kept, at most */
    } rows[] = {
        { 500, 60000, 7 + 32, 10 },      { 5000, 60000, 72 + 32, 5 },   { 60 * KIB, 2000, 30 + 32, 4 },
        { 100 * KIB, 2000, 50 + 32, 4 }, { 3 * MIB, 200, 100 + 32, 2 }, { 4 * MIB, 200, 200, 1 },
        { 100 * MIB, 10, 10, 1 },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct log log = { 0 };
        for (size_t k = 0; k < rows[i].appends; k++)
            append(&log, rows[i].size);
        if (log.longest > rows[i].longest || log.sent > log.kept * rows[i].factor)
            fail_msg("appends of %lld bytes: %zu blocks, %lld bytes sent for %lld", (long long)rows[i].size,
                     log.longest, (long long)log.sent, (long long)log.kept);
        cove__azure_block_list_done(&log.list);
    }
}

/* Sizes by chance, and a list that another program has left. */
static void test_any_sizes(void **state)
{
    struct log log = { 0 };

    srand(7);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(cove__azure_block_list_add(&log.list, "QUFB", 10), 0);
        log.kept += 10;
    }
    for (int i = 0; i < 20000; i++)
        append(&log, (int64_t)1 << (rand() % 20));
    assert_true(log.list.n < 1000 + 20000 / 8);
    size_t small = 0;
    while (small < log.list.n && log.list.blocks[log.list.n - small - 1].size < 64 * KIB)
        small++;
    assert_true(small < 16);
    cove__azure_block_list_done(&log.list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_the_list_stays_short),
        cmocka_unit_test(test_any_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
