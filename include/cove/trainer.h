/*
 * The trainer: PyTorch Lightning's loop, hooks, callbacks and folder layout, for a module written in C.
 *
 * A module names its parameters and their gradients, which lie in its own memory, and has a training_step that adds to
 * the gradients. The trainer does the rest: batches in a seeded order, clipping, the optimizer, schedulers, validation,
 * logs, checkpoints at any URL, and a resume that is bit for bit the same as an uninterrupted run.
 *
 * One thread at a time may use a trainer and all that belongs to it; hooks run on the thread that called fit. Only
 * cove_trainer_interrupt may be called from other threads. Structs that a caller fills begin with their size and are
 * initialised by their _INIT macro; a NULL hook is skipped. Names are Lightning's.
 */
#ifndef COVE_TRAINER_H
#define COVE_TRAINER_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include <cove/checkpoint.h>
#include <cove/events.h>
#include <cove/fs.h>
#include <cove/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cove_trainer cove_trainer;
typedef struct cove_optimizer cove_optimizer;
typedef struct cove_lr_scheduler cove_lr_scheduler;
typedef struct cove_rng cove_rng;
typedef struct cove_callback cove_callback;
typedef struct cove_logger cove_logger;

/* ---- random numbers ---- */

/* A small generator (xoshiro256**) whose stream depends on nothing but its seed. NULL only when memory is exhausted. */
COVE_API cove_rng *cove_rng_new(uint64_t seed);
COVE_API void cove_rng_free(cove_rng *rng); /* NULL accepted */
COVE_API uint64_t cove_rng_next(cove_rng *rng);
COVE_API uint64_t cove_rng_below(cove_rng *rng, uint64_t bound); /* 0 … bound-1, each as likely; bound > 0 */
COVE_API double cove_rng_uniform(cove_rng *rng);                 /* [0, 1) */
COVE_API double cove_rng_normal(cove_rng *rng);                  /* mean 0, deviation 1 */

/* ---- data ---- */

/* The argument of a step. All BORROWED until the batch ends. */
struct cove_batch {
    const void *data;       /* as `fetch` returned it */
    const int64_t *indices; /* the samples in it */
    size_t n;               /* how many: batch_size, or fewer in the last batch */
    int64_t idx;            /* the batch's number in this epoch, from 0 */
};

/*
 * A source of batches. `fetch` makes the batch of samples `indices` (each from 0 to length-1) and sets *ret_data to it;
 * the pointer must stay valid until the next call of `fetch`. The order depends only on the trainer's seed and the
 * epoch's number, so a resumed run gets the same batches, also in mid-epoch. BORROWED until fit or validate returns.
 * Return values of `fetch`: see hooks.
 */
struct cove_dataloader {
    size_t size;
    void *self;
    int64_t length; /* samples */
    int (*fetch)(void *self, const int64_t *indices, size_t n, const void **ret_data, struct cove_error *err);
    int64_t batch_size; /* default 1 */
    int shuffle;        /* 1: a new order each epoch; for training data */
    int drop_last;      /* 1: without the last batch, where it is smaller */
};
#define COVE_DATALOADER_INIT                                                                                           \
    {                                                                                                                  \
        sizeof(struct cove_dataloader), 0, 0, 0, 1, 0, 0                                                               \
    }

struct cove_data {
    size_t size;
    const struct cove_dataloader *train;
    const struct cove_dataloader *val; /* NULL: no validation */
};
#define COVE_DATA_INIT                                                                                                 \
    {                                                                                                                  \
        sizeof(struct cove_data), 0, 0                                                                                 \
    }

/* ---- modules ---- */

/* One tensor of a module. Trained ones are float32; all are contiguous (row-major). Memory and name are BORROWED as
 * long as the module. Names of parameters and of hyperparameters are unique, UTF-8 and without control characters, else
 * COVE_EINVAL at the start of a run. */
struct cove_parameter {
    const char *name; /* the key in state_dict: "layers.0.weight" */
    struct cove_tensor_view value;
    float *grad; /* as many elements as value; NULL: a buffer, saved and loaded but not trained */
    int frozen;  /* 1, of a buffer: no step or hook changes it, so no copy of it is kept for a batch that fails */
};

/*
 * Hooks, with Lightning's names and order: for each hook the callbacks are called first, then the module. In
 * on_train_batch_end, on_validation_end and on_train_epoch_end, callbacks that monitor a metric (EarlyStopping,
 * ModelCheckpoint) are called after the module.
 *
 * Every function that a program passes to a trainer (hooks, steps, configure_optimizers, a loader's fetch, functions of
 * callbacks and loggers) returns 0, or a negative code of enum cove_code to end the run. fit then calls on_exception
 * and teardown and returns that code. Its message has the function, its owner and the function's own message, as
 * "on_fit_start of callbacks[1] (ModelCheckpoint): disk full"; the number is the index in the options' array. `err` is
 * never NULL and is empty at the call; cove_error_set fills it. If it stays empty, the message is the code's phrase.
 * The returned code counts, not the one in `err`. A positive return, or an unknown code, is COVE_EINVAL.
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

/*
 * A module. BORROWED until fit or validate returns.
 * training_step computes one batch and ADDS the gradient of its mean loss to each parameter's `grad` (the trainer
 * zeroes them); it may log with cove_trainer_log. configure_optimizers sets *ret_optimizer and optionally
 * *ret_scheduler; the trainer owns both, also if the function fails after it has set them. `hparams` are written to the
 * checkpoint's hyper_parameters and to the loggers; whole numbers are saved as int.
 */
struct cove_module {
    size_t size;
    void *self;
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
        .size = sizeof(struct cove_module)                                                                             \
    }

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

/* ---- optimizers and schedulers ---- */

enum cove_optimizer_kind { COVE_OPTIMIZER_SGD = 1, COVE_OPTIMIZER_ADAM = 2, COVE_OPTIMIZER_ADAMW = 3 };

/* torch.optim's arguments and defaults. */
struct cove_optimizer_options {
    size_t size;
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
        .size = sizeof(struct cove_optimizer_options), .kind = COVE_OPTIMIZER_SGD, .lr = (lr_)                         \
    }
#define COVE_OPTIMIZER_ADAM_INIT(lr_)                                                                                  \
    {                                                                                                                  \
        .size = sizeof(struct cove_optimizer_options), .kind = COVE_OPTIMIZER_ADAM, .lr = (lr_), .beta1 = 0.9,         \
        .beta2 = 0.999, .eps = 1e-8                                                                                    \
    }
#define COVE_OPTIMIZER_ADAMW_INIT(lr_)                                                                                 \
    {                                                                                                                  \
        .size = sizeof(struct cove_optimizer_options), .kind = COVE_OPTIMIZER_ADAMW, .lr = (lr_),                      \
        .weight_decay = 0.01, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8                                                \
    }

/*
 * An optimizer over one group of parameters (those without a gradient are left out); cove_optimizer_add_param_group
 * adds groups of the same kind. Parameters are BORROWED until the optimizer is freed. State and hyperparameters are
 * saved in the layout of torch's optimizer.state_dict(); as in torch, a checkpoint's hyperparameters replace these on
 * resume.
 * COVE_EINVAL: an argument out of range. COVE_ENOTSUP: a dtype other than float32.
 */
COVE_API int cove_optimizer_new(const struct cove_optimizer_options *options, const struct cove_parameter *parameters,
                                size_t n_parameters, cove_optimizer **ret_optimizer, struct cove_error *err);
COVE_API int cove_optimizer_add_param_group(cove_optimizer *optimizer, const struct cove_optimizer_options *options,
                                            const struct cove_parameter *parameters, size_t n_parameters,
                                            struct cove_error *err);
COVE_API void cove_optimizer_free(cove_optimizer *optimizer); /* NULL accepted; not one that a trainer took */
/* One step with the gradients as they are; for programs without a trainer. COVE_ENOMEM: nothing was changed. */
COVE_API int cove_optimizer_step(cove_optimizer *optimizer, struct cove_error *err);
COVE_API void cove_optimizer_zero_grad(cove_optimizer *optimizer);
COVE_API size_t cove_optimizer_n_groups(const cove_optimizer *optimizer);
COVE_API double cove_optimizer_lr(const cove_optimizer *optimizer, size_t group); /* nan: no such group */
COVE_API void cove_optimizer_set_lr(cove_optimizer *optimizer, size_t group, double lr);
/* torch's state_dict. Tensors in the tree are BORROWED from the optimizer: save and free the tree before the next step.
 * COVE_EMISMATCH: a state of other parameters or of another kind; nothing was changed. */
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
    size_t size;
    enum cove_lr_scheduler_kind kind;
    enum cove_lr_scheduler_interval interval; /* stepped after each epoch (default) or after each optimizer step */
    int64_t frequency;                        /* every so many of them; default 1 */
    int64_t step_size;                        /* StepLR */
    double gamma;                             /* StepLR; default 0.1 */
    int64_t t_max;                            /* CosineAnnealingLR */
    double eta_min;                           /* CosineAnnealingLR */
    double (*lr_lambda)(void *user, int64_t epoch); /* LambdaLR: the factor of the initial rate */
    void *user;                                     /* BORROWED until the scheduler is freed */
};
#define COVE_LR_SCHEDULER_INIT                                                                                         \
    {                                                                                                                  \
        .size = sizeof(struct cove_lr_scheduler_options), .frequency = 1, .gamma = 0.1                                 \
    }

/* `optimizer` is BORROWED until the scheduler is freed. */
COVE_API int cove_lr_scheduler_new(const struct cove_lr_scheduler_options *options, cove_optimizer *optimizer,
                                   cove_lr_scheduler **ret_scheduler, struct cove_error *err);
COVE_API void cove_lr_scheduler_free(cove_lr_scheduler *scheduler); /* NULL accepted; not one that a trainer took */
COVE_API void cove_lr_scheduler_step(cove_lr_scheduler *scheduler);

/* ---- callbacks ---- */

/*
 * A callback: hooks, and a state that is saved in checkpoints under `state_key`. The built-in callbacks use nothing
 * else. The struct is copied by cove_trainer_new; what it points to is BORROWED until the trainer is freed.
 */
struct cove_callback {
    size_t size;
    void *self;
    const char *state_key; /* unique in a trainer; NULL: no state */
    int (*state_dict)(void *self, cove_value **ret_state, struct cove_error *err);
    int (*load_state_dict)(void *self, const cove_value *state, struct cove_error *err);
    /* The URL of fit's ckpt_path "last" or "best" (`which`); the trainer frees it with cove_free. COVE_ENOTFOUND: this
     * callback knows none. */
    int (*find_checkpoint)(void *self, cove_trainer *trainer, const char *which, char **ret_url,
                           struct cove_error *err);
    void (*free)(void *self); /* for cove_callback_free; NULL: nothing to free */
    int after_callbacks;      /* 1: called after the other callbacks, because it saves or shows what they did */
    int after_module;         /* 1: called after the module in on_train_batch_end, on_validation_end and
                               * on_train_epoch_end, because it reads what the module logs, or saves what it did */
    struct cove_hooks hooks;  /* stays the last field */
};
#define COVE_CALLBACK_INIT                                                                                             \
    {                                                                                                                  \
        .size = sizeof(struct cove_callback)                                                                           \
    }
COVE_API void cove_callback_free(cove_callback *callback); /* NULL accepted; after the trainer that had it */

/* Lightning's ModelCheckpoint; defaults by the macro. Strings are copied. A dirpath that cannot be listed or written
 * to, or whose bucket does not exist, fails a fit in setup; one that does not exist yet does not. A symbolic link with
 * the name of a checkpoint to be saved is replaced, not followed. Only files that it may have saved itself are removed:
 * regular files in dirpath with a name that `filename` or "last" gives. */
struct cove_model_checkpoint_options {
    size_t size;
    const char *dirpath; /* URL; NULL: "checkpoints" in the first logger's directory, else in default_root_dir */
    const char
        *filename; /* "{epoch}-{val_loss:.2f}"; formats d, f, e, g with width and precision; NULL: "{epoch}-{step}" */
    int auto_insert_metric_name; /* 1: "{epoch}" becomes "epoch=4" */
    const char *monitor;         /* NULL: the newest is the best */
    const char *mode;            /* "min" or "max" */
    int64_t save_top_k;          /* 0: none; -1: all */
    int save_last;               /* 1: "last.ckpt" at each save, as a server-side copy of the checkpoint just saved */
    int save_weights_only;
    int64_t every_n_train_steps; /* 0: not by steps */
    int64_t every_n_epochs;      /* -1: 1 if every_n_train_steps is 0, else 0 */
    int save_on_exception;       /* 1: save also when the run fails; an interrupted run is saved in any case */
    int enable_version_counter;  /* 1: append "-v1" instead of replacing a file of that name */
    int save_on_train_epoch_end; /* 1: at the end of each epoch; 0: after each validation; -1: 1 where each epoch ends
                                    in one validation or has none, else 0 */
};
#define COVE_MODEL_CHECKPOINT_OPTIONS_INIT                                                                             \
    {                                                                                                                  \
        .size = sizeof(struct cove_model_checkpoint_options), .auto_insert_metric_name = 1, .mode = "min",             \
        .save_top_k = 1, .every_n_epochs = -1, .enable_version_counter = 1, .save_on_train_epoch_end = -1              \
    }
COVE_API int cove_model_checkpoint_new(const struct cove_model_checkpoint_options *options,
                                       cove_callback **ret_callback, struct cove_error *err);
/* "" before there is one; BORROWED until the next hook. `callback` must come from cove_model_checkpoint_new. */
COVE_API const char *cove_model_checkpoint_best_path(const cove_callback *callback);
COVE_API const char *cove_model_checkpoint_last_path(const cove_callback *callback);
COVE_API double cove_model_checkpoint_best_score(const cove_callback *callback); /* nan before there is one */

/* Lightning's EarlyStopping; defaults by the macro. Strings are copied. */
struct cove_early_stopping_options {
    size_t size;
    const char *monitor;
    const char *mode;             /* "min" or "max" */
    double min_delta;             /* 0 or more; compared as float32, like the metric */
    int64_t patience;             /* checks in a row without a better value that stop the run; 0 counts as 1 */
    int strict;                   /* 1: a monitor that was never logged is an error that lists the known metrics */
    int check_finite;             /* 1: nan or infinity stops the run */
    double stopping_threshold;    /* a value better than this stops the run; nan: none */
    double divergence_threshold;  /* a value worse than this stops the run; nan: none */
    int check_on_train_epoch_end; /* 1: at the end of each epoch; 0: after each validation; -1: 1 where each epoch ends
                                     in one validation or has none, else 0 */
};
#define COVE_EARLY_STOPPING_OPTIONS_INIT                                                                               \
    {                                                                                                                  \
        .size = sizeof(struct cove_early_stopping_options), .mode = "min", .patience = 3, .strict = 1,                 \
        .check_finite = 1, .stopping_threshold = NAN, .divergence_threshold = NAN, .check_on_train_epoch_end = -1      \
    }
COVE_API int cove_early_stopping_new(const struct cove_early_stopping_options *options, cove_callback **ret_callback,
                                     struct cove_error *err);

/* One line on standard error, redrawn at most ten times a second; silent if that is not a terminal. It fits the
 * terminal's width (else COLUMNS, else 80): it drops cells, then shortens names, then drops the rate and the last
 * metrics. */
COVE_API int cove_progress_bar_new(cove_callback **ret_callback, struct cove_error *err);

/* ---- loggers ---- */

/* A logger. The struct is copied by cove_trainer_new; what it points to is BORROWED until the trainer is freed. */
struct cove_logger {
    size_t size;
    void *self;
    /* Called at the start of each fit and validate; a later call continues in the same place. `root` is the trainer's
     * default_root_dir, `storage` its options, both BORROWED until the call returns. */
    int (*open)(void *self, const char *root, const cove_options *storage, struct cove_error *err);
    int (*log_hyperparams)(void *self, const struct cove_hparam *hparams, size_t n_hparams, struct cove_error *err);
    int (*log_metrics)(void *self, const struct cove_metric *metrics, size_t n_metrics, int64_t step,
                       struct cove_error *err);
    /* At the end of each run, also after a failure: everything logged is then where it belongs. */
    int (*close)(void *self, struct cove_error *err);
    const char *(*log_dir)(void *self);  /* URL, once open; NULL: none. Checkpoints go below it */
    const char *(*root_dir)(void *self); /* URL of the directory of all versions; NULL: no versions */
    void (*free)(void *self);            /* for cove_logger_free */
};
#define COVE_LOGGER_INIT                                                                                               \
    {                                                                                                                  \
        .size = sizeof(struct cove_logger)                                                                             \
    }
COVE_API void cove_logger_free(cove_logger *logger); /* NULL accepted; after the trainer that had it */

/* Both write below save_dir/name/version: Lightning's layout. Strings are copied. */
struct cove_logger_options {
    size_t size;
    const char *save_dir;        /* URL; NULL: the trainer's default_root_dir */
    const char *name;            /* "lightning_logs" */
    const char *version;         /* "version_3", or any name; NULL: the next free version_N */
    const cove_options *storage; /* of save_dir's filesystem; copied by the call; NULL: the trainer's */
};
#define COVE_LOGGER_OPTIONS_INIT                                                                                       \
    {                                                                                                                  \
        .size = sizeof(struct cove_logger_options), .name = "lightning_logs"                                           \
    }
COVE_API int cove_tensorboard_logger_new(const struct cove_logger_options *options, cove_logger **ret_logger,
                                         struct cove_error *err);
COVE_API int cove_csv_logger_new(const struct cove_logger_options *options, cove_logger **ret_logger,
                                 struct cove_error *err);

/* ---- the trainer ---- */

struct cove_trainer_options {
    size_t size;
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
    cove_logger *const *loggers;
    size_t n_loggers;
    cove_callback *const *callbacks;
    size_t n_callbacks;
};
#define COVE_TRAINER_OPTIONS_INIT                                                                                      \
    {                                                                                                                  \
        .size = sizeof(struct cove_trainer_options), .default_root_dir = ".", .max_epochs = -1, .max_steps = -1,       \
        .val_check_fraction = 1.0, .check_val_every_n_epoch = 1, .limit_train_batches = -1, .limit_val_batches = -1,   \
        .num_sanity_val_steps = 2, .gradient_clip_algorithm = "norm", .accumulate_grad_batches = 1,                    \
        .log_every_n_steps = 50, .enable_progress_bar = 1, .enable_checkpointing = 1, .enable_logging = 1              \
    }

/* COVE_EINVAL: an option out of range, by name. Touches no store. Strings, arrays and
 * the structs of loggers and callbacks are copied; what these point to is BORROWED. */
COVE_API int cove_trainer_new(const struct cove_trainer_options *options, cove_trainer **ret_trainer,
                              struct cove_error *err);
COVE_API void cove_trainer_free(cove_trainer *trainer); /* NULL accepted */

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
 * unchanged. */
COVE_API int cove_trainer_validate(cove_trainer *trainer, const struct cove_module *module,
                                   const struct cove_data *data, const char *ckpt_path, struct cove_error *err);

/* Ends the run after this batch; fit returns 0. EarlyStopping calls it. `reason` is copied; NULL: none. */
COVE_API void cove_trainer_stop(cove_trainer *trainer, const char *reason);
/* Ends the run after this batch: a checkpoint is saved, and fit returns COVE_ECANCELED. May be called from any thread
 * and from a signal handler (it is one atomic store). A call before fit ends that fit at its start; each call ends one
 * run.
 */
COVE_API void cove_trainer_interrupt(cove_trainer *trainer);

/* Saves a checkpoint in Lightning's layout at `url` (a symbolic link there is followed), from a hook, or after fit (and
 * a validate after it) while the module is still alive. A run that is resumed from one saved in a hook goes on after
 * that hook if it is on_train_batch_end, on_validation_end or on_train_epoch_end; from any other hook of an epoch it
 * begins the batch, the validation or the epoch again, with the random state, the means, the gradients and the buffers
 * that it began with. `weights_only` 1: without optimizers, callbacks and the key `cove`. COVE_ESTATE: called while a
 * checkpoint is being saved, from on_save_checkpoint or a callback's state_dict; or, only with `weights_only` 0: no fit
 * has configured an optimizer, the last run was a validate of another module, or a validate since the last fit has
 * loaded other weights. Nothing is written. */
COVE_API int cove_trainer_save_checkpoint(cove_trainer *trainer, const char *url, int weights_only,
                                          struct cove_error *err);

/* Copies the weights of a checkpoint (its state_dict, or a file that is itself a state_dict, from torch.save or
 * safetensors) into a module: Lightning's load_from_checkpoint. COVE_EMISMATCH as for fit. */
COVE_API int cove_module_load_weights(const struct cove_module *module, const char *url, const cove_options *storage,
                                      struct cove_error *err);

/* The run's state, for hooks. Strings are BORROWED until the run ends or the trainer is freed. */
enum cove_stage { COVE_STAGE_NONE = 0, COVE_STAGE_SANITY_CHECK, COVE_STAGE_TRAIN, COVE_STAGE_VALIDATE };
COVE_API enum cove_stage cove_trainer_stage(const cove_trainer *trainer);
COVE_API int cove_trainer_is_fitting(const cove_trainer *trainer); /* 1: the run is a fit; 0: a validate, or none yet */
COVE_API int64_t cove_trainer_current_epoch(const cove_trainer *trainer);
COVE_API int64_t cove_trainer_global_step(const cove_trainer *trainer);          /* optimizer steps done */
COVE_API int64_t cove_trainer_max_epochs(const cove_trainer *trainer);           /* -1: no limit */
COVE_API int64_t cove_trainer_num_training_batches(const cove_trainer *trainer); /* of an epoch, limit applied */
COVE_API int64_t cove_trainer_num_val_batches(const cove_trainer *trainer);
COVE_API int cove_trainer_is_last_batch(const cove_trainer *trainer);        /* the epoch's last training batch */
COVE_API int cove_trainer_validates_each_epoch(const cove_trainer *trainer); /* 1: exactly once, at its end */
COVE_API int cove_trainer_validation_is_due(const cove_trainer *trainer);    /* 1: it follows this training batch */
COVE_API const char *cove_trainer_default_root_dir(const cove_trainer *trainer);
COVE_API const char *cove_trainer_log_dir(const cove_trainer *trainer); /* of the first logger; NULL: none */
COVE_API const char *
cove_trainer_log_root_dir(const cove_trainer *trainer);                   /* the same, above the version; NULL: none */
COVE_API const char *cove_trainer_ckpt_path(const cove_trainer *trainer); /* the URL resumed from; NULL: none */
COVE_API const char *
cove_trainer_stop_reason(const cove_trainer *trainer);      /* why the last fit ended, or the last run failed */
COVE_API cove_rng *cove_trainer_rng(cove_trainer *trainer); /* seeded, saved and restored: for dropout and the like */
COVE_API cove_optimizer *cove_trainer_optimizer(cove_trainer *trainer); /* NULL before fit */
/* The filesystem and path of a URL, with the trainer's storage options: cove_fs_from_url's rules. */
COVE_API int cove_trainer_open_fs(const cove_trainer *trainer, const char *url, cove_fs **ret_fs, char **ret_path,
                                  struct cove_error *err);
/* callback_metrics: the newest value of `name`. COVE_ENOTFOUND: never logged; the message has the known names. */
COVE_API int cove_trainer_metric(const cove_trainer *trainer, const char *name, double *ret_value,
                                 struct cove_error *err);
/* Metric `i`, in the order in which they were first logged; COVE_ENOTFOUND: there are fewer. `ret_prog_bar`: 1 if it is
 * for the progress bar. Outputs may be NULL. `ret_name` is BORROWED until the run ends. */
COVE_API int cove_trainer_metric_at(const cove_trainer *trainer, size_t i, const char **ret_name, double *ret_value,
                                    int *ret_prog_bar);

#ifdef __cplusplus
}
#endif
#endif
