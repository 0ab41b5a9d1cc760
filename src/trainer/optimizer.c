/*
 * SGD, Adam and AdamW, in float32 and in the order of operations of torch.optim's single-tensor versions, so that a run
 * continued here or there takes the same path. Called by the loop after clipping; the states are saved by
 * optimizer_state.c.
 */
#include "trainer/optimizer.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/copy_options.h"
#include "trainer/params.h"
#include "wire/number.h"

#define MAX_GROUPS ((size_t)1 << 16)
#define MAX_SLOTS  ((size_t)1 << 24)

static int check_options(const struct cove_optimizer_options *o, struct cove_error *err)
{
    if (o->kind != COVE_OPTIMIZER_SGD && o->kind != COVE_OPTIMIZER_ADAM && o->kind != COVE_OPTIMIZER_ADAMW)
        return cove__fail(err, COVE_EINVAL, "optimizer: unknown kind %d", (int)o->kind);
    if (!(o->lr >= 0))
        return cove__fail(err, COVE_EINVAL, "optimizer: lr is %g, must be 0 or more", cove__plain_nan(o->lr));
    if (!(o->weight_decay >= 0))
        return cove__fail(err, COVE_EINVAL, "optimizer: weight_decay is %g, must be 0 or more",
                          cove__plain_nan(o->weight_decay));
    if (o->kind == COVE_OPTIMIZER_SGD) {
        if (!(o->momentum >= 0))
            return cove__fail(err, COVE_EINVAL, "optimizer: momentum is %g, must be 0 or more",
                              cove__plain_nan(o->momentum));
        if (o->nesterov && (o->momentum <= 0 || o->dampening != 0))
            return cove__fail(err, COVE_EINVAL, "optimizer: nesterov needs a momentum and no dampening");
        return 0;
    }
    if (!(o->eps >= 0))
        return cove__fail(err, COVE_EINVAL, "optimizer: eps is %g, must be 0 or more", cove__plain_nan(o->eps));
    if (!(o->beta1 >= 0 && o->beta1 < 1) || !(o->beta2 >= 0 && o->beta2 < 1))
        return cove__fail(err, COVE_EINVAL, "optimizer: betas are %g and %g, must be in [0, 1)",
                          cove__plain_nan(o->beta1), cove__plain_nan(o->beta2));
    return 0;
}

int cove_optimizer_add_param_group(cove_optimizer *optimizer, const struct cove_optimizer_options *options,
                                   const struct cove_parameter *parameters, size_t n_parameters, struct cove_error *err)
{
    struct cove_optimizer_options o = COVE_OPTIMIZER_SGD_INIT(0);
    size_t n_slots = optimizer->n_slots;
    int rc = COVE__COPY_OPTIONS(&o, options, "optimizer: options", err);
    if (rc < 0 || (rc = check_options(&o, err)) < 0 || (rc = cove__params_check(parameters, n_parameters, err)) < 0)
        return rc;
    if (optimizer->n_groups > 0 && optimizer->groups[0].o.kind != o.kind)
        return cove__fail(err, COVE_EINVAL, "optimizer: groups of one optimizer must be of one kind");
    if (cove__grow(&optimizer->groups, &optimizer->cap_groups, optimizer->n_groups + 1, sizeof *optimizer->groups,
                   MAX_GROUPS) < 0 ||
        cove__grow(&optimizer->slots, &optimizer->cap_slots, n_slots + n_parameters, sizeof *optimizer->slots,
                   MAX_SLOTS) < 0)
        return cove__fail_nomem(err, "optimizer");
    for (size_t i = 0; i < n_parameters; i++) {
        struct cove__slot *slot = &optimizer->slots[n_slots];
        if (!parameters[i].grad)
            continue;
        for (size_t j = 0; j < optimizer->n_slots; j++) {
            if (optimizer->slots[j].parameter.value.data == parameters[i].value.data)
                return cove__fail(err, COVE_EINVAL, "optimizer: parameter %s is in two groups", parameters[i].name);
        }
        *slot = (struct cove__slot){ .parameter = parameters[i] };
        rc = cove__view_elements(&parameters[i].value, &slot->n, err);
        if (rc < 0)
            return rc;
        n_slots++;
    }
    optimizer->groups[optimizer->n_groups++] = (struct cove__group){ .o = o, .n_slots = n_slots - optimizer->n_slots };
    optimizer->n_slots = n_slots;
    return 0;
}

int cove_optimizer_new(const struct cove_optimizer_options *options, const struct cove_parameter *parameters,
                       size_t n_parameters, cove_optimizer **ret_optimizer, struct cove_error *err)
{
    cove_optimizer *optimizer = cove__calloc(1, sizeof *optimizer);
    if (!optimizer)
        return cove__fail_nomem(err, "optimizer");
    int rc = cove_optimizer_add_param_group(optimizer, options, parameters, n_parameters, err);
    if (rc < 0) {
        cove_optimizer_free(optimizer);
        return rc;
    }
    *ret_optimizer = optimizer;
    return 0;
}

void cove_optimizer_free(cove_optimizer *optimizer)
{
    if (!optimizer)
        return;
    for (size_t i = 0; i < optimizer->n_slots; i++) {
        cove__free(optimizer->slots[i].first);
        cove__free(optimizer->slots[i].second);
        cove__free(optimizer->slots[i].third);
    }
    cove__free(optimizer->slots);
    cove__free(optimizer->groups);
    cove__free(optimizer);
}

static int alloc_state(float **state, size_t n, struct cove_error *err)
{
    if (!*state && !(*state = cove__calloc(n ? n : 1, sizeof **state)))
        return cove__fail_nomem(err, "the optimizer's state");
    return 0;
}

int cove__slot_alloc(struct cove__slot *slot, const struct cove_optimizer_options *o, struct cove_error *err)
{
    int rc = 0;
    if (o->kind != COVE_OPTIMIZER_SGD || o->momentum != 0)
        rc = alloc_state(&slot->first, slot->n, err);
    if (rc == 0 && o->kind != COVE_OPTIMIZER_SGD)
        rc = alloc_state(&slot->second, slot->n, err);
    if (rc == 0 && o->kind != COVE_OPTIMIZER_SGD && o->amsgrad)
        rc = alloc_state(&slot->third, slot->n, err);
    return rc;
}

static void sgd(struct cove__slot *slot, const struct cove_optimizer_options *o)
{
    float *restrict p = slot->parameter.value.data;
    const float *restrict grad = slot->parameter.grad;
    float *restrict buf = slot->first;
    float lr = (float)-o->lr, decay = (float)o->weight_decay, momentum = (float)o->momentum;
    float sign = o->maximize ? -1.0f : 1.0f, taken = (float)(1 - o->dampening);
    if (o->momentum == 0) {
        for (size_t i = 0; i < slot->n; i++)
            p[i] += lr * (sign * grad[i] + decay * p[i]);
        return;
    }
    for (size_t i = 0; i < slot->n; i++) {
        float g = sign * grad[i] + decay * p[i];
        buf[i] = slot->has_state ? buf[i] * momentum + taken * g : g;
        p[i] += lr * (o->nesterov ? g + momentum * buf[i] : buf[i]);
    }
    slot->has_state = true;
}

static void adam(struct cove__slot *slot, const struct cove_optimizer_options *o)
{
    float *restrict p = slot->parameter.value.data;
    const float *restrict grad = slot->parameter.grad;
    float *restrict avg = slot->first, *restrict avg_sq = slot->second, *restrict max_sq = slot->third;
    slot->step += 1;
    slot->has_state = true;
    /* Scalars in double, then rounded, as Python hands them to torch's kernels. */
    float step_size = (float)(-o->lr / (1 - pow(o->beta1, slot->step)));
    float correction = (float)sqrt(1 - pow(o->beta2, slot->step));
    float shrink = o->kind == COVE_OPTIMIZER_ADAMW ? (float)(1 - o->lr * o->weight_decay) : 1.0f;
    float decay = o->kind == COVE_OPTIMIZER_ADAM ? (float)o->weight_decay : 0.0f;
    float w1 = (float)(1 - o->beta1), beta2 = (float)o->beta2, w2 = (float)(1 - o->beta2), eps = (float)o->eps;
    float sign = o->maximize ? -1.0f : 1.0f;
    for (size_t i = 0; i < slot->n; i++) {
        float g = sign * grad[i] + decay * p[i];
        /* torch's lerp takes the end from which the way is shorter. */
        avg[i] = w1 < 0.5f ? avg[i] + w1 * (g - avg[i]) : g - (g - avg[i]) * (1 - w1);
        avg_sq[i] = avg_sq[i] * beta2 + w2 * g * g;
        float sq = avg_sq[i];
        if (o->amsgrad) {
            /* A nan wins, as in torch.maximum. */
            max_sq[i] = sq > max_sq[i] || isnan(sq) ? sq : max_sq[i];
            sq = max_sq[i];
        }
        p[i] = p[i] * shrink + step_size * avg[i] / (sqrtf(sq) / correction + eps);
    }
}

int cove_optimizer_step(cove_optimizer *optimizer, struct cove_error *err)
{
    struct cove__slot *slot = optimizer->slots;
    int rc = 0;
    for (size_t g = 0; g < optimizer->n_groups; g++) {
        for (size_t i = 0; i < optimizer->groups[g].n_slots && rc == 0; i++)
            rc = cove__slot_alloc(slot++, &optimizer->groups[g].o, err);
    }
    if (rc < 0)
        return rc;
    slot = optimizer->slots;
    for (size_t g = 0; g < optimizer->n_groups; g++) {
        const struct cove_optimizer_options *o = &optimizer->groups[g].o;
        for (size_t i = 0; i < optimizer->groups[g].n_slots; i++, slot++) {
            if (o->kind == COVE_OPTIMIZER_SGD)
                sgd(slot, o);
            else
                adam(slot, o);
        }
    }
    return 0;
}

void cove_optimizer_zero_grad(cove_optimizer *optimizer)
{
    for (size_t i = 0; i < optimizer->n_slots; i++)
        memset(optimizer->slots[i].parameter.grad, 0, optimizer->slots[i].n * sizeof(float));
}

size_t cove_optimizer_n_groups(const cove_optimizer *optimizer)
{
    return optimizer->n_groups;
}

double cove_optimizer_lr(const cove_optimizer *optimizer, size_t group)
{
    return group < optimizer->n_groups ? optimizer->groups[group].o.lr : NAN;
}

void cove_optimizer_set_lr(cove_optimizer *optimizer, size_t group, double lr)
{
    if (group < optimizer->n_groups)
        optimizer->groups[group].o.lr = lr;
}

bool cove__optimizer_is_of(const cove_optimizer *optimizer, const struct cove_parameter *parameters, size_t n)
{
    bool found = true;
    for (size_t i = 0; found && i < optimizer->n_slots; i++) {
        found = false;
        for (size_t j = 0; !found && j < n; j++)
            found = parameters[j].value.data == optimizer->slots[i].parameter.value.data;
    }
    return found;
}
