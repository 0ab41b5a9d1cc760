/*
 * ModelCheckpoint, written against the public hooks: decides when a checkpoint is due, names it, has the trainer save
 * it, and removes the ones that are no longer among the best. Its decisions are Lightning's; top_k.c makes those about
 * scores, filename.c the names.
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
#include "trainer/names.h"
#include "trainer/options.h"

#define DEFAULT_NAME "{epoch}-{step}"
#define MAX_NAME     ((size_t)4096)
#define MAX_VERSIONS 100000

/* ---- names ---- */

static bool field_of(void *user, const char *name, struct cove__field *ret)
{
    const cove_trainer *trainer = user;
    double value;
    if (strcmp(name, "epoch") == 0)
        *ret = (struct cove__field){ .is_int = true, .i = cove_trainer_current_epoch(trainer) };
    else if (strcmp(name, "step") == 0)
        *ret = (struct cove__field){ .is_int = true, .i = cove_trainer_global_step(trainer) };
    else if (cove_trainer_metric(trainer, name, &value, NULL) == 0)
        *ret = (struct cove__field){ .d = value };
    else
        return false;
    return true;
}

static int exists(cove_trainer *trainer, const char *url, struct cove_error *err)
{
    cove_fs *fs = NULL;
    char *path = NULL;
    int rc = cove_trainer_open_fs(trainer, url, &fs, &path, err);
    if (rc == 0)
        rc = cove_fs_exists(fs, path, NULL, err);
    cove_free(path);
    cove_fs_unref(fs);
    return rc;
}

static bool same(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

/* The URL for template `text`, with -v1, -v2 … where a file of that name is there already; `may_replace` (NULL: none)
 * may be one. */
static int make_path(struct cove__model_checkpoint *mc, cove_trainer *trainer, const char *text,
                     const char *may_replace, char **ret_path, struct cove_error *err)
{
    struct cove__buf name = COVE__BUF_INIT(MAX_NAME), versioned = COVE__BUF_INIT(MAX_NAME + 32);
    char *path = NULL;
    int rc = cove__format_filename(text, mc->o.auto_insert_metric_name, field_of, trainer, &name, err);
    for (int version = 0; rc == 0; version++) {
        cove__buf_reset(&versioned);
        cove__buf_add_str(&versioned, cove__buf_str(&name));
        if (version > 0)
            cove__buf_addf(&versioned, "-v%d", version);
        cove__buf_add_str(&versioned, ".ckpt");
        cove__free(path);
        path = cove__buf_rc(&versioned) == 0 ? cove__path_join(mc->dirpath, cove__buf_str(&versioned)) : NULL;
        if (!path) {
            rc = cove__fail_nomem(err, "ModelCheckpoint");
            break;
        }
        if (!mc->o.enable_version_counter || same(path, may_replace) || (rc = exists(trainer, path, err)) == 0)
            break;
        if (rc > 0)
            rc = version < MAX_VERSIONS ? 0 : cove__fail(err, COVE_ELIMIT, "%s: %d files of this name", path, version);
    }
    cove__buf_done(&name);
    cove__buf_done(&versioned);
    if (rc == 0)
        *ret_path = path;
    else
        cove__free(path);
    return rc;
}

static int resolve_dirpath(struct cove__model_checkpoint *mc, cove_trainer *trainer, struct cove_error *err)
{
    const char *base = cove_trainer_log_dir(trainer);
    cove__free(mc->dirpath);
    if (mc->given_dirpath)
        mc->dirpath = cove__strdup(mc->given_dirpath);
    else
        mc->dirpath = cove__path_join(base ? base : cove_trainer_default_root_dir(trainer), "checkpoints");
    return mc->dirpath ? 0 : cove__fail_nomem(err, "ModelCheckpoint");
}

/* ---- saving and removing ---- */

/* Whether two URLs are one object. What can't be parsed is taken for the same: then nothing is removed. */
static bool same_object(cove_trainer *trainer, const char *a, const char *b)
{
    cove_fs *fs_a = NULL, *fs_b = NULL;
    char *path_a = NULL, *path_b = NULL;
    bool result = cove_trainer_open_fs(trainer, a, &fs_a, &path_a, NULL) < 0 ||
                  cove_trainer_open_fs(trainer, b, &fs_b, &path_b, NULL) < 0 || (fs_a == fs_b && same(path_a, path_b));
    cove_free(path_a);
    cove_free(path_b);
    cove_fs_unref(fs_a);
    cove_fs_unref(fs_b);
    return result;
}

/* Removes a checkpoint of this directory that is not needed any more; never the one that the run was resumed from, nor
 * one that `keep` names. A failure costs room, not data: it is logged. */
static void prune(struct cove__model_checkpoint *mc, cove_trainer *trainer, const char *url, const char *keep)
{
    struct cove_error err = COVE_ERROR_INIT;
    const char *resumed = cove_trainer_ckpt_path(trainer);
    size_t n = strlen(mc->dirpath);
    cove_fs *fs = NULL;
    char *path = NULL;
    int rc;
    if (same(url, keep) || strncmp(url, mc->dirpath, n) != 0 || (n > 0 && mc->dirpath[n - 1] != '/' && url[n] != '/') ||
        (resumed && same_object(trainer, url, resumed)))
        return;
    rc = cove_trainer_open_fs(trainer, url, &fs, &path, &err);
    if (rc == 0)
        rc = cove_fs_remove_files(fs, (const char *const[]){ path }, 1, NULL, &err);
    if (rc < 0)
        cove__log(COVE_LOG_WARNING, "trainer", "ModelCheckpoint: %s", err.message);
    cove_free(path);
    cove_fs_unref(fs);
}

/* The same bytes under a second name: on the server where it can, by a second save where not. */
static int duplicate(struct cove__model_checkpoint *mc, cove_trainer *trainer, const char *from, const char *to,
                     struct cove_error *err)
{
    cove_fs *fs = NULL;
    char *path_from = NULL, *path_to = NULL;
    int rc = cove_trainer_open_fs(trainer, from, &fs, &path_from, err);
    cove_fs_unref(fs);
    fs = NULL;
    if (rc == 0)
        rc = cove_trainer_open_fs(trainer, to, &fs, &path_to, err);
    if (rc == 0)
        rc = cove_fs_copy(fs, path_from, path_to, NULL, err);
    if (rc == COVE_ENOTSUP)
        rc = cove_trainer_save_checkpoint(trainer, to, mc->o.save_weights_only, err);
    cove_free(path_from);
    cove_free(path_to);
    cove_fs_unref(fs);
    return rc;
}

/*
 * Saves at `path` (NULL: not) and, with save_last, at last.ckpt. All of the state is set before, as it is part of what
 * is saved; so both are the same bytes. Takes `path` over on success and failure.
 */
static int save(struct cove__model_checkpoint *mc, cove_trainer *trainer, char *path, struct cove_error *err)
{
    char *last = NULL, *old_last = NULL;
    int rc = 0;
    if (mc->o.save_last && (rc = make_path(mc, trainer, "last", mc->last_path, &last, err)) < 0)
        goto out;
    if (!path && !last)
        goto out;
    if (last) {
        old_last = mc->last_path;
        mc->last_path = last;
    }
    mc->last_saved_step = cove_trainer_global_step(trainer);
    rc = cove_trainer_save_checkpoint(trainer, path ? path : last, mc->o.save_weights_only, err);
    if (rc == 0 && path && last)
        rc = duplicate(mc, trainer, path, last, err);
    if (rc == 0) {
        mc->saved_any = true;
        if (old_last)
            prune(mc, trainer, old_last, last);
    } else {
        mc->last_saved_step = -1;
    }
out:
    cove__free(old_last);
    cove__free(path);
    return rc;
}

static int set_string(char **field, const char *s, struct cove_error *err)
{
    char *copy = s ? cove__strdup(s) : NULL;
    if (s && !copy)
        return cove__fail_nomem(err, "ModelCheckpoint");
    cove__free(*field);
    *field = copy;
    return 0;
}

/* Without a monitor: the newest is the best, and with save_top_k 1 the one before goes. */
static int save_newest(struct cove__model_checkpoint *mc, cove_trainer *trainer, struct cove_error *err)
{
    char *path = NULL, *previous = mc->best_path;
    int rc = make_path(mc, trainer, mc->filename ? mc->filename : DEFAULT_NAME, previous, &path, err);
    if (rc < 0)
        return rc;
    mc->best_path = cove__strdup(path);
    if (!mc->best_path) {
        mc->best_path = previous;
        cove__free(path);
        return cove__fail_nomem(err, "ModelCheckpoint");
    }
    rc = save(mc, trainer, path, err);
    if (rc == 0 && previous && mc->o.save_top_k == 1)
        prune(mc, trainer, previous, mc->best_path);
    cove__free(previous);
    return rc;
}

/* With a monitor: among the k best, in place of the worst of them. */
static int save_scored(struct cove__model_checkpoint *mc, cove_trainer *trainer, float score, struct cove_error *err)
{
    const struct cove__scored *out = cove__top_k_evicts(&mc->top), *best, *worst;
    char *path = NULL, *evicted = NULL;
    int rc = set_string(&evicted, out ? out->path : NULL, err);
    if (rc < 0 || (rc = make_path(mc, trainer, mc->filename ? mc->filename : DEFAULT_NAME, evicted, &path, err)) < 0)
        goto out;
    if (cove__top_k_add(&mc->top, path, score) < 0) {
        rc = cove__fail_nomem(err, "ModelCheckpoint");
        goto out;
    }
    best = cove__top_k_best(&mc->top);
    worst = cove__top_k_worst(&mc->top);
    if ((rc = set_string(&mc->best_path, best->path, err)) < 0 ||
        (rc = set_string(&mc->kth_path, worst->path, err)) < 0)
        goto out;
    mc->current_score = mc->top.items[mc->top.n - 1].score;
    mc->best_score = best->score;
    mc->kth_value = worst->score;
    mc->has_current_score = mc->has_best_score = true;
    rc = save(mc, trainer, path, err);
    path = NULL;
    if (rc == 0 && evicted)
        prune(mc, trainer, evicted, mc->top.items[mc->top.n - 1].path);
out:
    cove__free(path);
    cove__free(evicted);
    return rc;
}

/* A save is due now. */
static int save_due(struct cove__model_checkpoint *mc, cove_trainer *trainer, struct cove_error *err)
{
    double value;
    int rc;
    if (mc->o.save_top_k == 0)
        return save(mc, trainer, NULL, err);
    if (!mc->monitor)
        return save_newest(mc, trainer, err);
    rc = cove_trainer_metric(trainer, mc->monitor, &value, err);
    if (rc == COVE_ENOTFOUND && !cove_trainer_is_last_batch(trainer)) {
        /* An epoch that was cut short may have had no validation. */
        cove__log(COVE_LOG_WARNING, "trainer", "ModelCheckpoint: %s is not known yet", mc->monitor);
        return save(mc, trainer, NULL, err);
    }
    if (rc < 0)
        return cove__error_prefix(err, rc, "ModelCheckpoint");
    return cove__top_k_wants(&mc->top, (float)value) ? save_scored(mc, trainer, (float)value, err)
                                                     : save(mc, trainer, NULL, err);
}

/* ---- hooks ---- */

static bool skip(const struct cove__model_checkpoint *mc, const cove_trainer *trainer)
{
    return !cove_trainer_fitting(trainer) || cove_trainer_stage(trainer) == COVE_STAGE_SANITY_CHECK ||
           mc->last_saved_step == cove_trainer_global_step(trainer);
}

/* Where each epoch ends in one validation (or none) the save comes after all else of the epoch; otherwise after each
 * validation. */
static bool at_epoch_end(const cove_trainer *trainer)
{
    return cove_trainer_num_val_batches(trainer) == 0 || cove_trainer_validates_each_epoch(trainer);
}

static int setup(void *self, cove_trainer *trainer, struct cove_error *err)
{
    struct cove__model_checkpoint *mc = self;
    mc->last_saved_step = -1;
    mc->defer = mc->saved_any = false;
    return resolve_dirpath(mc, trainer, err);
}

static int on_train_batch_end(void *self, cove_trainer *trainer, const struct cove_batch *batch, struct cove_error *err)
{
    struct cove__model_checkpoint *mc = self;
    double unused;
    int64_t step = cove_trainer_global_step(trainer);
    if (mc->o.every_n_train_steps < 1 || step == 0 || step % mc->o.every_n_train_steps != 0 || skip(mc, trainer))
        return 0;
    /* A metric that is not there yet, or that the validation after this batch will replace, is waited for. */
    if (mc->monitor && (cove_trainer_metric(trainer, mc->monitor, &unused, NULL) < 0 ||
                        (!at_epoch_end(trainer) && cove_trainer_validation_is_due(trainer)))) {
        mc->defer = true;
        return 0;
    }
    return save_due(mc, trainer, err);
}

static int on_train_epoch_end(void *self, cove_trainer *trainer, struct cove_error *err)
{
    struct cove__model_checkpoint *mc = self;
    int64_t epoch = cove_trainer_current_epoch(trainer) + 1;
    if (skip(mc, trainer) || !at_epoch_end(trainer))
        return 0;
    if (!mc->defer && (mc->o.every_n_epochs < 1 || epoch % mc->o.every_n_epochs != 0))
        return 0;
    mc->defer = false;
    return save_due(mc, trainer, err);
}

static int on_validation_end(void *self, cove_trainer *trainer, struct cove_error *err)
{
    struct cove__model_checkpoint *mc = self;
    int64_t epoch = cove_trainer_current_epoch(trainer) + 1;
    if (skip(mc, trainer) || at_epoch_end(trainer))
        return 0;
    if (!mc->defer && (mc->o.every_n_epochs < 1 || epoch % mc->o.every_n_epochs != 0))
        return 0;
    mc->defer = false;
    return save_due(mc, trainer, err);
}

static int on_train_end(void *self, cove_trainer *trainer, struct cove_error *err)
{
    struct cove__model_checkpoint *mc = self;
    return mc->o.save_last && !mc->saved_any ? save(mc, trainer, NULL, err) : 0;
}

/* An interrupted run is worth keeping where it stands: as last.ckpt or, without save_last, under the template's name.
 */
static int on_exception(void *self, cove_trainer *trainer, const struct cove_error *cause, struct cove_error *err)
{
    struct cove__model_checkpoint *mc = self;
    enum cove_stage stage = cove_trainer_stage(trainer);
    char *path = NULL;
    int rc;
    if ((cause->code != COVE_ECANCELED && !mc->o.save_on_exception) || skip(mc, trainer) ||
        (stage != COVE_STAGE_TRAIN && stage != COVE_STAGE_VALIDATE))
        return 0;
    if (!mc->o.save_last &&
        (rc = make_path(mc, trainer, mc->filename ? mc->filename : DEFAULT_NAME, NULL, &path, err)) < 0)
        return rc;
    return save(mc, trainer, path, err);
}

/* ---- making ---- */

static void free_self(void *self)
{
    struct cove__model_checkpoint *mc = self;
    char *strings[] = { mc->given_dirpath, mc->filename,  mc->monitor,   mc->mode,    mc->key,
                        mc->dirpath,       mc->best_path, mc->last_path, mc->kth_path };
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
        cove__free(strings[i]);
    cove__top_k_done(&mc->top);
    cove__free(mc);
}

static bool no_field(void *user, const char *name, struct cove__field *ret)
{
    return false;
}

static int check_options(struct cove_model_checkpoint_options *o, struct cove_error *err)
{
    struct cove__buf name = COVE__BUF_INIT(MAX_NAME);
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
    if (o->every_n_epochs < 0)
        o->every_n_epochs = o->every_n_train_steps == 0;
    if (o->every_n_train_steps < 0 || (o->every_n_train_steps > 0 && o->every_n_epochs > 0))
        return cove__fail(err, COVE_EINVAL,
                          "ModelCheckpoint: every_n_train_steps and every_n_epochs must be 0 or more, one of them 0");
    rc = cove__format_filename(o->filename ? o->filename : DEFAULT_NAME, o->auto_insert_metric_name, no_field, NULL,
                               &name, err);
    cove__buf_done(&name);
    return rc < 0 ? cove__error_prefix(err, rc, "ModelCheckpoint") : 0;
}

/* Lightning's state_key, to the byte: a Python dict's repr. */
static char *make_key(const struct cove_model_checkpoint_options *o)
{
    struct cove__buf key = COVE__BUF_INIT(MAX_NAME);
    const char *quote = o->monitor ? "'" : "";
    char *taken;
    cove__buf_addf(&key,
                   "ModelCheckpoint{'monitor': %s%s%s, 'mode': '%s', 'every_n_train_steps': %" PRId64
                   ", 'every_n_epochs': %" PRId64 ", 'train_time_interval': None}",
                   quote, o->monitor ? o->monitor : "None", quote, o->mode, o->every_n_train_steps, o->every_n_epochs);
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
    mc->callback.run_last = 1;
    mc->callback.hooks.setup = setup;
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
    int rc = COVE__COPY_OPTIONS(&o, options, err);
    if (rc < 0 || (rc = check_options(&o, err)) < 0)
        return rc;
    mc = cove__calloc(1, sizeof *mc);
    if (!mc)
        return cove__fail_nomem(err, "ModelCheckpoint");
    mc->o = o;
    mc->top = (struct cove__top_k){ .max = strcmp(o.mode, "max") == 0, .k = o.save_top_k };
    mc->last_saved_step = -1;
    mc->kth_value = mc->top.max ? -INFINITY : INFINITY;
    if ((rc = set_string(&mc->given_dirpath, o.dirpath, err)) == 0 &&
        (rc = set_string(&mc->filename, o.filename, err)) == 0 &&
        (rc = set_string(&mc->monitor, o.monitor, err)) == 0 && (rc = set_string(&mc->mode, o.mode, err)) == 0 &&
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
    return mc->best_path ? mc->best_path : "";
}

const char *cove_model_checkpoint_last_path(const cove_callback *callback)
{
    const struct cove__model_checkpoint *mc = callback->self;
    return mc->last_path ? mc->last_path : "";
}

double cove_model_checkpoint_best_score(const cove_callback *callback)
{
    const struct cove__model_checkpoint *mc = callback->self;
    return mc->has_best_score ? (double)mc->best_score : NAN;
}
