/* HEAD: what an object is, without its bytes. */
#include <stdio.h>

#include "base/clock.h"
#include "base/error.h"
#include "fs/object/append.h"
#include "fs/object/operations.h"
#include "fs/object/real.h"

/* Every store sends these headers. A login page has no ETag; a compressing proxy removes the size. */
int cove__object_accept_head(struct cove__object_request *r, struct cove_error *err)
{
    char text[COVE__HEADER_MAX];

    if (!cove__object_response_version(r, text) && !cove__object_response_header(r, "last-modified", text))
        return cove__object_fail(
            r, err, COVE_EPROTOCOL,
            "the response has neither ETag nor Last-Modified, so it is not from the store: check the "
            "endpoint and any proxy");
    if (cove__object_response_number(r, r->store->ops->headers.size) < 0)
        return cove__object_fail(
            r, err, COVE_EPROTOCOL,
            "the object's size is unknown: the response has no valid Content-Length; a proxy may have "
            "removed it");
    return 0;
}

void cove__object_head_request(struct cove__object_request *r)
{
    r->accept = cove__object_accept_head;
    cove__buf_add_slice(&r->extra, cove__buf_slice(&r->store->extra.each));
    r->effect = r->name.version.size == 0 ? COVE__EFFECT_SEEN : COVE__EFFECT_NONE;
    r->wants_checksum = cove__object_checksum(r->store) == COVE__CHECKSUM_CRC32C;
}

/* As HTTP has it, or, of a backend that takes it from JSON, as in ISO 8601. Negative: neither. */
static int64_t time_of(const char *text)
{
    int64_t ns = cove__parse_http_date(text);

    return ns < 0 ? cove__object_date(cove__slice_str(text)) : ns;
}

void cove__object_head_response(const struct cove__object_request *r, struct cove__object_head *ret)
{
    const struct cove__object_headers *headers = &r->store->ops->headers;
    char text[COVE__HEADER_MAX];

    *ret = (struct cove__object_head){ .size = cove__object_response_number(r, r->store->ops->headers.size),
                                       .mtime_ns = -1,
                                       .created_ns = -1 };
    if (cove__object_response_header(r, "last-modified", text))
        ret->mtime_ns = time_of(text);
    if (headers->created && cove__object_response_header(r, headers->created, text))
        ret->created_ns = time_of(text);
    cove__object_response_version(r, ret->version);
    if (headers->version_id)
        cove__object_response_header(r, headers->version_id, ret->version_id);
    snprintf(text, sizeof text, "%s%s", headers->metadata, headers->write_mark);
    cove__http_header(&r->http, text, ret->write_id, sizeof ret->write_id);
    ret->extends_only = r->store->ops->extends_only && r->store->ops->extends_only(r);
    ret->has_crc32c = cove__object_response_crc32c(r, &ret->crc32c);
}

int cove__object_head(struct cove__object_store *store, struct cove__object_name name, const struct cove__ctx *ctx,
                      struct cove__object_head *ret, struct cove_error *err)
{
    return cove__object_head_metadata(store, name, ctx, ret, NULL, err);
}

int cove__object_look(struct cove__object_store *store, struct cove__object_name name, bool once,
                      const struct cove__ctx *ctx, struct cove__object_head *ret, struct cove_error *err)
{
    struct cove__object_request r;

    cove__object_request_init(&r, store, "HEAD", name, ctx);
    cove__object_head_request(&r);
    r.http.asked_once = once;
    int rc = cove__object_run(&r, err);
    if (rc == 0)
        cove__object_head_response(&r, ret);
    cove__object_request_done(&r);
    return rc;
}

int cove__object_head_lines(struct cove__object_store *store, struct cove__object_name name,
                            int (*lines)(const struct cove__object_request *head, struct cove__buf *out),
                            int (*keep)(const struct cove__object_request *head, const struct cove__ctx *ctx,
                                        struct cove__buf *lines, struct cove_error *err),
                            const struct cove__ctx *ctx, struct cove__object_head *ret, struct cove__buf *kept,
                            struct cove_error *err)
{
    struct cove__object_request r;

    cove__object_request_init(&r, store, "HEAD", name, ctx);
    cove__object_head_request(&r);
    int rc = cove__object_run(&r, err);
    if (rc == 0 && cove__object_is_directory(&r)) {
        rc = cove__object_fail(&r, err, COVE_EISDIR, "a directory");
    } else if (rc == 0) {
        cove__object_head_response(&r, ret);
        rc = kept && lines ? lines(&r, kept) : 0;
        if (rc < 0)
            cove__object_fail(&r, err, rc, "the object's metadata cannot be kept in memory");
        else if (keep)
            rc = keep(&r, ctx, kept, err);
    }
    cove__object_request_done(&r);
    return rc;
}

int cove__object_head_metadata(struct cove__object_store *store, struct cove__object_name name,
                               const struct cove__ctx *ctx, struct cove__object_head *ret, struct cove__buf *kept,
                               struct cove_error *err)
{
    return cove__object_head_lines(store, name, cove__object_keep_metadata, NULL, ctx, ret, kept, err);
}

int cove__object_head_to_append(struct cove__object_store *store, struct cove__object_name name,
                                const struct cove__ctx *ctx, struct cove__object_head *ret, struct cove__buf *kept,
                                struct cove_error *err)
{
    return cove__object_head_lines(store, name, cove__object_keep_metadata, store->ops->append->keep, ctx, ret, kept,
                                   err);
}

bool cove__object_is_directory(const struct cove__object_request *r)
{
    return r->store->ops->is_directory && r->store->ops->is_directory(r);
}

bool cove__object_response_crc32c(const struct cove__object_request *r, uint32_t *ret)
{
    const struct cove__object_ops *ops = r->store->ops;

    return cove__object_checksum(r->store) == COVE__CHECKSUM_CRC32C && ops->response_crc32c &&
           ops->response_crc32c(r, ret);
}
