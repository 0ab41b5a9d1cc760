/* Restores a run's state from before a batch or validation; see undo.h. Called by batch.c and loop.c. */
#include "trainer/undo.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "trainer/params.h"
#include "trainer/trainer_impl.h"

void cove__undo_done(struct cove__undo *undo)
{
    cove__free(undo->grads);
    *undo = (struct cove__undo){ 0 };
}

/* Copies between the module's gradients and the copy; with NULL it only counts. Returns the number of elements. */
static size_t copy_grads(const cove_trainer *t, float *copy, bool back)
{
    size_t at = 0, n;
    for (size_t i = 0; i < t->module.n_parameters; i++) {
        const struct cove_parameter *p = &t->module.parameters[i];
        if (!p->grad || cove__view_elements(&p->value, &n, NULL) < 0)
            continue;
        if (copy && back)
            memcpy(p->grad, copy + at, n * sizeof *copy);
        else if (copy)
            memcpy(copy + at, p->grad, n * sizeof *copy);
        at += n;
    }
    return at;
}

int cove__undo_mark(cove_trainer *t, bool gradients, struct cove_error *err)
{
    struct cove__undo *undo = &t->undo;
    undo->rng = t->rng;
    undo->val_log_step = t->val_log_step;
    undo->should_stop = t->should_stop;
    undo->gradients = gradients;
    cove__metrics_mark(&t->metrics, COVE__PHASE_TRAIN);
    if (!gradients)
        return 0;
    if (cove__grow(&undo->grads, &undo->capacity, copy_grads(t, NULL, false), sizeof *undo->grads,
                   SIZE_MAX / sizeof *undo->grads) < 0) {
        undo->gradients = false;
        return cove__fail_nomem(err, "gradients of accumulated batches");
    }
    copy_grads(t, undo->grads, false);
    return 0;
}

void cove__undo(cove_trainer *t)
{
    t->rng = t->undo.rng;
    t->val_log_step = t->undo.val_log_step;
    t->should_stop = t->undo.should_stop;
    cove__metrics_rewind(&t->metrics, COVE__PHASE_TRAIN);
    if (t->undo.gradients)
        copy_grads(t, t->undo.grads, true);
}
