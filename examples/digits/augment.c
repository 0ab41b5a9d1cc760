/* Copies of an image as other hands might have written it: turned, stretched, slanted and shifted a little. */
#include "augment.h"

#include <math.h>

#include <cove/error.h>
#include <cove/rng.h>

enum { SIDE = 8 };

static float between(cove_rng *rng, float low, float high)
{
    return low + (high - low) * (float)cove_rng_uniform(rng);
}

static float pixel(const float *image, int x, int y)
{
    return x >= 0 && x < SIDE && y >= 0 && y < SIDE ? image[y * SIDE + x] : 0;
}

/* The image at a place between its pixels. */
static float sample(const float *image, float x, float y)
{
    int x0 = (int)floorf(x), y0 = (int)floorf(y);
    float fx = x - (float)x0, fy = y - (float)y0;
    float above = pixel(image, x0, y0) * (1 - fx) + pixel(image, x0 + 1, y0) * fx;
    float below = pixel(image, x0, y0 + 1) * (1 - fx) + pixel(image, x0 + 1, y0 + 1) * fx;
    return above * (1 - fy) + below * fy;
}

int augment(const float *image, uint64_t seed, float *ret_image)
{
    cove_rng *rng = cove_rng_new(seed);
    if (!rng)
        return COVE_ENOMEM;
    float turn = between(rng, -0.3F, 0.3F), slant = between(rng, -0.2F, 0.2F); /* radians; of the height */
    float wide = between(rng, 0.85F, 1.15F), high = between(rng, 0.85F, 1.15F);
    float right = between(rng, -0.8F, 0.8F), down = between(rng, -0.8F, 0.8F); /* pixels */
    float middle = (SIDE - 1) / 2.0F;
    cove_rng_free(rng);
    for (int i = 0; i < SIDE * SIDE; i++) {
        float x = (float)(i % SIDE) - middle, y = (float)(i / SIDE) - middle;
        float from_x = wide * (cosf(turn) * x + (slant - sinf(turn)) * y) + right;
        float from_y = high * (sinf(turn) * x + cosf(turn) * y) + down;
        ret_image[i] = sample(image, from_x + middle, from_y + middle);
    }
    return 0;
}
