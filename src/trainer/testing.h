/*
 * For the tests of this room: a small model that learns a line from twenty points, with hooks that a test may observe.
 * Everything of it is deterministic, and part of it comes from the trainer's random numbers, so that a resume which
 * loses any state ends elsewhere.
 */
#ifndef COVE_TRAINER_TESTING_H
#define COVE_TRAINER_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unistd.h>

#include <cmocka.h>

#include <cove/trainer.h>

#define FEATURES 3
#define POINTS   20
#define VAL      6

struct line {
    struct cove_module module;
    struct cove_parameter parameters[3];
    int64_t weight_shape[2], bias_shape[1];
    float weight[FEATURES], bias, weight_grad[FEATURES], bias_grad;
    int64_t seen; /* a buffer: batches computed */
    struct cove_optimizer_options optimizer;
    struct cove_lr_scheduler_options scheduler; /* kind 0: none */
    struct cove_hparam hparam;
    struct cove_dataloader train, val;
    struct cove_data data;
    float points[POINTS + VAL][FEATURES + 1];
    int64_t fetched[64]; /* first indices of the batches of this run */
    size_t n_fetched;
    int64_t fail_at; /* seen: training_step fails then; -1: never */
    double val_loss; /* logged in place of the true one; -1: the true one */
};

static int line_fetch(void *self, const int64_t *indices, size_t n, const void **ret_data, struct cove_error *err)
{
    struct line *m = self;
    if (m->n_fetched < 64)
        m->fetched[m->n_fetched++] = indices[0];
    *ret_data = m->points;
    return 0;
}

static float line_loss(struct line *m, const float *point, float noise)
{
    float y = m->bias + noise;
    for (int f = 0; f < FEATURES; f++)
        y += m->weight[f] * point[f];
    return y - point[FEATURES];
}

static int line_training_step(void *self, cove_trainer *trainer, const struct cove_batch *batch, struct cove_error *err)
{
    struct line *m = self;
    double loss = 0;
    if (m->seen == m->fail_at)
        return COVE_EIO;
    m->seen++;
    for (size_t i = 0; i < batch->n; i++) {
        const float *point = m->points[batch->indices[i]];
        float d = line_loss(m, point, 0.01f * (float)cove_rng_normal(cove_trainer_rng(trainer)));
        loss += d * d / (float)batch->n;
        for (int f = 0; f < FEATURES; f++)
            m->weight_grad[f] += 2 * d * point[f] / (float)batch->n;
        m->bias_grad += 2 * d / (float)batch->n;
    }
    cove_trainer_log(trainer, "train_loss", loss, COVE_LOG_ON_STEP | COVE_LOG_ON_EPOCH | COVE_LOG_PROG_BAR);
    return 0;
}

static int line_validation_step(void *self, cove_trainer *trainer, const struct cove_batch *batch,
                                struct cove_error *err)
{
    struct line *m = self;
    double loss = 0;
    for (size_t i = 0; i < batch->n; i++) {
        float d = line_loss(m, m->points[POINTS + batch->indices[i]], 0);
        loss += d * d / (float)batch->n;
    }
    cove_trainer_log(trainer, "val_loss", m->val_loss == -1 ? loss : m->val_loss, 0);
    return 0;
}

static int line_configure(void *self, cove_trainer *trainer, cove_optimizer **ret_optimizer,
                          cove_lr_scheduler **ret_scheduler, struct cove_error *err)
{
    struct line *m = self;
    int rc = cove_optimizer_new(&m->optimizer, m->module.parameters, m->module.n_parameters, ret_optimizer, err);
    if (rc == 0 && m->scheduler.kind)
        rc = cove_lr_scheduler_new(&m->scheduler, *ret_optimizer, ret_scheduler, err);
    return rc;
}

static inline void line_init(struct line *m)
{
    cove_rng *rng = cove_rng_new(11);
    memset(m, 0, sizeof *m);
    assert_non_null(rng);
    for (int i = 0; i < POINTS + VAL; i++) {
        for (int f = 0; f < FEATURES; f++)
            m->points[i][f] = (float)cove_rng_normal(rng);
        m->points[i][FEATURES] = 2 * m->points[i][0] - m->points[i][1] + 0.5f + 0.1f * (float)cove_rng_normal(rng);
    }
    cove_rng_free(rng);
    m->weight_shape[0] = 1;
    m->weight_shape[1] = FEATURES;
    m->bias_shape[0] = 1;
    m->parameters[0] = (struct cove_parameter){ "linear.weight",
                                                { COVE_DTYPE_FLOAT32, 2, m->weight_shape, NULL, m->weight },
                                                m->weight_grad };
    m->parameters[1] = (struct cove_parameter){ "linear.bias",
                                                { COVE_DTYPE_FLOAT32, 1, m->bias_shape, NULL, &m->bias },
                                                &m->bias_grad };
    m->parameters[2] = (struct cove_parameter){ "seen", { COVE_DTYPE_INT64, 0, NULL, NULL, &m->seen }, NULL };
    m->optimizer = (struct cove_optimizer_options)COVE_OPTIMIZER_ADAMW_INIT(0.05);
    m->scheduler = (struct cove_lr_scheduler_options)COVE_LR_SCHEDULER_OPTIONS_INIT(0); /* none */
    m->hparam = (struct cove_hparam){ "lr", COVE_HPARAM_NUMBER, NULL, 0.05 };
    m->fail_at = m->val_loss = -1;
    m->module = (struct cove_module)COVE_MODULE_INIT;
    m->module.self = m;
    m->module.parameters = m->parameters;
    m->module.n_parameters = 3;
    m->module.hparams = &m->hparam;
    m->module.n_hparams = 1;
    m->module.training_step = line_training_step;
    m->module.validation_step = line_validation_step;
    m->module.configure_optimizers = line_configure;
    m->train = (struct cove_dataloader)COVE_DATALOADER_INIT;
    m->train.self = m;
    m->train.length = POINTS;
    m->train.fetch = line_fetch;
    m->train.batch_size = 3;
    m->train.shuffle = 1;
    m->val = m->train;
    m->val.length = VAL;
    m->val.shuffle = 0;
    m->data = (struct cove_data)COVE_DATA_INIT;
    m->data.train = &m->train;
    m->data.val = &m->val;
}

/* Whether two models, and their trainers' optimizers, are the same to the bit. */
static inline void assert_same_line(const struct line *a, const struct line *b)
{
    assert_memory_equal(a->weight, b->weight, sizeof a->weight);
    assert_memory_equal(&a->bias, &b->bias, sizeof a->bias);
    assert_int_equal(a->seen, b->seen);
}

/* A quiet trainer: no bar, no loggers, no checkpoints but those that a test asks for. */
static inline struct cove_trainer_options quiet(int64_t max_epochs)
{
    struct cove_trainer_options o = COVE_TRAINER_OPTIONS_INIT;
    o.default_root_dir = "memory://trainer";
    o.max_epochs = max_epochs;
    o.enable_progress_bar = o.enable_logging = o.enable_checkpointing = 0;
    o.num_sanity_val_steps = 0;
    o.seed = 5;
    return o;
}

static inline int url_exists(const char *url)
{
    cove_fs *fs;
    char *path;
    assert_int_equal(cove_fs_from_url(url, NULL, &fs, &path, NULL), 0);
    int rc = cove_fs_exists(fs, path, NULL, NULL);
    cove_free(path);
    cove_fs_unref(fs);
    return rc;
}

static inline void remove_url(const char *url)
{
    cove_fs *fs;
    char *path;
    assert_int_equal(cove_fs_from_url(url, NULL, &fs, &path, NULL), 0);
    int rc = cove_fs_remove_tree(fs, path, NULL, NULL);
    assert_true(rc == 0 || rc == COVE_ENOTFOUND);
    cove_free(path);
    cove_fs_unref(fs);
}

/* All hooks but on_exception, by the three kinds of their arguments: H those with none, B with a batch, C with a
 * checkpoint. */
#define EACH_HOOK(H, B, C)                                                                                             \
    H(setup)                                                                                                           \
    H(teardown)                                                                                                        \
    H(on_fit_start)                                                                                                    \
    H(on_fit_end)                                                                                                      \
    H(on_sanity_check_start)                                                                                           \
    H(on_sanity_check_end)                                                                                             \
    H(on_train_start)                                                                                                  \
    H(on_train_end)                                                                                                    \
    H(on_train_epoch_start)                                                                                            \
    H(on_train_epoch_end)                                                                                              \
    H(on_after_backward)                                                                                               \
    H(on_before_optimizer_step)                                                                                        \
    H(on_before_zero_grad)                                                                                             \
    H(on_validation_start)                                                                                             \
    H(on_validation_end)                                                                                               \
    H(on_validation_epoch_start)                                                                                       \
    H(on_validation_epoch_end)                                                                                         \
    B(on_train_batch_start)                                                                                            \
    B(on_train_batch_end)                                                                                              \
    B(on_validation_batch_start)                                                                                       \
    B(on_validation_batch_end)                                                                                         \
    C(on_save_checkpoint)                                                                                              \
    C(on_load_checkpoint)

/* Setup and teardown of a test that works in a new folder, which is then the working directory and *state. */
static inline int enter_folder(void **state)
{
    static char folder[64];
    snprintf(folder, sizeof folder, "/tmp/cove-trainer-XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    *state = folder;
    return 0;
}

static inline int leave_folder(void **state)
{
    assert_int_equal(chdir("/"), 0);
    remove_url(*state);
    return 0;
}

#define IN_FOLDER(name) cmocka_unit_test_setup_teardown(name, enter_folder, leave_folder)

#endif
