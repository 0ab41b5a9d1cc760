/* Uploads in parts, as S3 spells them: pairs of a request and its response, for the engine (fs/object/upload.h). Pure.
 */
#include "fs/s3/s3_upload.h"

#include "base/clock.h"
#include "base/error.h"
#include "fs/s3/s3_stores.h"
#include "wire/digest.h"
#include "wire/uri.h"
#include "wire/xml.h"

/* ---- parts ---- */

static void part_rules(const struct cove__object_store *store, enum cove__upload_mode mode,
                       struct cove__part_rules *ret)
{
    const struct cove__s3 *s3 = (const struct cove__s3 *)store;
    const struct s3_store *product = s3->product;
    unsigned max_parts = s3->o.max_parts > 0 ? (unsigned)s3->o.max_parts : product->max_parts;

    ret->min_part = S3_PART_MIN;
    ret->max_part = S3_PART_MAX;
    ret->max_parts = max_parts > 0 ? max_parts : S3_PARTS_MAX;
    ret->wants_sha256 = s3->sign_payload && s3->provider;
    ret->crc32c_may_be_crc32 = product->can[COVE__CRC32C] != COVE__CAN_YES;
}

void cove__s3_part_query(struct cove__object_request *r, const struct cove__upload *u, unsigned number)
{
    cove__buf_addf(&r->query, "partNumber=%u", number);
    cove__uri_add_pair(&r->query, "uploadId", cove__slice_str(u->id));
}

static void part_request(struct cove__object_request *r, const struct cove__upload *u,
                         const struct cove__object_place *place)
{
    cove__s3_part_query(r, u, place->number);
}

static int part_response(const struct cove__object_request *r, struct cove__object_made *ret, struct cove_error *err)
{
    if (!cove__object_response_header(r, "etag", ret->version) || ret->version[0] == '\0')
        return cove__object_fail(r, err, COVE_EPROTOCOL, "the store's response to a part has no ETag");
    return 0;
}

/* ---- begin ---- */

static void begin_request(struct cove__object_request *r, const struct cove__upload *u)
{
    cove__buf_add_str(&r->query, "uploads=");
}

static int on_begun(void *user, const char *path, struct cove__slice text)
{
    struct cove__buf *id = user;

    if (strcmp(path, "InitiateMultipartUploadResult/UploadId") != 0 || id->size > 0)
        return 0;
    return cove__buf_add_slice(id, text);
}

static int begin_response(const struct cove__object_request *r, struct cove__buf *ret_id)
{
    static const struct cove__xml_handler handler = { NULL, on_begun, "InitiateMultipartUploadResult" };

    return cove__xml_read(cove__buf_slice(&r->http.response), &handler, ret_id);
}

/* ---- finish and abort ---- */

static int finish_request(struct cove__object_request *r, const struct cove__upload *u, uint32_t crc32c,
                          struct cove__buf *body)
{
    char text[COVE__BASE64_SIZE(4)];

    cove__buf_add_str(body, "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for (size_t i = 0; i < u->n; i++) {
        const struct cove__object_part *part = &u->parts[i];
        cove__buf_addf(body, "<Part><PartNumber>%zu</PartNumber><ETag>", i + 1);
        if (cove__xml_add_text(body, cove__slice_str(part->name)) == COVE_EINVAL)
            return COVE_EPROTOCOL;
        cove__buf_add_str(body, "</ETag>");
        if (u->with_checksum) {
            cove__base64_be32(part->crc32c, text);
            cove__buf_addf(body, "<ChecksumCRC32C>%s</ChecksumCRC32C>", text);
        }
        cove__buf_add_str(body, "</Part>");
    }
    cove__buf_add_str(body, "</CompleteMultipartUpload>");
    cove__uri_add_pair(&r->query, "uploadId", cove__slice_str(u->id));
    cove__object_header(r, "Content-Type", "application/xml");
    if (u->with_checksum) { /* here it is the object's */
        cove__base64_be32(crc32c, text);
        cove__object_header(r, "x-amz-checksum-crc32c", "%s", text);
        cove__object_header(r, "x-amz-checksum-type", "FULL_OBJECT");
    }
    return 0;
}

struct finished {
    struct cove__object_made *made;
    bool whole; /* the checksum is one of the whole object, and not of the parts' checksums */
    bool has_crc32c;
    uint32_t crc32c;
};

static int on_finished(void *user, const char *path, struct cove__slice text)
{
    struct finished *f = user;
    char checksum[COVE__HEADER_MAX];

    if (strcmp(path, "CompleteMultipartUploadResult/ETag") == 0) {
        cove__object_etag(text, f->made->version, sizeof f->made->version);
    } else if (strcmp(path, "CompleteMultipartUploadResult/ChecksumType") == 0) {
        f->whole = cove__slice_is(text, "FULL_OBJECT");
    } else if (strcmp(path, "CompleteMultipartUploadResult/ChecksumCRC32C") == 0) {
        cove__object_text(text, checksum, sizeof checksum);
        f->has_crc32c = cove__base64_to_be32(checksum, &f->crc32c);
    }
    return 0;
}

static int finish_response(const struct cove__object_request *r, struct cove__object_made *ret, struct cove_error *err)
{
    static const struct cove__xml_handler handler = { NULL, on_finished, "CompleteMultipartUploadResult" };
    struct finished f = { .made = ret };

    int rc = cove__xml_read(cove__buf_slice(&r->http.response), &handler, &f);
    if (f.whole && f.has_crc32c) {
        ret->has_crc32c = true;
        ret->crc32c = f.crc32c;
    }
    if (rc < 0)
        return cove__object_unreadable(r, err, rc, "the response to the end of an upload");
    if (ret->version[0] == '\0')
        return cove__object_fail(r, err, COVE_EPROTOCOL, "the store's response to the end of an upload has no ETag");
    return 0;
}

static void abort_request(struct cove__object_request *r, const char *id)
{
    cove__uri_add_pair(&r->query, "uploadId", cove__slice_str(id));
}

/* ---- the list ---- */

static void list_request(struct cove__object_request *r, struct cove__slice below, const struct cove__upload_page *last)
{
    bool directory = cove__s3_is_directory(r->store, r->name.bucket);

    while (directory && below.size > 0 && below.data[below.size - 1] != '/')
        below.size--; /* only a whole directory can be asked for */
    cove__buf_add_str(&r->query, "uploads=&encoding-type=url");
    if (below.size > 0)
        cove__uri_add_pair(&r->query, "prefix", below);
    if (last) {
        cove__uri_add_pair(&r->query, "key-marker", cove__buf_slice(&last->next_key));
        if (!directory) /* which takes none */
            cove__uri_add_pair(&r->query, "upload-id-marker", cove__buf_slice(&last->next_id));
    }
}

struct list_parser {
    struct cove__upload_page *page;
    bool encoded;
    struct cove__buf key, id, started;
};

static int on_upload_begins(void *user, const char *path)
{
    struct list_parser *p = user;

    if (strcmp(path, "ListMultipartUploadsResult/Upload") == 0) {
        cove__buf_reset(&p->key);
        cove__buf_reset(&p->id);
        cove__buf_reset(&p->started);
    }
    return 0;
}

/* A key in place of its encoded form. */
static int decode(const struct list_parser *p, struct cove__buf *key)
{
    struct cove__buf text = COVE__BUF_INIT(COVE__OBJECT_KEY_MAX * 3 + 1);
    int rc = 0;

    if (p->encoded) {
        rc = cove__form_decode(&text, cove__buf_slice(key));
        cove__buf_reset(key);
        if (rc == 0)
            rc = cove__buf_add_slice(key, cove__buf_slice(&text));
    }
    cove__buf_done(&text);
    return rc;
}

static int take_upload(struct list_parser *p)
{
    int rc = decode(p, &p->key);

    return rc < 0 ? rc
                  : cove__upload_page_add(p->page, cove__buf_slice(&p->key), cove__buf_slice(&p->id),
                                          cove__parse_iso8601(cove__buf_str(&p->started)));
}

static int on_upload(void *user, const char *path, struct cove__slice text)
{
    struct list_parser *p = user;
    const struct {
        const char *path;
        struct cove__buf *at;
    } rows[] = {
        { "ListMultipartUploadsResult/Upload/Key", &p->key },
        { "ListMultipartUploadsResult/Upload/UploadId", &p->id },
        { "ListMultipartUploadsResult/Upload/Initiated", &p->started },
        { "ListMultipartUploadsResult/NextKeyMarker", &p->page->next_key },
        { "ListMultipartUploadsResult/NextUploadIdMarker", &p->page->next_id },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(path, rows[i].path) == 0) {
            cove__buf_reset(rows[i].at);
            return cove__buf_add_slice(rows[i].at, text);
        }
    }
    if (strcmp(path, "ListMultipartUploadsResult/IsTruncated") == 0)
        return cove__object_flag(text, &p->page->more);
    if (strcmp(path, "ListMultipartUploadsResult/Upload") == 0)
        return take_upload(p);
    return 0;
}

/* In some stores' responses it follows the uploads, so it is read first. */
static int on_encoding(void *user, const char *path, struct cove__slice text)
{
    struct list_parser *p = user;

    if (strcmp(path, "ListMultipartUploadsResult/EncodingType") == 0)
        p->encoded = cove__slice_is(text, "url");
    return 0;
}

static int list_response(const struct cove__object_request *r, struct cove__upload_page *ret)
{
    static const struct cove__xml_handler encoding = { NULL, on_encoding, "ListMultipartUploadsResult" },
                                          uploads = { on_upload_begins, on_upload, "ListMultipartUploadsResult" };
    struct cove__slice body = cove__buf_slice(&r->http.response);
    struct list_parser p = { .page = ret };
    struct cove__buf *const bufs[] = { &p.key, &p.id, &p.started };

    for (size_t i = 0; i < sizeof bufs / sizeof bufs[0]; i++)
        cove__buf_init(bufs[i], 8192);
    int rc = cove__xml_read(body, &encoding, &p);
    if (rc == 0)
        rc = cove__xml_read(body, &uploads, &p);
    if (rc == 0)
        rc = decode(&p, &ret->next_key);
    for (size_t i = 0; i < sizeof bufs / sizeof bufs[0]; i++)
        cove__buf_done(bufs[i]);
    return rc;
}

const struct cove__object_upload_ops cove__s3_upload_ops = {
    .part_rules = part_rules,
    .begin_request = begin_request,
    .begin_response = begin_response,
    .part_request = part_request,
    .part_response = part_response,
    .finish_request = finish_request,
    .finish_response = finish_response,
    .abort_request = abort_request,
    .list_request = list_request,
    .list_response = list_response,
};
