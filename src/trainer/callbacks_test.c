/* ModelCheckpoint, EarlyStopping, the loggers and the progress bar, each in a run of the small model. */
#include "trainer/testing.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "trainer/progress_bar.h"

#define ROOT "memory://callbacks"

/* Values that val_loss takes, one a validation; the last one stays. */
static const double *script;
static size_t n_script, at_script;

static int follow_script(void *self, cove_trainer *trainer, struct cove_error *err)
{
    struct line *m = self;
    if (script)
        m->val_loss = script[at_script < n_script ? at_script++ : n_script - 1];
    return 0;
}

static int set_up(void **state)
{
    static struct line model;
    line_init(&model);
    model.module.hooks.on_validation_start = follow_script;
    script = NULL;
    at_script = 0;
    remove_url(ROOT);
    *state = &model;
    return 0;
}

static void follow(const double *values, size_t n)
{
    script = values;
    n_script = n;
    at_script = 0;
}

static int fit_with(struct line *model, struct cove_trainer_options *o, cove_callback *callback, const char *ckpt,
                    char *ret_reason, struct cove_error *err)
{
    cove_trainer *trainer;
    o->default_root_dir = ROOT;
    o->callbacks = &callback;
    o->n_callbacks = 1;
    assert_int_equal(cove_trainer_new(o, &trainer, err), 0);
    int rc = cove_trainer_fit(trainer, &model->module, &model->data, ckpt, err);
    if (ret_reason)
        snprintf(ret_reason, 256, "%s", cove_trainer_stop_reason(trainer));
    cove_trainer_free(trainer);
    return rc;
}

static cove_callback *checkpoints(const struct cove_model_checkpoint_options *o)
{
    cove_callback *callback;
    assert_int_equal(cove_model_checkpoint_new(o, &callback, NULL), 0);
    return callback;
}

/* The names below `url`, sorted, with a space after each. */
static void assert_files(const char *url, const char *expected)
{
    struct cove__buf names = COVE__BUF_INIT(4096);
    const cove_info *info;
    cove_listing *listing;
    cove_fs *fs;
    char *path;
    int rc;
    assert_int_equal(cove_fs_from_url(url, NULL, &fs, &path, NULL), 0);
    assert_int_equal(cove_fs_list(fs, path, NULL, &listing, NULL), 0);
    while ((rc = cove_listing_next(listing, &info, NULL)) > 0)
        cove__buf_addf(&names, "%s ", cove_info_name(info));
    assert_true(rc == 0 || rc == COVE_ENOTFOUND);
    assert_string_equal(cove__buf_str(&names), expected);
    cove__buf_done(&names);
    cove_listing_free(listing);
    cove_free(path);
    cove_fs_unref(fs);
}

/* ---- ModelCheckpoint ---- */

static void newest_stays_by_default(void **state)
{
    struct cove_model_checkpoint_options k = COVE_MODEL_CHECKPOINT_OPTIONS_INIT;
    struct cove_trainer_options o = quiet(3);
    cove_callback *c = checkpoints(&k);
    assert_int_equal(fit_with(*state, &o, c, NULL, NULL, NULL), 0);
    assert_files(ROOT "/checkpoints", "epoch=2-step=21.ckpt ");
    assert_string_equal(cove_model_checkpoint_best_path(c), ROOT "/checkpoints/epoch=2-step=21.ckpt");
    assert_string_equal(cove_model_checkpoint_last_path(c), "");
    assert_true(isnan(cove_model_checkpoint_best_score(c)));
    cove_callback_free(c);
}

static void best_stay_and_the_others_go(void **state)
{
    static const double losses[] = { 5, 3, 4, 1, 2, 9 };
    struct cove_model_checkpoint_options k = COVE_MODEL_CHECKPOINT_OPTIONS_INIT;
    struct cove_trainer_options o = quiet(6);
    cove_callback *c;
    k.monitor = "val_loss";
    k.save_top_k = 3;
    k.filename = "{epoch}-{val_loss:.1f}";
    c = checkpoints(&k);
    follow(losses, 6);
    assert_int_equal(fit_with(*state, &o, c, NULL, NULL, NULL), 0);
    assert_files(ROOT "/checkpoints", "epoch=1-val_loss=3.0.ckpt epoch=3-val_loss=1.0.ckpt epoch=4-val_loss=2.0.ckpt ");
    assert_string_equal(cove_model_checkpoint_best_path(c), ROOT "/checkpoints/epoch=3-val_loss=1.0.ckpt");
    assert_true(cove_model_checkpoint_best_score(c) == 1);
    cove_callback_free(c);

    set_up(state);
    k.mode = "max";
    k.save_top_k = 1;
    c = checkpoints(&k);
    follow(losses, 6);
    assert_int_equal(fit_with(*state, &o, c, NULL, NULL, NULL), 0);
    assert_files(ROOT "/checkpoints", "epoch=5-val_loss=9.0.ckpt ");
    cove_callback_free(c);
}

/* last.ckpt is written whenever a save is due, also when the monitor did not get better; after its own save it is
 * the same file. */
static void last_is_always_the_newest(void **state)
{
    static const double losses[] = { 1, 2 };
    struct cove_model_checkpoint_options k = COVE_MODEL_CHECKPOINT_OPTIONS_INIT;
    struct cove_trainer_options o = quiet(1);
    void *a, *b;
    size_t n_a, n_b;
    cove_value *tree;
    int64_t epoch;
    k.monitor = "val_loss";
    k.save_last = 1;
    cove_callback *c = checkpoints(&k);
    follow(losses, 2);
    assert_int_equal(fit_with(*state, &o, c, NULL, NULL, NULL), 0);
    assert_files(ROOT "/checkpoints", "epoch=0-step=7.ckpt last.ckpt ");
    assert_int_equal(cove_read_url(ROOT "/checkpoints/epoch=0-step=7.ckpt", &a, &n_a, NULL), 0);
    assert_int_equal(cove_read_url(ROOT "/checkpoints/last.ckpt", &b, &n_b, NULL), 0);
    assert_int_equal(n_a, n_b);
    assert_memory_equal(a, b, n_a);
    cove_free(a);
    cove_free(b);
    o.max_epochs = 2;
    assert_int_equal(fit_with(*state, &o, c, "last", NULL, NULL), 0);
    assert_files(ROOT "/checkpoints", "epoch=0-step=7.ckpt last.ckpt ");
    assert_int_equal(cove_checkpoint_load_url(ROOT "/checkpoints/last.ckpt", &tree, NULL), 0);
    assert_int_equal(cove_value_get_int(cove_value_dict_get(tree, "epoch"), &epoch, NULL), 0);
    assert_int_equal(epoch, 1);
    cove_value_unref(tree);
    cove_callback_free(c);
}

static void the_one_resumed_from_is_never_removed(void **state)
{
    struct cove_model_checkpoint_options k = COVE_MODEL_CHECKPOINT_OPTIONS_INIT;
    struct cove_trainer_options o = quiet(1);
    cove_callback *c = checkpoints(&k);
    assert_int_equal(fit_with(*state, &o, c, NULL, NULL, NULL), 0);
    cove_callback_free(c);
    c = checkpoints(&k);
    o.max_epochs = 3;
    /* Another spelling of the same object. */
    assert_int_equal(fit_with(*state, &o, c, "memory:///callbacks/checkpoints/epoch=0-step=7.ckpt", NULL, NULL), 0);
    assert_files(ROOT "/checkpoints", "epoch=0-step=7.ckpt epoch=2-step=21.ckpt ");
    cove_callback_free(c);
}

static void names_that_are_taken_get_a_version(void **state)
{
    struct cove_model_checkpoint_options k = COVE_MODEL_CHECKPOINT_OPTIONS_INIT;
    struct cove_trainer_options o = quiet(1);
    k.filename = "model";
    k.save_last = 1;
    for (int i = 0; i < 3; i++) {
        cove_callback *c = checkpoints(&k);
        line_init(*state);
        assert_int_equal(fit_with(*state, &o, c, NULL, NULL, NULL), 0);
        cove_callback_free(c);
    }
    assert_files(ROOT "/checkpoints", "last-v1.ckpt last-v2.ckpt last.ckpt model-v1.ckpt model-v2.ckpt model.ckpt ");
    k.enable_version_counter = 0;
    cove_callback *c = checkpoints(&k);
    line_init(*state);
    assert_int_equal(fit_with(*state, &o, c, NULL, NULL, NULL), 0);
    assert_files(ROOT "/checkpoints", "last-v1.ckpt last-v2.ckpt last.ckpt model-v1.ckpt model-v2.ckpt model.ckpt ");
    cove_callback_free(c);
}

static void saves_every_n_steps(void **state)
{
    static const double losses[] = { 3, 2, 1 };
    struct cove_model_checkpoint_options k = COVE_MODEL_CHECKPOINT_OPTIONS_INIT;
    struct cove_trainer_options o = quiet(2);
    k.every_n_train_steps = 4;
    k.save_top_k = -1;
    cove_callback *c = checkpoints(&k);
    assert_int_equal(fit_with(*state, &o, c, NULL, NULL, NULL), 0);
    assert_files(ROOT "/checkpoints", "epoch=0-step=4.ckpt epoch=1-step=12.ckpt epoch=1-step=8.ckpt ");
    cove_callback_free(c);

    /* A metric that is not there yet is waited for: the save comes after the validation that brings it. */
    set_up(state);
    k.monitor = "val_loss";
    k.filename = "{step}-{val_loss:.0f}";
    c = checkpoints(&k);
    follow(losses, 3);
    assert_int_equal(fit_with(*state, &o, c, NULL, NULL, NULL), 0);
    assert_files(ROOT "/checkpoints", "step=12-val_loss=3.ckpt step=7-val_loss=3.ckpt step=8-val_loss=3.ckpt ");
    cove_callback_free(c);
}

static void an_unknown_monitor_lists_the_known(void **state)
{
    struct cove_model_checkpoint_options k = COVE_MODEL_CHECKPOINT_OPTIONS_INIT;
    struct cove_early_stopping_options e = COVE_EARLY_STOPPING_OPTIONS_INIT;
    struct cove_trainer_options o = quiet(2);
    struct cove_error err = COVE_ERROR_INIT;
    cove_callback *c;
    k.monitor = "val_los";
    c = checkpoints(&k);
    assert_int_equal(fit_with(*state, &o, c, NULL, NULL, &err), COVE_ENOTFOUND);
    assert_string_equal(err.message,
                        "on_train_epoch_end of callbacks[0] (ModelCheckpoint): metric val_los was never logged; "
                        "known metrics: train_loss_step, train_loss, val_loss, train_loss_epoch");
    cove_callback_free(c);
    e.monitor = "accuracy";
    assert_int_equal(cove_early_stopping_new(&e, &c, NULL), 0);
    assert_int_equal(fit_with(*state, &o, c, NULL, NULL, &err), COVE_ENOTFOUND);
    assert_non_null(
        strstr(err.message, "(EarlyStopping): metric accuracy was never logged; known metrics: train_loss_step"));
    cove_callback_free(c);
}

static void bad_options_of_checkpoints_are_named(void **state)
{
    struct cove_model_checkpoint_options k = COVE_MODEL_CHECKPOINT_OPTIONS_INIT;
    struct cove_error err = COVE_ERROR_INIT;
    cove_callback *c = NULL;
    k.save_top_k = 2;
    assert_int_equal(cove_model_checkpoint_new(&k, &c, &err), COVE_EINVAL);
    assert_non_null(strstr(err.message, "no monitor"));
    k.monitor = "x";
    k.mode = "least";
    assert_int_equal(cove_model_checkpoint_new(&k, &c, &err), COVE_EINVAL);
    k.mode = "min";
    k.filename = "{epoch";
    assert_int_equal(cove_model_checkpoint_new(&k, &c, &err), COVE_EINVAL);
    k.filename = NULL;
    k.every_n_train_steps = k.every_n_epochs = 1;
    assert_int_equal(cove_model_checkpoint_new(&k, &c, &err), COVE_EINVAL);
    const struct {
        int64_t steps, epochs, top_k;
        const char *named;
    } rows[] = {
        { -1, -1, 1, "every_n_train_steps is -1" }, { 0, -2, 1, "every_n_epochs is -2" },
        { 5, -2, 1, "every_n_epochs is -2" },       { 5, 3, 1, "every_n_train_steps is 5 and every_n_epochs 3" },
        { 0, -1, -2, "save_top_k is -2" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        k.every_n_train_steps = rows[i].steps;
        k.every_n_epochs = rows[i].epochs;
        k.save_top_k = rows[i].top_k;
        assert_int_equal(cove_model_checkpoint_new(&k, &c, &err), COVE_EINVAL);
        assert_non_null(strstr(err.message, rows[i].named));
    }
    k.save_top_k = 1;
    k.save_on_train_epoch_end = 2;
    assert_int_equal(cove_model_checkpoint_new(&k, &c, &err), COVE_EINVAL);
    assert_null(c);
}

static int interrupt_at_nine(void *self, cove_trainer *trainer, const struct cove_batch *batch, struct cove_error *err)
{
    if (cove_trainer_global_step(trainer) == 9)
        cove_trainer_interrupt(trainer);
    return 0;
}

static void an_interrupted_run_is_saved(void **state)
{
    struct cove_model_checkpoint_options k = COVE_MODEL_CHECKPOINT_OPTIONS_INIT;
    struct cove_trainer_options o = quiet(2);
    struct cove_error err = COVE_ERROR_INIT;
    struct line *model = *state;
    cove_callback *c = checkpoints(&k);
    model->module.hooks.on_train_batch_end = interrupt_at_nine;
    assert_int_equal(fit_with(model, &o, c, NULL, NULL, &err), COVE_ECANCELED);
    assert_files(ROOT "/checkpoints", "epoch=0-step=7.ckpt epoch=1-step=9.ckpt ");
    cove_callback_free(c);
    set_up(state);
    model->module.hooks.on_train_batch_end = interrupt_at_nine;
    k.save_last = 1;
    c = checkpoints(&k);
    assert_int_equal(fit_with(model, &o, c, NULL, NULL, &err), COVE_ECANCELED);
    assert_files(ROOT "/checkpoints", "epoch=0-step=7.ckpt last.ckpt ");
    cove_callback_free(c);
}

static void a_failed_run_is_saved_where_asked(void **state)
{
    struct cove_model_checkpoint_options k = COVE_MODEL_CHECKPOINT_OPTIONS_INIT;
    struct cove_trainer_options o = quiet(2);
    struct line *model = *state;
    for (int save = 0; save < 2; save++) {
        set_up(state);
        model->fail_at = 9;
        k.save_on_exception = save;
        cove_callback *c = checkpoints(&k);
        assert_int_equal(fit_with(model, &o, c, NULL, NULL, NULL), COVE_EIO);
        assert_files(ROOT "/checkpoints", save ? "epoch=0-step=7.ckpt epoch=1-step=9.ckpt " : "epoch=0-step=7.ckpt ");
        cove_callback_free(c);
    }
}

/* "best" and "last" through the versions of a logger; the state that a resume in the same directory takes over. */
static void best_and_last_are_found(void **state)
{
    static const double losses[] = { 1, 2 };
    struct cove_model_checkpoint_options k = COVE_MODEL_CHECKPOINT_OPTIONS_INIT;
    struct cove_trainer_options o = quiet(2);
    struct cove_error err = COVE_ERROR_INIT;
    struct line *model = *state;
    cove_trainer *trainer;
    k.monitor = "val_loss";
    k.save_last = 1;
    o.enable_logging = 1;
    o.default_root_dir = ROOT;
    const struct {
        const char *which, *expected;
    } rows[] = {
        { "best", NULL },
        { "last", "" },
        { "best", ROOT "/lightning_logs/version_1/checkpoints/epoch=0-step=7.ckpt" },
        { "last", ROOT "/lightning_logs/version_2/checkpoints/last.ckpt" },
    };
    for (size_t i = 0; i < 4; i++) {
        cove_callback *c = checkpoints(&k);
        o.callbacks = &c;
        o.n_callbacks = 1;
        line_init(model);
        model->module.hooks.on_validation_start = follow_script;
        follow(losses, 2);
        assert_int_equal(cove_trainer_new(&o, &trainer, NULL), 0);
        int rc = cove_trainer_fit(trainer, &model->module, &model->data, rows[i].which, &err);
        if (!rows[i].expected) {
            assert_int_equal(rc, COVE_ENOTFOUND);
            assert_non_null(strstr(err.message, "\"best\""));
        } else {
            assert_int_equal(rc, 0);
            assert_string_equal(cove_trainer_ckpt_path(trainer) ? cove_trainer_ckpt_path(trainer) : "",
                                rows[i].expected);
        }
        cove_trainer_free(trainer);
        cove_callback_free(c);
    }
}

static void top_k_continues_after_a_resume(void **state)
{
    static const double losses[] = { 1, 5, 3, 2 };
    struct cove_model_checkpoint_options k = COVE_MODEL_CHECKPOINT_OPTIONS_INIT;
    struct cove_trainer_options o = quiet(2);
    k.monitor = "val_loss";
    k.save_top_k = 2;
    k.save_last = 1;
    follow(losses, 4);
    for (int part = 0; part < 2; part++) {
        cove_callback *c = checkpoints(&k);
        assert_int_equal(fit_with(*state, &o, c, part ? "last" : NULL, NULL, NULL), 0);
        cove_callback_free(c);
        o.max_epochs = 4;
    }
    /* 5 went for 3, and 3 for 2. */
    assert_files(ROOT "/checkpoints", "epoch=0-step=7.ckpt epoch=3-step=28.ckpt last.ckpt ");
}

/* ---- EarlyStopping ---- */

static void stops_when_patience_ends(void **state)
{
    static const double losses[] = { 5, 4, 4.5, 4, 6, 1 };
    struct cove_early_stopping_options e = COVE_EARLY_STOPPING_OPTIONS_INIT;
    struct cove_trainer_options o = quiet(20);
    struct line *model = *state;
    char reason[256];
    cove_callback *c;
    e.monitor = "val_loss";
    assert_int_equal(cove_early_stopping_new(&e, &c, NULL), 0);
    follow(losses, 6);
    assert_int_equal(fit_with(model, &o, c, NULL, reason, NULL), 0);
    assert_string_equal(reason, "EarlyStopping: val_loss did not improve in the last 3 checks; the best was 4.000");
    assert_int_equal(model->seen, 5 * 7);
    cove_callback_free(c);

    /* Less than min_delta better is not better. */
    static const double slow[] = { 5, 4.9, 4.8, 4.7 };
    set_up(state);
    e.min_delta = 0.5;
    assert_int_equal(cove_early_stopping_new(&e, &c, NULL), 0);
    follow(slow, 4);
    assert_int_equal(fit_with(model, &o, c, NULL, reason, NULL), 0);
    assert_int_equal(model->seen, 4 * 7);
    cove_callback_free(c);
}

/* The number of epochs of a run with EarlyStopping `e` and validation losses `losses`. */
static int64_t epochs_until(struct line *model, const struct cove_early_stopping_options *e, const double *losses,
                            size_t n, char reason[256])
{
    struct cove_trainer_options o = quiet(8);
    cove_callback *c;
    set_up((void **)&model);
    line_init(model);
    model->module.hooks.on_validation_start = follow_script;
    follow(losses, n);
    assert_int_equal(cove_early_stopping_new(e, &c, NULL), 0);
    assert_int_equal(fit_with(model, &o, c, NULL, reason, NULL), 0);
    cove_callback_free(c);
    return model->seen / 7;
}

/* As in torch: 0.2 + 0.1 is not below 0.3 in float32; with min_delta as double it would be. */
static void min_delta_is_compared_in_float32(void **state)
{
    static const double falls[] = { 0.3, 0.2, 0.2 }, rises[] = { 0.9, 0.9 + 1e-9, 0.9 + 2e-9 };
    struct cove_early_stopping_options e = COVE_EARLY_STOPPING_OPTIONS_INIT;
    char reason[256];
    e.monitor = "val_loss";
    e.patience = 1;
    e.min_delta = 0.1;
    assert_true(0.2f + 0.1f >= 0.3f && (double)0.2f + 0.1 < (double)0.3f);
    assert_int_equal(epochs_until(*state, &e, falls, 3, reason), 2);
    e.mode = "max";
    e.min_delta = 0;
    assert_int_equal(epochs_until(*state, &e, rises, 3, reason), 2);
}

static void thresholds_stop(void **state)
{
    static const double falls[] = { 0.5, 0.2, 0.1 }, rises[] = { 0.5, 0.8, 0.9 };
    struct cove_early_stopping_options e = COVE_EARLY_STOPPING_OPTIONS_INIT;
    char reason[256];
    e.monitor = "val_loss";
    e.stopping_threshold = 0.2; /* an equal value is not below it, also in float32 */
    assert_int_equal(epochs_until(*state, &e, falls, 3, reason), 3);
    assert_string_equal(reason, "EarlyStopping: val_loss is 0.1, below the stopping threshold 0.2");
    e.stopping_threshold = NAN;
    e.divergence_threshold = 0.8;
    assert_int_equal(epochs_until(*state, &e, rises, 3, reason), 3);
    assert_string_equal(reason, "EarlyStopping: val_loss is 0.9, above the divergence threshold 0.8");
    e.mode = "max";
    assert_int_equal(epochs_until(*state, &e, rises, 3, reason), 1);
    assert_string_equal(reason, "EarlyStopping: val_loss is 0.5, below the divergence threshold 0.8");
}

static int log_epoch_metric(void *self, cove_trainer *trainer, struct cove_error *err)
{
    static const double values[] = { 3, 2, 2.5, 1 };
    cove_trainer_log(trainer, "epoch_metric", values[cove_trainer_current_epoch(trainer)], 0);
    return 0;
}

/* A metric that the module logs in on_train_epoch_end is seen in the same epoch, also in the first. */
static void stops_by_what_the_module_logs_at_the_epochs_end(void **state)
{
    struct cove_early_stopping_options e = COVE_EARLY_STOPPING_OPTIONS_INIT;
    struct cove_trainer_options o = quiet(4);
    struct line *model = *state;
    cove_callback *c;
    e.monitor = "epoch_metric";
    e.patience = 1;
    for (int always = 0; always < 2; always++) {
        set_up(state);
        model->module.hooks.on_train_epoch_end = log_epoch_metric;
        /* With several validations in an epoch, only with check_on_train_epoch_end. */
        o.val_check_batches = always ? 2 : 0;
        e.check_on_train_epoch_end = always ? 1 : -1;
        assert_int_equal(cove_early_stopping_new(&e, &c, NULL), 0);
        assert_int_equal(fit_with(model, &o, c, NULL, NULL, NULL), 0);
        assert_int_equal(model->seen, 3 * 7);
        cove_callback_free(c);
    }
}

static void nan_stops_with_a_clear_word(void **state)
{
    static const double losses[] = { 2, -NAN }; /* 0.0 / 0 has this sign on x86; Python shows none */
    struct cove_early_stopping_options e = COVE_EARLY_STOPPING_OPTIONS_INIT;
    struct cove_trainer_options o = quiet(5);
    struct line *model = *state;
    char reason[256];
    cove_callback *c;
    e.monitor = "val_loss";
    for (int check = 1; check >= 0; check--) {
        set_up(state);
        e.check_finite = check;
        assert_int_equal(cove_early_stopping_new(&e, &c, NULL), 0);
        follow(losses, 2);
        assert_int_equal(fit_with(model, &o, c, NULL, reason, NULL), 0);
        assert_int_equal(model->seen, check ? 2 * 7 : 4 * 7);
        if (check)
            assert_string_equal(reason, "EarlyStopping: val_loss is nan, not finite; the best before was 2.000");
        cove_callback_free(c);
    }
}

/* Every key that Lightning's EarlyStopping reads, and one of cove's. */
static void state_is_lightnings(void **state)
{
    static const char *const keys[] = { "wait_count",      "stopped_epoch",           "best_score", "patience",
                                        "stopping_reason", "stopping_reason_message", "checked" };
    struct cove_early_stopping_options e = COVE_EARLY_STOPPING_OPTIONS_INIT;
    cove_callback *c;
    cove_value *tree;
    e.monitor = "val_loss";
    assert_int_equal(cove_early_stopping_new(&e, &c, NULL), 0);
    assert_string_equal(c->state_key, "EarlyStopping{'monitor': 'val_loss', 'mode': 'min'}");
    assert_int_equal(c->state_dict(c->self, &tree, NULL), 0);
    assert_int_equal(cove_value_length(tree), 7);
    for (int i = 0; i < 7; i++)
        assert_non_null(cove_value_dict_get(tree, keys[i]));
    cove_value_unref(tree);
    cove_callback_free(c);
}

/* ---- loggers ---- */

static void assert_text(const char *url, const char *expected)
{
    void *data;
    size_t size;
    assert_int_equal(cove_read_url(url, &data, &size, NULL), 0);
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(data, expected, size);
    cove_free(data);
}

static void hparams_are_yaml(void **state)
{
    const struct cove_hparam hparams[] = {
        { "lr", COVE_HPARAM_NUMBER, NULL, 1e-5 },        { "hidden", COVE_HPARAM_NUMBER, NULL, 256 },
        { "name", COVE_HPARAM_STRING, "plain", 0 },      { "odd: one", COVE_HPARAM_STRING, "a \"b\"\n", 0 },
        { "flag", COVE_HPARAM_BOOL, NULL, 1 },           { "looks", COVE_HPARAM_STRING, "true", 0 },
        { "number", COVE_HPARAM_STRING, "12", 0 },       { "half", COVE_HPARAM_NUMBER, NULL, 0.5 },
        { "never", COVE_HPARAM_NUMBER, NULL, INFINITY },
    };
    struct cove_logger_options l = COVE_LOGGER_OPTIONS_INIT;
    cove_logger *logger;
    l.save_dir = ROOT "/logs/";
    l.name = "runs";
    l.version = "first";
    assert_int_equal(cove_csv_logger_new(&l, &logger, NULL), 0);
    assert_int_equal(logger->open(logger->self, "unused", NULL, NULL), 0);
    assert_int_equal(logger->log_hyperparams(logger->self, hparams, sizeof hparams / sizeof *hparams, NULL), 0);
    assert_text(ROOT "/logs/runs/first/hparams.yaml",
                "lr: 1.0e-05\nhidden: 256\nname: plain\n\"odd: one\": \"a \\\"b\\\"\\x0a\"\n"
                "flag: true\nlooks: \"true\"\nnumber: \"12\"\nhalf: 0.5\nnever: .inf\n");
    assert_int_equal(logger->log_hyperparams(logger->self, NULL, 0, NULL), 0);
    assert_text(ROOT "/logs/runs/first/hparams.yaml", "{}\n");
    assert_int_equal(logger->close(logger->self, NULL), 0);
    cove_logger_free(logger);
}

/* Both loggers in one run: the layout, and what is logged at which step. */
static void loggers_write_lightnings_layout(void **state)
{
    static const double losses[] = { 0.5, 0.25 };
    struct cove_logger_options l = COVE_LOGGER_OPTIONS_INIT, l_csv = COVE_LOGGER_OPTIONS_INIT;
    struct cove_trainer_options o = quiet(2);
    struct line *model = *state;
    cove_logger *loggers[2];
    cove_trainer *trainer;
    void *text;
    size_t size;
    l_csv.name = "csv";
    assert_int_equal(cove_tensorboard_logger_new(&l, &loggers[0], NULL), 0);
    assert_int_equal(cove_csv_logger_new(&l_csv, &loggers[1], NULL), 0);
    o.default_root_dir = ROOT;
    o.loggers = loggers;
    o.n_loggers = 2;
    o.enable_logging = 1;
    o.enable_checkpointing = 1;
    o.log_every_n_steps = 5;
    follow(losses, 2);
    assert_int_equal(cove_trainer_new(&o, &trainer, NULL), 0);
    assert_int_equal(cove_trainer_fit(trainer, &model->module, &model->data, NULL, NULL), 0);
    assert_string_equal(cove_trainer_log_dir(trainer), ROOT "/lightning_logs/version_0");
    cove_trainer_free(trainer);
    assert_files(ROOT, "csv lightning_logs ");
    assert_files(ROOT "/lightning_logs/version_0/checkpoints", "epoch=1-step=14.ckpt ");
    assert_files(ROOT "/csv/version_0", "hparams.yaml metrics.csv ");
    assert_text(ROOT "/csv/version_0/hparams.yaml", "lr: 0.05\n");

    /* Lightning's steps: 4 and 9 are the fifth and the tenth, validation and means of an epoch stand at its last. */
    static const char *const rows[] = { "epoch", "step", "\n0,4,", "\n0,6,", "\n1,9,", "\n1,13,", "0.25" };
    assert_int_equal(cove_read_url(ROOT "/csv/version_0/metrics.csv", &text, &size, NULL), 0);
    struct cove__buf csv = COVE__BUF_INIT(65536);
    assert_int_equal(cove__buf_add(&csv, text, size), 0);
    cove_free(text);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!strstr(cove__buf_str(&csv), rows[i]))
            fail_msg("no %s in:\n%s", rows[i], cove__buf_str(&csv));
    }
    cove__buf_done(&csv);
    for (int i = 0; i < 2; i++)
        cove_logger_free(loggers[i]);
}

static void versions_count_up(void **state)
{
    struct cove_trainer_options o = quiet(1);
    struct line *model = *state;
    cove_trainer *trainer;
    o.enable_logging = 1;
    o.default_root_dir = ROOT;
    assert_int_equal(cove_write_url(ROOT "/lightning_logs/version_7/x", "", 0, NULL), 0);
    assert_int_equal(cove_write_url(ROOT "/lightning_logs/version_9x/x", "", 0, NULL), 0);
    for (int i = 8; i < 10; i++) {
        char expected[128];
        snprintf(expected, sizeof expected, ROOT "/lightning_logs/version_%d", i);
        line_init(model);
        assert_int_equal(cove_trainer_new(&o, &trainer, NULL), 0);
        assert_int_equal(cove_trainer_fit(trainer, &model->module, &model->data, NULL, NULL), 0);
        assert_string_equal(cove_trainer_log_dir(trainer), expected);
        /* A second fit of the same trainer continues in its directory. */
        assert_int_equal(cove_trainer_fit(trainer, &model->module, &model->data, NULL, NULL), 0);
        assert_string_equal(cove_trainer_log_dir(trainer), expected);
        cove_trainer_free(trainer);
    }
}

/* ---- the progress bar ---- */

static void bar_is_drawn_on_a_terminal_only(void **state)
{
    struct cove_trainer_options o = quiet(2);
    cove_callback *bar;
    char text[65536];
    setenv("COLUMNS", "200", 1); /* a pipe has no width */
    for (int terminal = 0; terminal < 2; terminal++) {
        int fds[2];
        line_init(*state);
        assert_int_equal(pipe(fds), 0);
        assert_int_equal(cove__progress_bar_on(fds[1], terminal, &bar, NULL), 0);
        assert_int_equal(fit_with(*state, &o, bar, NULL, NULL, NULL), 0);
        cove_callback_free(bar);
        close(fds[1]);
        ssize_t n = read(fds[0], text, sizeof text - 1);
        close(fds[0]);
        assert_true(n >= 0);
        text[n] = '\0';
        if (!terminal)
            assert_int_equal(n, 0);
        else
            assert_true(strstr(text, "Epoch 0 [========================] 7/7") && strstr(text, "train_loss_epoch=") &&
                        strstr(text, "Epoch 1 [========================] 7/7") && text[n - 1] == '\n');
    }
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(newest_stays_by_default),
        TEST(best_stay_and_the_others_go),
        TEST(last_is_always_the_newest),
        TEST(the_one_resumed_from_is_never_removed),
        TEST(names_that_are_taken_get_a_version),
        TEST(saves_every_n_steps),
        TEST(an_unknown_monitor_lists_the_known),
        TEST(bad_options_of_checkpoints_are_named),
        TEST(an_interrupted_run_is_saved),
        TEST(a_failed_run_is_saved_where_asked),
        TEST(best_and_last_are_found),
        TEST(top_k_continues_after_a_resume),
        TEST(stops_when_patience_ends),
        TEST(min_delta_is_compared_in_float32),
        TEST(thresholds_stop),
        TEST(stops_by_what_the_module_logs_at_the_epochs_end),
        TEST(nan_stops_with_a_clear_word),
        TEST(state_is_lightnings),
        TEST(hparams_are_yaml),
        TEST(loggers_write_lightnings_layout),
        TEST(versions_count_up),
        TEST(bar_is_drawn_on_a_terminal_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
