/* Names with values, as a file's metadata and tags are: gathered from a response, handed over in one piece of memory,
 * and checked before they are sent. Pure. */
#ifndef COVE_FS_PAIRS_H
#define COVE_FS_PAIRS_H

#include "fs/fs_impl.h"

#define COVE__PAIRS_MAX ((size_t)64) /* of what a caller gives */

/* Pairs that are gathered, as "name\0value\0"…: COVE__PAIRS_INIT, any number of adds, then take or done. */
struct cove__pairs {
    struct cove__buf text;
    size_t n;
};
#define COVE__PAIRS_INIT ((struct cove__pairs){ .text = { .max = (size_t)1 << 20 } })

void cove__pairs_add(struct cove__pairs *pairs, struct cove__slice name, struct cove__slice value);
/* The pairs, in one piece of memory with their text (cove__free; NULL where there are none), and an empty set. 0 or
 * COVE_ENOMEM, COVE_ELIMIT: of this or an add. */
int cove__pairs_take(struct cove__pairs *pairs, struct cove_pair **ret, size_t *ret_n);
void cove__pairs_done(struct cove__pairs *pairs);
/* The same of a caller's; without those that have no value. */
int cove__pairs_copy(const struct cove_pair *pairs, size_t n, struct cove_pair **ret, size_t *ret_n);

/* Whether these can be a user's metadata: every name once, the characters of HTTP headers. `removals`: a value may be
 * NULL. COVE_EINVAL, COVE_ELIMIT. */
int cove__metadata_check(const struct cove_pair *pairs, size_t n, bool removals, const struct cove__ctx *ctx,
                         struct cove_error *err);

#endif
