/* Between Python's values and the library's: paths, times, bytes. */
#include "covepy.h"

#include <math.h>
#include <string.h>

#define LARGE_COPY ((size_t)1 << 20) /* from this size on other threads may run while bytes are copied */

/* Paths are bytes. Names of a listing that are not UTF-8 pass through Python unchanged: surrogateescape, as
 * os.fsencode does it, but in every locale. */
int covepy_path(PyObject *value, void *ret_path)
{
    struct covepy_path *ret = ret_path;
    PyObject *bytes = NULL;

    if (!value) { /* a later argument was refused */
        Py_CLEAR(ret->held);
        return 1;
    }
    if (PyBytes_Check(value)) {
        Py_INCREF(value);
        bytes = value;
    } else if (PyUnicode_Check(value)) {
        bytes = PyUnicode_AsEncodedString(value, "utf-8", "surrogateescape");
    } else {
        PyErr_SetString(PyExc_TypeError, "a path is str or bytes");
    }
    if (!bytes)
        return 0;
    if (memchr(PyBytes_AsString(bytes), 0, (size_t)PyBytes_Size(bytes))) {
        PyErr_SetString(PyExc_ValueError, "embedded null byte in a path");
        Py_DECREF(bytes);
        return 0;
    }
    ret->held = bytes;
    ret->text = PyBytes_AsString(bytes);
    return Py_CLEANUP_SUPPORTED;
}

int covepy_path_or_none(PyObject *value, void *ret_path)
{
    return value == Py_None ? Py_CLEANUP_SUPPORTED : covepy_path(value, ret_path);
}

int covepy_timeout(PyObject *value, void *ret_ms)
{
    double seconds;

    if (value == Py_None) {
        *(int64_t *)ret_ms = 0;
        return 1;
    }
    seconds = PyFloat_AsDouble(value);
    if (seconds == -1.0 && PyErr_Occurred())
        return 0;
    if (!(seconds > 0)) {
        PyErr_SetString(PyExc_ValueError, "a timeout is more than 0 seconds, or None");
        return 0;
    }
    *(int64_t *)ret_ms = seconds > 1e12 ? -1 : (int64_t)ceil(seconds * 1000);
    return 1;
}

PyObject *covepy_str(const char *text)
{
    return PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "surrogateescape");
}

PyObject *covepy_str_or_none(const char *text)
{
    if (!text)
        Py_RETURN_NONE;
    return covepy_str(text);
}

PyObject *covepy_bytes_new(uint64_t size, char **ret_data)
{
    PyObject *bytes = size > PY_SSIZE_T_MAX ? PyErr_NoMemory() : PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);

    if (bytes)
        *ret_data = PyBytes_AsString(bytes);
    return bytes;
}

PyObject *covepy_bytes_copy(const void *data, size_t size)
{
    char *to = NULL;
    PyObject *bytes = covepy_bytes_new(size, &to);

    if (bytes && size >= LARGE_COPY) {
        Py_BEGIN_ALLOW_THREADS;
        memcpy(to, data, size);
        Py_END_ALLOW_THREADS;
    } else if (bytes && size > 0) {
        memcpy(to, data, size);
    }
    return bytes;
}

/* The stable ABI cannot cut a bytes object. It takes a copy then, of what was asked for past the end of a file. */
PyObject *covepy_bytes_shorten(PyObject *bytes, int64_t count)
{
    PyObject *shorter;

    if (PyBytes_Size(bytes) == count)
        return bytes;
    shorter = covepy_bytes_copy(PyBytes_AsString(bytes), (size_t)count);
    Py_DECREF(bytes);
    return shorter;
}

PyObject *covepy_list_add(PyObject *list, PyObject *value)
{
    if (list && (!value || PyList_Append(list, value) < 0))
        Py_CLEAR(list);
    Py_XDECREF(value);
    return list;
}
