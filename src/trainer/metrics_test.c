/* Unit tests of the table of metrics: names from checkpoints, and the limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "trainer/metrics.h"

#define BOTH (COVE_LOG_ON_STEP | COVE_LOG_ON_EPOCH)

/* { "epoch": { name: [sum, weight, flags, last] }, "newest": { name: 1 } }; NULL: without. */
static cove_value *saved(const char *epoch, int64_t flags, const char *newest)
{
    cove_value *dict = cove_value_new_dict(), *names = cove_value_new_dict(), *list = cove_value_new_list();
    assert_int_equal(cove_value_append(list, cove_value_new_float(6), NULL), 0);
    assert_int_equal(cove_value_append(list, cove_value_new_float(3), NULL), 0);
    assert_int_equal(cove_value_append(list, cove_value_new_int(flags), NULL), 0);
    assert_int_equal(cove_value_append(list, cove_value_new_float(1), NULL), 0);
    if (epoch)
        assert_int_equal(cove_value_dict_set(names, epoch, list, NULL), 0);
    else
        cove_value_unref(list);
    assert_int_equal(cove_value_dict_set(dict, "epoch", names, NULL), 0);
    names = cove_value_new_dict();
    if (newest)
        assert_int_equal(cove_value_dict_set(names, newest, cove_value_new_float(1), NULL), 0);
    assert_int_equal(cove_value_dict_set(dict, "newest", names, NULL), 0);
    return dict;
}

static void test_names_that_nobody_can_log(void **state)
{
    static char long_name[1026];
    memset(long_name, 'n', sizeof long_name - 1);
    const char *names[] = { "", "a\nb", "\x1b]0;title\a", "\xed\xb2\x80x", "\xff", long_name };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        for (int newest = 0; newest < 2; newest++) {
            struct cove__metrics m = { 0 };
            struct cove_error err = COVE_ERROR_INIT;
            cove_value *dict = saved(newest ? NULL : names[i], BOTH, newest ? names[i] : NULL);
            assert_int_equal(cove__metrics_load(&m, dict, true, &err), COVE_EMISMATCH);
            assert_non_null(strstr(err.message, "cove.metrics in the checkpoint"));
            cove_value_unref(dict);
            cove__metrics_done(&m);
        }
    }
}

static void test_flags_of_a_checkpoint(void **state)
{
    const int64_t wrong[] = { 0, -1, 1024, COVE_LOG_PROG_BAR, INT64_MAX };
    struct cove__metrics m = { 0 };
    struct cove_error err = COVE_ERROR_INIT;
    cove_value *dict;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        dict = saved("loss", wrong[i], NULL);
        assert_int_equal(cove__metrics_load(&m, dict, true, NULL), COVE_EMISMATCH);
        cove_value_unref(dict);
    }
    /* The module may have changed since: its own flags count, and the sum stays. */
    dict = saved("loss", COVE_LOG_ON_EPOCH, NULL);
    assert_int_equal(cove__metrics_load(&m, dict, true, NULL), 0);
    assert_int_equal(cove__metrics_log(&m, COVE__PHASE_TRAIN, "loss", 10, 1, BOTH, &err), 0);
    assert_int_equal(cove__metrics_publish(&m, COVE__PHASE_TRAIN, false, NULL), 0);
    assert_non_null(cove__metrics_find(&m, "loss_epoch"));
    assert_float_equal(cove__metrics_find(&m, "loss_epoch")->value, 4, 0);
    /* Two calls of this run must still agree. */
    assert_int_equal(cove__metrics_log(&m, COVE__PHASE_TRAIN, "loss", 10, 1, COVE_LOG_ON_EPOCH, &err), COVE_EINVAL);
    cove_value_unref(dict);
    cove__metrics_done(&m);
}

static void test_too_many(void **state)
{
    struct cove__metrics m = { 0 };
    struct cove_error err = COVE_ERROR_INIT;
    char name[32];
    int rc = 0, n = 0;
    while (rc == 0 && n < 70000) {
        snprintf(name, sizeof name, "metric %d", n);
        rc = cove__metrics_log(&m, COVE__PHASE_VAL, name, n, 1, COVE_LOG_ON_EPOCH, &err);
        n += rc == 0;
    }
    assert_int_equal(rc, COVE_ELIMIT);
    assert_int_equal(n, 65536);
    assert_non_null(strstr(err.message, "65536"));
    assert_int_equal(cove__metrics_publish(&m, COVE__PHASE_VAL, false, NULL), 0);
    assert_float_equal(cove__metrics_find(&m, "metric 65535")->value, 65535, 0);
    assert_null(cove__metrics_find(&m, "metric 65536"));
    cove__metrics_forget(&m, COVE__PHASE_VAL);
    assert_int_equal(cove__metrics_log(&m, COVE__PHASE_VAL, name, 1, 1, COVE_LOG_ON_STEP, NULL), 0);
    cove__metrics_done(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_that_nobody_can_log),
        cmocka_unit_test(test_flags_of_a_checkpoint),
        cmocka_unit_test(test_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
