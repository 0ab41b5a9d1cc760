/*
 * The header of a safetensors file: 8 bytes of length, then JSON that names tensors with dtype, shape and place. The
 * format is described at github.com/huggingface/safetensors ("Format"); its rules are kept to the letter: no hole, no
 * overlap, nothing left over.
 */
#ifndef COVE_WIRE_SAFETENSORS_H
#define COVE_WIRE_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>

#include <cove/error.h>

#include "base/buf.h"
#include "base/slice.h"

#define COVE__SAFE_METADATA   "__metadata__"
#define COVE__SAFE_HEADER_MAX ((uint64_t)100000000) /* as the format's own library has it */
#define COVE__SAFE_MAX_DIMS   64

/* The length of the JSON, from the first bytes of a file of `file_size` bytes. COVE_ECORRUPT: it is no such file. */
int cove__safe_header_size(struct cove__slice head, uint64_t file_size, uint64_t *ret_size);

struct cove__safe_tensor {
    const char *name, *dtype; /* as they stand in the header */
    const int64_t *shape;     /* none negative */
    size_t n_dims;
    uint64_t begin, end; /* within the data; begin <= end <= data_size */
};

/* What takes the header's entries, in its order; all BORROWED for the call. A negative return ends the parse with it.
 * Duplicate names are for the caller to detect. A call with `key` NULL announces the metadata before its first entry.
 */
struct cove__safe_visitor {
    int (*tensor)(void *user, const struct cove__safe_tensor *tensor);
    int (*metadata)(void *user, const char *key, struct cove__slice text);
    void *user;
};

/* COVE_ECORRUPT, COVE_ENOTSUP (too many dimensions), COVE_ENOMEM, or what the visitor returned. */
int cove__safe_parse(struct cove__slice json, uint64_t data_size, const struct cove__safe_visitor *visitor,
                     struct cove_error *err);

/* Writing: a JSON string. COVE_EINVAL: not UTF-8. */
int cove__safe_add_string(struct cove__buf *out, const char *text, struct cove_error *err);

#endif
