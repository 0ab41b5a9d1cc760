/* From the library's errors to Python's exceptions: the subclass of OSError that errno means, with the library's
 * message. */
#include "covepy.h"

#include <errno.h>
#include <string.h>

static PyObject *precondition_failed, *corrupt_data, *invalid_argument;
static PyObject *unsupported; /* io.UnsupportedOperation */

static PyObject *add_class(PyObject *module, const char *name, const char *doc, PyObject *bases)
{
    PyObject *class = bases ? PyErr_NewExceptionWithDoc(name, doc, bases, NULL) : NULL;

    if (class && PyModule_AddObjectRef(module, strrchr(name, '.') + 1, class) < 0)
        Py_CLEAR(class);
    return class;
}

int covepy_errors_init(PyObject *module)
{
    PyObject *io = PyImport_ImportModule("io");
    PyObject *both = PyTuple_Pack(2, PyExc_OSError, PyExc_ValueError);

    unsupported = io ? PyObject_GetAttrString(io, "UnsupportedOperation") : NULL;
    precondition_failed =
        add_class(module, "cove.PreconditionFailed",
                  "The object changed meanwhile: what the call asked for does not hold any more.", PyExc_OSError);
    corrupt_data =
        add_class(module, "cove.CorruptData",
                  "Bytes do not match their checksum, or a file breaks the rules of its format.", PyExc_OSError);
    invalid_argument =
        add_class(module, "cove.InvalidArgument", "A URL, an option or an argument is not well-formed.", both);
    Py_XDECREF(io);
    Py_XDECREF(both);
    return unsupported && precondition_failed && corrupt_data && invalid_argument ? 0 : -1;
}

/* OSError's own constructor picks the subclass by errno; these are what it cannot know. */
static PyObject *class_of(int code)
{
    switch (code) {
    case COVE_ENETWORK:
        return PyExc_ConnectionError;
    case COVE_ENOTSUP:
        return unsupported;
    case COVE_EINVAL:
        return invalid_argument;
    case COVE_EPRECONDITION:
        return precondition_failed;
    case COVE_ECORRUPT:
        return corrupt_data;
    default:
        return PyExc_OSError;
    }
}

static int set_attribute(PyObject *object, const char *name, PyObject *value)
{
    int rc = value ? PyObject_SetAttrString(object, name, value) : -1;

    Py_XDECREF(value);
    return rc;
}

PyObject *covepy_exception(int64_t rc, const struct cove_error *err)
{
    int code = err->code ? err->code : (int)rc;
    bool by_system = err->os_errno && (code == COVE_EIO || code == COVE_ENETWORK); /* ECONNREFUSED, say */
    int errnum = by_system ? err->os_errno : cove_code_errno(code);
    const char *said = err->code ? err->message : cove_code_phrase(code);
    PyObject *text = PyUnicode_DecodeUTF8(said, (Py_ssize_t)strlen(said), "replace");
    PyObject *e = NULL;

    if (text && code == COVE_ENOMEM)
        e = PyObject_CallFunctionObjArgs(PyExc_MemoryError, text, NULL);
    else if (text)
        e = PyObject_CallFunction(class_of(code), "iO", errnum, text);
    if (e && (set_attribute(e, "code", PyUnicode_FromString(cove_code_name(code))) < 0 ||
              set_attribute(e, "http_status", PyLong_FromLong(err->http_status)) < 0 ||
              set_attribute(e, "store_code", covepy_str(err->store_code)) < 0 ||
              set_attribute(e, "retryable", PyBool_FromLong(err->retryable)) < 0))
        Py_CLEAR(e);
    Py_XDECREF(text);
    return e;
}

PyObject *covepy_raise(int64_t rc, const struct cove_error *err)
{
    PyObject *e = covepy_exception(rc, err);

    if (e)
        PyErr_SetObject((PyObject *)Py_TYPE(e), e);
    Py_XDECREF(e);
    return NULL;
}
