/*
 * The inside of ModelCheckpoint: the callback (model_checkpoint.c: when a save is due), its saves and removals, its
 * state in checkpoints, and the search for checkpoints of earlier runs.
 */
#ifndef COVE_TRAINER_MODEL_CHECKPOINT_H
#define COVE_TRAINER_MODEL_CHECKPOINT_H

#include <stdbool.h>

#include <cove/trainer.h>

#include "trainer/kept.h"

#define COVE__DEFAULT_FILENAME "{epoch}-{step}"
#define COVE__MAX_FILENAME     ((size_t)4096)

struct cove__model_checkpoint {
    cove_callback callback;
    struct cove_model_checkpoint_options o;          /* its strings are the next four */
    char *given_dirpath, *filename, *monitor, *mode; /* owned; NULL: not given */
    char *key;                                       /* owned: Lightning's state_key */
    char *dirpath;                                   /* owned, from cove__folder_resolve; NULL before setup */
    const cove_trainer *trainer;                     /* BORROWED from setup to teardown; else NULL */
    struct cove__kept kept;
    bool saved_any;      /* in this run */
    bool last_is_behind; /* last.ckpt failed after another name was written */
    bool saving;         /* this callback is saving */
    bool is_behind;      /* another callback has saved since; our last save may lack its newest state */
};

/* ---- model_checkpoint_save.c: each changes mc->kept only on success ---- */

/* The save that is due now. Nothing is written if the score is not among the best and save_last is 0. */
int cove__model_checkpoint_save(struct cove__model_checkpoint *mc, cove_trainer *trainer, struct cove_error *err);
/* Only last.ckpt. */
int cove__model_checkpoint_save_last(struct cove__model_checkpoint *mc, cove_trainer *trainer, struct cove_error *err);
/* Saves an interrupted run as last.ckpt or, without save_last, under the template's name. This does not count as the
 * save that may be due at this step: the resumed run makes that one. */
int cove__model_checkpoint_save_cut(struct cove__model_checkpoint *mc, cove_trainer *trainer, struct cove_error *err);

/* ---- model_checkpoint_state.c ---- */
int cove__model_checkpoint_state_dict(void *self, cove_value **ret_state, struct cove_error *err);
int cove__model_checkpoint_load(void *self, const cove_value *state, struct cove_error *err);

/* ---- model_checkpoint_find.c ---- */
int cove__model_checkpoint_find(void *self, cove_trainer *trainer, const char *which, char **ret_url,
                                struct cove_error *err);

#endif
