/* Iterates over the members of a JSON object as slices of the text, for documents whose whole tree would take many
 * times their size. Values are not checked: parse each one as it comes. */
#ifndef COVE_WIRE_JSON_MEMBERS_H
#define COVE_WIRE_JSON_MEMBERS_H

#include "base/slice.h"

struct cove__json_members {
    struct cove__slice text; /* BORROWED */
    size_t at;
};

/* 1: the next member, its key (with quotes) and value as text; 0: there are no more, and nothing follows the object;
 * COVE_EINVAL: it is not an object. */
int cove__json_member(struct cove__json_members *members, struct cove__slice *ret_key, struct cove__slice *ret_value);

#endif
