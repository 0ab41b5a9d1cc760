/*
 * Back references: they represent a list, tuple or dict that contains itself, without a cycle in the tree. The
 * reference and its container share a weak reference, which owns neither and is cleared when the container is freed.
 * Part of value.h.
 */
#include "base/mem.h"
#include "checkpoint/value.h"

int cove__back_reference_bind(cove_value *reference, cove_value *target)
{
    struct cove__weak_ref *weak = target->has_weak_ref ? target->w.weak_ref : NULL;
    if (!weak) {
        weak = cove__calloc(1, sizeof(*weak));
        if (!weak)
            return COVE_ENOMEM;
        atomic_init(&weak->refs, 1);
        atomic_init(&weak->target, target);
        target->w.weak_ref = weak;
        target->has_weak_ref = 1;
    }
    atomic_fetch_add_explicit(&weak->refs, 1, memory_order_relaxed);
    reference->u.weak_ref = weak;
    return 0;
}

void cove__weak_ref_unref(struct cove__weak_ref *weak)
{
    if (weak && atomic_fetch_sub_explicit(&weak->refs, 1, memory_order_acq_rel) == 1)
        cove__free(weak);
}

void cove__weak_ref_clear(cove_value *container)
{
    struct cove__weak_ref *weak = container->w.weak_ref;
    container->has_weak_ref = 0;
    atomic_store(&weak->target, NULL);
    cove__weak_ref_unref(weak);
}

cove_value *cove_value_back_reference_target(const cove_value *value)
{
    if (!value || value->type != COVE_VALUE_BACK_REFERENCE || !value->u.weak_ref)
        return NULL;
    return atomic_load(&value->u.weak_ref->target);
}
