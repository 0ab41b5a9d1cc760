/* Reads digits.csv and hands out its images in batches. */
#include "data.h"

#include "augment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cove/fs.h>

/* A training image is number i of all copies; its class is that of the image it was made from. */
static int fetch_train(void *self, const int64_t *indices, size_t n, const void **ret_data, struct cove_error *err)
{
    struct digits *d = self;
    for (size_t i = 0; i < n; i++) {
        memcpy(d->train_batch.images + i * PIXELS, d->train_images + indices[i] * PIXELS, PIXELS * sizeof(float));
        d->train_batch.classes[i] = d->classes[indices[i] % TRAIN_IMAGES];
    }
    *ret_data = &d->train_batch;
    return 0;
}

static int fetch_val(void *self, const int64_t *indices, size_t n, const void **ret_data, struct cove_error *err)
{
    struct digits *d = self;
    for (size_t i = 0; i < n; i++) {
        int64_t image = TRAIN_IMAGES + indices[i];
        memcpy(d->val_batch.images + i * PIXELS, d->images + image * PIXELS, PIXELS * sizeof(float));
        d->val_batch.classes[i] = d->classes[image];
    }
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
            pixels[i] = (float)value / 16;
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
    return cove_error_set(err, COVE_EINVAL, "%s: not a file of digits", url);
}

/* 1,437 images by a few hands are little: a net learns their hands and not the digits. So each comes in COPIES: itself,
 * and as others might have written it. */
static int add_copies(struct digits *d)
{
    d->train_images = malloc((size_t)TRAIN_IMAGES * COPIES * PIXELS * sizeof(float));
    if (!d->train_images)
        return COVE_ENOMEM;
    memcpy(d->train_images, d->images, (size_t)TRAIN_IMAGES * PIXELS * sizeof(float));
    for (int64_t i = TRAIN_IMAGES; i < TRAIN_IMAGES * COPIES; i++) {
        int rc = augment(d->images + i % TRAIN_IMAGES * PIXELS, (uint64_t)i, d->train_images + i * PIXELS);
        if (rc < 0)
            return rc;
    }
    return 0;
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
        rc = add_copies(d);
    if (rc == 0)
        rc = make_loader(&d->train, d, &d->train_batch, batch_size);
    if (rc == 0)
        rc = make_loader(&d->val, d, &d->val_batch, batch_size);
    if (rc < 0)
        return rc;
    d->train.length = TRAIN_IMAGES * COPIES;
    d->train.fetch = fetch_train;
    d->train.shuffle = 1;
    d->val.length = d->n - TRAIN_IMAGES;
    d->val.fetch = fetch_val;
    return 0;
}

void digits_free(struct digits *d)
{
    free(d->images);
    free(d->train_images);
    free(d->classes);
    free(d->train_batch.images);
    free(d->train_batch.classes);
    free(d->val_batch.images);
    free(d->val_batch.classes);
}
