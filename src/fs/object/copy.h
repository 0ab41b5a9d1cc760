/*
 * Copies on the store's side, and how a store spells them: for copy.c, copy_parts.c, append.c and the backends.
 *
 * A copy may take several requests, each with the token of the one before (the rewrite token of Google Cloud Storage).
 */
#ifndef COVE_FS_OBJECT_COPY_H
#define COVE_FS_OBJECT_COPY_H

#include "fs/object/upload.h"

/* What is copied; BORROWED. */
struct cove__object_source {
    struct cove__object_name name;
    const char *version;  /* that it must have; NULL: any */
    const char *token;    /* of a copy in steps: what continues it; NULL: the first step */
    int64_t offset, size; /* of a part: the bytes that it gets */
    /* What these bytes have to be, for a store that compares checksums (Azure). Empty: they are not at hand. */
    struct cove__slice bytes;
};

/* Pairs, as in struct cove__object_upload_ops. */
struct cove__object_copy_ops {
    int64_t max_size; /* bytes that one request copies */
    int64_t max_part; /* bytes that one part's request copies */
    /* PUT of the new object. `replaced`: the version that the object there must have, where the store has such
     * conditions; NULL: any. `new_properties`: those that the request has take the place of the source's. */
    void (*request)(struct cove__object_request *r, const struct cove__object_source *from, const char *replaced,
                    bool new_properties);
    int (*response)(const struct cove__object_request *r, struct cove__object_made *ret, struct cove_error *err);
    /* Of a good response: what continues a copy in steps, or nothing where it is done; and how many of the object's
     * bytes are copied, where that is given. NULL: one request is the copy. 0, COVE_EPROTOCOL, COVE_ELIMIT,
     * COVE_ENOMEM. */
    int (*token)(const struct cove__object_request *r, struct cove__buf *ret_token, int64_t *ret_done);
    /* More than 0: the store makes the copy meanwhile, so a token may repeat; as in struct cove__object_steps. */
    unsigned polls_max;
    /* Of a refused first step that was sent more than once: the copy of an earlier attempt may be under way. The next
     * step then gets the token "". NULL: that cannot be known. */
    bool (*finds_own)(const struct cove__object_request *r);
    /* After a token, where the copy does not end well: the copy is to stop, and what it has made to go. It never fails.
     * NULL: nothing stays. */
    void (*give_up)(struct cove__object_store *store, const char *path, const char *token, const struct cove__ctx *ctx);
    /* Headers of options that a copy takes only with new properties, which are the source's but for `left_out`. Both
     * end with NULL. NULL: no such options. */
    const char *const *options;
    const char *const *left_out;
    /* After the HEAD of the source: adds lines for the copy, of what it does not get of itself, as `keep` of struct
     * cove__object_append_ops. Then each copy begins with a HEAD, and `options` are not used. NULL: nothing. */
    int (*keep)(const struct cove__object_request *head, const struct cove__ctx *ctx, struct cove__buf *lines,
                struct cove_error *err);
    /* Of a refusal: the object is too large for one request. NULL: `max_size` decides it. */
    bool (*too_large)(const struct cove__object_request *r);
    /* PUT of a part. NULL, or without `upload`: there are no such copies. */
    void (*part_request)(struct cove__object_request *r, const struct cove__upload *u,
                         const struct cove__object_place *place, const struct cove__object_source *from);
    int (*part_response)(const struct cove__object_request *r, struct cove__object_made *ret, struct cove_error *err);
};

/* ---- slots of struct cove__fs_ops ---- */

int cove__object_copy(void *self, const char *from, const char *version, const char *to, const struct cove__ctx *ctx,
                      struct cove_error *err);
int cove__object_set_metadata(void *self, const char *path, const struct cove_pair *pairs, size_t n,
                              const struct cove__ctx *ctx, struct cove_error *err);
void cove__object_upload_copy_part(void *self, struct cove__part_io *io);

/* ---- copy.c ---- */

/* Bytes of the largest object that is copied by one request, as the store and its option have it. */
int64_t cove__object_copy_at_once(const struct cove__object_store *store);
/* Whether a copy's request has lines of its source, by options or as it would lose them, which are to be read first. */
bool cove__object_copy_sets_properties(const struct cove__object_store *store);
/* Reads what a copy of the object needs: as cove__object_head_metadata, or the lines of the copy. */
int cove__object_head_to_copy(struct cove__object_store *store, struct cove__object_name name,
                              const struct cove__ctx *ctx, struct cove__object_head *ret, struct cove__buf *kept,
                              struct cove_error *err);
/* Copies the object described by `head` and `kept` (cove__object_head_to_copy; NULL if one request can copy its size
 * and no option sets properties), unless it has changed: COVE_EPRECONDITION. COVE_ENOTSUP: the store has no copies. */
int cove__object_copy_known(struct cove__object_store *store, struct cove__object_name from,
                            const struct cove__object_head *head, const char *kept, const char *to,
                            const struct cove__ctx *ctx, struct cove_error *err);

/* ---- copy_parts.c ---- */

/* Whether the table has copies of parts, and uploads in parts that they can be in. */
bool cove__object_has_part_copies(const struct cove__object_store *store);
/* Whether parts of uploads can be copied, as far as is known. */
bool cove__object_can_copy_parts(const struct cove__object_store *store);

/* Fills parts from `first` on with the bytes of an object, on the store's side and in parallel; the number of parts is
 * *ret_n. The object must have `version` (COVE_EPRECONDITION). The upload was opened with put->copies, so that it is
 * one in parts: COVE_ESTATE. */
int cove__upload_copy_parts(struct cove__upload *u, struct cove__object_name source, int64_t size, const char *version,
                            unsigned first, const struct cove__ctx *ctx, unsigned *ret_n, struct cove_error *err);

#endif
