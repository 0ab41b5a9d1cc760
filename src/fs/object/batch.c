/*
 * Deletes many objects by one request. A batch may end in part: those that failed for a passing reason are sent again,
 * and those that the store refused for their condition are deleted one by one, which distinguishes a changed object
 * from one that is gone.
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/object/operations.h"
#include "fs/object/remove.h"

#define BODY_MAX ((size_t)8 << 20)

struct batch {
    struct cove__object_store *store;
    struct cove__object_deletions all;
    bool *left, *again;    /* of each object: the body has it; the next body is to have it */
    bool *answered;        /* of each object: the last response has its result */
    bool unknown;          /* the last response has results of no object, or two of one */
    bool *refused_version; /* of each object: the store has it with another version, or does not have it */
    struct cove__buf body;
    struct cove__object_failed refused; /* permanently, in all responses; and in earlier batches */
    struct cove__object_failed passing; /* in the last response: to be retried */
    bool each_for_itself;               /* what is refused in this batch: another name may be deleted */
    size_t at;                          /* where the last result's object was found: most responses keep the order */
};

static void write_body(struct batch *b, struct cove__object_request *r)
{
    const struct cove__object_batch_ops *ops = b->store->ops->batch;

    cove__buf_reset(&b->body);
    if (ops->begin)
        ops->begin(r, &b->body);
    for (size_t i = 0; i < b->all.n; i++) {
        struct cove__object_deletion d = cove__object_deletion_at(b->store, &b->all, i);
        size_t before = b->body.size;

        if (b->left[i] && !ops->add(r, i, &d, &b->body)) {
            b->body.size = before;
            b->all.n = i;
        }
    }
    if (ops->end)
        ops->end(r, &b->body);
}

int cove__object_batch_write(struct cove__object_request *r)
{
    const struct cove__object_batch_ops *ops = r->store->ops->batch;
    struct batch *b = r->user;

    write_body(b, r);
    int rc = cove__buf_rc(&b->body);
    if (rc < 0)
        return rc;
    if (ops->set_body)
        ops->set_body(r, cove__buf_slice(&b->body));
    else
        cove__object_body(r, cove__buf_slice(&b->body), COVE__CHECKSUM_NONE);
    return 0;
}

/* ---- results ---- */

static bool is_named(const struct batch *b, size_t i, const struct cove__object_deletion_result *result)
{
    struct cove__object_name name = cove__object_deletion_at(b->store, &b->all, i).name;

    return cove__slice_eq(name.key, result->key) &&
           (name.version.size == 0 || cove__slice_eq(name.version, result->version_id));
}

/* Finds the deletion that the result is of; false: the batch has no such deletion. */
static bool find(struct batch *b, const struct cove__object_deletion_result *result)
{
    if (result->index != COVE__DELETION_BY_NAME) {
        b->at = result->index;
        return result->index < b->all.n && b->left[result->index];
    }
    for (size_t n = 0; n < b->all.n; n++) {
        size_t i = (b->at + n) % b->all.n;
        if (b->left[i] && is_named(b, i, result)) {
            b->at = i;
            return true;
        }
    }
    return false;
}

/* The beginning, as one line; `text` may be NULL. */
static void keep_text(const char *text, char *to, size_t size)
{
    cove__object_text(cove__slice_sub(cove__slice_str(text ? text : ""), 0, size - 1), to, size);
}

static void add_failed(struct cove__object_failed *f, const struct batch *b, bool found,
                       const struct cove__object_deletion_result *result)
{
    struct cove__slice key = found ? cove__object_split(b->all.paths[b->at]).key : result->key;

    if (f->n++ > 0)
        return;
    f->rc = result->rc;
    cove__object_text(cove__slice_sub(key, 0, sizeof f->key - 1), f->key, sizeof f->key);
    keep_text(result->code, f->code, sizeof f->code);
    keep_text(result->message, f->message, sizeof f->message);
    if (f->code[0] == '\0' && f->message[0] == '\0')
        snprintf(f->message, sizeof f->message, result->status > 0 ? "HTTP %d" : "without a reason", result->status);
}

static int failed_error(const struct cove__object_failed *first, size_t n, const struct cove__ctx *ctx,
                        struct cove_error *err)
{
    cove__fs_fail(err, ctx, first->rc, "%zu could not be deleted, the first: %s (%s%s%s)", n, first->key, first->code,
                  first->code[0] != '\0' && first->message[0] != '\0' ? ": " : "", first->message);
    cove__error_store_code(err, first->code);
    return first->rc;
}

int cove__object_failed_error(const struct cove__object_failed *f, const struct cove__ctx *ctx, struct cove_error *err)
{
    return failed_error(f, f->n, ctx, err);
}

/* A result by index is of one deletion, whose first one it is; one of no deletion is of the whole batch. */
static void mark_answered(struct batch *b, const struct cove__object_deletion_result *result)
{
    if (result->index == COVE__DELETION_BY_NAME) {
        if (result->key.size == 0)
            memcpy(b->answered, b->left, b->all.n * sizeof *b->answered);
        return;
    }
    bool known = result->index < b->all.n && b->left[result->index] && !b->answered[result->index];
    b->unknown |= !known;
    if (known)
        b->answered[result->index] = true;
}

static void take_result(void *user, const struct cove__object_deletion_result *result)
{
    struct batch *b = user;

    if (b->store->ops->batch->answers_each)
        mark_answered(b, result);
    bool whole = result->index == COVE__DELETION_BY_NAME && result->key.size == 0; /* nothing of it is an object's */
    if (!whole && (result->rc == 0 || (result->rc == COVE_ENOTFOUND && result->refusal != COVE__REFUSED_NO_BUCKET)))
        return; /* deleted, now or earlier */
    bool found = find(b, result);
    /* What is not the store's answer is no refusal: the deletion is repeated. */
    if (found && (result->retry || result->rc == COVE_EPROTOCOL)) {
        b->again[b->at] = true;
        add_failed(&b->passing, b, true, result);
    } else if (found && result->rc == COVE_EPRECONDITION && b->all.versions && b->all.versions[b->at]) {
        b->refused_version[b->at] = true;
    } else {
        add_failed(&b->refused, b, found, result);
        b->each_for_itself &= found && result->rc != COVE_EAUTH && result->refusal != COVE__REFUSED_NO_BUCKET;
    }
}

/* What was deleted is not sent again: another writer may have written new objects there. */
static int accept_results(struct cove__object_request *r, struct cove_error *err)
{
    struct batch *b = r->user;
    struct cove__object_failed refused = b->refused; /* from earlier responses */

    memset(b->again, 0, b->all.n * sizeof *b->again);
    memset(b->answered, 0, b->all.n * sizeof *b->answered);
    b->unknown = false;
    b->passing = (struct cove__object_failed){ 0 };
    int rc = b->store->ops->batch->response(r, take_result, b);
    if (rc == 0 && b->store->ops->batch->answers_each &&
        (b->unknown || memcmp(b->answered, b->left, b->all.n * sizeof *b->answered) != 0))
        rc = COVE_EPROTOCOL;
    if (rc < 0) {
        b->refused = refused;
        return cove__object_unreadable(r, err, rc, "the response to a deletion");
    }
    if (b->passing.n > 0) {
        memcpy(b->left, b->again, b->all.n * sizeof *b->left);
        rc = cove__object_batch_write(r);
        if (rc < 0)
            return cove__object_fail(r, err, rc, "a request for %zu deletions cannot be kept in memory", b->passing.n);
    }
    if (b->passing.n == 0 && (b->refused.n == 0 || b->each_for_itself))
        return 0;
    rc = failed_error(b->refused.n > 0 ? &b->refused : &b->passing, b->refused.n + b->passing.n, &r->http.op.ctx, err);
    err->retryable = b->passing.n > 0;
    return rc;
}

/* ---- the whole ---- */

/* *ret_alone: the store has no such request, or the first objects cannot be in one. */
static int run(struct batch *b, const struct cove__ctx *ctx, bool *ret_alone, struct cove_error *err)
{
    struct cove__object_request r;

    cove__object_request_init(&r, b->store, "POST",
                              (struct cove__object_name){ .bucket = cove__object_split(b->all.paths[0]).bucket }, ctx);
    r.http.response_max = COVE__OBJECT_RESPONSE_MAX;
    r.error_in_200 = true;
    r.accept = accept_results;
    r.user = b;
    r.sign_body = true;
    b->store->ops->batch->request(&r);
    int rc = cove__object_batch_write(&r);
    if (rc < 0)
        cove__fs_fail(err, ctx, rc, "a request for %zu deletions cannot be kept in memory: %s", b->all.n,
                      cove_code_phrase(rc));
    *ret_alone = rc == 0 && b->all.n < 2;
    if (rc == 0 && !*ret_alone) {
        rc = cove__object_run(&r, err);
        bool unsupported = cove__object_refuses_operation(&r);
        /* What is not found is the request, not the objects. It may be another server that lacks it. */
        *ret_alone = unsupported || (rc == COVE_ENOTFOUND && r.refusal != COVE__REFUSED_NO_BUCKET);
        if (unsupported && !cove__object_may_be_done(&r)) /* else the refusal may be a broken response, too */
            cove__object_learn_missing(&r, COVE__BATCH_DELETE);
    }
    cove__object_request_done(&r);
    return rc;
}

static int delete_refused(struct batch *b, const struct cove__ctx *ctx, struct cove_error *err)
{
    const char **paths = cove__calloc(b->all.n, sizeof *paths), **versions = cove__calloc(b->all.n, sizeof *versions);
    struct cove__object_deletions some = { paths, versions, 0, b->all.exact, b->all.with_snapshots };
    int rc = paths && versions ? 0 : cove__fail_nomem(err, "deletions");

    for (size_t i = 0; rc == 0 && i < b->all.n; i++) {
        if (!b->refused_version[i])
            continue;
        paths[some.n] = b->all.paths[i];
        versions[some.n++] = b->all.versions[i];
    }
    if (rc == 0 && some.n > 0)
        rc = cove__object_delete_each(b->store, &some, ctx, err);
    cove__free(paths);
    cove__free(versions);
    return rc;
}

int cove__object_delete_batch(struct cove__object_store *store, struct cove__object_deletions all,
                              struct cove__object_failed *failed, const struct cove__ctx *ctx, size_t *ret_n,
                              bool *ret_alone, struct cove_error *err)
{
    struct batch b = { .store = store,
                       .all = all,
                       .left = cove__calloc(all.n, sizeof *b.left),
                       .again = cove__calloc(all.n, sizeof *b.again),
                       .answered = cove__calloc(all.n, sizeof *b.answered),
                       .refused_version = cove__calloc(all.n, sizeof *b.refused_version),
                       .refused = *failed,
                       .each_for_itself = true,
                       .body = COVE__BUF_INIT(BODY_MAX) };
    int rc;

    *ret_alone = false;
    if (!b.left || !b.again || !b.answered || !b.refused_version) {
        rc = cove__fail_nomem(err, "deletions");
    } else {
        memset(b.left, true, all.n * sizeof *b.left);
        rc = run(&b, ctx, ret_alone, err);
        *ret_n = b.all.n > 1 ? b.all.n : 1;
        *failed = b.refused;
    }
    if (rc == 0 && !*ret_alone && all.versions)
        rc = delete_refused(&b, ctx, err);
    cove__free(b.left);
    cove__free(b.again);
    cove__free(b.answered);
    cove__free(b.refused_version);
    cove__buf_done(&b.body);
    return rc;
}
