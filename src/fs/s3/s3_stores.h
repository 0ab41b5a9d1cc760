/* What stores that speak S3's protocol can and cannot: the table, and what is made of it. For all of fs/s3. */
#ifndef COVE_FS_S3_STORES_H
#define COVE_FS_S3_STORES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

/* What is known of one trait of one store. Not known is not "no": it is tried where that can do no harm, and whatever
 * guards data is looked after by a request more. */
enum s3_can { S3_CAN_MAYBE, S3_CAN_YES, S3_CAN_NO };

enum s3_trait {
    S3_PUT_CONDITIONS,     /* If-None-Match: * and If-Match of PutObject are honoured */
    S3_END_CONDITIONS,     /* the same of CompleteMultipartUpload */
    S3_COPY_CONDITIONS,    /* x-amz-copy-source-if-match of CopyObject and UploadPartCopy */
    S3_COPY_TO_CONDITIONS, /* CopyObject with If-Match for the object that it replaces */
    S3_DELETE_CONDITIONS,  /* If-Match of DeleteObject */
    S3_BATCH_CONDITIONS,   /* DeleteObjects with an ETag for each key */
    S3_CRC32C,             /* x-amz-checksum-crc32c is checked and kept; else Content-MD5 is sent in its place */
    S3_COPY_TELLS_CRC32C,  /* replies give the checksum of a copied part, so that an upload with copies may have
                              checksums */
    S3_PART_COPY,          /* UploadPartCopy */
    S3_BATCH_DELETE,       /* DeleteObjects */
    S3_UNEQUAL_PARTS,      /* the parts of an upload may differ in size */
    S3_PREFIX_OF_UPLOADS,  /* ListMultipartUploads takes a prefix that is no whole key */
    S3_N_TRAITS
};

struct s3_store {
    const char *name;   /* of the option `store` */
    const char *hosts;  /* patterns of its endpoints, separated by spaces: matched from the right, label by label; a "*"
                           is any one label, and the name of the region */
    const char *server; /* how the Server header of its replies begins; NULL: that tells nothing */
    const char *region; /* to sign for where neither the user nor the host names one; NULL: us-east-1 */
    bool bucket_in_host;      /* it takes no other addressing */
    unsigned max_parts;       /* of an upload; 0: 10,000, as Amazon */
    uint8_t can[S3_N_TRAITS]; /* enum s3_can */
};

extern const struct s3_store cove__s3_stores[];  /* ends with one without a name; the first is Amazon's */
extern const struct s3_store cove__s3_any_store; /* of which nothing is known */

/* NULL: there is none. */
const struct s3_store *cove__s3_store_named(const char *name);
/* By the host of an endpoint (its port is looked past). *ret_region is what its "*" stands for, or empty. */
const struct s3_store *cove__s3_store_at(struct cove__slice host, struct cove__slice *ret_region);
const struct s3_store *cove__s3_store_serving(const char *server_header);

#endif
