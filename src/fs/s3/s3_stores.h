/* What stores that speak S3's protocol can and cannot: the table, and what is made of it. For all of fs/s3. */
#ifndef COVE_FS_S3_STORES_H
#define COVE_FS_S3_STORES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

/* What is known of one trait of one store. Not known is not "no": it is tried where that can do no harm, and whatever
 * guards data is looked after by a request more. */
enum cove__can { COVE__CAN_MAYBE, COVE__CAN_YES, COVE__CAN_NO };

enum cove__capability {
    COVE__PUT_CONDITIONS,         /* If-None-Match: * and If-Match of PutObject are honoured */
    COVE__UPLOAD_CONDITIONS,      /* the same of CompleteMultipartUpload */
    COVE__COPY_SOURCE_CONDITIONS, /* x-amz-copy-source-if-match of CopyObject and UploadPartCopy */
    COVE__COPY_TARGET_CONDITIONS, /* CopyObject with If-Match for the object that it replaces */
    COVE__DELETE_CONDITIONS,      /* If-Match of DeleteObject */
    COVE__BATCH_CONDITIONS,       /* DeleteObjects with an ETag for each key */
    COVE__CRC32C,                 /* x-amz-checksum-crc32c is checked and kept; else Content-MD5 is sent in its place */
    COVE__COPIED_PART_CHECKSUMS,  /* replies give the checksum of a copied part, so that an upload with copies may have
                              checksums */
    COVE__PART_COPY,              /* UploadPartCopy */
    COVE__BATCH_DELETE,           /* DeleteObjects */
    COVE__UNEQUAL_PARTS,          /* the parts of an upload may differ in size */
    COVE__UPLOADS_BY_PREFIX,      /* ListMultipartUploads takes a prefix that is no whole key */
    COVE__N_CAPABILITIES
};

struct s3_store {
    const char *name;   /* of the option `store` */
    const char *hosts;  /* patterns of its endpoints, separated by spaces: matched from the right, label by label; a "*"
                           is any one label, and the name of the region */
    const char *server; /* how the Server header of its replies begins; NULL: that tells nothing */
    const char *region; /* to sign for where neither the user nor the host names one; NULL: us-east-1 */
    bool bucket_in_host;               /* it takes no other addressing */
    unsigned max_parts;                /* of an upload; 0: 10,000, as Amazon */
    uint8_t can[COVE__N_CAPABILITIES]; /* enum cove__can */
};

extern const struct s3_store cove__s3_stores[];  /* ends with one without a name; the first is Amazon's */
extern const struct s3_store cove__s3_any_store; /* of which nothing is known */

/* NULL: there is none. */
const struct s3_store *cove__s3_store_named(const char *name);
/* By the host of an endpoint (its port is looked past). *ret_region is what its "*" stands for, or empty. */
const struct s3_store *cove__s3_store_at(struct cove__slice host, struct cove__slice *ret_region);
const struct s3_store *cove__s3_store_serving(const char *server_header);

#endif
