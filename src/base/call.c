/* Cancel tokens and deadlines. */
#include "base/call.h"

#include <stdatomic.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/mem.h"

struct cove_cancel {
    atomic_uint refs;
    atomic_int fired;
    cove_cancel *parent; /* held; NULL: none */
};

cove_cancel *cove_cancel_new(void)
{
    cove_cancel *cancel = cove__calloc(1, sizeof *cancel);

    if (cancel)
        atomic_init(&cancel->refs, 1);
    return cancel;
}

cove_cancel *cove__cancel_child(cove_cancel *parent)
{
    cove_cancel *cancel = cove_cancel_new();

    if (cancel)
        cancel->parent = cove_cancel_ref(parent);
    return cancel;
}

cove_cancel *cove_cancel_ref(cove_cancel *cancel)
{
    if (cancel)
        atomic_fetch_add_explicit(&cancel->refs, 1, memory_order_relaxed);
    return cancel;
}

void cove_cancel_unref(cove_cancel *cancel)
{
    while (cancel && atomic_fetch_sub_explicit(&cancel->refs, 1, memory_order_acq_rel) == 1) {
        cove_cancel *parent = cancel->parent;

        cove__free(cancel);
        cancel = parent;
    }
}

void cove_cancel_fire(cove_cancel *cancel)
{
    if (cancel)
        atomic_store_explicit(&cancel->fired, 1, memory_order_release);
}

int cove_cancel_fired(const cove_cancel *cancel)
{
    for (; cancel; cancel = cancel->parent) {
        if (atomic_load_explicit(&cancel->fired, memory_order_acquire))
            return 1;
    }
    return 0;
}

bool cove__cancel_fired(const cove_cancel *cancel)
{
    return cove_cancel_fired(cancel) != 0;
}

const atomic_int cove__is_abort = COVE__LAST_ABORT;

int cove__ctx_check(const struct cove__ctx *ctx, struct cove_error *err)
{
    if (cove__cancel_fired(ctx->cancel))
        return cove__fail(err, COVE_ECANCELED, "%s %s: cancelled", ctx->op, ctx->url);
    if (ctx->deadline_ns != INT64_MAX && cove__now_ns() >= ctx->deadline_ns)
        return cove__fail(err, COVE_ETIMEDOUT, "%s %s: the deadline passed", ctx->op, ctx->url);
    return 0;
}

/* ---- background work ---- */

static void set_failure(struct cove__background *background, char *failure)
{
    cove__lock();
    char *before = background->failure;
    background->failure = failure;
    cove__unlock();
    cove__free(before);
}

void cove__background_failed(const struct cove__ctx *ctx, const char *why)
{
    char *copy = ctx->background ? cove__strdup(why) : NULL;

    if (copy) /* without memory the earlier failure is kept */
        set_failure(ctx->background, copy);
}

bool cove__background_explain(const struct cove__background *background, struct cove_error *err)
{
    cove__lock();
    bool failed = background->failure;
    if (failed && err)
        cove__error_add(err, "; before that: %s", background->failure);
    cove__unlock();
    return failed;
}

bool cove__background_yields(const struct cove__ctx *ctx, int64_t now_ns)
{
    const struct cove__background *background = ctx->background;

    return background && background->attended_ns &&
           now_ns >= atomic_load_explicit(background->attended_ns, memory_order_relaxed);
}

void cove__background_done(struct cove__background *background)
{
    if (background->failure)
        set_failure(background, NULL);
}
