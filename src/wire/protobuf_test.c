/* The wire format of Protocol Buffers: the specification's own examples, borders of varints, and what must be refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <cove/error.h>

#include "base/mem.h"
#include "wire/protobuf.h"

static void assert_bytes(struct cove__buf *b, const char *expected, size_t size)
{
    assert_int_equal(cove__buf_rc(b), 0);
    assert_int_equal(b->size, size);
    assert_memory_equal(b->data, expected, size);
    cove__buf_reset(b);
}

#define ASSERT_BYTES(b, literal) assert_bytes(b, literal, sizeof(literal) - 1)

static void test_writes_the_specifications_examples(void **state)
{
    struct cove__buf b = COVE__BUF_INIT(1000);
    size_t mark;

    (void)state;
    cove__pb_uint(&b, 1, 150);
    ASSERT_BYTES(&b, "\x08\x96\x01");
    cove__pb_string(&b, 2, "testing");
    ASSERT_BYTES(&b, "\x12\x07testing");
    mark = cove__pb_begin(&b, 3);
    cove__pb_uint(&b, 1, 150);
    cove__pb_end(&b, mark);
    ASSERT_BYTES(&b, "\x1a\x03\x08\x96\x01");
    cove__pb_int(&b, 1, -2);
    ASSERT_BYTES(&b, "\x08\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    cove__pb_double(&b, 1, 1.5);
    ASSERT_BYTES(&b, "\x09\0\0\0\0\0\0\xf8\x3f");
    cove__pb_float(&b, 2, -1.0f);
    ASSERT_BYTES(&b, "\x15\0\0\x80\xbf");
    cove__buf_done(&b);
}

static void test_varints_come_back(void **state)
{
    static const uint64_t values[] = { 0, 1, 127, 128, 16383, 16384, UINT32_MAX, (uint64_t)1 << 63, UINT64_MAX };
    struct cove__buf b = COVE__BUF_INIT(1000);

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct cove__slice rest;
        uint64_t got = 7;

        cove__buf_reset(&b);
        cove__pb_put_varint(&b, values[i]);
        for (size_t cut = 0; cut < b.size; cut++) {
            rest = cove__slice(b.data, cut);
            assert_int_equal(cove__pb_take_varint(&rest, &got), 0);
            assert_int_equal(rest.size, cut);
        }
        rest = cove__buf_slice(&b);
        assert_int_equal(cove__pb_take_varint(&rest, &got), 1);
        assert_true(got == values[i]);
        assert_int_equal(rest.size, 0);
    }
    cove__buf_done(&b);
}

/* Lengths around 128 and 16384 take more bytes, for which the content moves. */
static void test_messages_of_any_length(void **state)
{
    static const size_t lengths[] = { 0, 1, 127, 128, 129, 16383, 16384, 16385, 70000 };
    struct cove__buf b = COVE__BUF_INIT(1 << 20);

    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct cove__pb_field f;
        struct cove__slice rest;
        size_t outer, inner;

        cove__buf_reset(&b);
        outer = cove__pb_begin(&b, 1);
        inner = cove__pb_begin(&b, 2);
        for (size_t n = 0; n < lengths[i]; n++)
            cove__buf_add_char(&b, (char)(n * 7));
        cove__pb_end(&b, inner);
        cove__pb_uint(&b, 3, 4);
        cove__pb_end(&b, outer);
        assert_int_equal(cove__buf_rc(&b), 0);
        rest = cove__buf_slice(&b);
        assert_int_equal(cove__pb_next(&rest, &f), 1);
        assert_int_equal(rest.size, 0);
        rest = f.bytes;
        assert_int_equal(cove__pb_next(&rest, &f), 1);
        assert_true(cove__pb_is(&f, 2, COVE__PB_BYTES));
        assert_int_equal(f.bytes.size, lengths[i]);
        for (size_t n = 0; n < lengths[i]; n++)
            assert_int_equal(f.bytes.data[n], (uint8_t)(n * 7));
        assert_int_equal(cove__pb_next(&rest, &f), 1);
        assert_true(cove__pb_is(&f, 3, COVE__PB_VARINT));
        assert_int_equal(f.value, 4);
        assert_int_equal(cove__pb_next(&rest, &f), 0);
    }
    cove__buf_done(&b);
}

static void test_numbers_come_back(void **state)
{
    struct cove__buf b = COVE__BUF_INIT(1000);
    struct cove__pb_field f;
    struct cove__slice rest;

    (void)state;
    cove__pb_double(&b, 1, -0.1);
    cove__pb_float(&b, 2, 3.25f);
    rest = cove__buf_slice(&b);
    assert_int_equal(cove__pb_next(&rest, &f), 1);
    assert_true(cove__pb_is(&f, 1, COVE__PB_FIXED64));
    assert_true(cove__pb_as_double(f.value) == -0.1);
    assert_int_equal(cove__pb_next(&rest, &f), 1);
    assert_true(cove__pb_is(&f, 2, COVE__PB_FIXED32));
    assert_true(cove__pb_as_float(f.value) == 3.25f);
    cove__buf_done(&b);
}

static void test_refuses_what_is_no_message(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
    } bad[] = {
        { "\x08", 1 },                                              /* no value */
        { "\x08\x80", 2 },                                          /* a varint without an end */
        { "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11 },     /* 65 bits */
        { "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12 }, /* eleven bytes */
        { "\x12\x03hi", 4 },                                        /* longer than what is there */
        { "\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11 },     /* a length of 2^64 - 1 */
        { "\x09\0\0\0\0\0\0\0", 8 },                                /* seven bytes of eight */
        { "\x0d\0\0\0", 4 },                                        /* three of four */
        { "\x0b", 1 },                                              /* a group */
        { "\x0f\x01", 2 },                                          /* type 7 */
        { "\x00\x01", 2 },                                          /* field 0 */
        { "\x80\x80\x80\x80\x10\x01", 6 },                          /* field 2^29 */
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct cove__slice rest = cove__slice(bad[i].bytes, bad[i].size);
        struct cove__pb_field f;

        assert_int_equal(cove__pb_next(&rest, &f), COVE_ECORRUPT);
        assert_int_equal(rest.size, bad[i].size);
    }
}

/* Whichever allocation fails, and wherever the limit lies, the other calls do nothing, and the buf keeps the error.
 */
static void test_failure_is_sticky(void **state)
{
    (void)state;
    for (size_t max = 0; max < 160; max++) {
        struct cove__buf b = COVE__BUF_INIT(max);
        size_t mark = cove__pb_begin(&b, 1);

        for (int n = 0; n < 150; n++)
            cove__buf_add_char(&b, 'x');
        cove__pb_end(&b, mark);
        assert_int_equal(cove__buf_rc(&b), max < 153 ? COVE_ELIMIT : 0);
        cove__buf_done(&b);
    }
    for (unsigned long nth = 1; nth <= 2; nth++) {
        struct cove__buf b = COVE__BUF_INIT(1000);
        size_t mark;

        cove__mem_fail(nth, 1);
        mark = cove__pb_begin(&b, 1);
        for (int n = 0; n < 200; n++)
            cove__buf_add_char(&b, 'x');
        cove__pb_end(&b, mark);
        cove__mem_fail(0, 0);
        assert_int_equal(cove__buf_rc(&b), COVE_ENOMEM);
        cove__buf_done(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writes_the_specifications_examples),
        cmocka_unit_test(test_varints_come_back),
        cmocka_unit_test(test_messages_of_any_length),
        cmocka_unit_test(test_numbers_come_back),
        cmocka_unit_test(test_refuses_what_is_no_message),
        cmocka_unit_test(test_failure_is_sticky),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
