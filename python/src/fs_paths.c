/* Filesystem: what a store has at a path or below it, and changes of it. */
#include "covepy.h"

/* ---- one path ---- */

typedef int (*path_fn)(cove_fs *fs, const char *path, const struct cove_call *call, struct cove_error *err);

/* A call that takes a path and gives a number: its result, or -1 with an exception set. */
static int call_path(PyObject *self, PyObject *args, PyObject *kwargs, path_fn fn)
{
    struct covepy_path_call p;
    int rc;

    if (!covepy_path_call_init(&p, self, args, kwargs, "path"))
        return -1;
    COVEPY_WAIT(&p.c, rc = fn(p.fs, p.path.text, &p.c.call, &p.c.err));
    if (!covepy_call_ok(&p.c, rc))
        rc = -1;
    covepy_path_call_done(&p);
    return rc;
}

static PyObject *none_or_null(int rc)
{
    if (rc < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *bool_or_null(int rc)
{
    return rc < 0 ? NULL : PyBool_FromLong(rc);
}

PyObject *covepy_fs_exists(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return bool_or_null(call_path(self, args, kwargs, cove_fs_exists));
}

PyObject *covepy_fs_is_file(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return bool_or_null(call_path(self, args, kwargs, cove_fs_is_file));
}

PyObject *covepy_fs_is_directory(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return bool_or_null(call_path(self, args, kwargs, cove_fs_is_directory));
}

PyObject *covepy_fs_has_directories(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return bool_or_null(call_path(self, args, kwargs, cove_fs_has_directories));
}

PyObject *covepy_fs_remove(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return none_or_null(call_path(self, args, kwargs, cove_fs_remove));
}

PyObject *covepy_fs_remove_tree(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return none_or_null(call_path(self, args, kwargs, cove_fs_remove_tree));
}

PyObject *covepy_fs_mkdir(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return none_or_null(call_path(self, args, kwargs, cove_fs_mkdir));
}

PyObject *covepy_fs_told(PyObject *self, PyObject *args, PyObject *kwargs, PyObject *(*value)(const cove_info *info))
{
    struct covepy_path_call p;
    PyObject *result = NULL;
    cove_info *info = NULL;
    int rc;

    if (!covepy_path_call_init(&p, self, args, kwargs, "path"))
        return NULL;
    COVEPY_WAIT(&p.c, rc = cove_fs_stat(p.fs, p.path.text, &p.c.call, &info, &p.c.err));
    if (covepy_call_ok(&p.c, rc))
        result = value(info);
    cove_info_free(info);
    covepy_path_call_done(&p);
    return result;
}

PyObject *covepy_fs_stat(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return covepy_fs_told(self, args, kwargs, covepy_info);
}

/* ---- listings ---- */

typedef int (*listing_fn)(cove_fs *fs, const char *path, const struct cove_call *call, cove_listing **ret_listing,
                          struct cove_error *err);

static PyObject *call_listing(PyObject *self, PyObject *args, PyObject *kwargs, const char *name, listing_fn fn)
{
    struct covepy_path_call p;
    PyObject *list = NULL;
    cove_listing *listing = NULL;
    int rc;

    if (!covepy_path_call_init(&p, self, args, kwargs, name))
        return NULL;
    COVEPY_WAIT(&p.c, rc = fn(p.fs, p.path.text, &p.c.call, &listing, &p.c.err));
    if (covepy_call_ok(&p.c, rc))
        list = covepy_infos(&p.c, listing, fn == cove_fs_versions || fn == cove_fs_find_versions);
    covepy_path_call_done(&p);
    return list;
}

PyObject *covepy_fs_list(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return call_listing(self, args, kwargs, "path", cove_fs_list);
}

PyObject *covepy_fs_find(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return call_listing(self, args, kwargs, "path", cove_fs_find);
}

PyObject *covepy_fs_walk(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return call_listing(self, args, kwargs, "path", cove_fs_walk);
}

PyObject *covepy_fs_glob(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return call_listing(self, args, kwargs, "pattern", cove_fs_glob);
}

PyObject *covepy_fs_versions(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return call_listing(self, args, kwargs, "path", cove_fs_versions);
}

PyObject *covepy_fs_find_versions(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return call_listing(self, args, kwargs, "path", cove_fs_find_versions);
}

/* ---- two paths ---- */

typedef int (*paths_fn)(cove_fs *fs, const char *from, const char *to, const struct cove_call *call,
                        struct cove_error *err);

static PyObject *call_paths(PyObject *self, PyObject *args, PyObject *kwargs, paths_fn fn)
{
    static const char *const keywords[] = { "source", "target", "timeout", NULL };
    struct covepy_call c;
    struct covepy_path from = { 0 }, to = { 0 };
    int64_t timeout_ms = 0;
    int rc;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&O&|$O&", (char **)keywords, covepy_path, &from, covepy_path, &to,
                                     covepy_timeout, &timeout_ms))
        return NULL;
    covepy_call_init(&c, timeout_ms);
    COVEPY_WAIT(&c, rc = fn(((struct covepy_fs *)self)->fs, from.text, to.text, &c.call, &c.err));
    if (!covepy_call_ok(&c, rc))
        rc = -1;
    covepy_call_done(&c);
    Py_DECREF(from.held);
    Py_DECREF(to.held);
    return none_or_null(rc);
}

PyObject *covepy_fs_copy(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const keywords[] = { "source", "target", "etag", "timeout", NULL };
    struct covepy_call c;
    struct covepy_path from = { 0 }, to = { 0 }, etag = { 0 };
    int64_t timeout_ms = 0;
    int rc;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&O&|O&$O&", (char **)keywords, covepy_path, &from, covepy_path,
                                     &to, covepy_path_or_none, &etag, covepy_timeout, &timeout_ms))
        return NULL;
    covepy_call_init(&c, timeout_ms);
    COVEPY_WAIT(
        &c, rc = cove_fs_copy_if_match(((struct covepy_fs *)self)->fs, from.text, etag.text, to.text, &c.call, &c.err));
    if (!covepy_call_ok(&c, rc))
        rc = -1;
    covepy_call_done(&c);
    Py_DECREF(from.held);
    Py_DECREF(to.held);
    Py_XDECREF(etag.held);
    return none_or_null(rc);
}

PyObject *covepy_fs_move(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return call_paths(self, args, kwargs, cove_fs_move);
}
