/*
 * ModelCheckpoint's saves: chooses a name, changes the state, has the trainer save, and removes files that are no
 * longer among the best. The state is changed before the save, because it is part of the checkpoint, and restored if
 * the save fails. top_k.c compares scores, filename.c makes names, model_checkpoint_file.c writes and removes
 * files, model_checkpoint.c decides when to save.
 */
#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "trainer/filename.h"
#include "trainer/folder.h"
#include "trainer/model_checkpoint.h"

#define MAX_VERSIONS 100000

/* A save that is being prepared. */
struct save {
    struct cove__kept next; /* the state in the checkpoint */
    char *path;             /* owned; NULL: only last.ckpt, or nothing */
    char *gone;             /* owned; NULL: none. The file to remove after `path` is written */
};

static void save_done(struct save *s)
{
    cove__kept_done(&s->next);
    cove__free(s->path);
    cove__free(s->gone);
}

static int begin(const struct cove__model_checkpoint *mc, struct save *ret, struct cove_error *err)
{
    *ret = (struct save){ 0 };
    return cove__kept_copy(&mc->kept, &ret->next) == 0 ? 0 : cove__fail_nomem(err, "ModelCheckpoint");
}

static int set(char **field, const char *s, struct cove_error *err)
{
    return cove__set_string(field, s) == 0 ? 0 : cove__fail_nomem(err, "ModelCheckpoint");
}

/* ---- names ---- */

static bool field_of(void *user, const char *name, struct cove__field *ret)
{
    const cove_trainer *trainer = user;
    bool epoch = strcmp(name, "epoch") == 0, counted = epoch || strcmp(name, "step") == 0;
    double value;
    if (cove_trainer_metric(trainer, name, &value, NULL) == 0)
        /* The user's metric of that name, as a whole number. */
        *ret = counted && fabs(value) < 0x1p63 ? (struct cove__field){ .is_int = true, .i = (int64_t)value }
                                               : (struct cove__field){ .d = value };
    else if (counted)
        *ret = (struct cove__field){ .is_int = true,
                                     .i = epoch ? cove_trainer_current_epoch(trainer)
                                                : cove_trainer_global_step(trainer) };
    else
        return false;
    return true;
}

struct check {
    const cove_trainer *trainer;
    bool missing;
};

static bool warn_if_missing(void *user, const char *name, struct cove__field *ret)
{
    struct check *check = user;
    if (field_of((void *)(uintptr_t)check->trainer, name, ret))
        return true;
    check->missing = true;
    cove__log(COVE_LOG_WARNING, "trainer", "ModelCheckpoint: filename: %s was never logged and is written as 0", name);
    return false;
}

/* Warns once of metrics that the template names and that were not logged. */
static void check_fields(struct cove__model_checkpoint *mc, const cove_trainer *trainer)
{
    struct cove__buf name = COVE__BUF_INIT(COVE__MAX_FILENAME);
    struct check check = { .trainer = trainer };
    if (!mc->warned)
        cove__format_filename(cove__model_checkpoint_template(mc), false, warn_if_missing, &check, &name, NULL);
    mc->warned |= check.missing;
    cove__buf_done(&name);
}

static bool same(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

/* The URL for template `text`, with -v1, -v2 … if a file of that name exists. Two of our own files may be replaced:
 * `old` (NULL: none), and the file of the interrupted run, by the save that was due then. */
static int make_path(const struct cove__model_checkpoint *mc, cove_trainer *trainer, const char *text, const char *old,
                     char **ret_path, struct cove_error *err)
{
    struct cove__buf name = COVE__BUF_INIT(COVE__MAX_FILENAME), versioned = COVE__BUF_INIT(COVE__MAX_FILENAME + 32);
    enum cove__entry entry = COVE__ENTRY_NONE;
    char *path = NULL;
    int rc = cove__format_filename(text, mc->o.auto_insert_metric_name, field_of, trainer, &name, err);
    for (int version = 0; rc == 0; version++) {
        cove__buf_reset(&versioned);
        cove__buf_add_str(&versioned, cove__buf_str(&name));
        if (version > 0)
            cove__buf_addf(&versioned, "-v%d", version);
        cove__buf_add_str(&versioned, COVE__CHECKPOINT_SUFFIX);
        cove__free(path);
        path = cove__buf_rc(&versioned) == 0 ? cove__path_join(mc->dirpath, cove__buf_str(&versioned)) : NULL;
        if (!path) {
            rc = cove__fail_nomem(err, "ModelCheckpoint");
            break;
        }
        if (!mc->o.enable_version_counter || same(path, old) || same(path, mc->kept.exception_path) ||
            (rc = cove__entry_at(trainer, path, &entry, err)) < 0 || entry == COVE__ENTRY_NONE)
            break;
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

static int make_template_path(const struct cove__model_checkpoint *mc, cove_trainer *trainer, const char *old,
                              char **ret_path, struct cove_error *err)
{
    return make_path(mc, trainer, cove__model_checkpoint_template(mc), old, ret_path, err);
}

/* ---- saving ---- */

/* `path` is written, last.ckpt is not: the state keeps the older last.ckpt, which still exists. */
static void take_last_back(struct cove__model_checkpoint *mc, struct cove__kept *before)
{
    cove__free(mc->kept.last_path);
    mc->kept.last_path = before->last_path;
    before->last_path = NULL;
}

/* Saves as prepared and, with save_last, to last.ckpt: the same bytes, because both have the same state. */
static int run(struct cove__model_checkpoint *mc, cove_trainer *trainer, struct save *s, struct cove_error *err)
{
    struct cove__kept before = mc->kept;
    const char *last = NULL;
    char *made;
    int rc = 0;
    if (mc->o.save_last) {
        if ((rc = make_path(mc, trainer, "last", mc->kept.last_path, &made, err)) < 0)
            return rc;
        cove__free(s->next.last_path);
        last = s->next.last_path = made;
    }
    mc->kept = s->next;
    s->next = (struct cove__kept){ 0 };
    rc = s->path || last ? cove__model_checkpoint_write(mc, trainer, s->path ? s->path : last, err) : 0;
    if (rc < 0) {
        cove__kept_done(&mc->kept);
        mc->kept = before;
        return rc;
    }
    mc->saved_any |= s->path || last;
    if (s->path && last && (rc = cove__model_checkpoint_copy(mc, trainer, s->path, last, err)) < 0)
        take_last_back(mc, &before);
    /* If last.ckpt is still the older one, a run resumed from it finds the older state. */
    if (rc == 0 && s->gone)
        cove__model_checkpoint_prune(mc, trainer, s->gone);
    if (rc == 0 && before.last_path)
        cove__model_checkpoint_prune(mc, trainer, before.last_path);
    cove__kept_done(&before);
    return rc;
}

/* Without a monitor the newest is the best, and with save_top_k 1 the older one is removed. */
static int plan_newest(const struct cove__model_checkpoint *mc, cove_trainer *trainer, struct save *s,
                       struct cove_error *err)
{
    bool replaces = mc->o.save_top_k == 1 && !mc->kept.best_is_foreign;
    int rc = make_template_path(mc, trainer, mc->kept.best_is_foreign ? NULL : mc->kept.best_path, &s->path, err);
    if (rc == 0 && replaces)
        rc = set(&s->gone, mc->kept.best_path, err);
    if (rc == 0)
        rc = set(&s->next.best_path, s->path, err);
    s->next.best_is_foreign = false;
    return rc;
}

/* With a monitor: if it is among the k best, it replaces the worst of them. */
static int plan_scored(const struct cove__model_checkpoint *mc, cove_trainer *trainer, float score, struct save *s,
                       struct cove_error *err)
{
    struct cove__kept *next = &s->next;
    const struct cove__scored *out = cove__top_k_evicts(&next->top), *best, *worst;
    int rc = set(&s->gone, out ? out->path : NULL, err);
    if (rc < 0 || (rc = make_template_path(mc, trainer, s->gone, &s->path, err)) < 0)
        return rc;
    if (cove__top_k_add(&next->top, s->path, score) < 0)
        return cove__fail_nomem(err, "ModelCheckpoint");
    best = cove__top_k_best(&next->top);
    if ((rc = set(&next->best_path, best->path, err)) < 0)
        return rc;
    next->best_is_foreign = false;
    next->best_score = best->score;
    next->current_score = cove__top_k_number(&next->top, score);
    next->has_current_score = next->has_best_score = true;
    if (!cove__top_k_is_full(&next->top))
        return 0;
    worst = cove__top_k_worst(&next->top);
    next->kth_value = worst->score;
    return set(&next->kth_path, worst->path, err);
}

static int plan(const struct cove__model_checkpoint *mc, cove_trainer *trainer, struct save *s, struct cove_error *err)
{
    double value;
    int rc;
    if (mc->o.save_top_k == 0)
        return 0;
    if (!mc->monitor)
        return plan_newest(mc, trainer, s, err);
    rc = cove_trainer_metric(trainer, mc->monitor, &value, err);
    if (rc == COVE_ENOTFOUND && !cove_trainer_is_last_batch(trainer)) {
        /* An epoch that ended early may have had no validation. */
        cove__log(COVE_LOG_WARNING, "trainer", "ModelCheckpoint: %s was not logged yet", mc->monitor);
        return 0;
    }
    if (rc < 0)
        return cove__error_prefix(err, rc, "ModelCheckpoint");
    return cove__top_k_wants(&mc->kept.top, (float)value) ? plan_scored(mc, trainer, (float)value, s, err) : 0;
}

int cove__model_checkpoint_save(struct cove__model_checkpoint *mc, cove_trainer *trainer, struct cove_error *err)
{
    int64_t step = cove_trainer_global_step(trainer);
    struct save s;
    int rc = begin(mc, &s, err);
    s.next.deferred = false;
    if (rc == 0)
        rc = plan(mc, trainer, &s, err);
    if (rc == 0 && s.path)
        check_fields(mc, trainer);
    if (rc == 0 && s.path && same(s.path, s.next.exception_path))
        rc = set(&s.next.exception_path, NULL, err);
    if (rc == 0 && (s.path || mc->o.save_last))
        s.next.last_saved_step = step;
    if (rc == 0)
        rc = run(mc, trainer, &s, err);
    save_done(&s);
    return rc;
}

int cove__model_checkpoint_save_last(struct cove__model_checkpoint *mc, cove_trainer *trainer, struct cove_error *err)
{
    struct save s;
    int rc = begin(mc, &s, err);
    s.next.last_saved_step = cove_trainer_global_step(trainer);
    if (rc == 0)
        rc = run(mc, trainer, &s, err);
    save_done(&s);
    return rc;
}

int cove__model_checkpoint_save_cut(struct cove__model_checkpoint *mc, cove_trainer *trainer, struct cove_error *err)
{
    struct save s;
    int rc = begin(mc, &s, err);
    if (rc == 0 && !mc->o.save_last && (rc = make_template_path(mc, trainer, NULL, &s.path, err)) == 0)
        rc = set(&s.next.exception_path, s.path, err);
    if (rc == 0)
        rc = run(mc, trainer, &s, err);
    save_done(&s);
    return rc;
}
