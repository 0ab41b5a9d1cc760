/* Unit tests of cove__resolve_view. The bytes are those of a little-endian machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "checkpoint/resolve_view.h"

enum { CONJ = COVE__VIEW_CONJ, NEG = COVE__VIEW_NEG, BOOLS = COVE__VIEW_BOOLS };

static const struct {
    enum cove_dtype dtype;
    unsigned math;
    size_t size;
    const char *before, *after;
} cases[] = {
    { COVE_DTYPE_BOOL, BOOLS, 5, "\0\1\2\x80\xff", "\0\1\1\1\1" },
    { COVE_DTYPE_INT8, NEG, 4, "\0\1\x80\xff", "\0\xff\x80\1" },
    { COVE_DTYPE_UINT8, NEG, 2, "\1\xff", "\xff\1" },
    { COVE_DTYPE_INT16, NEG, 6, "\0\0\0\1\1\0", "\0\0\0\xff\xff\xff" },
    { COVE_DTYPE_INT32, NEG, 4, "\0\0\0\x80", "\0\0\0\x80" },
    { COVE_DTYPE_INT64, NEG, 8, "\0\0\0\0\5\0\0\0", "\0\0\0\0\xfb\xff\xff\xff" },
    { COVE_DTYPE_FLOAT16, NEG, 4, "\0\x3c\0\xbc", "\0\xbc\0\x3c" },
    { COVE_DTYPE_FLOAT64, NEG, 8, "\0\0\0\0\0\0\xf0\x3f", "\0\0\0\0\0\0\xf0\xbf" },
    { COVE_DTYPE_COMPLEX32, CONJ, 4, "\0\x3c\0\x3c", "\0\x3c\0\xbc" },
    { COVE_DTYPE_COMPLEX32, NEG, 4, "\0\x3c\0\x3c", "\0\xbc\0\xbc" },
    { COVE_DTYPE_COMPLEX32, CONJ | NEG, 4, "\0\x3c\0\x3c", "\0\xbc\0\x3c" },
    { COVE_DTYPE_COMPLEX64, CONJ, 10, "\0\0\x80\x3f\0\0\x80\x3f\0\x80", "\0\0\x80\x3f\0\0\x80\xbf\0\x80" },
};

static void test_bytes(void **state)
{
    (void)state;
    if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
        skip();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t bytes[16];
        memcpy(bytes, cases[i].before, cases[i].size);
        cove__resolve_view(bytes, cases[i].size, cases[i].dtype, cases[i].math);
        assert_memory_equal(bytes, cases[i].after, cases[i].size);
        assert_true(cove__can_resolve_view(cases[i].dtype, cases[i].math));
    }
}

static void test_what_torch_lacks(void **state)
{
    (void)state;
    assert_false(cove__can_resolve_view(COVE_DTYPE_FLOAT32, CONJ));
    assert_false(cove__can_resolve_view(COVE_DTYPE_BOOL, NEG));
    assert_false(cove__can_resolve_view(COVE_DTYPE_UINT16, NEG));
    assert_false(cove__can_resolve_view(COVE_DTYPE_FLOAT8_E4M3FNUZ, NEG));
    assert_true(cove__can_resolve_view(COVE_DTYPE_FLOAT8_E4M3FNUZ, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_what_torch_lacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
