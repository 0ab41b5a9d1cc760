/*
 * SHA-256 of two messages of one length (FIPS 180-4, section 6.2), for the parts of a writer (stream/writer_parts.c),
 * which have one length.
 *
 * A processor with SHA instructions waits for each step of a hash before it can do the next: two hashes side by side
 * take little longer than one. Where it has none, or OpenSSL is to be the only one who hashes (FIPS mode), OpenSSL
 * makes one after the other.
 */
#include "wire/sha256_two.h"

#include <cove/error.h>

#include "wire/digest.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#define BLOCK 64

static const uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

/* The working variables as the instructions want them, from the highest word down: a b e f and c d g h. */
struct lane {
    __m128i abef, cdgh;
};

#define WITH_SHA __attribute__((target("sha,avx")))

WITH_SHA static struct lane first_lane(void)
{
    return (struct lane){
        .abef = _mm_set_epi32(0x6a09e667, (int)0xbb67ae85, 0x510e527f, (int)0x9b05688c),
        .cdgh = _mm_set_epi32(0x3c6ef372, (int)0xa54ff53a, 0x1f83d9ab, 0x5be0cd19),
    };
}

/* Four words of a block; they are big-endian there. */
WITH_SHA static inline __m128i four_words(const uint8_t *p)
{
    const __m128i turned = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)p), turned);
}

/* The message schedule's next four words after w[0..3], oldest first. */
WITH_SHA static inline __m128i next_words(const __m128i w[4])
{
    __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(w[0], w[1]), _mm_alignr_epi8(w[3], w[2], 4));
    return _mm_sha256msg2_epu32(sum, w[3]);
}

WITH_SHA static inline void four_rounds(struct lane *s, __m128i words_and_constants)
{
    s->cdgh = _mm_sha256rnds2_epu32(s->cdgh, s->abef, words_and_constants);
    s->abef = _mm_sha256rnds2_epu32(s->abef, s->cdgh, _mm_shuffle_epi32(words_and_constants, 0x0e));
}

/* Takes `n` blocks into each lane. */
WITH_SHA static void take_blocks(struct lane *a, struct lane *b, const uint8_t *pa, const uint8_t *pb, size_t n)
{
    struct lane x = *a, y = *b;

    for (; n > 0; n--, pa += BLOCK, pb += BLOCK) {
        struct lane x0 = x, y0 = y;
        __m128i wx[4], wy[4];

#pragma GCC unroll 4
        for (int i = 0; i < 4; i++) {
            __m128i k = _mm_loadu_si128((const __m128i *)(const void *)&constants[4 * i]);
            wx[i] = four_words(pa + 16 * i);
            wy[i] = four_words(pb + 16 * i);
            four_rounds(&x, _mm_add_epi32(wx[i], k));
            four_rounds(&y, _mm_add_epi32(wy[i], k));
        }
#pragma GCC unroll 12
        for (int i = 4; i < 16; i++) {
            __m128i k = _mm_loadu_si128((const __m128i *)(const void *)&constants[4 * i]);
            __m128i nx = next_words(wx), ny = next_words(wy);
            for (int j = 0; j < 3; j++) {
                wx[j] = wx[j + 1];
                wy[j] = wy[j + 1];
            }
            wx[3] = nx;
            wy[3] = ny;
            four_rounds(&x, _mm_add_epi32(nx, k));
            four_rounds(&y, _mm_add_epi32(ny, k));
        }
        x.abef = _mm_add_epi32(x.abef, x0.abef);
        x.cdgh = _mm_add_epi32(x.cdgh, x0.cdgh);
        y.abef = _mm_add_epi32(y.abef, y0.abef);
        y.cdgh = _mm_add_epi32(y.cdgh, y0.cdgh);
    }
    *a = x;
    *b = y;
}

/* What of a message of `size` bytes does not fill a block, with its end marked and its length: one block or two. */
static size_t last_blocks(const uint8_t *data, size_t size, uint8_t out[2 * BLOCK])
{
    size_t rest = size % BLOCK, n = rest + 9 <= BLOCK ? 1 : 2;

    memset(out, 0, 2 * BLOCK);
    if (rest > 0)
        memcpy(out, data + size - rest, rest);
    out[rest] = 0x80;
    for (int i = 0; i < 8; i++)
        out[n * BLOCK - 1 - (size_t)i] = (uint8_t)((uint64_t)size * 8 >> 8 * i);
    return n;
}

static void put_word(uint8_t *out, int word)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)((uint32_t)word >> (24 - 8 * i));
}

WITH_SHA static void put_digest(const struct lane *s, uint8_t out[32])
{
    put_word(out, _mm_extract_epi32(s->abef, 3));
    put_word(out + 4, _mm_extract_epi32(s->abef, 2));
    put_word(out + 8, _mm_extract_epi32(s->cdgh, 3));
    put_word(out + 12, _mm_extract_epi32(s->cdgh, 2));
    put_word(out + 16, _mm_extract_epi32(s->abef, 1));
    put_word(out + 20, _mm_extract_epi32(s->abef, 0));
    put_word(out + 24, _mm_extract_epi32(s->cdgh, 1));
    put_word(out + 28, _mm_extract_epi32(s->cdgh, 0));
}

WITH_SHA static void two(const uint8_t *a, const uint8_t *b, size_t size, uint8_t ret_a[32], uint8_t ret_b[32])
{
    struct lane x = first_lane(), y = first_lane();
    uint8_t end_a[2 * BLOCK], end_b[2 * BLOCK];

    take_blocks(&x, &y, a, b, size / BLOCK);
    size_t n = last_blocks(a, size, end_a);
    last_blocks(b, size, end_b);
    take_blocks(&x, &y, end_a, end_b, n);
    put_digest(&x, ret_a);
    put_digest(&y, ret_b);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool usable;

static void look(void)
{
    unsigned a, b, c, d;
    bool sha = __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA);
    bool fips = false;
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
    fips = EVP_default_properties_is_fips_enabled(NULL) == 1;
#endif
    usable = sha && __builtin_cpu_supports("avx") && !fips;
}

static bool can_do_two(void)
{
    pthread_once(&once, look);
    return usable;
}

#endif

int cove__sha256_two(const void *a, const void *b, size_t size, uint8_t ret_a[32], uint8_t ret_b[32])
{
#if defined(__x86_64__)
    if (can_do_two()) {
        two(a, b, size, ret_a, ret_b);
        return 0;
    }
#endif
    int rc = cove__sha256(cove__slice(a, size), ret_a);
    return rc < 0 ? rc : cove__sha256(cove__slice(b, size), ret_b);
}
