/* Uploads that were left behind, neither finished nor aborted: a page of them, and aborts that the store confirms. */
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/object/upload.h"
#include "fs/paging.h"
#include "fs/uploads.h"

#define REMOVALS 5 /* attempts to remove an upload that is listed again */

/* Asks for a page of the uploads at or below `prefix` in a bucket: with keys. */
static int ask_page(struct cove__object_store *store, struct cove__slice bucket, struct cove__slice prefix,
                    const struct cove__upload_page *last, const struct cove__ctx *ctx, struct cove__upload_page *ret,
                    struct cove_error *err)
{
    const struct cove__object_upload_ops *ops = store->ops->upload;
    struct cove__object_request r;

    if (ops == NULL || ops->list_request == NULL)
        return cove__fs_fail(err, ctx, COVE_ENOTSUP, "this store has no list of unfinished uploads");
    cove__object_request_init(&r, store, "GET", (struct cove__object_name){ .bucket = bucket }, ctx);
    r.http.response_max = COVE__OBJECT_RESPONSE_MAX;
    ops->list_request(&r, prefix, last);
    int rc = cove__object_run(&r, err);
    if (rc == 0) {
        ret->now_ns = cove__object_response_time(&r);
        rc = ops->list_response(&r, ret);
        if (rc == COVE_ENOMEM)
            cove__fail_nomem(err, "a list of uploads");
        else if (rc < 0)
            cove__object_unreadable(&r, err, rc, "the list of uploads");
    }
    cove__object_request_done(&r);
    return rc;
}

/* The prefix "run" is also one of "runs/x", which is not below it. */
static bool is_below(struct cove__slice below, const char *key)
{
    size_t size = strlen(key);

    return below.size == 0 || (size >= below.size && memcmp(key, below.data, below.size) == 0 &&
                               (size == below.size || below.data[below.size - 1] == '/' || key[below.size] == '/'));
}

/* The path in place of the key. */
static int key_to_path(char **key, struct cove__slice bucket, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__buf path = COVE__BUF_INIT(COVE__OBJECT_KEY_MAX * 3 + 320);

    cove__buf_add_slice(&path, bucket);
    cove__buf_add_char(&path, '/');
    cove__buf_add_str(&path, *key);
    int rc = cove__buf_rc(&path);
    char *copy = rc == 0 ? cove__strdup(cove__buf_str(&path)) : NULL;
    if (rc == 0 && !copy)
        rc = COVE_ENOMEM;
    if (rc < 0)
        cove__fs_fail(err, ctx, rc, "an upload's key cannot be held: %s", cove_code_phrase(rc));
    cove__buf_done(&path);
    if (copy) {
        cove__free(*key);
        *key = copy;
    }
    return rc;
}

int cove__object_list_uploads(void *self, const char *path, const struct cove__upload_page *last,
                              const struct cove__ctx *ctx, struct cove__upload_page *ret, struct cove_error *err)
{
    struct cove__object_store *store = self;
    struct cove__object_name below = cove__object_split(path);
    /* MinIO takes a prefix for a whole key: there everything is listed, and looked through here. */
    bool by_prefix = cove__object_can(store, COVE__UPLOADS_BY_PREFIX) == COVE__CAN_YES;
    int rc = ask_page(store, below.bucket, by_prefix ? below.key : cove__slice("", 0), last, ctx, ret, err);

    ret->n_listed = ret->n;
    for (size_t i = 0; rc == 0 && i < ret->n;) {
        if (!is_below(below.key, ret->items[i].path))
            cove__upload_page_drop(ret, i);
        else
            rc = key_to_path(&ret->items[i++].path, below.bucket, ctx, err);
    }
    return rc;
}

/* 1: the store lists the upload; 0: it does not. The whole key is a prefix for every store. */
static int is_listed(struct cove__object_store *store, struct cove__object_name name, const char *id,
                     const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__upload_page last = COVE__UPLOAD_PAGE_INIT;
    struct cove__paging paging = { 0 };
    bool first = true, found = false;
    int rc = 0;

    do {
        struct cove__upload_page page = COVE__UPLOAD_PAGE_INIT;
        rc = ask_page(store, name.bucket, name.key, first ? NULL : &last, ctx, &page, err);
        for (size_t i = 0; rc == 0 && i < page.n && !found; i++)
            found = strcmp(page.items[i].id, id) == 0 && cove__slice_is(name.key, page.items[i].path);
        if (rc == 0 && page.more && !found)
            rc = cove__paging_next(&paging, cove__buf_str(&page.next_key), cove__buf_str(&page.next_id), page.n, ctx,
                                   err);
        cove__upload_page_done(&last);
        last = page;
        first = false;
    } while (rc == 0 && last.more && !found);
    cove__upload_page_done(&last);
    return rc < 0 ? rc : found;
}

/* An upload that was aborted while a part was being sent may come back with that part, so it is looked for. A listing
 * may still have it when it is gone: the response to the next abort decides. */
int cove__object_remove_upload(void *self, const char *path, const char *id, const struct cove__ctx *ctx,
                               struct cove_error *err)
{
    struct cove__object_store *store = self;
    struct cove__object_name name = cove__object_split(path);
    const struct cove__object_upload_ops *ops = store->ops->upload;
    bool none = false;

    if (ops == NULL)
        return cove__fs_fail(err, ctx, COVE_ENOTSUP, "this store has no uploads in parts");
    for (int i = 0; i < REMOVALS; i++) {
        struct cove_error unseen = COVE_ERROR_INIT;
        int rc = cove__upload_discard(store, name, id, ctx, &none, err);
        if (rc < 0 || none || ops->list_request == NULL)
            return rc;
        rc = is_listed(store, name, id, ctx, &unseen);
        if (rc == COVE_EACCESS || rc == COVE_ENOTSUP) { /* another right: the abort has been confirmed */
            cove__log(COVE_LOG_INFO, store->ops->name, "the upload was aborted; whether it is gone is not known: %s",
                      unseen.message);
            return 0;
        }
        if (rc <= 0)
            return rc < 0 ? cove__error_copy(err, &unseen) : 0;
    }
    return cove__fs_fail(err, ctx, COVE_ESERVER,
                         "the store keeps the upload %s after %d removals; its parts may still be sent: remove it "
                         "again later",
                         id, REMOVALS);
}
