/* Filesystem: what a store keeps beside the bytes of a file, and URLs for others. */
#include "covepy.h"

/* ---- metadata and tags ---- */

typedef int (*pair_fn)(const cove_info *info, size_t i, const char **ret_name, const char **ret_value);

static PyObject *pairs(const cove_info *info, pair_fn fn)
{
    PyObject *dict = PyDict_New();
    const char *name, *value;

    for (size_t i = 0; dict && fn(info, i, &name, &value) == 0; i++) {
        if (covepy_dict_set(dict, name, value) < 0)
            Py_CLEAR(dict);
    }
    return dict;
}

PyObject *covepy_metadata(const cove_info *info)
{
    return pairs(info, cove_info_metadata);
}

PyObject *covepy_headers(const cove_info *info)
{
    return pairs(info, cove_info_header);
}

PyObject *covepy_fs_metadata(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return covepy_fs_told(self, args, kwargs, covepy_metadata);
}

PyObject *covepy_fs_tags(PyObject *self, PyObject *args, PyObject *kwargs)
{
    struct covepy_path_call p;
    PyObject *dict = NULL;
    struct cove_pair *tags = NULL;
    size_t n = 0;
    int rc;

    if (!covepy_path_call_init(&p, self, args, kwargs, "path"))
        return NULL;
    COVEPY_WAIT(&p.c, rc = cove_fs_tags(p.fs, p.path.text, &p.c.call, &tags, &n, &p.c.err));
    if (covepy_call_ok(&p.c, rc))
        dict = PyDict_New();
    for (size_t i = 0; dict && i < n; i++) {
        if (covepy_dict_set(dict, tags[i].name, tags[i].value) < 0)
            Py_CLEAR(dict);
    }
    cove_free(tags);
    covepy_path_call_done(&p);
    return dict;
}

typedef int (*pairs_fn)(cove_fs *fs, const char *path, const struct cove_pair *pairs, size_t n_pairs,
                        const struct cove_call *call, struct cove_error *err);

static PyObject *call_pairs(PyObject *self, PyObject *args, PyObject *kwargs, const char *name, pairs_fn fn)
{
    const char *const keywords[] = { "path", name, "timeout", NULL };
    struct covepy_call c;
    struct covepy_path path = { 0 };
    struct covepy_pairs pairs;
    PyObject *dict, *result = NULL;
    int64_t timeout_ms = 0;
    int rc;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&O|$O&", (char **)keywords, covepy_path, &path, &dict,
                                     covepy_timeout, &timeout_ms))
        return NULL;
    if (covepy_pairs_parse(&pairs, dict) == 0) {
        covepy_call_init(&c, timeout_ms);
        COVEPY_WAIT(&c, rc = fn(((struct covepy_fs *)self)->fs, path.text, pairs.pairs, pairs.n, &c.call, &c.err));
        if (covepy_call_ok(&c, rc))
            result = Py_NewRef(Py_None);
        covepy_call_done(&c);
        covepy_pairs_done(&pairs);
    }
    Py_DECREF(path.held);
    return result;
}

PyObject *covepy_fs_set_metadata(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return call_pairs(self, args, kwargs, "metadata", cove_fs_set_metadata);
}

PyObject *covepy_fs_set_tags(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return call_pairs(self, args, kwargs, "tags", cove_fs_set_tags);
}

/* ---- URLs for others ---- */

PyObject *covepy_fs_sign(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const keywords[] = { "path", "method", "expires_s", "timeout", NULL };
    struct covepy_call c;
    struct covepy_path path = { 0 };
    PyObject *result = NULL;
    const char *method = "GET";
    long long expires_s = 3600;
    int64_t timeout_ms = 0;
    char *url = NULL;
    int rc;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&|sL$O&", (char **)keywords, covepy_path, &path, &method,
                                     &expires_s, covepy_timeout, &timeout_ms))
        return NULL;
    covepy_call_init(&c, timeout_ms);
    COVEPY_WAIT(
        &c, rc = cove_fs_presign(((struct covepy_fs *)self)->fs, path.text, method, expires_s, &c.call, &url, &c.err));
    if (covepy_call_ok(&c, rc))
        result = covepy_str(url);
    cove_free(url);
    covepy_call_done(&c);
    Py_DECREF(path.held);
    return result;
}
