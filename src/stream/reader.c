/*
 * Readers: a position in one version of a file, with prefetch. Written once for every backend.
 *
 * Reading on in order opens a window ahead that doubles up to what the budget gives; a jump a little ahead is read
 * through, any other jump closes the window and asks for exactly what is wanted. Large reads that no window covers go
 * straight into the caller's memory.
 */
#include <string.h>

#include <cove/stream.h>

#include "base/error.h"
#include "base/fork.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "net/budget.h"
#include "wire/crc.h"

#define MAX_SLOTS    64
#define PARALLEL     16                  /* reads ahead under way at most */
#define FIRST_READ   ((size_t)64 << 10)  /* the least that the first read of a file asks for */
#define MIN_CHUNK    ((size_t)128 << 10) /* the least that prefetch asks for */
#define READ_THROUGH ((int64_t)1 << 20)  /* a jump ahead of at most this is no jump */
#define DIRECT       ((size_t)1 << 20)   /* reads from this size on skip the buffers */
#define STREAMING    ((int64_t)1 << 20)  /* who has read this much in order reads on */

/* A stretch of the file, asked for ahead. */
struct slot {
    struct cove__io io; /* first: the inbox gives it back; offset and length are the stretch's */
    uint8_t *buffer;
    bool used, pending, dropped;
};

struct cove_reader {
    cove_fs *fs;
    struct cove__target target;
    struct cove_call call;
    cove_cancel *user; /* held */
    cove_cancel *stop; /* of the reads ahead */
    struct cove__part_rules rules;
    char *etag;
    int64_t size;
    int64_t position;
    int64_t expected;     /* where the next read in order begins */
    uint32_t kept_crc32c; /* the store's, of the whole file */
    uint32_t crc32c;      /* of the file up to `summed` */
    int64_t summed;       /* how far it has been read without a gap; -1: no checksum to hold it against, or given up */
    int64_t in_order;     /* bytes read in order since the last jump */
    unsigned generation;  /* of fork: a child has none of its parent's reads ahead */
    struct cove__inbox inbox;
    struct slot slots[MAX_SLOTS];
};

static void destroy(struct cove_reader *r)
{
    cove__inbox_done(&r->inbox);
    cove__target_done(&r->target);
    cove_cancel_unref(r->user);
    cove_cancel_unref(r->stop);
    cove__free(r->etag);
    cove_fs_unref(r->fs);
    cove__free(r);
}

int cove_reader_open(cove_fs *fs, const char *path, const struct cove_call *call, cove_reader **ret_reader,
                     struct cove_error *err)
{
    struct cove_info info = { 0 };
    cove_reader *r = cove__calloc(1, sizeof *r);
    int rc;

    if (!r)
        return cove__fail_nomem(err, "a reader");
    r->fs = cove_fs_ref(fs);
    r->generation = cove__fork_generation();
    r->call = call ? *call : (struct cove_call)COVE_CALL_INIT;
    r->user = cove_cancel_ref(r->call.cancel);
    r->stop = cove__cancel_child(r->user);
    cove__inbox_init(&r->inbox);
    rc = r->stop ? cove__target_init(&r->target, fs, path, call, "read", err) : cove__fail_nomem(err, "a reader");
    if (rc == 0)
        rc = cove__fs_stat(fs, r->target.path, &r->target.ctx, &info, err);
    if (rc == 0 && info.type == COVE_TYPE_DIRECTORY)
        rc = cove__fs_fail(err, &r->target.ctx, COVE_EISDIR, "is a directory");
    if (rc < 0) {
        cove__info_done(&info);
        destroy(r);
        return rc;
    }
    r->size = info.size;
    r->kept_crc32c = info.crc32c;
    r->summed = info.has_crc32c ? 0 : -1;
    r->etag = info.etag;
    info.etag = NULL;
    cove__info_done(&info);
    fs->ops->part_rules(fs->self, r->size, &r->rules);
    *ret_reader = r;
    return 0;
}

/* ---- reads ahead ---- */

static void release(struct slot *slot)
{
    cove__free(slot->io.ret_etag);
    cove__budget_put(slot->buffer, slot->io.length);
    *slot = (struct slot){ 0 };
}

/* Takes one finished read in; false: none is pending. */
static bool reap(struct cove_reader *r, bool wait)
{
    struct cove__op *op = wait ? cove__inbox_wait(&r->inbox) : cove__inbox_poll(&r->inbox);
    struct slot *slot = (struct slot *)(void *)op;

    if (!op)
        return false;
    slot->pending = false;
    if (slot->dropped)
        release(slot);
    return true;
}

static void drop(struct slot *slot)
{
    if (slot->pending)
        slot->dropped = true; /* its memory is still being written to: released when it comes back */
    else
        release(slot);
}

static struct slot *slot_at(struct cove_reader *r, int64_t offset)
{
    for (size_t i = 0; i < MAX_SLOTS; i++) {
        struct slot *s = &r->slots[i];

        if (s->used && !s->dropped && s->io.offset <= offset && offset < s->io.offset + (int64_t)s->io.length)
            return s;
    }
    return NULL;
}

/* Where the stretches ahead of `offset` end. */
static int64_t covered_until(struct cove_reader *r, int64_t offset)
{
    struct slot *s;

    while (offset < r->size && (s = slot_at(r, offset)) != NULL)
        offset = s->io.offset + (int64_t)s->io.length;
    return offset;
}

static bool ask(struct cove_reader *r, int64_t offset, size_t length, bool entitled)
{
    struct slot *slot = NULL;

    for (size_t i = 0; i < MAX_SLOTS && !slot; i++) {
        if (!r->slots[i].used)
            slot = &r->slots[i];
    }
    if (!slot)
        return false;
    if ((int64_t)length > r->size - offset)
        length = (size_t)(r->size - offset);
    *slot = (struct slot){ .buffer = cove__budget_get(length, entitled) };
    if (!slot->buffer)
        return false;
    slot->used = slot->pending = true;
    slot->io.op.inbox = &r->inbox;
    slot->io.op.ctx = r->target.ctx;
    slot->io.op.ctx.cancel = r->stop;
    slot->io.path = r->target.path;
    slot->io.if_match = r->etag;
    slot->io.offset = offset;
    slot->io.length = length;
    slot->io.dst = slot->buffer;
    slot->io.ret_total = -1;
    cove__op_start(&slot->io.op);
    r->fs->ops->read(r->fs->self, &slot->io);
    return true;
}

/* The widest window: so many parts as help, within what a stream may hold. */
static size_t widest(const struct cove_reader *r, size_t parallel)
{
    size_t part = r->rules.default_part;
    size_t may = part > COVE__STREAM_BUFFERS / 4 ? part * 4 : COVE__STREAM_BUFFERS;

    return part * parallel < may ? part * parallel : may;
}

/* Keeps the window open: twice what has been read in order, eight times once that is a stream and no look at a head,
 * within what helps. Its stretches have few sizes, so that their memory goes from one to the next. */
static void prefetch(struct cove_reader *r)
{
    size_t parallel = r->rules.parallel < PARALLEL ? r->rules.parallel : PARALLEL;
    int64_t most = (int64_t)widest(r, parallel), times = r->in_order < STREAMING ? 2 : 8;
    int64_t window = r->in_order > most / times ? most : r->in_order * times;
    int64_t from = covered_until(r, r->position);
    size_t chunk = MIN_CHUNK;

    if (parallel <= 1 || r->in_order < (int64_t)FIRST_READ)
        return; /* a local file: the kernel reads ahead */
    while (chunk * 2 <= (size_t)most / parallel && chunk * 2 <= (size_t)window / 4)
        chunk *= 2;
    while (from < r->size && from + (int64_t)chunk <= r->position + window && ask(r, from, chunk, false))
        from += (int64_t)chunk;
}

/* Stretches that the position has passed, or jumped out of, are let go. */
static void drop_passed(struct cove_reader *r, bool jumped)
{
    while (reap(r, false))
        ;
    for (size_t i = 0; i < MAX_SLOTS; i++) {
        struct slot *s = &r->slots[i];

        if (s->used && !s->dropped && (jumped || s->io.offset + (int64_t)s->io.length <= r->position))
            drop(s);
    }
}

/* In a forked child: the memory of the parent's reads ahead will never be filled. */
static void mind_fork(struct cove_reader *r)
{
    if (r->generation == cove__fork_generation())
        return;
    r->generation = cove__fork_generation();
    cove__inbox_init(&r->inbox);
    for (size_t i = 0; i < MAX_SLOTS; i++) {
        if (r->slots[i].used)
            release(&r->slots[i]);
    }
}

/* ---- reading ---- */

static int64_t copy_out(struct cove_reader *r, struct slot *slot, uint8_t *dst, size_t length, struct cove_error *err)
{
    int64_t skip = r->position - slot->io.offset;
    int64_t have;

    while (slot->pending)
        reap(r, true);
    if (slot->io.op.rc < 0) {
        int rc = cove__error_copy(err, &slot->io.op.err);

        release(slot); /* the next read tries again */
        return rc;
    }
    have = slot->io.op.count - skip;
    if (have <= 0)
        return cove__fs_fail(err, &r->target.ctx, COVE_EPRECONDITION, "the file has become shorter while it was read");
    have = have < (int64_t)length ? have : (int64_t)length;
    memcpy(dst, slot->buffer + skip, (size_t)have);
    return have;
}

static int64_t read_direct(struct cove_reader *r, int64_t offset, uint8_t *dst, size_t length, struct cove_error *err)
{
    struct cove_range range = { .offset = offset, .length = length, .buffer = dst };
    struct cove__fetch fetch = { .ranges = &range, .n_ranges = 1, .if_match = r->etag };
    int rc = cove__fs_fetch(r->fs, &r->target, &fetch, err);

    cove__free(fetch.ret_etag);
    return rc < 0 ? rc : range.done;
}

/* What no stretch covers: straight into place where it is large, else through a new one. */
static int64_t read_uncovered(struct cove_reader *r, uint8_t *dst, size_t length, struct cove_error *err)
{
    size_t least = r->in_order > 0 || r->position == 0 ? FIRST_READ : 1;
    struct slot *slot;

    if (length >= DIRECT)
        return read_direct(r, r->position, dst, length, err);
    if (!ask(r, r->position, length > least ? length : least, true))
        return read_direct(r, r->position, dst, length, err);
    slot = slot_at(r, r->position);
    prefetch(r);
    return copy_out(r, slot, dst, length, err);
}

/* A file that is read through from its first byte to its last is held against the store's checksum at the end. */
static int check_sum(struct cove_reader *r, const uint8_t *data, size_t n, struct cove_error *err)
{
    if (r->summed != r->position)
        return 0;
    r->crc32c = cove__crc32c(r->crc32c, data, n);
    r->summed += (int64_t)n;
    if (r->summed < r->size || r->crc32c == r->kept_crc32c)
        return 0;
    return cove__fs_fail(err, &r->target.ctx, COVE_ECORRUPT,
                         "the bytes do not match the CRC32C checksum that the store keeps");
}

int64_t cove_reader_read(cove_reader *r, void *buffer, size_t length, struct cove_error *err)
{
    uint8_t *dst = buffer;
    size_t done = 0;
    bool jumped = r->position < r->expected || r->position > r->expected + READ_THROUGH;

    if (length > 0 && !buffer)
        return cove__fs_fail(err, &r->target.ctx, COVE_EINVAL, "no buffer was given");
    mind_fork(r);
    r->target.ctx.deadline_ns = cove__call_deadline(r->fs, &r->call);
    if (jumped)
        r->in_order = 0;
    drop_passed(r, jumped && !slot_at(r, r->position));
    if (r->position < r->size && (int64_t)length > r->size - r->position)
        length = (size_t)(r->size - r->position);
    while (done < length && r->position < r->size) {
        struct slot *slot = slot_at(r, r->position);
        int64_t n = slot ? copy_out(r, slot, dst + done, length - done, err)
                         : read_uncovered(r, dst + done, length - done, err);

        if (n == 0)
            n = cove__fs_fail(err, &r->target.ctx, COVE_EPRECONDITION, "the file has become shorter while it was read");
        if (n > 0 && check_sum(r, dst + done, (size_t)n, err) < 0)
            n = COVE_ECORRUPT;
        if (n < 0) {
            /* What came before the failure was not told to the caller, so that the same call can be made again. */
            r->position -= (int64_t)done;
            r->expected = r->position;
            return n;
        }
        done += (size_t)n;
        r->position += n;
        r->in_order += n;
        r->expected = r->position;
        drop_passed(r, false);
    }
    prefetch(r);
    return (int64_t)done;
}

int64_t cove_reader_read_at(cove_reader *r, int64_t offset, void *buffer, size_t length, struct cove_error *err)
{
    if (offset < 0 || (length > 0 && !buffer))
        return cove__fs_fail(err, &r->target.ctx, COVE_EINVAL, "a buffer and an offset of 0 or more are needed");
    if (offset >= r->size || length == 0)
        return 0;
    if ((int64_t)length > r->size - offset)
        length = (size_t)(r->size - offset);
    r->target.ctx.deadline_ns = cove__call_deadline(r->fs, &r->call);
    return read_direct(r, offset, buffer, length, err);
}

int cove_reader_read_ranges(cove_reader *r, struct cove_range *ranges, size_t n_ranges, struct cove_error *err)
{
    struct cove__fetch fetch = { .ranges = ranges, .n_ranges = n_ranges, .if_match = r->etag };
    int rc;

    r->target.ctx.deadline_ns = cove__call_deadline(r->fs, &r->call);
    rc = cove__fs_fetch_merged(r->fs, &r->target, &fetch, err);
    cove__free(fetch.ret_etag);
    return rc;
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

int64_t cove_reader_size(const cove_reader *r)
{
    return r->size;
}

void cove_reader_close(cove_reader *r)
{
    if (!r)
        return;
    mind_fork(r);
    cove_cancel_fire(r->stop);
    while (reap(r, true))
        ;
    drop_passed(r, true);
    destroy(r);
}
