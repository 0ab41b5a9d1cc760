/* Uploads that were left behind, neither finished nor aborted: the iterator over a store's pages of them, and aborts.
 */
#include "fs/uploads.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/paging.h"
#include "fs/time_left.h"

#define ITEMS_MAX ((size_t)1 << 20)

/* ---- a page ---- */

int cove__upload_page_add(struct cove__upload_page *page, struct cove__slice path, struct cove__slice id,
                          int64_t started_ns)
{
    if (path.size == 0 || id.size == 0)
        return COVE_EPROTOCOL;
    if (cove__grow(&page->items, &page->cap, page->n + 1, sizeof *page->items, ITEMS_MAX) < 0)
        return COVE_ENOMEM;
    char *path_copy = cove__strndup((const char *)path.data, path.size);
    char *id_copy = cove__strndup((const char *)id.data, id.size);
    page->items[page->n].path = path_copy;
    page->items[page->n].id = id_copy;
    page->items[page->n].started_ns = started_ns;
    page->n++;
    return path_copy != NULL && id_copy != NULL ? 0 : COVE_ENOMEM;
}

void cove__upload_page_drop(struct cove__upload_page *page, size_t i)
{
    cove__free(page->items[i].path);
    cove__free(page->items[i].id);
    page->n--;
    for (; i < page->n; i++)
        page->items[i] = page->items[i + 1];
}

void cove__upload_page_done(struct cove__upload_page *page)
{
    for (size_t i = 0; i < page->n; i++) {
        cove__free(page->items[i].path);
        cove__free(page->items[i].id);
    }
    cove__free(page->items);
    cove__buf_done(&page->next_key);
    cove__buf_done(&page->next_id);
}

/* ---- the iterator ---- */

struct cove_uploads {
    cove_fs *fs;
    struct cove__target target;
    struct cove_call call;
    cove_cancel *cancel; /* held */
    int64_t min_age_ns;
    struct cove__upload_page page;
    struct cove__paging paging;
    size_t next;
    bool started;
    bool current; /* the last step gave the upload before `next` */
    struct cove__time_left time;
};

void cove_uploads_free(cove_uploads *u)
{
    if (!u)
        return;
    cove__upload_page_done(&u->page);
    cove__target_done(&u->target);
    cove_cancel_unref(u->cancel);
    cove_fs_unref(u->fs);
    cove__free(u);
}

int cove_fs_abandoned_uploads(cove_fs *fs, const char *path, int64_t min_age_s, const struct cove_call *call,
                              cove_uploads **ret_uploads, struct cove_error *err)
{
    cove_uploads *u = cove__calloc(1, sizeof *u);

    if (!u)
        return cove__fail_nomem(err, "a list of uploads");
    u->fs = cove_fs_ref(fs);
    u->page = (struct cove__upload_page)COVE__UPLOAD_PAGE_INIT;
    u->call = call ? *call : (struct cove_call)COVE_CALL_INIT;
    u->cancel = call ? cove_cancel_ref(call->cancel) : NULL;
    u->min_age_ns = cove__sec_ns(min_age_s);
    int rc = cove__target_init(&u->target, fs, path, call, "uploads", err);
    if (rc == 0 && !fs->ops->list_uploads)
        rc = cove__fs_unsupported(&u->target, err);
    if (rc < 0) {
        cove_uploads_free(u);
        return rc;
    }
    *ret_uploads = u;
    return 0;
}

void cove_uploads_use_one_timeout(cove_uploads *u)
{
    cove__time_left_share(&u->time, u->fs, &u->call);
}

/* The page after the one at hand, which stays in its place after a failure, so that the step can be tried again: a page
 * is counted once it is here. */
static int next_page(struct cove_uploads *u, struct cove_error *err)
{
    struct cove__upload_page page = COVE__UPLOAD_PAGE_INIT;
    int rc;

    u->target.ctx.deadline_ns = cove__time_left_begin(&u->time, u->fs, &u->call);
    rc =
        u->fs->ops->list_uploads(u->fs->self, u->target.path, u->started ? &u->page : NULL, &u->target.ctx, &page, err);
    cove__time_left_end(&u->time);
    if (rc == 0 && page.more)
        rc = cove__paging_next(&u->paging, cove__buf_str(&page.next_key), cove__buf_str(&page.next_id), page.n_listed,
                               &u->target.ctx, err);
    if (rc < 0) {
        cove__upload_page_done(&page);
        return rc;
    }
    cove__upload_page_done(&u->page);
    u->page = page;
    u->next = 0;
    u->started = true;
    return 0;
}

/* An upload without a valid start time may still be running, so it does not count as old. */
static bool is_old(const struct cove_uploads *u, size_t i)
{
    int64_t started_ns = u->page.items[i].started_ns;

    if (u->min_age_ns <= 0)
        return true; /* of any age */
    if (started_ns < 0)
        cove__log(COVE_LOG_WARNING, u->fs->ops->name, "%s: an upload without a valid start time is skipped",
                  u->page.items[i].path);
    return started_ns >= 0 && u->page.now_ns - started_ns >= u->min_age_ns;
}

int cove_uploads_next(cove_uploads *u, struct cove_upload *ret_upload, struct cove_error *err)
{
    u->current = false;
    for (;;) {
        for (; u->next < u->page.n; u->next++) {
            if (!is_old(u, u->next))
                continue;
            *ret_upload = (struct cove_upload){ u->page.items[u->next].path, u->page.items[u->next].id,
                                                u->page.items[u->next].started_ns };
            u->next++;
            u->current = true;
            return 1;
        }
        if (u->started && !u->page.more)
            return 0;
        int rc = next_page(u, err);
        if (rc < 0)
            return rc;
    }
}

/* ---- aborts ---- */

static int abort_upload(cove_fs *fs, const char *path, const char *upload_id, const struct cove_call *call,
                        struct cove__time_left *time, struct cove_error *err)
{
    struct cove__target target;
    int rc = cove__target_init(&target, fs, path, call, "abort", err);

    target.ctx.deadline_ns = cove__time_left_begin(time, fs, call);
    if (rc == 0 && !fs->ops->remove_upload)
        rc = cove__fs_unsupported(&target, err);
    if (rc == 0 && (!upload_id || !upload_id[0]))
        rc = cove__fs_fail(err, &target.ctx, COVE_EINVAL, "the upload's id is empty");
    if (rc == 0)
        rc = fs->ops->remove_upload(fs->self, target.path, upload_id, &target.ctx, err);
    cove__time_left_end(time);
    cove__target_done(&target);
    return rc;
}

int cove_fs_abort_upload(cove_fs *fs, const char *path, const char *upload_id, const struct cove_call *call,
                         struct cove_error *err)
{
    return abort_upload(fs, path, upload_id, call, &(struct cove__time_left){ 0 }, err);
}

int cove_uploads_abort(cove_uploads *u, struct cove_error *err)
{
    if (!u->current)
        return cove__fs_fail(err, &u->target.ctx, COVE_ESTATE, "the last step gave no upload to abort");
    return abort_upload(u->fs, u->page.items[u->next - 1].path, u->page.items[u->next - 1].id, &u->call, &u->time, err);
}
