/* Checksums of streams: CRC32C, as S3 and Google Cloud Storage use it, and the checksum of two runs put together. Pure.
 */
#ifndef COVE_WIRE_CRC_H
#define COVE_WIRE_CRC_H

#include <stddef.h>
#include <stdint.h>

/* `crc` is 0 at the start, or what the bytes before gave. */
uint32_t cove__crc32c(uint32_t crc, const void *data, size_t size);

/* That of zip, gzip and HDFS, likewise. */
uint32_t cove__crc32(uint32_t crc, const void *data, size_t size);

/* The CRC32C of A followed by B, from the checksums of both and the length of B. */
uint32_t cove__crc32c_join(uint32_t a, uint32_t b, uint64_t b_size);

#endif
