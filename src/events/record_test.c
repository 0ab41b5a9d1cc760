/* Framing of event files. The expected bytes are those of TensorBoard's own writer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <cove/error.h>

#include "base/mem.h"
#include "events/record.h"
#include "wire/crc.h"

static const uint8_t hello[] = { 0x05, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xea, 0xb2, 0x04,
                                 0x3e, 'h',  'e',  'l',  'l',  'o',  0xbb, 0x1f, 0x1c, 0x19 };

static void add_record(struct cove__buf *b, const void *payload, size_t size)
{
    size_t mark = cove__record_begin(b);

    cove__buf_add(b, payload, size);
    cove__record_end(b, mark);
}

static void test_bytes(void **state)
{
    struct cove__buf b = COVE__BUF_INIT(1000);

    (void)state;
    add_record(&b, "hello", 5);
    assert_int_equal(b.size, sizeof hello);
    assert_memory_equal(b.data, hello, sizeof hello);
    cove__buf_done(&b);
}

/* Wherever the file ends, the reader learns how far to read on. */
static void test_unfinished(void **state)
{
    struct cove__slice payload;
    size_t size;

    (void)state;
    for (size_t cut = 0; cut < sizeof hello; cut++) {
        uint8_t *part = malloc(cut ? cut : 1);

        memcpy(part, hello, cut);
        assert_int_equal(cove__record_next(cove__slice(part, cut), &payload, &size), 0);
        assert_int_equal(size, cut < 12 ? 12 : sizeof hello);
        free(part);
    }
    assert_int_equal(cove__record_next(cove__slice(hello, sizeof hello), &payload, &size), 1);
    assert_int_equal(size, sizeof hello);
    assert_true(cove__slice_is(payload, "hello"));
}

static void test_every_wrong_bit_is_seen(void **state)
{
    struct cove__slice payload;
    size_t size;

    (void)state;
    for (size_t bit = 0; bit < sizeof hello * 8; bit++) {
        uint8_t bytes[sizeof hello];

        memcpy(bytes, hello, sizeof hello);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(cove__record_next(cove__slice(bytes, sizeof bytes), &payload, &size), COVE_ECORRUPT);
    }
}

/* A length with a good checksum that no memory should be taken for. */
static void test_ceiling(void **state)
{
    uint64_t length = COVE__RECORD_MAX + 1;
    uint8_t header[12];
    struct cove__slice payload;
    uint32_t crc;
    size_t size;

    (void)state;
    for (size_t i = 0; i < 8; i++)
        header[i] = (uint8_t)(length >> 8 * i);
    crc = cove__crc32c(0, header, 8);
    crc = (crc >> 15 | crc << 17) + 0xa282ead8u;
    for (size_t i = 0; i < 4; i++)
        header[8 + i] = (uint8_t)(crc >> 8 * i);
    assert_int_equal(cove__record_next(cove__slice(header, sizeof header), &payload, &size), COVE_ELIMIT);
}

static void test_one_after_the_other(void **state)
{
    struct cove__buf b = COVE__BUF_INIT(100000);
    struct cove__slice rest, payload;
    char text[300];
    size_t size;

    (void)state;
    memset(text, 'x', sizeof text);
    for (size_t n = 0; n < sizeof text; n++)
        add_record(&b, text, n);
    rest = cove__buf_slice(&b);
    for (size_t n = 0; n < sizeof text; n++) {
        assert_int_equal(cove__record_next(rest, &payload, &size), 1);
        assert_int_equal(payload.size, n);
        rest = cove__slice_sub(rest, size, rest.size);
    }
    assert_int_equal(rest.size, 0);
    cove__buf_done(&b);
}

static void test_memory_runs_out(void **state)
{
    (void)state;
    for (unsigned long nth = 1; nth <= 2; nth++) {
        struct cove__buf b = COVE__BUF_INIT(1000);
        char text[100] = "";

        cove__mem_fail(nth, 1);
        add_record(&b, text, sizeof text);
        cove__mem_fail(0, 0);
        assert_int_equal(cove__buf_rc(&b), COVE_ENOMEM);
        cove__buf_done(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_unfinished),
        cmocka_unit_test(test_every_wrong_bit_is_seen),
        cmocka_unit_test(test_ceiling),
        cmocka_unit_test(test_one_after_the_other),
        cmocka_unit_test(test_memory_runs_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
