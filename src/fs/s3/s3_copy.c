/* Copies as S3 spells them: pairs of a request and its response, for the engine (fs/object/copy.h). Pure. */
#include "fs/s3/s3_request.h"
#include "fs/s3/s3_upload.h"
#include "wire/digest.h"
#include "wire/uri.h"
#include "wire/xml.h"

static void add_source(struct cove__object_request *r, const struct cove__object_source *from)
{
    struct cove__object_name source = from->name;
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
    if (from->version)
        cove__object_header(r, "x-amz-copy-source-if-match", "%s", cove__object_strong_etag(from->version));
}

/* Tags of the options are only for another object: a change of metadata keeps those that there are. */
static bool sets_tags(const struct cove__object_request *r, const struct cove__object_source *from)
{
    static const char *const tagging[] = { "x-amz-tagging", NULL };
    bool itself = cove__slice_eq(from->name.bucket, r->name.bucket) && cove__slice_eq(from->name.key, r->name.key) &&
                  from->name.version.size == 0;

    return !itself && cove__object_has_option(r->store, tagging);
}

static void request(struct cove__object_request *r, const struct cove__object_source *from, const char *replaced,
                    bool new_properties)
{
    add_source(r, from);
    if (sets_tags(r, from))
        cove__object_header(r, "x-amz-tagging-directive", "REPLACE");
    if (new_properties)
        cove__object_header(r, "x-amz-metadata-directive", "REPLACE");
    if (replaced && !cove__s3_is_directory(r->store, r->name.bucket)) /* which knows no such condition */
        cove__object_header(r, "If-Match", "%s", cove__object_strong_etag(replaced));
}

static void part_request(struct cove__object_request *r, const struct cove__upload *u,
                         const struct cove__object_place *place, const struct cove__object_source *from)
{
    cove__s3_part_query(r, u, place->number);
    add_source(r, from);
    cove__object_header(r, "x-amz-copy-source-range", "bytes=%lld-%lld", (long long)from->offset,
                        (long long)(from->offset + from->size - 1));
}

/* ---- the response: the new object's, or part's, ETag; a 200 without one has copied nothing ---- */

static void take(struct cove__slice text, char out[COVE__HEADER_MAX])
{
    if (text.size >= COVE__HEADER_MAX)
        return;
    if (text.size > 0)
        memcpy(out, text.data, text.size);
    out[text.size] = '\0';
}

static int on_copied(void *user, const char *path, struct cove__slice text)
{
    struct cove__object_made *made = user;
    char checksum[COVE__HEADER_MAX] = "";

    if (strcmp(path, "CopyPartResult/ETag") == 0 || strcmp(path, "CopyObjectResult/ETag") == 0)
        take(text, made->version);
    else if (strcmp(path, "CopyPartResult/ChecksumCRC32C") == 0 || strcmp(path, "CopyObjectResult/ChecksumCRC32C") == 0)
        take(text, checksum);
    if (checksum[0] != '\0')
        made->has_crc32c = cove__base64_to_be32(checksum, &made->crc32c);
    return 0;
}

static int response(const struct cove__object_request *r, struct cove__object_made *ret, struct cove_error *err)
{
    static const struct cove__xml_handler handler = { NULL, on_copied };

    int rc = cove__xml_read(cove__buf_slice(&r->http.response), &handler, ret);
    if (rc == 0 && ret->version[0] == '\0')
        rc = COVE_EPROTOCOL;
    return rc < 0 ? cove__object_unreadable(r, err, rc, "the response to the copy") : 0;
}

static bool too_large(const struct cove__object_request *r)
{
    return r->refusal == COVE__REFUSED_TOO_LARGE || strcmp(r->code, "InvalidRequest") == 0;
}

const char *const cove__s3_kept_headers[] = { "x-amz-storage-class",
                                              "x-amz-website-redirect-location",
                                              "x-amz-server-side-encryption",
                                              "x-amz-server-side-encryption-aws-kms-key-id",
                                              "x-amz-server-side-encryption-bucket-key-enabled",
                                              NULL };
/* The others of the options come with any copy: the class, the key, the ACL. */
static const char *const options[] = { "Cache-Control",    "Content-Disposition", "Content-Encoding",
                                       "Content-Language", "Content-Type",        NULL };

const struct cove__object_copy_ops cove__s3_copy_ops = {
    .options = options,
    .left_out = cove__s3_kept_headers, /* as without new properties */
    .max_size = (int64_t)5 << 30,
    .max_part = (int64_t)S3_PART_MAX,
    .request = request,
    .response = response,
    .too_large = too_large,
    .part_request = part_request,
    .part_response = response,
};
