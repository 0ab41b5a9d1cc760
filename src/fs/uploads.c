/* Uploads that were left behind, neither finished nor aborted: the iterator over a store's pages of them, and aborts.
 * An upload that was aborted while a part was being sent may come back with that part, so it is looked for. A listing
 * may still have it when it is gone: the response to the next abort decides. */
#include "fs/uploads.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/copy_options.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/paging.h"
#include "fs/time_left.h"

#define ITEMS_MAX ((size_t)1 << 20)
#define REMOVALS  5 /* attempts to remove an upload that is listed again */

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
    return path_copy && id_copy ? 0 : COVE_ENOMEM;
}

void cove__upload_page_filter(struct cove__upload_page *page, bool (*keeps)(const char *path, const void *user),
                              const void *user)
{
    size_t n = 0;

    for (size_t i = 0; i < page->n; i++) {
        if (keeps(page->items[i].path, user)) {
            page->items[n++] = page->items[i];
        } else {
            cove__free(page->items[i].path);
            cove__free(page->items[i].id);
        }
    }
    page->n = n;
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

struct aborted {
    char *path, *id;
    bool listed; /* still, after its abort */
};

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
    struct aborted *aborted; /* those that may come back */
    size_t n_aborted, cap_aborted;
};

static void aborted_done(struct aborted *a)
{
    cove__free(a->path);
    cove__free(a->id);
}

void cove_uploads_free(cove_uploads *u)
{
    if (!u)
        return;
    for (size_t i = 0; i < u->n_aborted; i++)
        aborted_done(&u->aborted[i]);
    cove__free(u->aborted);
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
    u->call = cove__call_of(call);
    u->cancel = cove_cancel_ref(u->call.cancel);
    u->min_age_ns = cove__sec_ns(min_age_s);
    int rc = cove__target_init(&u->target, fs, path, call, "uploads", err);
    if (rc == 0 && !fs->ops->upload.list)
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

/* A page is counted once it is here, so that a step that failed can be tried again. */
static int fetch_page(struct cove_uploads *u, const struct cove__upload_page *last, struct cove__paging *paging,
                      struct cove__upload_page *ret, struct cove_error *err)
{
    struct cove__upload_page page = COVE__UPLOAD_PAGE_INIT;

    int rc = u->fs->ops->upload.list(u->fs->self, u->target.path, last, &u->target.ctx, &page, err);

    if (rc == 0 && page.more)
        rc = cove__paging_next(paging, cove__buf_str(&page.next_key), cove__buf_str(&page.next_id), page.n_listed,
                               &u->target.ctx, err);
    if (rc < 0) {
        cove__upload_page_done(&page);
        return rc;
    }
    *ret = page;
    return 0;
}

/* The page after the current one, which stays current after a failure. */
static int next_page(struct cove_uploads *u, struct cove_error *err)
{
    struct cove__upload_page page;
    int rc = fetch_page(u, u->started ? &u->page : NULL, &u->paging, &page, err);

    if (rc < 0)
        return rc;
    cove__upload_page_done(&u->page);
    u->page = page;
    u->next = 0;
    u->started = true;
    return 0;
}

/* ---- aborts ---- */

/* Begins a call about one upload. */
static int target_init(struct cove__target *target, cove_fs *fs, const char *path, const char *id,
                       const struct cove_call *call, struct cove_error *err)
{
    int rc = cove__target_init(target, fs, path, call, "abort", err);

    if (rc == 0 && !fs->ops->upload.remove)
        rc = cove__fs_unsupported(target, err);
    if (rc == 0 && (!id || !id[0]))
        rc = cove__fs_fail(err, &target->ctx, COVE_EINVAL, "the upload's id is empty");
    return rc;
}

static int fail_kept(const struct cove__ctx *ctx, const char *id, struct cove_error *err)
{
    return cove__fs_fail(err, ctx, COVE_ESERVER,
                         "the store keeps the upload %s after %d removals; its parts may still be sent: remove it "
                         "again later",
                         id, REMOVALS);
}

/* Aborts it until it is not listed any more. */
static int remove_one(cove_fs *fs, const struct cove__target *target, const char *id, struct cove_error *err)
{
    for (int i = 0; i < REMOVALS; i++) {
        struct cove_error unseen = COVE_ERROR_INIT;
        int rc = fs->ops->upload.remove(fs->self, target->path, id, &target->ctx, err);

        if (rc != 0 || !fs->ops->upload.is_listed)
            return rc < 0 ? rc : 0;
        rc = fs->ops->upload.is_listed(fs->self, target->path, id, &target->ctx, &unseen);
        if (rc == COVE_EACCESS || rc == COVE_ENOTSUP) { /* another right: the abort has been confirmed */
            cove__log(COVE_LOG_INFO, fs->ops->name, "the upload was aborted; whether it is gone is not known: %s",
                      unseen.message);
            return 0;
        }
        if (rc <= 0)
            return rc < 0 ? cove__error_copy(err, &unseen) : 0;
    }
    return fail_kept(&target->ctx, id, err);
}

int cove_fs_abort_upload(cove_fs *fs, const char *path, const char *upload_id, const struct cove_call *call,
                         struct cove_error *err)
{
    struct cove__target target;
    int rc = target_init(&target, fs, path, upload_id, call, err);

    if (rc == 0)
        rc = remove_one(fs, &target, upload_id, err);
    cove__target_done(&target);
    return rc;
}

/* One abort of one of the iterator's, within the step: 1: it was gone before. */
static int send_abort(struct cove_uploads *u, const char *path, const char *id, struct cove_error *err)
{
    struct cove__target target;
    int rc = target_init(&target, u->fs, path, id, &u->call, err);

    target.ctx.deadline_ns = u->target.ctx.deadline_ns;
    if (rc == 0)
        rc = u->fs->ops->upload.remove(u->fs->self, target.path, id, &target.ctx, err);
    cove__target_done(&target);
    return rc;
}

int cove_uploads_abort(cove_uploads *u, struct cove_error *err)
{
    struct aborted a = { 0 };

    if (!u->current)
        return cove__fs_fail(err, &u->target.ctx, COVE_ESTATE, "the last step gave no upload to abort");
    a.path = cove__strdup(u->page.items[u->next - 1].path);
    a.id = cove__strdup(u->page.items[u->next - 1].id);
    if (!a.path || !a.id ||
        cove__grow(&u->aborted, &u->cap_aborted, u->n_aborted + 1, sizeof *u->aborted, ITEMS_MAX) < 0) {
        aborted_done(&a);
        return cove__fail_nomem(err, "a list of aborted uploads");
    }
    u->target.ctx.deadline_ns = cove__time_left_begin(&u->time, u->fs, &u->call);
    int rc = send_abort(u, a.path, a.id, err);
    cove__time_left_end(&u->time);
    if (rc == 0 && u->fs->ops->upload.is_listed)
        u->aborted[u->n_aborted++] = a;
    else
        aborted_done(&a);
    return rc < 0 ? rc : 0;
}

/* ---- those that come back ---- */

static int compare(const void *a, const void *b)
{
    const struct aborted *x = a, *y = b;
    int by_path = strcmp(x->path, y->path);

    return by_path ? by_path : strcmp(x->id, y->id);
}

/* Lists once more: marks the aborted ones that are there. */
static int mark_listed(struct cove_uploads *u, struct cove_error *err)
{
    struct cove__upload_page last = COVE__UPLOAD_PAGE_INIT;
    struct cove__paging paging = { 0 };
    bool first = true;
    int rc;

    qsort(u->aborted, u->n_aborted, sizeof *u->aborted, compare);
    for (size_t i = 0; i < u->n_aborted; i++)
        u->aborted[i].listed = false;
    do {
        struct cove__upload_page page;

        rc = fetch_page(u, first ? NULL : &last, &paging, &page, err);
        if (rc < 0)
            break;
        for (size_t i = 0; i < page.n; i++) {
            struct aborted key = { .path = page.items[i].path, .id = page.items[i].id };
            struct aborted *found = bsearch(&key, u->aborted, u->n_aborted, sizeof key, compare);

            if (found)
                found->listed = true;
        }
        cove__upload_page_done(&last);
        last = page;
        first = false;
    } while (last.more);
    cove__upload_page_done(&last);
    return rc;
}

static void keep_listed(struct cove_uploads *u)
{
    size_t n = 0;

    for (size_t i = 0; i < u->n_aborted; i++) {
        if (u->aborted[i].listed)
            u->aborted[n++] = u->aborted[i];
        else
            aborted_done(&u->aborted[i]);
    }
    u->n_aborted = n;
}

static int fail_those_kept(struct cove_uploads *u, struct cove_error *err)
{
    struct cove__target target;
    int rc = target_init(&target, u->fs, u->aborted[0].path, u->aborted[0].id, &u->call, err);

    if (rc == 0)
        rc = fail_kept(&target.ctx, u->aborted[0].id, err);
    if (rc == COVE_ESERVER && u->n_aborted > 1)
        cove__error_add(err, "; and %zu others that it keeps", u->n_aborted - 1);
    cove__target_done(&target);
    return rc;
}

/* The end of the list. One more list for all that were aborted, where an aborted upload may come back. */
static int remove_those_that_stay(struct cove_uploads *u, struct cove_error *err)
{
    for (int removals = 1; u->n_aborted > 0; removals++) {
        int rc = mark_listed(u, err);

        if (rc < 0)
            return rc;
        keep_listed(u);
        if (u->n_aborted > 0 && removals == REMOVALS)
            return fail_those_kept(u, err);
        for (size_t i = 0; i < u->n_aborted; i++) {
            rc = send_abort(u, u->aborted[i].path, u->aborted[i].id, err);
            if (rc < 0)
                return rc;
            u->aborted[i].listed = rc == 0; /* 1: the list was late */
        }
        keep_listed(u);
    }
    return 0;
}

/* ---- steps ---- */

/* An upload without a valid start time may still be running, so it does not count as old. */
static bool is_old(const struct cove_uploads *u, size_t i)
{
    int64_t started_ns = u->page.items[i].started_ns;

    if (u->min_age_ns <= 0)
        return true; /* of any age */
    if (started_ns < 0)
        cove__log(COVE_LOG_WARNING, u->fs->ops->name, "%s: an upload without a valid start time is skipped",
                  u->page.items[i].path);
    return started_ns >= 0 && u->page.now_ns >= 0 && u->page.now_ns - started_ns >= u->min_age_ns;
}

static int next_upload(struct cove_uploads *u, struct cove_upload *ret_upload, struct cove_error *err)
{
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
            return remove_those_that_stay(u, err);
        int rc = next_page(u, err);
        if (rc < 0)
            return rc;
    }
}

int cove_uploads_next(cove_uploads *u, struct cove_upload *ret_upload, struct cove_error *err)
{
    u->current = false;
    u->target.ctx.deadline_ns = cove__time_left_begin(&u->time, u->fs, &u->call);
    int rc = next_upload(u, ret_upload, err);
    cove__time_left_end(&u->time);
    return rc;
}
