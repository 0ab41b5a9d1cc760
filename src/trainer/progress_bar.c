/*
 * The progress bar, written against the public hooks: one line on standard error, redrawn in place. The one part of
 * libcove that prints, and only where standard error is a terminal and the trainer's enable_progress_bar is on.
 */
#include "trainer/progress_bar.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/text.h"
#include "trainer/columns.h"
#include "wire/number.h"

#define REDRAW_NS     (COVE__SEC / 10)
#define CELLS         24
#define FEW_CELLS     8
#define SHORT_NAME    16   /* columns of a metric's name on a narrow terminal */
#define MAX_NAME      1100 /* bytes: a metric's name, with "_epoch" */
#define MAX_COLUMNS   1000
#define USUAL_COLUMNS 80
#define MAX_LINE      ((size_t)16384)

struct progress_bar {
    cove_callback callback;
    int fd;
    int64_t drawn_ns; /* 0: this line is not there yet */
    int64_t epoch_start_ns;
    int64_t first_batch; /* of the epoch in this run */
    int64_t done;        /* batches of the epoch */
};

static void add_cells(struct cove__buf *b, int64_t done, int64_t n, int cells)
{
    int filled = n > 0 ? (int)(cells * (double)done / (double)n) : cells;
    cove__buf_add_str(b, " [");
    for (int i = 0; i < cells; i++)
        cove__buf_add_char(b, i < filled ? '=' : i == filled ? '>' : ' ');
    cove__buf_add_char(b, ']');
}

/* Adds "  val_loss=0.25" with at most `most` columns of the name. Returns the columns added. */
static int add_metric(struct cove__buf *b, const char *name, double value, int most)
{
    char text[MAX_NAME], number[32];
    int columns;
    snprintf(text, sizeof text, "%s", name);
    cove__text_line(text, sizeof text); /* names come from checkpoints too */
    columns = cove__columns_cut(text, sizeof text, most);
    snprintf(number, sizeof number, "%.3g", cove__plain_nan(value));
    cove__buf_addf(b, "  %s=%s", text, number);
    return 3 + columns + (int)strlen(number);
}

/* Adds the first metrics that fit `room` columns. Returns the columns of all metrics. */
static int add_metrics(struct cove__buf *b, const cove_trainer *trainer, int room, int most)
{
    const char *name;
    double value;
    int prog_bar, columns = 0;
    bool full = false;
    for (size_t i = 0; cove_trainer_metric_at(trainer, i, &name, &value, &prog_bar) == 0; i++) {
        struct cove__buf one = COVE__BUF_INIT(MAX_LINE);
        if (!prog_bar)
            continue;
        columns += add_metric(&one, name, value, most);
        full |= columns > room;
        if (!full)
            cove__buf_add_str(b, cove__buf_str(&one));
        cove__buf_done(&one);
        if (columns > MAX_COLUMNS)
            break;
    }
    return columns;
}

void cove__progress_line(struct cove__buf *b, const cove_trainer *trainer, int64_t done, int64_t first,
                         int64_t elapsed_ns, int columns)
{
    int64_t n = cove_trainer_num_training_batches(trainer);
    struct cove__buf none = COVE__BUF_INIT(MAX_LINE);
    char epoch[48], count[64], rate[48] = "";
    int cells = CELLS, most = MAX_COLUMNS, spare, metrics = add_metrics(&none, trainer, 0, most);
    snprintf(epoch, sizeof epoch, "Epoch %" PRId64, cove_trainer_current_epoch(trainer));
    snprintf(count, sizeof count, " %" PRId64 "/%" PRId64, done, n);
    if (elapsed_ns > 0 && done > first)
        snprintf(rate, sizeof rate, "  %.1f it/s", (double)(done - first) / ((double)elapsed_ns / (double)COVE__SEC));
    for (;;) {
        int needed = (int)(strlen(epoch) + strlen(count) + strlen(rate)) + metrics + (cells > 0 ? cells + 3 : 0);
        spare = columns - needed;
        /* Drops the least important first: some cells, long names, the rate, all cells. */
        if (spare >= 0)
            break;
        if (cells > FEW_CELLS) {
            cells = cells + spare > FEW_CELLS ? cells + spare : FEW_CELLS;
        } else if (most > SHORT_NAME) {
            most = SHORT_NAME;
            metrics = add_metrics(&none, trainer, 0, most);
        } else if (*rate) {
            *rate = '\0';
        } else if (cells > 0) {
            cells = 0;
        } else {
            break;
        }
    }
    if (cells > 0 && spare > 0)
        cells = cells + spare < CELLS ? cells + spare : CELLS;
    cove__buf_done(&none);
    /* Then the last metrics and, on the narrowest terminal, the epoch. */
    spare = columns - (int)(strlen(epoch) + strlen(count));
    cove__buf_addf(b, "%.*s", columns, spare >= 0 ? epoch : "");
    if (cells > 0)
        add_cells(b, done, n, cells);
    cove__buf_addf(b, "%.*s%s", columns, spare >= 0 ? count : count + 1, rate);
    add_metrics(b, trainer, spare - (int)strlen(rate) - (cells > 0 ? cells + 3 : 0), most);
}

/* One column less than the terminal: with the cursor in the last column some terminals start a new line. */
static int columns_of(int fd)
{
    struct winsize size;
    const char *set;
    long columns = 0;
    if (ioctl(fd, TIOCGWINSZ, &size) == 0)
        columns = size.ws_col;
    if (columns == 0 && (set = getenv("COLUMNS")))
        columns = strtol(set, NULL, 10);
    if (columns < 2)
        columns = USUAL_COLUMNS;
    return (int)(columns < MAX_COLUMNS ? columns : MAX_COLUMNS) - 1;
}

static void draw(struct progress_bar *bar, cove_trainer *trainer, const char *end)
{
    struct cove__buf b = COVE__BUF_INIT(MAX_LINE);
    int64_t now = cove__now_ns();
    cove__buf_add_str(&b, "\r\033[K");
    cove__progress_line(&b, trainer, bar->done, bar->first_batch, now - bar->epoch_start_ns, columns_of(bar->fd));
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

/* What comes after a run that ended in mid-epoch begins on its own line. */
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
    bar->callback.after_callbacks = bar->callback.after_module = 1;
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
