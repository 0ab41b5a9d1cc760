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
    char *resumed_file;                              /* owned: what ckpt_path led to when the fit began; NULL: none */
    struct cove__kept kept;
    bool warned;         /* of metrics in the template that were never logged */
    bool saved_any;      /* in this run */
    bool has_progressed; /* this run has finished a batch, validation or epoch */
};

/* ---- model_checkpoint_save.c: each changes mc->kept only on success ---- */

/* The save that is due now. Nothing is written if the score is not among the best and save_last is 0. */
int cove__model_checkpoint_save(struct cove__model_checkpoint *mc, cove_trainer *trainer, struct cove_error *err);
/* Only last.ckpt. */
int cove__model_checkpoint_save_last(struct cove__model_checkpoint *mc, cove_trainer *trainer, struct cove_error *err);
/* Saves an interrupted run as last.ckpt or, without save_last, under the template's name. This does not count as the
 * save that may be due at this step: the resumed run makes that one. */
int cove__model_checkpoint_save_cut(struct cove__model_checkpoint *mc, cove_trainer *trainer, struct cove_error *err);

/* ---- model_checkpoint_file.c: a link at one of ModelCheckpoint's names is replaced, never what it points to ---- */

const char *cove__model_checkpoint_template(const struct cove__model_checkpoint *mc);
/* Before the first save: notes which file the run was resumed from. */
int cove__model_checkpoint_note_resumed(struct cove__model_checkpoint *mc, const cove_trainer *trainer,
                                        struct cove_error *err);
int cove__model_checkpoint_write(const struct cove__model_checkpoint *mc, cove_trainer *trainer, const char *url,
                                 struct cove_error *err);
/* The same bytes under a second name: on the server where it can, by a second save where not. */
int cove__model_checkpoint_copy(const struct cove__model_checkpoint *mc, cove_trainer *trainer, const char *from,
                                const char *to, struct cove_error *err);
/* Removes a checkpoint that the state no longer lists. The state may come from any checkpoint, so only a regular file
 * is removed, in this folder, with a name that this ModelCheckpoint gives; and never the one that the run was resumed
 * from. A failure costs room, not data: it is logged. */
void cove__model_checkpoint_prune(const struct cove__model_checkpoint *mc, cove_trainer *trainer, const char *url);

/* ---- model_checkpoint_state.c ---- */
int cove__model_checkpoint_state_dict(void *self, cove_value **ret_state, struct cove_error *err);
/* A path of a state, BORROWED from it; missing: *ret is left as it is, None: NULL. COVE_EMISMATCH: it has a NUL byte,
 * at which another path would end. */
int cove__model_checkpoint_path_in(const cove_value *state, const char *key, const char **ret, struct cove_error *err);
int cove__model_checkpoint_load(void *self, const cove_value *state, struct cove_error *err);

/* ---- model_checkpoint_find.c ---- */
int cove__model_checkpoint_find(void *self, cove_trainer *trainer, const char *which, char **ret_url,
                                struct cove_error *err);

#endif
