/* The inside of learning-rate schedulers. */
#ifndef COVE_TRAINER_SCHEDULER_H
#define COVE_TRAINER_SCHEDULER_H

#include <cove/trainer.h>

struct cove_lr_scheduler {
    struct cove_lr_scheduler_options o;
    cove_optimizer *optimizer; /* BORROWED */
    int64_t last_epoch;        /* steps taken; torch's word */
};

/* torch's scheduler.state_dict(). load: COVE_EMISMATCH; a missing key keeps the value of the module's configuration. */
int cove__lr_scheduler_state_dict(const cove_lr_scheduler *scheduler, cove_value **ret_state, struct cove_error *err);
int cove__lr_scheduler_match(const cove_lr_scheduler *scheduler, const cove_value *state, struct cove_error *err);
int cove__lr_scheduler_load(cove_lr_scheduler *scheduler, const cove_value *state, struct cove_error *err);

#endif
