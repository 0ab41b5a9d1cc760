/* Filesystem: the bytes of files. What may be large goes from the library straight into the object that is returned. */
#include "covepy.h"

#include <stdio.h>
#include <string.h>

/* Up to this size a whole file comes by the library's own call, which needs one request where the file is small, and is
 * copied once. Beyond it, it is read by a reader, which knows the size before the bytes. */
#define LARGE ((size_t)8 << 20)
/* A caller that asks for more than this may mean "to the end": no memory is allocated before the size is known. */
#define SURE ((long long)64 << 20)

static PyObject *refuse_size(struct covepy_call *c, cove_fs *fs, const char *path, int64_t size, uint64_t max_bytes)
{
    char *url = NULL;

    cove_fs_url(fs, path, &url, NULL);
    c->err.code = COVE_ELIMIT;
    snprintf(c->err.message, sizeof c->err.message, "read %s: has %lld bytes, more than the %llu that were allowed",
             url ? url : path, (long long)size, (unsigned long long)max_bytes);
    cove_free(url);
    return covepy_raise(COVE_ELIMIT, &c->err);
}

/* `length` bytes (negative: to the end) at `offset` (negative: from the end), of a file of at most `max_bytes` (0: any
 * number). A read from the start to the end is also checked against the store's checksum. Where the file is replaced
 * meanwhile, *reader becomes one of the new version, and the read restarts. */
static PyObject *read_part(struct covepy_call *c, cove_fs *fs, const char *path, cove_reader **reader, int64_t offset,
                           int64_t length, uint64_t max_bytes)
{
    for (;;) {
        int64_t size = cove_reader_size(*reader), n;
        int64_t from = offset < 0 ? (size + offset < 0 ? 0 : size + offset) : offset > size ? size : offset;
        int64_t wanted = length < 0 || length > size - from ? size - from : length;
        char *to = NULL;
        PyObject *bytes = NULL;

        if (max_bytes && (uint64_t)size > max_bytes)
            return refuse_size(c, fs, path, size, max_bytes);
        bytes = covepy_bytes_new((uint64_t)wanted, &to);
        if (!bytes)
            return NULL;
        if (from == 0)
            COVEPY_WAIT(c, n = cove_reader_read(*reader, to, (size_t)wanted, &c->err));
        else
            COVEPY_WAIT(c, n = cove_reader_read_at(*reader, from, to, (size_t)wanted, &c->err));
        if (n >= 0 && covepy_call_ok(c, n))
            return covepy_bytes_shorten(bytes, n);
        Py_DECREF(bytes);
        if (n >= 0)
            return NULL;
        if (n == COVE_EPRECONDITION && !c->interrupted)
            COVEPY_WAIT(c, n = cove_reader_reopen(reader, &c->err));
        if (n < 0) {
            covepy_call_ok(c, n);
            return NULL;
        }
    }
}

static void close_reader(cove_reader *reader)
{
    Py_BEGIN_ALLOW_THREADS;
    cove_reader_close(reader);
    Py_END_ALLOW_THREADS;
}

PyObject *covepy_read_large(struct covepy_call *c, cove_fs *fs, const char *path, cove_reader *reader,
                            uint64_t max_bytes)
{
    PyObject *bytes = read_part(c, fs, path, &reader, 0, -1, max_bytes);

    close_reader(reader);
    return bytes;
}

PyObject *covepy_fs_read_file(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const keywords[] = { "path", "max_bytes", "timeout", NULL };
    cove_fs *fs = ((struct covepy_fs *)self)->fs;
    struct covepy_call c;
    struct covepy_path path = { 0 };
    PyObject *bytes = NULL;
    Py_ssize_t max_bytes = 0;
    int64_t timeout_ms = 0;
    cove_reader *reader = NULL;
    void *data = NULL;
    size_t size = 0;
    int rc;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&|n$O&", (char **)keywords, covepy_path, &path, &max_bytes,
                                     covepy_timeout, &timeout_ms))
        return NULL;
    if (max_bytes < 0)
        max_bytes = 0;
    covepy_call_init(&c, timeout_ms);
    COVEPY_WAIT(
        &c, rc = cove_fs_read_or_open(fs, path.text, LARGE, (size_t)max_bytes, &data, &size, &reader, &c.call, &c.err));
    if (!covepy_call_ok(&c, rc))
        close_reader(reader);
    else if (reader)
        bytes = covepy_read_large(&c, fs, path.text, reader, (uint64_t)max_bytes);
    else
        bytes = covepy_bytes_copy(data, size);
    cove_free(data);
    covepy_call_done(&c);
    Py_DECREF(path.held);
    return bytes;
}

/* Where the file's size has to be known before there is memory for its bytes. */
static PyObject *read_range_by_reader(struct covepy_call *c, cove_fs *fs, const char *path, int64_t offset,
                                      int64_t length)
{
    cove_reader *reader = NULL;
    PyObject *bytes;
    int rc;

    COVEPY_WAIT(c, rc = cove_reader_open(fs, path, &c->call, &reader, &c->err));
    if (!covepy_call_ok(c, rc))
        return NULL;
    bytes = read_part(c, fs, path, &reader, offset, length, 0);
    close_reader(reader);
    return bytes;
}

PyObject *covepy_fs_read_range(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const keywords[] = { "path", "offset", "length", "timeout", NULL };
    cove_fs *fs = ((struct covepy_fs *)self)->fs;
    struct covepy_call c;
    struct covepy_path path = { 0 };
    PyObject *bytes = NULL;
    long long offset = 0, length = 0;
    char *to = NULL;
    int64_t timeout_ms = 0, n;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&LL|$O&", (char **)keywords, covepy_path, &path, &offset, &length,
                                     covepy_timeout, &timeout_ms))
        return NULL;
    covepy_call_init(&c, timeout_ms);
    if (length < 0 || length > SURE) {
        bytes = read_range_by_reader(&c, fs, path.text, offset, length);
    } else if ((bytes = covepy_bytes_new((uint64_t)length, &to))) {
        COVEPY_WAIT(&c, n = cove_fs_read_range(fs, path.text, offset, to, (size_t)length, &c.call, &c.err));
        if (covepy_call_ok(&c, n))
            bytes = covepy_bytes_shorten(bytes, n);
        else
            Py_CLEAR(bytes);
    }
    covepy_call_done(&c);
    Py_DECREF(path.held);
    return bytes;
}

PyObject *covepy_fs_read_into(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const keywords[] = { "path", "offset", "buffer", "timeout", NULL };
    struct covepy_call c;
    struct covepy_path path = { 0 };
    PyObject *result = NULL;
    Py_buffer buffer = { 0 };
    long long offset = 0;
    int64_t timeout_ms = 0, n;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&Lw*|$O&", (char **)keywords, covepy_path, &path, &offset, &buffer,
                                     covepy_timeout, &timeout_ms))
        return NULL;
    covepy_call_init(&c, timeout_ms);
    COVEPY_WAIT(&c, n = cove_fs_read_range(((struct covepy_fs *)self)->fs, path.text, offset, buffer.buf,
                                           (size_t)buffer.len, &c.call, &c.err));
    if (covepy_call_ok(&c, n))
        result = PyLong_FromLongLong(n);
    covepy_call_done(&c);
    PyBuffer_Release(&buffer);
    Py_DECREF(path.held);
    return result;
}

PyObject *covepy_fs_read_ranges(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const keywords[] = { "path", "ranges", "timeout", NULL };
    struct covepy_ranges r;
    struct covepy_call c;
    struct covepy_path path = { 0 };
    PyObject *wanted = NULL, *list = NULL;
    int64_t timeout_ms = 0;
    int rc;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&O|$O&", (char **)keywords, covepy_path, &path, &wanted,
                                     covepy_timeout, &timeout_ms))
        return NULL;
    if (covepy_ranges_parse(&r, wanted) == 0) {
        covepy_call_init(&c, timeout_ms);
        COVEPY_WAIT(
            &c, rc = cove_fs_read_ranges(((struct covepy_fs *)self)->fs, path.text, r.ranges, r.n, &c.call, &c.err));
        if (covepy_call_ok(&c, rc))
            list = covepy_ranges_list(&r);
        covepy_call_done(&c);
        covepy_ranges_done(&r);
    }
    Py_DECREF(path.held);
    return list;
}
