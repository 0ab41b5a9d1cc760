/* The trainer as an object: its options, its callbacks and loggers. The run is in fit.c; what hooks may ask is in
 * questions.c. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "fs/options.h"
#include "trainer/names.h"
#include "base/copy_options.h"
#include "trainer/trainer_impl.h"
#include "wire/number.h"

#define MAX_PARTS      ((size_t)1024) /* callbacks, and loggers */
#define DEFAULT_EPOCHS 1000

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
    if ((rc = COVE__COPY_OPTIONS(&t->loggers[t->n_loggers], logger, "logger", err)) == 0)
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
            if ((rc = COVE__COPY_OPTIONS(&copy, t->o.callbacks[i], "callback", err)) < 0)
                return cove__error_prefix(err, rc, "trainer: callbacks[%zu]", i);
            has_checkpoint = has_checkpoint || copy.find_checkpoint;
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
    int rc = COVE__COPY_OPTIONS(&o, options, "trainer: options", err);
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
