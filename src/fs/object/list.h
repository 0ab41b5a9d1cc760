/*
 * What a backend needs to know of listings: what one page asks for, and the reader of its response (page.c), which
 * checks each entry and keeps it for the caller. Also what list.c shares with page.c and virtual_page.c.
 */
#ifndef COVE_FS_OBJECT_LIST_H
#define COVE_FS_OBJECT_LIST_H

#include "fs/fs_ops.h"
#include "fs/object/name.h"
#include "fs/object/request.h"

/* ---- for a backend's list_request ---- */

/* BORROWED for the call. */
struct cove__object_list_query {
    struct cove__slice prefix; /* of the keys; empty: all */
    bool one_level;            /* keys with another slash after the prefix are given as prefixes, up to that slash */
    bool checksums;            /* the objects' checksums are wanted, where the store lists them */
    unsigned limit;            /* entries at most */
    const char *token;         /* where the page begins: the store's own; NULL: the first page */
};

/* ---- for a backend's list_response and buckets_response ---- */

struct cove__object_page_reader;

/* An object in a page. BORROWED for the call. */
struct cove__object_entry {
    struct cove__slice key; /* decoded */
    int64_t size, mtime_ns; /* -1: missing or not valid */
    const char *version;    /* NULL or "": not in the page */
    const char *storage_class;
    bool has_crc32c; /* the store lists its CRC32C */
    uint32_t crc32c;
    /* The store marks it as a placeholder of a directory, even if its key does not end in a slash (Azure's
     * hdi_isfolder). */
    bool directory;
};

/* Each adds one entry. 0; COVE_EPROTOCOL: the entry is not valid, COVE_ELIMIT, COVE_ENOMEM: the response ends with it.
 */
int cove__object_page_add(struct cove__object_page_reader *p, const struct cove__object_entry *entry);
int cove__object_page_add_prefix(struct cove__object_page_reader *p, struct cove__slice key);
int cove__object_page_add_bucket(struct cove__object_page_reader *p, struct cove__slice name);
/* Another page follows: `token` is the store's. A page with a token may be empty. */
int cove__object_page_more(struct cove__object_page_reader *p, struct cove__slice token);

/* ---- page.c ---- */

struct cove__object_page_reader {
    struct cove__page *page;
    struct cove__slice bucket, prefix; /* what was asked for; BORROWED */
    bool keys;                         /* entries are objects, with their whole keys; else files and directories */
    bool deep;                         /* entries are at any depth; of directories only markers are listed */
    bool seen;                         /* anything at all is below the prefix, even if only a marker */
    bool more;                         /* another page follows */
    int64_t now_ns;                    /* when the page was made, by the store's clock; -1: not known */
    const char *wrong;                 /* what is wrong with an entry; NULL: nothing */
    struct cove__buf token;
};

void cove__object_page_init(struct cove__object_page_reader *p, struct cove__page *page);
void cove__object_page_done(struct cove__object_page_reader *p);
/* After the response: sorts the page and gives it its token. `token`: where this page began; NULL: the first. Longer
 * cycles are detected by fs/paging.h. 0; COVE_EPROTOCOL, with p->wrong; COVE_ENOMEM. */
int cove__object_page_end(struct cove__object_page_reader *p, const char *token);
/* By the order of keys, in which a directory's ends in a slash; a directory that is listed twice is kept once. */
void cove__object_page_sort(struct cove__page *page);

/* ---- virtual_page.c: virtual directories in pages ---- */

/* The token of a page for the caller has, before the store's own, what the next page needs of this one
 * ("7:b/k9999..."). Returns the store's own; NULL: the first page. */
const char *cove__virtual_page_token(const char *token, struct cove__buf *ret_before);
/* Adds the virtual directories of the time `began` that belong to this page, and marks its token. `before`: of this
 * page's token; NULL: the first page. `unordered`: pages come in no order of keys. COVE_ENOMEM, COVE_ELIMIT. */
int cove__virtual_page_join(struct cove__object_store *store, const char *path, bool deep, bool unordered,
                            const char *before, uint64_t began, struct cove__page *page);

#endif
