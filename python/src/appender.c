/* Appender: small additions to one file, gathered and sent in the background. */
#include "covepy.h"

#include <math.h>

#define WHAT "Appender"
/* What was gathered is lost with a flush that is cancelled: the first Ctrl-C lets it end, the second one does not. */
#define PATIENCE 2

struct appender {
    PyObject_HEAD cove_appender *appender; /* NULL: closed */
    cove_cancel *cancel;                   /* ends whatever waits, for good */
    struct covepy_lock lock;
};

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
    struct appender *self = NULL;
    struct covepy_fs *fs = NULL;
    struct covepy_call c;
    struct covepy_path path = { 0 };
    double flush_interval = (double)o.flush_interval_ms / 1000;
    Py_ssize_t flush_bytes = (Py_ssize_t)o.flush_bytes;
    int64_t timeout_ms = 0;
    int truncate = 0, rc;
    bool ok = false;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&O&|dnp$O&", (char **)keywords, covepy_fs, &fs, covepy_path, &path,
                                     &flush_interval, &flush_bytes, &truncate, covepy_timeout, &timeout_ms))
        return NULL;
    if (parse_options(&o, flush_interval, flush_bytes, truncate) == 0)
        self = (struct appender *)PyType_GenericAlloc(type, 0);
    if (self && covepy_lock_init(&self->lock) == 0) {
        self->cancel = cove_cancel_new();
        covepy_call_init_stream(&c, self->cancel, 1); /* nothing has gathered yet */
        c.call.timeout_ms = timeout_ms;
        COVEPY_WAIT(&c, rc = cove_appender_open(fs->fs, path.text, &o, &c.call, &self->appender, &c.err));
        ok = covepy_call_ok(&c, rc);
        covepy_call_done(&c);
    }
    if (!ok)
        Py_CLEAR(self);
    Py_DECREF(path.held);
    return (PyObject *)self;
}

/* One that was not closed still sends what it has, as a file of Python's does; a failure is reported as one of a
 * destructor. In a forked child the library only lets go of it. */
static void appender_dealloc(PyObject *object)
{
    struct appender *self = (struct appender *)object;
    cove_appender *appender = covepy_lock_orphaned(&self->lock) ? NULL : self->appender;
    struct cove_error err = COVE_ERROR_INIT;
    PyObject *type, *value, *trace;
    int rc;

    Py_BEGIN_ALLOW_THREADS;
    rc = cove_appender_close(appender, &err);
    Py_END_ALLOW_THREADS;
    cove_cancel_unref(self->cancel);
    covepy_lock_done(&self->lock);
    if (rc < 0) {
        PyErr_Fetch(&type, &value, &trace);
        covepy_raise(rc, &err);
        PyErr_WriteUnraisable(NULL);
        PyErr_Restore(type, value, trace);
    }
    covepy_free_object(object);
}

static int begin(struct appender *self, struct covepy_call *c)
{
    if (covepy_lock_take(&self->lock, WHAT) < 0)
        return -1;
    if (!self->appender) {
        covepy_lock_give(&self->lock);
        PyErr_SetString(PyExc_ValueError, "I/O operation on a closed " WHAT);
        return -1;
    }
    covepy_call_init_stream(c, self->cancel, PATIENCE);
    return 0;
}

static bool end(struct appender *self, struct covepy_call *c, int64_t rc)
{
    bool ok;

    covepy_lock_give(&self->lock);
    ok = covepy_call_ok(c, rc);
    covepy_call_done(c);
    return ok;
}

/* ---- the calls ---- */

static PyObject *appender_write(PyObject *object, PyObject *args)
{
    struct appender *self = (struct appender *)object;
    struct covepy_call c;
    PyObject *result = NULL;
    Py_buffer buffer;
    int rc;

    if (!PyArg_ParseTuple(args, "y*", &buffer))
        return NULL;
    if (begin(self, &c) == 0) {
        COVEPY_WAIT(&c, rc = cove_appender_write(self->appender, buffer.buf, (size_t)buffer.len, &c.err));
        if (end(self, &c, rc))
            result = PyLong_FromSsize_t(buffer.len);
    }
    PyBuffer_Release(&buffer);
    return result;
}

static PyObject *appender_flush(PyObject *object, PyObject *unused)
{
    struct appender *self = (struct appender *)object;
    struct covepy_call c;
    int rc;

    if (begin(self, &c) < 0)
        return NULL;
    COVEPY_WAIT(&c, rc = cove_appender_flush(self->appender, &c.err));
    if (!end(self, &c, rc))
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *appender_cancel(PyObject *object, PyObject *unused)
{
    cove_cancel_fire(((struct appender *)object)->cancel);
    Py_RETURN_NONE;
}

static PyObject *appender_close(PyObject *object, PyObject *unused)
{
    struct appender *self = (struct appender *)object;
    struct covepy_call c;
    int rc;

    if (!self->appender)
        Py_RETURN_NONE;
    if (begin(self, &c) < 0)
        return NULL;
    COVEPY_WAIT(&c, rc = cove_appender_close(self->appender, &c.err));
    self->appender = NULL;
    if (!end(self, &c, rc))
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *appender_closed(PyObject *object, void *closure)
{
    return PyBool_FromLong(((struct appender *)object)->appender == NULL);
}

/* ---- the type ---- */

static PyMethodDef appender_methods[] = {
    { "write", appender_write, METH_VARARGS,
      "write($self, buffer, /)\n--\n\nTakes all bytes of a buffer. It also raises what went wrong in the background "
      "before." },
    { "flush", appender_flush, METH_NOARGS,
      "flush($self, /)\n--\n\nReturns when all that was written is in the store." },
    { "cancel", appender_cancel, METH_NOARGS,
      "cancel($self, /)\n--\n\nEnds what waits for the store, in any thread, and all that would: only close is of use "
      "then, which says "
      "how many bytes are lost." },
    { "close", appender_close, METH_NOARGS,
      "close($self, /)\n--\n\nFlushes and ends it, also where that fails; closing twice is fine." },
    { 0 },
};

static PyGetSetDef appender_getset[] = {
    { "closed", appender_closed, NULL, "Whether it was closed.", NULL },
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

static PyType_Spec appender_spec = { "cove._cove.Appender", sizeof(struct appender), 0, Py_TPFLAGS_DEFAULT,
                                     appender_slots };

int covepy_appender_init(PyObject *module)
{
    return covepy_add_type(module, &appender_spec) ? 0 : -1;
}
