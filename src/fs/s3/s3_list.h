/* Listings of S3: slots of struct cove__object_ops. */
#ifndef COVE_FS_S3_LIST_H
#define COVE_FS_S3_LIST_H

#include "fs/s3/s3.h"

void cove__s3_list_request(struct cove__object_request *r, const struct cove__object_list_query *query);
int cove__s3_list_response(const struct cove__object_request *r, struct cove__object_page_reader *page);
int cove__s3_buckets_response(const struct cove__object_request *r, struct cove__object_page_reader *page);

#endif
