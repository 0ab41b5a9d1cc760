/*
 * The versions of a blob, in an account that keeps them: List Blobs with include=versions. The store lists those of a
 * name from the oldest on, and below a prefix only; so of one blob all pages are read, and the result is one page from
 * the newest on. Of all blobs below a directory the pages are the store's. An account that keeps none lists the blob
 * alone, without an ID.
 */
#include "fs/azure/azure_versions.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/azure/azure_list.h"
#include "fs/fs_impl.h"
#include "fs/paging.h"
#include "wire/uri.h"

#define TOKEN_MAX    ((size_t)8192)
#define VERSIONS_MAX ((size_t)100000)

struct reader {
    struct cove__page *page;
    struct cove__object_name of; /* whose versions are wanted */
    bool below;                  /* of all blobs of the prefix, not only of the one */
    struct cove__buf token;
    size_t n_blobs; /* of this page, those of other names too */
    bool passed;    /* the store has come to other names */
};

static int add_info(struct reader *in, const char *path, const struct azure_entry *blob)
{
    const struct cove__object_entry *e = &blob->entry;
    struct cove_info info = { 0 };

    if (e->size < 0)
        return COVE_EPROTOCOL;
    if (in->page->n >= VERSIONS_MAX)
        return COVE_ELIMIT;
    int rc = cove__info_set(&info, path, COVE_INFO_FILE, e->size, e->mtime_ns, e->version[0] ? e->version : NULL);
    if (rc == 0) {
        memcpy(info.storage_class, e->storage_class, strlen(e->storage_class) + 1);
        info.latest = blob->current || blob->version_id[0] == '\0';
        if (blob->version_id[0] != '\0') {
            info.version_id = cove__strdup(blob->version_id);
            rc = info.version_id ? 0 : COVE_ENOMEM;
        }
    }
    if (rc == 0)
        rc = cove__page_take(in->page, &info);
    cove__info_done(&info);
    return rc;
}

static int take(void *user, const struct azure_entry *blob)
{
    struct reader *in = user;
    bool wanted = in->below || cove__slice_eq(blob->entry.key, in->of.key);
    struct cove__buf path = COVE__BUF_INIT(in->of.bucket.size + 1 + blob->entry.key.size + 1);

    in->n_blobs++;
    in->passed |= !wanted; /* below a prefix, the name itself comes first */
    if (!wanted)
        return 0;
    cove__buf_add_slice(&path, in->of.bucket);
    cove__buf_add_char(&path, '/');
    int rc = cove__buf_add_slice(&path, blob->entry.key);
    if (rc == 0)
        rc = add_info(in, cove__buf_str(&path), blob);
    cove__buf_done(&path);
    return rc;
}

static int read_page(struct cove__object_store *store, struct reader *in, struct cove__slice prefix, const char *token,
                     const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__object_request r;

    cove__object_request_init(&r, store, "GET", (struct cove__object_name){ .bucket = in->of.bucket }, ctx);
    r.http.response_max = COVE__OBJECT_RESPONSE_MAX;
    cove__buf_addf(&r.query, "restype=container&comp=list&maxresults=%u&include=versions", AZURE_LIST_PAGE);
    if (prefix.size > 0)
        cove__uri_add_pair(&r.query, "prefix", prefix);
    if (token)
        cove__uri_add_pair(&r.query, "marker", cove__slice_str(token));
    cove__buf_reset(&in->token);
    in->n_blobs = 0;
    int rc = cove__object_run(&r, err);
    if (rc == 0) {
        rc = cove__azure_list_blobs(cove__buf_slice(&r.http.response), take, in, &in->token);
        if (rc < 0)
            cove__object_unreadable(&r, err, rc, "the list of versions");
    }
    cove__object_request_done(&r);
    return rc;
}

int cove__azure_versions(void *self, const char *path, const char *token, const struct cove__ctx *ctx,
                         struct cove__page *ret_page, struct cove_error *err)
{
    struct reader in = { .page = ret_page, .token = COVE__BUF_INIT(TOKEN_MAX) };
    struct cove__paging paging = { 0 };
    char *next = NULL;

    int rc = cove__object_name_of(self, path, true, ctx, &in.of, err);
    while (rc == 0) {
        rc = read_page(self, &in, in.of.key, next, ctx, err);
        cove__free(next);
        next = NULL;
        if (rc < 0 || in.token.size == 0 || in.passed)
            break;
        next = cove__buf_take(&in.token);
        rc = next ? cove__paging_next(&paging, next, NULL, in.n_blobs, ctx, err) : cove__fail_nomem(err, "a token");
    }
    cove__free(next);
    if (rc == 0 && ret_page->n == 0)
        rc = cove__fs_fail(err, ctx, COVE_ENOTFOUND, "no such object, nor any version of it");
    cove__page_reverse(ret_page);
    cove__buf_done(&in.token);
    return rc;
}

int cove__azure_versions_below(void *self, const char *path, const char *token, const struct cove__ctx *ctx,
                               struct cove__page *ret_page, struct cove_error *err)
{
    struct reader in = {
        .page = ret_page, .of = cove__object_split(path), .below = true, .token = COVE__BUF_INIT(TOKEN_MAX)
    };
    struct cove__buf prefix = COVE__BUF_INIT(COVE__OBJECT_KEY_MAX * 4 + 2);

    int rc = cove__object_prefix_of(&in.of, &prefix, ctx, err);
    if (rc == 0)
        rc = read_page(self, &in, cove__buf_slice(&prefix), token, ctx, err);
    if (rc == 0 && in.token.size > 0) {
        ret_page->token = cove__buf_take(&in.token);
        rc = ret_page->token ? 0 : cove__fail_nomem(err, "a token");
    }
    cove__buf_done(&prefix);
    cove__buf_done(&in.token);
    return rc;
}
