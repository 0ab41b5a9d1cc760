/* Reading whole files and ranges of them. */
#include "contract.h"

static void ranges_of_one_file(void **state)
{
    (void)state;
    put_filled(at("f"), 1000, 7);
    static const struct {
        int64_t offset;
        size_t length;
        int64_t want, from; /* how many bytes, and from where */
    } rows[] = {
        { 0, 1000, 1000, 0 },     { 0, 1, 1, 0 },       { 999, 1, 1, 999 },
        { 1, 998, 998, 1 },       { 0, 5000, 1000, 0 }, { 990, 100, 10, 990 },
        { 1000, 10, 0, 0 },       { 5000, 10, 0, 0 },   { INT64_C(1) << 40, 10, 0, 0 },
        { 0, 0, 0, 0 },           { 500, 0, 0, 0 },     { -1, 1, 1, 999 },
        { -10, 10, 10, 990 },     { -10, 3, 3, 990 },   { -10, 100, 10, 990 },
        { -1000, 1000, 1000, 0 }, { -1000, 5, 5, 0 },
    };
    uint8_t buffer[5001];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        memset(buffer, 0xEE, sizeof(buffer));
        int64_t n = OK(cove_fs_read_range(w.fs, at("f"), rows[i].offset, buffer, rows[i].length, NULL, &err));
        if (n != rows[i].want || !filled(buffer, (size_t)n, 7, (size_t)rows[i].from))
            fail_msg("row %zu: offset %lld length %zu gave %lld bytes", i, (long long)rows[i].offset, rows[i].length,
                     (long long)n);
        for (size_t k = rows[i].length; k < sizeof(buffer); k++)
            assert_int_equal(buffer[k], 0xEE); /* nothing beyond what was asked for */
    }
}

/* More from the end than there is: the whole file, as an HTTP suffix range has it. */
static void a_tail_longer_than_the_file(void **state)
{
    (void)state;
    put_filled(at("f"), 100, 8);
    uint8_t buffer[500];
    assert_int_equal(OK(cove_fs_read_range(w.fs, at("f"), -500, buffer, 500, NULL, &err)), 100);
    assert_true(filled(buffer, 100, 8, 0));
}

static void ranges_of_an_empty_file(void **state)
{
    (void)state;
    put(at("f"), "");
    char buffer[10];
    assert_int_equal(OK(cove_fs_read_range(w.fs, at("f"), 0, buffer, 10, NULL, &err)), 0);
    assert_int_equal(OK(cove_fs_read_range(w.fs, at("f"), 5, buffer, 10, NULL, &err)), 0);
    assert_int_equal(OK(cove_fs_read_range(w.fs, at("f"), -5, buffer, 5, NULL, &err)), 0);
    has(at("f"), "");
}

static void nothing_to_read(void **state)
{
    (void)state;
    char buffer[10];
    void *data = buffer;
    size_t size = 77;
    FAILS(COVE_ENOTFOUND, cove_fs_read_range(w.fs, at("no"), 0, buffer, 10, NULL, &err));
    FAILS(COVE_ENOTFOUND, cove_fs_read_range(w.fs, at("no"), -5, buffer, 5, NULL, &err));
    FAILS(COVE_ENOTFOUND, cove_fs_read_file(w.fs, at("no"), 0, &data, &size, NULL, &err));
    assert_ptr_equal(data, buffer);
    assert_int_equal(size, 77);
    put(at("d/f"), "x");
    FAILS(COVE_EISDIR, cove_fs_read_range(w.fs, at("d"), 0, buffer, 10, NULL, &err));
    FAILS(COVE_EISDIR, cove_fs_read_file(w.fs, at("d"), 0, &data, &size, NULL, &err));
}

static void limits(void **state)
{
    (void)state;
    put_filled(at("f"), 1000, 9);
    void *data = NULL;
    size_t size;
    OK(cove_fs_read_file(w.fs, at("f"), 1000, &data, &size, NULL, &err));
    assert_int_equal(size, 1000);
    assert_true(filled(data, size, 9, 0));
    cove_free(data);
    data = NULL;
    FAILS(COVE_ELIMIT, cove_fs_read_file(w.fs, at("f"), 999, &data, &size, NULL, &err));
    assert_null(data);
}

static void large_files(void **state)
{
    (void)state;
    size_t size = 40 * MIB + 12345;
    put_filled(at("f"), size, 10);
    has_filled(at("f"), size, 10);
    uint8_t *buffer = malloc(20 * MIB);
    assert_non_null(buffer);
    assert_int_equal(OK(cove_fs_read_range(w.fs, at("f"), 11 * MIB + 1, buffer, 20 * MIB, NULL, &err)), 20 * MIB);
    assert_true(filled(buffer, 20 * MIB, 10, 11 * MIB + 1));
    assert_int_equal(OK(cove_fs_read_range(w.fs, at("f"), 35 * MIB, buffer, 20 * MIB, NULL, &err)), 5 * MIB + 12345);
    assert_true(filled(buffer, 5 * MIB + 12345, 10, 35 * MIB));
    assert_int_equal(OK(cove_fs_read_range(w.fs, at("f"), -(int64_t)(17 * MIB), buffer, 17 * MIB, NULL, &err)),
                     17 * MIB);
    assert_true(filled(buffer, 17 * MIB, 10, size - 17 * MIB));
    free(buffer);
}

static void many_ranges(void **state)
{
    (void)state;
    const size_t size = 3 * MIB, n = 400;
    put_filled(at("f"), size, 11);
    struct cove_range *ranges = calloc(n, sizeof(*ranges));
    assert_non_null(ranges);
    for (size_t i = 0; i < n; i++) {
        /* In no order; some overlap, some touch, some are empty, some go past the end. */
        ranges[i].offset = (int64_t)((i * 7919 * 97) % (size + 1000));
        ranges[i].length = i % 9 == 0 ? 0 : 1 + (i * 131) % 9000;
        ranges[i].buffer = malloc(ranges[i].length + 1);
        ranges[i].done = -7;
        assert_non_null(ranges[i].buffer);
        ((uint8_t *)ranges[i].buffer)[ranges[i].length] = 0xEE;
    }
    OK(cove_fs_read_ranges(w.fs, at("f"), ranges, n, NULL, &err));
    for (size_t i = 0; i < n; i++) {
        int64_t left = (int64_t)size - ranges[i].offset;
        int64_t want = left <= 0 ? 0 : left < (int64_t)ranges[i].length ? left : (int64_t)ranges[i].length;
        assert_int_equal(ranges[i].done, want);
        assert_true(filled(ranges[i].buffer, (size_t)want, 11, (size_t)ranges[i].offset));
        assert_int_equal(((uint8_t *)ranges[i].buffer)[ranges[i].length], 0xEE);
        free(ranges[i].buffer);
    }
    free(ranges);
}

static void neighbours_and_twins(void **state)
{
    (void)state;
    put_filled(at("f"), 100000, 12);
    uint8_t a[1000], b[1000], c[1000], d[3000];
    struct cove_range ranges[] = {
        { 1000, 1000, a, 0 },
        { 2000, 1000, b, 0 },
        { 1000, 1000, c, 0 },
        { 500, 3000, d, 0 },
    };
    OK(cove_fs_read_ranges(w.fs, at("f"), ranges, 4, NULL, &err));
    assert_true(filled(a, 1000, 12, 1000));
    assert_true(filled(b, 1000, 12, 2000));
    assert_true(filled(c, 1000, 12, 1000));
    assert_true(filled(d, 3000, 12, 500));
    OK(cove_fs_read_ranges(w.fs, at("f"), ranges, 0, NULL, &err));
    FAILS(COVE_ENOTFOUND, cove_fs_read_ranges(w.fs, at("no"), ranges, 4, NULL, &err));
}

const struct CMUnitTest reading_tests[] = {
    cmocka_unit_test(ranges_of_one_file),
    cmocka_unit_test(a_tail_longer_than_the_file),
    cmocka_unit_test(ranges_of_an_empty_file),
    cmocka_unit_test(nothing_to_read),
    cmocka_unit_test(limits),
    cmocka_unit_test(large_files),
    cmocka_unit_test(many_ranges),
    cmocka_unit_test(neighbours_and_twins),
    { 0 },
};
