/*
 * Uploads in parts: begin, parts, finish or abort. The parts' own checksums become the whole object's, which the store
 * checks at the finish. For the front's writer, and for copy.c and append.c, whose parts are copies.
 */
#include "fs/object/upload.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "wire/crc.h"

#define BODY_MAX         ((size_t)8 << 20)
#define ID_MAX           ((size_t)8192)
#define PROPERTIES_MAX   ((size_t)64 << 10)
#define ABORT_TIMEOUT_NS (30 * COVE__SEC)

void cove__object_part_rules(void *self, int64_t expected_size, struct cove__part_rules *ret)
{
    struct cove__object_store *store = self;
    size_t part = (size_t)store->block_size;

    if (store->ops->upload == NULL) { /* all in one request */
        *ret = (struct cove__part_rules){ .min_part = 1,
                                          .default_part = store->ops->put_max,
                                          .max_part = store->ops->put_max,
                                          .max_parts = 1,
                                          .parallel = (unsigned)store->max_concurrency };
        return;
    }
    *ret = (struct cove__part_rules){ .equal_parts = cove__object_can(store, COVE__UNEQUAL_PARTS) == COVE__CAN_NO,
                                      .parallel = (unsigned)store->max_concurrency };
    store->ops->upload->part_rules(store, ret);
    /* The writer doubles its parts as they grow in number; where the size is known, or parts must be equal, the first
     * has to do. */
    if (expected_size > 0 && ret->max_parts > 0) {
        uint64_t needed = ((uint64_t)expected_size + ret->max_parts - 1) / ret->max_parts;
        needed = (needed + ((1u << 20) - 1)) & ~(uint64_t)((1u << 20) - 1);
        if (needed > part && needed <= ret->max_part)
            part = (size_t)needed;
    }
    ret->default_part = part;
}

/* ---- begin ---- */

static void upload_free(struct cove__upload *u)
{
    if (u == NULL)
        return;
    for (size_t i = 0; i < u->n; i++)
        cove__free(u->parts[i].name);
    cove__free(u->parts);
    cove__free(u->path);
    cove__free(u->url);
    cove__free(u->id);
    cove__free(u->if_match);
    cove__free(u->source);
    cove__free(u->source_version);
    cove__buf_done(&u->properties);
    pthread_mutex_destroy(&u->lock);
    cove__free(u);
}

static struct cove__upload *upload_new(struct cove__object_store *store, const char *path, const struct cove__put *put,
                                       const struct cove__ctx *ctx)
{
    struct cove__upload *u = cove__calloc(1, sizeof *u);

    if (u == NULL)
        return NULL;
    pthread_mutex_init(&u->lock, NULL);
    cove__buf_init(&u->properties, PROPERTIES_MAX);
    u->store = store;
    u->path = cove__strdup(path);
    u->url = cove__strdup(ctx->url);
    u->put = put != NULL ? *put : (struct cove__put){ .expected_size = -1 };
    if (u->put.etag != NULL)
        u->put.etag = u->if_match = cove__strdup(u->put.etag);
    u->put.content_type = u->put.write_id = u->put.headers = NULL; /* sent at the begin, not kept */
    u->put.metadata = NULL;
    u->put.n_metadata = 0;
    if (u->path == NULL || u->url == NULL || (put != NULL && put->etag != NULL && u->if_match == NULL)) {
        upload_free(u);
        return NULL;
    }
    return u;
}

static enum cove__condition_mode finish_mode(const struct cove__upload *u)
{
    enum cove__condition_mode mode = cove__object_condition_mode(u->store, COVE__UPLOAD_CONDITIONS);
    return mode == COVE__CONDITION_UNSUPPORTED && u->put.or_look ? COVE__CONDITION_CHECKED : mode;
}

static bool lacks_condition(const struct cove__upload *u)
{
    return u->put.condition != COVE_WRITE_ALWAYS && finish_mode(u) == COVE__CONDITION_UNSUPPORTED;
}

/* The request that begins the upload, whose properties `r` has already. */
static int ask_begin(struct cove__upload *u, struct cove__object_request *r, struct cove_error *err)
{
    const struct cove__object_upload_ops *ops = u->store->ops->upload;
    struct cove__buf id = COVE__BUF_INIT(ID_MAX);

    ops->begin_request(r, u);
    r->http.has_body = true; /* an empty one */
    int rc = cove__object_run(r, err);
    if (rc == 0) {
        rc = ops->begin_response(r, &id);
        if (rc == 0 && id.size == 0)
            rc = COVE_EPROTOCOL;
        if (rc == 0 && (u->id = cove__strdup(cove__buf_str(&id))) == NULL)
            rc = COVE_ENOMEM;
        if (rc < 0)
            cove__object_unreadable(r, err, rc, "the response to the begin of an upload");
    }
    u->with_checksum = r->announces_checksums && !r->checksum_refused;
    cove__buf_done(&id);
    return rc;
}

/* The same without a request: the finish sends the properties. */
static int begin_unasked(struct cove__upload *u, struct cove__object_request *r, struct cove_error *err)
{
    cove__buf_add_slice(&u->properties, cove__buf_slice(&r->extra));
    u->id = cove__strdup(u->mark.write_id);
    u->with_checksum = r->announces_checksums;
    int rc = u->id == NULL ? COVE_ENOMEM : r->extra.rc < 0 ? r->extra.rc : cove__buf_rc(&u->properties);
    return rc < 0 ? cove__object_fail(r, err, rc, "the object's properties cannot be held: %s", cove_code_phrase(rc))
                  : 0;
}

int cove__upload_open(struct cove__object_store *store, const char *path, const struct cove__put *put,
                      bool with_checksum, const struct cove__ctx *ctx, struct cove__upload **ret,
                      struct cove_error *err)
{
    struct cove__object_request r;
    struct cove__object_name name;

    if (store->ops->upload == NULL)
        return cove__fs_fail(err, ctx, COVE_ENOTSUP, "this store has no uploads in parts");
    int rc = cove__object_name_of(store, path, true, ctx, &name, err);
    if (rc < 0)
        return rc;
    struct cove__upload *u = upload_new(store, path, put, ctx);
    if (u == NULL)
        return cove__fail_nomem(err, "an upload");
    if (lacks_condition(u)) {
        upload_free(u);
        return cove__object_no_conditions(store, ctx, err);
    }
    cove__object_request_init(&r, store, "POST", name, ctx);
    r.announces_checksums = with_checksum && cove__object_checksum(store) == COVE__CHECKSUM_CRC32C;
    cove__object_describe(&r, put);
    cove__object_mark(&r, put, &u->mark);
    rc = store->ops->upload->begin_request != NULL ? ask_begin(u, &r, err) : begin_unasked(u, &r, err);
    cove__object_request_done(&r);
    if (rc < 0) {
        upload_free(u);
        return rc;
    }
    if (lacks_condition(u)) { /* known from the response, before any part is sent in vain */
        cove__object_upload_abort(store, u);
        return cove__object_no_conditions(store, ctx, err);
    }
    *ret = u;
    return 0;
}

int cove__object_upload_begin(void *self, const char *path, const struct cove__put *put, const struct cove__ctx *ctx,
                              struct cove__upload **ret, struct cove_error *err)
{
    /* Amazon tells the checksums of copied parts; of the others hardly any does, and then refuses the end of an upload
     * that was begun with checksums. */
    bool with_checksum =
        put == NULL || !put->copies || cove__object_can(self, COVE__COPIED_PART_CHECKSUMS) == COVE__CAN_YES;
    return cove__upload_open(self, path, put, with_checksum, ctx, ret, err);
}

/* ---- parts ---- */

int cove__upload_part_sent(struct cove__upload *u, unsigned number, const char *name, uint32_t crc32c, int64_t size)
{
    char *copy = cove__strdup(name);
    int rc = number > COVE__OBJECT_PARTS_MAX ? COVE_ELIMIT : copy != NULL ? 0 : COVE_ENOMEM;

    pthread_mutex_lock(&u->lock);
    if (rc == 0 && number > u->n) {
        size_t old = u->n;
        if (cove__grow(&u->parts, &u->cap, number, sizeof *u->parts, COVE__OBJECT_PARTS_MAX) < 0) {
            rc = COVE_ENOMEM;
        } else {
            memset(u->parts + old, 0, (number - old) * sizeof *u->parts);
            u->n = number;
        }
    }
    if (rc == 0) {
        struct cove__object_part *part = &u->parts[number - 1];
        cove__free(part->name);
        *part = (struct cove__object_part){ copy, crc32c, size };
        copy = NULL;
    }
    pthread_mutex_unlock(&u->lock);
    cove__free(copy);
    return rc;
}

struct part_task {
    struct cove__object_request r; /* first */
    struct cove__io *io;
    struct cove__object_made made;
    uint32_t crc32c;
};

static int accept_part(struct cove__object_request *r, struct cove_error *err)
{
    struct part_task *t = r->user;
    int rc = r->store->ops->upload->part_response(r, &t->made, err);

    return rc < 0 ? rc : cove__object_accept_empty(r, err);
}

static void part_done(struct cove__object_request *r)
{
    struct part_task *t = r->user;
    struct cove__io *io = t->io;
    struct cove_error err = r->http.op.err;
    int rc = r->http.op.rc;

    if (r->checksum_refused)
        io->upload->with_checksum = false;
    if (rc == 0) {
        rc = cove__upload_part_sent(io->upload, io->part_number, t->made.version, t->crc32c, (int64_t)io->src.size);
        if (rc < 0)
            cove__object_fail(r, &err, rc, "a part cannot be held: %s", cove_code_phrase(rc));
    }
    cove__object_request_done(&t->r);
    cove__free(t);
    cove__op_finish(&io->op, rc, rc == 0 ? (int64_t)io->src.size : 0, &err);
}

void cove__object_upload_part(void *self, struct cove__io *io)
{
    struct cove__object_store *store = self;
    struct cove__upload *u = io->upload;
    struct cove__object_place place = {
        .number = io->part_number, .offset = io->offset, .size = (int64_t)io->src.size, .last = io->last_part
    };
    struct part_task *t = cove__calloc(1, sizeof *t);

    if (t == NULL) {
        struct cove_error err = COVE_ERROR_INIT;
        cove__op_finish(&io->op, cove__fail_nomem(&err, "a part"), 0, &err);
        return;
    }
    cove__object_request_init(&t->r, store, "PUT", cove__object_split(u->path), &io->op.ctx);
    t->r.user = t;
    t->r.done = part_done;
    t->r.accept = accept_part;
    t->io = io;
    store->ops->upload->part_request(&t->r, u, &place);
    cove__buf_add_slice(&t->r.extra, cove__buf_slice(&store->extra.each));
    enum cove__checksum_kind checksum = cove__object_checksum(store);
    if (checksum == COVE__CHECKSUM_CRC32C && !u->with_checksum) {
        checksum = COVE__CHECKSUM_NONE;
        t->r.sign_body = true; /* beside copied parts only the signature can vouch for the bytes */
    }
    t->r.body_sha256 = io->sha256;
    cove__object_body(&t->r, io->src, checksum);
    t->crc32c = t->r.crc32c;
    cove__object_start(&t->r);
}

/* ---- finish ---- */

/* COVE_ESTATE: a part was never sent, so the object would have a hole. */
static int join_checksums(const struct cove__upload *u, uint32_t *ret_crc32c)
{
    uint32_t crc32c = 0;

    for (size_t i = 0; i < u->n; i++) {
        const struct cove__object_part *part = &u->parts[i];
        if (part->name == NULL)
            return COVE_ESTATE;
        if (u->with_checksum)
            crc32c = cove__crc32c_join(crc32c, part->crc32c, (uint64_t)part->size);
    }
    *ret_crc32c = crc32c;
    return 0;
}

static int accept_finish(struct cove__object_request *r, struct cove_error *err)
{
    struct cove__object_made *made = r->user;
    const char *version_id = r->store->ops->headers.version_id;

    *made = (struct cove__object_made){ 0 };
    if (version_id != NULL)
        cove__object_response_header(r, version_id, made->version_id);
    return r->store->ops->upload->finish_response(r, made, err);
}

/* 1: the object there is what this upload makes; 0: it is not, or there is none; negative: not known. */
static int is_own(const struct cove__upload *u, const struct cove__ctx *ctx, struct cove__object_head *head)
{
    struct cove_error err = COVE_ERROR_INIT;
    int rc = cove__object_head(u->store, cove__object_split(u->path), ctx, head, &err);

    if (rc == COVE_ENOTFOUND)
        return 0;
    return rc < 0 ? rc : strcmp(head->write_id, u->mark.write_id) == 0;
}

/* How the finish ended. It may have made the object although its response was lost, or changed by a proxy. */
static int classify_finish(struct cove__upload *u, struct cove__object_request *r, int rc,
                           struct cove__object_made *made, struct cove_error *why)
{
    const struct cove__ctx *ctx = &r->http.op.ctx;
    struct cove__object_head head;
    bool refused = cove__object_condition_refused(r, u->put.condition);

    if (cove__object_refuses_condition(r)) {
        cove__object_learn_missing(r, COVE__UPLOAD_CONDITIONS);
        rc = cove__object_no_conditions(u->store, ctx, why);
        cove__object_error_response(r, why);
    }
    bool gone = rc < 0 && (r->refusal == COVE__REFUSED_NO_UPLOAD || r->refusal == COVE__REFUSED_NO_PART);
    if (!refused && !gone && rc != COVE_EPROTOCOL)
        return rc;
    if (is_own(u, ctx, &head) == 1) {
        memcpy(made->version, head.version, sizeof made->version);
        memcpy(made->version_id, head.version_id, sizeof made->version_id);
        return 0;
    }
    return refused ? cove__object_condition_error(r, u->put.condition, why) : rc;
}

static int finish(struct cove__upload *u, enum cove__condition_mode mode, const struct cove__ctx *ctx,
                  struct cove__object_made *made, struct cove_error *err)
{
    struct cove__object_request r;
    struct cove__buf body = COVE__BUF_INIT(BODY_MAX);
    struct cove_error why = COVE_ERROR_INIT;
    uint32_t crc32c = 0;

    cove__object_request_init(&r, u->store, "POST", cove__object_split(u->path), ctx);
    r.http.response_max = COVE__OBJECT_RESPONSE_MAX;
    r.error_in_200 = true;
    r.effect = COVE__EFFECT_MADE;
    r.accept = accept_finish;
    r.user = made;
    cove__buf_add_slice(&r.extra, cove__buf_slice(&u->properties));
    int rc = join_checksums(u, &crc32c);
    if (rc == 0)
        rc = u->store->ops->upload->finish_request(&r, u, crc32c, &body);
    if (rc == 0)
        rc = cove__buf_rc(&body);
    if (rc < 0) {
        cove__object_fail(&r, err, rc, "the upload cannot be finished: %s", cove_code_phrase(rc));
        goto out;
    }
    cove__buf_add_slice(&r.extra, cove__buf_slice(&u->store->extra.each));
    r.sign_body = true;
    cove__object_body(&r, cove__buf_slice(&body), COVE__CHECKSUM_NONE);
    cove__object_condition_headers(&r, mode, &u->put);
    rc = cove__object_run(&r, &why);
    rc = classify_finish(u, &r, rc, made, &why);
    if (rc < 0)
        cove__error_copy(err, &why);
out:
    cove__buf_done(&body);
    cove__object_request_done(&r);
    return rc;
}

/* Copied parts are of the version that was meant only if the store checked the condition of each copy, or if that
 * version is still there now. */
static int check_source(const struct cove__upload *u, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__put same = { .condition = COVE_WRITE_IF_MATCH, .etag = u->source_version };

    if (u->source == NULL || (u->put.condition == COVE_WRITE_IF_MATCH && strcmp(u->source, u->path) == 0))
        return 0; /* of the object that is to be replaced the finish's own condition says enough */
    int rc = cove__object_check_condition(u->store, cove__object_split(u->source), &same, ctx, err);
    return rc == COVE_EPRECONDITION
               ? cove__fs_fail(err, ctx, rc, "the object that parts were copied from changed meanwhile")
               : rc;
}

int cove__upload_copied_from(struct cove__upload *u, struct cove__object_name source, const char *version)
{
    struct cove__buf path = COVE__BUF_INIT(COVE__OBJECT_KEY_MAX + 320);
    char *copy = NULL, *copy_version = NULL;
    int rc = 0;

    if (source.version.size > 0 || cove__object_can(u->store, COVE__COPY_SOURCE_CONDITIONS) == COVE__CAN_YES)
        return 0;
    cove__buf_add_slice(&path, source.bucket);
    cove__buf_add_char(&path, '/');
    cove__buf_add_slice(&path, source.key);
    copy = cove__buf_take(&path);
    copy_version = cove__strdup(version);
    if (copy == NULL || copy_version == NULL) {
        rc = COVE_ENOMEM;
        goto out;
    }
    pthread_mutex_lock(&u->lock);
    if (u->source == NULL) {
        u->source = copy;
        u->source_version = copy_version;
        copy = copy_version = NULL;
    } else if (strcmp(u->source, copy) != 0 || !cove__object_same_version(u->source_version, copy_version)) {
        rc = COVE_ENOTSUP; /* only one is asked about */
    }
    pthread_mutex_unlock(&u->lock);
out:
    cove__free(copy);
    cove__free(copy_version);
    cove__buf_done(&path);
    return rc;
}

/* Checks the condition by HEAD first if the store may ignore it in this request. */
static int finish_by(struct cove__upload *u, enum cove__condition_mode mode, const struct cove__ctx *ctx,
                     struct cove__object_made *made, struct cove_error *err)
{
    int rc = 0;

    if (mode == COVE__CONDITION_SENT_AND_CHECKED || mode == COVE__CONDITION_CHECKED)
        rc = cove__object_check_condition(u->store, cove__object_split(u->path), &u->put, ctx, err);
    return rc == 0 ? finish(u, mode, ctx, made, err) : rc;
}

int cove__object_upload_finish(void *self, struct cove__upload *u, const struct cove__ctx *ctx, char **ret_etag,
                               char **ret_version_id, struct cove_error *err)
{
    struct cove__object_store *store = self;
    struct cove__object_made made = { 0 };
    int rc = check_source(u, ctx, err);

    if (rc == 0)
        rc = finish_by(u, finish_mode(u), ctx, &made, err);
    /* The refusal has shown that the store has no such conditions. */
    if (rc == COVE_ENOTSUP && finish_mode(u) == COVE__CONDITION_CHECKED) {
        cove__error_clear(err);
        rc = finish_by(u, COVE__CONDITION_CHECKED, ctx, &made, err);
    }
    if (rc < 0) {
        cove__object_upload_abort(store, u);
        return rc;
    }
    /* Without memory for them the object is there all the same. */
    *ret_etag = made.version[0] != '\0' ? cove__strdup(made.version) : NULL;
    if (ret_version_id != NULL)
        *ret_version_id = made.version_id[0] != '\0' ? cove__strdup(made.version_id) : NULL;
    upload_free(u);
    return 0;
}

/* ---- abort ---- */

int cove__upload_discard(struct cove__object_store *store, struct cove__object_name name, const char *id,
                         const struct cove__ctx *ctx, bool *ret_none, struct cove_error *err)
{
    const struct cove__object_upload_ops *ops = store->ops->upload;
    struct cove__object_request r;
    struct cove_error why = COVE_ERROR_INIT;

    if (ops->abort_request == NULL) {
        if (ret_none != NULL)
            *ret_none = true;
        return 0;
    }
    cove__object_request_init(&r, store, "DELETE", name, ctx);
    r.accept = cove__object_accept_empty;
    ops->abort_request(&r, id);
    int rc = cove__object_run(&r, &why);
    bool none = r.refusal == COVE__REFUSED_NO_UPLOAD;
    if (ret_none != NULL)
        *ret_none = none;
    cove__object_request_done(&r);
    return rc == 0 || none ? 0 : cove__error_copy(err, &why);
}

void cove__object_upload_abort(void *self, struct cove__upload *u)
{
    struct cove__object_store *store = self;

    if (u == NULL)
        return;
    /* The caller's time may be over, or its token fired: what is on the store has to go all the same. */
    struct cove__ctx ctx = {
        .deadline_ns = cove__now_ns() + ABORT_TIMEOUT_NS, .op = "abort", .url = u->url, .last_waits = &cove__is_abort
    };
    struct cove_error err = COVE_ERROR_INIT;

    if (cove__upload_discard(store, cove__object_split(u->path), u->id, &ctx, NULL, &err) < 0)
        cove__log(COVE_LOG_WARNING, store->ops->name, "%s; the parts stay until they are removed as abandoned",
                  err.message);
    upload_free(u);
}
