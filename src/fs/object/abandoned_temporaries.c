/*
 * Uploads as temporary objects that were left behind. The store knows only the objects, whose names say of which upload
 * they are: those of one upload follow each other in a listing. Its pages come after those of the store's own list of
 * uploads; abandoned.c puts both together.
 */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/object/operations.h"
#include "fs/object/temporaries.h"
#include "fs/paging.h"
#include "fs/uploads.h"

#define PATH_BYTES (COVE__OBJECT_KEY_MAX + 320)

/* How the marker of such a page begins, where other stores have the upload that was listed last; that follows it. */
#define MARKER "temporaries:"
#define BESIDE '+' /* follows it where the uploads' objects are beside those that they make */

bool cove__temporaries_follow(const struct cove__upload_page *page)
{
    return page && strncmp(cove__buf_str(&page->next_id), MARKER, strlen(MARKER)) == 0;
}

int cove__temporaries_come_next(struct cove__upload_page *page)
{
    page->more = true;
    cove__buf_reset(&page->next_key);
    cove__buf_reset(&page->next_id);
    return cove__buf_add_str(&page->next_id, MARKER);
}

/* ---- a page ---- */

/* One entry of the listing: another object of the upload that was added last, or the first one of an upload, unless the
 * page before had that already. */
static int add(struct cove__upload_page *ret, const struct cove_info *info, const char *before)
{
    struct cove__buf key = COVE__BUF_INIT(COVE__OBJECT_KEY_MAX);
    struct cove__slice id;
    int owned = cove__temporaries_owner(cove__object_split(info->path).key, &key, &id);
    bool another =
        owned > 0 && !cove__slice_is(id, before) && (ret->n == 0 || !cove__slice_is(id, ret->items[ret->n - 1].id));

    if (another)
        owned = cove__upload_page_add(ret, cove__buf_slice(&key), id, info->mtime_ns);
    cove__buf_done(&key);
    if (owned <= 0 || another || cove__slice_is(id, before))
        return owned < 0 ? owned : 0;
    int64_t *started_ns = &ret->items[ret->n - 1].started_ns;
    if (info->mtime_ns >= 0 && (*started_ns < 0 || info->mtime_ns < *started_ns))
        *started_ns = info->mtime_ns;
    return 0;
}

static int set_marker(struct cove__upload_page *ret, const char *token, bool beside, const char *before)
{
    cove__temporaries_come_next(ret);
    if (beside)
        cove__buf_add_char(&ret->next_id, BESIDE);
    cove__buf_add_str(&ret->next_id, ret->n > 0 ? ret->items[ret->n - 1].id : before);
    cove__buf_add_str(&ret->next_key, token);
    return cove__buf_rc(&ret->next_key) < 0 ? cove__buf_rc(&ret->next_key) : cove__buf_rc(&ret->next_id);
}

static int list_in(struct cove__object_store *store, struct cove__object_name below, bool beside, const char *token,
                   const struct cove__ctx *ctx, struct cove__page *page, int64_t *ret_now_ns, struct cove_error *err)
{
    struct cove__buf prefix = COVE__BUF_INIT(PATH_BYTES);
    int rc;

    if (beside) {
        cove__buf_add_slice(&prefix, below.bucket);
        cove__buf_add_char(&prefix, '/');
        rc = cove__object_prefix(below.key, &prefix);
    } else {
        rc = cove__temporaries_prefix(&prefix, below);
    }
    if (rc == 0)
        rc = cove__object_list_prefix(store, cove__object_split(cove__buf_str(&prefix)), token, ctx, page, ret_now_ns,
                                      err);
    else
        cove__fail_nomem(err, "a list of uploads");
    cove__buf_done(&prefix);
    return rc;
}

/* *beside: the place of the page's uploads. It is set where the other may not be listed: then all below the name is. */
static int list_page(struct cove__object_store *store, struct cove__object_name below, bool *beside, const char *token,
                     const struct cove__ctx *ctx, struct cove__page *page, int64_t *ret_now_ns, struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;
    int rc = list_in(store, below, *beside, token, ctx, page, ret_now_ns, &why);

    if (rc == COVE_EACCESS && !*beside && !token && below.key.size > 0) {
        *beside = true;
        return list_in(store, below, true, NULL, ctx, page, ret_now_ns, err);
    }
    return rc < 0 ? cove__error_copy(err, &why) : rc;
}

int cove__temporaries_list(struct cove__object_store *store, struct cove__object_name below,
                           const struct cove__upload_page *last, const struct cove__ctx *ctx,
                           struct cove__upload_page *ret, struct cove_error *err)
{
    struct cove__page page = { 0 };
    const char *token = last && last->next_key.size > 0 ? cove__buf_str(&last->next_key) : NULL;
    const char *before = last ? cove__buf_str(&last->next_id) + strlen(MARKER) : "";
    bool beside = *before == BESIDE;

    before += beside;
    int rc = list_page(store, below, &beside, token, ctx, &page, &ret->now_ns, err);
    if (rc == 0) {
        ret->n_listed = page.n;
        for (size_t i = 0; rc == 0 && i < page.n; i++)
            rc = add(ret, &page.items[i], before);
        if (rc == 0 && page.token)
            rc = set_marker(ret, page.token, beside, before);
        if (rc < 0)
            cove__fail_nomem(err, "a list of uploads");
    }
    cove__page_done(&page);
    return rc;
}

/* ---- removal ---- */

static int remove_page(struct cove__object_store *store, const struct cove__page *page, const struct cove__ctx *ctx,
                       struct cove_error *err)
{
    const char **paths = cove__calloc(page->n, sizeof *paths);

    if (!paths)
        return cove__fail_nomem(err, "deletions");
    for (size_t i = 0; i < page->n; i++)
        paths[i] = page->items[i].path;
    int rc = cove__object_remove(store, paths, NULL, page->n, ctx, err);
    cove__free(paths);
    return rc;
}

/* All pages once. *ret_n: objects that were there. */
static int remove_once(struct cove__object_store *store, struct cove__object_name prefix, size_t *ret_n,
                       const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__paging paging = { 0 };
    char *token = NULL;
    bool more;
    int rc;

    *ret_n = 0;
    do {
        struct cove__page page = { 0 };
        rc = cove__object_list_prefix(store, prefix, token, ctx, &page, NULL, err);
        if (rc == 0 && page.n > 0)
            rc = remove_page(store, &page, ctx, err);
        *ret_n += page.n;
        cove__free(token);
        token = page.token;
        page.token = NULL;
        more = rc == 0 && token;
        if (more)
            rc = cove__paging_next_page(&paging, &page, token, NULL, ctx, err);
        cove__page_done(&page);
    } while (rc == 0 && more);
    cove__free(token);
    return rc;
}

/* How the paths of that upload's objects begin. */
static int prefix_of(struct cove__buf *out, struct cove__object_name name, bool beside, const char *id,
                     struct cove_error *err)
{
    cove__buf_init(out, PATH_BYTES);
    int rc = cove__temporaries_path(out, name, beside, id, NULL, 0);
    return rc < 0 ? cove__fail_nomem(err, "the name of an upload") : 0;
}

static int discard(struct cove__object_store *store, struct cove__object_name name, bool beside, const char *id,
                   const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__buf prefix;
    size_t n = 0;
    int rc = prefix_of(&prefix, name, beside, id, err);

    if (rc == 0)
        rc = remove_once(store, cove__object_split(cove__buf_str(&prefix)), &n, ctx, err);
    cove__buf_done(&prefix);
    return rc < 0 ? rc : n == 0;
}

/* An empty page with a token may hide some. */
static int is_listed(struct cove__object_store *store, struct cove__object_name name, bool beside, const char *id,
                     const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__buf prefix;
    struct cove__page page = { 0 };
    int rc = prefix_of(&prefix, name, beside, id, err);

    if (rc == 0)
        rc = cove__object_list_prefix(store, cove__object_split(cove__buf_str(&prefix)), NULL, ctx, &page, NULL, err);
    bool any = page.n > 0 || page.token;
    cove__page_done(&page);
    cove__buf_done(&prefix);
    return rc < 0 ? rc : any;
}

/* ---- in both places: beside its object an upload is only where the account may not use the other ---- */

int cove__temporaries_discard(struct cove__object_store *store, struct cove__object_name name, const char *id,
                              const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;
    int rc = discard(store, name, false, id, ctx, &why);

    if (rc == COVE_EACCESS)
        return discard(store, name, true, id, ctx, err);
    return rc < 0 ? cove__error_copy(err, &why) : rc;
}

int cove__temporaries_are_listed(struct cove__object_store *store, struct cove__object_name name, const char *id,
                                 const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;
    int rc = is_listed(store, name, false, id, ctx, &why);

    if (rc == COVE_EACCESS)
        return is_listed(store, name, true, id, ctx, err);
    return rc < 0 ? cove__error_copy(err, &why) : rc;
}
