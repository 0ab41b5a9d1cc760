/* Filesystem: a store by its URL; what it tells of paths, and changes. Files' bytes: fs_read.c, fs_write.c, many.c. */
#include "covepy.h"

#include <stdlib.h>
#include <string.h>

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
static void let_go(cove_fs *fs)
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
    COVEPY_WAIT(&c, rc = cove_fs_from_url(url.text, options, &fs, NULL, &c.err));
    if (covepy_call_ok(&c, rc))
        self = (struct covepy_fs *)PyType_GenericAlloc(type, 0);
    covepy_call_done(&c);
    if (self) {
        self->fs = fs;
        self->options = options;
    } else {
        let_go(fs);
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
    let_go(self->fs);
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
    let_go(fs);
    return result;
}

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

static PyObject *fs_exists(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return bool_or_null(call_path(self, args, kwargs, cove_fs_exists));
}

static PyObject *fs_is_file(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return bool_or_null(call_path(self, args, kwargs, cove_fs_is_file));
}

static PyObject *fs_is_directory(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return bool_or_null(call_path(self, args, kwargs, cove_fs_is_directory));
}

static PyObject *fs_remove(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return none_or_null(call_path(self, args, kwargs, cove_fs_remove));
}

static PyObject *fs_remove_tree(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return none_or_null(call_path(self, args, kwargs, cove_fs_remove_tree));
}

static PyObject *fs_mkdir(PyObject *self, PyObject *args, PyObject *kwargs)
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

static PyObject *fs_stat(PyObject *self, PyObject *args, PyObject *kwargs)
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
        list = covepy_infos(&p.c, listing, fn == cove_fs_versions);
    covepy_path_call_done(&p);
    return list;
}

static PyObject *fs_list(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return call_listing(self, args, kwargs, "path", cove_fs_list);
}

static PyObject *fs_find(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return call_listing(self, args, kwargs, "path", cove_fs_find);
}

static PyObject *fs_walk(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return call_listing(self, args, kwargs, "path", cove_fs_walk);
}

static PyObject *fs_glob(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return call_listing(self, args, kwargs, "pattern", cove_fs_glob);
}

static PyObject *fs_versions(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return call_listing(self, args, kwargs, "path", cove_fs_versions);
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

static PyObject *fs_copy(PyObject *self, PyObject *args, PyObject *kwargs)
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

static PyObject *fs_move(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return call_paths(self, args, kwargs, cove_fs_move);
}

/* ---- uploads that were left behind ---- */

struct upload {
    struct upload *next;
    int64_t started_ns;
    char *id;    /* behind the path, in the same memory */
    char path[]; /* NUL-terminated */
};

struct uploads {
    struct upload *first, **last;
    bool no_memory;
};

static int note_upload(struct uploads *all, const struct cove_upload *upload)
{
    size_t path_size = strlen(upload->path) + 1, id_size = strlen(upload->upload_id) + 1;
    struct upload *u = malloc(sizeof *u + path_size + id_size);

    if (!u) {
        all->no_memory = true;
        return COVE_ENOMEM;
    }
    *u = (struct upload){ .started_ns = upload->started_ns };
    u->id = u->path + path_size;
    memcpy(u->path, upload->path, path_size);
    memcpy(u->id, upload->upload_id, id_size);
    *all->last = u;
    all->last = &u->next;
    return 0;
}

/* Adds how many uploads stay to the first error of an abort. */
static int say_kept(struct cove_error *err, int rc, long long kept, long long tried)
{
    size_t used = strlen(err->message);

    if (tried > 1)
        snprintf(err->message + used, sizeof err->message - used, "; %lld of %lld unfinished uploads stay", kept,
                 tried);
    return rc;
}

/* Lists all, and aborts each that is found if `remove`, within one timeout; without the GIL. One that cannot be aborted
 * does not keep those behind it from being removed: the next call would come to the same one first. */
static int each_upload(cove_fs *fs, const char *path, int64_t min_age_s, bool remove, struct uploads *all,
                       const struct cove_call *call, struct cove_error *err)
{
    cove_uploads *uploads = NULL;
    struct cove_upload upload;
    struct cove_error first = COVE_ERROR_INIT;
    long long tried = 0, kept = 0;
    int rc = cove_fs_abandoned_uploads(fs, path, min_age_s, call, &uploads, err), failed = 0;

    if (rc == 0)
        cove_uploads_use_one_timeout(uploads);
    while (rc >= 0 && (rc = cove_uploads_next(uploads, &upload, err)) == 1) {
        int one = remove ? cove_uploads_abort(uploads, err) : 0;

        if (one == COVE_ECANCELED) {
            rc = one;
            break;
        }
        tried++;
        kept += one < 0;
        if (one < 0 && failed == 0) {
            failed = one;
            first = *err;
        } else if (one == 0) {
            rc = note_upload(all, &upload);
        }
    }
    cove_uploads_free(uploads);
    if (failed < 0 && rc != COVE_ECANCELED) {
        *err = first;
        return say_kept(err, failed, kept, tried);
    }
    return rc;
}

static PyObject *take_uploads(struct uploads *all)
{
    PyObject *list = all->no_memory ? PyErr_NoMemory() : PyList_New(0);

    for (struct upload *u = all->first, *next; u; u = next) {
        next = u->next;
        if (list)
            list = covepy_list_add(
                list, Py_BuildValue("(NNL)", covepy_str(u->path), covepy_str(u->id), (long long)u->started_ns));
        free(u);
    }
    return list;
}

static PyObject *fs_abandoned_uploads(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const keywords[] = { "path", "min_age_s", "remove", "timeout", NULL };
    struct covepy_call c;
    struct uploads all = { .last = &all.first };
    struct covepy_path path = { 0 };
    PyObject *list;
    long long min_age_s = 0;
    int64_t timeout_ms = 0;
    int remove = 0, rc;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&L|p$O&", (char **)keywords, covepy_path, &path, &min_age_s,
                                     &remove, covepy_timeout, &timeout_ms))
        return NULL;
    covepy_call_init(&c, timeout_ms);
    COVEPY_WAIT(
        &c, rc = each_upload(((struct covepy_fs *)self)->fs, path.text, min_age_s, remove != 0, &all, &c.call, &c.err));
    list = take_uploads(&all);
    if (list && !covepy_call_ok(&c, rc))
        Py_CLEAR(list);
    covepy_call_done(&c);
    Py_DECREF(path.held);
    return list;
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
    { "stat", COVEPY_KEYWORDS(fs_stat),
      "stat($self, path, *, timeout=None)\n--\n\nWhat a path is: (path, size, is_directory, mtime_ns, etag, "
      "version_id, "
      "storage_class, content_type)." },
    { "exists", COVEPY_KEYWORDS(fs_exists),
      "exists($self, path, *, timeout=None)\n--\n\nWhether there is anything at a path." },
    { "is_file", COVEPY_KEYWORDS(fs_is_file),
      "is_file($self, path, *, timeout=None)\n--\n\nWhether there is a file at a path: one request." },
    { "is_directory", COVEPY_KEYWORDS(fs_is_directory),
      "is_directory($self, path, *, timeout=None)\n--\n\nWhether there is a directory at a path: one request." },
    { "list", COVEPY_KEYWORDS(fs_list),
      "list($self, path, *, timeout=None)\n--\n\nThe entries right below a path, each as stat() gives it." },
    { "find", COVEPY_KEYWORDS(fs_find),
      "find($self, path, *, timeout=None)\n--\n\nEvery file below a path, at any depth." },
    { "walk", COVEPY_KEYWORDS(fs_walk),
      "walk($self, path, *, timeout=None)\n--\n\nEvery file and directory below a path, at any depth." },
    { "glob", COVEPY_KEYWORDS(fs_glob),
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
      "replaces a file in one step: (etag, version_id) of the new one, None where the store tells none. condition: "
      "'new' (only where there is none), 'match' (only while it has this etag)." },
    { "append", COVEPY_KEYWORDS(covepy_fs_append),
      "append($self, path, buffer, *, timeout=None)\n--\n\nAdds bytes at the end of a file, which is made where it is "
      "missing." },
    { "copy", COVEPY_KEYWORDS(fs_copy),
      "copy($self, source, target, etag=None, *, timeout=None)\n--\n\nCopies one file within the store. etag: only if "
      "the "
      "source still has it; else PreconditionFailed." },
    { "move", COVEPY_KEYWORDS(fs_move),
      "move($self, source, target, *, timeout=None)\n--\n\nMoves a file or a directory." },
    { "remove", COVEPY_KEYWORDS(fs_remove),
      "remove($self, path, *, timeout=None)\n--\n\nRemoves one file, an empty directory, or an "
      "empty bucket." },
    { "remove_tree", COVEPY_KEYWORDS(fs_remove_tree),
      "remove_tree($self, path, *, timeout=None)\n--\n\nRemoves a path and everything below it. A "
      "bucket is emptied but not removed." },
    { "mkdir", COVEPY_KEYWORDS(fs_mkdir),
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
    { "versions", COVEPY_KEYWORDS(fs_versions),
      "versions($self, path, *, timeout=None)\n--\n\nEvery version of a file that the store keeps, newest first: "
      "[(info, is_latest, is_deleted), ...]." },
    { "abandoned_uploads", COVEPY_KEYWORDS(fs_abandoned_uploads),
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
      COVEPY_DOC("Filesystem(url, options=None)\n--\n\nOne store with one set of options, by any URL in it. Touches no "
                 "network. Any number of threads may use it at once, and a forked child too.") },
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
