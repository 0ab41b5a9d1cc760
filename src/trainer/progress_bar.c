/*
 * The progress bar, written against the public hooks: one line on standard error, redrawn in place. The one part of
 * libcove that prints, and only where standard error is a terminal and the trainer's enable_progress_bar is on.
 */
#include "trainer/progress_bar.h"

#include <inttypes.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"

#define REDRAW_NS (COVE__SEC / 10)
#define CELLS     24
#define MAX_LINE  ((size_t)4096)

struct progress_bar {
    cove_callback callback;
    int fd;
    int64_t drawn_ns; /* 0: this line is not there yet */
    int64_t epoch_start_ns;
    int64_t first_batch; /* of the epoch in this run */
    int64_t done;        /* batches of the epoch */
};

void cove__progress_line(struct cove__buf *b, const cove_trainer *trainer, int64_t done, int64_t first,
                         int64_t elapsed_ns)
{
    int64_t n = cove_trainer_num_training_batches(trainer);
    int filled = n > 0 ? (int)(CELLS * done / n) : CELLS;
    const char *name;
    double value;
    int prog_bar;
    cove__buf_addf(b, "Epoch %" PRId64 " [", cove_trainer_current_epoch(trainer));
    for (int i = 0; i < CELLS; i++)
        cove__buf_add_char(b, i < filled ? '=' : i == filled ? '>' : ' ');
    cove__buf_addf(b, "] %" PRId64 "/%" PRId64, done, n);
    if (elapsed_ns > 0 && done > first)
        cove__buf_addf(b, "  %.1f it/s", (double)(done - first) / ((double)elapsed_ns / (double)COVE__SEC));
    for (size_t i = 0; cove_trainer_metric_at(trainer, i, &name, &value, &prog_bar) == 0; i++) {
        if (prog_bar)
            cove__buf_addf(b, "  %s=%.3g", name, value);
    }
}

static void draw(struct progress_bar *bar, cove_trainer *trainer, const char *end)
{
    struct cove__buf b = COVE__BUF_INIT(MAX_LINE);
    int64_t now = cove__now_ns();
    cove__buf_add_str(&b, "\r\033[K");
    cove__progress_line(&b, trainer, bar->done, bar->first_batch, now - bar->epoch_start_ns);
    cove__buf_add_str(&b, end);
    /* A bar that can't be written is no reason to end a run. */
    if (cove__buf_rc(&b) == 0 && write(bar->fd, b.data, b.size) > 0)
        bar->drawn_ns = now;
    cove__buf_done(&b);
}

static int on_train_epoch_start(void *self, cove_trainer *trainer, struct cove_error *err)
{
    struct progress_bar *bar = self;
    bar->epoch_start_ns = cove__now_ns();
    bar->first_batch = 0;
    return 0;
}

static int on_train_start(void *self, cove_trainer *trainer, struct cove_error *err)
{
    struct progress_bar *bar = self;
    bar->epoch_start_ns = 0;
    bar->drawn_ns = 0;
    return 0;
}

static int on_train_batch_end(void *self, cove_trainer *trainer, const struct cove_batch *batch, struct cove_error *err)
{
    struct progress_bar *bar = self;
    if (bar->epoch_start_ns == 0) {
        bar->epoch_start_ns = cove__now_ns();
        bar->first_batch = batch->idx + 1; /* what a resume skipped took no time */
    }
    bar->done = batch->idx + 1;
    if (cove__now_ns() - bar->drawn_ns >= REDRAW_NS)
        draw(bar, trainer, "");
    return 0;
}

/* An epoch leaves its last line behind, with the metrics of its end. */
static int on_train_epoch_end(void *self, cove_trainer *trainer, struct cove_error *err)
{
    struct progress_bar *bar = self;
    draw(bar, trainer, "\n");
    bar->drawn_ns = 0;
    return 0;
}

/* What comes after a run that ended in mid-epoch begins on a line of its own. */
static int teardown(void *self, cove_trainer *trainer, struct cove_error *err)
{
    struct progress_bar *bar = self;
    if (bar->drawn_ns != 0 && write(bar->fd, "\n", 1) > 0)
        bar->drawn_ns = 0;
    return 0;
}

static void free_self(void *self)
{
    cove__free(self);
}

int cove__progress_bar_on(int fd, int is_terminal, cove_callback **ret_callback, struct cove_error *err)
{
    struct progress_bar *bar = cove__calloc(1, sizeof *bar);
    if (!bar)
        return cove__fail_nomem(err, "the progress bar");
    bar->fd = fd;
    bar->callback = (cove_callback)COVE_CALLBACK_INIT;
    bar->callback.self = bar;
    bar->callback.free = free_self;
    bar->callback.run_last = bar->callback.monitors = 1;
    if (is_terminal) {
        bar->callback.hooks.on_train_start = on_train_start;
        bar->callback.hooks.on_train_epoch_start = on_train_epoch_start;
        bar->callback.hooks.on_train_batch_end = on_train_batch_end;
        bar->callback.hooks.on_train_epoch_end = on_train_epoch_end;
        bar->callback.hooks.teardown = teardown;
    }
    *ret_callback = &bar->callback;
    return 0;
}

int cove_progress_bar_new(cove_callback **ret_callback, struct cove_error *err)
{
    return cove__progress_bar_on(STDERR_FILENO, isatty(STDERR_FILENO), ret_callback, err);
}
