/* The inside of ModelCheckpoint: the callback, its state, and where it looks for checkpoints of earlier runs. */
#ifndef COVE_TRAINER_MODEL_CHECKPOINT_H
#define COVE_TRAINER_MODEL_CHECKPOINT_H

#include <stdbool.h>

#include <cove/trainer.h>

#include "trainer/top_k.h"

struct cove__model_checkpoint {
    cove_callback callback;
    struct cove_model_checkpoint_options o;          /* its strings are the next four */
    char *given_dirpath, *filename, *monitor, *mode; /* owned; NULL: not given */
    char *key;                                       /* owned: Lightning's state_key */
    char *dirpath;                                   /* owned: where this run saves; NULL before setup */
    struct cove__top_k top;
    char *best_path, *last_path, *kth_path; /* owned; NULL: none yet */
    float best_score, kth_value, current_score;
    bool has_best_score, has_current_score;
    int64_t last_saved_step; /* -1: none */
    bool saved_any;
    bool defer; /* a save by steps waits for the validation that brings its metric */
};

/* ---- model_checkpoint_state.c ---- */
int cove__model_checkpoint_state_dict(void *self, cove_value **ret_state, struct cove_error *err);
int cove__model_checkpoint_load(void *self, const cove_value *state, struct cove_error *err);

/* ---- model_checkpoint_find.c ---- */
int cove__model_checkpoint_find(void *self, cove_trainer *trainer, const char *which, char **ret_url,
                                struct cove_error *err);

#endif
