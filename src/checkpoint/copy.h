/* A copy of a tree of values that shares no memory with it: see copy.c. */
#ifndef COVE_CHECKPOINT_COPY_H
#define COVE_CHECKPOINT_COPY_H

#include <cove/checkpoint.h>

/* Gives a tree with one reference. COVE_ESTATE: a tensor is still remote; COVE_ENOTSUP: a container that holds itself;
 * COVE_ELIMIT: too deep; COVE_ENOMEM. */
int cove__value_copy(const cove_value *value, cove_value **ret, struct cove_error *err);

#endif
