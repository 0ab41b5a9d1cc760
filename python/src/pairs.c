/* {name: value}: metadata and tags. */
#include "covepy.h"

#include <stdlib.h>

static int hold(struct covepy_pairs *p, PyObject *value, const char **ret_text)
{
    struct covepy_path text = { 0 };

    if (!covepy_path(value, &text))
        return -1;
    p->held[p->n_held++] = text.held;
    *ret_text = text.text;
    return 0;
}

int covepy_pairs_parse(struct covepy_pairs *p, PyObject *dict)
{
    PyObject *name, *value;
    Py_ssize_t at = 0, n;

    *p = (struct covepy_pairs){ 0 };
    if (dict == Py_None)
        return 0;
    if (!PyDict_Check(dict)) {
        PyErr_SetString(PyExc_TypeError, "a dict is needed");
        return -1;
    }
    n = PyDict_Size(dict);
    p->pairs = calloc((size_t)n + 1, sizeof *p->pairs);
    p->held = calloc(2 * (size_t)n + 1, sizeof(PyObject *));
    if (!p->pairs || !p->held) {
        PyErr_NoMemory();
        goto fail;
    }
    while (PyDict_Next(dict, &at, &name, &value)) {
        struct cove_pair *pair = &p->pairs[p->n++];

        if (hold(p, name, &pair->name) < 0 || (value != Py_None && hold(p, value, &pair->value) < 0))
            goto fail;
    }
    return 0;
fail:
    covepy_pairs_done(p);
    return -1;
}

void covepy_pairs_done(struct covepy_pairs *p)
{
    for (size_t i = 0; i < p->n_held; i++)
        Py_DECREF(p->held[i]);
    free(p->held);
    free(p->pairs);
    *p = (struct covepy_pairs){ 0 };
}

int covepy_dict_set(PyObject *dict, const char *name, const char *value)
{
    PyObject *key = covepy_str(name), *text = covepy_str(value);
    int rc = key && text ? PyDict_SetItem(dict, key, text) : -1;

    Py_XDECREF(key);
    Py_XDECREF(text);
    return rc;
}
