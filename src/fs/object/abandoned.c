/* Uploads that were left behind, neither finished nor aborted: listed, and removed until the store has none of them. */
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/object/upload.h"
#include "fs/paging.h"

#define REMOVALS   5 /* attempts to remove an upload that is listed again */
#define ITEMS_MAX  ((size_t)1 << 20)
#define MARKER_MAX ((size_t)8192)

/* ---- a page ---- */

int cove__object_uploads_add(struct cove__object_uploads *page, struct cove__slice key, struct cove__slice id,
                             int64_t started_ns)
{
    if (key.size == 0 || id.size == 0)
        return COVE_EPROTOCOL;
    if (cove__grow(&page->items, &page->cap, page->n + 1, sizeof *page->items, ITEMS_MAX) < 0)
        return COVE_ENOMEM;
    char *key_copy = cove__strndup((const char *)key.data, key.size);
    char *id_copy = cove__strndup((const char *)id.data, id.size);
    page->items[page->n].key = key_copy;
    page->items[page->n].id = id_copy;
    page->items[page->n].started_ns = started_ns;
    page->n++;
    return key_copy != NULL && id_copy != NULL ? 0 : COVE_ENOMEM;
}

void cove__object_uploads_done(struct cove__object_uploads *page)
{
    for (size_t i = 0; i < page->n; i++) {
        cove__free(page->items[i].key);
        cove__free(page->items[i].id);
    }
    cove__free(page->items);
    cove__buf_done(&page->next_key);
    cove__buf_done(&page->next_id);
}

/* ---- the search ---- */

struct search {
    struct cove__object_store *store;
    struct cove__object_name below;
    struct cove__slice prefix; /* that the store is asked for */
    int64_t min_age_ns;
    bool remove;
    cove_upload_fn each;
    void *user;
    const struct cove__ctx *ctx;
    struct cove_error *err;
    int64_t now_ns; /* of the page at hand: by the store's clock, as the uploads' start times */
    struct cove__paging paging;
    int64_t found;
    /* of the removal: the number of passes over the list; the ids so far, each between line ends; and the uploads of
     * this pass that were already removed in an earlier one */
    unsigned pass;
    struct cove__buf ids;
    size_t kept;
    struct cove__buf first_kept;
};

/* An upload without a valid start time may still be running, so it does not count as old. */
static bool is_old(const struct search *s, int64_t started_ns, const char *path)
{
    if (s->min_age_ns <= 0)
        return true; /* of any age */
    if (started_ns < 0)
        cove__log(COVE_LOG_WARNING, s->store->ops->name, "%s: an upload without a valid start time is skipped", path);
    return started_ns >= 0 && s->now_ns - started_ns >= s->min_age_ns;
}

/* The prefix "run" is also one of "runs/x", which is not below it. */
static bool is_below(const struct search *s, struct cove__slice key)
{
    struct cove__slice below = s->below.key;

    return below.size == 0 ||
           (key.size >= below.size && memcmp(key.data, below.data, below.size) == 0 &&
            (key.size == below.size || below.data[below.size - 1] == '/' || key.data[below.size] == '/'));
}

/* Whether this upload was listed before; remembers it. Without memory s->ids fails. */
static bool seen_before(struct search *s, const char *id)
{
    struct cove__buf line = COVE__BUF_INIT(MARKER_MAX + 2);

    cove__buf_addf(&line, "\n%s\n", id);
    bool seen = s->ids.size > 0 && memmem(s->ids.data, s->ids.size, line.data, line.size) != NULL;
    if (!seen)
        cove__buf_add_slice(&s->ids, cove__buf_slice(&line));
    if (cove__buf_rc(&line) < 0)
        s->ids.rc = cove__buf_rc(&line);
    cove__buf_done(&line);
    return seen;
}

/* Aborts an upload. If it was aborted before (`seen`) and exists again, because a part was still being sent, it counts
 * as kept. A listing may still have it when it is gone; the reply to the abort decides. */
static int remove_upload(struct search *s, const char *path, const char *id, bool seen)
{
    bool none;
    int rc = cove__upload_discard(s->store, cove__object_split(path), id, s->ctx, &none, s->err);

    if (rc == 0 && seen && !none && s->kept++ == 0) {
        cove__buf_reset(&s->first_kept);
        cove__buf_addf(&s->first_kept, "%s (%s)", path, id);
    }
    return rc;
}

static int take_upload(struct search *s, const char *key, const char *id, int64_t started_ns)
{
    struct cove__buf path = COVE__BUF_INIT(COVE__OBJECT_KEY_MAX * 3 + 320);

    cove__buf_add_slice(&path, s->below.bucket);
    cove__buf_add_char(&path, '/');
    cove__buf_add_str(&path, key);
    int rc = cove__buf_rc(&path);
    if (rc < 0)
        cove__fs_fail(s->err, s->ctx, rc, "an upload's key cannot be held: %s", cove_code_phrase(rc));
    if (rc < 0 || !is_below(s, cove__slice_str(key)) || !is_old(s, started_ns, cove__buf_str(&path)))
        goto out;
    if (s->remove) {
        bool seen = seen_before(s, id);
        rc = cove__buf_rc(&s->ids);
        rc = rc < 0 ? cove__fail_nomem(s->err, "a list of uploads") : remove_upload(s, cove__buf_str(&path), id, seen);
        if (rc < 0 || seen)
            goto out;
    }
    s->found++;
    if (s->each != NULL)
        s->each(s->user, cove__buf_str(&path), id, started_ns);
out:
    cove__buf_done(&path);
    return rc;
}

/* The page after `last` (NULL: the first). */
static int ask_page(struct search *s, const struct cove__object_uploads *last, struct cove__object_uploads *ret)
{
    const struct cove__object_upload_ops *ops = s->store->ops->upload;
    struct cove__object_request r;

    cove__object_request_init(&r, s->store, "GET", (struct cove__object_name){ .bucket = s->below.bucket }, s->ctx);
    r.http.reply_max = COVE__OBJECT_REPLY_MAX;
    ops->list_request(&r, s->prefix, last);
    int rc = cove__object_run(&r, s->err);
    if (rc == 0) {
        s->now_ns = cove__object_reply_time(&r);
        rc = ops->list_response(&r, ret);
        if (rc == COVE_ENOMEM)
            cove__fail_nomem(s->err, "a list of uploads");
        else if (rc < 0)
            cove__object_unreadable(&r, s->err, rc, "the list of uploads");
    }
    cove__object_request_done(&r);
    return rc;
}

static int all_pages(struct search *s)
{
    struct cove__object_uploads last = { 0 };
    bool first = true;
    int rc = 0;

    do {
        struct cove__object_uploads page = { .next_key = COVE__BUF_INIT(MARKER_MAX),
                                             .next_id = COVE__BUF_INIT(MARKER_MAX) };
        rc = ask_page(s, first ? NULL : &last, &page);
        for (size_t i = 0; rc == 0 && i < page.n; i++)
            rc = take_upload(s, page.items[i].key, page.items[i].id, page.items[i].started_ns);
        if (rc == 0 && page.more)
            rc = cove__paging_next(&s->paging, cove__buf_str(&page.next_key), cove__buf_str(&page.next_id), page.n,
                                   s->ctx, s->err);
        cove__object_uploads_done(&last);
        last = page;
        first = false;
    } while (rc == 0 && last.more);
    cove__object_uploads_done(&last);
    return rc;
}

/* Lists and removes again until none of the removed uploads is left. */
static int until_gone(struct search *s)
{
    int rc = 0;

    for (s->kept = (size_t)s->found; rc == 0 && s->kept > 0 && s->pass < REMOVALS - 1; s->pass++) {
        s->kept = 0;
        s->paging = (struct cove__paging){ 0 };
        rc = all_pages(s);
    }
    if (rc == 0 && s->kept > 0)
        rc = cove__fs_fail(s->err, s->ctx, COVE_ESERVER,
                           "the store keeps %zu of the uploads after %d removals, the first: %s; their parts may "
                           "still be sent: remove them again later",
                           s->kept, REMOVALS, cove__buf_str(&s->first_kept));
    return rc;
}

int64_t cove__object_abandoned_uploads(void *self, const char *path, int64_t min_age_s, bool remove,
                                       cove_upload_fn each, void *user, const struct cove__ctx *ctx,
                                       struct cove_error *err)
{
    struct search s = { .store = self,
                        .below = cove__object_split(path),
                        .min_age_ns = cove__sec_ns(min_age_s),
                        .remove = remove,
                        .ids = COVE__BUF_INIT(SIZE_MAX),
                        .first_kept = COVE__BUF_INIT(SIZE_MAX),
                        .each = each,
                        .user = user,
                        .ctx = ctx,
                        .err = err };

    /* MinIO takes a prefix for a whole key: there everything is listed, and looked through here. */
    s.prefix = cove__object_can(s.store, COVE__UPLOADS_BY_PREFIX) == COVE__CAN_YES ? s.below.key : cove__slice("", 0);
    int rc = all_pages(&s);
    if (rc == 0 && remove)
        rc = until_gone(&s);
    cove__buf_done(&s.ids);
    cove__buf_done(&s.first_kept);
    return rc < 0 ? rc : s.found;
}
