/* Keys of dicts: what may be one, and which are equal. Python's rules. */
#ifndef COVE_CHECKPOINT_KEY_H
#define COVE_CHECKPOINT_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "checkpoint/value.h"

#define COVE__KEY_MAX_COST ((uint64_t)1 << 22)

/* Whether `key` can be one; its tuples can't grow from now on. Adds to *ret_cost about how many steps it takes to hash
 * or compare it, from 0 on: a tuple may stand in a tuple many times. COVE_ENOTSUP: it is a list or dict, or has one in
 * it; COVE_ELIMIT: nested too deep (it stands at `depth`, the outermost at 1), or too large. */
int cove__key_check(cove_value *key, uint64_t *ret_cost, unsigned depth);

/* Both for checked keys only. */
uint64_t cove__key_hash(const uint64_t seed[2], const cove_value *key);
bool cove__key_equal(const cove_value *a, const cove_value *b);

/* A key in a message: itself if it is a string, else written to `buffer`. */
const char *cove__key_label(const cove_value *key, char *buffer, size_t size);

#endif
