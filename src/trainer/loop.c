/*
 * Epochs, batches and validations, as Lightning's FitLoop, TrainingEpochLoop and EvaluationLoop run them: between
 * fit.c, which prepares and cleans up, and batch.c, which computes one batch. Counters move exactly where Lightning
 * moves them, so that a checkpoint saved in any hook has the position of the run.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

#include "base/error.h"
#include "trainer/trainer_impl.h"

int cove__check_interrupt(cove_trainer *t, struct cove_error *err)
{
    /* Each interrupt ends one run: this one. */
    if (!atomic_exchange_explicit(&t->interrupted, 0, memory_order_relaxed))
        return 0;
    return cove__fail(err, COVE_ECANCELED, "trainer: interrupted in epoch %" PRId64 " after step %" PRId64,
                      cove_trainer_current_epoch(t), cove_trainer_global_step(t));
}

/* ---- validation ---- */

/* A validate counts in its own tracker, not in a fit's progress. */
static struct cove__tracker *val_counts(cove_trainer *t)
{
    return t->fitting ? &t->p.val_batch : &t->validate_batch;
}

static int validation_batch(cove_trainer *t, int64_t idx, struct cove_error *err)
{
    struct cove__tracker *counts = val_counts(t);
    struct cove_batch batch;
    int rc = cove__fetch(t, &t->val, idx, &batch, err);
    if (rc < 0)
        return rc;
    cove__counts_add(counts, 1, 0, 0, 0);
    t->log_weight = (double)batch.n;
    if ((rc = COVE__BATCH_HOOK(t, on_validation_batch_start, &batch, err)) < 0)
        goto out;
    cove__counts_add(counts, 0, 1, 0, 0);
    if ((rc = cove__step(t, t->module.validation_step, "validation_step", &batch, err)) < 0)
        goto out;
    cove__counts_add(counts, 0, 0, 1, 0);
    if ((rc = COVE__BATCH_HOOK(t, on_validation_batch_end, &batch, err)) < 0)
        goto out;
    cove__counts_add(counts, 0, 0, 0, 1);
    if (t->stage == COVE_STAGE_VALIDATE)
        rc = cove__log_rows(t, COVE__PHASE_VAL, true, t->val_log_step++, err);
out:
    t->log_weight = 1;
    return rc;
}

/* Runs `n` batches of the validation data, with all hooks; what was logged is published where `stage` is
 * COVE_STAGE_VALIDATE. */
static int evaluate(cove_trainer *t, enum cove_stage stage, int64_t n, struct cove_error *err)
{
    enum cove_stage before = t->stage;
    struct cove__tracker *counts = val_counts(t);
    bool real = stage == COVE_STAGE_VALIDATE;
    int rc;
    t->stage = stage;
    counts->current = (struct cove__counts){ 0 };
    if (t->fitting)
        t->p.val_is_last_batch = false;
    if ((rc = COVE__HOOK(t, on_validation_start, err)) < 0 || (rc = COVE__HOOK(t, on_validation_epoch_start, err)) < 0)
        goto out;
    for (int64_t i = 0; i < n; i++) {
        if (t->fitting)
            t->p.val_is_last_batch = i + 1 == n;
        if ((rc = validation_batch(t, i, err)) < 0 || (rc = cove__check_interrupt(t, err)) < 0)
            goto out;
    }
    if ((rc = COVE__HOOK(t, on_validation_epoch_end, err)) < 0)
        goto out;
    if (real && ((rc = cove__metrics_publish(&t->metrics, COVE__PHASE_VAL, false, err)) < 0 ||
                 (rc = cove__log_rows(t, COVE__PHASE_VAL, false, t->p.batches_that_stepped, err)) < 0))
        goto out;
    if (t->fitting && real) {
        t->position = COVE__AFTER_VALIDATION;
        cove__undo_close(t);
    }
    rc = cove__validation_end_hook(t, err);
out:
    cove__metrics_end_epoch(&t->metrics, COVE__PHASE_VAL);
    t->stage = before;
    return rc;
}

int cove__run_validation(cove_trainer *t, struct cove_error *err)
{
    return evaluate(t, COVE_STAGE_VALIDATE, t->n_val_batches, err);
}

int cove__run_sanity_check(cove_trainer *t, struct cove_error *err)
{
    int64_t n = t->o.num_sanity_val_steps;
    bool should_stop;
    int rc;
    if (n < 0 || n > t->n_val_batches)
        n = t->n_val_batches;
    if (n == 0)
        return 0;
    if ((rc = cove__undo_mark(t, COVE__UNDO_BUFFERS, err)) < 0)
        return rc;
    rc = COVE__HOOK(t, on_sanity_check_start, err);
    if (rc == 0)
        rc = evaluate(t, COVE_STAGE_SANITY_CHECK, n, err);
    if (rc == 0)
        rc = COVE__HOOK(t, on_sanity_check_end, err);
    /* A run with the check and one without must be the same run. */
    should_stop = t->should_stop;
    cove__undo(t);
    t->should_stop = should_stop;
    t->p.val_batch = (struct cove__tracker){ 0 };
    t->p.val_is_last_batch = false;
    return rc;
}

/* ---- training ---- */

static bool max_steps_reached(const cove_trainer *t)
{
    return t->o.max_steps >= 0 && cove_trainer_global_step(t) >= t->o.max_steps;
}

static int validate_if_due(cove_trainer *t, struct cove_error *err)
{
    int rc;
    cove__counts_add(&t->p.batch, 0, 0, 0, 1);
    if (!cove__validation_due(t))
        return 0;
    if ((rc = cove__undo_mark(t, COVE__UNDO_BUFFERS, err)) == 0)
        rc = cove__run_validation(t, err);
    if (rc < 0) {
        /* The resumed run must validate again: as far as a checkpoint is concerned the batch has not ended. */
        cove__counts_add(&t->p.batch, 0, 0, 0, -1);
        t->position = COVE__AT_VALIDATION;
        cove__undo(t);
    }
    return rc;
}

/* What follows a computed batch, from t->position on. */
static int after_batch(cove_trainer *t, struct cove_error *err)
{
    int rc;
    if (t->position == COVE__AT_VALIDATION && (rc = validate_if_due(t, err)) < 0)
        return rc;
    if (!cove__accumulating(t))
        t->p.batches_that_stepped++;
    t->position = COVE__AT_BATCH_START;
    return 0;
}

static int run_batches(cove_trainer *t, struct cove_error *err)
{
    int rc = 0;
    if (t->position == COVE__AT_BATCH_END)
        rc = cove__repeat_batch_end(t, err);
    if (rc == 0 && (t->position == COVE__AT_VALIDATION || t->position == COVE__AFTER_VALIDATION))
        rc = after_batch(t, err);
    while (rc == 0 && t->p.batch.current.ready < t->n_train_batches && !max_steps_reached(t) && !t->should_stop) {
        t->position = COVE__AT_BATCH_START;
        if ((rc = cove__train_batch(t, err)) < 0 || (rc = cove__check_interrupt(t, err)) < 0)
            break;
        rc = after_batch(t, err);
    }
    return rc;
}

static int begin_epoch(cove_trainer *t, struct cove_error *err)
{
    int rc;
    t->p.batch.current = t->p.step.current = t->p.zero_grad.current = (struct cove__counts){ 0 };
    t->p.scheduler.current = t->p.val_batch.total = (struct cove__counts){ 0 };
    t->p.is_last_batch = false;
    if ((rc = cove__undo_mark(t, COVE__UNDO_BUFFERS, err)) < 0)
        return rc;
    cove__counts_add(&t->p.epoch, 1, 0, 0, 0);
    if ((rc = COVE__HOOK(t, on_train_epoch_start, err)) < 0) {
        cove__undo(t);
        return rc;
    }
    cove__undo_close(t);
    cove__counts_add(&t->p.epoch, 0, 1, 0, 0);
    t->position = COVE__AT_BATCH_START;
    return 0;
}

static int end_epoch(cove_trainer *t, struct cove_error *err)
{
    /* The step of the epoch's last batch. */
    int64_t step = t->p.batches_that_stepped > 0 ? t->p.batches_that_stepped - 1 : 0;
    int rc;
    t->position = COVE__AT_EPOCH_END;
    if ((rc = cove__undo_mark(t, COVE__UNDO_BUFFERS, err)) < 0)
        return rc;
    /* If the run is resumed, an epoch that max_steps or a callback ended early continues where it ended. */
    t->position = t->p.batch.current.ready < t->n_train_batches ? COVE__AT_BATCH_START : COVE__AT_EPOCH_START;
    cove__undo_close(t);
    cove__counts_add(&t->p.epoch, 0, 0, 1, 0);
    if ((rc = cove__epoch_end_hook(t, err)) < 0 || (rc = cove__log_rows(t, COVE__PHASE_TRAIN, false, step, err)) < 0) {
        t->position = COVE__AT_EPOCH_END; /* to Lightning the epoch is over */
        cove__undo(t);
        return rc;
    }
    cove__metrics_end_epoch(&t->metrics, COVE__PHASE_TRAIN);
    cove__counts_add(&t->p.epoch, 0, 0, 0, 1);
    return 0;
}

static int run_epoch(cove_trainer *t, struct cove_error *err)
{
    int rc = t->position == COVE__AT_EPOCH_START ? begin_epoch(t, err) : 0;
    if (rc == 0)
        rc = run_batches(t, err);
    return rc < 0 ? rc : end_epoch(t, err);
}

/* Whether the run is over; sets the reason. */
static bool done(cove_trainer *t)
{
    if (max_steps_reached(t)) {
        snprintf(t->reason, sizeof t->reason, "max_steps=%" PRId64 " reached", t->o.max_steps);
        return true;
    }
    if (t->o.max_epochs >= 0 && t->p.epoch.current.processed >= t->o.max_epochs) {
        snprintf(t->reason, sizeof t->reason, "max_epochs=%" PRId64 " reached", t->o.max_epochs);
        return true;
    }
    return t->should_stop;
}

int cove__run_fit(cove_trainer *t, struct cove_error *err)
{
    /* What follows the last batch of all may have been cut off, too. */
    bool ends = t->position != COVE__AT_EPOCH_START && t->position != COVE__AT_BATCH_START;
    int rc = 0;
    t->stage = COVE_STAGE_TRAIN;
    if (t->n_train_batches == 0) {
        snprintf(t->reason, sizeof t->reason, "no training batches");
        return 0;
    }
    if (!ends && done(t))
        return 0;
    if ((rc = COVE__HOOK(t, on_train_start, err)) < 0)
        return rc;
    while (rc == 0 && (ends || !done(t)) && (rc = cove__check_interrupt(t, err)) == 0) {
        ends = false;
        rc = run_epoch(t, err);
    }
    return rc < 0 ? rc : COVE__HOOK(t, on_train_end, err);
}
