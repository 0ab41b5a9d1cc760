/* Listings, as the JSON API has them: https://cloud.google.com/storage/docs/json_api/v1/objects/list */
#ifndef COVE_FS_GCS_LIST_H
#define COVE_FS_GCS_LIST_H

#include "fs/gcs/gcs.h"

void cove__gcs_list_request(struct cove__object_request *r, const struct cove__object_list_query *query);
int cove__gcs_list_response(const struct cove__object_request *r, struct cove__object_page_reader *page);
void cove__gcs_buckets_request(struct cove__object_request *r, const char *token);
int cove__gcs_buckets_response(const struct cove__object_request *r, struct cove__object_page_reader *page);

#endif
