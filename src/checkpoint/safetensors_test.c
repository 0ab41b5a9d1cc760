/* Unit tests of safetensors: header rules kept to the letter, strides packed, metadata. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "checkpoint/testing.h"

#define MAX_FILE ((size_t)4096)

/* A file with this header and `data` bytes of 1. */
static size_t make_file(uint8_t *file, const char *header, size_t data)
{
    size_t size = strlen(header);
    assert_true(8 + size + data <= MAX_FILE);
    for (unsigned i = 0; i < 8; i++)
        file[i] = (uint8_t)((uint64_t)size >> (8 * i));
    memcpy(file + 8, header, size);
    memset(file + 8 + size, 1, data);
    return 8 + size + data;
}

static int load(struct cove__slice bytes, struct cove__buf *shown, struct cove_error *err)
{
    struct testing_file t = { .bytes = bytes };
    cove_value *tree = NULL;
    int rc = testing_load(&cove__safetensors_format, &t, COVE__SOURCE_HEAD, 0, &tree, err);
    if (rc == 0 && shown)
        testing_describe(tree, shown);
    cove_value_unref(tree);
    assert_true(t.is_closed);
    return rc;
}

#define TENSOR(name, dtype, shape, offsets)                                                                            \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static const struct {
    const char *header;
    size_t data;
    int code;
    const char *said; /* the tree, or a part of the message */
} headers[] = {
    { "{}", 0, 0, "{}" },
    { "{" TENSOR("a", "F32", "[2,3]", "[0,24]") "}", 24, 0, "{'a': float32@0[2,3;3,1]}" },
    { "{" TENSOR("b", "I64", "[]", "[4,12]") "," TENSOR("a", "F8_E4M3", "[4]", "[0,4]") "}  ", 12, 0,
      "{'b': int64@0[], 'a': float8_e4m3fn@0[4;1]}" },
    { "{" TENSOR("e", "F32", "[0,7]", "[0,0]") "," TENSOR("f", "BOOL", "[1]", "[0,1]") "}", 1, 0,
      "{'e': float32@0[0,7;7,1], 'f': bool@0[1;1]}" },
    { "{\"__metadata__\":{\"format\":\"pt\",\"\\u00e4\":\"x\\ny\"}}", 0, 0,
      "{'__metadata__': {'format': 'pt', '\xc3\xa4': 'x\ny'}}" },
    { "{\"__metadata__\":{}}", 0, 0, "{'__metadata__': {}}" },
    { "{\"__metadata__\":null}", 0, 0, "{}" },
    { "{\"__metadata__\":null,\"__metadata__\":{}}", 0, COVE_ECORRUPT, "duplicate" },
    { "{\"__metadata__\":{\"a\\u0000b\":\"\"}}", 0, COVE_ENOTSUP, "a NUL in it" },
    { "{" TENSOR("a", "F32", "[2,3]", "[0,20]") "}", 20, COVE_ECORRUPT, "do not fit its shape" },
    { "{" TENSOR("a", "F32", "[2,3]", "[0,24]") "}", 23, COVE_ECORRUPT, "reach beyond the file" },
    { "{" TENSOR("a", "F32", "[2,3]", "[0,24]") "}", 25, COVE_ECORRUPT, "have 24 bytes, and the file has 25" },
    { "{" TENSOR("a", "U8", "[2]", "[1,3]") "}", 3, COVE_ECORRUPT, "a hole at byte 0" },
    { "{" TENSOR("a", "U8", "[2]", "[0,2]") "," TENSOR("b", "U8", "[2]", "[1,3]") "}", 3, COVE_ECORRUPT,
      "overlaps at byte 2" },
    { "{" TENSOR("a", "U8", "[2]", "[2,0]") "}", 2, COVE_ECORRUPT, "reach beyond" },
    { "{" TENSOR("a", "U8", "[-1]", "[0,0]") "}", 0, COVE_ECORRUPT, "shape is invalid" },
    { "{" TENSOR("a", "U8", "[1.0]", "[0,1]") "}", 1, COVE_ECORRUPT, "shape is invalid" },
    { "{" TENSOR("a", "U8", "[4294967296,4294967296]", "[0,0]") "}", 0, COVE_ECORRUPT, "do not fit" },
    { "{" TENSOR("a", "U8", "[9223372036854775807]", "[0,9223372036854775807]") "}", 0, COVE_ECORRUPT,
      "beyond the file" },
    { "{" TENSOR("a", "U8", "[99999999999999999999]", "[0,1]") "}", 1, COVE_ECORRUPT, "header:" },
    { "{" TENSOR("a", "U8", "[1]", "[0]") "}", 1, COVE_ECORRUPT, "missing or of the wrong type" },
    { "{" TENSOR("a", "U8", "{}", "[0,1]") "}", 1, COVE_ECORRUPT, "missing or of the wrong type" },
    { "{\"a\":{}}", 0, COVE_ECORRUPT, "missing" },
    { "{\"a\":5}", 0, COVE_ECORRUPT, "missing" },
    { "{\"__metadata__\":{\"a\":\"\",\"a\":\"\"}}", 0, COVE_ECORRUPT, "duplicate" },
    { "{\"__metadata__\":{},\"__metadata__\":{}}", 0, COVE_ECORRUPT, "duplicate" },
    { "{" TENSOR("a", "U8", "[1]", "[0,1]") "," TENSOR("\\u0061", "U8", "[1]", "[0,1]") "}", 1, COVE_ECORRUPT,
      "duplicate" },
    { "{" TENSOR("a", "U8", "[1]", "[0,1]") ",}", 1, COVE_ECORRUPT, "header:" },
    { "{" TENSOR("a", "F6_E2M3", "[4]", "[0,3]") "}", 3, COVE_ENOTSUP, "the dtype F6_E2M3" },
    { "{" TENSOR("a", "F4", "[3,4]", "[0,6]") "}", 6, 0, "{'a': float4_e2m1fn_x2@0[3,2;2,1]}" },
    { "{" TENSOR("a", "F4", "[0]", "[0,0]") "}", 0, 0, "{'a': float4_e2m1fn_x2@0[0;1]}" },
    { "{" TENSOR("a", "F4", "[4]", "[0,4]") "}", 4, COVE_ECORRUPT, "do not fit its shape" },
    { "{" TENSOR("a", "F4", "[2,3]", "[0,3]") "}", 3, COVE_ENOTSUP, "odd last dimension" },
    { "{" TENSOR("a", "F4", "[]", "[0,1]") "}", 1, COVE_ENOTSUP, "odd last dimension" },
    { "{" TENSOR("a", "F8_E8M0", "[2]", "[0,2]") "}", 2, 0, "{'a': float8_e8m0fnu@0[2;1]}" },
    { "{" TENSOR("a", "U8",
                 "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,"
                 "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]",
                 "[0,1]") "}",
      1, COVE_ENOTSUP, "\"a\": 65 dimensions" },
    { "{" TENSOR("a", "U8", "[1]", "[0,1]") "," TENSOR("a", "U8", "[1]", "[0,1]") "}", 1, COVE_ECORRUPT, "duplicate" },
    { "{\"__metadata__\":{\"a\":1}}", 0, COVE_ECORRUPT, "values that are not strings" },
    { "{\"__metadata__\":[]}", 0, COVE_ECORRUPT, "not an object" },
    { "{\"a\\u0000b\":{}}", 0, COVE_ENOTSUP, "the name \"a...\" has a NUL in it" },
    { "{\"a\"", 0, COVE_ECORRUPT, "header:" },
    { "{}{}", 0, COVE_ECORRUPT, "header:" },
    { "[]", 0, COVE_ECORRUPT, "not a safetensors file" },
};

static void test_headers(void **state)
{
    uint8_t file[MAX_FILE];
    (void)state;
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        struct cove_error err = COVE_ERROR_INIT;
        struct cove__buf shown = COVE__BUF_INIT(TESTING_MAX);
        size_t size = make_file(file, headers[i].header, headers[i].data);
        int rc = load(cove__slice(file, size), &shown, &err);
        const char *said = rc == 0 ? cove__buf_str(&shown) : err.message;
        if (rc != headers[i].code || (rc == 0 ? strcmp(said, headers[i].said) != 0 : !strstr(said, headers[i].said)))
            fail_msg("header %s: %s, %s", headers[i].header, cove_code_name(rc), said);
        cove__buf_done(&shown);
    }
}

/* A tree of such an entry would take fifty times its size. */
static void test_an_entry_without_bounds(void **state)
{
    size_t n = (size_t)1 << 20, at = 8;
    uint8_t *file = malloc(n + 16);
    struct cove_error err = COVE_ERROR_INIT;

    (void)state;
    at += (size_t)sprintf((char *)file + at, "{\"a\":{\"b\":[");
    while (at < n)
        at += (size_t)sprintf((char *)file + at, "{},");
    at += (size_t)sprintf((char *)file + at, "1]}}");
    for (unsigned i = 0; i < 8; i++)
        file[i] = (uint8_t)((uint64_t)(at - 8) >> (8 * i));
    cove__mem_fail(0, 0);
    assert_int_equal(load(cove__slice(file, at), NULL, &err), COVE_ECORRUPT);
    assert_true(cove__mem_fail(0, 0) < 64);
    assert_non_null(strstr(err.message, "missing"));
    free(file);
}

static void test_lengths(void **state)
{
    static const struct cove__slice files[] = {
        { (const uint8_t *)"", 0 },
        { (const uint8_t *)"\2\0\0\0\0\0\0\0{", 9 },
        { (const uint8_t *)"\3\0\0\0\0\0\0\0{}", 10 },
        { (const uint8_t *)"\1\0\0\0\0\0\0\0{}", 10 },
        { (const uint8_t *)"\xff\xff\xff\xff\xff\xff\xff\xff{}", 10 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        assert_int_equal(load(files[i], NULL, NULL), COVE_ECORRUPT);
}

static float grid[600 * 700];

/* Strided, shared and empty tensors; wide elements stand first, the header keeps the tree's order. */
static cove_value *make_tree(void)
{
    static uint8_t byte = 9;
    const int64_t shape[2] = { 600, 700 }, turned[2] = { 700, 600 }, by_column[2] = { 1, 700 }, none = 0;
    const struct {
        const char *name;
        struct cove_tensor_view view;
    } tensors[] = {
        { "byte", { COVE_DTYPE_UINT8, 0, NULL, NULL, &byte } },
        { "grid", { COVE_DTYPE_FLOAT32, 2, shape, NULL, grid } },
        { "turned", { COVE_DTYPE_FLOAT32, 2, turned, by_column, grid } },
        { "none", { COVE_DTYPE_INT64, 1, &none, NULL, NULL } },
    };
    cove_value *tree = cove_value_new_dict(), *metadata = cove_value_new_dict(), *value = NULL;
    int rc = tree && metadata ? 0 : COVE_ENOMEM;
    for (size_t i = 0; i < 600 * 700; i++)
        grid[i] = (float)i;
    for (size_t i = 0; i < 4 && rc == 0; i++) {
        rc = cove_value_new_tensor(&tensors[i].view, &value, NULL);
        if (rc == 0)
            rc = cove_value_dict_set(tree, tensors[i].name, value, NULL);
    }
    if (rc == 0)
        rc = cove_value_dict_set(metadata, "quote \" and \\", cove_value_new_string("\x01"), NULL);
    if (rc == 0)
        rc = cove_value_dict_set(tree, "__metadata__", cove_value_ref(metadata), NULL);
    cove_value_unref(metadata);
    if (rc == 0)
        return tree;
    cove_value_unref(tree);
    return NULL;
}

static void test_round_trip(void **state)
{
    struct cove__buf file = COVE__BUF_INIT(TESTING_MAX), shown = COVE__BUF_INIT(TESTING_MAX);
    struct cove_error err = COVE_ERROR_INIT;
    uint64_t size = 0;
    cove_value *tree = make_tree(), *loaded = NULL;
    struct cove_tensor_view view;
    (void)state;
    assert_int_equal(testing_save(&cove__safetensors_format, tree, &file, &size, &err), 0);
    assert_int_equal(size, file.size);
    static struct testing_file t;
    t = (struct testing_file){ .bytes = cove__buf_slice(&file) };
    assert_int_equal(testing_load(&cove__safetensors_format, &t, COVE__SOURCE_HEAD, 0, &loaded, &err), 0);
    testing_describe(loaded, &shown);
    assert_string_equal(
        cove__buf_str(&shown),
        "{'__metadata__': {'quote \" and \\': '\x01'}, 'byte': uint8@0[], 'grid': float32@0[600,700;700,1], "
        "'turned': float32@0[700,600;600,1], 'none': int64@0[0;1]}");
    cove_value_get_tensor(cove_value_dict_get(loaded, "grid"), &view, NULL);
    assert_memory_equal(view.data, grid, sizeof(grid));
    cove_value_get_tensor(cove_value_dict_get(loaded, "turned"), &view, NULL);
    for (size_t i = 0; i < 700; i++)
        for (size_t k = 0; k < 600; k++)
            assert_true(((float *)view.data)[i * 600 + k] == grid[k * 700 + i]);
    cove_value_get_tensor(cove_value_dict_get(loaded, "byte"), &view, NULL);
    assert_int_equal(*(uint8_t *)view.data, 9);
    cove_value_unref(tree);
    cove_value_unref(loaded);
    cove__buf_done(&file);
    cove__buf_done(&shown);
}

static void test_refused_trees(void **state)
{
    static const uint64_t zeros[2];
    struct cove_error err = COVE_ERROR_INIT;
    struct cove__buf file = COVE__BUF_INIT(TESTING_MAX);
    struct cove_tensor_view complex = { COVE_DTYPE_COMPLEX128, 0, NULL, NULL, (void *)(uintptr_t)zeros };
    uint64_t size = 0;
    (void)state;
    for (int i = 0; i < 7; i++) {
        cove_value *tree = i == 0 ? cove_value_new_list() : cove_value_new_dict(), *value = NULL;
        const int codes[] = {
            COVE_EINVAL, COVE_EINVAL, COVE_EINVAL, COVE_ENOTSUP, COVE_EINVAL, COVE_EINVAL, COVE_EINVAL
        };
        if (i == 1)
            cove_value_dict_set(tree, "x", cove_value_new_int(1), NULL);
        if (i == 2)
            cove_value_dict_set(tree, "__metadata__", cove_value_new_list(), NULL);
        if (i >= 3)
            cove_value_new_tensor(&complex, &value, NULL);
        if (i == 3)
            cove_value_dict_set(tree, "x", value, NULL);
        if (i == 4)
            cove_value_dict_set_by_int(tree, 1, value, NULL);
        if (i == 5 || i == 6) { /* the other is a lone surrogate, which a pickle can hold */
            value->u.tensor->dtype = COVE_DTYPE_INT64;
            cove_value_dict_set(tree, i == 5 ? "\xff" : "\xed\xa0\x80", value, NULL);
        }
        assert_int_equal(testing_save(&cove__safetensors_format, tree, &file, &size, &err), codes[i]);
        assert_int_equal(file.size, 0);
        cove_value_unref(tree);
    }
    cove__buf_done(&file);
}

static void test_cut_and_flipped(void **state)
{
    uint8_t file[MAX_FILE];
    (void)state;
    for (size_t i = 0; i < 6; i++) { /* the good ones */
        size_t size = make_file(file, headers[i].header, headers[i].data);
        for (size_t n = 0; n < size; n++) {
            uint8_t *exact = malloc(n + 1);
            memcpy(exact, file, n);
            assert_true(load(cove__slice(exact, n), NULL, NULL) < 0);
            free(exact);
        }
        for (size_t at = 0; at < size; at++)
            for (unsigned bit = 0; bit < 8; bit++) {
                file[at] ^= (uint8_t)(1u << bit);
                load(cove__slice(file, size), NULL, NULL);
                file[at] ^= (uint8_t)(1u << bit);
            }
    }
}

static int save_and_load(struct cove_error *err)
{
    cove_fs *fs = NULL;
    char *path = NULL;
    cove_value *tree = make_tree(), *loaded = NULL;
    int rc = tree ? cove_fs_from_url("memory://safe_test/x.safetensors", NULL, &fs, &path, err) : COVE_ENOMEM;
    if (rc == 0)
        rc = cove_checkpoint_save(fs, path, tree, NULL, NULL, err);
    if (rc == 0)
        rc = cove_checkpoint_load(fs, path, NULL, NULL, &loaded, err);
    cove_value_unref(tree);
    cove_value_unref(loaded);
    cove_fs_unref(fs);
    cove_free(path);
    return rc;
}

static void test_no_memory(void **state)
{
    (void)state;
    for (unsigned long nth = 1;; nth++) {
        struct cove_error err = COVE_ERROR_INIT;
        cove__mem_fail(nth, 0);
        int rc = save_and_load(&err);
        bool failed = cove__mem_fail(0, 0) >= nth;
        if (rc != 0 && rc != COVE_ENOMEM)
            fail_msg("allocation %lu: %s, %s", nth, cove_code_name(rc), err.message);
        if (!failed) {
            assert_int_equal(rc, 0);
            break;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers),       cmocka_unit_test(test_an_entry_without_bounds),
        cmocka_unit_test(test_lengths),       cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_refused_trees), cmocka_unit_test(test_cut_and_flipped),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
