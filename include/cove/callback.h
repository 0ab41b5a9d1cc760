/*
 * Callbacks: hooks beside a module's, and those that are built in.
 *
 * A callback belongs to the caller, who frees it with cove_callback_free after the trainers that have it. One thread at
 * a time may use it; its functions run on the thread that called fit or validate.
 */
#ifndef COVE_CALLBACK_H
#define COVE_CALLBACK_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include <cove/checkpoint.h>
#include <cove/error.h>
#include <cove/hooks.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cove_callback cove_callback;

/*
 * A callback: hooks, and a state that is saved in checkpoints under `state_key`. The built-in callbacks use nothing
 * else. The struct is copied by cove_trainer_new; what it points to is BORROWED until the trainer is freed.
 */
struct cove_callback {
    size_t size;           /* sizeof, set by the macro */
    void *self;            /* the program's, the first argument of each function */
    const char *state_key; /* unique in a trainer; NULL: no state */
    /* Sets *ret_state to the callback's state; the trainer frees it with cove_value_unref. NULL: no state. */
    int (*state_dict)(void *self, cove_value **ret_state, struct cove_error *err);
    /* Takes the state of a checkpoint, BORROWED until the function returns. Return values of both: see hooks.h. */
    int (*load_state_dict)(void *self, const cove_value *state, struct cove_error *err);
    /* Sets *ret_url to the URL of fit's ckpt_path "last" or "best" (`which`), in memory of malloc; the trainer frees it
     * with cove_free. COVE_ENOTFOUND: this callback has none, and the trainer asks the next one. */
    int (*find_checkpoint)(void *self, cove_trainer *trainer, const char *which, char **ret_url,
                           struct cove_error *err);
    void (*free)(void *self); /* called by cove_callback_free; NULL: nothing to free */
    int after_callbacks;      /* 1: called after the other callbacks, because it saves or shows what they did */
    int after_module;         /* 1: called after the module in on_train_batch_end, on_validation_end and
                               * on_train_epoch_end, because it reads what the module logs, or saves what it did */
    struct cove_hooks hooks;  /* stays the last field */
};
#define COVE_CALLBACK_INIT                                                                                             \
    {                                                                                                                  \
        sizeof(struct cove_callback), 0, 0, 0, 0, 0, 0, 0, 0, COVE_HOOKS_INIT                                          \
    }
/* Calls the callback's `free`. Of a built-in callback it frees the struct too. Not before the trainers that have it are
 * freed. NULL accepted. */
COVE_API void cove_callback_free(cove_callback *callback);

/* ---- built-in callbacks ---- */

/* Lightning's ModelCheckpoint; defaults by the macro. Strings are copied by the call. A dirpath that cannot be listed
 * or written to, or whose bucket does not exist, fails a fit in setup; one that does not exist yet does not. A symbolic
 * link with the name of a checkpoint to be saved is replaced, not followed. Only files that it may have saved itself
 * are removed: regular files in dirpath with a name that `filename` or "last" gives. */
struct cove_model_checkpoint_options {
    size_t size;         /* sizeof, set by the macro */
    const char *dirpath; /* URL; NULL: "checkpoints" in the first logger's directory, else in default_root_dir */
    const char
        *filename; /* "{epoch}-{val_loss:.2f}"; formats d, f, e, g with width and precision; NULL: "{epoch}-{step}" */
    int auto_insert_metric_name; /* 1: "{epoch}" becomes "epoch=4" */
    const char *monitor;         /* the name of a metric; NULL: the newest checkpoint is the best */
    const char *mode;            /* "min" or "max" */
    int64_t save_top_k;          /* how many checkpoints are kept; 0: none; -1: all */
    int save_last;               /* 1: "last.ckpt" at each save, as a server-side copy of the checkpoint just saved */
    int save_weights_only;       /* 1: as `weights_only` of cove_trainer_save_checkpoint */
    int64_t every_n_train_steps; /* 0: not by steps */
    int64_t every_n_epochs;      /* -1: 1 if every_n_train_steps is 0, else 0 */
    int save_on_exception;       /* 1: save also when the run fails; an interrupted run is saved in any case */
    int enable_version_counter;  /* 1: append "-v1" instead of replacing a file of that name */
    int save_on_train_epoch_end; /* 1: at the end of each epoch; 0: after each validation; -1: 1 where each epoch ends
                                    in one validation or has none, else 0 */
};
#define COVE_MODEL_CHECKPOINT_OPTIONS_INIT                                                                             \
    {                                                                                                                  \
        sizeof(struct cove_model_checkpoint_options), 0, 0, 1, 0, "min", 1, 0, 0, 0, -1, 0, 1, -1                      \
    }
/* A callback, which the caller frees with cove_callback_free. Sends no request.
 * COVE_EINVAL: an option out of range, by name; COVE_ENOMEM. */
COVE_API int cove_model_checkpoint_new(const struct cove_model_checkpoint_options *options,
                                       cove_callback **ret_callback, struct cove_error *err);
/* The URL of the best checkpoint, and of the last one. "" before there is one; BORROWED until the next hook. `callback`
 * must come from cove_model_checkpoint_new. */
COVE_API const char *cove_model_checkpoint_best_path(const cove_callback *callback);
COVE_API const char *cove_model_checkpoint_last_path(const cove_callback *callback);
COVE_API double cove_model_checkpoint_best_score(const cove_callback *callback); /* nan before there is one */

/* Lightning's EarlyStopping; defaults by the macro. Strings are copied by the call. */
struct cove_early_stopping_options {
    size_t size;                  /* sizeof, set by the macro */
    const char *monitor;          /* the name of a metric; must be set */
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
        sizeof(struct cove_early_stopping_options), 0, "min", 0, 3, 1, 1, NAN, NAN, -1                                 \
    }
/* A callback, which the caller frees with cove_callback_free. COVE_EINVAL: an option out of range, by name;
 * COVE_ENOMEM.
 */
COVE_API int cove_early_stopping_new(const struct cove_early_stopping_options *options, cove_callback **ret_callback,
                                     struct cove_error *err);

/* One line on standard error, redrawn at most ten times a second; silent if that is not a terminal. It fits the
 * terminal's width (else COLUMNS, else 80): it drops cells, then shortens names, then drops the rate and the last
 * metrics. The caller frees the callback with cove_callback_free. COVE_ENOMEM. */
COVE_API int cove_progress_bar_new(cove_callback **ret_callback, struct cove_error *err);

#ifdef __cplusplus
}
#endif
#endif
