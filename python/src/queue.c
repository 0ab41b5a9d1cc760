/*
 * Queue: many calls under way at once, with one descriptor for an event loop.
 *
 * A job's record keeps what the library borrows (a buffer to write, the bytes object that a range goes into) until its
 * result has been taken. Records belong to the GIL; the library carries their address only.
 */
#include "covepy.h"

#include <stdlib.h>
#include <unistd.h>

#define BATCH   16
#define STEP_MS 100 /* a wait checks for signals and for a closed queue at this interval */

struct job {
    struct job *next, *previous;
    PyObject *bytes;             /* read_range: where it goes */
    struct covepy_ranges ranges; /* read_ranges */
    Py_buffer buffer;            /* write_file */
};

struct queue {
    PyObject_HEAD cove_queue *queue; /* NULL: closed, and no call is inside any more */
    struct job *jobs;                /* submitted, not taken */
    pid_t owner;
    size_t inside; /* threads in a call of the library */
    bool closed;
};

/* ---- life ---- */

static PyObject *queue_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static const char *const keywords[] = { "parallel", "max_jobs", NULL };
    struct cove_queue_options o = COVE_QUEUE_OPTIONS_INIT;
    struct cove_error err = COVE_ERROR_INIT;
    Py_ssize_t parallel = (Py_ssize_t)o.parallel, max_jobs = (Py_ssize_t)o.max_jobs;
    struct queue *self;
    int rc;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|nn", (char **)keywords, &parallel, &max_jobs))
        return NULL;
    self = (struct queue *)PyType_GenericAlloc(type, 0);
    if (!self)
        return NULL;
    o.parallel = parallel < 0 ? 0 : (size_t)parallel;
    o.max_jobs = max_jobs < 0 ? 0 : (size_t)max_jobs;
    self->owner = getpid();
    rc = cove_queue_new(&o, &self->queue, &err);
    if (rc < 0) {
        covepy_raise(rc, &err);
        Py_CLEAR(self);
    }
    return (PyObject *)self;
}

static void job_free(struct queue *self, struct job *job)
{
    if (job->previous)
        job->previous->next = job->next;
    else
        self->jobs = job->next;
    if (job->next)
        job->next->previous = job->previous;
    Py_XDECREF(job->bytes);
    covepy_ranges_done(&job->ranges);
    if (job->buffer.obj)
        PyBuffer_Release(&job->buffer);
    free(job);
}

/* Frees the queue, once no call is inside. In a forked child the parent's calls do not exist. */
static void release(struct queue *self)
{
    cove_queue *queue = self->queue;

    self->queue = NULL;
    Py_BEGIN_ALLOW_THREADS;
    cove_queue_free(queue);
    Py_END_ALLOW_THREADS;
    while (self->jobs)
        job_free(self, self->jobs);
}

static void queue_dealloc(PyObject *object)
{
    release((struct queue *)object);
    covepy_free_object(object);
}

static int enter(struct queue *self)
{
    if (self->closed) {
        PyErr_SetString(PyExc_ValueError, "I/O operation on a closed Queue");
        return -1;
    }
    self->inside++;
    return 0;
}

static void leave(struct queue *self)
{
    self->inside--;
    if (self->closed && self->inside == 0)
        release(self);
}

static PyObject *queue_close(PyObject *object, PyObject *unused)
{
    struct queue *self = (struct queue *)object;

    if (self->closed)
        Py_RETURN_NONE;
    self->closed = true;
    if (self->inside == 0 || self->owner != getpid())
        release(self);
    else
        cove_queue_cancel_all(self->queue); /* the last one to leave closes it */
    Py_RETURN_NONE;
}

/* ---- submitting ---- */

static struct job *job_new(struct queue *self)
{
    struct job *job = calloc(1, sizeof *job);

    if (!job) {
        PyErr_NoMemory();
        return NULL;
    }
    job->next = self->jobs;
    if (job->next)
        job->next->previous = job;
    self->jobs = job;
    return job;
}

enum kind { STAT, LIST, FIND, READ_FILE, READ_RANGE, READ_RANGES, WRITE_FILE, MKDIR, REMOVE, COPY };

struct request {
    enum kind kind;
    struct covepy_fs *fs;
    struct covepy_path path, target;
    struct cove_call call;
    Py_ssize_t max_bytes;
    long long offset, length;
    struct covepy_ranges ranges;
    Py_buffer buffer;
};

static int64_t begin(struct queue *self, const struct request *r, struct job *job, char *to, struct cove_error *err)
{
    cove_queue *queue = self->queue;
    cove_fs *fs = r->fs->fs;

    switch (r->kind) {
    case STAT:
        return cove_queue_stat(queue, fs, r->path.text, &r->call, job, err);
    case LIST:
        return cove_queue_list(queue, fs, r->path.text, &r->call, job, err);
    case FIND:
        return cove_queue_find(queue, fs, r->path.text, &r->call, job, err);
    case MKDIR:
        return cove_queue_mkdir(queue, fs, r->path.text, &r->call, job, err);
    case READ_FILE:
        return cove_queue_read_file(queue, fs, r->path.text, (size_t)r->max_bytes, &r->call, job, err);
    case READ_RANGE:
        return cove_queue_read_range(queue, fs, r->path.text, r->offset, to, (size_t)r->length, &r->call, job, err);
    case READ_RANGES:
        return cove_queue_read_ranges(queue, fs, r->path.text, job->ranges.ranges, job->ranges.n, &r->call, job, err);
    case WRITE_FILE:
        return cove_queue_write_file(queue, fs, r->path.text, r->buffer.buf, (size_t)r->buffer.len, &r->call, job, err);
    case REMOVE:
        return cove_queue_remove(queue, fs, r->path.text, &r->call, job, err);
    case COPY:
        break;
    }
    return cove_queue_copy(queue, fs, r->path.text, r->target.text, &r->call, job, err);
}

/* Hands it to the library. The request's buffer and ranges go over to the job; its paths are copied by the library. */
static PyObject *submit(PyObject *object, struct request *r)
{
    struct queue *self = (struct queue *)object;
    struct cove_error err = COVE_ERROR_INIT;
    PyObject *result = NULL;
    struct job *job;
    char *to = NULL;
    int64_t number;

    if (enter(self) < 0)
        goto out;
    job = job_new(self);
    if (job && r->kind == READ_RANGE && !(job->bytes = covepy_bytes_new((uint64_t)r->length, &to))) {
        job_free(self, job);
        job = NULL;
    }
    if (job) {
        job->buffer = r->buffer;
        r->buffer.obj = NULL;
        job->ranges = r->ranges;
        r->ranges = (struct covepy_ranges){ 0 };
        /* From here on another thread may take the result, and the job with it. */
        Py_BEGIN_ALLOW_THREADS;
        number = begin(self, r, job, to, &err);
        Py_END_ALLOW_THREADS;
        if (number < 0) {
            job_free(self, job);
            covepy_raise(number, &err);
        } else {
            result = PyLong_FromLongLong(number);
        }
    }
    leave(self);
out:
    if (r->buffer.obj)
        PyBuffer_Release(&r->buffer);
    covepy_ranges_done(&r->ranges);
    Py_XDECREF(r->path.held);
    Py_XDECREF(r->target.held);
    return result;
}

static PyObject *submit_path(PyObject *self, PyObject *args, PyObject *kwargs, enum kind kind)
{
    static const char *const keywords[] = { "fs", "path", "timeout", NULL };
    struct request r = { .kind = kind, .call = COVE_CALL_INIT };

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&O&|$O&", (char **)keywords, covepy_fs, &r.fs, covepy_path,
                                     &r.path, covepy_timeout, &r.call.timeout_ms))
        return NULL;
    return submit(self, &r);
}

static PyObject *queue_stat(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return submit_path(self, args, kwargs, STAT);
}

static PyObject *queue_list(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return submit_path(self, args, kwargs, LIST);
}

static PyObject *queue_find(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return submit_path(self, args, kwargs, FIND);
}

static PyObject *queue_mkdir(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return submit_path(self, args, kwargs, MKDIR);
}

static PyObject *queue_remove(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return submit_path(self, args, kwargs, REMOVE);
}

static PyObject *queue_read_file(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const keywords[] = { "fs", "path", "max_bytes", "timeout", NULL };
    struct request r = { .kind = READ_FILE, .call = COVE_CALL_INIT };

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&O&|n$O&", (char **)keywords, covepy_fs, &r.fs, covepy_path,
                                     &r.path, &r.max_bytes, covepy_timeout, &r.call.timeout_ms))
        return NULL;
    if (r.max_bytes < 0)
        r.max_bytes = 0;
    return submit(self, &r);
}

static PyObject *queue_read_range(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const keywords[] = { "fs", "path", "offset", "length", "timeout", NULL };
    struct request r = { .kind = READ_RANGE, .call = COVE_CALL_INIT };

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&O&LL|$O&", (char **)keywords, covepy_fs, &r.fs, covepy_path,
                                     &r.path, &r.offset, &r.length, covepy_timeout, &r.call.timeout_ms))
        return NULL;
    if (r.length < 0) {
        Py_DECREF(r.path.held);
        PyErr_SetString(PyExc_ValueError, "a range's length is 0 or more");
        return NULL;
    }
    return submit(self, &r);
}

static PyObject *queue_read_ranges(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const keywords[] = { "fs", "path", "ranges", "timeout", NULL };
    struct request r = { .kind = READ_RANGES, .call = COVE_CALL_INIT };
    PyObject *wanted;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&O&O|$O&", (char **)keywords, covepy_fs, &r.fs, covepy_path,
                                     &r.path, &wanted, covepy_timeout, &r.call.timeout_ms))
        return NULL;
    if (covepy_ranges_parse(&r.ranges, wanted) < 0) {
        Py_DECREF(r.path.held);
        return NULL;
    }
    return submit(self, &r);
}

static PyObject *queue_write_file(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const keywords[] = { "fs", "path", "buffer", "timeout", NULL };
    struct request r = { .kind = WRITE_FILE, .call = COVE_CALL_INIT };

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&O&y*|$O&", (char **)keywords, covepy_fs, &r.fs, covepy_path,
                                     &r.path, &r.buffer, covepy_timeout, &r.call.timeout_ms))
        return NULL;
    return submit(self, &r);
}

static PyObject *queue_copy(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const keywords[] = { "fs", "source", "target", "timeout", NULL };
    struct request r = { .kind = COPY, .call = COVE_CALL_INIT };

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&O&O&|$O&", (char **)keywords, covepy_fs, &r.fs, covepy_path,
                                     &r.path, covepy_path, &r.target, covepy_timeout, &r.call.timeout_ms))
        return NULL;
    return submit(self, &r);
}

/* ---- taking ---- */

PyObject *covepy_result(const struct cove_result *result)
{
    if (result->rc < 0)
        return covepy_exception(result->rc, &result->err);
    if (result->info)
        return covepy_info(result->info);
    if (result->listing)
        return covepy_infos_at_hand(result->listing);
    if (result->data)
        return covepy_bytes_copy(result->data, (size_t)result->count);
    Py_RETURN_NONE;
}

void covepy_result_done(struct cove_result *result)
{
    cove_free(result->data);
    cove_info_free(result->info);
    cove_listing_free(result->listing);
    cove_reader_close(result->reader);
}

static PyObject *value_of(struct job *job, const struct cove_result *result)
{
    PyObject *bytes = job->bytes;

    if (job->ranges.ranges && result->rc == 0)
        return covepy_ranges_list(&job->ranges);
    if (job->buffer.obj && result->info)
        return Py_BuildValue("(NN)", covepy_str_or_none(cove_info_etag(result->info)),
                             covepy_str_or_none(cove_info_version_id(result->info)));
    if (!bytes || result->rc < 0)
        return covepy_result(result);
    job->bytes = NULL;
    return covepy_bytes_shorten(bytes, result->count);
}

/* Makes Python's values of results and releases their jobs. NULL: one could not be made, and the list is freed. */
static PyObject *add_results(struct queue *self, PyObject *list, struct cove_result *results, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct job *job = results[i].user;
        PyObject *value = list ? value_of(job, &results[i]) : NULL;

        if (list)
            list = covepy_list_add(list, value ? Py_BuildValue("(LN)", (long long)results[i].job, value) : NULL);
        job_free(self, job);
    }
    Py_BEGIN_ALLOW_THREADS; /* a listing may hold the last reference to its filesystem */
    for (size_t i = 0; i < n; i++)
        covepy_result_done(&results[i]);
    Py_END_ALLOW_THREADS;
    return list;
}

/* Waits so long for a first result, and takes those that are there with it. How many, or an error. */
static int take(struct queue *self, int64_t timeout_ms, struct cove_result results[BATCH], struct cove_error *err)
{
    int n = 0, rc = 1;

    while (n < BATCH && rc > 0) {
        results[n] = (struct cove_result)COVE_RESULT_INIT;
        rc = cove_queue_next(self->queue, n == 0 ? timeout_ms : 0, &results[n], err);
        n += rc > 0;
    }
    return rc < 0 ? rc : n;
}

static int parse_wait(PyObject *value, int64_t *ret_ms)
{
    double seconds = value == Py_None ? -1 : PyFloat_AsDouble(value);

    if (PyErr_Occurred())
        return -1;
    *ret_ms = value == Py_None || seconds > 1e12 ? INT64_MAX : !(seconds > 0) ? 0 : (int64_t)(seconds * 1000) + 1;
    return 0;
}

static PyObject *queue_next(PyObject *object, PyObject *args, PyObject *kwargs)
{
    static const char *const keywords[] = { "timeout", NULL };
    struct queue *self = (struct queue *)object;
    struct cove_error err = COVE_ERROR_INIT;
    PyObject *timeout = NULL, *list;
    struct cove_result *results = NULL;
    int64_t left_ms = 0;
    int n = 0;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O", (char **)keywords, &timeout) ||
        (timeout && parse_wait(timeout, &left_ms) < 0) || enter(self) < 0)
        return NULL;
    list = PyList_New(0);
    results = malloc(BATCH * sizeof *results);
    if (list && !results) {
        PyErr_NoMemory();
        Py_CLEAR(list);
    }
    while (list) {
        int64_t step_ms = left_ms < STEP_MS ? left_ms : STEP_MS;
        bool more;

        Py_BEGIN_ALLOW_THREADS;
        n = take(self, step_ms, results, &err);
        more = n == 0 && left_ms > step_ms && cove_queue_pending(self->queue) > 0;
        Py_END_ALLOW_THREADS;
        if (n > 0)
            list = add_results(self, list, results, (size_t)n);
        if (n < 0)
            covepy_raise(n, &err);
        if (n < 0 || (n == 0 && PyErr_CheckSignals() < 0))
            Py_CLEAR(list);
        if (n == BATCH)
            left_ms = 0; /* then take those that are ready, without a wait */
        else if (!more || self->closed)
            break;
        else if (left_ms != INT64_MAX)
            left_ms -= step_ms;
    }
    free(results);
    leave(self);
    covepy_log_deliver();
    return list;
}

static PyObject *queue_fileno(PyObject *object, PyObject *unused)
{
    struct queue *self = (struct queue *)object;
    int fd;

    if (enter(self) < 0)
        return NULL;
    fd = cove_queue_fd(self->queue);
    leave(self);
    if (fd < 0) {
        PyErr_SetString(PyExc_ValueError, "a Queue belongs to the process that made it");
        return NULL;
    }
    return PyLong_FromLong(fd);
}

static PyObject *queue_pending(PyObject *object, void *closure)
{
    struct queue *self = (struct queue *)object;
    size_t n;

    if (enter(self) < 0)
        return NULL;
    n = cove_queue_pending(self->queue);
    leave(self);
    return PyLong_FromSize_t(n);
}

static PyObject *queue_closed(PyObject *object, void *closure)
{
    return PyBool_FromLong(((struct queue *)object)->closed);
}

/* ---- cancelling ---- */

static PyObject *queue_cancel(PyObject *object, PyObject *args)
{
    struct queue *self = (struct queue *)object;
    struct cove_error err = COVE_ERROR_INIT;
    long long job;
    int rc;

    if (!PyArg_ParseTuple(args, "L", &job) || enter(self) < 0)
        return NULL;
    rc = cove_queue_cancel(self->queue, job, &err);
    leave(self);
    if (rc < 0 && rc != COVE_ENOTFOUND)
        return covepy_raise(rc, &err);
    return PyBool_FromLong(rc == 0);
}

static PyObject *queue_cancel_all(PyObject *object, PyObject *unused)
{
    struct queue *self = (struct queue *)object;

    if (enter(self) < 0)
        return NULL;
    cove_queue_cancel_all(self->queue);
    leave(self);
    Py_RETURN_NONE;
}

/* ---- the type ---- */

static PyMethodDef queue_methods[] = {
    { "stat", COVEPY_KEYWORDS(queue_stat),
      "stat($self, fs, path, *, timeout=None)\n--\n\nSubmits a Filesystem.stat: the job." },
    { "list", COVEPY_KEYWORDS(queue_list),
      "list($self, fs, path, *, timeout=None)\n--\n\nSubmits a Filesystem.list: the job." },
    { "find", COVEPY_KEYWORDS(queue_find),
      "find($self, fs, path, *, timeout=None)\n--\n\nSubmits a Filesystem.find: the job." },
    { "mkdir", COVEPY_KEYWORDS(queue_mkdir),
      "mkdir($self, fs, path, *, timeout=None)\n--\n\nSubmits a Filesystem.mkdir: the job." },
    { "read_file", COVEPY_KEYWORDS(queue_read_file),
      "read_file($self, fs, path, max_bytes=0, *, timeout=None)\n--\n\nSubmits a Filesystem.read_file: the job." },
    { "read_range", COVEPY_KEYWORDS(queue_read_range),
      "read_range($self, fs, path, offset, length, *, timeout=None)\n--\n\nSubmits a Filesystem.read_range: the job." },
    { "read_ranges", COVEPY_KEYWORDS(queue_read_ranges),
      "read_ranges($self, fs, path, ranges, *, timeout=None)\n--\n\nSubmits a Filesystem.read_ranges: the job." },
    { "write_file", COVEPY_KEYWORDS(queue_write_file),
      "write_file($self, fs, path, buffer, *, timeout=None)\n--\n\nSubmits a Filesystem.write_file: the job. The "
      "buffer "
      "must not change before its result is taken." },
    { "remove", COVEPY_KEYWORDS(queue_remove),
      "remove($self, fs, path, *, timeout=None)\n--\n\nSubmits a Filesystem.remove: the job." },
    { "copy", COVEPY_KEYWORDS(queue_copy),
      "copy($self, fs, source, target, *, timeout=None)\n--\n\nSubmits a Filesystem.copy: the job." },
    { "next", COVEPY_KEYWORDS(queue_next),
      "next($self, timeout=0.0)\n--\n\nAll results that are ready, [(job, value or exception), ...]; waits so many "
      "seconds "
      "for the first one (None: until there is one, or none is pending)." },
    { "fileno", queue_fileno, METH_NOARGS,
      "fileno($self, /)\n--\n\nA descriptor that is readable while a result waits; it is the queue's own." },
    { "cancel", queue_cancel, METH_VARARGS,
      "cancel($self, job, /)\n--\n\nEnds a job early; its result, OSError (COVE_ECANCELED), comes as any other does. "
      "False: "
      "it has ended already." },
    { "cancel_all", queue_cancel_all, METH_NOARGS, "cancel_all($self, /)\n--\n\nEnds all jobs early." },
    { "close", queue_close, METH_NOARGS,
      "close($self, /)\n--\n\nCancels what is under way and drops results that were not taken; closing twice is "
      "fine." },
    { 0 },
};

static PyGetSetDef queue_getset[] = {
    { "pending", queue_pending, NULL, "Jobs whose results have not been taken yet.", NULL },
    { "closed", queue_closed, NULL, "Whether it was closed.", NULL },
    { 0 },
};

static PyType_Slot queue_slots[] = {
    { Py_tp_doc,
      COVEPY_DOC(
          "Queue(parallel=128, max_jobs=65536)\n--\n\nA completion queue: submit calls, take their results as they "
          "come. Any number of threads may use it at once. It stays with the process that made it.") },
    { Py_tp_new, queue_new },
    { Py_tp_dealloc, queue_dealloc },
    { Py_tp_methods, queue_methods },
    { Py_tp_getset, queue_getset },
    { 0 },
};

static PyType_Spec queue_spec = { "cove._cove.Queue", sizeof(struct queue), 0, Py_TPFLAGS_DEFAULT, queue_slots };

int covepy_queue_init(PyObject *module)
{
    return covepy_add_type(module, &queue_spec) ? 0 : -1;
}
