/* Random numbers for training: the shuffle, dropout and the like. One thread at a time may use a generator. They are
 * not for secrets. */
#ifndef COVE_RNG_H
#define COVE_RNG_H

#include <stdint.h>

#include <cove/export.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cove_rng cove_rng;

/* A small generator (xoshiro256** by D. Blackman and S. Vigna) whose numbers depend only on its seed. The caller frees
 * it with cove_rng_free. NULL only when memory is exhausted. */
COVE_API cove_rng *cove_rng_new(uint64_t seed);
COVE_API void cove_rng_free(cove_rng *rng);                      /* NULL accepted; not for that of cove_trainer_rng */
COVE_API uint64_t cove_rng_next(cove_rng *rng);                  /* any number of 64 bits */
COVE_API uint64_t cove_rng_below(cove_rng *rng, uint64_t bound); /* 0 … bound-1, each as likely; bound > 0 */
COVE_API double cove_rng_uniform(cove_rng *rng);                 /* [0, 1) */
COVE_API double cove_rng_normal(cove_rng *rng);                  /* mean 0, deviation 1 */

#ifdef __cplusplus
}
#endif
#endif
