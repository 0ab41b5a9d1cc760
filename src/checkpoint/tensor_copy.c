/* Copies of tensors between any strides: into the memory of a program, and packed for a save. Part of value.h. */
#include <string.h>

#include "base/error.h"
#include "checkpoint/value.h"

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
