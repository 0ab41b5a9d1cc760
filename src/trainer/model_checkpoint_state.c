/* ModelCheckpoint's state as Lightning saves it under "callbacks", so that either continues what the other kept. */
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "trainer/folder.h"
#include "trainer/model_checkpoint.h"
#include "trainer/tree.h"

static void scalar_or_none(int *rc, cove_value *dict, const char *key, const float *number, bool there,
                           struct cove_error *err)
{
    if (there)
        cove__tree_scalar(rc, dict, key, number, err);
    else
        cove__tree_string(rc, dict, key, NULL, err);
}

int cove__model_checkpoint_state_dict(void *self, cove_value **ret_state, struct cove_error *err)
{
    struct cove__model_checkpoint *mc = self;
    cove_value *dict = cove_value_new_dict(), *kept;
    int rc = dict ? 0 : cove__fail_nomem(err, "ModelCheckpoint");
    cove__tree_string(&rc, dict, "monitor", mc->monitor, err);
    scalar_or_none(&rc, dict, "best_model_score", &mc->kept.best_score, mc->kept.has_best_score, err);
    cove__tree_string(&rc, dict, "best_model_path", mc->kept.best_path ? mc->kept.best_path : "", err);
    scalar_or_none(&rc, dict, "current_score", &mc->kept.current_score, mc->kept.has_current_score, err);
    cove__tree_string(&rc, dict, "dirpath", mc->dirpath, err);
    kept = cove__tree_dict(&rc, dict, "best_k_models", err);
    for (size_t i = 0; i < mc->kept.top.n; i++)
        cove__tree_scalar(&rc, kept, mc->kept.top.items[i].path, &mc->kept.top.items[i].score, err);
    cove__tree_string(&rc, dict, "kth_best_model_path", mc->kept.kth_path ? mc->kept.kth_path : "", err);
    cove__tree_scalar(&rc, dict, "kth_value", &mc->kept.kth_value, err);
    cove__tree_string(&rc, dict, "last_model_path", mc->kept.last_path ? mc->kept.last_path : "", err);
    /* Lightning does not save this key, and ignores it. With it a resumed run does not save the same step again. */
    cove__tree_int(&rc, dict, "last_global_step_saved", mc->kept.last_saved_step, err);
    /* Nor these: a resumed run makes a deferred save of the interrupted one, and replaces the file that the interrupted
     * run was saved to. */
    cove__tree_bool(&rc, dict, "save_deferred", mc->kept.deferred, err);
    cove__tree_string(&rc, dict, "exception_model_path", mc->kept.exception_path ? mc->kept.exception_path : "", err);
    if (rc < 0)
        cove_value_unref(dict);
    else
        *ret_state = dict;
    return rc;
}

/* ---- loading ---- */

/*
 * A path of the state in this run's spelling: `from` is the state's spelling of our folder, or NULL if that is another
 * folder. A path that can't be resolved is unchanged.
 */
static int respell(const struct cove__model_checkpoint *mc, const char *path, const char *from, char **ret,
                   struct cove_error *err)
{
    const char *below = from ? cove__folder_below(from, path) : NULL;
    char *own = NULL;
    if (below)
        own = cove__path_join(mc->dirpath, below);
    else if (!mc->trainer || cove__file_resolve(mc->trainer, path, &own, NULL) < 0)
        own = cove__strdup(path);
    *ret = own;
    return own ? 0 : cove__fail_nomem(err, "ModelCheckpoint");
}

int cove__model_checkpoint_path_in(const cove_value *state, const char *key, const char **ret, struct cove_error *err)
{
    const cove_value *item = cove__tree_at(state, key);
    size_t n = 0;
    int rc = 0;
    cove__tree_get_string(&rc, state, key, ret, err);
    if (rc == 0 && *ret && cove_value_get_string(item, ret, &n, NULL) == 0 && memchr(*ret, '\0', n))
        rc = cove__fail(err, COVE_EMISMATCH, "%s has a NUL byte", key);
    return rc;
}

/* A path of the state; "" and None are none. */
static int take_path(const struct cove__model_checkpoint *mc, const cove_value *state, const char *key,
                     const char *from, char **ret, struct cove_error *err)
{
    const char *s = NULL;
    char *own = NULL;
    int rc = cove__model_checkpoint_path_in(state, key, &s, err);
    if (rc == 0 && s && *s)
        rc = respell(mc, s, from, &own, err);
    if (rc == 0) {
        cove__free(*ret);
        *ret = own;
    }
    return rc;
}

static int take_score(const cove_value *state, const char *key, float *ret, bool *ret_there, struct cove_error *err)
{
    cove_value *item = cove__tree_at(state, key);
    *ret_there = item && cove_value_type(item) != COVE_VALUE_NONE;
    return *ret_there ? cove__tree_read_scalar(item, ret, err) : 0;
}

static int take_kept(const struct cove__model_checkpoint *mc, const cove_value *state, const char *from,
                     struct cove__top_k *top, struct cove_error *err)
{
    const cove_value *kept = cove__tree_at(state, "best_k_models");
    int rc = 0;
    for (size_t i = 0; rc == 0 && kept && i < cove_value_length(kept); i++) {
        float score = 0;
        const char *path = cove_value_key_name(kept, i);
        char *own = NULL;
        if (!path)
            rc = cove__fail(err, COVE_EMISMATCH, "best_k_models is not a dict of paths and scores");
        if (rc == 0)
            rc = cove__tree_read_scalar(cove_value_item(kept, i), &score, err);
        if (rc == 0)
            rc = respell(mc, path, from, &own, err);
        if (rc == 0 && cove__top_k_add(top, own, score) < 0)
            rc = cove__fail_nomem(err, "ModelCheckpoint");
        cove__free(own);
    }
    return rc;
}

/*
 * Whether the state's folder is ours. A relative path depends on the working directory: it is ours only if the
 * checkpoint was loaded from our folder and our folder's path ends in the relative path.
 */
static bool is_our_folder(const struct cove__model_checkpoint *mc, const char *dirpath)
{
    const char *ckpt_path = mc->trainer ? cove_trainer_ckpt_path(mc->trainer) : NULL;
    char *resolved = NULL;
    bool ours = false;
    if (!mc->trainer || !dirpath || !*dirpath)
        return false;
    if (!cove__is_relative(mc->trainer, dirpath)) {
        ours = cove__folder_resolve(mc->trainer, dirpath, &resolved, NULL) == 0 &&
               cove__folder_same(mc->trainer, resolved, mc->dirpath);
    } else if (ckpt_path && cove__file_resolve(mc->trainer, ckpt_path, &resolved, NULL) == 0) {
        size_t n = strlen(mc->dirpath), m;
        dirpath += strncmp(dirpath, "./", 2) == 0 ? 2 : 0;
        m = strlen(dirpath);
        m -= m > 0 && dirpath[m - 1] == '/';
        ours = cove__folder_below(mc->dirpath, resolved) && m < n && mc->dirpath[n - m - 1] == '/' &&
               strncmp(mc->dirpath + n - m, dirpath, m) == 0;
    }
    cove__free(resolved);
    return ours;
}

/* Reads the whole state into `to`. */
static int take_all(const struct cove__model_checkpoint *mc, const cove_value *state, const char *from,
                    struct cove__kept *to, struct cove_error *err)
{
    int rc, deferred = 0;
    bool unused;
    if ((rc = take_kept(mc, state, from, &to->top, err)) < 0 ||
        (rc = take_path(mc, state, "last_model_path", from, &to->last_path, err)) < 0 ||
        (rc = take_path(mc, state, "kth_best_model_path", from, &to->kth_path, err)) < 0 ||
        (rc = take_path(mc, state, "exception_model_path", from, &to->exception_path, err)) < 0 ||
        (rc = take_score(state, "best_model_score", &to->best_score, &to->has_best_score, err)) < 0 ||
        (rc = take_score(state, "current_score", &to->current_score, &to->has_current_score, err)) < 0 ||
        (rc = take_score(state, "kth_value", &to->kth_value, &unused, err)) < 0)
        return rc;
    cove__tree_get_int(&rc, state, "last_global_step_saved", &to->last_saved_step, err);
    cove__tree_get_bool(&rc, state, "save_deferred", &deferred, err);
    to->deferred = deferred;
    return rc;
}

int cove__model_checkpoint_load(void *self, const cove_value *state, struct cove_error *err)
{
    struct cove__model_checkpoint *mc = self;
    struct cove__kept to = { .top = { .max = mc->kept.top.max, .k = mc->kept.top.k }, .kth_value = mc->kept.kth_value };
    const char *dirpath = NULL;
    bool ours;
    int rc = cove__model_checkpoint_path_in(state, "dirpath", &dirpath, err);
    to.last_saved_step = -1;
    ours = rc == 0 && is_our_folder(mc, dirpath);
    if (rc == 0)
        rc = take_path(mc, state, "best_model_path", ours ? dirpath : NULL, &to.best_path, err);
    if (rc == 0 && ours)
        rc = take_all(mc, state, dirpath, &to, err);
    if (rc < 0) {
        cove__kept_done(&to);
        return cove__error_prefix(err, rc, "ModelCheckpoint");
    }
    if (ours) {
        cove__kept_done(&mc->kept);
        mc->kept = to;
        return 0;
    }
    cove__log(COVE_LOG_WARNING, "trainer",
              "ModelCheckpoint: this run saves to %s, the checkpoint's saved to %s: only best_model_path is taken over",
              mc->dirpath ? mc->dirpath : "", dirpath ? dirpath : "");
    cove__free(mc->kept.best_path);
    mc->kept.best_path = to.best_path;
    mc->kept.best_is_foreign = true;
    mc->kept.last_saved_step = -1;
    mc->kept.deferred = false;
    return 0;
}
