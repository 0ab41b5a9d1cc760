/* The store's checksum of a whole file that a reader reads through. See reader.h. */
#include "stream/reader.h"

#include "base/error.h"
#include "fs/store_sum.h"
#include "wire/crc.h"
#include "wire/zip.h"

static void ask_for_sum(struct cove_reader *r)
{
    if (r->asked)
        return;
    r->asked = true;
    if (cove__sums_find(r->fs, r->target.path, r->etag, r->size, &r->looked)) {
        if (!r->looked.has_crc32c)
            r->summed = -1;
        return;
    }
    r->looking = true;
    r->look = (struct cove__io){ .path = r->target.path, .ret_info = &r->looked };
    cove__reader_in_background(r, &r->look.op, &r->look_background, r->stop);
    cove__fs_start(r->fs, r->fs->ops->stat, &r->look, true);
}

void cove__reader_want_checksum(struct cove_reader *r, int64_t in_order)
{
    if (r->summed == r->position && in_order > (int64_t)COVE__FIRST_READ)
        ask_for_sum(r);
}

int cove__reader_check(struct cove_reader *r, const uint8_t *data, size_t n, struct cove_error *err)
{
    bool last = r->position + (int64_t)n >= r->size;
    uint32_t crc32c, crc32;

    if (r->summed != r->position)
        return 0;
    crc32c = cove__crc32c(r->crc32c, data, n);
    crc32 = r->rules.crc32c_may_be_crc32 ? cove__zip_crc(r->crc32, data, n) : crc32c;
    if (last)
        ask_for_sum(r); /* if nothing has done so before, as after jumps to and fro */
    while (last && r->looking) {
        int rc = cove__reader_reap_one(r, &r->look_background, err);

        if (rc < 0)
            return rc;
    }
    if (r->summed < 0)
        return 0;
    if (last && !cove__store_sum_matches(r->looked.crc32c, crc32c, crc32)) {
        cove__sums_drop(r->fs, r->target.path);
        return cove__fs_fail(err, &r->target.ctx, COVE_ECORRUPT,
                             "the bytes do not match the CRC32C checksum that the store keeps");
    }
    r->crc32c = crc32c;
    r->crc32 = crc32;
    r->summed += (int64_t)n;
    return 0;
}
