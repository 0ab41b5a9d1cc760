/* The members of a JSON object, one after the other, as they stand in the text: for documents of which the whole tree
 * would take many times their size. What a member holds is not looked into: parse it, piece by piece, as it comes. */
#ifndef COVE_WIRE_JSON_MEMBERS_H
#define COVE_WIRE_JSON_MEMBERS_H

#include "base/slice.h"

struct cove__json_members {
    struct cove__slice text; /* BORROWED */
    size_t at;
};

/* 1: there is one more, its key (in its quotes) and value as text; 0: that was the last, and nothing stands behind the
 * object; COVE_EINVAL: it is no object. */
int cove__json_member(struct cove__json_members *members, struct cove__slice *ret_key, struct cove__slice *ret_value);

#endif
