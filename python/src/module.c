/* The module `cove._cove`: the library for Python, as directly as it goes. The package around it is in Python. */
#include "covepy.h"

static PyObject *known_implementations(PyObject *module, PyObject *unused)
{
    PyObject *list = PyList_New(0);
    struct cove_scheme row;

    for (size_t i = 0; list && cove_scheme_at(i, &row) == 0; i++)
        list = covepy_list_add(
            list, Py_BuildValue("(sssN)", row.scheme, row.backend, row.description, PyBool_FromLong(row.available)));
    return list;
}

static PyObject *option_help(PyObject *module, PyObject *args)
{
    struct cove_option_help row;
    const char *scheme;
    PyObject *list;

    if (!PyArg_ParseTuple(args, "s", &scheme))
        return NULL;
    list = PyList_New(0);
    for (size_t i = 0; list && cove_options_describe(scheme, i, &row) == 0; i++)
        list = covepy_list_add(list, Py_BuildValue("{s:s,s:s,s:z,s:z,s:s,s:z,s:z,s:L,s:L}", "name", row.name, "type",
                                                   row.type, "default", row.fallback, "environment", row.environment,
                                                   "help", row.help, "choices", row.choices, "alias_of", row.alias_of,
                                                   "min", (long long)row.min, "max", (long long)row.max));
    return list;
}

static PyMethodDef functions[] = {
    { "known_implementations", known_implementations, METH_NOARGS,
      "known_implementations($module, /)\n--\n\nThe schemes that the library knows: [(scheme, backend, description, "
      "available), ...]." },
    { "option_help", option_help, METH_VARARGS,
      "option_help($module, scheme, /)\n--\n\nThe options of a scheme, a dict each." },
    { "set_log", covepy_set_log, METH_VARARGS,
      "set_log($module, level, /)\n--\n\nHands the library's log lines up to a level (0 errors, 1 warnings, the "
      "default, 2 info, 3 debug; -1 none) to the loggers 'cove.SUBJECT': those of 'cove.wait' at once, the others at "
      "the end of the next call." },
    { "block_sums", covepy_block_sums, METH_VARARGS,
      "block_sums($module, key, data, /)\n--\n\nA sum of 16 bytes for each block of 1024 bytes (the last one filled up "
      "with zeros), to compare large contents. key: 1024 random bytes." },
    { 0 },
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "cove._cove",
    .m_doc = "libcove for Python: filesystems, readers, writers, appenders and completion queues. Calls that may wait "
             "release the GIL and can be interrupted by Ctrl-C in the main thread.",
    .m_size = -1, /* the library is the process's, so there is one of these */
    .m_methods = functions,
};

PyMODINIT_FUNC PyInit__cove(void);

PyMODINIT_FUNC PyInit__cove(void)
{
    PyObject *module = PyModule_Create(&definition);

    if (module && (covepy_errors_init(module) < 0 || covepy_call_setup() < 0 || covepy_log_setup() < 0 ||
                   covepy_fs_init(module) < 0 || covepy_reader_init(module) < 0 || covepy_writer_init(module) < 0 ||
                   covepy_appender_init(module) < 0 || covepy_queue_init(module) < 0 ||
                   PyModule_AddStringConstant(module, "__version__", cove_version()) < 0))
        Py_CLEAR(module);
    return module;
}
