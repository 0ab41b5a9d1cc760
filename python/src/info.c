/*
 * What is known of a path, as a tuple; and listings. The library lends each entry until the next one only, and the GIL
 * is too dear to be taken for each: entries are noted down without it, a page at a time, and made into tuples then.
 */
#include "covepy.h"

#include <stdlib.h>
#include <string.h>

#define PAGE 1000

static PyObject *make(const char *path, int64_t size, bool directory, int64_t mtime_ns, const char *etag)
{
    PyObject *mtime = mtime_ns >= 0 ? PyLong_FromLongLong(mtime_ns) : Py_None;

    if (mtime == Py_None)
        Py_INCREF(mtime);
    return Py_BuildValue("(NLNNNOO)", covepy_str(path), (long long)size, PyBool_FromLong(directory), mtime,
                         covepy_str_or_none(etag), Py_None, Py_None);
}

PyObject *covepy_info(const cove_info *info)
{
    return make(cove_info_path(info), cove_info_size(info), cove_info_type(info) == COVE_TYPE_DIRECTORY,
                cove_info_mtime_ns(info), cove_info_etag(info));
}

struct page {
    struct {
        int64_t size, mtime_ns;
        size_t path, etag; /* where they begin in `text` */
        bool directory, has_etag;
    } rows[PAGE];
    size_t n;
    char *text;
    size_t used, room;
};

static int note_text(struct page *page, const char *text, size_t *ret_at)
{
    size_t length = strlen(text) + 1;

    if (page->room - page->used < length) {
        size_t room = (page->room + length) * 2;
        char *larger = realloc(page->text, room);

        if (!larger)
            return COVE_ENOMEM;
        page->text = larger;
        page->room = room;
    }
    memcpy(page->text + page->used, text, length);
    *ret_at = page->used;
    page->used += length;
    return 0;
}

/* 1: the page is full; 0: the listing is at its end; or an error. */
static int fill(struct page *page, cove_listing *listing, struct cove_error *err)
{
    const cove_info *info = NULL;
    int rc = 1;

    page->used = 0;
    for (page->n = 0; page->n < PAGE; page->n++) {
        const char *etag;

        rc = cove_listing_next(listing, &info, err);
        if (rc <= 0)
            return rc;
        etag = cove_info_etag(info);
        page->rows[page->n].size = cove_info_size(info);
        page->rows[page->n].mtime_ns = cove_info_mtime_ns(info);
        page->rows[page->n].directory = cove_info_type(info) == COVE_TYPE_DIRECTORY;
        page->rows[page->n].has_etag = etag != NULL;
        if (note_text(page, cove_info_path(info), &page->rows[page->n].path) < 0 ||
            (etag && note_text(page, etag, &page->rows[page->n].etag) < 0))
            return COVE_ENOMEM;
    }
    return rc;
}

static PyObject *add_page(PyObject *list, const struct page *page)
{
    for (size_t i = 0; list && i < page->n; i++)
        list = covepy_list_add(list, make(page->text + page->rows[i].path, page->rows[i].size, page->rows[i].directory,
                                          page->rows[i].mtime_ns,
                                          page->rows[i].has_etag ? page->text + page->rows[i].etag : NULL));
    return list;
}

PyObject *covepy_infos(struct covepy_call *c, cove_listing *listing)
{
    PyObject *list = PyList_New(0);
    struct page *page = calloc(1, sizeof *page);
    int more = page ? 1 : COVE_ENOMEM;

    while (list && more > 0) {
        COVEPY_WAIT(c, more = fill(page, listing, &c->err));
        if (more >= 0)
            list = add_page(list, page);
    }
    if (list && !covepy_call_ok(c, more))
        Py_CLEAR(list);
    Py_BEGIN_ALLOW_THREADS;
    cove_listing_free(listing);
    Py_END_ALLOW_THREADS;
    if (page)
        free(page->text);
    free(page);
    return list;
}
