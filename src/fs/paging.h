/*
 * A guard for whoever follows a listing from page to page: for fs/listing.c, fs_remove.c and the backends'
 * own loops. A store's fault must not keep them busy for ever.
 */
#ifndef COVE_FS_PAGING_H
#define COVE_FS_PAGING_H

#include <stddef.h>
#include <stdint.h>

#include "base/call.h"

/* Empty pages in a row, each with a new token. A store may skip over many deleted keys, but not over so many. */
#define COVE__EMPTY_PAGES_MAX 10000u

/* Zeroed at the first page. Of the tokens only one hash is kept (Brent's algorithm): a token that comes again is found
 * after at most three times as many pages as there were until then. */
struct cove__paging {
    uint64_t kept, since, power;
    unsigned empty;
};

/* After a page with `entries` that another one follows: `token` tells where it begins (so does `also`, where not NULL,
 * beside it). 0, or COVE_EPROTOCOL: the listing does not move on. */
int cove__paging_next(struct cove__paging *p, const char *token, const char *also, size_t entries,
                      const struct cove__ctx *ctx, struct cove_error *err);

#endif
