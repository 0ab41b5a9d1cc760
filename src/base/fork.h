/*
 * Fork: the process-wide lock that guards small state, and the generation by which a child knows that its threads are
 * gone.
 *
 * cove__lock() is the one lock for small, short critical sections outside the I/O loops (tables, counters, cached
 * regions). It is taken around fork, so that a child never finds it held by a thread that no longer exists. Never wait,
 * allocate much or do I/O under it.
 */
#ifndef COVE_BASE_FORK_H
#define COVE_BASE_FORK_H

void cove__lock(void);
void cove__unlock(void);
void cove__assert_locked(void); /* for functions whose name ends in _locked */

/* Grows by one in each forked child. What was made under another generation has no threads behind it any more. */
unsigned cove__fork_generation(void);

/* `fn` is called in each forked child, before it can take a lock of this library. There is one: the log's, whose lock
 * is its own. */
void cove__fork_call_in_child(void (*fn)(void));

#endif
