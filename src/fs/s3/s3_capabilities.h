/* What a store of S3's protocol can do, and the reasons for its refusals. */
#ifndef COVE_FS_S3_CAPABILITIES_H
#define COVE_FS_S3_CAPABILITIES_H

#include "fs/s3/s3.h"
#include "fs/s3/s3_stores.h"

/* Once the endpoint is set: the store as far as that or an option identifies it, and the region to sign for where none
 * was given. */
const struct s3_store *cove__s3_choose_store(struct cove__s3 *s3, char ret_region[64]);
void cove__s3_capabilities_open(struct cove__s3 *s3); /* by the options */

/* struct cove__object_ops */
enum cove__can cove__s3_can(const struct cove__object_store *store, enum cove__capability capability);
const char *cove__s3_product(const struct cove__object_store *store);

/* ---- after a response ---- */

void cove__s3_identify_store(const struct cove__object_request *r);
bool cove__s3_refuses_checksum(const struct cove__object_request *r);
bool cove__s3_refuses_condition(const struct cove__object_request *r);
bool cove__s3_refuses_operation(const struct cove__object_request *r); /* the store has no such request at all */

bool cove__s3_response_crc32c(const struct cove__object_request *r, uint32_t *ret);

/* ---- the request's checksums ---- */

void cove__s3_add_checksums(struct cove__object_request *r, struct cove__buf *headers);
bool cove__s3_give_up_checksums(struct cove__object_request *r); /* true: the request is worth another attempt */

#endif
