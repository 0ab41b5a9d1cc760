/*
 * Writers: bytes in any sizes become one PUT or an upload in parallel parts, published at finish. Written once for
 * every backend.
 *
 * A write of many whole parts is sent from the caller's own memory (and waits for them), as is one that is known to be
 * the last; smaller ones gather in buffers of the budget, whose parts are under way while the caller continues. The
 * writer may always hold one buffer, so no number of writers can wait for each other.
 */
#include "stream/writer.h"

#include <string.h>

#include "base/budget.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/mem.h"
#include "stream/copy.h"
#include "wire/crc.h"
#include "wire/crc64.h"

#define DIRECT_PARTS 8                   /* under way at once: for fewer parts a write does not wait */
#define CACHED       ((size_t)256 << 10) /* copied at once: still in the cache for its checksum */

static int check_usable(struct cove_writer *w, struct cove_error *err)
{
    if (w->generation != cove__fork_generation())
        return cove__fs_fail(err, &w->target.ctx, COVE_ESTATE, "the writer was opened before fork");
    if (w->state == COVE__WRITER_FINISHED)
        return cove__fs_fail(err, &w->target.ctx, COVE_ESTATE, "the writer has been finished or aborted");
    w->target.ctx.deadline_ns = cove__call_deadline(w->fs, &w->call);
    atomic_store_explicit(&w->attended_ns, w->target.ctx.deadline_ns, memory_order_relaxed);
    return w->state == COVE__WRITER_FAILED ? cove__error_copy(err, &w->err) : 0;
}

/* Whether the writer may hold one more buffer. */
static bool may_hold(const struct cove_writer *w, size_t size)
{
    size_t held = 0, may = size > COVE__WRITER_BUFFERS / 4 ? size * 4 : COVE__WRITER_BUFFERS;

    for (size_t i = 0; i < COVE__WRITER_SLOTS; i++)
        held += w->slots[i].gathered.buffer ? w->slots[i].gathered.cap : 0;
    return held + size <= may;
}

/* A buffer for the next part. If the writer holds its share already, or the budget is used up, it first waits for
 * buffers of its parts under way. */
static int get_buffer(struct cove_writer *w, struct cove_error *err)
{
    size_t size = cove__writer_part_size(w);

    if (w->filling.buffer)
        return 0;
    for (;;) {
        if (w->busy == 0 || may_hold(w, size))
            w->filling.buffer = cove__budget_get(size, w->busy == 0);
        if (w->filling.buffer)
            break;
        int rc = w->busy > 0 ? cove__writer_reap_one(w, err) : cove__fail_nomem(err, "a part");
        if (rc < 0)
            return rc;
    }
    w->filling.cap = size;
    return 0;
}

static int send_filled(struct cove_writer *w, struct cove_error *err)
{
    struct cove__slice data = cove__slice(w->filling.buffer, w->filled);
    struct cove__gathered gathered = w->filling;

    w->filling = (struct cove__gathered){ 0 };
    w->filled = 0;
    return cove__writer_send_part(w, data, 0, &gathered, err);
}

/* The next `n` bytes of the part that gathers are there. */
static void take_filled(struct cove_writer *w, size_t n)
{
    const uint8_t *data = w->filling.buffer + w->filled;

    if (w->rules.wants_crc32c)
        w->filling.crc32c = cove__crc32c(w->filling.crc32c, data, n);
    if (w->rules.wants_crc64)
        w->filling.crc64 = cove__crc64nvme(w->filling.crc64, data, n);
    w->filled += n;
}

static int gather(struct cove_writer *w, struct cove__slice *data, struct cove_error *err)
{
    size_t n;
    int rc = get_buffer(w, err);

    if (rc < 0)
        return rc;
    n = w->filling.cap - w->filled < data->size ? w->filling.cap - w->filled : data->size;
    for (size_t at = 0, step; at < n; at += step) {
        step = n - at < CACHED ? n - at : CACHED;
        memcpy(w->filling.buffer + w->filled, data->data + at, step);
        take_filled(w, step);
    }
    *data = cove__slice_sub(*data, n, data->size);
    return 0;
}

/* Whether the next part is sent from the caller's memory: if that stays there; else the write has to wait for the part,
 * so if enough parts are sent together to keep the store busy meanwhile, or if the store may have the bytes already. */
static bool is_direct(const struct cove_writer *w, size_t length)
{
    size_t part = cove__writer_part_size(w),
           parts = w->rules.parallel < DIRECT_PARTS ? w->rules.parallel : DIRECT_PARTS;

    if (w->ends)
        return true;
    return length / part >= (w->base || parts < 1 ? 1 : parts) && (w->upload || length > part);
}

static int send_direct(struct cove_writer *w, struct cove__slice *data, struct cove_error *err)
{
    size_t part = cove__writer_part_size(w), n = data->size < part ? data->size : part;

    if (w->ends && !w->upload && n == data->size) {
        w->whole = *data; /* one request at the finish */
        *data = cove__slice(NULL, 0);
        return 0;
    }
    w->ending = w->ends && n == data->size;
    int rc = cove__writer_send_part(w, cove__slice_sub(*data, 0, n), data->size - n, NULL, err);
    *data = cove__slice_sub(*data, n, data->size);
    return rc;
}

int cove_writer_write(cove_writer *w, const void *bytes, size_t length, struct cove_error *err)
{
    struct cove__slice data = cove__slice(bytes, length);
    bool borrowed = false;
    int rc = check_usable(w, err);

    if (rc == 0 && length > 0 && !bytes)
        return cove__fs_fail(err, &w->target.ctx, COVE_EINVAL, "no data was given");
    while (rc == 0 && data.size > 0) {
        size_t part = cove__writer_part_size(w);

        if (w->filling.buffer && w->filled == w->filling.cap)
            rc = send_filled(w, err);
        if (rc == 0 && w->filled == 0 && (borrowed ? data.size >= part : is_direct(w, data.size))) {
            rc = send_direct(w, &data, err);
            borrowed = !w->ends;
        } else if (rc == 0) {
            rc = gather(w, &data, err);
        }
    }
    if (borrowed) /* the caller gets its memory back */
        cove__writer_reap_all(w);
    w->hashed_ahead = cove__slice(NULL, 0); /* other bytes may be stored there later */
    if (rc == 0 && w->state == COVE__WRITER_FAILED)
        rc = cove__error_copy(err, &w->err);
    if (rc == 0)
        w->taken += (int64_t)length;
    return cove__writer_remember(w, rc, err);
}

int cove__writer_write_end(struct cove_writer *w, const void *bytes, size_t length, struct cove_error *err)
{
    w->ends = true;
    return cove_writer_write(w, bytes, length, err);
}

int64_t cove__writer_room(cove_writer *w, uint8_t **ret_room, struct cove_error *err)
{
    int rc = check_usable(w, err);

    if (rc == 0 && w->filling.buffer && w->filled == w->filling.cap)
        rc = cove__writer_remember(w, send_filled(w, err), err);
    if (rc == 0)
        rc = get_buffer(w, err);
    if (rc < 0)
        return rc;
    *ret_room = w->filling.buffer + w->filled;
    return (int64_t)(w->filling.cap - w->filled);
}

void cove__writer_filled(cove_writer *w, size_t n)
{
    take_filled(w, n);
    w->taken += (int64_t)n;
}

int64_t cove_writer_tell(const cove_writer *w)
{
    return w->taken;
}

/* ---- the end ---- */

/* Keeps the new object's ETag, which is TAKEN. */
static void keep_etag(struct cove_writer *w, char *etag)
{
    w->new_etag = etag;
    if (w->made && etag)
        w->made->etag = cove__strdup(etag); /* without memory for it the object cannot serve as a base */
}

static int put_whole(struct cove_writer *w, struct cove_error *err)
{
    struct cove__put_io io = { .path = w->target.path, .put = &w->put, .ret_version_id = &w->version_id };
    uint8_t sha256[COVE__DIGEST_SIZE];
    struct cove__inbox inbox;
    int rc;

    io.op.ctx = w->target.ctx;
    io.src = w->whole.data ? w->whole : cove__slice(w->filling.buffer, w->filled);
    io.crc32c = w->rules.wants_crc32c && !w->whole.data ? &w->filling.crc32c : NULL;
    io.crc64 = w->rules.wants_crc64 && !w->whole.data ? &w->filling.crc64 : NULL;
    rc = w->made && io.src.size > 0 ? cove__writer_digest(w, io.src, 0, sha256, err) : 0;
    if (rc < 0)
        return rc;
    cove__op_will_wait(&io.op, &inbox);
    cove__op_start(&io.op);
    w->fs->ops->put(w->fs->self, &io);
    rc = cove__op_wait(&io.op, err);
    keep_etag(w, io.ret_etag);
    w->uploaded += rc == 0 ? (int64_t)io.src.size : 0;
    return rc;
}

static int finish_parts(struct cove_writer *w, struct cove_error *err)
{
    struct cove__upload *upload;
    char *etag = NULL;

    w->ending = true;
    int rc = w->filled > 0 ? send_filled(w, err) : 0;
    cove__writer_reap_all(w);
    if (rc == 0 && w->state == COVE__WRITER_FAILED)
        rc = cove__error_copy(err, &w->err);
    upload = w->upload;
    w->upload = NULL;
    if (rc < 0)
        w->fs->ops->upload.abort(w->fs->self, upload, &w->target.ctx);
    else
        rc = w->fs->ops->upload.finish(w->fs->self, upload, &w->target.ctx, &etag, &w->version_id, err);
    keep_etag(w, etag);
    return rc;
}

/* In the time of the call that ends the writer. */
static void give_up(struct cove_writer *w)
{
    cove__writer_stop(w);
    if (w->upload)
        w->fs->ops->upload.abort(w->fs->self, w->upload, &w->target.ctx);
    w->upload = NULL;
    cove__budget_put(w->filling.buffer, w->filling.cap);
    w->filling = (struct cove__gathered){ 0 };
    w->filled = 0;
    w->state = COVE__WRITER_FINISHED;
}

int cove_writer_finish(cove_writer *w, struct cove_error *err)
{
    int rc = check_usable(w, err);

    if (rc == 0)
        rc = cove__fs_explain(w->fs, &w->target, w->upload ? finish_parts(w, err) : put_whole(w, err), err);
    w->published |= rc == 0;
    if (w->generation == cove__fork_generation() && w->state != COVE__WRITER_FINISHED)
        give_up(w); /* after a failure nothing may stay behind; after success nothing is left to abort */
    return rc;
}

int cove_writer_take_parts(cove_writer *w, cove_parts **ret_parts, struct cove_error *err)
{
    if (!w->published)
        return cove__fs_fail(err, &w->target.ctx, COVE_ESTATE, "the writer has published nothing");
    if (w->too_many_parts)
        return cove__fs_fail(err, &w->target.ctx, COVE_ELIMIT, "it has more than %zu parts", COVE__PARTS_MAX);
    if (!w->made)
        return cove__fs_fail(err, &w->target.ctx, COVE_ESTATE, "the digests were not asked for, or have been taken");
    *ret_parts = w->made;
    w->made = NULL;
    return 0;
}

const char *cove_writer_etag(const cove_writer *w)
{
    return w->new_etag;
}

const char *cove_writer_version_id(const cove_writer *w)
{
    return w->version_id;
}

int64_t cove_writer_sent(const cove_writer *w)
{
    return w->uploaded;
}

int64_t cove_writer_copied(const cove_writer *w)
{
    return w->copied;
}

void cove_writer_abort(cove_writer *w)
{
    if (w->state == COVE__WRITER_FINISHED || w->generation != cove__fork_generation())
        return;
    w->target.ctx.deadline_ns = cove__call_deadline(w->fs, &w->call);
    give_up(w);
}

void cove_writer_free(cove_writer *w)
{
    if (!w)
        return;
    cove_writer_abort(w);
    cove__writer_destroy(w);
}
