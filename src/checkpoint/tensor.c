/* Tensors of a tree: shapes that make sense. dtype.c has their dtypes, storage.c loads them, tensor_copy.c copies
 * them. */
#include "base/error.h"
#include "base/mem.h"
#include "checkpoint/value.h"

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
