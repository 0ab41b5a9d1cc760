/* Ints of more than 64 bits: two's complement, little-endian, in as few bytes as possible. Part of value.h. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "checkpoint/value.h"

static uint8_t sign_of(const uint8_t *bytes, size_t size)
{
    return size > 0 && bytes[size - 1] & 0x80 ? 0xff : 0;
}

size_t cove__int_size(const uint8_t *bytes, size_t size)
{
    uint8_t sign = sign_of(bytes, size);
    while (size > 1 && bytes[size - 1] == sign && (bytes[size - 2] & 0x80) == (sign & 0x80))
        size--;
    return size;
}

cove_value *cove_value_new_big_int(const void *bytes, size_t size)
{
    size_t n = cove__int_size(bytes, size);
    if (n > 8)
        return cove__value_new_text(COVE__VALUE_BIG_INT, cove__slice(bytes, n));
    uint64_t value = sign_of(bytes, n) ? UINT64_MAX : 0;
    for (size_t i = 0; i < n; i++)
        value = (value & ~((uint64_t)0xff << (8 * i))) | (uint64_t)((const uint8_t *)bytes)[i] << (8 * i);
    return cove_value_new_int((int64_t)value);
}

/* The bytes of an int or bool; those of a small one are in `small`. Empty: not an int. */
static struct cove__slice bytes_of(const cove_value *value, uint8_t small[8])
{
    if (value && value->type == COVE__VALUE_BIG_INT)
        return cove__value_text(value);
    if (!value || (value->type != COVE_VALUE_INT && value->type != COVE_VALUE_BOOL))
        return cove__slice(NULL, 0);
    for (unsigned i = 0; i < 8; i++)
        small[i] = (uint8_t)((uint64_t)value->u.i >> (8 * i));
    return cove__slice(small, cove__int_size(small, 8));
}

int cove_value_get_big_int(const cove_value *value, void *bytes, size_t size, struct cove_error *err)
{
    uint8_t small[8];
    struct cove__slice s = bytes_of(value, small);
    if (s.size == 0)
        return cove__fail(err, COVE_EMISMATCH, "expected int, got %s", COVE__VALUE_PHRASE(value));
    if (s.size > size)
        return cove__fail(err, COVE_ELIMIT, "an int of %zu bits does not fit %zu bytes", cove_value_int_bits(value),
                          size);
    memset((uint8_t *)bytes + s.size, sign_of(s.data, s.size), size - s.size);
    memcpy(bytes, s.data, s.size);
    return 0;
}

size_t cove_value_int_bits(const cove_value *value)
{
    uint8_t small[8];
    struct cove__slice s = bytes_of(value, small);
    if (s.size == 0)
        return 0;
    size_t bits = 8 * s.size;
    uint8_t top = s.data[s.size - 1], sign = sign_of(s.data, s.size);
    for (uint8_t bit = 0x40; bit && !((top ^ sign) & bit); bit >>= 1) /* the sign needs one bit */
        bits--;
    return bits;
}

/* The nearest double, ties to even: from the 64 highest bits of the magnitude and one sticky bit for the rest. */
int cove__big_int_to_double(const cove_value *value, double *ret, struct cove_error *err)
{
    struct cove__slice s = cove__value_text(value);
    uint8_t sign = sign_of(s.data, s.size);
    size_t bits = 8 * s.size;
    uint64_t head = 0;
    unsigned carry = sign & 1, rest = 0;
    if (s.size > DBL_MAX_EXP / 8 + 1)
        return cove__fail(err, COVE_ELIMIT, "an int of %zu bits is larger than any double", cove_value_int_bits(value));
    uint8_t magnitude[DBL_MAX_EXP / 8 + 1];
    for (size_t i = 0; i < s.size; i++) {
        carry += (uint8_t)(s.data[i] ^ sign);
        magnitude[i] = (uint8_t)carry;
        carry >>= 8;
    }
    size_t top = s.size;
    while (top > 0 && magnitude[top - 1] == 0)
        top--;
    bits = 8 * top;
    while (bits > 0 && !(magnitude[(bits - 1) / 8] >> (bits - 1) % 8 & 1))
        bits--;
    for (size_t i = 0; i < bits; i++) { /* from the highest bit down */
        unsigned bit = magnitude[(bits - 1 - i) / 8] >> (bits - 1 - i) % 8 & 1;
        if (i < 64)
            head = head << 1 | bit;
        else
            rest |= bit;
    }
    double d = ldexp((double)(head | rest), (int)bits - 64);
    if (isinf(d))
        return cove__fail(err, COVE_ELIMIT, "an int of %zu bits is larger than any double", cove_value_int_bits(value));
    *ret = sign ? -d : d;
    return 0;
}
