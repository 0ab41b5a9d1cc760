/* Archives: end records, directory, each record's header. Whatever passes lies within the file and overlaps nothing. */
#include "base/error.h"
#include "fuzz.h"
#include "wire/zip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cove__slice file = cove__slice(data, size);
    struct cove_error err = COVE_ERROR_INIT;
    struct cove__zip_end end;
    struct cove__zip_dir dir = { 0 };
    size_t tail = size < COVE__ZIP_MAX_TAIL ? size : COVE__ZIP_MAX_TAIL;
    uint64_t reached = 0;

    if (cove__zip_parse_end(cove__slice_sub(file, size - tail, tail), size, &end, &err) < 0)
        return 0;
    struct cove__slice central = cove__slice_sub(file, (size_t)end.offset, (size_t)end.size);
    if (cove__zip_dir_parse(central, &end, &dir, &err) < 0)
        return 0;
    for (size_t i = 0; i < dir.n; i++) {
        const struct cove__zip_entry *e = &dir.entries[i];
        uint64_t at = 0;

        FUZZ_CHECK(e->header_offset >= reached && cove__zip_dir_find(&dir, e->name) == e);
        reached = e->header_offset + COVE__ZIP_LOCAL_SIZE + e->name.size + e->packed_size;
        FUZZ_CHECK(reached <= size && cove__zip_guess_data(e, 64) >= e->header_offset + COVE__ZIP_LOCAL_SIZE);
        struct cove__slice head = cove__slice_sub(file, (size_t)e->header_offset, (size_t)e->room);
        if (cove__zip_check_stored(e, &err) == 0 && cove__zip_check_local(e, head, &at, &err) == 0)
            FUZZ_CHECK(at >= e->header_offset && e->size <= size && at <= size - e->size);
    }
    cove__zip_dir_done(&dir);
    return 0;
}
