/*
 * Inside of cove_value: the tree that loaders build and savers walk. value.c has the makers, counts and lists,
 * value_get.c the typed reads, integer.c the large ints, dict.c the dicts, key.c their keys, path.c the paths, tensor.c
 * the tensors. Reference counts are atomic, so any thread may drop parts of a tree; everything else is used by one
 * thread at a time.
 */
#ifndef COVE_CHECKPOINT_VALUE_H
#define COVE_CHECKPOINT_VALUE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cove/checkpoint.h>

#include "base/slice.h"

#define COVE__VALUE_MAX_DEPTH 1000
#define COVE__VALUE_MAX_COUNT ((size_t)1 << 24)

/* Internal types: what only the unpickler's stack holds, and an int of more than 64 bits. Users see that as a
 * COVE_VALUE_INT; internally, a COVE_VALUE_INT always has its value in u.i. */
enum cove__value_inner {
    COVE__VALUE_GLOBAL = 100,
    COVE__VALUE_STORAGE,
    COVE__VALUE_SET, /* a dict with the items as keys; cove__validate_tree makes it a list */
    COVE__VALUE_BIG_INT
};

/* What a loaded value was in Python where only its text or its parts are kept. Keys that differ in it are different in
 * the file, however much they look alike here: see cove__dict_rehash. */
enum cove__origin {
    COVE__ORIGIN_ITSELF = 0,
    COVE__ORIGIN_CLASS, /* or a function; text, like the next four */
    COVE__ORIGIN_DTYPE,
    COVE__ORIGIN_DEVICE,
    COVE__ORIGIN_LAYOUT,
    COVE__ORIGIN_PATH,
    COVE__ORIGIN_COMPLEX,  /* a tuple */
    COVE__ORIGIN_FROZENSET /* a tuple where it is in a key, else a list */
};

/* Shared by a container and its back references. The container drops its reference when it is freed. */
struct cove__weak_ref {
    atomic_uint refs;
    cove_value *_Atomic target; /* NULL: the container has been freed */
};

struct cove__storage;
struct cove__block;
struct cove__global;

/* Strides are always given. Allocated as one piece. */
struct cove__tensor {
    enum cove_dtype dtype;
    size_t n_dims;
    void *data;                    /* the first element; NULL: still remote, or no elements */
    struct cove__storage *storage; /* where it comes from, one reference; NULL: the user's memory */
    struct cove__block *block;     /* the memory that `data` is in, one reference; NULL: the user's, or none yet */
    uint64_t offset;               /* bytes from the start of the storage */
    uint64_t span;                 /* bytes from the first element to the end of the last; 0: no elements */
    int64_t dims[];                /* the shape, then the strides */
};

struct cove__dict_entry {
    cove_value *key, *value; /* one reference each */
};

struct cove__dict {
    struct cove__dict_entry *entries; /* in insertion order */
    size_t n, cap;
    uint32_t *index; /* hash table of entry numbers + 1, once there are more than a few */
    size_t index_size;
    uint64_t seed[2]; /* of the hash, so that a file cannot make keys collide */
    bool is_strict;   /* while it is loaded: a key has an origin, and origins are compared, too */
};

struct cove_value {
    atomic_uint refs;
    uint8_t type;             /* enum cove_value_type or cove__value_inner */
    uint8_t colour : 2;       /* of the walk in validate_tree.c */
    uint8_t is_object : 1;    /* a dict of an object's attributes */
    uint8_t is_frozen : 1;    /* a tuple or frozenset that is in a key: it can't grow */
    uint8_t has_weak_ref : 1; /* w.weak_ref is set: it has back references */
    uint8_t origin : 3;       /* enum cove__origin */
    uint16_t height;
    union {
        int64_t i; /* bool, too */
        double d;
        struct {
            char *data; /* owned, NUL-terminated; of a large int: two's complement, little-endian, minimal */
            size_t size;
        } text;
        struct {
            cove_value **items;
            size_t n, cap;
        } list;
        struct {
            char *name; /* owned */
            char *why;  /* owned: the message for a known name that is not read; NULL: an unknown name */
            int code;   /* of the error of a load that must not have it */
        } opaque;
        struct cove__dict *dict;
        struct cove__tensor *tensor;
        struct cove__weak_ref *weak_ref;   /* of a back reference, one reference; NULL: not set yet */
        const struct cove__global *global; /* static */
        struct {
            struct cove__storage *storage; /* one reference */
            int dtype;                     /* enum cove_dtype; 0: untyped */
        } storage;
    } u;
    union {
        cove_value *next; /* the list of those to be freed */
        uint64_t weight;  /* in cove__validate_tree: the values below, shared ones counted each time */
        struct cove__weak_ref *weak_ref;
    } w;
};

cove_value *cove__value_new(int type);      /* everything else zero */
cove_value *cove__value_new_dict(int type); /* or a set */
cove_value *cove__value_new_text(int type, struct cove__slice text);
/* Takes `items` (cove__malloc'd, with their references) over, on success only. */
cove_value *cove__value_new_items(int type, cove_value **items, size_t n);
void cove__value_clear(cove_value *container);         /* drops what a list, tuple or dict holds; breaks cycles */
const char *cove__value_name(const cove_value *value); /* its type's, for messages */
/* The same, and which class an opaque value is of: "dict", "opaque my.Class". */
#define COVE__VALUE_PHRASE_MAX 440
const char *cove__value_phrase(const cove_value *value, char buffer[COVE__VALUE_PHRASE_MAX]);
#define COVE__VALUE_PHRASE(value) cove__value_phrase((value), (char[COVE__VALUE_PHRASE_MAX]){ 0 })
static inline struct cove__slice cove__value_text(const cove_value *value)
{
    return cove__slice(value->u.text.data, value->u.text.size);
}

/* The children of a value: the items of a list or tuple; of a dict, each key and then its item. */
size_t cove__value_n_children(const cove_value *value);
cove_value *cove__value_child(const cove_value *value, size_t i);

/* A string on the stack, for look-ups; `text` is BORROWED, references are not counted. */
#define COVE__VALUE_BORROW(text_, size_)                                                                               \
    {                                                                                                                  \
        .type = COVE_VALUE_STRING, .u.text = {(char *)(text_), (size_) }                                               \
    }

/* integer.c: the number of bytes that the two's complement number needs. */
size_t cove__int_size(const uint8_t *bytes, size_t size);
int cove__big_int_to_double(const cove_value *value, double *ret, struct cove_error *err);

/* dict.c, for keys that key.c has checked. `set` takes over both references, only on success. */
struct cove__dict *cove__dict_new(void);
int cove__dict_set(struct cove__dict *dict, cove_value *key, cove_value *item);
cove_value *cove__dict_get(const struct cove__dict *dict, const cove_value *key);
/* The tree is whole, the keys have become text and tuples: from now on they are compared without their origins. Where
 * two are equal then, an opaque value takes the place of the one that has an origin, so that no item is lost.
 * COVE_ENOMEM: the dict can only be freed. */
int cove__dict_rehash(struct cove__dict *dict);

/* back_reference.c. Binds a back reference to `target`, a list, tuple or dict; COVE_ENOMEM. */
int cove__back_reference_bind(cove_value *reference, cove_value *target);
/* The container is being freed: its back references become NULL. */
void cove__weak_ref_clear(cove_value *container);
void cove__weak_ref_unref(struct cove__weak_ref *weak); /* NULL accepted */

/* opaque.c. "module.name" in printable bytes: "torch.Foo"; the caller frees it with cove__free. */
char *cove__opaque_name(struct cove__slice module, struct cove__slice name);
/* Takes over `name`, also on failure; copies `why`. NULL: `name` is NULL, or no memory. */
cove_value *cove__opaque_new(char *name, const char *why, int code);
/* Makes a dict opaque, which keeps nothing of it. COVE_ENOMEM. */
int cove__opaque_become(cove_value *dict, const char *name, const char *why, int code);
cove_value *cove__opaque_again(const cove_value *opaque); /* a new value with the same name */
/* opaque_check.c. 0: no opaque value below `tree`; else the code of the first one, and its path after `prefix`.
 * COVE_ELIMIT as for any walk. */
int cove__opaque_check(cove_value *tree, const char *prefix, struct cove_error *err);
/* The same for a save: COVE_ENOTSUP. */
int cove__opaque_check_save(const cove_value *tree, struct cove_error *err);

/* tensor.c */
struct cove__shape {
    enum cove_dtype dtype;
    size_t n_dims;
    const int64_t *shape, *strides; /* strides NULL: contiguous */
};
/* Checks dtype, lengths and strides and gives the number of elements and the bytes that they span. COVE_EINVAL:
 * `err` has what is wrong; COVE_ENOTSUP: too many dimensions. */
int cove__tensor_measure(const struct cove__shape *shape, uint64_t *ret_count, uint64_t *ret_span,
                         struct cove_error *err);
/* A tensor over nothing yet. */
int cove__tensor_new(const struct cove__shape *shape, cove_value **ret_value, struct cove_error *err);
void cove__tensor_view(const struct cove__tensor *tensor, struct cove_tensor_view *ret);
bool cove__tensor_is_contiguous(const struct cove__tensor *tensor);
uint64_t cove__tensor_count(const struct cove__tensor *tensor);
/* tensor_copy.c. Copies elements `first` to `first + n` in row-major order to packed memory. */
void cove__tensor_gather(const struct cove__tensor *tensor, uint64_t first, uint64_t n, void *to);

/* dtype.c: dtypes, by row */
struct cove__dtype_info {
    enum cove_dtype dtype;
    const char *name; /* PyTorch's */
    size_t size;
    size_t swap;         /* bytes that an order of bytes is about: half of a complex number */
    const char *storage; /* torch's storage class; NULL: torch saves it untyped */
    const char *safe;    /* the name in safetensors; NULL: it has none */
};
const struct cove__dtype_info *cove__dtype_info(enum cove_dtype dtype); /* NULL: unknown */
const struct cove__dtype_info *cove__dtype_row(size_t i);               /* NULL past the last */

#endif
