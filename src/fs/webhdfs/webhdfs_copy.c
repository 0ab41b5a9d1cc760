/* Copies. WebHDFS has none: the file is read and written again, a part at a time. */
#include "base/error.h"
#include "base/mem.h"
#include "fs/webhdfs/webhdfs.h"

struct copy {
    struct cove__webhdfs *store;
    const char *from;
    char etag[WEBHDFS_ETAG_MAX]; /* of the version that is copied */
    const struct cove__ctx *ctx;
    uint8_t *bytes;
};

static void begin(struct cove__op *op, struct cove__inbox *inbox, const struct cove__ctx *ctx)
{
    op->ctx = *ctx;
    cove__op_will_wait(op, inbox);
    cove__op_start(op);
}

static int read_bytes(struct copy *c, int64_t offset, size_t size, struct cove_error *err)
{
    struct cove__inbox inbox;
    struct cove__read_io io = {
        .path = c->from, .dst = c->bytes, .offset = offset, .length = size, .if_match = c->etag
    };

    begin(&io.op, &inbox, c->ctx);
    cove__webhdfs_read(c->store, &io);
    int rc = cove__op_wait(&io.op, err);
    cove__free(io.ret_etag);
    return rc;
}

static int send_part(struct copy *c, struct cove__upload *u, unsigned number, int64_t offset, size_t size,
                     struct cove_error *err)
{
    struct cove__inbox inbox;
    struct cove__part_io io = { .upload = u, .number = number, .offset = offset, .src = cove__slice(c->bytes, size) };

    begin(&io.op, &inbox, c->ctx);
    cove__webhdfs_part(c->store, &io);
    return cove__op_wait(&io.op, err);
}

static int copy_parts(struct copy *c, const char *to, int64_t size, size_t step, struct cove_error *err)
{
    struct cove__upload *u = NULL;
    unsigned number = 0;
    char *etag = NULL;
    int rc = cove__webhdfs_begin(c->store, to, NULL, c->ctx, &u, err);

    for (int64_t at = 0; rc == 0 && at < size; at += (int64_t)step) {
        size_t part = size - at < (int64_t)step ? (size_t)(size - at) : step;

        rc = read_bytes(c, at, part, err);
        if (rc == 0)
            rc = send_part(c, u, ++number, at, part, err);
    }
    if (rc < 0) {
        cove__webhdfs_abort(c->store, u, c->ctx);
        return rc;
    }
    rc = cove__webhdfs_finish(c->store, u, c->ctx, &etag, NULL, err);
    cove__free(etag);
    return rc;
}

int cove__webhdfs_copy(void *self, const char *from, const char *etag, const char *to, const struct cove__ctx *ctx,
                       struct cove_error *err)
{
    struct cove__webhdfs *store = self;
    struct copy c = { .store = store, .from = from, .ctx = ctx };
    struct cove_error why = COVE_ERROR_INIT;
    struct webhdfs_status status;
    int rc = cove__webhdfs_look(store, from, ctx, &status, &why);

    if (rc == 0 && status.directory)
        rc = cove__fs_fail(&why, ctx, COVE_EISDIR, "is a directory");
    if (rc == 0) {
        cove__webhdfs_make_etag(&status, c.etag);
        if (etag && strcmp(etag, c.etag) != 0)
            rc = cove__fs_fail(&why, ctx, COVE_EPRECONDITION, "the source has changed");
    }
    if (rc == 0) {
        size_t step = (size_t)store->o.block_size;

        step = status.length < (int64_t)step ? (size_t)status.length : step;
        c.bytes = cove__malloc(step + 1);
        rc = c.bytes ? copy_parts(&c, to, status.length, step, &why) : cove__fail_nomem(&why, "a copy");
    }
    cove__free(c.bytes);
    return rc < 0 ? cove__error_copy(err, &why) : 0;
}
