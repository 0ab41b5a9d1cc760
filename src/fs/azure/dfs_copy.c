/*
 * Copies. The DFS endpoint has none, and what the blob service would copy could not be appended to by the DFS endpoint
 * afterwards; so the file is read and written again, a part at a time, with its type and metadata.
 */
#include "base/error.h"
#include "base/mem.h"
#include "fs/azure/dfs.h"
#include "fs/fs_impl.h"

static void begin(struct cove__op *op, struct cove__inbox *inbox, const struct cove__ctx *ctx)
{
    op->ctx = *ctx;
    cove__op_will_wait(op, inbox);
    cove__op_start(op);
}

static int changed(const struct cove__ctx *ctx, struct cove_error *err)
{
    return cove__fs_fail(err, ctx, COVE_EPRECONDITION, "the source is another one than was to be copied");
}

struct copy {
    struct cove__object_store *store;
    const char *from, *version;
    const struct cove__ctx *ctx;
    struct cove__buf bytes;
};

/* The next bytes, of the version that is being copied. */
static int read_bytes(struct copy *c, int64_t offset, size_t size, struct cove_error *err)
{
    struct cove__inbox inbox;
    struct cove__read_io io = {
        .path = c->from, .dst = c->bytes.data, .offset = offset, .length = size, .if_match = c->version
    };
    struct cove_error why = COVE_ERROR_INIT;

    begin(&io.op, &inbox, c->ctx);
    cove__object_read(c->store, &io);
    int rc = cove__op_wait(&io.op, &why);
    cove__free(io.ret_etag);
    if (rc == COVE_EPRECONDITION || rc == COVE_ENOTFOUND || (rc == 0 && io.op.count != (int64_t)size))
        return changed(c->ctx, err);
    return rc < 0 ? cove__error_copy(err, &why) : 0;
}

static int copy_small(struct copy *c, const struct cove__put *put, const char *to, size_t size, struct cove_error *err)
{
    struct cove__inbox inbox;
    struct cove__put_io io = { .path = to, .put = put, .src = cove__slice(c->bytes.data, size) };
    int rc = size > 0 ? read_bytes(c, 0, size, err) : 0;

    if (rc < 0)
        return rc;
    begin(&io.op, &inbox, c->ctx);
    cove__object_put(c->store, &io);
    rc = cove__op_wait(&io.op, err);
    cove__free(io.ret_etag);
    return rc;
}

static int send_part(struct copy *c, struct cove__upload *u, unsigned number, int64_t offset, size_t size, bool last,
                     struct cove_error *err)
{
    struct cove__inbox inbox;
    struct cove__part_io io = {
        .upload = u, .number = number, .offset = offset, .src = cove__slice(c->bytes.data, size), .last = last
    };

    begin(&io.op, &inbox, c->ctx);
    cove__object_upload_part(c->store, &io);
    return cove__op_wait(&io.op, err);
}

static int copy_large(struct copy *c, const struct cove__put *put, const char *to, int64_t size, size_t step,
                      struct cove_error *err)
{
    struct cove__upload *u = NULL;
    unsigned number = 0;
    char *etag = NULL;
    int rc = cove__object_upload_begin(c->store, to, put, c->ctx, &u, err);

    for (int64_t at = 0; rc == 0 && at < size; at += (int64_t)step) {
        size_t part = size - at < (int64_t)step ? (size_t)(size - at) : step;
        rc = read_bytes(c, at, part, err);
        if (rc == 0)
            rc = send_part(c, u, ++number, at, part, at + (int64_t)part == size, err);
    }
    if (rc < 0) {
        cove__object_upload_abort(c->store, u, c->ctx);
        return rc;
    }
    rc = cove__object_upload_finish(c->store, u, c->ctx, &etag, NULL, err);
    cove__free(etag);
    return rc;
}

int cove__dfs_copy(struct cove__object_store *store, const char *from, const char *etag, const char *to,
                   const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__buf kept = COVE__BUF_INIT(COVE__OBJECT_METADATA_MAX);
    struct copy c = { .store = store, .from = from, .ctx = ctx, .bytes = COVE__BUF_INIT(SIZE_MAX / 2) };
    struct cove_error why = COVE_ERROR_INIT;
    struct cove__object_name source;
    struct cove__object_head head;
    struct cove__part_rules rules;
    int rc = cove__object_name_of(store, from, false, ctx, &source, err);

    if (rc < 0)
        return rc;
    rc = cove__object_head_metadata(store, source, ctx, &head, &kept, &why);
    if (rc == 0 && etag && !cove__object_same_version(head.version, etag))
        rc = changed(ctx, &why);
    if (rc == 0) {
        const struct cove__put put = { .headers = cove__buf_str(&kept), .expected_size = head.size };
        cove__object_part_rules(store, &put, &rules);
        size_t step = head.size < (int64_t)rules.default_part ? (size_t)head.size : rules.default_part;
        c.version = head.version;
        rc = cove__buf_reserve(&c.bytes, step + 1);
        if (rc < 0)
            cove__fail_nomem(&why, "a copy");
        else if (head.size == (int64_t)step)
            rc = copy_small(&c, &put, to, step, &why);
        else
            rc = copy_large(&c, &put, to, head.size, step, &why);
    }
    cove__buf_done(&kept);
    cove__buf_done(&c.bytes);
    return rc < 0 ? cove__error_copy(err, &why) : 0;
}
