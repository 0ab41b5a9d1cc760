/* Python's repr of a string: Lightning's state keys are made of it. */
#ifndef COVE_TRAINER_REPR_H
#define COVE_TRAINER_REPR_H

#include "base/buf.h"

/* Appends repr(text), for UTF-8 `text`, as CPython's str.__repr__ gives it: in single quotes, in double ones where it
 * has ' and no ". Characters that Unicode has not assigned yet are taken for printable. */
void cove__add_repr(struct cove__buf *out, const char *text);

#endif
