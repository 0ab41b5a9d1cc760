/* A run that is interrupted anywhere and resumed ends with the same bits as an uninterrupted one. */
#include "trainer/testing.h"

#include <stdlib.h>
#include <unistd.h>

#include <cove/trainer.h>

/* Interrupts after so many training batches, or after a validation batch that follows so many of them. */
struct cutter {
    struct line *model;
    int64_t after; /* -1: never */
    int in_validation;
};

static int cut_training(void *self, cove_trainer *trainer, const struct cove_batch *batch, struct cove_error *err)
{
    struct cutter *c = self;
    if (!c->in_validation && c->model->seen == c->after)
        cove_trainer_interrupt(trainer);
    return 0;
}

static int cut_validation(void *self, cove_trainer *trainer, const struct cove_batch *batch, struct cove_error *err)
{
    struct cutter *c = self;
    if (c->in_validation && c->model->seen == c->after)
        cove_trainer_interrupt(trainer);
    return 0;
}

static int validations; /* that came to their end, over all runs since a test reset it */

static int count_validation(void *self, cove_trainer *trainer, struct cove_error *err)
{
    validations++;
    return 0;
}

/* What a variant changes. */
typedef void (*vary_fn)(struct line *model, struct cove_trainer_options *o);

static void plain(struct line *model, struct cove_trainer_options *o)
{
    model->scheduler.kind = COVE_LR_SCHEDULER_STEP;
    model->scheduler.step_size = 1;
    model->scheduler.gamma = 0.9;
}

static void accumulating(struct line *model, struct cove_trainer_options *o)
{
    o->accumulate_grad_batches = 3;
    o->gradient_clip_val = 0.5;
    model->scheduler.kind = COVE_LR_SCHEDULER_COSINE_ANNEALING;
    model->scheduler.interval = COVE_LR_SCHEDULER_INTERVAL_STEP;
    model->scheduler.t_max = 4;
    model->optimizer = (struct cove_optimizer_options)COVE_OPTIMIZER_SGD_INIT(0.1);
    model->optimizer.momentum = 0.9;
}

static void often_validating(struct line *model, struct cove_trainer_options *o)
{
    o->val_check_batches = 2;
    o->gradient_clip_val = 0.1;
    o->gradient_clip_algorithm = "value";
    model->optimizer.amsgrad = 1;
}

/* One fit of a new model; 1 where it was interrupted. */
static int run(struct line *model, const char *root, vary_fn vary, int64_t max_epochs, int64_t max_steps,
               const char *ckpt, int64_t cut_after, int in_validation, double *ret_metric)
{
    struct cove_model_checkpoint_options keep = COVE_MODEL_CHECKPOINT_OPTIONS_INIT;
    struct cove_trainer_options o = quiet(max_epochs);
    struct cutter cutter = { model, cut_after, in_validation };
    struct cove_callback cut = COVE_CALLBACK_INIT, *checkpoint;
    struct cove_error err = COVE_ERROR_INIT;
    cove_trainer *trainer;
    int rc;
    line_init(model);
    vary(model, &o);
    keep.monitor = "train_loss_epoch";
    keep.save_last = 1;
    cut.self = &cutter;
    cut.hooks.on_train_batch_end = cut_training;
    cut.hooks.on_validation_batch_end = cut_validation;
    cut.hooks.on_validation_end = count_validation;
    o.default_root_dir = root;
    o.max_steps = max_steps;
    if (ckpt)
        o.seed = 99; /* the checkpoint's is the one that counts */
    if (!in_validation && o.val_check_batches == 0) {
        assert_int_equal(cove_model_checkpoint_new(&keep, &checkpoint, NULL), 0);
    } else {
        keep.monitor = NULL; /* in mid-epoch there is no mean of it yet */
        assert_int_equal(cove_model_checkpoint_new(&keep, &checkpoint, NULL), 0);
    }
    o.callbacks = (cove_callback *[]){ &cut, checkpoint };
    o.n_callbacks = 2;
    assert_int_equal(cove_trainer_new(&o, &trainer, NULL), 0);
    rc = cove_trainer_fit(trainer, &model->module, &model->data, ckpt, &err);
    if (rc != 0 && rc != COVE_ECANCELED)
        fail_msg("%s", err.message);
    if (rc == 0 && ret_metric)
        assert_int_equal(cove_trainer_metric(trainer, "train_loss_epoch", ret_metric, NULL), 0);
    cove_trainer_free(trainer);
    cove_callback_free(checkpoint);
    return rc == COVE_ECANCELED;
}

static void cut_everywhere(const char *root, vary_fn vary, int in_validation, int64_t stride)
{
    struct line reference, model;
    double expected, metric;
    int expected_validations;
    remove_url(root);
    validations = 0;
    assert_false(run(&reference, root, vary, 3, -1, NULL, -1, 0, &expected));
    assert_int_equal(reference.seen, 21);
    expected_validations = validations;
    for (int64_t after = 1; after <= 21; after += stride) {
        remove_url(root);
        validations = 0;
        int cut = run(&model, root, vary, 3, -1, NULL, after, in_validation, NULL);
        assert_true(cut || in_validation || after == 21);
        if (!cut)
            continue;
        assert_false(run(&model, root, vary, 3, -1, "last", -1, 0, &metric));
        assert_same_line(&model, &reference);
        /* The mean of an epoch that two runs share is the mean of all of it. */
        assert_true(metric == expected);
        assert_int_equal(validations, expected_validations);
    }
    remove_url(root);
}

static void cut_after_each_batch(void **state)
{
    cut_everywhere("memory://resume", plain, 0, 1);
}

static void cut_while_gradients_accumulate(void **state)
{
    cut_everywhere("memory://resume", accumulating, 0, 1);
}

static void cut_between_validations(void **state)
{
    cut_everywhere("memory://resume", often_validating, 0, 1);
}

static void cut_inside_a_validation(void **state)
{
    cut_everywhere("memory://resume", often_validating, 1, 1);
    cut_everywhere("memory://resume", plain, 1, 1);
}

static void cut_on_local_files(void **state)
{
    char folder[] = "/tmp/cove-resume-XXXXXX", url[64];
    assert_non_null(mkdtemp(folder));
    snprintf(url, sizeof url, "file://%s/run", folder);
    cut_everywhere(url, plain, 0, 5);
    rmdir(folder);
}

/* Stopped in order by a limit, then resumed with a greater one. */
static void ends_of_epochs_and_steps(void **state)
{
    struct line reference, model;
    remove_url("memory://limits");
    run(&reference, "memory://limits", plain, 6, -1, NULL, -1, 0, NULL);
    remove_url("memory://limits");
    run(&model, "memory://limits", plain, 3, -1, NULL, -1, 0, NULL);
    assert_int_equal(model.seen, 21);
    run(&model, "memory://limits", plain, 6, -1, "last", -1, 0, NULL);
    assert_same_line(&model, &reference);
    remove_url("memory://limits");
    run(&model, "memory://limits", plain, 6, 10, NULL, -1, 0, NULL);
    assert_int_equal(model.seen, 10);
    run(&model, "memory://limits", plain, 6, 17, "last", -1, 0, NULL);
    assert_int_equal(model.seen, 17);
    run(&model, "memory://limits", plain, 6, -1, "last", -1, 0, NULL);
    assert_same_line(&model, &reference);
    /* Where nothing is left to do, nothing is done. */
    run(&model, "memory://limits", plain, 6, -1, "last", -1, 0, NULL);
    assert_same_line(&model, &reference);
    remove_url("memory://limits");
}

/* Batches of a resumed epoch are the ones that were left. */
static void a_resumed_loader_skips_used_batches(void **state)
{
    struct line whole, first, second;
    remove_url("memory://loader");
    run(&whole, "memory://loader", plain, 1, -1, NULL, -1, 0, NULL);
    remove_url("memory://loader");
    run(&first, "memory://loader", plain, 1, -1, NULL, 4, 0, NULL);
    run(&second, "memory://loader", plain, 1, -1, "last", -1, 0, NULL);
    assert_memory_equal(whole.fetched + 4, second.fetched, 3 * sizeof *whole.fetched);
    remove_url("memory://loader");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_after_each_batch),
        cmocka_unit_test(cut_while_gradients_accumulate),
        cmocka_unit_test(cut_between_validations),
        cmocka_unit_test(cut_inside_a_validation),
        cmocka_unit_test(cut_on_local_files),
        cmocka_unit_test(ends_of_epochs_and_steps),
        cmocka_unit_test(a_resumed_loader_skips_used_batches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
