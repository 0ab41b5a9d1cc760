/*
 * Optimizers and learning rate schedulers of torch.optim, with its arguments, defaults and state_dict.
 *
 * They work without a trainer too. One thread at a time may use an optimizer and its scheduler. None of these calls
 * waits, and every call with an `err` argument may return COVE_ENOMEM.
 */
#ifndef COVE_OPTIMIZER_H
#define COVE_OPTIMIZER_H

#include <stddef.h>
#include <stdint.h>

#include <cove/checkpoint.h>
#include <cove/error.h>
#include <cove/parameter.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cove_optimizer cove_optimizer;
typedef struct cove_lr_scheduler cove_lr_scheduler;

enum cove_optimizer_kind { COVE_OPTIMIZER_SGD = 1, COVE_OPTIMIZER_ADAM = 2, COVE_OPTIMIZER_ADAMW = 3 };

/* torch.optim's arguments and defaults. */
struct cove_optimizer_options {
    size_t size; /* sizeof, set by the macro */
    enum cove_optimizer_kind kind;
    double lr;
    double weight_decay;
    double momentum, dampening; /* SGD */
    int nesterov;               /* SGD; needs a momentum and no dampening */
    double beta1, beta2, eps;   /* Adam, AdamW */
    int amsgrad;                /* Adam, AdamW */
    int maximize;
};
#define COVE_OPTIMIZER_SGD_INIT(lr_)                                                                                   \
    {                                                                                                                  \
        sizeof(struct cove_optimizer_options), COVE_OPTIMIZER_SGD, (lr_), 0, 0, 0, 0, 0, 0, 0, 0, 0                    \
    }
#define COVE_OPTIMIZER_ADAM_INIT(lr_)                                                                                  \
    {                                                                                                                  \
        sizeof(struct cove_optimizer_options), COVE_OPTIMIZER_ADAM, (lr_), 0, 0, 0, 0, 0.9, 0.999, 1e-8, 0, 0          \
    }
#define COVE_OPTIMIZER_ADAMW_INIT(lr_)                                                                                 \
    {                                                                                                                  \
        sizeof(struct cove_optimizer_options), COVE_OPTIMIZER_ADAMW, (lr_), 0.01, 0, 0, 0, 0.9, 0.999, 1e-8, 0, 0      \
    }

/*
 * An optimizer over one group of parameters (those without a gradient are left out); cove_optimizer_add_param_group
 * adds groups of the same kind. The caller frees it with cove_optimizer_free, unless a trainer takes it from
 * configure_optimizers. Parameters are BORROWED until the optimizer is freed. State and hyperparameters are saved in
 * the layout of torch's optimizer.state_dict(); as in torch, a checkpoint's hyperparameters replace these on resume.
 * COVE_EINVAL: an argument out of range, another kind, or a parameter in two groups. COVE_ENOTSUP: a dtype other than
 * float32.
 */
COVE_API int cove_optimizer_new(const struct cove_optimizer_options *options, const struct cove_parameter *parameters,
                                size_t n_parameters, cove_optimizer **ret_optimizer, struct cove_error *err);
COVE_API int cove_optimizer_add_param_group(cove_optimizer *optimizer, const struct cove_optimizer_options *options,
                                            const struct cove_parameter *parameters, size_t n_parameters,
                                            struct cove_error *err);
COVE_API void cove_optimizer_free(cove_optimizer *optimizer); /* NULL accepted; not for one that a trainer has taken */
/* One step with the gradients as they are; for programs without a trainer. COVE_ENOMEM: nothing was changed. */
COVE_API int cove_optimizer_step(cove_optimizer *optimizer, struct cove_error *err);
COVE_API void cove_optimizer_zero_grad(cove_optimizer *optimizer); /* sets all gradients to 0 */
COVE_API size_t cove_optimizer_n_groups(const cove_optimizer *optimizer);
/* The learning rate of a group, by its index from 0; nan: no such group, for which setting it does nothing. */
COVE_API double cove_optimizer_lr(const cove_optimizer *optimizer, size_t group);
COVE_API void cove_optimizer_set_lr(cove_optimizer *optimizer, size_t group, double lr);
/* torch's state_dict. *ret_state is the caller's, freed with cove_value_unref; the tensors in it are BORROWED from the
 * optimizer: save and free the tree before the next step. COVE_EMISMATCH: a state of other parameters or of another
 * kind; nothing was changed. */
COVE_API int cove_optimizer_state_dict(const cove_optimizer *optimizer, cove_value **ret_state, struct cove_error *err);
COVE_API int cove_optimizer_load_state_dict(cove_optimizer *optimizer, const cove_value *state, struct cove_error *err);

enum cove_lr_scheduler_kind {
    COVE_LR_SCHEDULER_STEP = 1,
    COVE_LR_SCHEDULER_COSINE_ANNEALING = 2,
    COVE_LR_SCHEDULER_LAMBDA = 3
};
enum cove_lr_scheduler_interval { COVE_LR_SCHEDULER_INTERVAL_EPOCH = 0, COVE_LR_SCHEDULER_INTERVAL_STEP = 1 };

/* torch.optim.lr_scheduler's arguments, and Lightning's `interval` and `frequency`. */
struct cove_lr_scheduler_options {
    size_t size; /* sizeof, set by the macro */
    enum cove_lr_scheduler_kind kind;
    enum cove_lr_scheduler_interval interval; /* stepped after each epoch (default) or after each optimizer step */
    int64_t frequency;                        /* every so many of them; default 1 */
    int64_t step_size;                        /* StepLR */
    double gamma;                             /* StepLR; default 0.1 */
    int64_t t_max;                            /* CosineAnnealingLR */
    double eta_min;                           /* CosineAnnealingLR */
    /* LambdaLR: returns the factor of the initial rate after so many steps of the scheduler */
    double (*lr_lambda)(void *user, int64_t epoch);
    void *user; /* of lr_lambda; BORROWED until the scheduler is freed */
};
#define COVE_LR_SCHEDULER_OPTIONS_INIT(kind_)                                                                          \
    {                                                                                                                  \
        sizeof(struct cove_lr_scheduler_options), (kind_), COVE_LR_SCHEDULER_INTERVAL_EPOCH, 1, 0, 0.1, 0, 0, 0, 0     \
    }

/* A scheduler, which the caller frees with cove_lr_scheduler_free, unless a trainer takes it from configure_optimizers.
 * `optimizer` is BORROWED until the scheduler is freed. COVE_EINVAL: an option out of range, by name. */
COVE_API int cove_lr_scheduler_new(const struct cove_lr_scheduler_options *options, cove_optimizer *optimizer,
                                   cove_lr_scheduler **ret_scheduler, struct cove_error *err);
/* NULL accepted; not for one that a trainer has taken. */
COVE_API void cove_lr_scheduler_free(cove_lr_scheduler *scheduler);
COVE_API void cove_lr_scheduler_step(cove_lr_scheduler *scheduler); /* sets the optimizer's next learning rates */

#ifdef __cplusplus
}
#endif
#endif
