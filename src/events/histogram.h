/* A histogram with TensorFlow's default buckets: limits grow by a tenth from 1e-12 to 1e20, on both sides of zero.
 * Pure. */
#ifndef COVE_EVENTS_HISTOGRAM_H
#define COVE_EVENTS_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

struct cove__histogram {
    double min, max, sum, sum_squares;
    uint64_t count;
    const double *limits; /* the upper edges of n buckets; into `memory` */
    const uint64_t *counts;
    size_t n;
    void *memory; /* owned */
};

/* Counts the finite ones of `values`. 0, COVE_EINVAL (there is none), COVE_ENOMEM. Free with cove__histogram_done. */
int cove__histogram_make(const float *values, size_t n, struct cove__histogram *ret);
void cove__histogram_done(struct cove__histogram *h);

#endif
