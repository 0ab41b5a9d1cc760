/* A page of uploads that were begun and neither finished nor aborted: filled by the slot upload.list (fs_ops.h). */
#ifndef COVE_FS_UPLOADS_H
#define COVE_FS_UPLOADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

#define COVE__UPLOAD_MARKER_MAX ((size_t)8192)

struct cove__upload_page {
    struct {
        char *path; /* in the store; in a backend of object/: the key in its bucket */
        char *id;
        int64_t started_ns; /* by the store's clock; -1: not known */
    } * items;
    size_t n, cap;
    size_t n_listed; /* entries that the store sent; fewer may be in `items` */
    int64_t now_ns;  /* when the page was made, by the store's clock; -1: not known, so that no upload is old */
    bool more;       /* the next page comes after these: */
    struct cove__buf next_key, next_id;
};
#define COVE__UPLOAD_PAGE_INIT                                                                                         \
    {                                                                                                                  \
        .next_key = COVE__BUF_INIT(COVE__UPLOAD_MARKER_MAX), .next_id = COVE__BUF_INIT(COVE__UPLOAD_MARKER_MAX)        \
    }

/* Copies both. COVE_ENOMEM; COVE_EPROTOCOL: one of them is empty. */
int cove__upload_page_add(struct cove__upload_page *page, struct cove__slice path, struct cove__slice id,
                          int64_t started_ns);
/* Takes out the entries whose path `keeps` refuses, in one pass; the others keep their order. */
void cove__upload_page_filter(struct cove__upload_page *page, bool (*keeps)(const char *path, const void *user),
                              const void *user);
void cove__upload_page_done(struct cove__upload_page *page);

#endif
