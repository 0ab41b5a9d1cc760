/* Keys of dicts: which values are allowed, and which are equal. Python's rules. */
#ifndef COVE_CHECKPOINT_KEY_H
#define COVE_CHECKPOINT_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "checkpoint/value.h"

#define COVE__KEY_MAX_COST ((uint64_t)1 << 22)

/* Checks that `key` is allowed and freezes its tuples. Adds to *ret_cost (0 at first) the approximate number of steps
 * of a hash or comparison: a tuple may contain one tuple many times. COVE_ENOTSUP: a list or dict, or it contains one;
 * COVE_ELIMIT: nested too deep (`depth` is 1 for the outermost), or too large. */
int cove__key_check(cove_value *key, uint64_t *ret_cost, unsigned depth);

/* For checked keys only. */
uint64_t cove__key_hash(const uint64_t seed[2], const cove_value *key);
bool cove__key_equal(const cove_value *a, const cove_value *b);

/* A key for messages: the string itself, else its text in `buffer`. */
const char *cove__key_label(const cove_value *key, char *buffer, size_t size);

#endif
