/* The images: handwritten digits, 8 x 8 pixels each, and the class that each one is. */
#ifndef DIGITS_DATA_H
#define DIGITS_DATA_H

#include <cove/cove.h>

enum { SIDE = 8, PIXELS = SIDE * SIDE, CLASSES = 10, TRAIN_IMAGES = 1437 };

/* What a training_step gets: the images of one batch, one after the other, and their classes. */
struct digits_batch {
    float *images; /* n x PIXELS, from 0 to 2 */
    int *classes;  /* n */
};

struct digits {
    float *images;
    int *classes;
    int64_t n;
    struct digits_batch train_batch, val_batch;
    struct cove_dataloader train, val;
};

/* Reads a CSV file at any URL and splits it: the first TRAIN_IMAGES train, the others validate. */
int digits_load(struct digits *digits, const char *url, int64_t batch_size, struct cove_error *err);
/* Turns, stretches and moves each of `n` images a little, by chance: a writer never draws the same digit twice. */
void digits_distort(float *images, size_t n, cove_rng *rng);
void digits_free(struct digits *digits);

#endif
