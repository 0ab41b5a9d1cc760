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

/*
 * Where a run continues: what comes next, and all before it is done. The loop moves it, a checkpoint holds it by name
 * (cove.position), and a resume begins with it. The counters alone are not enough: they are the same before a batch is
 * fetched and after the validation that follows the one before.
 */
enum cove__position {
    COVE__AT_EPOCH_START,   /* on_train_epoch_start of the next epoch */
    COVE__AT_BATCH_START,   /* the fetch of the epoch's next batch; where there is none left, the epoch's end */
    COVE__AT_BATCH_END,     /* on_train_batch_end of a computed batch */
    COVE__AT_VALIDATION,    /* the validation, if one is due after this batch */
    COVE__AFTER_VALIDATION, /* the batch is still to be counted for the loggers */
    COVE__AT_EPOCH_END      /* on_train_epoch_end */
};

void cove__counts_add(struct cove__tracker *tracker, int64_t ready, int64_t started, int64_t processed,
                      int64_t completed);

/* For one more fit in the same process: the epochs that are over count, what was begun beyond them does not. */
void cove__progress_next_fit(struct cove__progress *p);

/* The "loops" dict. */
int cove__progress_save(const struct cove__progress *p, cove_value *loops, struct cove_error *err);
/* From a "loops" dict of Lightning 2 or of ours. COVE_EMISMATCH: invalid counters. */
int cove__progress_load(struct cove__progress *p, const cove_value *loops, struct cove_error *err);
const char *cove__position_name(enum cove__position position);
/* COVE_EMISMATCH: no position has this name. */
int cove__position_read(const char *name, enum cove__position *ret_position, struct cove_error *err);
/* Sets the counters of a checkpoint of ours to where the run continues; `n_batches` of an epoch in this run.
 * *position is changed where this data has no such place. COVE_EMISMATCH: the counters contradict the position. */
int cove__progress_resume(struct cove__progress *p, enum cove__position *position, int64_t n_batches,
                          struct cove_error *err);
/* The same for a checkpoint of Lightning's, whose only position is its counters. It holds no means of the epoch:
 * one whose last batch is done can't end as it would have, and is over, as it is to Lightning. */
enum cove__position cove__progress_infer(struct cove__progress *p, int64_t n_batches);

#endif
