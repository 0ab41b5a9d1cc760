/* Names with values: what is gathered comes out whole, what cannot be a header is refused, and memory may fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "fs/pairs.h"

static void test_gathering(void **state)
{
    struct cove__pairs pairs = COVE__PAIRS_INIT;
    struct cove_pair *out = NULL;
    size_t n = 7;

    assert_int_equal(cove__pairs_take(&pairs, &out, &n), 0);
    assert_true(!out && n == 0);
    cove__pairs_add(&pairs, cove__slice_str("a"), cove__slice_str("1"));
    cove__pairs_add(&pairs, cove__slice_str("empty"), cove__slice("", 0));
    cove__pairs_add(&pairs, cove__slice("x\0y", 3), cove__slice("z\0", 2));
    assert_int_equal(cove__pairs_take(&pairs, &out, &n), 0);
    assert_int_equal(n, 3);
    static const char *const want[] = { "a", "1", "empty", "", "x", "z" };
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(out[i].name, want[2 * i]);
        assert_string_equal(out[i].value, want[2 * i + 1]);
    }
    struct cove_pair *copy = NULL;
    out[1].value = NULL;
    assert_int_equal(cove__pairs_copy(out, 3, &copy, &n), 0);
    assert_int_equal(n, 2);
    assert_string_equal(copy[1].name, "x");
    cove__free(copy);
    cove__free(out);
}

static void test_checks(void **state)
{
    static const struct {
        struct cove_pair pairs[2];
        size_t n;
        int code;
    } rows[] = {
        { { { "a", "1" }, { "B-2.c_", "x y" } }, 2, 0 },
        { { { "a", "" } }, 1, 0 },
        { { { "a", NULL } }, 1, 0 },
        { { { "", "1" } }, 1, COVE_EINVAL },
        { { { NULL, "1" } }, 1, COVE_EINVAL },
        { { { "a b", "1" } }, 1, COVE_EINVAL },
        { { { "a:", "1" } }, 1, COVE_EINVAL },
        { { { "\xc3\xa9", "1" } }, 1, COVE_EINVAL },
        { { { "Cove-Write", "1" } }, 1, COVE_EINVAL },
        { { { "a", "1\r\nx: y" } }, 1, COVE_EINVAL },
        { { { "a", "\xc3\xa9" } }, 1, COVE_EINVAL },
        { { { "a", " 1" } }, 1, COVE_EINVAL },
        { { { "a", "1" }, { "A", "2" } }, 2, COVE_EINVAL },
        { { { "a", "1" } }, COVE__PAIRS_MAX + 1, COVE_ELIMIT },
    };
    struct cove__ctx ctx = { .op = "set_metadata", .url = "s3://b/k" };
    struct cove_error err = COVE_ERROR_INIT;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(cove__metadata_check(rows[i].pairs, rows[i].n, true, &ctx, &err), rows[i].code);
    assert_int_equal(cove__metadata_check(rows[2].pairs, 1, false, &ctx, &err), COVE_EINVAL);
    assert_int_equal(cove__metadata_check(NULL, 1, false, &ctx, &err), COVE_EINVAL);
    assert_int_equal(cove__metadata_check(NULL, 0, false, &ctx, &err), 0);
}

static void test_no_memory(void **state)
{
    static const struct cove_pair given[] = { { "a", "1" }, { "b", "2" } };

    for (unsigned long i = 1; i < 10; i++) {
        struct cove_pair *out = NULL;
        size_t n = 0;
        cove__mem_fail(i, 1);
        int rc = cove__pairs_copy(given, 2, &out, &n);
        cove__mem_fail(0, 0);
        if (rc == 0) {
            assert_int_equal(n, 2);
            cove__free(out);
            return;
        }
        assert_true(rc == COVE_ENOMEM && !out && n == 0);
    }
    fail_msg("an allocation without end");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gathering),
        cmocka_unit_test(test_checks),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
