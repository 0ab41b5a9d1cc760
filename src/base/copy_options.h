/* Structs that a caller fills: copied into ours, honouring the size that theirs begins with. */
#ifndef COVE_BASE_COPY_OPTIONS_H
#define COVE_BASE_COPY_OPTIONS_H

#include <stddef.h>
#include <string.h>

#include <cove/call.h>

#include "base/error.h"

/*
 * Copies what the caller's struct has; what it lacks (it was compiled against an older header) keeps what `to` was
 * initialised with. `name` is for messages: "queue: options". COVE_EINVAL: NULL, or a size that no _INIT macro set:
 * without its macro a struct has none, and what the program did set would be lost.
 */
static inline int cove__copy_options(void *to, size_t to_size, const void *from, const char *name,
                                     struct cove_error *err)
{
    size_t from_size = 0;
    if (!from)
        return cove__fail(err, COVE_EINVAL, "%s: is NULL", name);
    memcpy(&from_size, from, sizeof from_size);
    if (from_size <= sizeof from_size || from_size > 65536)
        return cove__fail(err, COVE_EINVAL, "%s: size is %zu: initialise it with its _INIT macro", name, from_size);
    memcpy(to, from, from_size < to_size ? from_size : to_size);
    memcpy(to, &to_size, sizeof to_size);
    return 0;
}
#define COVE__COPY_OPTIONS(to, from, name, err) cove__copy_options((to), sizeof *(to), (from), (name), (err))

/* A copy of the caller's, or the defaults. A wrong size is copied too: cove__target_init refuses it. */
static inline struct cove_call cove__call_of(const struct cove_call *call)
{
    struct cove_call copy = COVE_CALL_INIT;

    if (call && COVE__COPY_OPTIONS(&copy, call, "call", NULL) < 0)
        copy.size = call->size;
    return copy;
}

#endif
