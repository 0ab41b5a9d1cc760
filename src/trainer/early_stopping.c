/* EarlyStopping, written against the public hooks: watches a metric and calls cove_trainer_stop. */
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cove/trainer.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "trainer/names.h"
#include "trainer/options.h"
#include "trainer/tree.h"

/* Lightning's EarlyStoppingReason. */
enum reason { NOT_STOPPED = 0, PATIENCE_EXHAUSTED = 3, NON_FINITE_METRIC = 4 };

struct early_stopping {
    cove_callback callback;
    struct cove_early_stopping_options o;
    char *monitor, *key; /* owned */
    bool max;
    int64_t wait_count, stopped_epoch;
    float best;
    enum reason reason;
    char message[256];
};

static bool better(const struct early_stopping *s, float value)
{
    return s->max ? (double)value - s->o.min_delta > (double)s->best : (double)value + s->o.min_delta < (double)s->best;
}

static void stop(struct early_stopping *s, cove_trainer *trainer, enum reason reason)
{
    s->reason = reason;
    s->stopped_epoch = cove_trainer_current_epoch(trainer);
    cove__log(COVE_LOG_WARNING, "trainer", "%s", s->message);
    cove_trainer_stop(trainer, s->message);
}

static int check(struct early_stopping *s, cove_trainer *trainer, struct cove_error *err)
{
    double current;
    int rc = cove_trainer_metric(trainer, s->monitor, &current, err);
    if (rc == COVE_ENOTFOUND && !s->o.strict)
        return 0;
    if (rc < 0)
        return cove__error_prefix(err, rc, "EarlyStopping");
    float value = (float)current;
    if (s->o.check_finite && !isfinite(value)) {
        snprintf(s->message, sizeof s->message, "EarlyStopping: %s is %f, not finite; the best before was %.3f",
                 s->monitor, current, (double)s->best);
        stop(s, trainer, NON_FINITE_METRIC);
    } else if (better(s, value)) {
        s->best = value;
        s->wait_count = 0;
    } else if (++s->wait_count >= s->o.patience) {
        snprintf(s->message, sizeof s->message,
                 "EarlyStopping: %s did not improve in the last %" PRId64 " checks; the best was %.3f", s->monitor,
                 s->wait_count, (double)s->best);
        stop(s, trainer, PATIENCE_EXHAUSTED);
    }
    return 0;
}

/* Where each epoch ends in one validation, the epoch's own metrics can be watched too: the check comes at its end. */
static bool at_epoch_end(const cove_trainer *trainer)
{
    return cove_trainer_validates_each_epoch(trainer) || cove_trainer_num_val_batches(trainer) == 0;
}

static int on_train_epoch_end(void *self, cove_trainer *trainer, struct cove_error *err)
{
    /* An epoch that max_steps cut short may have no validation yet. */
    double unused;
    struct early_stopping *s = self;
    if (!at_epoch_end(trainer) ||
        (!cove_trainer_is_last_batch(trainer) && cove_trainer_metric(trainer, s->monitor, &unused, NULL) < 0))
        return 0;
    return check(s, trainer, err);
}

static int on_validation_end(void *self, cove_trainer *trainer, struct cove_error *err)
{
    if (cove_trainer_stage(trainer) == COVE_STAGE_SANITY_CHECK || !cove_trainer_fitting(trainer) ||
        at_epoch_end(trainer))
        return 0;
    return check(self, trainer, err);
}

static int state_dict(void *self, cove_value **ret_state, struct cove_error *err)
{
    struct early_stopping *s = self;
    cove_value *dict = cove_value_new_dict();
    int rc = dict ? 0 : cove__fail_nomem(err, "EarlyStopping");
    cove__tree_int(&rc, dict, "wait_count", s->wait_count, err);
    cove__tree_int(&rc, dict, "stopped_epoch", s->stopped_epoch, err);
    cove__tree_scalar(&rc, dict, "best_score", &s->best, err);
    cove__tree_int(&rc, dict, "patience", s->o.patience, err);
    cove__tree_int(&rc, dict, "stopping_reason", s->reason, err);
    cove__tree_string(&rc, dict, "stopping_reason_message", s->reason ? s->message : NULL, err);
    if (rc < 0)
        cove_value_unref(dict);
    else
        *ret_state = dict;
    return rc;
}

static int load_state_dict(void *self, const cove_value *state, struct cove_error *err)
{
    struct early_stopping *s = self;
    cove_value *best = cove__tree_at(state, "best_score");
    int64_t wait = s->wait_count, stopped = s->stopped_epoch, patience = s->o.patience;
    float score = s->best;
    int rc = 0;
    cove__tree_get_int(&rc, state, "wait_count", &wait, err);
    cove__tree_get_int(&rc, state, "stopped_epoch", &stopped, err);
    cove__tree_get_int(&rc, state, "patience", &patience, err);
    if (rc == 0 && best)
        rc = cove__tree_read_scalar(best, &score, err);
    if (rc < 0)
        return cove__error_prefix(err, rc, "EarlyStopping");
    s->wait_count = wait;
    s->stopped_epoch = stopped;
    s->o.patience = patience;
    s->best = score;
    return 0;
}

static void free_self(void *self)
{
    struct early_stopping *s = self;
    cove__free(s->monitor);
    cove__free(s->key);
    cove__free(s);
}

int cove_early_stopping_new(const struct cove_early_stopping_options *options, cove_callback **ret_callback,
                            struct cove_error *err)
{
    struct cove_early_stopping_options o = COVE_EARLY_STOPPING_OPTIONS_INIT;
    struct cove__buf key = COVE__BUF_INIT(4096);
    struct early_stopping *s;
    int rc = COVE__COPY_OPTIONS(&o, options, err);
    if (rc < 0)
        return rc;
    if ((rc = cove__check_name("EarlyStopping: monitor", o.monitor, err)) < 0)
        return rc;
    if (!o.mode || (strcmp(o.mode, "min") != 0 && strcmp(o.mode, "max") != 0))
        return cove__fail(err, COVE_EINVAL, "EarlyStopping: mode is \"%s\", must be \"min\" or \"max\"",
                          o.mode ? o.mode : "");
    if (o.patience < 0 || !(o.min_delta >= 0))
        return cove__fail(err, COVE_EINVAL, "EarlyStopping: patience and min_delta must be 0 or more");
    s = cove__calloc(1, sizeof *s);
    if (!s)
        return cove__fail_nomem(err, "EarlyStopping");
    cove__buf_addf(&key, "EarlyStopping{'monitor': '%s', 'mode': '%s'}", o.monitor, o.mode);
    s->o = o;
    s->max = strcmp(o.mode, "max") == 0;
    s->best = s->max ? -INFINITY : INFINITY;
    s->monitor = cove__strdup(o.monitor);
    s->key = cove__buf_take(&key);
    if (!s->monitor || !s->key) {
        free_self(s);
        return cove__fail_nomem(err, "EarlyStopping");
    }
    s->callback = (cove_callback)COVE_CALLBACK_INIT;
    s->callback.self = s;
    s->callback.state_key = s->key;
    s->callback.state_dict = state_dict;
    s->callback.load_state_dict = load_state_dict;
    s->callback.free = free_self;
    s->callback.hooks.on_train_epoch_end = on_train_epoch_end;
    s->callback.hooks.on_validation_end = on_validation_end;
    *ret_callback = &s->callback;
    return 0;
}
