/* Calls functions of the callbacks, the module, the data and the loggers. A hook is found by its offset in struct
 * cove_hooks; it is called for all callbacks, then for the module. */
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "trainer/trainer_impl.h"

/* ---- one call ---- */

void cove__call_begin(cove_trainer *t, struct cove__call *call, const char *function)
{
    cove__user_begin(&call->said);
    call->function = function;
    call->outer = t->function;
    t->function = function;
    /* A failed cove_trainer_log of the outer function stays that function's failure. */
    call->log_error = t->log_error;
    cove__error_clear(&t->log_error);
}

int cove__call_end(cove_trainer *t, struct cove__call *call, int rc, const struct cove__owner *owner,
                   struct cove_error *err)
{
    t->function = call->outer;
    /* A failed cove_trainer_log makes the function that called it fail. */
    if (rc == 0 && t->log_error.code < 0)
        rc = cove__error_copy(&call->said, &t->log_error);
    t->log_error = call->log_error;
    return cove__user_end(rc, &call->said, call->function, owner, err);
}

struct cove__owner cove__callback_owner(const cove_trainer *t, size_t i)
{
    size_t number = t->callback_numbers[i];
    return (struct cove__owner){ number == COVE__NO_INDEX ? NULL : "callbacks", number, t->callbacks[i].state_key };
}

/* ---- steps and data ---- */

int cove__fetch(cove_trainer *t, struct cove__loader *loader, int64_t idx, struct cove_batch *ret_batch,
                struct cove_error *err)
{
    const struct cove__owner owner = { loader == &t->train ? "the train data" : "the val data", COVE__NO_INDEX, NULL };
    struct cove__call call;
    int rc;
    cove__call_begin(t, &call, "fetch");
    rc = cove__loader_fetch(loader, t->seed, cove_trainer_current_epoch(t), idx, ret_batch, &call.said);
    return cove__call_end(t, &call, rc, &owner, err);
}

int cove__step(cove_trainer *t, cove_batch_hook_fn step, const char *name, const struct cove_batch *batch,
               struct cove_error *err)
{
    struct cove__call call;
    cove__call_begin(t, &call, name);
    return cove__call_end(t, &call, step(t->module.self, t, batch, &call.said), NULL, err);
}

/* ---- hooks ---- */

/* The arguments of all hooks of one kind. */
struct hook {
    size_t offset;
    const char *name;
    enum { PLAIN, BATCH, CHECKPOINT, EXCEPTION } kind;
    const struct cove_batch *batch;
    cove_value *checkpoint;
    const struct cove_error *cause;
};

/* Into a pointer to function of the hook's type; all of them have one size. */
static void hook_at(const struct cove_hooks *hooks, size_t offset, void *ret_fn)
{
    memcpy(ret_fn, (const char *)hooks + offset, sizeof(cove_hook_fn));
}

static int call_hook(cove_trainer *t, const struct hook *h, const struct cove_hooks *hooks, void *self,
                     struct cove_error *said)
{
    cove_hook_fn plain;
    cove_batch_hook_fn with_batch;
    cove_checkpoint_hook_fn with_checkpoint;
    switch (h->kind) {
    case BATCH:
        hook_at(hooks, h->offset, &with_batch);
        return with_batch(self, t, h->batch, said);
    case CHECKPOINT:
        hook_at(hooks, h->offset, &with_checkpoint);
        return with_checkpoint(self, t, h->checkpoint, said);
    case EXCEPTION:
        return hooks->on_exception(self, t, h->cause, said);
    default:
        hook_at(hooks, h->offset, &plain);
        return plain(self, t, said);
    }
}

/* Callback `i`; with `i` the number of callbacks, the module. */
static int call_one(cove_trainer *t, const struct hook *h, size_t i, struct cove_error *err)
{
    const struct cove__owner module = { "the module", COVE__NO_INDEX, NULL };
    const struct cove__owner owner = i < t->n_callbacks ? cove__callback_owner(t, i) : module;
    const struct cove_hooks *hooks = i < t->n_callbacks ? &t->callbacks[i].hooks : &t->module.hooks;
    void *self = i < t->n_callbacks ? t->callbacks[i].self : t->module.self;
    struct cove__call call;
    cove_hook_fn fn;
    hook_at(hooks, h->offset, &fn);
    if (!fn)
        return 0;
    cove__call_begin(t, &call, h->name);
    return cove__call_end(t, &call, call_hook(t, h, hooks, self, &call.said), &owner, err);
}

static int call_all(cove_trainer *t, const struct hook *h, struct cove_error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i <= t->n_callbacks; i++)
        rc = call_one(t, h, i, err);
    return rc;
}

int cove__hook(cove_trainer *t, size_t offset, const char *name, struct cove_error *err)
{
    return call_all(t, &(struct hook){ .offset = offset, .name = name }, err);
}

int cove__batch_hook(cove_trainer *t, size_t offset, const char *name, const struct cove_batch *batch,
                     struct cove_error *err)
{
    return call_all(t, &(struct hook){ .offset = offset, .name = name, .kind = BATCH, .batch = batch }, err);
}

int cove__checkpoint_hook(cove_trainer *t, size_t offset, const char *name, cove_value *tree, struct cove_error *err)
{
    return call_all(t, &(struct hook){ .offset = offset, .name = name, .kind = CHECKPOINT, .checkpoint = tree }, err);
}

/* The callbacks that are called after the module, or the others. */
static int call_callbacks(cove_trainer *t, const struct hook *h, bool after_module, struct cove_error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < t->n_callbacks; i++) {
        if (!t->callbacks[i].after_module == !after_module)
            rc = call_one(t, h, i, err);
    }
    return rc;
}

/* The hooks at whose end something is done: EarlyStopping and ModelCheckpoint come after the module. They see what it
 * logs there, and a checkpoint that is saved holds all that the hook has changed. */
static int call_end(cove_trainer *t, const struct hook *h, struct cove_error *err)
{
    bool on_step = h->kind == BATCH;
    int rc = cove__metrics_publish(&t->metrics, COVE__PHASE_TRAIN, on_step, err);
    if (rc == 0)
        rc = call_callbacks(t, h, false, err);
    if (rc == 0)
        rc = call_one(t, h, t->n_callbacks, err);
    if (rc == 0)
        rc = cove__metrics_publish(&t->metrics, COVE__PHASE_TRAIN, on_step, err);
    if (rc == 0)
        rc = call_callbacks(t, h, true, err);
    return rc;
}

int cove__batch_end_hook(cove_trainer *t, const struct cove_batch *batch, struct cove_error *err)
{
    const struct hook h = {
        offsetof(struct cove_hooks, on_train_batch_end), "on_train_batch_end", BATCH, batch, NULL, NULL
    };
    int rc = call_end(t, &h, err);
    return rc < 0 ? rc : cove__metrics_publish(&t->metrics, COVE__PHASE_TRAIN, true, err);
}

int cove__validation_end_hook(cove_trainer *t, struct cove_error *err)
{
    const struct hook h = { .offset = offsetof(struct cove_hooks, on_validation_end), .name = "on_validation_end" };
    int rc = call_callbacks(t, &h, false, err);
    if (rc == 0)
        rc = call_one(t, &h, t->n_callbacks, err);
    return rc < 0 ? rc : call_callbacks(t, &h, true, err);
}

int cove__epoch_end_hook(cove_trainer *t, struct cove_error *err)
{
    const struct hook h = { .offset = offsetof(struct cove_hooks, on_train_epoch_end), .name = "on_train_epoch_end" };
    return call_end(t, &h, err);
}

int cove__teardown_hook(cove_trainer *t, struct cove_error *err)
{
    const struct hook h = { .offset = offsetof(struct cove_hooks, teardown), .name = "teardown" };
    struct cove_error other = COVE_ERROR_INIT;
    int first = 0;
    for (size_t i = 0; i <= t->n_callbacks; i++) {
        int rc = call_one(t, &h, i, &other);
        if (rc < 0 && first == 0)
            first = cove__error_copy(err, &other);
        else if (rc < 0)
            cove__log(COVE_LOG_ERROR, "trainer", "%s", other.message);
    }
    return first;
}

/* The run has failed already, so a hook's failure can only be logged. */
void cove__exception_hook(cove_trainer *t, const struct cove_error *cause)
{
    const struct hook h = {
        .offset = offsetof(struct cove_hooks, on_exception), .name = "on_exception", .kind = EXCEPTION, .cause = cause
    };
    struct cove_error err = COVE_ERROR_INIT;
    for (size_t i = 0; i <= t->n_callbacks; i++) {
        if (call_one(t, &h, i, &err) < 0)
            cove__log(COVE_LOG_ERROR, "trainer", "%s", err.message);
    }
}
