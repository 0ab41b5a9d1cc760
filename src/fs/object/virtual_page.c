/*
 * Adds virtual directories to the pages of a listing: each to the page where the store would list it. For that the
 * token of the next page has the last key of those before.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "fs/object/list.h"
#include "fs/object/virtual.h"

#define LAST_MAX  (COVE__OBJECT_KEY_MAX * 3 + 320)
#define TOKEN_MAX (COVE__OBJECT_KEY_MAX * 3 + 16384)

const char *cove__virtual_page_token(const char *token, struct cove__buf *ret_before)
{
    char *rest;
    size_t n;

    if (!token)
        return NULL;
    n = strtoull(token, &rest, 10);
    cove__buf_add(ret_before, rest + 1, n);
    return rest + 1 + n;
}

/* Puts what the next page has to know before the store's own token. */
static int mark_token(struct cove__page *page, struct cove__slice mark)
{
    struct cove__buf token = COVE__BUF_INIT(TOKEN_MAX);

    if (!page->token)
        return 0;
    cove__buf_addf(&token, "%zu:%.*s%s", mark.size, (int)mark.size, (const char *)mark.data, page->token);
    cove__free(page->token);
    page->token = cove__buf_take(&token);
    return page->token ? 0 : COVE_ENOMEM;
}

/*
 * Pages in no order: all virtual directories are on the first page and are left out of later ones. The token of a page
 * begins with the time of the first page's request.
 */
static int join_unordered(struct cove__object_store *store, const char *path, const char *before, uint64_t began,
                          struct cove__page *page)
{
    uint64_t at = before ? strtoull(before, NULL, 10) : began;
    size_t kept = 0, listed = page->n;
    char mark[24];
    int rc = 0;

    if (!before) {
        rc = cove__virtual_list(store, path, false, at, NULL, NULL, page);
    } else {
        for (size_t i = 0; i < page->n; i++) {
            struct cove_info *info = &page->items[i];
            if (info->type == COVE_INFO_DIRECTORY && cove__virtual_exists(store, info->path, at))
                cove__info_done(info);
            else
                page->items[kept++] = *info;
        }
        page->n = kept;
    }
    if (page->n > listed)
        cove__object_page_sort(page);
    snprintf(mark, sizeof mark, "%llu", (unsigned long long)at);
    return rc == 0 ? mark_token(page, cove__slice_str(mark)) : rc;
}

static int join_ordered(struct cove__object_store *store, const char *path, bool deep, const char *after,
                        uint64_t began, struct cove__page *page)
{
    struct cove__buf last = COVE__BUF_INIT(LAST_MAX);
    const struct cove_info *end = page->n > 0 ? &page->items[page->n - 1] : NULL;
    size_t listed = page->n;
    int rc = 0;

    if (end)
        cove__buf_addf(&last, "%s%s", end->path, end->type == COVE_INFO_DIRECTORY ? "/" : "");
    else if (after)
        cove__buf_add_str(&last, after);
    if (page->token)
        rc = cove__buf_rc(&last) < 0 ? cove__buf_rc(&last) : mark_token(page, cove__buf_slice(&last));
    if (rc == 0)
        rc = cove__virtual_list(store, path, deep, began, after, page->token ? cove__buf_str(&last) : NULL, page);
    if (page->n > listed)
        cove__object_page_sort(page);
    cove__buf_done(&last);
    return rc;
}

int cove__virtual_page_join(struct cove__object_store *store, const char *path, bool deep, bool unordered,
                            const char *before, uint64_t began, struct cove__page *page)
{
    char *plain = cove__object_trim_slash(path);
    int rc = plain ? 0 : COVE_ENOMEM;

    if (rc == 0)
        rc = unordered ? join_unordered(store, plain, before, began, page)
                       : join_ordered(store, plain, deep, before, began, page);
    cove__free(plain);
    return rc;
}
