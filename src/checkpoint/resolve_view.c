/* Conjugated, negated and bool elements: see resolve_view.h. */
#include "checkpoint/resolve_view.h"

#include <string.h>

#include "checkpoint/value.h"

static bool is_int(enum cove_dtype dtype)
{
    return dtype == COVE_DTYPE_UINT8 || dtype == COVE_DTYPE_INT8 || dtype == COVE_DTYPE_INT16 ||
           dtype == COVE_DTYPE_INT32 || dtype == COVE_DTYPE_INT64;
}

static bool is_complex(enum cove_dtype dtype)
{
    return dtype == COVE_DTYPE_COMPLEX32 || dtype == COVE_DTYPE_COMPLEX64 || dtype == COVE_DTYPE_COMPLEX128;
}

bool cove__can_resolve_view(enum cove_dtype dtype, unsigned math)
{
    bool has_sign = dtype == COVE_DTYPE_FLOAT16 || dtype == COVE_DTYPE_BFLOAT16 || dtype == COVE_DTYPE_FLOAT32 ||
                    dtype == COVE_DTYPE_FLOAT64;
    if (math & COVE__VIEW_CONJ)
        return is_complex(dtype);
    if (math & COVE__VIEW_NEG)
        return has_sign || is_complex(dtype) || is_int(dtype);
    return true;
}

/* Negates in two's complement: every byte is inverted, then 1 is added to the lowest. */
static void negate_int(uint8_t *at, size_t size)
{
    unsigned carry = 1;
    for (size_t i = 0; i < size; i++) {
        uint8_t *byte = at + (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? i : size - 1 - i);
        carry += (uint8_t) ~*byte;
        *byte = (uint8_t)carry;
        carry >>= 8;
    }
}

void cove__resolve_view(uint8_t *data, uint64_t size, enum cove_dtype dtype, unsigned math)
{
    const struct cove__dtype_info *info = cove__dtype_info(dtype);
    size_t part = info->swap, sign = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? part - 1 : 0;
    bool neg = math & COVE__VIEW_NEG, flip_imaginary = neg != ((math & COVE__VIEW_CONJ) != 0);
    if (math == COVE__VIEW_BOOLS) {
        for (uint64_t i = 0; i < size; i++)
            data[i] = data[i] != 0;
        return;
    }
    for (uint64_t at = 0; at + info->size <= size; at += info->size) {
        if (is_int(dtype)) {
            negate_int(data + at, info->size);
            continue;
        }
        data[at + sign] ^= neg ? 0x80 : 0;
        if (info->size != part)
            data[at + part + sign] ^= flip_imaginary ? 0x80 : 0;
    }
}
