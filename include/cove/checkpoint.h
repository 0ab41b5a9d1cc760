/*
 * Checkpoints: a tree of values with tensors in it, saved as torch's .ckpt/.pt or as safetensors, at any URL.
 *
 * Reading never runs code: the pickle reader builds values and tensors itself; the result of any other global becomes
 * an opaque value that has only a name.
 *
 * One thread at a time may use a tree; any number of threads may read a tree while none changes it. Calls with a `call`
 * argument, and the two with a URL alone, may wait for the store; the others never wait. Every call with an `err`
 * argument may return COVE_ENOMEM, those that wait also the errors that fs.h states for all of its calls; the comments
 * list the others.
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
    COVE_VALUE_STRING, /* UTF-8 with a length; a lone surrogate (Python allows it) is encoded in three bytes */
    COVE_VALUE_BYTES,
    COVE_VALUE_LIST,
    COVE_VALUE_TUPLE,
    COVE_VALUE_DICT, /* in insertion order; a key is any value except a list, a dict, or a tuple that contains one */
    COVE_VALUE_TENSOR,
    COVE_VALUE_OPAQUE,        /* an object of a class or function that cove does not read: only the name is known */
    COVE_VALUE_BACK_REFERENCE /* refers to a list, tuple or dict that contains it at any depth: Python allows containers
                                 that contain themselves */
};

/* Constructors return a value with one reference, which the caller gives back with cove_value_unref or gives to a
 * container, or NULL when memory is exhausted. Strings and bytes are copied. cove_value_new_big_int makes an int of any
 * size from two's complement, little-endian: Python's int.to_bytes(size, "little", signed=True). A string with a length
 * may contain NULs. */
COVE_API cove_value *cove_value_new_none(void);
COVE_API cove_value *cove_value_new_bool(int b);
COVE_API cove_value *cove_value_new_int(int64_t i);
COVE_API cove_value *cove_value_new_big_int(const void *bytes, size_t size);
COVE_API cove_value *cove_value_new_float(double d);
COVE_API cove_value *cove_value_new_string(const char *s);
COVE_API cove_value *cove_value_new_string_with_length(const char *s, size_t length);
COVE_API cove_value *cove_value_new_bytes(const void *data, size_t size);
COVE_API cove_value *cove_value_new_list(void);
COVE_API cove_value *cove_value_new_tuple(void);
COVE_API cove_value *cove_value_new_dict(void);
/* A tensor over the caller's memory: view.data is BORROWED until the value is freed; shape and strides are copied. Two
 * tensors whose memory overlaps are saved as one storage, as PyTorch does. *ret_value is the caller's, as that of the
 * other constructors. COVE_EINVAL: a bad dtype, shape or strides, or no memory for its elements; COVE_ENOTSUP: more
 * than COVE_TENSOR_MAX_DIMS dimensions. */
COVE_API int cove_value_new_tensor(const struct cove_tensor_view *view, cove_value **ret_value, struct cove_error *err);

/* One more reference to the same value, given back with cove_value_unref. Returns `value`; NULL accepted. */
COVE_API cove_value *cove_value_ref(cove_value *value);
COVE_API void cove_value_unref(cove_value *value); /* frees the value with its last reference; NULL accepted */

/* These take over the caller's reference to `item` and `key`, also on failure; NULL is COVE_ENOMEM, so a constructor's
 * result may be passed unchecked. Keys are equal as in Python: True, 1 and 1.0 are one key; tuples are compared by
 * their items, tensors by identity. An equal key stays in its place and gets the new item. A tuple that is a key can't
 * be appended to. COVE_EINVAL: not a list or tuple; not a dict; a key that is a list or dict or contains one, or NULL.
 * COVE_ELIMIT: more items than a container holds (docs/checkpoints.md). */
COVE_API int cove_value_append(cove_value *list, cove_value *item, struct cove_error *err);
COVE_API int cove_value_dict_set_by_value(cove_value *dict, cove_value *key, cove_value *item, struct cove_error *err);
COVE_API int cove_value_dict_set(cove_value *dict, const char *key, cove_value *item,
                                 struct cove_error *err); /* string */
COVE_API int cove_value_dict_set_by_int(cove_value *dict, int64_t key, cove_value *item,
                                        struct cove_error *err); /* int */

COVE_API enum cove_value_type cove_value_type(const cove_value *value);
COVE_API const char *cove_value_type_name(enum cove_value_type type); /* "dict"; static */
/* Typed reads. A bool may be read as int, an int as float. COVE_EMISMATCH: the value has another type; the message
 * names both. COVE_ELIMIT: the int does not fit; the message has its number of bits. */
COVE_API int cove_value_get_bool(const cove_value *value, int *ret, struct cove_error *err);
COVE_API int cove_value_get_int(const cove_value *value, int64_t *ret, struct cove_error *err);
/* Fills `bytes` with an int of any size in the format of cove_value_new_big_int, sign-extended to `size` bytes.
 * COVE_EMISMATCH: not an int; COVE_ELIMIT: it needs more bytes. */
COVE_API int cove_value_get_big_int(const cove_value *value, void *bytes, size_t size, struct cove_error *err);
COVE_API size_t cove_value_int_bits(const cove_value *value); /* of an int, with the sign: 1 for 0; 0: not an int */
/* COVE_EMISMATCH: not a number; COVE_ELIMIT: an int that is larger than any double. */
COVE_API int cove_value_get_float(const cove_value *value, double *ret, struct cove_error *err);
/* *ret is BORROWED until the value is freed; a string also ends in a NUL. COVE_EMISMATCH: the value has another type.
 */
COVE_API int cove_value_get_string(const cove_value *value, const char **ret, size_t *ret_length,
                                   struct cove_error *err);
COVE_API int cove_value_get_bytes(const cove_value *value, const void **ret, size_t *ret_size, struct cove_error *err);
/* A tensor's dtype, shape, strides and memory, BORROWED until the value is freed; data is NULL while the tensor is
 * still remote. COVE_EMISMATCH: not a tensor. */
COVE_API int cove_value_get_tensor(const cove_value *value, struct cove_tensor_view *ret, struct cove_error *err);

/* The name of an opaque value's class or function: "numpy._core.multiarray.scalar". BORROWED until the value is freed;
 * NULL: it is not opaque. */
COVE_API const char *cove_value_opaque_name(const cove_value *value);

/* The container that a back reference refers to. BORROWED from the tree that it was loaded with; NULL: the value is no
 * back reference, or the container has been freed. A back reference has no items and holds no reference, so a walk
 * over items never enters a container that it is already in. */
COVE_API cove_value *cove_value_back_reference_target(const cove_value *value);

/* Containers: the number of items (0: not a container); item `i` of a list, tuple or dict; key `i` of a dict, and the
 * same as text if it is a string without NUL. Look-up by a key (any, a string, an int), and by a dotted path
 * ("optimizer_states.0.state.3.exp_avg", the longest key first; docs/checkpoints.md). What is returned is BORROWED
 * until the container is changed or freed; NULL: there is none. */
COVE_API size_t cove_value_length(const cove_value *value);
COVE_API cove_value *cove_value_item(const cove_value *value, size_t i);
COVE_API cove_value *cove_value_key(const cove_value *dict, size_t i);
COVE_API const char *cove_value_key_name(const cove_value *dict, size_t i);
COVE_API cove_value *cove_value_dict_get_by_value(const cove_value *dict, const cove_value *key);
COVE_API cove_value *cove_value_dict_get(const cove_value *dict, const char *key);
COVE_API cove_value *cove_value_dict_get_by_int(const cove_value *dict, int64_t key);
COVE_API cove_value *cove_value_find(const cove_value *tree, const char *path);

/* ---- saving and loading ---- */

enum cove_checkpoint_format {
    COVE_CHECKPOINT_FORMAT_AUTO =
        0, /* saving: by the file name (.safetensors, else torch); loading: by the first bytes */
    COVE_CHECKPOINT_FORMAT_TORCH = 1,      /* torch.save's zip, which torch.load(weights_only=True) reads */
    COVE_CHECKPOINT_FORMAT_SAFETENSORS = 2 /* a flat dict of tensors, plus "__metadata__": a dict of strings */
};

struct cove_checkpoint_save_options {
    size_t size; /* sizeof, set by the macro */
    enum cove_checkpoint_format format;
};
#define COVE_CHECKPOINT_SAVE_OPTIONS_INIT                                                                              \
    {                                                                                                                  \
        sizeof(struct cove_checkpoint_save_options), COVE_CHECKPOINT_FORMAT_AUTO                                       \
    }

/* Saves `tree` at `path`: whole or not at all. The tree is BORROWED until the call returns. Tensors are sent from their
 * own memory, which must not change during the call. `options` and `call` may be NULL. Errors as of cove_writer_finish
 * (stream.h), and of the tree, which is checked before anything is sent:
 * COVE_EINVAL: a string is not UTF-8; a list or dict contains itself; the tree does not fit safetensors;
 * tensors overlap at a fraction of an element;
 * COVE_ESTATE: a tensor is still remote;
 * COVE_ENOTSUP: an opaque value, named with its path; a back reference to a tuple, or to a container that does not
 * contain it; a dtype that safetensors lacks;
 * COVE_ELIMIT: too deep, too many values (docs/checkpoints.md). */
COVE_API int cove_checkpoint_save(cove_fs *fs, const char *path, const cove_value *tree,
                                  const struct cove_checkpoint_save_options *options, const struct cove_call *call,
                                  struct cove_error *err);

struct cove_checkpoint_load_options {
    size_t size; /* sizeof, set by the macro */
    enum cove_checkpoint_format format;
    /* Dotted paths of the subtrees to load; tensors outside them stay remote. NULL: everything is loaded. BORROWED
     * until the call returns. */
    const char *const *paths;
    size_t n_paths;
    int lazy;         /* 1: no tensor is loaded; cove_value_fetch loads one */
    size_t max_bytes; /* limit of the tensors' memory, in bytes; beyond it COVE_ELIMIT. 0: the size of the file, plus
                         what is read more than once (conjugated and negated views) */
    int allow_opaque; /* 1: opaque values are allowed everywhere; 0: not in what is loaded, see below */
};
#define COVE_CHECKPOINT_LOAD_OPTIONS_INIT                                                                              \
    {                                                                                                                  \
        sizeof(struct cove_checkpoint_load_options), COVE_CHECKPOINT_FORMAT_AUTO, 0, 0, 0, 0, 0                        \
    }

/* Loads the tree; the caller frees it with cove_value_unref. What is loaded (everything, or the subtrees at `paths`)
 * must not contain opaque values, unless `allow_opaque` is set. The rest of the tree, and the tree of a lazy load, may.
 * COVE_ENOTFOUND: no such file, or one of `paths` is not in it;
 * COVE_ECORRUPT: truncated, or not in the format;
 * COVE_EUNSAFE: an opaque value of an unknown global, named with its path;
 * COVE_ENOTSUP: a valid file or value that cove does not read (a TorchScript archive, a sparse tensor);
 * COVE_ELIMIT: above a limit (docs/checkpoints.md). */
COVE_API int cove_checkpoint_load(cove_fs *fs, const char *path, const struct cove_checkpoint_load_options *options,
                                  const struct cove_call *call, cove_value **ret_tree, struct cove_error *err);
/* Loads a tensor that is still remote, or all of them below a list, tuple or dict, in parallel, into memory that the
 * tree owns; a tensor reads only its own bytes where that is less (docs/checkpoints.md). COVE_EMISMATCH: another value;
 * COVE_ENOTFOUND, COVE_EPRECONDITION: the object has been removed or replaced since the tree was loaded; COVE_ECORRUPT:
 * the CRC does not match (checked if the whole storage was read). */
COVE_API int cove_value_fetch(cove_value *value, const struct cove_call *call, struct cove_error *err);
/* Copies a tensor's elements into `view`'s memory (BORROWED until the call returns) and fetches them first if they are
 * remote, with the errors of cove_value_fetch. `view` has the same dtype and shape (else COVE_EMISMATCH) and any
 * strides. The memories must not overlap. COVE_EINVAL: `view` has no memory. */
COVE_API int cove_value_copy_tensor(cove_value *tensor, const struct cove_tensor_view *view,
                                    const struct cove_call *call, struct cove_error *err);

/* cove_checkpoint_save and cove_checkpoint_load with a URL alone and default options; errors as of these and of
 * cove_fs_from_url. *ret_tree is the caller's, freed with cove_value_unref. */
COVE_API int cove_checkpoint_save_url(const char *url, const cove_value *tree, struct cove_error *err);
COVE_API int cove_checkpoint_load_url(const char *url, cove_value **ret_tree, struct cove_error *err);

#ifdef __cplusplus
}
#endif
#endif
