/*
 * Random runs that fail or are interrupted at any call of the program's functions, up to three times each, and are
 * resumed: weights, buffers, rows and files come out as those of the run at a stretch. And checkpoints that a hook
 * saves anywhere: a run that is resumed from one ends as the run that saved it.
 *
 * COVE_CUTS=5000 COVE_CUTS_SEED=1000 test_trainer_cuts runs more, or others.
 */
#include "trainer/testing.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>

#define CUTS     3
#define MAX_ROWS 4096

static uint64_t dice;

static int64_t below(int64_t n)
{
    dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int64_t)((dice >> 33) % (uint64_t)n);
}

/* ---- what happens at a call ---- */

static struct {
    cove_trainer *trainer;
    struct line *model;
    int64_t calls, fail_at, interrupt_at, save_at; /* -1: never */
    bool was_saved;
    char story[400]; /* where it was cut, for a failure's message */
} now;

#define CUT_URL  "memory://cuts/cut.ckpt"
#define HOOK_URL "memory://cuts/hook.ckpt"

static int note(const char *what, const char *where)
{
    size_t n = strlen(now.story);
    snprintf(now.story + n, sizeof now.story - n, "[%s %s]", what, where);
    return COVE_EIO;
}

static int call(const char *where)
{
    int64_t i = now.calls++;
    if (i == now.save_at) {
        note("saved in", where);
        assert_int_equal(cove_trainer_save_checkpoint(now.trainer, HOOK_URL, 0, NULL), 0);
        now.was_saved = true;
    }
    if (i == now.interrupt_at) {
        note("interrupted in", where);
        cove_trainer_interrupt(now.trainer);
    }
    return i == now.fail_at ? note("failed in", where) : 0;
}

/* Each hook draws, so that one that is called too often or not at all changes all that follows, and some log. */
static double draw(void)
{
    return cove_rng_uniform(cove_trainer_rng(now.trainer));
}

#define HOOK(name, ...)                                                                                                \
    static int name(void *self, cove_trainer *trainer, struct cove_error *err)                                         \
    {                                                                                                                  \
        __VA_ARGS__;                                                                                                   \
        return call(#name);                                                                                            \
    }
#define BATCH_HOOK(name, ...)                                                                                          \
    static int name(void *self, cove_trainer *trainer, const struct cove_batch *batch, struct cove_error *err)         \
    {                                                                                                                  \
        __VA_ARGS__;                                                                                                   \
        return call(#name);                                                                                            \
    }
/* These are called by each run that is resumed. */
HOOK(on_fit_start, )
HOOK(on_train_start, )
HOOK(on_train_end, )
HOOK(on_sanity_check_start, draw())
HOOK(on_train_epoch_start, cove_trainer_log(trainer, "epoch_start", draw(), 0))
HOOK(on_train_epoch_end, cove_trainer_log(trainer, "epoch_end", draw(), 0))
HOOK(on_before_zero_grad, cove_trainer_log(trainer, "zero_grad", draw(), 0))
HOOK(on_after_backward, cove_trainer_log(trainer, "backward", draw(), COVE_LOG_ON_STEP | COVE_LOG_ON_EPOCH))
HOOK(on_before_optimizer_step, cove_trainer_log(trainer, "optimizer", draw(), COVE_LOG_ON_EPOCH))
HOOK(on_validation_start, draw())
HOOK(on_validation_epoch_end, cove_trainer_log(trainer, "val_epoch_end", draw(), 0))
HOOK(on_validation_end, draw())
BATCH_HOOK(on_train_batch_start, cove_trainer_log(trainer, "batch_start", draw(), COVE_LOG_ON_EPOCH))
BATCH_HOOK(on_train_batch_end, cove_trainer_log(trainer, "batch_end", draw(), COVE_LOG_ON_STEP | COVE_LOG_ON_EPOCH))
BATCH_HOOK(on_validation_batch_end, cove_trainer_log(trainer, "val_batch_end", draw(), COVE_LOG_ON_STEP))

static void set_hooks(struct cove_hooks *hooks)
{
#define SET(name) hooks->name = name
    SET(on_fit_start);
    SET(on_train_start);
    SET(on_train_end);
    SET(on_sanity_check_start);
    SET(on_train_epoch_start);
    SET(on_train_epoch_end);
    SET(on_before_zero_grad);
    SET(on_after_backward);
    SET(on_before_optimizer_step);
    SET(on_validation_start);
    SET(on_validation_epoch_end);
    SET(on_validation_end);
    SET(on_train_batch_start);
    SET(on_train_batch_end);
    SET(on_validation_batch_end);
#undef SET
}

static int fetch(void *self, const int64_t *indices, size_t n, const void **ret_data, struct cove_error *err)
{
    draw();
    return call("fetch") < 0 ? COVE_ENETWORK : line_fetch(self, indices, n, ret_data, err);
}

static int64_t stop_at; /* batches computed; -1: never */

static int training_step(void *self, cove_trainer *trainer, const struct cove_batch *batch, struct cove_error *err)
{
    struct line *m = self;
    int rc = line_training_step(self, trainer, batch, err);
    if (m->seen == stop_at)
        cove_trainer_stop(trainer, "the test stops it");
    return rc < 0 ? rc : call("training_step");
}

/* A validation that changes a buffer is undone as well. */
static int validation_step(void *self, cove_trainer *trainer, const struct cove_batch *batch, struct cove_error *err)
{
    struct line *m = self;
    int rc = line_validation_step(self, trainer, batch, err);
    cove_trainer_log(trainer, "val_draw", draw(), 0);
    m->seen += 1000;
    return rc < 0 ? rc : call("validation_step");
}

/* ---- rows ---- */

struct row {
    char name[40];
    double value;
    int64_t step;
};

struct rows {
    struct row items[MAX_ROWS];
    size_t n;
};

static int log_metrics(void *self, const struct cove_metric *metrics, size_t n, int64_t step, struct cove_error *err)
{
    struct rows *rows = self;
    if (call("log_metrics") < 0)
        return COVE_ENETWORK;
    for (size_t i = 0; i < n; i++) {
        struct row *row = &rows->items[rows->n++];
        assert_true(rows->n < MAX_ROWS);
        snprintf(row->name, sizeof row->name, "%s", metrics[i].name);
        row->value = metrics[i].value;
        row->step = step;
    }
    return 0;
}

static const struct row *missing(const struct rows *of, const struct rows *in)
{
    for (size_t i = 0; i < of->n; i++) {
        const struct row *row = &of->items[i];
        bool found = false;
        for (size_t k = 0; k < in->n && !found; k++)
            found = in->items[k].step == row->step && in->items[k].value == row->value &&
                    strcmp(in->items[k].name, row->name) == 0;
        if (!found)
            return row;
    }
    return NULL;
}

/* ---- a run ---- */

static struct plan {
    struct cove_trainer_options o;
    struct cove_model_checkpoint_options keep;
    bool with_checkpoints; /* else a callback saves in on_exception */
    bool in_module;        /* the hooks; else in a callback that comes before ModelCheckpoint */
    bool without_validation;
    int scheduler, interval;
} plan;

static void make_plan(void)
{
    struct cove_trainer_options *o = &plan.o;
    plan = (struct plan){ .o = quiet(1 + below(3)), .keep = COVE_MODEL_CHECKPOINT_OPTIONS_INIT };
    o->accumulate_grad_batches = 1 + below(4);
    o->log_every_n_steps = 1 + below(3);
    o->check_val_every_n_epoch = 1 + below(2);
    o->val_check_batches = below(2) ? 1 + below(4) : 0;
    o->val_check_fraction = below(2) ? 0.5 : 1;
    o->max_steps = below(4) ? -1 : 1 + below(9);
    o->gradient_clip_val = below(2) ? 0.5 : 0;
    o->num_sanity_val_steps = below(3);
    plan.with_checkpoints = below(2);
    plan.in_module = below(2);
    plan.without_validation = below(5) == 0;
    plan.scheduler = below(2) ? COVE_LR_SCHEDULER_STEP : 0;
    plan.interval = below(2) ? COVE_LR_SCHEDULER_INTERVAL_STEP : COVE_LR_SCHEDULER_INTERVAL_EPOCH;
    plan.keep.dirpath = "memory://cuts/kept";
    plan.keep.every_n_train_steps = below(2) ? 1 + below(4) : 0;
    plan.keep.save_top_k = below(2) ? 1 : -1;
    plan.keep.save_last = (int)below(2);
    plan.keep.save_on_exception = 1;
    plan.keep.save_on_train_epoch_end = (int)below(3) - 1;
    stop_at = below(4) ? -1 : 1 + below(20);
}

static int save_on_exception(void *self, cove_trainer *trainer, const struct cove_error *cause, struct cove_error *err)
{
    return cove_trainer_save_checkpoint(trainer, CUT_URL, 0, err);
}

static void make_model(struct line *m)
{
    line_init(m);
    m->module.training_step = training_step;
    m->module.validation_step = validation_step;
    m->train.fetch = m->val.fetch = fetch;
    m->val.batch_size = 2;
    if (plan.in_module)
        set_hooks(&m->module.hooks);
    if (plan.without_validation)
        m->data.val = NULL;
    m->scheduler.kind = plan.scheduler;
    m->scheduler.step_size = 2;
    m->scheduler.interval = plan.interval;
}

/* One fit of a new model, with what ModelCheckpoint ends with in `best`. */
static int run(struct line *m, struct rows *rows, const char *ckpt, char best[200])
{
    struct cove_trainer_options o = plan.o;
    cove_callback hooks = COVE_CALLBACK_INIT, *keep = NULL, *callbacks[2] = { &hooks };
    cove_logger logger = COVE_LOGGER_INIT, *loggers[] = { &logger };
    struct cove_error err = COVE_ERROR_INIT;
    int rc;
    make_model(m);
    logger.self = rows;
    logger.log_metrics = log_metrics;
    o.enable_logging = 1;
    o.loggers = loggers;
    o.n_loggers = 1;
    o.callbacks = callbacks;
    o.n_callbacks = 1;
    if (!plan.in_module)
        set_hooks(&hooks.hooks);
    if (plan.with_checkpoints) {
        assert_int_equal(cove_model_checkpoint_new(&plan.keep, &keep, NULL), 0);
        callbacks[o.n_callbacks++] = keep;
    } else
        hooks.hooks.on_exception = save_on_exception;
    assert_int_equal(cove_trainer_new(&o, &now.trainer, NULL), 0);
    now.model = m;
    now.calls = 0;
    now.was_saved = false;
    rc = cove_trainer_fit(now.trainer, &m->module, &m->data, ckpt, &err);
    if (rc < 0 && rc != COVE_EIO && rc != COVE_ENETWORK && rc != COVE_ECANCELED)
        fail_msg("%s", err.message);
    snprintf(best, 200, "%s", keep ? cove_model_checkpoint_best_path(keep) : "");
    cove_trainer_free(now.trainer);
    cove_callback_free(keep);
    return rc;
}

static void never(void)
{
    now.fail_at = now.interrupt_at = now.save_at = -1;
}

static void names_in(const char *url, char names[64][80], size_t *ret_n)
{
    const struct cove_info *info;
    cove_listing *listing;
    cove_fs *fs;
    char *path;
    *ret_n = 0;
    assert_int_equal(cove_fs_from_url(url, NULL, &fs, &path, NULL), 0);
    if (cove_fs_find(fs, path, NULL, &listing, NULL) == 0) {
        while (*ret_n < 64 && cove_listing_next(listing, &info, NULL) > 0)
            snprintf(names[(*ret_n)++], 80, "%s", cove_info_name(info));
        cove_listing_free(listing);
    }
    cove_free(path);
    cove_fs_unref(fs);
}

static const char *file_missing(char of[64][80], size_t n_of, char in[64][80], size_t n_in)
{
    for (size_t i = 0; i < n_of; i++) {
        bool found = false;
        for (size_t k = 0; k < n_in && !found; k++)
            found = strcmp(of[i], in[k]) == 0;
        if (!found)
            return of[i];
    }
    return NULL;
}

static struct line whole, model;
static struct rows whole_rows, rows;
static char whole_best[200], best[200], whole_files[64][80], files[64][80];
static size_t n_whole_files, n_files;

static void run_whole(void)
{
    remove_url("memory://cuts");
    never();
    now.story[0] = '\0';
    whole_rows.n = 0;
    assert_int_equal(run(&whole, &whole_rows, NULL, whole_best), 0);
    names_in(plan.keep.dirpath, whole_files, &n_whole_files);
}

static void compare(uint64_t seed)
{
    const struct row *row;
    if (memcmp(model.weight, whole.weight, sizeof model.weight) != 0 || model.bias != whole.bias)
        fail_msg("seed %" PRIu64 ": other weights: %s", seed, now.story);
    if (model.seen != whole.seen)
        fail_msg("seed %" PRIu64 ": another buffer, %" PRId64 " and not %" PRId64 ": %s", seed, model.seen, whole.seen,
                 now.story);
    row = missing(&rows, &whole_rows);
    if (row)
        fail_msg("seed %" PRIu64 ": the whole run has no row %s=%g at %" PRId64 ": %s", seed, row->name, row->value,
                 row->step, now.story);
}

static void cut_and_resume(uint64_t seed)
{
    int64_t calls;
    int rc = -1;
    const struct row *row;
    const char *file;
    const char *ckpt = NULL;
    if (plan.with_checkpoints)
        stop_at = -1; /* a checkpoint that was due where the run was stopped does not record the stop */
    run_whole();
    calls = now.calls;
    remove_url("memory://cuts");
    rows.n = 0;
    for (int n = 0; rc < 0; n++) {
        never();
        if (n < CUTS && below(3) > 0)
            now.fail_at = below(n > 0 ? calls / 2 + 1 : calls);
        else if (n < CUTS)
            now.interrupt_at = below(n > 0 ? calls / 2 + 1 : calls);
        rc = run(&model, &rows, ckpt, best);
        ckpt = plan.with_checkpoints ? "last" : CUT_URL;
    }
    compare(seed);
    row = missing(&whole_rows, &rows);
    if (row)
        fail_msg("seed %" PRIu64 ": no row %s=%g at %" PRId64 ": %s", seed, row->name, row->value, row->step,
                 now.story);
    names_in(plan.keep.dirpath, files, &n_files);
    file = file_missing(whole_files, n_whole_files, files, n_files);
    if (file)
        fail_msg("seed %" PRIu64 ": no file %s: %s", seed, file, now.story);
    assert_string_equal(best, whole_best);
}

static void save_in_a_hook(uint64_t seed)
{
    stop_at = -1;
    plan.with_checkpoints = false;
    run_whole();
    now.save_at = below(now.calls);
    rows.n = 0;
    assert_int_equal(run(&model, &rows, NULL, best), 0);
    compare(seed);
    if (!now.was_saved)
        return;
    never();
    rows.n = 0;
    assert_int_equal(run(&model, &rows, HOOK_URL, best), 0);
    compare(seed);
}

/* As after a crash: all that is left is what ModelCheckpoint saved during the run. */
static void resume_from_what_was_kept(uint64_t seed)
{
    char url[160];
    stop_at = -1;
    plan.with_checkpoints = true;
    plan.keep.save_top_k = -1;
    run_whole();
    if (n_whole_files == 0)
        return;
    snprintf(url, sizeof url, "%s/%s", plan.keep.dirpath, whole_files[below((int64_t)n_whole_files)]);
    note("resumed from", url);
    rows.n = 0;
    assert_int_equal(run(&model, &rows, url, best), 0);
    compare(seed);
}

static void many(void (*one)(uint64_t seed))
{
    const char *count = getenv("COVE_CUTS"), *first = getenv("COVE_CUTS_SEED");
    uint64_t seed = first ? strtoull(first, NULL, 10) : 0;
    for (int64_t n = count ? atoll(count) : 200; n > 0; n--, seed++) {
        dice = seed * 7919 + 13;
        below(2);
        make_plan();
        one(seed);
    }
    remove_url("memory://cuts");
}

static void test_cuts(void **state)
{
    many(cut_and_resume);
}

static void test_saves_in_hooks(void **state)
{
    many(save_in_a_hook);
}

static void test_what_was_kept(void **state)
{
    many(resume_from_what_was_kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_saves_in_hooks),
        cmocka_unit_test(test_what_was_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
