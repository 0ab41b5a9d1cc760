/* Checksums for net (what arrives) and the backends (what is sent). ISA-L has both, and picks the CPU's
 * instructions. */
#include "wire/crc.h"

#include <isa-l/crc.h>
#include <limits.h>

#define CRC32C_POLY 0x82F63B78u /* reflected */

uint32_t cove__crc32c(uint32_t crc, const void *data, size_t size)
{
    const unsigned char *p = data;
    crc = ~crc;
    while (size > 0) {
        int step = size > INT_MAX / 2 ? INT_MAX / 2 : (int)size;
        crc = crc32_iscsi((unsigned char *)p, step, crc); /* reads only; the prototype lacks the const */
        p += step;
        size -= (size_t)step;
    }
    return ~crc;
}

uint32_t cove__crc32(uint32_t crc, const void *data, size_t size)
{
    return size > 0 ? crc32_gzip_refl(crc, data, size) : crc;
}

/* The product of two polynomials modulo CRC32C's, bits reflected: the highest bit is x^0. */
static uint32_t multiply(uint32_t a, uint32_t b)
{
    uint32_t product = 0;
    for (uint32_t bit = 1u << 31; bit != 0; bit >>= 1) {
        if (a & bit)
            product ^= b;
        b = b & 1 ? (b >> 1) ^ CRC32C_POLY : b >> 1;
    }
    return product;
}

uint32_t cove__crc32c_join(uint32_t a, uint32_t b, uint64_t b_size)
{
    uint32_t shift = 1u << 31;       /* x^0 */
    uint32_t power = 1u << (31 - 8); /* x^8: one byte further */
    for (; b_size != 0; b_size >>= 1) {
        if (b_size & 1)
            shift = multiply(shift, power);
        power = multiply(power, power);
    }
    return multiply(shift, a) ^ b;
}
