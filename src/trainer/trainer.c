/*
 * The trainer as an object: its options, its callbacks and loggers, and the questions that hooks may ask it. The run is
 * in fit.c.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "fs/options.h"
#include "trainer/names.h"
#include "trainer/options.h"
#include "trainer/trainer_impl.h"
#include "wire/number.h"

#define MAX_PARTS        ((size_t)1024) /* callbacks, and loggers */
#define DEFAULT_EPOCHS   1000
#define NAMES_IN_MESSAGE ((size_t)512)

/* ---- making ---- */

static int check_options(const struct cove_trainer_options *o, struct cove_error *err)
{
    const char *algorithm = o->gradient_clip_algorithm ? o->gradient_clip_algorithm : "";
    const struct {
        const char *name;
        int64_t value, min;
    } numbers[] = {
        { "max_epochs", o->max_epochs, -1 },
        { "max_steps", o->max_steps, -1 },
        { "val_check_batches", o->val_check_batches, 0 },
        { "check_val_every_n_epoch", o->check_val_every_n_epoch, 1 },
        { "limit_train_batches", o->limit_train_batches, -1 },
        { "limit_val_batches", o->limit_val_batches, -1 },
        { "num_sanity_val_steps", o->num_sanity_val_steps, -1 },
        { "accumulate_grad_batches", o->accumulate_grad_batches, 1 },
        { "log_every_n_steps", o->log_every_n_steps, 0 },
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (numbers[i].value < numbers[i].min)
            return cove__fail(err, COVE_EINVAL, "trainer: %s is %" PRId64 ", must be %" PRId64 " or more",
                              numbers[i].name, numbers[i].value, numbers[i].min);
    }
    if (!(o->val_check_fraction > 0 && o->val_check_fraction <= 1))
        return cove__fail(err, COVE_EINVAL, "trainer: val_check_fraction is %g, must be above 0 and at most 1",
                          cove__plain_nan(o->val_check_fraction));
    if (!(o->gradient_clip_val >= 0))
        return cove__fail(err, COVE_EINVAL, "trainer: gradient_clip_val is %g, must be 0 or more",
                          cove__plain_nan(o->gradient_clip_val));
    if (strcmp(algorithm, "norm") != 0 && strcmp(algorithm, "value") != 0)
        return cove__fail(err, COVE_EINVAL, "trainer: gradient_clip_algorithm is \"%s\", must be \"norm\" or \"value\"",
                          algorithm);
    for (size_t i = 0; i < o->n_loggers && i < MAX_PARTS; i++) {
        if (!o->loggers || !o->loggers[i])
            return cove__fail(err, COVE_EINVAL, "trainer: loggers[%zu] is NULL", i);
    }
    for (size_t i = 0; i < o->n_callbacks && i < MAX_PARTS; i++) {
        if (!o->callbacks || !o->callbacks[i])
            return cove__fail(err, COVE_EINVAL, "trainer: callbacks[%zu] is NULL", i);
    }
    if (o->n_loggers > MAX_PARTS || o->n_callbacks > MAX_PARTS)
        return cove__fail(err, COVE_EINVAL, "trainer: at most %zu loggers and %zu callbacks", MAX_PARTS, MAX_PARTS);
    return 0;
}

static int add_logger(cove_trainer *t, const cove_logger *logger, struct cove_error *err)
{
    int rc;
    t->loggers[t->n_loggers] = (cove_logger)COVE_LOGGER_INIT;
    if ((rc = COVE__COPY_OPTIONS(&t->loggers[t->n_loggers], logger, err)) == 0)
        t->n_loggers++;
    return rc;
}

static int take_loggers(cove_trainer *t, struct cove_error *err)
{
    struct cove_logger_options options = COVE_LOGGER_OPTIONS_INIT;
    int rc;
    t->loggers = cove__calloc(t->o.n_loggers + 1, sizeof *t->loggers);
    if (!t->loggers)
        return cove__fail_nomem(err, "trainer");
    for (size_t i = 0; t->o.enable_logging && i < t->o.n_loggers; i++) {
        if ((rc = add_logger(t, t->o.loggers[i], err)) < 0)
            return cove__error_prefix(err, rc, "trainer: loggers[%zu]", i);
    }
    if (!t->o.enable_logging || t->n_loggers > 0)
        return 0;
    rc = cove_tensorboard_logger_new(&options, &t->own_logger, err);
    return rc < 0 ? rc : add_logger(t, t->own_logger, err);
}

static int check_callbacks(const cove_trainer *t, struct cove_error *err)
{
    for (size_t i = 0; i < t->n_callbacks; i++) {
        char what[64];
        snprintf(what, sizeof what, "trainer: callbacks[%zu]: state_key", t->callback_numbers[i]);
        int rc = t->callbacks[i].state_key ? cove__check_name(what, t->callbacks[i].state_key, err) : 0;
        if (rc < 0)
            return rc;
        for (size_t j = 0; t->callbacks[i].state_key && j < i; j++) {
            if (t->callbacks[j].state_key && strcmp(t->callbacks[i].state_key, t->callbacks[j].state_key) == 0)
                return cove__fail(err, COVE_EINVAL, "trainer: two callbacks have the state key %s",
                                  t->callbacks[i].state_key);
        }
    }
    return 0;
}

static void add_callback(cove_trainer *t, const cove_callback *callback, size_t number)
{
    t->callback_numbers[t->n_callbacks] = number;
    t->callbacks[t->n_callbacks++] = *callback;
}

static int take_callbacks(cove_trainer *t, struct cove_error *err)
{
    struct cove_model_checkpoint_options options = COVE_MODEL_CHECKPOINT_OPTIONS_INIT;
    bool has_checkpoint = false;
    int rc = 0;
    t->callbacks = cove__calloc(t->o.n_callbacks + 2, sizeof *t->callbacks);
    t->callback_numbers = cove__calloc(t->o.n_callbacks + 2, sizeof *t->callback_numbers);
    if (!t->callbacks || !t->callback_numbers)
        return cove__fail_nomem(err, "trainer");
    for (int last = 0; last < 2; last++) {
        for (size_t i = 0; i < t->o.n_callbacks; i++) {
            cove_callback copy = COVE_CALLBACK_INIT;
            if ((rc = COVE__COPY_OPTIONS(&copy, t->o.callbacks[i], err)) < 0)
                return cove__error_prefix(err, rc, "trainer: callbacks[%zu]", i);
            has_checkpoint |= copy.find_checkpoint != NULL;
            if (!copy.after_callbacks == !last)
                add_callback(t, &copy, i);
        }
        if (!last && t->o.enable_progress_bar) {
            if ((rc = cove_progress_bar_new(&t->own_bar, err)) < 0)
                return rc;
            add_callback(t, t->own_bar, COVE__NO_INDEX);
        }
    }
    if (t->o.enable_checkpointing && !has_checkpoint) {
        if ((rc = cove_model_checkpoint_new(&options, &t->own_checkpoint, err)) < 0)
            return rc;
        add_callback(t, t->own_checkpoint, COVE__NO_INDEX);
    }
    return check_callbacks(t, err);
}

int cove_trainer_new(const struct cove_trainer_options *options, cove_trainer **ret_trainer, struct cove_error *err)
{
    struct cove_trainer_options o = COVE_TRAINER_OPTIONS_INIT;
    const char *root;
    cove_trainer *t;
    int rc = COVE__COPY_OPTIONS(&o, options, err);
    if (rc < 0 || (rc = check_options(&o, err)) < 0 ||
        (rc = cove__check_text("trainer: default_root_dir", o.default_root_dir, err)) < 0)
        return rc;
    if (o.max_epochs < 0 && o.max_steps < 0)
        o.max_epochs = DEFAULT_EPOCHS;
    t = cove__calloc(1, sizeof *t);
    if (!t)
        return cove__fail_nomem(err, "trainer");
    root = o.default_root_dir ? o.default_root_dir : ".";
    t->o = o;
    t->o.gradient_clip_algorithm = strcmp(o.gradient_clip_algorithm, "norm") == 0 ? "norm" : "value";
    t->strategy = &cove__single_device;
    t->log_error.size = sizeof t->log_error;
    t->seed = o.seed;
    cove__rng_seed(&t->rng, t->seed, UINT64_MAX);
    atomic_init(&t->interrupted, 0);
    t->root = cove__strdup(root);
    rc = t->root ? 0 : cove__fail_nomem(err, "trainer");
    if (rc == 0 && o.storage && !(t->storage = cove__options_copy(o.storage)))
        rc = cove__fail_nomem(err, "trainer");
    if (rc == 0)
        rc = take_loggers(t, err);
    if (rc == 0)
        rc = take_callbacks(t, err);
    if (rc < 0) {
        cove_trainer_free(t);
        return rc;
    }
    *ret_trainer = t;
    return 0;
}

void cove_trainer_free(cove_trainer *t)
{
    if (!t)
        return;
    cove__forget_run(t);
    cove_callback_free(t->own_checkpoint);
    cove_callback_free(t->own_bar);
    cove_logger_free(t->own_logger);
    cove__free(t->callbacks);
    cove__free(t->callback_numbers);
    cove__free(t->loggers);
    cove_options_free(t->storage);
    cove__free(t->root);
    cove__free(t);
}

void cove_callback_free(cove_callback *callback)
{
    if (callback && callback->free)
        callback->free(callback->self);
}

void cove_logger_free(cove_logger *logger)
{
    if (logger && logger->free)
        logger->free(logger->self);
}

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
