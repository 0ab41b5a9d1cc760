/* Filesystem: whole files out, from the caller's own memory. */
#include "covepy.h"

#include <stdlib.h>

/* The writer is freed here, without the GIL: after a failed write that sends the abort of an upload. */
static int write_by_writer(struct covepy_call *c, cove_fs *fs, const char *path, const Py_buffer *buffer,
                           const struct cove_writer_options *o, char **ret_etag, char **ret_version_id)
{
    cove_writer *writer = NULL;
    int rc = cove_writer_open(fs, path, o, &c->call, &writer, &c->err);

    if (rc == 0)
        rc = cove_writer_write(writer, buffer->buf, (size_t)buffer->len, &c->err);
    if (rc == 0)
        return covepy_writer_end(writer, ret_etag, ret_version_id, &c->err);
    cove_writer_free(writer);
    return rc;
}

PyObject *covepy_fs_write_file(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const keywords[] = { "path",         "buffer",   "condition", "etag",
                                            "content_type", "metadata", "timeout",   NULL };
    struct cove_writer_options o = COVE_WRITER_OPTIONS_INIT;
    struct covepy_write w = { .metadata = Py_None };
    struct covepy_call c;
    struct covepy_path path = { 0 };
    PyObject *result = NULL;
    Py_buffer buffer = { 0 };
    char *etag = NULL, *version_id = NULL;
    int64_t timeout_ms = 0;
    int rc;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&y*|zO&O&O$O&", (char **)keywords, covepy_path, &path, &buffer,
                                     &w.condition, covepy_path_or_none, &w.etag, covepy_path_or_none, &w.content_type,
                                     &w.metadata, covepy_timeout, &timeout_ms))
        return NULL;
    if (covepy_write_options(&w, buffer.len, &o) == 0) {
        covepy_call_init(&c, timeout_ms);
        COVEPY_WAIT(
            &c, rc = write_by_writer(&c, ((struct covepy_fs *)self)->fs, path.text, &buffer, &o, &etag, &version_id));
        if (covepy_call_ok(&c, rc))
            result = Py_BuildValue("(NN)", covepy_str_or_none(etag), covepy_str_or_none(version_id));
        covepy_call_done(&c);
        free(etag);
        free(version_id);
    }
    covepy_write_done(&w);
    PyBuffer_Release(&buffer);
    Py_DECREF(path.held);
    return result;
}

PyObject *covepy_fs_append(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const keywords[] = { "path", "buffer", "timeout", NULL };
    struct covepy_call c;
    struct covepy_path path = { 0 };
    PyObject *result = NULL;
    Py_buffer buffer = { 0 };
    int64_t timeout_ms = 0;
    int rc;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&y*|$O&", (char **)keywords, covepy_path, &path, &buffer,
                                     covepy_timeout, &timeout_ms))
        return NULL;
    covepy_call_init(&c, timeout_ms);
    COVEPY_WAIT(&c, rc = cove_fs_append(((struct covepy_fs *)self)->fs, path.text, buffer.buf, (size_t)buffer.len,
                                        &c.call, &c.err));
    if (covepy_call_ok(&c, rc))
        result = Py_NewRef(Py_None);
    covepy_call_done(&c);
    PyBuffer_Release(&buffer);
    Py_DECREF(path.held);
    return result;
}
