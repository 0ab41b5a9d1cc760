/* The classifier: three fully connected layers, 64 -> 256 -> 256 -> 10, with ReLU in between. */
#ifndef DIGITS_MODEL_H
#define DIGITS_MODEL_H

#include <cove/module.h>

#include "data.h"

enum { LAYERS = 3, HIDDEN = 256 };

struct layer {
    int in, out;
    int64_t weight_shape[2], bias_shape[1];
    float *weight, *bias; /* out x in, as torch.nn.Linear has it; out */
    float *weight_grad, *bias_grad;
    float *y, *dy; /* of a batch: what comes out, and its gradient; batch_size x out */
};

struct classifier {
    struct cove_module module; /* what the trainer is given */
    struct layer layers[LAYERS];
    struct cove_parameter parameters[2 * LAYERS];
    struct cove_hparam hparams[3];
    struct cove_optimizer_options optimizer;
};

/* Fills the weights from `seed`. COVE_ENOMEM. */
int classifier_init(struct classifier *classifier, uint64_t seed, int64_t batch_size,
                    const struct cove_optimizer_options *optimizer);
void classifier_free(struct classifier *classifier);

#endif
