/*
 * Trains a classifier of handwritten digits, with logs and checkpoints at any URL:
 *
 *     digits --root s3://lightning/data/                        logs and weights go below it
 *     digits --logs s3://lightning/logs/                        logs go there
 *     digits --ckpt s3://lightning/ckpts/classifier.ckpt        resumes from there
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cblas.h>
#include <cove/cove.h>
#include <cove/trainer.h>

#include "data.h"
#include "model.h"

struct arguments {
    const char *root, *logs, *ckpt, *save, *data, *optimizer;
    int64_t max_epochs, max_steps, batch_size, stop_after, seed;
    double lr;
};

static const char usage[] =
    "usage: digits [--root URL] [--logs URL] [--ckpt URL|last|best] [--save URL] [--data URL]\n"
    "              [--max-epochs N] [--max-steps N] [--seed N] [--batch-size N] [--lr X]\n"
    "              [--optimizer adamw|sgd] [--stop-after N]\n"
    "\n"
    "  --root URL        default_root_dir: logs and checkpoints go below it (default: runs)\n"
    "  --logs URL        the TensorBoard logger's save_dir, where that is another place\n"
    "  --ckpt URL        resume from a checkpoint; \"last\" and \"best\" look for one below the logs\n"
    "  --save URL        save one more checkpoint there at the end\n"
    "  --stop-after N    interrupt the run after N steps, as Ctrl-C does\n";

static cove_trainer *trainer; /* for the signal handler */
static struct sigaction old_actions[2];

/* Without this, warnings are not shown: "last" found no checkpoint, the store does not answer. On a terminal the line
 * of the progress bar is cleared first; the bar is drawn again below. */
static void on_log(void *user, enum cove_log_level level, const char *subject, const char *text)
{
    fprintf(stderr, "%sdigits: %s: %s: %s\n", isatty(STDERR_FILENO) ? "\r\033[K" : "",
            level == COVE_LOG_ERROR ? "error" : "warning", subject, text);
}

/* The first Ctrl-C ends the run in order: the batch is finished, a checkpoint saved. The second one ends the process.
 */
static void on_interrupt(int signal_number)
{
    cove_trainer_interrupt(trainer);
}

static void catch_interrupts(void)
{
    struct sigaction action = { .sa_handler = on_interrupt, .sa_flags = SA_RESETHAND | SA_RESTART };
    sigaction(SIGINT, &action, &old_actions[0]);
    sigaction(SIGTERM, &action, &old_actions[1]);
}

/* Before the trainer is freed: the handler must not reach it afterwards. */
static void release_interrupts(void)
{
    sigaction(SIGINT, &old_actions[0], NULL);
    sigaction(SIGTERM, &old_actions[1], NULL);
}

/* A callback is a struct with the hooks that it wants: this one stops the run half way. */
static int stop_after(void *self, cove_trainer *t, const struct cove_batch *batch, struct cove_error *err)
{
    const struct arguments *a = self;
    if (cove_trainer_global_step(t) >= a->stop_after)
        cove_trainer_interrupt(t);
    return 0;
}

static int parse_arguments(int argc, char **argv, struct arguments *a)
{
    const struct {
        const char *name;
        const char **text;
        int64_t *number;
        double *real;
    } table[] = {
        { "--root", &a->root },
        { "--logs", &a->logs },
        { "--ckpt", &a->ckpt },
        { "--save", &a->save },
        { "--data", &a->data },
        { "--optimizer", &a->optimizer },
        { "--max-epochs", NULL, &a->max_epochs },
        { "--max-steps", NULL, &a->max_steps },
        { "--seed", NULL, &a->seed },
        { "--batch-size", NULL, &a->batch_size },
        { "--stop-after", NULL, &a->stop_after },
        { "--lr", NULL, NULL, &a->lr },
    };
    const size_t n = sizeof table / sizeof *table;

    for (int i = 1; i < argc; i += 2) {
        size_t k = 0;
        while (k < n && strcmp(argv[i], table[k].name) != 0)
            k++;
        if (k == n || i + 1 == argc)
            return -1;
        if (table[k].text)
            *table[k].text = argv[i + 1];
        else if (table[k].number)
            *table[k].number = strtoll(argv[i + 1], NULL, 10);
        else
            *table[k].real = strtod(argv[i + 1], NULL);
    }
    return a->batch_size > 0 && a->batch_size <= 1024 ? 0 : -1;
}

static int train(const struct arguments *a, struct classifier *model, struct digits *digits, struct cove_error *err)
{
    struct cove_model_checkpoint_options keep = COVE_MODEL_CHECKPOINT_OPTIONS_INIT;
    struct cove_logger_options log_to = COVE_LOGGER_OPTIONS_INIT;
    struct cove_trainer_options o = COVE_TRAINER_OPTIONS_INIT;
    struct cove_data data = COVE_DATA_INIT;
    struct cove_callback stopper = COVE_CALLBACK_INIT, *checkpoint = NULL;
    struct cove_logger *tensorboard = NULL;
    double accuracy;
    int rc;

    keep.monitor = "val_loss"; /* the best by this metric stays, and last.ckpt with it */
    keep.save_last = 1;
    log_to.save_dir = a->logs; /* NULL: default_root_dir */
    stopper.self = (void *)a;
    stopper.hooks.on_train_batch_end = a->stop_after > 0 ? stop_after : NULL;
    if ((rc = cove_model_checkpoint_new(&keep, &checkpoint, err)) < 0 ||
        (rc = cove_tensorboard_logger_new(&log_to, &tensorboard, err)) < 0)
        goto out;

    o.default_root_dir = a->root;
    o.max_epochs = a->max_epochs;
    o.max_steps = a->max_steps;
    o.seed = (uint64_t)a->seed;
    o.log_every_n_steps = 10;
    o.loggers = &tensorboard;
    o.n_loggers = 1;
    o.callbacks = (cove_callback *[]){ &stopper, checkpoint };
    o.n_callbacks = 2;
    if ((rc = cove_trainer_new(&o, &trainer, err)) < 0)
        goto out;
    catch_interrupts();

    data.train = &digits->train;
    data.val = &digits->val;
    rc = cove_trainer_fit(trainer, &model->module, &data, a->ckpt, err);
    if (rc < 0 && rc != COVE_ECANCELED)
        goto out;
    if (a->save && cove_trainer_save_checkpoint(trainer, a->save, 0, err) < 0) {
        rc = err->code;
        goto out;
    }

    printf("ended:  %s\n", cove_trainer_stop_reason(trainer));
    printf("at:     epoch %lld, step %lld\n", (long long)cove_trainer_current_epoch(trainer),
           (long long)cove_trainer_global_step(trainer));
    if (cove_trainer_metric(trainer, "val_acc", &accuracy, NULL) == 0)
        printf("val_acc %.4f\n", accuracy);
    printf("logs:   %s\n", cove_trainer_log_dir(trainer));
    printf("best:   %s\n", cove_model_checkpoint_best_path(checkpoint));
    printf("last:   %s\n", cove_model_checkpoint_last_path(checkpoint));
    if (a->save)
        printf("saved:  %s\n", a->save);
out:
    if (trainer)
        release_interrupts();
    cove_trainer_free(trainer);
    cove_logger_free(tensorboard);
    cove_callback_free(checkpoint);
    return rc;
}

int main(int argc, char **argv)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct classifier model = { 0 };
    struct digits digits = { 0 };
    struct arguments a = { .root = "runs",
                           .data = DIGITS_CSV,
                           .optimizer = "adamw",
                           .max_epochs = 10,
                           .max_steps = -1,
                           .batch_size = 64,
                           .seed = 1,
                           .lr = 3e-3 };
    int rc;

    if (parse_arguments(argc, argv, &a) < 0) {
        fputs(usage, stderr);
        return 2;
    }
    cove_log_set(on_log, NULL, COVE_LOG_WARNING);
    openblas_set_num_threads(1); /* sums in one order: the same run gives the same bits */

    struct cove_optimizer_options adamw = COVE_OPTIMIZER_ADAMW_INIT(a.lr), sgd = COVE_OPTIMIZER_SGD_INIT(a.lr);
    sgd.momentum = 0.9;
    rc = digits_load(&digits, a.data, a.batch_size, &err);
    if (rc == 0)
        rc = classifier_init(&model, (uint64_t)a.seed, a.batch_size, strcmp(a.optimizer, "sgd") == 0 ? &sgd : &adamw);
    if (rc == 0)
        rc = train(&a, &model, &digits, &err);
    classifier_free(&model);
    digits_free(&digits);

    if (rc < 0)
        fprintf(stderr, "digits: %s\n", err.message[0] ? err.message : cove_code_phrase(rc));
    return rc == COVE_ECANCELED ? 130 : rc < 0;
}
