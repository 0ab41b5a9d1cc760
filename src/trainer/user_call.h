/*
 * Checks the return value of a user's function (a step, a hook, a loader's fetch, a logger's function) in one place: 0,
 * or a negative COVE_E… with a message. The error names the function, also if its code or message is missing or
 * invalid.
 */
#ifndef COVE_TRAINER_USER_CALL_H
#define COVE_TRAINER_USER_CALL_H

#include <cove/error.h>

#define COVE__NO_INDEX SIZE_MAX

/* The owner of a function: "callbacks[1] (ModelCheckpoint)". */
struct cove__owner {
    const char *what; /* NULL: no owner */
    size_t index;     /* COVE__NO_INDEX: there is only one */
    const char *key;  /* a state_key, shown up to "{"; or NULL */
};

/* Clears `said`, the error struct for the call. */
void cove__user_begin(struct cove_error *said);
/* Returns 0, or a negative code and in `err` "FUNCTION of OWNER: " and the function's message. `said` may lack the
 * code, the message or both; a positive `rc` or an unknown code is COVE_EINVAL. */
int cove__user_end(int rc, struct cove_error *said, const char *function, const struct cove__owner *owner,
                   struct cove_error *err);

#endif
