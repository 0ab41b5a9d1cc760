/*
 * Put Block and Put Block List: see azure_blocks.h. There is no request that begins an upload: blocks are not part of
 * the blob until a commit names them, and the service drops those that no commit has named within a week.
 */
#include "fs/azure/azure_blocks.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "fs/azure/azure_uploads.h"
#include "wire/crc64.h"
#include "wire/digest.h"
#include "wire/uri.h"
#include "wire/xml.h"

void cove__azure_block_id(const char *upload, unsigned number, char ret[AZURE_BLOCK_ID_SIZE])
{
    char text[49];

    snprintf(text, sizeof text, "%.32s%016x", upload, number);
    cove__base64(text, strlen(text), ret);
}

void cove__azure_part_name(const struct cove__upload *u, unsigned number, char ret[AZURE_BLOCK_NAME_SIZE])
{
    size_t bytes = atomic_load(&u->part_name_bytes);
    uint64_t writer = cove__crc64nvme(0, u->id, strlen(u->id));
    uint8_t name[AZURE_NAME_BYTES_MAX];

    if (bytes == 0 || bytes == AZURE_OWN_NAME_BYTES) {
        cove__azure_block_id(u->id, number, ret);
        return;
    }
    for (size_t i = 0; i < bytes - 2; i++)
        name[i] = (uint8_t)(writer >> (8 * (i % sizeof writer)));
    name[bytes - 2] = (uint8_t)(number >> 8); /* of at most 50,000 */
    name[bytes - 1] = (uint8_t)number;
    cove__base64(name, bytes, ret);
}

void cove__azure_name_part(struct cove__object_request *r, const struct cove__upload *u, unsigned number,
                           char ret[AZURE_BLOCK_NAME_SIZE])
{
    struct azure_state *state = cove__azure_state(r);

    state->upload = (struct cove__upload *)u; /* of which only the length of the names is ever changed by it */
    state->part_number = number;
    cove__azure_part_name(u, number, ret);
}

void cove__azure_block_request(struct cove__object_request *r, const char *block_id)
{
    cove__azure_state(r)->kind = AZURE_BLOCK;
    snprintf(cove__azure_state(r)->block_id, AZURE_BLOCK_NAME_SIZE, "%s", block_id);
    cove__buf_add_str(&r->query, "comp=block");
    cove__uri_add_pair(&r->query, "blockid", cove__slice_str(block_id));
}

void cove__azure_add_list_begin(struct cove__buf *body)
{
    cove__buf_add_str(body, "<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>");
}

void cove__azure_add_list_block(struct cove__buf *body, const char *block_id)
{
    cove__buf_addf(body, "<Latest>%s</Latest>", block_id);
}

void cove__azure_add_list_end(struct cove__buf *body)
{
    cove__buf_add_str(body, "</BlockList>");
}

void cove__azure_commit_request(struct cove__object_request *r)
{
    r->http.method = "PUT";
    cove__azure_state(r)->kind = AZURE_COMMIT;
    cove__buf_add_str(&r->query, "comp=blocklist");
}

/* ---- pairs ---- */

static void part_rules(const struct cove__object_store *store, enum cove__upload_mode mode,
                       struct cove__part_rules *ret)
{
    ret->min_part = 1;
    ret->max_part = AZURE_BLOCK_MAX;
    ret->max_parts = AZURE_BLOCKS_MAX;
}

static void part_request(struct cove__object_request *r, const struct cove__upload *u,
                         const struct cove__object_place *place)
{
    char name[AZURE_BLOCK_NAME_SIZE];

    cove__azure_name_part(r, u, place->number, name);
    cove__azure_block_request(r, name);
}

static int part_response(const struct cove__object_request *r, struct cove__object_made *ret, struct cove_error *err)
{
    char text[COVE__HEADER_MAX];

    if (r->http.status != 201 || !cove__object_response_header(r, "x-ms-request-id", text))
        return cove__object_fail(r, err, COVE_EPROTOCOL,
                                 "the response to a block is not from the store: check the endpoint and any proxy");
    snprintf(ret->version, sizeof ret->version, "%s", cove__azure_state(r)->block_id);
    return 0;
}

static int finish_request(struct cove__object_request *r, const struct cove__upload *u, uint32_t crc32c,
                          struct cove__buf *body)
{
    cove__azure_commit_request(r);
    cove__azure_add_list_begin(body);
    for (size_t i = 0; i < u->n; i++)
        cove__azure_add_list_block(body, u->parts[i].name);
    cove__azure_add_list_end(body);
    return cove__buf_rc(body);
}

static int finish_response(const struct cove__object_request *r, struct cove__object_made *ret, struct cove_error *err)
{
    if (r->http.status != 201 || !cove__object_response_version(r, ret->version))
        return cove__object_fail(r, err, COVE_EPROTOCOL,
                                 "the response to the end of an upload has no ETag, so it is not from the store");
    return 0;
}

const struct cove__object_upload_ops cove__azure_upload_ops = {
    .part_rules = part_rules,
    .part_request = part_request,
    .part_response = part_response,
    .finish_request = finish_request,
    .finish_response = finish_response,
    .list_request = cove__azure_uploads_request,
    .list_response = cove__azure_uploads_response,
    .identify = cove__azure_identify_upload,
};
