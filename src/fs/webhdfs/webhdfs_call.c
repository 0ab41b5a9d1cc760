/* Requests of one step: what a name is, directories that are made, removals. */
#include <stdio.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "fs/webhdfs/webhdfs.h"

#define DISCARD_NS (30 * COVE__SEC)
#define GRACE_NS   (100 * COVE__MS) /* after the deadline of a call, or if its token has fired */

/* ---- what a name is ---- */

/* Below a file there is nothing. */
static int look_rc(const struct webhdfs_request *r, int rc, struct cove_error *err)
{
    if (rc != COVE_ENOTDIR)
        return rc;
    return cove__webhdfs_fail(r, err, COVE_ENOTFOUND, "no such file or directory");
}

static int accept_status(struct webhdfs_request *r, struct cove_error *err)
{
    int rc = cove__webhdfs_read_status(cove__buf_slice(&r->http.response), r->user);

    return rc < 0 ? cove__webhdfs_unreadable(r, err, rc) : 0;
}

int cove__webhdfs_look(struct cove__webhdfs *store, const char *path, const struct cove__ctx *ctx,
                       struct webhdfs_status *ret, struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;
    struct webhdfs_request r;

    cove__webhdfs_request_init(&r, store, ctx);
    cove__webhdfs_step(&r, "GET", "GETFILESTATUS", path);
    r.accept = accept_status;
    r.user = ret;
    int rc = cove__webhdfs_run(&r, &why);
    rc = look_rc(&r, rc, &why);
    cove__webhdfs_request_done(&r);
    return rc < 0 ? cove__error_copy(err, &why) : 0;
}

struct stat_work {
    struct webhdfs_request r; /* first */
    struct webhdfs_status status;
    struct cove__stat_io *io;
};

static int set_shown(const struct webhdfs_request *r, struct cove_info *info)
{
    struct cove__pairs pairs = COVE__PAIRS_INIT;
    int rc = cove__webhdfs_read_shown(cove__buf_slice(&r->http.response), &pairs);

    if (rc == 0)
        rc = cove__pairs_take(&pairs, &info->headers, &info->n_headers);
    cove__pairs_done(&pairs);
    return rc;
}

static void stat_done(struct webhdfs_request *r)
{
    struct stat_work *work = (struct stat_work *)r;
    struct cove__stat_io *io = work->io;
    const struct webhdfs_status *s = &work->status;
    struct cove_error err = r->http.op.err;
    char etag[WEBHDFS_ETAG_MAX];
    int rc = look_rc(r, r->http.op.rc, &err);

    cove__webhdfs_make_etag(s, etag);
    if (rc == 0 &&
        (cove__info_set(io->ret_info, io->path, s->directory ? COVE_INFO_DIRECTORY : COVE_INFO_FILE,
                        s->directory ? 0 : s->length, s->mtime_ms * COVE__MS, s->directory ? NULL : etag) < 0 ||
         set_shown(r, io->ret_info) < 0))
        rc = cove__fail_nomem(&err, "an info");
    cove__webhdfs_request_done(r);
    cove__free(work);
    cove__op_finish(&io->op, rc, 0, &err);
}

void cove__webhdfs_stat(void *self, struct cove__stat_io *io)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct stat_work *work = cove__calloc(1, sizeof *work);

    if (!work) {
        cove__op_finish(&io->op, cove__fail_nomem(&err, "a request"), 0, &err);
        return;
    }
    work->io = io;
    cove__webhdfs_request_init(&work->r, self, &io->op.ctx);
    cove__webhdfs_step(&work->r, "GET", "GETFILESTATUS", io->path);
    work->r.accept = accept_status;
    work->r.user = &work->status;
    work->r.done = stat_done;
    cove__webhdfs_start(&work->r);
}

/* ---- changes ---- */

static int accept_boolean(struct webhdfs_request *r, struct cove_error *err)
{
    int *answer = r->user;

    *answer = cove__webhdfs_read_boolean(cove__buf_slice(&r->http.response));
    return *answer < 0 ? cove__webhdfs_unreadable(r, err, *answer) : 0;
}

static int run_boolean(struct webhdfs_request *r, struct cove_error *err)
{
    int answer = 0;

    r->accept = accept_boolean;
    r->user = &answer;
    int rc = cove__webhdfs_run(r, err);
    cove__webhdfs_request_done(r);
    return rc < 0 ? rc : answer;
}

int cove__webhdfs_mkdirs(struct cove__webhdfs *store, const char *path, const struct cove__ctx *ctx,
                         struct cove_error *err)
{
    struct webhdfs_request r;

    cove__webhdfs_request_init(&r, store, ctx);
    cove__webhdfs_step(&r, "PUT", "MKDIRS", path);
    return run_boolean(&r, err);
}

int cove__webhdfs_delete(struct cove__webhdfs *store, const char *path, bool recursive, const struct cove__ctx *ctx,
                         struct cove_error *err)
{
    struct webhdfs_request r;

    cove__webhdfs_request_init(&r, store, ctx);
    cove__webhdfs_step(&r, "DELETE", "DELETE", path);
    cove__webhdfs_add(&r, "recursive", recursive ? "true" : "false");
    return run_boolean(&r, err);
}

void cove__webhdfs_discard(struct cove__webhdfs *store, const char *path, const struct cove__ctx *call)
{
    struct cove_error err = COVE_ERROR_INIT;
    int64_t now_ns = cove__now_ns();
    bool over = cove__ctx_check(call, NULL) < 0;
    struct cove__ctx ctx = { .deadline_ns = now_ns + (over ? GRACE_NS : DISCARD_NS),
                             .op = "abort",
                             .url = call->url,
                             .last_waits = &cove__is_abort };

    if (!over && call->deadline_ns < ctx.deadline_ns)
        ctx.deadline_ns = call->deadline_ns > now_ns + GRACE_NS ? call->deadline_ns : now_ns + GRACE_NS;
    if (cove__webhdfs_delete(store, path, false, &ctx, &err) < 0 && err.code != COVE_ENOTFOUND)
        cove__log(COVE_LOG_WARNING, "webhdfs", "%s; the temporary file %s stays: remove it", err.message, path);
}
