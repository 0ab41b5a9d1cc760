/* From the table of metrics to the loggers. Called by the loop, by fit.c at both ends, and by every hook through
 * cove_trainer_log. */
#include "base/error.h"
#include "base/log.h"
#include "trainer/trainer_impl.h"

void cove_trainer_log(cove_trainer *t, const char *name, double value, unsigned flags)
{
    enum cove__phase phase = t->stage == COVE_STAGE_TRAIN ? COVE__PHASE_TRAIN : COVE__PHASE_VAL;
    if (t->log_error.code < 0)
        return;
    if (t->stage == COVE_STAGE_NONE)
        cove__fail(&t->log_error, COVE_ESTATE, "log: %s: logged outside of training and validation", name ? name : "");
    else
        cove__metrics_log(&t->metrics, phase, name, value, t->log_weight, flags, t->in_batch, &t->log_error);
}

/* ---- loggers ---- */

/* One call of logger `i`; `rc` is what `call` gave, after the fact. */
static int end(cove_trainer *t, struct cove__call *call, int rc, size_t i, struct cove_error *err)
{
    const struct cove__owner given = { "loggers", i, NULL }, own = { "TensorBoardLogger", COVE__NO_INDEX, NULL };
    return cove__call_end(t, call, rc, t->loggers[i] == t->own_logger ? &own : &given, err);
}

int cove__open_loggers(cove_trainer *t, struct cove_error *err)
{
    struct cove__call call;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < t->n_loggers; i++) {
        if (!t->loggers[i]->open)
            continue;
        cove__call_begin(t, &call, "open");
        rc = end(t, &call, t->loggers[i]->open(t->loggers[i]->self, t->root, t->storage, &call.said), i, err);
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
        if (t->loggers[i]->close) {
            cove__call_begin(t, &call, "close");
            rc = end(t, &call, t->loggers[i]->close(t->loggers[i]->self, &call.said), i, &other);
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
        const cove_logger *logger = t->loggers[i];
        if (!logger->log_hyperparams)
            continue;
        cove__call_begin(t, &call, "log_hyperparams");
        rc = logger->log_hyperparams(logger->self, t->module.hparams, t->module.n_hparams, &call.said);
        rc = end(t, &call, rc, i, err);
    }
    return rc;
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
    /* As in Lightning: the x axis of single validation batches is a count of its own, which no epoch goes with. */
    if (phase != COVE__PHASE_VAL || !on_step)
        m->rows[m->n_rows++] = (struct cove_metric){ "epoch", (double)cove_trainer_current_epoch(t) };
    for (size_t i = 0; rc == 0 && i < t->n_loggers; i++) {
        const cove_logger *logger = t->loggers[i];
        if (!logger->log_metrics)
            continue;
        cove__call_begin(t, &call, "log_metrics");
        rc = end(t, &call, logger->log_metrics(logger->self, m->rows, m->n_rows, step, &call.said), i, err);
    }
    return rc;
}
