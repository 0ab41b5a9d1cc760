/*
 * From a pickle to a tree. A small machine with a stack and a memo; it builds values and tensors and knows a fixed list
 * of names (globals.c), and cove itself makes the values of those; the object of any other name is an opaque
 * value (opaque.c). Names are never looked up elsewhere, and nothing is called.
 */
#ifndef COVE_CHECKPOINT_UNPICKLE_H
#define COVE_CHECKPOINT_UNPICKLE_H

#include "base/slice.h"
#include "checkpoint/storage.h"
#include "checkpoint/value.h"

#define COVE__PICKLE_MAX_SIZE ((uint64_t)512 << 20)
#define COVE__PICKLE_MAX_MEMORY                                                                                        \
    ((uint64_t)4 << 30) /* of the values that it makes; for a small pickle much less, see unpickle.c */

/* What a pickle may name. */
enum cove__global_kind {
    COVE__GLOBAL_NAME = 0,    /* a class that may stand as an argument or a value; a call to it is refused */
    COVE__GLOBAL_UNSUPPORTED, /* torch's own, harmless, and not a plain tensor */
    COVE__GLOBAL_DTYPE,
    COVE__GLOBAL_STORAGE,
    COVE__GLOBAL_REBUILD_V1,
    COVE__GLOBAL_REBUILD_V2,
    COVE__GLOBAL_REBUILD_V3,
    COVE__GLOBAL_PARAMETER,    /* the first argument is the tensor */
    COVE__GLOBAL_FROM_TYPE,    /* function, type, its arguments, attributes */
    COVE__GLOBAL_DICT,         /* nothing, a dict, or pairs */
    COVE__GLOBAL_DEFAULT_DICT, /* a factory, or nothing */
    COVE__GLOBAL_OBJECT,       /* made empty, its attributes come by BUILD */
    COVE__GLOBAL_TUPLE,        /* torch.Size */
    COVE__GLOBAL_DEVICE,
    COVE__GLOBAL_ENCODE, /* bytes, as protocol 2 has them */
    COVE__GLOBAL_BYTES,
    COVE__GLOBAL_SET,
    COVE__GLOBAL_FROZENSET,
    COVE__GLOBAL_LIST,
    COVE__GLOBAL_COMPLEX,
    COVE__GLOBAL_LAYOUT,
    COVE__GLOBAL_PATH
};

struct cove__global {
    const char *module, *name; /* Python 3's */
    uint8_t kind;              /* enum cove__global_kind */
    uint8_t dtype;             /* of a DTYPE or STORAGE; 0: untyped, or one that cove has no tensors of */
};

/* NULL: an unknown name. */
const struct cove__global *cove__global_find(struct cove__slice module, struct cove__slice name);
/* Changes Python 2's names, which protocol 2 writes, to Python 3's. */
void cove__global_rename(struct cove__slice *module, struct cove__slice *name);

/* "module.name": the string that a class or dtype becomes as a value. */
#define COVE__GLOBAL_TEXT_MAX 160
struct cove__slice cove__global_text(const struct cove__global *global, char buffer[COVE__GLOBAL_TEXT_MAX]);

/* The format's part: the storage that a persistent id names. `dtype` is 0 for an untyped one, `count` in its elements.
 * The result has one reference. */
struct cove__storage_finder {
    int (*find)(void *user, struct cove__slice key, enum cove_dtype dtype, int64_t count, struct cove__storage **ret,
                struct cove_error *err);
    void *user;
};

/* The result of a call of `global` with the tuple `args`, a new reference. */
int cove__global_call(const struct cove__global *global, const cove_value *args, cove_value **ret,
                      struct cove_error *err);
/* An empty instance of a class (NEWOBJ). */
int cove__global_new(const struct cove__global *global, const cove_value *args, cove_value **ret,
                     struct cove_error *err);

/* `pickle` -> tree, in which every tensor is still remote. COVE_ECORRUPT, COVE_EUNSAFE, COVE_ENOTSUP, COVE_ELIMIT,
 * COVE_ENOMEM. */
int cove__unpickle(struct cove__slice pickle, const struct cove__storage_finder *finder, cove_value **ret_tree,
                   struct cove_error *err);

/* validate_tree.c: the final check of a tree. Replaces cycles by back references, names by strings and bare storages by
 * tensors.
 * COVE_ELIMIT: too deep, or too many values, shared ones counted each time. */
int cove__validate_tree(cove_value *tree, struct cove_error *err);

#endif
