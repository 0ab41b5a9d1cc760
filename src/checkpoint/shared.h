/* The values that a save has written: a hash table by identity. */
#ifndef COVE_CHECKPOINT_SHARED_H
#define COVE_CHECKPOINT_SHARED_H

#include "checkpoint/value.h"

struct cove__shared_entry {
    const cove_value *value; /* BORROWED */
    uint32_t number;         /* the memo index in the pickle */
    size_t n_tensors;        /* in it, shared ones counted each time */
};

struct cove__shared {
    struct cove__shared_entry *slots;
    size_t n, size; /* size is a power of two, at most half of it used */
};

/* Whether the value may occur several times or have back references, so that it needs an entry. */
bool cove__shared_possible(const cove_value *value);
/* An entry of the same value is replaced. */
int cove__shared_add(struct cove__shared *shared, const struct cove__shared_entry *entry); /* COVE_ENOMEM */
const struct cove__shared_entry *cove__shared_find(const struct cove__shared *shared, const cove_value *value);
void cove__shared_done(struct cove__shared *shared);

#endif
