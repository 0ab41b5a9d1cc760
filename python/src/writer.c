/* Writer: a file that becomes visible at finish, whole, or never. */
#include "covepy.h"

#include <stdlib.h>
#include <string.h>

static const struct covepy_kind kind = { "Writer", "I/O operation on a finished or aborted Writer", 1 };

struct writer {
    struct covepy_stream base;
    int64_t written;
    char *etag, *version_id; /* of the published file */
};

int covepy_write_options(struct covepy_write *w, int64_t expected_size, struct cove_writer_options *o)
{
    o->expected_size = expected_size;
    o->content_type = w->content_type.text;
    o->etag = w->etag.text;
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
    Py_XDECREF(w->etag.held);
    Py_XDECREF(w->content_type.held);
}

/* ---- life ---- */

static PyObject *writer_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static const char *const keywords[] = { "fs",           "path",     "condition",  "etag",    "expected_size",
                                            "content_type", "metadata", "first_part", "timeout", NULL };
    struct cove_writer_options o = COVE_WRITER_OPTIONS_INIT;
    struct covepy_write w = { .metadata = Py_None };
    struct covepy_stream *self = NULL;
    struct covepy_fs *fs = NULL;
    struct covepy_call c;
    struct covepy_path path = { 0 };
    long long expected_size = -1;
    Py_ssize_t first_part = 0;
    int64_t timeout_ms = 0;
    PyObject *result = NULL;
    cove_writer *writer = NULL;
    int rc;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&O&|zO&LO&On$O&", (char **)keywords, covepy_fs, &fs, covepy_path,
                                     &path, &w.condition, covepy_path_or_none, &w.etag, &expected_size,
                                     covepy_path_or_none, &w.content_type, &w.metadata, &first_part, covepy_timeout,
                                     &timeout_ms))
        return NULL;
    o.first_part = first_part > 0 ? (size_t)first_part : 0;
    if (covepy_write_options(&w, expected_size, &o) == 0)
        self = covepy_stream_new(type, &kind, &c, timeout_ms);
    if (self) {
        COVEPY_WAIT(&c, rc = cove_writer_open(fs->fs, path.text, &o, &c.call, &writer, &c.err));
        self->stream = writer;
        result = covepy_stream_opened(self, &c, rc);
    }
    covepy_write_done(&w);
    Py_DECREF(path.held);
    return result;
}

static void release(void *stream)
{
    cove_writer_free(stream);
}

static void writer_dealloc(PyObject *object)
{
    free(((struct writer *)object)->etag);
    free(((struct writer *)object)->version_id);
    covepy_stream_dealloc(object, release);
}

/* ---- the calls ---- */

static PyObject *writer_write(PyObject *object, PyObject *args)
{
    struct covepy_stream *self = (struct covepy_stream *)object;
    struct covepy_call c;
    PyObject *result = NULL;
    Py_buffer buffer;
    int rc;

    if (!PyArg_ParseTuple(args, "y*", &buffer))
        return NULL;
    if (covepy_stream_begin(self, &c) == 0) {
        COVEPY_WAIT(&c, rc = cove_writer_write(self->stream, buffer.buf, (size_t)buffer.len, &c.err));
        ((struct writer *)object)->written = cove_writer_tell(self->stream);
        if (covepy_stream_end(self, &c, rc))
            result = PyLong_FromSsize_t(buffer.len);
    }
    PyBuffer_Release(&buffer);
    return result;
}

static PyObject *writer_tell(PyObject *object, PyObject *unused)
{
    return PyLong_FromLongLong(((struct writer *)object)->written);
}

static PyObject *writer_etag(PyObject *object, void *unused)
{
    return covepy_str_or_none(((struct writer *)object)->etag);
}

static PyObject *writer_version_id(PyObject *object, void *unused)
{
    return covepy_str_or_none(((struct writer *)object)->version_id);
}

static char *copy_or_null(const char *text) /* NULL without memory: then not known */
{
    return text ? strdup(text) : NULL;
}

int covepy_writer_end(cove_writer *writer, char **ret_etag, char **ret_version_id, struct cove_error *err)
{
    int rc = cove_writer_finish(writer, err);

    if (rc == 0) {
        *ret_etag = copy_or_null(cove_writer_etag(writer));
        *ret_version_id = copy_or_null(cove_writer_version_id(writer));
    }
    cove_writer_free(writer);
    return rc;
}

/* After a failure too there is nothing more to do with it than to let it go. */
static PyObject *writer_finish(PyObject *object, PyObject *unused)
{
    struct writer *writer = (struct writer *)object;
    struct covepy_stream *self = &writer->base;
    struct covepy_call c;
    int rc;

    if (covepy_stream_begin(self, &c) < 0)
        return NULL;
    COVEPY_WAIT(&c, rc = covepy_writer_end(self->stream, &writer->etag, &writer->version_id, &c.err));
    self->stream = NULL;
    if (!covepy_stream_end(self, &c, rc))
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *writer_abort(PyObject *object, PyObject *unused)
{
    return covepy_stream_close(object, release);
}

/* ---- the type ---- */

static PyMethodDef writer_methods[] = {
    { "write", writer_write, METH_VARARGS,
      "write($self, buffer, /)\n--\n\nTakes all bytes of a buffer, or fails; after a failure only abort() is useful." },
    { "tell", writer_tell, METH_NOARGS, "tell($self, /)\n--\n\nHow many bytes were written." },
    { "finish", writer_finish, METH_NOARGS,
      "finish($self, /)\n--\n\nPublishes the file, whole; it is durable when this returns. After a failure nothing "
      "is." },
    { "cancel", covepy_stream_cancel, METH_NOARGS,
      "cancel($self, /)\n--\n\nCancels calls that wait for the store, in any thread, and all later ones. After it "
      "only abort() is useful." },
    { "abort", writer_abort, METH_NOARGS,
      "abort($self, /)\n--\n\nGives up: nothing becomes visible. Fine after finish(), which it leaves alone." },
    { 0 },
};

static PyGetSetDef writer_getset[] = {
    { "closed", covepy_stream_closed, NULL, "Whether it was finished or aborted.", NULL },
    { "etag", writer_etag, NULL, "The new file's ETag after finish(); None: not known.", NULL },
    { "version_id", writer_version_id, NULL,
      "The ID of the version that finish() made; None: the store keeps none, or does not tell.", NULL },
    { 0 },
};

static PyType_Slot writer_slots[] = {
    { Py_tp_doc,
      COVEPY_DOC(
          "Writer(fs, path, condition=None, etag=None, expected_size=-1, content_type=None, metadata=None, "
          "first_part=0, *, "
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
