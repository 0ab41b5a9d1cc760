/* Trees of values in few words; see tree.h. Used by all that goes into a checkpoint. */
#include "trainer/tree.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"

void cove__tree_set(int *rc, cove_value *dict, const char *key, cove_value *item, struct cove_error *err)
{
    if (*rc < 0)
        cove_value_unref(item);
    else
        *rc = cove_value_dict_set(dict, key, item, err);
}

void cove__tree_int(int *rc, cove_value *dict, const char *key, int64_t i, struct cove_error *err)
{
    if (*rc == 0)
        *rc = cove_value_dict_set(dict, key, cove_value_new_int(i), err);
}

void cove__tree_float(int *rc, cove_value *dict, const char *key, double d, struct cove_error *err)
{
    if (*rc == 0)
        *rc = cove_value_dict_set(dict, key, cove_value_new_float(d), err);
}

void cove__tree_bool(int *rc, cove_value *dict, const char *key, int b, struct cove_error *err)
{
    if (*rc == 0)
        *rc = cove_value_dict_set(dict, key, cove_value_new_bool(b), err);
}

void cove__tree_string(int *rc, cove_value *dict, const char *key, const char *s, struct cove_error *err)
{
    if (*rc == 0)
        *rc = cove_value_dict_set(dict, key, s ? cove_value_new_string(s) : cove_value_new_none(), err);
}

cove_value *cove__tree_dict(int *rc, cove_value *dict, const char *key, struct cove_error *err)
{
    cove_value *item;
    if (*rc < 0)
        return NULL;
    item = cove_value_new_dict();
    *rc = cove_value_dict_set(dict, key, item, err);
    return *rc < 0 ? NULL : item;
}

int cove__tree_set_tensor(cove_value *dict, const char *key, const struct cove_tensor_view *view,
                          struct cove_error *err)
{
    cove_value *tensor;
    int rc = cove_value_new_tensor(view, &tensor, err);
    return rc < 0 ? rc : cove_value_dict_set(dict, key, tensor, err);
}

void cove__tree_scalar(int *rc, cove_value *dict, const char *key, const float *number, struct cove_error *err)
{
    struct cove_tensor_view view = { .dtype = COVE_DTYPE_FLOAT32, .data = (void *)(uintptr_t)number };
    if (*rc == 0)
        *rc = cove__tree_set_tensor(dict, key, &view, err);
}

cove_value *cove__tree_at(const cove_value *dict, const char *key)
{
    return dict && cove_value_type(dict) == COVE_VALUE_DICT ? cove_value_dict_get(dict, key) : NULL;
}

void cove__tree_get_int(int *rc, const cove_value *dict, const char *key, int64_t *ret, struct cove_error *err)
{
    const cove_value *item = cove__tree_at(dict, key);
    if (*rc < 0 || !item)
        return;
    *rc = cove_value_get_int(item, ret, err);
    if (*rc < 0)
        cove__error_prefix(err, *rc, "%s", key);
}

/* ---- numbers ---- */

/* From the upper bits of a float32, or from IEEE half precision. */
static double from_16_bits(uint16_t bits, bool is_bfloat)
{
    uint32_t wide = (uint32_t)bits << 16;
    float f;
    if (!is_bfloat) {
        int exponent = bits >> 10 & 0x1f, fraction = bits & 0x3ff;
        double size = exponent == 0x1f ? (fraction ? NAN : INFINITY)
                      : exponent == 0  ? ldexp(fraction, -24)
                                       : ldexp(fraction + 1024, exponent - 25);
        return bits & 0x8000 ? -size : size;
    }
    memcpy(&f, &wide, sizeof f);
    return f;
}

/* The number at `data`, of any dtype that has real numbers of one to eight bytes. */
static bool number_at(enum cove_dtype dtype, const void *data, double *ret)
{
    union {
        float f32;
        double f64;
        int8_t i8;
        int16_t i16;
        int32_t i32;
        int64_t i64;
        uint8_t u8;
        uint16_t u16;
        uint32_t u32;
        uint64_t u64;
    } u;
    memcpy(&u, data, cove_dtype_size(dtype) <= sizeof u ? cove_dtype_size(dtype) : 0);
    switch (dtype) {
    case COVE_DTYPE_FLOAT32:
        *ret = (double)u.f32;
        return true;
    case COVE_DTYPE_FLOAT64:
        *ret = u.f64;
        return true;
    case COVE_DTYPE_FLOAT16:
    case COVE_DTYPE_BFLOAT16:
        *ret = from_16_bits(u.u16, dtype == COVE_DTYPE_BFLOAT16);
        return true;
    case COVE_DTYPE_INT8:
        *ret = u.i8;
        return true;
    case COVE_DTYPE_INT16:
        *ret = u.i16;
        return true;
    case COVE_DTYPE_INT32:
        *ret = u.i32;
        return true;
    case COVE_DTYPE_INT64:
        *ret = (double)u.i64;
        return true;
    case COVE_DTYPE_BOOL:
    case COVE_DTYPE_UINT8:
        *ret = u.u8;
        return true;
    case COVE_DTYPE_UINT16:
        *ret = u.u16;
        return true;
    case COVE_DTYPE_UINT32:
        *ret = u.u32;
        return true;
    case COVE_DTYPE_UINT64:
        *ret = (double)u.u64;
        return true;
    default:
        return false;
    }
}

/* A number, or a tensor of one: torch and Lightning keep scores, rates and steps in the dtype that they were given. */
static int read_number(cove_value *item, double *ret, struct cove_error *err)
{
    struct cove_tensor_view view;
    int64_t n = 1;
    int rc;
    if (cove_value_type(item) != COVE_VALUE_TENSOR)
        return cove_value_get_float(item, ret, err);
    if ((rc = cove_value_fetch(item, NULL, err)) < 0 || (rc = cove_value_get_tensor(item, &view, err)) < 0)
        return rc;
    for (size_t i = 0; i < view.n_dims && n == 1; i++)
        n = view.shape[i];
    if (n != 1 || !view.data)
        return cove__fail(err, COVE_EMISMATCH, "a tensor that is not one number");
    return number_at(view.dtype, view.data, ret)
               ? 0
               : cove__fail(err, COVE_EMISMATCH, "a %s tensor is not a real number", cove_dtype_name(view.dtype));
}

void cove__tree_get_float(int *rc, const cove_value *dict, const char *key, double *ret, struct cove_error *err)
{
    cove_value *item = cove__tree_at(dict, key);
    if (*rc < 0 || !item)
        return;
    *rc = read_number(item, ret, err);
    if (*rc < 0)
        cove__error_prefix(err, *rc, "%s", key);
}

void cove__tree_get_bool(int *rc, const cove_value *dict, const char *key, int *ret, struct cove_error *err)
{
    const cove_value *item = cove__tree_at(dict, key);
    if (*rc < 0 || !item)
        return;
    *rc = cove_value_get_bool(item, ret, err);
    if (*rc < 0)
        cove__error_prefix(err, *rc, "%s", key);
}

void cove__tree_get_string(int *rc, const cove_value *dict, const char *key, const char **ret, struct cove_error *err)
{
    const cove_value *item = cove__tree_at(dict, key);
    size_t length;
    if (*rc < 0 || !item)
        return;
    if (cove_value_type(item) == COVE_VALUE_NONE) {
        *ret = NULL;
        return;
    }
    *rc = cove_value_get_string(item, ret, &length, err);
    if (*rc < 0)
        cove__error_prefix(err, *rc, "%s", key);
}

int cove__tree_read_scalar(cove_value *item, float *ret, struct cove_error *err)
{
    double number = 0;
    int rc = read_number(item, &number, err);
    if (rc == 0)
        *ret = (float)number;
    return rc;
}
