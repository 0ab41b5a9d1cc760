/*
 * Readers: a position in one version of a file, with prefetch. Written once for every backend.
 *
 * On a network the file's first bytes are read at the open, and their response has version and size: a small file costs
 * one request. Reading on in order opens a window ahead that doubles up to what the budget gives, and is wide from the
 * first large block on; a jump a little ahead is read through, any other jump closes the window and requests exactly
 * the bytes of the read. Large reads that no window covers go straight into the caller's memory.
 */
#include "stream/reader.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "stream/copy.h"

#define READ_THROUGH ((int64_t)1 << 20) /* a jump ahead of at most this is read through */
#define DIRECT       ((size_t)1 << 20)  /* reads from this size on skip the buffers */
#define STEP         ((size_t)1 << 20)  /* bytes to request if the caller takes any number of them */
#define ALONE        ((size_t)8 << 20)  /* a read from this size on needs no window to be fast */

static void destroy(struct cove_reader *r)
{
    cove__inbox_done(&r->inbox);
    cove__read_handle_close(&r->handle, r->fs);
    cove__target_done(&r->target);
    cove_cancel_unref(r->user);
    cove_cancel_unref(r->stop);
    cove__info_done(&r->probe_info);
    cove__background_done(&r->probe_background);
    cove__free(r->etag);
    cove__free(r->version_id);
    cove_fs_unref(r->fs);
    cove__free(r);
}

void cove__reader_begin_call(struct cove_reader *r)
{
    r->target.ctx.deadline_ns = cove__call_deadline(r->fs, &r->call);
    atomic_store_explicit(&r->attended_ns, r->target.ctx.deadline_ns, memory_order_relaxed);
}

/* The bytes that the slot has from the position on, at most `length`: their number and place. */
static int64_t wait_for(struct cove_reader *r, struct cove__slot *slot, size_t length, const uint8_t **ret_at,
                        struct cove_error *err)
{
    int64_t skip = r->position - slot->io.offset;
    int64_t have;
    int rc;

    while (slot->pending) {
        rc = cove__reader_reap_one(r, &slot->background, err);
        if (rc < 0)
            return rc;
    }
    if (slot->io.op.rc < 0) {
        rc = cove__error_copy(err, &slot->io.op.err);
        cove__slot_release(slot); /* the next read tries again */
        return rc;
    }
    have = slot->io.op.count - skip;
    if (have <= 0)
        return cove__fs_fail(err, &r->target.ctx, COVE_EPRECONDITION, "the file has become shorter while it was read");
    *ret_at = slot->buffer + skip;
    return (uint64_t)have < length ? have : (int64_t)length;
}

static struct cove__sum sum_of(const struct cove__slot *slot)
{
    return slot->io.has_crc32c ? (struct cove__sum){ slot->io.offset, slot->io.op.count, slot->io.ret_crc32c }
                               : (struct cove__sum){ 0 };
}

static int64_t copy_out(struct cove_reader *r, struct cove__slot *slot, uint8_t *dst, size_t length,
                        struct cove__sum *ret_sum, struct cove_error *err)
{
    const uint8_t *at = NULL;
    int64_t n = wait_for(r, slot, length, &at, err);

    if (n > 0) {
        *ret_sum = sum_of(slot);
        memcpy(dst, at, (size_t)n);
    }
    return n;
}

/* `ret_sum` NULL: not wanted. */
static int64_t read_direct(struct cove_reader *r, int64_t offset, uint8_t *dst, size_t length,
                           struct cove__sum *ret_sum, struct cove_error *err)
{
    struct cove_range range = { .offset = offset, .length = length, .buffer = dst };
    struct cove__fetch fetch = { .ranges = &range,
                                 .n_ranges = 1,
                                 .if_match = r->etag,
                                 .if_size = cove__reader_known_size(r),
                                 .once = true,
                                 .handle = &r->handle };
    fetch.wants_crc32c = ret_sum && cove__reader_wants_sum(r, offset);
    int rc = cove__fs_fetch(r->fs, &r->target, &fetch, err);

    if (rc == 0 && fetch.wants_crc32c)
        *ret_sum = (struct cove__sum){ offset, range.done, fetch.ret_crc32c };
    cove__free(fetch.ret_etag);
    return rc < 0 ? rc : range.done;
}

/* Reads bytes that no stretch covers: straight into `dst` if they are many, else through a new stretch. */
static int64_t read_uncovered(struct cove_reader *r, uint8_t *dst, size_t length, struct cove__sum *ret_sum,
                              struct cove_error *err)
{
    size_t least = r->in_order > 0 || r->position == 0 ? COVE__FIRST_READ : 1;
    struct cove__slot *slot;
    int rc;

    if (length >= DIRECT)
        return read_direct(r, r->position, dst, length, ret_sum, err);
    rc = cove__reader_ask(r, r->position, length > least ? length : least, true, err);
    if (rc < 0)
        return rc;
    if (rc == 0)
        return read_direct(r, r->position, dst, length, ret_sum, err);
    slot = cove__reader_slot_at(r, r->position);
    cove__reader_prefetch(r, r->in_order, length);
    return copy_out(r, slot, dst, length, ret_sum, err);
}

/* Requests what a read of `block` bytes needs, and the reads that will follow it. */
static void read_ahead(struct cove_reader *r, int64_t in_order, size_t block)
{
    cove__reader_prefetch(r, in_order, block);
    cove__reader_want_checksum(r, in_order);
}

/* Whether a read of `length` bytes needs no window: it is large, or is the rest of the file, and is sent as it is. If
 * some of it is already under way, the read waits for that, and a window fetches the rest meanwhile. */
static bool is_alone(struct cove_reader *r, size_t length)
{
    struct cove__slot *here = cove__reader_slot_at(r, r->position);

    return length >= ALONE || ((int64_t)length >= r->size - r->position && !(here && here->pending));
}

/* Before a read of `length` bytes at the position: fewer, where the file ends. */
static size_t begin_read(struct cove_reader *r, size_t length)
{
    bool jumped = r->position < r->expected || r->position > r->expected + READ_THROUGH;

    cove__reader_mind_fork(r);
    cove__reader_begin_call(r);
    if (jumped)
        r->in_order = 0;
    cove__reader_drop_passed(r, jumped && !cove__reader_slot_at(r, r->position));
    if (r->position < r->size && (int64_t)length > r->size - r->position)
        length = (size_t)(r->size - r->position);
    if ((r->position == 0 || r->in_order > 0) && !is_alone(r, length))
        cove__reader_prefetch(r, r->in_order + (int64_t)length, length);
    cove__reader_want_checksum(r, r->in_order + (int64_t)length);
    return length;
}

static int64_t failed(struct cove_reader *r, int64_t rc)
{
    r->replaced |= rc == COVE_EPRECONDITION;
    return rc;
}

/* After the read: `n` bytes of it are at `data`; n is negative if it failed. */
static int64_t end_read(struct cove_reader *r, const struct cove__sum *sum, const uint8_t *data, int64_t n,
                        struct cove_error *err)
{
    if (n == 0)
        n = cove__fs_fail(err, &r->target.ctx, COVE_EPRECONDITION, "the file has become shorter while it was read");
    int rc = n > 0 ? cove__reader_check(r, sum, data, (size_t)n, err) : 0;
    if (n < 0 || rc < 0)
        return failed(r, n < 0 ? n : rc);
    r->position += n;
    r->in_order += n;
    r->expected = r->position;
    return n;
}

int64_t cove_reader_read(cove_reader *r, void *buffer, size_t length, struct cove_error *err)
{
    uint8_t *dst = buffer;
    uint32_t crc32c = r->crc32c, crc32 = r->crc32;
    int64_t checksum_end = r->checksum_end;
    size_t done = 0;

    if (length > 0 && !buffer)
        return cove__fs_fail(err, &r->target.ctx, COVE_EINVAL, "no buffer was given");
    length = begin_read(r, length);
    while (done < length && r->position < r->size) {
        struct cove__slot *slot = cove__reader_slot_at(r, r->position);
        struct cove__sum sum = { 0 };
        int64_t n = slot ? copy_out(r, slot, dst + done, length - done, &sum, err)
                         : read_uncovered(r, dst + done, length - done, &sum, err);

        n = end_read(r, &sum, dst + done, n, err);
        if (n < 0) {
            /* The bytes before the failure were not reported to the caller, so the same call can be repeated. */
            if (r->checksum_end >= 0) {
                r->checksum_end = checksum_end;
                r->crc32c = crc32c;
                r->crc32 = crc32;
            }
            r->position -= (int64_t)done;
            r->expected = r->position;
            return n;
        }
        done += (size_t)n;
        cove__reader_drop_passed(r, false);
    }
    read_ahead(r, r->in_order, length);
    return (int64_t)done;
}

int64_t cove_reader_next(cove_reader *r, const void **ret_data, size_t at_most, struct cove_error *err)
{
    size_t length = begin_read(r, at_most < STEP ? at_most : STEP);
    struct cove__slot *slot = NULL;
    const uint8_t *at = NULL;
    int64_t n;

    if (length == 0 || r->position >= r->size)
        return 0;
    while (!(slot = cove__reader_slot_at(r, r->position))) {
        int rc = cove__reader_ask(r, r->position, length, true, err);
        /* Stretches that a jump left behind may hold all slots until their bytes have arrived. */
        if (rc == 0)
            rc = cove__inbox_pending(&r->inbox) > 0 ? cove__reader_reap_one(r, NULL, err)
                                                    : cove__fail_nomem(err, "a read");
        if (rc < 0)
            return rc;
    }
    n = wait_for(r, slot, at_most, &at, err);
    struct cove__sum sum = n > 0 ? sum_of(slot) : (struct cove__sum){ 0 };
    n = end_read(r, &sum, at, n, err);
    if (n > 0)
        *ret_data = at;
    return n;
}

/* Copies the bytes that have arrived, from the first one on; returns their number. */
static int64_t copy_arrived(struct cove_reader *r, int64_t offset, uint8_t *dst, size_t length)
{
    struct cove__slot *slot = cove__reader_slot_at(r, offset);
    int64_t have = slot && !slot->pending && slot->io.op.rc == 0 ? slot->io.offset + slot->io.op.count - offset : 0;

    if (have <= 0)
        return 0;
    if (have > (int64_t)length)
        have = (int64_t)length;
    memcpy(dst, slot->buffer + (offset - slot->io.offset), (size_t)have);
    return have;
}

int64_t cove_reader_read_at(cove_reader *r, int64_t offset, void *buffer, size_t length, struct cove_error *err)
{
    int64_t have, n;

    if (offset < 0 || (length > 0 && !buffer))
        return cove__fs_fail(err, &r->target.ctx, COVE_EINVAL, "a buffer and an offset of 0 or more are needed");
    if (offset >= r->size || length == 0)
        return 0;
    if ((int64_t)length > r->size - offset)
        length = (size_t)(r->size - offset);
    cove__reader_mind_fork(r);
    have = copy_arrived(r, offset, buffer, length);
    if (have == (int64_t)length)
        return have;
    cove__reader_begin_call(r);
    n = failed(r, read_direct(r, offset + have, (uint8_t *)buffer + have, length - (size_t)have, NULL, err));
    return n < 0 ? n : have + n;
}

/* Copies the bytes of a range that have arrived; *ret_rest is the part that is still to be requested. */
static void take_arrived(struct cove_reader *r, struct cove_range *range, struct cove_range *ret_rest)
{
    int64_t left = range->offset < r->size ? r->size - range->offset : 0;
    size_t length = (int64_t)range->length < left ? range->length : (size_t)left;

    range->done = length > 0 ? copy_arrived(r, range->offset, range->buffer, length) : 0;
    *ret_rest = (struct cove_range){ .offset = range->offset + range->done,
                                     .length = length - (size_t)range->done,
                                     .buffer = length > 0 ? (uint8_t *)range->buffer + range->done : NULL };
}

int cove_reader_read_ranges(cove_reader *r, struct cove_range *ranges, size_t n_ranges, struct cove_error *err)
{
    struct cove__fetch fetch = { .ranges = ranges,
                                 .n_ranges = n_ranges,
                                 .if_match = r->etag,
                                 .if_size = cove__reader_known_size(r),
                                 .once = true,
                                 .handle = &r->handle };
    int rc = cove__fs_check_ranges(&fetch, &r->target.ctx, err);

    if (rc < 0 || n_ranges == 0)
        return rc;
    fetch.ranges = cove__calloc(n_ranges, sizeof *fetch.ranges);
    if (!fetch.ranges)
        return cove__fail_nomem(err, "a read");
    cove__reader_mind_fork(r);
    for (size_t i = 0; i < n_ranges; i++)
        take_arrived(r, &ranges[i], &fetch.ranges[i]);
    cove__reader_begin_call(r);
    rc = cove__fs_fetch_merged(r->fs, &r->target, &fetch, err);
    for (size_t i = 0; i < n_ranges; i++)
        ranges[i].done += fetch.ranges[i].done;
    cove__free(fetch.ranges);
    cove__free(fetch.ret_etag);
    return (int)failed(r, rc);
}

int cove_reader_seek(cove_reader *r, int64_t offset, struct cove_error *err)
{
    if (offset < 0)
        return cove__fs_fail(err, &r->target.ctx, COVE_EINVAL, "cannot seek to %lld", (long long)offset);
    r->position = offset;
    return 0;
}

int64_t cove_reader_tell(const cove_reader *r)
{
    return r->position;
}

const char *cove_reader_etag(const cove_reader *r)
{
    return r->etag;
}

const char *cove_reader_version_id(const cove_reader *r)
{
    return r->version_id;
}

int64_t cove_reader_size(const cove_reader *r)
{
    return r->size;
}

bool cove__reader_is_direct(const cove_reader *r)
{
    return r->rules.parallel <= 1;
}

void cove_reader_close(cove_reader *r)
{
    if (!r)
        return;
    cove__reader_mind_fork(r);
    cove_cancel_fire(r->stop);
    while (cove__reader_reap(r, cove__inbox_wait(&r->inbox)))
        ;
    cove__reader_drop_passed(r, true);
    destroy(r);
}
