/* A checksum that a store tells as CRC32C, held against the bytes that it is of. */
#ifndef COVE_FS_TOLD_SUM_H
#define COVE_FS_TOLD_SUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether `told` is of the bytes with these two checksums. */
bool cove__told_sum_holds(uint32_t told, uint32_t crc32c, uint32_t crc32);
/* The same of bytes that are at hand, whose CRC32 is needed only where `crc32c` does not do. */
bool cove__told_sum_is_of(uint32_t told, uint32_t crc32c, const void *data, size_t size);

#endif
