/*
 * Appends of directory buckets (S3 Express One Zone): PutObject with x-amz-write-offset-bytes, which the store refuses
 * unless the offset is the object's size: for the engine (fs/object/append.h). Sent to no other store: some ignore the
 * header, and replace the object by the new bytes.
 *
 * Each adds a part to the object, which has 10,000 at most; then it is rewritten in full as at other stores, which
 * leaves it with few. Such an append takes no metadata, so it has no mark. Where it may have gone out twice, or its
 * response was lost, the object's bytes show whether it succeeded.
 */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/s3/s3_append_at.h"
#include "fs/s3/s3_capabilities.h"

/* Of the options' headers for new objects, only those for encryption: it must stay the same. */
static void add_encryption(struct cove__object_request *r)
{
    static const char encryption[] = "x-amz-server-side-encryption";
    struct cove__slice rest = cove__buf_slice(&r->store->extra.create);

    while (rest.size > 0) {
        const uint8_t *end = memchr(rest.data, '\n', rest.size);
        size_t line = end ? (size_t)(end - rest.data) + 1 : rest.size;
        if (line >= sizeof encryption - 1 && memcmp(rest.data, encryption, sizeof encryption - 1) == 0)
            cove__buf_add(&r->extra, rest.data, line);
        rest = cove__slice_sub(rest, line, SIZE_MAX);
    }
}

void cove__s3_append_at_request(struct cove__object_request *r, int64_t offset)
{
    cove__object_header(r, "x-amz-write-offset-bytes", "%lld", (long long)offset);
    add_encryption(r);
}

int cove__s3_append_at_response(const struct cove__object_request *r, int64_t size, struct cove_error *err)
{
    int64_t reported = cove__object_response_number(r, r->store->ops->headers.made_size);

    if (reported >= 0 && reported != size)
        return cove__object_fail(r, err, COVE_ESERVER, "after the append the object has %lld bytes, not %lld",
                                 (long long)reported, (long long)size);
    return 0;
}

static int accept_append(struct cove__object_request *r, struct cove_error *err)
{
    return cove__s3_append_at_response(r, *(const int64_t *)r->user, err);
}

/* After a response that is an error. */
static int refused(const struct cove__object_request *r, struct cove__object_tail *t, const struct cove_error *why,
                   struct cove_error *err)
{
    int status = r->http.status;
    bool elsewhere = status == 412 || status == 409 || (status == 404 && r->refusal == COVE__REFUSED_NO_OBJECT) ||
                     strcmp(r->code, "InvalidWriteOffset") == 0;

    /* What went out and was not refused may have been done. */
    t->unsure |= r->http.sends > r->refusals;
    if (elsewhere)
        return cove__append_changed(&r->http.op.ctx, err);
    bool other_kind = strcmp(r->code, "InvalidRequest") == 0 && cove__s3_refuses_checksum(r);
    if (strcmp(r->code, "TooManyParts") == 0 || (other_kind && !t->has_crc32c)) {
        t->full = true;
        return COVE__APPEND_OTHERWISE;
    }
    if (other_kind) {
        t->has_crc32c = false;
        return COVE__APPEND_OTHERWISE;
    }
    return cove__error_copy(err, why);
}

static int extend(struct cove__object_store *store, struct cove__object_tail *t, struct cove__slice data,
                  const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__put put = { .condition = COVE_WRITE_IF_MATCH, .etag = t->version };
    enum cove__condition_mode mode = cove__object_condition_mode(store, COVE__PUT_CONDITIONS);
    int64_t size = t->size + (int64_t)data.size;
    struct cove_error why = COVE_ERROR_INIT;
    struct cove__object_request r;
    char etag[COVE__HEADER_MAX];
    enum cove__checksum_kind kind = cove__object_checksum(store);
    int rc = 0;

    if (mode != COVE__CONDITION_SENT)
        rc = cove__object_check_condition(store, cove__object_split(t->path), &put, ctx, &why);
    if (rc < 0)
        return rc == COVE_EPRECONDITION ? cove__append_changed(ctx, err) : cove__error_copy(err, &why);
    cove__object_request_init(&r, store, "PUT", cove__object_split(t->path), ctx);
    r.effect = COVE__EFFECT_MADE;
    r.accept = accept_append;
    r.user = &size;
    cove__s3_append_at_request(&r, t->size);
    cove__object_condition_headers(&r, mode, &put);
    if (kind == COVE__CHECKSUM_CRC32C && !t->has_crc32c) {
        kind = COVE__CHECKSUM_NONE; /* beside a checksum of another kind it would be refused */
        r.sign_body = true;
    }
    cove__object_body(&r, data, kind);
    rc = cove__object_run(&r, &why);
    if (rc < 0)
        rc = refused(&r, t, &why, err);
    else if (!cove__object_response_version(&r, etag))
        rc = cove__append_changed(ctx, err); /* or so it seems: the caller asks */
    else
        rc = cove__append_tail_is(t, cove__strdup(etag), size, err);
    if (rc == 0) {
        cove__buf_done(&t->content);
        t->cached = false;
    } else if (r.http.op.rc == 0) {
        t->unsure = true; /* it is done, and cannot be remembered */
    }
    cove__object_request_done(&r);
    return rc;
}

static bool extends(const struct cove__object_store *store, struct cove__object_name name)
{
    return cove__s3_is_directory(store, name.bucket);
}

const struct cove__object_append_ops cove__s3_append_ops = {
    .rewrite_below = (int64_t)S3_PART_MIN,
    .extends = extends,
    .extend = extend,
};
