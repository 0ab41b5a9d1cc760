/*
 * Some stores report the CRC32 of an object under the name CRC32C: moto does so without its extra for CRC32C. A value
 * that matches the CRC32 of the bytes proves them right as well as a CRC32C would, so they are accepted, with one
 * warning per process.
 */
#include "fs/store_checksum.h"

#include <stdatomic.h>

#include "base/log.h"
#include "wire/crc.h"
#include "wire/zip.h"

bool cove__store_checksum_matches(uint32_t reported, uint32_t crc32c, uint32_t crc32)
{
    static atomic_flag warned = ATOMIC_FLAG_INIT;

    if (reported == crc32c)
        return true;
    if (reported != crc32)
        return false;
    if (!atomic_flag_test_and_set(&warned))
        cove__log(
            COVE_LOG_WARNING, "checksum",
            "the store reports CRC32 checksums as CRC32C, as moto does without its extra \"crc32c\"; the bytes match, "
            "so they are accepted (to end this warning: pip install crc32c where moto runs)");
    return true;
}

bool cove__store_checksum_matches_bytes(uint32_t reported, uint32_t crc32c, const void *data, size_t size)
{
    return reported == crc32c || cove__store_checksum_matches(reported, crc32c, cove__crc32(0, data, size));
}
