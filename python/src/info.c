/*
 * What is known of a path, as a tuple; and listings. The library lends each entry until the next one only, and the GIL
 * is too dear to be taken for each: entries are noted down without it, a page at a time, and made into tuples then.
 */
#include "covepy.h"

#include <stdlib.h>
#include <string.h>

#define PAGE 1000

enum text { PATH, ETAG, VERSION_ID, STORAGE_CLASS, CONTENT_TYPE, N_TEXTS };

struct known {
    int64_t size, mtime_ns, created_ns;
    bool directory;
    const char *texts[N_TEXTS];
};

static struct known known_of(const cove_info *info)
{
    return (struct known){
        .size = cove_info_size(info),
        .mtime_ns = cove_info_mtime_ns(info),
        .created_ns = cove_info_created_ns(info),
        .directory = cove_info_type(info) == COVE_INFO_DIRECTORY,
        .texts = { cove_info_path(info), cove_info_etag(info), cove_info_version_id(info),
                   cove_info_storage_class(info), cove_info_content_type(info) },
    };
}

static PyObject *time_or_none(int64_t ns)
{
    return ns >= 0 ? PyLong_FromLongLong(ns) : Py_NewRef(Py_None);
}

/* Takes the metadata and the headers, which may be NULL after an error. */
static PyObject *make(const struct known *k, PyObject *metadata, PyObject *headers)
{
    return Py_BuildValue("(NLNNNNNNNNN)", covepy_str(k->texts[PATH]), (long long)k->size, PyBool_FromLong(k->directory),
                         time_or_none(k->mtime_ns), covepy_str_or_none(k->texts[ETAG]),
                         covepy_str_or_none(k->texts[VERSION_ID]), covepy_str_or_none(k->texts[STORAGE_CLASS]),
                         covepy_str_or_none(k->texts[CONTENT_TYPE]), time_or_none(k->created_ns), metadata, headers);
}

PyObject *covepy_info(const cove_info *info)
{
    struct known known = known_of(info);
    const char *name, *value;

    return make(&known, cove_info_metadata(info, 0, &name, &value) == 0 ? covepy_metadata(info) : Py_NewRef(Py_None),
                cove_info_header(info, 0, &name, &value) == 0 ? covepy_headers(info) : Py_NewRef(Py_None));
}

/* ---- pages ---- */

struct row {
    struct known known;
    size_t at[N_TEXTS]; /* where its texts begin in those of the page; the page's memory may move while it is filled */
    bool latest, deleted;
};

struct page {
    struct row rows[PAGE];
    size_t n;
    char *texts;
    size_t used, room;
    const cove_info *whole; /* the entry after these rows; NULL: none */
};

static int note_text(struct page *page, const char *text, size_t *ret_at)
{
    size_t length = strlen(text) + 1;

    if (page->room - page->used < length) {
        size_t room = (page->room + length) * 2;
        char *larger = realloc(page->texts, room);

        if (!larger)
            return COVE_ENOMEM;
        page->texts = larger;
        page->room = room;
    }
    memcpy(page->texts + page->used, text, length);
    *ret_at = page->used;
    page->used += length;
    return 0;
}

static int note(struct page *page, const cove_info *info)
{
    struct row *row = &page->rows[page->n];

    row->known = known_of(info);
    row->latest = cove_info_is_latest(info) != 0;
    row->deleted = cove_info_is_deleted(info) != 0;
    for (size_t i = 0; i < N_TEXTS; i++) {
        if (row->known.texts[i] && note_text(page, row->known.texts[i], &row->at[i]) < 0)
            return COVE_ENOMEM;
    }
    page->n++;
    return 0;
}

/* A listing of a file is that file alone, with all that a stat gives, which rows do not keep. */
static bool is_whole(const cove_info *info)
{
    return cove_info_content_type(info);
}

/* 1: the page is full; 0: the listing is at its end; or an error. */
static int fill(struct page *page, cove_listing *listing, struct cove_error *err)
{
    const cove_info *info = NULL;

    page->n = page->used = 0;
    page->whole = NULL;
    while (page->n < PAGE) {
        int rc = cove_listing_next(listing, &info, err);

        if (rc <= 0)
            return rc;
        if (is_whole(info)) {
            page->whole = info;
            return 1;
        }
        if (note(page, info) < 0)
            return COVE_ENOMEM;
    }
    return 1;
}

static PyObject *make_row(struct page *page, struct row *row, bool versions)
{
    for (size_t i = 0; i < N_TEXTS; i++) {
        if (row->known.texts[i])
            row->known.texts[i] = page->texts + row->at[i];
    }
    if (!versions)
        return make(&row->known, Py_NewRef(Py_None), Py_NewRef(Py_None));
    return Py_BuildValue("(NNN)", make(&row->known, Py_NewRef(Py_None), Py_NewRef(Py_None)),
                         PyBool_FromLong(row->latest), PyBool_FromLong(row->deleted));
}

PyObject *covepy_infos(struct covepy_call *c, cove_listing *listing, bool versions)
{
    PyObject *list = PyList_New(0);
    struct page *page = calloc(1, sizeof *page);
    int more = page ? 1 : COVE_ENOMEM;

    cove_listing_use_one_timeout(listing);
    while (list && more > 0) {
        COVEPY_WAIT(c, more = fill(page, listing, &c->err));
        for (size_t i = 0; list && more >= 0 && i < page->n; i++)
            list = covepy_list_add(list, make_row(page, &page->rows[i], versions));
        if (list && more > 0 && page->whole)
            list = covepy_list_add(list, covepy_info(page->whole));
    }
    if (list && !covepy_call_ok(c, more))
        Py_CLEAR(list);
    Py_BEGIN_ALLOW_THREADS;
    cove_listing_free(listing);
    Py_END_ALLOW_THREADS;
    if (page)
        free(page->texts);
    free(page);
    return list;
}

PyObject *covepy_infos_at_hand(cove_listing *listing)
{
    struct cove_error err = COVE_ERROR_INIT;
    PyObject *list = PyList_New(0);
    const cove_info *info = NULL;
    int rc = 1;

    while (list && (rc = cove_listing_next(listing, &info, &err)) > 0)
        list = covepy_list_add(list, covepy_info(info));
    if (list && rc < 0) {
        Py_CLEAR(list);
        covepy_raise(rc, &err);
    }
    return list;
}
