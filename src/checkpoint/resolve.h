/*
 * What a file leaves to its reader: views that torch saved as "conjugated" or "negated" before the sums were done, and
 * bools whose bytes are not 0 or 1. storage.c applies it to the memory that it has just read.
 */
#ifndef COVE_CHECKPOINT_RESOLVE_H
#define COVE_CHECKPOINT_RESOLVE_H

#include <stdbool.h>
#include <stdint.h>

#include <cove/tensor.h>

enum cove__view_math {
    COVE__VIEW_CONJ = 1,
    COVE__VIEW_NEG = 2,  /* may stand together with CONJ */
    COVE__VIEW_BOOLS = 4 /* alone: every byte but 0 becomes 1 */
};

/* Whether torch has this for the dtype. */
bool cove__resolve_can(enum cove_dtype dtype, unsigned math);
/* `size` bytes of elements of `dtype`, in this machine's order of bytes; what is left over at the end stays. */
void cove__resolve(uint8_t *data, uint64_t size, enum cove_dtype dtype, unsigned math);

#endif
