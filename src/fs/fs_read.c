/*
 * Reading ranges: cut into parts, merged where they touch, in flight together, each straight into its place.
 * Every part must be of the same version of the file; the first response's etag decides which.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/pace.h"
#include "wire/crc.h"

#define MAX_IN_FLIGHT 64

/* One request: part of a range. */
struct part {
    struct cove__io io;
    struct cove_range *range; /* NULL: it is not under way */
};

/* The checksum of bytes that have come, by their place. */
struct sum {
    int64_t offset, size;
    uint32_t crc32c;
};

struct fan {
    cove_fs *fs;
    const struct cove__target *target;
    struct cove__fetch *fetch;
    struct cove__inbox inbox;
    struct cove__pace pace;
    void *handle; /* see read_open; NULL: none */
    struct part *parts;
    size_t n_parts;
    unsigned under_way;
    size_t left;      /* bytes not asked for yet */
    struct sum *sums; /* of the parts that have come, in any order */
    size_t n_sums, cap_sums;
    int64_t end;       /* where a part ended early without a word of the size; INT64_MAX: none did */
    size_t next_range; /* what is to be asked for next: this range, from this byte of it on */
    size_t next_byte;
    int rc;
};

static bool fan_has_more(struct fan *fan)
{
    while (fan->next_range < fan->fetch->n_ranges && fan->fetch->ranges[fan->next_range].length == 0)
        fan->next_range++; /* asks for nothing */
    return fan->rc == 0 && fan->next_range < fan->fetch->n_ranges;
}

static void fan_send(struct fan *fan, struct part *part)
{
    struct cove_range *range = &fan->fetch->ranges[fan->next_range];
    size_t left = range->length - fan->next_byte, size = cove__pace_next(&fan->pace, fan->left);

    *part = (struct part){ .range = range };
    part->io.op.inbox = &fan->inbox;
    part->io.op.ctx = fan->target->ctx;
    part->io.op.ctx.waits = &fan->inbox;
    part->io.path = fan->target->path;
    part->io.if_match = fan->fetch->if_match;
    part->io.handle = fan->handle;
    part->io.offset = range->offset + (int64_t)fan->next_byte;
    part->io.length = left < size ? left : size;
    part->io.dst = (uint8_t *)range->buffer + fan->next_byte;
    part->io.ret_total = -1;
    fan->next_byte += part->io.length;
    fan->left -= part->io.length;
    if (fan->next_byte == range->length) {
        fan->next_range++;
        fan->next_byte = 0;
    }
    fan->under_way++;
    cove__fs_start(fan->fs, fan->fs->ops->read, &part->io, fan->n_parts > 1);
}

/* Sends what may be under way. */
static void fan_fill(struct fan *fan)
{
    for (size_t i = 0; i < fan->n_parts && fan->under_way < fan->pace.at_once && fan_has_more(fan); i++) {
        if (!fan->parts[i].range)
            fan_send(fan, &fan->parts[i]);
    }
}

/* While the part is still in the cache. */
static int take_sum(struct fan *fan, const struct part *part, struct cove_error *err)
{
    if (!fan->fetch->sums || part->io.op.count == 0)
        return 0;
    if (cove__grow(&fan->sums, &fan->cap_sums, fan->n_sums + 1, sizeof *fan->sums, SIZE_MAX / sizeof *fan->sums) < 0)
        return cove__fail_nomem(err, "a read");
    fan->sums[fan->n_sums++] = (struct sum){ .offset = part->io.offset,
                                             .size = part->io.op.count,
                                             .crc32c = cove__crc32c(0, part->io.dst, (size_t)part->io.op.count) };
    return 0;
}

static int by_offset(const void *a, const void *b)
{
    const struct sum *x = a, *y = b;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static uint32_t join_sums(struct fan *fan)
{
    uint32_t crc32c = 0;

    if (fan->n_sums > 0)
        qsort(fan->sums, fan->n_sums, sizeof *fan->sums, by_offset);
    for (size_t i = 0; i < fan->n_sums; i++)
        crc32c = cove__crc32c_join(crc32c, fan->sums[i].crc32c, (uint64_t)fan->sums[i].size);
    return crc32c;
}

static void fan_replaced(struct fan *fan, struct cove_error *err)
{
    if (fan->rc == 0)
        fan->rc = cove__fs_fail(err, &fan->target->ctx, COVE_EPRECONDITION, "the file was replaced while it was read");
}

/* Takes a finished part in: its count, and whether it is of the same version as the others. */
static void fan_take(struct fan *fan, struct part *part, struct cove_error *err)
{
    struct cove__fetch *fetch = fan->fetch;

    fan->under_way--;
    if (part->io.op.rc < 0) {
        if (fan->rc == 0)
            fan->rc = cove__error_copy(err, &part->io.op.err);
    } else {
        part->range->done += part->io.op.count;
        cove__pace_took(&fan->pace, part->io.ret_wait_ns, part->io.ret_took_ns);
        if (part->io.ret_total >= 0 && fetch->ret_total >= 0 && part->io.ret_total != fetch->ret_total)
            fan_replaced(fan, err);
        if (part->io.ret_total >= 0)
            fetch->ret_total = part->io.ret_total;
        else if (part->io.op.count < (int64_t)part->io.length && part->io.offset + part->io.op.count < fan->end)
            fan->end = part->io.offset + part->io.op.count;
        if (!fetch->ret_etag) {
            fetch->ret_etag = part->io.ret_etag;
            part->io.ret_etag = NULL;
        } else if (part->io.ret_etag && strcmp(part->io.ret_etag, fetch->ret_etag) != 0) {
            fan_replaced(fan, err);
        }
        if (fan->rc == 0)
            fan->rc = take_sum(fan, part, err);
    }
    cove__free(part->io.ret_etag);
    part->range = NULL;
}

static size_t count_parts(const struct fan *fan)
{
    size_t n = 0;

    for (size_t i = 0; i < fan->fetch->n_ranges && n < fan->pace.at_once; i++) {
        size_t length = fan->fetch->ranges[i].length;

        n += length / fan->pace.part + (length % fan->pace.part > 0);
    }
    n = n > 0 ? n : 1;
    return n < fan->pace.at_once ? n : fan->pace.at_once;
}

/* Parts of one read share a handle, which is a reader's, or `own`. */
static int fan_open(struct fan *fan, struct cove__read_handle *own, struct cove_error *err)
{
    struct cove__read_handle *handle = fan->fetch->handle ? fan->fetch->handle : own;

    if (handle == own && fan->n_parts <= 1)
        return 0; /* it looks up what it needs itself */
    int rc = cove__read_handle_open(handle, fan->fs, fan->target, err);
    fan->handle = handle->self;
    return rc;
}

static int fan_run(struct fan *fan, struct cove_error *err)
{
    struct cove__op *op;

    fan->parts = cove__calloc(fan->n_parts, sizeof *fan->parts);
    if (!fan->parts)
        return cove__fail_nomem(err, "a read");
    fan_fill(fan);
    while ((op = cove__inbox_wait(&fan->inbox)) != NULL) {
        fan_take(fan, (struct part *)(void *)op, err);
        fan_fill(fan);
    }
    cove__free(fan->parts);
    fan->fetch->ret_crc32c = join_sums(fan);
    cove__free(fan->sums);
    if (fan->end < fan->fetch->ret_total)
        fan_replaced(fan, err);
    return fan->rc;
}

/* A malformed range is refused before anything is sent. */
int cove__fs_check_ranges(const struct cove__fetch *fetch, const struct cove__ctx *ctx, struct cove_error *err)
{
    for (size_t i = 0; i < fetch->n_ranges; i++) {
        const struct cove_range *r = &fetch->ranges[i];

        if (r->offset < 0 || r->length > (size_t)INT64_MAX || r->offset > INT64_MAX - (int64_t)r->length)
            return cove__fs_fail(err, ctx, COVE_EINVAL, "range %zu (offset %lld, %zu bytes) is not within a file", i,
                                 (long long)r->offset, r->length);
        if (r->length > 0 && !r->buffer)
            return cove__fs_fail(err, ctx, COVE_EINVAL, "range %zu has no buffer", i);
    }
    return 0;
}

bool cove__fs_read_again(const struct cove__ctx *ctx, int rc, unsigned *times, struct cove_error *err)
{
    if (rc != COVE_EPRECONDITION)
        return false;
    if (*times == COVE__READ_AGAIN) {
        cove__fs_fail(err, ctx, COVE_EPRECONDITION, "the file was replaced while it was read, %u times in a row",
                      *times + 1);
        return false;
    }
    ++*times;
    cove__error_clear(err);
    cove__log(COVE_LOG_INFO, "read", "%s: replaced while it was read; restart %u of %u", ctx->url, *times,
              (unsigned)COVE__READ_AGAIN);
    return true;
}

static int fetch_version(cove_fs *fs, const struct cove__target *target, struct cove__fetch *fetch,
                         struct cove_error *err)
{
    struct cove__part_rules rules = { 0 };
    struct fan fan = { .fs = fs, .target = target, .fetch = fetch, .end = INT64_MAX };
    struct cove__read_handle own = { 0 };
    int rc = cove__fs_check_ranges(fetch, &target->ctx, err);

    fetch->ret_total = -1;
    fetch->ret_etag = NULL;
    if (rc < 0)
        return rc;
    fs->ops->part_rules(fs->self, -1, &rules);
    cove__pace_begin(&fan.pace, rules.parallel < MAX_IN_FLIGHT ? rules.parallel : MAX_IN_FLIGHT, rules.default_part);
    for (size_t i = 0; i < fetch->n_ranges; i++) {
        fetch->ranges[i].done = 0;
        if (__builtin_add_overflow(fan.left, fetch->ranges[i].length, &fan.left))
            fan.left = SIZE_MAX;
    }
    cove__inbox_init(&fan.inbox);
    fan.n_parts = count_parts(&fan);
    rc = fan_open(&fan, &own, err);
    if (rc == 0)
        rc = fan_run(&fan, err);
    cove__read_handle_close(&own, fs);
    cove__inbox_done(&fan.inbox);
    if (rc < 0) {
        cove__free(fetch->ret_etag);
        fetch->ret_etag = NULL;
    }
    return rc;
}

int cove__fs_fetch_restarting(cove__fetch_version version, cove_fs *fs, const struct cove__target *target,
                              struct cove__fetch *fetch, struct cove_error *err)
{
    bool once = fetch->once || fetch->if_match;
    unsigned times = 0;
    int rc;

    do {
        rc = version(fs, target, fetch, err);
    } while (!once && cove__fs_read_again(&target->ctx, rc, &times, err));
    return rc;
}

int cove__fs_fetch(cove_fs *fs, const struct cove__target *target, struct cove__fetch *fetch, struct cove_error *err)
{
    return cove__fs_fetch_restarting(fetch_version, fs, target, fetch, err);
}

/* The last `length` bytes at most, of which the caller wants those from -offset on: one request where it wants all of
 * them. */
static int64_t read_suffix(cove_fs *fs, const struct cove__target *target, int64_t from_end, void *buffer,
                           size_t length, struct cove_error *err)
{
    struct cove__inbox inbox;
    struct cove__io io = { .op = { .ctx = target->ctx },
                           .path = target->path,
                           .offset = -from_end,
                           .dst = buffer,
                           .length = length,
                           .ret_total = -1 };

    cove__op_will_wait(&io.op, &inbox);
    cove__op_start(&io.op);
    fs->ops->read(fs->self, &io);
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
        /* Not the whole tail, or nothing at all: the size says where it lies, and that it is a file. */
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
        n = cove__fs_fail(err, &target.ctx, COVE_EINVAL, "a buffer and a sane offset are needed");
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
