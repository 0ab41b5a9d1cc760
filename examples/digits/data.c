/* Reads digits.csv and hands out its images in batches. */
#include "data.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Copies images `indices` (counted from `first`) one after the other: what both dataloaders do. */
static void gather(const struct digits *d, int64_t first, const int64_t *indices, size_t n, struct digits_batch *batch)
{
    for (size_t i = 0; i < n; i++) {
        int64_t image = first + indices[i];
        memcpy(batch->images + i * PIXELS, d->images + image * PIXELS, PIXELS * sizeof(float));
        batch->classes[i] = d->classes[image];
    }
}

static int fetch_train(void *self, const int64_t *indices, size_t n, const void **ret_data, struct cove_error *err)
{
    struct digits *d = self;
    gather(d, 0, indices, n, &d->train_batch);
    *ret_data = &d->train_batch;
    return 0;
}

static int fetch_val(void *self, const int64_t *indices, size_t n, const void **ret_data, struct cove_error *err)
{
    struct digits *d = self;
    gather(d, TRAIN_IMAGES, indices, n, &d->val_batch);
    *ret_data = &d->val_batch;
    return 0;
}

/* One line: 64 pixels and the class, with commas in between. */
static const char *parse_line(const char *p, float *pixels, int *class)
{
    char *end;
    for (int i = 0; i <= PIXELS; i++) {
        long value = strtol(p, &end, 10);
        if (end == p || value < 0 || value > 16 || *end != (i < PIXELS ? ',' : '\n'))
            return NULL;
        if (i < PIXELS)
            pixels[i] = (float)value / 8;
        else
            *class = (int)value;
        p = end + 1;
    }
    return *class < CLASSES ? p : NULL;
}

static int parse(struct digits *d, const char *url, const char *text, size_t size, struct cove_error *err)
{
    const char *p = text;
    for (size_t i = 0; i < size; i++)
        d->n += text[i] == '\n';
    d->images = calloc((size_t)d->n * PIXELS + 1, sizeof(float));
    d->classes = calloc((size_t)d->n + 1, sizeof(int));
    for (int64_t i = 0; p && d->images && d->classes && i < d->n; i++)
        p = parse_line(p, d->images + i * PIXELS, d->classes + i);
    if (p && d->images && d->classes && d->n > TRAIN_IMAGES)
        return 0;
    err->code = COVE_EINVAL;
    snprintf(err->message, sizeof err->message, "%s: not a file of digits", url);
    return COVE_EINVAL;
}

static int make_loader(struct cove_dataloader *loader, struct digits *d, struct digits_batch *batch, int64_t batch_size)
{
    *loader = (struct cove_dataloader)COVE_DATALOADER_INIT;
    loader->self = d;
    loader->batch_size = batch_size;
    batch->images = calloc((size_t)batch_size * PIXELS, sizeof(float));
    batch->classes = calloc((size_t)batch_size, sizeof(int));
    return batch->images && batch->classes ? 0 : COVE_ENOMEM;
}

int digits_load(struct digits *d, const char *url, int64_t batch_size, struct cove_error *err)
{
    void *text;
    size_t size;
    int rc = cove_read_url(url, &text, &size, err);
    memset(d, 0, sizeof *d);
    if (rc < 0)
        return rc;
    rc = parse(d, url, text, size, err);
    cove_free(text);
    if (rc == 0)
        rc = make_loader(&d->train, d, &d->train_batch, batch_size);
    if (rc == 0)
        rc = make_loader(&d->val, d, &d->val_batch, batch_size);
    if (rc < 0)
        return rc;
    d->train.length = TRAIN_IMAGES;
    d->train.fetch = fetch_train;
    d->train.shuffle = 1;
    d->val.length = d->n - TRAIN_IMAGES;
    d->val.fetch = fetch_val;
    return 0;
}

/* The image at a place between its pixels; nothing is drawn outside. */
static float sample(const float *image, float x, float y)
{
    int left = (int)floorf(x), top = (int)floorf(y);
    float value = 0;
    for (int row = top; row <= top + 1; row++) {
        for (int column = left; column <= left + 1; column++) {
            if (row >= 0 && row < SIDE && column >= 0 && column < SIDE)
                value += image[row * SIDE + column] * (1 - fabsf(x - (float)column)) * (1 - fabsf(y - (float)row));
        }
    }
    return value;
}

static float between(cove_rng *rng, float low, float high)
{
    return low + (high - low) * (float)cove_rng_uniform(rng);
}

void digits_distort(float *images, size_t n, cove_rng *rng)
{
    const float middle = (SIDE - 1) / 2.0f;
    for (size_t i = 0; i < n; i++) {
        float *image = images + i * PIXELS, original[PIXELS];
        float angle = between(rng, -0.14f, 0.14f), scale = between(rng, 0.94f, 1.06f);
        float c = scale * cosf(angle), s = scale * sinf(angle);
        float right = between(rng, -0.4f, 0.4f), down = between(rng, -0.4f, 0.4f);
        memcpy(original, image, sizeof original);
        for (int k = 0; k < PIXELS; k++) {
            float x = (float)(k % SIDE) - middle, y = (float)(k / SIDE) - middle;
            image[k] = sample(original, c * x - s * y + middle + right, s * x + c * y + middle + down);
        }
    }
}

void digits_free(struct digits *d)
{
    free(d->images);
    free(d->classes);
    free(d->train_batch.images);
    free(d->train_batch.classes);
    free(d->val_batch.images);
    free(d->val_batch.classes);
}
