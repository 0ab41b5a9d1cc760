/* The transfer budget: its limit, the entitled buffer, the reuse of pages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/budget.h"
#include "base/mem.h"

#define PAGE ((size_t)1 << 20)

static void test_limit_and_entitlement(void **state)
{
    cove__budget_set(2 * PAGE);
    void *a = cove__budget_get(PAGE, false), *b = cove__budget_get(PAGE, false);
    assert_non_null(a);
    assert_non_null(b);
    assert_int_equal(cove__budget_used(), 2 * PAGE);
    assert_null(cove__budget_get(1, false));
    void *c = cove__budget_get(PAGE, true); /* over the limit, yet one buffer is everybody's right */
    assert_non_null(c);
    cove__budget_put(a, PAGE);
    assert_null(cove__budget_get(PAGE, false));
    cove__budget_put(b, PAGE);
    cove__budget_put(c, PAGE);
    cove__budget_put(NULL, PAGE);
    assert_int_equal(cove__budget_used(), 0);
}

static void test_pages_are_reused(void **state)
{
    cove__budget_set(2 * PAGE);
    void *a = cove__budget_get(PAGE, false);
    cove__budget_put(a, PAGE);
    cove__mem_fail(1, 1);
    void *b = cove__budget_get(PAGE, false); /* needs no new memory */
    void *other = cove__budget_get(PAGE / 2, false);
    cove__mem_fail(0, 0);
    assert_ptr_equal(a, b);
    assert_null(other);
    assert_int_equal(cove__budget_used(), PAGE);
    cove__budget_put(b, PAGE);
    void *whole = cove__budget_get(2 * PAGE, false); /* kept pages make way */
    assert_non_null(whole);
    cove__budget_put(whole, 2 * PAGE);
    cove__budget_set(0);
    assert_null(cove__budget_get(SIZE_MAX, false));
    assert_int_equal(cove__budget_used(), 0);
}

static void test_very_large_buffers_are_not_kept(void **state)
{
    size_t large = (64 << 20) + 1;

    cove__budget_set(4 * large);
    cove__budget_put(cove__budget_get(large, false), large);
    cove__mem_fail(1, 1);
    assert_null(cove__budget_get(large, false));
    cove__mem_fail(0, 0);
    assert_int_equal(cove__budget_used(), 0);
}

/* A stream whose reads grow must not leave a trail of the sizes that it had. */
static void test_other_sizes_make_way(void **state)
{
    cove__budget_set(64 * PAGE);
    void *a = cove__budget_get(PAGE, false), *b = cove__budget_get(PAGE, false);
    cove__budget_put(a, PAGE);
    cove__budget_put(b, PAGE);
    void *larger = cove__budget_get(2 * PAGE, false);
    assert_non_null(larger);
    cove__mem_fail(1, 1);
    assert_null(cove__budget_get(PAGE, false)); /* none was kept */
    cove__mem_fail(0, 0);
    cove__budget_put(larger, 2 * PAGE);
    cove__budget_set(0);
    assert_int_equal(cove__budget_used(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limit_and_entitlement),
        cmocka_unit_test(test_pages_are_reused),
        cmocka_unit_test(test_very_large_buffers_are_not_kept),
        cmocka_unit_test(test_other_sizes_make_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
