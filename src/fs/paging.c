/* Detects listings that do not advance, by their tokens and entries. Pure. */
#include "fs/paging.h"

#include "base/error.h"

/* FNV-1a. Each text is hashed with its NUL, so that ("ab", "c") and ("a", "bc") differ. */
static uint64_t hash(uint64_t h, const char *text)
{
    do
        h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    while (*text++ != '\0');
    return h;
}

int cove__paging_next(struct cove__paging *p, const char *token, const char *also, size_t entries,
                      const struct cove__ctx *ctx, struct cove_error *err)
{
    uint64_t h = hash(UINT64_C(0xcbf29ce484222325), token);

    if (also)
        h = hash(h, also);
    p->empty = entries > 0 ? 0 : p->empty + 1;
    if (p->power > 0 && h == p->kept)
        return cove__fail(err, COVE_EPROTOCOL,
                          "%s %s: the listing does not advance: the store returned the same page token "
                          "again",
                          ctx->op, ctx->url);
    if (p->empty >= COVE__EMPTY_PAGES_MAX)
        return cove__fail(err, COVE_EPROTOCOL, "%s %s: the listing does not advance: %u consecutive pages are empty",
                          ctx->op, ctx->url, p->empty);
    if (p->since++ == p->power) {
        p->kept = h;
        p->power = p->power > 0 ? p->power * 2 : 1;
        p->since = 0;
    }
    return 0;
}

/* No two pages of a listing that advances have the same first and the same last entry. */
static uint64_t hash_entries(const struct cove__page *page)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325) + page->n;

    for (size_t i = 0; i<page->n; i += page->n> 1 ? page->n - 1 : 1) {
        h = hash(h, page->items[i].path);
        h = page->items[i].version_id ? hash(h, page->items[i].version_id) : h;
        h = page->items[i].etag ? hash(h, page->items[i].etag) : h; /* Google's generations */
    }
    return h;
}

int cove__paging_next_page(struct cove__paging *p, const struct cove__page *page, const char *token, const char *also,
                           const struct cove__ctx *ctx, struct cove_error *err)
{
    uint64_t h = hash_entries(page);

    p->same = page->n > 0 && h == p->entries ? p->same + 1 : 0;
    p->entries = h;
    if (p->same >= COVE__SAME_PAGES_MAX)
        return cove__fail(err, COVE_EPROTOCOL,
                          "%s %s: the listing does not advance: %u consecutive pages have the same entries", ctx->op,
                          ctx->url, p->same + 1);
    return cove__paging_next(p, token, also, page->n, ctx, err);
}
