/* Bytes of a made-up file: each follows from the file's seed and its place, and no two pieces are alike. */
#ifndef COVE_TESTS_SEEDED_H
#define COVE_TESTS_SEEDED_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define SEEDED_WORD 8

static inline uint64_t seeded_word(uint64_t seed, uint64_t number)
{
    uint64_t x = seed * 0x9E3779B97F4A7C15u + number; /* splitmix64's end */
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

/* True where `data` holds the bytes at `from`; with `write` it is made to. */
static inline bool seeded_bytes(unsigned char *data, uint64_t seed, uint64_t from, size_t size, bool write)
{
    for (size_t i = 0, n; i < size; i += n) {
        uint64_t word = seeded_word(seed, (from + i) / SEEDED_WORD);
        size_t skip = (from + i) % SEEDED_WORD;
        n = SEEDED_WORD - skip < size - i ? SEEDED_WORD - skip : size - i;
        if (write)
            memcpy(data + i, (unsigned char *)&word + skip, n);
        else if (memcmp(data + i, (unsigned char *)&word + skip, n) != 0)
            return false;
    }
    return true;
}

#endif
