/*
 * Random numbers of a run: xoshiro256** seeded through splitmix64 (D. Blackman and S. Vigna, public domain algorithms).
 * Beside everything: the loader shuffles with it, modules draw from it, checkpoints keep its state.
 */
#include "trainer/rng.h"

#include <math.h>

#include "base/mem.h"

static uint64_t splitmix(uint64_t *x)
{
    uint64_t z = (*x += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void cove__rng_seed(cove_rng *rng, uint64_t seed, uint64_t stream)
{
    uint64_t x = seed;
    /* A stream's number goes through the mixer as well, so that seed 1 stream 0 and seed 0 stream 1 share nothing. */
    x = splitmix(&x) ^ stream * 0xd1342543de82ef95u;
    for (int i = 0; i < 4; i++)
        rng->s[i] = splitmix(&x);
}

static uint64_t rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

uint64_t cove_rng_next(cove_rng *rng)
{
    uint64_t *s = rng->s;
    uint64_t result = rotl(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

uint64_t cove_rng_below(cove_rng *rng, uint64_t bound)
{
    /* Draws from the incomplete last multiple of `bound` would favour small numbers: they are thrown away. */
    uint64_t reject_below = -bound % bound, x;
    do
        x = cove_rng_next(rng);
    while (x < reject_below);
    return x % bound;
}

double cove_rng_uniform(cove_rng *rng)
{
    return (double)(cove_rng_next(rng) >> 11) * 0x1p-53;
}

double cove_rng_normal(cove_rng *rng)
{
    /* Box and Muller's transform. Its second value is not kept: then four words are the whole state. */
    double u = 1.0 - cove_rng_uniform(rng), v = cove_rng_uniform(rng);
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

cove_rng *cove_rng_new(uint64_t seed)
{
    cove_rng *rng = cove__malloc(sizeof *rng);
    if (rng)
        cove__rng_seed(rng, seed, 0);
    return rng;
}

void cove_rng_free(cove_rng *rng)
{
    cove__free(rng);
}
