/*
 * Undoes a batch or validation that has failed. A checkpoint that is saved in on_exception has the state before that
 * batch or validation, and the resumed run repeats it: it draws the same random numbers, logs the values again, and
 * adds the gradients again to those of the earlier batches.
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
    bool gradients;  /* `grads` holds gradients that wait for an optimizer step */
    float *grads;    /* owned: of all parameters in sequence; only if batches are accumulated */
    size_t capacity; /* of grads, in elements */
};

void cove__undo_done(struct cove__undo *undo);
/* Saves the run's state. `gradients`: gradients of earlier batches wait for an optimizer step. COVE_ENOMEM. */
int cove__undo_mark(cove_trainer *t, bool gradients, struct cove_error *err);
/* Restores the state of the last mark. */
void cove__undo(cove_trainer *t);

#endif
