/*
 * Filesystem: many files in one call. A completion queue of this call alone works on `parallel` of them at once; its
 * results are taken a batch at a time without the GIL and made into Python's values with it. So many more wait in the
 * queue as it works on, no more, so that what has come and was not looked at yet is bounded too.
 */
#include "covepy.h"

#include <stdlib.h>
#include <string.h>

#define BATCH        64
#define LARGE        ((size_t)8 << 20) /* larger files are read afterwards, each for itself, straight into place */
#define MAX_PARALLEL 1024

enum kind { READ, WRITE, STAT, COPY };

struct item {
    struct covepy_path path, target;
    Py_buffer buffer; /* WRITE */
};

struct many {
    enum kind kind;
    cove_fs *fs;
    cove_queue *queue;
    struct item *items;
    PyObject **results;
    cove_reader **readers; /* READ: of files that are too large for the queue */
    size_t n, begun, ended;
    size_t ahead; /* the most that is submitted and not taken */
    struct cove_result batch[BATCH];
    size_t n_batch;
};

/* ---- items ---- */

static int parse_pair(struct item *item, PyObject *value, enum kind kind)
{
    PyObject *pair = PySequence_Tuple(value);
    int ok = 0;

    if (pair && kind == COPY)
        ok = PyArg_ParseTuple(pair, "O&O&;a copy is (source, target)", covepy_path, &item->path, covepy_path,
                              &item->target);
    else if (pair)
        ok = PyArg_ParseTuple(pair, "O&y*;a write is (path, buffer)", covepy_path, &item->path, &item->buffer);
    Py_XDECREF(pair);
    return ok ? 0 : -1;
}

static int parse_items(struct many *m, PyObject *value)
{
    PyObject *all = PySequence_Tuple(value);
    int rc = -1;

    if (!all)
        return -1;
    m->n = (size_t)PyTuple_Size(all);
    m->items = calloc(m->n + 1, sizeof *m->items);
    m->results = calloc(m->n + 1, sizeof(PyObject *));
    m->readers = calloc(m->n + 1, sizeof *m->readers);
    if (!m->items || !m->results || !m->readers) {
        PyErr_NoMemory();
        goto out;
    }
    for (size_t i = 0; i < m->n; i++) {
        PyObject *one = PyTuple_GetItem(all, (Py_ssize_t)i);
        bool ok = m->kind == WRITE || m->kind == COPY ? parse_pair(&m->items[i], one, m->kind) == 0
                                                      : covepy_path(one, &m->items[i].path) != 0;

        if (!ok)
            goto out;
    }
    rc = 0;
out:
    Py_DECREF(all);
    return rc;
}

static void free_all(struct many *m)
{
    Py_BEGIN_ALLOW_THREADS;
    cove_queue_free(m->queue);
    for (size_t i = 0; m->readers && i < m->n; i++)
        cove_reader_close(m->readers[i]);
    Py_END_ALLOW_THREADS;
    for (size_t i = 0; m->items && i < m->n; i++) {
        Py_XDECREF(m->items[i].path.held);
        Py_XDECREF(m->items[i].target.held);
        if (m->items[i].buffer.obj)
            PyBuffer_Release(&m->items[i].buffer);
    }
    for (size_t i = 0; m->results && i < m->n; i++)
        Py_XDECREF(m->results[i]);
    free(m->items);
    free(m->results);
    free(m->readers);
    free(m);
}

/* ---- without the GIL ---- */

static int64_t submit(struct many *m, size_t i, const struct cove_call *call, struct cove_error *err)
{
    const struct item *item = &m->items[i];
    const char *path = item->path.text;
    void *user = (void *)(uintptr_t)i;

    switch (m->kind) {
    case READ:
        return cove_queue_read_or_open(m->queue, m->fs, path, LARGE, 0, call, user, err);
    case WRITE:
        return cove_queue_write_file(m->queue, m->fs, path, item->buffer.buf, (size_t)item->buffer.len, call, user,
                                     err);
    case STAT:
        return cove_queue_stat(m->queue, m->fs, path, call, user, err);
    case COPY:
        break;
    }
    return cove_queue_copy(m->queue, m->fs, path, item->target.text, call, user, err);
}

/* Submits as many calls as there is room for and waits for results. A submission that was refused is a result as well.
 */
static int take_batch(struct many *m, const struct cove_call *call, struct cove_error *err)
{
    int rc = 1;

    for (m->n_batch = 0; m->n_batch < BATCH && m->ended + m->n_batch < m->n && rc > 0;) {
        struct cove_result *result = &m->batch[m->n_batch];

        *result = (struct cove_result)COVE_RESULT_INIT;
        if (m->begun < m->n && m->begun - m->ended - m->n_batch < m->ahead) {
            int64_t job = submit(m, m->begun, call, &result->err);

            result->user = (void *)(uintptr_t)m->begun++;
            result->rc = job < 0 ? (int)job : 0;
            m->n_batch += job < 0;
            continue;
        }
        rc = cove_queue_next(m->queue, m->n_batch == 0 ? -1 : 0, result, err);
        m->n_batch += rc > 0;
    }
    return rc < 0 ? rc : 0;
}

/* ---- with the GIL ---- */

/* Takes the batch in. -1: an exception is set. The queue's own memory goes in any case. */
static int keep_batch(struct many *m)
{
    int rc = 0;

    for (size_t i = 0; i < m->n_batch; i++) {
        struct cove_result *result = &m->batch[i];
        size_t at = (uintptr_t)result->user;

        if (result->reader) {
            m->readers[at] = result->reader;
            result->reader = NULL;
        } else if (rc == 0) {
            if (m->kind == WRITE) { /* the list has no place for it: None where the file was written */
                cove_info_free(result->info);
                result->info = NULL;
            }
            m->results[at] = covepy_result(result);
            rc = m->results[at] ? 0 : -1;
        }
        covepy_result_done(result);
    }
    m->ended += m->n_batch;
    m->n_batch = 0;
    return rc;
}

/* Files that are too large for the queue, one after the other: each is read by many parallel requests. */
static int read_large(struct many *m, struct covepy_call *c)
{
    for (size_t i = 0; i < m->n; i++) {
        cove_reader *reader = m->readers[i];
        PyObject *type, *value, *trace;

        if (!reader)
            continue;
        m->readers[i] = NULL;
        c->err = (struct cove_error)COVE_ERROR_INIT;
        m->results[i] = covepy_read_large(c, m->fs, m->items[i].path.text, reader, 0);
        if (m->results[i])
            continue;
        if (!PyErr_ExceptionMatches(PyExc_Exception)) /* a Ctrl-C */
            return -1;
        PyErr_Fetch(&type, &value, &trace);
        PyErr_NormalizeException(&type, &value, &trace);
        m->results[i] = value;
        Py_XDECREF(type);
        Py_XDECREF(trace);
    }
    return 0;
}

static PyObject *take_results(struct many *m)
{
    PyObject *list = PyList_New((Py_ssize_t)m->n);

    for (size_t i = 0; list && i < m->n; i++) {
        PyList_SetItem(list, (Py_ssize_t)i, m->results[i]);
        m->results[i] = NULL;
    }
    return list;
}

static PyObject *run(struct many *m, struct covepy_call *c, size_t parallel)
{
    struct cove_queue_options o = COVE_QUEUE_OPTIONS_INIT;
    int rc;

    o.parallel = parallel < m->n ? parallel : m->n;
    m->ahead = 2 * o.parallel;
    rc = cove_queue_new(&o, &m->queue, &c->err);
    while (rc == 0 && m->ended < m->n && !c->interrupted) {
        COVEPY_WAIT(c, rc = take_batch(m, &c->call, &c->err));
        if (keep_batch(m) < 0)
            return NULL;
    }
    if (c->interrupted)
        rc = COVE_ECANCELED;
    if (!covepy_call_ok(c, rc) || (m->kind == READ && read_large(m, c) < 0))
        return NULL;
    return take_results(m);
}

static PyObject *many(PyObject *self, PyObject *args, PyObject *kwargs, enum kind kind, const char *name)
{
    const char *const keywords[] = { name, "parallel", "timeout", NULL };
    struct covepy_call c;
    PyObject *value = NULL, *list = NULL;
    int64_t timeout_ms = 0;
    int parallel = 64;
    struct many *m;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|i$O&", (char **)keywords, &value, &parallel, covepy_timeout,
                                     &timeout_ms))
        return NULL;
    if (parallel < 1 || parallel > MAX_PARALLEL)
        return PyErr_Format(PyExc_ValueError, "parallel is from 1 to %d", MAX_PARALLEL);
    m = calloc(1, sizeof *m);
    if (!m)
        return PyErr_NoMemory();
    m->kind = kind;
    m->fs = ((struct covepy_fs *)self)->fs;
    if (parse_items(m, value) == 0) {
        covepy_call_init(&c, timeout_ms);
        list = m->n == 0 ? PyList_New(0) : run(m, &c, (size_t)parallel);
        covepy_call_done(&c);
    }
    free_all(m);
    return list;
}

PyObject *covepy_fs_read_many(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return many(self, args, kwargs, READ, "paths");
}

PyObject *covepy_fs_write_many(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return many(self, args, kwargs, WRITE, "files");
}

PyObject *covepy_fs_stat_many(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return many(self, args, kwargs, STAT, "paths");
}

PyObject *covepy_fs_copy_many(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return many(self, args, kwargs, COPY, "pairs");
}

/* The strings of a Python sequence as C strings. */
struct texts {
    struct covepy_path *items;
    const char **at; /* NULL for None */
    size_t n;
};

static void texts_done(struct texts *t)
{
    for (size_t i = 0; i < t->n; i++)
        Py_XDECREF(t->items[i].held);
    free(t->items);
    free(t->at);
}

/* -1: an exception is set. texts_done in any case. */
static int texts_init(struct texts *t, PyObject *value, bool none_allowed)
{
    PyObject *all = PySequence_Tuple(value);
    size_t n = all ? (size_t)PyTuple_Size(all) : 0;
    int rc = -1;

    *t = (struct texts){ 0 };
    if (!all)
        return -1;
    t->items = calloc(n + 1, sizeof *t->items);
    t->at = calloc(n + 1, sizeof *t->at);
    if (!t->items || !t->at) {
        PyErr_NoMemory();
        goto out;
    }
    for (; t->n < n; t->n++) {
        PyObject *one = PyTuple_GetItem(all, (Py_ssize_t)t->n);

        if (none_allowed && one == Py_None)
            continue;
        if (!covepy_path(one, &t->items[t->n]))
            goto out;
        t->at[t->n] = t->items[t->n].text;
    }
    rc = 0;
out:
    Py_DECREF(all);
    return rc;
}

/* Removals have a call of their own, which takes a thousand files in one request. */
PyObject *covepy_fs_remove_files(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const keywords[] = { "paths", "etags", "timeout", NULL };
    struct texts paths = { 0 }, etags = { 0 };
    PyObject *value, *value_etags = Py_None, *result = NULL;
    struct covepy_call c;
    int64_t timeout_ms = 0;
    int rc;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O$O&", (char **)keywords, &value, &value_etags, covepy_timeout,
                                     &timeout_ms))
        return NULL;
    if (PyUnicode_Check(value) || PyBytes_Check(value)) { /* whose characters would be paths */
        PyErr_SetString(PyExc_TypeError, "paths: a list of them is needed");
        return NULL;
    }
    if (texts_init(&paths, value, false) < 0 || (value_etags != Py_None && texts_init(&etags, value_etags, true) < 0))
        goto out;
    if (value_etags != Py_None && etags.n != paths.n) {
        PyErr_SetString(PyExc_ValueError, "etags: must have one entry for each path");
        goto out;
    }
    covepy_call_init(&c, timeout_ms);
    COVEPY_WAIT(&c, rc = cove_fs_remove_files_if_match(((struct covepy_fs *)self)->fs, paths.at, etags.at, paths.n,
                                                       &c.call, &c.err));
    if (covepy_call_ok(&c, rc))
        result = Py_NewRef(Py_None);
    covepy_call_done(&c);
out:
    texts_done(&paths);
    texts_done(&etags);
    return result;
}
