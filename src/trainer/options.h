/* Structs that a caller fills: copied into ours, honouring the size that theirs begins with. */
#ifndef COVE_TRAINER_OPTIONS_H
#define COVE_TRAINER_OPTIONS_H

#include <stddef.h>
#include <string.h>

#include "base/error.h"

/*
 * Copies what the caller's struct has; what it lacks (it was compiled against an older header) keeps what `to` was
 * initialised with. COVE_EINVAL: NULL, or a size that no _INIT macro set.
 */
static inline int cove__copy_options(void *to, size_t to_size, const void *from, const char *what,
                                     struct cove_error *err)
{
    size_t from_size = 0;
    if (!from)
        return cove__fail(err, COVE_EINVAL, "%s: is NULL", what);
    memcpy(&from_size, from, sizeof from_size);
    if (from_size <= sizeof from_size || from_size > 65536)
        return cove__fail(err, COVE_EINVAL, "%s: size is %zu: initialise it with its _INIT macro", what, from_size);
    memcpy(to, from, from_size < to_size ? from_size : to_size);
    memcpy(to, &to_size, sizeof to_size);
    return 0;
}
#define COVE__COPY_OPTIONS(to, from, err) cove__copy_options((to), sizeof *(to), (from), #from, (err))

#endif
