/* Calls at the wrong time, hooks that fail while a run ends, and callbacks that refuse their state: each is an error
 * with a message, and the trainer and its callbacks stay usable. */
#include <stdbool.h>
#include <stdlib.h>

#include "trainer/testing.h"

struct seen {
    struct line *model;
    int rc, due, teardowns;
    char message[1024];
};

static struct seen seen;

static int run(cove_trainer *trainer, struct line *m, struct cove_error *err)
{
    return cove_trainer_fit(trainer, &m->module, &m->data, NULL, err);
}

/* ---- a run inside a run ---- */

static int nested(cove_trainer *trainer, bool fit)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct line *m = seen.model;
    seen.rc = fit ? run(trainer, m, &err) : cove_trainer_validate(trainer, &m->module, &m->data, NULL, &err);
    snprintf(seen.message, sizeof seen.message, "%s", err.message);
    return 0;
}

static int fit_in_batch(void *self, cove_trainer *trainer, const struct cove_batch *batch, struct cove_error *err)
{
    return nested(trainer, true);
}

static int validate_in_batch(void *self, cove_trainer *trainer, const struct cove_batch *batch, struct cove_error *err)
{
    return nested(trainer, false);
}

static int fit_in_teardown(void *self, cove_trainer *trainer, struct cove_error *err)
{
    return nested(trainer, true);
}

static void test_a_run_inside_a_run(void **state)
{
    const struct cove_hooks hooks[] = {
        { .on_train_batch_start = fit_in_batch },
        { .on_validation_batch_end = validate_in_batch },
        { .teardown = fit_in_teardown },
    };
    for (size_t i = 0; i < sizeof hooks / sizeof *hooks; i++) {
        struct cove_trainer_options o = quiet(2);
        struct line m, plain;
        cove_trainer *trainer;
        line_init(&plain);
        assert_int_equal(cove_trainer_new(&o, &trainer, NULL), 0);
        assert_int_equal(run(trainer, &plain, NULL), 0);
        cove_trainer_free(trainer);

        line_init(&m);
        m.module.hooks = hooks[i];
        seen = (struct seen){ .model = &m };
        assert_int_equal(cove_trainer_new(&o, &trainer, NULL), 0);
        assert_int_equal(run(trainer, &m, NULL), 0);
        assert_int_equal(seen.rc, COVE_ESTATE);
        assert_non_null(strstr(seen.message, "a run is in progress"));
        assert_same_line(&m, &plain);
        assert_int_equal(cove_trainer_validate(trainer, &m.module, &m.data, NULL, NULL), 0);
        cove_trainer_free(trainer);
    }
}

/* ---- queries outside of a run ---- */

static int ask(void *self, cove_trainer *trainer, struct cove_error *err)
{
    seen.due += cove_trainer_validation_is_due(trainer);
    return 0;
}

static void test_validation_is_due_outside_of_a_fit(void **state)
{
    struct cove_trainer_options o = quiet(1);
    struct line m;
    cove_trainer *trainer;
    line_init(&m);
    m.module.hooks.on_validation_start = ask;
    seen = (struct seen){ 0 };
    assert_int_equal(cove_trainer_new(&o, &trainer, NULL), 0);
    assert_int_equal(cove_trainer_validation_is_due(trainer), 0);
    assert_int_equal(cove_trainer_validate(trainer, &m.module, &m.data, NULL, NULL), 0);
    assert_int_equal(seen.due, 0);
    assert_int_equal(run(trainer, &m, NULL), 0);
    assert_int_equal(seen.due, 1);
    assert_int_equal(cove_trainer_validate(trainer, &m.module, &m.data, NULL, NULL), 0);
    assert_int_equal(seen.due, 1);
    cove_trainer_free(trainer);
}

/* ---- teardown ---- */

static int count_teardown(void *self, cove_trainer *trainer, struct cove_error *err)
{
    seen.teardowns++;
    return self ? cove_error_set(err, COVE_EIO, "teardown number %d failed", seen.teardowns) : 0;
}

static void test_every_teardown_is_called(void **state)
{
    struct cove_trainer_options o = quiet(1);
    struct cove_error err = COVE_ERROR_INIT;
    cove_callback callback[2] = { COVE_CALLBACK_INIT, COVE_CALLBACK_INIT }, *both[] = { &callback[0], &callback[1] };
    struct line m;
    cove_trainer *trainer;
    for (int i = 0; i < 2; i++) {
        callback[i].self = &seen;
        callback[i].hooks.teardown = count_teardown;
    }
    o.callbacks = both;
    o.n_callbacks = 2;
    line_init(&m);
    m.module.hooks.teardown = count_teardown;
    seen = (struct seen){ 0 };
    assert_int_equal(cove_trainer_new(&o, &trainer, NULL), 0);
    assert_int_equal(run(trainer, &m, &err), COVE_EIO);
    assert_int_equal(seen.teardowns, 3);
    assert_non_null(strstr(err.message, "teardown number 1 failed"));
    cove_trainer_free(trainer);
}

/* ---- stop reasons ---- */

static char reason[600];

static int stop_and_interrupt(void *self, cove_trainer *trainer, const struct cove_batch *batch, struct cove_error *err)
{
    if (batch->idx == 2) {
        cove_trainer_stop(trainer, reason);
        cove_trainer_interrupt(trainer);
    }
    return 0;
}

/* A reason of any length and any bytes is saved with the interrupted run. */
static void test_a_reason_that_is_cut(void **state)
{
    for (int shift = 0; shift < 4; shift++) {
        struct cove_model_checkpoint_options mo = COVE_MODEL_CHECKPOINT_OPTIONS_INIT;
        struct cove_trainer_options o = quiet(2);
        cove_callback *checkpoint;
        struct line m;
        cove_trainer *trainer;
        memset(reason, 'x', 2);
        for (int i = 0; i < 200; i++)
            memcpy(reason + shift % 2 + 2 * i, "\xc3\xa9", 3);
        if (shift > 1)
            reason[20] = '\xff';
        mo.dirpath = "memory://reasons";
        mo.save_last = 1;
        remove_url("memory://reasons");
        assert_int_equal(cove_model_checkpoint_new(&mo, &checkpoint, NULL), 0);
        o.callbacks = &checkpoint;
        o.n_callbacks = 1;
        line_init(&m);
        m.module.hooks.on_train_batch_end = stop_and_interrupt;
        assert_int_equal(cove_trainer_new(&o, &trainer, NULL), 0);
        assert_int_equal(run(trainer, &m, NULL), COVE_ECANCELED);
        assert_string_equal(cove_model_checkpoint_last_path(checkpoint), "memory://reasons/last.ckpt");

        m.module.hooks.on_train_batch_end = NULL;
        assert_int_equal(cove_trainer_fit(trainer, &m.module, &m.data, "memory://reasons/last.ckpt", NULL), 0);
        assert_int_equal(cove_trainer_global_step(trainer), 3);
        assert_memory_equal(cove_trainer_stop_reason(trainer), reason, 18);
        cove_trainer_free(trainer);
        cove_callback_free(checkpoint);
    }
}

/* ---- states that are refused ---- */

static int no_state(void *self, cove_value **ret_state, struct cove_error *err)
{
    *ret_state = cove_value_new_dict();
    return 0;
}

static int refuse_state(void *self, const cove_value *state, struct cove_error *err)
{
    return cove_error_set(err, COVE_EMISMATCH, "of another kind");
}

/* If a callback refuses its state, the others are unchanged: a run from the start keeps its own best. */
static void test_a_resume_that_fails_changes_no_callback(void **state)
{
    struct cove_model_checkpoint_options mo = COVE_MODEL_CHECKPOINT_OPTIONS_INIT;
    struct cove_early_stopping_options eo = COVE_EARLY_STOPPING_OPTIONS_INIT;
    struct cove_trainer_options o = quiet(1);
    cove_callback user = COVE_CALLBACK_INIT, *all[3];
    struct line m;
    cove_trainer *trainer;
    char best[200];
    mo.monitor = eo.monitor = "val_loss";
    mo.dirpath = "memory://refused";
    user.state_key = "user";
    user.state_dict = no_state;
    user.after_callbacks = 1;
    o.callbacks = all;
    o.n_callbacks = 3;
    remove_url("memory://refused");
    for (int second = 0; second < 2; second++) {
        assert_int_equal(cove_model_checkpoint_new(&mo, &all[0], NULL), 0);
        assert_int_equal(cove_early_stopping_new(&eo, &all[1], NULL), 0);
        all[2] = &user;
        user.load_state_dict = second ? refuse_state : NULL;
        line_init(&m);
        m.val_loss = second ? 5 : 0.001;
        assert_int_equal(cove_trainer_new(&o, &trainer, NULL), 0);
        if (!second) {
            assert_int_equal(run(trainer, &m, NULL), 0);
            snprintf(best, sizeof best, "%s", cove_model_checkpoint_best_path(all[0]));
        } else {
            assert_int_equal(cove_trainer_fit(trainer, &m.module, &m.data, best, NULL), COVE_EMISMATCH);
            assert_string_equal(cove_model_checkpoint_best_path(all[0]), "");
            assert_int_equal(run(trainer, &m, NULL), 0);
            assert_string_equal(cove_model_checkpoint_best_path(all[0]), "memory://refused/epoch=0-step=7-v1.ckpt");
            assert_float_equal(cove_model_checkpoint_best_score(all[0]), 5, 0);
            assert_int_equal(url_exists(best), 1);
        }
        cove_trainer_free(trainer);
        cove_callback_free(all[0]);
        cove_callback_free(all[1]);
    }
}

/* ---- failures inside failures ---- */

static int log_badly_and_save(void *self, cove_trainer *trainer, const struct cove_batch *batch, struct cove_error *err)
{
    cove_trainer_log(trainer, "bad\nname", 1, 0);
    cove_trainer_save_checkpoint(trainer, "memory://misuse/saved.ckpt", 0, NULL);
    return 0;
}

/* The save calls other hooks; a failed cove_trainer_log stays the failure of the hook that called it. */
static void test_a_save_after_a_log_that_failed(void **state)
{
    struct cove_early_stopping_options eo = COVE_EARLY_STOPPING_OPTIONS_INIT;
    struct cove_trainer_options o = quiet(1);
    struct cove_error err = COVE_ERROR_INIT;
    cove_callback *stopping;
    struct line m;
    cove_trainer *trainer;
    eo.monitor = "val_loss";
    assert_int_equal(cove_early_stopping_new(&eo, &stopping, NULL), 0);
    o.callbacks = &stopping;
    o.n_callbacks = 1;
    line_init(&m);
    m.module.hooks.on_train_batch_end = log_badly_and_save;
    assert_int_equal(cove_trainer_new(&o, &trainer, NULL), 0);
    assert_int_equal(run(trainer, &m, &err), COVE_EINVAL);
    assert_non_null(strstr(err.message, "on_train_batch_end"));
    assert_null(strstr(err.message, "state_dict"));
    assert_int_equal(url_exists("memory://misuse/saved.ckpt"), 1);
    cove_trainer_free(trainer);
    cove_callback_free(stopping);
}

/* ---- late interrupts ---- */

static int interrupt_at_end(void *self, cove_trainer *trainer, struct cove_error *err)
{
    cove_trainer_interrupt(trainer);
    return 0;
}

static void test_a_late_interrupt_ends_the_next_run(void **state)
{
    const struct cove_hooks hooks[] = { { .on_train_end = interrupt_at_end }, { .teardown = interrupt_at_end } };
    for (size_t i = 0; i < sizeof hooks / sizeof *hooks; i++) {
        struct cove_trainer_options o = quiet(4);
        struct line m;
        cove_trainer *trainer;
        o.max_steps = 3;
        line_init(&m);
        m.module.hooks = hooks[i];
        assert_int_equal(cove_trainer_new(&o, &trainer, NULL), 0);
        assert_int_equal(run(trainer, &m, NULL), 0);
        m.module.hooks = (struct cove_hooks){ 0 };
        assert_int_equal(cove_trainer_validate(trainer, &m.module, &m.data, NULL, NULL), COVE_ECANCELED);
        assert_int_equal(cove_trainer_validate(trainer, &m.module, &m.data, NULL, NULL), 0);
        cove_trainer_free(trainer);
    }
}

/* ---- structs of another size ---- */

static int count_batch(void *self, cove_trainer *trainer, const struct cove_batch *batch, struct cove_error *err)
{
    seen.due++;
    return 0;
}

/* A program that was compiled with an older header passes a shorter struct: nothing is read past its end. */
static void test_structs_of_another_size(void **state)
{
    const size_t shorter = offsetof(cove_callback, hooks.on_validation_start);
    struct cove_trainer_options o = quiet(1);
    cove_callback whole = COVE_CALLBACK_INIT, *one = malloc(shorter);
    cove_logger logger = COVE_LOGGER_INIT, *logger_at = &logger;
    struct line m;
    cove_trainer *trainer;
    assert_non_null(one);
    whole.size = shorter;
    whole.hooks.on_train_batch_end = count_batch;
    memcpy(one, &whole, shorter);
    seen = (struct seen){ 0 };
    o.callbacks = &one;
    o.n_callbacks = 1;
    line_init(&m);
    assert_int_equal(cove_trainer_new(&o, &trainer, NULL), 0);
    assert_int_equal(run(trainer, &m, NULL), 0);
    assert_int_equal(seen.due, 7);
    cove_trainer_free(trainer);

    one->size = 0;
    assert_int_equal(cove_trainer_new(&o, &trainer, NULL), COVE_EINVAL);
    o.n_callbacks = 0;
    o.enable_logging = 1;
    o.loggers = &logger_at;
    o.n_loggers = 1;
    logger.size = 777777;
    assert_int_equal(cove_trainer_new(&o, &trainer, NULL), COVE_EINVAL);
    free(one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_run_inside_a_run),
        cmocka_unit_test(test_validation_is_due_outside_of_a_fit),
        cmocka_unit_test(test_every_teardown_is_called),
        cmocka_unit_test(test_a_reason_that_is_cut),
        cmocka_unit_test(test_a_resume_that_fails_changes_no_callback),
        cmocka_unit_test(test_a_save_after_a_log_that_failed),
        cmocka_unit_test(test_a_late_interrupt_ends_the_next_run),
        cmocka_unit_test(test_structs_of_another_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
