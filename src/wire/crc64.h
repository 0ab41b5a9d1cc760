/* CRC-64/NVME, the checksum of Azure's blobs (x-ms-content-crc64). Pure. */
#ifndef COVE_WIRE_CRC64_H
#define COVE_WIRE_CRC64_H

#include <stddef.h>
#include <stdint.h>

#define COVE__CRC64_WAYS 3

/* `crc` is 0 at the start, or what the bytes before gave. */
uint64_t cove__crc64nvme(uint64_t crc, const void *data, size_t size);

/* How many ways of computing it this CPU has, and the same by one of them: 0 by tables, the others faster and faster.
 * For tests. */
size_t cove__crc64nvme_ways(void);
uint64_t cove__crc64nvme_by(size_t way, uint64_t crc, const void *data, size_t size);

#endif
