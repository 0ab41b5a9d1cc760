/*
 * Resuming from a checkpoint at a URL. In Lightning:
 *
 *     trainer = Trainer(default_root_dir=tmpdir, max_steps=3)
 *     trainer.fit(model, ckpt_path="s3://lightning/ckpts/classifier.ckpt")
 *
 * main.c is the whole program, with every option.
 */
#include <stdio.h>

#include <cove/cove.h>
#include <cove/trainer.h>

#include "data.h"
#include "model.h"

/* A callback is a struct with the hooks that it wants. */
static int say_where(void *self, cove_trainer *trainer, struct cove_error *err)
{
    printf("resumed at epoch %lld, step %lld\n", (long long)cove_trainer_current_epoch(trainer),
           (long long)cove_trainer_global_step(trainer));
    return 0;
}

int main(int argc, char **argv)
{
    const char *url = argc > 1 ? argv[1] : "s3://lightning/ckpts/classifier.ckpt";
    struct cove_error err = COVE_ERROR_INIT;
    struct cove_optimizer_options adamw = COVE_OPTIMIZER_ADAMW_INIT(3e-3);
    struct cove_trainer_options o = COVE_TRAINER_OPTIONS_INIT;
    struct cove_callback show = COVE_CALLBACK_INIT;
    struct cove_data data = COVE_DATA_INIT;
    cove_trainer *trainer = NULL;
    struct classifier model = { 0 };
    struct digits digits = { 0 };
    int rc;

    if ((rc = digits_load(&digits, DIGITS_CSV, 64, &err)) < 0 || (rc = classifier_init(&model, 1, 64, &adamw)) < 0)
        goto out;
    data.train = &digits.train;
    data.val = &digits.val;

    show.hooks.on_train_start = say_where;
    o.default_root_dir = "runs";
    o.callbacks = (cove_callback *[]){ &show };
    o.n_callbacks = 1;
    o.max_epochs = 12;
    if ((rc = cove_trainer_new(&o, &trainer, &err)) < 0)
        goto out;
    rc = cove_trainer_fit(trainer, &model.module, &data, url, &err);
    if (rc == 0)
        printf("ended: %s\n", cove_trainer_stop_reason(trainer));
out:
    if (rc < 0)
        fprintf(stderr, "remote_resume: %s\n", err.message[0] ? err.message : cove_code_phrase(rc));
    cove_trainer_free(trainer);
    classifier_free(&model);
    digits_free(&digits);
    return rc < 0;
}
