/* Part of shared.h. */
#include "checkpoint/shared.h"

#include "base/mem.h"

bool cove__shared_possible(const cove_value *value)
{
    bool is_small = value->type == COVE_VALUE_NONE || value->type == COVE_VALUE_BOOL || value->type == COVE_VALUE_INT ||
                    value->type == COVE_VALUE_FLOAT || value->type == COVE_VALUE_BACK_REFERENCE;
    return !is_small && (value->has_weak_ref || atomic_load_explicit(&value->refs, memory_order_relaxed) > 1);
}

/* The value's slot, or the free slot for it. Hashing addresses is safe: a file can't choose them. */
static size_t find_slot(const struct cove__shared *shared, const cove_value *value)
{
    size_t slot = (size_t)((uint64_t)(uintptr_t)value * 0x9e3779b97f4a7c15u >> 32) & (shared->size - 1);
    while (shared->slots[slot].value && shared->slots[slot].value != value)
        slot = (slot + 1) & (shared->size - 1);
    return slot;
}

static int grow(struct cove__shared *shared)
{
    struct cove__shared old = *shared;
    size_t size = old.size ? 2 * old.size : 64;
    struct cove__shared_entry *slots = cove__calloc(size, sizeof(*slots));
    if (!slots)
        return COVE_ENOMEM;
    shared->slots = slots;
    shared->size = size;
    for (size_t i = 0; i < old.size; i++)
        if (old.slots[i].value)
            slots[find_slot(shared, old.slots[i].value)] = old.slots[i];
    cove__free(old.slots);
    return 0;
}

int cove__shared_add(struct cove__shared *shared, const struct cove__shared_entry *entry)
{
    if (2 * (shared->n + 1) > shared->size && grow(shared) < 0)
        return COVE_ENOMEM;
    struct cove__shared_entry *slot = &shared->slots[find_slot(shared, entry->value)];
    shared->n += !slot->value;
    *slot = *entry;
    return 0;
}

const struct cove__shared_entry *cove__shared_find(const struct cove__shared *shared, const cove_value *value)
{
    if (shared->n == 0 || !cove__shared_possible(value))
        return NULL;
    const struct cove__shared_entry *entry = &shared->slots[find_slot(shared, value)];
    return entry->value ? entry : NULL;
}

void cove__shared_done(struct cove__shared *shared)
{
    cove__free(shared->slots);
}
