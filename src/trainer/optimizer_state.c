/*
 * An optimizer's state_dict in torch's layout: { "state": { 0: {...}, … }, "param_groups": [ {...}, … ] }, with
 * parameters numbered through all groups. Between optimizer.c's slots and the checkpoint's "optimizer_states".
 */
#include "trainer/optimizer.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "trainer/params.h"
#include "trainer/tree.h"

/* The states of a parameter by torch's names, in torch's order; a NULL name ends the list. */
struct state_name {
    const char *name;
    size_t offset; /* of the float pointer in a slot */
};
static const struct state_name sgd_names[] = { { "momentum_buffer", offsetof(struct cove__slot, first) }, { 0 } };
static const struct state_name adam_names[] = { { "exp_avg", offsetof(struct cove__slot, first) },
                                                { "exp_avg_sq", offsetof(struct cove__slot, second) },
                                                { "max_exp_avg_sq", offsetof(struct cove__slot, third) },
                                                { 0 } };

static const struct state_name *names_of(const struct cove_optimizer_options *o)
{
    return o->kind == COVE_OPTIMIZER_SGD ? sgd_names : adam_names;
}

static float *state_of(const struct cove__slot *slot, const struct state_name *name)
{
    float *p;
    memcpy(&p, (const char *)slot + name->offset, sizeof p);
    return p;
}

/* ---- out ---- */

static int add_slot(cove_value *dict, const struct cove__slot *slot, const struct cove_optimizer_options *o,
                    struct cove_error *err)
{
    int rc = 0;
    if (o->kind != COVE_OPTIMIZER_SGD) {
        struct cove_tensor_view step = { .dtype = COVE_DTYPE_FLOAT32, .data = (void *)(uintptr_t)&slot->step };
        rc = cove__tree_set_tensor(dict, "step", &step, err);
    }
    for (const struct state_name *s = names_of(o); rc == 0 && s->name; s++) {
        struct cove_tensor_view view = slot->parameter.value;
        view.data = state_of(slot, s);
        view.strides = NULL;
        if (view.data)
            rc = cove__tree_set_tensor(dict, s->name, &view, err);
    }
    return rc;
}

static int add_group(cove_value *list, const struct cove__group *group, size_t first, struct cove_error *err)
{
    const struct cove_optimizer_options *o = &group->o;
    cove_value *dict = cove_value_new_dict(), *params = cove_value_new_list(), *betas = NULL;
    int rc = dict && params ? 0 : cove__fail_nomem(err, "the optimizer's groups");
    if (rc < 0)
        goto out;
    cove__tree_float(&rc, dict, "lr", o->lr, err);
    if (o->kind == COVE_OPTIMIZER_SGD) {
        cove__tree_float(&rc, dict, "momentum", o->momentum, err);
        cove__tree_float(&rc, dict, "dampening", o->dampening, err);
        cove__tree_float(&rc, dict, "weight_decay", o->weight_decay, err);
        cove__tree_bool(&rc, dict, "nesterov", o->nesterov, err);
    } else {
        betas = cove_value_new_tuple();
        if (!betas)
            rc = cove__fail_nomem(err, "betas");
        if (rc == 0)
            rc = cove_value_append(betas, cove_value_new_float(o->beta1), err);
        if (rc == 0)
            rc = cove_value_append(betas, cove_value_new_float(o->beta2), err);
        if (rc == 0)
            rc = cove_value_dict_set(dict, "betas", cove_value_ref(betas), err);
        cove__tree_float(&rc, dict, "eps", o->eps, err);
        cove__tree_float(&rc, dict, "weight_decay", o->weight_decay, err);
        cove__tree_bool(&rc, dict, "amsgrad", o->amsgrad, err);
    }
    cove__tree_bool(&rc, dict, "maximize", o->maximize, err);
    cove__tree_set(&rc, dict, "foreach", cove_value_new_none(), err);
    if (o->kind != COVE_OPTIMIZER_SGD)
        cove__tree_bool(&rc, dict, "capturable", 0, err);
    cove__tree_bool(&rc, dict, "differentiable", 0, err);
    cove__tree_set(&rc, dict, "fused", cove_value_new_none(), err);
    if (o->kind != COVE_OPTIMIZER_SGD)
        cove__tree_bool(&rc, dict, "decoupled_weight_decay", o->kind == COVE_OPTIMIZER_ADAMW, err);
    if (group->has_initial_lr)
        cove__tree_float(&rc, dict, "initial_lr", group->initial_lr, err);
    for (size_t i = 0; rc == 0 && i < group->n_slots; i++)
        rc = cove_value_append(params, cove_value_new_int((int64_t)(first + i)), err);
    if (rc == 0)
        rc = cove_value_dict_set(dict, "params", cove_value_ref(params), err);
    if (rc == 0)
        rc = cove_value_append(list, cove_value_ref(dict), err);
out:
    cove_value_unref(betas);
    cove_value_unref(params);
    cove_value_unref(dict);
    return rc;
}

int cove_optimizer_state_dict(const cove_optimizer *optimizer, cove_value **ret_state, struct cove_error *err)
{
    cove_value *tree = cove_value_new_dict(), *state = cove_value_new_dict(), *groups = cove_value_new_list();
    int rc = tree && state && groups ? 0 : cove__fail_nomem(err, "the optimizer's state_dict");
    size_t n = 0;
    for (size_t g = 0; rc == 0 && g < optimizer->n_groups; g++) {
        size_t first = n;
        for (; rc == 0 && n < first + optimizer->groups[g].n_slots; n++) {
            cove_value *dict;
            if (!optimizer->slots[n].has_state)
                continue;
            dict = cove_value_new_dict();
            rc = cove_value_dict_set_by_int(state, (int64_t)n, dict, err);
            if (rc == 0)
                rc = add_slot(dict, &optimizer->slots[n], &optimizer->groups[g].o, err);
        }
        if (rc == 0)
            rc = add_group(groups, &optimizer->groups[g], first, err);
    }
    if (rc == 0)
        rc = cove_value_dict_set(tree, "state", cove_value_ref(state), err);
    if (rc == 0)
        rc = cove_value_dict_set(tree, "param_groups", cove_value_ref(groups), err);
    if (rc == 0)
        *ret_state = cove_value_ref(tree);
    cove_value_unref(groups);
    cove_value_unref(state);
    cove_value_unref(tree);
    return rc;
}

/* ---- in ---- */

/* Options of group `g` as the checkpoint has them; what it lacks stays. Checked, so that applying them can't fail. */
static int read_group(const struct cove__group *group, const cove_value *dict, size_t g, struct cove__group *ret,
                      struct cove_error *err)
{
    struct cove_optimizer_options *o = &ret->o;
    const cove_value *betas = cove_value_dict_get(dict, "betas"), *params = cove_value_dict_get(dict, "params");
    int is_sgd = group->o.kind == COVE_OPTIMIZER_SGD, decoupled = group->o.kind == COVE_OPTIMIZER_ADAMW;
    int rc = 0;
    *ret = *group;
    if (cove_value_length(params) != group->n_slots)
        return cove__fail(err, COVE_EMISMATCH, "optimizer: group %zu has %zu parameters in the checkpoint, %zu here", g,
                          cove_value_length(params), group->n_slots);
    if (is_sgd != !betas)
        return cove__fail(err, COVE_EMISMATCH, "optimizer: the checkpoint's is %s, this one is %s",
                          betas ? "Adam" : "SGD", is_sgd ? "SGD" : "Adam");
    cove__tree_get_float(&rc, dict, "lr", &o->lr, err);
    cove__tree_get_float(&rc, dict, "weight_decay", &o->weight_decay, err);
    cove__tree_get_bool(&rc, dict, "maximize", &o->maximize, err);
    if (is_sgd) {
        cove__tree_get_float(&rc, dict, "momentum", &o->momentum, err);
        cove__tree_get_float(&rc, dict, "dampening", &o->dampening, err);
        cove__tree_get_bool(&rc, dict, "nesterov", &o->nesterov, err);
    } else {
        if (rc == 0 && cove_value_length(betas) != 2)
            rc = cove__fail(err, COVE_EMISMATCH, "optimizer: the betas of group %zu in the checkpoint are not a pair",
                            g);
        if (rc == 0)
            rc = cove_value_get_float(cove_value_item(betas, 0), &o->beta1, err);
        if (rc == 0)
            rc = cove_value_get_float(cove_value_item(betas, 1), &o->beta2, err);
        cove__tree_get_float(&rc, dict, "eps", &o->eps, err);
        cove__tree_get_bool(&rc, dict, "amsgrad", &o->amsgrad, err);
        cove__tree_get_bool(&rc, dict, "decoupled_weight_decay", &decoupled, err);
        o->kind = decoupled ? COVE_OPTIMIZER_ADAMW : COVE_OPTIMIZER_ADAM;
    }
    if (rc == 0 && cove_value_dict_get(dict, "initial_lr")) {
        ret->has_initial_lr = true;
        cove__tree_get_float(&rc, dict, "initial_lr", &ret->initial_lr, err);
    }
    return rc;
}

/* Torch leaves a None, or nothing, where a state isn't kept. */
static cove_value *state_item(const cove_value *dict, const char *name)
{
    cove_value *item = dict ? cove_value_dict_get(dict, name) : NULL;
    return item && cove_value_type(item) != COVE_VALUE_NONE ? item : NULL;
}

static int match_slot(const struct cove__slot *slot, const struct cove_optimizer_options *o, const cove_value *dict,
                      struct cove_error *err)
{
    for (const struct state_name *s = names_of(o); dict && s->name; s++) {
        const cove_value *item = state_item(dict, s->name);
        struct cove_tensor_view view;
        if (!item)
            continue;
        bool same = cove_value_get_tensor(item, &view, NULL) == 0 && view.dtype == COVE_DTYPE_FLOAT32 &&
                    view.n_dims == slot->parameter.value.n_dims;
        for (size_t d = 0; same && d < view.n_dims; d++)
            same = view.shape[d] == slot->parameter.value.shape[d];
        if (!same)
            return cove__fail(err, COVE_EMISMATCH, "optimizer: %s of parameter %s has another shape in the checkpoint",
                              s->name, slot->parameter.name);
    }
    if (dict && o->kind != COVE_OPTIMIZER_SGD &&
        (!state_item(dict, "exp_avg") || !state_item(dict, "exp_avg_sq") || !cove_value_dict_get(dict, "step")))
        return cove__fail(err, COVE_EMISMATCH, "optimizer: the checkpoint lacks Adam's state of parameter %s",
                          slot->parameter.name);
    return 0;
}

/* The state of parameter `i` in group `g`; torch numbers them by the group's "params". NULL: none. */
static cove_value *slot_dict(const cove_value *state, size_t g, size_t i)
{
    int64_t number;
    cove_value *params = cove_value_dict_get(cove_value_item(cove_value_dict_get(state, "param_groups"), g), "params");
    if (cove_value_get_int(cove_value_item(params, i), &number, NULL) < 0)
        return NULL;
    cove_value *dict = cove_value_dict_get_by_int(cove_value_dict_get(state, "state"), number);
    return dict && cove_value_length(dict) > 0 ? dict : NULL;
}

int cove__optimizer_match(const cove_optimizer *optimizer, const cove_value *state, struct cove_error *err)
{
    const struct cove__slot *slot = optimizer->slots;
    const cove_value *groups = NULL;
    struct cove__group group;
    int rc = 0;
    if (cove_value_type(state) == COVE_VALUE_DICT)
        groups = cove_value_dict_get(state, "param_groups");
    if (!groups || cove_value_type(groups) != COVE_VALUE_LIST || !cove_value_dict_get(state, "state") ||
        cove_value_type(cove_value_dict_get(state, "state")) != COVE_VALUE_DICT)
        return cove__fail(err, COVE_EMISMATCH, "optimizer: its state in the checkpoint is not torch's state_dict");
    if (cove_value_length(groups) != optimizer->n_groups)
        return cove__fail(err, COVE_EMISMATCH, "optimizer: %zu groups in the checkpoint, %zu here",
                          cove_value_length(groups), optimizer->n_groups);
    for (size_t g = 0; rc == 0 && g < optimizer->n_groups; g++) {
        const cove_value *dict = cove_value_item(groups, g);
        if (cove_value_type(dict) != COVE_VALUE_DICT || !cove_value_dict_get(dict, "params") ||
            cove_value_type(cove_value_dict_get(dict, "params")) != COVE_VALUE_LIST)
            return cove__fail(err, COVE_EMISMATCH, "optimizer: group %zu in the checkpoint is not torch's", g);
        rc = read_group(&optimizer->groups[g], dict, g, &group, err);
        for (size_t i = 0; rc == 0 && i < optimizer->groups[g].n_slots; i++)
            rc = match_slot(slot++, &group.o, slot_dict(state, g, i), err);
    }
    return rc;
}

static int load_slot(struct cove__slot *slot, const struct cove_optimizer_options *o, const cove_value *dict,
                     struct cove_error *err)
{
    int rc = 0;
    slot->has_state = false;
    if (!dict)
        return 0;
    if (o->kind != COVE_OPTIMIZER_SGD)
        rc = cove__tree_read_scalar(cove_value_dict_get(dict, "step"), &slot->step, err);
    for (const struct state_name *s = names_of(o); rc == 0 && s->name; s++) {
        struct cove_tensor_view view = slot->parameter.value;
        view.data = state_of(slot, s);
        view.strides = NULL;
        if (view.data && state_item(dict, s->name)) {
            rc = cove_value_copy_tensor(state_item(dict, s->name), &view, NULL, err);
            slot->has_state = rc == 0;
        }
    }
    return rc;
}

int cove_optimizer_load_state_dict(cove_optimizer *optimizer, const cove_value *state, struct cove_error *err)
{
    struct cove__slot *slot = optimizer->slots;
    struct cove__group group;
    int rc = cove__optimizer_match(optimizer, state, err);
    /* All memory first: once a state is copied, nothing is left that may fail but a store that lost the object
     * meanwhile. */
    for (size_t g = 0; rc == 0 && g < optimizer->n_groups; g++) {
        rc = read_group(&optimizer->groups[g], cove_value_item(cove_value_dict_get(state, "param_groups"), g), g,
                        &group, err);
        for (size_t i = 0; rc == 0 && i < group.n_slots; i++)
            rc = cove__slot_alloc(slot++, &group.o, err);
    }
    slot = optimizer->slots;
    for (size_t g = 0; rc == 0 && g < optimizer->n_groups; g++) {
        rc = read_group(&optimizer->groups[g], cove_value_item(cove_value_dict_get(state, "param_groups"), g), g,
                        &group, err);
        for (size_t i = 0; rc == 0 && i < group.n_slots; i++)
            rc = load_slot(slot++, &group.o, slot_dict(state, g, i), err);
        if (rc == 0)
            optimizer->groups[g] = group;
    }
    return rc;
}
