/*
 * How gradients of several processes come together: a table with the one entry for one process. The loop calls it at
 * the two places where processes must agree, so that MPI is one more table.
 */
#ifndef COVE_TRAINER_STRATEGY_H
#define COVE_TRAINER_STRATEGY_H

#include <stddef.h>

#include <cove/error.h>

struct cove__strategy_ops {
    const char *name;
    /* Replaces `values` by their mean over all processes. COVE_ENETWORK. */
    int (*all_reduce_mean)(float *values, size_t n, struct cove_error *err);
    int rank; /* 0: this process writes logs and checkpoints */
};

extern const struct cove__strategy_ops cove__single_device;

#endif
