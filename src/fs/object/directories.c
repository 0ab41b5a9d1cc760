/* Makes and removes buckets, directories (virtual ones, or the store's own) and trees. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/object/known.h"
#include "fs/object/marker.h"
#include "fs/object/operations.h"
#include "fs/object/real.h"
#include "fs/object/remove.h"
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
    if (store->ops->make_bucket_request)
        store->ops->make_bucket_request(&r, &body);
    int rc = cove__buf_rc(&body);
    if (rc < 0)
        cove__fs_fail(&why, ctx, rc, "the request cannot be kept in memory: %s", cove_code_phrase(rc));
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
    int rc = 0, real;

    if (name.bucket.size == 0)
        return 0; /* the root is there */
    if (name.key.size == 0)
        return make_bucket(store, name, ctx, err);
    char *plain = cove__object_trim_slash(path);
    if (!plain)
        return cove__fail_nomem(err, "a path");
    if (cove__virtual_exists(store, plain, COVE__VIRTUAL_NOW))
        goto out;
    name = cove__object_split(plain);
    real = cove__real_here(store, name, ctx, err);
    if (real < 0) {
        rc = real;
        goto out;
    }
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
            rc = rc == COVE_EISDIR ? 0 : cove__error_copy(err, &why);
            goto out;
        }
    }
    if (real) {
        rc = cove__real_make(store, name, ctx, err);
        goto out;
    }
    /* Refused or missing: a virtual directory needs neither. If something is wrong, writing below it fails. */
    rc = cove__virtual_make(store, plain);
    if (rc < 0)
        cove__fs_fail(err, ctx, rc, "the directory cannot be remembered: %s", cove_code_phrase(rc));
out:
    cove__free(plain);
    return rc;
}

/* ---- trees ---- */

static int remove_keys(struct cove__object_store *store, const struct cove__page *page,
                       struct cove__object_failed *failed, const struct cove__ctx *ctx, struct cove_error *err)
{
    const char **paths = cove__calloc(page->n, sizeof *paths);

    if (!paths)
        return cove__fail_nomem(err, "a list of paths");
    for (size_t i = 0; i < page->n; i++)
        paths[i] = page->items[i].path;
    int rc = cove__object_remove_exact(store, paths, page->n, failed, ctx, err);
    cove__free(paths);
    return rc;
}

/* A bucket that lists no object may still have folders, versions or uploads. */
static int refine_not_empty(struct cove__object_store *store, const char *bucket, const struct cove__ctx *ctx,
                            struct cove_error *err)
{
    const char *why = "the bucket is not empty";
    struct cove__object_name name = cove__object_split(bucket);

    if (cove__object_any_below(store, name, ctx, NULL) == 0) {
        struct cove__page page = { 0 };
        int rc = cove__object_list(store, bucket, false, NULL, ctx, &page, NULL);

        why = rc == 0 && page.n > 0
                  ? "the bucket has no objects, but folders; a removal of the tree removes them"
                  : "the bucket has no objects, but older versions or unfinished uploads; remove these first";
        cove__page_done(&page);
    }
    return cove__fs_fail(err, ctx, COVE_ENOTEMPTY, "%s", why);
}

static int delete_bucket(struct cove__object_store *store, const char *bucket, const struct cove__ctx *ctx,
                         struct cove_error *err)
{
    struct cove__object_name name = cove__object_split(bucket);
    struct cove_error why = COVE_ERROR_INIT;
    struct cove__object_request r;

    if (store->ops->removes_full_buckets) {
        int any = cove__object_any_below(store, name, ctx, err);
        if (any != 0)
            return any < 0 ? any : cove__fs_fail(err, ctx, COVE_ENOTEMPTY, "the bucket is not empty");
    }
    cove__object_request_init(&r, store, "DELETE", name, ctx);
    r.whole_bucket = true;
    r.accept = cove__object_accept_empty;
    if (store->ops->remove_bucket_request)
        store->ops->remove_bucket_request(&r);
    int rc = cove__object_run(&r, &why);
    bool not_empty = r.refusal == COVE__REFUSED_BUCKET_NOT_EMPTY;
    if (rc == COVE_ENOTFOUND && cove__object_may_be_done(&r)) /* by an attempt whose response was lost */
        rc = 0;
    if (rc == 0)
        cove__object_forget_bucket(store, name.bucket);
    cove__object_request_done(&r);
    if (not_empty)
        return refine_not_empty(store, bucket, ctx, err);
    return rc < 0 ? cove__error_copy(err, &why) : 0;
}

/* Lists everything below, markers included, and deletes it page by page. In an ordered listing a page's token stays
 * valid when the page's keys are removed. In an unordered one it may not: there the listing starts again, unless names
 * were refused, which it would find again. */
static int remove_by_pages(struct cove__object_store *store, struct cove__object_name name, const struct cove__ctx *ctx,
                           bool *ret_any, struct cove_error *err)
{
    bool unordered = cove__object_is_unordered(store, name.bucket), more = false;
    struct cove__object_failed failed = { 0 };
    struct cove__paging paging = { 0 };
    char *token = NULL;
    int rc;

    do {
        struct cove__page page = { 0 };
        rc = cove__object_list_keys(store, name, token, ctx, &page, err);
        if (rc == 0 && page.n > 0) {
            *ret_any = true;
            rc = remove_keys(store, &page, &failed, ctx, err);
        }
        if (rc == 0 && page.token)
            rc = cove__paging_next_page(&paging, &page, page.token, page.n > 0 ? page.items[0].path : NULL, ctx, err);
        more = page.token && !(unordered && failed.n > 0);
        cove__free(token);
        token = NULL;
        if (page.n == 0 || !unordered) {
            token = page.token;
            page.token = NULL;
        }
        cove__page_done(&page);
    } while (rc == 0 && more);
    cove__free(token);
    return rc == 0 && failed.n > 0 ? cove__object_failed_error(&failed, ctx, err) : rc;
}

/* Everything below; *ret_any: there was something. */
static int remove_below(struct cove__object_store *store, struct cove__object_name name, const struct cove__ctx *ctx,
                        bool *ret_any, struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;
    struct cove__object_steps_end end = { .unsupported = true };
    int rc = 0, by_store = name.key.size > 0 && store->ops->remove_tree;

    if (by_store && store->ops->directories)
        by_store = cove__real_here(store, name, ctx, err);
    if (by_store < 0)
        return by_store;
    if (by_store)
        rc = cove__object_run_steps(store, store->ops->remove_tree, name, NULL, ctx, &end, &why);
    if (end.unsupported)
        return remove_by_pages(store, name, ctx, ret_any, err);
    *ret_any = end.begun || end.repeated;
    if (rc == COVE_ENOTFOUND && end.begun) { /* it may be the operation that is not found */
        int left = cove__object_any_below(store, name, ctx, err);
        return left > 0 ? cove__fs_fail(err, ctx, COVE_ESERVER,
                                        "the store has lost its operation, and the directory still exists: repeat it")
                        : left;
    }
    return rc < 0 && rc != COVE_ENOTFOUND ? cove__error_copy(err, &why) : 0;
}

/* The real directories at the top of a bucket, each by the store; loose objects stay. */
static int remove_top(struct cove__object_store *store, const char *bucket, const struct cove__ctx *ctx,
                      struct cove_error *err)
{
    struct cove__paging paging = { 0 };
    char *token = NULL;
    int rc;

    do {
        struct cove__page page = { 0 };

        rc = cove__object_list(store, bucket, false, token, ctx, &page, err);
        cove__free(token);
        token = page.token;
        page.token = NULL;
        for (size_t i = 0; rc == 0 && i < page.n; i++) {
            bool any = false;
            if (page.items[i].type == COVE_INFO_DIRECTORY)
                rc = remove_below(store, cove__object_split(page.items[i].path), ctx, &any, err);
        }
        if (rc == 0 && token)
            rc = cove__paging_next_page(&paging, &page, token, page.n > 0 ? page.items[0].path : NULL, ctx, err);
        cove__page_done(&page);
    } while (rc == 0 && token);
    cove__free(token);
    return rc;
}

/* Object by object the folders of a bucket that has real ones would stay. */
static int empty_bucket(struct cove__object_store *store, const char *bucket, const struct cove__ctx *ctx,
                        bool *ret_any, struct cove_error *err)
{
    struct cove__object_name name = cove__object_split(bucket);
    int real = store->ops->remove_tree ? cove__real_in(store, name.bucket, ctx, err) : 0;
    int rc = real > 0 ? remove_top(store, bucket, ctx, err) : real;

    return rc < 0 ? rc : remove_below(store, name, ctx, ret_any, err);
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
    if (!plain)
        return cove__fail_nomem(err, "a path");
    bool is_virtual = cove__virtual_exists(store, plain, COVE__VIRTUAL_NOW);
    int rc = name.key.size > 0 ? remove_below(store, name, ctx, &any, err) : empty_bucket(store, plain, ctx, &any, err);
    int marker = rc == 0 ? cove__marker_remove(store, plain, true, ctx, err) : 0;
    any |= marker > 0;
    if (marker < 0)
        rc = marker;
    if (rc == 0) {
        cove__virtual_forget_tree(store, plain);
        if (name.key.size > 0 && !any && !is_virtual)
            rc = cove__fs_fail(err, ctx, COVE_ENOTFOUND, "no such object, and nothing below it");
    }
    cove__free(plain);
    return rc;
}

/* An empty directory may have its own marker, which would be listed first: it has the shortest name. */
static bool is_marker_only(const struct cove__page *page, const char *plain)
{
    size_t marker = strlen(plain) + (plain[strlen(plain) - 1] != '/');

    return page->n == 1 && !page->token && page->items[0].size == 0 && strlen(page->items[0].path) == marker;
}

static int remove_virtual(struct cove__object_store *store, const char *plain, const struct cove__ctx *ctx,
                          struct cove_error *err)
{
    bool is_virtual = cove__virtual_exists(store, plain, COVE__VIRTUAL_NOW);
    struct cove__object_failed failed = { 0 };
    struct cove__page page = { 0 };
    int marker = 0;

    int rc = cove__object_list_keys(store, cove__object_split(plain), NULL, ctx, &page, err);
    if (rc < 0)
        goto out;
    if ((page.n > 0 && !is_marker_only(&page, plain)) || cove__virtual_has_children(store, plain))
        rc = cove__fs_fail(err, ctx, COVE_ENOTEMPTY, "the directory is not empty");
    else if (page.n > 0)
        rc = remove_keys(store, &page, &failed, ctx, err);
    if (rc == 0 && failed.n > 0)
        rc = cove__object_failed_error(&failed, ctx, err);
    if (rc == 0)
        marker = cove__marker_remove(store, plain, true, ctx, err);
    if (marker < 0)
        rc = marker;
    else if (rc == 0 && page.n == 0 && marker == 0 && !is_virtual)
        rc = cove__fs_fail(err, ctx, COVE_ENOTFOUND, "no such directory");
out:
    cove__page_done(&page);
    return rc;
}

static int remove_directory(struct cove__object_store *store, const char *plain, const struct cove__ctx *ctx,
                            struct cove_error *err)
{
    struct cove__object_name name = cove__object_split(plain);
    int real = cove__real_here(store, name, ctx, err);

    if (real < 0)
        return real;
    return real ? cove__real_remove(store, name, ctx, err) : remove_virtual(store, plain, ctx, err);
}

int cove__object_rmdir(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__object_store *store = self;
    struct cove__object_name name = cove__object_split(path);
    char *plain = cove__object_trim_slash(path);
    int rc;

    if (!plain)
        return cove__fail_nomem(err, "a path");
    if (name.bucket.size == 0)
        rc = cove__fs_fail(err, ctx, COVE_EINVAL, "the root cannot be removed");
    else if (name.key.size == 0)
        rc = delete_bucket(store, plain, ctx, err);
    else
        rc = remove_directory(store, plain, ctx, err);
    if (rc == 0)
        cove__virtual_forget_tree(store, plain);
    cove__free(plain);
    return rc;
}
