/*
 * A guard for loops over the pages of a listing, in fs/listing.c, fs_remove.c and the backends: a faulty store must not
 * keep them running forever.
 */
#ifndef COVE_FS_PAGING_H
#define COVE_FS_PAGING_H

#include <stddef.h>
#include <stdint.h>

#include "base/call.h"

/* The maximum of consecutive empty pages with new tokens. A store may skip many deleted keys, but not that many. */
#define COVE__EMPTY_PAGES_MAX 10000u

/* Zeroed before the first page. Keeps the hash of one token only (Brent's algorithm): a repeated token is detected
 * after at most three times the number of pages before it was repeated. */
struct cove__paging {
    uint64_t kept, since, power;
    unsigned empty;
};

/* To be called after each page but the last. `entries`: their number on that page. `token`, and `also` if not NULL:
 * where the next page begins. 0, or COVE_EPROTOCOL: the listing does not advance. */
int cove__paging_next(struct cove__paging *p, const char *token, const char *also, size_t entries,
                      const struct cove__ctx *ctx, struct cove_error *err);

#endif
