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
#include "base/text.h"
#include "trainer/names.h"
#include "base/copy_options.h"
#include "trainer/repr.h"
#include "trainer/tree.h"
#include "wire/number.h"

#define MOST_CHECKS (INT64_C(1) << 53) /* the largest count that a checkpoint may have */

/* Lightning's EarlyStoppingReason. */
enum reason {
    NOT_STOPPED = 0,
    STOPPING_THRESHOLD = 1,
    DIVERGENCE_THRESHOLD = 2,
    PATIENCE_EXHAUSTED = 3,
    NON_FINITE_METRIC = 4
};

struct early_stopping {
    cove_callback callback;
    struct cove_early_stopping_options o;
    char *monitor, *key; /* owned */
    bool max;
    bool checked; /* since the last training batch: a run that was interrupted between the check and the end of the
                     validation or epoch repeats that end, and must not count it twice */
    int64_t wait_count, stopped_epoch;
    float best;
    enum reason reason;
    char message[1280]; /* has room for any metric's name */
};

/* Like Lightning, which compares float32 tensors: thresholds are rounded to float32. */
static bool better(const struct early_stopping *s, float a, float b)
{
    return s->max ? a > b : a < b;
}

static float less_min_delta(const struct early_stopping *s, float value)
{
    float delta = (float)s->o.min_delta;
    return s->max ? value - delta : value + delta;
}

static void stop(struct early_stopping *s, cove_trainer *trainer, enum reason reason)
{
    s->reason = reason;
    s->stopped_epoch = cove_trainer_current_epoch(trainer);
    cove__text_trim(s->message, sizeof s->message);
    cove__log(COVE_LOG_WARNING, "trainer", "%s", s->message);
    cove_trainer_stop(trainer, s->message);
}

static void judge(struct early_stopping *s, cove_trainer *trainer, float value)
{
    const char *than = s->max ? "above" : "below", *worse = s->max ? "below" : "above";
    float reach = (float)s->o.stopping_threshold, leave = (float)s->o.divergence_threshold;
    if (s->o.check_finite && !isfinite(value)) {
        snprintf(s->message, sizeof s->message, "EarlyStopping: %s is %f, not finite; the best before was %.3f",
                 s->monitor, cove__plain_nan((double)value), cove__plain_nan((double)s->best));
        stop(s, trainer, NON_FINITE_METRIC);
    } else if (better(s, value, reach)) {
        snprintf(s->message, sizeof s->message, "EarlyStopping: %s is %g, %s the stopping threshold %g", s->monitor,
                 cove__plain_nan((double)value), than, s->o.stopping_threshold);
        stop(s, trainer, STOPPING_THRESHOLD);
    } else if (better(s, -value, -leave)) {
        snprintf(s->message, sizeof s->message, "EarlyStopping: %s is %g, %s the divergence threshold %g", s->monitor,
                 cove__plain_nan((double)value), worse, s->o.divergence_threshold);
        stop(s, trainer, DIVERGENCE_THRESHOLD);
    } else if (better(s, less_min_delta(s, value), s->best)) {
        s->best = value;
        s->wait_count = 0;
    } else if (++s->wait_count >= s->o.patience) {
        snprintf(s->message, sizeof s->message,
                 "EarlyStopping: %s did not improve in the last %" PRId64 " checks; the best was %.3f", s->monitor,
                 s->wait_count, cove__plain_nan((double)s->best));
        stop(s, trainer, PATIENCE_EXHAUSTED);
    }
}

static int check(struct early_stopping *s, cove_trainer *trainer, struct cove_error *err)
{
    double current;
    int rc = cove_trainer_metric(trainer, s->monitor, &current, err);
    if (rc == COVE_ENOTFOUND && !s->o.strict)
        return 0;
    if (rc < 0)
        return cove__error_prefix(err, rc, "EarlyStopping");
    if (!s->checked)
        judge(s, trainer, (float)current);
    else if (s->reason != NOT_STOPPED)
        cove_trainer_stop(trainer, s->message); /* as the interrupted run decided */
    s->checked = true;
    return 0;
}

/* Where each epoch ends in one validation, the epoch's own metrics can be watched too: the check comes at its end. */
static bool at_epoch_end(const struct early_stopping *s, const cove_trainer *trainer)
{
    if (s->o.check_on_train_epoch_end >= 0)
        return s->o.check_on_train_epoch_end;
    return cove_trainer_validates_each_epoch(trainer) || cove_trainer_num_val_batches(trainer) == 0;
}

static int on_train_batch_start(void *self, cove_trainer *trainer, const struct cove_batch *batch,
                                struct cove_error *err)
{
    struct early_stopping *s = self;
    s->checked = false;
    return 0;
}

static int on_train_epoch_end(void *self, cove_trainer *trainer, struct cove_error *err)
{
    /* An epoch that max_steps ended may have no validation yet. */
    double unused;
    struct early_stopping *s = self;
    if (!at_epoch_end(s, trainer) ||
        (!cove_trainer_is_last_batch(trainer) && cove_trainer_metric(trainer, s->monitor, &unused, NULL) < 0))
        return 0;
    return check(s, trainer, err);
}

static int on_validation_end(void *self, cove_trainer *trainer, struct cove_error *err)
{
    if (cove_trainer_stage(trainer) == COVE_STAGE_SANITY_CHECK || !cove_trainer_is_fitting(trainer) ||
        at_epoch_end(self, trainer))
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
    /* Lightning does not save this key, and ignores it. */
    cove__tree_bool(&rc, dict, "checked", s->checked, err);
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
    int64_t reason = NOT_STOPPED;
    const char *message = NULL;
    float score = s->best;
    int rc = 0, checked = 0;
    cove__tree_get_int(&rc, state, "wait_count", &wait, err);
    cove__tree_get_int(&rc, state, "stopped_epoch", &stopped, err);
    cove__tree_get_int(&rc, state, "patience", &patience, err);
    cove__tree_get_int(&rc, state, "stopping_reason", &reason, err);
    cove__tree_get_string(&rc, state, "stopping_reason_message", &message, err);
    cove__tree_get_bool(&rc, state, "checked", &checked, err);
    if (rc == 0 && best)
        rc = cove__tree_read_scalar(best, &score, err);
    if (rc == 0 && (wait < 0 || wait > MOST_CHECKS || patience < 0))
        rc = cove__fail(err, COVE_EMISMATCH, "wait_count %" PRId64 " or patience %" PRId64 " is out of range", wait,
                        patience);
    if (rc < 0)
        return cove__error_prefix(err, rc, "EarlyStopping");
    s->wait_count = wait;
    s->stopped_epoch = stopped;
    s->o.patience = patience;
    s->best = score;
    s->reason = reason >= NOT_STOPPED && reason <= NON_FINITE_METRIC ? (enum reason)reason : NOT_STOPPED;
    snprintf(s->message, sizeof s->message, "%s", message ? message : "");
    cove__text_line(s->message, sizeof s->message); /* it comes from a checkpoint and is shown */
    s->checked = checked;
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
    struct cove__buf key = COVE__BUF_INIT(16384);
    struct early_stopping *s;
    int rc = COVE__COPY_OPTIONS(&o, options, "EarlyStopping: options", err);
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
    cove__buf_add_str(&key, "EarlyStopping{'monitor': ");
    cove__add_repr(&key, o.monitor);
    cove__buf_addf(&key, ", 'mode': '%s'}", o.mode);
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
    s->callback.after_module = 1;
    s->callback.hooks.on_train_batch_start = on_train_batch_start;
    s->callback.hooks.on_train_epoch_end = on_train_epoch_end;
    s->callback.hooks.on_validation_end = on_validation_end;
    *ret_callback = &s->callback;
    return 0;
}
