/* Makes and removes buckets, virtual directories and trees. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/object/known.h"
#include "fs/object/operations.h"
#include "fs/object/steps.h"
#include "fs/object/virtual.h"
#include "fs/paging.h"

#define BUCKET_BODY_MAX ((size_t)4096)

/* ---- buckets and directories ---- */

static int make_bucket(struct cove__object_store *store, struct cove__object_name name, const struct cove__ctx *ctx,
                       struct cove_error *err)
{
    struct cove__buf body = COVE__BUF_INIT(BUCKET_BODY_MAX);
    struct cove__object_request r;
    struct cove_error why = COVE_ERROR_INIT;

    cove__object_request_init(&r, store, "PUT", name, ctx);
    r.whole_bucket = true;
    if (store->ops->make_bucket_request != NULL)
        store->ops->make_bucket_request(&r, &body);
    int rc = cove__buf_rc(&body);
    if (rc < 0)
        cove__fs_fail(&why, ctx, rc, "the request cannot be held: %s", cove_code_phrase(rc));
    else {
        cove__object_body(&r, cove__buf_slice(&body), COVE__CHECKSUM_NONE);
        rc = cove__object_run(&r, &why);
    }
    bool doubted = rc == 0 && r.http.response.size > 0; /* some stores send a body, and so do proxies */
    if (rc < 0 && r.refusal == COVE__REFUSED_BUCKET_IS_OURS)
        rc = 0;
    cove__object_request_done(&r);
    cove__buf_done(&body);
    if (doubted && (rc = cove__object_any_below(store, name, ctx, &why)) > 0)
        rc = 0;
    return rc < 0 ? cove__error_copy(err, &why) : 0;
}

int cove__object_require_bucket(struct cove__object_store *store, struct cove__object_name name,
                                const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__object_name bucket = { .bucket = name.bucket };
    struct cove_error why = COVE_ERROR_INIT;

    if (cove__object_bucket_is_known(store, name.bucket))
        return 0;
    int rc = cove__object_any_below(store, bucket, ctx, &why);
    if (rc == COVE_ENOTFOUND && store->create_buckets)
        return make_bucket(store, bucket, ctx, err);
    if (rc == COVE_EACCESS) { /* a user who may not list the bucket may still write to it */
        cove__object_remember_bucket(store, name.bucket);
        return 0;
    }
    return rc < 0 ? cove__error_copy(err, &why) : 0;
}

int cove__object_mkdir(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__object_store *store = self;
    struct cove__object_name name = cove__object_split(path);
    struct cove__object_head head;
    struct cove_error why = COVE_ERROR_INIT;
    int rc = 0;

    if (name.bucket.size == 0)
        return 0; /* the root is there */
    if (name.key.size == 0)
        return make_bucket(store, name, ctx, err);
    char *plain = cove__object_trim_slash(path);
    if (plain == NULL)
        return cove__fail_nomem(err, "a path");
    if (cove__virtual_exists(store, plain, COVE__VIRTUAL_NOW))
        goto out;
    name = cove__object_split(plain);
    if (!cove__virtual_existed(store, plain)) {
        rc = cove__object_require_bucket(store, name, ctx, err);
        if (rc < 0)
            goto out;
        rc = cove__object_head(store, name, ctx, &head, &why);
        if (rc == 0) {
            rc = cove__fs_fail(err, ctx, COVE_EEXIST, "an object of this name exists");
            goto out;
        }
        if (rc != COVE_ENOTFOUND && rc != COVE_EACCESS) {
            rc = cove__error_copy(err, &why);
            goto out;
        }
    }
    /* Refused or missing: a virtual directory needs neither. Writing below it will say what is wrong, if anything is.
     */
    rc = cove__virtual_make(store, plain);
    if (rc < 0)
        cove__fs_fail(err, ctx, rc, "the directory cannot be remembered: %s", cove_code_phrase(rc));
out:
    cove__free(plain);
    return rc;
}

/* ---- trees ---- */

static int remove_keys(struct cove__object_store *store, const struct cove__page *page, const struct cove__ctx *ctx,
                       struct cove_error *err)
{
    const char **paths = cove__calloc(page->n, sizeof *paths);

    if (paths == NULL)
        return cove__fail_nomem(err, "a list of paths");
    for (size_t i = 0; i < page->n; i++)
        paths[i] = page->items[i].path;
    int rc = cove__object_remove(store, paths, NULL, page->n, ctx, err);
    cove__free(paths);
    return rc;
}

/* A bucket that lists nothing may still have versions or uploads. */
static int refine_not_empty(struct cove__object_store *store, struct cove__object_name name,
                            const struct cove__ctx *ctx, struct cove_error *err)
{
    int any = cove__object_any_below(store, name, ctx, NULL);

    return cove__fs_fail(err, ctx, COVE_ENOTEMPTY,
                         any == 0 ? "the bucket has no objects, but older versions or unfinished uploads; "
                                    "remove these first"
                                  : "the bucket is not empty");
}

static int delete_bucket(struct cove__object_store *store, struct cove__object_name name, const struct cove__ctx *ctx,
                         struct cove_error *err)
{
    struct cove__object_request r;

    cove__object_request_init(&r, store, "DELETE", name, ctx);
    r.whole_bucket = true;
    r.accept = cove__object_accept_empty;
    if (store->ops->remove_bucket_request != NULL)
        store->ops->remove_bucket_request(&r);
    int rc = cove__object_run(&r, err);
    bool not_empty = r.refusal == COVE__REFUSED_BUCKET_NOT_EMPTY;
    if (rc == 0)
        cove__object_forget_bucket(store, name.bucket);
    cove__object_request_done(&r);
    return not_empty ? refine_not_empty(store, name, ctx, err) : rc;
}

/* Lists everything below, markers included, and deletes it page by page. In an ordered listing a page's token stays
 * valid when the page's keys are removed. In an unordered one it may not: there the listing starts again. */
static int remove_by_pages(struct cove__object_store *store, struct cove__object_name name, const struct cove__ctx *ctx,
                           bool *ret_any, struct cove_error *err)
{
    bool unordered = cove__object_is_unordered(store, name.bucket), more = false;
    struct cove__paging paging = { 0 };
    char *token = NULL;
    int rc;

    do {
        struct cove__page page = { 0 };
        rc = cove__object_list_keys(store, name, token, ctx, &page, err);
        if (rc == 0 && page.n > 0) {
            *ret_any = true;
            rc = remove_keys(store, &page, ctx, err);
        }
        if (rc == 0 && page.token != NULL)
            rc = cove__paging_next(&paging, page.token, page.n > 0 ? page.items[0].path : NULL, page.n, ctx, err);
        more = page.token != NULL;
        cove__free(token);
        token = NULL;
        if (page.n == 0 || !unordered) {
            token = page.token;
            page.token = NULL;
        }
        cove__page_done(&page);
    } while (rc == 0 && more);
    cove__free(token);
    return rc;
}

/* Everything below; *ret_any: there was something. */
static int remove_below(struct cove__object_store *store, struct cove__object_name name, const struct cove__ctx *ctx,
                        bool *ret_any, struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;
    struct cove__object_steps_end end = { .unsupported = true };
    int rc = 0;

    if (name.key.size > 0 && store->ops->remove_tree != NULL)
        rc = cove__object_run_steps(store, store->ops->remove_tree, name, NULL, ctx, &end, &why);
    if (end.unsupported)
        return remove_by_pages(store, name, ctx, ret_any, err);
    *ret_any = end.begun || end.repeated;
    return rc < 0 && rc != COVE_ENOTFOUND ? cove__error_copy(err, &why) : 0;
}

/* A bucket is emptied but not removed. */
int cove__object_remove_tree(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__object_store *store = self;
    struct cove__object_name name = cove__object_split(path);
    bool any = false;

    if (name.bucket.size == 0)
        return cove__fs_fail(err, ctx, COVE_EINVAL, "all buckets at once are not removed; name one");
    char *plain = cove__object_trim_slash(path);
    if (plain == NULL)
        return cove__fail_nomem(err, "a path");
    bool is_virtual = cove__virtual_exists(store, plain, COVE__VIRTUAL_NOW);
    int rc = remove_below(store, name, ctx, &any, err);
    if (rc == 0) {
        cove__virtual_forget_tree(store, plain);
        if (name.key.size > 0 && !any && !is_virtual)
            rc = cove__fs_fail(err, ctx, COVE_ENOTFOUND, "no such object, and nothing below it");
    }
    cove__free(plain);
    return rc;
}

int cove__object_rmdir(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__object_store *store = self;
    struct cove__object_name name = cove__object_split(path);
    struct cove__page page = { 0 };
    char *plain = cove__object_trim_slash(path);
    int rc;

    if (plain == NULL)
        return cove__fail_nomem(err, "a path");
    if (name.key.size == 0) {
        rc = name.bucket.size > 0 ? delete_bucket(store, name, ctx, err)
                                  : cove__fs_fail(err, ctx, COVE_EINVAL, "the root cannot be removed");
        if (rc == 0)
            cove__virtual_forget_tree(store, plain);
        goto out;
    }
    bool is_virtual = cove__virtual_exists(store, plain, COVE__VIRTUAL_NOW);
    rc = cove__object_list_keys(store, name, NULL, ctx, &page, err);
    if (rc < 0)
        goto out;
    /* An empty directory may have its own marker, which would be listed first: it has the shortest name. */
    size_t marker = strlen(plain) + (plain[strlen(plain) - 1] != '/');
    bool only_marker =
        page.n == 1 && page.token == NULL && page.items[0].size == 0 && strlen(page.items[0].path) == marker;
    if ((page.n > 0 && !only_marker) || cove__virtual_has_children(store, plain))
        rc = cove__fs_fail(err, ctx, COVE_ENOTEMPTY, "the directory is not empty");
    else if (page.n > 0)
        rc = remove_keys(store, &page, ctx, err);
    else if (!is_virtual)
        rc = cove__fs_fail(err, ctx, COVE_ENOTFOUND, "no such directory");
    if (rc == 0)
        cove__virtual_forget_tree(store, plain);
out:
    cove__page_done(&page);
    cove__free(plain);
    return rc;
}
