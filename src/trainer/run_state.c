/*
 * A checkpoint of a run: Lightning's keys, and one of ours ("cove") with what Lightning does not keep and a bit-exact
 * resume needs. Called by cove_trainer_save_checkpoint, and by fit.c for a resume.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/copy_options.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "trainer/callback_states.h"
#include "trainer/params.h"
#include "trainer/trainer_impl.h"
#include "trainer/tree.h"

/* The layout is that of this release; Lightning reads the key to decide whether to migrate the checkpoint. */
#define LIGHTNING_VERSION "2.6.0"
#define COVE_STATE        1 /* "version" of the key "cove": counted up when what it holds changes its meaning */

/* ---- out ---- */

static void dump_weights(int *rc, const cove_trainer *t, cove_value *tree, struct cove_error *err)
{
    cove_value *dict = cove__tree_dict(rc, tree, "state_dict", err);
    for (size_t i = 0; *rc == 0 && i < t->module.n_parameters; i++) {
        struct cove_tensor_view view = t->module.parameters[i].value;
        view.data = cove__undo_saved(t, i, false);
        *rc = cove__tree_set_tensor(dict, t->module.parameters[i].name, &view, err);
    }
}

static void dump_hparams(int *rc, const struct cove_module *module, cove_value *tree, struct cove_error *err)
{
    cove_value *dict;
    if (module->n_hparams == 0)
        return;
    cove__tree_string(rc, tree, "hparams_name", "kwargs", err);
    dict = cove__tree_dict(rc, tree, "hyper_parameters", err);
    for (size_t i = 0; *rc == 0 && i < module->n_hparams; i++) {
        const struct cove_hparam *h = &module->hparams[i];
        if (h->type == COVE_HPARAM_STRING)
            cove__tree_string(rc, dict, h->name, h->string ? h->string : "", err);
        else if (h->type == COVE_HPARAM_BOOL)
            cove__tree_bool(rc, dict, h->name, h->number != 0, err);
        else if (h->number == trunc(h->number) && fabs(h->number) < 0x1p53)
            cove__tree_int(rc, dict, h->name, (int64_t)h->number, err);
        else
            cove__tree_float(rc, dict, h->name, h->number, err);
    }
}

/* A list of one, or an empty list: Lightning has many optimizers, this trainer one. */
static void dump_list_of_one(int *rc, cove_value *tree, const char *key, cove_value *item, struct cove_error *err)
{
    cove_value *list = cove_value_new_list();
    cove__tree_set(rc, tree, key, list, err);
    if (*rc == 0 && item)
        *rc = cove_value_append(list, item, err);
    else
        cove_value_unref(item);
}

static void dump_optimizer(int *rc, cove_trainer *t, cove_value *tree, struct cove_error *err)
{
    cove_value *state = NULL;
    if (*rc == 0 && t->optimizer)
        *rc = cove_optimizer_state_dict(t->optimizer, &state, err);
    dump_list_of_one(rc, tree, "optimizer_states", state, err);
    state = NULL;
    if (*rc == 0 && t->scheduler)
        *rc = cove__lr_scheduler_state_dict(t->scheduler, &state, err);
    dump_list_of_one(rc, tree, "lr_schedulers", state, err);
}

/* Whether gradients of earlier batches wait for the optimizer's step. */
static bool gradients_wait(const cove_trainer *t)
{
    int64_t computed = t->p.batch.current.processed;
    return t->position != COVE__AT_EPOCH_START && computed != t->n_train_batches &&
           computed % t->o.accumulate_grad_batches != 0;
}

static void dump_gradients(int *rc, const cove_trainer *t, cove_value *dict, struct cove_error *err)
{
    cove_value *grads = cove__tree_dict(rc, dict, "gradients", err);
    for (size_t i = 0; *rc == 0 && i < t->module.n_parameters; i++) {
        struct cove_tensor_view view = t->module.parameters[i].value;
        view.data = cove__undo_saved(t, i, true);
        if (view.data)
            *rc = cove__tree_set_tensor(grads, t->module.parameters[i].name, &view, err);
    }
}

static void dump_rng(int *rc, cove_value *dict, const char *key, const cove_rng *rng, struct cove_error *err)
{
    cove_value *list = cove_value_new_list();
    cove__tree_set(rc, dict, key, list, err);
    for (int i = 0; *rc == 0 && i < 4; i++)
        *rc = cove_value_append(list, cove_value_new_int((int64_t)rng->s[i]), err);
}

static void dump_own(int *rc, cove_trainer *t, cove_value *tree, struct cove_error *err)
{
    const struct cove__undo *mark = t->undo.open ? &t->undo : NULL;
    cove_value *dict = cove__tree_dict(rc, tree, "cove", err), *metrics;
    cove__tree_int(rc, dict, "version", COVE_STATE, err);
    cove__tree_int(rc, dict, "seed", (int64_t)t->seed, err);
    cove__tree_string(rc, dict, "position", cove__position_name(t->position), err);
    dump_rng(rc, dict, "rng", mark ? &mark->rng : &t->rng, err);
    if (t->position == COVE__AT_BATCH_END)
        dump_rng(rc, dict, "fetch_rng", &t->fetch_rng, err);
    cove__tree_int(rc, dict, "train_length", t->train.d.length, err);
    cove__tree_int(rc, dict, "batch_size", t->train.d.batch_size, err);
    cove__tree_int(rc, dict, "val_log_step", mark ? mark->val_log_step : t->val_log_step, err);
    /* A run that failed after cove_trainer_stop must still stop on resume. */
    if (t->fit_failed && (mark ? mark->should_stop : t->should_stop))
        cove__tree_string(rc, dict, "stop", mark ? mark->stop_reason : t->stop_reason, err);
    metrics = cove__tree_dict(rc, dict, "metrics", err);
    if (*rc == 0)
        *rc = cove__metrics_save(&t->metrics, mark, metrics, err);
    if (gradients_wait(t))
        dump_gradients(rc, t, dict, err);
}

int cove__dump_checkpoint(cove_trainer *t, int weights_only, cove_value **ret_tree, struct cove_error *err)
{
    cove_value *tree = cove_value_new_dict(), *loops;
    int rc = tree ? 0 : cove__fail_nomem(err, "a checkpoint");
    cove__tree_int(&rc, tree, "epoch", cove_trainer_current_epoch(t), err);
    cove__tree_int(&rc, tree, "global_step", cove_trainer_global_step(t), err);
    cove__tree_string(&rc, tree, "pytorch-lightning_version", LIGHTNING_VERSION, err);
    dump_weights(&rc, t, tree, err);
    loops = cove__tree_dict(&rc, tree, "loops", err);
    if (rc == 0)
        rc = cove__progress_save(&t->p, loops, err);
    if (!weights_only) {
        cove_value *states = cove__tree_dict(&rc, tree, "callbacks", err);
        if (rc == 0)
            rc = cove__callback_states_save(t, states, err);
        dump_optimizer(&rc, t, tree, err);
    }
    dump_hparams(&rc, &t->module, tree, err);
    if (!weights_only) {
        dump_own(&rc, t, tree, err);
        if (rc == 0)
            rc = COVE__CHECKPOINT_HOOK(t, on_save_checkpoint, tree, err);
    }
    if (rc < 0)
        cove_value_unref(tree);
    else
        *ret_tree = tree;
    return rc;
}

/* A checkpoint that could not be resumed is not saved. */
static int check_savable(const cove_trainer *t, const char *url, int weights_only, struct cove_error *err)
{
    if (!t->module.size)
        return cove__fail(err, COVE_ESTATE, "save a checkpoint at %s: the trainer has no module yet", url);
    if (!weights_only && !t->optimizer)
        return cove__fail(err, COVE_ESTATE,
                          "save a checkpoint at %s: no fit has configured an optimizer, so only weights can be saved",
                          url);
    if (!weights_only && !cove__optimizer_is_of(t->optimizer, t->module.parameters, t->module.n_parameters))
        return cove__fail(err, COVE_ESTATE,
                          "save a checkpoint at %s: the last validate had another module than fit, so only weights "
                          "can be saved",
                          url);
    if (!weights_only && t->weights_replaced)
        return cove__fail(err, COVE_ESTATE,
                          "save a checkpoint at %s: validate has loaded the weights of another checkpoint, so only "
                          "weights can be saved until the next fit",
                          url);
    if (t->saving)
        return cove__fail(err, COVE_ESTATE, "save a checkpoint at %s: another one is being saved, in %s", url,
                          t->function ? t->function : "a hook");
    return 0;
}

int cove_trainer_save_checkpoint(cove_trainer *t, const char *url, int weights_only, struct cove_error *err)
{
    struct cove_checkpoint_save_options options = COVE_CHECKPOINT_SAVE_OPTIONS_INIT;
    cove_value *tree = NULL;
    cove_fs *fs = NULL;
    char *path = NULL;
    int rc;
    if ((rc = check_savable(t, url, weights_only, err)) < 0)
        return rc;
    if (t->strategy->rank != 0)
        return 0;
    options.format = COVE_CHECKPOINT_FORMAT_TORCH;
    t->saving = true;
    if ((rc = cove_trainer_open_fs(t, url, &fs, &path, err)) < 0 ||
        (rc = cove__dump_checkpoint(t, weights_only, &tree, err)) < 0)
        goto out;
    rc = cove_checkpoint_save(fs, path, tree, &options, NULL, err);
out:
    t->saving = false;
    cove_value_unref(tree);
    cove_free(path);
    cove_fs_unref(fs);
    return rc;
}

/* ---- in ---- */

/* The content of a checkpoint, checked but not yet applied. */
struct restored {
    const cove_value *weights, *optimizer, *scheduler, *own, *gradients; /* BORROWED from the tree; NULL: not there */
    struct cove__progress p;
    enum cove__position position;
    uint64_t seed;
    cove_rng rng, fetch_rng;
    int64_t val_log_step;
    const char *stop; /* BORROWED from the tree: the reason to stop; NULL: none */
};

static const cove_value *only_item(const cove_value *list)
{
    return list && cove_value_type(list) == COVE_VALUE_LIST && cove_value_length(list) == 1 ? cove_value_item(list, 0)
                                                                                            : NULL;
}

/* `ret` stays as it is where the key is not there. */
static void read_rng(int *rc, const cove_value *own, const char *key, cove_rng *ret, struct cove_error *err)
{
    const cove_value *list = cove__tree_at(own, key);
    cove_rng rng = { 0 };
    int64_t word = 0;
    if (*rc < 0 || !list)
        return;
    if (cove_value_type(list) != COVE_VALUE_LIST || cove_value_length(list) != 4)
        *rc = cove__fail(err, COVE_EMISMATCH, "cove.%s in the checkpoint does not have four words", key);
    for (size_t i = 0; *rc == 0 && i < 4; i++) {
        *rc = cove_value_get_int(cove_value_item(list, i), &word, err);
        rng.s[i] = (uint64_t)word;
    }
    /* From four zeros the generator gives nothing but zeros, and a draw below a bound never ends. */
    if (*rc == 0 && !(rng.s[0] | rng.s[1] | rng.s[2] | rng.s[3]))
        *rc = cove__fail(err, COVE_EMISMATCH, "cove.%s in the checkpoint is all zeros", key);
    if (*rc == 0)
        *ret = rng;
}

static int read_position(const cove_trainer *t, struct restored *r, struct cove_error *err)
{
    const char *name = NULL;
    int rc = 0;
    cove__tree_get_string(&rc, r->own, "position", &name, err);
    if (rc == 0 && !name)
        r->position = cove__progress_infer(&r->p, t->n_train_batches);
    else if (rc == 0 && (rc = cove__position_read(name, &r->position, err)) == 0)
        rc = cove__progress_resume(&r->p, &r->position, t->n_train_batches, err);
    return rc;
}

/* Before anything else is read: what a newer cove writes may mean something else. */
static int check_version(const cove_value *own, struct cove_error *err)
{
    int64_t version = COVE_STATE;
    int rc = 0;
    cove__tree_get_int(&rc, own, "version", &version, err);
    if (rc < 0)
        return cove__error_prefix(err, rc, "cove");
    if (version > COVE_STATE)
        return cove__fail(err, COVE_ENOTSUP,
                          "cove.version in the checkpoint is %" PRId64 ", this cove reads %d: a newer one wrote it",
                          version, COVE_STATE);
    if (version < 1)
        return cove__fail(err, COVE_EMISMATCH, "cove.version in the checkpoint is %" PRId64, version);
    return 0;
}

static int read_own(const cove_trainer *t, struct restored *r, struct cove_error *err)
{
    int64_t seed = (int64_t)t->seed, length = t->train.d.length, batch_size = t->train.d.batch_size;
    int rc = 0;
    r->rng = t->rng;
    cove__tree_get_int(&rc, r->own, "seed", &seed, err);
    cove__tree_get_int(&rc, r->own, "train_length", &length, err);
    cove__tree_get_int(&rc, r->own, "batch_size", &batch_size, err);
    cove__tree_get_int(&rc, r->own, "val_log_step", &r->val_log_step, err);
    cove__tree_get_string(&rc, r->own, "stop", &r->stop, err);
    read_rng(&rc, r->own, "rng", &r->rng, err);
    r->fetch_rng = r->rng;
    read_rng(&rc, r->own, "fetch_rng", &r->fetch_rng, err);
    if (rc == 0 && (r->val_log_step < 0 || r->val_log_step > COVE__MOST_COUNTED))
        return cove__fail(err, COVE_EMISMATCH, "cove.val_log_step in the checkpoint is %" PRId64, r->val_log_step);
    r->seed = (uint64_t)seed;
    if (rc == 0 && r->position != COVE__AT_EPOCH_START &&
        (length != t->train.d.length || batch_size != t->train.d.batch_size))
        cove__log(COVE_LOG_WARNING, "trainer",
                  "resuming in mid-epoch with other data: %" PRId64 " samples in batches of %" PRId64
                  " when the checkpoint was saved, %" PRId64 " in %" PRId64 " now",
                  length, batch_size, t->train.d.length, t->train.d.batch_size);
    return rc;
}

/* Counters of a checkpoint that has none of Lightning's loops: one written by hand, at the end of an epoch. */
static int read_plain(const cove_value *tree, struct cove__progress *p, struct cove_error *err)
{
    int64_t epoch = -1, step = 0;
    int rc = 0;
    cove__tree_get_int(&rc, tree, "epoch", &epoch, err);
    cove__tree_get_int(&rc, tree, "global_step", &step, err);
    if (rc == 0 && (epoch < 0 || epoch >= COVE__MOST_COUNTED || step < 0 || step > COVE__MOST_COUNTED))
        rc = cove__fail(err, COVE_EMISMATCH, "the checkpoint holds weights only, nothing to resume from");
    if (rc < 0)
        return rc;
    cove__counts_add(&p->epoch, epoch + 1, epoch + 1, epoch + 1, epoch + 1);
    cove__counts_add(&p->step, step, 0, 0, step);
    p->batches_that_stepped = step;
    return 0;
}

static int read_tree(const cove_trainer *t, const cove_value *tree, struct restored *r, struct cove_error *err)
{
    const cove_value *states = cove__tree_at(tree, "optimizer_states");
    const cove_value *schedules = cove__tree_at(tree, "lr_schedulers"), *loops = cove__tree_at(tree, "loops");
    int rc;
    r->weights = cove__tree_at(tree, "state_dict");
    r->own = cove__tree_at(tree, "cove");
    r->gradients = cove__tree_at(r->own, "gradients");
    if (cove_value_opaque_name(tree))
        return cove__fail_pickled(tree, err);
    if ((rc = check_version(r->own, err)) < 0)
        return rc;
    if (!r->weights || !states)
        return cove__fail(err, COVE_EMISMATCH, "the checkpoint holds %s, nothing to resume from",
                          r->weights ? "weights only" : "no state_dict");
    if ((rc = cove__params_match(t->module.parameters, t->module.n_parameters, r->weights, err)) < 0)
        return rc;
    if (!(r->optimizer = only_item(states)))
        return cove__fail(err, COVE_EMISMATCH, "the checkpoint has the states of %zu optimizers, this module has one",
                          cove_value_length(states));
    if ((rc = cove__optimizer_match(t->optimizer, r->optimizer, err)) < 0)
        return rc;
    r->scheduler = only_item(schedules);
    if (!r->scheduler != !t->scheduler)
        return cove__fail(err, COVE_EMISMATCH, "the checkpoint has %s learning-rate scheduler, this module has %s",
                          r->scheduler ? "a" : "no", t->scheduler ? "one" : "none");
    if (r->scheduler && (rc = cove__lr_scheduler_match(t->scheduler, r->scheduler, err)) < 0)
        return rc;
    rc = loops ? cove__progress_load(&r->p, loops, err) : read_plain(tree, &r->p, err);
    if (rc < 0)
        return rc;
    if (t->o.max_epochs >= 0 && r->p.epoch.current.completed > t->o.max_epochs)
        return cove__fail(err, COVE_EINVAL, "the checkpoint is of epoch %" PRId64 ", but max_epochs is %" PRId64,
                          r->p.epoch.current.completed, t->o.max_epochs);
    rc = read_position(t, r, err);
    return rc < 0 ? rc : read_own(t, r, err);
}

/* Gradients that waited for the optimizer's step; those that don't fit any more count as none. */
static int load_gradients(cove_trainer *t, const cove_value *dict, struct cove_error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < t->module.n_parameters; i++) {
        struct cove_tensor_view view = t->module.parameters[i].value;
        cove_value *item = cove__tree_at(dict, t->module.parameters[i].name);
        size_t n;
        view.data = t->module.parameters[i].grad;
        if (!view.data || (rc = cove__view_elements(&view, &n, err)) < 0)
            continue;
        memset(view.data, 0, n * sizeof(float));
        if (item)
            rc = cove_value_copy_tensor(item, &view, NULL, err);
    }
    return rc;
}

/* The resume has failed already, so a further error of a callback is only logged. */
static void restore_callbacks(cove_trainer *t, const cove_value *states)
{
    struct cove_error err = COVE_ERROR_INIT;
    if (cove__callback_states_load(t, states, &err) < 0)
        cove__log(COVE_LOG_ERROR, "trainer", "after a failed resume: %s", err.message);
}

/* Applies what was read. Everything that can fail comes before the weights; then callbacks get their old states back.
 */
static int apply(cove_trainer *t, const cove_value *tree, const struct restored *r, struct cove_error *err)
{
    cove_value *before = NULL;
    int rc =
        cove__metrics_load(&t->metrics, cove__tree_at(r->own, "metrics"), r->position != COVE__AT_EPOCH_START, err);
    if (rc == 0)
        rc = cove_optimizer_load_state_dict(t->optimizer, r->optimizer, err);
    if (rc == 0 && t->scheduler)
        rc = cove__lr_scheduler_load(t->scheduler, r->scheduler, err);
    if (rc == 0)
        rc = load_gradients(t, r->gradients, err);
    if (rc == 0)
        rc = cove__callback_states_copy(t, &before, err);
    if (rc == 0) {
        rc = cove__callback_states_load(t, cove__tree_at(tree, "callbacks"), err);
        if (rc == 0)
            rc = cove__params_load(t->module.parameters, t->module.n_parameters, r->weights, err);
        if (rc < 0)
            restore_callbacks(t, before);
    }
    cove_value_unref(before);
    if (rc < 0)
        return rc;
    t->p = r->p;
    t->seed = r->seed;
    t->rng = r->rng;
    t->fetch_rng = r->fetch_rng;
    t->position = r->position;
    t->val_log_step = r->val_log_step;
    if (r->stop)
        cove_trainer_stop(t, r->stop);
    return 0;
}

/* Hyperparameters and callback states of Lightning's checkpoints may contain any object. Only the values that are read
 * must not be opaque, and reading them checks that. */
static int load_tree(cove_fs *fs, const char *path, int lazy, cove_value **ret_tree, struct cove_error *err)
{
    struct cove_checkpoint_load_options options = COVE_CHECKPOINT_LOAD_OPTIONS_INIT;
    options.allow_opaque = 1;
    options.lazy = lazy;
    return cove_checkpoint_load(fs, path, &options, NULL, ret_tree, err);
}

int cove__restore(cove_trainer *t, const char *url, struct cove_error *err)
{
    struct restored r = { .position = COVE__AT_EPOCH_START };
    cove_value *tree = NULL;
    cove_fs *fs = NULL;
    char *path = NULL;
    int rc;
    if ((rc = cove_trainer_open_fs(t, url, &fs, &path, err)) < 0 || (rc = load_tree(fs, path, 0, &tree, err)) < 0 ||
        (rc = COVE__CHECKPOINT_HOOK(t, on_load_checkpoint, tree, err)) < 0)
        goto out;
    if ((rc = read_tree(t, tree, &r, err)) < 0 || (rc = apply(t, tree, &r, err)) < 0) {
        rc = cove__error_prefix(err, rc, "resume %s", url);
        goto out;
    }
out:
    cove_value_unref(tree);
    cove_free(path);
    cove_fs_unref(fs);
    return rc;
}

int cove_module_load_weights(const struct cove_module *module, const char *url, const cove_options *storage,
                             struct cove_error *err)
{
    cove_value *tree = NULL, *weights;
    cove_fs *fs = NULL;
    char *path = NULL;
    struct cove_module own = COVE_MODULE_INIT;
    int rc = COVE__COPY_OPTIONS(&own, module, "load weights: module", err);
    if (rc < 0 || (rc = cove__params_check(own.parameters, own.n_parameters, err)) < 0 ||
        (rc = cove_fs_from_url(url, storage, &fs, &path, err)) < 0 || (rc = load_tree(fs, path, 1, &tree, err)) < 0)
        goto out;
    weights = cove__tree_at(tree, "state_dict");
    if (!weights)
        weights = tree;
    if ((rc = cove__params_match(own.parameters, own.n_parameters, weights, err)) < 0 ||
        (rc = cove_value_fetch(weights, NULL, err)) < 0 ||
        (rc = cove__params_load(own.parameters, own.n_parameters, weights, err)) < 0)
        rc = cove__error_prefix(err, rc, "load the weights of %s", url);
out:
    cove_value_unref(tree);
    cove_free(path);
    cove_fs_unref(fs);
    return rc;
}
