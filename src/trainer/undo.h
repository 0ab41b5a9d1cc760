/*
 * Undoes a part of a run that has failed: on_train_epoch_start, a batch, on_train_batch_end, a validation or
 * on_train_epoch_end. The loop marks the state before the first call of the part that may fail, and the resumed run
 * repeats the part: it draws the same random numbers, logs the values again, and adds the gradients again to those of
 * the earlier batches. A checkpoint that a hook saves in the middle of a part has the marked state, for the same
 * reason.
 */
#ifndef COVE_TRAINER_UNDO_H
#define COVE_TRAINER_UNDO_H

#include <stdbool.h>

#include <cove/trainer.h>

#include "trainer/rng.h"

/* What a part may change, beside the random numbers, the means of the epoch and the wish to stop. */
enum {
    COVE__UNDO_GRADIENTS = 1, /* those of earlier batches, which wait for the optimizer's step */
    COVE__UNDO_BUFFERS = 2,   /* parameters without a gradient, except frozen ones */
};

struct cove__undo {
    bool open; /* between the mark and the part's last hook, or its end: checkpoints hold the marked state */
    unsigned what;
    cove_rng rng;
    int64_t val_log_step;
    bool should_stop;
    char stop_reason[256];
    unsigned char *copies; /* owned: of gradients and buffers, each at a multiple of 16 bytes */
    size_t capacity;
};

void cove__undo_done(struct cove__undo *undo);
/* Saves the run's state; `what` of the above. COVE_ENOMEM. */
int cove__undo_mark(cove_trainer *t, unsigned what, struct cove_error *err);
/* From here on a checkpoint has the present state. */
void cove__undo_close(cove_trainer *t);
/* Restores the state of the last mark. */
void cove__undo(cove_trainer *t);
/* The value of parameter `i`, or with `grad` its gradient, as a checkpoint has it. BORROWED until the next mark. */
void *cove__undo_saved(const cove_trainer *t, size_t i, bool grad);

#endif
