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
    struct cove__read_io io;
    struct cove_range *range; /* NULL: it is not under way */
};

/* The checksum of bytes that have come, by their place. */
struct part_checksum {
    int64_t offset, size;
    uint32_t crc32c;
};

struct range_fetch {
    cove_fs *fs;
    const struct cove__target *target;
    struct cove__fetch *fetch;
    struct cove__inbox inbox;
    struct cove__pace pace;
    void *handle; /* see read.open; NULL: none */
    struct part *parts;
    size_t n_parts;
    unsigned under_way;
    size_t left;                     /* bytes not asked for yet */
    struct part_checksum *checksums; /* of the parts that have come, in any order */
    size_t n_checksums, cap_checksums;
    int64_t end;       /* where a part ended early and the store gave no size; INT64_MAX: none did */
    size_t next_range; /* the next request: this range, from this byte of it on */
    size_t next_byte;
    int rc;
};

static bool range_fetch_has_more(struct range_fetch *rf)
{
    while (rf->next_range < rf->fetch->n_ranges && rf->fetch->ranges[rf->next_range].length == 0)
        rf->next_range++; /* asks for nothing */
    return rf->rc == 0 && rf->next_range < rf->fetch->n_ranges;
}

static void range_fetch_send(struct range_fetch *rf, struct part *part)
{
    struct cove_range *range = &rf->fetch->ranges[rf->next_range];
    size_t left = range->length - rf->next_byte, size = cove__pace_next(&rf->pace, rf->left);

    *part = (struct part){ .range = range };
    part->io.op.inbox = &rf->inbox;
    part->io.op.ctx = rf->target->ctx;
    part->io.op.ctx.waits = &rf->inbox;
    part->io.path = rf->target->path;
    part->io.if_match = rf->fetch->if_match;
    part->io.if_size = rf->fetch->if_size;
    part->io.handle = rf->handle;
    part->io.offset = range->offset + (int64_t)rf->next_byte;
    part->io.length = left < size ? left : size;
    part->io.dst = (uint8_t *)range->buffer + rf->next_byte;
    part->io.ret_total = -1;
    part->io.wants_crc32c = rf->fetch->wants_crc32c;
    rf->next_byte += part->io.length;
    rf->left -= part->io.length;
    if (rf->next_byte == range->length) {
        rf->next_range++;
        rf->next_byte = 0;
    }
    rf->under_way++;
    cove__fs_start_read(rf->fs, &part->io, rf->n_parts > 1);
}

/* Sends what may be under way. */
static void range_fetch_fill(struct range_fetch *rf)
{
    for (size_t i = 0; i < rf->n_parts && rf->under_way < rf->pace.at_once && range_fetch_has_more(rf); i++) {
        if (!rf->parts[i].range)
            range_fetch_send(rf, &rf->parts[i]);
    }
}

static int take_checksum(struct range_fetch *rf, const struct part *part, struct cove_error *err)
{
    if (!rf->fetch->wants_crc32c || part->io.op.count == 0)
        return 0;
    if (cove__grow(&rf->checksums, &rf->cap_checksums, rf->n_checksums + 1, sizeof *rf->checksums,
                   SIZE_MAX / sizeof *rf->checksums) < 0)
        return cove__fail_nomem(err, "a read");
    rf->checksums[rf->n_checksums++] = (struct part_checksum){ .offset = part->io.offset,
                                                               .size = part->io.op.count,
                                                               .crc32c = cove__read_crc32c(&part->io) };
    return 0;
}

static int by_offset(const void *a, const void *b)
{
    const struct part_checksum *x = a, *y = b;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static uint32_t join_checksums(struct range_fetch *rf)
{
    uint32_t crc32c = 0;

    if (rf->n_checksums > 0)
        qsort(rf->checksums, rf->n_checksums, sizeof *rf->checksums, by_offset);
    for (size_t i = 0; i < rf->n_checksums; i++)
        crc32c = cove__crc32c_join(crc32c, rf->checksums[i].crc32c, (uint64_t)rf->checksums[i].size);
    return crc32c;
}

static void range_fetch_replaced(struct range_fetch *rf, struct cove_error *err)
{
    if (rf->rc == 0)
        rf->rc = cove__fs_fail(err, &rf->target->ctx, COVE_EPRECONDITION, "the file was replaced while it was read");
}

/* Takes a finished part in: its count, and whether it is of the same version as the others. */
static void range_fetch_take(struct range_fetch *rf, struct part *part, struct cove_error *err)
{
    struct cove__fetch *fetch = rf->fetch;

    rf->under_way--;
    if (part->io.op.rc < 0) {
        if (rf->rc == 0)
            rf->rc = cove__error_copy(err, &part->io.op.err);
    } else {
        part->range->done += part->io.op.count;
        cove__pace_took(&rf->pace, part->io.ret_wait_ns, part->io.ret_took_ns);
        if (part->io.ret_total >= 0 && fetch->ret_total >= 0 && part->io.ret_total != fetch->ret_total)
            range_fetch_replaced(rf, err);
        if (part->io.ret_total >= 0)
            fetch->ret_total = part->io.ret_total;
        else if (part->io.op.count < (int64_t)part->io.length && part->io.offset + part->io.op.count < rf->end)
            rf->end = part->io.offset + part->io.op.count;
        if (!fetch->ret_etag) {
            fetch->ret_etag = part->io.ret_etag;
            part->io.ret_etag = NULL;
        } else if (part->io.ret_etag && strcmp(part->io.ret_etag, fetch->ret_etag) != 0) {
            range_fetch_replaced(rf, err);
        }
        if (rf->rc == 0)
            rf->rc = take_checksum(rf, part, err);
    }
    cove__free(part->io.ret_etag);
    part->range = NULL;
}

static size_t count_parts(const struct range_fetch *rf)
{
    size_t n = 0;

    for (size_t i = 0; i < rf->fetch->n_ranges && n < rf->pace.at_once; i++) {
        size_t length = rf->fetch->ranges[i].length;

        n += length / rf->pace.part + (length % rf->pace.part > 0);
    }
    n = n > 0 ? n : 1;
    return n < rf->pace.at_once ? n : rf->pace.at_once;
}

/* Parts of one read share a handle, which is a reader's, or `own`. */
static int range_fetch_open(struct range_fetch *rf, struct cove__read_handle *own, struct cove_error *err)
{
    struct cove__read_handle *handle = rf->fetch->handle ? rf->fetch->handle : own;

    if (handle == own && rf->n_parts <= 1)
        return 0; /* it looks up what it needs itself */
    int rc = cove__read_handle_open(handle, rf->fs, rf->target, err);
    rf->handle = handle->self;
    return rc;
}

static int range_fetch_run(struct range_fetch *rf, struct cove_error *err)
{
    struct cove__op *op;

    rf->parts = cove__calloc(rf->n_parts, sizeof *rf->parts);
    if (!rf->parts)
        return cove__fail_nomem(err, "a read");
    range_fetch_fill(rf);
    while ((op = cove__inbox_wait(&rf->inbox))) {
        range_fetch_take(rf, (struct part *)(void *)op, err);
        range_fetch_fill(rf);
    }
    cove__free(rf->parts);
    rf->fetch->ret_crc32c = join_checksums(rf);
    cove__free(rf->checksums);
    if (rf->end < rf->fetch->ret_total)
        range_fetch_replaced(rf, err);
    return rf->rc;
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
    struct range_fetch rf = { .fs = fs, .target = target, .fetch = fetch, .end = INT64_MAX };
    struct cove__read_handle own = { 0 };
    int rc = cove__fs_check_ranges(fetch, &target->ctx, err);

    fetch->ret_total = -1;
    fetch->ret_etag = NULL;
    if (rc < 0)
        return rc;
    fs->ops->upload.part_rules(fs->self, NULL, &rules);
    cove__pace_begin(&rf.pace, rules.parallel < MAX_IN_FLIGHT ? rules.parallel : MAX_IN_FLIGHT, rules.default_part);
    for (size_t i = 0; i < fetch->n_ranges; i++) {
        fetch->ranges[i].done = 0;
        if (__builtin_add_overflow(rf.left, fetch->ranges[i].length, &rf.left))
            rf.left = SIZE_MAX;
    }
    cove__inbox_init(&rf.inbox);
    rf.n_parts = count_parts(&rf);
    rc = range_fetch_open(&rf, &own, err);
    if (rc == 0)
        rc = range_fetch_run(&rf, err);
    cove__read_handle_close(&own, fs);
    cove__inbox_done(&rf.inbox);
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
