/* The store's checksum of a whole file that a reader reads through. See reader.h. */
#include "stream/reader.h"

#include "base/error.h"
#include "fs/store_checksum.h"
#include "wire/crc.h"
#include "wire/zip.h"

static void start_checksum_probe(struct cove_reader *r)
{
    if (r->probe_sent)
        return;
    r->probe_sent = true;
    if (cove__checksum_cache_get(r->fs, r->target.path, r->etag, r->size, &r->probe_info)) {
        if (!r->probe_info.has_crc32c)
            r->checksum_end = -1;
        return;
    }
    r->probing = true;
    r->probe = (struct cove__stat_io){ .path = r->target.path, .ret_info = &r->probe_info };
    cove__reader_in_background(r, &r->probe.op, &r->probe_background, r->stop);
    cove__fs_start_stat(r->fs, &r->probe);
}

void cove__reader_want_checksum(struct cove_reader *r, int64_t in_order)
{
    if (r->checksum_end >= r->position && in_order > (int64_t)COVE__FIRST_READ)
        start_checksum_probe(r);
}

static bool matches(const struct cove_reader *r)
{
    return cove__store_checksum_matches(r->probe_info.crc32c, r->crc32c,
                                        r->rules.crc32c_may_be_crc32 ? r->crc32 : r->crc32c);
}

/* The `n` bytes at `data`, which follow those that have come. */
static void add(struct cove_reader *r, const struct cove__sum *sum, const uint8_t *data, size_t n)
{
    if (sum->size > 0 && sum->offset == r->checksum_end) {
        r->crc32c = cove__crc32c_join(r->crc32c, sum->crc32c, (uint64_t)sum->size);
        r->checksum_end += sum->size;
        return;
    }
    r->crc32c = cove__crc32c(r->crc32c, data, n);
    if (r->rules.crc32c_may_be_crc32)
        r->crc32 = cove__crc32(r->crc32, data, n);
    r->checksum_end += (int64_t)n;
}

int cove__reader_check(struct cove_reader *r, const struct cove__sum *sum, const uint8_t *data, size_t n,
                       struct cove_error *err)
{
    int64_t end = r->position + (int64_t)n;
    bool last = end >= r->size;

    if (r->checksum_end < r->position)
        return 0;
    if (r->checksum_end < end)
        add(r, sum, data + (r->checksum_end - r->position), (size_t)(end - r->checksum_end));
    if (last)
        start_checksum_probe(r); /* if no read has started it, as after jumps */
    while (last && r->probing) {
        int rc = cove__reader_reap_one(r, &r->probe_background, err);

        if (rc < 0)
            return rc;
    }
    if (r->checksum_end < 0)
        return 0;
    if (last && !matches(r)) {
        cove__checksum_cache_remove(r->fs, r->target.path);
        return cove__fs_fail(err, &r->target.ctx, COVE_ECORRUPT,
                             "the bytes do not match the CRC32C checksum that the store keeps");
    }
    return 0;
}
