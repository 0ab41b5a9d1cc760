/* Stretches of a file that a reader asks for ahead. See reader.h. */
#include "stream/reader.h"

#include <string.h>

#include "base/budget.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/log.h"
#include "base/mem.h"
#include "stream/window.h"

#define PARALLEL  16                 /* reads ahead under way at most */
#define WIDE      64                 /* times the bytes read in order, for a caller that reads large blocks */
#define STREAMING ((int64_t)1 << 20) /* a caller that has read this much in order will read on */

void cove__slot_release(struct cove__slot *slot)
{
    cove__free(slot->io.ret_etag);
    cove__background_done(&slot->background);
    cove_cancel_unref(slot->stop);
    cove__budget_put(slot->buffer, slot->io.length);
    *slot = (struct cove__slot){ 0 };
}

/* A checksum that is not available, or is of another version, is not used. */
static void probe_ended(struct cove_reader *r)
{
    const struct cove_info *info = &r->probe_info;
    bool other = info->size != r->size || (r->etag && info->etag && strcmp(r->etag, info->etag) != 0);

    r->probing = false;
    if (r->probe.op.rc < 0 && r->probe.op.rc != COVE_ECANCELED)
        cove__log(COVE_LOG_WARNING, "reader", "%s; the bytes are not compared with the checksum of the whole file",
                  r->probe.op.err.message);
    if (r->probe.op.rc == 0)
        cove__checksum_cache_put(r->fs, r->target.path, info);
    if (r->probe.op.rc < 0 || other || !info->has_crc32c)
        r->checksum_end = -1;
}

bool cove__reader_reap(struct cove_reader *r, struct cove__op *op)
{
    struct cove__slot *slot = (struct cove__slot *)(void *)op;

    if (!op)
        return false;
    if (op == &r->probe.op) {
        probe_ended(r);
        return true;
    }
    slot->pending = false;
    if (slot->dropped)
        cove__slot_release(slot);
    return true;
}

/* Adds to the message why the work that the call waited for has failed so far, or else the work before it in the queue.
 */
static void explain(const struct cove_reader *r, const struct cove__background *wanted, struct cove_error *err)
{
    if (wanted && cove__background_explain(wanted, err))
        return;
    for (size_t i = 0; i < COVE__READER_SLOTS; i++) {
        if (r->slots[i].pending && cove__background_explain(&r->slots[i].background, err))
            return;
    }
}

int cove__reader_reap_one(struct cove_reader *r, const struct cove__background *wanted, struct cove_error *err)
{
    int rc;

    if (cove__reader_reap(r, cove__inbox_wait_until(&r->inbox, r->target.ctx.deadline_ns)))
        return 0;
    if (cove__inbox_pending(&r->inbox) == 0)
        return cove__fs_fail(err, &r->target.ctx, COVE_ESTATE, "no read is under way");
    rc = cove__ctx_check(&r->target.ctx, err);
    if (rc < 0)
        explain(r, wanted, err);
    return rc;
}

void cove__slot_drop(struct cove__slot *slot)
{
    slot->dropped = true;
    if (slot->pending)
        cove_cancel_fire(slot->stop);
    else
        cove__slot_release(slot);
}

struct cove__slot *cove__reader_slot_at(struct cove_reader *r, int64_t offset)
{
    for (size_t i = 0; i < COVE__READER_SLOTS; i++) {
        struct cove__slot *s = &r->slots[i];

        if (s->used && !s->dropped && s->io.offset <= offset && offset < s->io.offset + (int64_t)s->io.length)
            return s;
    }
    return NULL;
}

/* Where the stretches ahead of `offset` end. */
static int64_t covered_until(struct cove_reader *r, int64_t offset)
{
    struct cove__slot *s;

    while (offset < r->size && (s = cove__reader_slot_at(r, offset)))
        offset = s->io.offset + (int64_t)s->io.length;
    return offset;
}

void cove__reader_in_background(struct cove_reader *r, struct cove__op *op, struct cove__background *background,
                                cove_cancel *stop)
{
    op->inbox = &r->inbox;
    op->ctx = r->target.ctx;
    op->ctx.deadline_ns = INT64_MAX;
    op->ctx.cancel = stop;
    op->ctx.background = background;
    background->attended_ns = &r->attended_ns;
}

bool cove__reader_wants_sum(const struct cove_reader *r, int64_t offset)
{
    return r->checksum_end >= r->position && r->checksum_end <= offset && !r->rules.crc32c_may_be_crc32;
}

int cove__reader_ask(struct cove_reader *r, int64_t offset, size_t length, bool entitled, struct cove_error *err)
{
    struct cove__slot *slot = NULL;
    int rc;

    for (size_t i = 0; i < COVE__READER_SLOTS && !slot; i++) {
        if (!r->slots[i].used)
            slot = &r->slots[i];
    }
    if (!slot)
        return 0;
    if ((int64_t)length > r->size - offset)
        length = (size_t)(r->size - offset);
    *slot = (struct cove__slot){ .stop = cove__cancel_child(r->stop), .io.length = length };
    slot->buffer = slot->stop ? cove__budget_get(length, entitled) : NULL;
    if (!slot->buffer) {
        cove__slot_release(slot);
        return 0;
    }
    rc = cove__read_handle_open(&r->handle, r->fs, &r->target, err);
    if (rc < 0) {
        cove__slot_release(slot);
        return rc;
    }
    slot->used = slot->pending = true;
    cove__reader_in_background(r, &slot->io.op, &slot->background, slot->stop);
    slot->io.path = r->target.path;
    slot->io.if_match = r->etag;
    slot->io.if_size = cove__reader_known_size(r);
    slot->io.ret_version_id = r->size == INT64_MAX ? &r->version_id : NULL; /* of the open, which waits for it */
    slot->io.offset = offset;
    slot->io.dst = slot->buffer;
    slot->io.ret_total = -1;
    slot->io.wants_crc32c = cove__reader_wants_sum(r, offset);
    slot->io.handle = r->handle.self;
    cove__fs_start_read(r->fs, &slot->io, r->rules.parallel > 1);
    return 1;
}

/* The window: twice the bytes read in order, or eight times once they are more than a file's head; as wide as helps
 * where the blocks are large. */
void cove__reader_prefetch(struct cove_reader *r, int64_t in_order, size_t block)
{
    size_t parallel = r->rules.parallel < PARALLEL ? r->rules.parallel : PARALLEL;
    int64_t most = (int64_t)cove__window_widest(r->rules.default_part, parallel);
    int64_t times = in_order < STREAMING ? 2 : block < (size_t)STREAMING ? 8 : WIDE;
    int64_t window = in_order > most / times ? most : in_order * times;
    int64_t from = covered_until(r, r->position);

    if (parallel <= 1 || in_order < (int64_t)COVE__FIRST_READ)
        return; /* a local file: the kernel reads ahead */
    while (from < r->size) {
        size_t chunk = cove__window_stretch((size_t)most / parallel, (size_t)window, (size_t)(from - r->position));

        if (from + (int64_t)chunk > r->position + window || cove__reader_ask(r, from, chunk, false, NULL) != 1)
            break;
        from += (int64_t)chunk;
    }
}

void cove__reader_drop_passed(struct cove_reader *r, bool jumped)
{
    while (cove__reader_reap(r, cove__inbox_poll(&r->inbox)))
        ;
    for (size_t i = 0; i < COVE__READER_SLOTS; i++) {
        struct cove__slot *s = &r->slots[i];

        if (s->used && !s->dropped && (jumped || s->io.offset + (int64_t)s->io.length <= r->position))
            cove__slot_drop(s);
    }
}

void cove__reader_mind_fork(struct cove_reader *r)
{
    if (r->generation == cove__fork_generation())
        return;
    r->generation = cove__fork_generation();
    cove__inbox_init(&r->inbox);
    if (r->probing)
        r->checksum_end = -1;
    r->probing = false;
    for (size_t i = 0; i < COVE__READER_SLOTS; i++) {
        if (r->slots[i].used)
            cove__slot_release(&r->slots[i]);
    }
}
