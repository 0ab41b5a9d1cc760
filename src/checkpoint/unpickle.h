/*
 * From a pickle to a tree. A small machine with a stack and a memo; it builds values and tensors and knows a fixed list
 * of names (globals.c), and cove itself makes the values of those; the object of any other name is an opaque
 * value (opaque.c). Names are never looked up elsewhere, and nothing is called.
 */
#ifndef COVE_CHECKPOINT_UNPICKLE_H
#define COVE_CHECKPOINT_UNPICKLE_H

#include "base/slice.h"
#include "checkpoint/globals.h"
#include "checkpoint/storage.h"
#include "checkpoint/value.h"

#define COVE__PICKLE_MAX_SIZE ((uint64_t)512 << 20)
#define COVE__PICKLE_MAX_MEMORY                                                                                        \
    ((uint64_t)4 << 30) /* of the values that it makes; for a small pickle much less, see machine.c */

/* The format's part: the storage that a persistent id names. `dtype` is 0 for an untyped one, `count` in its elements.
 * The result has one reference. */
struct cove__storage_finder {
    int (*find)(void *user, struct cove__slice key, enum cove_dtype dtype, int64_t count, struct cove__storage **ret,
                struct cove_error *err);
    void *user;
};

/* `pickle` -> tree, in which every tensor is still remote. COVE_ECORRUPT, COVE_EUNSAFE, COVE_ENOTSUP, COVE_ELIMIT,
 * COVE_ENOMEM. */
int cove__unpickle(struct cove__slice pickle, const struct cove__storage_finder *finder, cove_value **ret_tree,
                   struct cove_error *err);

/* validate_tree.c: the final check of a tree. Replaces cycles by back references, names by strings and bare storages by
 * tensors.
 * COVE_ELIMIT: too deep, or too many values, shared ones counted each time. */
int cove__validate_tree(cove_value *tree, struct cove_error *err);

#endif
