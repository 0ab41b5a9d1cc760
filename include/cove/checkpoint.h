/*
 * Checkpoints: a tree of values with tensors in it, saved as torch's .ckpt/.pt or as safetensors, at any URL.
 *
 * Reading never runs code: the pickle reader builds values and tensors; what any other global would make is opaque,
 * known by its name only. One thread at a time may use a tree; a tree that nobody changes may be read by many.
 */
#ifndef COVE_CHECKPOINT_H
#define COVE_CHECKPOINT_H

#include <stddef.h>
#include <stdint.h>

#include <cove/fs.h>
#include <cove/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- values ---- */

typedef struct cove_value cove_value;

enum cove_value_type {
    COVE_VALUE_NONE = 0,
    COVE_VALUE_BOOL,
    COVE_VALUE_INT,    /* of any size; most fit an int64 */
    COVE_VALUE_FLOAT,  /* double */
    COVE_VALUE_STRING, /* UTF-8 with a length; a lone surrogate, which Python has, is the three bytes of its number */
    COVE_VALUE_BYTES,
    COVE_VALUE_LIST,
    COVE_VALUE_TUPLE,
    COVE_VALUE_DICT, /* in insertion order; a key is any value but a list, a dict or what has one in it */
    COVE_VALUE_TENSOR,
    COVE_VALUE_OPAQUE,        /* what a class or function would make that cove does not read: only its name is known */
    COVE_VALUE_BACK_REFERENCE /* stands for a list, tuple or dict that it lies in, at any depth: a container that holds
                                 itself */
};

/* Makers give a value with one reference, or NULL when memory is exhausted. Strings and bytes are copied. */
COVE_API cove_value *cove_value_new_none(void);
COVE_API cove_value *cove_value_new_bool(int b);
COVE_API cove_value *cove_value_new_int(int64_t i);
/* An integer of any size, in two's complement, its lowest byte first: Python's int.to_bytes(n, "little", signed=True).
 */
COVE_API cove_value *cove_value_new_int_bytes(const void *bytes, size_t size);
COVE_API cove_value *cove_value_new_float(double d);
COVE_API cove_value *cove_value_new_string(const char *s);
COVE_API cove_value *cove_value_new_text(const char *s, size_t length); /* a string that may have a NUL in it */
COVE_API cove_value *cove_value_new_bytes(const void *data, size_t size);
COVE_API cove_value *cove_value_new_list(void);
COVE_API cove_value *cove_value_new_tuple(void);
COVE_API cove_value *cove_value_new_dict(void);
/* A tensor over the caller's memory: view.data is BORROWED until the value is freed; shape and strides are copied. Two
 * tensors whose memory overlaps are saved as one storage, as PyTorch does. COVE_EINVAL: a bad dtype, shape or strides;
 * COVE_ENOTSUP: more than COVE_TENSOR_MAX_DIMS dimensions. */
COVE_API int cove_value_new_tensor(const struct cove_tensor_view *view, cove_value **ret_value, struct cove_error *err);

COVE_API cove_value *cove_value_ref(cove_value *value);
COVE_API void cove_value_unref(cove_value *value); /* NULL accepted */

/* These take over the caller's reference to `item` and `key`, also on failure; NULL is COVE_ENOMEM, so that a maker's
 * result may be passed unseen. Keys are equal as in Python: True, 1 and 1.0 are one key; tuples go by their items; what
 * has no value of its own, a tensor, is equal to itself only. Where there is an equal key it stays, with the new item,
 * in its old place. A tuple that is a key can't be appended to. COVE_EINVAL: not a list or tuple; not a dict; a key
 * that is a list or dict or has one in it. */
COVE_API int cove_value_append(cove_value *list, cove_value *item, struct cove_error *err);
COVE_API int cove_value_set_item(cove_value *dict, cove_value *key, cove_value *item, struct cove_error *err);
COVE_API int cove_value_set(cove_value *dict, const char *key, cove_value *item, struct cove_error *err); /* string */
COVE_API int cove_value_set_at(cove_value *dict, int64_t key, cove_value *item, struct cove_error *err);  /* int */

COVE_API enum cove_value_type cove_value_type(const cove_value *value);
COVE_API const char *cove_value_type_name(enum cove_value_type type); /* "dict" */
/* Typed reads: COVE_EMISMATCH where the value has another type (a bool reads as int, an int as double), naming both;
 * COVE_ELIMIT: an int that does not fit, with its number of bits. */
COVE_API int cove_value_as_bool(const cove_value *value, int *ret, struct cove_error *err);
COVE_API int cove_value_as_int(const cove_value *value, int64_t *ret, struct cove_error *err);
/* Fills `bytes` with an int of any size, as cove_value_new_int_bytes takes it, its sign extended to `size` bytes.
 * COVE_ELIMIT: it needs more. */
COVE_API int cove_value_as_int_bytes(const cove_value *value, void *bytes, size_t size, struct cove_error *err);
COVE_API size_t cove_value_int_bits(const cove_value *value); /* that an int takes with its sign: 1 for 0; 0: no int */
COVE_API int cove_value_as_float(const cove_value *value, double *ret, struct cove_error *err);
COVE_API int cove_value_as_string(const cove_value *value, const char **ret, size_t *ret_length,
                                  struct cove_error *err); /* NUL-terminated, BORROWED from the value */
COVE_API int cove_value_as_bytes(const cove_value *value, const void **ret, size_t *ret_size, struct cove_error *err);
/* A tensor's dtype, shape and strides, BORROWED from the value; data is NULL while it is still remote. */
COVE_API int cove_value_as_tensor(const cove_value *value, struct cove_tensor_view *ret, struct cove_error *err);

/* The name of the class or function that would make an opaque value: "numpy._core.multiarray.scalar". BORROWED from the
 * value; NULL: it is not opaque. */
COVE_API const char *cove_value_opaque_name(const cove_value *value);

/* The container that a back reference stands for. BORROWED from the tree that it was loaded with; NULL: the value is no
 * back reference, or that container has been freed. A back reference keeps nothing alive, so whoever walks over items
 * meets no container below itself. */
COVE_API cove_value *cove_value_back_reference(const cove_value *value);

/* Containers: number of items; item `i` of a list, tuple or dict; key of a dict's item, and the same as text where it
 * is a string without NUL. Look-up by a key (any, a string, an int), and by a dotted path
 * ("optimizer_states.0.state.3.exp_avg", the longest key first; docs/checkpoints.md). All BORROWED; NULL where there is
 * none. */
COVE_API size_t cove_value_length(const cove_value *value);
COVE_API cove_value *cove_value_item(const cove_value *value, size_t i);
COVE_API cove_value *cove_value_key(const cove_value *dict, size_t i);
COVE_API const char *cove_value_key_name(const cove_value *dict, size_t i);
COVE_API cove_value *cove_value_get_item(const cove_value *dict, const cove_value *key);
COVE_API cove_value *cove_value_get(const cove_value *dict, const char *key);
COVE_API cove_value *cove_value_get_at(const cove_value *dict, int64_t key);
COVE_API cove_value *cove_value_find(const cove_value *tree, const char *path);

/* ---- saving and loading ---- */

enum cove_checkpoint_format {
    COVE_FORMAT_AUTO = 0,       /* by the name (.safetensors, else torch) when saving, by the bytes when loading */
    COVE_FORMAT_TORCH = 1,      /* torch.save's zip; opens with torch.load(weights_only=True) */
    COVE_FORMAT_SAFETENSORS = 2 /* a flat dict of tensors, plus "__metadata__": a dict of strings */
};

struct cove_save_options {
    size_t size;
    enum cove_checkpoint_format format;
};
#define COVE_SAVE_OPTIONS_INIT                                                                                         \
    {                                                                                                                  \
        sizeof(struct cove_save_options), COVE_FORMAT_AUTO                                                             \
    }

/* Saves `tree` at `path`: whole or not at all. Tensors are sent from their own memory, which must not change meanwhile.
 * `options` and `call` may be NULL. The tree is checked before anything is sent: COVE_EINVAL (a string that is not
 * UTF-8; for safetensors, what it has no room for), COVE_ESTATE (a tensor is still remote), COVE_ENOTSUP (an opaque
 * value, named with its path; a back reference to what is not above it, or to a tuple; a dtype that safetensors lacks),
 * COVE_ELIMIT (too deep, too many values: docs/checkpoints.md). */
COVE_API int cove_checkpoint_save(cove_fs *fs, const char *path, const cove_value *tree,
                                  const struct cove_save_options *options, const struct cove_call *call,
                                  struct cove_error *err);

struct cove_load_options {
    size_t size;
    enum cove_checkpoint_format format;
    const char *const *only; /* dotted paths; tensors outside them stay remote; NULL: everything is loaded */
    size_t n_only;
    int lazy;         /* 1: no tensor is loaded; cove_value_fetch loads one */
    size_t max_bytes; /* ceiling of memory for tensors, COVE_ELIMIT beyond it; 0: the size of the file, and what is read
                         more than once (conjugated and negated views) */
    int allow_opaque; /* 1: opaque values may stand anywhere; 0: not in what is loaded, see below */
};
#define COVE_LOAD_OPTIONS_INIT                                                                                         \
    {                                                                                                                  \
        sizeof(struct cove_load_options), COVE_FORMAT_AUTO, 0, 0, 0, 0, 0                                              \
    }

/* Loads the tree. What is loaded (everything, or the subtrees of `only`) must be free of opaque values unless
 * `allow_opaque` is set; what stands beside it, and a lazy load's tree, may have them.
 * COVE_ENOTFOUND: no such file, or no such path of `only` in it; COVE_ECORRUPT: truncated, or it breaks the format;
 * COVE_EUNSAFE: an opaque value of a global outside the list, named with its path; COVE_ENOTSUP: sound, but of a kind
 * that cove does not read (a TorchScript archive; a sparse tensor, which is opaque, too); COVE_ELIMIT: above a ceiling
 * (docs/checkpoints.md). */
COVE_API int cove_checkpoint_load(cove_fs *fs, const char *path, const struct cove_load_options *options,
                                  const struct cove_call *call, cove_value **ret_tree, struct cove_error *err);
/* Loads a tensor that is still remote (no-op on others), reading its own bytes only. COVE_EPRECONDITION: the object has
 * been replaced since; COVE_ECORRUPT: its CRC does not match (known where all of its storage was read). */
COVE_API int cove_value_fetch(cove_value *tensor, const struct cove_call *call, struct cove_error *err);
/* Copies a tensor's elements, fetched where need be, into `view`'s memory: same dtype and shape (COVE_EMISMATCH), any
 * strides. The memories must not overlap. */
COVE_API int cove_value_copy_tensor(cove_value *tensor, const struct cove_tensor_view *view,
                                    const struct cove_call *call, struct cove_error *err);

/* The same with a URL alone, default options. */
COVE_API int cove_checkpoint_save_url(const char *url, const cove_value *tree, struct cove_error *err);
COVE_API int cove_checkpoint_load_url(const char *url, cove_value **ret_tree, struct cove_error *err);

#ifdef __cplusplus
}
#endif
#endif
