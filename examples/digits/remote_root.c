/*
 * The root of a run at a URL, for logs and weights. In Lightning:
 *
 *     trainer = Trainer(default_root_dir="s3://lightning/data/")
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
    const char *url = argc > 1 ? argv[1] : "s3://lightning/data/";
    struct cove_error err = COVE_ERROR_INIT;
    struct cove_optimizer_options adamw = COVE_OPTIMIZER_ADAMW_INIT(3e-3);
    struct cove_trainer_options o = COVE_TRAINER_OPTIONS_INIT;
    struct cove_data data = COVE_DATA_INIT;
    cove_trainer *trainer = NULL;
    struct classifier model = { 0 };
    struct digits digits = { 0 };
    int rc;

    if ((rc = digits_load(&digits, DIGITS_CSV, 64, &err)) < 0 || (rc = classifier_init(&model, 1, 64, &adamw)) < 0)
        goto out;
    data.train = &digits.train;
    data.val = &digits.val;

    o.default_root_dir = url;
    o.max_epochs = 2;
    if ((rc = cove_trainer_new(&o, &trainer, &err)) < 0)
        goto out;
    rc = cove_trainer_fit(trainer, &model.module, &data, NULL, &err);
    if (rc == 0)
        printf("logs and weights: %s\n", cove_trainer_log_dir(trainer));
out:
    if (rc < 0)
        fprintf(stderr, "remote_root: %s\n", err.message[0] ? err.message : cove_code_phrase(rc));
    cove_trainer_free(trainer);
    classifier_free(&model);
    digits_free(&digits);
    return rc < 0;
}
