/* ModelCheckpoint after failures: an interrupted and resumed run keeps the same files as an uninterrupted one, a failed
 * save changes nothing, and different spellings of a folder are the same folder. */
#include "trainer/testing.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "trainer/tree.h"

#define ROOT "memory://checkpoints"

/* ---- interrupted runs ---- */

/* Where a run ends: in which hook, at which of its calls, and by an interrupt or a failure. */
enum place { NOWHERE, TRAIN_BATCH, VAL_BATCH, VALIDATION_END, EPOCH_END, SAVE };
struct cut {
    enum place place;
    int at, calls;
    int fails;
};

static int count(struct cut *c, enum place place, cove_trainer *trainer)
{
    if (c->place != place || cove_trainer_stage(trainer) == COVE_STAGE_SANITY_CHECK || ++c->calls != c->at)
        return 0;
    if (c->fails)
        return COVE_EIO;
    cove_trainer_interrupt(trainer);
    return 0;
}

static int on_train_batch_end(void *self, cove_trainer *t, const struct cove_batch *batch, struct cove_error *err)
{
    return count(self, TRAIN_BATCH, t);
}

static int on_validation_batch_end(void *self, cove_trainer *t, const struct cove_batch *batch, struct cove_error *err)
{
    return count(self, VAL_BATCH, t);
}

static int on_validation_end(void *self, cove_trainer *t, struct cove_error *err)
{
    return count(self, VALIDATION_END, t);
}

static int on_train_epoch_end(void *self, cove_trainer *t, struct cove_error *err)
{
    return count(self, EPOCH_END, t);
}

static int on_save_checkpoint(void *self, cove_trainer *t, cove_value *tree, struct cove_error *err)
{
    return count(self, SAVE, t);
}

/* The name without "-v1": two ModelCheckpoints each save an interrupted run, but only the one whose file the run is
 * resumed from may replace its file. */
static const char *plain_name(const char *path, char out[256])
{
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path, *version = strstr(name, "-v1.ckpt");
    snprintf(out, 256, "%.*s%s", (int)(version ? version - name : (long)strlen(name)), name, version ? ".ckpt" : "");
    return out;
}

/* The files in the callback's state with their scores; each file must exist. */
static void describe(const cove_callback *c, struct cove__buf *out)
{
    static const char *const paths[] = { "best_model_path", "kth_best_model_path", "last_model_path" };
    static const char *const scores[] = { "best_model_score", "current_score", "kth_value" };
    cove_value *state, *kept;
    char name[256];
    assert_int_equal(c->state_dict(c->self, &state, NULL), 0);
    for (int i = 0; i < 3; i++) {
        const char *path;
        assert_int_equal(cove_value_get_string(cove_value_dict_get(state, paths[i]), &path, NULL, NULL), 0);
        cove__buf_addf(out, "%s=%s ", paths[i], plain_name(path, name));
        assert_true(!*path || url_exists(path) == 1);
    }
    for (int i = 0; i < 3; i++) {
        cove_value *score = cove_value_dict_get(state, scores[i]);
        float number = 0;
        if (cove_value_type(score) != COVE_VALUE_NONE)
            assert_int_equal(cove__tree_read_scalar(score, &number, NULL), 0);
        cove__buf_addf(out, "%s=%a ", scores[i], (double)number);
    }
    kept = cove_value_dict_get(state, "best_k_models");
    for (size_t i = 0; i < cove_value_length(kept); i++) {
        float score = 0;
        assert_int_equal(cove__tree_read_scalar(cove_value_item(kept, i), &score, NULL), 0);
        cove__buf_addf(out, "%s:%a ", plain_name(cove_value_key_name(kept, i), name), (double)score);
        assert_int_equal(url_exists(cove_value_key_name(kept, i)), 1);
    }
    cove__buf_addf(out, "\n");
    cove_value_unref(state);
}

struct variant {
    const char *monitor;
    int64_t save_top_k, every_n_train_steps, val_check_batches;
    int save_last, two;
    int64_t max_steps;
    int64_t stops_after; /* so many checks without a better value stop the run; 0: it is not stopped */
};

/* One fit of a new model; `out` gets what its callbacks keep if the run succeeds. */
static int run(const struct variant *v, struct cut *cut, const char *ckpt, struct cove__buf *out)
{
    static struct line model;
    struct cove_model_checkpoint_options k = COVE_MODEL_CHECKPOINT_OPTIONS_INIT, every = k;
    struct cove_early_stopping_options e = COVE_EARLY_STOPPING_OPTIONS_INIT;
    struct cove_trainer_options o = quiet(3);
    struct cove_callback cutter = COVE_CALLBACK_INIT, *callbacks[4];
    struct cove_error err = COVE_ERROR_INIT;
    cove_trainer *trainer;
    size_t n = 0, first;
    line_init(&model);
    cutter.self = cut;
    cutter.hooks.on_train_batch_end = on_train_batch_end;
    cutter.hooks.on_validation_batch_end = on_validation_batch_end;
    cutter.hooks.on_validation_end = on_validation_end;
    cutter.hooks.on_train_epoch_end = on_train_epoch_end;
    cutter.hooks.on_save_checkpoint = on_save_checkpoint;
    callbacks[n++] = &cutter;
    e.monitor = "train_loss";
    e.mode = v->stops_after ? "max" : "min";
    e.patience = v->stops_after ? v->stops_after : 100;
    assert_int_equal(cove_early_stopping_new(&e, &callbacks[n++], NULL), 0);
    first = n;
    k.monitor = v->monitor;
    k.save_top_k = v->save_top_k;
    k.every_n_train_steps = v->every_n_train_steps;
    k.save_last = v->save_last;
    k.save_on_exception = every.save_on_exception = 1;
    assert_int_equal(cove_model_checkpoint_new(&k, &callbacks[n++], NULL), 0);
    if (v->two) {
        every.mode = "max";
        every.monitor = "train_loss";
        every.filename = "second-{epoch}-{step}";
        assert_int_equal(cove_model_checkpoint_new(&every, &callbacks[n++], NULL), 0);
    }
    o.default_root_dir = ROOT;
    o.val_check_batches = v->val_check_batches;
    o.max_steps = v->max_steps;
    o.callbacks = callbacks;
    o.n_callbacks = n;
    assert_int_equal(cove_trainer_new(&o, &trainer, &err), 0);
    int rc = cove_trainer_fit(trainer, &model.module, &model.data, ckpt, &err);
    if (rc != 0 && rc != COVE_ECANCELED && rc != COVE_EIO)
        fail_msg("%s", err.message);
    for (size_t i = first; i < n; i++)
        describe(callbacks[i], out);
    if (rc == 0) {
        cove_value *state;
        int64_t wait = -1;
        assert_int_equal(callbacks[1]->state_dict(callbacks[1]->self, &state, NULL), 0);
        assert_int_equal(cove_value_get_int(cove_value_dict_get(state, "wait_count"), &wait, NULL), 0);
        cove__buf_addf(out, "wait_count=%d\n", (int)wait);
        cove_value_unref(state);
    }
    cove_trainer_free(trainer);
    for (size_t i = 1; i < n; i++)
        cove_callback_free(callbacks[i]);
    return rc;
}

static const struct variant variants[] = {
    { NULL, 1, 0, 0, 0, 0, -1 },       { NULL, -1, 0, 0, 1, 0, -1 },          { NULL, 0, 0, 0, 1, 0, -1 },
    { "val_loss", 1, 0, 0, 0, 0, -1 }, { "val_loss", 2, 0, 0, 1, 1, -1 },     { "val_loss", -1, 0, 0, 0, 0, -1 },
    { "val_loss", 2, 0, 3, 0, 0, -1 }, { "train_loss", 2, 0, 0, 1, 0, -1 },   { "val_loss", 3, 5, 0, 0, 0, -1 },
    { "val_loss", 3, 4, 2, 1, 0, -1 }, { NULL, -1, 3, 0, 0, 1, -1 },          { "train_loss_step", 2, 7, 0, 1, 0, 14 },
    { "val_loss", 2, 0, 0, 0, 0, 12 }, { "val_loss", -1, 0, 3, 0, 0, -1, 1 },
};

/* Wherever the run was interrupted, the resumed one keeps the same files with the same scores. */
static void interrupted_runs_keep_the_same(void **state)
{
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
        struct cove__buf expected = COVE__BUF_INIT(65536), got = COVE__BUF_INIT(65536);
        struct cut none = { NOWHERE, 0, 0, 0 };
        remove_url(ROOT);
        assert_int_equal(run(&variants[i], &none, NULL, &expected), 0);
        for (int place = TRAIN_BATCH; place <= SAVE; place++) {
            for (int fails = place == SAVE; fails < 2; fails++) {
                for (int at = 1, cut_off = 1; cut_off; at++) {
                    struct cut cut = { (enum place)place, at, 0, fails };
                    remove_url(ROOT);
                    cove__buf_reset(&got);
                    cut_off = run(&variants[i], &cut, NULL, &got) < 0;
                    if (!cut_off)
                        continue;
                    cove__buf_reset(&got);
                    none.calls = 0;
                    assert_int_equal(run(&variants[i], &none, "last", &got), 0);
                    if (strcmp(cove__buf_str(&got), cove__buf_str(&expected)) != 0)
                        fail_msg("variant %zu, place %d, call %d, fails %d:\n%sinstead of\n%s", i, place, at, fails,
                                 cove__buf_str(&got), cove__buf_str(&expected));
                }
            }
        }
        cove__buf_done(&expected);
        cove__buf_done(&got);
    }
    remove_url(ROOT);
}

/* ---- folders ---- */

static void touch(const char *path, const char *text)
{
    assert_int_equal(cove_write_url(path, text, strlen(text), NULL), 0);
}

static void copy(const char *from, const char *to)
{
    void *data;
    size_t size;
    assert_int_equal(cove_read_url(from, &data, &size, NULL), 0);
    assert_int_equal(cove_write_url(to, data, size, NULL), 0);
    cove_free(data);
}

/* One fit that keeps the newest checkpoint in `dirpath`. */
static cove_callback *fit_in(const char *dirpath, int64_t max_epochs, const char *ckpt, int save_last)
{
    static struct line model;
    struct cove_model_checkpoint_options k = COVE_MODEL_CHECKPOINT_OPTIONS_INIT;
    struct cove_trainer_options o = quiet(max_epochs);
    struct cove_error err = COVE_ERROR_INIT;
    cove_callback *c;
    cove_trainer *trainer;
    line_init(&model);
    k.dirpath = dirpath;
    k.save_last = save_last;
    k.enable_version_counter = !save_last;
    assert_int_equal(cove_model_checkpoint_new(&k, &c, NULL), 0);
    o.callbacks = &c;
    o.n_callbacks = 1;
    assert_int_equal(cove_trainer_new(&o, &trainer, &err), 0);
    int rc = cove_trainer_fit(trainer, &model.module, &model.data, ckpt, &err);
    assert_int_equal(rc < 0, save_last);
    cove_trainer_free(trainer);
    return c;
}

/* The second run, resumed from a copy, removes the first run's file: the folder is its own. */
static void one_folder_in_any_spelling(void **state)
{
    const char *folder = *state;
    char with_scheme[128], through_link[128], doubled[128];
    const char *const spellings[] = {
        "ck", "./ck", "ck/", "x/../ck", "link", "ck//", with_scheme, through_link, doubled
    };
    snprintf(with_scheme, sizeof with_scheme, "file://%s/ck", folder);
    snprintf(through_link, sizeof through_link, "%s/x/../link/.", folder);
    snprintf(doubled, sizeof doubled, "%s//ck/", folder);
    for (size_t i = 0; i < 2 * sizeof spellings / sizeof *spellings; i++) {
        const char *spelling = spellings[i / 2], *first = i % 2 ? spelling : "ck", *second = i % 2 ? "ck" : spelling;
        char expected[128];
        assert_int_equal(mkdir("ck", 0777) | mkdir("x", 0777) | symlink("ck", "link"), 0);
        cove_callback *c = fit_in(first, 1, NULL, 0);
        snprintf(expected, sizeof expected, "%s/ck/epoch=0-step=7.ckpt", folder);
        assert_string_equal(cove_model_checkpoint_best_path(c), expected);
        cove_callback_free(c);
        copy("ck/epoch=0-step=7.ckpt", "copy.ckpt");
        c = fit_in(second, 2, "copy.ckpt", 0);
        assert_int_equal(url_exists(expected), 0);
        snprintf(expected, sizeof expected, "%s/ck/epoch=1-step=14.ckpt", folder);
        assert_string_equal(cove_model_checkpoint_best_path(c), expected);
        cove_callback_free(c);
        remove_url("ck");
        remove_url("x");
        assert_int_equal(unlink("link"), 0);
    }
}

/* Two folders with the same relative path are different: another run's files stay. */
static void one_spelling_of_two_folders(void **state)
{
    cove_callback *c;
    assert_int_equal(mkdir("a", 0777) | mkdir("b", 0777) | chdir("a"), 0);
    cove_callback_free(fit_in("ck", 1, NULL, 0));
    assert_int_equal(chdir("../b"), 0);
    touch("ck/epoch=0-step=7.ckpt", "another run's");
    c = fit_in("ck", 2, "../a/ck/epoch=0-step=7.ckpt", 0);
    assert_int_equal(url_exists("ck/epoch=0-step=7.ckpt"), 1);
    assert_int_equal(url_exists("../a/ck/epoch=0-step=7.ckpt"), 1);
    assert_int_equal(url_exists("ck/epoch=1-step=14.ckpt"), 1);
    cove_callback_free(c);
}

/* A folder below dirpath is another folder. */
static void another_folder_below_is_not_pruned(void **state)
{
    cove_callback_free(fit_in("ck/old", 1, NULL, 0));
    copy("ck/old/epoch=0-step=7.ckpt", "copy.ckpt");
    cove_callback_free(fit_in("ck", 2, "copy.ckpt", 0));
    assert_int_equal(url_exists("ck/old/epoch=0-step=7.ckpt"), 1);
}

/* A file that was resumed from through a link stays. */
static void resumed_through_a_link(void **state)
{
    cove_callback_free(fit_in("ck", 1, NULL, 0));
    assert_int_equal(symlink("ck/epoch=0-step=7.ckpt", "link.ckpt"), 0);
    cove_callback_free(fit_in("ck", 2, "link.ckpt", 0));
    assert_int_equal(url_exists("ck/epoch=0-step=7.ckpt"), 1);
}

/* last.ckpt fails after the other name was written: the state names only the file that exists. */
static void last_that_fails_is_not_named(void **state)
{
    assert_int_equal(mkdir("ck", 0777) | mkdir("ck/last.ckpt", 0777), 0);
    touch("ck/last.ckpt/in", "the way");
    cove_callback *c = fit_in("ck", 1, NULL, 1);
    assert_string_equal(cove_model_checkpoint_last_path(c), "");
    assert_int_equal(url_exists(cove_model_checkpoint_best_path(c)), 1);
    cove_callback_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(interrupted_runs_keep_the_same),
        IN_FOLDER(one_folder_in_any_spelling),
        IN_FOLDER(one_spelling_of_two_folders),
        IN_FOLDER(another_folder_below_is_not_pruned),
        IN_FOLDER(resumed_through_a_link),
        IN_FOLDER(last_that_fails_is_not_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
