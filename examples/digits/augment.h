/* More training data out of few images. */
#ifndef DIGITS_AUGMENT_H
#define DIGITS_AUGMENT_H

#include <stdint.h>

/* Writes to `ret_image` the copy of `image` that belongs to `seed`: the same one each time. Both 8 x 8. COVE_ENOMEM. */
int augment(const float *image, uint64_t seed, float *ret_image);

#endif
