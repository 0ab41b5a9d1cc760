/* From the table of metrics to the loggers. Called by the loop, by fit.c at both ends, and by every hook through
 * cove_trainer_log. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "trainer/trainer_impl.h"
#include "wire/number.h"

/* ---- which functions may log ---- */

/* Lightning's table (_FxValidator): the flags that a function may use, and its default. */
static const struct rule {
    const char *function;
    unsigned allowed, usual;
} rules[] = {
    { "training_step", COVE_LOG_ON_STEP | COVE_LOG_ON_EPOCH, COVE_LOG_ON_STEP },
    { "validation_step", COVE_LOG_ON_STEP | COVE_LOG_ON_EPOCH, COVE_LOG_ON_EPOCH },
    { "on_train_batch_start", COVE_LOG_ON_STEP | COVE_LOG_ON_EPOCH, COVE_LOG_ON_STEP },
    { "on_train_batch_end", COVE_LOG_ON_STEP | COVE_LOG_ON_EPOCH, COVE_LOG_ON_STEP },
    { "on_before_zero_grad", COVE_LOG_ON_STEP | COVE_LOG_ON_EPOCH, COVE_LOG_ON_STEP },
    { "on_after_backward", COVE_LOG_ON_STEP | COVE_LOG_ON_EPOCH, COVE_LOG_ON_STEP },
    { "on_before_optimizer_step", COVE_LOG_ON_STEP | COVE_LOG_ON_EPOCH, COVE_LOG_ON_STEP },
    { "on_validation_batch_start", COVE_LOG_ON_STEP | COVE_LOG_ON_EPOCH, COVE_LOG_ON_EPOCH },
    { "on_validation_batch_end", COVE_LOG_ON_STEP | COVE_LOG_ON_EPOCH, COVE_LOG_ON_EPOCH },
    { "on_train_start", COVE_LOG_ON_EPOCH, COVE_LOG_ON_EPOCH },
    { "on_train_epoch_start", COVE_LOG_ON_EPOCH, COVE_LOG_ON_EPOCH },
    { "on_train_epoch_end", COVE_LOG_ON_EPOCH, COVE_LOG_ON_EPOCH },
    { "on_validation_start", COVE_LOG_ON_EPOCH, COVE_LOG_ON_EPOCH },
    { "on_validation_epoch_start", COVE_LOG_ON_EPOCH, COVE_LOG_ON_EPOCH },
    { "on_validation_epoch_end", COVE_LOG_ON_EPOCH, COVE_LOG_ON_EPOCH },
};

static const struct rule *rule_of(const char *function)
{
    for (size_t i = 0; function && i < sizeof rules / sizeof *rules; i++) {
        if (strcmp(rules[i].function, function) == 0)
            return &rules[i];
    }
    return NULL;
}

void cove_trainer_log(cove_trainer *t, const char *name, double value, unsigned flags)
{
    const unsigned when = COVE_LOG_ON_STEP | COVE_LOG_ON_EPOCH;
    enum cove__phase phase = t->stage == COVE_STAGE_TRAIN ? COVE__PHASE_TRAIN : COVE__PHASE_VAL;
    const struct rule *rule = rule_of(t->function);
    if (t->log_error.code < 0)
        return;
    if (!t->function) {
        cove__log(COVE_LOG_ERROR, "trainer", "log: %s: not called from a function of a run", name ? name : "NULL");
        return;
    }
    if (!rule)
        cove__fail(&t->log_error, COVE_ESTATE, "log: %s: nothing can be logged here", name ? name : "NULL");
    else if (flags & when & ~rule->allowed)
        cove__fail(&t->log_error, COVE_EINVAL, "log: %s: only COVE_LOG_ON_EPOCH can be logged here",
                   name ? name : "NULL");
    else
        cove__metrics_log(&t->metrics, phase, name, value, t->log_weight, flags & when ? flags : flags | rule->usual,
                          &t->log_error);
}

/* ---- loggers ---- */

/* Checks `rc`, the return value of a call of logger `i`. */
static int end(cove_trainer *t, struct cove__call *call, int rc, size_t i, struct cove_error *err)
{
    const struct cove__owner given = { "loggers", i, NULL }, own = { "TensorBoardLogger", COVE__NO_INDEX, NULL };
    return cove__call_end(t, call, rc, t->own_logger ? &own : &given, err);
}

int cove__open_loggers(cove_trainer *t, struct cove_error *err)
{
    struct cove__call call;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < t->n_loggers; i++) {
        if (!t->loggers[i].open)
            continue;
        cove__call_begin(t, &call, "open");
        rc = end(t, &call, t->loggers[i].open(t->loggers[i].self, t->root, t->storage, &call.said), i, err);
    }
    return rc;
}

int cove__close_loggers(cove_trainer *t, struct cove_error *err)
{
    struct cove_error other = COVE_ERROR_INIT;
    struct cove__call call;
    int first = 0;
    for (size_t i = 0; i < t->n_loggers; i++) {
        int rc = 0;
        if (t->loggers[i].close) {
            cove__call_begin(t, &call, "close");
            rc = end(t, &call, t->loggers[i].close(t->loggers[i].self, &call.said), i, &other);
        }
        if (rc < 0 && first == 0)
            first = cove__error_copy(err, &other);
        else if (rc < 0)
            cove__log(COVE_LOG_ERROR, "trainer", "%s", other.message);
    }
    return first;
}

int cove__log_hparams(cove_trainer *t, struct cove_error *err)
{
    struct cove__call call;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < t->n_loggers; i++) {
        const cove_logger *logger = &t->loggers[i];
        if (!logger->log_hyperparams)
            continue;
        cove__call_begin(t, &call, "log_hyperparams");
        rc = logger->log_hyperparams(logger->self, t->module.hparams, t->module.n_hparams, &call.said);
        rc = end(t, &call, rc, i, err);
    }
    return rc;
}

/* As in Lightning: a metric named "step" sets the row's step. Without one the row gets the epoch, unless a metric has
 * that name. (Rows of single validation batches have their own step and no epoch.) */
static int finish_row(struct cove__metrics *m, double epoch, int64_t *step, struct cove_error *err)
{
    bool has_step = false, has_epoch = false;
    size_t kept = 0;
    for (size_t i = 0; i < m->n_rows; i++) {
        const struct cove_metric *row = &m->rows[i];
        if (strcmp(row->name, "step") == 0) {
            if (!(fabs(row->value) < 0x1p63))
                return cove__fail(err, COVE_EINVAL, "log: step: %g is not a valid step", cove__plain_nan(row->value));
            *step = (int64_t)row->value;
            has_step = true;
            continue;
        }
        has_epoch |= strcmp(row->name, "epoch") == 0;
        m->rows[kept++] = *row;
    }
    m->n_rows = kept;
    if (!has_step && !has_epoch)
        m->rows[m->n_rows++] = (struct cove_metric){ "epoch", epoch };
    return 0;
}

int cove__log_rows(cove_trainer *t, enum cove__phase phase, bool on_step, int64_t step, struct cove_error *err)
{
    struct cove__metrics *m = &t->metrics;
    struct cove__call call;
    int rc;
    if (t->n_loggers == 0 || t->strategy->rank != 0)
        return 0;
    if ((rc = cove__metrics_rows(m, phase, on_step, err)) < 0 || m->n_rows == 0)
        return rc;
    /* As in Lightning: the x axis of single validation batches is their own count, without an epoch. */
    if ((phase != COVE__PHASE_VAL || !on_step) &&
        ((rc = finish_row(m, (double)cove_trainer_current_epoch(t), &step, err)) < 0 || m->n_rows == 0))
        return rc;
    for (size_t i = 0; rc == 0 && i < t->n_loggers; i++) {
        const cove_logger *logger = &t->loggers[i];
        if (!logger->log_metrics)
            continue;
        cove__call_begin(t, &call, "log_metrics");
        rc = end(t, &call, logger->log_metrics(logger->self, m->rows, m->n_rows, step, &call.said), i, err);
    }
    return rc;
}
