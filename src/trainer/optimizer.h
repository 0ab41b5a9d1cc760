/* The inside of optimizers: groups of parameters, and for each parameter the states that torch names. */
#ifndef COVE_TRAINER_OPTIMIZER_H
#define COVE_TRAINER_OPTIMIZER_H

#include <stdbool.h>

#include <cove/trainer.h>

struct cove__slot {
    struct cove_parameter parameter; /* BORROWED memory and name */
    size_t n;                        /* elements */
    /* state; NULL before the first step. SGD: first is the momentum_buffer. Adam: exp_avg, exp_avg_sq, max_exp_avg_sq
     */
    float *first, *second, *third; /* owned */
    float step;                    /* Adam; a float32 tensor in torch, too */
    bool has_state;
};

struct cove__group {
    struct cove_optimizer_options o;
    double initial_lr;
    bool has_initial_lr; /* a scheduler came */
    size_t n_slots;      /* its part of the optimizer's slots, in order */
};

struct cove_optimizer {
    struct cove__group *groups; /* owned */
    size_t n_groups, cap_groups;
    struct cove__slot *slots; /* owned */
    size_t n_slots, cap_slots;
};

/* Whether all that it steps is among `parameters`; memory of a module that is gone is compared, not read. */
bool cove__optimizer_is_of(const cove_optimizer *optimizer, const struct cove_parameter *parameters, size_t n);
/* Whether `state` fits; COVE_EMISMATCH. Changes nothing. */
int cove__optimizer_match(const cove_optimizer *optimizer, const cove_value *state, struct cove_error *err);
/* Memory for the states that a group's kind keeps. COVE_ENOMEM. */
int cove__slot_alloc(struct cove__slot *slot, const struct cove_optimizer_options *o, struct cove_error *err);

#endif
