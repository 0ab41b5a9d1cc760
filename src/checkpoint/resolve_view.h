/*
 * Work that a file leaves to its reader: views that torch saved with a conjugate or negative flag, and bools with bytes
 * other than 0 and 1. storage.c calls it on memory that it has just read.
 */
#ifndef COVE_CHECKPOINT_RESOLVE_VIEW_H
#define COVE_CHECKPOINT_RESOLVE_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include <cove/tensor.h>

enum cove__view_math {
    COVE__VIEW_CONJ = 1,
    COVE__VIEW_NEG = 2,  /* may be combined with CONJ */
    COVE__VIEW_BOOLS = 4 /* not combined: every nonzero byte becomes 1 */
};

/* Whether torch supports this for the dtype. */
bool cove__can_resolve_view(enum cove_dtype dtype, unsigned math);
/* Changes `size` bytes of elements of `dtype` in native byte order; an incomplete element at the end is unchanged. */
void cove__resolve_view(uint8_t *data, uint64_t size, enum cove_dtype dtype, unsigned math);

#endif
