/*
 * The versions of an object: its generations, in a bucket that keeps them. The store lists them from the oldest on, and
 * below a prefix only; so of one object all pages are read, and the result is one page from the newest on. Of all
 * objects below a directory the pages are the store's.
 */
#include "fs/gcs/gcs_versions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/paging.h"
#include "wire/json.h"
#include "wire/uri.h"

#define TOKEN_MAX    ((size_t)8192)
#define VERSIONS_MAX ((size_t)100000)

/* What is known of the item at hand. */
struct reader {
    struct cove__page *page;
    struct cove__object_name of; /* whose versions are wanted */
    bool below;                  /* of all objects of the prefix, not only of the one */
    struct cove__buf name, token;
    char generation[32], storage_class[COVE__STORAGE_CLASS_SIZE];
    int64_t size, mtime_ns;
    bool deleted;   /* it is not the latest: another came, or it was deleted */
    size_t n_items; /* of this page, those of other names too */
    bool is_page;   /* the response is a list of objects */
    bool passed;    /* the store has come to other names */
};

static void next_item(struct reader *in)
{
    cove__buf_reset(&in->name);
    in->generation[0] = in->storage_class[0] = '\0';
    in->size = in->mtime_ns = -1;
    in->deleted = false;
}

static int take(void *user, const char *path, enum cove__json_type type, const char *text)
{
    struct reader *in = user;
    struct cove__slice value = cove__slice_str(text);

    if (type == COVE__JSON_NULL)
        return 0;
    if (strcmp(path, "kind") == 0)
        in->is_page = strcmp(text, "storage#objects") == 0;
    if (strcmp(path, "nextPageToken") == 0)
        return cove__buf_add_slice(&in->token, value);
    if (strcmp(path, "items[]/name") == 0)
        return cove__buf_add_slice(&in->name, value);
    if (strcmp(path, "items[]/generation") == 0 && cove__gcs_is_generation(text))
        snprintf(in->generation, sizeof in->generation, "%s", text);
    else if (strcmp(path, "items[]/size") == 0)
        in->size = cove__object_number(value);
    else if (strcmp(path, "items[]/updated") == 0)
        in->mtime_ns = cove__object_date(value);
    else if (strcmp(path, "items[]/storageClass") == 0)
        cove__object_text(value, in->storage_class, sizeof in->storage_class);
    else if (strcmp(path, "items[]/timeDeleted") == 0)
        in->deleted = true;
    return 0;
}

static int add_info(struct reader *in, const char *path)
{
    struct cove_info info = { 0 };

    if (in->generation[0] == '\0' || in->size < 0)
        return COVE_EPROTOCOL;
    if (in->page->n >= VERSIONS_MAX)
        return COVE_ELIMIT;
    int rc = cove__info_set(&info, path, COVE_INFO_FILE, in->size, in->mtime_ns, in->generation);
    if (rc == 0) {
        memcpy(info.storage_class, in->storage_class, sizeof info.storage_class);
        info.version_id = cove__strdup(in->generation);
        info.latest = !in->deleted;
        rc = info.version_id ? cove__page_take(in->page, &info) : COVE_ENOMEM;
    }
    cove__info_done(&info);
    return rc;
}

static int end_item(void *user, const char *path)
{
    struct reader *in = user;

    if (strcmp(path, "items[]") != 0)
        return 0;
    struct cove__buf whole = COVE__BUF_INIT(COVE__OBJECT_KEY_MAX + 1 + in->of.bucket.size + 1);
    bool wanted = in->below || cove__slice_eq(cove__buf_slice(&in->name), in->of.key);
    in->n_items++;
    in->passed |= !wanted; /* below a prefix, the name itself comes first */
    cove__buf_add_slice(&whole, in->of.bucket);
    cove__buf_add_char(&whole, '/');
    int rc = cove__buf_add_slice(&whole, cove__buf_slice(&in->name));
    if (rc == 0 && wanted)
        rc = add_info(in, cove__buf_str(&whole));
    cove__buf_done(&whole);
    next_item(in);
    return rc;
}

static int read_page(struct cove__gcs *gcs, struct reader *in, struct cove__slice prefix, const char *token,
                     const struct cove__ctx *ctx, struct cove_error *err)
{
    static const struct cove__json_handler handler = { .value = take, .end = end_item };
    struct cove__object_request r;
    char why[160];

    cove__object_request_init(&r, &gcs->store, "GET", (struct cove__object_name){ .bucket = in->of.bucket }, ctx);
    r.http.response_max = COVE__OBJECT_RESPONSE_MAX;
    cove__buf_addf(
        &r.query,
        "versions=true&maxResults=%u&projection=noAcl&fields=kind,items(name,size,generation,updated,storageClass,"
        "timeDeleted),nextPageToken",
        GCS_LIST_PAGE);
    if (prefix.size > 0)
        cove__uri_add_pair(&r.query, "prefix", prefix);
    if (token)
        cove__uri_add_pair(&r.query, "pageToken", cove__slice_str(token));
    cove__buf_reset(&in->token);
    in->n_items = 0;
    in->is_page = false;
    next_item(in);
    int rc = cove__object_run(&r, err);
    if (rc == 0) {
        rc = cove__json_read(cove__buf_slice(&r.http.response), &handler, in, why, sizeof why);
        if (rc == COVE_EINVAL || (rc == 0 && !in->is_page))
            rc = COVE_EPROTOCOL;
        if (rc < 0)
            cove__object_unreadable(&r, err, rc, "the list of versions");
    }
    cove__object_request_done(&r);
    return rc;
}

int cove__gcs_versions(void *self, const char *path, const char *token, const struct cove__ctx *ctx,
                       struct cove__page *ret_page, struct cove_error *err)
{
    struct reader in = { .page = ret_page,
                         .name = COVE__BUF_INIT(COVE__OBJECT_KEY_MAX + 1),
                         .token = COVE__BUF_INIT(TOKEN_MAX) };
    struct cove__gcs *gcs = self;
    struct cove__paging paging = { 0 };
    char *next = NULL;

    int rc = cove__object_name_of(&gcs->store, path, true, ctx, &in.of, err);
    while (rc == 0) {
        rc = read_page(gcs, &in, in.of.key, next, ctx, err);
        cove__free(next);
        next = NULL;
        if (rc < 0 || in.token.size == 0 || in.passed)
            break;
        next = cove__buf_take(&in.token);
        rc = next ? cove__paging_next(&paging, next, NULL, in.n_items, ctx, err) : cove__fail_nomem(err, "a token");
    }
    cove__free(next);
    if (rc == 0 && ret_page->n == 0)
        rc = cove__fs_fail(err, ctx, COVE_ENOTFOUND, "no such object, nor any version of it");
    cove__page_reverse(ret_page);
    cove__buf_done(&in.name);
    cove__buf_done(&in.token);
    return rc;
}

int cove__gcs_versions_below(void *self, const char *path, const char *token, const struct cove__ctx *ctx,
                             struct cove__page *ret_page, struct cove_error *err)
{
    struct reader in = { .page = ret_page,
                         .of = cove__object_split(path),
                         .below = true,
                         .name = COVE__BUF_INIT(COVE__OBJECT_KEY_MAX + 1),
                         .token = COVE__BUF_INIT(TOKEN_MAX) };
    struct cove__buf prefix = COVE__BUF_INIT(COVE__OBJECT_KEY_MAX + 1);

    int rc = cove__object_prefix_of(&in.of, &prefix, ctx, err);
    if (rc == 0)
        rc = read_page(self, &in, cove__buf_slice(&prefix), token, ctx, err);
    if (rc == 0 && in.token.size > 0) {
        ret_page->token = cove__buf_take(&in.token);
        rc = ret_page->token ? 0 : cove__fail_nomem(err, "a token");
    }
    cove__buf_done(&prefix);
    cove__buf_done(&in.name);
    cove__buf_done(&in.token);
    return rc;
}
