/*
 * New files. The bytes go to a temporary file beside the target, which is then looked at and renamed in one step:
 *
 *   a whole file   create -> look -> (compare) -> rename -> (confirm)
 *   a part         create, or append; after a lost response: measure -> append what is missing
 *   parts' end                look -> (compare) -> rename -> (confirm)
 *
 * HDFS has no rename under the condition that the target is a certain version, so `compare` checks it right before.
 * Only if the response to a rename was lost, `confirm` looks whether it was done.
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "fs/webhdfs/webhdfs.h"

#define MIB        ((size_t)1 << 20)
#define DISCARD_NS (10 * COVE__SEC)

struct cove__upload {
    struct cove__webhdfs *store;
    char *path, *temporary; /* owned, as is `etag` */
    enum cove_write_if condition;
    char *etag;
    int64_t size; /* bytes of the parts that have ended */
    bool created; /* there may be a temporary file */
};

enum step { CREATE, APPEND, MEASURE, LOOK, COMPARE, RENAME, CONFIRM };

struct write_work {
    struct webhdfs_request r; /* first */
    struct cove__upload *u;
    enum step step;
    bool whole; /* the file is made and renamed */
    struct cove__slice data;
    int64_t offset;             /* of a part */
    struct webhdfs_status made; /* the temporary file, as it is renamed */
    struct cove__put_io *put;
    struct cove__part_io *part;
    struct cove_error failure; /* of a put, while its temporary file is removed */
};

/* ---- steps ---- */

static void create(struct write_work *work)
{
    const struct cove__upload *u = work->u;
    struct webhdfs_request *r = &work->r;

    work->step = CREATE;
    cove__webhdfs_step(r, "PUT", "CREATE", u->temporary);
    cove__webhdfs_add(r, "overwrite", "true");
    if (u->store->o.replication > 0)
        cove__webhdfs_add_number(r, "replication", u->store->o.replication);
    r->sends = true;
    r->data = work->data;
}

static void append_from(struct write_work *work, size_t done)
{
    struct webhdfs_request *r = &work->r;

    work->step = APPEND;
    cove__webhdfs_step(r, "POST", "APPEND", work->u->temporary);
    r->sends = true;
    r->data = cove__slice_sub(work->data, done, SIZE_MAX);
}

static void look(struct write_work *work, enum step step, const char *path)
{
    work->step = step;
    cove__webhdfs_step(&work->r, "GET", "GETFILESTATUS", path);
}

static void rename_it(struct write_work *work)
{
    const struct cove__upload *u = work->u;

    work->step = RENAME;
    cove__webhdfs_step(&work->r, "PUT", "RENAME", u->temporary);
    cove__webhdfs_add(&work->r, "destination", u->path);
    cove__webhdfs_add(&work->r, "renameoptions", u->condition == COVE_WRITE_IF_NEW ? "NONE" : "OVERWRITE");
}

/* ---- good responses ---- */

/* How much of the part is there. */
static int measured(struct write_work *work, const struct webhdfs_status *status, struct cove_error *err)
{
    int64_t done = status->length - work->offset;

    if (done < 0 || (uint64_t)done > work->data.size)
        return cove__webhdfs_fail(&work->r, err, COVE_ESERVER,
                                  "the temporary file has %lld bytes, which are not those that were sent: write the "
                                  "file again",
                                  (long long)status->length);
    if ((size_t)done < work->data.size)
        append_from(work, (size_t)done);
    return 0;
}

static int looked_at_made(struct write_work *work, struct cove_error *err)
{
    const struct cove__upload *u = work->u;
    int64_t size = u->size + (work->put ? (int64_t)work->data.size : 0);

    if (work->made.length != size)
        return cove__webhdfs_fail(&work->r, err, COVE_ESERVER,
                                  "the store has %lld bytes of the %lld that were sent: write the file again",
                                  (long long)work->made.length, (long long)size);
    if (u->condition == COVE_WRITE_IF_MATCH)
        look(work, COMPARE, u->path);
    else
        rename_it(work);
    return 0;
}

static int compared(struct write_work *work, const struct webhdfs_status *there, struct cove_error *err)
{
    char etag[WEBHDFS_ETAG_MAX];

    cove__webhdfs_make_etag(there, etag);
    if (there->directory || strcmp(etag, work->u->etag) != 0)
        return cove__webhdfs_fail(&work->r, err, COVE_EPRECONDITION, "the file was replaced meanwhile");
    rename_it(work);
    return 0;
}

/* A server that does not know the option renames by older rules, and answers whether it has. */
static int renamed(struct write_work *work, struct cove_error *err)
{
    const struct cove__buf *response = &work->r.http.response;

    if (response->size == 0 || cove__webhdfs_read_boolean(cove__buf_slice(response)) == 1)
        return 0;
    if (cove__webhdfs_read_boolean(cove__buf_slice(response)) < 0)
        return cove__webhdfs_unreadable(&work->r, err, COVE_EPROTOCOL);
    if (work->u->condition == COVE_WRITE_IF_NEW)
        return cove__webhdfs_fail(&work->r, err, COVE_EEXIST, "it exists already");
    return cove__webhdfs_fail(&work->r, err, COVE_ENOTSUP,
                              "the server cannot replace a file in one step, as HttpFS: remove the file first");
}

static int accept_look(struct write_work *work, struct cove_error *err)
{
    struct webhdfs_status status;
    int rc = cove__webhdfs_read_status(cove__buf_slice(&work->r.http.response), &status);

    if (rc < 0)
        return cove__webhdfs_unreadable(&work->r, err, rc);
    switch (work->step) {
    case MEASURE:
        return measured(work, &status, err);
    case COMPARE:
        return compared(work, &status, err);
    case CONFIRM:
        return status.id == work->made.id && status.length == work->made.length &&
                       status.mtime_ms == work->made.mtime_ms
                   ? 0
                   : cove__webhdfs_fail(&work->r, err,
                                        work->u->condition == COVE_WRITE_IF_NEW ? COVE_EEXIST : COVE_ESERVER,
                                        "another file is in its place: write it again");
    default:
        work->made = status;
        return looked_at_made(work, err);
    }
}

static int accept(struct webhdfs_request *r, struct cove_error *err)
{
    struct write_work *work = (struct write_work *)r;

    if (work->step == RENAME)
        return renamed(work, err);
    if (work->step != CREATE && work->step != APPEND)
        return accept_look(work, err);
    if (r->location.size == 0) /* only a server that takes the bytes without a redirect has them */
        return cove__webhdfs_unreadable(r, err, COVE_EPROTOCOL);
    if (work->whole)
        look(work, LOOK, work->u->temporary);
    return 0;
}

/* ---- failures ---- */

/* The bytes of an append may be there: all, or the first of them. */
static void repeat(struct webhdfs_request *r)
{
    struct write_work *work = (struct write_work *)r;

    if (work->step == APPEND)
        look(work, MEASURE, work->u->temporary);
}

static bool learns(struct webhdfs_request *r)
{
    struct write_work *work = (struct write_work *)r;

    if (work->step != RENAME || !cove__webhdfs_may_be_done(r) ||
        (strcmp(r->code, "FileNotFoundException") != 0 && strcmp(r->code, "FileAlreadyExistsException") != 0))
        return false;
    look(work, CONFIRM, work->u->path);
    return true;
}

/* What the failure means for the caller, who knows nothing of the steps. */
static int explain(const struct write_work *work, int rc, struct cove_error *err)
{
    const struct webhdfs_request *r = &work->r;

    if (rc == COVE_ENOTFOUND && work->step == COMPARE)
        return cove__webhdfs_fail(r, err, COVE_EPRECONDITION, "the file is gone");
    if (rc == COVE_ENOTFOUND)
        return cove__webhdfs_fail(r, err, COVE_ESERVER, "the temporary file is gone: write the file again");
    if (rc == COVE_ESERVER && work->step == RENAME && strstr(err->message, "must both be directories"))
        return cove__webhdfs_fail(r, err, COVE_EISDIR, "is a directory");
    return rc;
}

/* ---- uploads ---- */

static void upload_free(struct cove__upload *u)
{
    if (!u)
        return;
    cove__free(u->path);
    cove__free(u->temporary);
    cove__free(u->etag);
    cove__free(u);
}

static struct cove__upload *upload_new(struct cove__webhdfs *store, const char *path, const struct cove__put *put)
{
    struct cove__upload *u = cove__calloc(1, sizeof *u);

    if (!u)
        return NULL;
    *u = (struct cove__upload){ .store = store,
                                .path = cove__strdup(path),
                                .temporary = cove__webhdfs_temporary(path),
                                .condition = put ? put->condition : COVE_WRITE_ALWAYS };
    if (u->path && u->temporary && (!put || cove__set_string(&u->etag, put->etag) == 0))
        return u;
    upload_free(u);
    return NULL;
}

static int refuse_root(const char *path, const struct cove__ctx *ctx, struct cove_error *err)
{
    return path[1] == '\0' ? cove__fs_fail(err, ctx, COVE_EISDIR, "is a directory") : 0;
}

static void work_init(struct write_work *work, struct cove__upload *u, const struct cove__ctx *ctx)
{
    work->u = u;
    cove__webhdfs_request_init(&work->r, u->store, ctx);
    work->r.accept = accept;
    work->r.learns = learns;
    work->r.repeat = repeat;
}

/* ---- whole files ---- */

static void put_end(struct write_work *work, int rc, const struct cove_error *err)
{
    struct cove__put_io *io = work->put;

    cove__webhdfs_request_done(&work->r);
    upload_free(work->u);
    cove__free(work);
    cove__op_finish(&io->op, rc, rc < 0 ? 0 : (int64_t)io->src.size, err);
}

static void discarded(struct webhdfs_request *r)
{
    struct write_work *work = (struct write_work *)r;
    struct cove_error failure = work->failure;

    if (r->http.op.rc < 0 && r->http.op.rc != COVE_ENOTFOUND)
        cove__log(COVE_LOG_WARNING, "webhdfs", "%s; the temporary file %s stays: remove it", r->http.op.err.message,
                  work->u->temporary);
    put_end(work, failure.code, &failure);
}

/* Removes the temporary file, then ends. */
static void put_failed(struct write_work *work, const struct cove_error *err)
{
    const struct cove__ctx *call = &work->put->op.ctx;
    struct cove__ctx ctx = {
        .deadline_ns = cove__now_ns() + DISCARD_NS, .op = "abort", .url = call->url, .last_waits = &cove__is_abort
    };
    bool over = cove__ctx_check(call, NULL) < 0;

    work->failure = *err;
    if (over)
        ctx.deadline_ns = cove__now_ns() + 100 * COVE__MS;
    cove__webhdfs_request_done(&work->r);
    cove__webhdfs_request_init(&work->r, work->u->store, &ctx);
    work->r.done = discarded;
    cove__webhdfs_step(&work->r, "DELETE", "DELETE", work->u->temporary);
    cove__webhdfs_start(&work->r);
}

static void put_done(struct webhdfs_request *r)
{
    struct write_work *work = (struct write_work *)r;
    struct cove_error err = r->http.op.err;
    char etag[WEBHDFS_ETAG_MAX];
    int rc = explain(work, r->http.op.rc, &err);

    if (rc < 0 && r->http.sends > 0) {
        put_failed(work, &err);
        return;
    }
    if (rc == 0) {
        cove__webhdfs_make_etag(&work->made, etag);
        work->put->ret_etag = cove__strdup(etag); /* NULL when memory is short: the file is there */
    }
    put_end(work, rc, &err);
}

void cove__webhdfs_put(void *self, struct cove__put_io *io)
{
    struct cove_error err = COVE_ERROR_INIT;
    int rc = refuse_root(io->path, &io->op.ctx, &err);
    struct write_work *work = rc == 0 ? cove__calloc(1, sizeof *work) : NULL;
    struct cove__upload *u = work ? upload_new(self, io->path, io->put) : NULL;

    if (rc == 0 && !u)
        rc = cove__fail_nomem(&err, "a request");
    if (rc < 0) {
        cove__free(work);
        cove__op_finish(&io->op, rc, 0, &err);
        return;
    }
    work_init(work, u, &io->op.ctx);
    work->put = io;
    work->whole = true;
    work->data = io->src;
    work->r.done = put_done;
    create(work);
    cove__webhdfs_start(&work->r);
}

/* ---- parts ---- */

void cove__webhdfs_part_rules(void *self, const struct cove__put *put, struct cove__part_rules *ret)
{
    const struct cove__webhdfs *store = self;

    *ret = (struct cove__part_rules){ .min_part = 1,
                                      .default_part = (size_t)store->o.block_size,
                                      .max_part = 1024 * MIB,
                                      .ordered = true,
                                      .parallel = put ? 1 : (unsigned)store->o.max_concurrency };
}

int cove__webhdfs_begin(void *self, const char *path, const struct cove__put *put, const struct cove__ctx *ctx,
                        struct cove__upload **ret, struct cove_error *err)
{
    int rc = refuse_root(path, ctx, err);
    struct cove__upload *u = rc == 0 ? upload_new(self, path, put) : NULL;

    if (rc == 0 && !u)
        rc = cove__fail_nomem(err, "an upload");
    if (rc == 0)
        *ret = u;
    return rc;
}

static void part_done(struct webhdfs_request *r)
{
    struct write_work *work = (struct write_work *)r;
    struct cove__part_io *io = work->part;
    struct cove_error err = r->http.op.err;
    int rc = explain(work, r->http.op.rc, &err);

    if (rc == 0)
        work->u->size += (int64_t)io->src.size;
    cove__webhdfs_request_done(r);
    cove__free(work);
    cove__op_finish(&io->op, rc, rc < 0 ? 0 : (int64_t)io->src.size, &err);
}

void cove__webhdfs_part(void *self, struct cove__part_io *io)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct write_work *work = cove__calloc(1, sizeof *work);

    if (!work) {
        cove__op_finish(&io->op, cove__fail_nomem(&err, "a request"), 0, &err);
        return;
    }
    work_init(work, io->upload, &io->op.ctx);
    work->part = io;
    work->data = io->src;
    work->offset = io->offset;
    work->r.done = part_done;
    io->upload->created = true;
    if (io->offset == 0)
        create(work);
    else
        append_from(work, 0);
    cove__webhdfs_start(&work->r);
}

int cove__webhdfs_finish(void *self, struct cove__upload *u, const struct cove__ctx *ctx, char **ret_etag,
                         char **ret_version_id, struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;
    struct write_work work = { 0 };
    char etag[WEBHDFS_ETAG_MAX];

    work_init(&work, u, ctx);
    work.whole = true;
    if (u->created)
        look(&work, LOOK, u->temporary);
    else
        create(&work);
    u->created = true;
    int rc = cove__webhdfs_run(&work.r, &why);
    rc = explain(&work, rc, &why);
    cove__webhdfs_request_done(&work.r);
    if (rc < 0) {
        cove__webhdfs_abort(self, u, ctx);
        return cove__error_copy(err, &why);
    }
    cove__webhdfs_make_etag(&work.made, etag);
    *ret_etag = cove__strdup(etag); /* as of a put */
    upload_free(u);
    return 0;
}

void cove__webhdfs_abort(void *self, struct cove__upload *u, const struct cove__ctx *ctx)
{
    if (u && u->created)
        cove__webhdfs_discard(self, u->temporary, ctx);
    upload_free(u);
}
