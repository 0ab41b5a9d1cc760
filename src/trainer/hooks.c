/* Calls a hook on all callbacks, then on the module. Hooks are found by their offset in struct cove_hooks. */
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "trainer/trainer_impl.h"

/* Into a pointer to function of the hook's type; all of them have one size. */
static void hook_at(const struct cove_hooks *hooks, size_t offset, void *ret_fn)
{
    memcpy(ret_fn, (const char *)hooks + offset, sizeof(cove_hook_fn));
}

int cove__take_log_error(cove_trainer *t, struct cove_error *err)
{
    int code = t->log_error.code;
    if (code < 0) {
        cove__error_copy(err, &t->log_error);
        cove__error_clear(&t->log_error);
    }
    return code;
}

/* What a hook logged in vain fails the hook. */
static int after_hook(cove_trainer *t, int rc, struct cove_error *err)
{
    if (rc >= 0)
        return cove__take_log_error(t, err);
    cove__error_clear(&t->log_error);
    return rc;
}

static int call_one(cove_trainer *t, const struct cove_hooks *hooks, void *self, size_t offset, struct cove_error *err)
{
    cove_hook_fn fn;
    hook_at(hooks, offset, &fn);
    return fn ? after_hook(t, fn(self, t, err), err) : 0;
}

int cove__hook(cove_trainer *t, size_t offset, struct cove_error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < t->n_callbacks; i++)
        rc = call_one(t, &t->callbacks[i]->hooks, t->callbacks[i]->self, offset, err);
    return rc < 0 ? rc : call_one(t, &t->module.hooks, t->module.self, offset, err);
}

int cove__batch_hook(cove_trainer *t, size_t offset, const struct cove_batch *batch, struct cove_error *err)
{
    cove_batch_hook_fn fn;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < t->n_callbacks; i++) {
        hook_at(&t->callbacks[i]->hooks, offset, &fn);
        if (fn)
            rc = after_hook(t, fn(t->callbacks[i]->self, t, batch, err), err);
    }
    hook_at(&t->module.hooks, offset, &fn);
    return rc < 0 || !fn ? rc : after_hook(t, fn(t->module.self, t, batch, err), err);
}

int cove__checkpoint_hook(cove_trainer *t, size_t offset, cove_value *tree, struct cove_error *err)
{
    cove_checkpoint_hook_fn fn;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < t->n_callbacks; i++) {
        hook_at(&t->callbacks[i]->hooks, offset, &fn);
        if (fn)
            rc = after_hook(t, fn(t->callbacks[i]->self, t, tree, err), err);
    }
    hook_at(&t->module.hooks, offset, &fn);
    return rc < 0 || !fn ? rc : after_hook(t, fn(t->module.self, t, tree, err), err);
}

/* on_train_epoch_end: the module may log there what ModelCheckpoint monitors, so that comes last, and values are
 * published in between. */
int cove__epoch_end_hook(cove_trainer *t, struct cove_error *err)
{
    const size_t offset = offsetof(struct cove_hooks, on_train_epoch_end);
    int rc = cove__metrics_publish(&t->metrics, COVE__PHASE_TRAIN, false, err);
    for (size_t i = 0; rc == 0 && i < t->n_callbacks; i++) {
        if (!t->callbacks[i]->run_last)
            rc = call_one(t, &t->callbacks[i]->hooks, t->callbacks[i]->self, offset, err);
    }
    if (rc == 0)
        rc = call_one(t, &t->module.hooks, t->module.self, offset, err);
    if (rc == 0)
        rc = cove__metrics_publish(&t->metrics, COVE__PHASE_TRAIN, false, err);
    for (size_t i = 0; rc == 0 && i < t->n_callbacks; i++) {
        if (t->callbacks[i]->run_last)
            rc = call_one(t, &t->callbacks[i]->hooks, t->callbacks[i]->self, offset, err);
    }
    return rc;
}

/* The run fails already: what a hook says against it can only be logged. */
void cove__exception_hook(cove_trainer *t, const struct cove_error *cause)
{
    struct cove_error err = COVE_ERROR_INIT;
    for (size_t i = 0; i <= t->n_callbacks; i++) {
        const struct cove_hooks *hooks = i < t->n_callbacks ? &t->callbacks[i]->hooks : &t->module.hooks;
        void *self = i < t->n_callbacks ? t->callbacks[i]->self : t->module.self;
        if (hooks->on_exception && after_hook(t, hooks->on_exception(self, t, cause, &err), &err) < 0)
            cove__log(COVE_LOG_ERROR, "trainer", "on_exception: %s", err.message);
    }
}
