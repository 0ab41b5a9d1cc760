/* Sets a run back to where its batch or validation began; see undo.h. Called by batch.c, loop.c and run_state.c. */
#include "trainer/undo.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "trainer/params.h"
#include "trainer/trainer_impl.h"

#define ALIGNMENT ((size_t)16)

void cove__undo_done(struct cove__undo *undo)
{
    cove__free(undo->copies);
    *undo = (struct cove__undo){ 0 };
}

/* The part of parameter `i` that is copied (NULL: none), and its size in bytes. */
static void *copied(const cove_trainer *t, size_t i, unsigned what, size_t *ret_size)
{
    const struct cove_parameter *p = &t->module.parameters[i];
    bool wanted = p->grad ? what & COVE__UNDO_GRADIENTS : what & COVE__UNDO_BUFFERS && !p->frozen;
    size_t n;
    if (!wanted || cove__view_elements(&p->value, &n, NULL) < 0)
        return NULL;
    *ret_size = n * cove_dtype_size(p->value.dtype);
    return p->grad ? (void *)p->grad : p->value.data;
}

static size_t aligned(size_t size)
{
    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Copies between the module and the copies, in either direction; NULL: only counts. Returns the number of bytes. */
static size_t copy_all(const cove_trainer *t, unsigned what, unsigned char *copies, bool back)
{
    size_t at = 0, size;
    for (size_t i = 0; i < t->module.n_parameters; i++) {
        void *data = copied(t, i, what, &size);
        if (!data || size == 0)
            continue;
        if (copies && back)
            memcpy(data, copies + at, size);
        else if (copies)
            memcpy(copies + at, data, size);
        at += aligned(size);
    }
    return at;
}

int cove__undo_mark(cove_trainer *t, unsigned what, struct cove_error *err)
{
    struct cove__undo *undo = &t->undo;
    size_t size = what ? copy_all(t, what, NULL, false) : 0;
    undo->open = true;
    undo->what = 0;
    undo->rng = t->rng;
    undo->val_log_step = t->val_log_step;
    undo->should_stop = t->should_stop;
    memcpy(undo->stop_reason, t->stop_reason, sizeof undo->stop_reason);
    cove__metrics_mark(&t->metrics, COVE__PHASE_TRAIN);
    if (size == 0)
        return 0;
    if (cove__grow(&undo->copies, &undo->capacity, size, 1, SIZE_MAX) < 0)
        return cove__fail_nomem(err, "the state before a batch");
    copy_all(t, what, undo->copies, false);
    undo->what = what;
    return 0;
}

void cove__undo_close(cove_trainer *t)
{
    t->undo.open = false;
}

void cove__undo(cove_trainer *t)
{
    t->undo.open = false;
    t->rng = t->undo.rng;
    t->val_log_step = t->undo.val_log_step;
    t->should_stop = t->undo.should_stop;
    memcpy(t->stop_reason, t->undo.stop_reason, sizeof t->stop_reason);
    cove__metrics_rewind(&t->metrics, COVE__PHASE_TRAIN);
    if (t->undo.what)
        copy_all(t, t->undo.what, t->undo.copies, true);
}

void *cove__undo_saved(const cove_trainer *t, size_t i, bool grad)
{
    const struct cove_parameter *p = &t->module.parameters[i];
    unsigned what = t->undo.open ? t->undo.what : 0;
    void *now = grad ? p->grad : p->value.data;
    size_t at = 0, size;
    if (!now || now != copied(t, i, what, &size))
        return now;
    for (size_t before = 0; before < i; before++) {
        if (copied(t, before, what, &size))
            at += aligned(size);
    }
    return t->undo.copies + at;
}
