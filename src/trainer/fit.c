/*
 * cove_trainer_fit and cove_trainer_validate: prepares a run, has loop.c run it, and cleans up whatever happened, in
 * Lightning's order of hooks.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "trainer/names.h"
#include "base/copy_options.h"
#include "trainer/params.h"
#include "trainer/trainer_impl.h"

static int64_t limited(int64_t n, int64_t limit)
{
    return limit >= 0 && limit < n ? limit : n;
}

/* The arguments of a run, checked but not yet taken over. */
struct given {
    struct cove_module module;
    struct cove__loader train, val;
    int64_t n_train_batches, n_val_batches, val_check_batch;
};

static int read_val_interval(const cove_trainer *t, struct given *g, struct cove_error *err)
{
    int64_t n = g->n_train_batches;
    if (t->o.val_check_batches > 0) {
        if (g->n_val_batches > 0 && n > 0 && t->o.val_check_batches > n)
            return cove__fail(err, COVE_EINVAL,
                              "trainer: val_check_batches is %" PRId64 ", an epoch has %" PRId64 " training batches",
                              t->o.val_check_batches, n);
        g->val_check_batch = t->o.val_check_batches;
        return 0;
    }
    g->val_check_batch = (int64_t)((double)n * t->o.val_check_fraction);
    if (g->val_check_batch < 1)
        g->val_check_batch = 1;
    return 0;
}

static int read_data(const cove_trainer *t, bool fitting, const struct cove_data *data, struct given *g,
                     struct cove_error *err)
{
    struct cove_data copy = COVE_DATA_INIT;
    int rc = COVE__COPY_OPTIONS(&copy, data, "trainer: data", err);
    if (rc < 0)
        return rc;
    if (fitting && !copy.train)
        return cove__fail(err, COVE_EINVAL, "trainer: fit needs training data");
    if (!fitting && !copy.val)
        return cove__fail(err, COVE_EINVAL, "trainer: validate needs validation data");
    if (fitting) {
        if ((rc = cove__loader_init(&g->train, copy.train, "train", 0, err)) < 0)
            return rc;
        g->n_train_batches = limited(g->train.n_batches, t->o.limit_train_batches);
    }
    if (copy.val && g->module.validation_step) {
        if ((rc = cove__loader_init(&g->val, copy.val, "val", 1, err)) < 0)
            return rc;
        g->n_val_batches = limited(g->val.n_batches, t->o.limit_val_batches);
    }
    return fitting ? read_val_interval(t, g, err) : 0;
}

static int read_module(bool fitting, const struct cove_module *module, struct cove_module *ret, struct cove_error *err)
{
    int rc = COVE__COPY_OPTIONS(ret, module, "trainer: module", err);
    if (rc < 0 || (rc = cove__params_check(ret->parameters, ret->n_parameters, err)) < 0 ||
        (rc = cove__check_hparams(ret->hparams, ret->n_hparams, err)) < 0)
        return rc;
    if (fitting && (!ret->training_step || !ret->configure_optimizers))
        return cove__fail(err, COVE_EINVAL, "trainer: the module has no %s",
                          ret->training_step ? "configure_optimizers" : "training_step");
    if (!fitting && !ret->validation_step)
        return cove__fail(err, COVE_EINVAL, "trainer: the module has no validation_step");
    return 0;
}

static void forget_optimizer(cove_trainer *t)
{
    cove_lr_scheduler_free(t->scheduler);
    cove_optimizer_free(t->optimizer);
    t->scheduler = NULL;
    t->optimizer = NULL;
}

/* What earlier runs left. Their module may have been freed, so only the trainer's own memory is used. */
void cove__forget_run(cove_trainer *t)
{
    cove__loader_done(&t->train);
    cove__loader_done(&t->val);
    cove__metrics_done(&t->metrics);
    cove__undo_done(&t->undo);
    forget_optimizer(t);
    cove__free(t->ckpt_path);
    t->ckpt_path = NULL;
    t->module = (struct cove_module){ 0 };
}

/* A fit continues where this trainer's last one ended, with its counters and random state but a new optimizer, as in
 * Lightning. An epoch that a failure ended is repeated. */
static void begin_fit(cove_trainer *t, const struct given *g)
{
    cove__loader_done(&t->train);
    t->train = g->train;
    t->n_train_batches = g->n_train_batches;
    t->val_check_batch = g->val_check_batch;
    cove__metrics_done(&t->metrics);
    forget_optimizer(t);
    cove__progress_next_fit(&t->p);
    t->position = COVE__AT_EPOCH_START;
    cove__undo_close(t);
    t->weights_replaced = false;
    t->val_log_step = 0;
    t->should_stop = t->fit_failed = false;
    t->reason[0] = '\0';
}

static int begin_run(cove_trainer *t, bool fitting, const struct cove_module *module, const struct cove_data *data,
                     struct cove_error *err)
{
    struct given g = { 0 };
    int rc;
    if (t->is_running)
        return cove__fail(err, COVE_ESTATE, "trainer: a run is in progress: %s can't be called from one of its hooks",
                          fitting ? "fit" : "validate");
    rc = read_module(fitting, module, &g.module, err);
    if (rc < 0 || (rc = read_data(t, fitting, data, &g, err)) < 0) {
        /* Nothing has run and no hook was called: the trainer is unchanged. */
        cove__loader_done(&g.train);
        cove__loader_done(&g.val);
        return rc;
    }
    t->fitting = fitting;
    t->stage = COVE_STAGE_NONE;
    t->log_weight = 1;
    cove__error_clear(&t->log_error);
    cove__free(t->ckpt_path);
    t->ckpt_path = NULL;
    cove__loader_done(&t->val);
    t->val = g.val;
    t->n_val_batches = g.n_val_batches;
    t->module = g.module;
    if (fitting)
        begin_fit(t, &g);
    else
        cove__metrics_forget(&t->metrics, COVE__PHASE_VAL);
    return 0;
}

/* ---- what to resume from ---- */

static bool is_word(const char *s, const char *word)
{
    return strcmp(s, word) == 0;
}

static int ask_callback(cove_trainer *t, size_t i, const char *which, char **ret_url, struct cove_error *err)
{
    const cove_callback *c = &t->callbacks[i];
    const struct cove__owner owner = cove__callback_owner(t, i);
    struct cove__call call;
    int rc;
    cove__call_begin(t, &call, "find_checkpoint");
    rc = c->find_checkpoint(c->self, t, which, ret_url, &call.said);
    if (rc == 0 && !*ret_url)
        rc = cove__fail(&call.said, COVE_EINVAL, "returned no URL");
    return cove__call_end(t, &call, rc, &owner, err);
}

/* "last" and "best" are asked of the callbacks, in order. */
static int ask_callbacks(cove_trainer *t, const char *which, struct cove_error *err)
{
    char *url = NULL;
    int rc = COVE_ENOTFOUND;
    for (size_t i = 0; rc == COVE_ENOTFOUND && i < t->n_callbacks; i++) {
        if (t->callbacks[i].find_checkpoint)
            rc = ask_callback(t, i, which, &url, err);
    }
    if (rc == 0) {
        t->ckpt_path = url;
        return 0;
    }
    if (rc == COVE_ENOTFOUND && is_word(which, "last")) {
        cove__log(COVE_LOG_WARNING, "trainer",
                  "ckpt_path \"last\": no checkpoint below %s, the run starts from scratch", t->root);
        return 0;
    }
    if (rc == COVE_ENOTFOUND)
        return cove__fail(err, rc, "trainer: ckpt_path \"%s\": no ModelCheckpoint has one below %s", which, t->root);
    return rc;
}

static int find_checkpoint(cove_trainer *t, const char *ckpt_path, struct cove_error *err)
{
    if (!ckpt_path)
        return 0;
    if (is_word(ckpt_path, "last") || is_word(ckpt_path, "best"))
        return ask_callbacks(t, ckpt_path, err);
    t->ckpt_path = cove__strdup(ckpt_path);
    return t->ckpt_path ? 0 : cove__fail_nomem(err, "ckpt_path");
}

/* ---- the run ---- */

static int configure(cove_trainer *t, struct cove_error *err)
{
    struct cove__call call;
    int rc;
    cove__call_begin(t, &call, "configure_optimizers");
    rc = t->module.configure_optimizers(t->module.self, t, &t->optimizer, &t->scheduler, &call.said);
    if (rc == 0 && !t->optimizer)
        rc = cove__fail(&call.said, COVE_EINVAL, "returned no optimizer");
    return cove__call_end(t, &call, rc, NULL, err);
}

static int fit(cove_trainer *t, const char *ckpt_path, struct cove_error *err)
{
    int rc;
    if ((rc = COVE__HOOK(t, setup, err)) < 0 || (rc = find_checkpoint(t, ckpt_path, err)) < 0 ||
        (rc = configure(t, err)) < 0)
        return rc;
    if (t->ckpt_path && (rc = cove__restore(t, t->ckpt_path, err)) < 0)
        return rc;
    if ((rc = cove__log_hparams(t, err)) < 0 || (rc = COVE__HOOK(t, on_fit_start, err)) < 0)
        return rc;
    if (!t->ckpt_path && (rc = cove__run_sanity_check(t, err)) < 0)
        return rc;
    if ((rc = cove__run_fit(t, err)) < 0)
        return rc;
    return COVE__HOOK(t, on_fit_end, err);
}

/* The counters, optimizer and random state of an earlier fit are not changed, so a checkpoint that is saved afterwards
 * resumes where that fit ended. */
static int validate(cove_trainer *t, const char *ckpt_path, struct cove_error *err)
{
    int rc;
    if ((rc = COVE__HOOK(t, setup, err)) < 0 || (rc = find_checkpoint(t, ckpt_path, err)) < 0)
        return rc;
    if (t->ckpt_path && (rc = cove_module_load_weights(&t->module, t->ckpt_path, t->storage, err)) < 0)
        return rc;
    if (t->ckpt_path && t->optimizer)
        t->weights_replaced |= cove__optimizer_is_of(t->optimizer, t->module.parameters, t->module.n_parameters);
    return cove__run_validation(t, err);
}

/* Runs what is prepared; after a failure the hooks for it, and in any case teardown and the loggers' end. The first
 * error is the one that is returned, the others are logged. */
static int run(cove_trainer *t, const char *ckpt_path, struct cove_error *caller_err)
{
    struct cove_error err = COVE_ERROR_INIT, late = COVE_ERROR_INIT;
    int rc, rc_late;
    t->is_running = true;
    rc = cove__open_loggers(t, &err);
    if (rc == 0)
        rc = t->fitting ? fit(t, ckpt_path, &err) : validate(t, ckpt_path, &err);
    t->fit_failed |= t->fitting && rc < 0;
    if (rc < 0)
        cove__exception_hook(t, &err);
    t->stage = COVE_STAGE_NONE;
    for (int i = 0; i < 2; i++) {
        rc_late = i == 0 ? cove__teardown_hook(t, &late) : cove__close_loggers(t, &late);
        if (rc_late < 0 && rc < 0)
            cove__log(COVE_LOG_ERROR, "trainer", "%s", late.message);
        if (rc_late < 0 && rc == 0) {
            rc = rc_late;
            cove__error_copy(&err, &late);
        }
    }
    if (rc < 0) {
        snprintf(t->reason, sizeof t->reason, "%.*s", (int)sizeof t->reason - 1, err.message);
        cove__text_trim(t->reason, sizeof t->reason);
        cove__error_copy(caller_err, &err);
    }
    t->is_running = false;
    return rc;
}

int cove_trainer_fit(cove_trainer *trainer, const struct cove_module *module, const struct cove_data *data,
                     const char *ckpt_path, struct cove_error *err)
{
    int rc = begin_run(trainer, true, module, data, err);
    if (rc < 0)
        return rc;
    return run(trainer, ckpt_path, err);
}

int cove_trainer_validate(cove_trainer *trainer, const struct cove_module *module, const struct cove_data *data,
                          const char *ckpt_path, struct cove_error *err)
{
    int rc = begin_run(trainer, false, module, data, err);
    if (rc < 0 || (rc = cove__undo_mark(trainer, 0, err)) < 0)
        return rc;
    trainer->val_log_step = 0;
    rc = run(trainer, ckpt_path, err);
    cove__undo(trainer);
    return rc;
}
