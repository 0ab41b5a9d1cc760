/* What a large read does on stores of several kinds. */
#include "fs/pace.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MIB ((size_t)1 << 20)
#define MS  INT64_C(1000000)

/* `n` replies of 8 MiB, one each `every` ns. */
static int64_t replies(struct cove__pace *pace, unsigned n, int64_t wait_ns, int64_t took_ns, int64_t every,
                       int64_t now_ns)
{
    for (unsigned i = 0; i < n; i++) {
        now_ns += every;
        cove__pace_took(pace, 8 * MIB, wait_ns, took_ns, pace->wanted - 1, now_ns);
    }
    return now_ns;
}

static void far_away(void **state)
{
    (void)state;
    struct cove__pace pace;
    cove__pace_begin(&pace, 16, 8 * MIB, 0);
    assert_int_equal(cove__pace_next(&pace, 1024 * MIB), 8 * MIB); /* nothing is known yet */
    replies(&pace, 16, 30 * MS, 80 * MS, 5 * MS, 0);
    assert_int_equal(pace.wanted, 16);
    assert_int_equal(cove__pace_next(&pace, 896 * MIB), 42 * MIB);
    assert_int_equal(cove__pace_next(&pace, 16384 * MIB), 128 * MIB); /* never more */
    assert_int_equal(cove__pace_next(&pace, 100 * MIB), 8 * MIB);     /* the last ones are small */
    assert_int_equal(cove__pace_next(&pace, 0), 8 * MIB);
}

static void near_by(void **state)
{
    (void)state;
    struct cove__pace pace;
    cove__pace_begin(&pace, 16, 8 * MIB, 0);
    int64_t now = replies(&pace, 15, MS, 80 * MS, 5 * MS, 0);
    assert_int_equal(pace.wanted, 16);
    now = replies(&pace, 1, MS, 80 * MS, 5 * MS, now);
    assert_int_equal(pace.wanted, 4);
    assert_int_equal(cove__pace_next(&pace, 896 * MIB), 8 * MIB);
    now = replies(&pace, 9, MS, 20 * MS, 5 * MS, now);
    now = replies(&pace, 100, MS, 20 * MS, 5 * MS, now);
    assert_int_equal(pace.wanted, 4);
}

/* Each connection has a limit of its own: four carry a quarter of what sixteen do. */
static void near_by_but_slow(void **state)
{
    (void)state;
    struct cove__pace pace;
    cove__pace_begin(&pace, 16, 8 * MIB, 0);
    int64_t now = replies(&pace, 16, MS, 80 * MS, 5 * MS, 0);
    assert_int_equal(pace.wanted, 4);
    now = replies(&pace, 1, MS, 80 * MS, 5 * MS, now); /* those from before: they tell nothing */
    now = replies(&pace, 7, MS, 80 * MS, 20 * MS, now);
    assert_int_equal(pace.wanted, 4);
    now = replies(&pace, 1, MS, 80 * MS, 20 * MS, now);
    assert_int_equal(pace.wanted, 16);
    replies(&pace, 100, MS, 80 * MS, 20 * MS, now);
    assert_int_equal(pace.wanted, 16);
}

static void one_at_a_time(void **state)
{
    (void)state;
    struct cove__pace pace;
    cove__pace_begin(&pace, 1, 8 * MIB, 0);
    replies(&pace, 3, 0, 0, 0, 0); /* of a disk, which tells no times */
    assert_int_equal(pace.wanted, 1);
    assert_int_equal(cove__pace_next(&pace, 900 * MIB), 8 * MIB);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(far_away), cmocka_unit_test(near_by),
                                        cmocka_unit_test(near_by_but_slow), cmocka_unit_test(one_at_a_time) };
    return cmocka_run_group_tests_name("fs_pace", tests, NULL, NULL);
}
