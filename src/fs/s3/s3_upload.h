/* An upload under way, for the files that make one: s3_upload.c, s3_copy.c, s3_append.c. */
#ifndef COVE_FS_S3_UPLOAD_H
#define COVE_FS_S3_UPLOAD_H

#include <pthread.h>
#include <stdatomic.h>

#include "fs/s3/s3.h"

struct cove__object_part {
    char *etag; /* NULL: not sent yet */
    uint32_t crc;
    int64_t size;
};

struct cove__upload {
    /* fixed after the begin */
    struct cove__object_store *store;
    char *path, *url, *id;
    struct cove__put put; /* the condition of the end; its etag is if_match */
    char *if_match;
    struct cove__write_mark mark;
    /* false from the begin, or once the store has refused a part's checksum */
    atomic_bool with_checksum;
    /* under lock: parts end on several loops */
    pthread_mutex_t lock;
    char *source, *source_etag; /* what the end asks about (cove__s3_copied_from); NULL: nothing */
    struct cove__object_part *parts;
    size_t n, cap;
};

/* Without checksums an upload may have copied parts, whose own
 * are not known. */
int cove__s3_upload_open(struct cove__object_store *store, const char *path, const struct cove__put *put,
                         bool with_checksum, const struct cove__ctx *ctx, struct cove__upload **ret,
                         struct cove_error *err);
void cove__s3_part_query(struct cove__object_request *r, const struct cove__upload *u, unsigned number);
int cove__s3_part_sent(struct cove__upload *u, unsigned number, const char *etag, uint32_t crc, int64_t size);

/* After a copy: a part comes from `source` while that had `etag`. A store that may not look at the condition of a copy
 * is asked about it at the end. COVE_ENOMEM, COVE_ENOTSUP (another source). */
int cove__s3_copied_from(struct cove__upload *u, struct cove__object_name source, const char *etag);

/* Fills parts from `first` on with the bytes of an object, on the store's side and in parallel; the number of parts is
 * *ret_n. The object must have `etag` (COVE_EPRECONDITION). */
int cove__s3_copy_parts(struct cove__upload *u, struct cove__object_name source, int64_t size, const char *etag,
                        unsigned first, const struct cove__ctx *ctx, unsigned *ret_n, struct cove_error *err);

#endif
