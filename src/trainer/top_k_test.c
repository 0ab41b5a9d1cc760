/* Which checkpoints stay: ModelCheckpoint's decisions, without a store. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "trainer/top_k.h"

static void add(struct cove__top_k *top, const char *path, float score)
{
    assert_true(cove__top_k_wants(top, score));
    assert_int_equal(cove__top_k_add(top, path, score), 0);
}

static void keeps_the_k_least(void **state)
{
    struct cove__top_k top = { .k = 2 };
    assert_null(cove__top_k_best(&top));
    add(&top, "a", 3);
    assert_null(cove__top_k_evicts(&top));
    add(&top, "b", 1);
    assert_string_equal(cove__top_k_evicts(&top)->path, "a");
    assert_false(cove__top_k_wants(&top, 3)); /* no better than the worst */
    assert_false(cove__top_k_wants(&top, 4));
    assert_false(cove__top_k_wants(&top, NAN));
    add(&top, "c", 2);
    assert_int_equal(top.n, 2);
    assert_string_equal(cove__top_k_best(&top)->path, "b");
    assert_string_equal(cove__top_k_worst(&top)->path, "c");
    cove__top_k_done(&top);
}

static void keeps_the_k_greatest(void **state)
{
    struct cove__top_k top = { .k = 1, .max = true };
    add(&top, "a", 3);
    assert_false(cove__top_k_wants(&top, 2));
    add(&top, "b", 4);
    assert_int_equal(top.n, 1);
    assert_string_equal(cove__top_k_best(&top)->path, "b");
    cove__top_k_done(&top);
}

static void minus_one_keeps_all_and_zero_none(void **state)
{
    struct cove__top_k all = { .k = -1 }, none = { .k = 0 };
    for (int i = 0; i < 50; i++) {
        char name[8];
        snprintf(name, sizeof name, "%d", i);
        add(&all, name, (float)i);
    }
    assert_int_equal(all.n, 50);
    assert_null(cove__top_k_evicts(&all));
    assert_false(cove__top_k_wants(&none, -1));
    cove__top_k_done(&all);
}

static void nan_counts_as_the_worst(void **state)
{
    struct cove__top_k top = { .k = 2 };
    add(&top, "nan", NAN);
    assert_true(isinf(cove__top_k_worst(&top)->score));
    add(&top, "a", 1e30f);
    add(&top, "b", 2e30f);
    assert_string_equal(cove__top_k_worst(&top)->path, "b");
    cove__top_k_done(&top);
}

static void first_of_equals_is_the_best_and_is_removed_first(void **state)
{
    struct cove__top_k top = { .k = 3 };
    add(&top, "a", 1);
    add(&top, "b", 1);
    add(&top, "c", 1);
    assert_string_equal(cove__top_k_best(&top)->path, "a");
    assert_string_equal(cove__top_k_evicts(&top)->path, "a");
    cove__top_k_done(&top);
}

/* As in a Python dict: a name has one score, the last, and keeps its place. */
static void a_name_has_one_score(void **state)
{
    struct cove__top_k top = { .k = -1 }, copy;
    add(&top, "a", 1);
    add(&top, "b", 2);
    add(&top, "a", 3);
    assert_int_equal(top.n, 2);
    assert_string_equal(top.items[0].path, "a");
    assert_true(top.items[0].score == 3);
    assert_int_equal(cove__top_k_copy(&top, &copy), 0);
    cove__top_k_done(&top);
    assert_true(cove__top_k_has(&copy, "a") && cove__top_k_has(&copy, "b") && !cove__top_k_has(&copy, "c"));
    cove__top_k_done(&copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_k_least),
        cmocka_unit_test(keeps_the_k_greatest),
        cmocka_unit_test(minus_one_keeps_all_and_zero_none),
        cmocka_unit_test(nan_counts_as_the_worst),
        cmocka_unit_test(first_of_equals_is_the_best_and_is_removed_first),
        cmocka_unit_test(a_name_has_one_score),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
