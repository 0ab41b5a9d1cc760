/* Protocol Buffers' wire format: tags, varints, fixed words, runs of bytes. Called by src/events and by the Hadoop
 * client. */
#include "wire/protobuf.h"

#include <string.h>

#include <cove/error.h>

#define FIELD_MAX ((1u << 29) - 1)

void cove__pb_put_varint(struct cove__buf *b, uint64_t value)
{
    uint8_t out[10];
    size_t n = 0;

    while (value >= 0x80) {
        out[n++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    out[n++] = (uint8_t)value;
    cove__buf_add(b, out, n);
}

static void put_tag(struct cove__buf *b, unsigned number, enum cove__pb_type type)
{
    cove__pb_put_varint(b, (uint64_t)number << 3 | type);
}

static void put_little_endian(struct cove__buf *b, uint64_t value, size_t n)
{
    uint8_t out[8];

    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)(value >> 8 * i);
    cove__buf_add(b, out, n);
}

static uint64_t little_endian(const uint8_t *p, size_t n)
{
    uint64_t value = 0;

    for (size_t i = 0; i < n; i++)
        value |= (uint64_t)p[i] << 8 * i;
    return value;
}

void cove__pb_uint(struct cove__buf *b, unsigned number, uint64_t value)
{
    put_tag(b, number, COVE__PB_VARINT);
    cove__pb_put_varint(b, value);
}

void cove__pb_int(struct cove__buf *b, unsigned number, int64_t value)
{
    cove__pb_uint(b, number, (uint64_t)value);
}

void cove__pb_put_double(struct cove__buf *b, double value)
{
    uint64_t raw;

    memcpy(&raw, &value, sizeof raw);
    put_little_endian(b, raw, 8);
}

void cove__pb_double(struct cove__buf *b, unsigned number, double value)
{
    put_tag(b, number, COVE__PB_FIXED64);
    cove__pb_put_double(b, value);
}

void cove__pb_float(struct cove__buf *b, unsigned number, float value)
{
    uint32_t raw;

    memcpy(&raw, &value, sizeof raw);
    put_tag(b, number, COVE__PB_FIXED32);
    put_little_endian(b, raw, 4);
}

void cove__pb_bytes(struct cove__buf *b, unsigned number, struct cove__slice value)
{
    put_tag(b, number, COVE__PB_BYTES);
    cove__pb_put_varint(b, value.size);
    cove__buf_add_slice(b, value);
}

void cove__pb_string(struct cove__buf *b, unsigned number, const char *value)
{
    cove__pb_bytes(b, number, cove__slice_str(value));
}

size_t cove__pb_begin(struct cove__buf *b, unsigned number)
{
    put_tag(b, number, COVE__PB_BYTES);
    cove__buf_add_char(b, 0); /* most messages are shorter than 128 bytes, so that this one is their length */
    return b->size;
}

void cove__pb_end(struct cove__buf *b, size_t mark)
{
    static const uint8_t room[9];
    size_t length = b->size - mark, extra = 0, rest = length;
    uint8_t *at;

    if (cove__buf_rc(b) < 0)
        return;
    while (rest >>= 7)
        extra++;
    if (cove__buf_add(b, room, extra) < 0)
        return;
    at = b->data + mark;
    if (extra)
        memmove(at + extra, at, length);
    at--;
    for (; length >= 0x80; length >>= 7)
        *at++ = (uint8_t)(length | 0x80);
    *at = (uint8_t)length;
}

int cove__pb_take_varint(struct cove__slice *rest, uint64_t *ret)
{
    uint64_t value = 0;

    for (size_t i = 0; i < rest->size; i++) {
        uint8_t byte = rest->data[i];

        if (i == 9 && byte > 1)
            return COVE_ECORRUPT;
        value |= (uint64_t)(byte & 0x7f) << 7 * i;
        if (byte < 0x80) {
            *ret = value;
            *rest = cove__slice_sub(*rest, i + 1, rest->size);
            return 1;
        }
    }
    return 0;
}

int cove__pb_next(struct cove__slice *rest, struct cove__pb_field *ret)
{
    struct cove__slice in = *rest;
    struct cove__pb_field field = { 0 };
    uint64_t tag, length;
    size_t width = 0;

    if (in.size == 0)
        return 0;
    if (cove__pb_take_varint(&in, &tag) != 1 || tag >> 3 == 0 || tag >> 3 > FIELD_MAX)
        return COVE_ECORRUPT;
    field.number = (unsigned)(tag >> 3);
    field.type = (enum cove__pb_type)(tag & 7);
    switch (field.type) {
    case COVE__PB_VARINT:
        if (cove__pb_take_varint(&in, &field.value) != 1)
            return COVE_ECORRUPT;
        break;
    case COVE__PB_BYTES:
        if (cove__pb_take_varint(&in, &length) != 1 || length > in.size)
            return COVE_ECORRUPT;
        field.bytes = cove__slice_sub(in, 0, (size_t)length);
        in = cove__slice_sub(in, (size_t)length, in.size);
        break;
    case COVE__PB_FIXED64:
    case COVE__PB_FIXED32:
        width = field.type == COVE__PB_FIXED64 ? 8 : 4;
        if (in.size < width)
            return COVE_ECORRUPT;
        field.value = little_endian(in.data, width);
        in = cove__slice_sub(in, width, in.size);
        break;
    default:
        return COVE_ECORRUPT;
    }
    *rest = in;
    *ret = field;
    return 1;
}

double cove__pb_as_double(uint64_t raw)
{
    double value;

    memcpy(&value, &raw, sizeof value);
    return value;
}

float cove__pb_as_float(uint64_t raw)
{
    uint32_t narrow = (uint32_t)raw;
    float value;

    memcpy(&value, &narrow, sizeof value);
    return value;
}
