/* Unit tests of the public calls: format by name and by bytes, only, lazy, limits, changed and foreign files,
 * messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "checkpoint/testing.h"

static int64_t numbers[30000];
static cove_fs *fs;

static int set_up(void **state)
{
    for (size_t i = 0; i < 30000; i++)
        numbers[i] = (int64_t)i;
    return cove_fs_from_url("memory://checkpoint_test", NULL, &fs, NULL, NULL);
}

static int tear_down(void **state)
{
    cove_fs_unref(fs);
    return 0;
}

static void add(cove_value *dict, const char *key, size_t count, int64_t *data)
{
    struct cove_tensor_view view = { COVE_DTYPE_INT64, 1, &(int64_t){ (int64_t)count }, NULL, data };
    cove_value *value = NULL;
    assert_int_equal(cove_value_new_tensor(&view, &value, NULL), 0);
    assert_int_equal(cove_value_dict_set(dict, key, value, NULL), 0);
}

/* Three storages of 80,000 bytes. */
static void save(const char *path, enum cove_checkpoint_format format)
{
    struct cove_checkpoint_save_options options = COVE_CHECKPOINT_SAVE_OPTIONS_INIT;
    struct cove_error err = COVE_ERROR_INIT;
    cove_value *tree = cove_value_new_dict();
    options.format = format;
    add(tree, "a.x", 10000, numbers);
    add(tree, "a.y", 10000, numbers + 10000);
    add(tree, "b", 10000, numbers + 20000);
    if (cove_checkpoint_save(fs, path, tree, &options, NULL, &err) < 0)
        fail_msg("%s", err.message);
    cove_value_unref(tree);
}

static bool is_loaded(cove_value *tree, const char *path)
{
    struct cove_tensor_view view;
    assert_int_equal(cove_value_get_tensor(cove_value_find(tree, path), &view, NULL), 0);
    return view.data;
}

static void test_formats(void **state)
{
    const struct {
        const char *path;
        enum cove_checkpoint_format format;
        char first;
    } cases[] = {
        { "checkpoint_test/x.ckpt", COVE_CHECKPOINT_FORMAT_AUTO, 'P' },
        { "checkpoint_test/x.safetensors", COVE_CHECKPOINT_FORMAT_AUTO, 0 },
        { "checkpoint_test/.safetensors", COVE_CHECKPOINT_FORMAT_AUTO, 0 },
        { "checkpoint_test/y.safetensors", COVE_CHECKPOINT_FORMAT_TORCH, 'P' },
        { "checkpoint_test/y", COVE_CHECKPOINT_FORMAT_SAFETENSORS, 0 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cove_error err = COVE_ERROR_INIT;
        cove_value *tree = NULL;
        char first = 0, second = 0;
        save(cases[i].path, cases[i].format);
        assert_int_equal(cove_fs_read_range(fs, cases[i].path, 0, &first, 1, NULL, &err), 1);
        assert_int_equal(cove_fs_read_range(fs, cases[i].path, 7, &second, 1, NULL, &err), 1);
        assert_true(cases[i].first ? first == cases[i].first : second == 0);
        assert_int_equal(cove_checkpoint_load(fs, cases[i].path, NULL, NULL, &tree, &err), 0);
        assert_true(is_loaded(tree, "a.x"));
        assert_true(is_loaded(tree, "b"));
        cove_value_unref(tree);
    }
}

static void test_only_and_lazy(void **state)
{
    const char *const path = "checkpoint_test/only.ckpt", *only[] = { "a.y", "b" }, *missing[] = { "b", "a.z" };
    struct cove_checkpoint_load_options options = COVE_CHECKPOINT_LOAD_OPTIONS_INIT;
    struct cove_error err = COVE_ERROR_INIT;
    cove_value *tree = NULL;
    struct cove_tensor_view view;
    (void)state;
    save(path, COVE_CHECKPOINT_FORMAT_AUTO);
    options.paths = only;
    options.n_paths = 2;
    assert_int_equal(cove_checkpoint_load(fs, path, &options, NULL, &tree, &err), 0);
    assert_false(is_loaded(tree, "a.x"));
    assert_true(is_loaded(tree, "a.y"));
    assert_true(is_loaded(tree, "b"));
    assert_int_equal(cove_value_fetch(cove_value_find(tree, "a.x"), NULL, &err), 0);
    cove_value_get_tensor(cove_value_find(tree, "a.x"), &view, NULL);
    assert_memory_equal(view.data, numbers, 80000);
    cove_value_unref(tree);
    tree = NULL;

    options.paths = missing;
    assert_int_equal(cove_checkpoint_load(fs, path, &options, NULL, &tree, &err), COVE_ENOTFOUND);
    assert_string_equal(err.message, "load memory://checkpoint_test/only.ckpt: there is no \"a.z\" in it");
    assert_null(tree);

    options = (struct cove_checkpoint_load_options)COVE_CHECKPOINT_LOAD_OPTIONS_INIT;
    options.lazy = 1;
    assert_int_equal(cove_checkpoint_load(fs, path, &options, NULL, &tree, &err), 0);
    assert_false(is_loaded(tree, "b"));
    int64_t copy[10000];
    view = (struct cove_tensor_view){ COVE_DTYPE_INT64, 1, &(int64_t){ 10000 }, NULL, copy };
    assert_int_equal(cove_value_copy_tensor(cove_value_find(tree, "b"), &view, NULL, &err), 0);
    assert_memory_equal(copy, numbers + 20000, 80000);
    cove_value_unref(tree);
}

static void test_ceiling(void **state)
{
    const char *const path = "checkpoint_test/limit.ckpt", *only[] = { "b" };
    struct cove_checkpoint_load_options options = COVE_CHECKPOINT_LOAD_OPTIONS_INIT;
    struct cove_error err = COVE_ERROR_INIT;
    cove_value *tree = NULL;
    (void)state;
    save(path, COVE_CHECKPOINT_FORMAT_AUTO);
    options.max_bytes = 100000;
    assert_int_equal(cove_checkpoint_load(fs, path, &options, NULL, &tree, &err), COVE_ELIMIT);
    assert_non_null(strstr(err.message, "240000 bytes, above the limit of 100000"));
    options.paths = only;
    options.n_paths = 1;
    assert_int_equal(cove_checkpoint_load(fs, path, &options, NULL, &tree, &err), 0);
    cove_value_unref(tree);
}

/* What is fetched later is of the version that was loaded, or it is refused. */
static void test_replaced(void **state)
{
    const char *const path = "checkpoint_test/replaced.ckpt";
    struct cove_checkpoint_load_options options = COVE_CHECKPOINT_LOAD_OPTIONS_INIT;
    struct cove_error err = COVE_ERROR_INIT;
    cove_value *tree = NULL;
    (void)state;
    save(path, COVE_CHECKPOINT_FORMAT_AUTO);
    options.lazy = 1;
    assert_int_equal(cove_checkpoint_load(fs, path, &options, NULL, &tree, &err), 0);
    numbers[20000] = -1;
    save(path, COVE_CHECKPOINT_FORMAT_AUTO);
    numbers[20000] = 20000;
    assert_int_equal(cove_value_fetch(cove_value_find(tree, "b"), NULL, &err), COVE_EPRECONDITION);
    assert_non_null(strstr(err.message, "memory://checkpoint_test/replaced.ckpt"));
    assert_false(is_loaded(tree, "b"));
    cove_value_unref(tree);
}

static void test_foreign_files(void **state)
{
    static const char old[] = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.";
    const struct {
        const char *data;
        size_t size;
        int code;
        const char *message;
    } cases[] = {
        { "", 0, COVE_ECORRUPT, "neither a file of torch.save nor a safetensors file, but an empty file (0 bytes)" },
        { "hello", 5, COVE_ECORRUPT,
          "neither a file of torch.save nor a safetensors file, but a text that begins with 'hello'" },
        { "\n <!DOCTYPE HTML>\n", 18, COVE_ECORRUPT, "but an HTML page (18 bytes)" },
        { "version https://git-lfs.github.com/spec/v1\noid sha256:1", 55, COVE_ECORRUPT,
          "but a Git LFS pointer instead of the file itself (55 bytes)" },
        { "\x1f\x8b\x08\0", 4, COVE_ECORRUPT, "but a gzip file" },
        { "\x80\x04K\1.", 5, COVE_ECORRUPT, "but a pickle that torch.save did not write" },
        { "PK\5\6", 4, COVE_ECORRUPT, "but a zip archive without records" },
        { "\x1b[31m\n", 6, COVE_ECORRUPT, "but a file that begins with the bytes 1b 5b 33 31 6d 0a (6 bytes)" },
        { "a\x1b", 2, COVE_ECORRUPT, "but a file that begins with the bytes 61 1b (2 bytes)" },
        { "PK\3\4", 4, COVE_ECORRUPT, "too short" },
        { old, sizeof(old) - 1, COVE_ECORRUPT, "truncated: its pickles end after byte 21, where the file ends" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (int format = COVE_CHECKPOINT_FORMAT_AUTO; format <= COVE_CHECKPOINT_FORMAT_TORCH; format++) {
            struct cove_checkpoint_load_options options = COVE_CHECKPOINT_LOAD_OPTIONS_INIT;
            struct cove_error err = COVE_ERROR_INIT;
            cove_value *tree = NULL;
            options.format = (enum cove_checkpoint_format)format;
            assert_int_equal(
                cove_fs_write_file(fs, "checkpoint_test/foreign", cases[i].data, cases[i].size, NULL, &err), 0);
            assert_int_equal(cove_checkpoint_load(fs, "checkpoint_test/foreign", &options, NULL, &tree, &err),
                             cases[i].code);
            assert_non_null(strstr(err.message, cases[i].message));
            assert_ptr_equal(strstr(err.message, "load memory://checkpoint_test/foreign: "), err.message);
        }
}

static void test_errors(void **state)
{
    struct cove_checkpoint_save_options save_options = COVE_CHECKPOINT_SAVE_OPTIONS_INIT;
    struct cove_checkpoint_load_options load_options = COVE_CHECKPOINT_LOAD_OPTIONS_INIT;
    struct cove_error err = COVE_ERROR_INIT;
    struct cove_call call = COVE_CALL_INIT;
    cove_value *tree = cove_value_new_dict(), *loaded = NULL;
    (void)state;
    assert_int_equal(cove_checkpoint_load(fs, "checkpoint_test/none", NULL, NULL, &loaded, &err), COVE_ENOTFOUND);
    assert_non_null(strstr(err.message, "memory://checkpoint_test/none"));
    save_options.format = load_options.format = (enum cove_checkpoint_format)7;
    assert_int_equal(cove_checkpoint_save(fs, "checkpoint_test/x", tree, &save_options, NULL, &err), COVE_EINVAL);
    assert_int_equal(cove_checkpoint_save(fs, "checkpoint_test/x", NULL, NULL, NULL, &err), COVE_EINVAL);
    save("checkpoint_test/good.ckpt", COVE_CHECKPOINT_FORMAT_AUTO);
    assert_int_equal(cove_checkpoint_load(fs, "checkpoint_test/good.ckpt", &load_options, NULL, &loaded, &err),
                     COVE_EINVAL);

    /* a tree that cannot be saved harms nothing */
    cove_value_dict_set(tree, "bad", cove_value_new_string("\xff"), NULL);
    assert_int_equal(cove_checkpoint_save(fs, "checkpoint_test/good.ckpt", tree, NULL, NULL, &err), COVE_EINVAL);
    assert_string_equal(err.message, "save memory://checkpoint_test/good.ckpt: a string is not UTF-8");
    assert_int_equal(cove_checkpoint_load(fs, "checkpoint_test/good.ckpt", NULL, NULL, &loaded, &err), 0);
    cove_value_unref(loaded);

    call.cancel = cove_cancel_new();
    cove_cancel_fire(call.cancel);
    assert_int_equal(cove_checkpoint_load(fs, "checkpoint_test/good.ckpt", NULL, &call, &loaded, &err), COVE_ECANCELED);
    cove_cancel_unref(call.cancel);
    cove_value_unref(tree);
}

static void test_urls(void **state)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_value *tree = cove_value_new_dict(), *loaded = NULL;
    (void)state;
    add(tree, "t", 3, numbers);
    assert_int_equal(cove_checkpoint_save_url("memory://checkpoint_test/url.pt", tree, &err), 0);
    assert_int_equal(cove_checkpoint_load_url("memory://checkpoint_test/url.pt", &loaded, &err), 0);
    assert_true(is_loaded(loaded, "t"));
    assert_int_equal(cove_checkpoint_load_url("nothing://x", &loaded, &err), COVE_EINVAL);
    cove_value_unref(tree);
    cove_value_unref(loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),  cmocka_unit_test(test_only_and_lazy), cmocka_unit_test(test_ceiling),
        cmocka_unit_test(test_replaced), cmocka_unit_test(test_foreign_files), cmocka_unit_test(test_errors),
        cmocka_unit_test(test_urls),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
