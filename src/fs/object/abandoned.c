/* Uploads that were left behind, neither finished nor aborted: a page of them, aborts, and whether one is still there.
 */
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/object/temporaries.h"
#include "fs/object/upload.h"
#include "fs/paging.h"
#include "fs/uploads.h"

/* Asks for a page of the uploads at or below `prefix` in a bucket: with keys. */
static int ask_page(struct cove__object_store *store, struct cove__slice bucket, struct cove__slice prefix,
                    const struct cove__upload_page *last, const struct cove__ctx *ctx, struct cove__upload_page *ret,
                    struct cove_error *err)
{
    const struct cove__object_upload_ops *ops = store->ops->upload;
    struct cove__object_request r;

    if (!ops || !ops->list_request)
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
static bool is_below(const char *key, const void *prefix)
{
    const struct cove__slice *below = prefix;
    size_t size = strlen(key);

    return below->size == 0 ||
           (size >= below->size && memcmp(key, below->data, below->size) == 0 &&
            (size == below->size || below->data[below->size - 1] == '/' || key[below->size] == '/'));
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
        cove__fs_fail(err, ctx, rc, "an upload's key cannot be kept in memory: %s", cove_code_phrase(rc));
    cove__buf_done(&path);
    if (copy) {
        cove__free(*key);
        *key = copy;
    }
    return rc;
}

static bool is_named(const char *path, const void *unused)
{
    return path[0] != '\0';
}

/* Gives each entry the id that the store has for it, and takes out those that are no uploads. */
static int identify(struct cove__object_store *store, struct cove__slice bucket, struct cove__upload_page *page,
                    const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__buf id = COVE__BUF_INIT(COVE__UPLOAD_MARKER_MAX);
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < page->n; i++) {
        struct cove_error why = COVE_ERROR_INIT;
        struct cove__object_name name = { .bucket = bucket, .key = cove__slice_str(page->items[i].path) };
        cove__buf_reset(&id);
        rc = store->ops->upload->identify(store, name, ctx, &id, &why);
        if (rc < 0 && rc != COVE_ENOTFOUND) {
            cove__error_copy(err, &why);
            break;
        }
        rc = 0;
        if (id.size == 0)
            page->items[i].path[0] = '\0';
        cove__free(page->items[i].id);
        page->items[i].id = cove__strdup(cove__buf_str(&id));
        if (!page->items[i].id)
            rc = cove__fail_nomem(err, "a list of uploads");
    }
    cove__buf_done(&id);
    cove__upload_page_filter(page, is_named, NULL);
    return rc;
}

int cove__object_list_uploads(void *self, const char *path, const struct cove__upload_page *last,
                              const struct cove__ctx *ctx, struct cove__upload_page *ret, struct cove_error *err)
{
    struct cove__object_store *store = self;
    const struct cove__object_upload_ops *ops = store->ops->upload;
    struct cove__object_name below = cove__object_split(path);
    bool composes = ops && ops->compose_request;
    bool temporaries = composes && (cove__temporaries_follow(last) || !ops->list_request);
    /* MinIO treats a prefix as a whole key: there all uploads are listed, and filtered here. */
    bool by_prefix = cove__object_can(store, COVE__UPLOADS_BY_PREFIX) == COVE__CAN_YES;
    int rc = 0;

    if (temporaries) {
        rc = cove__temporaries_list(store, below, last, ctx, ret, err);
    } else {
        struct cove_error why = COVE_ERROR_INIT;
        rc = ask_page(store, below.bucket, by_prefix ? below.key : cove__slice("", 0), last, ctx, ret, &why);
        ret->n_listed = ret->n;
        if (rc == COVE_EACCESS && composes && !last && below.key.size > 0) { /* which is a right to the whole bucket */
            cove__log(COVE_LOG_WARNING, store->ops->name, "%s; only temporary objects are listed", why.message);
            rc = 0;
        } else if (rc < 0) {
            cove__error_copy(err, &why);
        }
    }
    if (rc == 0 && composes && !temporaries && !ret->more && cove__temporaries_come_next(ret) < 0)
        rc = cove__fail_nomem(err, "a list of uploads");
    struct cove__slice key = temporaries ? cove__temporaries_cut(below.key) : below.key;
    cove__upload_page_filter(ret, is_below, &key);
    if (rc == 0 && !temporaries && ops && ops->identify)
        rc = identify(store, below.bucket, ret, ctx, err);
    for (size_t i = 0; rc == 0 && i < ret->n; i++)
        rc = key_to_path(&ret->items[i].path, below.bucket, ctx, err);
    return rc;
}

/* The whole key is a prefix for every store. */
int cove__object_upload_is_listed(void *self, const char *path, const char *id, const struct cove__ctx *ctx,
                                  struct cove_error *err)
{
    struct cove__object_store *store = self;
    struct cove__object_name name = cove__object_split(path);
    struct cove__upload_page last = COVE__UPLOAD_PAGE_INIT;
    struct cove__paging paging = { 0 };
    bool first = true, found = false;
    int rc = 0;

    if (cove__temporaries_is_id(cove__slice_str(id)))
        return cove__temporaries_are_listed(store, name, id, ctx, err);
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

int cove__object_remove_upload(void *self, const char *path, const char *id, const struct cove__ctx *ctx,
                               struct cove_error *err)
{
    struct cove__object_store *store = self;
    const struct cove__object_upload_ops *ops = store->ops->upload;
    struct cove__object_name name = cove__object_split(path);
    bool none = false;

    if (!ops || (!ops->abort_request && !ops->compose_request))
        return cove__fs_fail(err, ctx, COVE_ENOTSUP, "this store has no uploads that could be removed");
    if (ops->compose_request && cove__temporaries_is_id(cove__slice_str(id)))
        return cove__temporaries_discard(store, name, id, ctx, err);
    /* An emulator of a store that composes may have no multipart uploads, and take this for the object's deletion. */
    int listed =
        ops->compose_request && ops->list_request ? cove__object_upload_is_listed(self, path, id, ctx, err) : 1;
    if (listed <= 0)
        return listed < 0 ? listed : 1;
    int rc = cove__upload_discard(store, name, COVE__UPLOAD_PARTS, id, ctx, &none, err);
    return rc < 0 ? rc : none;
}
