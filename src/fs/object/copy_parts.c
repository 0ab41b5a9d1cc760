/* Parts of an upload that the store itself copies: those of a whole object, and single ones of the writer's. */
#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/object/copy.h"
#include "fs/store_checksum.h"
#include "wire/crc.h"

#define COPY_PART ((int64_t)256 << 20) /* large enough to be few, small enough to go in parallel */
#define PARALLEL  16

bool cove__object_has_part_copies(const struct cove__object_store *store)
{
    const struct cove__object_ops *ops = store->ops;

    return ops->upload && ops->upload->part_request && ops->copy && ops->copy->part_request;
}

bool cove__object_can_copy_parts(const struct cove__object_store *store)
{
    return cove__object_has_part_copies(store) && cove__object_can(store, COVE__PART_COPY) != COVE__CAN_NO;
}

/* 0, or why the upload takes no copied part. In any mode but this the object would be made without it. */
static int takes_copies(const struct cove__upload *u, const struct cove__ctx *ctx, struct cove_error *err)
{
    if (u->mode != COVE__UPLOAD_PARTS)
        return cove__fs_fail(err, ctx, COVE_ESTATE, "an upload that is no upload in parts takes no copied ones");
    if (!cove__object_can_copy_parts(u->store))
        return cove__fs_fail(err, ctx, COVE_ENOTSUP, "the store cannot copy parts of objects");
    return 0;
}

/* The request of one part. */
static void set_up(struct cove__object_request *r, const struct cove__upload *u, const struct cove__object_place *place,
                   struct cove__object_source from, const struct cove__ctx *ctx)
{
    struct cove__object_store *store = u->store;

    if (from.version[0] == '\0' || cove__object_can(store, COVE__COPY_SOURCE_CONDITIONS) == COVE__CAN_NO)
        from.version = NULL;
    cove__object_request_init(r, store, "PUT", cove__object_split(u->path), ctx);
    r->error_in_200 = true;
    store->ops->copy->part_request(r, u, place, &from);
    cove__buf_add_slice(&r->extra, cove__buf_slice(&store->extra.each));
}

/* Remembered where the store has no such request: then it is not asked again. After an attempt without an answer the
 * refusal may be a broken response, too. */
static int no_part_copy(const struct cove__object_request *r, struct cove_error *err)
{
    if (!cove__object_may_be_done(r))
        cove__object_learn_missing(r, COVE__PART_COPY);
    return cove__object_fail(r, err, COVE_ENOTSUP, "the store cannot copy parts of objects%s%s%s",
                             r->code[0] != '\0' ? " (" : "", r->code, r->code[0] != '\0' ? ")" : "");
}

/* ---- a whole object ---- */

/* One part under way. */
struct part_copy {
    struct cove__object_request r; /* first: the inbox gives it back */
    struct cove__object_made made;
    struct cove__object_place place;
};

static int accept_copied(struct cove__object_request *r, struct cove_error *err)
{
    struct part_copy *p = r->user;

    p->made = (struct cove__object_made){ 0 };
    return r->store->ops->copy->part_response(r, &p->made, err);
}

static void start_part(struct part_copy *p, struct cove__upload *u, struct cove__object_name source,
                       const char *version, const struct cove__ctx *ctx, struct cove__inbox *inbox)
{
    struct cove__object_source from = {
        .name = source, .version = version, .offset = p->place.offset, .size = p->place.size
    };

    set_up(&p->r, u, &p->place, from, ctx);
    p->r.accept = accept_copied;
    p->r.user = p;
    cove__object_start_in(&p->r, inbox);
}

static int end_part(struct part_copy *p, struct cove__upload *u, struct cove__object_name source, const char *version,
                    struct cove_error *err)
{
    int rc = p->r.http.op.rc;

    if (rc == COVE_EPRECONDITION) /* not each 412 is one: a lease is refused so, too */
        rc = cove__object_fail(&p->r, err, COVE_EPRECONDITION, "the object changed meanwhile");
    else if (rc < 0 && cove__object_refuses_operation(&p->r))
        rc = no_part_copy(&p->r, err);
    else if (rc < 0)
        cove__error_copy(err, &p->r.http.op.err);
    else {
        rc = cove__upload_part_sent(u, p->place.number, p->made.version, 0, p->place.size);
        if (rc == 0)
            rc = cove__upload_copied_from(u, source, version);
        if (rc < 0)
            cove__object_fail(&p->r, err, rc, "a part's copy cannot be kept in memory: %s", cove_code_phrase(rc));
    }
    cove__object_request_done(&p->r);
    return rc;
}

/* Equal parts, so that none is smaller than a store allows. As many as can be copied at once, until they would be too
 * large: a larger object takes longer, but not more requests. */
static int64_t copy_part_size(const struct cove__upload *u, int64_t size)
{
    int64_t max = u->store->ops->copy->max_part;

    /* More parts may follow: where all must be of one size, one is made of the whole while that is possible. */
    if (size <= max && cove__object_can(u->store, COVE__UNEQUAL_PARTS) == COVE__CAN_NO)
        return size;
    int64_t part = size / PARALLEL;
    part = part < COPY_PART ? COPY_PART : part > max ? max : part;
    int64_t n = (size + part - 1) / part;
    return n > 0 ? (size + n - 1) / n : size;
}

/* More parts may follow those of the object, so none of these is known to be the last. */
static struct cove__object_place place_of(unsigned number, int64_t at, int64_t step, int64_t size)
{
    return (struct cove__object_place){ .number = number, .offset = at, .size = size - at < step ? size - at : step };
}

int cove__upload_copy_parts(struct cove__upload *u, struct cove__object_name source, int64_t size, const char *version,
                            unsigned first, const struct cove__ctx *ctx, unsigned *ret_n, struct cove_error *err)
{
    struct part_copy *parts;
    struct cove__inbox inbox;
    struct cove__op *op;
    int64_t step, at = 0;
    unsigned n = 0;
    int rc = takes_copies(u, ctx, err);

    if (rc < 0)
        return rc;
    parts = cove__calloc(PARALLEL, sizeof *parts);
    if (!parts)
        return cove__fail_nomem(err, "a copy");
    step = copy_part_size(u, size);
    cove__inbox_init(&inbox);
    for (size_t i = 0; i < PARALLEL && at < size; i++, n++, at += step) {
        parts[i].place = place_of(first + n, at, step, size);
        start_part(&parts[i], u, source, version, ctx, &inbox);
    }
    while ((op = cove__inbox_wait(&inbox))) {
        struct part_copy *p = (struct part_copy *)(void *)op;
        int ended = end_part(p, u, source, version, rc == 0 ? err : NULL);
        if (rc == 0)
            rc = ended;
        if (rc == 0 && at < size) {
            p->place = place_of(first + n++, at, step, size);
            start_part(p, u, source, version, ctx, &inbox);
            at += step;
        }
    }
    cove__inbox_done(&inbox);
    cove__free(parts);
    *ret_n = n;
    return rc;
}

/* ---- one part of the writer's, whose bytes an older object has ---- */

struct same_part {
    struct cove__object_request r; /* first */
    struct cove__part_io *io;
    struct cove__object_made made;
    uint32_t crc32c; /* of the caller's bytes */
};

/* The caller's bytes are in memory, so the copy's checksum is compared with theirs. */
static int accept_same(struct cove__object_request *r, struct cove_error *err)
{
    struct same_part *p = (struct same_part *)r;

    p->made = (struct cove__object_made){ 0 };
    int rc = r->store->ops->copy->part_response(r, &p->made, err);
    if (rc < 0 || !p->io->upload->with_checksum)
        return rc;
    if (!p->made.has_crc32c)
        return cove__object_fail(r, err, COVE_ENOTSUP, "the response has no checksum of the copied part");
    if (!cove__store_checksum_matches_bytes(p->made.crc32c, p->crc32c, p->io->src.data,
                                            p->io->src.size)) /* a second attempt would copy the same bytes */
        return cove__object_fail(r, err, COVE_EMISMATCH, "the copied part has another checksum than its bytes");
    return 0;
}

static void same_done(struct cove__object_request *r)
{
    struct same_part *p = (struct same_part *)r;
    struct cove__part_io *io = p->io;
    struct cove_error err = r->http.op.err;
    int rc = r->http.op.rc;

    if (rc == 0) {
        rc = cove__upload_part_sent(io->upload, io->number, p->made.version, p->crc32c, (int64_t)io->src.size);
        if (rc == 0)
            rc = cove__upload_copied_from(io->upload, cove__object_split(io->from.path), io->from.etag);
        if (rc < 0)
            cove__object_fail(r, &err, rc, "a part's copy cannot be kept in memory: %s", cove_code_phrase(rc));
    } else if (cove__object_refuses_operation(r)) {
        rc = no_part_copy(r, &err);
    }
    cove__object_request_done(&p->r);
    cove__free(p);
    cove__op_finish(&io->op, rc, rc == 0 ? (int64_t)io->src.size : 0, &err);
}

void cove__object_upload_copy_part(void *self, struct cove__part_io *io)
{
    const struct cove__upload *u = io->upload;
    struct cove_error err = COVE_ERROR_INIT;
    int rc = takes_copies(u, &io->op.ctx, &err);
    struct same_part *p = rc == 0 ? cove__calloc(1, sizeof *p) : NULL;

    if (!p) {
        if (rc == 0)
            rc = cove__fail_nomem(&err, "a part");
        cove__op_finish(&io->op, rc, 0, &err);
        return;
    }
    struct cove__object_place place = {
        .number = io->number, .offset = io->offset, .size = (int64_t)io->src.size, .last = io->last
    };
    struct cove__object_source from = { .name = cove__object_split(io->from.path),
                                        .version = io->from.etag,
                                        .offset = io->from.offset,
                                        .size = (int64_t)io->src.size,
                                        .bytes = io->src };
    set_up(&p->r, u, &place, from, &io->op.ctx);
    p->r.accept = accept_same;
    p->r.user = p;
    p->r.done = same_done;
    p->io = io;
    if (u->with_checksum)
        p->crc32c = io->crc32c ? *io->crc32c : cove__crc32c(0, io->src.data, io->src.size);
    cove__object_start(&p->r);
}
