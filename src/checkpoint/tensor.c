/* Tensors of a tree: dtypes, shapes that make sense, copies between any strides. Below: base; loading them is
 * storage.c's matter. */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "checkpoint/storage.h"
#include "checkpoint/value.h"

static const struct cove__dtype_info dtypes[] = {
    { COVE_DTYPE_BOOL, "bool", 1, 1, "BoolStorage", "BOOL" },
    { COVE_DTYPE_UINT8, "uint8", 1, 1, "ByteStorage", "U8" },
    { COVE_DTYPE_INT8, "int8", 1, 1, "CharStorage", "I8" },
    { COVE_DTYPE_INT16, "int16", 2, 2, "ShortStorage", "I16" },
    { COVE_DTYPE_INT32, "int32", 4, 4, "IntStorage", "I32" },
    { COVE_DTYPE_INT64, "int64", 8, 8, "LongStorage", "I64" },
    { COVE_DTYPE_FLOAT16, "float16", 2, 2, "HalfStorage", "F16" },
    { COVE_DTYPE_BFLOAT16, "bfloat16", 2, 2, "BFloat16Storage", "BF16" },
    { COVE_DTYPE_FLOAT32, "float32", 4, 4, "FloatStorage", "F32" },
    { COVE_DTYPE_FLOAT64, "float64", 8, 8, "DoubleStorage", "F64" },
    { COVE_DTYPE_COMPLEX32, "complex32", 4, 2, NULL, NULL },
    { COVE_DTYPE_COMPLEX64, "complex64", 8, 4, "ComplexFloatStorage", "C64" },
    { COVE_DTYPE_COMPLEX128, "complex128", 16, 8, "ComplexDoubleStorage", NULL },
    { COVE_DTYPE_FLOAT8_E4M3FN, "float8_e4m3fn", 1, 1, NULL, "F8_E4M3" },
    { COVE_DTYPE_FLOAT8_E5M2, "float8_e5m2", 1, 1, NULL, "F8_E5M2" },
    { COVE_DTYPE_FLOAT8_E4M3FNUZ, "float8_e4m3fnuz", 1, 1, NULL, "F8_E4M3FNUZ" },
    { COVE_DTYPE_FLOAT8_E5M2FNUZ, "float8_e5m2fnuz", 1, 1, NULL, "F8_E5M2FNUZ" },
    { COVE_DTYPE_UINT16, "uint16", 2, 2, NULL, "U16" },
    { COVE_DTYPE_UINT32, "uint32", 4, 4, NULL, "U32" },
    { COVE_DTYPE_UINT64, "uint64", 8, 8, NULL, "U64" },
    { COVE_DTYPE_FLOAT8_E8M0FNU, "float8_e8m0fnu", 1, 1, NULL, "F8_E8M0" },
    { COVE_DTYPE_FLOAT4_E2M1FN_X2, "float4_e2m1fn_x2", 1, 1, NULL, "F4" },
};

const struct cove__dtype_info *cove__dtype_row(size_t i)
{
    return i < sizeof(dtypes) / sizeof(dtypes[0]) ? &dtypes[i] : NULL;
}

const struct cove__dtype_info *cove__dtype_info(enum cove_dtype dtype)
{
    for (size_t i = 0; i < sizeof(dtypes) / sizeof(dtypes[0]); i++)
        if (dtypes[i].dtype == dtype)
            return &dtypes[i];
    return NULL;
}

const char *cove_dtype_name(enum cove_dtype dtype)
{
    const struct cove__dtype_info *info = cove__dtype_info(dtype);
    return info ? info->name : "unknown";
}

size_t cove_dtype_size(enum cove_dtype dtype)
{
    const struct cove__dtype_info *info = cove__dtype_info(dtype);
    return info ? info->size : 0;
}

/* ---- shapes ---- */

int cove__tensor_measure(const struct cove__shape *s, uint64_t *ret_count, uint64_t *ret_span, struct cove_error *err)
{
    uint64_t size = cove_dtype_size(s->dtype), count = 1, last = 0, contiguous = 1;
    bool empty = false;
    if (size == 0)
        return cove__fail(err, COVE_EINVAL, "tensor: unknown dtype %d", (int)s->dtype);
    if (s->n_dims > COVE_TENSOR_MAX_DIMS)
        return cove__fail(err, COVE_ENOTSUP, "tensor: %zu dimensions, at most %d are supported", s->n_dims,
                          COVE_TENSOR_MAX_DIMS);
    for (size_t i = 0; i < s->n_dims; i++) {
        if (s->shape[i] < 0 || (s->strides && s->strides[i] < 0))
            return cove__fail(err, COVE_EINVAL, "tensor: dimension %zu has a negative length or stride", i);
        empty = empty || s->shape[i] == 0;
    }
    for (size_t i = s->n_dims; i-- > 0 && !empty;) {
        uint64_t length = (uint64_t)s->shape[i], stride = s->strides ? (uint64_t)s->strides[i] : contiguous, reach = 0;
        if (__builtin_mul_overflow(length - 1, stride, &reach) || __builtin_add_overflow(last, reach, &last) ||
            __builtin_mul_overflow(count, length, &count) || last > (uint64_t)INT64_MAX / size - 1 ||
            count > (uint64_t)INT64_MAX / size)
            return cove__fail(err, COVE_EINVAL, "tensor: its shape and strides are larger than any memory");
        contiguous = count;
    }
    *ret_count = empty ? 0 : count;
    *ret_span = empty ? 0 : (last + 1) * size;
    return 0;
}

int cove__tensor_new(const struct cove__shape *s, cove_value **ret_value, struct cove_error *err)
{
    uint64_t count = 0, span = 0;
    int rc = cove__tensor_measure(s, &count, &span, err);
    if (rc < 0)
        return rc;
    cove_value *value = cove__value_new(COVE_VALUE_TENSOR);
    struct cove__tensor *t = cove__calloc(1, sizeof(*t) + 2 * s->n_dims * sizeof(t->dims[0]));
    if (!value || !t) {
        cove__free(value);
        cove__free(t);
        return cove__fail_nomem(err, "a tensor");
    }
    t->dtype = s->dtype;
    t->n_dims = s->n_dims;
    t->span = span;
    int64_t contiguous = 1;
    for (size_t i = s->n_dims; i-- > 0;) {
        t->dims[i] = s->shape[i];
        t->dims[s->n_dims + i] = s->strides ? s->strides[i] : contiguous;
        if (__builtin_mul_overflow(contiguous, s->shape[i] > 0 ? s->shape[i] : 1, &contiguous))
            contiguous = INT64_MAX; /* of a tensor without elements, whose strides lead nowhere */
    }
    value->u.tensor = t;
    *ret_value = value;
    return 0;
}

int cove_value_new_tensor(const struct cove_tensor_view *view, cove_value **ret_value, struct cove_error *err)
{
    struct cove__shape shape = { view->dtype, view->n_dims, view->shape, view->strides };
    cove_value *value = NULL;
    if (view->n_dims > 0 && !view->shape)
        return cove__fail(err, COVE_EINVAL, "tensor: %zu dimensions without a shape", view->n_dims);
    int rc = cove__tensor_new(&shape, &value, err);
    if (rc < 0)
        return rc;
    if (!view->data && value->u.tensor->span > 0) {
        cove_value_unref(value);
        return cove__fail(err, COVE_EINVAL, "tensor: it has elements and no memory");
    }
    value->u.tensor->data = view->data;
    *ret_value = value;
    return 0;
}

void cove__tensor_free(struct cove__tensor *t)
{
    cove__block_unref(t->block);
    cove__storage_unref(t->storage);
    cove__free(t);
}

void cove__tensor_view(const struct cove__tensor *t, struct cove_tensor_view *ret)
{
    *ret = (struct cove_tensor_view){
        .dtype = t->dtype, .n_dims = t->n_dims, .shape = t->dims, .strides = t->dims + t->n_dims, .data = t->data
    };
}

uint64_t cove__tensor_count(const struct cove__tensor *t)
{
    uint64_t count = 1;
    for (size_t i = 0; i < t->n_dims; i++)
        if (t->dims[i] == 0)
            return 0;
    for (size_t i = 0; i < t->n_dims; i++)
        count *= (uint64_t)t->dims[i];
    return count;
}

bool cove__tensor_is_contiguous(const struct cove__tensor *t)
{
    int64_t expected = 1;
    for (size_t i = t->n_dims; i-- > 0;) {
        if (t->dims[i] == 0)
            return true;
        if (t->dims[i] != 1 && t->dims[t->n_dims + i] != expected)
            return false;
        expected *= t->dims[i];
    }
    return true;
}

/* ---- copies ---- */

static void copy_row(uint8_t *to, size_t to_step, const uint8_t *from, size_t from_step, uint64_t n, size_t size)
{
    if (to_step == size && from_step == size) {
        memmove(to, from, (size_t)n * size);
        return;
    }
    for (uint64_t i = 0; i < n; i++) {
        uint8_t *t = to + i * to_step;
        const uint8_t *f = from + i * from_step;
        switch (size) { /* constants make each a plain move */
        case 1:
            *t = *f;
            break;
        case 2:
            memcpy(t, f, 2);
            break;
        case 4:
            memcpy(t, f, 4);
            break;
        case 8:
            memcpy(t, f, 8);
            break;
        default:
            memcpy(t, f, size);
            break;
        }
    }
}

/* The dimensions of a copy, in which neighbours that both sides run through evenly are one. */
struct plan {
    size_t n;
    uint64_t length[COVE_TENSOR_MAX_DIMS];
    uint64_t to[COVE_TENSOR_MAX_DIMS], from[COVE_TENSOR_MAX_DIMS]; /* strides in bytes */
};

static void add_dim(struct plan *p, uint64_t length, uint64_t to, uint64_t from)
{
    if (length == 1)
        return;
    if (p->n > 0 && p->to[p->n - 1] == to * length && p->from[p->n - 1] == from * length) {
        p->length[p->n - 1] *= length;
        p->to[p->n - 1] = to;
        p->from[p->n - 1] = from;
        return;
    }
    p->length[p->n] = length;
    p->to[p->n] = to;
    p->from[p->n++] = from;
}

static void copy_all(const struct plan *p, uint8_t *to, const uint8_t *from, size_t size)
{
    uint64_t at[COVE_TENSOR_MAX_DIMS] = { 0 };
    if (p->n == 0) {
        memmove(to, from, size);
        return;
    }
    size_t inner = p->n - 1;
    for (;;) {
        copy_row(to, p->to[inner], from, p->from[inner], p->length[inner], size);
        size_t i = inner;
        for (;;) {
            if (i-- == 0)
                return;
            to += p->to[i];
            from += p->from[i];
            if (++at[i] < p->length[i])
                break;
            to -= p->to[i] * p->length[i];
            from -= p->from[i] * p->length[i];
            at[i] = 0;
        }
    }
}

int cove_value_copy_tensor(cove_value *value, const struct cove_tensor_view *view, const struct cove_call *call,
                           struct cove_error *err)
{
    uint64_t count = 0, span = 0;
    if (!value || value->type != COVE_VALUE_TENSOR)
        return cove__fail(err, COVE_EMISMATCH, "expected tensor, got %s", COVE__VALUE_PHRASE(value));
    struct cove__tensor *t = value->u.tensor;
    if (view->dtype != t->dtype)
        return cove__fail(err, COVE_EMISMATCH, "copy: the tensor is %s, expected %s", cove_dtype_name(t->dtype),
                          cove_dtype_name(view->dtype));
    if (view->n_dims != t->n_dims)
        return cove__fail(err, COVE_EMISMATCH, "copy: the tensor has %zu dimensions, expected %zu", t->n_dims,
                          view->n_dims);
    for (size_t i = 0; i < t->n_dims; i++)
        if (view->shape[i] != t->dims[i])
            return cove__fail(err, COVE_EMISMATCH, "copy: dimension %zu of the tensor is %lld, expected %lld", i,
                              (long long)t->dims[i], (long long)view->shape[i]);
    struct cove__shape shape = { view->dtype, view->n_dims, view->shape, view->strides };
    int rc = cove__tensor_measure(&shape, &count, &span, err);
    if (rc < 0 || count == 0)
        return rc;
    if (!view->data)
        return cove__fail(err, COVE_EINVAL, "copy: no memory to copy to");
    rc = cove_value_fetch(value, call, err);
    if (rc < 0)
        return rc;

    size_t size = cove_dtype_size(t->dtype);
    uint64_t contiguous[COVE_TENSOR_MAX_DIMS], step = size;
    for (size_t i = t->n_dims; i-- > 0; step *= (uint64_t)t->dims[i])
        contiguous[i] = step;
    struct plan plan = { 0 };
    for (size_t i = 0; i < t->n_dims; i++)
        add_dim(&plan, (uint64_t)t->dims[i], view->strides ? (uint64_t)view->strides[i] * size : contiguous[i],
                (uint64_t)t->dims[t->n_dims + i] * size);
    copy_all(&plan, view->data, t->data, size);
    return 0;
}

void cove__tensor_gather(const struct cove__tensor *t, uint64_t first, uint64_t n, void *to)
{
    size_t size = cove_dtype_size(t->dtype);
    uint8_t *out = to;
    if (cove__tensor_is_contiguous(t)) {
        memcpy(out, (const uint8_t *)t->data + first * size, (size_t)n * size);
        return;
    }
    /* one row of the last dimension at a time */
    uint64_t row = (uint64_t)t->dims[t->n_dims - 1], step = (uint64_t)t->dims[2 * t->n_dims - 1] * size;
    while (n > 0) {
        uint64_t rest = first / row, begin = first % row, take = n < row - begin ? n : row - begin;
        const uint8_t *from = (const uint8_t *)t->data + begin * step;
        for (size_t i = t->n_dims - 1; i-- > 0; rest /= (uint64_t)t->dims[i])
            from += rest % (uint64_t)t->dims[i] * (uint64_t)t->dims[t->n_dims + i] * size;
        copy_row(out, size, from, step, take, size);
        out += take * size;
        first += take;
        n -= take;
    }
}
