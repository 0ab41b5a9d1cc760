/* What hooks and callbacks may ask a trainer while it runs, and how they end the run. Above: every built-in callback.
 */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"
#include "trainer/trainer_impl.h"

#define NAMES_IN_MESSAGE ((size_t)512)

/* ---- ending a run ---- */

void cove_trainer_stop(cove_trainer *trainer, const char *reason)
{
    trainer->should_stop = true;
    snprintf(trainer->stop_reason, sizeof trainer->stop_reason, "%s", reason ? reason : "stopped by a callback");
    /* It is saved in checkpoints, whose strings are UTF-8. */
    cove__text_line(trainer->stop_reason, sizeof trainer->stop_reason);
    memcpy(trainer->reason, trainer->stop_reason, sizeof trainer->reason);
}

void cove_trainer_interrupt(cove_trainer *trainer)
{
    atomic_store_explicit(&trainer->interrupted, 1, memory_order_relaxed);
}

/* ---- questions ---- */

enum cove_stage cove_trainer_stage(const cove_trainer *trainer)
{
    return trainer->stage;
}

int cove_trainer_is_fitting(const cove_trainer *trainer)
{
    return trainer->fitting && trainer->module.size != 0;
}

int64_t cove_trainer_current_epoch(const cove_trainer *trainer)
{
    return trainer->p.epoch.current.completed;
}

int64_t cove_trainer_global_step(const cove_trainer *trainer)
{
    return trainer->p.step.total.completed;
}

int64_t cove_trainer_max_epochs(const cove_trainer *trainer)
{
    return trainer->o.max_epochs;
}

int64_t cove_trainer_num_training_batches(const cove_trainer *trainer)
{
    return trainer->n_train_batches;
}

int64_t cove_trainer_num_val_batches(const cove_trainer *trainer)
{
    return trainer->n_val_batches;
}

int cove_trainer_is_last_batch(const cove_trainer *trainer)
{
    return trainer->p.is_last_batch;
}

int cove_trainer_validates_each_epoch(const cove_trainer *trainer)
{
    return trainer->n_val_batches > 0 && trainer->o.val_check_batches == 0 && trainer->o.val_check_fraction == 1.0 &&
           trainer->o.check_val_every_n_epoch == 1;
}

bool cove__validation_due(const cove_trainer *t)
{
    if (t->n_val_batches == 0 || (cove_trainer_current_epoch(t) + 1) % t->o.check_val_every_n_epoch != 0)
        return false;
    return t->should_stop || t->p.batch.current.ready % t->val_check_batch == 0;
}

int cove_trainer_validation_is_due(const cove_trainer *trainer)
{
    /* Only a fit has training batches with a validation after them. */
    return trainer->fitting && trainer->val_check_batch > 0 && cove__validation_due(trainer);
}

const char *cove_trainer_default_root_dir(const cove_trainer *trainer)
{
    return trainer->root;
}

const char *cove_trainer_log_dir(const cove_trainer *t)
{
    return t->n_loggers > 0 && t->loggers[0].log_dir ? t->loggers[0].log_dir(t->loggers[0].self) : NULL;
}

const char *cove_trainer_log_root_dir(const cove_trainer *t)
{
    return t->n_loggers > 0 && t->loggers[0].root_dir ? t->loggers[0].root_dir(t->loggers[0].self) : NULL;
}

const char *cove_trainer_ckpt_path(const cove_trainer *trainer)
{
    return trainer->ckpt_path;
}

const char *cove_trainer_stop_reason(const cove_trainer *trainer)
{
    return trainer->reason;
}

cove_rng *cove_trainer_rng(cove_trainer *trainer)
{
    return &trainer->rng;
}

cove_optimizer *cove_trainer_optimizer(cove_trainer *trainer)
{
    return trainer->optimizer;
}

int cove_trainer_open_fs(const cove_trainer *trainer, const char *url, cove_fs **ret_fs, char **ret_path,
                         struct cove_error *err)
{
    return cove_fs_from_url(url, trainer->storage, ret_fs, ret_path, err);
}

int cove_trainer_metric(const cove_trainer *t, const char *name, double *ret_value, struct cove_error *err)
{
    const struct cove__newest *found = cove__metrics_find(&t->metrics, name);
    struct cove__buf names = COVE__BUF_INIT(NAMES_IN_MESSAGE);
    size_t listed = 0;
    int rc;
    if (found) {
        *ret_value = found->value;
        return 0;
    }
    for (; listed < t->metrics.n_newest; listed++) {
        const char *known = t->metrics.newest[listed].name;
        if (names.size + strlen(known) + 32 > names.max)
            break;
        cove__buf_addf(&names, "%s%s", listed ? ", " : "", known);
    }
    if (listed < t->metrics.n_newest)
        cove__buf_addf(&names, " and %zu more", t->metrics.n_newest - listed);
    rc = cove__fail(err, COVE_ENOTFOUND, "metric %s was never logged; known metrics: %s", name,
                    listed ? cove__buf_str(&names) : "none");
    cove__buf_done(&names);
    return rc;
}

int cove_trainer_metric_at(const cove_trainer *t, size_t i, const char **ret_name, double *ret_value, int *ret_prog_bar)
{
    if (i >= t->metrics.n_newest)
        return COVE_ENOTFOUND;
    if (ret_name)
        *ret_name = t->metrics.newest[i].name;
    if (ret_value)
        *ret_value = t->metrics.newest[i].value;
    if (ret_prog_bar)
        *ret_prog_bar = t->metrics.newest[i].prog_bar;
    return 0;
}
