/* Uploads in blocks, as the blob service has them, for the engine (fs/object/upload.h); and the bodies of commits. */
#ifndef COVE_FS_AZURE_BLOCKS_H
#define COVE_FS_AZURE_BLOCKS_H

#include "fs/azure/azure.h"
#include "fs/object/upload.h"

extern const struct cove__object_upload_ops cove__azure_upload_ops;

/* A block's name, of one length for all of ours: base64 of the upload's 32 hex digits and the number in 16. Names of
 * two writers differ, so that neither commits the other's bytes. */
void cove__azure_block_id(const char *upload, unsigned number, char ret[AZURE_BLOCK_ID_SIZE]);
/* The name of a part's block, of the length that is known to be needed. Two writers, and two parts, have no name in
 * common, as far as that length allows it. */
void cove__azure_part_name(const struct cove__upload *u, unsigned number, char ret[AZURE_BLOCK_NAME_SIZE]);
/* The same for a request, which puts the block, and may have to change its name: azure_block_names.h. `u` is BORROWED
 * until it has ended. */
void cove__azure_name_part(struct cove__object_request *r, const struct cove__upload *u, unsigned number,
                           char ret[AZURE_BLOCK_NAME_SIZE]);
/* Completes a PUT of the blob into one of a block. COVE_ELIMIT, ... in r->query. */
void cove__azure_block_request(struct cove__object_request *r, const char *block_id);
/* The body of a commit. */
void cove__azure_add_list_begin(struct cove__buf *body);
void cove__azure_add_list_block(struct cove__buf *body, const char *block_id);
void cove__azure_add_list_end(struct cove__buf *body);
/* Turns a request into a commit, which has this body. */
void cove__azure_commit_request(struct cove__object_request *r);

#endif
