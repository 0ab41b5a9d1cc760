/*
 * What a user's function (a step, a hook, a loader's fetch, a logger's write) returned, checked in one place: 0, or a
 * negative COVE_E… with a message. Whatever a function leaves out or gets wrong becomes an error that names it.
 */
#ifndef COVE_TRAINER_USER_CALL_H
#define COVE_TRAINER_USER_CALL_H

#include <cove/error.h>

#define COVE__NO_INDEX SIZE_MAX

/* Whose function it is: "callbacks[1] (ModelCheckpoint)". */
struct cove__owner {
    const char *what; /* NULL: nobody's in particular */
    size_t index;     /* COVE__NO_INDEX: there is one only */
    const char *key;  /* a state_key, of which the words before "{" are shown; or NULL */
};

/* Makes `said`, for the call's error, empty. */
void cove__user_begin(struct cove_error *said);
/* Returns 0, or a negative code and in `err` "FUNCTION of OWNER: " and what the function said. A code outside the error
 * struct may be missing, and so may a message; a positive return or an unknown code is COVE_EINVAL. */
int cove__user_end(int rc, struct cove_error *said, const char *function, const struct cove__owner *owner,
                   struct cove_error *err);

#endif
