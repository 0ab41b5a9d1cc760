/* Tensors: a dtype, a shape, strides and memory. libcove does not compute with them; it saves, loads and copies them.
 * Any thread may make the calls of this header. */
#ifndef COVE_TENSOR_H
#define COVE_TENSOR_H

#include <stddef.h>
#include <stdint.h>

#include <cove/error.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COVE_TENSOR_MAX_DIMS 64

/* PyTorch's names. */
enum cove_dtype {
    COVE_DTYPE_BOOL = 1,
    COVE_DTYPE_UINT8,
    COVE_DTYPE_INT8,
    COVE_DTYPE_INT16,
    COVE_DTYPE_INT32,
    COVE_DTYPE_INT64,
    COVE_DTYPE_FLOAT16,
    COVE_DTYPE_BFLOAT16,
    COVE_DTYPE_FLOAT32,
    COVE_DTYPE_FLOAT64,
    COVE_DTYPE_COMPLEX32,
    COVE_DTYPE_COMPLEX64,
    COVE_DTYPE_COMPLEX128,
    COVE_DTYPE_FLOAT8_E4M3FN,
    COVE_DTYPE_FLOAT8_E5M2,
    COVE_DTYPE_FLOAT8_E4M3FNUZ,
    COVE_DTYPE_FLOAT8_E5M2FNUZ,
    COVE_DTYPE_UINT16,
    COVE_DTYPE_UINT32,
    COVE_DTYPE_UINT64,
    COVE_DTYPE_FLOAT8_E8M0FNU,
    COVE_DTYPE_FLOAT4_E2M1FN_X2 /* an element is a byte that holds two numbers, as in PyTorch */
};

COVE_API const char *cove_dtype_name(enum cove_dtype dtype); /* "float32", static; "unknown" for other numbers */
COVE_API size_t cove_dtype_size(enum cove_dtype dtype);      /* bytes of an element; 0 for other numbers */

/* A view of a tensor in someone's memory. All of it is BORROWED until the call that takes it returns, unless that
 * call's comment states otherwise. */
struct cove_tensor_view {
    enum cove_dtype dtype;
    size_t n_dims;          /* 0: a scalar, one element */
    const int64_t *shape;   /* n_dims lengths */
    const int64_t *strides; /* in elements, as PyTorch counts them; NULL: row-major, contiguous */
    void *data;             /* the first element; may be NULL where there are no elements */
};

#ifdef __cplusplus
}
#endif
#endif
