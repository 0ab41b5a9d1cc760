/* The classifier's steps: forward, softmax with cross-entropy, and backward by hand. The products are BLAS's. */
#include "model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cblas.h>
#include <cove/trainer.h>

#define LABEL_SMOOTHING 0.1F

/* y = x W' + b, then ReLU in the layers inside. */
static void forward(struct classifier *c, const float *x, int n)
{
    for (int l = 0; l < LAYERS; l++) {
        struct layer *layer = &c->layers[l];
        for (int i = 0; i < n; i++)
            memcpy(layer->y + i * layer->out, layer->bias, (size_t)layer->out * sizeof(float));
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, layer->out, layer->in, 1, x, layer->in, layer->weight,
                    layer->in, 1, layer->y, layer->out);
        for (int i = 0; l < LAYERS - 1 && i < n * layer->out; i++)
            layer->y[i] = fmaxf(layer->y[i], 0);
        x = layer->y;
    }
}

/* The mean loss and the part of right answers; the gradient of the loss goes to the last layer's dy. The part
 * `smoothing` of what is asked for is spread over all classes, so that the net does not grow sure of what it merely
 * remembers. */
static float cross_entropy(struct classifier *c, const int *classes, int n, float smoothing, float *ret_accuracy)
{
    struct layer *last = &c->layers[LAYERS - 1];
    float loss = 0;
    int right = 0;
    for (int i = 0; i < n; i++) {
        const float *y = last->y + i * CLASSES;
        float *dy = last->dy + i * CLASSES, sum = 0;
        int best = 0;
        for (int k = 1; k < CLASSES; k++)
            best = y[k] > y[best] ? k : best;
        for (int k = 0; k < CLASSES; k++)
            sum += dy[k] = expf(y[k] - y[best]);
        right += best == classes[i];
        for (int k = 0; k < CLASSES; k++) {
            float wanted = smoothing / CLASSES + (k == classes[i] ? 1 - smoothing : 0);
            loss += wanted * (logf(sum) - (y[k] - y[best]));
            dy[k] = (dy[k] / sum - wanted) / (float)n;
        }
    }
    *ret_accuracy = (float)right / (float)n;
    return loss / (float)n;
}

/* Adds each parameter's gradient to what is there: the trainer zeroes it when it is time. */
static void backward(struct classifier *c, const float *x, int n)
{
    for (int l = LAYERS - 1; l >= 0; l--) {
        struct layer *layer = &c->layers[l], *below = l > 0 ? &c->layers[l - 1] : NULL;
        const float *input = below ? below->y : x;
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, layer->out, layer->in, n, 1, layer->dy, layer->out, input,
                    layer->in, 1, layer->weight_grad, layer->in);
        for (int i = 0; i < n * layer->out; i++)
            layer->bias_grad[i % layer->out] += layer->dy[i];
        if (!below)
            break;
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, layer->in, layer->out, 1, layer->dy, layer->out,
                    layer->weight, layer->in, 0, below->dy, layer->in);
        for (int i = 0; i < n * layer->in; i++)
            below->dy[i] *= below->y[i] > 0;
    }
}

static int training_step(void *self, cove_trainer *trainer, const struct cove_batch *batch, struct cove_error *err)
{
    struct classifier *c = self;
    const struct digits_batch *data = batch->data;
    float accuracy;

    forward(c, data->images, (int)batch->n);
    float loss = cross_entropy(c, data->classes, (int)batch->n, LABEL_SMOOTHING, &accuracy);
    backward(c, data->images, (int)batch->n);

    cove_trainer_log(trainer, "train_loss", loss, COVE_LOG_PROG_BAR);
    return 0;
}

static int validation_step(void *self, cove_trainer *trainer, const struct cove_batch *batch, struct cove_error *err)
{
    struct classifier *c = self;
    const struct digits_batch *data = batch->data;
    float accuracy;

    forward(c, data->images, (int)batch->n);
    float loss = cross_entropy(c, data->classes, (int)batch->n, 0, &accuracy);

    cove_trainer_log(trainer, "val_loss", loss, COVE_LOG_PROG_BAR);
    cove_trainer_log(trainer, "val_acc", accuracy, COVE_LOG_PROG_BAR);
    return 0;
}

static int configure_optimizers(void *self, cove_trainer *trainer, cove_optimizer **ret_optimizer,
                                cove_lr_scheduler **ret_scheduler, struct cove_error *err)
{
    struct classifier *c = self;
    struct cove_lr_scheduler_options step_lr = COVE_LR_SCHEDULER_OPTIONS_INIT(COVE_LR_SCHEDULER_STEP);
    step_lr.step_size = 1; /* epochs */
    step_lr.gamma = 0.7;
    int rc = cove_optimizer_new(&c->optimizer, c->parameters, 2 * LAYERS, ret_optimizer, err);
    if (rc == 0)
        rc = cove_lr_scheduler_new(&step_lr, *ret_optimizer, ret_scheduler, err);
    return rc;
}

static int layer_init(struct layer *layer, int in, int out, int64_t batch_size, cove_rng *rng)
{
    size_t n_weights = (size_t)in * (size_t)out, n_out = (size_t)out, n_batch = (size_t)batch_size * n_out;
    float bound = 1 / sqrtf((float)in); /* as torch.nn.Linear begins */
    *layer = (struct layer){ .in = in, .out = out, .weight_shape = { out, in }, .bias_shape = { out } };
    float **arrays[] = { &layer->weight, &layer->weight_grad, &layer->bias, &layer->bias_grad, &layer->y, &layer->dy };
    size_t sizes[] = { n_weights, n_weights, n_out, n_out, n_batch, n_batch };
    for (int i = 0; i < 6; i++) {
        if (!(*arrays[i] = calloc(sizes[i], sizeof(float))))
            return COVE_ENOMEM;
    }
    for (size_t i = 0; i < n_weights; i++)
        layer->weight[i] = (float)(2 * cove_rng_uniform(rng) - 1) * bound;
    for (size_t i = 0; i < n_out; i++)
        layer->bias[i] = (float)(2 * cove_rng_uniform(rng) - 1) * bound;
    return 0;
}

int classifier_init(struct classifier *c, uint64_t seed, int64_t batch_size,
                    const struct cove_optimizer_options *optimizer)
{
    static const char *const names[] = { "layers.0.weight", "layers.0.bias",   "layers.1.weight",
                                         "layers.1.bias",   "layers.2.weight", "layers.2.bias" };
    static const int sizes[LAYERS + 1] = { PIXELS, HIDDEN, HIDDEN, CLASSES };
    cove_rng *rng = cove_rng_new(seed);
    int rc = rng ? 0 : COVE_ENOMEM;

    memset(c, 0, sizeof *c);
    for (int l = 0; rc == 0 && l < LAYERS; l++) {
        struct layer *layer = &c->layers[l];
        rc = layer_init(layer, sizes[l], sizes[l + 1], batch_size, rng);
        c->parameters[2 * l] = (struct cove_parameter){
            names[2 * l], { COVE_DTYPE_FLOAT32, 2, layer->weight_shape, NULL, layer->weight }, layer->weight_grad
        };
        c->parameters[2 * l + 1] = (struct cove_parameter){
            names[2 * l + 1], { COVE_DTYPE_FLOAT32, 1, layer->bias_shape, NULL, layer->bias }, layer->bias_grad
        };
    }
    cove_rng_free(rng);

    c->optimizer = *optimizer;
    c->hparams[0] = (struct cove_hparam){ "hidden", COVE_HPARAM_NUMBER, NULL, HIDDEN };
    c->hparams[1] = (struct cove_hparam){ "lr", COVE_HPARAM_NUMBER, NULL, optimizer->lr };
    c->hparams[2] = (struct cove_hparam){ "batch_size", COVE_HPARAM_NUMBER, NULL, (double)batch_size };
    c->module = (struct cove_module)COVE_MODULE_INIT;
    c->module.self = c;
    c->module.parameters = c->parameters;
    c->module.n_parameters = 2 * LAYERS;
    c->module.hparams = c->hparams;
    c->module.n_hparams = 3;
    c->module.training_step = training_step;
    c->module.validation_step = validation_step;
    c->module.configure_optimizers = configure_optimizers;
    return rc;
}

void classifier_free(struct classifier *c)
{
    for (int l = 0; l < LAYERS; l++) {
        struct layer *layer = &c->layers[l];
        float *arrays[] = { layer->weight, layer->weight_grad, layer->bias, layer->bias_grad, layer->y, layer->dy };
        for (int i = 0; i < 6; i++)
            free(arrays[i]);
    }
}
