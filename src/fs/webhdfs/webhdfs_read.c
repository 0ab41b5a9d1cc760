/*
 * Reads of ranges. No response with a file's bytes shows of which version they are; so a request for the file's status
 * follows, and one comes before where the version is not known yet:
 *
 *   (look) -> open, which is redirected to a DataNode -> look
 *
 * The versions of a file are never repeated, so one that is there before and after was there in between.
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "fs/webhdfs/webhdfs.h"

enum step { LOOK, OPEN, CHECK };

struct read_work {
    struct webhdfs_request r; /* first */
    struct cove__read_io *io;
    enum step step;
    char etag[WEBHDFS_ETAG_MAX]; /* of the version that is read */
    int64_t total, at;           /* its size, and where the range begins in it */
    size_t length;               /* of the range within it */
    int64_t got;
    uint32_t crc32c;
    bool refused; /* the open was, though the range is within the file: it may be another one by now */
};

/* The range of the version that is known now. */
static void cut(struct read_work *work, int64_t total)
{
    const struct cove__read_io *io = work->io;

    work->total = total;
    work->at = io->offset >= 0 ? io->offset : total + io->offset > 0 ? total + io->offset : 0;
    work->length = 0;
    if (work->at < total)
        work->length = (uint64_t)(total - work->at) < io->length ? (size_t)(total - work->at) : io->length;
}

static void look(struct read_work *work, enum step step)
{
    work->step = step;
    cove__webhdfs_step(&work->r, "GET", "GETFILESTATUS", work->io->path);
}

/* What follows the bytes that stand. */
static void open_range(struct read_work *work)
{
    struct webhdfs_request *r = &work->r;

    work->step = OPEN;
    cove__webhdfs_step(r, "GET", "OPEN", work->io->path);
    cove__webhdfs_add_number(r, "offset", work->at + r->http.kept);
    cove__webhdfs_add_number(r, "length", (int64_t)work->length - r->http.kept);
    r->http.dst = work->io->dst;
    r->http.dst_size = work->length;
}

static void repeat(struct webhdfs_request *r)
{
    struct read_work *work = (struct read_work *)r;

    if (work->step == OPEN && (int64_t)work->length > r->http.kept)
        open_range(work);
    else if (work->step == OPEN) { /* all had come before the connection broke */
        work->got = r->http.kept;
        look(work, CHECK);
    }
}

static int looked(struct read_work *work, struct cove_error *err)
{
    struct webhdfs_request *r = &work->r;
    struct webhdfs_status status;
    char etag[WEBHDFS_ETAG_MAX];
    int rc = cove__webhdfs_read_status(cove__buf_slice(&r->http.response), &status);

    if (rc < 0)
        return cove__webhdfs_unreadable(r, err, rc);
    if (status.directory)
        return cove__webhdfs_fail(r, err, COVE_EISDIR, "is a directory");
    cove__webhdfs_make_etag(&status, etag);
    if (work->step == LOOK && work->io->if_match && strcmp(work->io->if_match, etag) != 0)
        return cove__webhdfs_fail(r, err, COVE_EPRECONDITION, "the file is another one than was to be read");
    if (work->step == CHECK && strcmp(work->etag, etag) != 0)
        return cove__webhdfs_fail(r, err, COVE_EPRECONDITION, "the file was changed while it was read");
    if (work->step == CHECK && work->refused)
        return cove__webhdfs_fail(r, err, COVE_ESERVER, "the store refuses a range that is within the file");
    if (work->step == CHECK)
        return work->got == (int64_t)work->length
                   ? 0
                   : cove__webhdfs_fail(r, err, COVE_ESERVER, "the store gave %lld bytes of %zu", (long long)work->got,
                                        work->length);
    memcpy(work->etag, etag, sizeof etag);
    cut(work, status.length);
    if (work->length > 0)
        open_range(work);
    return 0;
}

static int accept(struct webhdfs_request *r, struct cove_error *err)
{
    struct read_work *work = (struct read_work *)r;

    if (work->step != OPEN)
        return looked(work, err);
    work->got = r->http.kept + r->http.received;
    if (r->http.wants_crc32c)
        work->crc32c = cove__http_crc32c(&r->http);
    work->io->ret_wait_ns = r->http.wait_ns;
    work->io->ret_took_ns = r->http.took_ns;
    look(work, CHECK);
    return 0;
}

/* A file that has been replaced by a shorter one may not have the range, or no block where the old one had it. */
static bool learns(struct webhdfs_request *r)
{
    struct read_work *work = (struct read_work *)r;

    if (work->step != OPEN || work->refused || r->http.status >= 500 ||
        (strcmp(r->code, "IOException") != 0 && strcmp(r->code, "FileNotFoundException") != 0))
        return false;
    work->refused = true;
    look(work, CHECK);
    return true;
}

static void done(struct webhdfs_request *r)
{
    struct read_work *work = (struct read_work *)r;
    struct cove__read_io *io = work->io;
    struct cove_error err = r->http.op.err;
    int rc = r->http.op.rc;

    if (rc == COVE_ENOTDIR)
        rc = cove__webhdfs_fail(r, &err, COVE_ENOTFOUND, "no such file or directory");
    if (rc == 0) {
        io->ret_total = work->total;
        io->ret_etag = cove__strdup(work->etag);
        io->has_crc32c = r->http.wants_crc32c;
        io->ret_crc32c = work->crc32c;
        if (!io->ret_etag)
            rc = cove__fail_nomem(&err, "a read");
    }
    int64_t count = rc == 0 ? work->got : 0;
    cove__webhdfs_request_done(r);
    cove__free(work);
    cove__op_finish(&io->op, rc, count, &err);
}

void cove__webhdfs_read(void *self, struct cove__read_io *io)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct read_work *work = cove__calloc(1, sizeof *work);
    int64_t known = io->if_match ? cove__webhdfs_etag_length(io->if_match) : -1;

    if (!work) {
        cove__op_finish(&io->op, cove__fail_nomem(&err, "a request"), 0, &err);
        return;
    }
    work->io = io;
    cove__webhdfs_request_init(&work->r, self, &io->op.ctx);
    work->r.http.wants_crc32c = io->wants_crc32c;
    work->r.accept = accept;
    work->r.learns = learns;
    work->r.repeat = repeat;
    work->r.done = done;
    if (known >= 0) {
        snprintf(work->etag, sizeof work->etag, "%s", io->if_match);
        cut(work, known);
    }
    if (work->length > 0)
        open_range(work);
    else
        look(work, known >= 0 ? CHECK : LOOK);
    cove__webhdfs_start(&work->r);
}
