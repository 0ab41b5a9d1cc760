/*
 * Files under temporary names, as writes under way have, and killed processes leave: which names these are, their list,
 * and their removal. Listings leave them out. The name in the list is the temporary one: what the file was to be called
 * is not kept.
 */
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "fs/azure/dfs.h"
#include "fs/fs_impl.h"
#include "fs/paging.h"
#include "wire/json.h"
#include "wire/uri.h"

/* ---- names ---- */

static bool is_id(struct cove__slice id)
{
    if (id.size != DFS_ID_SIZE - 1)
        return false;
    for (size_t i = 0; i < id.size; i++) {
        if (!memchr("0123456789abcdef", id.data[i], 16))
            return false;
    }
    return true;
}

/* Of the last segment of a temporary name; empty: it is none. */
static struct cove__slice id_of(struct cove__slice name)
{
    size_t begins = strlen(DFS_TEMPORARY), all = begins + DFS_ID_SIZE - 1, at = name.size - all;
    struct cove__slice none = { 0 };

    if (name.size < all || (at > 0 && name.data[at - 1] != '/') || memcmp(name.data + at, DFS_TEMPORARY, begins) != 0)
        return none;
    struct cove__slice id = cove__slice_sub(name, at + begins, SIZE_MAX);
    return is_id(id) ? id : none;
}

bool cove__dfs_is_temporary(struct cove__slice name)
{
    return id_of(name).size > 0;
}

/* ---- the list ---- */

/* One listing of all that is below: no list of temporary names alone exists. */
void cove__dfs_uploads_request(struct cove__object_request *r, struct cove__slice below,
                               const struct cove__upload_page *last)
{
    while (below.size > 0 && below.data[below.size - 1] == '/')
        below.size--;
    cove__buf_addf(&r->query, "resource=filesystem&recursive=true&maxResults=%u", AZURE_LIST_PAGE);
    if (below.size > 0)
        cove__uri_add_pair(&r->query, "directory", below);
    if (last)
        cove__uri_add_pair(&r->query, "continuation", cove__buf_slice(&last->next_key));
}

struct reader {
    struct cove__upload_page *page;
    struct cove__buf name;
    int64_t mtime_ns;
    bool is_page;
};

static void next_path(struct reader *in)
{
    cove__buf_reset(&in->name);
    in->mtime_ns = -1;
}

static int take_path(void *user, const char *path, enum cove__json_type type, const char *text)
{
    struct reader *in = user;

    if (strcmp(path, "paths[]/name") == 0)
        return cove__buf_add_str(&in->name, text);
    if (strcmp(path, "paths[]/lastModified") == 0) /* of the last flush, or else of the creation */
        in->mtime_ns = cove__parse_http_date(text);
    return 0;
}

static int end_path(void *user, const char *path)
{
    struct reader *in = user;
    int rc = 0;

    in->is_page |= strcmp(path, "paths") == 0;
    if (strcmp(path, "paths[]") != 0)
        return 0;
    struct cove__slice name = cove__buf_slice(&in->name), id = id_of(name);
    if (id.size > 0)
        rc = cove__upload_page_add(in->page, name, id, in->mtime_ns);
    next_path(in);
    return rc;
}

int cove__dfs_uploads_response(const struct cove__object_request *r, struct cove__upload_page *ret)
{
    static const struct cove__json_handler handler = { .value = take_path, .end = end_path };
    struct reader in = { .page = ret, .name = COVE__BUF_INIT(COVE__OBJECT_KEY_MAX * 4 + 2) };
    char why[160];

    next_path(&in);
    int rc = cove__json_read(cove__buf_slice(&r->http.response), &handler, &in, why, sizeof why);
    if (rc == COVE_EINVAL || (rc == 0 && !in.is_page))
        rc = COVE_EPROTOCOL;
    if (rc == 0)
        rc = cove__azure_continuation(r, &ret->next_key);
    ret->more = rc == 0 && ret->next_key.size > 0;
    cove__buf_done(&in.name);
    return rc;
}

/* ---- removals ---- */

int cove__dfs_remove_upload(struct cove__object_store *store, const char *path, const char *id,
                            const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;

    if (!cove__slice_is(id_of(cove__object_split(path).key), id))
        return 1; /* no name that an upload of ours has */
    int rc = cove__object_remove_upload(store, path, id, ctx, &why);
    if (rc == COVE_ENOTFOUND)
        return 1;
    return rc < 0 ? cove__error_copy(err, &why) : rc;
}

static int remove_page(struct cove__object_store *store, const struct cove__upload_page *page,
                       const struct cove__ctx *ctx, struct cove_error *err)
{
    int rc = 0;

    for (size_t i = 0; rc >= 0 && i < page->n; i++)
        rc = cove__dfs_remove_upload(store, page->items[i].path, page->items[i].id, ctx, err);
    return rc < 0 ? rc : 0;
}

int cove__dfs_uploads_below(struct cove__object_store *store, const char *path, bool removes,
                            const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__upload_page last = COVE__UPLOAD_PAGE_INIT;
    struct cove__paging paging = { 0 };
    bool first = true, any = false;
    int rc;

    do {
        struct cove__upload_page page = COVE__UPLOAD_PAGE_INIT;
        rc = cove__object_list_uploads(store, path, first ? NULL : &last, ctx, &page, err);
        any |= page.n > 0;
        if (rc == 0 && removes)
            rc = remove_page(store, &page, ctx, err);
        if (rc == 0 && page.more)
            rc = cove__paging_next(&paging, cove__buf_str(&page.next_key), NULL, page.n, ctx, err);
        cove__upload_page_done(&last);
        last = page;
        first = false;
    } while (rc == 0 && last.more && (removes || !any));
    cove__upload_page_done(&last);
    return rc < 0 ? rc : any;
}
