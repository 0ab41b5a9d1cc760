/*
 * The position of a run in its checkpoints: what a validate, a run with nothing to do and a repeated fetch make of
 * it. cuts_test.c cuts at random.
 */
#include "trainer/testing.h"

#include <stdbool.h>

#define A "memory://position/a.ckpt"
#define B "memory://position/b.ckpt"

static int fit(struct cove_trainer_options *o, struct line *m, const char *ckpt, const char *save_to)
{
    cove_trainer *trainer;
    int rc;
    assert_int_equal(cove_trainer_new(o, &trainer, NULL), 0);
    rc = cove_trainer_fit(trainer, &m->module, &m->data, ckpt, NULL);
    if (save_to)
        assert_int_equal(cove_trainer_save_checkpoint(trainer, save_to, 0, NULL), 0);
    cove_trainer_free(trainer);
    return rc;
}

/* ---- validate ---- */

static bool saves_in_validate;

static int64_t interrupted_batch;

static int interrupt_in_a_batch(void *self, cove_trainer *trainer, const struct cove_batch *batch,
                                struct cove_error *err)
{
    if (batch->idx == interrupted_batch)
        cove_trainer_interrupt(trainer);
    return 0;
}

/* Draws and asks for a stop: nothing of it is the fit's. */
static int disturb(void *self, cove_trainer *trainer, struct cove_error *err)
{
    cove_rng_uniform(cove_trainer_rng(trainer));
    if (cove_trainer_is_fitting(trainer))
        return 0;
    cove_trainer_stop(trainer, "in a validate");
    return saves_in_validate ? cove_trainer_save_checkpoint(trainer, B, 0, err) : 0;
}

static void test_validate_leaves_the_fit_alone(void **state)
{
    struct cove_trainer_options o = quiet(2);
    struct line whole, m;
    o.accumulate_grad_batches = 4;
    line_init(&whole);
    whole.module.hooks.on_validation_start = disturb;
    assert_int_equal(fit(&o, &whole, NULL, NULL), 0);
    for (int in_hook = 0; in_hook < 2; in_hook++) {
        cove_trainer *trainer;
        saves_in_validate = in_hook;
        interrupted_batch = 1;
        line_init(&m);
        m.module.hooks.on_validation_start = disturb;
        m.module.hooks.on_train_batch_start = interrupt_in_a_batch;
        assert_int_equal(cove_trainer_new(&o, &trainer, NULL), 0);
        assert_int_equal(cove_trainer_fit(trainer, &m.module, &m.data, NULL, NULL), COVE_ECANCELED);
        assert_int_equal(cove_trainer_validate(trainer, &m.module, &m.data, NULL, NULL), 0);
        if (!in_hook)
            assert_int_equal(cove_trainer_save_checkpoint(trainer, B, 0, NULL), 0);
        cove_trainer_free(trainer);
        line_init(&m);
        m.module.hooks.on_validation_start = disturb;
        assert_int_equal(fit(&o, &m, B, NULL), 0);
        assert_same_line(&m, &whole);
    }
}

/* ---- nothing to do ---- */

static int64_t first_step, epoch_ends;

static int note_first_step(void *self, const struct cove_metric *metrics, size_t n, int64_t step,
                           struct cove_error *err)
{
    if (first_step < 0)
        first_step = step;
    return 0;
}

static int count_epoch_end(void *self, cove_trainer *trainer, struct cove_error *err)
{
    epoch_ends++;
    return 0;
}

static void resume_until(int64_t max_steps, const char *from, const char *to)
{
    struct cove_trainer_options o = quiet(3);
    cove_logger logger = COVE_LOGGER_INIT, *loggers[] = { &logger };
    struct line m;
    line_init(&m);
    m.module.hooks.on_train_epoch_end = count_epoch_end;
    logger.log_metrics = note_first_step;
    o.enable_logging = 1;
    o.loggers = loggers;
    o.n_loggers = 1;
    o.log_every_n_steps = 1;
    o.max_steps = max_steps;
    first_step = -1;
    epoch_ends = 0;
    assert_int_equal(fit(&o, &m, from, to), 0);
}

static void test_a_run_with_nothing_to_do(void **state)
{
    /* In mid-epoch, at the end of one, and after it. */
    for (int64_t steps = 3; steps < 9; steps += 2) {
        resume_until(steps, NULL, A);
        resume_until(steps, A, B);
        assert_int_equal(epoch_ends, 0);
        assert_int_equal(first_step, -1);
        resume_until(steps + 1, B, NULL);
        assert_int_equal(first_step, steps);
        assert_int_equal(epoch_ends, 1);
    }
}

/* ---- what fetch draws ---- */

static cove_trainer *fetching;
static double drawn, seen_at_end;
static bool fails;

static int draw_data(void *self, const int64_t *indices, size_t n, const void **ret_data, struct cove_error *err)
{
    drawn = cove_rng_uniform(cove_trainer_rng(fetching));
    *ret_data = &drawn;
    return 0;
}

static int fail_at_end(void *self, cove_trainer *trainer, const struct cove_batch *batch, struct cove_error *err)
{
    if (batch->idx != 2)
        return 0;
    seen_at_end = *(const double *)batch->data;
    return fails ? COVE_EIO : 0;
}

static int save_a(void *self, cove_trainer *trainer, const struct cove_error *cause, struct cove_error *err)
{
    return cove_trainer_save_checkpoint(trainer, A, 0, err);
}

/* on_train_batch_end is repeated with the same batch. */
static void test_a_fetch_is_repeated(void **state)
{
    struct cove_trainer_options o = quiet(1);
    double first = 0;
    for (int i = 0; i < 2; i++) {
        struct line m;
        line_init(&m);
        m.data.val = NULL;
        m.train.fetch = draw_data;
        m.module.hooks.on_train_batch_end = fail_at_end;
        m.module.hooks.on_exception = save_a;
        fails = i == 0;
        seen_at_end = -1;
        assert_int_equal(cove_trainer_new(&o, &fetching, NULL), 0);
        assert_int_equal(cove_trainer_fit(fetching, &m.module, &m.data, fails ? NULL : A, NULL), fails ? COVE_EIO : 0);
        cove_trainer_free(fetching);
        if (fails)
            first = seen_at_end;
    }
    assert_true(seen_at_end == first);
}

/* ---- frozen buffers ---- */

static int fail_in_batch_2(void *self, cove_trainer *trainer, struct cove_error *err)
{
    struct line *m = self;
    return m->seen == 3 ? COVE_EIO : 0;
}

static void test_frozen_buffers_are_not_copied(void **state)
{
    struct cove_trainer_options o = quiet(1);
    for (int frozen = 0; frozen < 2; frozen++) {
        struct line m;
        line_init(&m);
        m.parameters[2].frozen = frozen;
        m.module.hooks.on_after_backward = fail_in_batch_2;
        assert_int_equal(fit(&o, &m, NULL, NULL), COVE_EIO);
        assert_int_equal(m.seen, frozen ? 3 : 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_validate_leaves_the_fit_alone),
        cmocka_unit_test(test_a_run_with_nothing_to_do),
        cmocka_unit_test(test_a_fetch_is_repeated),
        cmocka_unit_test(test_frozen_buffers_are_not_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
