/* Zip archives, writing: byte for byte the layout of torch.save, which readers that compute offsets rely on
 * (".format_version" 1). */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "wire/zip.h"

#define MAX32         0xffffffffu
#define FLAG_BEHIND   0x0008u
#define FLAG_UTF8     0x0800u
#define VERSION_ZIP64 45
#define VERSION_PLAIN 20

struct bytes {
    uint8_t data[128];
    size_t n;
};

static void put(struct bytes *b, uint64_t value, unsigned width)
{
    for (unsigned i = 0; i < width; i++)
        b->data[b->n++] = (uint8_t)(value >> (8 * i));
}

static void put_zeros(struct bytes *b, size_t n)
{
    memset(b->data + b->n, 0, n);
    b->n += n;
}

static uint64_t least(uint64_t value, uint64_t max)
{
    return value < max ? value : max;
}

void cove__zip_writer_init(struct cove__zip_writer *w)
{
    memset(w, 0, sizeof(*w));
    cove__buf_init(&w->central, COVE__ZIP_MAX_DIR);
}

void cove__zip_writer_done(struct cove__zip_writer *w)
{
    cove__buf_done(&w->central);
}

/* torch writes a zip64 extra field for a record that is large or lies far; the descriptor then has 64-bit sizes. */
static bool is_far(const struct cove__zip_writer *w)
{
    return w->size >= MAX32 || w->header_offset >= MAX32;
}

static void put_extra64(struct bytes *b, const struct cove__zip_writer *w)
{
    if (!is_far(w))
        return;
    put(b, 1, 2);
    put(b, (w->size >= MAX32 ? 16u : 0u) + (w->header_offset >= MAX32 ? 8u : 0u), 2);
    if (w->size >= MAX32) {
        put(b, w->size, 8);
        put(b, w->size, 8);
    }
    if (w->header_offset >= MAX32)
        put(b, w->header_offset, 8);
}

int cove__zip_begin(struct cove__zip_writer *w, const char *name, uint64_t size, struct cove__buf *out)
{
    static const char filler[COVE__ZIP_ALIGN] = "ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ";
    size_t name_size = strlen(name);
    if (name_size >= sizeof(w->name) || w->count >= COVE__ZIP_MAX_ENTRIES)
        return COVE_ELIMIT;
    memcpy(w->name, name, name_size + 1);
    w->header_offset = w->offset;
    w->size = size;

    struct bytes extra = { .n = 0 };
    put_extra64(&extra, w);
    uint64_t start = w->offset + COVE__ZIP_LOCAL_SIZE + name_size + extra.n + 4;
    unsigned padding = (unsigned)((COVE__ZIP_ALIGN - start % COVE__ZIP_ALIGN) % COVE__ZIP_ALIGN);
    put(&extra, 'F' | 'B' << 8, 2);
    put(&extra, padding, 2);

    struct bytes head = { .n = 0 };
    put(&head, 0x04034b50u, 4);
    put(&head, is_far(w) ? VERSION_ZIP64 : VERSION_PLAIN, 2);
    put(&head, FLAG_UTF8 | (size > 0 ? FLAG_BEHIND : 0), 2);
    put_zeros(&head, 18); /* stored; no time; CRC and sizes come behind */
    put(&head, name_size, 2);
    put(&head, extra.n + padding, 2);
    cove__buf_add(out, head.data, head.n);
    cove__buf_add(out, name, name_size);
    cove__buf_add(out, extra.data, extra.n);
    cove__buf_add(out, filler, padding);
    w->offset = start + padding + size;
    return cove__buf_rc(out);
}

int cove__zip_finish_record(struct cove__zip_writer *w, uint32_t crc, struct cove__buf *out)
{
    struct bytes extra = { .n = 0 };
    put_extra64(&extra, w);
    struct bytes behind = { .n = 0 };
    if (w->size > 0) {
        put(&behind, 0x08074b50u, 4);
        put(&behind, crc, 4);
        put(&behind, w->size, is_far(w) ? 8 : 4);
        put(&behind, w->size, is_far(w) ? 8 : 4);
    }
    cove__buf_add(out, behind.data, behind.n);
    w->offset += behind.n;

    struct bytes head = { .n = 0 };
    put(&head, 0x02014b50u, 4);
    put(&head, VERSION_ZIP64, 2);
    put(&head, is_far(w) ? VERSION_ZIP64 : VERSION_PLAIN, 2);
    put(&head, FLAG_UTF8 | (w->size > 0 ? FLAG_BEHIND : 0), 2);
    put_zeros(&head, 6); /* stored; no time */
    put(&head, crc, 4);
    put(&head, least(w->size, MAX32), 4);
    put(&head, least(w->size, MAX32), 4);
    put(&head, strlen(w->name), 2);
    put(&head, extra.n, 2);
    put_zeros(&head, 10); /* comment, disk, attributes */
    put(&head, least(w->header_offset, MAX32), 4);
    cove__buf_add(&w->central, head.data, head.n);
    cove__buf_add_str(&w->central, w->name);
    cove__buf_add(&w->central, extra.data, extra.n);
    w->count++;
    int rc = cove__buf_rc(&w->central);
    return rc < 0 ? rc : cove__buf_rc(out);
}

int cove__zip_finish(struct cove__zip_writer *w, struct cove__buf *out)
{
    struct bytes end = { .n = 0 };
    uint64_t end_offset = w->offset + w->central.size;
    put(&end, 0x06064b50u, 4);
    put(&end, 44, 8);
    put(&end, VERSION_ZIP64, 2);
    put(&end, VERSION_ZIP64, 2);
    put(&end, 0, 8); /* disks */
    put(&end, w->count, 8);
    put(&end, w->count, 8);
    put(&end, w->central.size, 8);
    put(&end, w->offset, 8);

    put(&end, 0x07064b50u, 4);
    put(&end, 0, 4);
    put(&end, end_offset, 8);
    put(&end, 1, 4);

    put(&end, 0x06054b50u, 4);
    put(&end, 0, 4);
    put(&end, least(w->count, 0xffff), 2);
    put(&end, least(w->count, 0xffff), 2);
    put(&end, least(w->central.size, MAX32), 4);
    put(&end, least(w->offset, MAX32), 4);
    put(&end, 0, 2);
    cove__buf_add_slice(out, cove__buf_slice(&w->central));
    cove__buf_add(out, end.data, end.n);
    w->offset = end_offset + end.n;
    int rc = cove__buf_rc(&w->central);
    return rc < 0 ? rc : cove__buf_rc(out);
}
