/* Uploads in parts. */
#include "fs/s3/s3.h"

void cove__s3_part_rules(void *self, int64_t expected_size, struct cove__part_rules *ret)
{
    const struct cove__s3 *s3 = self;
    size_t part = (size_t)s3->o.block_size;

    /* The writer doubles its parts as they grow in number; where it may not, or the size is known, the first size has
     * to do. */
    if (expected_size > 0) {
        uint64_t needed = ((uint64_t)expected_size + S3_PARTS_MAX - 1) / S3_PARTS_MAX;
        needed = (needed + ((1u << 20) - 1)) & ~(uint64_t)((1u << 20) - 1);
        if (needed > part && needed <= S3_PART_MAX)
            part = (size_t)needed;
    }
    *ret = (struct cove__part_rules){ .min_part = S3_PART_MIN,
                                      .default_part = part,
                                      .max_part = S3_PART_MAX,
                                      .max_parts = S3_PARTS_MAX,
                                      .equal_parts = s3->o.fixed_upload_size,
                                      .parallel = (unsigned)s3->o.max_concurrency };
}
