/* ModelCheckpoint's state as Lightning saves it under "callbacks", so that either continues what the other kept. */
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
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
    scalar_or_none(&rc, dict, "best_model_score", &mc->best_score, mc->has_best_score, err);
    cove__tree_string(&rc, dict, "best_model_path", mc->best_path ? mc->best_path : "", err);
    scalar_or_none(&rc, dict, "current_score", &mc->current_score, mc->has_current_score, err);
    cove__tree_string(&rc, dict, "dirpath", mc->dirpath, err);
    kept = cove__tree_dict(&rc, dict, "best_k_models", err);
    for (size_t i = 0; i < mc->top.n; i++)
        cove__tree_scalar(&rc, kept, mc->top.items[i].path, &mc->top.items[i].score, err);
    cove__tree_string(&rc, dict, "kth_best_model_path", mc->kth_path ? mc->kth_path : "", err);
    cove__tree_scalar(&rc, dict, "kth_value", &mc->kth_value, err);
    cove__tree_string(&rc, dict, "last_model_path", mc->last_path ? mc->last_path : "", err);
    /* Lightning does not keep this one, and skips it: with it a resumed run does not save the same step again. */
    cove__tree_int(&rc, dict, "last_global_step_saved", mc->last_saved_step, err);
    if (rc < 0)
        cove_value_unref(dict);
    else
        *ret_state = dict;
    return rc;
}

/* A path of the state; "" and None are none. */
static int take_path(const cove_value *state, const char *key, char **ret, struct cove_error *err)
{
    const char *s = NULL;
    char *copy = NULL;
    int rc = 0;
    cove__tree_get_string(&rc, state, key, &s, err);
    if (rc == 0 && s && *s && !(copy = cove__strdup(s)))
        rc = cove__fail_nomem(err, "ModelCheckpoint");
    if (rc == 0) {
        cove__free(*ret);
        *ret = copy;
    }
    return rc;
}

static int take_score(const cove_value *state, const char *key, float *ret, bool *ret_there, struct cove_error *err)
{
    cove_value *item = cove__tree_at(state, key);
    if (!item || cove_value_type(item) == COVE_VALUE_NONE)
        return 0;
    *ret_there = true;
    return cove__tree_read_scalar(item, ret, err);
}

static int take_kept(struct cove__model_checkpoint *mc, const cove_value *state, struct cove_error *err)
{
    const cove_value *kept = cove__tree_at(state, "best_k_models");
    struct cove__top_k top = { .max = mc->top.max, .k = mc->top.k };
    int rc = 0;
    for (size_t i = 0; rc == 0 && kept && i < cove_value_length(kept); i++) {
        float score = 0;
        const char *path = cove_value_key_name(kept, i);
        if (!path)
            rc = cove__fail(err, COVE_EMISMATCH, "best_k_models is not a dict of paths and scores");
        if (rc == 0)
            rc = cove__tree_read_scalar(cove_value_item(kept, i), &score, err);
        if (rc == 0 && cove__top_k_add(&top, path, score) < 0)
            rc = cove__fail_nomem(err, "ModelCheckpoint");
    }
    if (rc < 0) {
        cove__top_k_done(&top);
        return rc;
    }
    cove__top_k_done(&mc->top);
    mc->top = top;
    return 0;
}

int cove__model_checkpoint_load(void *self, const cove_value *state, struct cove_error *err)
{
    struct cove__model_checkpoint *mc = self;
    const char *dirpath = NULL;
    bool unused;
    int rc = take_path(state, "best_model_path", &mc->best_path, err);
    cove__tree_get_string(&rc, state, "dirpath", &dirpath, err);
    if (rc == 0 && (!dirpath || !mc->dirpath || strcmp(dirpath, mc->dirpath) != 0)) {
        cove__log(
            COVE_LOG_WARNING, "trainer",
            "ModelCheckpoint: this run saves to %s, the checkpoint's saved to %s: only best_model_path is taken over",
            mc->dirpath ? mc->dirpath : "", dirpath ? dirpath : "");
        return 0;
    }
    if (rc == 0)
        rc = take_kept(mc, state, err);
    if (rc == 0)
        rc = take_path(state, "last_model_path", &mc->last_path, err);
    if (rc == 0)
        rc = take_path(state, "kth_best_model_path", &mc->kth_path, err);
    if (rc == 0)
        rc = take_score(state, "best_model_score", &mc->best_score, &mc->has_best_score, err);
    if (rc == 0)
        rc = take_score(state, "current_score", &mc->current_score, &mc->has_current_score, err);
    if (rc == 0)
        rc = take_score(state, "kth_value", &mc->kth_value, &unused, err);
    cove__tree_get_int(&rc, state, "last_global_step_saved", &mc->last_saved_step, err);
    return rc < 0 ? cove__error_prefix(err, rc, "ModelCheckpoint") : 0;
}
