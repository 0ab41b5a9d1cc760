/*
 * Objects deleted one by one, several in parallel: unconditionally, or only if the object still has the caller's
 * version. If the store may ignore the condition of a deletion, a HEAD checks the version right before.
 */
#include "fs/object/remove.h"

#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/object/operations.h"

#define PARALLEL 16

static int changed(const struct cove__ctx *ctx, const char *path, size_t n, struct cove_error *err)
{
    int rc = cove__fs_fail(err, ctx, COVE_EPRECONDITION, "%s was changed meanwhile and is kept", path);
    if (n > 1)
        cove__error_add(err, ", as are %zu more", n - 1);
    return rc;
}

struct deletion {
    struct cove__object_request r; /* first: the inbox gives it back */
    const char *path, *version;
    bool exact; /* the path ends in no version */
    bool with_snapshots;
    bool checked; /* a HEAD has found the expected version */
    bool doubted; /* the response to the deletion may be a proxy's: a HEAD shows whether the object is gone */
    bool
        refused; /* the deletion was refused for its condition, perhaps because no object is there (RFC 9110, 13.1.1) */
};

static struct deletion deletion_of(const struct cove__object_deletions *all, size_t i)
{
    return (struct deletion){ .path = all->paths[i],
                              .version = all->versions ? all->versions[i] : NULL,
                              .exact = all->exact,
                              .with_snapshots = all->with_snapshots };
}

enum next { DONE, AGAIN, CHANGED };

static int next_after_check(struct deletion *d, struct cove_error *err)
{
    struct cove__object_head head;

    cove__object_head_response(&d->r, &head);
    d->checked = d->version && cove__object_same_version(head.version, d->version);
    if (d->doubted && (d->checked || !d->version))
        return cove__object_fail(&d->r, err, COVE_EPROTOCOL,
                                 "the response to the deletion is not the store's, and the object still exists");
    if (d->refused && d->checked)
        return cove__object_fail(&d->r, err, COVE_EPROTOCOL,
                                 "the store refuses the deletion for its condition, though the object fulfils it");
    return d->checked ? AGAIN : CHANGED;
}

/* Evaluates the response. What to do next, or an error. */
static int next_of(struct deletion *d, struct cove_error *err)
{
    struct cove__object_request *r = &d->r;
    const struct cove__object_ops *ops = r->store->ops;
    int rc = r->http.op.rc;

    if (rc == COVE_ENOTFOUND && r->refusal != COVE__REFUSED_NO_BUCKET)
        return DONE; /* already deleted */
    if (r->is_head)
        return rc == 0 ? next_after_check(d, err) : cove__error_copy(err, &r->http.op.err);
    if (r->refusal == COVE__REFUSED_BY_ANOTHER)
        return cove__error_copy(err, &r->http.op.err);
    if (rc == COVE_EPROTOCOL || (rc == 0 && ops->deleted_status != 0 && r->http.status != ops->deleted_status)) {
        d->doubted = true;
        return AGAIN;
    }
    if (rc == COVE_EPRECONDITION && d->version) {
        d->refused = true;
        return AGAIN;
    }
    if (cove__object_refuses_condition(r)) {
        cove__object_learn_missing(r, COVE__DELETE_CONDITIONS);
        if (cove__object_can(r->store, COVE__DELETE_CONDITIONS) == COVE__CAN_NO)
            return AGAIN;
        return cove__object_fail(r, err, COVE_ENOTSUP,
                                 "the store has no conditional deletions; conditional_deletes=false checks the object "
                                 "before the deletion instead, and can miss a write between the two");
    }
    if (rc < 0 && cove__object_may_be_done(r))
        cove__error_add(&r->http.op.err, "; it may have been deleted");
    return rc < 0 ? cove__error_copy(err, &r->http.op.err) : DONE;
}

/* What the deletions have failed with. */
struct failures {
    struct cove_error first;
    size_t n, n_changed;
    const char *first_changed;
    bool all; /* no other deletion would succeed */
};

static void add_failure(struct failures *f, const struct deletion *d, int rc, const struct cove_error *err)
{
    if (f->n++ == 0)
        f->first = *err;
    f->all |= cove__fs_fails_for_all(rc) || (rc == COVE_ENOTFOUND && d->r.refusal == COVE__REFUSED_NO_BUCKET);
}

static int failed(struct failures *f, size_t n_left, const struct cove__ctx *ctx, struct cove_error *err)
{
    if (f->n == 0)
        return f->n_changed > 0 ? changed(ctx, f->first_changed, f->n_changed, err) : 0;
    if (f->n > 1)
        cove__error_add(&f->first, "; %zu more could not be deleted", f->n - 1);
    if (n_left > 0)
        cove__error_add(&f->first, "; %zu more were not tried", n_left);
    return cove__error_copy(err, &f->first);
}

/* Sends the HEAD, if the deletion's own condition is not enough, or the deletion. False: it has failed. */
static bool start(struct deletion *d, struct cove__object_store *store, const struct cove__ctx *ctx,
                  struct cove__inbox *inbox, struct failures *failures)
{
    enum cove__can can = cove__object_can(store, COVE__DELETE_CONDITIONS);
    bool check = d->doubted || d->refused || (d->version && can != COVE__CAN_YES && !d->checked);
    struct cove_error why = COVE_ERROR_INIT;
    struct cove__object_name name;

    int rc = cove__object_name_of(store, d->path, false, ctx, &name, &why);
    if (d->exact)
        name = cove__object_split(d->path);
    if (rc < 0) {
        add_failure(failures, d, rc, &why);
        return false;
    }
    cove__object_request_init(&d->r, store, check ? "HEAD" : "DELETE", name, ctx);
    if (check) {
        cove__object_head_request(&d->r);
    } else {
        d->r.accept = cove__object_accept_empty;
        if (store->ops->delete_request)
            store->ops->delete_request(&d->r, d->with_snapshots);
        if (d->version && can != COVE__CAN_NO)
            cove__object_add_match(&d->r, &d->r.extra, d->version);
    }
    cove__object_start_in(&d->r, inbox);
    return true;
}

int cove__object_delete_each(struct cove__object_store *store, const struct cove__object_deletions *all,
                             const struct cove__ctx *ctx, struct cove_error *err)
{
    struct deletion *deletions = cove__calloc(all->n < PARALLEL ? all->n : PARALLEL, sizeof *deletions);
    struct failures failures = { 0 };
    struct cove__inbox inbox;
    struct cove__op *op;
    size_t next = 0, n_started = 0;

    if (!deletions)
        return cove__fail_nomem(err, "deletions");
    cove__inbox_init(&inbox);
    while (next < all->n && n_started < PARALLEL && !failures.all) {
        deletions[n_started] = deletion_of(all, next++);
        n_started += start(&deletions[n_started], store, ctx, &inbox, &failures);
    }
    while ((op = cove__inbox_wait(&inbox))) {
        struct deletion *d = (struct deletion *)(void *)op;
        struct cove_error why = COVE_ERROR_INIT;
        int then = next_of(d, &why);

        if (then < 0)
            add_failure(&failures, d, then, &why);
        cove__object_request_done(&d->r);
        if (then == CHANGED && failures.n_changed++ == 0)
            failures.first_changed = d->path;
        if (failures.all)
            continue; /* finish those in progress, start no others */
        bool again = then == AGAIN && start(d, store, ctx, &inbox, &failures);
        while (!again && next < all->n && !failures.all) {
            *d = deletion_of(all, next++);
            again = start(d, store, ctx, &inbox, &failures);
        }
    }
    cove__inbox_done(&inbox);
    cove__free(deletions);
    return failed(&failures, all->n - next, ctx, err);
}

struct cove__object_deletion cove__object_deletion_at(const struct cove__object_store *store,
                                                      const struct cove__object_deletions *all, size_t i)
{
    return (struct cove__object_deletion){ .name = all->exact ? cove__object_split(all->paths[i])
                                                              : cove__object_locate(store, all->paths[i]),
                                           .version = all->versions ? all->versions[i] : NULL,
                                           .with_snapshots = all->with_snapshots };
}
