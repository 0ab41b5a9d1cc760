/* Invalid numbers in checkpoints are refused before anything is restored, and are never used as an index. */
#include <stdbool.h>

#include "trainer/testing.h"

#define URL "memory://numbers/run.ckpt"

/* A run of `max_epochs` with a new model; resumed from URL if `resume`. */
static int run(const struct cove_trainer_options *o, int64_t samples, bool resume, struct line *ret_model,
               struct cove_error *err)
{
    cove_trainer *trainer;
    struct line *m = ret_model;
    line_init(m);
    if (samples > 0)
        m->train.length = samples;
    assert_int_equal(cove_trainer_new(o, &trainer, NULL), 0);
    int rc = cove_trainer_fit(trainer, &m->module, &m->data, resume ? URL : NULL, err);
    if (rc == 0 && !resume)
        assert_int_equal(cove_trainer_save_checkpoint(trainer, URL, 0, NULL), 0);
    cove_trainer_free(trainer);
    return rc;
}

/* Saves URL's tree again with `item` at `path`; the last part of `path` is the key. */
static void change(const char *dict, const char *key, cove_value *item)
{
    cove_value *tree = NULL, *found;
    assert_int_equal(cove_checkpoint_load_url(URL, &tree, NULL), 0);
    found = cove_value_find(tree, dict);
    assert_non_null(found);
    assert_int_equal(cove_value_dict_set(found, key, item, NULL), 0);
    assert_int_equal(cove_checkpoint_save_url(URL, tree, NULL), 0);
    cove_value_unref(tree);
}

static cove_value *words(const int64_t *word, size_t n)
{
    cove_value *list = cove_value_new_list();
    for (size_t i = 0; i < n; i++)
        assert_int_equal(cove_value_append(list, cove_value_new_int(word[i]), NULL), 0);
    return list;
}

static void assert_refused(void)
{
    struct cove_trainer_options o = quiet(4);
    struct cove_error err = COVE_ERROR_INIT;
    struct line m, fresh;
    line_init(&fresh);
    assert_int_equal(run(&o, 0, true, &m, &err), COVE_EMISMATCH);
    assert_non_null(strstr(err.message, URL));
    assert_same_line(&m, &fresh);
}

static void test_numbers_of_loops(void **state)
{
    static const char *const batch = "loops.fit_loop.epoch_loop.batch_progress";
    static const char *const optimizer = "loops.fit_loop.epoch_loop.automatic_optimization.optim_progress.optimizer";
    const struct {
        const char *parent, *dict, *key;
    } places[] = {
        { "loops.fit_loop.epoch_progress", "total", "ready" },
        { "loops.fit_loop.epoch_progress", "current", "ready" },
        { "loops.fit_loop.epoch_progress", "current", "completed" },
        { batch, "total", "ready" },
        { batch, "total", "completed" },
        { batch, "current", "completed" },
        { optimizer, "step.total", "completed" },
        { optimizer, "step.total", "ready" },
        { optimizer, "zero_grad.total", "completed" },
        { "loops.fit_loop.epoch_loop.scheduler_progress", "total", "ready" },
        { "loops.fit_loop.epoch_loop.val_loop.batch_progress", "total", "ready" },
        { "loops.fit_loop.epoch_loop.state_dict", NULL, "_batches_that_stepped" },
        { "cove", NULL, "val_log_step" },
    };
    const int64_t numbers[] = { INT64_MAX, INT64_MIN, -1, (INT64_C(1) << 53) + 1 };
    struct cove_trainer_options o = quiet(2);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        for (size_t n = 0; n < sizeof numbers / sizeof *numbers; n++) {
            char dict[200];
            struct line m;
            snprintf(dict, sizeof dict, "%s%s%s", places[i].parent, places[i].dict ? "." : "",
                     places[i].dict ? places[i].dict : "");
            assert_int_equal(run(&o, 0, false, &m, NULL), 0);
            change(dict, places[i].key, cove_value_new_int(numbers[n]));
            assert_refused();
        }
    }
}

static void test_random_numbers_of_zeros(void **state)
{
    const int64_t word[] = { 0, 0, 0, 0, 7 };
    struct cove_trainer_options o = quiet(1);
    struct line m;
    for (size_t n = 3; n <= 5; n++) {
        assert_int_equal(run(&o, 0, false, &m, NULL), 0);
        change("cove", "rng", words(word, n));
        assert_refused();
    }
}

/* The key "cove" of a later release may mean something else: it is refused before anything in it is. */
static void test_newer_version(void **state)
{
    struct cove_trainer_options o = quiet(4);
    struct cove_error err = COVE_ERROR_INIT;
    struct line m, fresh;
    line_init(&fresh);
    assert_int_equal(run(&o, 0, false, &m, NULL), 0);
    change("cove", "rng", cove_value_new_none());
    change("cove", "version", cove_value_new_int(2));
    assert_int_equal(run(&o, 0, true, &m, &err), COVE_ENOTSUP);
    assert_non_null(strstr(err.message, "cove.version in the checkpoint is 2"));
    assert_same_line(&m, &fresh);
    change("cove", "version", cove_value_new_int(0));
    assert_refused();
    change("cove", "version", cove_value_new_string("1"));
    assert_refused();
}

/* The run is over, so no batch and no epoch can be at its end. */
static void test_positions(void **state)
{
    static const char *const positions[] = {
        "epoch_end", "batch_end", "validation", "validation_done", "elsewhere", ""
    };
    struct cove_trainer_options o = quiet(1);
    struct line m;
    for (size_t i = 0; i < sizeof positions / sizeof *positions; i++) {
        assert_int_equal(run(&o, 0, false, &m, NULL), 0);
        change("cove", "position", cove_value_new_string(positions[i]));
        assert_refused();
    }
}

static void test_numbers_of_callbacks(void **state)
{
    const struct {
        const char *key;
        int64_t number;
    } wrong[] = { { "wait_count", -1 }, { "wait_count", INT64_MAX }, { "patience", -1 } };
    struct cove_early_stopping_options eo = COVE_EARLY_STOPPING_OPTIONS_INIT;
    struct cove_trainer_options o = quiet(1);
    eo.monitor = "val_loss";
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cove_callback *stopping;
        struct line m;
        assert_int_equal(cove_early_stopping_new(&eo, &stopping, NULL), 0);
        o.callbacks = &stopping;
        o.n_callbacks = 1;
        o.max_epochs = 1;
        assert_int_equal(run(&o, 0, false, &m, NULL), 0);
        change("callbacks.EarlyStopping{'monitor': 'val_loss', 'mode': 'min'}", wrong[i].key,
               cove_value_new_int(wrong[i].number));
        o.max_epochs = 2;
        assert_int_equal(run(&o, 0, true, &m, NULL), COVE_EMISMATCH);
        cove_callback_free(stopping);
    }
}

/* Lightning stores a score in the dtype of the logged value. */
static void test_scores_of_every_dtype(void **state)
{
    static const char *const key = "callbacks.EarlyStopping{'monitor': 'val_loss', 'mode': 'min'}";
    static const double f64 = 0.5;
    static const uint16_t f16 = 0x3800, bf16 = 0x3f00;
    static const int64_t i64 = 0, one_dim[1] = { 1 }, two[1] = { 2 };
    static const uint8_t u8 = 0;
    const struct {
        enum cove_dtype dtype;
        const void *data;
        size_t n_dims;
        const int64_t *shape;
        double score; /* -1: refused */
    } rows[] = {
        { COVE_DTYPE_FLOAT64, &f64, 0, NULL, 0.5 },   { COVE_DTYPE_FLOAT16, &f16, 0, NULL, 0.5 },
        { COVE_DTYPE_BFLOAT16, &bf16, 0, NULL, 0.5 }, { COVE_DTYPE_INT64, &i64, 0, NULL, 0 },
        { COVE_DTYPE_UINT8, &u8, 0, NULL, 0 },        { COVE_DTYPE_FLOAT64, &f64, 1, one_dim, 0.5 },
        { COVE_DTYPE_FLOAT16, &f64, 1, two, -1 },     { COVE_DTYPE_COMPLEX64, &f64, 0, NULL, -1 },
    };
    struct cove_early_stopping_options eo = COVE_EARLY_STOPPING_OPTIONS_INIT;
    eo.monitor = "val_loss";
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cove_tensor_view view = { rows[i].dtype, rows[i].n_dims, rows[i].shape, NULL,
                                         (void *)(uintptr_t)rows[i].data };
        struct cove_trainer_options o = quiet(1);
        cove_callback *stopping;
        cove_value *score, *state_dict = NULL;
        struct line m;
        assert_int_equal(cove_early_stopping_new(&eo, &stopping, NULL), 0);
        o.callbacks = &stopping;
        o.n_callbacks = 1;
        assert_int_equal(run(&o, 0, false, &m, NULL), 0);
        assert_int_equal(cove_value_new_tensor(&view, &score, NULL), 0);
        change(key, "best_score", score);
        assert_int_equal(run(&o, 0, true, &m, NULL), rows[i].score < 0 ? COVE_EMISMATCH : 0);
        if (rows[i].score >= 0) {
            assert_int_equal(stopping->state_dict(stopping->self, &state_dict, NULL), 0);
            struct cove_tensor_view shown;
            assert_int_equal(cove_value_get_tensor(cove_value_dict_get(state_dict, "best_score"), &shown, NULL), 0);
            assert_float_equal(*(const float *)shown.data, rows[i].score, 0);
            cove_value_unref(state_dict);
        }
        cove_callback_free(stopping);
    }
}

static int save_here(void *self, cove_trainer *trainer, const struct cove_error *cause, struct cove_error *err)
{
    return cove_trainer_save_checkpoint(trainer, URL, 0, err);
}

static int fail_in_batch_5(void *self, cove_trainer *trainer, const struct cove_batch *batch, struct cove_error *err)
{
    return batch->idx == 5 ? COVE_EIO : 0;
}

/* A run interrupted after batch 5 is resumed with only two batches: batch 5 must not be fetched. */
static void test_fewer_batches_than_the_checkpoint(void **state)
{
    for (int shuffle = 0; shuffle < 2; shuffle++) {
        struct cove_trainer_options o = quiet(1);
        cove_callback callback = COVE_CALLBACK_INIT, *one = &callback;
        struct line m;
        cove_trainer *trainer;
        o.callbacks = &one;
        o.n_callbacks = 1;
        callback.hooks.on_train_batch_end = fail_in_batch_5;
        callback.hooks.on_exception = save_here;
        line_init(&m);
        m.train.shuffle = shuffle;
        assert_int_equal(cove_trainer_new(&o, &trainer, NULL), 0);
        assert_int_equal(cove_trainer_fit(trainer, &m.module, &m.data, NULL, NULL), COVE_EIO);
        cove_trainer_free(trainer);

        callback.hooks.on_train_batch_end = NULL;
        line_init(&m);
        m.train.shuffle = shuffle;
        m.train.length = 6;
        o.max_epochs = 2;
        assert_int_equal(cove_trainer_new(&o, &trainer, NULL), 0);
        assert_int_equal(cove_trainer_fit(trainer, &m.module, &m.data, URL, NULL), 0);
        cove_trainer_free(trainer);
        for (size_t i = 0; i < m.n_fetched; i++)
            assert_in_range(m.fetched[i], 0, 5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_of_loops),
        cmocka_unit_test(test_random_numbers_of_zeros),
        cmocka_unit_test(test_positions),
        cmocka_unit_test(test_newer_version),
        cmocka_unit_test(test_numbers_of_callbacks),
        cmocka_unit_test(test_scores_of_every_dtype),
        cmocka_unit_test(test_fewer_batches_than_the_checkpoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
