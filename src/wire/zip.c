/* Zip archives, reading: end records, central directory, local headers. Writing is in zip_write.c; above:
 * checkpoint/torch_*.c. */
#include "wire/zip.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"

#define SIG_LOCAL    0x04034b50u
#define SIG_CENTRAL  0x02014b50u
#define SIG_END      0x06054b50u
#define SIG_END64    0x06064b50u
#define SIG_LOCATOR  0x07064b50u
#define END_SIZE     ((size_t)22)
#define END64_SIZE   ((size_t)56)
#define LOCATOR_SIZE ((size_t)20)
#define CENTRAL_SIZE ((size_t)46)
#define MAX32        0xffffffffu
#define FLAG_CRYPTED 1u
#define FLAG_BEHIND  8u /* sizes and CRC stand behind the data */

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)get16(p) | (uint32_t)get16(p + 2) << 16;
}

static uint64_t get64(const uint8_t *p)
{
    return (uint64_t)get32(p) | (uint64_t)get32(p + 4) << 32;
}

/* A 16- or 32-bit field of the old end record that is not at its maximum must agree with the 64-bit one. */
static int agrees(uint64_t old, uint64_t max, uint64_t now)
{
    return old == max || old == now;
}

/* The zip64 records, where a locator stands before the end record at `pos`; *ret_start then is the offset of the first
 * end record. */
static int parse_end64(struct cove__slice tail, size_t pos, uint64_t tail_offset, struct cove__zip_end *end,
                       uint64_t *ret_start, struct cove_error *err)
{
    if (pos < LOCATOR_SIZE || get32(tail.data + pos - LOCATOR_SIZE) != SIG_LOCATOR)
        return 0;
    const uint8_t *locator = tail.data + pos - LOCATOR_SIZE;
    uint64_t at = get64(locator + 8), limit = tail_offset + pos - LOCATOR_SIZE;
    if (get32(locator + 4) != 0 || get32(locator + 16) > 1)
        return cove__fail(err, COVE_ENOTSUP, "zip: an archive in several parts");
    if (at < tail_offset || limit < END64_SIZE || at > limit - END64_SIZE)
        return cove__fail(err, COVE_ECORRUPT, "zip: the zip64 end record is not at the offset in its locator");
    const uint8_t *p = tail.data + (size_t)(at - tail_offset);
    if (get32(p) != SIG_END64 || get64(p + 4) != limit - at - 12)
        return cove__fail(err, COVE_ECORRUPT, "zip: the zip64 end record is damaged");
    if (get32(p + 16) != 0 || get32(p + 20) != 0 || get64(p + 24) != get64(p + 32))
        return cove__fail(err, COVE_ENOTSUP, "zip: an archive in several parts");
    struct cove__zip_end now = { .count = get64(p + 32), .size = get64(p + 40), .offset = get64(p + 48) };
    if (!agrees(end->count, 0xffff, now.count) || !agrees(end->size, MAX32, now.size) ||
        !agrees(end->offset, MAX32, now.offset))
        return cove__fail(err, COVE_ECORRUPT, "zip: the two end records contradict each other");
    *end = now;
    *ret_start = at;
    return 0;
}

int cove__zip_parse_end(struct cove__slice tail, uint64_t file_size, struct cove__zip_end *ret, struct cove_error *err)
{
    if (tail.size < END_SIZE || tail.size > file_size)
        return cove__fail(err, COVE_ECORRUPT, "zip: too short for an archive (%llu bytes)",
                          (unsigned long long)file_size);
    size_t pos = tail.size - END_SIZE;
    for (;; pos--) {
        if (get32(tail.data + pos) == SIG_END && get16(tail.data + pos + 20) == tail.size - pos - END_SIZE)
            break;
        if (pos == 0 || tail.size - pos >= END_SIZE + 65535)
            return cove__fail(err, COVE_ECORRUPT, "zip: no end record: the file is cut short or is not an archive");
    }
    const uint8_t *p = tail.data + pos;
    if (get16(p + 4) != 0 || get16(p + 6) != 0 || get16(p + 8) != get16(p + 10))
        return cove__fail(err, COVE_ENOTSUP, "zip: an archive in several parts");
    uint64_t tail_offset = file_size - tail.size, start = tail_offset + pos;
    struct cove__zip_end end = { .count = get16(p + 10), .size = get32(p + 12), .offset = get32(p + 16) };
    int rc = parse_end64(tail, pos, tail_offset, &end, &start, err);
    if (rc < 0)
        return rc;
    if (end.offset > start || end.size != start - end.offset)
        return cove__fail(err, COVE_ECORRUPT, "zip: the central directory does not reach from %llu to the end record",
                          (unsigned long long)end.offset);
    if (end.size > COVE__ZIP_MAX_DIR || end.count > COVE__ZIP_MAX_ENTRIES)
        return cove__fail(err, COVE_ELIMIT, "zip: a directory of %llu records and %llu bytes is above the limit",
                          (unsigned long long)end.count, (unsigned long long)end.size);
    if (end.count > end.size / CENTRAL_SIZE)
        return cove__fail(err, COVE_ECORRUPT, "zip: the directory has no room for %llu records",
                          (unsigned long long)end.count);
    *ret = end;
    return 0;
}

/* Takes the fields that are at their maximum from the zip64 extra field, in their order. */
static int parse_extra64(struct cove__slice extra, uint64_t *size, uint64_t *packed, uint64_t *offset)
{
    uint64_t *wanted[3];
    size_t n = 0;
    if (*size == MAX32)
        wanted[n++] = size;
    if (*packed == MAX32)
        wanted[n++] = packed;
    if (*offset == MAX32)
        wanted[n++] = offset;
    if (n == 0)
        return 0;
    while (extra.size >= 4) {
        size_t length = get16(extra.data + 2);
        if (length > extra.size - 4)
            return COVE_ECORRUPT;
        if (get16(extra.data) == 1) {
            if (length < n * 8)
                return COVE_ECORRUPT;
            for (size_t i = 0; i < n; i++)
                *wanted[i] = get64(extra.data + 4 + i * 8);
            return 0;
        }
        extra = cove__slice_sub(extra, 4 + length, extra.size);
    }
    return COVE_ECORRUPT;
}

/* One central header at `in`, which is moved on. */
static int parse_central(struct cove__slice *in, uint64_t limit, struct cove__zip_entry *e, struct cove_error *err)
{
    const uint8_t *p = in->data;
    if (in->size < CENTRAL_SIZE || get32(p) != SIG_CENTRAL)
        return cove__fail(err, COVE_ECORRUPT, "zip: the central directory is damaged");
    size_t name = get16(p + 28), extra = get16(p + 30), comment = get16(p + 32);
    if (name + extra + comment > in->size - CENTRAL_SIZE || name == 0)
        return cove__fail(err, COVE_ECORRUPT, "zip: the central directory is damaged");
    *e = (struct cove__zip_entry){ .flags = get16(p + 8), .method = get16(p + 10), .crc = get32(p + 16) };
    e->name = cove__slice(p + CENTRAL_SIZE, name);
    e->packed_size = get32(p + 20);
    e->size = get32(p + 24);
    e->header_offset = get32(p + 42);
    if (memchr(e->name.data, 0, name))
        return cove__fail(err, COVE_ECORRUPT, "zip: a record's name has a NUL in it");
    if (parse_extra64(cove__slice(p + CENTRAL_SIZE + name, extra), &e->size, &e->packed_size, &e->header_offset) < 0)
        return cove__fail(err, COVE_ECORRUPT, "zip: record \"%.*s\": its zip64 sizes are missing", (int)name,
                          (const char *)e->name.data);
    if (e->header_offset > limit || limit - e->header_offset < COVE__ZIP_LOCAL_SIZE + name ||
        e->packed_size > limit - e->header_offset - COVE__ZIP_LOCAL_SIZE - name)
        return cove__fail(err, COVE_ECORRUPT, "zip: record \"%.*s\" (%llu bytes at %llu) does not fit in the archive",
                          (int)name, (const char *)e->name.data, (unsigned long long)e->packed_size,
                          (unsigned long long)e->header_offset);
    *in = cove__slice_sub(*in, CENTRAL_SIZE + name + extra + comment, in->size);
    return 0;
}

static int by_offset(const void *a, const void *b)
{
    uint64_t x = ((const struct cove__zip_entry *)a)->header_offset;
    uint64_t y = ((const struct cove__zip_entry *)b)->header_offset;
    return x < y ? -1 : x > y;
}

static int compare_names(struct cove__slice a, struct cove__slice b)
{
    int order = memcmp(a.data, b.data, a.size < b.size ? a.size : b.size);
    return order != 0 ? order : a.size < b.size ? -1 : a.size > b.size;
}

static int by_name(const void *a, const void *b, void *user)
{
    const struct cove__zip_entry *entries = user;
    return compare_names(entries[*(const uint32_t *)a].name, entries[*(const uint32_t *)b].name);
}

/* Puts the entries in order and finds each one's room. */
static int arrange(struct cove__zip_dir *dir, uint64_t limit, struct cove_error *err)
{
    qsort(dir->entries, dir->n, sizeof(*dir->entries), by_offset);
    for (size_t i = 0; i < dir->n; i++) {
        struct cove__zip_entry *e = &dir->entries[i];
        e->room = (i + 1 < dir->n ? dir->entries[i + 1].header_offset : limit) - e->header_offset;
        if (e->packed_size + COVE__ZIP_LOCAL_SIZE + e->name.size > e->room)
            return cove__fail(err, COVE_ECORRUPT, "zip: records overlap: \"%.*s\" runs into the next one",
                              (int)e->name.size, (const char *)e->name.data);
        dir->by_name[i] = (uint32_t)i;
    }
    qsort_r(dir->by_name, dir->n, sizeof(*dir->by_name), by_name, dir->entries);
    for (size_t i = 1; i < dir->n; i++) {
        const struct cove__zip_entry *e = &dir->entries[dir->by_name[i]];
        if (cove__slice_eq(e->name, dir->entries[dir->by_name[i - 1]].name))
            return cove__fail(err, COVE_ECORRUPT, "zip: two records are called \"%.*s\"", (int)e->name.size,
                              (const char *)e->name.data);
    }
    return 0;
}

int cove__zip_dir_parse(struct cove__slice central, const struct cove__zip_end *end, struct cove__zip_dir *ret,
                        struct cove_error *err)
{
    struct cove__zip_dir dir = { .n = (size_t)end->count };
    int rc = 0;
    if (central.size != end->size || end->count > central.size / CENTRAL_SIZE)
        return cove__fail(err, COVE_ECORRUPT, "zip: the directory has no room for %llu records",
                          (unsigned long long)end->count);
    dir.entries = cove__calloc(dir.n + 1, sizeof(*dir.entries));
    dir.by_name = cove__calloc(dir.n + 1, sizeof(*dir.by_name));
    if (!dir.entries || !dir.by_name) {
        rc = cove__fail_nomem(err, "the archive's directory");
        goto out;
    }
    for (size_t i = 0; i < dir.n; i++) {
        rc = parse_central(&central, end->offset, &dir.entries[i], err);
        if (rc < 0)
            goto out;
    }
    if (central.size != 0) {
        rc = cove__fail(err, COVE_ECORRUPT, "zip: the central directory has more records than its end record counts");
        goto out;
    }
    rc = arrange(&dir, end->offset, err);
    if (rc < 0)
        goto out;
    *ret = dir;
    dir = (struct cove__zip_dir){ 0 };
out:
    cove__zip_dir_done(&dir);
    return rc;
}

void cove__zip_dir_done(struct cove__zip_dir *dir)
{
    cove__free(dir->entries);
    cove__free(dir->by_name);
    *dir = (struct cove__zip_dir){ 0 };
}

const struct cove__zip_entry *cove__zip_dir_find(const struct cove__zip_dir *dir, struct cove__slice name)
{
    size_t low = 0, high = dir->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct cove__zip_entry *e = &dir->entries[dir->by_name[middle]];
        int order = compare_names(e->name, name);
        if (order == 0)
            return e;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

int cove__zip_check_stored(const struct cove__zip_entry *e, struct cove_error *err)
{
    int length = (int)e->name.size;
    const char *name = (const char *)e->name.data;
    if (e->flags & FLAG_CRYPTED)
        return cove__fail(err, COVE_ENOTSUP, "zip: record \"%.*s\" is encrypted", length, name);
    if (e->method != 0)
        return cove__fail(err, COVE_ENOTSUP,
                          "zip: record \"%.*s\" is compressed (method %u), which torch never does: repack it stored",
                          length, name, (unsigned)e->method);
    if (e->packed_size != e->size)
        return cove__fail(err, COVE_ECORRUPT, "zip: record \"%.*s\" is stored, yet has two sizes", length, name);
    return 0;
}

uint64_t cove__zip_guess_data(const struct cove__zip_entry *e, unsigned align)
{
    uint64_t start = e->header_offset + COVE__ZIP_LOCAL_SIZE + e->name.size + 4;
    if (e->size >= MAX32 || e->header_offset >= MAX32)
        start += 4u + (e->size >= MAX32 ? 16u : 0u) + (e->header_offset >= MAX32 ? 8u : 0u);
    return align > 1 && start % align ? start + (align - start % align) : start;
}

int cove__zip_check_local(const struct cove__zip_entry *e, struct cove__slice head, uint64_t *ret_data,
                          struct cove_error *err)
{
    int length = (int)e->name.size;
    const char *name = (const char *)e->name.data;
    const uint8_t *p = head.data;
    if (head.size < COVE__ZIP_LOCAL_SIZE + e->name.size || get32(p) != SIG_LOCAL)
        return cove__fail(err, COVE_ECORRUPT, "zip: record \"%.*s\" is not at its offset in the directory", length,
                          name);
    size_t header = COVE__ZIP_LOCAL_SIZE + get16(p + 26) + get16(p + 28);
    bool behind = get16(p + 6) & FLAG_BEHIND;
    if (get16(p + 8) != e->method || ((get16(p + 6) ^ e->flags) & FLAG_CRYPTED) || get16(p + 26) != e->name.size ||
        memcmp(p + COVE__ZIP_LOCAL_SIZE, e->name.data, e->name.size) != 0 || (!behind && get32(p + 14) != e->crc) ||
        (!behind && !agrees(get32(p + 18), MAX32, e->packed_size)) ||
        (!behind && !agrees(get32(p + 22), MAX32, e->size)))
        return cove__fail(err, COVE_ECORRUPT, "zip: record \"%.*s\" contradicts the directory", length, name);
    if (header > e->room || e->packed_size > e->room - header)
        return cove__fail(err, COVE_ECORRUPT, "zip: record \"%.*s\" runs into the next one", length, name);
    *ret_data = e->header_offset + header;
    return 0;
}
