/* The states of callbacks: into a checkpoint, out of it, and back to what they were before a resume that failed. */
#ifndef COVE_TRAINER_CALLBACK_STATES_H
#define COVE_TRAINER_CALLBACK_STATES_H

#include <cove/trainer.h>

/* Sets each callback's state in `dict`, under its state_key. */
int cove__callback_states_save(cove_trainer *t, cove_value *dict, struct cove_error *err);
/* Each callback takes its state from `dict`, which may be NULL; one that has none there keeps its own. On failure some
 * have taken theirs. */
int cove__callback_states_load(cove_trainer *t, const cove_value *dict, struct cove_error *err);
/* A copy of the states as they are now; free it with cove_value_unref. */
int cove__callback_states_copy(cove_trainer *t, cove_value **ret_states, struct cove_error *err);

#endif
