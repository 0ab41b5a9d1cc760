/*
 * Back references: they represent a list, tuple or dict that contains itself, without a cycle in the tree. The
 * reference and its container share an anchor, which owns neither and is cleared when the container is freed. Part of
 * value.h.
 */
#include "base/mem.h"
#include "checkpoint/value.h"

int cove__anchor_bind(cove_value *reference, cove_value *target)
{
    struct cove__anchor *anchor = target->is_anchored ? target->w.anchor : NULL;
    if (!anchor) {
        anchor = cove__calloc(1, sizeof(*anchor));
        if (!anchor)
            return COVE_ENOMEM;
        atomic_init(&anchor->refs, 1);
        atomic_init(&anchor->target, target);
        target->w.anchor = anchor;
        target->is_anchored = 1;
    }
    atomic_fetch_add_explicit(&anchor->refs, 1, memory_order_relaxed);
    reference->u.anchor = anchor;
    return 0;
}

void cove__anchor_unref(struct cove__anchor *anchor)
{
    if (anchor && atomic_fetch_sub_explicit(&anchor->refs, 1, memory_order_acq_rel) == 1)
        cove__free(anchor);
}

void cove__anchor_cut(cove_value *container)
{
    struct cove__anchor *anchor = container->w.anchor;
    container->is_anchored = 0;
    atomic_store(&anchor->target, NULL);
    cove__anchor_unref(anchor);
}

cove_value *cove_value_back_reference_target(const cove_value *value)
{
    if (!value || value->type != COVE_VALUE_BACK_REFERENCE || !value->u.anchor)
        return NULL;
    return atomic_load(&value->u.anchor->target);
}
