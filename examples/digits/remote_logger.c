/*
 * Logs of their own place. In Lightning:
 *
 *     logger = TensorBoardLogger(save_dir="s3://lightning/logs/")
 *     trainer = Trainer(logger=logger)
 *     trainer.fit(model)
 *
 * main.c is the whole program, with every option.
 */
#include <stdio.h>

#include <cove/cove.h>
#include <cove/trainer.h>

#include "data.h"
#include "model.h"

int main(int argc, char **argv)
{
    const char *url = argc > 1 ? argv[1] : "s3://lightning/logs/";
    struct cove_error err = COVE_ERROR_INIT;
    struct cove_optimizer_options adamw = COVE_OPTIMIZER_ADAMW_INIT(3e-3);
    struct cove_trainer_options o = COVE_TRAINER_OPTIONS_INIT;
    struct cove_logger_options l = COVE_LOGGER_OPTIONS_INIT;
    cove_logger *logger = NULL;
    struct cove_data data = COVE_DATA_INIT;
    cove_trainer *trainer = NULL;
    struct classifier model = { 0 };
    struct digits digits = { 0 };
    int rc;

    if ((rc = digits_load(&digits, DIGITS_CSV, 64, &err)) < 0 || (rc = classifier_init(&model, 1, 64, &adamw)) < 0)
        goto out;
    data.train = &digits.train;
    data.val = &digits.val;

    l.save_dir = url;
    if ((rc = cove_tensorboard_logger_new(&l, &logger, &err)) < 0)
        goto out;
    o.loggers = &logger;
    o.n_loggers = 1;
    o.max_epochs = 2;
    if ((rc = cove_trainer_new(&o, &trainer, &err)) < 0)
        goto out;
    rc = cove_trainer_fit(trainer, &model.module, &data, NULL, &err);
    if (rc == 0)
        printf("logs: %s\n", cove_trainer_log_dir(trainer));
out:
    if (rc < 0)
        fprintf(stderr, "remote_logger: %s\n", err.message[0] ? err.message : cove_code_phrase(rc));
    cove_trainer_free(trainer);
    cove_logger_free(logger);
    classifier_free(&model);
    digits_free(&digits);
    return rc < 0;
}
