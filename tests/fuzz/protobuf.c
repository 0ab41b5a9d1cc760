/* Protocol Buffers: the fields that are read, written again, are read as the same fields. */
#include <string.h>

#include <cove/error.h>

#include "fuzz.h"
#include "wire/protobuf.h"

static void put(struct cove__buf *b, const struct cove__pb_field *f)
{
    switch (f->type) {
    case COVE__PB_VARINT:
        cove__pb_uint(b, f->number, f->value);
        break;
    case COVE__PB_FIXED64:
        cove__pb_double(b, f->number, cove__pb_as_double(f->value));
        break;
    case COVE__PB_FIXED32:
        cove__pb_float(b, f->number, cove__pb_as_float(f->value));
        break;
    case COVE__PB_BYTES:
        cove__pb_bytes(b, f->number, f->bytes);
        break;
    }
}

static bool same(const struct cove__pb_field *a, const struct cove__pb_field *b)
{
    if (a->number != b->number || a->type != b->type)
        return false;
    return a->type == COVE__PB_BYTES ? cove__slice_eq(a->bytes, b->bytes) : a->value == b->value;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cove__slice rest = cove__slice(data, size), in = rest, written;
    struct cove__buf out = COVE__BUF_INIT((size_t)16 << 20);
    struct cove__pb_field field, again;
    int rc;

    while ((rc = cove__pb_next(&rest, &field)) == 1) {
        FUZZ_CHECK(field.number > 0 && rest.size < in.size);
        FUZZ_CHECK(field.type != COVE__PB_BYTES || field.bytes.size == 0 ||
                   (field.bytes.data >= data && field.bytes.data + field.bytes.size <= data + size));
        size_t before = out.size;
        put(&out, &field);
        FUZZ_CHECK(cove__buf_rc(&out) == 0);
        written = cove__slice_sub(cove__buf_slice(&out), before, SIZE_MAX);
        FUZZ_CHECK(cove__pb_next(&written, &again) == 1 && same(&field, &again) && written.size == 0);
    }
    FUZZ_CHECK(rc == COVE_ECORRUPT || (rc == 0 && rest.size == 0));
    FUZZ_CHECK(out.size <= size); /* ours is the shortest form */
    cove__buf_done(&out);
    return 0;
}
