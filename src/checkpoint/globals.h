/* The names that a pickle may have in it (globals.c), and what a call of each makes (global_call.c). */
#ifndef COVE_CHECKPOINT_GLOBALS_H
#define COVE_CHECKPOINT_GLOBALS_H

#include <stdint.h>

#include "base/slice.h"
#include "checkpoint/value.h"

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

/* global_call.c. The result of a call of `global` with the tuple `args`, a new reference. */
int cove__global_call(const struct cove__global *global, const cove_value *args, cove_value **ret,
                      struct cove_error *err);
/* An empty instance of a class (NEWOBJ). */
int cove__global_new(const struct cove__global *global, const cove_value *args, cove_value **ret,
                     struct cove_error *err);

#endif
