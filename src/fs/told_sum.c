/*
 * Some stores tell the CRC32 of an object under the name of CRC32C: moto does, where its extra for CRC32C is not
 * installed. A value that is the CRC32 of the bytes shows that they are right as well as the other would, so they are
 * not refused for the store's fault, which is told once.
 */
#include "fs/told_sum.h"

#include <stdatomic.h>

#include "base/log.h"
#include "wire/zip.h"

bool cove__told_sum_holds(uint32_t told, uint32_t crc32c, uint32_t crc32)
{
    static atomic_flag said = ATOMIC_FLAG_INIT;

    if (told == crc32c)
        return true;
    if (told != crc32)
        return false;
    if (!atomic_flag_test_and_set(&said))
        cove__log(COVE_LOG_WARNING, "checksum",
                  "the store tells CRC32 checksums as CRC32C, as moto does without its extra \"crc32c\" (pip install "
                  "crc32c where it runs); the bytes match, so they are taken for right");
    return true;
}

bool cove__told_sum_is_of(uint32_t told, uint32_t crc32c, const void *data, size_t size)
{
    return told == crc32c || cove__told_sum_holds(told, crc32c, cove__zip_crc(0, data, size));
}
