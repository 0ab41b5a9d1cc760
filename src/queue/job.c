/* One job of a queue: made by a submission, begun when its turn has come, as one request or as a whole call. */
#include <string.h>

#include <cove/stream.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "queue/queue.h"

#define WORKERS_MAX 16

static struct cove__workers workers = COVE__WORKERS_INIT(WORKERS_MAX);

int cove__job_new(struct cove_queue *queue, enum cove__job_kind kind, cove_fs *fs, const char *path,
                  const struct cove_call *call, const char *op, struct cove__job **ret, struct cove_error *err)
{
    struct cove__job *job = cove__calloc(1, sizeof *job);
    int rc;

    if (!job)
        return cove__fail_nomem(err, "a job");
    *job = (struct cove__job){ .queue = queue, .kind = kind, .call = COVE_CALL_INIT };
    rc = cove__target_init(&job->target, fs, path, call, op, err);
    if (rc < 0) {
        cove__free(job);
        return rc;
    }
    job->fs = cove_fs_ref(fs);
    job->stop = cove__cancel_child(call ? call->cancel : NULL);
    job->bounded = job->target.ctx.deadline_ns != INT64_MAX || (call && call->cancel);
    job->target.ctx.cancel = job->stop;
    if (!job->stop) {
        cove__job_free(job);
        return cove__fail_nomem(err, "a job");
    }
    *ret = job;
    return 0;
}

static void run_free(struct cove__job *job)
{
    if (!job->run)
        return;
    cove__free(job->run->io.ret_etag);
    cove__free(job->run->probe);
    cove__free(job->run);
    job->run = NULL;
}

void cove__job_free(struct cove__job *job)
{
    if (!job)
        return;
    run_free(job);
    cove__target_done(&job->target);
    cove_cancel_unref(job->stop);
    cove_info_free(job->info);
    cove_listing_free(job->listing);
    cove_reader_close(job->reader);
    cove__first_bytes_done(&job->head);
    cove_cancel_unref(job->call.cancel);
    cove__free(job->bytes);
    cove__free(job->to);
    cove__free(job->err);
    cove_fs_unref(job->fs);
    cove__free(job);
}

void cove__job_result(struct cove__job *job, int rc, int64_t count, const struct cove_error *err)
{
    run_free(job);
    job->rc = rc;
    job->count = rc < 0 ? 0 : count;
    if (rc >= 0)
        return;
    cove_info_free(job->info);
    job->info = NULL;
    cove_listing_free(job->listing);
    job->listing = NULL;
    cove__free(job->err);
    job->err = cove__malloc(sizeof *job->err);
    if (job->err)
        *job->err = *err;
}

static void end(struct cove__job *job, int rc, int64_t count, const struct cove_error *err)
{
    struct cove_error copy = *err; /* what it is part of may go */

    cove__job_result(job, rc, count, &copy);
    cove__queue_ended(job);
}

/* ---- as a whole call, on a thread that may wait ---- */

static int64_t bytes_of(const struct cove_range *ranges, size_t n)
{
    int64_t bytes = 0;

    for (size_t i = 0; i < n; i++)
        bytes += ranges[i].done;
    return bytes;
}

static int64_t call_it(struct cove__job *job, const struct cove_call *call, struct cove_error *err)
{
    const char *path = job->target.path;
    size_t size = 0;
    int64_t rc;

    switch (job->kind) {
    case JOB_STAT:
        return cove_fs_stat(job->fs, path, call, &job->info, err);
    case JOB_READ_RANGE:
        return cove_fs_read_range(job->fs, path, job->offset, job->buffer, job->length, call, err);
    case JOB_READ_RANGES:
        rc = cove_fs_read_ranges(job->fs, path, job->ranges, job->length, call, err);
        return rc < 0 ? rc : bytes_of(job->ranges, job->length);
    case JOB_READ_FILE:
    case JOB_READ_OR_OPEN:
        rc = cove__fs_read_from_first_bytes(job->fs, path, job->at_once, job->length, &job->head, &job->bytes, &size,
                                            job->kind == JOB_READ_OR_OPEN ? &job->reader : NULL, &job->call, call, err);
        cove__first_bytes_done(&job->head);
        return rc < 0 ? rc : (int64_t)size;
    case JOB_WRITE_FILE:
        rc = cove_fs_write_file(job->fs, path, job->data, job->length, call, err);
        return rc < 0 ? rc : (int64_t)job->length;
    case JOB_REMOVE:
        return cove_fs_remove(job->fs, path, call, err);
    case JOB_COPY:
        return cove_fs_copy(job->fs, path, job->to, call, err);
    case JOB_LIST:
        rc = cove_fs_list(job->fs, path, call, &job->listing, err);
        return rc < 0 ? rc : cove__listing_gather(job->listing, err);
    case JOB_FIND:
        rc = cove_fs_find(job->fs, path, call, &job->listing, err);
        return rc < 0 ? rc : cove__listing_gather(job->listing, err);
    case JOB_MKDIR:
        return cove_fs_mkdir(job->fs, path, call, err);
    }
    return cove__fail(err, COVE_EINVAL, "no such job");
}

/* A worker's turn. */
static void work(void *user)
{
    struct cove__job *job = user;
    struct cove_error err = COVE_ERROR_INIT;
    struct cove_call call = COVE_CALL_INIT;
    int64_t rc = cove__ctx_check(&job->target.ctx, &err);

    if (rc == 0) {
        int64_t left_ns = job->target.ctx.deadline_ns - cove__now_ns();

        call.timeout_ms = job->target.ctx.deadline_ns == INT64_MAX ? -1 : left_ns / COVE__MS + 1;
        call.cancel = job->stop;
        rc = call_it(job, &call, &err);
    }
    end(job, rc < 0 ? (int)rc : 0, rc, &err);
}

static void hand_to_workers(struct cove__job *job)
{
    struct cove_error err = COVE_ERROR_INIT;
    int rc;

    run_free(job);
    job->work = (struct cove__work){ .run = work, .user = job };
    if (cove__workers_add(&workers, &job->queue->work, &job->work))
        return;
    rc = cove__fs_fail(&err, &job->target.ctx, COVE_ENOMEM, "no thread can be started");
    end(job, rc, 0, &err);
}

/* ---- as one request of the backend ---- */

/* Whether one request does it. Backends that wait inside their slots never get one from here. */
static bool one_request(const struct cove__job *job)
{
    struct cove__part_rules rules = { 0 };

    if (job->fs->ops->blocks)
        return false;
    job->fs->ops->part_rules(job->fs->self, job->kind == JOB_WRITE_FILE ? (int64_t)job->length : -1, &rules);
    switch (job->kind) {
    case JOB_STAT:
    case JOB_READ_FILE:
    case JOB_READ_OR_OPEN:
        return true;
    case JOB_READ_RANGE:
        return job->length > 0 && job->length <= rules.default_part &&
               (job->offset >= 0 || (uint64_t)job->length >= -(uint64_t)job->offset);
    case JOB_WRITE_FILE:
        return job->length <= rules.default_part;
    default:
        return false;
    }
}

static int fill_run(struct cove__job *job, struct cove__run *run)
{
    struct cove__io *io = &run->io;

    switch (job->kind) {
    case JOB_STAT:
        job->info = io->ret_info = cove__calloc(1, sizeof *job->info);
        return io->ret_info ? 0 : COVE_ENOMEM;
    case JOB_READ_RANGE:
        io->dst = job->buffer;
        io->offset = job->offset;
        io->length = job->offset < 0 ? (size_t)-job->offset : job->length;
        return 0;
    case JOB_READ_FILE:
    case JOB_READ_OR_OPEN:
        io->dst = run->probe = cove__malloc(COVE__FIRST_BYTES_SIZE);
        io->length = COVE__FIRST_BYTES_SIZE;
        return run->probe ? 0 : COVE_ENOMEM;
    default: /* JOB_WRITE_FILE */
        io->src = cove__slice(job->data, job->length);
        io->put = &run->put;
        run->put.expected_size = (int64_t)job->length;
        return 0;
    }
}

void cove__job_start(struct cove__job *job)
{
    const struct cove__fs_ops *ops = job->fs->ops;
    struct cove_error err = COVE_ERROR_INIT;
    int rc = cove__ctx_check(&job->target.ctx, &err);

    if (rc < 0) {
        end(job, rc, 0, &err);
        return;
    }
    if (!one_request(job)) {
        hand_to_workers(job);
        return;
    }
    job->run = cove__calloc(1, sizeof *job->run);
    if (job->run) {
        job->run->job = job;
        job->run->io = (struct cove__io){ .path = job->target.path, .ret_total = -1 };
        job->run->io.op.inbox = &job->queue->inbox;
        job->run->io.op.ctx = job->target.ctx;
    }
    if (!job->run || fill_run(job, job->run) < 0) {
        rc = cove__fail(&err, COVE_ENOMEM, "%s %s: out of memory", job->target.ctx.op, job->target.url);
        end(job, rc, 0, &err);
        return;
    }
    cove__op_start(&job->run->io.op);
    if (job->kind == JOB_STAT)
        ops->stat(job->fs->self, &job->run->io);
    else if (job->kind == JOB_WRITE_FILE)
        ops->put(job->fs->self, &job->run->io);
    else
        ops->read(job->fs->self, &job->run->io);
}

/* The first bytes of a whole file are there. Mostly they are all of it; else a worker goes on from them. */
static void probed(struct cove__job *job)
{
    struct cove__run *run = job->run;
    size_t n = (size_t)run->io.op.count;
    struct cove_error err = COVE_ERROR_INIT;
    int rc = 0;

    bool whole = run->io.ret_total == (int64_t)n || (n < COVE__FIRST_BYTES_SIZE && run->io.ret_total < (int64_t)n);
    bool allowed = !job->length || n <= job->length;
    bool opens = job->kind == JOB_READ_OR_OPEN && job->at_once && n > job->at_once;

    if (!whole || opens) {
        job->head = (struct cove__first_bytes){
            .data = run->probe, .n = n, .total = run->io.ret_total, .etag = run->io.ret_etag
        };
        run->probe = NULL;
        run->io.ret_etag = NULL;
        hand_to_workers(job);
        return;
    }
    uint8_t *bytes = NULL;
    if (!allowed)
        rc = cove__fs_fail(&err, &job->target.ctx, COVE_ELIMIT, "has %zu bytes, more than the %zu that were allowed", n,
                           job->length);
    else if (!(bytes = cove__malloc(n + 1)))
        rc = cove__fs_fail(&err, &job->target.ctx, COVE_ENOMEM, "out of memory for %zu bytes", n);
    if (bytes) {
        memcpy(bytes, run->probe, n);
        bytes[n] = '\0'; /* text can be used as it is */
        job->bytes = bytes;
    }
    end(job, rc, (int64_t)n, &err);
}

void cove__job_answered(struct cove__inbox *inbox, struct cove__op *op)
{
    struct cove__run *run = (struct cove__run *)(void *)op;

    (void)inbox;
    if ((run->job->kind == JOB_READ_FILE || run->job->kind == JOB_READ_OR_OPEN) && op->rc == 0)
        probed(run->job);
    else
        end(run->job, op->rc, op->count, &op->err);
}
