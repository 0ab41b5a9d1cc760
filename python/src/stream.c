/*
 * What Reader, Writer and Appender have in common: the library's object, a token that ends its waits for good, and
 * turns for threads.
 */
#include "covepy.h"

struct covepy_stream *covepy_stream_new(PyTypeObject *type, const struct covepy_kind *kind, struct covepy_call *c,
                                        int64_t timeout_ms)
{
    struct covepy_stream *self = (struct covepy_stream *)PyType_GenericAlloc(type, 0);

    if (self && covepy_lock_init(&self->lock) < 0)
        Py_CLEAR(self);
    if (!self)
        return NULL;
    self->kind = kind;
    self->cancel = cove_cancel_new();
    covepy_call_init_stream(c, self->cancel, 1); /* nothing can be lost by it yet */
    c->call.timeout_ms = timeout_ms;
    return self;
}

PyObject *covepy_stream_opened(struct covepy_stream *self, struct covepy_call *c, int rc)
{
    bool ok = covepy_call_ok(c, rc);

    covepy_call_done(c);
    if (!ok)
        Py_CLEAR(self);
    return (PyObject *)self;
}

int covepy_stream_begin_last(struct covepy_stream *self, struct covepy_call *c)
{
    if (covepy_lock_take(&self->lock, self->kind->name) < 0)
        return -1;
    if (!self->stream) {
        covepy_lock_give(&self->lock);
        return 0;
    }
    covepy_call_init_stream(c, self->cancel, self->kind->patience);
    return 1;
}

int covepy_stream_begin(struct covepy_stream *self, struct covepy_call *c)
{
    int begun = covepy_stream_begin_last(self, c);

    if (begun == 0)
        PyErr_SetString(PyExc_ValueError, self->kind->closed);
    return begun > 0 ? 0 : -1;
}

bool covepy_stream_end(struct covepy_stream *self, struct covepy_call *c, int64_t rc)
{
    bool ok;

    covepy_lock_give(&self->lock);
    ok = covepy_call_ok(c, rc);
    covepy_call_done(c);
    return ok;
}

PyObject *covepy_stream_close(PyObject *object, void (*release)(void *stream))
{
    struct covepy_stream *self = (struct covepy_stream *)object;
    void *stream;

    if (covepy_lock_take(&self->lock, self->kind->name) < 0)
        return NULL;
    stream = self->stream;
    self->stream = NULL;
    Py_BEGIN_ALLOW_THREADS;
    release(stream);
    Py_END_ALLOW_THREADS;
    covepy_lock_give(&self->lock);
    Py_RETURN_NONE;
}

void *covepy_stream_left(PyObject *object)
{
    struct covepy_stream *self = (struct covepy_stream *)object;

    return covepy_lock_orphaned(&self->lock) ? NULL : self->stream;
}

void covepy_stream_free(PyObject *object)
{
    struct covepy_stream *self = (struct covepy_stream *)object;

    cove_cancel_unref(self->cancel);
    covepy_lock_done(&self->lock);
    covepy_free_object(object);
}

void covepy_stream_dealloc(PyObject *object, void (*release)(void *stream))
{
    void *stream = covepy_stream_left(object);

    Py_BEGIN_ALLOW_THREADS;
    release(stream);
    Py_END_ALLOW_THREADS;
    covepy_stream_free(object);
}

PyObject *covepy_stream_cancel(PyObject *object, PyObject *unused)
{
    cove_cancel_fire(((struct covepy_stream *)object)->cancel);
    Py_RETURN_NONE;
}

PyObject *covepy_stream_closed(PyObject *object, void *closure)
{
    return PyBool_FromLong(!((struct covepy_stream *)object)->stream);
}
