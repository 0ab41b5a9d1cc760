/* Copies within a cluster. HDFS has no such call: the bytes pass through this process. */
#include <string.h>

#include "base/budget.h"
#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/hdfs/hdfs_writer.h"

#define STEP ((size_t)8 << 20)

/* One range of one version, into *ret_n. */
static int read_step(void *self, const char *from, const char *etag, void *handle, int64_t offset, uint8_t *dst,
                     const struct cove__ctx *ctx, struct cove__read_io *io, struct cove_error *err)
{
    struct cove__inbox inbox;

    *io = (struct cove__read_io){
        .op.ctx = *ctx, .path = from, .handle = handle, .offset = offset, .length = STEP, .dst = dst, .if_match = etag
    };
    cove__op_will_wait(&io->op, &inbox);
    cove__op_start(&io->op);
    cove__hdfs_read(self, io);
    return cove__op_wait(&io->op, err);
}

static int copy_bytes(void *self, const char *from, const char *etag, void *handle, const char *to,
                      const struct cove__ctx *ctx, struct cove_error *err)
{
    uint8_t *buffer = cove__budget_get(STEP, true);
    struct cove__upload *upload = NULL;
    struct cove__read_io io = { 0 };
    char *made = NULL;
    int64_t at = 0;
    int rc = buffer ? cove__hdfs_begin(self, to, NULL, ctx, &upload, err) : cove__fail_nomem(err, "a copy");

    do {
        if (rc == 0)
            rc = read_step(self, from, etag, handle, at, buffer, ctx, &io, err);
        cove__free(io.ret_etag);
        io.ret_etag = NULL;
        if (rc == 0)
            rc = cove__hdfs_upload_write(upload, (uint64_t)at, cove__slice(buffer, (size_t)io.op.count), ctx, err);
        at += io.op.count;
    } while (rc == 0 && io.op.count > 0);
    if (rc == 0)
        rc = cove__hdfs_finish(self, upload, ctx, &made, NULL, err);
    else if (upload)
        cove__hdfs_abort(self, upload, ctx);
    cove__free(made);
    cove__budget_put(buffer, STEP);
    return rc;
}

int cove__hdfs_copy(void *self, const char *from, const char *etag, const char *to, const struct cove__ctx *ctx,
                    struct cove_error *err)
{
    void *handle = NULL;
    int rc = strcmp(from, to) == 0 ? cove__fs_fail(err, ctx, COVE_EINVAL, "source and target are the same file")
                                   : cove__hdfs_read_open(self, from, ctx, &handle, err);

    if (rc < 0)
        return rc;
    rc = copy_bytes(self, from, etag, handle, to, ctx, err);
    cove__hdfs_read_close(self, handle);
    return rc;
}
