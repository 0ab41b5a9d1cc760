/* Copies on the store's side: in one request, or in parts where the object is too large for that. */
#include <stdio.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/s3/s3_request.h"
#include "fs/s3/s3_upload.h"
#include "fs/store_sum.h"
#include "wire/crc.h"
#include "wire/digest.h"
#include "wire/uri.h"
#include "wire/xml.h"

#define COPY_PART_MAX ((int64_t)5 << 30)
#define COPY_PART     ((int64_t)256 << 20) /* large enough to be few, small enough to go in parallel */
#define PARALLEL      16

static void add_source(struct cove__object_request *r, struct cove__object_name source)
{
    struct cove__buf text = COVE__BUF_INIT(8192);
    bool arn = cove__s3_is_arn(source.bucket);

    cove__s3_state(r)->source = source.bucket;
    cove__s3_state(r)->own_keys = true; /* two buckets are asked of, and a session is of one */
    if (!arn)
        cove__buf_add_char(&text, '/');
    cove__uri_encode(&text, source.bucket, false);
    cove__buf_add_str(&text, arn ? "/object/" : "/");
    cove__uri_encode(&text, source.key, true);
    if (source.version.size > 0) {
        cove__buf_add_str(&text, "?versionId=");
        cove__uri_encode(&text, source.version, false);
    }
    if (cove__buf_rc(&text) < 0)
        r->extra.rc = cove__buf_rc(&text);
    cove__object_header(r, "x-amz-copy-source", "%s", cove__buf_str(&text));
    cove__buf_done(&text);
}

/* ---- what a copy answers: the new object's, or part's, ETag; a 200 without one has copied nothing ---- */

struct copied {
    char etag[COVE__HEADER_MAX];
    char crc32c[COVE__HEADER_MAX]; /* "": the store does not tell */
};

static int on_copied(void *user, const char *path, struct cove__slice text)
{
    struct copied *c = user;

    char *at = NULL;
    if (strcmp(path, "CopyPartResult/ETag") == 0 || strcmp(path, "CopyObjectResult/ETag") == 0)
        at = c->etag;
    else if (strcmp(path, "CopyPartResult/ChecksumCRC32C") == 0)
        at = c->crc32c;
    if (at != NULL && text.size < COVE__HEADER_MAX) {
        if (text.size > 0)
            memcpy(at, text.data, text.size);
        at[text.size] = '\0';
    }
    return 0;
}

static int accept_copied(struct cove__object_request *r, struct cove_error *err)
{
    static const struct cove__xml_handler handler = { NULL, on_copied };
    struct copied *c = r->user;

    c->etag[0] = c->crc32c[0] = '\0';
    int rc = cove__xml_read(cove__buf_slice(&r->http.reply), &handler, c);
    if (rc == 0 && c->etag[0] == '\0')
        rc = COVE_EPROTOCOL;
    return rc < 0 ? cove__object_unreadable(r, err, rc, "the reply to the copy") : 0;
}

/* ---- in parts ---- */

/* One part under way. */
struct part_copy {
    struct cove__object_request r; /* first: the inbox gives it back */
    struct copied copied;
    unsigned number;
    int64_t size;
};

/* The request for `size` bytes of `source` from `at` on. */
static void part_request(struct cove__object_request *r, const struct cove__upload *u, unsigned number,
                         struct cove__object_name source, int64_t at, int64_t size, const char *etag,
                         const struct cove__ctx *ctx)
{
    cove__object_request_init(r, u->store, "PUT", cove__object_split(u->path), ctx);
    r->error_in_200 = true;
    cove__s3_part_query(r, u, number);
    add_source(r, source);
    cove__object_header(r, "x-amz-copy-source-range", "bytes=%lld-%lld", (long long)at, (long long)(at + size - 1));
    if (etag[0] != '\0' && cove__object_can(u->store, COVE__COPY_SOURCE_CONDITIONS) != COVE__CAN_NO)
        cove__object_header(r, "x-amz-copy-source-if-match", "%s", cove__object_strong_etag(etag));
    cove__buf_add_slice(&r->extra, cove__buf_slice(&u->store->extra.each));
}

static void start_part(struct part_copy *p, struct cove__upload *u, struct cove__object_name source, int64_t at,
                       const char *etag, const struct cove__ctx *ctx, struct cove__inbox *inbox)
{
    part_request(&p->r, u, p->number, source, at, p->size, etag, ctx);
    p->r.accept = accept_copied;
    p->r.user = &p->copied;
    cove__object_start_in(&p->r, inbox);
}

/* Remembered where the store has no such request: then it is not asked again. */
static int no_part_copy(const struct cove__object_request *r, struct cove_error *err)
{
    cove__object_learn_missing(r, COVE__PART_COPY);
    return cove__object_fail(r, err, COVE_ENOTSUP, "the store cannot copy parts of objects (%s)",
                             r->code[0] != '\0' ? r->code : "no UploadPartCopy");
}

static int end_part(struct part_copy *p, struct cove__upload *u, struct cove__object_name source, const char *etag,
                    struct cove_error *err)
{
    int rc = p->r.http.op.rc;

    if (rc < 0 && p->r.http.status == 412)
        rc = cove__object_fail(&p->r, err, COVE_EPRECONDITION, "the object changed meanwhile");
    else if (rc < 0 && p->r.store->ops->refuses_operation(&p->r))
        rc = no_part_copy(&p->r, err);
    else if (rc < 0)
        cove__error_copy(err, &p->r.http.op.err);
    else if (cove__upload_part_sent(u, p->number, p->copied.etag, 0, p->size) < 0 ||
             cove__upload_copied_from(u, source, etag) < 0)
        rc = cove__fail_nomem(err, "a part");
    cove__object_request_done(&p->r);
    return rc;
}

/* Equal parts, so that none is below the smallest size that a store takes. As many as go at once, until they would be
 * too large: a larger object takes longer, but not more requests. */
static int64_t copy_part_size(const struct cove__upload *u, int64_t size)
{
    /* More parts may follow: where all must be of one size, one is made of the whole while that is possible. */
    if (size <= COPY_PART_MAX && cove__object_can(u->store, COVE__UNEQUAL_PARTS) == COVE__CAN_NO)
        return size;
    int64_t part = size / PARALLEL;
    part = part < COPY_PART ? COPY_PART : part > COPY_PART_MAX ? COPY_PART_MAX : part;
    int64_t n = (size + part - 1) / part;
    return n > 0 ? (size + n - 1) / n : size;
}

int cove__s3_copy_parts(struct cove__upload *u, struct cove__object_name source, int64_t size, const char *etag,
                        unsigned first, const struct cove__ctx *ctx, unsigned *ret_n, struct cove_error *err)
{
    struct part_copy *parts = cove__calloc(PARALLEL, sizeof *parts);
    struct cove__inbox inbox;
    struct cove__op *op;
    int64_t step = copy_part_size(u, size), at = 0;
    unsigned n = 0;
    int rc = 0;

    if (parts == NULL)
        return cove__fail_nomem(err, "a copy");
    if (cove__object_can(u->store, COVE__PART_COPY) == COVE__CAN_NO) {
        cove__free(parts);
        return cove__fs_fail(err, ctx, COVE_ENOTSUP, "the store cannot copy parts of objects");
    }
    cove__inbox_init(&inbox);
    for (size_t i = 0; i < PARALLEL && at < size; i++, n++, at += step) {
        parts[i].number = first + n;
        parts[i].size = size - at < step ? size - at : step;
        start_part(&parts[i], u, source, at, etag, ctx, &inbox);
    }
    while ((op = cove__inbox_wait(&inbox)) != NULL) {
        struct part_copy *p = (struct part_copy *)(void *)op;
        int ended = end_part(p, u, source, etag, rc == 0 ? err : NULL);
        if (rc == 0)
            rc = ended;
        if (rc == 0 && at < size) {
            p->number = first + n++;
            p->size = size - at < step ? size - at : step;
            start_part(p, u, source, at, etag, ctx, &inbox);
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
    struct cove__io *io;
    struct copied copied;
    uint32_t crc; /* of the caller's bytes */
};

/* The caller's bytes are at hand, so what the store has copied is held against their checksum. */
static int accept_same(struct cove__object_request *r, struct cove_error *err)
{
    struct same_part *p = (struct same_part *)r;
    uint32_t theirs;

    int rc = accept_copied(r, err);
    if (rc < 0 || !p->io->upload->with_checksum)
        return rc;
    if (!cove__base64_to_be32(p->copied.crc32c, &theirs))
        return cove__object_fail(r, err, COVE_ENOTSUP, "the store does not tell the checksum of a copied part");
    if (!cove__store_sum_matches_bytes(theirs, p->crc, p->io->src.data,
                                       p->io->src.size)) /* a second attempt would copy the same bytes */
        return cove__object_fail(r, err, COVE_EMISMATCH, "the copied part has another checksum than its bytes");
    return 0;
}

static void same_done(struct cove__object_request *r)
{
    struct same_part *p = (struct same_part *)r;
    struct cove__io *io = p->io;
    struct cove_error err = r->http.op.err;
    int rc = r->http.op.rc;

    if (rc == 0) {
        rc = cove__upload_part_sent(io->upload, io->part_number, p->copied.etag, p->crc, (int64_t)io->src.size);
        if (rc == 0)
            rc = cove__upload_copied_from(io->upload, cove__object_split(io->src_path), io->src_etag);
        if (rc < 0)
            cove__object_fail(r, &err, rc, "a part's copy cannot be held: %s", cove_code_phrase(rc));
    } else if (r->store->ops->refuses_operation(r)) {
        rc = no_part_copy(r, &err);
    }
    cove__object_request_done(&p->r);
    cove__free(p);
    cove__op_finish(&io->op, rc, rc == 0 ? (int64_t)io->src.size : 0, &err);
}

void cove__s3_upload_copy_part(void *self, struct cove__io *io)
{
    const struct cove__upload *u = io->upload;
    struct same_part *p = cove__calloc(1, sizeof *p);

    if (p == NULL || cove__object_can(u->store, COVE__PART_COPY) == COVE__CAN_NO) {
        struct cove_error err = COVE_ERROR_INIT;
        int rc = p == NULL ? cove__fail_nomem(&err, "a part")
                           : cove__fs_fail(&err, &io->op.ctx, COVE_ENOTSUP, "the store cannot copy parts of objects");
        cove__free(p);
        cove__op_finish(&io->op, rc, 0, &err);
        return;
    }
    part_request(&p->r, u, io->part_number, cove__object_split(io->src_path), io->src_offset, (int64_t)io->src.size,
                 io->src_etag, &io->op.ctx);
    p->r.accept = accept_same;
    p->r.user = &p->copied;
    p->r.done = same_done;
    p->io = io;
    if (u->with_checksum)
        p->crc = cove__crc32c(0, io->src.data, io->src.size);
    cove__object_start(&p->r);
}

/* ---- whole objects in parts ---- */

/* `replaces`: the ETag that `to` must have at the end; NULL: no condition. */
static int copy_large(struct cove__object_store *store, struct cove__object_name from, const char *to,
                      const char *replaces, const struct cove__ctx *ctx, int64_t size, const char *etag,
                      const char *headers, struct cove_error *err)
{
    struct cove__put put = { .condition = replaces != NULL ? COVE_WRITE_IF_MATCH : COVE_WRITE_ALWAYS,
                             .etag = replaces,
                             .or_look = true,
                             .expected_size = size,
                             .headers = headers };
    struct cove__upload *u = NULL;
    unsigned n = 0;
    char *made = NULL;

    int rc = cove__upload_open(store, to, &put, false, ctx, &u, err);
    if (rc < 0)
        return rc;
    rc = cove__s3_copy_parts(u, from, size, etag, 1, ctx, &n, err);
    if (rc < 0) {
        cove__object_upload_abort(store, u);
        return rc;
    }
    rc = cove__object_upload_finish(store, u, ctx, &made, NULL, err);
    cove__free(made);
    return rc;
}

/* ---- in one request ---- */

static bool is_made_by(struct cove__object_store *store, struct cove__object_name name,
                       const struct cove__write_mark *mark, const struct cove__ctx *ctx)
{
    struct cove_error unseen = COVE_ERROR_INIT;
    struct cove__object_head head;

    return cove__object_head(store, name, ctx, &head, &unseen) == 0 && strcmp(head.write_id, mark->write_id) == 0;
}

/* Whether the object has this ETag now. A copy of an object that was sent in one request has the ETag of its source. */
static bool is_copied(struct cove__object_store *store, struct cove__object_name name, const char *etag,
                      const struct cove__ctx *ctx)
{
    struct cove_error unseen = COVE_ERROR_INIT;
    struct cove__object_head head;

    return cove__object_head(store, name, ctx, &head, &unseen) == 0 && cove__object_same_version(head.version, etag);
}

/* `etag`: what the source must have; NULL or "": no condition. `headers`: for a copy onto itself, the lines that
 * replace the object's properties; NULL: they are kept. */
static int copy_once(struct cove__object_store *store, struct cove__object_name from, const char *etag,
                     struct cove__object_name to, const char *headers, const struct cove__ctx *ctx, bool *ret_too_large,
                     struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;
    struct cove__object_request r;
    struct copied copied;
    struct cove__write_mark mark;

    if (etag != NULL && etag[0] == '\0') /* the store gives none; an empty condition would be ignored or refused */
        etag = NULL;
    cove__object_request_init(&r, store, "PUT", to, ctx);
    r.error_in_200 = true;
    r.effect = COVE__EFFECT_MADE;
    r.accept = accept_copied;
    r.user = &copied;
    add_source(&r, from);
    if (etag != NULL && cove__object_can(store, COVE__COPY_SOURCE_CONDITIONS) != COVE__CAN_NO)
        cove__object_header(&r, "x-amz-copy-source-if-match", "%s", cove__object_strong_etag(etag));
    if (headers != NULL)
        cove__object_header(&r, "x-amz-metadata-directive", "REPLACE");
    /* The source's condition is checked only when the copy begins; this also detects a write during the copy. */
    if (headers != NULL && etag != NULL && cove__object_can(store, COVE__COPY_TARGET_CONDITIONS) == COVE__CAN_YES &&
        !cove__s3_is_directory(store, to.bucket))
        cove__object_header(&r, "If-Match", "%s", cove__object_strong_etag(etag));
    cove__object_describe(&r, &(struct cove__put){ .headers = headers });
    if (headers != NULL)
        cove__object_mark(&r, NULL, &mark);
    int rc = cove__object_run(&r, &why);
    *ret_too_large = strcmp(r.code, "EntityTooLarge") == 0 || strcmp(r.code, "InvalidRequest") == 0;
    if (rc == COVE_EPRECONDITION && headers != NULL && r.http.sends > 1 && is_made_by(store, to, &mark, ctx))
        rc = 0; /* an earlier attempt made it, and its reply was lost */
    if ((rc == COVE_EPRECONDITION || rc == COVE_ENOTFOUND) && headers == NULL && etag != NULL && r.http.sends > 1 &&
        is_copied(store, to, etag, ctx))
        rc = 0; /* likewise; the source has changed since */
    cove__object_request_done(&r);
    return rc < 0 ? cove__error_copy(err, &why) : 0;
}

static int source_changed(const struct cove__ctx *ctx, struct cove_error *err)
{
    return cove__fs_fail(err, ctx, COVE_EPRECONDITION, "the source has changed");
}

static int check_source(struct cove__object_store *store, struct cove__object_name from, const char *etag,
                        const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__object_head head;
    int rc = cove__object_head(store, from, ctx, &head, err);

    return rc == 0 && !cove__object_same_version(head.version, etag) ? source_changed(ctx, err) : rc;
}

/* Sends a HEAD for the source first: its size decides. */
static int copy_by_size(struct cove__object_store *store, struct cove__object_name from, const char *etag,
                        const char *to, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__buf headers = COVE__BUF_INIT(COVE__OBJECT_METADATA_MAX);
    struct cove__object_head head;
    bool too_large;

    int rc = cove__object_head_metadata(store, from, ctx, &head, &headers, err);
    if (rc == 0 && etag != NULL && !cove__object_same_version(head.version, etag))
        rc = source_changed(ctx, err);
    if (rc == 0 && head.size > store->copy_part_threshold)
        rc = copy_large(store, from, to, NULL, ctx, head.size, head.version, cove__buf_str(&headers), err);
    else if (rc == 0)
        rc = copy_once(store, from, etag, cove__object_split(to), NULL, ctx, &too_large, err);
    cove__buf_done(&headers);
    return rc;
}

int cove__object_copy_known(struct cove__object_store *store, struct cove__object_name from,
                            const struct cove__object_head *head, const char *kept, const char *to,
                            const struct cove__ctx *ctx, struct cove_error *err)
{
    bool too_large;

    if (head->size > store->copy_part_threshold)
        return copy_large(store, from, to, NULL, ctx, head->size, head->version, kept, err);
    return copy_once(store, from, head->version, cove__object_split(to), NULL, ctx, &too_large, err);
}

int cove__object_copy(void *self, const char *from, const char *etag, const char *to, const struct cove__ctx *ctx,
                      struct cove_error *err)
{
    struct cove__object_store *store = self;
    struct cove__object_name source, target;
    struct cove_error why = COVE_ERROR_INIT;
    bool too_large = false, looks;

    int rc = cove__object_name_of(store, from, false, ctx, &source, err);
    if (rc == 0)
        rc = cove__object_name_of(store, to, true, ctx, &target, err);
    if (rc < 0)
        return rc;
    looks = etag != NULL && cove__object_can(store, COVE__COPY_SOURCE_CONDITIONS) != COVE__CAN_YES;
    if (looks)
        rc = check_source(store, source, etag, ctx, &why);
    if (rc == 0 && store->copy_part_threshold < COPY_PART_MAX) {
        rc = copy_by_size(store, source, etag, to, ctx, &why);
    } else if (rc == 0) {
        /* Most objects need one request, and the store itself says when one is not enough. */
        rc = copy_once(store, source, etag, target, NULL, ctx, &too_large, &why);
        if (rc < 0 && too_large) {
            cove__error_clear(&why);
            rc = copy_by_size(store, source, etag, to, ctx, &why);
        }
    }
    if (rc == 0 && looks) { /* if the ETag has changed, another version may have been copied */
        rc = check_source(store, source, etag, ctx, &why);
        if ((rc == COVE_EPRECONDITION || rc == COVE_ENOTFOUND) && is_copied(store, target, etag, ctx))
            rc = 0; /* changed only after the copy */
    }
    return rc == COVE_EPRECONDITION ? source_changed(ctx, err)
                                    : cove__object_refine_not_found(store, source, rc, &why, ctx, err);
}

/* ---- onto itself, under other metadata ---- */

int cove__object_set_metadata(void *self, const char *path, const struct cove_pair *pairs, size_t n,
                              const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__object_store *store = self;
    struct cove__buf headers = COVE__BUF_INIT(2 * COVE__OBJECT_METADATA_MAX);
    struct cove_error why = COVE_ERROR_INIT;
    struct cove__object_name name;
    struct cove__object_request r;
    struct cove__object_head head;
    bool too_large;

    int rc = cove__object_name_of(store, path, true, ctx, &name, err);
    if (rc < 0)
        return rc;
    cove__object_request_init(&r, store, "HEAD", name, ctx);
    cove__object_head_request(&r);
    rc = cove__object_run(&r, &why);
    if (rc == 0) {
        cove__object_head_response(&r, &head);
        rc = cove__object_change_metadata(&r, pairs, n, &headers);
        if (rc < 0)
            cove__object_fail(&r, &why, rc, "the object's metadata cannot be held");
    }
    cove__object_request_done(&r);
    if (rc == 0 && head.size > store->copy_part_threshold)
        rc = copy_large(store, name, path, head.version[0] != '\0' ? head.version : NULL, ctx, head.size, head.version,
                        cove__buf_str(&headers), &why);
    else if (rc == 0)
        rc = copy_once(store, name, head.version, name, cove__buf_str(&headers), ctx, &too_large, &why);
    cove__buf_done(&headers);
    return cove__object_refine_not_found(store, name, rc, &why, ctx, err);
}
