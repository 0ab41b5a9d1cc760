/*
 * Uploads in parts: their mode, begin and parts; upload_end.c has finish and abort. For the front's writer, and for
 * copy.c and append.c, whose parts are copies.
 */
#include "fs/object/upload.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/object/temporaries.h"

#define ID_MAX ((size_t)8192)

void cove__object_part_rules(void *self, const struct cove__put *put, struct cove__part_rules *ret)
{
    struct cove__object_store *store = self;
    int64_t expected_size = put ? put->expected_size : -1;
    size_t part = (size_t)store->block_size;

    if (!store->ops->upload) { /* all in one request */
        *ret = (struct cove__part_rules){ .min_part = 1,
                                          .default_part = store->ops->put_max,
                                          .max_part = store->ops->put_max,
                                          .max_parts = 1,
                                          .parallel = (unsigned)store->max_concurrency };
        return;
    }
    enum cove__upload_mode mode = put ? cove__upload_mode(store, put) : COVE__UPLOAD_PARTS;
    bool equal = mode == COVE__UPLOAD_PARTS && cove__object_can(store, COVE__UNEQUAL_PARTS) == COVE__CAN_NO;
    *ret = (struct cove__part_rules){ .equal_parts = equal, .parallel = (unsigned)store->max_concurrency };
    store->ops->upload->part_rules(store, mode, ret);
    ret->wants_crc32c = cove__object_checksum(store) == COVE__CHECKSUM_CRC32C;
    ret->wants_crc64 = store->ops->sends_crc64 && cove__object_checksum(store) != COVE__CHECKSUM_NONE;
    if (mode == COVE__UPLOAD_SESSION) {
        ret->min_part = ret->multiple = store->ops->upload->session->granularity;
        ret->ordered = true;
        ret->parallel = 1;
        ret->max_parts = 0;
    }
    /* The writer doubles its parts as they grow in number; where the size is known, or parts must be equal, the first
     * has to do. */
    if (expected_size > 0 && ret->max_parts > 0) {
        uint64_t needed = ((uint64_t)expected_size + ret->max_parts - 1) / ret->max_parts;
        needed = (needed + ((1u << 20) - 1)) & ~(uint64_t)((1u << 20) - 1);
        if (needed > part && needed <= ret->max_part)
            part = (size_t)needed;
    }
    if (ret->multiple > 1 && part % ret->multiple > 0)
        part += ret->multiple - part % ret->multiple;
    ret->default_part = part;
}

/* ---- begin ---- */

static bool lacks_condition(const struct cove__upload *u)
{
    return u->put.condition != COVE_WRITE_ALWAYS && cove__upload_condition_mode(u) == COVE__CONDITION_UNSUPPORTED;
}

static int accept_begin(struct cove__object_request *r, struct cove_error *err)
{
    struct cove__upload *u = r->user;
    struct cove__buf id = COVE__BUF_SECRET(ID_MAX);
    int rc = u->store->ops->upload->begin_response(r, &id);

    if (rc == 0 && id.size == 0)
        rc = COVE_EPROTOCOL;
    if (rc == 0) {
        cove__free(u->id);
        u->id = cove__strdup(cove__buf_str(&id));
        rc = u->id ? 0 : COVE_ENOMEM;
    }
    cove__buf_done(&id);
    return rc < 0 ? cove__object_unreadable(r, err, rc, "the response to the begin of an upload") : 0;
}

/* The request that begins an upload in parts, whose properties `r` has already. */
static int ask_begin(struct cove__upload *u, struct cove__object_request *r, struct cove_error *err)
{
    u->store->ops->upload->begin_request(r, u);
    r->http.has_body = true; /* an empty one */
    r->accept = accept_begin;
    r->user = u;
    int rc = cove__object_run(r, err);
    u->with_checksum = r->announces_checksums && !r->checksum_refused;
    return rc;
}

/* The same without a request: the finish sends the properties. */
static int begin_unasked(struct cove__upload *u, struct cove__object_request *r, struct cove_error *err)
{
    char id[COVE__TEMPORARIES_ID_SIZE];

    cove__temporaries_new_id(id);
    cove__buf_add_slice(&u->properties, cove__buf_slice(&r->extra));
    u->id = cove__strdup(u->mode == COVE__UPLOAD_TEMPORARIES ? id : u->mark.write_id);
    u->beside = u->store->temporaries_beside;
    u->with_checksum = r->announces_checksums;
    int rc = !u->id ? COVE_ENOMEM : r->extra.rc < 0 ? r->extra.rc : cove__buf_rc(&u->properties);
    return rc < 0 ? cove__object_fail(r, err, rc, "the object's properties cannot be kept in memory: %s",
                                      cove_code_phrase(rc))
                  : 0;
}

/* A session ends with its last part, so what the store would not check is checked before it begins. */
static int begin_session(struct cove__upload *u, struct cove__object_request *r, struct cove_error *err)
{
    enum cove__condition_mode mode = cove__upload_condition_mode(u);
    int rc = 0;

    u->id = cove__strdup("");
    if (!u->id)
        return cove__fail_nomem(err, "an upload");
    if (mode == COVE__CONDITION_SENT_AND_CHECKED || mode == COVE__CONDITION_CHECKED)
        rc = cove__object_check_condition(u->store, r->name, &u->put, &r->http.op.ctx, err);
    return rc < 0 ? rc : cove__session_begin(u, r, err);
}

/* Without its permission, or without its API, an upload in parts cannot begin. */
static bool begin_is_refused(const struct cove__upload *u, const struct cove__object_request *r)
{
    const struct cove__object_upload_ops *ops = u->store->ops->upload;

    return !u->put.copies && ops->instead_of_parts && ops->instead_of_parts(u->store) != COVE__UPLOAD_PARTS &&
           (r->refusal == COVE__REFUSED_ACCESS || cove__object_refuses_operation(r));
}

static int begin_parts(struct cove__upload *u, struct cove__object_request *r, struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;
    int rc = ask_begin(u, r, &why);

    if (rc == 0 || !begin_is_refused(u, r))
        return rc < 0 ? cove__error_copy(err, &why) : 0;
    cove__log(COVE_LOG_INFO, u->store->ops->name, "%s; its parts are sent in another way", why.message);
    u->mode = u->store->ops->upload->instead_of_parts(u->store);
    u->instead_of_parts = true;
    return begin_unasked(u, r, err);
}

static int begin(struct cove__upload *u, struct cove__object_request *r, struct cove_error *err)
{
    if (u->mode == COVE__UPLOAD_SESSION)
        return begin_session(u, r, err);
    bool asks = u->mode == COVE__UPLOAD_PARTS && u->store->ops->upload->begin_request;
    return asks ? begin_parts(u, r, err) : begin_unasked(u, r, err);
}

int cove__upload_open(struct cove__object_store *store, const char *path, const struct cove__put *put,
                      bool with_checksum, const struct cove__ctx *ctx, struct cove__upload **ret,
                      struct cove_error *err)
{
    struct cove__object_request r;
    struct cove__object_name name;

    if (!store->ops->upload)
        return cove__fs_fail(err, ctx, COVE_ENOTSUP,
                             "this store has no uploads in parts: it takes no more than %zu bytes at once",
                             store->ops->put_max);
    int rc = cove__object_name_of(store, path, true, ctx, &name, err);
    if (rc < 0)
        return rc;
    struct cove__upload *u = cove__upload_new(store, path, put, ctx);
    if (!u)
        return cove__fail_nomem(err, "an upload");
    if (lacks_condition(u)) {
        cove__upload_free(u);
        return cove__object_no_conditions(store, ctx, err);
    }
    cove__object_request_init(&r, store, "POST", name, ctx);
    r.announces_checksums = with_checksum && cove__object_checksum(store) == COVE__CHECKSUM_CRC32C;
    cove__object_describe(&r, put);
    cove__object_mark(&r, put, &u->mark);
    rc = begin(u, &r, err);
    cove__object_request_done(&r);
    if (rc < 0) {
        cove__upload_free(u);
        return rc;
    }
    if (lacks_condition(u)) { /* known from the response, before any part is sent uselessly */
        cove__object_upload_abort(store, u, ctx);
        return cove__object_no_conditions(store, ctx, err);
    }
    *ret = u;
    return 0;
}

int cove__object_upload_begin(void *self, const char *path, const struct cove__put *put, const struct cove__ctx *ctx,
                              struct cove__upload **ret, struct cove_error *err)
{
    /* Amazon returns the checksums of copied parts. Few other stores do; the rest then refuse the end of an upload that
     * was begun with checksums. */
    bool with_checksum = !put || !put->copies || cove__object_can(self, COVE__COPIED_PART_CHECKSUMS) == COVE__CAN_YES;
    return cove__upload_open(self, path, put, with_checksum, ctx, ret, err);
}

/* ---- parts ---- */

struct part_task {
    struct cove__object_request r; /* first */
    struct cove__part_io *io;
    struct cove__buf path; /* of a temporary object */
    struct cove__object_made made;
    uint32_t crc32c;
};

static int accept_part(struct cove__object_request *r, struct cove_error *err)
{
    struct part_task *t = r->user;

    if (t->io->upload->mode == COVE__UPLOAD_TEMPORARIES)
        return cove__temporaries_version(r, t->made.version, err);
    int rc = r->store->ops->upload->part_response(r, &t->made, err);

    return rc < 0 ? rc : cove__object_accept_empty(r, err);
}

static void start_part(struct part_task *t);

static void part_done(struct cove__object_request *r)
{
    struct part_task *t = r->user;
    struct cove__part_io *io = t->io;
    struct cove_error err = r->http.op.err;
    int rc = r->http.op.rc;

    if (rc < 0 && io->upload->mode == COVE__UPLOAD_TEMPORARIES &&
        cove__temporaries_go_beside(r, io->upload, cove__buf_str(&t->path))) {
        cove__object_request_done(&t->r);
        cove__buf_done(&t->path);
        start_part(t);
        return;
    }
    if (rc < 0)
        rc = cove__upload_lost(r, rc, &err);
    if (r->checksum_refused)
        io->upload->with_checksum = false;
    if (rc == 0) {
        rc = cove__upload_part_sent(io->upload, io->number, t->made.version, t->crc32c, (int64_t)io->src.size);
        if (rc < 0)
            cove__object_fail(r, &err, rc, "a part cannot be kept in memory: %s", cove_code_phrase(rc));
    }
    cove__object_request_done(&t->r);
    cove__buf_done(&t->path);
    cove__free(t);
    cove__op_finish(&io->op, rc, rc == 0 ? (int64_t)io->src.size : 0, &err);
}

static void init_part_request(struct part_task *t, struct cove__upload *u)
{
    const struct cove__part_io *io = t->io;
    struct cove__object_place place = {
        .number = io->number, .offset = io->offset, .size = (int64_t)io->src.size, .last = io->last
    };

    if (u->mode == COVE__UPLOAD_TEMPORARIES) {
        cove__temporaries_part_request(&t->r, u, io->number, &t->path, &io->op.ctx);
        return;
    }
    cove__object_request_init(&t->r, u->store, "PUT", cove__object_split(u->path), &io->op.ctx);
    u->store->ops->upload->part_request(&t->r, u, &place);
    cove__buf_add_slice(&t->r.extra, cove__buf_slice(&u->store->extra.each));
}

static void start_part(struct part_task *t)
{
    struct cove__part_io *io = t->io;
    struct cove__upload *u = io->upload;

    init_part_request(t, u);
    t->r.user = t;
    t->r.done = part_done;
    t->r.accept = accept_part;
    enum cove__checksum_kind checksum = cove__object_checksum(u->store);
    if (checksum == COVE__CHECKSUM_CRC32C && !u->with_checksum) {
        checksum = COVE__CHECKSUM_NONE;
        t->r.sign_body = true; /* beside copied parts only the signature can vouch for the bytes */
    }
    t->r.body_sha256 = io->sha256;
    t->r.body_crc64 = io->crc64;
    cove__object_body_summed(&t->r, io->src, checksum, io->crc32c);
    t->crc32c = t->r.crc32c;
    cove__object_start(&t->r);
}

static void send_part(struct cove__part_io *io)
{
    struct part_task *t = cove__calloc(1, sizeof *t);

    if (!t) {
        struct cove_error err = COVE_ERROR_INIT;
        cove__op_finish(&io->op, cove__fail_nomem(&err, "a part"), 0, &err);
        return;
    }
    t->io = io;
    start_part(t);
}

void cove__object_upload_part(void *self, struct cove__part_io *io)
{
    if (io->upload->mode == COVE__UPLOAD_SESSION)
        cove__session_part(io->upload, io);
    else
        send_part(io);
}
