/*
 * A guard for loops over the pages of a listing, in fs/listing.c, fs_remove.c and the backends: a faulty store must not
 * keep them running forever.
 */
#ifndef COVE_FS_PAGING_H
#define COVE_FS_PAGING_H

#include <stddef.h>
#include <stdint.h>

#include "fs/fs_ops.h"

/* The maximum of consecutive empty pages with new tokens. A store may skip many deleted keys, but not that many. */
#define COVE__EMPTY_PAGES_MAX 10000u
/* The maximum of consecutive pages with the entries of the one before and new tokens. Two occur: a directory's marker
 * alone on a page, and the directory alone on the next. */
#define COVE__SAME_PAGES_MAX 8u

/* Zeroed before the first page. Keeps the hash of one token only (Brent's algorithm): a repeated token is detected
 * after at most three times the number of pages before it was repeated. */
struct cove__paging {
    uint64_t kept, since, power;
    unsigned empty;
    uint64_t entries; /* a hash of those of the last page */
    unsigned same;    /* pages since then with the same ones */
};

/* To be called after each page but the last. `entries`: their number on that page. `token`, and `also` if not NULL:
 * where the next page begins. 0, or COVE_EPROTOCOL: the listing does not advance. */
int cove__paging_next(struct cove__paging *p, const char *token, const char *also, size_t entries,
                      const struct cove__ctx *ctx, struct cove_error *err);

/* The same of a page whose entries are at hand: also where they come again with new tokens. */
int cove__paging_next_page(struct cove__paging *p, const struct cove__page *page, const char *token, const char *also,
                           const struct cove__ctx *ctx, struct cove_error *err);

#endif
