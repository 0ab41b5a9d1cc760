/*
 * The new object or part, as the store's response describes it, compared with what was sent. A store that checks our
 * checksum never differs; a gateway, a proxy or an emulator may.
 */
#ifndef COVE_FS_OBJECT_MADE_H
#define COVE_FS_OBJECT_MADE_H

#include "fs/object/request.h"

/* A new object or part, as the response describes it. */
struct cove__object_made {
    char version[COVE__HEADER_MAX];    /* of a part: its name; "": none */
    char version_id[COVE__HEADER_MAX]; /* "": none */
    bool has_size, has_crc32c;         /* in the response */
    int64_t size;                      /* bytes */
    uint32_t crc32c;                   /* of all of it */
    bool has_source_size;              /* of a copy */
    int64_t source_size;
};

/* What the new object should be. */
struct cove__object_sent {
    int64_t size; /* bytes; -1: not known */
    bool has_crc32c;
    uint32_t crc32c; /* of the whole object */
};

/* Reads size, checksum and version ID from the headers of a response that describes the new object. */
void cove__object_made_headers(const struct cove__object_request *r, struct cove__object_made *ret);
/* Whether the store's CRC32C can be relied on: a few stores report another checksum under that name. An upload's bytes
 * are not in memory any more, so no other checksum of them can be computed. */
bool cove__object_has_crc32c(const struct cove__object_store *store);
/* 0; COVE_ECORRUPT, which names both values. Not for `accept`: the object is made, and another attempt would be refused
 * by its condition, or make the same. */
int cove__object_check_made(const struct cove__ctx *ctx, const struct cove__object_made *made,
                            const struct cove__object_sent *sent, struct cove_error *err);
/* Adds to such an error that the wrong object stays. */
void cove__object_wrong_stays(struct cove_error *err);
/* After such an error: removes the version that was made, unless it was replaced meanwhile, because no object is better
 * than a wrong one; and adds to the error whether the object is there now. Blocks. */
void cove__object_remove_wrong(struct cove__object_store *store, const char *path, const char *version,
                               const struct cove__ctx *ctx, struct cove_error *err);

#endif
