/* The public calls that read ranges of a file. */
#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"

/* The last `length` bytes at most, of which the caller wants those from -offset on: one request where it wants all of
 * them. */
static int64_t read_suffix(cove_fs *fs, const struct cove__target *target, int64_t from_end, void *buffer,
                           size_t length, struct cove_error *err)
{
    struct cove__inbox inbox;
    struct cove__read_io io = { .op = { .ctx = target->ctx },
                                .path = target->path,
                                .offset = -from_end,
                                .dst = buffer,
                                .length = length,
                                .ret_total = -1 };

    cove__op_will_wait(&io.op, &inbox);
    cove__op_start(&io.op);
    fs->ops->read.range(fs->self, &io);
    int rc = cove__op_wait(&io.op, err);
    cove__free(io.ret_etag);
    return rc < 0 ? rc : io.op.count;
}

static int64_t read_one(cove_fs *fs, const struct cove__target *target, int64_t offset, void *buffer, size_t length,
                        struct cove_error *err)
{
    struct cove_range range = { .offset = offset, .length = length, .buffer = buffer };
    struct cove__fetch fetch = { .ranges = &range, .n_ranges = 1 };
    struct cove_info info = { 0 };
    int rc = 0;

    if (length == 0 || (offset < 0 && (uint64_t)length < (uint64_t)-offset)) {
        /* Not the whole tail, or nothing at all: the size gives its place, and the stat shows that it is a file. */
        rc = cove__fs_stat(fs, target->path, &target->ctx, &info, err);
        if (rc == 0 && info.type == COVE_INFO_DIRECTORY)
            rc = cove__fs_fail(err, &target->ctx, COVE_EISDIR, "is a directory");
        if (offset < 0)
            range.offset = info.size + offset > 0 ? info.size + offset : 0;
        cove__info_done(&info);
        if (rc < 0 || length == 0)
            return rc;
    } else if (offset < 0) {
        return read_suffix(fs, target, -offset, buffer, (size_t)-offset, err);
    }
    rc = cove__fs_fetch(fs, target, &fetch, err);
    cove__free(fetch.ret_etag);
    return rc < 0 ? rc : range.done;
}

int64_t cove_fs_read_range(cove_fs *fs, const char *path, int64_t offset, void *buffer, size_t length,
                           const struct cove_call *call, struct cove_error *err)
{
    struct cove__target target;
    int64_t n = cove__target_init(&target, fs, path, call, "read", err);

    if (n == 0 && (offset == INT64_MIN || (length > 0 && !buffer)))
        n = cove__fs_fail(err, &target.ctx, COVE_EINVAL, "a buffer and a valid offset are needed");
    if (n == 0)
        n = read_one(fs, &target, offset, buffer, length, err);
    cove__target_done(&target);
    return n;
}

int cove_fs_read_ranges(cove_fs *fs, const char *path, struct cove_range *ranges, size_t n_ranges,
                        const struct cove_call *call, struct cove_error *err)
{
    struct cove__target target;
    struct cove__fetch fetch = { .ranges = ranges, .n_ranges = n_ranges };
    int rc = cove__target_init(&target, fs, path, call, "read", err);

    if (rc == 0)
        rc = cove__fs_fetch_merged(fs, &target, &fetch, err);
    cove__free(fetch.ret_etag);
    cove__target_done(&target);
    return rc;
}
