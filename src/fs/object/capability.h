/*
 * What a store can and cannot do. A store that speaks a known protocol may still lack parts of it: that is known from a
 * table, set by an option, or learned from a refusal. For all of fs/object and its backends.
 */
#ifndef COVE_FS_OBJECT_CAPABILITY_H
#define COVE_FS_OBJECT_CAPABILITY_H

#include <stdatomic.h>
#include <stdbool.h>

#include <cove/error.h>

#include "base/call.h"

struct cove__object_store;
struct cove__object_request;

/* MAYBE is not "no": the request is tried where that can do no harm, and one more request checks whatever guards data.
 */
enum cove__can { COVE__CAN_MAYBE, COVE__CAN_YES, COVE__CAN_NO };

enum cove__capability {
    COVE__PUT_CONDITIONS,         /* a put only if there is no object, or only if it has one version */
    COVE__UPLOAD_CONDITIONS,      /* the same at the end of an upload */
    COVE__COPY_SOURCE_CONDITIONS, /* a copy only if the source has one version */
    COVE__COPY_TARGET_CONDITIONS, /* a copy only if the object that it replaces has one version */
    COVE__COMPOSE_CONDITIONS,     /* a compose only if there is no object, or only if it has one version */
    COVE__DELETE_CONDITIONS,      /* a deletion only if the object has one version */
    COVE__BATCH_CONDITIONS,       /* the same of each deletion in a batch */
    COVE__CRC32C,                 /* the checksum is checked and kept; else MD5 is sent in its place */
    COVE__COPIED_PART_CHECKSUMS,  /* the response gives the checksum of a copied part, so that an upload with copies may
                                     have checksums */
    COVE__PART_COPY,              /* a part of an upload can be copied from an object */
    COVE__BATCH_DELETE,           /* many objects are deleted by one request */
    COVE__UNEQUAL_PARTS,          /* the parts of an upload may differ in size */
    COVE__UPLOADS_BY_PREFIX,      /* uploads can be listed by a prefix that is no whole key */
    COVE__MULTIPART,              /* uploads in parts */
    COVE__SUFFIX_RANGES,          /* the last bytes of an object can be read without its size */
    COVE__RANGE_CHECKSUMS,        /* the response to a read has the checksum of its bytes, where it is asked for */
    COVE__N_CAPABILITIES
};

struct cove__capabilities {
    /* fixed after open */
    unsigned char set[COVE__N_CAPABILITIES]; /* enum cove__can, by options */
    bool check_only;                         /* conditions are checked before the write, and never sent */
    bool no_checksums;
    /* any thread */
    atomic_uchar learned[COVE__N_CAPABILITIES];
};

/* By an option: before the first request. */
void cove__capability_set(struct cove__capabilities *c, enum cove__capability capability, bool can);

enum cove__can cove__object_can(const struct cove__object_store *store, enum cove__capability capability);
/* After a refusal: remembered, unless an option states the opposite. */
void cove__object_learn_missing(const struct cove__object_request *r, enum cove__capability capability);
/* The same, later; `url`: for the log. */
void cove__object_learn_missing_at(struct cove__object_store *store, const char *url, enum cove__capability capability);

enum cove__checksum_kind { COVE__CHECKSUM_NONE, COVE__CHECKSUM_CRC32C, COVE__CHECKSUM_MD5 };
/* What bodies are sent with. */
enum cove__checksum_kind cove__object_checksum(const struct cove__object_store *store);

/* How the condition of a write is kept: COVE__PUT_CONDITIONS, COVE__UPLOAD_CONDITIONS. */
enum cove__condition_mode {
    COVE__CONDITION_SENT,             /* the store honours it */
    COVE__CONDITION_SENT_AND_CHECKED, /* it may: sent, and checked by a HEAD right before */
    COVE__CONDITION_CHECKED,          /* by a HEAD only, which the user asked for */
    COVE__CONDITION_UNSUPPORTED       /* the store has none, and no option allows less: cove__object_no_conditions */
};
enum cove__condition_mode cove__object_condition_mode(const struct cove__object_store *store,
                                                      enum cove__capability capability);
/* COVE_ENOTSUP. */
int cove__object_no_conditions(const struct cove__object_store *store, const struct cove__ctx *ctx,
                               struct cove_error *err);

#endif
