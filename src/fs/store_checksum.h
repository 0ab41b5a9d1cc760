/* Compares a checksum that a store reports as CRC32C with the object's bytes. */
#ifndef COVE_FS_STORE_CHECKSUM_H
#define COVE_FS_STORE_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether `reported` is one of the two checksums of the bytes. */
bool cove__store_checksum_matches(uint32_t reported, uint32_t crc32c, uint32_t crc32);
/* The same; the CRC32 is computed only where `crc32c` does not match. */
bool cove__store_checksum_matches_bytes(uint32_t reported, uint32_t crc32c, const void *data, size_t size);

#endif
