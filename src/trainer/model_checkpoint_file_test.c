/* What ModelCheckpoint may write over and remove: never what a link points to, and nothing but its own checkpoints,
 * for any state that a checkpoint may have. */
#include "config.h"
#include "trainer/testing.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cove/log.h>

#include "checkpoint/value.h"

#define EPOCH_0 "ck/epoch=0-step=7.ckpt"
#define EPOCH_1 "ck/epoch=1-step=14.ckpt"

static struct cove_model_checkpoint_options in_folder(int64_t save_top_k, int save_last)
{
    struct cove_model_checkpoint_options k = COVE_MODEL_CHECKPOINT_OPTIONS_INIT;
    k.dirpath = "ck";
    k.save_top_k = save_top_k;
    k.save_last = save_last;
    return k;
}

static int refuse_save(void *self, cove_trainer *t, cove_value *tree, struct cove_error *err)
{
    return *(const int *)self ? COVE_EIO : 0;
}

/* One fit with a ModelCheckpoint; `save_fails`: none of its saves succeeds. */
static int fit(const struct cove_model_checkpoint_options *k, int64_t max_epochs, const char *ckpt, int save_fails,
               struct cove_error *err)
{
    static struct line model;
    struct cove_trainer_options o = quiet(max_epochs);
    struct cove_callback guard = COVE_CALLBACK_INIT, *callbacks[2] = { &guard };
    cove_trainer *trainer;
    line_init(&model);
    guard.self = &save_fails;
    guard.hooks.on_save_checkpoint = refuse_save;
    assert_int_equal(cove_model_checkpoint_new(k, &callbacks[1], NULL), 0);
    o.callbacks = callbacks;
    o.n_callbacks = 2;
    assert_int_equal(cove_trainer_new(&o, &trainer, NULL), 0);
    int rc = cove_trainer_fit(trainer, &model.module, &model.data, ckpt, err);
    cove_trainer_free(trainer);
    cove_callback_free(callbacks[1]);
    return rc;
}

static void fits(const struct cove_model_checkpoint_options *k, int64_t max_epochs, const char *ckpt)
{
    struct cove_error err = COVE_ERROR_INIT;
    if (fit(k, max_epochs, ckpt, 0, &err) != 0)
        fail_msg("%s", err.message);
}

static bool is_link(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

static void replace_by_link(const char *target, const char *path)
{
    unlink(path);
    assert_int_equal(symlink(target, path), 0);
}

static int64_t epoch_of(const char *path)
{
    cove_value *tree;
    int64_t epoch = -1;
    assert_int_equal(cove_checkpoint_load_url(path, &tree, NULL), 0);
    assert_int_equal(cove_value_get_int(cove_value_dict_get(tree, "epoch"), &epoch, NULL), 0);
    cove_value_unref(tree);
    return epoch;
}

/* ---- links ---- */

/* Lightning's save_last="link" leaves last.ckpt as a link to the best one. Resumed from it, a run writes last.ckpt and
 * neither writes over nor removes the one it was resumed from. */
static void a_link_is_replaced(void **state)
{
    for (int top_k = 0; top_k < 2; top_k++) { /* 0: last.ckpt is saved, 1: it is copied */
        struct cove_model_checkpoint_options k = in_folder(1, 1);
        fits(&k, 1, NULL);
        replace_by_link("epoch=0-step=7.ckpt", "ck/last.ckpt");
        k.save_top_k = top_k;
        fits(&k, 3, "last");
        assert_false(is_link("ck/last.ckpt"));
        assert_int_equal(epoch_of("ck/last.ckpt"), 2);
        assert_int_equal(epoch_of(EPOCH_0), 0);
        remove_url("ck");
    }
}

/* A link that leads nowhere or to itself (Lightning has left such) is one as well. */
static void a_broken_link_is_replaced(void **state)
{
    static const char *const targets[] = { "last.ckpt", "gone.ckpt", "/nowhere/gone.ckpt" };
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        struct cove_model_checkpoint_options k = in_folder(1, 1);
        fits(&k, 1, NULL);
        replace_by_link(targets[i], "ck/last.ckpt");
        fits(&k, 2, EPOCH_0);
        assert_int_equal(epoch_of("ck/last.ckpt"), 1);
        assert_int_equal(url_exists("ck/gone.ckpt"), 0);
        /* A run from the start doesn't know it, and takes another name. */
        replace_by_link(targets[i], "ck/last.ckpt");
        fits(&k, 1, NULL);
        assert_true(is_link("ck/last.ckpt"));
        assert_int_equal(epoch_of("ck/last-v1.ckpt"), 0);
        remove_url("ck");
    }
}

static void a_name_that_is_taken_anyway(void **state)
{
    struct cove_model_checkpoint_options k = in_folder(1, 0);
    k.enable_version_counter = 0;
    fits(&k, 1, NULL);
    assert_int_equal(rename(EPOCH_0, "kept.ckpt"), 0);
    replace_by_link("../kept.ckpt", EPOCH_1);
    fits(&k, 2, NULL);
    assert_false(is_link(EPOCH_1));
    assert_int_equal(epoch_of("kept.ckpt"), 0);
}

static void a_failed_save_leaves_the_link(void **state)
{
    struct cove_model_checkpoint_options k = in_folder(0, 1);
    fits(&k, 1, NULL);
    assert_int_equal(rename("ck/last.ckpt", "ck/kept.ckpt"), 0);
    replace_by_link("kept.ckpt", "ck/last.ckpt");
    assert_int_equal(fit(&k, 2, "last", 1, NULL), COVE_EIO);
    assert_true(is_link("ck/last.ckpt"));
    assert_int_equal(epoch_of("ck/last.ckpt"), 0);
}

/* ---- the state of a foreign checkpoint ---- */

/* Saves `from` at `to`, with `key` of ModelCheckpoint's state changed. */
static void change(const char *from, const char *to, const char *key, cove_value *item)
{
    cove_value *tree;
    assert_int_equal(cove_checkpoint_load_url(from, &tree, NULL), 0);
    assert_int_equal(cove_value_dict_set(cove_value_item(cove_value_dict_get(tree, "callbacks"), 0), key, item, NULL),
                     0);
    assert_int_equal(cove_checkpoint_save_url(to, tree, NULL), 0);
    cove_value_unref(tree);
}

static void touch(const char *path)
{
    assert_int_equal(cove_write_url(path, "text", 4, NULL), 0);
}

static void only_own_checkpoints_are_removed(void **state)
{
    static const char *const names[] = {
        "notes.txt",  "link/secret.txt",  "link/epoch=0-step=1.ckpt", "sub/f.ckpt",
        "l.ckpt",     "epoch=0-step=1",   "last-v7.ckpt/in",          "epoch=0-step=2.ckpt",
        "/notes.txt", "sub/../notes.txt", "epoch=0-step=best.ckpt"
    };
    static const char *const keys[] = { "last_model_path", "best_model_path", "exception_model_path",
                                        "kth_best_model_path" };
    struct cove_model_checkpoint_options k = in_folder(1, 1);
    fits(&k, 1, NULL);
    assert_int_equal(rename(EPOCH_0, "whole.ckpt"), 0);
    assert_int_equal(mkdir("elsewhere", 0777) | symlink("../elsewhere", "ck/link"), 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        for (size_t j = 0; j < sizeof keys / sizeof *keys; j++) {
            char path[128];
            snprintf(path, sizeof path, "%s/ck/%s", (const char *)*state, names[i]);
            if (strcmp(names[i], "epoch=0-step=2.ckpt") == 0) /* a link is not a checkpoint that it saved */
                replace_by_link("l.ckpt", path);
            else
                touch(path);
            change("whole.ckpt", "changed.ckpt", keys[j], cove_value_new_string(path));
            fits(&k, 2, "changed.ckpt");
            if (url_exists(path) != 1)
                fail_msg("%s in %s was removed", names[i], keys[j]);
        }
    }
}

static void one_of_the_best_is_removed_only_here(void **state)
{
    struct cove_model_checkpoint_options k = in_folder(1, 0);
    const struct {
        const char *name;
        int stays;
    } cases[] = { { "notes.txt", 1 }, { "link/epoch=0-step=1.ckpt", 1 }, { "epoch=0-step=1.ckpt", 0 } };
    k.monitor = "val_loss";
    fits(&k, 1, NULL);
    assert_int_equal(rename(EPOCH_0, "whole.ckpt"), 0);
    assert_int_equal(mkdir("elsewhere", 0777) | symlink("../elsewhere", "ck/link"), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cove_value *best = cove_value_new_dict();
        char path[128];
        snprintf(path, sizeof path, "%s/ck/%s", (const char *)*state, cases[i].name);
        touch(path);
        assert_int_equal(cove_value_dict_set(best, path, cove_value_new_float(1e9), NULL), 0);
        change("whole.ckpt", "changed.ckpt", "best_k_models", best);
        fits(&k, 2, "changed.ckpt");
        assert_int_equal(url_exists(path), cases[i].stays);
    }
}

/* A path ends at its first NUL, and what follows would hide which file is meant. */
static void paths_with_nul_are_refused(void **state)
{
    static const char *const keys[] = { "dirpath", "last_model_path", "best_model_path", "exception_model_path",
                                        "kth_best_model_path" };
    struct cove_model_checkpoint_options k = in_folder(1, 1);
    static const uint8_t text[] = "/ck/last.ckpt\0x";
    fits(&k, 1, NULL);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        struct cove_error err = COVE_ERROR_INIT;
        change(EPOCH_0, "changed.ckpt", keys[i],
               cove__value_new_text(COVE_VALUE_STRING, (struct cove__slice){ text, sizeof text - 1 }));
        assert_int_equal(fit(&k, 2, "changed.ckpt", 0, &err), COVE_EMISMATCH);
        assert_non_null(strstr(err.message, keys[i]));
    }
}

/* ---- before the training ---- */

static char logged[4096];

static void keep_log(void *user, enum cove_log_level level, const char *subject, const char *text)
{
    size_t n = strlen(logged);
    snprintf(logged + n, sizeof logged - n, "%s\n", text);
}

static void dirpath_is_looked_at_first(void **state)
{
    static const struct {
        const char *dirpath;
        int rc;
    } cases[] = { { "file", COVE_ENOTDIR },
                  { "file/ck", COVE_ENOTDIR },
                  { "/dev/null/ck", COVE_ENOTDIR },
                  { "s3://b?x", COVE__HAVE_S3 ? COVE_EINVAL : COVE_ENOTSUP },
                  { "new/folder", 0 },
                  { "file://localhost/tmp", 0 },
                  { "memory://new/folder/ck", 0 } };
    touch("file");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cove_model_checkpoint_options k = in_folder(0, 0);
        struct cove_error err = COVE_ERROR_INIT;
        k.dirpath = cases[i].dirpath;
        int rc = fit(&k, 1, NULL, 0, &err);
        if (rc != cases[i].rc)
            fail_msg("%s: %d %s", k.dirpath, rc, err.message);
        assert_true(rc == 0 || strstr(err.message, "dirpath"));
    }
    assert_int_equal(url_exists("new"), 0);
}

/* Another user's folder, and a new one in it; root may write anywhere, so this is tried without its rights. */
static void dirpath_must_be_writable(void **state)
{
    static const char *const folders[] = { "locked", "locked/new/ck" };
    uid_t user = geteuid();
    assert_int_equal(chmod(".", 0755) | mkdir("locked", 0555) | chmod("locked", 0555), 0);
    if (user == 0)
        assert_int_equal(seteuid(65534), 0);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        struct cove_model_checkpoint_options k = in_folder(0, 0);
        struct cove_error err = COVE_ERROR_INIT;
        k.dirpath = folders[i];
        assert_int_equal(fit(&k, 1, NULL, 0, &err), COVE_EACCESS);
        assert_non_null(strstr(err.message, "dirpath"));
    }
    assert_int_equal(seteuid(user), 0);
}

static void a_metric_nobody_logged_is_named(void **state)
{
    struct cove_model_checkpoint_options k = in_folder(-1, 0);
    static const char said[] = "filename: val_acc was never logged";
    const char *line;
    k.filename = "{epoch}-{val_acc:.2f}-{step}-{val_loss}";
    logged[0] = '\0';
    cove_log_set(keep_log, NULL, COVE_LOG_WARNING);
    fits(&k, 2, NULL);
    cove_log_set(NULL, NULL, COVE_LOG_WARNING);
    line = strstr(logged, said);
    assert_non_null(line);
    assert_null(strstr(line + strlen(said), "was never logged"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_link_is_replaced),
        IN_FOLDER(a_broken_link_is_replaced),
        IN_FOLDER(a_name_that_is_taken_anyway),
        IN_FOLDER(a_failed_save_leaves_the_link),
        IN_FOLDER(only_own_checkpoints_are_removed),
        IN_FOLDER(one_of_the_best_is_removed_only_here),
        IN_FOLDER(paths_with_nul_are_refused),
        IN_FOLDER(dirpath_is_looked_at_first),
        IN_FOLDER(dirpath_must_be_writable),
        IN_FOLDER(a_metric_nobody_logged_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
