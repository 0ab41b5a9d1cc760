/* Listings of blobs and containers: requests and responses for the engine (fs/object/list.h). Pure. */
#ifndef COVE_FS_AZURE_LIST_H
#define COVE_FS_AZURE_LIST_H

#include "fs/azure/azure.h"

void cove__azure_list_request(struct cove__object_request *r, const struct cove__object_list_query *query);
/* Of blobs and of containers. */
int cove__azure_list_response(const struct cove__object_request *r, struct cove__object_page_reader *page);
void cove__azure_containers_request(struct cove__object_request *r, const char *token);

/* A blob in a listing, or a version of it. BORROWED for the call. */
struct azure_entry {
    struct cove__object_entry entry;
    const char *version_id; /* "": the account keeps no versions, or they were not asked for */
    bool current;           /* it is the version that the name alone gives */
};
typedef int azure_entry_fn(void *user, const struct azure_entry *blob);

/* Reads a listing: each blob goes to `blob`; what continues it, to `ret_token`. */
int cove__azure_list_blobs(struct cove__slice body, azure_entry_fn *blob, void *user, struct cove__buf *ret_token);

/* Whether an entry of a blob's metadata marks a directory: hdi_isfolder in any case, as Hadoop, Spark and AzCopy write
 * it, or adlfs's is_directory. Only a blob without bytes counts as one, so that no content is hidden. */
bool cove__azure_marks_directory(const char *name, struct cove__slice value);
/* The same of a good response to a HEAD of a blob. */
bool cove__azure_is_marker(const struct cove__object_request *r);

#endif
