/* Several runs of one trainer: validate after fit, a second fit, and saving in between. */
#include "trainer/testing.h"

#define ROOT  "memory://runs"
#define SAVED ROOT "/saved.ckpt"

static struct line model;

static int setup_model(void **state)
{
    line_init(&model);
    remove_url(ROOT);
    return 0;
}

static cove_trainer *make(const struct cove_trainer_options *o)
{
    cove_trainer *trainer;
    assert_int_equal(cove_trainer_new(o, &trainer, NULL), 0);
    return trainer;
}

static int fit(cove_trainer *trainer, const char *ckpt, struct cove_error *err)
{
    return cove_trainer_fit(trainer, &model.module, &model.data, ckpt, err);
}

/* ---- a logger that keeps the last step ---- */

static int64_t logged_step;

static int log_metrics(void *self, const struct cove_metric *metrics, size_t n, int64_t step, struct cove_error *err)
{
    logged_step = step;
    return 0;
}

static int draws(void *self, cove_trainer *trainer, struct cove_error *err)
{
    cove_rng_next(cove_trainer_rng(trainer));
    return 0;
}

static void validate_leaves_the_fit_alone(void **state)
{
    struct cove_logger logger = COVE_LOGGER_INIT;
    struct cove_trainer_options o = quiet(2);
    struct line resumed, whole;
    cove_trainer *trainer;
    void *before, *after;
    size_t n_before, n_after;
    logger.log_metrics = log_metrics;
    o.enable_logging = o.n_loggers = 1;
    o.loggers = (cove_logger *[]){ &logger };
    trainer = make(&o);
    assert_int_equal(fit(trainer, NULL, NULL), 0);
    assert_int_equal(cove_trainer_save_checkpoint(trainer, SAVED, 0, NULL), 0);
    assert_int_equal(cove_read_url(SAVED, &before, &n_before, NULL), 0);
    /* A validate does not change the fit's random state. */
    model.module.hooks.on_validation_start = draws;
    logged_step = -1;
    assert_int_equal(cove_trainer_validate(trainer, &model.module, &model.data, NULL, NULL), 0);
    assert_int_equal(logged_step, 14);
    assert_int_equal(cove_trainer_global_step(trainer), 14);
    assert_int_equal(cove_trainer_current_epoch(trainer), 2);
    assert_non_null(cove_trainer_optimizer(trainer));
    assert_string_equal(cove_trainer_stop_reason(trainer), "max_epochs=2 reached");
    /* A refused validate changes nothing either. */
    assert_int_equal(cove_trainer_validate(trainer, &model.module, &(struct cove_data)COVE_DATA_INIT, NULL, NULL),
                     COVE_EINVAL);
    assert_int_equal(cove_trainer_save_checkpoint(trainer, SAVED, 0, NULL), 0);
    cove_trainer_free(trainer);
    assert_int_equal(cove_read_url(SAVED, &after, &n_after, NULL), 0);
    assert_int_equal(n_after, n_before);
    assert_memory_equal(after, before, n_before);
    cove_free(before);
    cove_free(after);

    o = quiet(3);
    line_init(&model);
    trainer = make(&o);
    assert_int_equal(fit(trainer, SAVED, NULL), 0);
    cove_trainer_free(trainer);
    resumed = model;
    line_init(&model);
    trainer = make(&o);
    assert_int_equal(fit(trainer, NULL, NULL), 0);
    cove_trainer_free(trainer);
    whole = model;
    assert_same_line(&resumed, &whole);
}

/* The weights of one checkpoint and the optimizer of another step are no state to resume from. */
static void loaded_weights_are_not_saved_as_the_fits(void **state)
{
    struct cove_trainer_options o = quiet(1);
    struct cove_error err = COVE_ERROR_INIT;
    cove_trainer *trainer = make(&o);
    struct line best, fitted;
    assert_int_equal(fit(trainer, NULL, NULL), 0);
    assert_int_equal(cove_trainer_save_checkpoint(trainer, SAVED, 0, NULL), 0);
    cove_trainer_free(trainer);
    best = model;
    o.max_epochs = 2;
    trainer = make(&o);
    assert_int_equal(fit(trainer, NULL, NULL), 0);
    fitted = model;
    assert_int_equal(cove_trainer_validate(trainer, &model.module, &model.data, "memory://runs/none.ckpt", NULL),
                     COVE_ENOTFOUND);
    assert_same_line(&model, &fitted);
    assert_int_equal(cove_trainer_save_checkpoint(trainer, ROOT "/same.ckpt", 0, NULL), 0);
    assert_int_equal(cove_trainer_validate(trainer, &model.module, &model.data, SAVED, NULL), 0);
    assert_same_line(&model, &best);
    assert_int_equal(cove_trainer_save_checkpoint(trainer, ROOT "/mixed.ckpt", 0, &err), COVE_ESTATE);
    assert_non_null(strstr(err.message, "another checkpoint"));
    assert_int_equal(url_exists(ROOT "/mixed.ckpt"), 0);
    assert_int_equal(cove_trainer_validate(trainer, &model.module, &model.data, NULL, NULL), 0);
    assert_int_equal(cove_trainer_save_checkpoint(trainer, ROOT "/mixed.ckpt", 0, NULL), COVE_ESTATE);
    assert_int_equal(cove_trainer_save_checkpoint(trainer, ROOT "/weights.ckpt", 1, NULL), 0);
    assert_int_equal(fit(trainer, SAVED, NULL), 0);
    assert_int_equal(cove_trainer_save_checkpoint(trainer, ROOT "/again.ckpt", 0, NULL), 0);
    cove_trainer_free(trainer);
}

static int save_within(void *self, cove_trainer *trainer, cove_value *tree, struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;
    assert_int_equal(cove_trainer_save_checkpoint(trainer, ROOT "/within.ckpt", 1, &why), COVE_ESTATE);
    assert_non_null(strstr(why.message, "on_save_checkpoint"));
    return 0;
}

static void a_save_within_a_save_is_refused(void **state)
{
    struct cove_trainer_options o = quiet(1);
    cove_trainer *trainer = make(&o);
    assert_int_equal(fit(trainer, NULL, NULL), 0);
    model.module.hooks.on_save_checkpoint = save_within;
    assert_int_equal(fit(trainer, NULL, NULL), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(cove_trainer_save_checkpoint(trainer, SAVED, 0, NULL), 0);
    cove_trainer_free(trainer);
    assert_int_equal(url_exists(SAVED), 1);
}

static void validate_before_fit_changes_nothing_of_it(void **state)
{
    struct cove_trainer_options o = quiet(1);
    struct line alone;
    cove_trainer *trainer = make(&o);
    assert_int_equal(fit(trainer, NULL, NULL), 0);
    cove_trainer_free(trainer);
    alone = model;
    line_init(&model);
    model.module.hooks.on_validation_start = draws;
    trainer = make(&o);
    assert_int_equal(cove_trainer_validate(trainer, &model.module, &model.data, NULL, NULL), 0);
    model.module.hooks.on_validation_start = NULL;
    assert_int_equal(fit(trainer, NULL, NULL), 0);
    cove_trainer_free(trainer);
    assert_same_line(&model, &alone);
}

static size_t count_below(const char *url, const char *part)
{
    cove_listing *listing;
    const cove_info *info;
    cove_fs *fs;
    char *path;
    size_t n = 0;
    assert_int_equal(cove_fs_from_url(url, NULL, &fs, &path, NULL), 0);
    assert_int_equal(cove_fs_list(fs, path, NULL, &listing, NULL), 0);
    while (cove_listing_next(listing, &info, NULL) > 0)
        n += strstr(cove_info_name(info), part) ? 1 : 0;
    cove_listing_free(listing);
    cove_free(path);
    cove_fs_unref(fs);
    return n;
}

static void one_logger_writes_one_file(void **state)
{
    struct cove_trainer_options o = quiet(1);
    cove_trainer *trainer;
    o.default_root_dir = ROOT;
    o.enable_logging = 1;
    trainer = make(&o);
    assert_int_equal(fit(trainer, NULL, NULL), 0);
    assert_int_equal(cove_trainer_validate(trainer, &model.module, &model.data, NULL, NULL), 0);
    cove_trainer_free(trainer);
    assert_int_equal(count_below(ROOT "/lightning_logs", "version_"), 1);
    assert_int_equal(count_below(ROOT "/lightning_logs/version_0", "tfevents"), 1);
}

/* ---- what can't be resumed isn't saved ---- */

static void only_a_fit_can_be_saved(void **state)
{
    struct cove_trainer_options o = quiet(1);
    struct cove_error err = COVE_ERROR_INIT;
    struct line other;
    cove_trainer *trainer = make(&o);
    assert_int_equal(cove_trainer_save_checkpoint(trainer, SAVED, 0, &err), COVE_ESTATE);
    assert_int_equal(cove_trainer_validate(trainer, &model.module, &model.data, NULL, NULL), 0);
    assert_int_equal(cove_trainer_save_checkpoint(trainer, SAVED, 0, &err), COVE_ESTATE);
    assert_non_null(strstr(err.message, "no fit has configured an optimizer"));
    assert_int_equal(url_exists(SAVED), 0);
    assert_int_equal(cove_trainer_save_checkpoint(trainer, SAVED, 1, &err), 0);
    remove_url(SAVED);
    assert_int_equal(fit(trainer, NULL, NULL), 0);
    line_init(&other);
    assert_int_equal(cove_trainer_validate(trainer, &other.module, &other.data, NULL, NULL), 0);
    assert_int_equal(cove_trainer_save_checkpoint(trainer, SAVED, 0, &err), COVE_ESTATE);
    assert_non_null(strstr(err.message, "another module"));
    assert_int_equal(url_exists(SAVED), 0);
    cove_trainer_free(trainer);
}

/* ---- one fit after another ---- */

static void a_second_fit_has_nothing_left(void **state)
{
    struct cove_trainer_options o = quiet(1);
    cove_trainer *trainer = make(&o);
    assert_int_equal(fit(trainer, NULL, NULL), 0);
    assert_int_equal(model.seen, 7);
    assert_int_equal(fit(trainer, NULL, NULL), 0);
    assert_int_equal(model.seen, 7);
    assert_string_equal(cove_trainer_stop_reason(trainer), "max_epochs=1 reached");
    assert_int_equal(cove_trainer_global_step(trainer), 7);
    cove_trainer_free(trainer);
}

static int stop_once(void *self, cove_trainer *trainer, struct cove_error *err)
{
    if (cove_trainer_current_epoch(trainer) == 0)
        cove_trainer_stop(trainer, "enough");
    return 0;
}

static void a_second_fit_continues(void **state)
{
    struct cove_trainer_options o = quiet(3);
    cove_trainer *trainer = make(&o);
    model.module.hooks.on_train_epoch_end = stop_once;
    assert_int_equal(fit(trainer, NULL, NULL), 0);
    assert_string_equal(cove_trainer_stop_reason(trainer), "enough");
    assert_int_equal(cove_trainer_current_epoch(trainer), 1);
    assert_int_equal(fit(trainer, NULL, NULL), 0);
    assert_int_equal(model.seen, 21);
    assert_int_equal(cove_trainer_global_step(trainer), 21);
    /* A checkpoint replaces the trainer's position. */
    assert_int_equal(cove_trainer_save_checkpoint(trainer, SAVED, 0, NULL), 0);
    cove_trainer_free(trainer);
    line_init(&model);
    o.max_epochs = 4;
    trainer = make(&o);
    assert_int_equal(fit(trainer, SAVED, NULL), 0);
    assert_int_equal(model.seen, 28);
    assert_int_equal(fit(trainer, SAVED, NULL), 0);
    assert_int_equal(model.seen, 28); /* from the checkpoint's 21 */
    cove_trainer_free(trainer);
}

static void a_fit_after_a_failed_one_begins_the_epoch_again(void **state)
{
    struct cove_trainer_options o = quiet(2);
    cove_trainer *trainer = make(&o);
    model.fail_at = 10; /* the fourth batch of the second epoch */
    assert_int_equal(fit(trainer, NULL, NULL), COVE_EIO);
    model.fail_at = -1;
    assert_int_equal(fit(trainer, NULL, NULL), 0);
    assert_int_equal(model.seen, 17);
    assert_int_equal(cove_trainer_current_epoch(trainer), 2);
    assert_int_equal(cove_trainer_save_checkpoint(trainer, SAVED, 0, NULL), 0);
    cove_trainer_free(trainer);
    o.max_epochs = 3;
    trainer = make(&o);
    assert_int_equal(fit(trainer, SAVED, NULL), 0);
    assert_int_equal(cove_trainer_current_epoch(trainer), 3);
    cove_trainer_free(trainer);
}

static void a_checkpoint_beyond_max_epochs_is_refused(void **state)
{
    struct cove_trainer_options o = quiet(3);
    struct cove_error err = COVE_ERROR_INIT;
    cove_trainer *trainer = make(&o);
    assert_int_equal(fit(trainer, NULL, NULL), 0);
    assert_int_equal(cove_trainer_save_checkpoint(trainer, SAVED, 0, NULL), 0);
    assert_int_equal(fit(trainer, SAVED, NULL), 0); /* nothing is left */
    cove_trainer_free(trainer);
    o.max_epochs = 2;
    line_init(&model);
    trainer = make(&o);
    assert_int_equal(fit(trainer, SAVED, &err), COVE_EINVAL);
    assert_string_equal(err.message, "resume " SAVED ": the checkpoint is of epoch 3, but max_epochs is 2");
    assert_int_equal(model.seen, 0);
    cove_trainer_free(trainer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(validate_leaves_the_fit_alone, setup_model),
        cmocka_unit_test_setup(loaded_weights_are_not_saved_as_the_fits, setup_model),
        cmocka_unit_test_setup(a_save_within_a_save_is_refused, setup_model),
        cmocka_unit_test_setup(validate_before_fit_changes_nothing_of_it, setup_model),
        cmocka_unit_test_setup(one_logger_writes_one_file, setup_model),
        cmocka_unit_test_setup(only_a_fit_can_be_saved, setup_model),
        cmocka_unit_test_setup(a_second_fit_has_nothing_left, setup_model),
        cmocka_unit_test_setup(a_second_fit_continues, setup_model),
        cmocka_unit_test_setup(a_fit_after_a_failed_one_begins_the_epoch_again, setup_model),
        cmocka_unit_test_setup(a_checkpoint_beyond_max_epochs_is_refused, setup_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
