/* Types that are made at run time, as the stable ABI has them, and the one of them that all others take: Filesystem. */
#include "covepy.h"

PyTypeObject *covepy_add_type(PyObject *module, PyType_Spec *spec)
{
    PyObject *type = PyType_FromSpec(spec);

    if (!type)
        return NULL;
    if (PyModule_AddType(module, (PyTypeObject *)type) < 0)
        Py_CLEAR(type);
    return (PyTypeObject *)type;
}

void covepy_free_object(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

    release(self);
    Py_DECREF(type);
}

PyTypeObject *covepy_fs_type;

int covepy_fs(PyObject *value, void *ret_fs)
{
    if (!PyObject_TypeCheck(value, covepy_fs_type)) {
        PyErr_SetString(PyExc_TypeError, "a cove Filesystem is needed");
        return 0;
    }
    *(struct covepy_fs **)ret_fs = (struct covepy_fs *)value;
    return 1;
}
