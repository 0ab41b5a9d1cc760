/*
 * An upload in parts, and how a store spells one: for upload.c, upload_end.c, session.c, temporaries.c, abandoned.c,
 * copy.c, append.c and the backends. Which mode an upload takes is known before its begin (`mode`).
 */
#ifndef COVE_FS_OBJECT_UPLOAD_H
#define COVE_FS_OBJECT_UPLOAD_H

#include <pthread.h>
#include <stdatomic.h>

#include "fs/object/cleanup.h"
#include "fs/object/made.h"
#include "fs/object/operations.h"
#include "fs/object/session.h"

#define COVE__OBJECT_PARTS_MAX 50000u /* Azure's, the most of all */

enum cove__upload_mode {
    COVE__UPLOAD_PARTS,       /* at once and in any order, joined by the finish: multipart uploads, blocks */
    COVE__UPLOAD_SESSION,     /* in order: session.h */
    COVE__UPLOAD_TEMPORARIES, /* at once and in any order, as objects that the finish composes: temporaries.h */
};

struct cove__object_part {
    char *name; /* by which the finish names it: an ETag, a block's id, a temporary object's version; NULL: not sent */
    uint32_t crc32c;
    int64_t size;
};

/* How the request that makes the object has failed. */
struct cove__upload_end {
    int rc; /* 0: it has not */
    struct cove_error why;
    bool doubtful;    /* the object may exist even so: its mark shows it */
    bool silent;      /* there was no response at all */
    bool may_be_done; /* an attempt was not refused */
    bool wrong;       /* it exists, and is not what was sent */
};

struct cove__upload {
    /* fixed after the begin */
    struct cove__object_store *store;
    enum cove__upload_mode mode;
    char *path, *url;
    char *id;             /* a session's changes where it is begun again */
    struct cove__put put; /* the condition of the finish; its etag is if_match */
    char *if_match;
    struct cove__write_mark mark;
    struct cove__buf properties; /* lines for the request that makes the object, where the begin's did not do it, or may
                                    have to be repeated */
    /* false from the begin, or once the store has refused a part's checksum */
    atomic_bool with_checksum;
    /* any thread: bytes of the parts' names, where the backend has learned that others are there; 0: its own */
    atomic_uint part_name_bytes;
    /* under lock: parts end on several loops */
    pthread_mutex_t lock;
    char *source, *source_version; /* what the finish asks about (cove__upload_copied_from); NULL: nothing */
    struct cove__object_part *parts;
    size_t n, cap;
    unsigned last_part, last_node; /* numbers of temporary objects that may be there */
    bool beside;                   /* where they are: temporaries.h. Of the first that the store takes */
    /* of the part under way, then of the finish */
    struct cove__session session;
    struct cove__object_made made;
    struct cove__object_sent sent; /* what it is to be; from the beginning of the finish */
    struct cove__upload_end end;
    bool instead_of_parts;        /* which the store has refused to begin */
    bool done;                    /* the object is made */
    struct cove__cleanup cleanup; /* at its end */
};

/* Where a part is in its upload. */
struct cove__object_place {
    unsigned number;      /* from 1 */
    int64_t offset, size; /* bytes */
    bool last;            /* known to be: then offset + size is the object's size. An upload may end without */
};

/* One object that another is composed of. BORROWED for the call. */
struct cove__compose_source {
    struct cove__slice key; /* in the same bucket */
    const char *version;    /* that it must have; NULL: the latest */
};

/* Pairs of a request, whose method is set already, and its response; pure. A request adds its query and
 * headers; what the options give to each request, checksums and conditions are the engine's. */
struct cove__object_upload_ops {
    /* The mode of an upload whose conditions, properties and size (put->expected_size) are known. Pure. The writer cuts
     * the parts by it before the begin: of put->unordered it is no session, unless it always was. NULL:
     * COVE__UPLOAD_PARTS, which uploads that are to have copied parts (put->copies) always take, if the store has it.
     */
    enum cove__upload_mode (*mode)(const struct cove__object_store *store, const struct cove__put *put);
    /* Where the begin of an upload in parts is refused, for want of a permission or as unknown: the mode to take in its
     * place, whose parts are cut alike. COVE__UPLOAD_PARTS, or NULL: none. */
    enum cove__upload_mode (*instead_of_parts)(const struct cove__object_store *store);
    /* How parts are cut. The engine fills in default_part, equal_parts and parallel, and what a session needs. */
    void (*part_rules)(const struct cove__object_store *store, enum cove__upload_mode mode,
                       struct cove__part_rules *ret);

    /* ---- COVE__UPLOAD_SESSION ---- */

    const struct cove__object_session_ops *session; /* needed where `mode` gives it */

    /* ---- COVE__UPLOAD_TEMPORARIES: needed where `mode` gives it ---- */

    size_t compose_max; /* sources of one request, at least 2 */
    /* POST of the object that is made of the sources, in their order; the engine adds its properties and its condition
     * as headers. `removes`: the sources are to go with it, for good, where the store can do that. The body may be left
     * empty. */
    void (*compose_request)(struct cove__object_request *r, const struct cove__compose_source *sources, size_t n,
                            bool removes, struct cove__buf *body);
    int (*compose_response)(const struct cove__object_request *r, struct cove__object_made *ret,
                            struct cove_error *err);

    /* ---- COVE__UPLOAD_PARTS: needed unless `mode` never gives it ---- */

    /* POST. NULL: no request is needed, and the upload's id is its mark. The response: COVE_EPROTOCOL, … */
    void (*begin_request)(struct cove__object_request *r, const struct cove__upload *u);
    int (*begin_response)(const struct cove__object_request *r, struct cove__buf *ret_id);
    /* PUT. */
    void (*part_request)(struct cove__object_request *r, const struct cove__upload *u,
                         const struct cove__object_place *place);
    int (*part_response)(const struct cove__object_request *r, struct cove__object_made *ret, struct cove_error *err);
    /* POST. `crc32c`: of the whole object, where the upload has checksums. COVE_EPROTOCOL: a part's name makes no
     * body. */
    int (*finish_request)(struct cove__object_request *r, const struct cove__upload *u, uint32_t crc32c,
                          struct cove__buf *body);
    int (*finish_response)(const struct cove__object_request *r, struct cove__object_made *ret, struct cove_error *err);
    /* DELETE. NULL: the store removes what is not finished. */
    void (*abort_request)(struct cove__object_request *r, const char *id);
    /* GET of the bucket. `below` (empty: all) is the key or prefix that is asked for; `last` is the page before, NULL:
     * there is none. NULL: the store has no list of them, so that the backend leaves upload.list out. */
    void (*list_request)(struct cove__object_request *r, struct cove__slice below,
                         const struct cove__upload_page *last);
    int (*list_response)(const struct cove__object_request *r, struct cove__upload_page *ret);
    /* Of an entry of such a page, which may be no upload: asks the store for its id; nothing: it is none. NULL: each
     * entry is one, and has its id. COVE_ENOTFOUND: it is gone. */
    int (*identify)(struct cove__object_store *store, struct cove__object_name name, const struct cove__ctx *ctx,
                    struct cove__buf *ret_id, struct cove_error *err);
};

/* ---- slots of struct cove__fs_ops ---- */

void cove__object_part_rules(void *self, const struct cove__put *put, struct cove__part_rules *ret);
int cove__object_upload_begin(void *self, const char *path, const struct cove__put *put, const struct cove__ctx *ctx,
                              struct cove__upload **ret, struct cove_error *err);
void cove__object_upload_part(void *self, struct cove__part_io *io);
int cove__object_upload_finish(void *self, struct cove__upload *upload, const struct cove__ctx *ctx, char **ret_etag,
                               char **ret_version_id, struct cove_error *err);
void cove__object_upload_abort(void *self, struct cove__upload *upload, const struct cove__ctx *ctx);
int cove__object_list_uploads(void *self, const char *path, const struct cove__upload_page *last,
                              const struct cove__ctx *ctx, struct cove__upload_page *ret, struct cove_error *err);
int cove__object_remove_upload(void *self, const char *path, const char *id, const struct cove__ctx *ctx,
                               struct cove_error *err);
int cove__object_upload_is_listed(void *self, const char *path, const char *id, const struct cove__ctx *ctx,
                                  struct cove_error *err);

/* ---- upload_state.c ---- */

/* Of an upload under these conditions (NULL: none). */
enum cove__upload_mode cove__upload_mode(const struct cove__object_store *store, const struct cove__put *put);
enum cove__condition_mode cove__upload_condition_mode(const struct cove__upload *u);
/* NULL: no memory. */
struct cove__upload *cove__upload_new(struct cove__object_store *store, const char *path, const struct cove__put *put,
                                      const struct cove__ctx *ctx);
void cove__upload_free(struct cove__upload *u);
/* Puts a part into the table. COVE_ENOMEM; COVE_ELIMIT: over COVE__OBJECT_PARTS_MAX. */
int cove__upload_part_sent(struct cove__upload *u, unsigned number, const char *name, uint32_t crc32c, int64_t size);
/* Of a request to an upload that has failed: what the store does not find is the upload, unless its bucket is missing.
 * So an error is COVE_ESERVER in place of COVE_ENOTFOUND, and names what to do. Returns its code. */
int cove__upload_lost(const struct cove__object_request *r, int rc, struct cove_error *err);
/* After the request that makes the object: how it has failed, into u->end, as when it has made something else than
 * u->sent. `rc`: its result. */
void cove__upload_ended(struct cove__upload *u, struct cove__object_request *r, int rc, const struct cove_error *why);

/* ---- upload.c ---- */

/* Without checksums an upload may have copied parts, whose checksums are not known. */
int cove__upload_open(struct cove__object_store *store, const char *path, const struct cove__put *put,
                      bool with_checksum, const struct cove__ctx *ctx, struct cove__upload **ret,
                      struct cove_error *err);
/* After a copy: a part comes from `source` while that had `version`. Where the store may ignore the condition of a
 * copy, the finish checks it by a HEAD. COVE_ENOMEM, COVE_ENOTSUP (another source). */
int cove__upload_copied_from(struct cove__upload *u, struct cove__object_name source, const char *version);

/* ---- upload_end.c ---- */

/* Removes what the store has of an upload. *ret_none (may be NULL): it did not exist any more. */
int cove__upload_discard(struct cove__object_store *store, struct cove__object_name name, enum cove__upload_mode mode,
                         const char *id, const struct cove__ctx *ctx, bool *ret_none, struct cove_error *err);

#endif
