/* Lightning's loop counters to and from a checkpoint; see progress.h. The loop moves them. */
#include "trainer/progress.h"

#include <string.h>

#include "base/error.h"
#include "trainer/tree.h"

/* Which of the four counters Lightning keeps for a thing. */
enum { READY = 1, STARTED = 2, PROCESSED = 4, COMPLETED = 8, ALL = 15 };

void cove__counts_add(struct cove__tracker *tracker, int64_t ready, int64_t started, int64_t processed,
                      int64_t completed)
{
    struct cove__counts *both[] = { &tracker->total, &tracker->current };
    for (int i = 0; i < 2; i++) {
        both[i]->ready += ready;
        both[i]->started += started;
        both[i]->processed += processed;
        both[i]->completed += completed;
    }
}

static void save_counts(int *rc, cove_value *dict, const char *key, const struct cove__counts *c, int which,
                        struct cove_error *err)
{
    cove_value *counts = cove__tree_dict(rc, dict, key, err);
    cove__tree_int(rc, counts, "ready", c->ready, err);
    cove__tree_int(rc, counts, "completed", c->completed, err);
    if (which & STARTED)
        cove__tree_int(rc, counts, "started", c->started, err);
    if (which & PROCESSED)
        cove__tree_int(rc, counts, "processed", c->processed, err);
}

static cove_value *save_tracker(int *rc, cove_value *dict, const char *key, const struct cove__tracker *t, int which,
                                struct cove_error *err)
{
    cove_value *tracker = cove__tree_dict(rc, dict, key, err);
    save_counts(rc, tracker, "total", &t->total, which, err);
    save_counts(rc, tracker, "current", &t->current, which, err);
    return tracker;
}

/* A loop that fit does not run: all zero. */
static void save_idle_loop(int *rc, cove_value *loops, const char *key, bool has_last, struct cove_error *err)
{
    const struct cove__tracker zero = { 0 };
    cove_value *loop = cove__tree_dict(rc, loops, key, err);
    cove__tree_dict(rc, loop, "state_dict", err);
    cove_value *batch = save_tracker(rc, loop, "batch_progress", &zero, ALL, err);
    if (has_last)
        cove__tree_bool(rc, batch, "is_last_batch", 0, err);
}

int cove__progress_save(const struct cove__progress *p, cove_value *loops, struct cove_error *err)
{
    const struct cove__tracker zero = { 0 };
    int rc = 0;
    cove_value *fit = cove__tree_dict(&rc, loops, "fit_loop", err), *d;
    cove__tree_dict(&rc, fit, "state_dict", err);
    d = cove__tree_dict(&rc, fit, "epoch_loop.state_dict", err);
    cove__tree_int(&rc, d, "_batches_that_stepped", p->batches_that_stepped, err);
    d = save_tracker(&rc, fit, "epoch_loop.batch_progress", &p->batch, ALL, err);
    cove__tree_bool(&rc, d, "is_last_batch", p->is_last_batch, err);
    save_tracker(&rc, fit, "epoch_loop.scheduler_progress", &p->scheduler, READY | COMPLETED, err);
    cove__tree_dict(&rc, fit, "epoch_loop.automatic_optimization.state_dict", err);
    d = cove__tree_dict(&rc, fit, "epoch_loop.automatic_optimization.optim_progress", err);
    d = cove__tree_dict(&rc, d, "optimizer", err);
    save_tracker(&rc, d, "step", &p->step, READY | COMPLETED, err);
    save_tracker(&rc, d, "zero_grad", &p->zero_grad, READY | STARTED | COMPLETED, err);
    cove__tree_dict(&rc, fit, "epoch_loop.manual_optimization.state_dict", err);
    save_tracker(&rc, fit, "epoch_loop.manual_optimization.optim_step_progress", &zero, READY | COMPLETED, err);
    cove__tree_dict(&rc, fit, "epoch_loop.val_loop.state_dict", err);
    d = save_tracker(&rc, fit, "epoch_loop.val_loop.batch_progress", &p->val_batch, ALL, err);
    cove__tree_bool(&rc, d, "is_last_batch", p->val_is_last_batch, err);
    save_tracker(&rc, fit, "epoch_progress", &p->epoch, ALL, err);
    save_idle_loop(&rc, loops, "validate_loop", true, err);
    save_idle_loop(&rc, loops, "test_loop", true, err);
    save_idle_loop(&rc, loops, "predict_loop", false, err);
    return rc;
}

static void load_counts(int *rc, const cove_value *counts, struct cove__counts *c, struct cove_error *err)
{
    cove__tree_get_int(rc, counts, "ready", &c->ready, err);
    cove__tree_get_int(rc, counts, "started", &c->started, err);
    cove__tree_get_int(rc, counts, "processed", &c->processed, err);
    cove__tree_get_int(rc, counts, "completed", &c->completed, err);
}

static const cove_value *load_tracker(int *rc, const cove_value *dict, const char *key, struct cove__tracker *t,
                                      struct cove_error *err)
{
    const cove_value *tracker = cove__tree_at(dict, key);
    load_counts(rc, cove__tree_at(tracker, "total"), &t->total, err);
    load_counts(rc, cove__tree_at(tracker, "current"), &t->current, err);
    return tracker;
}

/* Counters follow each other, at most one apart, and never run backward: what a loop can have left behind. */
static bool is_sane(const struct cove__counts *c)
{
    return c->ready <= COVE__MOST_COUNTED && c->completed >= 0 && c->completed <= c->processed &&
           c->processed <= c->started && c->started <= c->ready && c->ready <= c->completed + 1;
}

static bool is_count(int64_t n)
{
    return n >= 0 && n <= COVE__MOST_COUNTED;
}

/* A total of what may be skipped or repeated: each number is a count, in any order. */
static bool are_counts(const struct cove__tracker *t)
{
    const struct cove__counts *both[] = { &t->total, &t->current };
    for (size_t i = 0; i < 2; i++) {
        if (!is_count(both[i]->ready) || !is_count(both[i]->started) || !is_count(both[i]->processed) ||
            !is_count(both[i]->completed))
            return false;
    }
    return true;
}

static bool makes_sense(const struct cove__progress *p)
{
    return is_sane(&p->epoch.current) && is_sane(&p->batch.current) && are_counts(&p->epoch) && are_counts(&p->batch) &&
           are_counts(&p->val_batch) && are_counts(&p->step) && are_counts(&p->zero_grad) &&
           are_counts(&p->scheduler) && is_count(p->batches_that_stepped);
}

int cove__progress_load(struct cove__progress *p, const cove_value *loops, struct cove_error *err)
{
    const cove_value *fit = cove__tree_at(loops, "fit_loop"), *d;
    struct cove__progress loaded = { 0 };
    int is_last = 0, val_is_last = 0, rc = 0;
    if (!fit)
        return cove__fail(err, COVE_EMISMATCH,
                          "the checkpoint has no loops.fit_loop: it is not one of Lightning's or cove's");
    d = load_tracker(&rc, fit, "epoch_loop.batch_progress", &loaded.batch, err);
    cove__tree_get_bool(&rc, d, "is_last_batch", &is_last, err);
    load_tracker(&rc, fit, "epoch_loop.scheduler_progress", &loaded.scheduler, err);
    d = cove__tree_at(cove__tree_at(fit, "epoch_loop.automatic_optimization.optim_progress"), "optimizer");
    load_tracker(&rc, d, "step", &loaded.step, err);
    load_tracker(&rc, d, "zero_grad", &loaded.zero_grad, err);
    d = load_tracker(&rc, fit, "epoch_loop.val_loop.batch_progress", &loaded.val_batch, err);
    cove__tree_get_bool(&rc, d, "is_last_batch", &val_is_last, err);
    load_tracker(&rc, fit, "epoch_progress", &loaded.epoch, err);
    cove__tree_get_int(&rc, cove__tree_at(fit, "epoch_loop.state_dict"), "_batches_that_stepped",
                       &loaded.batches_that_stepped, err);
    if (rc == 0 && !makes_sense(&loaded))
        rc = cove__fail(err, COVE_EMISMATCH, "the checkpoint's loop counters are invalid");
    if (rc < 0)
        return rc;
    loaded.is_last_batch = is_last;
    loaded.val_is_last_batch = val_is_last;
    *p = loaded;
    return 0;
}

/* All four to `n`: what was begun and not finished is forgotten, what was finished is completed. */
static void set_counts(struct cove__counts *c, int64_t n)
{
    *c = (struct cove__counts){ n, n, n, n };
}

void cove__progress_next_fit(struct cove__progress *p)
{
    set_counts(&p->epoch.current, p->epoch.current.completed);
    set_counts(&p->epoch.total, p->epoch.current.completed);
    set_counts(&p->batch.current, 0);
    p->is_last_batch = false;
}

/* ---- where the run continues ---- */

static const char *const position_names[] = {
    [COVE__AT_EPOCH_START] = "epoch_start",       [COVE__AT_BATCH_START] = "batch_start",
    [COVE__AT_BATCH_END] = "batch_end",           [COVE__AT_VALIDATION] = "validation",
    [COVE__AFTER_VALIDATION] = "validation_done", [COVE__AT_EPOCH_END] = "epoch_end",
};

const char *cove__position_name(enum cove__position position)
{
    return position_names[position];
}

int cove__position_read(const char *name, enum cove__position *ret_position, struct cove_error *err)
{
    for (size_t i = 0; i < sizeof position_names / sizeof *position_names; i++) {
        if (strcmp(position_names[i], name) == 0) {
            *ret_position = (enum cove__position)i;
            return 0;
        }
    }
    return cove__fail(err, COVE_EMISMATCH, "cove.position in the checkpoint is \"%s\"", name);
}

/* Epoch number `epochs` has begun and is not over. */
static void in_epoch(struct cove__progress *p, int64_t epochs)
{
    struct cove__counts *both[] = { &p->epoch.total, &p->epoch.current };
    for (int i = 0; i < 2; i++)
        *both[i] = (struct cove__counts){ epochs + 1, epochs + 1, epochs, epochs };
}

static void at_epoch_start(struct cove__progress *p, int64_t epochs)
{
    int64_t skipped = p->batch.current.ready - p->batch.current.processed;
    set_counts(&p->epoch.current, epochs);
    set_counts(&p->epoch.total, epochs);
    set_counts(&p->batch.total, p->batch.total.ready - skipped);
    set_counts(&p->batch.current, 0);
    p->is_last_batch = false;
}

/* All computed batches of the epoch are completed, except `open` of them. */
static void at_batch(struct cove__progress *p, int64_t open)
{
    int64_t skipped = p->batch.current.ready - p->batch.current.processed;
    set_counts(&p->batch.total, p->batch.total.ready - skipped);
    set_counts(&p->batch.current, p->batch.current.processed);
    cove__counts_add(&p->batch, 0, 0, 0, -open);
}

int cove__progress_resume(struct cove__progress *p, enum cove__position *position, int64_t n_batches,
                          struct cove_error *err)
{
    const struct cove__counts *epoch = &p->epoch.current, *batch = &p->batch.current;
    /* max_steps or a callback ended the epoch early: it is closed, and continues where it ended. */
    bool closed = epoch->started > 0 && epoch->processed == epoch->started;
    bool computed = *position == COVE__AT_BATCH_END || *position == COVE__AT_VALIDATION;
    if (*position == COVE__AT_BATCH_START && closed && batch->processed >= n_batches)
        *position = COVE__AT_EPOCH_START;
    if (*position == COVE__AT_BATCH_END && batch->ready > n_batches)
        *position = COVE__AT_VALIDATION; /* no such batch any more */
    if (*position == COVE__AT_EPOCH_START) {
        at_epoch_start(p, epoch->processed);
        return 0;
    }
    if (epoch->started == 0 || (epoch->completed == epoch->started && *position != COVE__AT_BATCH_START) ||
        ((computed || *position == COVE__AFTER_VALIDATION) &&
         (batch->processed == 0 || batch->processed != batch->ready)))
        return cove__fail(err, COVE_EMISMATCH, "the checkpoint's loop counters contradict its position, %s",
                          cove__position_name(*position));
    in_epoch(p, epoch->started - 1);
    at_batch(p, computed);
    return 0;
}

enum cove__position cove__progress_infer(struct cove__progress *p, int64_t n_batches)
{
    const struct cove__counts *epoch = &p->epoch.current, *batch = &p->batch.current;
    bool epoch_ended = epoch->processed == epoch->started;
    bool batch_done = batch->processed == batch->ready;
    bool completed = batch->completed == batch->processed;
    int64_t epochs = epoch->processed;
    /* Stopped in mid-epoch by max_steps or a callback, the epoch was closed nevertheless: it continues where it ended.
     */
    bool cut = epoch_ended && epochs > 0 && !p->is_last_batch && batch->processed > 0 && batch->processed < n_batches;
    if (cut)
        epochs--;
    if (!epoch_ended && batch_done && batch->processed >= n_batches) {
        p->batches_that_stepped++;
        epoch_ended = true;
        epochs++;
    }
    if (epoch_ended && !cut) {
        at_epoch_start(p, epochs);
        return COVE__AT_EPOCH_START;
    }
    in_epoch(p, epochs);
    if (!batch_done || batch->processed == 0 || (cut && completed)) {
        at_batch(p, 0);
        return COVE__AT_BATCH_START;
    }
    at_batch(p, !completed);
    return completed ? COVE__AFTER_VALIDATION : COVE__AT_VALIDATION;
}
