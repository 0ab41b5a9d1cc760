/* Hooks: functions that a trainer calls at the points of a run, of its callbacks and of the module. */
#ifndef COVE_HOOKS_H
#define COVE_HOOKS_H

#include <cove/checkpoint.h>
#include <cove/data.h>
#include <cove/error.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cove_trainer cove_trainer;

/*
 * Hooks, with Lightning's names and order: for each hook the callbacks are called first, then the module. In
 * on_train_batch_end, on_validation_end and on_train_epoch_end, callbacks with `after_module` 1 (EarlyStopping,
 * ModelCheckpoint) are called after the module. All run on the thread that called fit or validate, one at a time; a
 * NULL hook is skipped. Their arguments are BORROWED until they return.
 *
 * Every function that a program passes to a trainer (hooks, steps, configure_optimizers, a loader's fetch, functions of
 * callbacks and loggers) returns 0, or a negative code of enum cove_code to end the run. fit then calls on_exception
 * and teardown and returns that code. Its message has the function, its owner and the function's own message, as
 * "on_fit_start of callbacks[1] (ModelCheckpoint): disk full"; the number is the index in the options' array. `err` is
 * never NULL and is empty at the call; cove_error_set fills it. If it stays empty, the message is the code's phrase.
 * fit returns the code that the function returned, not the one in `err`. A positive return, or an unknown code, is
 * COVE_EINVAL.
 */
typedef int (*cove_hook_fn)(void *self, cove_trainer *trainer, struct cove_error *err);
typedef int (*cove_batch_hook_fn)(void *self, cove_trainer *trainer, const struct cove_batch *batch,
                                  struct cove_error *err);
/* on_save_checkpoint may add keys to the tree; on_load_checkpoint gets the whole tree before anything is restored. */
typedef int (*cove_checkpoint_hook_fn)(void *self, cove_trainer *trainer, cove_value *checkpoint,
                                       struct cove_error *err);

struct cove_hooks {
    cove_hook_fn setup;    /* before anything is restored; data and module are known */
    cove_hook_fn teardown; /* always called last, for all callbacks and the module, also after a failure */
    cove_hook_fn on_fit_start;
    cove_hook_fn on_fit_end;
    cove_hook_fn on_sanity_check_start;
    cove_hook_fn on_sanity_check_end;
    cove_hook_fn on_train_start;
    cove_hook_fn on_train_end;
    cove_hook_fn on_train_epoch_start;
    cove_hook_fn on_train_epoch_end;
    cove_batch_hook_fn on_train_batch_start;
    cove_batch_hook_fn on_train_batch_end; /* after the optimizer step, if the batch had one */
    cove_hook_fn on_after_backward;        /* after each training_step; gradients are unchanged */
    cove_hook_fn on_before_optimizer_step; /* averaged over accumulated batches, not yet clipped */
    cove_hook_fn on_before_zero_grad;
    cove_hook_fn on_validation_start;
    cove_hook_fn on_validation_end;
    cove_hook_fn on_validation_epoch_start;
    cove_hook_fn on_validation_epoch_end;
    cove_batch_hook_fn on_validation_batch_start;
    cove_batch_hook_fn on_validation_batch_end;
    cove_checkpoint_hook_fn on_save_checkpoint;
    cove_checkpoint_hook_fn on_load_checkpoint;
    /* The run ends with `cause` (COVE_ECANCELED: interrupted). A failure of this hook is logged, not returned. */
    int (*on_exception)(void *self, cove_trainer *trainer, const struct cove_error *cause, struct cove_error *err);
};
#define COVE_HOOKS_INIT                                                                                                \
    {                                                                                                                  \
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0                                         \
    }

#ifdef __cplusplus
}
#endif
#endif
