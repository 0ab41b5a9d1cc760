/* The queue itself: jobs that wait, run and have ended; results; the descriptor. Jobs are begun by the thread that
 * makes room.
 */
#include "queue/queue.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/copy_options.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/mem.h"

#define PARALLEL_MAX 1024
#define SWEEP_NS     (100 * COVE__MS) /* how often the deadlines and tokens of waiting jobs are checked */

/* ---- lists ---- */

static void add(struct cove__jobs *jobs, struct cove__job *job)
{
    job->next = NULL;
    job->prev = jobs->last;
    if (jobs->last)
        jobs->last->next = job;
    else
        jobs->first = job;
    jobs->last = job;
    jobs->n++;
}

static void take(struct cove__jobs *jobs, struct cove__job *job)
{
    if (job->prev)
        job->prev->next = job->next;
    else
        jobs->first = job->next;
    if (job->next)
        job->next->prev = job->prev;
    else
        jobs->last = job->prev;
    jobs->n--;
}

static void add_first(struct cove__jobs *jobs, struct cove__job *job)
{
    job->prev = NULL;
    job->next = jobs->first;
    if (jobs->first)
        jobs->first->prev = job;
    else
        jobs->last = job;
    jobs->first = job;
    jobs->n++;
}

/* Whether something may have to be done for waiting jobs without an event. */
static bool sweeps(const struct cove_queue *q)
{
    return q->bounded > 0 || q->refused;
}

/* `again`: it has been begun before those that wait. */
static void wait_locked(struct cove_queue *q, struct cove__job *job, bool again)
{
    job->state = JOB_WAITING;
    if (again)
        add_first(&q->waiting, job);
    else
        add(&q->waiting, job);
    q->bounded += job->bounded;
    if (sweeps(q))
        cove__bell_tick(&q->bell, SWEEP_NS);
}

static void take_waiting_locked(struct cove_queue *q, struct cove__job *job)
{
    take(&q->waiting, job);
    q->bounded -= job->bounded;
    if (!sweeps(q))
        cove__bell_tick(&q->bell, 0);
}

static void ended_locked(struct cove_queue *q, struct cove__job *job)
{
    job->state = JOB_ENDED;
    add(&q->ended, job);
    if (q->polled)
        cove__bell_ring(&q->bell, true);
    if (q->waiting.n + q->running.n == 0)
        pthread_cond_broadcast(
            &q->changed); /* one thread takes this result; no other result will come for the others */
    else
        pthread_cond_signal(&q->changed);
}

/* ---- beginning ---- */

/* Starts as many jobs as there is room for. Only one thread does so at a time: a job that ends inside its own start (in
 * memory) makes room for the next one without a recursive call. */
static void start_locked(struct cove_queue *q)
{
    if (q->starting)
        return;
    q->starting = true;
    q->refused = false;
    while (q->waiting.first && q->running.n < q->parallel && !q->refused) {
        struct cove__job *job = q->waiting.first;

        take_waiting_locked(q, job);
        job->state = JOB_RUNNING;
        add(&q->running, job);
        pthread_mutex_unlock(&q->lock);
        cove__job_start(job);
        pthread_mutex_lock(&q->lock);
    }
    q->starting = false;
    if (!sweeps(q))
        cove__bell_tick(&q->bell, 0);
    if (q->freeing)
        pthread_cond_broadcast(&q->changed);
}

static void job_ended(struct cove__job *job)
{
    struct cove_queue *q = job->queue;

    pthread_mutex_lock(&q->lock);
    take(&q->running, job);
    ended_locked(q, job);
    start_locked(q);
    pthread_mutex_unlock(&q->lock);
}

/* There are more jobs than threads that the system allows. The job is first in line again, where its deadline and its
 * token end it. */
static void job_refused(struct cove__job *job)
{
    struct cove_queue *q = job->queue;
    struct cove_error err = COVE_ERROR_INIT;

    pthread_mutex_lock(&q->lock);
    take(&q->running, job);
    int rc = cove__ctx_check(&job->target.ctx, &err); /* cove_queue_free has fired it, and waits */
    if (rc < 0) {
        cove__job_result(job, rc, 0, &err);
        ended_locked(q, job);
    } else {
        q->refused = true;
        wait_locked(q, job, true);
    }
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
}

/* Waiting jobs whose deadline passed or whose token was fired end without a turn. */
static void sweep_locked(struct cove_queue *q)
{
    int64_t now_ns = cove__now_ns();

    if (!sweeps(q) || now_ns - q->swept_ns < SWEEP_NS)
        return;
    q->swept_ns = now_ns;
    cove__bell_heard(&q->bell);
    for (struct cove__job *job = q->waiting.first, *next; job; job = next) {
        struct cove_error err = COVE_ERROR_INIT;
        int rc = job->bounded ? cove__ctx_check(&job->target.ctx, &err) : 0;

        next = job->next;
        if (rc == 0)
            continue;
        take_waiting_locked(q, job);
        cove__job_result(job, rc, 0, &err);
        ended_locked(q, job);
    }
    if (q->refused)
        start_locked(q);
}

/* ---- life ---- */

static void release(struct cove_queue *q)
{
    while (q->work) {
        struct cove__fs_work *work = q->work;

        q->work = work->next;
        cove__free(work);
    }
    cove__bell_done(&q->bell);
    pthread_cond_destroy(&q->changed);
    pthread_mutex_destroy(&q->lock);
    cove__free(q);
}

int cove_queue_new(const struct cove_queue_options *options, cove_queue **ret_queue, struct cove_error *err)
{
    struct cove_queue_options o = COVE_QUEUE_OPTIONS_INIT;
    cove_queue *q;
    int errnum;

    int rc = options ? COVE__COPY_OPTIONS(&o, options, "queue: options", err) : 0;
    if (rc < 0)
        return rc;
    if (o.parallel < 1 || o.parallel > PARALLEL_MAX || o.max_jobs < 1)
        return cove__fail(err, COVE_EINVAL, "queue: parallel is from 1 to %d, max_jobs at least 1", PARALLEL_MAX);
    q = cove__calloc(1, sizeof *q);
    if (!q)
        return cove__fail_nomem(err, "a queue");
    q->generation = cove__fork_generation();
    q->parallel = o.parallel;
    q->max_jobs = o.max_jobs;
    q->inbox.arrived = cove__job_answered;
    q->job_ended = job_ended;
    q->job_refused = job_refused;
    pthread_mutex_init(&q->lock, NULL);
    cove__cond_init(&q->changed);
    errnum = cove__bell_init(&q->bell);
    if (errnum) {
        release(q);
        return cove__fail_errno(err, errnum, "queue: create a descriptor");
    }
    *ret_queue = q;
    return 0;
}

static bool foreign(const cove_queue *q)
{
    return q->generation != cove__fork_generation();
}

static int fail_foreign(struct cove_error *err)
{
    return cove__fail(err, COVE_ESTATE, "queue: a forked child cannot use the queue of its parent");
}

void cove_queue_free(cove_queue *queue)
{
    struct cove__job *job;

    if (!queue)
        return;
    if (foreign(queue)) {
        cove__bell_done(&queue->bell); /* this process's copies; threads of the parent may hold the lock forever */
        return;
    }
    cove_queue_cancel_all(queue);
    pthread_mutex_lock(&queue->lock);
    queue->freeing = true;
    while (queue->running.n > 0 || queue->starting)
        pthread_cond_wait(&queue->changed, &queue->lock);
    pthread_mutex_unlock(&queue->lock);
    while ((job = queue->ended.first)) {
        take(&queue->ended, job);
        cove__job_free(job);
    }
    release(queue);
}

/* ---- submitting ---- */

static int64_t submit(cove_queue *q, struct cove__job *job, void *user, struct cove_error *err)
{
    int64_t number;

    job->user = user;
    pthread_mutex_lock(&q->lock);
    if (q->waiting.n + q->running.n + q->ended.n >= q->max_jobs) {
        pthread_mutex_unlock(&q->lock);
        number = cove__fs_fail(err, &job->target.ctx, COVE_ELIMIT,
                               "%zu jobs are in the queue: take results before the next", q->max_jobs);
        cove__job_free(job);
        return number;
    }
    number = job->number = ++q->numbers;
    wait_locked(q, job, false);
    start_locked(q);
    pthread_mutex_unlock(&q->lock);
    return number;
}

static int begin(cove_queue *q, enum cove__job_kind kind, cove_fs *fs, const char *path, const struct cove_call *call,
                 const char *op, struct cove__job **ret, struct cove_error *err)
{
    return foreign(q) ? fail_foreign(err) : cove__job_new(q, kind, fs, path, call, op, ret, err);
}

int64_t cove_queue_stat(cove_queue *queue, cove_fs *fs, const char *path, const struct cove_call *call, void *user,
                        struct cove_error *err)
{
    struct cove__job *job = NULL;
    int rc = begin(queue, JOB_STAT, fs, path, call, "stat", &job, err);

    return rc < 0 ? rc : submit(queue, job, user, err);
}

int64_t cove_queue_read_range(cove_queue *queue, cove_fs *fs, const char *path, int64_t offset, void *buffer,
                              size_t length, const struct cove_call *call, void *user, struct cove_error *err)
{
    struct cove__job *job = NULL;
    int rc = begin(queue, JOB_READ_RANGE, fs, path, call, "read", &job, err);

    if (rc == 0 && (offset == INT64_MIN || (length > 0 && !buffer) || length > (size_t)INT64_MAX ||
                    (offset > 0 && offset > INT64_MAX - (int64_t)length))) {
        rc = cove__fs_fail(err, &job->target.ctx, COVE_EINVAL, "a buffer and a valid range are needed");
        cove__job_free(job);
    }
    if (rc < 0)
        return rc;
    job->offset = offset;
    job->buffer = buffer;
    job->length = length;
    return submit(queue, job, user, err);
}

int64_t cove_queue_read_ranges(cove_queue *queue, cove_fs *fs, const char *path, struct cove_range *ranges,
                               size_t n_ranges, const struct cove_call *call, void *user, struct cove_error *err)
{
    struct cove__job *job = NULL;
    int rc = begin(queue, JOB_READ_RANGES, fs, path, call, "read", &job, err);

    if (rc == 0 && n_ranges > 0 && !ranges) {
        rc = cove__fs_fail(err, &job->target.ctx, COVE_EINVAL, "no ranges were given");
        cove__job_free(job);
    }
    if (rc < 0)
        return rc;
    job->ranges = ranges;
    job->length = n_ranges;
    return submit(queue, job, user, err);
}

int64_t cove_queue_read_file(cove_queue *queue, cove_fs *fs, const char *path, size_t max_bytes,
                             const struct cove_call *call, void *user, struct cove_error *err)
{
    struct cove__job *job = NULL;
    int rc = begin(queue, JOB_READ_FILE, fs, path, call, "read", &job, err);

    if (rc < 0)
        return rc;
    job->length = max_bytes;
    return submit(queue, job, user, err);
}

int64_t cove_queue_read_or_open(cove_queue *queue, cove_fs *fs, const char *path, size_t at_once, size_t max_bytes,
                                const struct cove_call *call, void *user, struct cove_error *err)
{
    struct cove__job *job = NULL;
    int rc = begin(queue, JOB_READ_OR_OPEN, fs, path, call, "read", &job, err);

    if (rc < 0)
        return rc;
    job->at_once = at_once;
    job->length = max_bytes;
    job->call = cove__call_of(call);
    cove_cancel_ref(job->call.cancel);
    return submit(queue, job, user, err);
}

int64_t cove_queue_write_file(cove_queue *queue, cove_fs *fs, const char *path, const void *data, size_t size,
                              const struct cove_call *call, void *user, struct cove_error *err)
{
    struct cove__job *job = NULL;
    int rc = begin(queue, JOB_WRITE_FILE, fs, path, call, "write", &job, err);

    if (rc == 0 && ((size > 0 && !data) || size > (size_t)INT64_MAX)) {
        rc = cove__fs_fail(err, &job->target.ctx, COVE_EINVAL, "data and a valid size are needed");
        cove__job_free(job);
    }
    if (rc < 0)
        return rc;
    job->data = data;
    job->length = size;
    return submit(queue, job, user, err);
}

int64_t cove_queue_remove(cove_queue *queue, cove_fs *fs, const char *path, const struct cove_call *call, void *user,
                          struct cove_error *err)
{
    struct cove__job *job = NULL;
    int rc = begin(queue, JOB_REMOVE, fs, path, call, "remove", &job, err);

    return rc < 0 ? rc : submit(queue, job, user, err);
}

int64_t cove_queue_copy(cove_queue *queue, cove_fs *fs, const char *from, const char *to, const struct cove_call *call,
                        void *user, struct cove_error *err)
{
    struct cove__job *job = NULL;
    int rc = begin(queue, JOB_COPY, fs, from, call, "copy", &job, err);

    if (rc < 0)
        return rc;
    job->to = to ? cove__strdup(to) : NULL;
    if (!job->to) {
        rc = to ? cove__fail_nomem(err, "a path")
                : cove__fs_fail(err, &job->target.ctx, COVE_EINVAL, "no target was given");
        cove__job_free(job);
        return rc;
    }
    return submit(queue, job, user, err);
}

int64_t cove_queue_list(cove_queue *queue, cove_fs *fs, const char *path, const struct cove_call *call, void *user,
                        struct cove_error *err)
{
    struct cove__job *job = NULL;
    int rc = begin(queue, JOB_LIST, fs, path, call, "list", &job, err);

    return rc < 0 ? rc : submit(queue, job, user, err);
}

int64_t cove_queue_find(cove_queue *queue, cove_fs *fs, const char *path, const struct cove_call *call, void *user,
                        struct cove_error *err)
{
    struct cove__job *job = NULL;
    int rc = begin(queue, JOB_FIND, fs, path, call, "find", &job, err);

    return rc < 0 ? rc : submit(queue, job, user, err);
}

int64_t cove_queue_mkdir(cove_queue *queue, cove_fs *fs, const char *path, const struct cove_call *call, void *user,
                         struct cove_error *err)
{
    struct cove__job *job = NULL;
    int rc = begin(queue, JOB_MKDIR, fs, path, call, "mkdir", &job, err);

    return rc < 0 ? rc : submit(queue, job, user, err);
}

/* ---- taking ---- */

/* Waits for a change until `due_ns` at the latest. */
static void wait_change_locked(struct cove_queue *q, int64_t due_ns)
{
    int64_t sweep_ns = cove__now_ns() + SWEEP_NS;
    struct timespec t;

    if (sweeps(q) && sweep_ns < due_ns)
        due_ns = sweep_ns;
    if (due_ns == INT64_MAX) {
        pthread_cond_wait(&q->changed, &q->lock);
    } else {
        t = (struct timespec){ .tv_sec = due_ns / COVE__SEC, .tv_nsec = due_ns % COVE__SEC };
        pthread_cond_timedwait(&q->changed, &q->lock, &t);
    }
}

#define RESULT_ERR_AT offsetof(struct cove_result, err)

/* A result's `err` reaches to the end of the caller's struct, which was shorter in older headers. */
static void fill_result(struct cove__job *job, struct cove_result *ret)
{
    ret->job = job->number;
    ret->user = job->user;
    ret->rc = job->rc;
    ret->count = job->count;
    ret->data = job->bytes;
    ret->info = job->info;
    ret->listing = job->listing;
    ret->reader = job->reader;
    job->bytes = NULL;
    job->info = NULL;
    job->listing = NULL;
    job->reader = NULL;
    ret->err.size = ret->size - RESULT_ERR_AT;
    cove__error_clear(&ret->err);
    if (job->rc < 0 && job->err)
        cove__error_copy(&ret->err, job->err);
    else if (job->rc < 0)
        cove__fail(&ret->err, job->rc, "%s %s: %s", job->target.ctx.op, job->target.url, cove_code_phrase(job->rc));
}

int cove_queue_next(cove_queue *queue, int64_t timeout_ms, struct cove_result *ret_result, struct cove_error *err)
{
    int64_t due_ns = timeout_ms < 0 ? INT64_MAX : cove__now_ns() + cove__ms_ns(timeout_ms);
    struct cove__job *job;

    if (foreign(queue))
        return fail_foreign(err);
    if (ret_result->size < RESULT_ERR_AT + offsetof(struct cove_error, message))
        return cove__fail(err, COVE_EINVAL, "queue: the result's size is not set");
    pthread_mutex_lock(&queue->lock);
    sweep_locked(queue);
    while (!queue->ended.first && queue->waiting.n + queue->running.n > 0 && cove__now_ns() < due_ns) {
        wait_change_locked(queue, due_ns);
        sweep_locked(queue);
    }
    job = queue->ended.first;
    if (job) {
        take(&queue->ended, job);
        if (!queue->ended.first && queue->polled)
            cove__bell_ring(&queue->bell, false);
    }
    pthread_mutex_unlock(&queue->lock);
    if (!job)
        return 0;
    fill_result(job, ret_result);
    cove__job_free(job);
    return 1;
}

size_t cove_queue_pending(cove_queue *queue)
{
    size_t n;

    if (foreign(queue))
        return 0;
    pthread_mutex_lock(&queue->lock);
    n = queue->waiting.n + queue->running.n + queue->ended.n;
    pthread_mutex_unlock(&queue->lock);
    return n;
}

int cove_queue_fd(cove_queue *queue)
{
    if (foreign(queue))
        return -1;
    pthread_mutex_lock(&queue->lock);
    queue->polled = true;
    if (queue->ended.first)
        cove__bell_ring(&queue->bell, true);
    pthread_mutex_unlock(&queue->lock);
    return queue->bell.fd;
}

/* ---- cancelling ---- */

/* The job may be on a list that a caller walks, so the caller reads `next` before. */
static void cancel_locked(struct cove_queue *q, struct cove__job *job)
{
    struct cove_error err = COVE_ERROR_INIT;
    int rc;

    cove_cancel_fire(job->stop);
    if (job->state != JOB_WAITING)
        return;
    take_waiting_locked(q, job);
    rc = cove__ctx_check(&job->target.ctx, &err);
    cove__job_result(job, rc, 0, &err);
    ended_locked(q, job);
}

static struct cove__job *find(const struct cove__jobs *jobs, int64_t number)
{
    struct cove__job *job = jobs->first;

    while (job && job->number != number)
        job = job->next;
    return job;
}

int cove_queue_cancel(cove_queue *queue, int64_t number, struct cove_error *err)
{
    struct cove__job *job;

    if (foreign(queue))
        return fail_foreign(err);
    pthread_mutex_lock(&queue->lock);
    job = find(&queue->running, number);
    if (!job)
        job = find(&queue->waiting, number);
    if (job)
        cancel_locked(queue, job);
    pthread_mutex_unlock(&queue->lock);
    return job ? 0 : cove__fail(err, COVE_ENOTFOUND, "queue: no job %lld is pending", (long long)number);
}

void cove_queue_cancel_all(cove_queue *queue)
{
    if (foreign(queue))
        return;
    pthread_mutex_lock(&queue->lock);
    for (struct cove__job *job = queue->waiting.first, *next; job; job = next) {
        next = job->next;
        cancel_locked(queue, job);
    }
    for (struct cove__job *job = queue->running.first; job; job = job->next)
        cancel_locked(queue, job);
    pthread_mutex_unlock(&queue->lock);
}
