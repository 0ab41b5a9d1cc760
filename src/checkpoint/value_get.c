/* Typed reads of a value: each gives what it holds, or an error that names its type. Part of value.h. */
#include "base/error.h"
#include "checkpoint/value.h"

static int mismatch(const cove_value *value, const char *wanted, struct cove_error *err)
{
    return cove__fail(err, COVE_EMISMATCH, "expected %s, got %s", wanted, COVE__VALUE_PHRASE(value));
}

int cove_value_get_bool(const cove_value *value, int *ret, struct cove_error *err)
{
    if (!value || value->type != COVE_VALUE_BOOL)
        return mismatch(value, "bool", err);
    *ret = (int)value->u.i;
    return 0;
}

int cove_value_get_int(const cove_value *value, int64_t *ret, struct cove_error *err)
{
    if (value && value->type == COVE__VALUE_BIG_INT)
        return cove__fail(err, COVE_ELIMIT, "an int of %zu bits does not fit 64 bits", cove_value_int_bits(value));
    if (!value || (value->type != COVE_VALUE_INT && value->type != COVE_VALUE_BOOL))
        return mismatch(value, "int", err);
    *ret = value->u.i;
    return 0;
}

int cove_value_get_float(const cove_value *value, double *ret, struct cove_error *err)
{
    if (value && value->type == COVE_VALUE_FLOAT)
        *ret = value->u.d;
    else if (value && (value->type == COVE_VALUE_INT || value->type == COVE_VALUE_BOOL))
        *ret = (double)value->u.i;
    else if (value && value->type == COVE__VALUE_BIG_INT)
        return cove__big_int_to_double(value, ret, err);
    else
        return mismatch(value, "float", err);
    return 0;
}

int cove_value_get_string(const cove_value *value, const char **ret, size_t *ret_length, struct cove_error *err)
{
    if (!value || value->type != COVE_VALUE_STRING)
        return mismatch(value, "string", err);
    *ret = value->u.text.data;
    if (ret_length)
        *ret_length = value->u.text.size;
    return 0;
}

int cove_value_get_bytes(const cove_value *value, const void **ret, size_t *ret_size, struct cove_error *err)
{
    if (!value || value->type != COVE_VALUE_BYTES)
        return mismatch(value, "bytes", err);
    *ret = value->u.text.data;
    *ret_size = value->u.text.size;
    return 0;
}

int cove_value_get_tensor(const cove_value *value, struct cove_tensor_view *ret, struct cove_error *err)
{
    if (!value || value->type != COVE_VALUE_TENSOR)
        return mismatch(value, "tensor", err);
    cove__tensor_view(value->u.tensor, ret);
    return 0;
}
