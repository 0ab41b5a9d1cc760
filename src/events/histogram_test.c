/* Buckets of histograms: TensorFlow's edges, the empty one in front, and numbers that are not finite. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <cove/error.h>

#include "base/mem.h"
#include "events/histogram.h"

#define NEAR(a, b) assert_true(fabs((a) - (b)) <= 1e-9 * fabs(b))

static void test_buckets_hold_their_values(void **state)
{
    const float values[] = { 0.5f, 0.5f, 2.0f, -1.0f, 0.0f };
    struct cove__histogram h;
    uint64_t counted = 0;

    (void)state;
    assert_int_equal(cove__histogram_make(values, 5, &h), 0);
    assert_true(h.min == -1 && h.max == 2 && h.sum == 2 && h.sum_squares == 5.5);
    assert_int_equal(h.count, 5);
    assert_int_equal(h.counts[0], 0); /* its limit is the lower edge of the first one that holds something */
    assert_true(h.limits[0] <= -1 && h.limits[1] > -1);
    assert_int_equal(h.counts[1], 1);
    assert_true(h.limits[h.n - 1] > 2 && h.limits[h.n - 2] <= 2);
    assert_int_equal(h.counts[h.n - 1], 1);
    for (size_t i = 1; i < h.n; i++) {
        uint64_t inside = 0;

        for (size_t v = 0; v < 5; v++)
            inside += values[v] >= h.limits[i - 1] && values[v] < h.limits[i];
        assert_int_equal(h.counts[i], inside);
        counted += inside;
    }
    assert_int_equal(counted, 5);
    cove__histogram_done(&h);
}

static void test_edges_grow_by_a_tenth(void **state)
{
    const float values[] = { 2e-12f, 1e3f };
    struct cove__histogram h;

    (void)state;
    assert_int_equal(cove__histogram_make(values, 2, &h), 0);
    NEAR(h.limits[1] / h.limits[0], 1.1);
    for (size_t i = 3; i < h.n; i++)
        NEAR(h.limits[i] / h.limits[i - 1], 1.1);
    cove__histogram_done(&h);
}

static void test_the_largest_floats(void **state)
{
    const float values[] = { FLT_MAX, -FLT_MAX };
    struct cove__histogram h;

    (void)state;
    assert_int_equal(cove__histogram_make(values, 2, &h), 0);
    assert_true(h.limits[h.n - 1] == DBL_MAX);
    assert_int_equal(h.counts[h.n - 1], 1);
    assert_true(h.limits[0] == -DBL_MAX);
    assert_int_equal(h.counts[0], 0);
    assert_int_equal(h.counts[1], 1);
    cove__histogram_done(&h);
}

static void test_what_is_not_finite_is_left_out(void **state)
{
    const float values[] = { NAN, 1.0f, INFINITY, -INFINITY };
    struct cove__histogram h;

    (void)state;
    assert_int_equal(cove__histogram_make(values, 4, &h), 0);
    assert_int_equal(h.count, 1);
    assert_true(h.min == 1 && h.max == 1 && h.sum == 1);
    assert_int_equal(h.n, 2);
    cove__histogram_done(&h);
    assert_int_equal(cove__histogram_make(values, 1, &h), COVE_EINVAL);
    assert_int_equal(cove__histogram_make(values, 0, &h), COVE_EINVAL);
    cove__mem_fail(1, 0);
    assert_int_equal(cove__histogram_make(values, 4, &h), COVE_ENOMEM);
    cove__mem_fail(0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buckets_hold_their_values),
        cmocka_unit_test(test_edges_grow_by_a_tenth),
        cmocka_unit_test(test_the_largest_floats),
        cmocka_unit_test(test_what_is_not_finite_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
