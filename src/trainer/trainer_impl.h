/* The inside of cove_trainer, for the files of this room. Built-in callbacks do not include it: they use the public
 * header. */
#ifndef COVE_TRAINER_IMPL_H
#define COVE_TRAINER_IMPL_H

#include <stdatomic.h>
#include <stdbool.h>

#include <cove/trainer.h>

#include "trainer/loader.h"
#include "trainer/metrics.h"
#include "trainer/optimizer.h"
#include "trainer/progress.h"
#include "trainer/rng.h"
#include "trainer/scheduler.h"
#include "trainer/strategy.h"
#include "trainer/undo.h"
#include "trainer/user_call.h"

struct cove_trainer {
    /* for the trainer's lifetime */
    struct cove_trainer_options o; /* the strings and arrays below are ours */
    char *root;                    /* default_root_dir, owned */
    cove_options *storage;         /* owned; NULL: none */
    cove_logger *loggers;          /* owned: copies of the structs, also of own_logger */
    size_t n_loggers;
    cove_callback *callbacks; /* owned: copies of the structs, in the order of calls */
    size_t n_callbacks;
    size_t *callback_numbers; /* owned: the index of each in the options' array; COVE__NO_INDEX: the trainer's own */
    cove_logger *own_logger;  /* owned: the default one, or NULL */
    cove_callback *own_checkpoint, *own_bar; /* owned: the default ones, or NULL */
    const struct cove__strategy_ops *strategy;
    atomic_int interrupted;

    /* of one run, or kept from one fit to the next */
    struct cove_module module; /* a copy; what it points to is BORROWED until the run ends */
    bool fitting;
    enum cove_stage stage;
    double log_weight; /* the batch's size, or 1 between batches */
    struct cove__loader train, val;
    int64_t n_train_batches, n_val_batches, val_check_batch;
    cove_optimizer *optimizer;    /* owned */
    cove_lr_scheduler *scheduler; /* owned; may be NULL */
    cove_rng rng;
    uint64_t seed; /* of this run; of a resumed one, the checkpoint's */
    struct cove__metrics metrics;
    struct cove__progress p;             /* of the last fit; not changed by a validate */
    struct cove__tracker validate_batch; /* of a validate */
    int64_t val_log_step;                /* validation batches so far: the step of values that they log on step */
    enum cove__position position;        /* of the last fit */
    cove_rng fetch_rng;                  /* as it was before the newest training batch was fetched */
    struct cove__undo undo;
    bool fit_failed; /* the last fit ended in an error */
    bool should_stop;
    bool saving;                 /* a checkpoint is being saved: its hooks can't save another */
    bool weights_replaced;       /* by a validate with ckpt_path: they are not those of the last fit's step */
    bool is_running;             /* from the first hook of a run to its end */
    char reason[256];            /* why the last run ended */
    char stop_reason[256];       /* what cove_trainer_stop was given; UTF-8 */
    char *ckpt_path;             /* owned: the URL resumed from */
    const char *function;        /* the user's function that is being called; NULL: none */
    struct cove_error log_error; /* the first failure inside cove_trainer_log, until that function returns */
};

/* ---- hooks.c ---- */

/* One call of a user's function: begin, call it with &call.said, and end, which checks its return value and its logging
 * (user_call.h). Calls nest: a hook may save a checkpoint, which calls hooks. */
struct cove__call {
    struct cove_error said, log_error;
    const char *function, *outer;
};
void cove__call_begin(cove_trainer *t, struct cove__call *call, const char *function);
int cove__call_end(cove_trainer *t, struct cove__call *call, int rc, const struct cove__owner *owner,
                   struct cove_error *err);
struct cove__owner cove__callback_owner(const cove_trainer *t, size_t i);

/* Batch number `idx` of this epoch. */
int cove__fetch(cove_trainer *t, struct cove__loader *loader, int64_t idx, struct cove_batch *ret_batch,
                struct cove_error *err);
/* training_step or validation_step. */
int cove__step(cove_trainer *t, cove_batch_hook_fn step, const char *name, const struct cove_batch *batch,
               struct cove_error *err);
int cove__hook(cove_trainer *t, size_t offset, const char *name, struct cove_error *err);
int cove__batch_hook(cove_trainer *t, size_t offset, const char *name, const struct cove_batch *batch,
                     struct cove_error *err);
int cove__checkpoint_hook(cove_trainer *t, size_t offset, const char *name, cove_value *tree, struct cove_error *err);
/* All callbacks' and the module's, also after one that failed: the first error is returned, the others are logged. */
int cove__teardown_hook(cove_trainer *t, struct cove_error *err);
/* on_train_batch_end, on_validation_end and on_train_epoch_end. */
int cove__batch_end_hook(cove_trainer *t, const struct cove_batch *batch, struct cove_error *err);
int cove__validation_end_hook(cove_trainer *t, struct cove_error *err);
int cove__epoch_end_hook(cove_trainer *t, struct cove_error *err);
void cove__exception_hook(cove_trainer *t, const struct cove_error *cause);
#define COVE__HOOK(t, name, err) cove__hook((t), offsetof(struct cove_hooks, name), #name, (err))
#define COVE__BATCH_HOOK(t, name, batch, err)                                                                          \
    cove__batch_hook((t), offsetof(struct cove_hooks, name), #name, (batch), (err))
#define COVE__CHECKPOINT_HOOK(t, name, tree, err)                                                                      \
    cove__checkpoint_hook((t), offsetof(struct cove_hooks, name), #name, (tree), (err))

/* ---- fit.c ---- */
void cove__forget_run(cove_trainer *t); /* frees everything of one run */

/* ---- loop.c ---- */
int cove__run_fit(cove_trainer *t, struct cove_error *err); /* from t->position on */
int cove__run_validation(cove_trainer *t, struct cove_error *err);
int cove__run_sanity_check(cove_trainer *t, struct cove_error *err);
bool cove__validation_due(const cove_trainer *t);
int cove__check_interrupt(cove_trainer *t, struct cove_error *err);

/* ---- batch.c ---- */
int cove__train_batch(cove_trainer *t, struct cove_error *err);
/* In a resumed run: repeats the on_train_batch_end that failed. */
int cove__repeat_batch_end(cove_trainer *t, struct cove_error *err);
bool cove__accumulating(const cove_trainer *t); /* the current batch does not end in an optimizer step */

/* ---- run_state.c ---- */
int cove__dump_checkpoint(cove_trainer *t, int weights_only, cove_value **ret_tree, struct cove_error *err);
/* Loads `url` and restores the run from it, all or nothing. */
int cove__restore(cove_trainer *t, const char *url, struct cove_error *err);

/* ---- logs.c ---- */
int cove__open_loggers(cove_trainer *t, struct cove_error *err);
int cove__close_loggers(cove_trainer *t, struct cove_error *err);
int cove__log_hparams(cove_trainer *t, struct cove_error *err);
/* Sends this step's or epoch's rows of `phase` to all loggers. */
int cove__log_rows(cove_trainer *t, enum cove__phase phase, bool on_step, int64_t step, struct cove_error *err);

#endif
