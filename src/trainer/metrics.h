/*
 * What a run logs: values of this step, means of this epoch, and the newest of each (Lightning's callback_metrics).
 * Lightning's rules on names: logged on step and on epoch, "loss" is also "loss_step" and "loss_epoch".
 */
#ifndef COVE_TRAINER_METRICS_H
#define COVE_TRAINER_METRICS_H

#include <stdbool.h>

#include <cove/trainer.h>

/* Training and validation accumulate separately. */
enum cove__phase { COVE__PHASE_TRAIN = 0, COVE__PHASE_VAL = 1 };

/* A metric's values of this epoch. */
struct cove__epoch_values {
    bool there; /* logged in this epoch; on step, each row has the newest value until the epoch ends */
    float last;
    double sum, weight; /* for the mean */
};

struct cove__logged {
    char *name;         /* owned */
    char *step, *epoch; /* owned: the forked names; NULL where only one of them is logged */
    unsigned flags;     /* enum cove_log_flags, resolved */
    bool is_restored;   /* the flags are from a checkpoint; this run's flags replace them */
    struct cove__epoch_values now, marked;
};

/* The metrics of one phase, in the order in which they were first logged. */
struct cove__table {
    struct cove__logged *items; /* owned */
    size_t n, cap;
    cove_value *index; /* name to index; NULL: empty */
};

struct cove__newest {
    char *name; /* owned */
    float value;
    bool prog_bar;
};

struct cove__metrics {
    struct cove__table tables[2]; /* by phase */
    struct cove__newest *newest;  /* owned */
    size_t n_newest, cap_newest;
    cove_value *newest_index; /* name to index; NULL: empty */
    struct cove_metric *rows; /* owned: scratch for cove__metrics_rows, names BORROWED from above */
    size_t n_rows, cap_rows;
};

void cove__metrics_done(struct cove__metrics *m);
/* Drops the sums and flags of one phase; the newest values stay. */
void cove__metrics_forget(struct cove__metrics *m, enum cove__phase phase);
/* `flags` name COVE_LOG_ON_STEP, COVE_LOG_ON_EPOCH or both. COVE_EINVAL, COVE_ENOMEM. */
int cove__metrics_log(struct cove__metrics *m, enum cove__phase phase, const char *name, double value, double weight,
                      unsigned flags, struct cove_error *err);

/* Moves this step's (or this epoch's) values to the newest. */
int cove__metrics_publish(struct cove__metrics *m, enum cove__phase phase, bool on_step, struct cove_error *err);
/* The same values as rows for the loggers (those not logged with COVE_LOG_NO_LOGGER), into m->rows; room for one more
 * is kept. */
int cove__metrics_rows(struct cove__metrics *m, enum cove__phase phase, bool on_step, struct cove_error *err);
void cove__metrics_end_epoch(struct cove__metrics *m, enum cove__phase phase);
/* Saves this epoch's values, and restores them: the resumed run repeats a failed batch, which must not count twice. */
void cove__metrics_mark(struct cove__metrics *m, enum cove__phase phase);
void cove__metrics_rewind(struct cove__metrics *m, enum cove__phase phase);

const struct cove__newest *cove__metrics_find(const struct cove__metrics *m, const char *name);

/* What a resume needs for the same means and monitors: { "epoch": { name: [sum, weight, flags, last] },
 * "newest": { name: value } }. */
/* `marked`: with the sums of the last mark. */
int cove__metrics_save(const struct cove__metrics *m, bool marked, cove_value *dict, struct cove_error *err);
/* `mid_epoch` false: without the sums, because the epoch is complete. COVE_EMISMATCH: invalid names
 * or sums. */
int cove__metrics_load(struct cove__metrics *m, const cove_value *dict, bool mid_epoch, struct cove_error *err);

#endif
