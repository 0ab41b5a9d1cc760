/* What a large read asks for, of stores near and far. */
#include "fs/pace.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MIB ((size_t)1 << 20)
#define MS  INT64_C(1000000)

static void far_away(void **state)
{
    (void)state;
    struct cove__pace pace;
    cove__pace_begin(&pace, 16, 8 * MIB);
    assert_int_equal(cove__pace_next(&pace, 1024 * MIB), 8 * MIB); /* nothing is known yet */
    for (int i = 0; i < 16; i++)
        cove__pace_took(&pace, 30 * MS, 80 * MS);
    assert_int_equal(cove__pace_next(&pace, 896 * MIB), 42 * MIB);
    assert_int_equal(cove__pace_next(&pace, 16384 * MIB), 128 * MIB); /* never more */
    assert_int_equal(cove__pace_next(&pace, 100 * MIB), 8 * MIB);     /* the last ones are small */
    assert_int_equal(cove__pace_next(&pace, 0), 8 * MIB);
}

static void near_by(void **state)
{
    (void)state;
    struct cove__pace pace;
    cove__pace_begin(&pace, 16, 8 * MIB);
    for (int i = 0; i < 100; i++)
        cove__pace_took(&pace, MS, 80 * MS);
    assert_int_equal(cove__pace_next(&pace, 896 * MIB), 8 * MIB);
}

/* A disk reports no times; parts as large as memory do not overflow. */
static void odd_ones(void **state)
{
    (void)state;
    struct cove__pace pace;
    cove__pace_begin(&pace, 1, 8 * MIB);
    cove__pace_took(&pace, 0, 0);
    assert_int_equal(cove__pace_next(&pace, 900 * MIB), 8 * MIB);
    cove__pace_begin(&pace, 1, SIZE_MAX / 8);
    cove__pace_took(&pace, MS, MS);
    assert_int_equal(cove__pace_next(&pace, SIZE_MAX), SIZE_MAX / 4 * 3 & ~(MIB - 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(far_away), cmocka_unit_test(near_by),
                                        cmocka_unit_test(odd_ones) };
    return cmocka_run_group_tests_name("fs_pace", tests, NULL, NULL);
}
