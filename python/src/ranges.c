/* [(offset, length), …]: many ranges of one file. */
#include "covepy.h"

#include <stdlib.h>

static int parse_one(struct covepy_ranges *r, size_t i, PyObject *item)
{
    PyObject *pair = PySequence_Tuple(item);
    long long offset = 0, length = 0;
    char *to = NULL;
    int ok = pair && PyArg_ParseTuple(pair, "LL;a range is (offset, length)", &offset, &length);

    Py_XDECREF(pair);
    if (!ok)
        return -1;
    if (length < 0) {
        PyErr_SetString(PyExc_ValueError, "a range's length is 0 or more");
        return -1;
    }
    r->bytes[i] = covepy_bytes_new((uint64_t)length, &to);
    if (!r->bytes[i])
        return -1;
    r->ranges[i].offset = offset;
    r->ranges[i].length = (size_t)length;
    r->ranges[i].buffer = to;
    return 0;
}

int covepy_ranges_parse(struct covepy_ranges *r, PyObject *value)
{
    PyObject *items = PySequence_Tuple(value);

    *r = (struct covepy_ranges){ 0 };
    if (!items)
        return -1;
    r->n = (size_t)PyTuple_Size(items);
    r->ranges = calloc(r->n + 1, sizeof *r->ranges);
    r->bytes = calloc(r->n + 1, sizeof(PyObject *));
    if (!r->ranges || !r->bytes) {
        PyErr_NoMemory();
        goto fail;
    }
    for (size_t i = 0; i < r->n; i++) {
        if (parse_one(r, i, PyTuple_GetItem(items, (Py_ssize_t)i)) < 0)
            goto fail;
    }
    Py_DECREF(items);
    return 0;
fail:
    Py_DECREF(items);
    covepy_ranges_done(r);
    return -1;
}

PyObject *covepy_ranges_list(struct covepy_ranges *r)
{
    PyObject *list = PyList_New(0);

    for (size_t i = 0; list && i < r->n; i++) {
        PyObject *bytes = covepy_bytes_shorten(r->bytes[i], r->ranges[i].done);

        r->bytes[i] = NULL;
        list = covepy_list_add(list, bytes);
    }
    return list;
}

void covepy_ranges_done(struct covepy_ranges *r)
{
    for (size_t i = 0; r->bytes && i < r->n; i++)
        Py_XDECREF(r->bytes[i]);
    free(r->bytes);
    free(r->ranges);
    *r = (struct covepy_ranges){ 0 };
}
