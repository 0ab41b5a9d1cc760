/*
 * Resumable sessions: pairs of a request and its response, for the engine (fs/object/session.h). Pure.
 *
 * A chunk is answered by 308 and a Range that names what has been kept, which may be less than was sent; without a
 * Range nothing has. The session's URL is a secret: it gives the right to write, and lives for a week.
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "fs/gcs/gcs_upload.h"
#include "net/header.h"
#include "wire/digest.h"

#define URL_MAX 4096

static void begin_request(struct cove__object_request *r, const struct cove__upload *u)
{
    cove__gcs_state(r)->kind = GCS_SESSION;
}

static int begin_response(const struct cove__object_request *r, struct cove__buf *ret_id)
{
    char url[URL_MAX];

    return cove__http_header(&r->http, "location", url, sizeof url) ? cove__buf_add_str(ret_id, url) : COVE_EPROTOCOL;
}

static void chunk_request(struct cove__object_request *r, const struct cove__upload *u,
                          const struct cove__object_chunk *chunk)
{
    char range[64] = "*", total[32] = "*", sum[COVE__BASE64_SIZE(4)];

    cove__gcs_state(r)->kind = GCS_CHUNK;
    if (chunk->size > 0)
        snprintf(range, sizeof range, "%lld-%lld", (long long)chunk->offset,
                 (long long)(chunk->offset + chunk->size - 1));
    if (chunk->total >= 0)
        snprintf(total, sizeof total, "%lld", (long long)chunk->total);
    cove__object_header(r, "Content-Range", "bytes %s/%s", range, total);
    if (chunk->has_crc32c && chunk->kind != COVE__CHUNK_ASK) {
        cove__base64_be32(chunk->crc32c, sum);
        cove__object_header(r, "x-goog-hash", "crc32c=%s", sum);
    }
}

/* "bytes=0-524287": the number of bytes that are kept; -1: it is malformed. */
static int64_t kept_of(const char *range)
{
    static const char begins[] = "bytes=0-";

    if (strncmp(range, begins, strlen(begins)) != 0)
        return -1;
    int64_t last = cove__object_number(cove__slice_str(range + strlen(begins)));
    return last >= 0 ? last + 1 : -1;
}

static int chunk_response(const struct cove__object_request *r, const struct cove__object_chunk *chunk,
                          struct cove__object_kept *ret, struct cove__object_made *made, struct cove_error *err)
{
    char range[COVE__HEADER_MAX];

    if (r->http.status != 308) {
        ret->done = cove__object_response_version(r, made->version);
        return ret->done ? 0
                         : cove__object_fail(r, err, COVE_EPROTOCOL,
                                             "the response to the end of an upload does not describe the object: check "
                                             "the endpoint and any proxy");
    }
    ret->kept = cove__object_response_header(r, "range", range) ? kept_of(range) : 0;
    return ret->kept >= 0
               ? 0
               : cove__object_fail(r, err, COVE_EPROTOCOL, "the response to a part has a Range that cannot be read");
}

static void abort_request(struct cove__object_request *r, const char *id)
{
    cove__gcs_state(r)->kind = GCS_CHUNK;
}

const struct cove__object_session_ops cove__gcs_session_ops = {
    .granularity = GCS_PART_MULTIPLE,
    .begin_request = begin_request,
    .begin_response = begin_response,
    .id_is_url = true,
    .secret_parameter = "upload_id",
    .method = "PUT",
    .good_status = 308,
    .aborted_status = 499,
    .can_ask = true,
    .chunk_request = chunk_request,
    .chunk_response = chunk_response,
    .abort_request = abort_request,
};
