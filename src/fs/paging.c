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
