/*
 * The parts of an upload that are under way: started, compared with the base, taken in. See writer.h.
 *
 * With a base, a part that the older object has is copied by the store. Its bytes stay where they are until that has
 * succeeded: where it does not, they are sent like any other's.
 */
#include "stream/writer.h"

#include <string.h>

#include "base/budget.h"
#include "base/error.h"
#include "base/log.h"
#include "wire/digest.h"
#include "wire/sha256_two.h"

#define DOUBLINGS                                                                                                      \
    10u /* parts of one size, then the size doubles: a store's 10,000 parts hold a hundred times as much as 10,000 of  \
           the first size */

int cove__writer_remember(struct cove_writer *w, int rc, const struct cove_error *err)
{
    if (rc == 0 || w->state != COVE__WRITER_OPEN)
        return rc;
    w->state = COVE__WRITER_FAILED;
    if (err)
        cove__error_copy(&w->err, err);
    else
        cove__fs_fail(&w->err, &w->target.ctx, rc, "%s", cove_code_phrase(rc));
    cove_cancel_fire(w->stop);
    return rc;
}

size_t cove__writer_part_size(const struct cove_writer *w)
{
    size_t size = w->rules.default_part;
    unsigned step = w->rules.max_parts > DOUBLINGS ? w->rules.max_parts / DOUBLINGS : 1;

    if (w->parts == 0)
        return w->first_part;
    if (w->rules.equal_parts || w->rules.max_parts == 0)
        return size;
    for (unsigned n = step; n <= w->parts && size < w->rules.max_part / 2; n += step)
        size *= 2;
    return size;
}

static void start(struct cove_writer *w, struct cove__part_slot *slot)
{
    cove__fs_start_part(w->fs, &slot->io, w->rules.parallel > 1);
}

/* True: sending the bytes may succeed although their copy failed. */
static bool only_copy_failed(int rc)
{
    switch (rc) {
    case COVE_ENOMEM:
    case COVE_EAUTH:
    case COVE_ENETWORK:
    case COVE_ETIMEDOUT:
    case COVE_ECANCELED:
    case COVE_ETHROTTLED:
        return false;
    default:
        return rc < 0;
    }
}

/* Takes in one finished part, waiting until the deadline at most. False: none has finished. */
static bool reap(struct cove_writer *w, int64_t deadline_ns)
{
    struct cove__op *op = cove__inbox_wait_until(&w->inbox, deadline_ns);
    struct cove__part_slot *slot = (struct cove__part_slot *)(void *)op;

    if (!op)
        return false;
    if (slot->io.from.path && only_copy_failed(op->rc) && w->state == COVE__WRITER_OPEN) {
        if (w->base)
            cove__log(COVE_LOG_WARNING, "writer", "%s; from here on all parts are sent", op->err.message);
        w->base = NULL; /* a refused copy would be refused again */
        slot->io.from.path = NULL;
        start(w, slot);
        return true;
    }
    if (op->rc == 0)
        *(slot->io.from.path ? &w->copied : &w->uploaded) += (int64_t)slot->io.src.size;
    cove__writer_remember(w, op->rc, &op->err);
    cove__budget_put(slot->gathered.buffer, slot->gathered.cap);
    cove__background_done(&slot->background);
    *slot = (struct cove__part_slot){ 0 };
    w->busy--;
    return true;
}

int cove__writer_reap_one(struct cove_writer *w, struct cove_error *err)
{
    if (w->state == COVE__WRITER_FAILED)
        return cove__error_copy(err, &w->err);
    if (reap(w, w->target.ctx.deadline_ns))
        return 0;
    int rc = cove__ctx_check(&w->target.ctx, err);
    for (size_t i = 0; rc < 0 && i < COVE__WRITER_SLOTS; i++) {
        if (w->slots[i].busy && cove__background_explain(&w->slots[i].background, err))
            break;
    }
    return rc;
}

void cove__writer_stop(struct cove_writer *w)
{
    cove_cancel_fire(w->stop);
    while (reap(w, INT64_MAX))
        ;
}

void cove__writer_reap_all(struct cove_writer *w)
{
    struct cove_error err = COVE_ERROR_INIT;

    while (w->busy > 0 && cove__writer_reap_one(w, &err) == 0)
        ;
    if (w->busy > 0) {
        cove__writer_remember(w, err.code, &err);
        cove__writer_stop(w);
    }
}

static size_t most_slots(const struct cove_writer *w)
{
    size_t n = w->rules.parallel ? w->rules.parallel : 1;

    return n < COVE__WRITER_SLOTS ? n : COVE__WRITER_SLOTS;
}

static int get_slot(struct cove_writer *w, struct cove__part_slot **ret, struct cove_error *err)
{
    int rc = 0;

    while (rc == 0 && w->busy >= most_slots(w))
        rc = cove__writer_reap_one(w, err);
    for (size_t i = 0; rc == 0 && i < COVE__WRITER_SLOTS; i++) {
        if (!w->slots[i].busy)
            *ret = &w->slots[i];
    }
    return rc;
}

static int begin(struct cove_writer *w, struct cove_error *err)
{
    if (w->upload)
        return 0;
    if (!w->fs->ops->upload.begin)
        return cove__fs_fail(err, &w->target.ctx, COVE_ENOTSUP, "this store takes no more than %zu bytes at once",
                             w->rules.default_part);
    return w->fs->ops->upload.begin(w->fs->self, w->target.path, &w->put, &w->target.ctx, &w->upload, err);
}

int cove__writer_digest(struct cove_writer *w, struct cove__slice data, size_t behind, uint8_t ret[COVE__DIGEST_SIZE],
                        struct cove_error *err)
{
    int rc = 0;

    if (w->hashed_ahead.data == data.data && w->hashed_ahead.size == data.size) {
        memcpy(ret, w->ahead, COVE__DIGEST_SIZE);
    } else if (behind >= data.size) {
        w->hashed_ahead = cove__slice(data.data + data.size, data.size);
        rc = cove__sha256_two(data.data, w->hashed_ahead.data, data.size, ret, w->ahead);
    } else {
        rc = cove__sha256(data, ret);
    }

    if (rc < 0)
        return cove__fs_fail(err, &w->target.ctx, rc, "SHA-256 cannot be computed");
    rc = w->made ? cove__parts_add(w->made, ret, data.size) : 0;
    if (rc == COVE_ELIMIT) {
        cove_parts_free(w->made);
        w->made = NULL;
        w->too_many_parts = true;
        return 0;
    }
    return rc < 0 ? cove__fail_nomem(err, "a list of parts") : 0;
}

/* Checks whether the base has the part that `slot` holds. */
static int compare(struct cove_writer *w, struct cove__part_slot *slot, size_t behind, struct cove_error *err)
{
    struct cove__part_io *io = &slot->io;
    uint8_t sha256[COVE__DIGEST_SIZE];
    int rc;

    if (!w->made && !w->base && !w->rules.wants_sha256)
        return 0;
    rc = cove__writer_digest(w, io->src, behind, sha256, err);
    if (rc < 0)
        return rc;
    cove__hex(sha256, sizeof sha256, slot->sha256);
    io->sha256 = slot->sha256;
    if (w->base && cove__parts_find(w->base, io->number - 1, sha256, io->src.size, &io->from.offset)) {
        io->from.path = w->base->path;
        io->from.etag = w->base->etag;
    }
    return 0;
}

int cove__writer_send_part(struct cove_writer *w, struct cove__slice data, size_t behind,
                           const struct cove__gathered *from, struct cove_error *err)
{
    struct cove__gathered gathered = from ? *from : (struct cove__gathered){ 0 };
    struct cove__part_slot *slot = NULL;
    int rc = begin(w, err);

    if (rc == 0 && w->rules.max_parts && w->parts >= w->rules.max_parts)
        rc = cove__fs_fail(err, &w->target.ctx, COVE_ELIMIT, "the store takes at most %u parts of %zu bytes",
                           w->rules.max_parts, cove__writer_part_size(w));
    if (rc == 0)
        rc = get_slot(w, &slot, err);
    if (rc == 0 && w->state == COVE__WRITER_FAILED)
        rc = cove__error_copy(err, &w->err);
    if (rc < 0) {
        cove__budget_put(gathered.buffer, gathered.cap);
        return rc;
    }
    *slot = (struct cove__part_slot){ .gathered = gathered, .busy = true };
    slot->io.crc32c = gathered.buffer && w->rules.wants_crc32c ? &slot->gathered.crc32c : NULL;
    slot->io.crc64 = gathered.buffer && w->rules.wants_crc64 ? &slot->gathered.crc64 : NULL;
    slot->io.op.inbox = &w->inbox;
    slot->io.op.ctx = w->target.ctx;
    /* Not the deadline of the call that starts it: a later call may wait for it. The HTTP client's retries bound it. */
    slot->io.op.ctx.deadline_ns = INT64_MAX;
    slot->io.op.ctx.background = &slot->background;
    slot->background.attended_ns = &w->attended_ns;
    slot->io.upload = w->upload;
    slot->io.number = w->parts + 1;
    slot->io.last = w->ending;
    slot->io.offset = w->sent;
    slot->io.src = data;
    rc = compare(w, slot, behind, err);
    if (rc < 0) {
        cove__budget_put(slot->gathered.buffer, slot->gathered.cap);
        *slot = (struct cove__part_slot){ 0 };
        return rc;
    }
    w->parts++;
    w->sent += (int64_t)data.size;
    w->busy++;
    start(w, slot);
    return 0;
}
