/* Checks of a program's names: of parameters, hyperparameters, metrics, callbacks, loggers. They are written to
 * checkpoints, event files and file names, so a name that could not be saved is refused before anything is opened. */
#ifndef COVE_TRAINER_NAMES_H
#define COVE_TRAINER_NAMES_H

#include <cove/trainer.h>

/* COVE_EINVAL if `name` is NULL, empty, not UTF-8 or has control characters. `what` begins the message: "hparams[3]:
 * the name". The name is shown escaped. */
int cove__check_name(const char *what, const char *name, struct cove_error *err);
/* The same for text: NULL, "" and control characters are allowed. */
int cove__check_text(const char *what, const char *text, struct cove_error *err);
int cove__check_hparams(const struct cove_hparam *hparams, size_t n, struct cove_error *err);

#endif
