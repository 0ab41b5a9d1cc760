/* Keys of dicts: which values are allowed, and which are equal. Python's rules. */
#ifndef COVE_CHECKPOINT_KEY_H
#define COVE_CHECKPOINT_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "checkpoint/value.h"

#define COVE__KEY_MAX_COST ((uint64_t)1 << 22)

struct cove__key_facts {
    uint64_t cost;               /* approximate steps of a hash or comparison */
    enum cove__origin an_origin; /* of its first part that has one */
};

/* Whether `key` can be one. Adds to `facts`, all 0 at first: a tuple may stand in a tuple many times. COVE_ENOTSUP: it
 * is a list or dict, or has one in it; COVE_ELIMIT: nested too deep (it stands at `depth`, the outermost at 1), or too
 * large. */
int cove__key_check(const cove_value *key, struct cove__key_facts *facts, unsigned depth);
/* Marks a key of a dict: its tuples can't grow any more. */
void cove__key_freeze(cove_value *key);

/* For checked keys only. `strict`: keys of different origins differ. */
uint64_t cove__key_hash(const uint64_t seed[2], const cove_value *key, bool strict);
bool cove__key_equal(const cove_value *a, const cove_value *b, bool strict);

/* The opaque replacement of a key that equals another one here, but not in Python. NULL: no memory. */
cove_value *cove__key_opaque(const cove_value *key, enum cove__origin origin);

/* A key for messages: the string itself, else its text in `buffer`. */
const char *cove__key_label(const cove_value *key, char *buffer, size_t size);

#endif
