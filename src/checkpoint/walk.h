/*
 * A walk through a tree without recursion, because a tree may be too deep for a small thread's stack. The caller enters
 * a container, takes its children one by one, and leaves it after the last.
 */
#ifndef COVE_CHECKPOINT_WALK_H
#define COVE_CHECKPOINT_WALK_H

#include "checkpoint/value.h"

struct cove__walk_frame {
    cove_value *value; /* BORROWED */
    size_t next;       /* the index of the next child */
    size_t mark;       /* for the caller */
};

struct cove__walk {
    struct cove__walk_frame *frames; /* from the root to the current container */
    size_t n, cap;
};

/* COVE_ELIMIT: nested deeper than allowed; COVE_EINVAL: a value that contains itself; COVE_ENOMEM. Both set `err`. */
int cove__walk_enter(struct cove__walk *walk, cove_value *value, struct cove_error *err);
/* The next child of the innermost container, or NULL after the last. */
cove_value *cove__walk_next(struct cove__walk *walk);
struct cove__walk_frame *cove__walk_top(const struct cove__walk *walk); /* NULL: the walk is over */
void cove__walk_leave(struct cove__walk *walk);
void cove__walk_done(struct cove__walk *walk);

#endif
