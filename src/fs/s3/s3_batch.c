/* DeleteObjects: many deletions in one request (struct cove__object_batch_ops). */
#include "fs/s3/s3_batch.h"

#include <string.h>

#include "wire/xml.h"

static void request(struct cove__object_request *r)
{
    cove__buf_add_str(&r->query, "delete=");
    cove__object_header(r, "Content-Type", "application/xml");
}

/* ---- the body ---- */

static void begin(struct cove__object_request *r, struct cove__buf *body)
{
    cove__buf_add_str(body, "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>");
}

static bool add(struct cove__object_request *r, size_t index, const struct cove__object_deletion *deletion,
                struct cove__buf *body)
{
    const struct cove__object_name *name = &deletion->name;

    cove__buf_add_str(body, "<Object><Key>");
    bool fits = name->key.size > 0 && cove__xml_add_text(body, name->key) != COVE_EINVAL;
    cove__buf_add_str(body, "</Key>");
    if (name->version.size > 0) {
        cove__buf_add_str(body, "<VersionId>");
        fits &= cove__xml_add_text(body, name->version) != COVE_EINVAL;
        cove__buf_add_str(body, "</VersionId>");
    }
    if (deletion->version) {
        cove__buf_add_str(body, "<ETag>");
        fits &= cove__xml_add_text(body, cove__slice_str(cove__object_strong_etag(deletion->version))) != COVE_EINVAL;
        cove__buf_add_str(body, "</ETag>");
    }
    cove__buf_add_str(body, "</Object>");
    return fits;
}

static void end(struct cove__object_request *r, struct cove__buf *body)
{
    cove__buf_add_str(body, "</Delete>");
}

static void set_body(struct cove__object_request *r, struct cove__slice body)
{
    bool directory = cove__s3_is_directory(r->store, r->name.bucket);

    r->md5[0] = '\0';
    /* Directory buckets refuse a request without a checksum. */
    cove__object_body(r, body,
                      r->checksum_refused ? COVE__CHECKSUM_NONE
                      : directory         ? COVE__CHECKSUM_CRC32C
                                          : cove__object_checksum(r->store));
    if (!directory)
        cove__object_use_md5(r); /* many stores require MD5 here; without it (FIPS) CRC32C is enough for most */
}

/* ---- the response: quiet, so that it has failures only ---- */

struct reader {
    cove__object_deletion_fn *result;
    void *user;
    struct cove__buf key, version_id, code, message; /* of the current <Error> */
};

static int on_start(void *user, const char *path)
{
    struct reader *d = user;

    if (strcmp(path, "DeleteResult/Error") == 0) {
        cove__buf_reset(&d->key);
        cove__buf_reset(&d->version_id);
        cove__buf_reset(&d->code);
        cove__buf_reset(&d->message);
    }
    return 0;
}

static void report(const struct reader *d)
{
    struct cove__object_deletion_result result = { .index = COVE__DELETION_BY_NAME,
                                                   .key = cove__buf_slice(&d->key),
                                                   .version_id = cove__buf_slice(&d->version_id),
                                                   .code = cove__buf_str(&d->code),
                                                   .message = cove__buf_str(&d->message) };

    result.rc = cove__s3_code(result.code, &result.retry);
    result.refusal = cove__s3_refusal(result.code);
    d->result(d->user, &result);
}

static int on_end(void *user, const char *path, struct cove__slice text)
{
    struct reader *d = user;

    if (strcmp(path, "DeleteResult/Error/Code") == 0)
        return cove__buf_add_slice(&d->code, text);
    if (strcmp(path, "DeleteResult/Error/Message") == 0)
        return cove__buf_add_slice(&d->message, text);
    if (strcmp(path, "DeleteResult/Error/Key") == 0)
        return cove__buf_add_slice(&d->key, text);
    if (strcmp(path, "DeleteResult/Error/VersionId") == 0)
        return cove__buf_add_slice(&d->version_id, text);
    if (strcmp(path, "DeleteResult/Error") == 0)
        report(d);
    return 0;
}

static int response(const struct cove__object_request *r, cove__object_deletion_fn *result, void *user)
{
    static const struct cove__xml_handler handler = { on_start, on_end, "DeleteResult" };
    struct reader d = { .result = result,
                        .user = user,
                        .key = COVE__BUF_INIT(COVE__OBJECT_RESPONSE_MAX),
                        .version_id = COVE__BUF_INIT(COVE__OBJECT_RESPONSE_MAX),
                        .code = COVE__BUF_INIT(COVE__OBJECT_RESPONSE_MAX),
                        .message = COVE__BUF_INIT(COVE__OBJECT_RESPONSE_MAX) };

    int rc = cove__xml_read(cove__buf_slice(&r->http.response), &handler, &d);
    cove__buf_done(&d.key);
    cove__buf_done(&d.version_id);
    cove__buf_done(&d.code);
    cove__buf_done(&d.message);
    return rc;
}

const struct cove__object_batch_ops cove__s3_batch_ops = {
    .max = S3_DELETE_MAX,
    .request = request,
    .begin = begin,
    .add = add,
    .end = end,
    .set_body = set_body,
    .response = response,
};
