/* Batches in an order that seed and epoch fix, so that any batch of any epoch can be made again. */
#ifndef COVE_TRAINER_LOADER_H
#define COVE_TRAINER_LOADER_H

#include <cove/trainer.h>

struct cove__loader {
    struct cove_dataloader d; /* copied; self BORROWED for the run */
    uint64_t stream;          /* different for training's shuffle and validation's */
    int64_t n_batches;        /* of an epoch, before any limit */
    int64_t *order;           /* owned: the epoch's permutation, or one batch's numbers where nothing is shuffled */
    int64_t epoch;            /* that `order` is of; -1: none */
};

/* COVE_EINVAL: length, batch_size or fetch. `what` ("train") names it in messages. */
int cove__loader_init(struct cove__loader *loader, const struct cove_dataloader *d, const char *what, uint64_t stream,
                      struct cove_error *err);
void cove__loader_done(struct cove__loader *loader);
/* Batch `idx` of `epoch`. */
int cove__loader_fetch(struct cove__loader *loader, uint64_t seed, int64_t epoch, int64_t idx,
                       struct cove_batch *ret_batch, struct cove_error *err);

#endif
