/* ModelCheckpoint's state of the files that it keeps: everything that a save changes. It is copied before a save and
 * restored if the save fails, so the state never names a file that was not written. */
#ifndef COVE_TRAINER_KEPT_H
#define COVE_TRAINER_KEPT_H

#include "trainer/top_k.h"

struct cove__kept {
    struct cove__top_k top;
    char *best_path, *last_path, *kth_path; /* owned; NULL: none yet */
    char *exception_path; /* owned; NULL: none. The save of the interrupted run, which is not among the kept ones */
    float best_score, kth_value, current_score;
    bool has_best_score, has_current_score;
    bool best_is_foreign;    /* best_path is in another folder, of the run that this one was resumed from */
    int64_t last_saved_step; /* of the last due save; -1: none */
    bool deferred;           /* a save by steps waits for the validation that logs its metric */
};

int cove__kept_copy(const struct cove__kept *from, struct cove__kept *ret_to); /* COVE_ENOMEM */
void cove__kept_done(struct cove__kept *kept);                                 /* may be all zero */
/* Whether `path` is one of these files. */
bool cove__kept_names(const struct cove__kept *kept, const char *path);

#endif
