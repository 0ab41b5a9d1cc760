/*
 * Listings: of buckets, of one level of a bucket, of all keys below a prefix; and what follows from them: whether
 * anything is below a key.
 */
#include "fs/object/list.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/object/operations.h"
#include "fs/object/marker.h"
#include "fs/object/real.h"
#include "fs/object/virtual.h"

#define PREFIX_MAX (COVE__OBJECT_KEY_MAX + 2)
#define BEFORE_MAX (COVE__OBJECT_KEY_MAX * 3 + 320)

/* ---- one page ---- */

typedef int response_fn(const struct cove__object_request *r, struct cove__object_page_reader *p);

/* `token`: where this page began; NULL: the first. */
static int read_page(const struct cove__object_request *r, response_fn *response, struct cove__object_page_reader *p,
                     const char *token, struct cove_error *err)
{
    int rc = response(r, p);

    if (rc < 0)
        return p->wrong ? cove__object_fail(r, err, rc, "the listing cannot be read: %s", p->wrong)
                        : cove__object_unreadable(r, err, rc, "the listing");
    rc = cove__object_page_end(p, token);
    if (rc < 0)
        return p->wrong ? cove__object_fail(r, err, rc, "%s", p->wrong) : cove__fail_nomem(err, "a page of a listing");
    return 0;
}

static int read_entries(const struct cove__object_request *r, struct cove__object_page_reader *p, const char *token,
                        struct cove_error *err)
{
    int rc = read_page(r, r->store->ops->list_response, p, token, err);

    if (rc == 0)
        cove__virtual_end_page(r->store, p->page);
    return rc;
}

/* The key of `prefix` is how the keys of the page begin. */
static int fetch_prefix(struct cove__object_store *store, struct cove__object_name prefix, bool one_level,
                        const char *token, const struct cove__ctx *ctx, struct cove__object_page_reader *p,
                        struct cove_error *err)
{
    struct cove__object_list_query query = {
        .prefix = prefix.key,
        .one_level = one_level,
        .checksums = p->keys,
        .limit = store->ops->list_page_max,
        .token = token,
    };
    struct cove__object_request r;

    p->bucket = prefix.bucket;
    p->prefix = prefix.key;
    cove__object_request_init(&r, store, "GET", (struct cove__object_name){ .bucket = prefix.bucket }, ctx);
    r.http.response_max = COVE__OBJECT_RESPONSE_MAX;
    store->ops->list_request(&r, &query);
    int rc = cove__object_run(&r, err);
    p->now_ns = cove__object_response_time(&r);
    if (rc == 0)
        rc = read_entries(&r, p, token, err);
    cove__object_request_done(&r);
    return rc;
}

static int fetch_page(struct cove__object_store *store, struct cove__object_name name, bool one_level,
                      const char *token, const struct cove__ctx *ctx, struct cove__object_page_reader *p,
                      struct cove_error *err)
{
    struct cove__buf prefix = COVE__BUF_INIT(PREFIX_MAX);
    int rc = cove__object_prefix(name.key, &prefix);

    if (rc < 0) {
        cove__fs_fail(err, ctx, rc, "the prefix cannot be kept in memory: %s", cove_code_phrase(rc));
    } else {
        name.key = cove__buf_slice(&prefix);
        rc = fetch_prefix(store, name, one_level, token, ctx, p, err);
    }
    cove__buf_done(&prefix);
    return rc;
}

int cove__object_list_keys(struct cove__object_store *store, struct cove__object_name name, const char *token,
                           const struct cove__ctx *ctx, struct cove__page *ret_page, struct cove_error *err)
{
    struct cove__object_page_reader p;

    cove__object_page_init(&p, ret_page);
    p.keys = p.deep = true;
    int rc = fetch_page(store, name, false, token, ctx, &p, err);
    cove__object_page_done(&p);
    return rc;
}

int cove__object_list_prefix(struct cove__object_store *store, struct cove__object_name prefix, const char *token,
                             const struct cove__ctx *ctx, struct cove__page *ret_page, int64_t *ret_now_ns,
                             struct cove_error *err)
{
    struct cove__object_page_reader p;

    cove__object_page_init(&p, ret_page);
    p.keys = p.deep = true;
    int rc = fetch_prefix(store, prefix, false, token, ctx, &p, err);
    if (ret_now_ns)
        *ret_now_ns = p.now_ns;
    cove__object_page_done(&p);
    return rc;
}

bool cove__object_is_unordered(const struct cove__object_store *store, struct cove__slice bucket)
{
    return store->ops->is_unordered && store->ops->is_unordered(store, bucket);
}

bool cove__object_unordered(void *self, const char *path)
{
    return cove__object_is_unordered(self, cove__object_split(path).bucket);
}

int cove__object_hides_directories(void *self, const char *path, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__slice bucket = cove__object_split(path).bucket;

    return bucket.size > 0 ? cove__real_in(self, bucket, ctx, err) : 0;
}

/* ---- whether there is anything below a key ---- */

static void ask_below(struct cove__object_request *r, const char *token)
{
    struct cove__buf prefix = COVE__BUF_INIT(PREFIX_MAX);

    unsigned limit = token ? r->store->ops->list_page_max : 1; /* of small pages, more are empty */

    cove__buf_reset(&r->query);
    int rc = cove__object_prefix(r->probe.key, &prefix);
    if (rc < 0)
        r->query.rc = rc;
    else
        r->store->ops->list_request(
            r, &(struct cove__object_list_query){ .prefix = cove__buf_slice(&prefix), .limit = limit, .token = token });
    cove__buf_done(&prefix);
}

/* An empty page with a token does not show whether anything is below: the next page is asked for. */
static int accept_below(struct cove__object_request *r, struct cove_error *err)
{
    struct cove__buf prefix = COVE__BUF_INIT(PREFIX_MAX);
    struct cove__page page = { 0 };
    struct cove__object_page_reader p;
    int rc = cove__object_prefix(r->probe.key, &prefix);

    cove__object_page_init(&p, &page);
    p.keys = p.deep = true;
    p.bucket = r->name.bucket;
    p.prefix = cove__buf_slice(&prefix);
    rc = rc < 0 ? cove__object_fail(r, err, rc, "the prefix cannot be kept in memory: %s", cove_code_phrase(rc))
                : read_entries(r, &p, NULL, err);
    if (rc == 0 && page.n == 0 && page.token) {
        rc = cove__paging_next(&r->probe.paging, page.token, NULL, 0, &r->http.op.ctx, err);
        ask_below(r, page.token);
        r->continues = true;
    } else if (rc == 0) {
        r->probe.any = page.n > 0;
        r->probe.object = page.n > 0 && page.items[0].size > 0 &&
                          cove__slice_eq(cove__object_split(page.items[0].path).key, r->probe.key);
    }
    cove__object_page_done(&p);
    cove__page_done(&page);
    cove__buf_done(&prefix);
    return rc;
}

void cove__object_probe_request(struct cove__object_request *r, struct cove__slice key)
{
    r->accept = accept_below;
    r->probe.key = key;
    ask_below(r, NULL);
}

int cove__object_any_below(struct cove__object_store *store, struct cove__object_name name, const struct cove__ctx *ctx,
                           struct cove_error *err)
{
    struct cove__object_request r;
    int rc = cove__real_here(store, name, ctx, err);

    if (rc != 0)
        return rc < 0 ? rc : cove__real_exists(store, name, ctx, err);
    cove__object_request_init(&r, store, "GET", (struct cove__object_name){ .bucket = name.bucket }, ctx);
    cove__object_probe_request(&r, name.key);
    rc = cove__object_run(&r, err);
    if (rc == 0)
        rc = r.probe.any;
    cove__object_request_done(&r);
    return rc;
}

int cove__object_refine_not_found(struct cove__object_store *store, struct cove__object_name name, int rc,
                                  const struct cove_error *why, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove_error below = COVE_ERROR_INIT;
    int any = rc == COVE_ENOTFOUND && name.version.size == 0 ? cove__object_any_below(store, name, ctx, &below) : 0;

    if (any == 1)
        return cove__fs_fail(err, ctx, COVE_EISDIR, "a directory");
    if (any == COVE_EPROTOCOL) /* another server has answered, and the first request, too */
        return cove__error_copy(err, &below);
    return rc < 0 ? cove__error_copy(err, why) : 0;
}

/* ---- for a user ---- */

static int list_buckets(struct cove__object_store *store, const char *token, const struct cove__ctx *ctx,
                        struct cove__page *page, struct cove_error *err)
{
    struct cove__object_request r;
    struct cove__object_page_reader p;

    if (!store->ops->buckets_response)
        return cove__fs_fail(err, ctx, COVE_ENOTSUP, "this store has no list of its buckets; name one");
    cove__object_page_init(&p, page);
    cove__object_request_init(&r, store, "GET", cove__object_split(""), ctx);
    r.http.response_max = COVE__OBJECT_RESPONSE_MAX;
    if (store->ops->buckets_request)
        store->ops->buckets_request(&r, token);
    int rc = cove__object_run(&r, err);
    if (rc == 0)
        rc = read_page(&r, store->ops->buckets_response, &p, token, err);
    cove__object_request_done(&r);
    cove__object_page_done(&p);
    return rc;
}

/* Nothing is below the prefix: a file, an empty directory, or nothing at all. */
static int refine_empty(struct cove__object_store *store, const char *path, struct cove__object_name name,
                        uint64_t began, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__object_head head;
    struct cove_error why = COVE_ERROR_INIT;

    if (name.key.size == 0)
        return 0;
    char *plain = cove__object_trim_slash(path);
    bool virtual = plain && cove__virtual_exists(store, plain, began);
    cove__free(plain);
    if (virtual)
        return 0;
    int rc = cove__real_here(store, name, ctx, err);
    if (rc > 0)
        rc = cove__real_exists(store, name, ctx, err);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    if (cove__marker_may_be(store))
        name = cove__marker_name(name);
    rc = name.key.size > 0 && name.key.data[name.key.size - 1] != '/' ? cove__object_head(store, name, ctx, &head, &why)
                                                                      : COVE_ENOTFOUND;
    if (rc == 0)
        return cove__fs_fail(err, ctx, COVE_ENOTDIR, "an object, not a directory");
    if (rc == COVE_EISDIR)
        return 0;
    if (rc == COVE_ENOTFOUND)
        return cove__fs_fail(err, ctx, COVE_ENOTFOUND, "no such object, and nothing below it");
    return cove__error_copy(err, &why);
}

/* The directory exists by its marker, even if a listing of one level does not show that. */
static void end_by_marker(struct cove__object_store *store, const char *path)
{
    char *key = cove__path_join(path, "");

    if (key)
        cove__virtual_end(store, key, strlen(key));
    cove__free(key);
}

/* A walk hands its names to other calls, which would take such a name for that of a version. */
static int check_names(const struct cove__object_store *store, const struct cove__page *page,
                       const struct cove__ctx *ctx, struct cove_error *err)
{
    for (size_t i = 0; i < page->n; i++) {
        if (cove__object_locate(store, page->items[i].path).version.size > 0)
            return cove__fs_fail(err, ctx, COVE_EINVAL,
                                 "the name of %s ends like a version: open the filesystem without version_aware",
                                 page->items[i].path);
    }
    return 0;
}

int cove__object_list(void *self, const char *path, bool deep, const char *token, const struct cove__ctx *ctx,
                      struct cove__page *ret_page, struct cove_error *err)
{
    struct cove__object_store *store = self;
    struct cove__object_name name = cove__object_split(path);
    struct cove__buf before = COVE__BUF_INIT(BEFORE_MAX);
    struct cove__object_page_reader p;

    if (name.bucket.size == 0 && !deep)
        return list_buckets(store, token, ctx, ret_page, err);
    if (name.bucket.size == 0)
        return cove__fs_fail(err, ctx, COVE_EINVAL,
                             "the objects of all buckets together cannot be listed; name a bucket");
    bool unordered = cove__object_is_unordered(store, name.bucket);
    bool joined = !deep || !unordered; /* a deep listing in no order is of files only */
    uint64_t began = cove__virtual_time(store);
    cove__object_page_init(&p, ret_page);
    p.deep = deep;
    const char *own = joined ? cove__virtual_page_token(token, &before) : token;
    int rc = cove__buf_rc(&before);
    if (rc < 0)
        cove__fs_fail(err, ctx, rc, "the page's token cannot be kept in memory: %s", cove_code_phrase(rc));
    else
        rc = fetch_page(store, name, !deep, own, ctx, &p, err);
    if (rc == 0 && deep && store->version_aware)
        rc = check_names(store, ret_page, ctx, err);
    if (rc == 0 && p.seen && ret_page->n == 0)
        end_by_marker(store, path);
    if (rc == 0 && !token && !p.seen && !ret_page->token)
        rc = refine_empty(store, path, name, began, ctx, err);
    if (rc == 0 && joined) {
        rc = cove__virtual_page_join(store, path, deep, unordered, token ? cove__buf_str(&before) : NULL, began,
                                     ret_page);
        if (rc < 0)
            cove__fs_fail(err, ctx, rc, "a page of a listing cannot be kept in memory: %s", cove_code_phrase(rc));
    }
    cove__buf_done(&before);
    cove__object_page_done(&p);
    return rc;
}
