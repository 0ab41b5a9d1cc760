/*
 * Appends: the new bytes are appended where the file ends, and a flush makes them part of it, if the file is still the
 * same. No byte of it is sent again, also of a file that another program has made. Such an append carries no mark;
 * where it may have gone out twice, the file's bytes show whether it succeeded.
 */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/azure/dfs.h"
#include "fs/fs_impl.h"

#define APPEND_MAX ((size_t)100 << 20)

static int accept_append(struct cove__object_request *r, struct cove_error *err)
{
    char text[COVE__HEADER_MAX];

    if (r->http.status == 202 && cove__object_response_header(r, "x-ms-request-id", text))
        return 0;
    return cove__object_fail(r, err, COVE_EPROTOCOL,
                             "the response to an append is not from the store: check the endpoint and any proxy");
}

static int append_bytes(struct cove__object_store *store, const struct cove__object_tail *t, struct cove__slice data,
                        const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__object_request r;

    cove__object_request_init(&r, store, "PATCH", cove__object_split(t->path), ctx);
    r.accept = accept_append;
    struct dfs_work *work = cove__dfs_begin(&r, DFS_APPEND);
    if (work)
        work->position = t->size;
    cove__object_body(&r, data, cove__object_checksum(store));
    int rc = cove__object_run(&r, err);
    cove__object_request_done(&r);
    return rc;
}

static int flush(struct cove__object_store *store, struct cove__object_tail *t, int64_t size,
                 const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__object_request r;
    char etag[COVE__HEADER_MAX];

    cove__object_request_init(&r, store, "PATCH", cove__object_split(t->path), ctx);
    r.effect = COVE__EFFECT_MADE;
    cove__object_add_match(&r, &r.extra, t->version);
    struct dfs_work *work = cove__dfs_begin(&r, DFS_FLUSH);
    if (work)
        work->position = size;
    int rc = cove__object_run(&r, err);
    t->unsure |= rc < 0 && cove__object_may_be_done(&r);
    if (rc == 0 && !cove__object_response_version(&r, etag)) {
        t->unsure = true;
        rc = COVE_EPRECONDITION; /* or so it seems: the caller asks */
    }
    if (rc == 0) {
        rc = cove__append_tail_is(t, cove__strdup(etag), size, err);
        t->unsure |= rc < 0; /* it is done, and cannot be remembered */
    }
    cove__object_request_done(&r);
    return rc;
}

static int extend(struct cove__object_store *store, struct cove__object_tail *t, struct cove__slice data,
                  const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;

    if (data.size > APPEND_MAX)
        return cove__fs_fail(err, ctx, COVE_ELIMIT, "at most %zu bytes are appended at once", APPEND_MAX);
    int rc = append_bytes(store, t, data, ctx, &why);
    if (rc == 0)
        rc = flush(store, t, t->size + (int64_t)data.size, ctx, &why);
    if (rc == COVE_EPRECONDITION || rc == COVE_ENOTFOUND)
        return cove__append_changed(ctx, err);
    if (rc < 0)
        return cove__error_copy(err, &why);
    cove__buf_done(&t->content);
    t->cached = false;
    return 0;
}

static bool extends(const struct cove__object_store *store, struct cove__object_name name)
{
    return true;
}

const struct cove__object_append_ops cove__dfs_append_ops = {
    .extend_from = 1,
    .extends = extends,
    .extend = extend,
};
