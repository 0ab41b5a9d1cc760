/*
 * Inside of the pickle machine. machine.c keeps its stack, marks and memo and fills containers, unpickle_call.c makes
 * the values of names, unpickle.c runs the opcodes. Functions that fail set `err` of the machine.
 */
#ifndef COVE_CHECKPOINT_MACHINE_H
#define COVE_CHECKPOINT_MACHINE_H

#include <stdbool.h>

#include "checkpoint/unpickle.h"
#include "wire/pickle.h"

#define COVE__MACHINE_ITEM_COST ((uint64_t)16) /* bytes that are charged for each item of a container */

struct cove__machine {
    struct cove__pickle_reader reader;
    const struct cove__storage_finder *finder;
    struct cove_error *err;
    cove_value **stack; /* owned references, as in the next ones */
    size_t n, cap;
    size_t *marks; /* the stack's height at each open mark */
    size_t n_marks, marks_cap;
    cove_value **memo;               /* NULL: an unused index */
    size_t n_memo, memo_cap, n_kept; /* n_kept: used indices */
    cove_value **made;               /* every list, dict and set, so that a cycle among them can be broken */
    size_t n_made, made_cap;
    uint64_t charged; /* approximate memory of the values, in bytes: a small pickle can need much more than its size */
};

/* The number of values above the topmost mark: those that an opcode may use. */
static inline size_t cove__machine_above_mark(const struct cove__machine *m)
{
    return m->n - (m->n_marks > 0 ? m->marks[m->n_marks - 1] : 0);
}

static inline cove_value *cove__machine_pop(struct cove__machine *m)
{
    return m->stack[--m->n];
}

static inline cove_value *cove__machine_top(const struct cove__machine *m)
{
    return cove__machine_above_mark(m) > 0 ? m->stack[m->n - 1] : NULL;
}

/* ---- machine.c ---- */

int cove__machine_corrupt(struct cove__machine *m, const char *what); /* COVE_ECORRUPT, with the place in the pickle */
int cove__machine_no_memory(struct cove__machine *m);
/* COVE_ELIMIT: the values take more memory than a pickle of this size may need. */
int cove__machine_charge(struct cove__machine *m, uint64_t bytes);
/* Takes over `value`, also on failure; NULL: its constructor had no memory. */
int cove__machine_push(struct cove__machine *m, cove_value *value);
int cove__machine_push_new(struct cove__machine *m, cove_value *value); /* the same for a value that was just made */
void cove__machine_drop_mark(struct cove__machine *m);                  /* with the values above the topmost mark */
/* Make one value of type list or tuple of the `n` topmost, or of those above the mark, which leave the stack. */
int cove__machine_collect(struct cove__machine *m, int type, size_t n);
int cove__machine_collect_marked(struct cove__machine *m, int type);
/* Adds an item to a dict, or with `value` NULL to a set; it gets new references. */
int cove__machine_set_item(struct cove__machine *m, cove_value *dict, cove_value *key, cove_value *value);
/* Add the values above the mark, or the `n` topmost, to the list, dict or set below them. */
int cove__machine_add_marked(struct cove__machine *m, int type);
int cove__machine_add_some(struct cove__machine *m, int type, size_t n);
int cove__machine_make_dict(struct cove__machine *m, int type); /* or a frozenset, of the values above the mark */
int cove__machine_memo_put(struct cove__machine *m, uint64_t index);
int cove__machine_memo_get(struct cove__machine *m, int64_t index);

/* ---- unpickle_call.c ---- */

int cove__machine_push_global(struct cove__machine *m, struct cove__slice module, struct cove__slice name);
int cove__machine_stack_global(struct cove__machine *m);
int cove__machine_call(struct cove__machine *m, bool make_new); /* REDUCE; `make_new`: NEWOBJ */
int cove__machine_call_with_names(struct cove__machine *m);     /* NEWOBJ_EX */
int cove__machine_build(struct cove__machine *m);               /* BUILD */
int cove__machine_persistent(struct cove__machine *m);          /* BINPERSID */

#endif
