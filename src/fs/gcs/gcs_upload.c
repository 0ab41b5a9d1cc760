/*
 * How large objects are written: which mode an upload takes, and multipart uploads of the XML API as pairs of a request
 * and its response, for the engine (fs/object/upload.h). Pure.
 *
 * Multipart uploads send parts in parallel, but their end takes no condition: the store answers 400 NotImplemented.
 * Only a compose has both. Their begin has the user's metadata as headers, whose names lose their capitals.
 */
#include "fs/gcs/gcs_upload.h"

#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/error.h"
#include "fs/gcs/gcs_compose.h"
#include "wire/uri.h"
#include "wire/xml.h"

#define PART_MIN  ((size_t)5 << 20)
#define PART_MAX  ((size_t)5 << 30)
#define PARTS_MAX 10000u

static bool has_capitals(const char *name, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (name[i] >= 'A' && name[i] <= 'Z')
            return true;
    }
    return false;
}

/* Among the user's metadata, or those of an older object that the new one keeps. */
static bool has_names_with_capitals(const struct cove__put *put)
{
    const char *prefix = cove__gcs_object_ops.headers.metadata;
    size_t n = strlen(prefix);

    for (size_t i = 0; i < put->n_metadata; i++) {
        if (has_capitals(put->metadata[i].name, strlen(put->metadata[i].name)))
            return true;
    }
    for (const char *line = put->headers; line && *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n') {
        if (strncasecmp(line, prefix, n) == 0 && has_capitals(line + n, strcspn(line + n, ":\n")))
            return true;
    }
    return false;
}

/* What one request can send needs no parts. */
static bool fills_parts(const struct cove__gcs *gcs, const struct cove__put *put)
{
    return put->expected_size < 0 || put->expected_size > gcs->o.block_size;
}

/* In these classes an object is charged for 30 days at least, even a temporary one. */
static bool has_minimum_duration(const char *storage_class)
{
    static const char *const names[] = { "NEARLINE", "COLDLINE", "ARCHIVE" };

    for (size_t i = 0; storage_class && i < sizeof names / sizeof names[0]; i++) {
        if (strcasecmp(storage_class, names[i]) == 0)
            return true;
    }
    return false;
}

static enum cove__upload_mode instead_of_parts(const struct cove__object_store *store)
{
    return COVE__UPLOAD_TEMPORARIES;
}

static enum cove__upload_mode mode(const struct cove__object_store *store, const struct cove__put *put)
{
    const struct cove__gcs *gcs = (const struct cove__gcs *)(const void *)store;
    const char *wanted = gcs->o.uploads;
    bool automatic = strcmp(wanted, "auto") == 0;
    bool takes_parts = put->condition == COVE_WRITE_ALWAYS && !has_names_with_capitals(put);

    if (strcmp(wanted, "compose") == 0)
        return COVE__UPLOAD_TEMPORARIES;
    if (strcmp(wanted, "session") == 0 || (automatic && gcs->emulator))
        return COVE__UPLOAD_SESSION;
    if (takes_parts && cove__object_can(store, COVE__MULTIPART) != COVE__CAN_NO)
        return COVE__UPLOAD_PARTS;
    /* A writer may have cut its parts before it was known that there are no multipart uploads, or that temporary
     * objects stay. */
    if (takes_parts && (!automatic || put->unordered))
        return COVE__UPLOAD_TEMPORARIES;
    bool stay = store->temporaries_stay && !put->unordered;
    bool composes = automatic && (takes_parts || fills_parts(gcs, put)) && !has_minimum_duration(gcs->o.storage_class);
    return composes && !stay ? COVE__UPLOAD_TEMPORARIES : COVE__UPLOAD_SESSION;
}

static void part_rules(const struct cove__object_store *store, enum cove__upload_mode mode,
                       struct cove__part_rules *ret)
{
    ret->min_part = PART_MIN;
    ret->max_part = PART_MAX;
    ret->max_parts = PARTS_MAX;
}

/* ---- multipart uploads ---- */

static void begin_request(struct cove__object_request *r, const struct cove__upload *u)
{
    cove__gcs_state(r)->kind = GCS_XML;
    cove__buf_add_str(&r->query, "uploads=");
}

static int on_begun(void *user, const char *path, struct cove__slice text)
{
    struct cove__buf *id = user;

    return strcmp(path, "InitiateMultipartUploadResult/UploadId") == 0 ? cove__buf_add_slice(id, text) : 0;
}

static int begin_response(const struct cove__object_request *r, struct cove__buf *ret_id)
{
    static const struct cove__xml_handler handler = { NULL, on_begun, "InitiateMultipartUploadResult" };

    return cove__xml_read(cove__buf_slice(&r->http.response), &handler, ret_id);
}

static void part_request(struct cove__object_request *r, const struct cove__upload *u,
                         const struct cove__object_place *place)
{
    cove__gcs_state(r)->kind = GCS_XML;
    cove__buf_addf(&r->query, "partNumber=%u", place->number);
    cove__uri_add_pair(&r->query, "uploadId", cove__slice_str(u->id));
}

static int part_response(const struct cove__object_request *r, struct cove__object_made *ret, struct cove_error *err)
{
    if (!cove__object_response_header(r, "etag", ret->version) || ret->version[0] == '\0')
        return cove__object_fail(r, err, COVE_EPROTOCOL, "the store's response to a part has no ETag");
    return 0;
}

static int finish_request(struct cove__object_request *r, const struct cove__upload *u, uint32_t crc32c,
                          struct cove__buf *body)
{
    cove__gcs_state(r)->kind = GCS_XML;
    cove__buf_add_str(body, "<CompleteMultipartUpload>");
    for (size_t i = 0; i < u->n; i++) {
        cove__buf_addf(body, "<Part><PartNumber>%zu</PartNumber><ETag>", i + 1);
        if (cove__xml_add_text(body, cove__slice_str(u->parts[i].name)) == COVE_EINVAL)
            return COVE_EPROTOCOL;
        cove__buf_add_str(body, "</ETag></Part>");
    }
    cove__buf_add_str(body, "</CompleteMultipartUpload>");
    cove__uri_add_pair(&r->query, "uploadId", cove__slice_str(u->id));
    return 0;
}

static int on_finished(void *user, const char *path, struct cove__slice text)
{
    bool *finished = user;

    *finished |= strcmp(path, "CompleteMultipartUploadResult/Key") == 0;
    return 0;
}

/* The generation is in a header. */
static int finish_response(const struct cove__object_request *r, struct cove__object_made *ret, struct cove_error *err)
{
    static const struct cove__xml_handler handler = { NULL, on_finished, "CompleteMultipartUploadResult" };
    bool finished = false;

    int rc = cove__xml_read(cove__buf_slice(&r->http.response), &handler, &finished);
    if (rc < 0)
        return cove__object_unreadable(r, err, rc, "the response to the end of an upload");
    if (!finished || !cove__object_response_version(r, ret->version))
        return cove__object_fail(r, err, COVE_EPROTOCOL,
                                 "the response to the end of an upload does not describe the object: check the "
                                 "endpoint and any proxy");
    return 0;
}

static void abort_request(struct cove__object_request *r, const char *id)
{
    cove__gcs_state(r)->kind = GCS_XML;
    cove__uri_add_pair(&r->query, "uploadId", cove__slice_str(id));
}

/* ---- the list ---- */

static void list_request(struct cove__object_request *r, struct cove__slice below, const struct cove__upload_page *last)
{
    cove__gcs_state(r)->kind = GCS_XML;
    cove__buf_add_str(&r->query, "uploads=");
    if (below.size > 0)
        cove__uri_add_pair(&r->query, "prefix", below);
    if (last) {
        cove__uri_add_pair(&r->query, "key-marker", cove__buf_slice(&last->next_key));
        cove__uri_add_pair(&r->query, "upload-id-marker", cove__buf_slice(&last->next_id));
    }
}

struct list_parser {
    struct cove__upload_page *page;
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
        return cove__upload_page_add(p->page, cove__buf_slice(&p->key), cove__buf_slice(&p->id),
                                     cove__parse_iso8601(cove__buf_str(&p->started)));
    return 0;
}

static int list_response(const struct cove__object_request *r, struct cove__upload_page *ret)
{
    static const struct cove__xml_handler handler = { on_upload_begins, on_upload, "ListMultipartUploadsResult" };
    struct list_parser p = {
        .page = ret, .key = COVE__BUF_INIT(8192), .id = COVE__BUF_INIT(8192), .started = COVE__BUF_INIT(8192)
    };
    int rc = cove__xml_read(cove__buf_slice(&r->http.response), &handler, &p);

    cove__buf_done(&p.key);
    cove__buf_done(&p.id);
    cove__buf_done(&p.started);
    /* An emulator that has no multipart uploads lists the bucket's objects. */
    return rc == COVE_EPROTOCOL && cove__gcs_of(r)->emulator ? 0 : rc;
}

const struct cove__object_upload_ops cove__gcs_upload_ops = {
    .mode = mode,
    .instead_of_parts = instead_of_parts,
    .part_rules = part_rules,
    .session = &cove__gcs_session_ops,
    .compose_max = GCS_COMPOSE_MAX,
    .compose_request = cove__gcs_compose_request,
    .compose_response = cove__gcs_compose_response,
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
