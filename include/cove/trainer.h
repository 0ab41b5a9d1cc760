/*
 * The trainer: PyTorch Lightning's loop, hooks, callbacks and folder layout, for a module written in C.
 *
 * A module names its parameters and their gradients, which lie in its own memory, and has a training_step that adds to
 * the gradients. The trainer does the rest: batches in a seeded order, clipping, the optimizer, schedulers, validation,
 * logs, checkpoints at any URL, and a resume that is bit for bit the same as an uninterrupted run.
 *
 * One thread at a time may use a trainer and all that belongs to it; hooks run on the thread that called fit. Only
 * cove_trainer_interrupt may be called from other threads. fit, validate and cove_trainer_save_checkpoint wait for
 * stores; the other calls never wait. Structs that a caller fills begin with their size and are initialised by their
 * _INIT macro. Names are Lightning's.
 */
#ifndef COVE_TRAINER_H
#define COVE_TRAINER_H

#include <stddef.h>
#include <stdint.h>

#include <cove/callback.h>
#include <cove/checkpoint.h>
#include <cove/data.h>
#include <cove/error.h>
#include <cove/fs.h>
#include <cove/hooks.h>
#include <cove/logger.h>
#include <cove/module.h>
#include <cove/optimizer.h>
#include <cove/options.h>
#include <cove/rng.h>

#ifdef __cplusplus
extern "C" {
#endif

struct cove_trainer_options {
    size_t size;                  /* sizeof, set by the macro */
    const char *default_root_dir; /* URL; default ".": logs and checkpoints go below it by default */
    const cove_options *storage;  /* of the filesystems that the trainer opens; NULL: none */
    int64_t max_epochs;           /* -1: no limit, or 1000 if max_steps is -1 too */
    int64_t max_steps;            /* optimizer steps; -1: no limit */
    int64_t val_check_batches; /* val_check_interval as an int: validate after so many batches; 0: use the fraction */
    double val_check_fraction; /* val_check_interval as a float: of an epoch; default 1.0 */
    int64_t check_val_every_n_epoch;     /* default 1 */
    int64_t limit_train_batches;         /* at most so many an epoch; -1 (default): all; 0: none, fit does nothing */
    int64_t limit_val_batches;           /* -1 (default): all; 0: no validation */
    int64_t num_sanity_val_steps;        /* validation batches before a fresh run, not logged; default 2; -1: all */
    double gradient_clip_val;            /* 0: none */
    const char *gradient_clip_algorithm; /* "norm" or "value" */
    int64_t accumulate_grad_batches;     /* default 1 */
    uint64_t seed;                       /* of the shuffle and of cove_trainer_rng */
    int64_t log_every_n_steps;           /* default 50; 0: values of single steps are not logged */
    int enable_progress_bar;             /* default 1 */
    int enable_checkpointing;            /* default 1: a ModelCheckpoint is added if callbacks have none */
    int enable_logging;                  /* default 1: a TensorBoardLogger is added if loggers is empty */
    cove_logger *const *loggers;         /* the caller's, freed after the trainer */
    size_t n_loggers;
    cove_callback *const *callbacks; /* the caller's, freed after the trainer */
    size_t n_callbacks;
};
#define COVE_TRAINER_OPTIONS_INIT                                                                                      \
    {                                                                                                                  \
        sizeof(struct cove_trainer_options), ".", 0, -1, -1, 0, 1.0, 1, -1, -1, 2, 0, "norm", 1, 0, 50, 1, 1, 1, 0, 0, \
            0, 0                                                                                                       \
    }

/* A trainer, which the caller frees with cove_trainer_free. Sends no request. Strings,
 * arrays, `storage` and the structs of loggers and callbacks are copied; what these structs point to is BORROWED until
 * the trainer is freed. COVE_EINVAL: an option out of range, by name; COVE_ENOMEM. */
COVE_API int cove_trainer_new(const struct cove_trainer_options *options, cove_trainer **ret_trainer,
                              struct cove_error *err);
/* Frees the trainer with its optimizer and scheduler, and the logger and callbacks that it has added itself. NULL
 * accepted. */
COVE_API void cove_trainer_free(cove_trainer *trainer);

/* ---- runs ---- */

/*
 * Trains. `ckpt_path` is a URL to resume from, "last" (the newest last.ckpt in ModelCheckpoint's directory or in the
 * logger's versions; without one, the run starts from scratch and logs a warning), "best", or NULL.
 * COVE_EMISMATCH: a checkpoint of another model; the message lists parameters that are missing, unexpected or of
 * another shape, and nothing was loaded.
 * COVE_ECANCELED: interrupted; the batch was finished, a checkpoint saved (see ModelCheckpoint), logs closed.
 * COVE_EINVAL: among others, a checkpoint of an epoch beyond max_epochs.
 * COVE_ESTATE: called from a hook of a run of this trainer; also from validate.
 * Else the code of a hook or a store; parameters and gradients then have the values of the last finished step.
 *
 * A second fit continues after the complete epochs, as in Lightning: counters and random state are kept, the optimizer
 * and scheduler are configured again, and nothing is done if max_epochs is reached. An epoch that a failure ended is
 * repeated. With `ckpt_path` it continues where the checkpoint was saved.
 */
COVE_API int cove_trainer_fit(cove_trainer *trainer, const struct cove_module *module, const struct cove_data *data,
                              const char *ckpt_path, struct cove_error *err);
/* Runs the validation data once, with the module's current parameters or those of `ckpt_path`, which then stay in the
 * module. Values are logged at the step where the last fit ended. That fit's counters, optimizer and random state are
 * unchanged. Errors as of cove_trainer_fit. */
COVE_API int cove_trainer_validate(cove_trainer *trainer, const struct cove_module *module,
                                   const struct cove_data *data, const char *ckpt_path, struct cove_error *err);

/* Ends the run after this batch; fit returns 0. For hooks: EarlyStopping calls it. `reason` is copied; NULL: "stopped
 * by a callback". */
COVE_API void cove_trainer_stop(cove_trainer *trainer, const char *reason);
/* Ends the run after this batch: a checkpoint is saved, and fit returns COVE_ECANCELED. May be called from any thread
 * and from a signal handler (it is one atomic store). A call before fit ends that fit at its start; each call ends one
 * run.
 */
COVE_API void cove_trainer_interrupt(cove_trainer *trainer);

/* Saves a checkpoint in Lightning's layout at `url` (a symbolic link there is followed), from a hook, or after fit (and
 * a validate after it) while the module is still alive. A run that is resumed from one saved in a hook continues after
 * that hook if it is on_train_batch_end, on_validation_end or on_train_epoch_end; from any other hook of an epoch it
 * begins the batch, the validation or the epoch again, with the random state, the means, the gradients and the buffers
 * that it began with. `weights_only` 1: without optimizers, callbacks and the key `cove`. COVE_ESTATE: called while a
 * checkpoint is being saved, from on_save_checkpoint or a callback's state_dict; or, only with `weights_only` 0: no fit
 * has configured an optimizer, the last run was a validate of another module, or a validate since the last fit has
 * loaded other weights. Nothing is written then. Other errors as of cove_fs_from_url, cove_checkpoint_save and the
 * functions of callbacks. */
COVE_API int cove_trainer_save_checkpoint(cove_trainer *trainer, const char *url, int weights_only,
                                          struct cove_error *err);

/* ---- logging ---- */

/*
 * Logs `value` (kept as float32) under `name` (UTF-8 without control characters, at most 1,024 bytes), from a step or a
 * hook of the module or of a callback. With neither COVE_LOG_ON_STEP nor COVE_LOG_ON_EPOCH: on step in training_step
 * and the hooks around it, on epoch elsewhere, as in Lightning. With both: also under the names with "_step" and
 * "_epoch". On epoch, values are averaged, weighted by the batch's size. A metric named "step" sets the step of its
 * row; one named "epoch" replaces the trainer's.
 *
 * As in Lightning, only COVE_LOG_ON_EPOCH is allowed in on_train_start, on_validation_start and the epoch hooks.
 * Nothing may be logged in setup, teardown, on_fit_start, on_fit_end, on_sanity_check_start, on_sanity_check_end,
 * on_train_end, on_validation_end, the checkpoint hooks, on_exception, and functions that are not hooks or steps. Such
 * a call, a lack of memory, a bad name, or flags that differ from an earlier call's, make the function that logged
 * fail.
 */
enum cove_log_flags { COVE_LOG_ON_STEP = 1, COVE_LOG_ON_EPOCH = 2, COVE_LOG_PROG_BAR = 4, COVE_LOG_NO_LOGGER = 8 };
COVE_API void cove_trainer_log(cove_trainer *trainer, const char *name, double value, unsigned flags);

/* ---- the run's state ----
 *
 * For hooks, and after a run. Strings are BORROWED until the next run or until the trainer is freed.
 */
enum cove_stage { COVE_STAGE_NONE = 0, COVE_STAGE_SANITY_CHECK, COVE_STAGE_TRAIN, COVE_STAGE_VALIDATE };
COVE_API enum cove_stage cove_trainer_stage(const cove_trainer *trainer);
COVE_API int cove_trainer_is_fitting(const cove_trainer *trainer); /* 1: the run is a fit; 0: a validate, or none yet */
COVE_API int64_t cove_trainer_current_epoch(const cove_trainer *trainer);        /* epochs done: from 0 */
COVE_API int64_t cove_trainer_global_step(const cove_trainer *trainer);          /* optimizer steps done */
COVE_API int64_t cove_trainer_max_epochs(const cove_trainer *trainer);           /* -1: no limit */
COVE_API int64_t cove_trainer_num_training_batches(const cove_trainer *trainer); /* of an epoch, limit applied */
COVE_API int64_t cove_trainer_num_val_batches(const cove_trainer *trainer);      /* of a validation, limit applied */
COVE_API int cove_trainer_is_last_batch(const cove_trainer *trainer);            /* the epoch's last training batch */
COVE_API int cove_trainer_validates_each_epoch(const cove_trainer *trainer);     /* 1: exactly once, at its end */
COVE_API int cove_trainer_validation_is_due(const cove_trainer *trainer);        /* 1: it follows this training batch */
COVE_API const char *cove_trainer_default_root_dir(const cove_trainer *trainer);
/* The `log_dir` and `root_dir` of the first logger (logger.h); NULL: none. */
COVE_API const char *cove_trainer_log_dir(const cove_trainer *trainer);
COVE_API const char *cove_trainer_log_root_dir(const cove_trainer *trainer);
COVE_API const char *cove_trainer_ckpt_path(const cove_trainer *trainer); /* the URL resumed from; NULL: none */
/* Why the last fit ended, or the message of the run that failed; "" before. */
COVE_API const char *cove_trainer_stop_reason(const cove_trainer *trainer);
/* A generator that is seeded by the options, saved and restored, for dropout and the like. BORROWED until the trainer
 * is freed. */
COVE_API cove_rng *cove_trainer_rng(cove_trainer *trainer);
/* The optimizer of the module; BORROWED until the next fit or until the trainer is freed. NULL before a fit. */
COVE_API cove_optimizer *cove_trainer_optimizer(cove_trainer *trainer);
/* The filesystem and path of a URL, with the trainer's storage options; both are the caller's to free, as those of
 * cove_fs_from_url are. Errors as of that call. */
COVE_API int cove_trainer_open_fs(const cove_trainer *trainer, const char *url, cove_fs **ret_fs, char **ret_path,
                                  struct cove_error *err);
/* callback_metrics: the newest value of `name`. COVE_ENOTFOUND: never logged; the message has the known names. */
COVE_API int cove_trainer_metric(const cove_trainer *trainer, const char *name, double *ret_value,
                                 struct cove_error *err);
/* Metric `i` from 0, in the order in which they were first logged: 0, or COVE_ENOTFOUND past the last. `ret_prog_bar`:
 * 1 if it is for the progress bar. Outputs may be NULL. `ret_name` is BORROWED until the next run. */
COVE_API int cove_trainer_metric_at(const cove_trainer *trainer, size_t i, const char **ret_name, double *ret_value,
                                    int *ret_prog_bar);

#ifdef __cplusplus
}
#endif
#endif
