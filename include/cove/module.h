/* Modules: what a trainer trains. */
#ifndef COVE_MODULE_H
#define COVE_MODULE_H

#include <stddef.h>

#include <cove/error.h>
#include <cove/events.h>
#include <cove/hooks.h>
#include <cove/optimizer.h>
#include <cove/options.h>
#include <cove/parameter.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A module. The struct is BORROWED until fit or validate returns; the parameters' memory for as long as
 * cove_trainer_save_checkpoint and another run may use it. Functions run on the thread that called fit or validate;
 * their return values are those of hooks.h.
 *
 * training_step computes one batch and ADDS the gradient of its mean loss to each parameter's `grad` (the trainer
 * zeroes them); it may log with cove_trainer_log. configure_optimizers sets *ret_optimizer and optionally
 * *ret_scheduler; the trainer owns and frees both, also if the function fails after it has set them. `hparams` are
 * written to the checkpoint's hyper_parameters and to the loggers; whole numbers are saved as int.
 */
struct cove_module {
    size_t size; /* sizeof, set by the macro */
    void *self;  /* the program's, the first argument of each function */
    const struct cove_parameter *parameters;
    size_t n_parameters;
    const struct cove_hparam *hparams;
    size_t n_hparams;
    cove_batch_hook_fn training_step;
    cove_batch_hook_fn validation_step;
    int (*configure_optimizers)(void *self, cove_trainer *trainer, cove_optimizer **ret_optimizer,
                                cove_lr_scheduler **ret_scheduler, struct cove_error *err);
    struct cove_hooks hooks;
};
#define COVE_MODULE_INIT                                                                                               \
    {                                                                                                                  \
        sizeof(struct cove_module), 0, 0, 0, 0, 0, 0, 0, 0, COVE_HOOKS_INIT                                            \
    }

/* Copies the weights of a checkpoint (its state_dict, or a file that is itself a state_dict, from torch.save or
 * safetensors) into a module: Lightning's load_from_checkpoint. `storage` are the options of its filesystem (NULL:
 * none). Any thread may call it, while no other uses the module; it waits for the store. COVE_EMISMATCH: a checkpoint
 * of another model, and nothing was loaded. COVE_EINVAL: a parameter without memory, or with a bad name. Other errors
 * as of cove_fs_from_url and cove_checkpoint_load. */
COVE_API int cove_module_load_weights(const struct cove_module *module, const char *url, const cove_options *storage,
                                      struct cove_error *err);

#ifdef __cplusplus
}
#endif
#endif
