/*
 * Data of a trainer: where batches come from, and what a step gets.
 *
 * A loader is called by the thread that called fit or validate, one call at a time.
 */
#ifndef COVE_DATA_H
#define COVE_DATA_H

#include <stddef.h>
#include <stdint.h>

#include <cove/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The argument of a step. All of it is BORROWED until the batch ends. */
struct cove_batch {
    const void *data;       /* as `fetch` returned it */
    const int64_t *indices; /* the samples in it */
    size_t n;               /* how many: batch_size, or fewer in the last batch */
    int64_t idx;            /* the batch's number in this epoch, from 0 */
};

/*
 * A source of batches. `fetch` makes the batch of samples `indices` (each from 0 to length-1, BORROWED until it
 * returns) and sets *ret_data to it; the program owns that memory, which must stay valid until the next call of
 * `fetch`. The order depends only on the trainer's seed and the epoch's number, so a resumed run gets the same batches,
 * also in mid-epoch. The struct is BORROWED until fit or validate returns. Return values of `fetch`: see hooks.h.
 */
struct cove_dataloader {
    size_t size;    /* sizeof, set by the macro */
    void *self;     /* the program's, the first argument of `fetch` */
    int64_t length; /* samples */
    int (*fetch)(void *self, const int64_t *indices, size_t n, const void **ret_data, struct cove_error *err);
    int64_t batch_size; /* samples; default 1 */
    int shuffle;        /* 1: a new order each epoch; for training data */
    int drop_last;      /* 1: without the last batch if it is smaller than the others */
};
#define COVE_DATALOADER_INIT                                                                                           \
    {                                                                                                                  \
        sizeof(struct cove_dataloader), 0, 0, 0, 1, 0, 0                                                               \
    }

/* BORROWED until fit or validate returns. */
struct cove_data {
    size_t size;                         /* sizeof, set by the macro */
    const struct cove_dataloader *train; /* fit needs it, validate does not */
    const struct cove_dataloader *val;   /* NULL: no validation */
};
#define COVE_DATA_INIT                                                                                                 \
    {                                                                                                                  \
        sizeof(struct cove_data), 0, 0                                                                                 \
    }

#ifdef __cplusplus
}
#endif
#endif
