#include "toy_uploads.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "wire/uri.h"

static void part_rules(const struct cove__object_store *store, enum cove__upload_mode mode,
                       struct cove__part_rules *ret)
{
    ret->min_part = 1;
    ret->max_part = (size_t)64 << 20;
}

/* ---- an ordered session ---- */

static enum cove__upload_mode session_mode(const struct cove__object_store *store, const struct cove__put *put)
{
    return COVE__UPLOAD_SESSION;
}

static void begin_session(struct cove__object_request *r, const struct cove__upload *u)
{
    cove__buf_add_str(&r->query, "session");
}

static int session_begun(const struct cove__object_request *r, struct cove__buf *ret_id)
{
    char url[COVE__HEADER_MAX];

    return cove__object_response_header(r, "location", url) ? cove__buf_add_str(ret_id, url) : COVE_EPROTOCOL;
}

static void send_chunk(struct cove__object_request *r, const struct cove__upload *u,
                       const struct cove__object_chunk *chunk)
{
    char total[24] = "*";

    if (chunk->total >= 0)
        snprintf(total, sizeof total, "%lld", (long long)chunk->total);
    if (chunk->size > 0)
        cove__object_header(r, "Content-Range", "bytes %lld-%lld/%s", (long long)chunk->offset,
                            (long long)(chunk->offset + chunk->size - 1), total);
    else
        cove__object_header(r, "Content-Range", "bytes */%s", total);
}

static int chunk_sent(const struct cove__object_request *r, const struct cove__object_chunk *chunk,
                      struct cove__object_kept *ret, struct cove__object_made *made, struct cove_error *err)
{
    char range[COVE__HEADER_MAX];
    long long last = -1;

    if (r->http.status != 308) {
        ret->done = cove__object_response_version(r, made->version);
        return ret->done ? 0 : cove__object_fail(r, err, COVE_EPROTOCOL, "the object has no version");
    }
    if (cove__object_response_header(r, "range", range) && sscanf(range, "bytes=0-%lld", &last) != 1)
        return cove__object_fail(r, err, COVE_EPROTOCOL, "the response has no range");
    ret->kept = last + 1;
    return 0;
}

static void end_session(struct cove__object_request *r, const char *id)
{
    (void)r, (void)id; /* its URL has all */
}

static const struct cove__object_session_ops session_ops = {
    .granularity = (size_t)256 << 10,
    .begin_request = begin_session,
    .begin_response = session_begun,
    .id_is_url = true,
    .method = "PUT",
    .good_status = 308,
    .aborted_status = 499,
    .can_ask = true,
    .chunk_request = send_chunk,
    .chunk_response = chunk_sent,
    .abort_request = end_session,
};

static const struct cove__object_upload_ops sessions = { .mode = session_mode,
                                                         .part_rules = part_rules,
                                                         .session = &session_ops };

/* ---- temporary objects ---- */

static enum cove__upload_mode temporaries_mode(const struct cove__object_store *store, const struct cove__put *put)
{
    return COVE__UPLOAD_TEMPORARIES;
}

/* A line a source: "VERSION KEY", the key percent-encoded. */
static void compose(struct cove__object_request *r, const struct cove__compose_source *sources, size_t n, bool removes,
                    struct cove__buf *body)
{
    cove__buf_add_str(&r->query, "compose");
    for (size_t i = 0; i < n; i++) {
        cove__buf_addf(body, "%s ", sources[i].version);
        cove__uri_encode(body, sources[i].key, false);
        cove__buf_add_char(body, '\n');
    }
}

static int composed(const struct cove__object_request *r, struct cove__object_made *ret, struct cove_error *err)
{
    int64_t crc32c = cove__object_response_number(r, "x-toy-crc32c");

    ret->size = cove__object_response_number(r, "x-toy-size");
    ret->has_crc32c = crc32c >= 0;
    ret->crc32c = (uint32_t)crc32c;
    return cove__object_response_version(r, ret->version)
               ? 0
               : cove__object_fail(r, err, COVE_EPROTOCOL, "the object has no version");
}

/* Few sources a request, so that few parts make a deep tree. */
static const struct cove__object_upload_ops temporaries = { .mode = temporaries_mode,
                                                            .part_rules = part_rules,
                                                            .compose_max = 4,
                                                            .compose_request = compose,
                                                            .compose_response = composed };

const struct cove__object_upload_ops *toy_uploads(const char *mode)
{
    return strcmp(mode, "session") == 0 ? &sessions : strcmp(mode, "temporaries") == 0 ? &temporaries : NULL;
}
