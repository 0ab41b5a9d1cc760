/* Unit tests of the tree of values: containers, typed reads, paths, tensors over memory and copies between strides. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "checkpoint/testing.h"

static cove_value *must_int(int64_t i)
{
    cove_value *value = cove_value_new_int(i);
    assert_non_null(value);
    return value;
}

static void test_lists(void **state)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_value *list = cove_value_new_list(), *tuple = cove_value_new_tuple(), *shared = must_int(7);
    (void)state;
    for (int64_t i = 0; i < 1000; i++)
        assert_int_equal(cove_value_append(list, must_int(i), &err), 0);
    assert_int_equal(cove_value_append(tuple, cove_value_ref(shared), &err), 0);
    assert_int_equal(cove_value_append(tuple, shared, &err), 0);
    assert_int_equal(cove_value_length(list), 1000);
    assert_int_equal(cove_value_item(list, 999)->u.i, 999);
    assert_null(cove_value_item(list, 1000));
    assert_ptr_equal(cove_value_item(tuple, 0), cove_value_item(tuple, 1));
    assert_int_equal(cove_value_append(shared, must_int(1), &err), COVE_EINVAL);
    assert_non_null(strstr(err.message, "expected list or tuple, got int"));
    assert_int_equal(cove_value_append(list, NULL, &err), COVE_ENOMEM);
    assert_int_equal(cove_value_append(NULL, must_int(1), &err), COVE_EINVAL);
    cove_value_unref(list);
    cove_value_unref(tuple);
}

static void test_dicts(void **state)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_value *dict = cove_value_new_dict();
    (void)state;
    for (int64_t i = 0; i < 500; i++) { /* past the point where a table is made */
        char key[16];
        snprintf(key, sizeof(key), "%d", (int)i);
        assert_int_equal(cove_value_dict_set(dict, key, must_int(i), &err), 0);
        assert_int_equal(cove_value_dict_set_by_int(dict, i, must_int(-i), &err), 0);
    }
    assert_int_equal(cove_value_length(dict), 1000);
    assert_string_equal(cove_value_key_name(dict, 2), "1");
    assert_null(cove_value_key_name(dict, 3));
    assert_int_equal(cove_value_key(dict, 3)->u.i, 1);
    assert_null(cove_value_key(dict, 1000));
    for (int64_t i = 0; i < 500; i++) { /* "7" and 7 are two keys, as in Python */
        char key[16];
        snprintf(key, sizeof(key), "%d", (int)i);
        assert_int_equal(cove_value_dict_get(dict, key)->u.i, i);
        assert_int_equal(cove_value_dict_get_by_int(dict, i)->u.i, -i);
    }
    assert_int_equal(cove_value_dict_set(dict, "7", must_int(1234), &err), 0); /* in its old place */
    assert_int_equal(cove_value_length(dict), 1000);
    assert_int_equal(cove_value_item(dict, 14)->u.i, 1234);
    assert_null(cove_value_dict_get(dict, "500"));
    assert_null(cove_value_dict_get_by_int(dict, 500));
    assert_null(cove_value_dict_get(NULL, "x"));
    assert_int_equal(cove_value_dict_set(dict, NULL, must_int(1), &err), COVE_EINVAL);
    assert_int_equal(cove_value_dict_set(cove_value_item(dict, 0), "x", must_int(1), &err), COVE_EINVAL);
    assert_int_equal(cove_value_dict_set(dict, "new", NULL, &err), COVE_ENOMEM);
    assert_int_equal(cove_value_length(dict), 1000);
    cove_value_unref(dict);
}

static void test_typed_reads(void **state)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_value *yes = cove_value_new_bool(5), *two = must_int(2), *half = cove_value_new_float(0.5);
    cove_value *text = cove_value_new_string("text"), *bytes = cove_value_new_bytes("\0x", 2);
    int b = 0;
    int64_t i = 0;
    double d = 0;
    const char *s = NULL;
    const void *p = NULL;
    size_t n = 0;
    struct cove_tensor_view view;
    (void)state;
    assert_int_equal(cove_value_get_bool(yes, &b, &err), 0);
    assert_int_equal(b, 1);
    assert_int_equal(cove_value_get_int(yes, &i, &err), 0);
    assert_int_equal(i, 1);
    assert_int_equal(cove_value_get_float(two, &d, &err), 0);
    assert_true(d == 2.0);
    assert_int_equal(cove_value_get_string(text, &s, &n, &err), 0);
    assert_string_equal(s, "text");
    assert_int_equal(n, 4);
    assert_int_equal(cove_value_get_bytes(bytes, &p, &n, &err), 0);
    assert_memory_equal(p, "\0x", 2);
    assert_int_equal(cove_value_get_int(half, &i, &err), COVE_EMISMATCH);
    assert_string_equal(err.message, "expected int, got float");
    assert_int_equal(cove_value_get_bool(two, &b, &err), COVE_EMISMATCH);
    assert_int_equal(cove_value_get_string(bytes, &s, &n, &err), COVE_EMISMATCH);
    assert_int_equal(cove_value_get_bytes(text, &p, &n, &err), COVE_EMISMATCH);
    assert_int_equal(cove_value_get_float(text, &d, &err), COVE_EMISMATCH);
    assert_int_equal(cove_value_get_tensor(text, &view, &err), COVE_EMISMATCH);
    assert_int_equal(cove_value_get_int(NULL, &i, &err), COVE_EMISMATCH);
    assert_int_equal(i, 1); /* untouched */
    assert_string_equal(cove_value_type_name(cove_value_type(half)), "float");
    cove_value *all[] = { yes, two, half, text, bytes };
    for (size_t k = 0; k < 5; k++)
        cove_value_unref(all[k]);
}

/* {"a": {"b.c": 1, "b": {"c": 2, "d": [10, 11]}}, "0": {3: 4}, 5: 6, "a.b": {"x": 7}} */
static void test_paths(void **state)
{
    cove_value *tree = cove_value_new_dict(), *a = cove_value_new_dict(), *b = cove_value_new_dict();
    cove_value *d = cove_value_new_list(), *zero = cove_value_new_dict(), *ab = cove_value_new_dict();
    (void)state;
    cove_value_append(d, must_int(10), NULL);
    cove_value_append(d, must_int(11), NULL);
    cove_value_dict_set(b, "c", must_int(2), NULL);
    cove_value_dict_set(b, "d", d, NULL);
    cove_value_dict_set(a, "b.c", must_int(1), NULL);
    cove_value_dict_set(a, "b", b, NULL);
    cove_value_dict_set_by_int(zero, 3, must_int(4), NULL);
    cove_value_dict_set(ab, "x", must_int(7), NULL);
    cove_value_dict_set(tree, "a", a, NULL);
    cove_value_dict_set(tree, "0", zero, NULL);
    cove_value_dict_set_by_int(tree, 5, must_int(6), NULL);
    cove_value_dict_set(tree, "a.b", ab, NULL);
    const struct {
        const char *path;
        int64_t value; /* -1: there is none */
    } paths[] = {
        { "a.b.c", 1 },  { "a.b.x", 7 },     { "a.b.d.1", 11 }, { "a.b.d.2", -1 }, { "a.b.d.-1", -1 },
        { "0.3", 4 },    { "5", 6 },         { "5.0", -1 },     { "", -1 },        { ".", -1 },
        { "a.b.e", -1 }, { "a.b.d.+1", -1 }, { "a..b", -1 },    { "0.3.", -1 },
    };
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        cove_value *found = cove_value_find(tree, paths[i].path);
        if (paths[i].value < 0 ? !!found : !found || found->u.i != paths[i].value)
            fail_msg("path \"%s\"", paths[i].path);
    }
    char path[8];
    cove__tree_path(tree, cove_value_item(d, 1), path, sizeof(path));
    assert_string_equal(path, "a.b.d.1");
    cove_value_unref(tree);
}

/* Numbers in a path are those that Python writes. */
static void test_numbers_in_paths(void **state)
{
    static const uint8_t huge[9] = { 1, [8] = 0x80 };
    static const struct {
        const char *path;
        int64_t value; /* -1: there is none */
    } paths[] = {
        { "[-2361183241434822606847]", 1 },
        { "-2361183241434822606847", 1 },
        { "[-2361183241434822606848]", -1 },
        { "[2361183241434822606847]", -1 },
        { "[1]", 3 },
        { "1", 3 },
        { "[1.0]", 3 },
        { "[10e-1]", 3 },
        { "[True]", 3 },
        { "[0.5]", 4 },
        { "[5e-1]", 4 },
        { "[-9223372036854775808]", 5 },
        { "-9223372036854775808", 5 },
        { "[-inf]", 6 },
        { "[None]", 7 },
        { "[0]", 8 },
        { "[-0.0]", 8 },
        { "[255]", 9 },
        { "[-128]", 10 },
        { "[9223372036854775808]", 11 },
        { "[9223372036854775809]", 12 },
        { "9223372036854775809", 12 },
        { "[9223372036854775810]", -1 },
        { "[9223372036854775900]", -1 },
        { "[-9223372036854775809]", -1 },
        { "[ 1]", -1 },
        { "[1 ]", -1 },
        { "[\t1]", -1 },
        { "\t1", -1 },
        { "\n1", -1 },
        { "+1", -1 },
        { "01", -1 },
        { "[01]", -1 },
        { "[-01]", -1 },
        { "-0", -1 },
        { "[0x1]", -1 },
        { "[0x.8]", -1 },
        { "[.5]", -1 },
        { "[infinity]", -1 },
        { "[nan]", -1 },
        { "[]", -1 },
        { "[-]", -1 },
        { "[5e]", -1 },
        { "[5e-]", -1 },
    };
    cove_value *tree = cove_value_new_dict();
    (void)state;
    const struct {
        cove_value *key;
        int64_t value;
    } items[] = { { cove_value_new_big_int(huge, 9), 1 },
                  { must_int(1), 3 },
                  { cove_value_new_float(0.5), 4 },
                  { must_int(INT64_MIN), 5 },
                  { cove_value_new_float(-INFINITY), 6 },
                  { cove_value_new_none(), 7 },
                  { must_int(0), 8 },
                  { must_int(255), 9 },
                  { must_int(-128), 10 },
                  { cove_value_new_big_int("\0\0\0\0\0\0\0\x80\0", 9), 11 },
                  { cove_value_new_big_int("\1\0\0\0\0\0\0\x80\0", 9), 12 } };
    for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++)
        assert_int_equal(cove_value_dict_set_by_value(tree, items[i].key, must_int(items[i].value), NULL), 0);
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        cove_value *found = cove_value_find(tree, paths[i].path);
        if (paths[i].value < 0 ? !!found : !found || found->u.i != paths[i].value)
            fail_msg("path \"%s\"", paths[i].path);
    }
    cove_value_unref(tree);
}

/* Only what has become a key can't grow: not what was looked up or refused. */
static void test_frozen_tuples(void **state)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_value *dict = cove_value_new_dict(), *in = cove_value_new_tuple(), *key = cove_value_new_tuple();
    cove_value *equal = cove_value_new_tuple(), *bad = cove_value_new_tuple();
    (void)state;
    assert_int_equal(cove_value_append(key, cove_value_ref(in), &err), 0);
    assert_int_equal(cove_value_append(bad, cove_value_ref(in), &err), 0);
    assert_int_equal(cove_value_append(bad, cove_value_new_list(), &err), 0);
    assert_int_equal(cove_value_append(equal, cove_value_new_tuple(), &err), 0);
    assert_null(cove_value_dict_get_by_value(dict, key));
    assert_int_equal(cove_value_dict_set_by_value(dict, cove_value_ref(bad), must_int(1), &err), COVE_EINVAL);
    assert_int_equal(cove_value_append(bad, must_int(1), &err), 0);
    assert_int_equal(cove_value_append(in, must_int(1), &err), 0);
    assert_int_equal(cove_value_append(cove_value_item(equal, 0), must_int(1), &err), 0);
    assert_int_equal(cove_value_dict_set_by_value(dict, cove_value_ref(key), must_int(1), &err), 0);
    assert_int_equal(cove_value_dict_set_by_value(dict, cove_value_ref(equal), must_int(2), &err), 0);
    assert_int_equal(cove_value_append(key, must_int(2), &err), COVE_EINVAL);
    assert_int_equal(cove_value_append(in, must_int(2), &err), COVE_EINVAL);
    assert_int_equal(cove_value_append(equal, must_int(2), &err), 0); /* the older key stayed */
    cove_value *all[] = { dict, in, key, equal, bad };
    for (size_t i = 0; i < 5; i++)
        cove_value_unref(all[i]);
}

/* A tree a million levels deep is freed, and refused by walks. */
static void test_deep_tree(void **state)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_value *tree = cove_value_new_list(), **tensors = NULL;
    size_t n = 0;
    (void)state;
    for (int i = 0; i < 1000000; i++) {
        cove_value *outer = cove_value_new_list();
        assert_int_equal(cove_value_append(outer, tree, &err), 0);
        tree = outer;
    }
    assert_int_equal(cove__tree_tensors(tree, &tensors, &n, &err), COVE_ELIMIT);
    cove_value_unref(tree);
}

/* ---- tensors ---- */

static void test_dtypes(void **state)
{
    const struct cove__dtype_info *info;
    (void)state;
    for (size_t i = 0; (info = cove__dtype_row(i)); i++) {
        assert_int_equal(info->dtype, i + 1);
        assert_ptr_equal(cove__dtype_info(info->dtype), info);
        assert_string_equal(cove_dtype_name(info->dtype), info->name);
        assert_int_equal(info->size % info->swap, 0);
    }
    assert_int_equal(cove_dtype_size(COVE_DTYPE_UINT64), 8);
    assert_int_equal(cove_dtype_size(COVE_DTYPE_COMPLEX128), 16);
    assert_int_equal(cove_dtype_size((enum cove_dtype)0), 0);
    assert_string_equal(cove_dtype_name((enum cove_dtype)99), "unknown");
}

static void test_bad_tensors(void **state)
{
    float memory[4] = { 0 };
    int64_t one = 1, minus = -1, huge = INT64_MAX, many[COVE_TENSOR_MAX_DIMS + 1];
    int64_t wide[3] = { (int64_t)1 << 31, (int64_t)1 << 31, (int64_t)1 << 31 };
    cove_value *value = NULL;
    (void)state;
    for (size_t i = 0; i <= COVE_TENSOR_MAX_DIMS; i++)
        many[i] = 1;
    const struct cove_tensor_view bad[] = {
        { (enum cove_dtype)0, 1, &one, NULL, memory },
        { (enum cove_dtype)(COVE_DTYPE_FLOAT4_E2M1FN_X2 + 1), 1, &one, NULL, memory },
        { COVE_DTYPE_FLOAT32, 1, NULL, NULL, memory },
        { COVE_DTYPE_FLOAT32, 1, &minus, NULL, memory },
        { COVE_DTYPE_FLOAT32, 1, &one, &minus, memory },
        { COVE_DTYPE_FLOAT32, 1, &huge, NULL, memory },
        { COVE_DTYPE_UINT16, 1, &huge, NULL, memory },
        { COVE_DTYPE_UINT8, 3, wide, NULL, memory },
        { COVE_DTYPE_UINT8, 3, wide, wide, memory },
        { COVE_DTYPE_FLOAT32, 1, &one, NULL, NULL },
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct cove_error err = COVE_ERROR_INIT;
        assert_int_equal(cove_value_new_tensor(&bad[i], &value, &err), COVE_EINVAL);
        assert_true(err.message[0] != '\0');
        assert_null(value);
    }
    const struct cove_tensor_view deep = { COVE_DTYPE_FLOAT32, COVE_TENSOR_MAX_DIMS + 1, many, NULL, memory };
    struct cove_error err = COVE_ERROR_INIT;
    assert_int_equal(cove_value_new_tensor(&deep, &value, &err), COVE_ENOTSUP);
    assert_non_null(strstr(err.message, "65 dimensions"));
}

static void test_views(void **state)
{
    float memory[24] = { 0 };
    int64_t shape[3] = { 2, 3, 4 }, none[2] = { 5, 0 };
    struct cove_tensor_view view = { COVE_DTYPE_FLOAT32, 3, shape, NULL, memory }, seen;
    cove_value *value = NULL;
    (void)state;
    assert_int_equal(cove_value_new_tensor(&view, &value, NULL), 0);
    shape[0] = 99; /* it was copied */
    assert_int_equal(cove_value_get_tensor(value, &seen, NULL), 0);
    assert_int_equal(seen.shape[0], 2);
    assert_int_equal(seen.strides[0], 12);
    assert_int_equal(seen.strides[1], 4);
    assert_int_equal(seen.strides[2], 1);
    assert_ptr_equal(seen.data, memory);
    assert_int_equal(value->u.tensor->span, 96);
    assert_int_equal(cove_value_fetch(value, NULL, NULL), 0);
    cove_value_unref(value);
    view = (struct cove_tensor_view){ COVE_DTYPE_FLOAT32, 2, none, NULL, NULL };
    assert_int_equal(cove_value_new_tensor(&view, &value, NULL), 0);
    assert_int_equal(value->u.tensor->span, 0);
    assert_int_equal(cove_value_copy_tensor(value, &view, NULL, NULL), 0);
    cove_value_unref(value);
}

/* Every element of a 4-dimensional tensor, in each order of its dimensions, to each order of the target's, in each
 * size. */
static void test_copies(void **state)
{
    enum { A = 2, B = 3, C = 1, D = 5, N = A * B * C * D };
    static const int orders[][4] = { { 0, 1, 2, 3 }, { 3, 2, 1, 0 }, { 1, 0, 3, 2 },
                                     { 2, 3, 0, 1 }, { 0, 2, 1, 3 }, { 3, 0, 1, 2 } };
    static const enum cove_dtype dtypes[] = { COVE_DTYPE_INT8, COVE_DTYPE_INT16, COVE_DTYPE_INT32, COVE_DTYPE_INT64,
                                              COVE_DTYPE_COMPLEX128 };
    const int64_t shape[4] = { A, B, C, D };
    (void)state;
    for (size_t k = 0; k < 5; k++)
        for (size_t from = 0; from < 6; from++)
            for (size_t to = 0; to < 6; to++) {
                size_t size = cove_dtype_size(dtypes[k]);
                int64_t strides[2][4];
                uint8_t source[N * 16], target[2 * N * 16];
                for (size_t side = 0; side < 2; side++) {
                    int64_t step = side ? 2 : 1; /* the target has gaps */
                    const int *order = orders[side ? to : from];
                    for (int i = 3; i >= 0; step *= shape[order[i]], i--)
                        strides[side][order[i]] = step;
                }
                for (size_t i = 0; i < sizeof(source); i++)
                    source[i] = (uint8_t)i;
                memset(target, 0xee, sizeof(target));
                struct cove_tensor_view view = { dtypes[k], 4, shape, strides[0], source };
                struct cove_tensor_view into = { dtypes[k], 4, shape, strides[1], target };
                cove_value *value = NULL;
                uint8_t packed[N * 16];
                assert_int_equal(cove_value_new_tensor(&view, &value, NULL), 0);
                assert_int_equal(cove_value_copy_tensor(value, &into, NULL, NULL), 0);
                cove__tensor_gather(value->u.tensor, 0, 7, packed);
                cove__tensor_gather(value->u.tensor, 7, N - 7, packed + 7 * size);
                size_t row = 0, touched = 0;
                for (int64_t a = 0; a < A; a++)
                    for (int64_t b = 0; b < B; b++)
                        for (int64_t d = 0; d < D; d++, row++) {
                            size_t f = (size_t)(a * strides[0][0] + b * strides[0][1] + d * strides[0][3]) * size;
                            size_t t = (size_t)(a * strides[1][0] + b * strides[1][1] + d * strides[1][3]) * size;
                            assert_memory_equal(source + f, target + t, size);
                            assert_memory_equal(source + f, packed + row * size, size);
                            memset(target + t, 0xee, size);
                        }
                for (size_t i = 0; i < sizeof(target); i++)
                    touched += target[i] != 0xee;
                assert_int_equal(touched, 0); /* nothing between the elements */
                cove_value_unref(value);
            }
}

static void test_copy_mismatches(void **state)
{
    float memory[6] = { 1, 2, 3, 4, 5, 6 }, target[6] = { 0 };
    int64_t shape[2] = { 2, 3 }, other[2] = { 3, 2 };
    struct cove_tensor_view view = { COVE_DTYPE_FLOAT32, 2, shape, NULL, memory };
    const struct cove_tensor_view bad[] = {
        { COVE_DTYPE_INT32, 2, shape, NULL, target },
        { COVE_DTYPE_FLOAT32, 1, shape, NULL, target },
        { COVE_DTYPE_FLOAT32, 2, other, NULL, target },
    };
    struct cove_tensor_view nowhere = { COVE_DTYPE_FLOAT32, 2, shape, NULL, NULL };
    struct cove_error err = COVE_ERROR_INIT;
    cove_value *value = NULL, *text = cove_value_new_string("x");
    (void)state;
    assert_int_equal(cove_value_new_tensor(&view, &value, NULL), 0);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(cove_value_copy_tensor(value, &bad[i], NULL, &err), COVE_EMISMATCH);
    assert_string_equal(err.message, "copy: dimension 0 of the tensor is 2, expected 3");
    assert_int_equal(cove_value_copy_tensor(value, &nowhere, NULL, &err), COVE_EINVAL);
    assert_int_equal(cove_value_copy_tensor(text, &view, NULL, &err), COVE_EMISMATCH);
    assert_int_equal(cove_value_fetch(text, NULL, &err), COVE_EMISMATCH);
    cove_value_unref(value);
    cove_value_unref(text);
}

static int build(struct cove_error *err)
{
    int rc = 0;
    float memory[4] = { 0 };
    int64_t shape = 4;
    struct cove_tensor_view view = { COVE_DTYPE_FLOAT32, 1, &shape, NULL, memory };
    cove_value *tree = cove_value_new_dict(), *tensor = NULL;
    if (!tree)
        return COVE_ENOMEM;
    for (int64_t i = 0; i < 20 && rc == 0; i++) {
        cove_value *list = cove_value_new_list();
        char key[8];
        snprintf(key, sizeof(key), "k%d", (int)i);
        rc = cove_value_dict_set(tree, key, list, err);
        if (rc == 0)
            rc = cove_value_append(list, cove_value_new_string("x"), err);
        if (rc == 0)
            rc = cove_value_append(list, cove_value_new_bytes("y", 1), err);
        if (rc == 0)
            rc = cove_value_new_tensor(&view, &tensor, err);
        if (rc == 0)
            rc = cove_value_append(list, tensor, err);
        if (rc == 0)
            rc = cove_value_dict_set_by_int(tree, i, cove_value_new_dict(), err);
    }
    cove_value_unref(tree);
    return rc;
}

static void test_no_memory(void **state)
{
    (void)state;
    for (unsigned long nth = 1;; nth++) {
        struct cove_error err = COVE_ERROR_INIT;
        cove__mem_fail(nth, 0);
        int rc = build(&err);
        bool failed = cove__mem_fail(0, 0) >= nth;
        assert_int_equal(rc, failed ? COVE_ENOMEM : 0);
        if (!failed)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),         cmocka_unit_test(test_dicts),
        cmocka_unit_test(test_typed_reads),   cmocka_unit_test(test_paths),
        cmocka_unit_test(test_deep_tree),     cmocka_unit_test(test_dtypes),
        cmocka_unit_test(test_bad_tensors),   cmocka_unit_test(test_views),
        cmocka_unit_test(test_copies),        cmocka_unit_test(test_copy_mismatches),
        cmocka_unit_test(test_no_memory),     cmocka_unit_test(test_numbers_in_paths),
        cmocka_unit_test(test_frozen_tuples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
