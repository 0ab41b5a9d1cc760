/* Writer: a file that becomes visible at finish, whole, or never. */
#include "covepy.h"

#include <string.h>

#define WHAT "Writer"

struct writer {
    PyObject_HEAD cove_writer *writer; /* NULL: finished or aborted */
    cove_cancel *cancel;               /* ends whatever waits, for good */
    int64_t written;
    struct covepy_lock lock;
};

int covepy_write_options(struct covepy_write *w, int64_t expected_size, struct cove_writer_options *o)
{
    o->expected_size = expected_size;
    o->content_type = w->content_type;
    o->etag = w->etag;
    if (!w->condition) {
        o->condition = COVE_WRITE_ALWAYS;
    } else if (strcmp(w->condition, "new") == 0) {
        o->condition = COVE_WRITE_IF_NEW;
    } else if (strcmp(w->condition, "match") == 0) {
        o->condition = COVE_WRITE_IF_MATCH;
    } else {
        PyErr_Format(PyExc_ValueError, "condition is 'new' or 'match', not '%s'", w->condition);
        return -1;
    }
    if (covepy_pairs_parse(&w->pairs, w->metadata) < 0)
        return -1;
    o->metadata = w->pairs.pairs;
    o->n_metadata = w->pairs.n;
    return 0;
}

void covepy_write_done(struct covepy_write *w)
{
    covepy_pairs_done(&w->pairs);
}

/* ---- life ---- */

static PyObject *writer_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static const char *const keywords[] = { "fs",           "path",     "condition", "etag", "expected_size",
                                            "content_type", "metadata", "timeout",   NULL };
    struct cove_writer_options o = COVE_WRITER_OPTIONS_INIT;
    struct covepy_write w = { .metadata = Py_None };
    struct writer *self = NULL;
    struct covepy_fs *fs = NULL;
    struct covepy_call c;
    struct covepy_path path = { 0 };
    long long expected_size = -1;
    int64_t timeout_ms = 0;
    bool ok = false;
    int rc;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&O&|zzLzO$O&", (char **)keywords, covepy_fs, &fs, covepy_path,
                                     &path, &w.condition, &w.etag, &expected_size, &w.content_type, &w.metadata,
                                     covepy_timeout, &timeout_ms))
        return NULL;
    if (covepy_write_options(&w, expected_size, &o) == 0)
        self = (struct writer *)PyType_GenericAlloc(type, 0);
    if (self && covepy_lock_init(&self->lock) == 0) {
        self->cancel = cove_cancel_new();
        covepy_call_init_stream(&c, self->cancel, 1);
        c.call.timeout_ms = timeout_ms;
        COVEPY_WAIT(&c, rc = cove_writer_open(fs->fs, path.text, &o, &c.call, &self->writer, &c.err));
        ok = covepy_call_ok(&c, rc);
        covepy_call_done(&c);
    }
    if (!ok)
        Py_CLEAR(self);
    covepy_write_done(&w);
    Py_DECREF(path.held);
    return (PyObject *)self;
}

static void writer_dealloc(PyObject *object)
{
    struct writer *self = (struct writer *)object;
    cove_writer *writer = covepy_lock_orphaned(&self->lock) ? NULL : self->writer;

    Py_BEGIN_ALLOW_THREADS;
    cove_writer_free(writer);
    Py_END_ALLOW_THREADS;
    cove_cancel_unref(self->cancel);
    covepy_lock_done(&self->lock);
    covepy_free_object(object);
}

static int begin(struct writer *self, struct covepy_call *c)
{
    if (covepy_lock_take(&self->lock, WHAT) < 0)
        return -1;
    if (!self->writer) {
        covepy_lock_give(&self->lock);
        PyErr_SetString(PyExc_ValueError, "I/O operation on a finished or aborted " WHAT);
        return -1;
    }
    covepy_call_init_stream(c, self->cancel, 1);
    return 0;
}

static bool end(struct writer *self, struct covepy_call *c, int64_t rc)
{
    bool ok;

    covepy_lock_give(&self->lock);
    ok = covepy_call_ok(c, rc);
    covepy_call_done(c);
    return ok;
}

/* ---- the calls ---- */

static PyObject *writer_write(PyObject *object, PyObject *args)
{
    struct writer *self = (struct writer *)object;
    struct covepy_call c;
    PyObject *result = NULL;
    Py_buffer buffer;
    int rc;

    if (!PyArg_ParseTuple(args, "y*", &buffer))
        return NULL;
    if (begin(self, &c) == 0) {
        COVEPY_WAIT(&c, rc = cove_writer_write(self->writer, buffer.buf, (size_t)buffer.len, &c.err));
        self->written = cove_writer_tell(self->writer);
        if (end(self, &c, rc))
            result = PyLong_FromSsize_t(buffer.len);
    }
    PyBuffer_Release(&buffer);
    return result;
}

static PyObject *writer_tell(PyObject *object, PyObject *unused)
{
    return PyLong_FromLongLong(((struct writer *)object)->written);
}

/* After a failure too there is nothing more to do with it than to let it go. */
static PyObject *writer_finish(PyObject *object, PyObject *unused)
{
    struct writer *self = (struct writer *)object;
    struct covepy_call c;
    int rc;

    if (begin(self, &c) < 0)
        return NULL;
    COVEPY_WAIT(&c, rc = cove_writer_finish(self->writer, &c.err); cove_writer_free(self->writer));
    self->writer = NULL;
    if (!end(self, &c, rc))
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *writer_abort(PyObject *object, PyObject *unused)
{
    struct writer *self = (struct writer *)object;
    cove_writer *writer;

    if (covepy_lock_take(&self->lock, WHAT) < 0)
        return NULL;
    writer = self->writer;
    self->writer = NULL;
    Py_BEGIN_ALLOW_THREADS;
    cove_writer_free(writer);
    Py_END_ALLOW_THREADS;
    covepy_lock_give(&self->lock);
    Py_RETURN_NONE;
}

static PyObject *writer_closed(PyObject *object, void *closure)
{
    return PyBool_FromLong(((struct writer *)object)->writer == NULL);
}

/* ---- the type ---- */

static PyMethodDef writer_methods[] = {
    { "write", writer_write, METH_VARARGS,
      "write($self, buffer, /)\n--\n\nTakes all bytes of a buffer, or fails; after a failure only abort() is useful." },
    { "tell", writer_tell, METH_NOARGS, "tell($self, /)\n--\n\nHow many bytes were written." },
    { "finish", writer_finish, METH_NOARGS,
      "finish($self, /)\n--\n\nPublishes the file, whole; it is durable when this returns. After a failure nothing "
      "is." },
    { "abort", writer_abort, METH_NOARGS,
      "abort($self, /)\n--\n\nGives up: nothing becomes visible. Fine after finish(), which it leaves alone." },
    { 0 },
};

static PyGetSetDef writer_getset[] = {
    { "closed", writer_closed, NULL, "Whether it was finished or aborted.", NULL },
    { 0 },
};

static PyType_Slot writer_slots[] = {
    { Py_tp_doc,
      COVEPY_DOC(
          "Writer(fs, path, condition=None, etag=None, expected_size=-1, content_type=None, metadata=None, *, "
          "timeout=None)\n--\n\n"
          "Opens a file for writing; nothing is visible before finish(). condition: 'new' (only where there is none "
          "then), 'match' (only while it has this etag). One that goes away unfinished is aborted. Threads take "
          "turns; a forked child cannot use it.") },
    { Py_tp_new, writer_new },
    { Py_tp_dealloc, writer_dealloc },
    { Py_tp_methods, writer_methods },
    { Py_tp_getset, writer_getset },
    { 0 },
};

static PyType_Spec writer_spec = { "cove._cove.Writer", sizeof(struct writer), 0, Py_TPFLAGS_DEFAULT, writer_slots };

int covepy_writer_init(PyObject *module)
{
    return covepy_add_type(module, &writer_spec) ? 0 : -1;
}
