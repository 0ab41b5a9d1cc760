/* Unit tests of loading and saving opaque values: where they are allowed, and the errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "checkpoint/testing.h"

#define PATH "opaque_test/x.ckpt"
/* {"state_dict": {"w": 1}, "hp": {"list": [1, a numpy scalar]}} */
#define PICKLE                                                                                                         \
    "\x80\x02}(X\x0a\0\0\0state_dict}X\1\0\0\0wK\1sX\2\0\0\0hp}X\4\0\0\0list](K\1"                                     \
    "cnumpy._core.multiarray\nscalar\nK\2\x85Resu."

static cove_fs *fs;

static int set_up(void **state)
{
    struct testing_archive a;
    (void)state;
    testing_archive_init(&a);
    testing_archive_add(&a, "x/data.pkl", TEXT(PICKLE));
    testing_archive_add(&a, "x/version", TEXT("3\n"));
    struct cove__slice bytes = testing_archive_finish(&a);
    int rc = cove_fs_from_url("memory://opaque_test", NULL, &fs, NULL, NULL);
    if (rc == 0)
        rc = cove_fs_write_file(fs, PATH, bytes.data, bytes.size, NULL, NULL);
    cove__buf_done(&a.bytes);
    return rc;
}

static int tear_down(void **state)
{
    (void)state;
    cove_fs_unref(fs);
    return 0;
}

static int load(const struct cove_checkpoint_load_options *options, cove_value **ret, struct cove_error *err)
{
    return cove_checkpoint_load(fs, PATH, options, NULL, ret, err);
}

static void test_refused_by_path(void **state)
{
    struct cove_checkpoint_load_options options = COVE_CHECKPOINT_LOAD_OPTIONS_INIT;
    const char *const whole[] = { "state_dict", "hp" }, *const itself[] = { "hp.list.1" };
    struct cove_error err = COVE_ERROR_INIT;
    cove_value *tree = NULL;
    (void)state;
    assert_int_equal(load(NULL, &tree, &err), COVE_EUNSAFE);
    assert_non_null(strstr(err.message, "\"hp.list.1\" needs numpy._core.multiarray.scalar, which cove does not read"));
    options.paths = whole;
    options.n_paths = 2;
    assert_int_equal(load(&options, &tree, &err), COVE_EUNSAFE);
    assert_non_null(strstr(err.message, "\"hp.list.1\" needs numpy"));
    options.paths = itself;
    options.n_paths = 1;
    assert_int_equal(load(&options, &tree, &err), COVE_EUNSAFE);
    assert_non_null(strstr(err.message, "\"hp.list.1\" needs numpy"));
    assert_null(tree);
}

static void check_loaded(const struct cove_checkpoint_load_options *options)
{
    struct cove_error err = COVE_ERROR_INIT;
    cove_value *tree = NULL;
    int64_t i = 0;
    if (load(options, &tree, &err) < 0)
        fail_msg("%s", err.message);
    const cove_value *opaque = cove_value_find(tree, "hp.list.1");
    assert_int_equal(cove_value_type(opaque), COVE_VALUE_OPAQUE);
    assert_string_equal(cove_value_opaque_name(opaque), "numpy._core.multiarray.scalar");
    assert_int_equal(cove_value_get_int(opaque, &i, &err), COVE_EMISMATCH);
    assert_string_equal(err.message, "expected int, got opaque numpy._core.multiarray.scalar");
    assert_int_equal(cove_value_get_int(cove_value_find(tree, "state_dict.w"), &i, &err), 0);
    assert_int_equal(i, 1);
    assert_null(cove_value_opaque_name(tree));
    assert_null(cove_value_opaque_name(NULL));
    cove_value_unref(tree);
}

static void test_allowed(void **state)
{
    struct cove_checkpoint_load_options only = COVE_CHECKPOINT_LOAD_OPTIONS_INIT,
                                        lazy = COVE_CHECKPOINT_LOAD_OPTIONS_INIT,
                                        all = COVE_CHECKPOINT_LOAD_OPTIONS_INIT;
    const char *const path = "state_dict";
    (void)state;
    only.paths = &path;
    only.n_paths = 1;
    check_loaded(&only);
    lazy.lazy = 1;
    check_loaded(&lazy);
    all.allow_opaque = 1;
    check_loaded(&all);
}

static void test_not_saved(void **state)
{
    struct cove_checkpoint_load_options options = COVE_CHECKPOINT_LOAD_OPTIONS_INIT;
    struct cove_error err = COVE_ERROR_INIT;
    cove_value *tree = NULL;
    (void)state;
    options.allow_opaque = 1;
    assert_int_equal(load(&options, &tree, &err), 0);
    const char *const names[] = { "opaque_test/y.ckpt", "opaque_test/y.safetensors" };
    for (int i = 0; i < 2; i++) {
        assert_int_equal(cove_checkpoint_save(fs, names[i], tree, NULL, NULL, &err), COVE_ENOTSUP);
        assert_non_null(strstr(err.message, "\"hp.list.1\" is an opaque numpy._core.multiarray.scalar"));
    }
    cove_value_unref(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_by_path),
        cmocka_unit_test(test_allowed),
        cmocka_unit_test(test_not_saved),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
