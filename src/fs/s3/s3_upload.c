/*
 * Uploads in parts: begin, parts in any order, finish or abort; and those that were left behind. The parts' own
 * checksums become the whole object's, which the store checks at the end. For the front's writer, and for s3_copy.c and
 * s3_append.c, whose parts are copies.
 */
#include "fs/s3/s3_stores.h"
#include "fs/s3/s3_upload.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/paging.h"
#include "wire/crc.h"
#include "wire/digest.h"
#include "wire/uri.h"
#include "wire/xml.h"

#define COMPLETE_MAX     ((size_t)8 << 20)
#define ABORT_TIMEOUT_NS (30 * COVE__SEC)
#define REMOVALS         5 /* attempts to remove an upload that is listed again */

void cove__s3_part_rules(void *self, int64_t expected_size, struct cove__part_rules *ret)
{
    struct cove__s3 *s3 = self;
    size_t part = (size_t)s3->o.block_size;
    const struct s3_store *store = s3->product;
    unsigned max_parts = s3->o.max_parts > 0 ? (unsigned)s3->o.max_parts : store->max_parts;

    /* The writer doubles its parts as they grow in number; where the size is known, or parts must be equal, the first
     * has to do. */
    if (max_parts == 0)
        max_parts = S3_PARTS_MAX;
    if (expected_size > 0) {
        uint64_t needed = ((uint64_t)expected_size + max_parts - 1) / max_parts;
        needed = (needed + ((1u << 20) - 1)) & ~(uint64_t)((1u << 20) - 1);
        if (needed > part && needed <= S3_PART_MAX)
            part = (size_t)needed;
    }
    *ret = (struct cove__part_rules){ .min_part = S3_PART_MIN,
                                      .default_part = part,
                                      .max_part = S3_PART_MAX,
                                      .max_parts = max_parts,
                                      .wants_sha256 = s3->sign_payload && s3->provider != NULL,
                                      .equal_parts = cove__object_can(&s3->store, COVE__UNEQUAL_PARTS) == COVE__CAN_NO,
                                      .crc32c_may_be_crc32 = store->can[COVE__CRC32C] != COVE__CAN_YES,
                                      .parallel = (unsigned)s3->o.max_concurrency };
}

/* ---- begin ---- */

static void upload_free(struct cove__upload *u)
{
    if (u == NULL)
        return;
    for (size_t i = 0; i < u->n; i++)
        cove__free(u->parts[i].etag);
    cove__free(u->parts);
    cove__free(u->path);
    cove__free(u->url);
    cove__free(u->id);
    cove__free(u->if_match);
    cove__free(u->source);
    cove__free(u->source_etag);
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
    u->store = store;
    u->path = cove__strdup(path);
    u->url = cove__strdup(ctx->url);
    u->put = put != NULL ? *put : (struct cove__put){ .expected_size = -1 };
    if (u->put.etag != NULL)
        u->put.etag = u->if_match = cove__strdup(u->put.etag);
    u->put.content_type = u->put.write_id = u->put.headers = NULL; /* told at the begin, not kept */
    u->put.metadata = NULL;
    u->put.n_metadata = 0;
    if (u->path == NULL || u->url == NULL || (put != NULL && put->etag != NULL && u->if_match == NULL)) {
        upload_free(u);
        return NULL;
    }
    return u;
}

static int on_begun(void *user, const char *path, struct cove__slice text)
{
    struct cove__upload *u = user;

    if (strcmp(path, "InitiateMultipartUploadResult/UploadId") != 0 || u->id != NULL)
        return 0;
    u->id = cove__strndup((const char *)text.data, text.size);
    return u->id != NULL ? 0 : COVE_ENOMEM;
}

static enum cove__condition_mode end_way(const struct cove__upload *u)
{
    enum cove__condition_mode mode = cove__object_condition_mode(u->store, COVE__UPLOAD_CONDITIONS);
    return mode == COVE__CONDITION_UNSUPPORTED && u->put.or_look ? COVE__CONDITION_CHECKED : mode;
}

static bool no_such_end(const struct cove__upload *u)
{
    return u->put.condition != COVE_WRITE_ALWAYS && end_way(u) == COVE__CONDITION_UNSUPPORTED;
}

int cove__s3_upload_open(struct cove__object_store *store, const char *path, const struct cove__put *put,
                         bool with_checksum, const struct cove__ctx *ctx, struct cove__upload **ret,
                         struct cove_error *err)
{
    static const struct cove__xml_handler handler = { NULL, on_begun, "InitiateMultipartUploadResult" };
    struct cove__object_request r;
    struct cove__object_name name;

    int rc = cove__object_name_of(store, path, true, ctx, &name, err);
    if (rc < 0)
        return rc;
    struct cove__upload *u = upload_new(store, path, put, ctx);
    if (u == NULL)
        return cove__fail_nomem(err, "an upload");
    if (no_such_end(u)) {
        upload_free(u);
        return cove__object_no_conditions(store, ctx, err);
    }
    cove__object_request_init(&r, store, "POST", name, ctx);
    r.announces_checksums = with_checksum && cove__object_checksum(store) == COVE__CHECKSUM_CRC32C;
    cove__buf_add_str(&r.query, "uploads=");
    cove__object_describe(&r, put);
    cove__object_mark(&r, put, &u->mark);
    r.http.has_body = true; /* an empty one */
    rc = cove__object_run(&r, err);
    if (rc == 0) {
        rc = cove__xml_read(cove__buf_slice(&r.http.reply), &handler, u);
        if (rc == 0 && (u->id == NULL || u->id[0] == '\0'))
            rc = COVE_EPROTOCOL;
        if (rc < 0)
            cove__object_unreadable(&r, err, rc, "the reply to the begin of an upload");
    }
    u->with_checksum = r.announces_checksums && !r.checksum_refused;
    cove__object_request_done(&r);
    if (rc < 0) {
        upload_free(u);
        return rc;
    }
    if (no_such_end(u)) { /* which the reply has told, before any part is sent in vain */
        cove__s3_upload_abort(store, u);
        return cove__object_no_conditions(store, ctx, err);
    }
    *ret = u;
    return 0;
}

int cove__s3_upload_begin(void *self, const char *path, const struct cove__put *put, const struct cove__ctx *ctx,
                          struct cove__upload **ret, struct cove_error *err)
{
    /* Amazon tells the checksums of copied parts; of the others hardly any does, and then refuses the end of an upload
     * that was begun with checksums. */
    bool with_checksum =
        put == NULL || !put->copies || cove__object_can(self, COVE__COPIED_PART_CHECKSUMS) == COVE__CAN_YES;
    return cove__s3_upload_open(self, path, put, with_checksum, ctx, ret, err);
}

/* ---- parts ---- */

void cove__s3_part_query(struct cove__object_request *r, const struct cove__upload *u, unsigned number)
{
    cove__buf_addf(&r->query, "partNumber=%u", number);
    cove__uri_add_pair(&r->query, "uploadId", cove__slice_str(u->id));
}

int cove__s3_part_sent(struct cove__upload *u, unsigned number, const char *etag, uint32_t crc, int64_t size)
{
    char *copy = cove__strdup(etag);
    int rc = copy != NULL ? 0 : COVE_ENOMEM;

    pthread_mutex_lock(&u->lock);
    if (rc == 0 && number > u->n) {
        size_t old = u->n;
        if (cove__grow(&u->parts, &u->cap, number, sizeof *u->parts, S3_PARTS_MAX) < 0) {
            rc = COVE_ENOMEM;
        } else {
            memset(u->parts + old, 0, (number - old) * sizeof *u->parts);
            u->n = number;
        }
    }
    if (rc == 0) {
        struct cove__object_part *part = &u->parts[number - 1];
        cove__free(part->etag);
        *part = (struct cove__object_part){ copy, crc, size };
        copy = NULL;
    }
    pthread_mutex_unlock(&u->lock);
    cove__free(copy);
    return rc;
}

struct part_task {
    struct cove__object_request r; /* first */
    struct cove__io *io;
    uint32_t crc;
};

static int accept_part(struct cove__object_request *r, struct cove_error *err)
{
    char etag[COVE__HEADER_MAX];
    if (!cove__object_reply_header(r, "etag", etag))
        return cove__object_fail(r, err, COVE_EPROTOCOL, "the store's reply to a part has no ETag");
    return cove__object_accept_empty(r, err);
}

static void part_done(struct cove__object_request *r)
{
    struct part_task *t = r->user;
    struct cove__io *io = t->io;
    struct cove_error err = r->http.op.err;
    char etag[COVE__HEADER_MAX];
    int rc = r->http.op.rc;

    if (r->checksum_refused)
        io->upload->with_checksum = false;
    if (rc == 0 && cove__object_reply_header(r, "etag", etag)) {
        rc = cove__s3_part_sent(io->upload, io->part_number, etag, t->crc, (int64_t)io->src.size);
        if (rc < 0)
            cove__fail_nomem(&err, "a part");
    }
    cove__object_request_done(&t->r);
    cove__free(t);
    cove__op_finish(&io->op, rc, rc == 0 ? (int64_t)io->src.size : 0, &err);
}

void cove__s3_upload_part(void *self, struct cove__io *io)
{
    struct cove__object_store *store = self;
    struct cove__upload *u = io->upload;
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
    cove__s3_part_query(&t->r, u, io->part_number);
    cove__buf_add_slice(&t->r.extra, cove__buf_slice(&store->extra.each));
    enum cove__checksum_kind sum = cove__object_checksum(store);
    if (sum == COVE__CHECKSUM_CRC32C && !u->with_checksum) {
        sum = COVE__CHECKSUM_NONE;
        t->r.sign_body = true; /* beside copied parts only the signature can vouch for the bytes */
    }
    t->r.body_sha256 = io->sha256;
    cove__object_body(&t->r, io->src, sum);
    t->crc = t->r.crc32c;
    cove__object_start(&t->r);
}

/* ---- finish ---- */

static int complete_body(const struct cove__upload *u, struct cove__buf *body, uint32_t *ret_crc)
{
    char text[COVE__BASE64_SIZE(4)];
    uint32_t crc = 0;

    cove__buf_add_str(body, "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for (size_t i = 0; i < u->n; i++) {
        const struct cove__object_part *part = &u->parts[i];
        if (part->etag == NULL)
            return COVE_ESTATE; /* a part was never sent: the object would have a hole */
        cove__buf_addf(body, "<Part><PartNumber>%zu</PartNumber><ETag>", i + 1);
        if (cove__xml_add_text(body, cove__slice_str(part->etag)) == COVE_EINVAL)
            return COVE_EPROTOCOL;
        cove__buf_add_str(body, "</ETag>");
        if (u->with_checksum) {
            cove__base64_be32(part->crc, text);
            cove__buf_addf(body, "<ChecksumCRC32C>%s</ChecksumCRC32C>", text);
            crc = cove__crc32c_join(crc, part->crc, (uint64_t)part->size);
        }
        cove__buf_add_str(body, "</Part>");
    }
    cove__buf_add_str(body, "</CompleteMultipartUpload>");
    *ret_crc = crc;
    return cove__buf_rc(body);
}

struct completed {
    char etag[COVE__HEADER_MAX], version_id[COVE__HEADER_MAX];
};

static int on_completed(void *user, const char *path, struct cove__slice text)
{
    struct completed *c = user;

    if (strcmp(path, "CompleteMultipartUploadResult/ETag") == 0)
        cove__object_etag(text, c->etag, sizeof c->etag);
    return 0;
}

static int accept_completion(struct cove__object_request *r, struct cove_error *err)
{
    static const struct cove__xml_handler handler = { NULL, on_completed, "CompleteMultipartUploadResult" };
    struct completed *c = r->user;

    c->etag[0] = '\0';
    cove__object_reply_header(r, "x-amz-version-id", c->version_id);
    int rc = cove__xml_read(cove__buf_slice(&r->http.reply), &handler, c);
    if (rc < 0)
        return cove__object_unreadable(r, err, rc, "the reply to the end of an upload");
    if (c->etag[0] == '\0')
        return cove__object_fail(r, err, COVE_EPROTOCOL, "the store's reply to the end of an upload has no ETag");
    return 0;
}

/* 1: the object there is what this upload makes; 0: it is not, or there is none; negative: not known. */
static int is_ours(const struct cove__upload *u, const struct cove__ctx *ctx, struct cove__object_head *head)
{
    struct cove_error err = COVE_ERROR_INIT;
    int rc = cove__object_head(u->store, cove__object_split(u->path), ctx, head, &err);

    if (rc == COVE_ENOTFOUND)
        return 0;
    return rc < 0 ? rc : strcmp(head->write_id, u->mark.write_id) == 0;
}

static int complete(struct cove__upload *u, enum cove__condition_mode mode, const struct cove__ctx *ctx,
                    struct completed *done, struct cove_error *err)
{
    struct cove__object_request r;
    struct cove__buf body = COVE__BUF_INIT(COMPLETE_MAX);
    struct cove_error why = COVE_ERROR_INIT;
    uint32_t crc = 0;

    cove__object_request_init(&r, u->store, "POST", cove__object_split(u->path), ctx);
    r.http.reply_max = COVE__OBJECT_REPLY_MAX;
    r.error_in_200 = true;
    r.effect = COVE__EFFECT_MADE;
    r.accept = accept_completion;
    r.user = done;
    int rc = complete_body(u, &body, &crc);
    if (rc < 0) {
        cove__object_fail(&r, err, rc, "the upload cannot be finished: %s", cove_code_phrase(rc));
        goto out;
    }
    cove__uri_add_pair(&r.query, "uploadId", cove__slice_str(u->id));
    cove__object_header(&r, "Content-Type", "application/xml");
    cove__buf_add_slice(&r.extra, cove__buf_slice(&u->store->extra.each));
    r.sign_body = true;
    cove__object_body(&r, cove__buf_slice(&body), COVE__CHECKSUM_NONE);
    if (u->with_checksum) { /* here it is the object's */
        char text[COVE__BASE64_SIZE(4)];
        cove__base64_be32(crc, text);
        cove__object_header(&r, "x-amz-checksum-crc32c", "%s", text);
        cove__object_header(&r, "x-amz-checksum-type", "FULL_OBJECT");
    }
    cove__object_condition_headers(&r, mode, &u->put);
    rc = cove__object_run(&r, &why);
    bool refused = cove__object_condition_refused(&r, u->put.condition);
    if (u->put.condition != COVE_WRITE_ALWAYS && r.store->ops->refuses_condition(&r)) {
        cove__object_learn_missing(&r, COVE__UPLOAD_CONDITIONS);
        rc = cove__object_no_conditions(u->store, ctx, &why);
        why.http_status = r.http.status;
    }
    bool gone = rc < 0 && (r.refusal == COVE__REFUSED_NO_UPLOAD || r.refusal == COVE__REFUSED_NO_PART);
    if (refused || gone || rc == COVE_EPROTOCOL) {
        /* The upload may have been completed although the reply was lost, or changed by a proxy. */
        struct cove__object_head head;
        if (is_ours(u, ctx, &head) == 1) {
            memcpy(done->etag, head.version, sizeof done->etag);
            memcpy(done->version_id, head.version_id, sizeof done->version_id);
            rc = 0;
        } else if (refused) {
            rc = cove__object_condition_error(&r, u->put.condition, &why);
        }
    }
    if (rc < 0)
        cove__error_copy(err, &why);
out:
    cove__buf_done(&body);
    cove__object_request_done(&r);
    return rc;
}

/* Copied parts are of the version that was meant only if the store looked at the condition of each copy, or if that
 * version is still there now. */
static int same_source(const struct cove__upload *u, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__put same = { .condition = COVE_WRITE_IF_MATCH, .etag = u->source_etag };

    if (u->source == NULL || (u->put.condition == COVE_WRITE_IF_MATCH && strcmp(u->source, u->path) == 0))
        return 0; /* of the object that is to be replaced the end's own condition says enough */
    int rc = cove__object_check_condition(u->store, cove__object_split(u->source), &same, ctx, err);
    return rc == COVE_EPRECONDITION
               ? cove__fs_fail(err, ctx, rc, "the object that parts were copied from changed meanwhile")
               : rc;
}

int cove__s3_copied_from(struct cove__upload *u, struct cove__object_name source, const char *etag)
{
    struct cove__buf path = COVE__BUF_INIT(COVE__OBJECT_KEY_MAX + 320);
    char *copy = NULL, *copy_etag = NULL;
    int rc = 0;

    if (source.version.size > 0 || cove__object_can(u->store, COVE__COPY_SOURCE_CONDITIONS) == COVE__CAN_YES)
        return 0;
    cove__buf_add_slice(&path, source.bucket);
    cove__buf_add_char(&path, '/');
    cove__buf_add_slice(&path, source.key);
    copy = cove__buf_take(&path);
    copy_etag = cove__strdup(etag);
    if (copy == NULL || copy_etag == NULL) {
        rc = COVE_ENOMEM;
        goto out;
    }
    pthread_mutex_lock(&u->lock);
    if (u->source == NULL) {
        u->source = copy;
        u->source_etag = copy_etag;
        copy = copy_etag = NULL;
    } else if (strcmp(u->source, copy) != 0 || !cove__object_same_version(u->source_etag, copy_etag)) {
        rc = COVE_ENOTSUP; /* only one is asked about */
    }
    pthread_mutex_unlock(&u->lock);
out:
    cove__free(copy);
    cove__free(copy_etag);
    cove__buf_done(&path);
    return rc;
}

/* Checks the condition by HEAD first if the store may ignore it in this request. */
static int end_as(struct cove__upload *u, enum cove__condition_mode mode, const struct cove__ctx *ctx,
                  struct completed *done, struct cove_error *err)
{
    int rc = 0;

    if (mode == COVE__CONDITION_SENT_AND_CHECKED || mode == COVE__CONDITION_CHECKED)
        rc = cove__object_check_condition(u->store, cove__object_split(u->path), &u->put, ctx, err);
    return rc == 0 ? complete(u, mode, ctx, done, err) : rc;
}

int cove__s3_upload_finish(void *self, struct cove__upload *u, const struct cove__ctx *ctx, char **ret_etag,
                           char **ret_version_id, struct cove_error *err)
{
    struct cove__object_store *store = self;
    struct completed done = { "", "" };
    int rc = same_source(u, ctx, err);

    if (rc == 0)
        rc = end_as(u, end_way(u), ctx, &done, err);
    /* The refusal has shown that the store has no such conditions. */
    if (rc == COVE_ENOTSUP && end_way(u) == COVE__CONDITION_CHECKED) {
        cove__error_clear(err);
        rc = end_as(u, COVE__CONDITION_CHECKED, ctx, &done, err);
    }
    if (rc < 0) {
        cove__s3_upload_abort(store, u);
        return rc;
    }
    /* Without memory for them the object is there all the same. */
    *ret_etag = done.etag[0] != '\0' ? cove__strdup(done.etag) : NULL;
    if (ret_version_id != NULL)
        *ret_version_id = done.version_id[0] != '\0' ? cove__strdup(done.version_id) : NULL;
    upload_free(u);
    return 0;
}

/* *ret_none (may be NULL): the upload did not exist any more. */
static int abort_upload(struct cove__object_store *store, struct cove__object_name name, const char *id,
                        const struct cove__ctx *ctx, bool *ret_none, struct cove_error *err)
{
    struct cove__object_request r;
    struct cove_error why = COVE_ERROR_INIT;

    cove__object_request_init(&r, store, "DELETE", name, ctx);
    r.accept = cove__object_accept_empty;
    cove__uri_add_pair(&r.query, "uploadId", cove__slice_str(id));
    int rc = cove__object_run(&r, &why);
    bool none = r.refusal == COVE__REFUSED_NO_UPLOAD;
    if (ret_none != NULL)
        *ret_none = none;
    cove__object_request_done(&r);
    return rc == 0 || none ? 0 : cove__error_copy(err, &why);
}

void cove__s3_upload_abort(void *self, struct cove__upload *u)
{
    if (u == NULL)
        return;
    /* The caller's time may be over, or its token fired: what is on the store has to go all the same. */
    struct cove__ctx ctx = {
        .deadline_ns = cove__now_ns() + ABORT_TIMEOUT_NS, .op = "abort", .url = u->url, .last_waits = &cove__is_abort
    };
    struct cove_error err = COVE_ERROR_INIT;

    if (abort_upload(self, cove__object_split(u->path), u->id, &ctx, NULL, &err) < 0)
        cove__log(COVE_LOG_WARNING, "s3", "%s; the parts stay until they are removed as abandoned", err.message);
    upload_free(u);
}

/* ---- what was left behind ---- */

struct abandoned {
    struct cove__object_store *store;
    struct cove__object_name below;
    struct cove__slice prefix; /* that the store is asked for */
    bool directory;            /* of a directory bucket */
    int64_t min_age_ns;
    bool remove;
    cove_upload_fn each;
    void *user;
    const struct cove__ctx *ctx;
    struct cove_error *err;
    /* of the page at hand */
    int64_t now_ns; /* by the store's clock, as the uploads' start times */
    size_t entries;
    bool encoded, truncated;
    struct cove__buf key, id, started;
    struct cove__buf next_key, next_id;
    struct cove__paging paging;
    int64_t found;
    /* of the removal: the number of passes over the list; the ids so far, each between line ends; and the uploads of
     * this pass that were already removed in an earlier one */
    unsigned pass;
    struct cove__buf ids;
    size_t kept;
    struct cove__buf first_kept;
};

/* An upload without a valid start time may still be running, so it does not count as old. */
static bool is_old(const struct abandoned *a, int64_t started_ns, const char *path)
{
    if (a->min_age_ns <= 0)
        return true; /* of any age */
    if (started_ns < 0)
        cove__log(COVE_LOG_WARNING, "s3", "%s: an upload without a valid start time is skipped", path);
    return started_ns >= 0 && a->now_ns - started_ns >= a->min_age_ns;
}

/* Whether this upload was listed before; remembers it. Without memory a->ids fails. */
static bool seen_before(struct abandoned *a)
{
    struct cove__buf line = COVE__BUF_INIT(8192 + 2);

    cove__buf_addf(&line, "\n%s\n", cove__buf_str(&a->id));
    bool seen = a->ids.size > 0 && memmem(a->ids.data, a->ids.size, line.data, line.size) != NULL;
    if (!seen)
        cove__buf_add_slice(&a->ids, cove__buf_slice(&line));
    if (cove__buf_rc(&line) < 0)
        a->ids.rc = cove__buf_rc(&line);
    cove__buf_done(&line);
    return seen;
}

/* Aborts an upload. If it was aborted before (`seen`) and exists again, because a part was still being sent, it counts
 * as kept. A listing may still have it when it is gone; the reply to the abort decides. */
static int remove_upload(struct abandoned *a, const char *path, bool seen)
{
    bool none;
    int rc = abort_upload(a->store, cove__object_split(path), cove__buf_str(&a->id), a->ctx, &none, a->err);

    if (rc == 0 && seen && !none && a->kept++ == 0) {
        cove__buf_reset(&a->first_kept);
        cove__buf_addf(&a->first_kept, "%s (%s)", path, cove__buf_str(&a->id));
    }
    return rc;
}

static int take_upload(struct abandoned *a)
{
    struct cove__buf key = COVE__BUF_INIT(COVE__OBJECT_KEY_MAX * 3 + 1),
                     path = COVE__BUF_INIT(COVE__OBJECT_KEY_MAX * 3 + 320);
    int64_t started_ns = cove__parse_iso8601(cove__buf_str(&a->started));

    int rc = a->encoded ? cove__form_decode(&key, cove__buf_slice(&a->key))
                        : cove__buf_add_slice(&key, cove__buf_slice(&a->key));
    struct cove__slice k = cove__buf_slice(&key), b = a->below.key;
    /* The prefix "run" is also one of "runs/x", which is not below it. */
    bool below = b.size == 0 || (k.size >= b.size && memcmp(k.data, b.data, b.size) == 0 &&
                                 (k.size == b.size || b.data[b.size - 1] == '/' || k.data[b.size] == '/'));
    if (rc == 0 && (k.size == 0 || a->id.size == 0))
        rc = COVE_EPROTOCOL;
    cove__buf_add_slice(&path, a->below.bucket);
    cove__buf_add_char(&path, '/');
    cove__buf_add_slice(&path, k);
    if (rc == 0)
        rc = cove__buf_rc(&path);
    if (rc < 0 || !below || !is_old(a, started_ns, cove__buf_str(&path)))
        goto out;
    if (a->remove) {
        bool seen = seen_before(a);
        rc = cove__buf_rc(&a->ids) < 0 ? cove__buf_rc(&a->ids) : remove_upload(a, cove__buf_str(&path), seen);
        if (rc < 0 || seen)
            goto out;
    }
    a->found++;
    if (a->each != NULL)
        a->each(a->user, cove__buf_str(&path), cove__buf_str(&a->id), started_ns);
out:
    cove__buf_done(&key);
    cove__buf_done(&path);
    return rc;
}

static int on_upload_begins(void *user, const char *path)
{
    struct abandoned *a = user;

    if (strcmp(path, "ListMultipartUploadsResult/Upload") == 0) {
        cove__buf_reset(&a->key);
        cove__buf_reset(&a->id);
        cove__buf_reset(&a->started);
        a->entries++;
    }
    return 0;
}

static int on_upload(void *user, const char *path, struct cove__slice text)
{
    struct abandoned *a = user;
    const struct {
        const char *path;
        struct cove__buf *at;
    } rows[] = {
        { "ListMultipartUploadsResult/Upload/Key", &a->key },
        { "ListMultipartUploadsResult/Upload/UploadId", &a->id },
        { "ListMultipartUploadsResult/Upload/Initiated", &a->started },
        { "ListMultipartUploadsResult/NextKeyMarker", &a->next_key },
        { "ListMultipartUploadsResult/NextUploadIdMarker", &a->next_id },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(path, rows[i].path) == 0) {
            cove__buf_reset(rows[i].at);
            return cove__buf_add_slice(rows[i].at, text);
        }
    }
    if (strcmp(path, "ListMultipartUploadsResult/IsTruncated") == 0)
        return cove__object_flag(text, &a->truncated);
    else if (strcmp(path, "ListMultipartUploadsResult/EncodingType") == 0)
        a->encoded = cove__slice_is(text, "url");
    else if (strcmp(path, "ListMultipartUploadsResult/Upload") == 0)
        return take_upload(a);
    return 0;
}

static int uploads_page(struct abandoned *a, bool first)
{
    static const struct cove__xml_handler handler = { on_upload_begins, on_upload, "ListMultipartUploadsResult" };
    struct cove__object_request r;

    cove__object_request_init(&r, a->store, "GET", (struct cove__object_name){ .bucket = a->below.bucket }, a->ctx);
    r.http.reply_max = COVE__OBJECT_REPLY_MAX;
    cove__buf_add_str(&r.query, "uploads=&encoding-type=url");
    if (a->prefix.size > 0)
        cove__uri_add_pair(&r.query, "prefix", a->prefix);
    if (!first) {
        struct cove__buf marker = COVE__BUF_INIT(COVE__OBJECT_KEY_MAX * 3 + 1);
        int rc = a->encoded ? cove__form_decode(&marker, cove__buf_slice(&a->next_key))
                            : cove__buf_add_slice(&marker, cove__buf_slice(&a->next_key));
        if (rc < 0)
            r.query.rc = rc;
        cove__uri_add_pair(&r.query, "key-marker", cove__buf_slice(&marker));
        if (!a->directory) /* which takes none */
            cove__uri_add_pair(&r.query, "upload-id-marker", cove__buf_slice(&a->next_id));
        cove__buf_done(&marker);
    }
    a->truncated = false;
    a->entries = 0;
    cove__buf_reset(&a->next_key);
    cove__buf_reset(&a->next_id);
    int rc = cove__object_run(&r, a->err);
    if (rc == 0) {
        a->now_ns = cove__object_reply_time(&r);
        rc = cove__xml_read(cove__buf_slice(&r.http.reply), &handler, a);
        if (rc == COVE_EPROTOCOL || rc == COVE_ELIMIT)
            cove__object_unreadable(&r, a->err, rc, "the list of uploads");
        else if (rc == COVE_ENOMEM)
            cove__fail_nomem(a->err, "a list of uploads");
        if (rc == 0 && a->truncated)
            rc = cove__paging_next(&a->paging, cove__buf_str(&a->next_key), cove__buf_str(&a->next_id), a->entries,
                                   a->ctx, a->err);
    }
    cove__object_request_done(&r);
    return rc;
}

static int all_pages(struct abandoned *a)
{
    int rc = uploads_page(a, true);

    while (rc == 0 && a->truncated)
        rc = uploads_page(a, false);
    return rc;
}

/* Lists and removes again until none of the removed uploads is left. */
static int until_gone(struct abandoned *a)
{
    int rc = 0;

    for (a->kept = (size_t)a->found; rc == 0 && a->kept > 0 && a->pass < REMOVALS - 1; a->pass++) {
        a->kept = 0;
        a->paging = (struct cove__paging){ 0 };
        rc = all_pages(a);
    }
    if (rc == 0 && a->kept > 0)
        rc = cove__fs_fail(a->err, a->ctx, COVE_ESERVER,
                           "the store keeps %zu of the uploads after %d removals, the first: %s; their parts may "
                           "still be sent: remove them again later",
                           a->kept, REMOVALS, cove__buf_str(&a->first_kept));
    return rc;
}

int64_t cove__s3_abandoned_uploads(void *self, const char *path, int64_t min_age_s, bool remove, cove_upload_fn each,
                                   void *user, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct abandoned a = { .store = self,
                           .below = cove__object_split(path),
                           .min_age_ns = cove__sec_ns(min_age_s),
                           .remove = remove,
                           .ids = COVE__BUF_INIT(SIZE_MAX),
                           .first_kept = COVE__BUF_INIT(SIZE_MAX),
                           .each = each,
                           .user = user,
                           .ctx = ctx,
                           .err = err };
    struct cove__buf *const bufs[] = { &a.key, &a.id, &a.started, &a.next_key, &a.next_id };

    for (size_t i = 0; i < sizeof bufs / sizeof bufs[0]; i++)
        cove__buf_init(bufs[i], 8192);
    /* MinIO takes a prefix for a whole key: there everything is listed, and looked through here. */
    a.prefix = cove__object_can(a.store, COVE__UPLOADS_BY_PREFIX) == COVE__CAN_YES ? a.below.key : cove__slice("", 0);
    a.directory = cove__s3_is_directory(a.store, a.below.bucket);
    while (a.directory && a.prefix.size > 0 && a.prefix.data[a.prefix.size - 1] != '/')
        a.prefix.size--; /* only a whole directory can be asked for */
    int rc = all_pages(&a);
    if (rc == 0 && remove)
        rc = until_gone(&a);
    cove__buf_done(&a.ids);
    cove__buf_done(&a.first_kept);
    for (size_t i = 0; i < sizeof bufs / sizeof bufs[0]; i++)
        cove__buf_done(bufs[i]);
    return rc < 0 ? rc : a.found;
}
