/*
 * Where a run stands, in Lightning's counters: what the loop counts, what checkpoints hold under "loops", and from
 * which a resume finds its place. A thing is ready, then started, then processed (computed), then completed (all its
 * hooks have run).
 */
#ifndef COVE_TRAINER_PROGRESS_H
#define COVE_TRAINER_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include <cove/checkpoint.h>

/* The largest count that a checkpoint may hold: sums of such counts don't overflow. */
#define COVE__MOST_COUNTED (INT64_C(1) << 53)

struct cove__counts {
    int64_t ready, started, processed, completed;
};

struct cove__tracker {
    struct cove__counts total;   /* of the run, over all resumes */
    struct cove__counts current; /* epochs: the same; batches: of this epoch */
};

struct cove__progress {
    struct cove__tracker epoch, batch, val_batch, step, zero_grad, scheduler;
    bool is_last_batch; /* the epoch's last training batch was reached */
    bool val_is_last_batch;
    int64_t batches_that_stepped; /* the step that loggers are given */
};

/* What is left to do of the batch or epoch at whose end a checkpoint was saved. */
enum cove__position {
    COVE__AT_EPOCH_START,    /* nothing: the next epoch begins */
    COVE__AT_BATCH_START,    /* nothing: the next batch of the epoch begins */
    COVE__AT_BATCH_END,      /* on_train_batch_end, and what follows */
    COVE__AFTER_TRAIN_BATCH, /* validation may be due, then the batch is completed */
    COVE__AFTER_VALIDATION   /* only counting */
};

void cove__counts_add(struct cove__tracker *tracker, int64_t ready, int64_t started, int64_t processed,
                      int64_t completed);

/* For one more fit in the same process: the epochs that are over count, what was begun beyond them does not. */
void cove__progress_next_fit(struct cove__progress *p);

/* The "loops" dict. */
int cove__progress_save(const struct cove__progress *p, cove_value *loops, struct cove_error *err);
/* From a "loops" dict of Lightning 2 or of ours. COVE_EMISMATCH: invalid counters. */
int cove__progress_load(struct cove__progress *p, const cove_value *loops, struct cove_error *err);
/* Sets the counters to where the run goes on; `n_batches` of an epoch in this run. `own`: the checkpoint is one of
 * ours, which holds the epoch's means. Without them an epoch whose last batch is done can't end as it would have: it is
 * over, as it is to Lightning. */
enum cove__position cove__progress_resume(struct cove__progress *p, int64_t n_batches, bool own);

#endif
