/* Which values a saver has written already: a table by identity. */
#ifndef COVE_CHECKPOINT_SHARED_H
#define COVE_CHECKPOINT_SHARED_H

#include "checkpoint/value.h"

struct cove__shared_entry {
    const cove_value *value; /* BORROWED */
    uint32_t number;         /* in the pickle's memo */
    size_t n_tensors;        /* in it, each counted as often as it is reached */
};

struct cove__shared {
    struct cove__shared_entry *slots;
    size_t n, size; /* size is a power of two, at most half of it taken */
};

/* Whether more than one place may hold the value, or stand for it, so that it is worth an entry. */
bool cove__shared_possible(const cove_value *value);
/* An entry of the same value is replaced. */
int cove__shared_add(struct cove__shared *shared, const struct cove__shared_entry *entry); /* COVE_ENOMEM */
const struct cove__shared_entry *cove__shared_find(const struct cove__shared *shared, const cove_value *value);
void cove__shared_done(struct cove__shared *shared);

#endif
