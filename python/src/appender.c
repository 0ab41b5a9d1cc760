/* Appender: small additions to one file, gathered and sent in the background. */
#include "covepy.h"

#include <math.h>

/* What was gathered is lost with a flush that is cancelled: the first Ctrl-C lets it end, the second one does not. */
static const struct covepy_kind kind = { "Appender", "I/O operation on a closed Appender", 2 };

/* ---- life ---- */

static int parse_options(struct cove_appender_options *o, double flush_interval, Py_ssize_t flush_bytes, int truncate)
{
    if (!(flush_interval >= 0) || flush_interval > 1e9 || flush_bytes < 1) {
        PyErr_SetString(PyExc_ValueError, "flush_interval is 0 or more seconds, flush_bytes at least 1");
        return -1;
    }
    o->flush_interval_ms = (int64_t)ceil(flush_interval * 1000);
    o->flush_bytes = (size_t)flush_bytes;
    o->truncate = truncate;
    return 0;
}

static PyObject *appender_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static const char *const keywords[] = {
        "fs", "path", "flush_interval", "flush_bytes", "truncate", "timeout", NULL
    };
    struct cove_appender_options o = COVE_APPENDER_OPTIONS_INIT;
    struct covepy_stream *self = NULL;
    struct covepy_fs *fs = NULL;
    struct covepy_call c;
    struct covepy_path path = { 0 };
    double flush_interval = (double)o.flush_interval_ms / 1000;
    Py_ssize_t flush_bytes = (Py_ssize_t)o.flush_bytes;
    int64_t timeout_ms = 0;
    PyObject *result = NULL;
    cove_appender *appender = NULL;
    int truncate = 0, rc;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&O&|dnp$O&", (char **)keywords, covepy_fs, &fs, covepy_path, &path,
                                     &flush_interval, &flush_bytes, &truncate, covepy_timeout, &timeout_ms))
        return NULL;
    if (parse_options(&o, flush_interval, flush_bytes, truncate) == 0)
        self = covepy_stream_new(type, &kind, &c, timeout_ms);
    if (self) {
        COVEPY_WAIT(&c, rc = cove_appender_open(fs->fs, path.text, &o, &c.call, &appender, &c.err));
        self->stream = appender;
        result = covepy_stream_opened(self, &c, rc);
    }
    Py_DECREF(path.held);
    return result;
}

/* One that was not closed still sends what it has, as a file of Python's does; a failure is reported as one of a
 * destructor. In a forked child the library only releases it. */
static void appender_dealloc(PyObject *object)
{
    cove_appender *appender = covepy_stream_left(object);
    struct cove_error err = COVE_ERROR_INIT;
    PyObject *type, *value, *trace;
    int rc;

    Py_BEGIN_ALLOW_THREADS;
    rc = cove_appender_close(appender, &err);
    Py_END_ALLOW_THREADS;
    if (rc < 0) {
        PyErr_Fetch(&type, &value, &trace);
        covepy_raise(rc, &err);
        PyErr_WriteUnraisable(NULL);
        PyErr_Restore(type, value, trace);
    }
    covepy_stream_free(object);
}

/* ---- the calls ---- */

static PyObject *appender_write(PyObject *object, PyObject *args)
{
    struct covepy_stream *self = (struct covepy_stream *)object;
    struct covepy_call c;
    PyObject *result = NULL;
    Py_buffer buffer;
    int rc;

    if (!PyArg_ParseTuple(args, "y*", &buffer))
        return NULL;
    if (covepy_stream_begin(self, &c) == 0) {
        COVEPY_WAIT(&c, rc = cove_appender_write(self->stream, buffer.buf, (size_t)buffer.len, &c.err));
        if (covepy_stream_end(self, &c, rc))
            result = PyLong_FromSsize_t(buffer.len);
    }
    PyBuffer_Release(&buffer);
    return result;
}

static PyObject *appender_flush(PyObject *object, PyObject *unused)
{
    struct covepy_stream *self = (struct covepy_stream *)object;
    struct covepy_call c;
    int rc;

    if (covepy_stream_begin(self, &c) < 0)
        return NULL;
    COVEPY_WAIT(&c, rc = cove_appender_flush(self->stream, &c.err));
    if (!covepy_stream_end(self, &c, rc))
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *appender_close(PyObject *object, PyObject *unused)
{
    struct covepy_stream *self = (struct covepy_stream *)object;
    struct covepy_call c;
    int rc, begun = covepy_stream_begin_last(self, &c);

    if (begun == 0)
        Py_RETURN_NONE;
    if (begun < 0)
        return NULL;
    COVEPY_WAIT(&c, rc = cove_appender_close(self->stream, &c.err));
    self->stream = NULL;
    if (!covepy_stream_end(self, &c, rc))
        return NULL;
    Py_RETURN_NONE;
}

/* ---- the type ---- */

static PyMethodDef appender_methods[] = {
    { "write", appender_write, METH_VARARGS,
      "write($self, buffer, /)\n--\n\nTakes all bytes of a buffer. It also raises what went wrong in the background "
      "before." },
    { "flush", appender_flush, METH_NOARGS,
      "flush($self, /)\n--\n\nReturns when all that was written is in the store." },
    { "cancel", covepy_stream_cancel, METH_NOARGS,
      "cancel($self, /)\n--\n\nCancels calls that wait for the store, in any thread, and all later ones. After it only "
      "close() is useful, which reports how many bytes are lost." },
    { "close", appender_close, METH_NOARGS,
      "close($self, /)\n--\n\nFlushes and closes, even if the flush fails. It may be called twice; another "
      "thread's close waits for the first." },
    { 0 },
};

static PyGetSetDef appender_getset[] = {
    { "closed", covepy_stream_closed, NULL, "Whether it was closed.", NULL },
    { 0 },
};

static PyType_Slot appender_slots[] = {
    { Py_tp_doc,
      COVEPY_DOC("Appender(fs, path, flush_interval=1.0, flush_bytes=8388608, truncate=False, *, "
                 "timeout=None)\n--\n\nOpens a file for "
                 "many small additions. They are gathered and sent in the background, after flush_interval seconds or "
                 "flush_bytes at "
                 "the latest, and at the process's ordinary exit. Threads take turns; a forked child cannot use it.") },
    { Py_tp_new, appender_new },
    { Py_tp_dealloc, appender_dealloc },
    { Py_tp_methods, appender_methods },
    { Py_tp_getset, appender_getset },
    { 0 },
};

static PyType_Spec appender_spec = { "cove._cove.Appender", sizeof(struct covepy_stream), 0, Py_TPFLAGS_DEFAULT,
                                     appender_slots };

int covepy_appender_init(PyObject *module)
{
    return covepy_add_type(module, &appender_spec) ? 0 : -1;
}
