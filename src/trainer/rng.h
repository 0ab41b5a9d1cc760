/* The inside of cove_rng: four words, so that a checkpoint can hold them. */
#ifndef COVE_TRAINER_RNG_H
#define COVE_TRAINER_RNG_H

#include <cove/trainer.h>

struct cove_rng {
    uint64_t s[4];
};

/* Independent streams of one seed: 0 is a run's own, the loader takes one an epoch. */
void cove__rng_seed(cove_rng *rng, uint64_t seed, uint64_t stream);

#endif
