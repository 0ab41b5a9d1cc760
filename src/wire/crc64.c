/*
 * CRC-64/NVME: polynomial 0xAD93D23594C93659, bits reflected, all ones before and after (NVM Express NVM Command Set
 * Specification 1.0, section 5.2.1.3.4). By tables of eight bytes at once, and where the CPU multiplies without carries
 * by folding 128 or 256 bytes at once (V. Gopal et al., "Fast CRC Computation for Generic Polynomials Using
 * PCLMULQDQ").
 */
#include "wire/crc64.h"

#include <pthread.h>
#include <stdbool.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define HAVE_FOLD 1
#else
#define HAVE_FOLD 0
#endif

#define POLY 0x9A6C9329AC4BC9B5u /* reflected */

static uint64_t table[8][256]; /* [k]: of a byte with k bytes behind it */

static void fill(void)
{
    for (unsigned i = 0; i < 256; i++) {
        uint64_t v = i;
        for (int bit = 0; bit < 8; bit++)
            v = v & 1 ? (v >> 1) ^ POLY : v >> 1;
        table[0][i] = v;
    }
    for (unsigned k = 1; k < 8; k++) {
        for (unsigned i = 0; i < 256; i++)
            table[k][i] = table[0][table[k - 1][i] & 0xFF] ^ (table[k - 1][i] >> 8);
    }
}

static uint64_t little_endian(const uint8_t *p)
{
    uint64_t v = 0;

    for (int i = 7; i >= 0; i--)
        v = v << 8 | p[i];
    return v;
}

/* Without the ones before and after. */
static uint64_t by_table(uint64_t crc, const uint8_t *p, size_t size)
{
    for (; size >= 8; p += 8, size -= 8) {
        uint64_t v = crc ^ little_endian(p);
        crc = table[7][v & 0xFF] ^ table[6][v >> 8 & 0xFF] ^ table[5][v >> 16 & 0xFF] ^ table[4][v >> 24 & 0xFF] ^
              table[3][v >> 32 & 0xFF] ^ table[2][v >> 40 & 0xFF] ^ table[1][v >> 48 & 0xFF] ^ table[0][v >> 56];
    }
    for (; size > 0; p++, size--)
        crc = table[0][(crc ^ *p) & 0xFF] ^ (crc >> 8);
    return crc;
}

#if HAVE_FOLD

/* x^(n + 63) and x^(n - 1) modulo the polynomial, reflected: what moves a register's two halves by n bits. */
#define FOLD_128  _mm_set_epi64x(0x21E9761E252621AC, (long long)0xEADC41FD2BA3D420u)
#define FOLD_512  _mm_set_epi64x(0x62242240ACE5045A, 0x0C32CDB31E18A84A)
#define FOLD_1024 _mm_set_epi64x(0x5F852FB61E8D92DC, (long long)0xA1CA681E733F9C40u)
#define FOLD_2048 _mm_set_epi64x((long long)0xA043808C0F782663u, 0x37CCD3E14069CABC)

#define NARROW __attribute__((target("pclmul,sse2")))
#define WIDE   __attribute__((target("avx512f,vpclmulqdq")))

NARROW static inline __m128i fold(__m128i v, __m128i by, __m128i next)
{
    __m128i low = _mm_clmulepi64_si128(v, by, 0x00), high = _mm_clmulepi64_si128(v, by, 0x11);

    return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

/* The loops over `v` are unrolled, so that it lies in registers at any level of optimization. */
NARROW static uint64_t by_folding(uint64_t crc, const uint8_t *p, size_t size)
{
    const __m128i *at = (const __m128i *)(const void *)p;
    __m128i v[8];
    uint8_t last[16];

    if (size < sizeof v)
        return by_table(crc, p, size);
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++)
        v[i] = _mm_loadu_si128(at + i);
    v[0] = _mm_xor_si128(v[0], _mm_set_epi64x(0, (long long)crc));
    for (at += 8, size -= sizeof v; size >= sizeof v; at += 8, size -= sizeof v) {
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++)
            v[i] = fold(v[i], FOLD_1024, _mm_loadu_si128(at + i));
    }
#pragma GCC unroll 8
    for (int i = 1; i < 8; i++)
        v[0] = fold(v[0], FOLD_128, v[i]);
    for (; size >= sizeof last; at++, size -= sizeof last)
        v[0] = fold(v[0], FOLD_128, _mm_loadu_si128(at));
    _mm_storeu_si128((__m128i *)(void *)last, v[0]);
    return by_table(by_table(0, last, sizeof last), (const uint8_t *)at, size);
}

WIDE static inline __m512i fold_wide(__m512i v, __m512i by, __m512i next)
{
    __m512i low = _mm512_clmulepi64_epi128(v, by, 0x00), high = _mm512_clmulepi64_epi128(v, by, 0x11);

    return _mm512_ternarylogic_epi64(low, high, next, 0x96); /* of all three, xor */
}

/* Faster than memory that is not in the cache, which is asked for some steps before. */
WIDE static uint64_t by_wide_folding(uint64_t crc, const uint8_t *p, size_t size)
{
    enum { AHEAD = 1024 };
    const __m512i far = _mm512_broadcast_i32x4(FOLD_2048), near = _mm512_broadcast_i32x4(FOLD_512);
    __m512i v[4];
    uint8_t last[64];

    if (size < sizeof v)
        return by_folding(crc, p, size);
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
        v[i] = _mm512_loadu_si512(p + 64 * i);
    v[0] = _mm512_xor_si512(v[0], _mm512_inserti32x4(_mm512_setzero_si512(), _mm_set_epi64x(0, (long long)crc), 0));
    for (p += sizeof v, size -= sizeof v; size >= sizeof v; p += sizeof v, size -= sizeof v) {
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++) {
            if (size >= AHEAD + sizeof v)
                _mm_prefetch((const char *)p + AHEAD + 64 * i, _MM_HINT_T0);
            v[i] = fold_wide(v[i], far, _mm512_loadu_si512(p + 64 * i));
        }
    }
#pragma GCC unroll 4
    for (int i = 1; i < 4; i++)
        v[0] = fold_wide(v[0], near, v[i]);
    _mm512_storeu_si512(last, v[0]);
    return by_folding(by_folding(0, last, sizeof last), p, size);
}

#endif

/* ---- the choice ---- */

typedef uint64_t compute(uint64_t crc, const uint8_t *p, size_t size);

static compute *ways[COVE__CRC64_WAYS] = { by_table };
static size_t n_ways = 1;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void prepare(void)
{
    fill();
#if HAVE_FOLD
    if (__builtin_cpu_supports("pclmul"))
        ways[n_ways++] = by_folding;
    if (n_ways == 2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("vpclmulqdq"))
        ways[n_ways++] = by_wide_folding;
#endif
}

size_t cove__crc64nvme_ways(void)
{
    pthread_once(&once, prepare);
    return n_ways;
}

uint64_t cove__crc64nvme_by(size_t way, uint64_t crc, const void *data, size_t size)
{
    return ~ways[way](~crc, data, size);
}

uint64_t cove__crc64nvme(uint64_t crc, const void *data, size_t size)
{
    return cove__crc64nvme_by(cove__crc64nvme_ways() - 1, crc, data, size);
}
