/* Requests to the blob service: what azure.c's table and the backend's own operations need of azure_request.c. */
#ifndef COVE_FS_AZURE_REQUEST_H
#define COVE_FS_AZURE_REQUEST_H

#include "auth/azure_shared_key.h"
#include "fs/azure/azure.h"

void cove__azure_body(struct cove__object_request *r);
/* The request has the CRC64 of these bytes: of its body, or of what it has the service copy. */
void cove__azure_set_checksum(struct cove__object_request *r, struct cove__slice bytes);
int cove__azure_prepare(struct cove__object_request *r, struct cove_error *err);
bool cove__azure_credentials_refused(struct cove__object_request *r);
void cove__azure_request_init(struct cove__object_request *r);
void cove__azure_request_done(struct cove__object_request *r);
/* Into the request's state. As cove__provider_get. */
int cove__azure_get_token(struct cove__object_request *r, struct cove_error *err);
/* Adds the Authorization line, by the account's key or the request's token; with neither, none. */
int cove__azure_authorize(const struct cove__object_request *r, struct cove__shared_key_request to_sign,
                          struct cove__buf *lines);
void cove__azure_add_checksum(const struct cove__object_request *r, struct cove__buf *headers);
/* What the part of a batch needs beside its own lines: the date, and its authorization (also in the query). */
int cove__azure_authorize_part(const struct cove__object_request *r, const char *path, struct cove__buf *query,
                               struct cove__buf *lines);
/* Adds "/CONTAINER/BLOB", encoded, as it follows the endpoint. */
void cove__azure_add_path(const struct cove__azure *azure, struct cove__object_name name, struct cove__buf *path);
/* Adds the version or the snapshot that the name has, if any. */
void cove__azure_add_version(struct cove__object_name name, struct cove__buf *query);

#endif
