/*
 * An upload as temporary objects: for stores that join whole objects on their side, and check the condition of the
 * request that does it. The only uploads of Google Cloud Storage whose parts are sent in parallel and whose end has a
 * condition.
 *
 * Names: BUCKET/.cove/uploads/KEY.ID.part-00001 and node-00001, so that a listing shows their object. In KEY "/" is
 * "~1", and "~" is "~0": a store with real directories would make one of each segment, and keep it.
 *
 * Some accounts may use one prefix of the bucket only. Where a name of this kind is refused, those beside the object
 * are taken: BUCKET/FOLDER/.cove-NAME.ID.part-00001, where FOLDER/NAME is the key, and NAME is hexadecimal: TensorBoard
 * reads every file with "tfevents" in its name.
 */
#ifndef COVE_FS_OBJECT_TEMPORARIES_H
#define COVE_FS_OBJECT_TEMPORARIES_H

#include "fs/object/capability.h"
#include "fs/object/name.h"
#include "fs/object/request.h"

struct cove__upload;
struct cove__upload_page;

/* How the keys of all temporary objects begin, those of appends too. */
#define COVE__TEMPORARIES ".cove/uploads/"

#define COVE__TEMPORARIES_ID_SIZE 38 /* "cove-" and 32 hexadecimal digits */

/* ---- names: temporaries_name.c; pure ---- */

void cove__temporaries_new_id(char ret[COVE__TEMPORARIES_ID_SIZE]);
bool cove__temporaries_is_id(struct cove__slice text);
/* The path of a temporary object of the upload `id` of that object; `beside`: the one beside the object. `last`: "part"
 * or "node", followed by `number`; NULL: the prefix of all of them. A key that leaves too little room for the rest is
 * cut. COVE_ENOMEM, COVE_ELIMIT (beside the object: its folder's name leaves no room). */
int cove__temporaries_path(struct cove__buf *out, struct cove__object_name of, bool beside, const char *id,
                           const char *last, size_t number);
/* A prefix of the paths of all temporary objects of uploads at and below a name, but those beside their objects; other
 * objects may have it, too. */
int cove__temporaries_prefix(struct cove__buf *out, struct cove__object_name below);
/* What such a name has of a key: all of it, or its first bytes. BORROWED from the key. */
struct cove__slice cove__temporaries_cut(struct cove__slice key);
/* Whether the key begins as those do. */
bool cove__temporaries_is_apart(struct cove__slice key);
/* 1: the key is that of a temporary object; `ret_key` gets the key of its upload's object, and `ret_id`, BORROWED from
 * `key`, the upload's id. 0: it is another object.
 * COVE_ENOMEM, COVE_ELIMIT. */
int cove__temporaries_owner(struct cove__slice key, struct cove__buf *ret_key, struct cove__slice *ret_id);

/* ---- an upload under way: temporaries.c ---- */

/* Begins the request of a part: its name, which stays in `path`, and the headers of a new object. */
void cove__temporaries_part_request(struct cove__object_request *r, struct cove__upload *u, unsigned number,
                                    struct cove__buf *path, const struct cove__ctx *ctx);
/* After the refusal of a part, whose path was this. True: the account may not write there, and the part is to be sent
 * again, beside the object. */
bool cove__temporaries_go_beside(const struct cove__object_request *r, struct cove__upload *u, const char *path);
/* For `accept`: the version that the temporary object has got. COVE_EPROTOCOL. */
int cove__temporaries_version(struct cove__object_request *r, char ret[COVE__HEADER_MAX], struct cove_error *err);
/* Makes the object of the parts, of which none is missing. Its result is u->end, but for what fails before the last
 * request. */
int cove__temporaries_join(struct cove__upload *u, enum cove__condition_mode mode, const struct cove__ctx *ctx,
                           struct cove_error *err);
/* Removes the upload's temporary objects; a missing one is no error. */
int cove__temporaries_remove(struct cove__upload *u, const struct cove__ctx *ctx, struct cove_error *err);
/* With the result of a removal: remembers that a store keeps them. */
void cove__temporaries_removed(struct cove__object_store *store, int rc);
unsigned cove__temporaries_batches(const struct cove__upload *u); /* in which that is done */

/* ---- uploads that were left behind: abandoned_temporaries.c ---- */

/* A page of the uploads at and below a name, with keys. */
int cove__temporaries_list(struct cove__object_store *store, struct cove__object_name below,
                           const struct cove__upload_page *last, const struct cove__ctx *ctx,
                           struct cove__upload_page *ret, struct cove_error *err);
/* Whether the page after this one is one of these; and makes it so, after the last page of the store's own uploads.
 * COVE_ENOMEM. */
bool cove__temporaries_follow(const struct cove__upload_page *page);
int cove__temporaries_come_next(struct cove__upload_page *page);
/* Removes one that was listed: 0, or 1 where nothing was there. A part that is under way may arrive later. */
int cove__temporaries_discard(struct cove__object_store *store, struct cove__object_name name, const char *id,
                              const struct cove__ctx *ctx, struct cove_error *err);
/* 1 or 0: whether anything of the upload is there. */
int cove__temporaries_are_listed(struct cove__object_store *store, struct cove__object_name name, const char *id,
                                 const struct cove__ctx *ctx, struct cove_error *err);

#endif
