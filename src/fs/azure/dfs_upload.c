/*
 * Writes in parts: parts are appended, at once and in any order, to a file under a temporary name, whose id is the
 * upload's; the finish flushes and renames it. And changes of metadata.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "fs/azure/dfs.h"

#define APPEND_MAX ((size_t)100 << 20)

static void part_rules(const struct cove__object_store *store, enum cove__upload_mode mode,
                       struct cove__part_rules *ret)
{
    ret->min_part = 1;
    ret->max_part = APPEND_MAX;
    ret->max_parts = AZURE_BLOCKS_MAX;
}

static void begin_request(struct cove__object_request *r, const struct cove__upload *u)
{
    struct dfs_work *work = cove__dfs_begin(r, DFS_CREATE);

    if (work)
        snprintf(work->temporary, sizeof work->temporary, "%016llx%016llx", (unsigned long long)cove__random(),
                 (unsigned long long)cove__random());
}

static int begin_response(const struct cove__object_request *r, struct cove__buf *ret_id)
{
    char etag[COVE__HEADER_MAX];

    if (r->http.status != 201 || !cove__object_response_version(r, etag))
        return COVE_EPROTOCOL;
    return cove__buf_add_str(ret_id, cove__dfs_work(r)->temporary);
}

static void part_request(struct cove__object_request *r, const struct cove__upload *u,
                         const struct cove__object_place *place)
{
    struct dfs_work *work = cove__dfs_begin(r, DFS_APPEND);

    if (!work)
        return;
    snprintf(work->temporary, sizeof work->temporary, "%s", u->id);
    work->position = place->offset;
}

static int part_response(const struct cove__object_request *r, struct cove__object_made *ret, struct cove_error *err)
{
    char text[COVE__HEADER_MAX];

    if (r->http.status != 202 || !cove__object_response_header(r, "x-ms-request-id", text))
        return cove__object_fail(r, err, COVE_EPROTOCOL,
                                 "the response to a part is not from the store: check the endpoint and any proxy");
    snprintf(ret->version, sizeof ret->version, "%lld", (long long)cove__dfs_work(r)->position);
    return 0;
}

static int finish_request(struct cove__object_request *r, const struct cove__upload *u, uint32_t crc32c,
                          struct cove__buf *body)
{
    struct dfs_work *work = cove__dfs_begin(r, DFS_FLUSH);

    if (!work)
        return COVE_ENOMEM;
    snprintf(work->temporary, sizeof work->temporary, "%s", u->id);
    snprintf(work->mark, sizeof work->mark, "%s", u->mark.write_id);
    work->position = u->sent.size;
    work->closes = true;
    return 0;
}

static int finish_response(const struct cove__object_request *r, struct cove__object_made *ret, struct cove_error *err)
{
    if (!cove__object_response_version(r, ret->version))
        return cove__object_fail(r, err, COVE_EPROTOCOL,
                                 "the response to the end of an upload has no ETag, so it is not from the store");
    return 0;
}

static void abort_request(struct cove__object_request *r, const char *id)
{
    struct dfs_work *work = cove__dfs_begin(r, DFS_DELETE);

    if (work)
        snprintf(work->temporary, sizeof work->temporary, "%s", id);
}

const struct cove__object_upload_ops cove__dfs_upload_ops = {
    .part_rules = part_rules,
    .begin_request = begin_request,
    .begin_response = begin_response,
    .part_request = part_request,
    .part_response = part_response,
    .finish_request = finish_request,
    .finish_response = finish_response,
    .abort_request = abort_request,
    .list_request = cove__dfs_uploads_request,
    .list_response = cove__dfs_uploads_response,
};

/* ---- metadata ---- */

/* Only of a file onto itself: the engine's slot for copies is not this store's (azure_front.c). */
static void metadata_request(struct cove__object_request *r, const struct cove__object_source *from,
                             const char *replaced, bool new_properties)
{
    r->http.has_body = true; /* an empty one */
    cove__object_add_match(r, &r->extra, from->version ? from->version : "*");
    cove__dfs_begin(r, DFS_PROPERTIES);
}

static int metadata_response(const struct cove__object_request *r, struct cove__object_made *ret,
                             struct cove_error *err)
{
    if (!cove__object_response_version(r, ret->version))
        return cove__object_fail(r, err, COVE_EPROTOCOL,
                                 "the response has no ETag, so it is not from the store: check the endpoint and any "
                                 "proxy");
    return 0;
}

const struct cove__object_copy_ops cove__dfs_metadata_ops = {
    .max_size = COVE__OBJECT_SIZE_MAX,
    .request = metadata_request,
    .response = metadata_response,
};
