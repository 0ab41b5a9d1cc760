/* The loop: hooks in Lightning's order, when it validates, steps and stops, what it refuses, and what it does when
 * something fails. */
#include "trainer/testing.h"

#include <math.h>

#include "base/buf.h"
#include "base/mem.h"

/* ---- a callback that writes down what it is called for ---- */

static struct cove__buf notes = { .max = 65536 };

static int note(const char *name)
{
    cove__buf_addf(&notes, "%s ", name);
    return 0;
}

#define HOOK(name)                                                                                                     \
    static int name(void *self, cove_trainer *trainer, struct cove_error *err)                                         \
    {                                                                                                                  \
        return note(#name);                                                                                            \
    }
#define BATCH_HOOK(name)                                                                                               \
    static int name(void *self, cove_trainer *trainer, const struct cove_batch *batch, struct cove_error *err)         \
    {                                                                                                                  \
        return note(#name);                                                                                            \
    }
#define TREE_HOOK(name)                                                                                                \
    static int name(void *self, cove_trainer *trainer, cove_value *checkpoint, struct cove_error *err)                 \
    {                                                                                                                  \
        return note(#name);                                                                                            \
    }
EACH_HOOK(HOOK, BATCH_HOOK, TREE_HOOK)

static int on_exception(void *self, cove_trainer *trainer, const struct cove_error *cause, struct cove_error *err)
{
    return note(cove_code_name(cause->code));
}

static struct cove_callback recorder(void)
{
    struct cove_callback c = COVE_CALLBACK_INIT;
    cove__buf_reset(&notes);
    c.hooks = (struct cove_hooks){ setup,
                                   teardown,
                                   on_fit_start,
                                   on_fit_end,
                                   on_sanity_check_start,
                                   on_sanity_check_end,
                                   on_train_start,
                                   on_train_end,
                                   on_train_epoch_start,
                                   on_train_epoch_end,
                                   on_train_batch_start,
                                   on_train_batch_end,
                                   on_after_backward,
                                   on_before_optimizer_step,
                                   on_before_zero_grad,
                                   on_validation_start,
                                   on_validation_end,
                                   on_validation_epoch_start,
                                   on_validation_epoch_end,
                                   on_validation_batch_start,
                                   on_validation_batch_end,
                                   on_save_checkpoint,
                                   on_load_checkpoint,
                                   on_exception };
    return c;
}

static size_t count(const char *name)
{
    size_t n = 0, length = strlen(name);
    for (const char *p = cove__buf_str(&notes); (p = strstr(p, name)); p += length)
        n += p[length] == ' ' && (p == cove__buf_str(&notes) || p[-1] == ' ');
    return n;
}

/* One fit with a recorder; what it returned. `o` gets the callback. */
static int fit(struct line *model, struct cove_trainer_options *o, const char *ckpt, struct cove_error *err)
{
    struct cove_callback c = recorder();
    cove_trainer *trainer;
    int rc;
    o->callbacks = (cove_callback *[]){ &c };
    o->n_callbacks = 1;
    assert_int_equal(cove_trainer_new(o, &trainer, err), 0);
    rc = cove_trainer_fit(trainer, &model->module, &model->data, ckpt, err);
    cove_trainer_free(trainer);
    return rc;
}

static int setup_model(void **state)
{
    static struct line model;
    line_init(&model);
    *state = &model;
    return 0;
}

static int clean_up(void **state)
{
    cove__buf_done(&notes);
    return 0;
}

/* ---- order ---- */

static void hooks_come_in_lightnings_order(void **state)
{
    struct line *model = *state;
    struct cove_trainer_options o = quiet(1);
    model->train.batch_size = 10;
    model->val.batch_size = VAL;
    o.num_sanity_val_steps = 2;
    o.accumulate_grad_batches = 2;
    assert_int_equal(fit(model, &o, NULL, NULL), 0);
    assert_string_equal(cove__buf_str(&notes),
                        "setup on_fit_start on_sanity_check_start on_validation_start on_validation_epoch_start "
                        "on_validation_batch_start on_validation_batch_end on_validation_epoch_end on_validation_end "
                        "on_sanity_check_end on_train_start on_train_epoch_start "
                        "on_train_batch_start on_before_zero_grad on_after_backward on_train_batch_end "
                        "on_train_batch_start on_after_backward on_before_optimizer_step on_train_batch_end "
                        "on_validation_start on_validation_epoch_start on_validation_batch_start "
                        "on_validation_batch_end on_validation_epoch_end on_validation_end on_train_epoch_end "
                        "on_train_end on_fit_end teardown ");
}

static void validates_when_asked(void **state)
{
    const struct {
        int64_t batches, every_n_epoch, limit;
        double fraction;
        size_t expected; /* in four epochs of seven batches */
    } rows[] = {
        { 0, 1, -1, 1.0, 4 }, { 0, 2, -1, 1.0, 2 },  { 0, 1, -1, 0.5, 8 }, { 3, 1, -1, 1.0, 8 },
        { 7, 1, -1, 1.0, 4 }, { 0, 1, -1, 0.1, 28 }, { 0, 5, -1, 1.0, 0 }, { 0, 1, 0, 1.0, 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct line *model = *state;
        struct cove_trainer_options o = quiet(4);
        line_init(model);
        o.val_check_batches = rows[i].batches;
        o.val_check_fraction = rows[i].fraction;
        o.check_val_every_n_epoch = rows[i].every_n_epoch;
        o.limit_val_batches = rows[i].limit;
        assert_int_equal(fit(model, &o, NULL, NULL), 0);
        assert_int_equal(count("on_validation_end"), rows[i].expected);
    }
}

static void limits_hold(void **state)
{
    struct line *model = *state;
    struct cove_trainer_options o = quiet(2);
    o.limit_train_batches = 4;
    o.limit_val_batches = 1;
    assert_int_equal(fit(model, &o, NULL, NULL), 0);
    assert_int_equal(count("on_train_batch_end"), 8);
    assert_int_equal(count("on_validation_batch_end"), 2);
    line_init(model);
    o = quiet(-1);
    o.max_steps = 9;
    o.accumulate_grad_batches = 2; /* four steps an epoch: the last one of a single batch */
    assert_int_equal(fit(model, &o, NULL, NULL), 0);
    assert_int_equal(count("on_before_optimizer_step"), 9);
    assert_int_equal(count("on_train_batch_end"), 16);
    line_init(model);
    o = quiet(2);
    o.limit_train_batches = 0;
    assert_int_equal(fit(model, &o, NULL, NULL), 0);
    assert_int_equal(count("on_train_start"), 0);
    o.limit_train_batches = -1;
    o.max_epochs = 0;
    assert_int_equal(fit(model, &o, NULL, NULL), 0);
    assert_int_equal(model->seen, 0);
}

/* ---- gradients ---- */

/* One step of SGD with lr 1 moves the weights by the gradient itself. */
static double moved(struct line *model, double clip, const char *algorithm, int64_t accumulate, double *ret_largest)
{
    struct cove_trainer_options o = quiet(1);
    double squares;
    line_init(model);
    model->optimizer = (struct cove_optimizer_options)COVE_OPTIMIZER_SGD_INIT(1);
    o.gradient_clip_val = clip;
    o.gradient_clip_algorithm = algorithm;
    o.accumulate_grad_batches = accumulate;
    o.max_steps = 1;
    assert_int_equal(fit(model, &o, NULL, NULL), 0);
    *ret_largest = fabs(model->bias);
    squares = (double)model->bias * model->bias;
    for (int f = 0; f < FEATURES; f++) {
        squares += (double)model->weight[f] * model->weight[f];
        *ret_largest = fmax(*ret_largest, fabs(model->weight[f]));
    }
    return sqrt(squares);
}

static void gradients_are_clipped(void **state)
{
    double largest, free_norm = moved(*state, 0, "norm", 1, &largest), free_largest = largest;
    assert_true(free_norm > 1 && free_largest > 0.5);
    assert_true(fabs(moved(*state, 0.25, "norm", 1, &largest) - 0.25) < 1e-5);
    assert_true(moved(*state, 100, "norm", 1, &largest) == free_norm);
    moved(*state, 0.25, "value", 1, &largest);
    assert_true(largest == 0.25);
    assert_true(moved(*state, 100, "value", 1, &largest) == free_norm);
}

/* Four batches of five accumulated are one batch of twenty. */
static void accumulated_gradients_are_a_mean(void **state)
{
    struct line *model = *state, whole;
    struct cove_trainer_options o = quiet(1);
    for (int parts = 1; parts <= 4; parts += 3) {
        line_init(model);
        model->optimizer = (struct cove_optimizer_options)COVE_OPTIMIZER_SGD_INIT(1);
        model->train.batch_size = POINTS / parts;
        model->train.shuffle = 0; /* noise is drawn in the order of the samples */
        o.accumulate_grad_batches = parts;
        assert_int_equal(fit(model, &o, NULL, NULL), 0);
        assert_int_equal(count("on_before_optimizer_step"), 1);
        if (parts == 1)
            whole = *model;
    }
    for (int f = 0; f < FEATURES; f++)
        assert_true(fabsf(model->weight[f] - whole.weight[f]) < 1e-6f);
}

/* ---- failures ---- */

static void a_failed_step_ends_the_run(void **state)
{
    struct line *model = *state;
    struct cove_error err = COVE_ERROR_INIT;
    struct cove_trainer_options o = quiet(1);
    model->fail_at = 3;
    assert_int_equal(fit(model, &o, NULL, &err), COVE_EIO);
    assert_int_equal(err.code, COVE_EIO); /* the step said nothing: the trainer does */
    assert_true(strlen(err.message) > 0);
    assert_int_equal(count("on_train_batch_end"), 3);
    assert_int_equal(count("COVE_EIO"), 1);
    assert_int_equal(count("teardown"), 1);
    assert_int_equal(count("on_train_end"), 0);
}

static int bad_log(void *self, cove_trainer *trainer, const struct cove_batch *batch, struct cove_error *err)
{
    cove_trainer_log(trainer, "train_loss", 1, COVE_LOG_ON_EPOCH);
    return 0;
}

static void logs_that_disagree_are_errors(void **state)
{
    struct line *model = *state;
    struct cove_error err = COVE_ERROR_INIT;
    struct cove_trainer_options o = quiet(1);
    model->module.hooks.on_train_batch_end = bad_log;
    assert_int_equal(fit(model, &o, NULL, &err), COVE_EINVAL);
    assert_non_null(strstr(err.message, "train_loss: logged with other flags"));
}

static void options_are_checked(void **state)
{
    struct cove_trainer_options o = quiet(1);
    struct cove_error err = COVE_ERROR_INIT;
    cove_trainer *trainer = NULL;
    o.accumulate_grad_batches = 0;
    assert_int_equal(cove_trainer_new(&o, &trainer, &err), COVE_EINVAL);
    assert_non_null(strstr(err.message, "accumulate_grad_batches is 0"));
    o = quiet(1);
    o.val_check_fraction = 1.5;
    assert_int_equal(cove_trainer_new(&o, &trainer, &err), COVE_EINVAL);
    o = quiet(1);
    o.gradient_clip_algorithm = "both";
    assert_int_equal(cove_trainer_new(&o, &trainer, &err), COVE_EINVAL);
    o = quiet(1);
    o.size = 0;
    assert_int_equal(cove_trainer_new(&o, &trainer, &err), COVE_EINVAL);
    assert_null(trainer);
}

static void bad_modules_and_data_are_named(void **state)
{
    struct line *model = *state;
    struct cove_error err = COVE_ERROR_INIT;
    struct cove_trainer_options o = quiet(1);
    model->parameters[1].name = "linear.weight";
    assert_int_equal(fit(model, &o, NULL, &err), COVE_EINVAL);
    assert_non_null(strstr(err.message, "two parameters are named linear.weight"));
    line_init(model);
    model->parameters[0].value.dtype = COVE_DTYPE_FLOAT64;
    assert_int_equal(fit(model, &o, NULL, &err), COVE_ENOTSUP);
    line_init(model);
    model->parameters[0].value.strides = (int64_t[]){ 1, 2 };
    assert_int_equal(fit(model, &o, NULL, &err), COVE_ENOTSUP);
    assert_non_null(strstr(err.message, "not contiguous"));
    line_init(model);
    model->module.configure_optimizers = NULL;
    assert_int_equal(fit(model, &o, NULL, &err), COVE_EINVAL);
    line_init(model);
    model->data.train = NULL;
    assert_int_equal(fit(model, &o, NULL, &err), COVE_EINVAL);
    line_init(model);
    o.val_check_batches = 8;
    assert_int_equal(fit(model, &o, NULL, &err), COVE_EINVAL);
    assert_non_null(strstr(err.message, "val_check_batches is 8, an epoch has 7"));
    assert_string_equal(cove__buf_str(&notes), ""); /* no hook saw any of it */
}

/* ---- checkpoints that do not fit ---- */

#define SAVED "memory://fit/saved.ckpt"

static void save_one(void)
{
    struct line model;
    struct cove_trainer_options o = quiet(1);
    cove_trainer *trainer;
    line_init(&model);
    assert_int_equal(cove_trainer_new(&o, &trainer, NULL), 0);
    assert_int_equal(cove_trainer_fit(trainer, &model.module, &model.data, NULL, NULL), 0);
    assert_int_equal(cove_trainer_save_checkpoint(trainer, SAVED, 0, NULL), 0);
    assert_int_equal(cove_trainer_save_checkpoint(trainer, SAVED ".weights", 1, NULL), 0);
    cove_trainer_free(trainer);
}

/* Nothing of a checkpoint that is refused reaches the model. */
static void refuses(struct line *model, const char *ckpt, int code, const char *why)
{
    struct cove_trainer_options o = quiet(5);
    struct cove_error err = COVE_ERROR_INIT;
    struct line before = *model;
    assert_int_equal(fit(model, &o, ckpt, &err), code);
    if (!strstr(err.message, why))
        fail_msg("%s", err.message);
    assert_memory_equal(before.weight, model->weight, sizeof before.weight);
    assert_int_equal(model->seen, 0);
    assert_int_equal(count("teardown"), 1);
}

static void another_model_is_refused(void **state)
{
    struct line *model = *state;
    save_one();
    model->weight_shape[1] = FEATURES - 1;
    model->parameters[1].name = "linear.offset";
    refuses(model, SAVED, COVE_EMISMATCH,
            "linear.weight is float32 [1, 3] in the checkpoint, float32 [1, 2] in the module");
    refuses(model, SAVED, COVE_EMISMATCH, "missing linear.offset [1]");
    refuses(model, SAVED, COVE_EMISMATCH, "unexpected linear.bias [1]");
    line_init(model);
    model->optimizer = (struct cove_optimizer_options)COVE_OPTIMIZER_SGD_INIT(0.1);
    refuses(model, SAVED, COVE_EMISMATCH, "the checkpoint's is Adam, this one is SGD");
    line_init(model);
    model->scheduler.kind = COVE_LR_SCHEDULER_STEP;
    model->scheduler.step_size = 1;
    refuses(model, SAVED, COVE_EMISMATCH, "the checkpoint has no learning-rate scheduler");
    line_init(model);
    refuses(model, SAVED ".weights", COVE_EMISMATCH, "weights only");
    refuses(model, SAVED ".none", COVE_ENOTFOUND, SAVED ".none");
}

static void many_differences_are_counted(void **state)
{
    struct line *model = *state;
    struct cove_parameter many[200];
    char names[200][32];
    struct cove_trainer_options o = quiet(5);
    struct cove_error err = COVE_ERROR_INIT;
    save_one();
    for (int i = 0; i < 200; i++) {
        snprintf(names[i], sizeof names[i], "layers.%d.weight", i);
        many[i] = model->parameters[2];
        many[i].name = names[i];
    }
    many[0] = model->parameters[0]; /* something to train */
    model->module.parameters = many;
    model->module.n_parameters = 200;
    assert_int_equal(fit(model, &o, SAVED, &err), COVE_EMISMATCH);
    assert_non_null(strstr(err.message, "missing layers.1.weight []; missing layers.2.weight []"));
    assert_non_null(strstr(err.message, " more (the log lists all)"));
}

static void a_truncated_checkpoint_is_refused(void **state)
{
    void *data;
    size_t size;
    save_one();
    assert_int_equal(cove_read_url(SAVED, &data, &size, NULL), 0);
    for (size_t part = 0; part < 8; part++) {
        assert_int_equal(cove_write_url(SAVED ".cut", data, size * part / 8, NULL), 0);
        line_init(*state);
        refuses(*state, SAVED ".cut", COVE_ECORRUPT, SAVED ".cut");
    }
    cove_free(data);
}

static void weights_load_alone(void **state)
{
    struct line *model = *state, trained;
    cove_value *tree;
    save_one();
    assert_int_equal(cove_module_load_weights(&model->module, SAVED, NULL, NULL), 0);
    trained = *model;
    line_init(model);
    assert_int_equal(cove_module_load_weights(&model->module, SAVED ".weights", NULL, NULL), 0);
    assert_same_line(model, &trained);
    assert_int_equal(model->seen, 7);
    /* A file that is nothing but a state_dict. */
    assert_int_equal(cove_checkpoint_load_url(SAVED, &tree, NULL), 0);
    assert_int_equal(cove_checkpoint_save_url(SAVED ".safetensors", cove_value_dict_get(tree, "state_dict"), NULL), 0);
    cove_value_unref(tree);
    line_init(model);
    assert_int_equal(cove_module_load_weights(&model->module, SAVED ".safetensors", NULL, NULL), 0);
    assert_same_line(model, &trained);
}

/* The file's other tensors are not read: here one of them is damaged. */
static void only_the_weights_are_read(void **state)
{
    static const char content[] = "the state of a large optimizer, which no reader of the weights needs";
    struct line *model = *state;
    struct cove_tensor_view view = { COVE_DTYPE_UINT8, 1, (int64_t[]){ sizeof content }, NULL,
                                     (void *)(uintptr_t)content };
    struct cove_error err = COVE_ERROR_INIT;
    cove_value *tree, *tensor;
    void *data;
    size_t size, at = 0;
    save_one();
    assert_int_equal(cove_checkpoint_load_url(SAVED, &tree, NULL), 0);
    assert_int_equal(cove_value_new_tensor(&view, &tensor, NULL), 0);
    assert_int_equal(cove_value_dict_set(tree, "optimizer_states", tensor, NULL), 0);
    assert_int_equal(cove_checkpoint_save_url(SAVED ".damaged", tree, NULL), 0);
    cove_value_unref(tree);
    assert_int_equal(cove_read_url(SAVED ".damaged", &data, &size, NULL), 0);
    while (memcmp((char *)data + at, content, sizeof content) != 0)
        at++;
    ((char *)data)[at] = 'T';
    assert_int_equal(cove_write_url(SAVED ".damaged", data, size, NULL), 0);
    cove_free(data);
    assert_int_equal(cove_checkpoint_load_url(SAVED ".damaged", &tree, NULL), COVE_ECORRUPT);
    line_init(model);
    if (cove_module_load_weights(&model->module, SAVED ".damaged", NULL, &err) < 0)
        fail_msg("%s", err.message);
    assert_int_equal(model->seen, 7);
}

static void validate_runs_alone(void **state)
{
    struct line *model = *state;
    struct cove_trainer_options o = quiet(1);
    struct cove_callback c = recorder();
    cove_trainer *trainer;
    double before, after;
    save_one();
    c = recorder();
    o.callbacks = (cove_callback *[]){ &c };
    o.n_callbacks = 1;
    assert_int_equal(cove_trainer_new(&o, &trainer, NULL), 0);
    assert_int_equal(cove_trainer_validate(trainer, &model->module, &model->data, NULL, NULL), 0);
    assert_int_equal(cove_trainer_metric(trainer, "val_loss", &before, NULL), 0);
    assert_int_equal(cove_trainer_validate(trainer, &model->module, &model->data, SAVED, NULL), 0);
    assert_int_equal(cove_trainer_metric(trainer, "val_loss", &after, NULL), 0);
    assert_true(after < before);
    assert_int_equal(count("on_validation_end"), 2);
    assert_int_equal(count("on_train_start"), 0);
    assert_int_equal(count("teardown"), 2);
    cove_trainer_free(trainer);
}

/* ---- memory ---- */

/* A whole small run with everything in it, resumed from a checkpoint; each allocation fails in turn, alone and with all
 * after it. */
static int whole_run(struct line *model)
{
    struct cove_model_checkpoint_options keep = COVE_MODEL_CHECKPOINT_OPTIONS_INIT;
    struct cove_early_stopping_options patience = COVE_EARLY_STOPPING_OPTIONS_INIT;
    struct cove_logger_options log_to = COVE_LOGGER_OPTIONS_INIT;
    struct cove_trainer_options o = quiet(2);
    cove_callback *callbacks[2] = { 0 };
    cove_logger *loggers[2] = { 0 };
    cove_trainer *trainer = NULL;
    int rc;
    keep.monitor = patience.monitor = "val_loss";
    keep.save_last = 1;
    o.default_root_dir = "memory://torture/run";
    o.enable_logging = o.log_every_n_steps = 1;
    if ((rc = cove_model_checkpoint_new(&keep, &callbacks[0], NULL)) < 0 ||
        (rc = cove_early_stopping_new(&patience, &callbacks[1], NULL)) < 0 ||
        (rc = cove_tensorboard_logger_new(&log_to, &loggers[0], NULL)) < 0 ||
        (rc = cove_csv_logger_new(&log_to, &loggers[1], NULL)) < 0)
        goto out;
    o.callbacks = callbacks;
    o.loggers = loggers;
    o.n_callbacks = o.n_loggers = 2;
    if ((rc = cove_trainer_new(&o, &trainer, NULL)) == 0)
        rc = cove_trainer_fit(trainer, &model->module, &model->data, "memory://torture/start.ckpt", NULL);
out:
    cove_trainer_free(trainer);
    for (int i = 0; i < 2; i++) {
        cove_callback_free(callbacks[i]);
        cove_logger_free(loggers[i]);
    }
    return rc;
}

static void prepare(struct line *model)
{
    line_init(model);
    model->scheduler.kind = COVE_LR_SCHEDULER_STEP;
    model->scheduler.step_size = 1;
    model->train.batch_size = 10;
}

static void make_start(struct line *model)
{
    struct cove_trainer_options o = quiet(1);
    cove_trainer *trainer;
    prepare(model);
    assert_int_equal(cove_trainer_new(&o, &trainer, NULL), 0);
    assert_int_equal(cove_trainer_fit(trainer, &model->module, &model->data, NULL, NULL), 0);
    assert_int_equal(cove_trainer_save_checkpoint(trainer, "memory://torture/start.ckpt", 0, NULL), 0);
    cove_trainer_free(trainer);
}

static void lack_of_memory_anywhere_ends_in_order(void **state)
{
    struct line *model = *state, reference;
    make_start(model);
    prepare(&reference);
    assert_int_equal(whole_run(&reference), 0);
    for (int sticky = 0; sticky < 2; sticky++) {
        for (unsigned long n = 1;; n += sticky ? 7 : 1) {
            remove_url("memory://torture/run");
            prepare(model);
            cove__mem_fail(n, sticky);
            int rc = whole_run(model);
            bool reached = cove__mem_fail(0, 0) >= n;
            if (rc != 0 && rc != COVE_ENOMEM)
                fail_msg("allocation %lu failed: the run gave %s", n, cove_code_name(rc));
            /* A run that succeeded has learnt what it should. */
            if (rc == 0)
                assert_same_line(model, &reference);
            if (!reached)
                break;
        }
    }
    remove_url("memory://torture");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(hooks_come_in_lightnings_order, setup_model),
        cmocka_unit_test_setup(validates_when_asked, setup_model),
        cmocka_unit_test_setup(limits_hold, setup_model),
        cmocka_unit_test_setup(gradients_are_clipped, setup_model),
        cmocka_unit_test_setup(accumulated_gradients_are_a_mean, setup_model),
        cmocka_unit_test_setup(a_failed_step_ends_the_run, setup_model),
        cmocka_unit_test_setup(logs_that_disagree_are_errors, setup_model),
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test_setup(bad_modules_and_data_are_named, setup_model),
        cmocka_unit_test_setup(another_model_is_refused, setup_model),
        cmocka_unit_test_setup(many_differences_are_counted, setup_model),
        cmocka_unit_test_setup(a_truncated_checkpoint_is_refused, setup_model),
        cmocka_unit_test_setup(weights_load_alone, setup_model),
        cmocka_unit_test_setup(only_the_weights_are_read, setup_model),
        cmocka_unit_test_setup(validate_runs_alone, setup_model),
        cmocka_unit_test_setup(lack_of_memory_anywhere_ends_in_order, setup_model),
    };
    return cmocka_run_group_tests(tests, NULL, clean_up);
}
