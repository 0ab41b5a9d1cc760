/* The images: handwritten digits, 8 x 8 pixels each, and the class that each one is. */
#ifndef DIGITS_DATA_H
#define DIGITS_DATA_H

#include <cove/data.h>

enum { PIXELS = 64, CLASSES = 10, TRAIN_IMAGES = 1437, COPIES = 12 };

/* What a training_step gets: the images of one batch, one after the other, and their classes. */
struct digits_batch {
    float *images; /* n x PIXELS, from 0 to 1 */
    int *classes;  /* n */
};

struct digits {
    float *images;       /* as they are in the file */
    float *train_images; /* TRAIN_IMAGES x COPIES */
    int *classes;
    int64_t n;
    struct digits_batch train_batch, val_batch;
    struct cove_dataloader train, val;
};

/* Reads a CSV file at any URL and splits it: the first TRAIN_IMAGES train, the others validate. */
int digits_load(struct digits *digits, const char *url, int64_t batch_size, struct cove_error *err);
void digits_free(struct digits *digits);

#endif
