/*
 * Deletes many objects by one request. A batch may end in part: those that failed for a passing reason are sent again,
 * and those that the store refused for their condition are deleted one by one, which distinguishes a changed object
 * from one that is gone.
 */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/object/operations.h"
#include "fs/object/remove.h"

#define BODY_MAX ((size_t)8 << 20)

/* Deletions that failed: their number, and the first one with the store's code. */
struct failed {
    size_t n;
    int rc;
    char key[256], code[64];
};

struct batch {
    struct cove__object_store *store;
    struct cove__object_deletions all;
    bool *left, *again;    /* of each object: the body has it; the next body is to have it */
    bool *refused_version; /* of each object: the store has it with another version, or does not have it */
    struct cove__buf body;
    struct failed refused; /* permanently, in all responses */
    struct failed passing; /* in the last response: to be retried */
    size_t at;             /* where the last result's object was found: most responses keep the order */
};

static void write_body(struct batch *b, struct cove__object_request *r)
{
    const struct cove__object_batch_ops *ops = b->store->ops->batch;

    cove__buf_reset(&b->body);
    if (ops->begin != NULL)
        ops->begin(r, &b->body);
    for (size_t i = 0; i < b->all.n; i++) {
        struct cove__object_deletion d = cove__object_deletion_at(b->store, &b->all, i);
        size_t before = b->body.size;

        if (b->left[i] && !ops->add(r, i, &d, &b->body)) {
            b->body.size = before;
            b->all.n = i;
        }
    }
    if (ops->end != NULL)
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
    if (ops->set_body != NULL)
        ops->set_body(r, cove__buf_slice(&b->body));
    else
        cove__object_body(r, cove__buf_slice(&b->body), COVE__CHECKSUM_NONE);
    return 0;
}

/* ---- results ---- */

static bool is_named(const struct batch *b, size_t i, const struct cove__object_deletion_result *result)
{
    struct cove__object_name name = cove__object_locate(b->store, b->all.paths[i]);

    return cove__slice_eq(name.key, result->key) &&
           (name.version.size == 0 || cove__slice_eq(name.version, result->version_id));
}

/* Finds what the result is of; false: it was not asked for. */
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

static void add_failed(struct failed *f, const struct batch *b, bool found,
                       const struct cove__object_deletion_result *result)
{
    struct cove__slice key = found ? cove__object_split(b->all.paths[b->at]).key : result->key;
    struct cove__slice code = cove__slice_str(result->code);

    if (f->n++ > 0)
        return;
    f->rc = result->rc;
    cove__object_text(cove__slice_sub(key, 0, sizeof f->key - 1), f->key, sizeof f->key);
    cove__object_text(cove__slice_sub(code, 0, sizeof f->code - 1), f->code, sizeof f->code);
}

static void take_result(void *user, const struct cove__object_deletion_result *result)
{
    struct batch *b = user;

    if (result->rc == 0 || (result->rc == COVE_ENOTFOUND && result->refusal != COVE__REFUSED_NO_BUCKET))
        return; /* deleted, now or earlier */
    bool found = find(b, result);
    if (found && result->retry) {
        b->again[b->at] = true;
        add_failed(&b->passing, b, true, result);
    } else if (found && result->rc == COVE_EPRECONDITION && b->all.versions != NULL && b->all.versions[b->at] != NULL) {
        b->refused_version[b->at] = true;
    } else {
        add_failed(&b->refused, b, found, result);
    }
}

/* What was deleted is not sent again: another writer may have written new objects there. */
static int accept_results(struct cove__object_request *r, struct cove_error *err)
{
    struct batch *b = r->user;
    struct failed refused = b->refused; /* from earlier responses */

    memset(b->again, 0, b->all.n * sizeof *b->again);
    b->passing = (struct failed){ 0 };
    int rc = b->store->ops->batch->response(r, take_result, b);
    if (rc < 0) {
        b->refused = refused;
        return cove__object_unreadable(r, err, rc, "the response to a deletion");
    }
    if (b->passing.n > 0) {
        memcpy(b->left, b->again, b->all.n * sizeof *b->left);
        rc = cove__object_batch_write(r);
        if (rc < 0)
            return cove__object_fail(r, err, rc, "a request for %zu deletions cannot be held", b->passing.n);
    }
    const struct failed *first = b->refused.n > 0 ? &b->refused : &b->passing;
    if (first->n == 0)
        return 0;
    cove__object_fail(r, err, first->rc, "%zu could not be deleted, the first: %s (%s)", b->refused.n + b->passing.n,
                      first->key, first->code);
    cove__error_store_code(err, first->code);
    err->retryable = b->passing.n > 0;
    return first->rc;
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
        cove__fs_fail(err, ctx, rc, "a request for %zu deletions cannot be held: %s", b->all.n, cove_code_phrase(rc));
    *ret_alone = rc == 0 && b->all.n < 2;
    if (rc == 0 && !*ret_alone) {
        rc = cove__object_run(&r, err);
        *ret_alone = cove__object_refuses_operation(&r);
        if (*ret_alone)
            cove__object_learn_missing(&r, COVE__BATCH_DELETE);
    }
    cove__object_request_done(&r);
    return rc;
}

static int delete_refused(struct batch *b, const struct cove__ctx *ctx, struct cove_error *err)
{
    const char **paths = cove__calloc(b->all.n, sizeof *paths), **versions = cove__calloc(b->all.n, sizeof *versions);
    struct cove__object_deletions some = { paths, versions, 0 };
    int rc = paths != NULL && versions != NULL ? 0 : cove__fail_nomem(err, "deletions");

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
                              const struct cove__ctx *ctx, size_t *ret_n, bool *ret_alone, struct cove_error *err)
{
    struct batch b = { .store = store,
                       .all = all,
                       .left = cove__calloc(all.n, sizeof *b.left),
                       .again = cove__calloc(all.n, sizeof *b.again),
                       .refused_version = cove__calloc(all.n, sizeof *b.refused_version),
                       .body = COVE__BUF_INIT(BODY_MAX) };
    int rc;

    *ret_alone = false;
    if (b.left == NULL || b.again == NULL || b.refused_version == NULL) {
        rc = cove__fail_nomem(err, "deletions");
    } else {
        memset(b.left, true, all.n * sizeof *b.left);
        rc = run(&b, ctx, ret_alone, err);
        *ret_n = b.all.n > 1 ? b.all.n : 1;
    }
    if (rc == 0 && !*ret_alone && all.versions != NULL)
        rc = delete_refused(&b, ctx, err);
    cove__free(b.left);
    cove__free(b.again);
    cove__free(b.refused_version);
    cove__buf_done(&b.body);
    return rc;
}
