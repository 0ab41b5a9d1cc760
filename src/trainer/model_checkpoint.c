/*
 * ModelCheckpoint, which uses only the public hooks: decides when a checkpoint is due, as Lightning does.
 * model_checkpoint_save.c saves it.
 */
#include "trainer/model_checkpoint.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "trainer/filename.h"
#include "trainer/folder.h"
#include "trainer/names.h"
#include "base/copy_options.h"
#include "trainer/repr.h"

/* ---- when ---- */

static bool is_saved(const struct cove__model_checkpoint *mc, const cove_trainer *trainer)
{
    return mc->kept.last_saved_step == cove_trainer_global_step(trainer);
}

static bool skip(const struct cove__model_checkpoint *mc, const cove_trainer *trainer)
{
    return !cove_trainer_is_fitting(trainer) || cove_trainer_stage(trainer) == COVE_STAGE_SANITY_CHECK ||
           cove_trainer_global_step(trainer) == 0 || is_saved(mc, trainer);
}

/* If each epoch ends in one validation or has none, the save comes at the end of the epoch; else after each validation.
 */
static bool at_epoch_end(const struct cove__model_checkpoint *mc, const cove_trainer *trainer)
{
    if (mc->o.save_on_train_epoch_end >= 0)
        return mc->o.save_on_train_epoch_end;
    return cove_trainer_num_val_batches(trainer) == 0 || cove_trainer_validates_each_epoch(trainer);
}

static int save_by_steps(struct cove__model_checkpoint *mc, cove_trainer *trainer, struct cove_error *err)
{
    int64_t step = cove_trainer_global_step(trainer);
    double unused;
    if (mc->o.every_n_train_steps < 1 || step % mc->o.every_n_train_steps != 0 || skip(mc, trainer))
        return 0;
    /* Waits for a metric that was not logged yet, or that the validation after this batch will replace. */
    if (mc->monitor && (cove_trainer_metric(trainer, mc->monitor, &unused, NULL) < 0 ||
                        (!at_epoch_end(mc, trainer) && cove_trainer_validation_is_due(trainer)))) {
        mc->kept.deferred = true;
        return 0;
    }
    return cove__model_checkpoint_save(mc, trainer, err);
}

static int save_by_epochs(struct cove__model_checkpoint *mc, cove_trainer *trainer, struct cove_error *err)
{
    int64_t epoch = cove_trainer_current_epoch(trainer) + 1;
    if (skip(mc, trainer) || (!mc->kept.deferred && (mc->o.every_n_epochs < 1 || epoch % mc->o.every_n_epochs != 0)))
        return 0;
    return cove__model_checkpoint_save(mc, trainer, err);
}

/* ---- hooks ---- */

static int resolve_dirpath(struct cove__model_checkpoint *mc, cove_trainer *trainer, struct cove_error *err)
{
    const char *base = cove_trainer_log_dir(trainer);
    char *joined = NULL, *resolved = NULL;
    int rc;
    if (mc->given_dirpath && mc->dirpath)
        return 0; /* only once: a program may change its working directory between two runs */
    if (!mc->given_dirpath &&
        !(joined = cove__path_join(base ? base : cove_trainer_default_root_dir(trainer), "checkpoints")))
        return cove__fail_nomem(err, "ModelCheckpoint");
    rc = cove__folder_resolve(trainer, joined ? joined : mc->given_dirpath, &resolved, err);
    cove__free(joined);
    if (rc < 0)
        return cove__error_prefix(err, rc, "ModelCheckpoint: dirpath");
    cove__free(mc->dirpath);
    mc->dirpath = resolved;
    return 0;
}

/* A dirpath that no save could use is found before the training, not after its first epoch. */
static int check_dirpath(const struct cove__model_checkpoint *mc, const cove_trainer *trainer, struct cove_error *err)
{
    bool empty;
    int rc = cove__folder_look(trainer, mc->dirpath, &empty, err);
    if (rc < 0)
        return cove__error_prefix(err, rc, "ModelCheckpoint: dirpath %s", mc->dirpath);
    if (!empty)
        cove__log(COVE_LOG_INFO, "trainer", "ModelCheckpoint: dirpath %s is not empty", mc->dirpath);
    return 0;
}

static int setup(void *self, cove_trainer *trainer, struct cove_error *err)
{
    struct cove__model_checkpoint *mc = self;
    int rc;
    /* A run from the start; a second fit keeps the state of the first. */
    if (cove_trainer_is_fitting(trainer) && cove_trainer_global_step(trainer) == 0) {
        mc->kept.last_saved_step = -1;
        mc->kept.deferred = mc->saved_any = false;
    }
    mc->has_progressed = false;
    mc->trainer = trainer;
    rc = resolve_dirpath(mc, trainer, err);
    return rc < 0 || !cove_trainer_is_fitting(trainer) ? rc : check_dirpath(mc, trainer, err);
}

static int on_fit_start(void *self, cove_trainer *trainer, struct cove_error *err)
{
    return cove__model_checkpoint_note_resumed(self, trainer, err);
}

static int teardown(void *self, cove_trainer *trainer, struct cove_error *err)
{
    struct cove__model_checkpoint *mc = self;
    mc->trainer = NULL;
    return 0;
}

static int on_train_batch_end(void *self, cove_trainer *trainer, const struct cove_batch *batch, struct cove_error *err)
{
    struct cove__model_checkpoint *mc = self;
    mc->has_progressed = true;
    return save_by_steps(mc, trainer, err);
}

static int on_train_epoch_end(void *self, cove_trainer *trainer, struct cove_error *err)
{
    struct cove__model_checkpoint *mc = self;
    mc->has_progressed = true;
    return at_epoch_end(mc, trainer) ? save_by_epochs(mc, trainer, err) : 0;
}

static int on_validation_end(void *self, cove_trainer *trainer, struct cove_error *err)
{
    struct cove__model_checkpoint *mc = self;
    mc->has_progressed |= cove_trainer_stage(trainer) != COVE_STAGE_SANITY_CHECK;
    return at_epoch_end(mc, trainer) ? 0 : save_by_epochs(mc, trainer, err);
}

static int on_train_end(void *self, cove_trainer *trainer, struct cove_error *err)
{
    struct cove__model_checkpoint *mc = self;
    return mc->o.save_last && !mc->saved_any ? cove__model_checkpoint_save_last(mc, trainer, err) : 0;
}

/* An interrupted run is saved where it stopped. A save that was due at the same step does not hold what followed it (a
 * validation, accumulated batches, a decision to stop); only a run that resumed from it and has finished nothing yet
 * has the same state. */
static int on_exception(void *self, cove_trainer *trainer, const struct cove_error *cause, struct cove_error *err)
{
    struct cove__model_checkpoint *mc = self;
    enum cove_stage stage = cove_trainer_stage(trainer);
    if (!cove_trainer_is_fitting(trainer) || (cause->code != COVE_ECANCELED && !mc->o.save_on_exception) ||
        (is_saved(mc, trainer) && !mc->has_progressed) || (stage != COVE_STAGE_TRAIN && stage != COVE_STAGE_VALIDATE))
        return 0;
    return cove__model_checkpoint_save_cut(mc, trainer, err);
}

/* ---- making ---- */

static void free_self(void *self)
{
    struct cove__model_checkpoint *mc = self;
    char *strings[] = {
        mc->given_dirpath, mc->filename, mc->monitor, mc->mode, mc->key, mc->dirpath, mc->resumed_file
    };
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
        cove__free(strings[i]);
    cove__kept_done(&mc->kept);
    cove__free(mc);
}

static bool no_field(void *user, const char *name, struct cove__field *ret)
{
    return false;
}

static int check_options(struct cove_model_checkpoint_options *o, struct cove_error *err)
{
    struct cove__buf name = COVE__BUF_INIT(COVE__MAX_FILENAME);
    int rc;
    if (!o->mode || (strcmp(o->mode, "min") != 0 && strcmp(o->mode, "max") != 0))
        return cove__fail(err, COVE_EINVAL, "ModelCheckpoint: mode is \"%s\", must be \"min\" or \"max\"",
                          o->mode ? o->mode : "");
    if ((o->monitor && (rc = cove__check_name("ModelCheckpoint: monitor", o->monitor, err)) < 0) ||
        (o->filename && (rc = cove__check_name("ModelCheckpoint: filename", o->filename, err)) < 0) ||
        (rc = cove__check_text("ModelCheckpoint: dirpath", o->dirpath, err)) < 0)
        return rc;
    if (o->save_top_k < -1)
        return cove__fail(err, COVE_EINVAL, "ModelCheckpoint: save_top_k is %" PRId64 ", must be -1 or more",
                          o->save_top_k);
    if (!o->monitor && o->save_top_k > 1)
        return cove__fail(err, COVE_EINVAL, "ModelCheckpoint: save_top_k is %" PRId64 ", but no monitor is given",
                          o->save_top_k);
    if (o->every_n_train_steps < 0)
        return cove__fail(err, COVE_EINVAL, "ModelCheckpoint: every_n_train_steps is %" PRId64 ", must be 0 or more",
                          o->every_n_train_steps);
    if (o->every_n_epochs < -1)
        return cove__fail(err, COVE_EINVAL,
                          "ModelCheckpoint: every_n_epochs is %" PRId64 ", must be 0 or more, or -1 for the default",
                          o->every_n_epochs);
    if (o->every_n_epochs == -1)
        o->every_n_epochs = o->every_n_train_steps == 0;
    if (o->every_n_train_steps > 0 && o->every_n_epochs > 0)
        return cove__fail(err, COVE_EINVAL,
                          "ModelCheckpoint: every_n_train_steps is %" PRId64 " and every_n_epochs %" PRId64
                          ": one of them must be 0",
                          o->every_n_train_steps, o->every_n_epochs);
    if (o->save_on_train_epoch_end < -1 || o->save_on_train_epoch_end > 1)
        return cove__fail(err, COVE_EINVAL, "ModelCheckpoint: save_on_train_epoch_end is %d, must be 0, 1 or -1",
                          o->save_on_train_epoch_end);
    rc = cove__format_filename(o->filename ? o->filename : COVE__DEFAULT_FILENAME, o->auto_insert_metric_name, no_field,
                               NULL, &name, err);
    cove__buf_done(&name);
    return rc < 0 ? cove__error_prefix(err, rc, "ModelCheckpoint") : 0;
}

/* Lightning's state_key, to the byte: a Python dict's repr. */
static char *make_key(const struct cove_model_checkpoint_options *o)
{
    struct cove__buf key = COVE__BUF_INIT(COVE__MAX_FILENAME);
    char *taken;
    cove__buf_add_str(&key, "ModelCheckpoint{'monitor': ");
    if (o->monitor)
        cove__add_repr(&key, o->monitor);
    else
        cove__buf_add_str(&key, "None");
    cove__buf_addf(&key,
                   ", 'mode': '%s', 'every_n_train_steps': %" PRId64 ", 'every_n_epochs': %" PRId64
                   ", 'train_time_interval': None}",
                   o->mode, o->every_n_train_steps, o->every_n_epochs);
    taken = cove__buf_take(&key);
    cove__buf_done(&key);
    return taken;
}

static void set_hooks(struct cove__model_checkpoint *mc)
{
    mc->callback = (cove_callback)COVE_CALLBACK_INIT;
    mc->callback.self = mc;
    mc->callback.state_key = mc->key;
    mc->callback.state_dict = cove__model_checkpoint_state_dict;
    mc->callback.load_state_dict = cove__model_checkpoint_load;
    mc->callback.find_checkpoint = cove__model_checkpoint_find;
    mc->callback.free = free_self;
    mc->callback.after_callbacks = mc->callback.after_module = 1;
    mc->callback.hooks.setup = setup;
    mc->callback.hooks.on_fit_start = on_fit_start;
    mc->callback.hooks.teardown = teardown;
    mc->callback.hooks.on_train_batch_end = on_train_batch_end;
    mc->callback.hooks.on_train_epoch_end = on_train_epoch_end;
    mc->callback.hooks.on_validation_end = on_validation_end;
    mc->callback.hooks.on_train_end = on_train_end;
    mc->callback.hooks.on_exception = on_exception;
}

int cove_model_checkpoint_new(const struct cove_model_checkpoint_options *options, cove_callback **ret_callback,
                              struct cove_error *err)
{
    struct cove_model_checkpoint_options o = COVE_MODEL_CHECKPOINT_OPTIONS_INIT;
    struct cove__model_checkpoint *mc;
    int rc = COVE__COPY_OPTIONS(&o, options, "ModelCheckpoint: options", err);
    if (rc < 0 || (rc = check_options(&o, err)) < 0)
        return rc;
    mc = cove__calloc(1, sizeof *mc);
    if (!mc)
        return cove__fail_nomem(err, "ModelCheckpoint");
    mc->o = o;
    mc->kept.top = (struct cove__top_k){ .max = strcmp(o.mode, "max") == 0, .k = o.save_top_k };
    mc->kept.last_saved_step = -1;
    mc->kept.kth_value = mc->kept.top.max ? -INFINITY : INFINITY;
    if (cove__set_string(&mc->given_dirpath, o.dirpath) < 0 || cove__set_string(&mc->filename, o.filename) < 0 ||
        cove__set_string(&mc->monitor, o.monitor) < 0 || cove__set_string(&mc->mode, o.mode) < 0 ||
        !(mc->key = make_key(&o)))
        rc = cove__fail_nomem(err, "ModelCheckpoint");
    if (rc < 0) {
        free_self(mc);
        return rc;
    }
    set_hooks(mc);
    *ret_callback = &mc->callback;
    return 0;
}

const char *cove_model_checkpoint_best_path(const cove_callback *callback)
{
    const struct cove__model_checkpoint *mc = callback->self;
    return mc->kept.best_path ? mc->kept.best_path : "";
}

const char *cove_model_checkpoint_last_path(const cove_callback *callback)
{
    const struct cove__model_checkpoint *mc = callback->self;
    return mc->kept.last_path ? mc->kept.last_path : "";
}

double cove_model_checkpoint_best_score(const cove_callback *callback)
{
    const struct cove__model_checkpoint *mc = callback->self;
    return mc->kept.has_best_score ? (double)mc->kept.best_score : NAN;
}
