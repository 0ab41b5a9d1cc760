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
    if (!o || (o->interval == COVE_INTERVAL_STEP ? cove__accumulating(t) : !last))
        return;
    count = o->interval == COVE_INTERVAL_STEP ? t->p.batch.current.ready : cove_trainer_current_epoch(t) + 1;
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

/* Everything after the computation of a batch. */
static int end_batch(cove_trainer *t, const struct cove_batch *batch, struct cove_error *err)
{
    int64_t step = t->p.batches_that_stepped;
    int rc = cove__undo_mark(t, false, err);
    if (rc == 0)
        rc = cove__metrics_publish(&t->metrics, COVE__PHASE_TRAIN, true, err);
    if (rc == 0)
        rc = COVE__BATCH_HOOK(t, on_train_batch_end, batch, err);
    if (rc == 0)
        rc = cove__metrics_publish(&t->metrics, COVE__PHASE_TRAIN, true, err);
    if (rc == 0 && !cove__accumulating(t) && t->o.log_every_n_steps > 0 &&
        ((step + 1) % t->o.log_every_n_steps == 0 || t->should_stop))
        rc = cove__log_rows(t, COVE__PHASE_TRAIN, true, step, err);
    t->batch_end_failed = rc < 0;
    if (rc < 0)
        cove__undo(t);
    return rc;
}

/* Fetches and computes batch number `ready`, and calls its hooks. On return the batch is processed, not yet completed.
 */
int cove__train_batch(cove_trainer *t, struct cove_error *err)
{
    int64_t idx = t->p.batch.current.ready;
    bool processed = false;
    struct cove_batch batch;
    int rc = cove__fetch(t, &t->train, idx, &batch, err);
    if (rc < 0 || (rc = cove__undo_mark(t, idx % t->o.accumulate_grad_batches != 0, err)) < 0)
        return rc;
    cove__counts_add(&t->p.batch, 1, 0, 0, 0);
    t->p.is_last_batch = idx + 1 == t->n_train_batches;
    t->log_weight = (double)batch.n;
    if ((rc = COVE__BATCH_HOOK(t, on_train_batch_start, &batch, err)) < 0)
        goto out;
    cove__counts_add(&t->p.batch, 0, 1, 0, 0);
    if ((rc = backward(t, &batch, err)) < 0)
        goto out;
    cove__counts_add(&t->p.batch, 0, 0, 1, 0);
    step_scheduler(t);
    processed = true;
    rc = end_batch(t, &batch, err);
out:
    if (rc < 0 && !processed)
        cove__undo(t);
    t->log_weight = 1;
    return rc;
}

int cove__repeat_batch_end(cove_trainer *t, struct cove_error *err)
{
    struct cove_batch batch;
    int rc = cove__fetch(t, &t->train, t->p.batch.current.ready - 1, &batch, err);
    if (rc < 0)
        return rc;
    t->log_weight = (double)batch.n;
    rc = end_batch(t, &batch, err);
    t->log_weight = 1;
    return rc;
}
