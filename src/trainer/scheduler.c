/*
 * Learning-rate schedules with torch.optim.lr_scheduler's recursive formulas, so that the rate of a resumed run is the
 * same bits. The loop steps them after an epoch or after an optimizer step.
 */
#include "trainer/scheduler.h"

#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "trainer/optimizer.h"
#include "base/copy_options.h"
#include "trainer/progress.h"
#include "trainer/tree.h"

#define PI 3.141592653589793

static double cosine(const cove_lr_scheduler *s, double lr, double base)
{
    double t = (double)s->o.t_max, e = (double)s->last_epoch, low = s->o.eta_min;
    /* The rate is at its lowest after an odd number of times t_max. */
    if ((s->last_epoch - 1) % s->o.t_max == 0 && (s->last_epoch - 1) / s->o.t_max % 2 != 0)
        return lr + (base - low) * (1 - cos(PI / t)) / 2;
    return (1 + cos(PI * e / t)) / (1 + cos(PI * (e - 1) / t)) * (lr - low) + low;
}

static double next_lr(const cove_lr_scheduler *s, double lr, double base)
{
    switch (s->o.kind) {
    case COVE_LR_SCHEDULER_STEP:
        return s->last_epoch > 0 && s->last_epoch % s->o.step_size == 0 ? lr * s->o.gamma : lr;
    case COVE_LR_SCHEDULER_COSINE_ANNEALING:
        return s->last_epoch > 0 ? cosine(s, lr, base) : lr;
    case COVE_LR_SCHEDULER_LAMBDA:
        return base * s->o.lr_lambda(s->o.user, s->last_epoch);
    }
    return lr;
}

static void apply(cove_lr_scheduler *s)
{
    for (size_t g = 0; g < s->optimizer->n_groups; g++) {
        struct cove__group *group = &s->optimizer->groups[g];
        group->o.lr = next_lr(s, group->o.lr, group->initial_lr);
    }
}

int cove_lr_scheduler_new(const struct cove_lr_scheduler_options *options, cove_optimizer *optimizer,
                          cove_lr_scheduler **ret_scheduler, struct cove_error *err)
{
    struct cove_lr_scheduler_options o = COVE_LR_SCHEDULER_OPTIONS_INIT(COVE_LR_SCHEDULER_STEP);
    int rc = COVE__COPY_OPTIONS(&o, options, "lr_scheduler: options", err);
    if (rc < 0)
        return rc;
    if (o.frequency < 1)
        return cove__fail(err, COVE_EINVAL, "lr_scheduler: frequency must be 1 or more");
    if (o.kind == COVE_LR_SCHEDULER_STEP ? o.step_size < 1
                                         : o.kind == COVE_LR_SCHEDULER_COSINE_ANNEALING && o.t_max < 1)
        return cove__fail(err, COVE_EINVAL, "lr_scheduler: %s must be 1 or more",
                          o.kind == COVE_LR_SCHEDULER_STEP ? "step_size" : "t_max");
    if (o.kind == COVE_LR_SCHEDULER_LAMBDA && !o.lr_lambda)
        return cove__fail(err, COVE_EINVAL, "lr_scheduler: lr_lambda is NULL");
    if (o.kind < COVE_LR_SCHEDULER_STEP || o.kind > COVE_LR_SCHEDULER_LAMBDA)
        return cove__fail(err, COVE_EINVAL, "lr_scheduler: unknown kind %d", (int)o.kind);
    cove_lr_scheduler *s = cove__malloc(sizeof *s);
    if (!s)
        return cove__fail_nomem(err, "lr_scheduler");
    *s = (cove_lr_scheduler){ .o = o, .optimizer = optimizer };
    for (size_t g = 0; g < optimizer->n_groups; g++) {
        struct cove__group *group = &optimizer->groups[g];
        if (!group->has_initial_lr)
            group->initial_lr = group->o.lr;
        group->has_initial_lr = true;
    }
    apply(s);
    *ret_scheduler = s;
    return 0;
}

void cove_lr_scheduler_free(cove_lr_scheduler *scheduler)
{
    cove__free(scheduler);
}

void cove_lr_scheduler_step(cove_lr_scheduler *scheduler)
{
    scheduler->last_epoch++;
    apply(scheduler);
}

static void add_rates(int *rc, cove_value *dict, const char *key, const cove_optimizer *optimizer, int initial,
                      struct cove_error *err)
{
    cove_value *list = cove_value_new_list();
    cove__tree_set(rc, dict, key, list, err);
    for (size_t g = 0; *rc == 0 && g < optimizer->n_groups; g++) {
        const struct cove__group *group = &optimizer->groups[g];
        *rc = cove_value_append(list, cove_value_new_float(initial ? group->initial_lr : group->o.lr), err);
    }
}

int cove__lr_scheduler_state_dict(const cove_lr_scheduler *scheduler, cove_value **ret_state, struct cove_error *err)
{
    const struct cove_lr_scheduler_options *o = &scheduler->o;
    cove_value *dict = cove_value_new_dict(), *lambdas = NULL;
    int rc = dict ? 0 : cove__fail_nomem(err, "the scheduler's state_dict");
    if (rc < 0)
        return rc;
    if (o->kind == COVE_LR_SCHEDULER_STEP) {
        cove__tree_int(&rc, dict, "step_size", o->step_size, err);
        cove__tree_float(&rc, dict, "gamma", o->gamma, err);
    } else if (o->kind == COVE_LR_SCHEDULER_COSINE_ANNEALING) {
        cove__tree_int(&rc, dict, "T_max", o->t_max, err);
        cove__tree_float(&rc, dict, "eta_min", o->eta_min, err);
    } else {
        /* One place a group; torch saves None for a function. */
        lambdas = cove_value_new_list();
        cove__tree_set(&rc, dict, "lr_lambdas", lambdas, err);
        for (size_t g = 0; rc == 0 && g < scheduler->optimizer->n_groups; g++)
            rc = cove_value_append(lambdas, cove_value_new_none(), err);
    }
    add_rates(&rc, dict, "base_lrs", scheduler->optimizer, 1, err);
    cove__tree_int(&rc, dict, "last_epoch", scheduler->last_epoch, err);
    cove__tree_int(&rc, dict, "_step_count", scheduler->last_epoch + 1, err);
    cove__tree_bool(&rc, dict, "_is_initial", 0, err);
    cove__tree_bool(&rc, dict, "_get_lr_called_within_step", 0, err);
    add_rates(&rc, dict, "_last_lr", scheduler->optimizer, 0, err);
    if (rc < 0)
        cove_value_unref(dict);
    else
        *ret_state = dict;
    return rc;
}

/* Into a copy of the scheduler, so that a state that does not fit changes nothing. */
static int read_state(const cove_lr_scheduler *scheduler, const cove_value *state, cove_lr_scheduler *ret,
                      struct cove_error *err)
{
    const cove_value *rates = cove__tree_at(state, "base_lrs");
    int rc = 0;
    *ret = *scheduler;
    if (cove_value_type(state) != COVE_VALUE_DICT || !cove_value_dict_get(state, "last_epoch"))
        return cove__fail(err, COVE_EMISMATCH, "lr_scheduler: its state in the checkpoint is not torch's state_dict");
    const char *own = scheduler->o.kind == COVE_LR_SCHEDULER_STEP               ? "step_size"
                      : scheduler->o.kind == COVE_LR_SCHEDULER_COSINE_ANNEALING ? "T_max"
                                                                                : "lr_lambdas";
    if (!cove_value_dict_get(state, own))
        return cove__fail(err, COVE_EMISMATCH, "lr_scheduler: the checkpoint's is of another kind: it has no %s", own);
    if (rates && cove_value_length(rates) != scheduler->optimizer->n_groups)
        return cove__fail(err, COVE_EMISMATCH, "lr_scheduler: base_lrs of %zu groups in the checkpoint, %zu here",
                          cove_value_length(rates), scheduler->optimizer->n_groups);
    cove__tree_get_int(&rc, state, "last_epoch", &ret->last_epoch, err);
    if (scheduler->o.kind == COVE_LR_SCHEDULER_STEP) {
        cove__tree_get_int(&rc, state, "step_size", &ret->o.step_size, err);
        cove__tree_get_float(&rc, state, "gamma", &ret->o.gamma, err);
    } else if (scheduler->o.kind == COVE_LR_SCHEDULER_COSINE_ANNEALING) {
        cove__tree_get_int(&rc, state, "T_max", &ret->o.t_max, err);
        cove__tree_get_float(&rc, state, "eta_min", &ret->o.eta_min, err);
    }
    if (rc == 0 && (ret->last_epoch < 0 || ret->last_epoch > COVE__MOST_COUNTED ||
                    (ret->o.kind == COVE_LR_SCHEDULER_STEP && ret->o.step_size < 1) ||
                    (ret->o.kind == COVE_LR_SCHEDULER_COSINE_ANNEALING && ret->o.t_max < 1)))
        rc = cove__fail(err, COVE_EMISMATCH, "lr_scheduler: its state in the checkpoint is out of range");
    return rc;
}

int cove__lr_scheduler_match(const cove_lr_scheduler *scheduler, const cove_value *state, struct cove_error *err)
{
    cove_lr_scheduler unused;
    return read_state(scheduler, state, &unused, err);
}

int cove__lr_scheduler_load(cove_lr_scheduler *scheduler, const cove_value *state, struct cove_error *err)
{
    const cove_value *rates = cove__tree_at(state, "base_lrs");
    cove_lr_scheduler loaded;
    int rc = read_state(scheduler, state, &loaded, err);
    for (size_t g = 0; rc == 0 && rates && g < scheduler->optimizer->n_groups; g++)
        rc = cove_value_get_float(cove_value_item(rates, g), &scheduler->optimizer->groups[g].initial_lr, err);
    if (rc == 0)
        *scheduler = loaded;
    return rc;
}
