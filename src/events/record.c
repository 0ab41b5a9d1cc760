/* Framing of event files. Below writer.c and reader.c. */
#include "events/record.h"

#include <cove/error.h>

#include "wire/crc.h"

enum { LENGTH_BYTES = 8, HEADER_BYTES = 12, FOOTER_BYTES = 4 };

/* CRC32C, rotated and moved by a constant, so that the checksum of data that itself holds checksums stays a good one.
 */
static uint32_t masked_crc(const uint8_t *data, size_t size)
{
    uint32_t crc = cove__crc32c(0, data, size);

    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

static void store(uint8_t *at, uint64_t value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t load(const uint8_t *at, size_t n)
{
    uint64_t value = 0;

    for (size_t i = 0; i < n; i++)
        value |= (uint64_t)at[i] << 8 * i;
    return value;
}

size_t cove__record_begin(struct cove__buf *b)
{
    static const uint8_t room[HEADER_BYTES];

    cove__buf_add(b, room, HEADER_BYTES);
    return b->size;
}

void cove__record_end(struct cove__buf *b, size_t mark)
{
    uint8_t footer[FOOTER_BYTES];
    uint8_t *header;

    if (cove__buf_rc(b) < 0)
        return;
    header = b->data + mark - HEADER_BYTES;
    store(header, b->size - mark, LENGTH_BYTES);
    store(header + LENGTH_BYTES, masked_crc(header, LENGTH_BYTES), 4);
    store(footer, masked_crc(b->data + mark, b->size - mark), FOOTER_BYTES);
    cove__buf_add(b, footer, FOOTER_BYTES);
}

int cove__record_next(struct cove__slice in, struct cove__slice *ret_payload, size_t *ret_size)
{
    uint64_t length;

    if (in.size < HEADER_BYTES) {
        *ret_size = HEADER_BYTES;
        return 0;
    }
    if (load(in.data + LENGTH_BYTES, 4) != masked_crc(in.data, LENGTH_BYTES))
        return COVE_ECORRUPT;
    length = load(in.data, LENGTH_BYTES);
    if (length > COVE__RECORD_MAX)
        return COVE_ELIMIT;
    *ret_size = HEADER_BYTES + (size_t)length + FOOTER_BYTES;
    if (in.size < *ret_size)
        return 0;
    if (load(in.data + HEADER_BYTES + length, FOOTER_BYTES) != masked_crc(in.data + HEADER_BYTES, (size_t)length))
        return COVE_ECORRUPT;
    *ret_payload = cove__slice_sub(in, HEADER_BYTES, (size_t)length);
    return 1;
}
