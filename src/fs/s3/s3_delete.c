/*
 * Deletes objects: unconditionally, or only if the object still has the caller's ETag. DeleteObjects takes a thousand
 * at once, if the store has it and, for objects with an ETag, checks ETags there. Otherwise they are deleted one by
 * one, several in parallel. If the store may ignore the condition of a deletion, a HEAD checks the ETag right before.
 */
#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/s3/s3.h"
#include "wire/xml.h"

#define DELETE_BODY_MAX ((size_t)8 << 20)
#define DELETE_PARALLEL 16

/* Objects of one bucket. BORROWED. */
struct objects {
    const char *const *paths;
    const char *const *etags; /* NULL, or NULL entries: unconditionally */
    size_t n;
};

static const char *etag_of(const struct objects *objects, size_t i)
{
    return objects->etags != NULL ? objects->etags[i] : NULL;
}

static int changed(const struct cove__ctx *ctx, const char *path, size_t n, struct cove_error *err)
{
    int rc = cove__fs_fail(err, ctx, COVE_EPRECONDITION, "%s was changed meanwhile and is kept", path);
    if (n > 1)
        cove__error_add(err, ", as are %zu more", n - 1);
    return rc;
}

/* ---- one by one ---- */

struct deletion {
    struct cove__object_request r; /* first: the inbox gives it back */
    const char *path, *etag;
    bool looked;  /* a HEAD has found the expected ETag */
    bool doubted; /* the reply to the deletion may be a proxy's: a HEAD tells whether the object is gone */
    bool refused; /* the deletion was refused for its ETag, perhaps because no object is there (RFC 9110, 13.1.1) */
};

/* Sends the HEAD, if the deletion's own condition is not enough, or the deletion. */
static int deletion_start(struct deletion *o, struct cove__object_store *store, const struct cove__ctx *ctx,
                          struct cove__inbox *inbox, struct cove_error *err)
{
    enum cove__can can = cove__object_can(store, COVE__DELETE_CONDITIONS);
    bool look = o->doubted || o->refused || (o->etag != NULL && can != COVE__CAN_YES && !o->looked);
    struct cove__object_name name;

    int rc = cove__object_name_of(store, o->path, false, ctx, &name, err);
    if (rc < 0)
        return rc;
    cove__object_request_init(&o->r, store, look ? "HEAD" : "DELETE", name, ctx);
    if (look)
        cove__object_head_request(&o->r);
    else
        o->r.accept = cove__object_accept_empty;
    if (!look && o->etag != NULL && can != COVE__CAN_NO)
        cove__object_header(&o->r, "If-Match", "%s", cove__object_strong_etag(o->etag));
    cove__object_start_in(&o->r, inbox);
    return 0;
}

enum next { DONE, AGAIN, CHANGED };

/* Evaluates the reply. What to do next, or an error. */
static int deletion_next(struct deletion *o, struct cove_error *err)
{
    struct cove__object_request *r = &o->r;
    bool looked = r->is_head;
    int rc = r->http.op.rc;
    struct cove__object_head head;

    if (rc == COVE_ENOTFOUND && r->refusal != COVE__REFUSED_NO_BUCKET)
        return DONE; /* already deleted */
    if (rc == 0 && looked) {
        cove__object_head_response(r, &head);
        o->looked = o->etag != NULL && cove__object_same_version(head.version, o->etag);
        if (o->doubted && (o->looked || o->etag == NULL))
            return cove__object_fail(r, err, COVE_EPROTOCOL,
                                     "the reply to the deletion is not the store's, and the object still exists");
        if (o->refused && o->looked)
            return cove__object_fail(r, err, COVE_EPROTOCOL,
                                     "the store refuses the deletion for its ETag, though the object has it");
        return o->looked ? AGAIN : CHANGED;
    }
    if (!looked && (rc == COVE_EPROTOCOL || (rc == 0 && r->http.status != 204))) {
        o->doubted = true;
        return AGAIN;
    }
    if (rc == COVE_EPRECONDITION && o->etag != NULL && !looked) {
        o->refused = true;
        return AGAIN;
    }
    if (o->etag != NULL && !looked && r->store->ops->refuses_condition(r)) {
        cove__object_learn_missing(r, COVE__DELETE_CONDITIONS);
        if (cove__object_can(r->store, COVE__DELETE_CONDITIONS) == COVE__CAN_NO)
            return AGAIN;
        return cove__object_fail(r, err, COVE_ENOTSUP,
                                 "the store has no conditional deletions; conditional_deletes=false checks the object "
                                 "before the deletion instead, and can miss a write between the two");
    }
    return rc < 0 ? cove__error_copy(err, &r->http.op.err) : DONE;
}

static int delete_each(struct cove__object_store *store, const struct objects *objects, const struct cove__ctx *ctx,
                       struct cove_error *err)
{
    struct deletion *deletions =
        cove__calloc(objects->n < DELETE_PARALLEL ? objects->n : DELETE_PARALLEL, sizeof *deletions);
    struct cove__inbox inbox;
    struct cove__op *op;
    size_t next = 0, n_changed = 0;
    const char *first_changed = NULL;
    int rc = 0;

    if (deletions == NULL)
        return cove__fail_nomem(err, "deletions");
    cove__inbox_init(&inbox);
    for (; rc == 0 && next < objects->n && next < DELETE_PARALLEL; next++) {
        deletions[next] = (struct deletion){ .path = objects->paths[next], .etag = etag_of(objects, next) };
        rc = deletion_start(&deletions[next], store, ctx, &inbox, err);
    }
    while ((op = cove__inbox_wait(&inbox)) != NULL) {
        struct deletion *o = (struct deletion *)(void *)op;
        int then = deletion_next(o, rc == 0 ? err : NULL);
        cove__object_request_done(&o->r);
        if (rc < 0)
            continue; /* finish those in progress, start no others */
        rc = then < 0 ? then : 0;
        if (then == CHANGED && n_changed++ == 0)
            first_changed = o->path;
        if (then == AGAIN) {
            rc = deletion_start(o, store, ctx, &inbox, err);
        } else if (rc == 0 && next < objects->n) {
            *o = (struct deletion){ .path = objects->paths[next], .etag = etag_of(objects, next) };
            next++;
            rc = deletion_start(o, store, ctx, &inbox, err);
        }
    }
    cove__inbox_done(&inbox);
    cove__free(deletions);
    return rc == 0 && n_changed > 0 ? changed(ctx, first_changed, n_changed, err) : rc;
}

/* ---- by the thousand ---- */

/* Keys that could not be deleted: their number, and the first one with its error code. */
struct failed {
    size_t n;
    char key[256], code[64];
};

struct batch {
    struct cove__object_store *store;
    struct objects objects;
    bool *left, *again; /* for each object: the body names it; the next body is to name it */
    bool *refused_etag; /* for each object: the store has it with another ETag, or does not have it */
    struct cove__buf body;
    struct failed refused;      /* permanently, in all replies */
    struct failed passing;      /* in the last reply: to be retried */
    struct cove__buf key, code; /* of the current <Error> */
    struct cove__buf version;
    size_t at; /* where the last key was found: replies keep the order */
};

static bool add_object(struct batch *b, size_t i)
{
    struct cove__object_name name = cove__object_locate(b->store, b->objects.paths[i]);
    const char *etag = etag_of(&b->objects, i);
    size_t before = b->body.size;

    cove__buf_add_str(&b->body, "<Object><Key>");
    bool fits = name.key.size > 0 && cove__xml_add_text(&b->body, name.key) != COVE_EINVAL;
    cove__buf_add_str(&b->body, "</Key>");
    if (name.version.size > 0) {
        cove__buf_add_str(&b->body, "<VersionId>");
        fits &= cove__xml_add_text(&b->body, name.version) != COVE_EINVAL;
        cove__buf_add_str(&b->body, "</VersionId>");
    }
    if (etag != NULL) {
        cove__buf_add_str(&b->body, "<ETag>");
        fits &= cove__xml_add_text(&b->body, cove__slice_str(cove__object_strong_etag(etag))) != COVE_EINVAL;
        cove__buf_add_str(&b->body, "</ETag>");
    }
    cove__buf_add_str(&b->body, "</Object>");
    if (!fits)
        b->body.size = before;
    return fits;
}

static void write_body(struct batch *b)
{
    cove__buf_reset(&b->body);
    cove__buf_add_str(&b->body, "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>");
    for (size_t i = 0; i < b->objects.n; i++) {
        if (b->left[i] && !add_object(b, i))
            b->objects.n = i;
    }
    cove__buf_add_str(&b->body, "</Delete>");
}

static void set_body(struct cove__object_request *r, const struct batch *b)
{
    bool directory = cove__s3_is_directory(r->store, r->name.bucket);

    r->md5[0] = '\0';
    /* Directory buckets refuse a request without a checksum. */
    cove__object_body(r, cove__buf_slice(&b->body),
                      r->checksum_refused ? COVE__CHECKSUM_NONE
                      : directory         ? COVE__CHECKSUM_CRC32C
                                          : cove__object_checksum(r->store));
    if (!directory)
        cove__object_use_md5(r); /* many stores require MD5 here; without it (FIPS) CRC32C is enough for most */
}

static bool is_object(const struct batch *b, size_t i)
{
    struct cove__object_name name = cove__object_locate(b->store, b->objects.paths[i]);

    return cove__slice_eq(name.key, cove__buf_slice(&b->key)) &&
           (name.version.size == 0 || cove__slice_eq(name.version, cove__buf_slice(&b->version)));
}

static void add_failed(struct failed *f, const struct batch *b)
{
    if (f->n++ == 0) {
        cove__object_text(cove__slice_sub(cove__buf_slice(&b->key), 0, sizeof f->key - 1), f->key, sizeof f->key);
        cove__object_text(cove__slice_sub(cove__buf_slice(&b->code), 0, sizeof f->code - 1), f->code, sizeof f->code);
    }
}

/* Finds what the <Error> is of; false: it was not asked for. */
static bool find_object(struct batch *b)
{
    for (size_t n = 0; n < b->objects.n; n++) {
        size_t i = (b->at + n) % b->objects.n;
        if (b->left[i] && is_object(b, i)) {
            b->at = i;
            return true;
        }
    }
    return false;
}

static void end_error(struct batch *b)
{
    bool passing = false;
    int code = cove__s3_code(cove__buf_str(&b->code), &passing);

    if (code == COVE_ENOTFOUND && !cove__slice_is(cove__buf_slice(&b->code), "NoSuchBucket"))
        return; /* already deleted */
    if (passing && find_object(b)) {
        b->again[b->at] = true;
        add_failed(&b->passing, b);
    } else if (code == COVE_EPRECONDITION && find_object(b) && etag_of(&b->objects, b->at) != NULL) {
        b->refused_etag[b->at] = true;
    } else {
        add_failed(&b->refused, b);
    }
}

static int on_start(void *user, const char *path)
{
    struct batch *b = user;

    if (strcmp(path, "DeleteResult/Error") == 0) {
        cove__buf_reset(&b->key);
        cove__buf_reset(&b->code);
        cove__buf_reset(&b->version);
    }
    return 0;
}

static int on_end(void *user, const char *path, struct cove__slice text)
{
    struct batch *b = user;

    if (strcmp(path, "DeleteResult/Error/Code") == 0)
        return cove__buf_add_slice(&b->code, text);
    if (strcmp(path, "DeleteResult/Error/Key") == 0)
        return cove__buf_add_slice(&b->key, text);
    if (strcmp(path, "DeleteResult/Error/VersionId") == 0)
        return cove__buf_add_slice(&b->version, text);
    if (strcmp(path, "DeleteResult/Error") == 0)
        end_error(b);
    return 0;
}

/* Retries only the keys that failed temporarily. Deleted keys are not sent again: another writer may have written new
 * objects there. */
static int ask_again(struct cove__object_request *r, struct batch *b)
{
    memcpy(b->left, b->again, b->objects.n * sizeof *b->left);
    write_body(b);
    if (cove__buf_rc(&b->body) < 0)
        return cove__buf_rc(&b->body);
    set_body(r, b);
    return 0;
}

static int accept_deletion(struct cove__object_request *r, struct cove_error *err)
{
    static const struct cove__xml_handler handler = { on_start, on_end, "DeleteResult" };
    struct batch *b = r->user;
    struct failed refused = b->refused; /* from earlier replies */
    bool passing;

    memset(b->again, 0, b->objects.n * sizeof *b->again);
    b->passing = (struct failed){ 0 };
    int rc = cove__xml_read(cove__buf_slice(&r->http.reply), &handler, b);
    if (rc < 0) {
        b->refused = refused;
        return cove__object_unreadable(r, err, rc, "the reply to a deletion");
    }
    if (b->passing.n > 0 && (rc = ask_again(r, b)) < 0)
        return cove__object_fail(r, err, rc, "a request for %zu deletions cannot be held", b->passing.n);
    const struct failed *first = b->refused.n > 0 ? &b->refused : &b->passing;
    if (first->n == 0)
        return 0;
    rc = cove__s3_code(first->code, &passing);
    cove__object_fail(r, err, rc, "%zu could not be deleted, the first: %s (%s)", b->refused.n + b->passing.n,
                      first->key, first->code);
    err->retryable = b->passing.n > 0;
    return rc;
}

/* Runs one DeleteObjects. *ret_unknown: the store does not have it. */
static int run_batch(struct batch *b, const struct cove__ctx *ctx, bool *ret_unknown, struct cove_error *err)
{
    struct cove__object_request r;

    cove__object_request_init(&r, b->store, "POST",
                              (struct cove__object_name){ .bucket = cove__object_split(b->objects.paths[0]).bucket },
                              ctx);
    r.http.reply_max = COVE__OBJECT_REPLY_MAX;
    r.error_in_200 = true;
    r.accept = accept_deletion;
    r.user = b;
    r.sign_body = true;
    cove__buf_add_str(&r.query, "delete=");
    cove__object_header(&r, "Content-Type", "application/xml");
    set_body(&r, b);
    int rc = cove__object_run(&r, err);
    *ret_unknown = r.store->ops->refuses_operation(&r);
    if (*ret_unknown)
        cove__object_learn_missing(&r, COVE__BATCH_DELETE);
    cove__object_request_done(&r);
    return rc;
}

static int batch_init(struct batch *b, struct cove__object_store *store, const struct objects *objects,
                      struct cove_error *err)
{
    *b = (struct batch){ .store = store,
                         .objects = *objects,
                         .left = cove__calloc(objects->n, sizeof *b->left),
                         .again = cove__calloc(objects->n, sizeof *b->again),
                         .refused_etag = cove__calloc(objects->n, sizeof *b->refused_etag),
                         .body = COVE__BUF_INIT(DELETE_BODY_MAX),
                         .key = COVE__BUF_INIT(COVE__OBJECT_REPLY_MAX),
                         .code = COVE__BUF_INIT(COVE__OBJECT_REPLY_MAX),
                         .version = COVE__BUF_INIT(COVE__OBJECT_REPLY_MAX) };
    if (b->left == NULL || b->again == NULL || b->refused_etag == NULL)
        return cove__fail_nomem(err, "deletions");
    memset(b->left, true, objects->n * sizeof *b->left);
    write_body(b);
    return cove__buf_rc(&b->body) < 0 ? cove__fail_nomem(err, "deletions") : 0;
}

static void batch_done(struct batch *b)
{
    cove__free(b->left);
    cove__free(b->again);
    cove__free(b->refused_etag);
    cove__buf_done(&b->body);
    cove__buf_done(&b->key);
    cove__buf_done(&b->code);
    cove__buf_done(&b->version);
}

/* Deletes one by one what a batch refused for its ETag, which tells a changed object from a deleted one. */
static int delete_refused(struct batch *b, const struct cove__ctx *ctx, struct cove_error *err)
{
    const char **paths = cove__calloc(b->objects.n, sizeof *paths), **etags = cove__calloc(b->objects.n, sizeof *etags);
    struct objects objects = { paths, etags, 0 };
    int rc = paths != NULL && etags != NULL ? 0 : cove__fail_nomem(err, "deletions");

    for (size_t i = 0; rc == 0 && i < b->objects.n; i++) {
        if (!b->refused_etag[i])
            continue;
        paths[objects.n] = b->objects.paths[i];
        etags[objects.n++] = b->objects.etags[i];
    }
    if (rc == 0 && objects.n > 0)
        rc = delete_each(b->store, &objects, ctx, err);
    cove__free(paths);
    cove__free(etags);
    return rc;
}

/* Deletes the first *ret_n of the objects: as many as fit into one request, or are deleted one by one. */
static int delete_some(struct cove__object_store *store, struct objects objects, size_t *ret_n,
                       const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;
    struct batch b;
    bool alone = cove__object_can(store, COVE__BATCH_DELETE) == COVE__CAN_NO;

    if (objects.n > 1 && objects.etags != NULL)
        alone |= cove__object_can(store, COVE__BATCH_CONDITIONS) != COVE__CAN_YES;
    if (objects.n == 1 || alone) {
        *ret_n = objects.n;
        return delete_each(store, &objects, ctx, err);
    }
    int rc = batch_init(&b, store, &objects, &why);
    *ret_n = objects.n = b.objects.n > 1 ? b.objects.n : 1;
    if (rc == 0 && b.objects.n > 1)
        rc = run_batch(&b, ctx, &alone, &why);
    else
        alone = rc == 0; /* a key that XML cannot hold is deleted by itself */
    if (rc == 0 && !alone && objects.etags != NULL)
        rc = delete_refused(&b, ctx, &why);
    batch_done(&b);
    if (alone)
        return delete_each(store, &objects, ctx, err);
    return rc < 0 ? cove__error_copy(err, &why) : 0;
}

int cove__object_remove(void *self, const char *const *paths, const char *const *etags, size_t n,
                        const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;
    int rc = 0, broken = 0;

    for (size_t at = 0, gone = 0; rc == 0 && at < n; at += gone) {
        struct objects objects = { paths + at, etags != NULL ? etags + at : NULL, 1 };
        struct cove__slice bucket = cove__object_split(paths[at]).bucket;

        while (objects.n < S3_DELETE_MAX && at + objects.n < n &&
               cove__slice_eq(bucket, cove__object_split(paths[at + objects.n]).bucket))
            objects.n++;
        cove__error_clear(&why);
        rc = delete_some(self, objects, &gone, ctx, &why);
        if (rc == COVE_EPRECONDITION) { /* the other objects are still to be deleted */
            if (broken == 0)
                broken = cove__error_copy(err, &why);
            rc = 0;
        }
    }
    if (rc < 0)
        return cove__error_copy(err, &why);
    return broken;
}
