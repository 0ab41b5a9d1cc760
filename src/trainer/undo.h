/*
 * What a batch or a validation that fails half way must not leave behind. A checkpoint that on_exception saves stands
 * where that batch or validation began, and the run that is resumed from it does it again: random numbers are drawn
 * again, values are logged again, and gradients are added again to those of the batches before.
 */
#ifndef COVE_TRAINER_UNDO_H
#define COVE_TRAINER_UNDO_H

#include <stdbool.h>

#include <cove/trainer.h>

#include "trainer/rng.h"

struct cove__undo {
    cove_rng rng;
    int64_t val_log_step;
    bool should_stop;
    bool gradients;  /* `grads` holds those that waited for the optimizer's step */
    float *grads;    /* owned: of all parameters, one after the other; only where batches are accumulated */
    size_t capacity; /* of grads, in elements */
};

void cove__undo_done(struct cove__undo *undo);
/* Remembers where the run stands. `gradients`: those of earlier batches wait. COVE_ENOMEM. */
int cove__undo_mark(cove_trainer *t, bool gradients, struct cove_error *err);
/* Back to the last mark. */
void cove__undo(cove_trainer *t);

#endif
