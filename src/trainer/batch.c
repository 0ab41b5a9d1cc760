/*
 * One training batch: fetch, training_step, and where accumulation ends the optimizer's step, in the order of hooks
 * that Lightning's automatic optimization has. Called by loop.c.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "trainer/params.h"
#include "trainer/trainer_impl.h"

bool cove__accumulating(const cove_trainer *t)
{
    int64_t ready = t->p.batch.current.ready;
    return ready % t->o.accumulate_grad_batches != 0 && ready != t->n_train_batches;
}

/* Each gradient of the module with its length. */
static float *grad_of(const cove_trainer *t, size_t i, size_t *ret_n)
{
    const struct cove_parameter *p = &t->module.parameters[i];
    if (cove__view_elements(&p->value, ret_n, NULL) < 0)
        *ret_n = 0;
    return p->grad;
}

static void zero_grad(cove_trainer *t)
{
    size_t n;
    for (size_t i = 0; i < t->module.n_parameters; i++) {
        float *grad = grad_of(t, i, &n);
        if (grad)
            memset(grad, 0, n * sizeof *grad);
    }
}

static void scale_grads(cove_trainer *t, float factor)
{
    size_t n;
    for (size_t i = 0; i < t->module.n_parameters; i++) {
        float *grad = grad_of(t, i, &n);
        for (size_t j = 0; grad && j < n; j++)
            grad[j] *= factor;
    }
}

/* As torch.nn.utils.clip_grad_norm_ and clip_grad_value_. */
static void clip(cove_trainer *t)
{
    float limit = (float)t->o.gradient_clip_val;
    double squares = 0;
    size_t n;
    if (limit == 0)
        return;
    for (size_t i = 0; i < t->module.n_parameters; i++) {
        float *grad = grad_of(t, i, &n);
        for (size_t j = 0; grad && j < n; j++) {
            if (t->o.gradient_clip_algorithm[0] == 'v')
                grad[j] = grad[j] > limit ? limit : grad[j] < -limit ? -limit : grad[j];
            else
                squares += (double)grad[j] * grad[j];
        }
    }
    if (t->o.gradient_clip_algorithm[0] == 'v')
        return;
    float factor = limit / ((float)sqrt(squares) + 1e-6f);
    /* Not "< 1 only": a norm that is not a number must show in the gradients, as in torch. */
    if (!(factor >= 1))
        scale_grads(t, factor);
}

static int optimizer_step(cove_trainer *t, struct cove_error *err)
{
    size_t n;
    int rc = 0;
    if (t->o.accumulate_grad_batches > 1)
        scale_grads(t, 1.0f / (float)t->o.accumulate_grad_batches);
    for (size_t i = 0; rc == 0 && i < t->module.n_parameters; i++) {
        float *grad = grad_of(t, i, &n);
        if (grad)
            rc = t->strategy->all_reduce_mean(grad, n, err);
    }
    if (rc < 0 || (rc = COVE__HOOK(t, on_before_optimizer_step, err)) < 0)
        return rc;
    clip(t);
    cove__counts_add(&t->p.step, 1, 0, 0, 0);
    rc = cove_optimizer_step(t->optimizer, err);
    if (rc == 0)
        cove__counts_add(&t->p.step, 0, 0, 0, 1);
    return rc;
}

static void step_scheduler(cove_trainer *t)
{
    const struct cove_lr_scheduler_options *o = t->scheduler ? &t->scheduler->o : NULL;
    bool last = t->p.batch.current.ready == t->n_train_batches;
    int64_t count;
    if (!o || (o->interval == COVE_LR_SCHEDULER_INTERVAL_STEP ? cove__accumulating(t) : !last))
        return;
    count =
        o->interval == COVE_LR_SCHEDULER_INTERVAL_STEP ? t->p.batch.current.ready : cove_trainer_current_epoch(t) + 1;
    if (count % o->frequency != 0)
        return;
    cove_lr_scheduler_step(t->scheduler);
    cove__counts_add(&t->p.scheduler, 1, 0, 0, 1);
}

static int backward(cove_trainer *t, const struct cove_batch *batch, struct cove_error *err)
{
    int rc = 0;
    if (batch->idx % t->o.accumulate_grad_batches == 0) {
        if ((rc = COVE__HOOK(t, on_before_zero_grad, err)) < 0)
            return rc;
        zero_grad(t);
        cove__counts_add(&t->p.zero_grad, 1, 1, 0, 1);
    }
    rc = cove__step(t, t->module.training_step, "training_step", batch, err);
    if (rc == 0)
        rc = COVE__HOOK(t, on_after_backward, err);
    if (rc == 0 && !cove__accumulating(t))
        rc = optimizer_step(t, err);
    return rc;
}

/* on_train_batch_end and the step's rows. The batch is computed. */
static int end_batch(cove_trainer *t, const struct cove_batch *batch, struct cove_error *err)
{
    int64_t step = t->p.batches_that_stepped;
    int rc;
    t->position = COVE__AT_BATCH_END;
    if ((rc = cove__undo_mark(t, COVE__UNDO_BUFFERS, err)) < 0)
        return rc;
    /* A checkpoint that is saved in the hook is one of after it: ModelCheckpoint is called last. */
    t->position = COVE__AT_VALIDATION;
    cove__undo_close(t);
    if ((rc = cove__batch_end_hook(t, batch, err)) == 0 && !cove__accumulating(t) && t->o.log_every_n_steps > 0 &&
        ((step + 1) % t->o.log_every_n_steps == 0 || t->should_stop))
        rc = cove__log_rows(t, COVE__PHASE_TRAIN, true, step, err);
    if (rc < 0) {
        t->position = COVE__AT_BATCH_END;
        cove__undo(t);
    }
    return rc;
}

/* Fetches batch number `ready` and computes it. */
static int compute(cove_trainer *t, struct cove_batch *batch, struct cove_error *err)
{
    int64_t idx = t->p.batch.current.ready;
    int rc;
    t->fetch_rng = t->rng;
    if ((rc = cove__fetch(t, &t->train, idx, batch, err)) < 0)
        return rc;
    cove__counts_add(&t->p.batch, 1, 0, 0, 0);
    t->p.is_last_batch = idx + 1 == t->n_train_batches;
    t->log_weight = (double)batch->n;
    if ((rc = COVE__BATCH_HOOK(t, on_train_batch_start, batch, err)) < 0)
        return rc;
    cove__counts_add(&t->p.batch, 0, 1, 0, 0);
    if ((rc = backward(t, batch, err)) < 0)
        return rc;
    cove__counts_add(&t->p.batch, 0, 0, 1, 0);
    step_scheduler(t);
    return 0;
}

/* The epoch's next batch, with its hooks. On return it is computed, not yet completed. */
int cove__train_batch(cove_trainer *t, struct cove_error *err)
{
    bool gradients_wait = t->p.batch.current.ready % t->o.accumulate_grad_batches != 0;
    struct cove_batch batch;
    int rc = cove__undo_mark(t, COVE__UNDO_BUFFERS | (gradients_wait ? COVE__UNDO_GRADIENTS : 0), err);
    if (rc < 0)
        return rc;
    if ((rc = compute(t, &batch, err)) < 0)
        cove__undo(t);
    else
        rc = end_batch(t, &batch, err);
    t->log_weight = 1;
    return rc;
}

int cove__repeat_batch_end(cove_trainer *t, struct cove_error *err)
{
    cove_rng rng = t->rng;
    struct cove_batch batch;
    int rc;
    /* The same batch: what fetch draws was drawn before. */
    t->rng = t->fetch_rng;
    rc = cove__fetch(t, &t->train, t->p.batch.current.ready - 1, &batch, err);
    t->rng = rng;
    if (rc < 0)
        return rc;
    t->log_weight = (double)batch.n;
    rc = end_batch(t, &batch, err);
    t->log_weight = 1;
    return rc;
}
