/* Unit tests of back references: their targets, their lifetime, and saving. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "checkpoint/testing.h"
#include "checkpoint/unpickle.h"

static cove_value *unpickle(struct cove__slice pickle)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct cove__storage_finder finder = { NULL, NULL };
    cove_value *tree = NULL;
    if (cove__unpickle(pickle, &finder, &tree, &err) < 0)
        fail_msg("%s", err.message);
    return tree;
}

/* {"a": [[the list above], 1]}: the inner list refers to the outer one. */
static cove_value *make(void)
{
    return unpickle(TEXT("\x80\x02}X\1\0\0\0a]q\0(]h\0aK\1es."));
}

static void test_target(void **state)
{
    cove_value *tree = make(), *list = cove_value_dict_get(tree, "a"), *reference = cove_value_find(tree, "a.0.0");
    int64_t i = 0;
    struct cove_error err = COVE_ERROR_INIT;
    (void)state;
    assert_int_equal(cove_value_type(reference), COVE_VALUE_BACK_REFERENCE);
    assert_string_equal(cove_value_type_name(COVE_VALUE_BACK_REFERENCE), "back reference");
    assert_ptr_equal(cove_value_back_reference_target(reference), list);
    assert_null(cove_value_back_reference_target(list));
    assert_null(cove_value_back_reference_target(NULL));
    assert_int_equal(cove_value_length(reference), 0);
    assert_null(cove_value_find(tree, "a.0.0.0")); /* a look-up does not follow it */
    assert_int_equal(cove_value_get_int(reference, &i, &err), COVE_EMISMATCH);
    assert_string_equal(err.message, "expected int, got back reference");
    cove_value_unref(tree);
}

static void test_outlives_its_target(void **state)
{
    cove_value *tree = make();
    cove_value *inner = cove_value_ref(cove_value_find(tree, "a.0"));
    cove_value *reference = cove_value_ref(cove_value_item(inner, 0));
    (void)state;
    assert_non_null(cove_value_back_reference_target(reference));
    cove_value_unref(tree);
    assert_null(cove_value_back_reference_target(reference));
    cove_value_unref(inner);
    assert_null(cove_value_back_reference_target(reference));
    cove_value_unref(reference);
}

static int save(const cove_value *tree, struct cove__buf *out, struct cove_error *err)
{
    uint64_t size = 0;
    cove__buf_init(out, TESTING_MAX);
    return testing_save(&cove__torch_format, tree, out, &size, err);
}

static void test_saved_again(void **state)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_value *tree = make(), *again = NULL;
    struct cove__buf out, shown = COVE__BUF_INIT(TESTING_MAX);
    (void)state;
    if (save(tree, &out, &err) < 0)
        fail_msg("%s", err.message);
    struct testing_file file = { .bytes = cove__buf_slice(&out) };
    assert_int_equal(testing_load(&cove__torch_format, &file, COVE__SOURCE_HEAD, 0, &again, &err), 0);
    testing_describe(again, &shown);
    assert_string_equal(cove__buf_str(&shown), "{'a': [[<list above>], 1]}");
    assert_ptr_equal(cove_value_back_reference_target(cove_value_find(again, "a.0.0")),
                     cove_value_dict_get(again, "a"));
    cove__buf_done(&shown);
    cove__buf_done(&out);
    cove_value_unref(again);
    cove_value_unref(tree);
}

/* The target is not in the saved part, or has been freed. */
static void test_not_saved(void **state)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_value *tree = make(), *inner = cove_value_ref(cove_value_find(tree, "a.0"));
    struct cove__buf out;
    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(save(inner, &out, &err), COVE_ENOTSUP);
        assert_string_equal(err.message, "\"0\" refers to a container that is not saved");
        cove__buf_done(&out);
        cove_value_unref(tree); /* the second time, it has been freed */
        tree = NULL;
    }
    cove_value_unref(inner);
}

/* Many more than the saver's table has slots at first. */
static void test_many(void **state)
{
    struct cove__buf p = COVE__BUF_INIT(TESTING_MAX), out;
    struct cove_error err = COVE_ERROR_INIT;
    (void)state;
    cove__buf_add_slice(&p, TEXT("\x80\x02]("));
    for (int i = 0; i < 1000; i++)
        cove__buf_add_slice(&p, TEXT("]q\0h\0a"));
    cove__buf_add_str(&p, "e.");
    cove_value *tree = unpickle(cove__buf_slice(&p)), *again = NULL;
    assert_int_equal(save(tree, &out, &err), 0);
    struct testing_file file = { .bytes = cove__buf_slice(&out) };
    assert_int_equal(testing_load(&cove__torch_format, &file, COVE__SOURCE_HEAD, 0, &again, &err), 0);
    assert_int_equal(cove_value_length(again), 1000);
    for (size_t i = 0; i < 1000; i++) {
        cove_value *list = cove_value_item(again, i);
        assert_ptr_equal(cove_value_back_reference_target(cove_value_item(list, 0)), list);
    }
    cove__buf_done(&p);
    cove__buf_done(&out);
    cove_value_unref(tree);
    cove_value_unref(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_target),      cmocka_unit_test(test_outlives_its_target),
        cmocka_unit_test(test_saved_again), cmocka_unit_test(test_not_saved),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
