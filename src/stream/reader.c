/*
 * Readers: a position in one version of a file, with prefetch. Written once for every backend.
 *
 * On a network the file's first bytes are read at the open, and their reply tells version and size: a small file costs
 * one request. Reading on in order opens a window ahead that doubles up to what the budget gives, and is wide from the
 * first large block on; a jump a little ahead is read through, any other jump closes the window and asks for exactly
 * what is wanted. Large reads that no window covers go straight into the caller's memory.
 */
#include <string.h>

#include <cove/stream.h>

#include "base/budget.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/log.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/store_sum.h"
#include "stream/copy.h"
#include "stream/head.h"
#include "stream/window.h"
#include "wire/crc.h"
#include "wire/zip.h"

#define MAX_SLOTS    64
#define PARALLEL     16                 /* reads ahead under way at most */
#define FIRST_READ   COVE__HEAD_SIZE    /* what the open reads of a file, the least that a read in order asks for */
#define WIDE         64                 /* times what has been read in order, for who reads large blocks */
#define READ_THROUGH ((int64_t)1 << 20) /* a jump ahead of at most this is no jump */
#define DIRECT       ((size_t)1 << 20)  /* reads from this size on skip the buffers */
#define STREAMING    ((int64_t)1 << 20) /* who has read this much in order reads on */
#define STEP         ((size_t)1 << 20)  /* what is asked for where the caller takes what comes */
#define ALONE        ((size_t)8 << 20)  /* a read from this size on needs no window to be fast */

/* A stretch of the file, asked for ahead. */
struct slot {
    struct cove__io io; /* first: the inbox gives it back; offset and length are the stretch's */
    struct cove__background background;
    cove_cancel *stop; /* of this stretch alone */
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
    struct cove__read_handle handle; /* the first read opens it */
    char *etag, *version_id;         /* of what is read; NULL: not told */
    int64_t size;
    int64_t position;
    int64_t expected;            /* where the next read in order begins */
    _Atomic int64_t attended_ns; /* the deadline of the latest call */
    struct cove__io look;        /* for the store's checksum of the whole file, beside the reads */
    struct cove__background look_background;
    struct cove_info looked;
    bool asked, looking; /* whether `look` has been sent; whether it is under way */
    uint32_t crc32c;     /* of the file up to `summed` */
    uint32_t crc32;      /* likewise, where the store may report this one instead */
    int64_t summed;      /* how far it has been read without a gap; -1: no checksum to hold it against */
    unsigned reopened;   /* how often */
    bool replaced;       /* a read has shown that the file was replaced */
    size_t first_read;   /* what the open asks for */
    int64_t in_order;    /* bytes read in order since the last jump */
    unsigned generation; /* of fork: a child has none of its parent's reads ahead */
    struct cove__inbox inbox;
    struct slot slots[MAX_SLOTS];
};

static void destroy(struct cove_reader *r)
{
    cove__inbox_done(&r->inbox);
    cove__read_handle_close(&r->handle, r->fs);
    cove__target_done(&r->target);
    cove_cancel_unref(r->user);
    cove_cancel_unref(r->stop);
    cove__info_done(&r->looked);
    cove__background_done(&r->look_background);
    cove__free(r->etag);
    cove__free(r->version_id);
    cove_fs_unref(r->fs);
    cove__free(r);
}

static void begin_call(struct cove_reader *r)
{
    r->target.ctx.deadline_ns = cove__call_deadline(r->fs, &r->call);
    atomic_store_explicit(&r->attended_ns, r->target.ctx.deadline_ns, memory_order_relaxed);
}

/* ---- reads ahead ---- */

static void release(struct slot *slot)
{
    cove__free(slot->io.ret_etag);
    cove__background_done(&slot->background);
    cove_cancel_unref(slot->stop);
    cove__budget_put(slot->buffer, slot->io.length);
    *slot = (struct slot){ 0 };
}

/* A checksum that cannot be had, or is of another version, is none. */
static void has_looked(struct cove_reader *r)
{
    const struct cove_info *info = &r->looked;
    bool other = info->size != r->size || (r->etag && info->etag && strcmp(r->etag, info->etag) != 0);

    r->looking = false;
    if (r->look.op.rc < 0 && r->look.op.rc != COVE_ECANCELED)
        cove__log(COVE_LOG_WARNING, "reader", "%s; what is read is not held against the whole file's checksum",
                  r->look.op.err.message);
    if (r->look.op.rc == 0)
        cove__sums_keep(r->fs, r->target.path, info);
    if (r->look.op.rc < 0 || other || !info->has_crc32c)
        r->summed = -1;
}

/* Takes in the result of a finished read. False: `op` is NULL. */
static bool reap(struct cove_reader *r, struct cove__op *op)
{
    struct slot *slot = (struct slot *)(void *)op;

    if (!op)
        return false;
    if (op == &r->look.op) {
        has_looked(r);
        return true;
    }
    slot->pending = false;
    if (slot->dropped)
        release(slot);
    return true;
}

/* Adds what has failed of the work that the call waited for, or else of what stands before it in the queue. */
static void explain(const struct cove_reader *r, const struct cove__background *wanted, struct cove_error *err)
{
    if (wanted && cove__background_explain(wanted, err))
        return;
    for (size_t i = 0; i < MAX_SLOTS; i++) {
        if (r->slots[i].pending && cove__background_explain(&r->slots[i].background, err))
            return;
    }
}

/* Waits for one of the running reads until the call's deadline; `wanted` is what the call needs, NULL: any. After the
 * deadline the reads continue, and the next call uses their results. */
static int reap_one(struct cove_reader *r, const struct cove__background *wanted, struct cove_error *err)
{
    int rc;

    if (reap(r, cove__inbox_wait_until(&r->inbox, r->target.ctx.deadline_ns)))
        return 0;
    if (cove__inbox_pending(&r->inbox) == 0)
        return cove__fs_fail(err, &r->target.ctx, COVE_ESTATE, "no read is under way");
    rc = cove__ctx_check(&r->target.ctx, err);
    if (rc < 0)
        explain(r, wanted, err);
    return rc;
}

/* Nobody will ask for it any more: a read under way is cancelled. Its memory is still being written to, and is released
 * when it comes back. */
static void drop(struct slot *slot)
{
    slot->dropped = true;
    if (slot->pending)
        cove_cancel_fire(slot->stop);
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

/* Sets up an op of the reader. It does not get the deadline of the call that starts it, because a much later call may
 * be the one that waits for it. The HTTP client's retries bound it. */
static void in_background(struct cove_reader *r, struct cove__op *op, struct cove__background *background,
                          cove_cancel *stop)
{
    op->inbox = &r->inbox;
    op->ctx = r->target.ctx;
    op->ctx.deadline_ns = INT64_MAX;
    op->ctx.cancel = stop;
    op->ctx.background = background;
    background->attended_ns = &r->attended_ns;
}

static bool ask(struct cove_reader *r, int64_t offset, size_t length, bool entitled)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct slot *slot = NULL;
    int rc;

    for (size_t i = 0; i < MAX_SLOTS && !slot; i++) {
        if (!r->slots[i].used)
            slot = &r->slots[i];
    }
    if (!slot)
        return false;
    if ((int64_t)length > r->size - offset)
        length = (size_t)(r->size - offset);
    *slot = (struct slot){ .stop = cove__cancel_child(r->stop) };
    slot->buffer = slot->stop ? cove__budget_get(length, entitled) : NULL;
    if (!slot->buffer) {
        release(slot);
        return false;
    }
    slot->used = slot->pending = true;
    in_background(r, &slot->io.op, &slot->background, slot->stop);
    slot->io.path = r->target.path;
    slot->io.if_match = r->etag;
    slot->io.ret_version_id = r->size == INT64_MAX ? &r->version_id : NULL; /* of the open, which waits for it */
    slot->io.offset = offset;
    slot->io.length = length;
    slot->io.dst = slot->buffer;
    slot->io.ret_total = -1;
    rc = cove__read_handle_open(&r->handle, r->fs, &r->target, &err);
    slot->io.handle = r->handle.self;
    if (rc == 0) {
        cove__fs_start(r->fs, r->fs->ops->read, &slot->io, r->rules.parallel > 1);
    } else {
        cove__op_start(&slot->io.op);
        cove__op_finish(&slot->io.op, rc, 0, &err); /* found by who waits for these bytes */
    }
    return true;
}

/* Keeps the window open, for a read of `block` bytes: twice what has been read in order, eight times once that is a
 * stream and no look at a head; all that helps, where the blocks are large. */
static void prefetch(struct cove_reader *r, int64_t in_order, size_t block)
{
    size_t parallel = r->rules.parallel < PARALLEL ? r->rules.parallel : PARALLEL;
    int64_t most = (int64_t)cove__window_widest(r->rules.default_part, parallel);
    int64_t times = in_order < STREAMING ? 2 : block < (size_t)STREAMING ? 8 : WIDE;
    int64_t window = in_order > most / times ? most : in_order * times;
    int64_t from = covered_until(r, r->position);

    if (parallel <= 1 || in_order < (int64_t)FIRST_READ)
        return; /* a local file: the kernel reads ahead */
    while (from < r->size) {
        size_t chunk = cove__window_stretch((size_t)most / parallel, (size_t)window, (size_t)(from - r->position));

        if (from + (int64_t)chunk > r->position + window || !ask(r, from, chunk, false))
            break;
        from += (int64_t)chunk;
    }
}

/* Stretches that the position has passed, or jumped out of, are let go. */
static void drop_passed(struct cove_reader *r, bool jumped)
{
    while (reap(r, cove__inbox_poll(&r->inbox)))
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
    if (r->looking)
        r->summed = -1;
    r->looking = false;
    for (size_t i = 0; i < MAX_SLOTS; i++) {
        if (r->slots[i].used)
            release(&r->slots[i]);
    }
}

/* ---- the open ---- */

static int open_by_look(struct cove_reader *r, struct cove_error *err)
{
    int rc = cove__fs_stat(r->fs, r->target.path, &r->target.ctx, &r->looked, err);

    if (rc == 0 && r->looked.type == COVE_INFO_DIRECTORY)
        rc = cove__fs_fail(err, &r->target.ctx, COVE_EISDIR, "is a directory");
    else if (rc == 0 && r->looked.pipe)
        rc = cove__fs_fail(err, &r->target.ctx, COVE_ENOTSUP,
                           "is a pipe, which cannot be read at an offset; copy it to a file");
    if (rc < 0)
        return rc;
    r->size = r->looked.size;
    r->etag = r->looked.etag;
    r->looked.etag = NULL;
    cove__free(r->version_id);
    r->version_id = r->looked.version_id;
    r->looked.version_id = NULL;
    r->asked = true;
    r->summed = r->looked.has_crc32c ? 0 : -1;
    return 0;
}

/* The reply to a read of the first bytes tells the rest. Where it does not, *ret_told is false. */
static int open_by_read(struct cove_reader *r, bool *ret_told, struct cove_error *err)
{
    struct slot *first = &r->slots[0];
    int rc;

    r->size = INT64_MAX; /* not known yet */
    if (!ask(r, 0, r->first_read, true))
        return cove__fail_nomem(err, "a reader");
    rc = reap_one(r, &first->background, err);
    if (rc == 0 && first->io.op.rc < 0)
        rc = cove__error_copy(err, &first->io.op.err);
    *ret_told = rc == 0 && first->io.ret_total >= 0 && (first->io.op.count > 0 || first->io.ret_total == 0);
    if (*ret_told) {
        r->size = first->io.ret_total;
        r->etag = first->io.ret_etag;
        first->io.ret_etag = NULL;
        if (first->io.op.count == r->size)
            r->summed = -1; /* the one reply has been held against what there is */
    }
    if (!*ret_told || first->io.op.count == 0)
        drop(first);
    return rc;
}

static int find_out(struct cove_reader *r, struct cove_error *err)
{
    const char *path = r->target.path;
    size_t n = strlen(path);
    bool told = false;
    int rc = 0;

    r->fs->ops->part_rules(r->fs->self, -1, &r->rules);
    if (r->rules.parallel > 1 && n > 0 && path[n - 1] != '/') /* such a name may be a directory's mark */
        rc = open_by_read(r, &told, err);
    return rc == 0 && !told ? open_by_look(r, err) : rc;
}

/* The first bytes have come already. */
static int open_by_head(struct cove_reader *r, struct cove__head *head, struct cove_error *err)
{
    struct slot *first = &r->slots[0];

    r->fs->ops->part_rules(r->fs->self, -1, &r->rules);
    r->size = head->total;
    r->etag = head->etag;
    head->etag = NULL;
    if (r->fs->ops->real_directories || head->n == (size_t)r->size)
        r->summed = -1; /* what is on this machine has no checksum; one reply has been held against what there is */
    if (head->n == 0)
        return 0;
    first->buffer = cove__budget_get(head->n, true);
    if (!first->buffer)
        return cove__fail_nomem(err, "a reader");
    memcpy(first->buffer, head->data, head->n);
    first->used = true;
    first->io.length = head->n;
    first->io.op.count = (int64_t)head->n;
    return 0;
}

/* `head` NULL: its first request brings `first_read` bytes. */
static int open_reader(cove_fs *fs, const char *path, const struct cove_call *call, size_t first_read,
                       struct cove__head *head, cove_reader **ret_reader, struct cove_error *err)
{
    cove_reader *r = cove__calloc(1, sizeof *r);
    int rc;

    if (!r)
        return cove__fail_nomem(err, "a reader");
    r->fs = cove_fs_ref(fs);
    r->first_read = first_read;
    r->generation = cove__fork_generation();
    r->call = call ? *call : (struct cove_call)COVE_CALL_INIT;
    r->user = cove_cancel_ref(r->call.cancel);
    r->stop = cove__cancel_child(r->user);
    cove__inbox_init(&r->inbox);
    rc = r->stop ? cove__target_init(&r->target, fs, path, call, "read", err) : cove__fail_nomem(err, "a reader");
    if (rc == 0) {
        begin_call(r);
        rc = head ? open_by_head(r, head, err) : find_out(r, err);
    }
    if (rc < 0) {
        cove_reader_close(r);
        return rc;
    }
    *ret_reader = r;
    return 0;
}

int cove_reader_open(cove_fs *fs, const char *path, const struct cove_call *call, cove_reader **ret_reader,
                     struct cove_error *err)
{
    return open_reader(fs, path, call, FIRST_READ, NULL, ret_reader, err);
}

int cove__reader_from_head(cove_fs *fs, const char *path, const struct cove_call *call, struct cove__head *head,
                           cove_reader **ret_reader, struct cove_error *err)
{
    return open_reader(fs, path, call, FIRST_READ, head, ret_reader, err);
}

/* A file of at most one part comes in the first request, so another replacement can't fail it. */
int cove_reader_reopen(cove_reader **reader, struct cove_error *err)
{
    cove_reader *old = *reader, *r = NULL;
    size_t part = old->rules.default_part, first_read = FIRST_READ;
    unsigned times = old->reopened;
    int rc;

    /* Without it the error is of something else, such as a copy's target, which reading again doesn't change. */
    if (!old->replaced || !cove__fs_read_again(&old->target.ctx, COVE_EPRECONDITION, &times, err))
        return COVE_EPRECONDITION;
    if (old->size > (int64_t)FIRST_READ && part > FIRST_READ)
        first_read = old->size < (int64_t)part ? (size_t)old->size : part;
    rc = open_reader(old->fs, old->target.path, &old->call, first_read, NULL, &r, err);
    if (rc < 0)
        return rc;
    r->reopened = times;
    cove_reader_close(old);
    *reader = r;
    return 0;
}

/* ---- the whole file's checksum ---- */

static void ask_for_sum(struct cove_reader *r)
{
    if (r->asked)
        return;
    r->asked = true;
    if (cove__sums_find(r->fs, r->target.path, r->etag, r->size, &r->looked)) {
        if (!r->looked.has_crc32c)
            r->summed = -1;
        return;
    }
    r->looking = true;
    r->look = (struct cove__io){ .path = r->target.path, .ret_info = &r->looked };
    in_background(r, &r->look.op, &r->look_background, r->stop);
    cove__fs_start(r->fs, r->fs->ops->stat, &r->look, true);
}

/* Who reads on from the first byte wants it at the end; asked for beside the reads, it is there by then. */
static void look_for_sum(struct cove_reader *r, int64_t in_order)
{
    if (r->summed == r->position && in_order > (int64_t)FIRST_READ)
        ask_for_sum(r);
}

/* A file that is read through from its first byte to its last is held against the store's checksum at the end. */
static int check_sum(struct cove_reader *r, const uint8_t *data, size_t n, struct cove_error *err)
{
    bool last = r->position + (int64_t)n >= r->size;
    uint32_t crc32c, crc32;

    if (r->summed != r->position)
        return 0;
    crc32c = cove__crc32c(r->crc32c, data, n);
    crc32 = r->rules.crc32c_may_be_crc32 ? cove__zip_crc(r->crc32, data, n) : crc32c;
    if (last)
        ask_for_sum(r); /* if nothing has done so before, as after jumps to and fro */
    while (last && r->looking) {
        int rc = reap_one(r, &r->look_background, err);

        if (rc < 0)
            return rc;
    }
    if (r->summed < 0)
        return 0;
    if (last && !cove__store_sum_matches(r->looked.crc32c, crc32c, crc32)) {
        cove__sums_drop(r->fs, r->target.path);
        return cove__fs_fail(err, &r->target.ctx, COVE_ECORRUPT,
                             "the bytes do not match the CRC32C checksum that the store keeps");
    }
    r->crc32c = crc32c;
    r->crc32 = crc32;
    r->summed += (int64_t)n;
    return 0;
}

/* ---- reading ---- */

/* What the slot has from the position on, `length` bytes at most: how many, and where. */
static int64_t wait_for(struct cove_reader *r, struct slot *slot, size_t length, const uint8_t **ret_at,
                        struct cove_error *err)
{
    int64_t skip = r->position - slot->io.offset;
    int64_t have;
    int rc;

    while (slot->pending) {
        rc = reap_one(r, &slot->background, err);
        if (rc < 0)
            return rc;
    }
    if (slot->io.op.rc < 0) {
        rc = cove__error_copy(err, &slot->io.op.err);
        release(slot); /* the next read tries again */
        return rc;
    }
    have = slot->io.op.count - skip;
    if (have <= 0)
        return cove__fs_fail(err, &r->target.ctx, COVE_EPRECONDITION, "the file has become shorter while it was read");
    *ret_at = slot->buffer + skip;
    return (uint64_t)have < length ? have : (int64_t)length;
}

static int64_t copy_out(struct cove_reader *r, struct slot *slot, uint8_t *dst, size_t length, struct cove_error *err)
{
    const uint8_t *at = NULL;
    int64_t n = wait_for(r, slot, length, &at, err);

    if (n > 0)
        memcpy(dst, at, (size_t)n);
    return n;
}

static int64_t read_direct(struct cove_reader *r, int64_t offset, uint8_t *dst, size_t length, struct cove_error *err)
{
    struct cove_range range = { .offset = offset, .length = length, .buffer = dst };
    struct cove__fetch fetch = {
        .ranges = &range, .n_ranges = 1, .if_match = r->etag, .once = true, .handle = &r->handle
    };
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
    prefetch(r, r->in_order, length);
    return copy_out(r, slot, dst, length, err);
}

/* Asks for what a read of `block` bytes, and those that will follow it, want. */
static void read_ahead(struct cove_reader *r, int64_t in_order, size_t block)
{
    prefetch(r, in_order, block);
    look_for_sum(r, in_order);
}

/* Whether a read of `length` bytes has no use for a window: it is large, or all that is left, and goes as it is. What
 * is under way already is waited for, and a window then lets the rest come meanwhile. */
static bool is_alone(struct cove_reader *r, size_t length)
{
    struct slot *here = slot_at(r, r->position);

    return length >= ALONE || ((int64_t)length >= r->size - r->position && !(here && here->pending));
}

/* Before a read of `length` bytes at the position: fewer, where the file ends. */
static size_t begin_read(struct cove_reader *r, size_t length)
{
    bool jumped = r->position < r->expected || r->position > r->expected + READ_THROUGH;

    mind_fork(r);
    begin_call(r);
    if (jumped)
        r->in_order = 0;
    drop_passed(r, jumped && !slot_at(r, r->position));
    if (r->position < r->size && (int64_t)length > r->size - r->position)
        length = (size_t)(r->size - r->position);
    if ((r->position == 0 || r->in_order > 0) && !is_alone(r, length))
        prefetch(r, r->in_order + (int64_t)length, length);
    look_for_sum(r, r->in_order + (int64_t)length);
    return length;
}

static int64_t failed(struct cove_reader *r, int64_t rc)
{
    r->replaced |= rc == COVE_EPRECONDITION;
    return rc;
}

/* After `n` bytes of it came to `data`; n is negative where it failed. */
static int64_t end_read(struct cove_reader *r, const uint8_t *data, int64_t n, struct cove_error *err)
{
    if (n == 0)
        n = cove__fs_fail(err, &r->target.ctx, COVE_EPRECONDITION, "the file has become shorter while it was read");
    int rc = n > 0 ? check_sum(r, data, (size_t)n, err) : 0;
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
    size_t done = 0;

    if (length > 0 && !buffer)
        return cove__fs_fail(err, &r->target.ctx, COVE_EINVAL, "no buffer was given");
    length = begin_read(r, length);
    while (done < length && r->position < r->size) {
        struct slot *slot = slot_at(r, r->position);
        int64_t n = slot ? copy_out(r, slot, dst + done, length - done, err)
                         : read_uncovered(r, dst + done, length - done, err);

        n = end_read(r, dst + done, n, err);
        if (n < 0) {
            /* What came before the failure was not told to the caller, so that the same call can be made again. */
            if (r->summed == r->position) {
                r->summed -= (int64_t)done;
                r->crc32c = crc32c;
                r->crc32 = crc32;
            }
            r->position -= (int64_t)done;
            r->expected = r->position;
            return n;
        }
        done += (size_t)n;
        drop_passed(r, false);
    }
    read_ahead(r, r->in_order, length);
    return (int64_t)done;
}

int64_t cove_reader_next(cove_reader *r, const void **ret_data, size_t at_most, struct cove_error *err)
{
    size_t length = begin_read(r, at_most < STEP ? at_most : STEP);
    struct slot *slot = NULL;
    const uint8_t *at = NULL;
    int64_t n;

    if (length == 0 || r->position >= r->size)
        return 0;
    while ((slot = slot_at(r, r->position)) == NULL) {
        if (ask(r, r->position, length, true))
            continue;
        /* Stretches that were jumped out of may fill all slots, until their bytes have come. */
        int rc = cove__inbox_pending(&r->inbox) > 0 ? reap_one(r, NULL, err) : cove__fail_nomem(err, "a read");
        if (rc < 0)
            return rc;
    }
    n = wait_for(r, slot, at_most, &at, err);
    n = end_read(r, at, n, err);
    if (n > 0)
        *ret_data = at;
    return n;
}

/* What has come of these bytes, from the first one on: how many. */
static int64_t copy_arrived(struct cove_reader *r, int64_t offset, uint8_t *dst, size_t length)
{
    struct slot *slot = slot_at(r, offset);
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
    mind_fork(r);
    have = copy_arrived(r, offset, buffer, length);
    if (have == (int64_t)length)
        return have;
    begin_call(r);
    n = failed(r, read_direct(r, offset + have, (uint8_t *)buffer + have, length - (size_t)have, err));
    return n < 0 ? n : have + n;
}

/* What has come of a range is copied; *ret_rest is what is still to be asked for. */
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
    struct cove__fetch fetch = {
        .ranges = ranges, .n_ranges = n_ranges, .if_match = r->etag, .once = true, .handle = &r->handle
    };
    int rc = cove__fs_check_ranges(&fetch, &r->target.ctx, err);

    if (rc < 0 || n_ranges == 0)
        return rc;
    fetch.ranges = cove__calloc(n_ranges, sizeof *fetch.ranges);
    if (!fetch.ranges)
        return cove__fail_nomem(err, "a read");
    mind_fork(r);
    for (size_t i = 0; i < n_ranges; i++)
        take_arrived(r, &ranges[i], &fetch.ranges[i]);
    begin_call(r);
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
    mind_fork(r);
    cove_cancel_fire(r->stop);
    while (reap(r, cove__inbox_wait(&r->inbox)))
        ;
    drop_passed(r, true);
    destroy(r);
}
