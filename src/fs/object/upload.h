/*
 * An upload in parts, and how a store spells one: for upload.c, abandoned.c, copy.c, append.c and the backends.
 *
 * Parts may be sent at once and in any order, and the finish joins them: S3's multipart uploads, Azure's blocks (whose
 * begin and abort need no request). Two other modes are to be chosen at the begin, which knows the conditions:
 * - An ordered session (resumable uploads of Google Cloud Storage, append and flush of Azure's DFS). Its part_rules are
 *   `parallel` 1 and a multiple that parts are cut to; `id` is its secret URL, which takes no credentials; a part's
 * response gives the number of bytes that were kept, and the engine sends the others again; the last part
 * (cove__object_place) or the finish ends it. Conditions belong to the begin's request.
 * - Temporaries, joined by compose (parallel uploads of Google Cloud Storage under a condition). A part is put as an
 *   object whose name begins with `id`, the finish composes them under the condition, and both it and the abort remove
 *   them.
 */
#ifndef COVE_FS_OBJECT_UPLOAD_H
#define COVE_FS_OBJECT_UPLOAD_H

#include <pthread.h>
#include <stdatomic.h>

#include "fs/object/operations.h"

#define COVE__OBJECT_PARTS_MAX 50000u /* Azure's, the most of all */

struct cove__object_part {
    char *name; /* by which the finish names it: an ETag, a block's id; NULL: not sent yet */
    uint32_t crc32c;
    int64_t size;
};

struct cove__upload {
    /* fixed after the begin */
    struct cove__object_store *store;
    char *path, *url, *id;
    struct cove__put put; /* the condition of the finish; its etag is if_match */
    char *if_match;
    struct cove__write_mark mark;
    struct cove__buf properties; /* lines for the finish, where the begin needs no request; else the begin has them */
    /* false from the begin, or once the store has refused a part's checksum */
    atomic_bool with_checksum;
    /* under lock: parts end on several loops */
    pthread_mutex_t lock;
    char *source, *source_version; /* what the finish asks about (cove__upload_copied_from); NULL: nothing */
    struct cove__object_part *parts;
    size_t n, cap;
};

/* Where a part is in its upload. */
struct cove__object_place {
    unsigned number;      /* from 1 */
    int64_t offset, size; /* bytes */
    bool last;            /* known to be: then offset + size is the object's size. An upload may end without */
};

/* What a response gives of the object or part that its request has made. */
struct cove__object_made {
    char version[COVE__HEADER_MAX];    /* of a part: its name; "": none */
    char version_id[COVE__HEADER_MAX]; /* "": none */
    bool has_crc32c;                   /* of a copied part */
    uint32_t crc32c;
};

/* Pairs of a request, whose method is set already, and what its response says; pure. A request adds its query and
 * headers; what the options give to each request, checksums and conditions are the engine's. */
struct cove__object_upload_ops {
    /* How parts are cut. The engine fills in default_part, equal_parts and parallel. */
    void (*part_rules)(const struct cove__object_store *store, struct cove__part_rules *ret);
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
     * there is none. NULL: the store has no list of them, so that the backend leaves list_uploads out. */
    void (*list_request)(struct cove__object_request *r, struct cove__slice below,
                         const struct cove__upload_page *last);
    int (*list_response)(const struct cove__object_request *r, struct cove__upload_page *ret);
};

/* ---- slots of struct cove__fs_ops ---- */

void cove__object_part_rules(void *self, int64_t expected_size, struct cove__part_rules *ret);
int cove__object_upload_begin(void *self, const char *path, const struct cove__put *put, const struct cove__ctx *ctx,
                              struct cove__upload **ret, struct cove_error *err);
void cove__object_upload_part(void *self, struct cove__io *io);
int cove__object_upload_finish(void *self, struct cove__upload *upload, const struct cove__ctx *ctx, char **ret_etag,
                               char **ret_version_id, struct cove_error *err);
void cove__object_upload_abort(void *self, struct cove__upload *upload);
int cove__object_list_uploads(void *self, const char *path, const struct cove__upload_page *last,
                              const struct cove__ctx *ctx, struct cove__upload_page *ret, struct cove_error *err);
int cove__object_remove_upload(void *self, const char *path, const char *id, const struct cove__ctx *ctx,
                               struct cove_error *err);

/* ---- upload.c ---- */

/* Without checksums an upload may have copied parts, whose checksums are not known. */
int cove__upload_open(struct cove__object_store *store, const char *path, const struct cove__put *put,
                      bool with_checksum, const struct cove__ctx *ctx, struct cove__upload **ret,
                      struct cove_error *err);
/* Puts a part into the table. COVE_ENOMEM; COVE_ELIMIT: over COVE__OBJECT_PARTS_MAX. */
int cove__upload_part_sent(struct cove__upload *u, unsigned number, const char *name, uint32_t crc32c, int64_t size);
/* After a copy: a part comes from `source` while that had `version`. Where the store may ignore the condition of a
 * copy, the finish checks it by a HEAD. COVE_ENOMEM, COVE_ENOTSUP (another source). */
int cove__upload_copied_from(struct cove__upload *u, struct cove__object_name source, const char *version);
/* Removes what the store has of an upload. *ret_none (may be NULL): it did not exist any more. */
int cove__upload_discard(struct cove__object_store *store, struct cove__object_name name, const char *id,
                         const struct cove__ctx *ctx, bool *ret_none, struct cove_error *err);

#endif
