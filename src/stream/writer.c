/*
 * Writers: bytes in any sizes become one PUT or an upload in parallel parts, published at finish. Written once for
 * every backend.
 *
 * A write of many whole parts is sent from the caller's own memory (and waits for them); smaller ones gather in buffers
 * of the budget, whose parts are under way while the caller continues. The writer may always hold one buffer, so no
 * number of writers can wait for each other.
 *
 * With a base, a part that the older object has is copied by the store. Its bytes stay where they are until that has
 * succeeded: where it does not, they are sent like any other's.
 */
#include <string.h>

#include <cove/stream.h>

#include "base/budget.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/log.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/pairs.h"
#include "stream/copy.h"
#include "stream/parts.h"
#include "wire/digest.h"
#include "wire/sha256_two.h"

#define MAX_SLOTS 64
#define DOUBLINGS                                                                                                      \
    10u /* of a part's size, so that a store's 10,000 parts hold a hundred times what as many first ones would */
#define FIRST_MAX    ((size_t)256 << 20)
#define ALONE_PART   ((size_t)1 << 20) /* of a store that takes one part at a time, as a local file */
#define DIRECT_PARTS 8                 /* under way at once: less is no reason to wait for them */

/* A part under way. */
struct slot {
    struct cove__io io; /* first: the inbox gives it back */
    struct cove__background background;
    uint8_t *buffer; /* of the budget; NULL: the caller's memory is sent */
    size_t cap;
    bool busy;
    bool copying; /* the store takes the bytes out of the base */
    char sha256[2 * COVE__DIGEST_SIZE + 1];
};

enum state { OPEN, FAILED, FINISHED };

struct cove_writer {
    cove_fs *fs;
    struct cove__target target;
    struct cove_call call;
    cove_cancel *stop;           /* fired by abort, by a failure, or by the user's token */
    _Atomic int64_t attended_ns; /* the deadline of the latest call */
    struct cove__put put;
    char *etag, *content_type;   /* what `put` points to */
    char *new_etag, *version_id; /* of the published object; NULL: not known, or there is none */
    struct cove_pair *metadata;
    struct cove__part_rules rules;
    size_t first_part;
    enum state state;
    struct cove_error err; /* of the first failure */
    unsigned generation;   /* of fork: a child must not touch its parent's upload */
    struct cove__inbox inbox;
    struct slot slots[MAX_SLOTS];
    size_t busy;
    struct slot filling; /* only buffer and cap: the part that gathers */
    size_t filled;
    int64_t taken; /* bytes that the caller has given */
    int64_t sent;  /* bytes that parts have been made of */
    unsigned parts;
    struct cove__upload *upload;   /* NULL: all of it may still fit in one request */
    const struct cove_parts *base; /* BORROWED; NULL: none of which anything can be copied */
    struct cove_parts *made;       /* NULL: digests are not kept, or have been taken */
    bool too_many_parts, published;
    bool ending;                     /* the part that is sent next is the last */
    struct cove__slice hashed_ahead; /* of the write under way: bytes whose digest is known already; empty: none */
    uint8_t ahead[COVE__DIGEST_SIZE];
    int64_t uploaded, copied; /* bytes of parts that are done */
};

/* After the first failure, why it failed (`err` may be NULL) is what every later call gives. The parts still under way
 * are cancelled: nothing can come of them any more. */
static int remember(struct cove_writer *w, int rc, const struct cove_error *err)
{
    if (rc == 0 || w->state != OPEN)
        return rc;
    w->state = FAILED;
    if (err)
        cove__error_copy(&w->err, err);
    else
        cove__fs_fail(&w->err, &w->target.ctx, rc, "%s", cove_code_phrase(rc));
    cove_cancel_fire(w->stop);
    return rc;
}

static int check_usable(struct cove_writer *w, struct cove_error *err)
{
    if (w->generation != cove__fork_generation())
        return cove__fs_fail(err, &w->target.ctx, COVE_ESTATE, "the writer was opened before fork");
    if (w->state == FINISHED)
        return cove__fs_fail(err, &w->target.ctx, COVE_ESTATE, "the writer has been finished or aborted");
    if (w->state == FAILED)
        return cove__error_copy(err, &w->err);
    w->target.ctx.deadline_ns = cove__call_deadline(w->fs, &w->call);
    atomic_store_explicit(&w->attended_ns, w->target.ctx.deadline_ns, memory_order_relaxed);
    return 0;
}

static int copy_text(const char *text, char **ret)
{
    *ret = text ? cove__strdup(text) : NULL;
    return text && !*ret ? COVE_ENOMEM : 0;
}

static void destroy(struct cove_writer *w)
{
    cove__budget_put(w->filling.buffer, w->filling.cap);
    cove__inbox_done(&w->inbox);
    cove__target_done(&w->target);
    cove_cancel_unref(w->stop);
    cove__free(w->etag);
    cove__free(w->new_etag);
    cove__free(w->version_id);
    cove__free(w->content_type);
    cove__free(w->metadata);
    cove_parts_free(w->made);
    cove_fs_unref(w->fs);
    cove__free(w);
}

/* The one size of all parts, where their digests are kept: the base's, if the new object can be cut so. */
static size_t fixed_part(const struct cove__part_rules *rules, const struct cove_writer_options *o)
{
    size_t part = o->base ? o->base->part_size : 0;

    if (part < rules->min_part || part > rules->max_part)
        return rules->default_part;
    if (rules->max_parts && o->expected_size > 0 && (o->expected_size - 1) / (int64_t)part >= rules->max_parts)
        return rules->default_part;
    return part;
}

/* Of a store that takes one part at a time, and any: what is larger gains nothing. */
static bool is_alone(const struct cove__part_rules *rules)
{
    return rules->parallel <= 1 && rules->min_part <= ALONE_PART;
}

/* What the caller wants, within the store's bounds. */
static size_t first_part(const struct cove__part_rules *rules, const struct cove_writer_options *o)
{
    size_t part = o->first_part < FIRST_MAX ? o->first_part : FIRST_MAX;

    if (part == 0 || rules->equal_parts || is_alone(rules))
        return rules->default_part;
    part = part > rules->min_part ? part : rules->min_part;
    return part < rules->max_part ? part : rules->max_part;
}

static int plan_parts(struct cove_writer *w, const struct cove_writer_options *o, struct cove_error *err)
{
    const struct cove__fs_ops *ops = w->fs->ops;
    const struct cove_parts *base = o->base;

    ops->part_rules(w->fs->self, o->expected_size, &w->rules);
    if (!o->keep_parts && !base) {
        if (is_alone(&w->rules) && w->rules.default_part > ALONE_PART)
            w->rules.default_part = ALONE_PART; /* and what is larger needs no copy */
        w->first_part = first_part(&w->rules, o);
        return 0;
    }
    w->rules.default_part = fixed_part(&w->rules, o);
    w->rules.equal_parts = true;
    w->first_part = w->rules.default_part;
    w->made = cove__parts_new(ops->name, w->target.path, w->rules.default_part);
    if (!w->made)
        return cove__fail_nomem(err, "a writer");
    /* Stores copy ranges only of objects that are larger than a part. */
    if (base && ops->upload_copy_part && base->etag && base->n > 1 && strcmp(base->store, ops->name) == 0)
        w->base = base;
    w->put.copies = w->base != NULL;
    return 0;
}

static int take_properties(struct cove_writer *w, const struct cove_writer_options *o, struct cove_error *err)
{
    size_t n = 0;

    if (o->condition == COVE_WRITE_IF_MATCH && !o->etag)
        return cove__fs_fail(err, &w->target.ctx, COVE_EINVAL, "a conditional replace needs an etag");
    if (o->condition == COVE_WRITE_IF_MATCH && cove__fs_check_etag(w->fs, o->etag, &w->target.ctx, err) < 0)
        return COVE_EINVAL;
    if (o->content_type && strpbrk(o->content_type, "\r\n"))
        return cove__fs_fail(err, &w->target.ctx, COVE_EINVAL, "the content type has a line break");
    int rc = cove__metadata_check(o->metadata, o->n_metadata, false, &w->target.ctx, err);
    if (rc < 0)
        return rc;
    if (copy_text(o->etag, &w->etag) < 0 || copy_text(o->content_type, &w->content_type) < 0 ||
        cove__pairs_copy(o->metadata, o->n_metadata, &w->metadata, &n) < 0)
        return cove__fail_nomem(err, "a writer");
    w->put = (struct cove__put){ .condition = o->condition,
                                 .etag = w->etag,
                                 .content_type = w->content_type,
                                 .metadata = w->metadata,
                                 .n_metadata = n,
                                 .expected_size = o->expected_size };
    return 0;
}

int cove_writer_open(cove_fs *fs, const char *path, const struct cove_writer_options *options,
                     const struct cove_call *call, cove_writer **ret_writer, struct cove_error *err)
{
    struct cove_writer_options o = COVE_WRITER_OPTIONS_INIT;
    cove_writer *w = cove__calloc(1, sizeof *w);
    int rc;

    if (!w)
        return cove__fail_nomem(err, "a writer");
    if (options)
        memcpy(&o, options, options->size < sizeof o ? options->size : sizeof o);
    w->fs = cove_fs_ref(fs);
    w->generation = cove__fork_generation();
    w->err = (struct cove_error)COVE_ERROR_INIT;
    w->call = call ? *call : (struct cove_call)COVE_CALL_INIT;
    cove__inbox_init(&w->inbox);
    w->stop = cove__cancel_child(call ? call->cancel : NULL);
    rc = w->stop ? cove__target_init(&w->target, fs, path, call, "write", err) : cove__fail_nomem(err, "a writer");
    if (rc == 0 && !fs->ops->put)
        rc = cove__fs_fail(err, &w->target.ctx, COVE_ENOTSUP, "this store cannot be written to");
    if (rc == 0)
        rc = take_properties(w, &o, err);
    if (rc == 0)
        rc = plan_parts(w, &o, err);
    if (rc < 0) {
        destroy(w);
        return rc;
    }
    w->target.ctx.cancel = w->stop;
    *ret_writer = w;
    return 0;
}

/* The size of the part that comes next. */
static size_t part_size(const struct cove_writer *w)
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

/* ---- parts under way ---- */

static void start(struct cove_writer *w, struct slot *slot)
{
    const struct cove__fs_ops *ops = w->fs->ops;

    cove__fs_start(w->fs, slot->copying ? ops->upload_copy_part : ops->upload_part, &slot->io, w->rules.parallel > 1);
}

/* True: sending the bytes may succeed where the copy of them did not. */
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
    struct slot *slot = (struct slot *)(void *)op;

    if (!op)
        return false;
    if (slot->copying && only_copy_failed(op->rc) && w->state == OPEN) {
        if (w->base)
            cove__log(COVE_LOG_WARNING, "writer", "%s; from here on all parts are sent", op->err.message);
        w->base = NULL; /* what was refused once is refused again */
        slot->copying = false;
        start(w, slot);
        return true;
    }
    if (op->rc == 0)
        *(slot->copying ? &w->copied : &w->uploaded) += (int64_t)slot->io.src.size;
    remember(w, op->rc, &op->err);
    cove__budget_put(slot->buffer, slot->cap);
    cove__background_done(&slot->background);
    *slot = (struct slot){ 0 };
    w->busy--;
    return true;
}

/* The same until the call's deadline; then the error names what has failed of the parts under way. After a failure no
 * part is waited for. */
static int reap_one(struct cove_writer *w, struct cove_error *err)
{
    if (w->state == FAILED)
        return cove__error_copy(err, &w->err);
    if (reap(w, w->target.ctx.deadline_ns))
        return 0;
    int rc = cove__ctx_check(&w->target.ctx, err);
    for (size_t i = 0; rc < 0 && i < MAX_SLOTS; i++) {
        if (w->slots[i].busy && cove__background_explain(&w->slots[i].background, err))
            break;
    }
    return rc;
}

static void stop(struct cove_writer *w)
{
    cove_cancel_fire(w->stop);
    while (reap(w, INT64_MAX))
        ;
}

/* Takes in all parts. Those still running at the call's deadline are cancelled: they send from the caller's memory, or
 * the upload ends with them. */
static void reap_all(struct cove_writer *w)
{
    struct cove_error err = COVE_ERROR_INIT;

    while (w->busy > 0 && reap_one(w, &err) == 0)
        ;
    if (w->busy > 0) {
        remember(w, err.code, &err);
        stop(w);
    }
}

static size_t most_slots(const struct cove_writer *w)
{
    size_t n = w->rules.parallel ? w->rules.parallel : 1;

    return n < MAX_SLOTS ? n : MAX_SLOTS;
}

static int get_slot(struct cove_writer *w, struct slot **ret, struct cove_error *err)
{
    int rc = 0;

    while (rc == 0 && w->busy >= most_slots(w))
        rc = reap_one(w, err);
    for (size_t i = 0; rc == 0 && i < MAX_SLOTS; i++) {
        if (!w->slots[i].busy)
            *ret = &w->slots[i];
    }
    return rc;
}

static int begin(struct cove_writer *w, struct cove_error *err)
{
    if (w->upload)
        return 0;
    if (!w->fs->ops->upload_begin)
        return cove__fs_fail(err, &w->target.ctx, COVE_ENOTSUP, "this store takes no more than %zu bytes at once",
                             w->rules.default_part);
    return w->fs->ops->upload_begin(w->fs->self, w->target.path, &w->put, &w->target.ctx, &w->upload, err);
}

/* Computes the digest of the next part and keeps it. Where a second part of its size lies behind it in the caller's
 * memory, both are hashed together. */
static int digest(struct cove_writer *w, struct cove__slice data, size_t behind, uint8_t ret[COVE__DIGEST_SIZE],
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

/* Looks whether the base has the part that `slot` holds. */
static int compare(struct cove_writer *w, struct slot *slot, size_t behind, struct cove_error *err)
{
    struct cove__io *io = &slot->io;
    uint8_t sha256[COVE__DIGEST_SIZE];
    int rc;

    if (!w->made && !w->base && !w->rules.wants_sha256)
        return 0;
    rc = digest(w, io->src, behind, sha256, err);
    if (rc < 0)
        return rc;
    cove__hex(sha256, sizeof sha256, slot->sha256);
    io->sha256 = slot->sha256;
    if (w->base && cove__parts_find(w->base, io->part_number - 1, sha256, io->src.size, &io->src_offset)) {
        slot->copying = true;
        io->src_path = w->base->path;
        io->src_etag = w->base->etag;
    }
    return 0;
}

/* Sends one part; `buffer` goes with it, NULL: it lies in the caller's memory, which has `behind` bytes more. */
static int send(struct cove_writer *w, struct cove__slice data, size_t behind, uint8_t *buffer, size_t cap,
                struct cove_error *err)
{
    struct slot *slot = NULL;
    int rc = begin(w, err);

    if (rc == 0 && w->rules.max_parts && w->parts >= w->rules.max_parts)
        rc = cove__fs_fail(err, &w->target.ctx, COVE_ELIMIT, "the store takes at most %u parts of %zu bytes",
                           w->rules.max_parts, part_size(w));
    if (rc == 0)
        rc = get_slot(w, &slot, err);
    if (rc == 0 && w->state == FAILED)
        rc = cove__error_copy(err, &w->err);
    if (rc < 0) {
        cove__budget_put(buffer, cap);
        return rc;
    }
    *slot = (struct slot){ .buffer = buffer, .cap = cap, .busy = true };
    slot->io.op.inbox = &w->inbox;
    slot->io.op.ctx = w->target.ctx;
    /* Not the deadline of the call that starts it: a later call may wait for it. The HTTP client's retries bound it. */
    slot->io.op.ctx.deadline_ns = INT64_MAX;
    slot->io.op.ctx.background = &slot->background;
    slot->background.attended_ns = &w->attended_ns;
    slot->io.path = w->target.path;
    slot->io.upload = w->upload;
    slot->io.part_number = w->parts + 1;
    slot->io.last_part = w->ending;
    slot->io.offset = w->sent;
    slot->io.src = data;
    rc = compare(w, slot, behind, err);
    if (rc < 0) {
        cove__budget_put(buffer, cap);
        *slot = (struct slot){ 0 };
        return rc;
    }
    w->parts++;
    w->sent += (int64_t)data.size;
    w->busy++;
    start(w, slot);
    return 0;
}

/* Whether one more buffer is within what a stream may hold. */
static bool may_hold(const struct cove_writer *w, size_t size)
{
    size_t held = 0, may = size > COVE__WRITER_BUFFERS / 4 ? size * 4 : COVE__WRITER_BUFFERS;

    for (size_t i = 0; i < MAX_SLOTS; i++)
        held += w->slots[i].buffer ? w->slots[i].cap : 0;
    return held + size <= may;
}

/* A buffer for the next part. While the writer holds its share, or the budget is full, its parts under way give theirs
 * back first. */
static int get_buffer(struct cove_writer *w, struct cove_error *err)
{
    size_t size = part_size(w);

    if (w->filling.buffer)
        return 0;
    for (;;) {
        if (w->busy == 0 || may_hold(w, size))
            w->filling.buffer = cove__budget_get(size, w->busy == 0);
        if (w->filling.buffer)
            break;
        int rc = w->busy > 0 ? reap_one(w, err) : cove__fail_nomem(err, "a part");
        if (rc < 0)
            return rc;
    }
    w->filling.cap = size;
    return 0;
}

static int send_filled(struct cove_writer *w, struct cove_error *err)
{
    struct cove__slice data = cove__slice(w->filling.buffer, w->filled);
    uint8_t *buffer = w->filling.buffer;
    size_t cap = w->filling.cap;

    w->filling = (struct slot){ 0 };
    w->filled = 0;
    return send(w, data, 0, buffer, cap, err);
}

static int gather(struct cove_writer *w, struct cove__slice *data, struct cove_error *err)
{
    size_t n;
    int rc = get_buffer(w, err);

    if (rc < 0)
        return rc;
    n = w->filling.cap - w->filled < data->size ? w->filling.cap - w->filled : data->size;
    memcpy(w->filling.buffer + w->filled, data->data, n);
    w->filled += n;
    *data = cove__slice_sub(*data, n, data->size);
    return 0;
}

/* Whether the next part goes out from the caller's memory, which the write then has to wait for: where enough parts go
 * together that the store is kept busy meanwhile, or where the store may have the bytes already. */
static bool is_direct(const struct cove_writer *w, size_t length)
{
    size_t part = part_size(w), parts = w->rules.parallel < DIRECT_PARTS ? w->rules.parallel : DIRECT_PARTS;

    return length / part >= (w->base || parts < 1 ? 1 : parts) && (w->upload || length > part);
}

int cove_writer_write(cove_writer *w, const void *bytes, size_t length, struct cove_error *err)
{
    struct cove__slice data = cove__slice(bytes, length);
    bool borrowed = false;
    int rc = check_usable(w, err);

    if (rc == 0 && length > 0 && !bytes)
        return cove__fs_fail(err, &w->target.ctx, COVE_EINVAL, "no data was given");
    while (rc == 0 && data.size > 0) {
        size_t part = part_size(w);

        if (w->filling.buffer && w->filled == w->filling.cap)
            rc = send_filled(w, err);
        if (rc == 0 && w->filled == 0 && (borrowed ? data.size >= part : is_direct(w, data.size))) {
            rc = send(w, cove__slice_sub(data, 0, part), data.size - part, NULL, 0, err);
            data = cove__slice_sub(data, part, data.size);
            borrowed = true;
        } else if (rc == 0) {
            rc = gather(w, &data, err);
        }
    }
    if (borrowed) /* the caller gets its memory back */
        reap_all(w);
    w->hashed_ahead = cove__slice(NULL, 0); /* other bytes may come to lie there */
    if (rc == 0 && w->state == FAILED)
        rc = cove__error_copy(err, &w->err);
    if (rc == 0)
        w->taken += (int64_t)length;
    return remember(w, rc, err);
}

int64_t cove__writer_room(cove_writer *w, uint8_t **ret_room, struct cove_error *err)
{
    int rc = check_usable(w, err);

    if (rc == 0 && w->filling.buffer && w->filled == w->filling.cap)
        rc = remember(w, send_filled(w, err), err);
    if (rc == 0)
        rc = get_buffer(w, err);
    if (rc < 0)
        return rc;
    *ret_room = w->filling.buffer + w->filled;
    return (int64_t)(w->filling.cap - w->filled);
}

void cove__writer_filled(cove_writer *w, size_t n)
{
    w->filled += n;
    w->taken += (int64_t)n;
}

int64_t cove_writer_tell(const cove_writer *w)
{
    return w->taken;
}

/* ---- the end ---- */

/* Takes over what the store calls the new object. */
static void keep_etag(struct cove_writer *w, char *etag)
{
    w->new_etag = etag;
    if (w->made && etag)
        w->made->etag = cove__strdup(etag); /* without memory for it the object cannot serve as a base */
}

static int put_whole(struct cove_writer *w, struct cove_error *err)
{
    struct cove__io io = { .path = w->target.path, .put = &w->put, .ret_version_id = &w->version_id };
    uint8_t sha256[COVE__DIGEST_SIZE];
    struct cove__inbox inbox;
    int rc;

    io.op.ctx = w->target.ctx;
    io.src = cove__slice(w->filling.buffer, w->filled);
    rc = w->made && w->filled > 0 ? digest(w, io.src, 0, sha256, err) : 0;
    if (rc < 0)
        return rc;
    cove__op_will_wait(&io.op, &inbox);
    cove__op_start(&io.op);
    w->fs->ops->put(w->fs->self, &io);
    rc = cove__op_wait(&io.op, err);
    keep_etag(w, io.ret_etag);
    w->uploaded += rc == 0 ? (int64_t)w->filled : 0;
    return rc;
}

static int finish_parts(struct cove_writer *w, struct cove_error *err)
{
    struct cove__upload *upload;
    char *etag = NULL;

    w->ending = true;
    int rc = w->filled > 0 ? send_filled(w, err) : 0;
    reap_all(w);
    if (rc == 0 && w->state == FAILED)
        rc = cove__error_copy(err, &w->err);
    upload = w->upload;
    w->upload = NULL;
    if (rc < 0)
        w->fs->ops->upload_abort(w->fs->self, upload);
    else
        rc = w->fs->ops->upload_finish(w->fs->self, upload, &w->target.ctx, &etag, &w->version_id, err);
    keep_etag(w, etag);
    return rc;
}

int cove_writer_finish(cove_writer *w, struct cove_error *err)
{
    int rc = check_usable(w, err);

    if (rc == 0)
        rc = w->upload ? finish_parts(w, err) : put_whole(w, err);
    w->published |= rc == 0;
    if (w->generation == cove__fork_generation())
        cove_writer_abort(w); /* after a failure nothing may stay behind; after success nothing is left to abort */
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
    if (w->state == FINISHED || w->generation != cove__fork_generation())
        return;
    stop(w);
    if (w->upload)
        w->fs->ops->upload_abort(w->fs->self, w->upload);
    w->upload = NULL;
    cove__budget_put(w->filling.buffer, w->filling.cap);
    w->filling = (struct slot){ 0 };
    w->filled = 0;
    w->state = FINISHED;
}

void cove_writer_free(cove_writer *w)
{
    if (!w)
        return;
    cove_writer_abort(w);
    destroy(w);
}
