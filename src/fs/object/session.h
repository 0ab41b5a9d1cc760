/*
 * An upload as an ordered session, and how a store spells one: resumable uploads of Google Cloud Storage, append and
 * flush of Azure's DFS. Chunks are sent one after the other, all but the last in multiples of the store's granularity.
 * The store returns how many bytes of the object it has kept, which may be fewer than were sent.
 */
#ifndef COVE_FS_OBJECT_SESSION_H
#define COVE_FS_OBJECT_SESSION_H

#include "fs/object/request.h"

struct cove__upload;
struct cove__object_made;

enum cove__chunk_kind {
    COVE__CHUNK_DATA, /* `size` bytes from `offset` on */
    COVE__CHUNK_ASK,  /* no bytes: what is kept? With `total`: or is the object made? */
    COVE__CHUNK_END   /* no bytes: all are kept, and the object is made of them */
};

struct cove__object_chunk {
    enum cove__chunk_kind kind;
    int64_t offset, size;
    int64_t total; /* bytes of the whole object, which ends with this chunk; -1: more may follow */
    bool has_crc32c;
    uint32_t crc32c; /* of the whole object; with `total` */
};

/* What a response reports. */
struct cove__object_kept {
    int64_t kept; /* bytes of the object, from its start */
    bool done;    /* the object is made */
};

/* Pairs, as in struct cove__object_upload_ops; pure. */
struct cove__object_session_ops {
    size_t granularity; /* bytes, of which each chunk but the last is a multiple */
    /* POST of the object. The engine adds properties and condition as headers; what is spelt otherwise is here. The id
     * is the session's URL or name. */
    void (*begin_request)(struct cove__object_request *r, const struct cove__upload *u);
    int (*begin_response)(const struct cove__object_request *r, struct cove__buf *ret_id);
    /* Whether the id is a URL that gives the right to write: what is secret of it is hidden in logs and messages, and
     * requests go there without credentials. */
    bool id_is_url;
    /* Of such a URL's query: the parameter that cannot be guessed, and alone is hidden ("upload_id"). NULL, or where
     * the URL has none: every value of the query, and the last segment of the path. */
    const char *secret_parameter;
    const char *method; /* of a chunk: "PUT" */
    int good_status;    /* of a chunk's response that has more to come, where that is no 2xx (308); 0: it is one */
    int aborted_status; /* of an abort's response, where that is no 2xx (499); 0: it is one */
    bool can_ask;       /* after a failure the store is asked what it has kept before more is sent; else the chunk is
                           sent again */
    void (*chunk_request)(struct cove__object_request *r, const struct cove__upload *u,
                          const struct cove__object_chunk *chunk);
    /* 0; COVE_EPROTOCOL with `err` set. *made: of the object, where it is done. */
    int (*chunk_response)(const struct cove__object_request *r, const struct cove__object_chunk *chunk,
                          struct cove__object_kept *ret, struct cove__object_made *made, struct cove_error *err);
    /* DELETE. NULL: sessions end by themselves. */
    void (*abort_request)(struct cove__object_request *r, const char *id);
};

/* ---- for upload.c ---- */

struct cove__part_io;

/* Of an upload; one part is under way at a time. */
struct cove__session {
    int64_t kept;    /* bytes that the store has confirmed */
    uint32_t crc32c; /* of them */
    unsigned begins; /* how often it was begun again, because the store had lost it */
    bool done;       /* the object is made */
};

/* `r` has the properties already. */
int cove__session_begin(struct cove__upload *u, struct cove__object_request *r, struct cove_error *err);
/* A failure of the last part is kept in u->end, for the finish: the object may exist even so. */
void cove__session_part(struct cove__upload *u, struct cove__part_io *io);
/* Makes the object of the bytes that were sent, unless the last part has done so. Its result is u->end. */
void cove__session_finish(struct cove__upload *u, const struct cove__ctx *ctx);

#endif
