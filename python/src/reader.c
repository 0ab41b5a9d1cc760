/* Reader: a position in one version of a file, with what comes next fetched ahead. */
#include "covepy.h"

#include <string.h>

static const struct covepy_kind kind = { "Reader", "I/O operation on a closed Reader", 1 };

/* ---- life ---- */

static PyObject *reader_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static const char *const keywords[] = { "fs", "path", "timeout", NULL };
    struct covepy_stream *self;
    struct covepy_fs *fs = NULL;
    struct covepy_call c;
    struct covepy_path path = { 0 };
    int64_t timeout_ms = 0;
    PyObject *result = NULL;
    cove_reader *reader = NULL;
    int rc;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&O&|$O&", (char **)keywords, covepy_fs, &fs, covepy_path, &path,
                                     covepy_timeout, &timeout_ms))
        return NULL;
    self = covepy_stream_new(type, &kind, &c, timeout_ms);
    if (self) {
        COVEPY_WAIT(&c, rc = cove_reader_open(fs->fs, path.text, &c.call, &reader, &c.err));
        self->stream = reader;
        result = covepy_stream_opened(self, &c, rc);
    }
    Py_DECREF(path.held);
    return result;
}

static void release(void *stream)
{
    cove_reader_close(stream);
}

static void reader_dealloc(PyObject *object)
{
    covepy_stream_dealloc(object, release);
}

static PyObject *reader_close(PyObject *object, PyObject *unused)
{
    return covepy_stream_close(object, release);
}

/* ---- reading ---- */

static PyObject *reader_read(PyObject *object, PyObject *args)
{
    struct covepy_stream *self = (struct covepy_stream *)object;
    struct covepy_call c;
    PyObject *bytes = NULL;
    Py_ssize_t wanted = -1;
    char *to = NULL;
    int64_t left, n;

    if (!PyArg_ParseTuple(args, "|n", &wanted) || covepy_stream_begin(self, &c) < 0)
        return NULL;
    left = cove_reader_size(self->stream) - cove_reader_tell(self->stream);
    if (left < 0)
        left = 0;
    if (wanted >= 0 && wanted < left)
        left = wanted;
    bytes = covepy_bytes_new((uint64_t)left, &to);
    if (!bytes) {
        covepy_lock_give(&self->lock);
        return NULL;
    }
    COVEPY_WAIT(&c, n = cove_reader_read(self->stream, to, (size_t)left, &c.err));
    if (!covepy_stream_end(self, &c, n))
        Py_CLEAR(bytes);
    return bytes ? covepy_bytes_shorten(bytes, n) : NULL;
}

static PyObject *reader_readinto(PyObject *object, PyObject *args)
{
    struct covepy_stream *self = (struct covepy_stream *)object;
    struct covepy_call c;
    PyObject *result = NULL;
    Py_buffer buffer;
    int64_t n;

    if (!PyArg_ParseTuple(args, "w*", &buffer))
        return NULL;
    if (covepy_stream_begin(self, &c) == 0) {
        COVEPY_WAIT(&c, n = cove_reader_read(self->stream, buffer.buf, (size_t)buffer.len, &c.err));
        if (covepy_stream_end(self, &c, n))
            result = PyLong_FromLongLong(n);
    }
    PyBuffer_Release(&buffer);
    return result;
}

static PyObject *reader_read_at(PyObject *object, PyObject *args)
{
    struct covepy_stream *self = (struct covepy_stream *)object;
    struct covepy_call c;
    PyObject *bytes;
    long long offset, length;
    char *to = NULL;
    int64_t left, n;

    if (!PyArg_ParseTuple(args, "LL", &offset, &length) || covepy_stream_begin(self, &c) < 0)
        return NULL;
    left = cove_reader_size(self->stream) - (offset > 0 ? offset : 0);
    if (left < 0)
        left = 0;
    if (length < 0 || length > left)
        length = left;
    bytes = covepy_bytes_new((uint64_t)length, &to);
    if (!bytes) {
        covepy_lock_give(&self->lock);
        return NULL;
    }
    COVEPY_WAIT(&c, n = cove_reader_read_at(self->stream, offset, to, (size_t)length, &c.err));
    if (!covepy_stream_end(self, &c, n))
        Py_CLEAR(bytes);
    return bytes ? covepy_bytes_shorten(bytes, n) : NULL;
}

static PyObject *reader_read_ranges(PyObject *object, PyObject *args)
{
    struct covepy_stream *self = (struct covepy_stream *)object;
    struct covepy_ranges r;
    struct covepy_call c;
    PyObject *wanted, *list = NULL;
    int rc;

    if (!PyArg_ParseTuple(args, "O", &wanted) || covepy_ranges_parse(&r, wanted) < 0)
        return NULL;
    if (covepy_stream_begin(self, &c) == 0) {
        COVEPY_WAIT(&c, rc = cove_reader_read_ranges(self->stream, r.ranges, r.n, &c.err));
        if (covepy_stream_end(self, &c, rc))
            list = covepy_ranges_list(&r);
    }
    covepy_ranges_done(&r);
    return list;
}

static PyObject *reader_reopen(PyObject *object, PyObject *unused)
{
    struct covepy_stream *self = (struct covepy_stream *)object;
    struct covepy_call c;
    cove_reader *reader;
    int rc;

    if (covepy_stream_begin(self, &c) < 0)
        return NULL;
    reader = self->stream;
    COVEPY_WAIT(&c, rc = cove_reader_reopen(&reader, &c.err));
    self->stream = reader;
    return covepy_stream_end(self, &c, rc) ? Py_NewRef(Py_None) : NULL;
}

/* ---- position ---- */

static PyObject *reader_seek(PyObject *object, PyObject *args)
{
    struct covepy_stream *self = (struct covepy_stream *)object;
    struct covepy_call c;
    long long offset;
    int rc;

    if (!PyArg_ParseTuple(args, "L", &offset) || covepy_stream_begin(self, &c) < 0)
        return NULL;
    rc = cove_reader_seek(self->stream, offset, &c.err);
    return covepy_stream_end(self, &c, rc) ? PyLong_FromLongLong(offset) : NULL;
}

static PyObject *reader_tell(PyObject *object, PyObject *unused)
{
    struct covepy_stream *self = (struct covepy_stream *)object;
    struct covepy_call c;
    int64_t at;

    if (covepy_stream_begin(self, &c) < 0)
        return NULL;
    at = cove_reader_tell(self->stream);
    return covepy_stream_end(self, &c, 0) ? PyLong_FromLongLong(at) : NULL;
}

static PyObject *reader_size(PyObject *object, void *closure)
{
    struct covepy_stream *self = (struct covepy_stream *)object;
    struct covepy_call c;
    int64_t size;

    if (covepy_stream_begin(self, &c) < 0)
        return NULL;
    size = cove_reader_size(self->stream);
    return covepy_stream_end(self, &c, 0) ? PyLong_FromLongLong(size) : NULL;
}

/* ---- the type ---- */

static PyMethodDef reader_methods[] = {
    { "read", reader_read, METH_VARARGS,
      "read($self, n=-1, /)\n--\n\nUp to n bytes from the position on, fewer only at the end; -1: all that is left." },
    { "readinto", reader_readinto, METH_VARARGS,
      "readinto($self, buffer, /)\n--\n\nFills a writable buffer from the position on: how many bytes came, 0 at the "
      "end." },
    { "read_at", reader_read_at, METH_VARARGS,
      "read_at($self, offset, length, /)\n--\n\nUp to length bytes at offset (-1: to the end), without moving the "
      "position." },
    { "read_ranges", reader_read_ranges, METH_VARARGS,
      "read_ranges($self, ranges, /)\n--\n\nMany ranges [(offset, length), ...] at once: a list of bytes." },
    { "reopen", reader_reopen, METH_NOARGS,
      "reopen($self, /)\n--\n\nAfter PreconditionFailed, for a caller that has passed on none of the old bytes: moves "
      "to "
      "the first byte of the current version. PreconditionFailed: it was reopened 10 times already." },
    { "seek", reader_seek, METH_VARARGS, "seek($self, offset, /)\n--\n\nMoves the position, counted from the start." },
    { "tell", reader_tell, METH_NOARGS, "tell($self, /)\n--\n\nThe position." },
    { "close", reader_close, METH_NOARGS, "close($self, /)\n--\n\nEnds it; closing twice is fine." },
    { 0 },
};

/* A text that the reader has, or None. */
static PyObject *text_of(PyObject *object, const char *(*text)(const cove_reader *reader))
{
    struct covepy_stream *self = (struct covepy_stream *)object;
    struct covepy_call c;
    PyObject *result;

    if (covepy_stream_begin(self, &c) < 0)
        return NULL;
    result = covepy_str_or_none(text(self->stream));
    if (!covepy_stream_end(self, &c, 0))
        Py_CLEAR(result);
    return result;
}

static PyObject *reader_etag(PyObject *object, void *closure)
{
    return text_of(object, cove_reader_etag);
}

static PyObject *reader_version_id(PyObject *object, void *closure)
{
    return text_of(object, cove_reader_version_id);
}

static PyGetSetDef reader_getset[] = {
    { "size", reader_size, NULL, "Bytes of the file as it was opened.", NULL },
    { "etag", reader_etag, NULL, "The ETag of the version that is read; None: the store reports none.", NULL },
    { "version_id", reader_version_id, NULL, "The ID of the version that is read; None: the store reports none.",
      NULL },
    { "closed", covepy_stream_closed, NULL, "Whether it was closed.", NULL },
    { 0 },
};

static PyType_Slot reader_slots[] = {
    { Py_tp_doc,
      COVEPY_DOC(
          "Reader(fs, path, *, timeout=None)\n--\n\nOpens a file for reading. All bytes are of one version of it: "
          "if it is replaced meanwhile, PreconditionFailed is raised. Threads take turns; a forked child may "
          "read on. A Ctrl-C during a call ends it for good.") },
    { Py_tp_new, reader_new },
    { Py_tp_dealloc, reader_dealloc },
    { Py_tp_methods, reader_methods },
    { Py_tp_getset, reader_getset },
    { 0 },
};

static PyType_Spec reader_spec = { "cove._cove.Reader", sizeof(struct covepy_stream), 0, Py_TPFLAGS_DEFAULT,
                                   reader_slots };

int covepy_reader_init(PyObject *module)
{
    return covepy_add_type(module, &reader_spec) ? 0 : -1;
}
