/* Names: "bucket/key", and values as requests and responses spell them. Pure. For all of fs/object and its backends. */
#ifndef COVE_FS_OBJECT_NAME_H
#define COVE_FS_OBJECT_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cove/error.h>

#include "base/buf.h"
#include "base/call.h"
#include "base/slice.h"

#define COVE__OBJECT_KEY_MAX  ((size_t)1024)     /* bytes: S3, Google Cloud Storage; Azure counts characters */
#define COVE__OBJECT_SIZE_MAX (INT64_C(1) << 60) /* no object is larger, and some such numbers can be added */

struct cove__object_store;

/* Azure's containers are buckets here. BORROWED from a path. */
struct cove__object_name {
    struct cove__slice bucket, key; /* key: empty for the bucket itself */
    struct cove__slice version;     /* of the object; empty: the latest */
    bool other_mark;                /* the path has it behind the store's other mark (other_version_mark) */
};

struct cove__object_name cove__object_split(const char *path);
/* The same of a path that may end in "?versionId=ID", where the store's versions are asked for. */
struct cove__object_name cove__object_locate(const struct cove__object_store *store, const char *path);
/* The same of a path that must name an object. COVE_EISDIR: a bucket; COVE_EINVAL, of one that is to be `changed`: a
 * version, which stays as it is. */
int cove__object_name_of(const struct cove__object_store *store, const char *path, bool changed,
                         const struct cove__ctx *ctx, struct cove__object_name *ret, struct cove_error *err);
/* The prefix below which the entries of a directory are: "" for the bucket, else the key with one slash at its end. */
int cove__object_prefix(struct cove__slice key, struct cove__buf *out);
/* The same of a path that must be in a bucket. COVE_EINVAL: it is not; COVE_ENOMEM, COVE_ELIMIT. */
int cove__object_prefix_of(const struct cove__object_name *name, struct cove__buf *out, const struct cove__ctx *ctx,
                           struct cove_error *err);
/* A directory's path without the slash that a user may write at its end; owned. */
char *cove__object_trim_slash(const char *path);

/* ---- values in responses ---- */

int64_t cove__object_date(struct cove__slice text);                      /* ISO 8601; -1 where it is none */
int64_t cove__object_number(struct cove__slice text);                    /* a size; -1 if it is not a number */
int cove__object_flag(struct cove__slice text, bool *ret);               /* "true" or "false"; else COVE_EPROTOCOL */
void cove__object_text(struct cove__slice text, char *ret, size_t size); /* "" where it does not fit */
/* An ETag with its quotes (RFC 9110, section 8.8.3), which some stores leave out in listings; "": none, also where it
 * is empty (the quotes alone) or does not fit. */
void cove__object_etag(struct cove__slice text, char *ret, size_t size);
/* What to send as a condition: a weak ETag never holds there (section 13.1.1). BORROWED from `version`. */
const char *cove__object_strong_etag(const char *version);
/* Whether both are of one object; a compressing proxy makes ETags weak (RFC 9110, section 8.8.3.2). "" is no version:
 * false, also if both are "". */
bool cove__object_same_version(const char *a, const char *b);

#endif
