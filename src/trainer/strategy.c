/* One process: its gradients are the mean. */
#include "trainer/strategy.h"

static int all_reduce_mean(float *values, size_t n, struct cove_error *err)
{
    return 0;
}

const struct cove__strategy_ops cove__single_device = {
    .name = "single_device",
    .all_reduce_mean = all_reduce_mean,
    .rank = 0,
};
