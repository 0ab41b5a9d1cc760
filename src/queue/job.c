/* One job of a queue: made by a submission, begun when its turn has come, as one request or as a whole call. */
#include <string.h>

#include <cove/stream.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "queue/queue.h"
#include "stream/whole.h"

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
    job->stop = cove__cancel_child(job->target.ctx.cancel);
    job->bounded = job->target.ctx.deadline_ns != INT64_MAX || job->target.ctx.cancel;
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
    if (job->kind == JOB_WRITE_FILE)
        cove__free(job->run->io.put.ret_etag);
    else if (job->kind != JOB_STAT)
        cove__free(job->run->io.read.ret_etag);
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
    struct cove_error copy = *err; /* the struct that it is part of may be freed */

    cove__job_result(job, rc, count, &copy);
    job->queue->job_ended(job);
}

/* ---- as a whole call, on a thread that may wait ---- */

static int64_t bytes_of(const struct cove_range *ranges, size_t n)
{
    int64_t bytes = 0;

    for (size_t i = 0; i < n; i++)
        bytes += ranges[i].done;
    return bytes;
}

/* Allocates the info of the file before it is written, so that a later lack of memory cannot hide a success. */
static int new_info(struct cove__job *job)
{
    if (!job->info)
        job->info = cove__calloc(1, sizeof *job->info);
    if (!job->info)
        return COVE_ENOMEM;
    return cove__info_set(job->info, job->target.path, COVE_INFO_FILE, (int64_t)job->length, -1, NULL);
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
        if (new_info(job) < 0)
            return cove__fail_nomem(err, "a job's result");
        rc = cove__fs_write_file(job->fs, path, job->data, job->length, call, job->info, err);
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

/* The group of the queue's work on `fs`. NULL: no memory. */
static struct cove__work_group *group_of(cove_queue *queue, const cove_fs *fs)
{
    pthread_mutex_lock(&queue->lock);
    struct cove__fs_work *work = queue->work;

    while (work && work->fs != fs)
        work = work->next;
    if (!work && (work = cove__calloc(1, sizeof *work))) {
        work->fs = fs;
        work->next = queue->work;
        queue->work = work;
    }
    pthread_mutex_unlock(&queue->lock);
    return work ? &work->group : NULL;
}

/* Its deadline passed, or its token was fired, before a worker was free. */
static void end_late(void *user, int rc, const struct cove_error *err)
{
    end(user, rc, 0, err);
}

static void hand_to_workers(struct cove__job *job)
{
    struct cove__work_group *group = group_of(job->queue, job->fs);
    struct cove_error err = COVE_ERROR_INIT;
    int rc;

    run_free(job);
    job->work =
        (struct cove__work){ .run = work, .late = end_late, .ctx = &job->target.ctx, .or_refuse = true, .user = job };
    if (group && cove__workers_add(job->fs->calls, group, &job->work))
        return;
    if (job->work.refused) { /* in the pool nothing would end it at its deadline */
        job->queue->job_refused(job);
        return;
    }
    rc = cove__fs_fail(&err, &job->target.ctx, COVE_ENOMEM, "no thread can be started");
    end(job, rc, 0, &err);
}

/* ---- as one request of the backend ---- */

/* Whether one request is enough. Backends that wait inside their slots never get requests from here. */
static bool one_request(const struct cove__job *job)
{
    struct cove__put put = { .expected_size = (int64_t)job->length };
    struct cove__part_rules rules = { 0 };

    if (job->fs->ops->blocks)
        return false;
    job->fs->ops->upload.part_rules(job->fs->self, job->kind == JOB_WRITE_FILE ? &put : NULL, &rules);
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

static void fill_op(struct cove__op *op, struct cove__job *job)
{
    op->inbox = &job->queue->inbox;
    op->ctx = job->target.ctx;
}

static int start_stat(struct cove__job *job, struct cove__stat_io *io)
{
    job->info = cove__calloc(1, sizeof *job->info);
    if (!job->info)
        return COVE_ENOMEM;
    *io = (struct cove__stat_io){ .path = job->target.path, .ret_info = job->info };
    fill_op(&io->op, job);
    cove__op_start(&io->op);
    job->fs->ops->stat(job->fs->self, io);
    return 0;
}

static void start_read(struct cove__job *job, struct cove__read_io *io, int64_t offset, void *dst, size_t length)
{
    *io = (struct cove__read_io){
        .path = job->target.path, .offset = offset, .dst = dst, .length = length, .ret_total = -1
    };
    fill_op(&io->op, job);
    cove__op_start(&io->op);
    job->fs->ops->read.range(job->fs->self, io);
}

static int start_put(struct cove__job *job, struct cove__put_io *io, struct cove__put *put)
{
    if (new_info(job) < 0)
        return COVE_ENOMEM;
    put->expected_size = (int64_t)job->length;
    *io = (struct cove__put_io){ .path = job->target.path,
                                 .src = cove__slice(job->data, job->length),
                                 .put = put,
                                 .ret_version_id = &job->info->version_id };
    fill_op(&io->op, job);
    cove__op_start(&io->op);
    job->fs->ops->put(job->fs->self, io);
    return 0;
}

static int start_request(struct cove__job *job)
{
    struct cove__run *run = cove__calloc(1, sizeof *run);

    if (!run)
        return COVE_ENOMEM;
    run->job = job;
    job->run = run;
    switch (job->kind) {
    case JOB_STAT:
        return start_stat(job, &run->io.stat);
    case JOB_READ_RANGE:
        start_read(job, &run->io.read, job->offset, job->buffer, job->offset < 0 ? (size_t)-job->offset : job->length);
        return 0;
    case JOB_READ_FILE:
    case JOB_READ_OR_OPEN:
        run->probe = cove__malloc(COVE__FIRST_BYTES_SIZE);
        if (!run->probe)
            return COVE_ENOMEM;
        start_read(job, &run->io.read, 0, run->probe, COVE__FIRST_BYTES_SIZE);
        return 0;
    default: /* JOB_WRITE_FILE */
        return start_put(job, &run->io.put, &run->put);
    }
}

void cove__job_start(struct cove__job *job)
{
    struct cove_error err = COVE_ERROR_INIT;
    int rc = cove__ctx_check(&job->target.ctx, &err);

    if (rc < 0) {
        end(job, rc, 0, &err);
        return;
    }
    if (job->head.data || !one_request(job)) { /* its first bytes are here: it was refused after that */
        hand_to_workers(job);
        return;
    }
    if (start_request(job) < 0) { /* else the job may have ended, and be gone */
        rc = cove__fail(&err, COVE_ENOMEM, "%s %s: out of memory", job->target.ctx.op, job->target.url);
        end(job, rc, 0, &err);
    }
}

/* The first bytes of a file have arrived. Mostly they are the whole file; else a worker reads the rest. */
static void probed(struct cove__job *job)
{
    struct cove__run *run = job->run;
    struct cove__read_io *read = &run->io.read;
    size_t n = (size_t)read->op.count;
    struct cove_error err = COVE_ERROR_INIT;
    int rc = 0;

    bool whole = read->ret_total == (int64_t)n || (n < COVE__FIRST_BYTES_SIZE && read->ret_total < (int64_t)n);
    bool allowed = !job->length || n <= job->length;
    bool opens = job->kind == JOB_READ_OR_OPEN && job->at_once && n > job->at_once;

    if (!whole || opens) {
        job->head =
            (struct cove__first_bytes){ .data = run->probe, .n = n, .total = read->ret_total, .etag = read->ret_etag };
        run->probe = NULL;
        read->ret_etag = NULL;
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
    if (run->job->kind == JOB_WRITE_FILE && op->rc == 0) {
        run->job->info->etag = run->io.put.ret_etag;
        run->io.put.ret_etag = NULL;
    }
    if ((run->job->kind == JOB_READ_FILE || run->job->kind == JOB_READ_OR_OPEN) && op->rc == 0)
        probed(run->job);
    else
        end(run->job, op->rc, op->count, &op->err);
}
