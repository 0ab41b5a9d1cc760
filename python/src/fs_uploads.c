/* Filesystem: uploads that were left behind unfinished. */
#include "covepy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

PyObject *covepy_fs_abandoned_uploads(PyObject *self, PyObject *args, PyObject *kwargs)
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
