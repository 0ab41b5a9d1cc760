/* What stores that speak S3's protocol can and cannot do: the table, and its lookups. For all of fs/s3. */
#ifndef COVE_FS_S3_STORES_H
#define COVE_FS_S3_STORES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "fs/object/capability.h"

struct s3_store {
    const char *name;   /* of the option `store` */
    const char *hosts;  /* patterns of its endpoints, separated by spaces: matched from the right, label by label; a "*"
                           is any one label, and the name of the region */
    const char *server; /* how the Server header of its responses begins; NULL: it does not identify the store */
    const char *region; /* to sign for where neither the user nor the host names one; NULL: us-east-1 */
    bool bucket_in_host;               /* it takes no other addressing */
    unsigned max_parts;                /* of an upload; 0: 10,000, as Amazon */
    uint8_t can[COVE__N_CAPABILITIES]; /* enum cove__can */
};

extern const struct s3_store cove__s3_stores[];  /* ends with one without a name; the first is Amazon's */
extern const struct s3_store cove__s3_any_store; /* of which nothing is known */

/* NULL: there is none. */
const struct s3_store *cove__s3_store_named(const char *name);
/* By the host of an endpoint; its port is ignored. *ret_region is what its "*" stands for, or empty. */
const struct s3_store *cove__s3_store_at(struct cove__slice host, struct cove__slice *ret_region);
const struct s3_store *cove__s3_store_serving(const char *server_header);

#endif
