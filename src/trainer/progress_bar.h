/* The parts of the progress bar that tests use. */
#ifndef COVE_TRAINER_PROGRESS_BAR_H
#define COVE_TRAINER_PROGRESS_BAR_H

#include <cove/trainer.h>

#include "base/buf.h"

/* The line after `done` batches of the epoch, `first` of them by an earlier run, in `elapsed_ns`. */
void cove__progress_line(struct cove__buf *b, const cove_trainer *trainer, int64_t done, int64_t first,
                         int64_t elapsed_ns, int columns);
int cove__progress_bar_on(int fd, int is_terminal, cove_callback **ret_callback, struct cove_error *err);

#endif
