/* Filesystem: a store by its URL. The type; its methods that wait for the store are in fs_*.c and many.c. */
#include "covepy.h"

/* ---- life ---- */

static int set_option(cove_options *options, PyObject *name, PyObject *value)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct covepy_path name_bytes = { 0 }, value_bytes = { 0 };
    int rc = -1;

    if (!PyUnicode_Check(name) || !PyUnicode_Check(value)) {
        PyErr_SetString(PyExc_TypeError, "options: names and values are str");
    } else if (covepy_path(name, &name_bytes) && covepy_path(value, &value_bytes)) {
        rc = cove_options_set(options, name_bytes.text, value_bytes.text, &err);
        if (rc < 0)
            covepy_raise(rc, &err);
    }
    Py_XDECREF(name_bytes.held);
    Py_XDECREF(value_bytes.held);
    return rc;
}

static cove_options *parse_options(PyObject *dict)
{
    cove_options *options = cove_options_new();
    PyObject *name, *value;
    Py_ssize_t at = 0;

    if (!options) {
        PyErr_NoMemory();
        return NULL;
    }
    if (dict == Py_None)
        return options;
    if (!PyDict_Check(dict)) {
        PyErr_SetString(PyExc_TypeError, "options: a dict is needed");
        goto fail;
    }
    while (PyDict_Next(dict, &at, &name, &value)) {
        if (set_option(options, name, value) < 0)
            goto fail;
    }
    return options;
fail:
    cove_options_free(options);
    return NULL;
}

/* The last one joins the thread that refreshes credentials. */
static void release(cove_fs *fs)
{
    Py_BEGIN_ALLOW_THREADS;
    cove_fs_unref(fs);
    Py_END_ALLOW_THREADS;
}

static PyObject *fs_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static const char *const keywords[] = { "url", "options", NULL };
    struct covepy_call c;
    struct covepy_fs *self = NULL;
    struct covepy_path url = { 0 };
    PyObject *dict = Py_None;
    cove_options *options;
    cove_fs *fs = NULL;
    int rc;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&|O", (char **)keywords, covepy_path, &url, &dict))
        return NULL;
    options = parse_options(dict);
    if (!options)
        goto out;
    covepy_call_init(&c, 0);
    COVEPY_WAIT(&c, rc = cove_fs_new_from_url(url.text, options, &fs, NULL, &c.err));
    if (covepy_call_ok(&c, rc))
        self = (struct covepy_fs *)PyType_GenericAlloc(type, 0);
    covepy_call_done(&c);
    if (self) {
        self->fs = fs;
        self->options = options;
    } else {
        release(fs);
        cove_options_free(options);
    }
out:
    Py_DECREF(url.held);
    return (PyObject *)self;
}

static void fs_dealloc(PyObject *object)
{
    struct covepy_fs *self = (struct covepy_fs *)object;

    cove_options_free(self->options);
    release(self->fs);
    covepy_free_object(object);
}

static PyObject *fs_repr(PyObject *object)
{
    return PyUnicode_FromFormat("<cove._cove.Filesystem %s>", cove_fs_scheme(((struct covepy_fs *)object)->fs));
}

static PyObject *fs_scheme(PyObject *object, void *closure)
{
    return PyUnicode_FromString(cove_fs_scheme(((struct covepy_fs *)object)->fs));
}

static PyObject *fs_endpoint(PyObject *object, void *closure)
{
    struct cove_error err = COVE_ERROR_INIT;
    char *endpoint = NULL;
    int rc = cove_fs_endpoint(((struct covepy_fs *)object)->fs, &endpoint, &err);
    PyObject *text = rc == 0 ? covepy_str(endpoint) : covepy_raise(rc, &err);

    cove_free(endpoint);
    return text;
}

static PyObject *fs_same_store(PyObject *object, PyObject *other)
{
    struct covepy_fs *fs;

    if (!covepy_fs(other, &fs))
        return NULL;
    return PyBool_FromLong(cove_fs_same_store(((struct covepy_fs *)object)->fs, fs->fs));
}

/* ---- names ---- */

static char *whole_url(struct covepy_fs *self, PyObject *args)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct covepy_path path = { 0 };
    char *url = NULL;
    int rc;

    if (!PyArg_ParseTuple(args, "O&", covepy_path, &path))
        return NULL;
    rc = cove_fs_url(self->fs, path.text, &url, &err);
    if (rc < 0)
        covepy_raise(rc, &err);
    Py_DECREF(path.held);
    return url;
}

static PyObject *fs_url(PyObject *self, PyObject *args)
{
    char *url = whole_url((struct covepy_fs *)self, args);
    PyObject *result = url ? covepy_str(url) : NULL;

    cove_free(url);
    return result;
}

/* By way of the whole URL, so that a path and a URL of the same thing give the same. */
static PyObject *fs_path(PyObject *object, PyObject *args)
{
    struct covepy_fs *self = (struct covepy_fs *)object;
    struct cove_error err = COVE_ERROR_INIT;
    char *url = whole_url(self, args), *path = NULL;
    PyObject *result = NULL;
    cove_fs *fs = NULL;
    int rc;

    if (!url)
        return NULL;
    Py_BEGIN_ALLOW_THREADS;
    rc = cove_fs_from_url(url, self->options, &fs, &path, &err);
    Py_END_ALLOW_THREADS;
    result = rc < 0 ? covepy_raise(rc, &err) : covepy_str(path);
    cove_free(path);
    cove_free(url);
    release(fs);
    return result;
}

/* ---- the type ---- */

static PyMethodDef fs_methods[] = {
    { "same_store", fs_same_store, METH_O,
      "same_store($self, other, /)\n--\n\nWhether the same path names the same file in both; False if that is not "
      "known." },
    { "url", fs_url, METH_VARARGS, "url($self, path, /)\n--\n\nThe whole URL of a path." },
    { "path", fs_path, METH_VARARGS,
      "path($self, url, /)\n--\n\nThe path in the store's own form, of a URL or a path. ValueError: of another "
      "store." },
    { "stat", COVEPY_KEYWORDS(covepy_fs_stat),
      "stat($self, path, *, timeout=None)\n--\n\nWhat a path is: (path, size, is_directory, mtime_ns, etag, "
      "version_id, "
      "storage_class, content_type)." },
    { "exists", COVEPY_KEYWORDS(covepy_fs_exists),
      "exists($self, path, *, timeout=None)\n--\n\nWhether there is anything at a path." },
    { "is_file", COVEPY_KEYWORDS(covepy_fs_is_file),
      "is_file($self, path, *, timeout=None)\n--\n\nWhether there is a file at a path: one request." },
    { "is_directory", COVEPY_KEYWORDS(covepy_fs_is_directory),
      "is_directory($self, path, *, timeout=None)\n--\n\nWhether there is a directory at a path: one request." },
    { "has_directories", COVEPY_KEYWORDS(covepy_fs_has_directories),
      "has_directories($self, path, *, timeout=None)\n--\n\nWhether directories at a path are the store's own, and are "
      "moved by one operation." },
    { "list", COVEPY_KEYWORDS(covepy_fs_list),
      "list($self, path, *, timeout=None)\n--\n\nThe entries right below a path, each as stat() gives it." },
    { "find", COVEPY_KEYWORDS(covepy_fs_find),
      "find($self, path, *, timeout=None)\n--\n\nEvery file below a path, at any depth." },
    { "walk", COVEPY_KEYWORDS(covepy_fs_walk),
      "walk($self, path, *, timeout=None)\n--\n\nEvery file and directory below a path, at any depth." },
    { "glob", COVEPY_KEYWORDS(covepy_fs_glob),
      "glob($self, pattern, *, timeout=None)\n--\n\nEvery path that a pattern of *, ?, [], {} and ** matches." },
    { "read_file", COVEPY_KEYWORDS(covepy_fs_read_file),
      "read_file($self, path, max_bytes=0, *, timeout=None)\n--\n\nA whole file. OSError (COVE_ELIMIT) where it has "
      "more "
      "than max_bytes; 0: any." },
    { "read_range", COVEPY_KEYWORDS(covepy_fs_read_range),
      "read_range($self, path, offset, length, *, timeout=None)\n--\n\nUp to length bytes at offset, fewer only at the "
      "end. "
      "A negative offset counts from the end, a negative length reads to it." },
    { "read_into", COVEPY_KEYWORDS(covepy_fs_read_into),
      "read_into($self, path, offset, buffer, *, timeout=None)\n--\n\nFills a writable buffer with what is at offset: "
      "how "
      "many bytes came." },
    { "read_ranges", COVEPY_KEYWORDS(covepy_fs_read_ranges),
      "read_ranges($self, path, ranges, *, timeout=None)\n--\n\nMany ranges [(offset, length), ...] of one file at "
      "once, "
      "neighbours in one request: a list of bytes." },
    { "write_file", COVEPY_KEYWORDS(covepy_fs_write_file),
      "write_file($self, path, buffer, condition=None, etag=None, content_type=None, metadata=None, *, "
      "timeout=None)\n--\n\nMakes or "
      "replaces a file in one step: (etag, version_id) of the new one, None where the store reports none. condition: "
      "'new' (only where there is none), 'match' (only while it has this etag)." },
    { "append", COVEPY_KEYWORDS(covepy_fs_append),
      "append($self, path, buffer, *, timeout=None)\n--\n\nAdds bytes at the end of a file, which is made where it is "
      "missing." },
    { "copy", COVEPY_KEYWORDS(covepy_fs_copy),
      "copy($self, source, target, etag=None, *, timeout=None)\n--\n\nCopies one file within the store. etag: only if "
      "the "
      "source still has it; else PreconditionFailed." },
    { "move", COVEPY_KEYWORDS(covepy_fs_move),
      "move($self, source, target, *, timeout=None)\n--\n\nMoves a file or a directory." },
    { "remove", COVEPY_KEYWORDS(covepy_fs_remove),
      "remove($self, path, *, timeout=None)\n--\n\nRemoves one file, an empty directory, or an "
      "empty bucket." },
    { "remove_tree", COVEPY_KEYWORDS(covepy_fs_remove_tree),
      "remove_tree($self, path, *, timeout=None)\n--\n\nRemoves a path and everything below it. A "
      "bucket is emptied but not removed." },
    { "mkdir", COVEPY_KEYWORDS(covepy_fs_mkdir),
      "mkdir($self, path, *, timeout=None)\n--\n\nMakes a directory and its parents; one that exists is fine." },
    { "read_many", COVEPY_KEYWORDS(covepy_fs_read_many),
      "read_many($self, paths, parallel=64, *, timeout=None)\n--\n\nMany whole files at once: a list of bytes or "
      "exceptions, in the order of the paths." },
    { "write_many", COVEPY_KEYWORDS(covepy_fs_write_many),
      "write_many($self, files, parallel=64, *, timeout=None)\n--\n\nWrites many files [(path, buffer), ...] at once: "
      "a "
      "list of None or exceptions." },
    { "stat_many", COVEPY_KEYWORDS(covepy_fs_stat_many),
      "stat_many($self, paths, parallel=64, *, timeout=None)\n--\n\nstat() of many paths at once: a list of tuples or "
      "exceptions." },
    { "copy_many", COVEPY_KEYWORDS(covepy_fs_copy_many),
      "copy_many($self, pairs, parallel=64, *, timeout=None)\n--\n\nCopies many files [(source, target), ...] at once: "
      "a "
      "list of None or exceptions." },
    { "remove_files", COVEPY_KEYWORDS(covepy_fs_remove_files),
      "remove_files($self, paths, etags=None, *, timeout=None)\n--\n\nRemoves files, a thousand in one request where "
      "the store can. A missing file is no error. etags: one for each path, or None for any; a file with another ETag "
      "is kept, and PreconditionFailed is raised after the others were removed." },
    { "sign", COVEPY_KEYWORDS(covepy_fs_sign),
      "sign($self, path, method='GET', expires_s=3600, *, timeout=None)\n--\n\nA URL by which anybody may do one thing "
      "(GET, HEAD, PUT or DELETE) with a path for so long. Keep it like a password." },
    { "metadata", COVEPY_KEYWORDS(covepy_fs_metadata),
      "metadata($self, path, *, timeout=None)\n--\n\nThe user's metadata of a file, as a dict; names in lower case." },
    { "set_metadata", COVEPY_KEYWORDS(covepy_fs_set_metadata),
      "set_metadata($self, path, metadata, *, timeout=None)\n--\n\nSets what a dict names, removes what it has as "
      "None, "
      "keeps the rest." },
    { "tags", COVEPY_KEYWORDS(covepy_fs_tags),
      "tags($self, path, *, timeout=None)\n--\n\nThe tags of a file, as a dict." },
    { "set_tags", COVEPY_KEYWORDS(covepy_fs_set_tags),
      "set_tags($self, path, tags, *, timeout=None)\n--\n\nPuts these tags in the place of those that are there." },
    { "versions", COVEPY_KEYWORDS(covepy_fs_versions),
      "versions($self, path, *, timeout=None)\n--\n\nEvery version of a file that the store keeps, newest first: "
      "[(info, is_latest, is_deleted), ...]." },
    { "find_versions", COVEPY_KEYWORDS(covepy_fs_find_versions),
      "find_versions($self, path, *, timeout=None)\n--\n\nEvery version of every file below a directory, sorted by "
      "path: [(info, is_latest, is_deleted), ...]." },
    { "abandoned_uploads", COVEPY_KEYWORDS(covepy_fs_abandoned_uploads),
      "abandoned_uploads($self, path, min_age_s, remove=False, *, timeout=None)\n--\n\nUnfinished uploads below a path "
      "that are older, and away with them where asked: [(path, upload_id, started_ns), ...]." },
    { 0 },
};

static PyGetSetDef fs_getset[] = {
    { "scheme", fs_scheme, NULL, "The scheme that the URL used.", NULL },
    { "endpoint", fs_endpoint, NULL,
      "The address of the store, which names no credentials; \"\" for local files and memory.", NULL },
    { 0 },
};

static PyType_Slot fs_slots[] = {
    { Py_tp_doc,
      COVEPY_DOC("Filesystem(url, options=None)\n--\n\nOne store with one set of options, by any URL in it: a new one "
                 "at each call, for fsspec keeps instances that are alike. Touches no network. Any number of threads "
                 "may use it at once, and a forked child too.") },
    { Py_tp_new, fs_new },
    { Py_tp_dealloc, fs_dealloc },
    { Py_tp_repr, fs_repr },
    { Py_tp_methods, fs_methods },
    { Py_tp_getset, fs_getset },
    { 0 },
};

static PyType_Spec fs_spec = { "cove._cove.Filesystem", sizeof(struct covepy_fs), 0, Py_TPFLAGS_DEFAULT, fs_slots };

int covepy_fs_init(PyObject *module)
{
    covepy_fs_type = covepy_add_type(module, &fs_spec);
    return covepy_fs_type ? 0 : -1;
}
