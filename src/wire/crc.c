/* Checksums for net (what arrives) and the backends (what is sent). CRC32C is ISA-L's, which picks the CPU's
 * instructions. */
#include "wire/crc.h"

#include <isa-l/crc.h>
#include <limits.h>
#include <pthread.h>

#define CRC32C_POLY    0x82F63B78u           /* reflected */
#define CRC64NVME_POLY 0x9A6C9329AC4BC9B5ull /* reflected */

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

/* Eight bytes a step, by tables of the effect of a byte at each distance. */
static uint64_t table[8][256];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void make_table(void)
{
    for (unsigned i = 0; i < 256; i++) {
        uint64_t v = i;
        for (int bit = 0; bit < 8; bit++)
            v = v & 1 ? (v >> 1) ^ CRC64NVME_POLY : v >> 1;
        table[0][i] = v;
    }
    for (unsigned i = 0; i < 256; i++) {
        for (int k = 1; k < 8; k++)
            table[k][i] = (table[k - 1][i] >> 8) ^ table[0][table[k - 1][i] & 0xff];
    }
}

static uint64_t load_le64(const uint8_t *p)
{
    uint64_t v = 0;
    for (int i = 7; i >= 0; i--)
        v = v << 8 | p[i];
    return v;
}

uint64_t cove__crc64nvme(uint64_t crc, const void *data, size_t size)
{
    const uint8_t *p = data;

    pthread_once(&table_once, make_table);
    crc = ~crc;
    for (; size >= 8; size -= 8, p += 8) {
        uint64_t v = crc ^ load_le64(p);
        crc = 0;
        for (int k = 0; k < 8; k++)
            crc ^= table[7 - k][(v >> (8 * k)) & 0xff];
    }
    for (; size > 0; size--, p++)
        crc = (crc >> 8) ^ table[0][(crc ^ *p) & 0xff];
    return ~crc;
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
