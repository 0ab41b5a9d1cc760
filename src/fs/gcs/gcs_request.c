/*
 * A request to Google Cloud Storage: its URL, headers and token before each attempt, and what a response
 * reports of the object and of the token (struct cove__object_ops). All is the JSON API's
 * (https://cloud.google.com/storage/docs/json_api/v1); an object's bytes come as alt=media.
 */
#include "fs/gcs/gcs_request.h"

#include <stdio.h>
#include <string.h>

#include "auth/oauth_token.h"
#include "base/clock.h"
#include "base/error.h"
#include "fs/gcs/gcs_resource.h"
#include "net/header.h"
#include "wire/digest.h"
#include "wire/multipart.h"
#include "wire/uri.h"

#define HEAD_MAX  ((size_t)384 << 10) /* a resource with 8 KiB of metadata, and the names of 32 sources, escaped */
#define LINES_MAX ((size_t)128 << 10)
#define TOKEN_MAX ((size_t)16 << 10)

void cove__gcs_add_path(struct cove__buf *url, struct cove__slice bucket, struct cove__slice object)
{
    cove__buf_add_str(url, "/storage/v1/b/");
    cove__uri_encode(url, bucket, false);
    if (object.size > 0) {
        cove__buf_add_str(url, "/o/");
        cove__uri_encode(url, object, false);
    }
}

/* ---- making ---- */

void cove__gcs_request_init(struct cove__object_request *r)
{
    cove__buf_init(&cove__gcs_state(r)->head, HEAD_MAX);
    cove__buf_init(&cove__gcs_state(r)->sources, HEAD_MAX);
}

/* Which request of the API the engine's is. Now, as the engine completes the name after the request's beginning. */
static void set_kind(struct cove__object_request *r)
{
    struct gcs_state *state = cove__gcs_state(r);
    const char *method = r->http.method;
    bool object = r->name.key.size > 0;

    if (state->kind != GCS_BY_METHOD)
        return;
    if (strcmp(method, "HEAD") == 0) { /* a GET, whose refusals have a body */
        state->kind = GCS_RESOURCE;
        r->http.method = "GET";
    } else if (strcmp(method, "GET") == 0) {
        state->kind = object ? GCS_MEDIA : r->name.bucket.size > 0 ? GCS_OBJECTS : GCS_BUCKETS;
    } else if (strcmp(method, "PUT") == 0) {
        state->kind = object ? GCS_INSERT : GCS_BUCKETS;
        r->http.method = "POST";
    } else {
        state->kind = object ? GCS_OBJECT : GCS_BUCKET;
    }
}

void cove__gcs_request_done(struct cove__object_request *r)
{
    cove__buf_done(&cove__gcs_state(r)->head);
    cove__buf_done(&cove__gcs_state(r)->sources);
}

/* ---- before an attempt ---- */

/* The parameters that each kind always has. */
static void add_fixed(const struct cove__object_request *r, struct cove__buf *query)
{
    const struct gcs_state *state = cove__gcs_state(r);

    switch (state->kind) {
    case GCS_MEDIA:
        cove__buf_add_str(query, "alt=media");
        break;
    case GCS_RESOURCE:
    case GCS_COMPOSE:
    case GCS_MOVE:
        cove__buf_add_str(query, "fields=" COVE__GCS_FIELDS);
        break;
    case GCS_INSERT:
    case GCS_SESSION:
        cove__buf_addf(query, "uploadType=%s", state->kind == GCS_INSERT ? "multipart" : "resumable");
        cove__uri_add_pair(query, "name", r->name.key);
        cove__buf_add_str(query, "&fields=" COVE__GCS_FIELDS);
        break;
    case GCS_REWRITE:
        cove__buf_add_str(query,
                          "fields=done,rewriteToken,objectSize,totalBytesRewritten,resource(" COVE__GCS_FIELDS ")");
        break;
    default:
        break;
    }
    if (r->name.version.size > 0)
        cove__uri_add_pair(query, "generation", r->name.version);
}

/* The target of a folder request: the folder's name ends in a slash, with or without one in the engine's key. */
static void add_folder(struct cove__buf *url, struct cove__slice key)
{
    cove__buf_add_str(url, "/folders/");
    cove__uri_encode(url, key, false);
    if (key.size > 0 && key.data[key.size - 1] != '/')
        cove__buf_add_str(url, "%2F");
}

static void add_target_of_folders(const struct cove__object_request *r, struct cove__buf *url)
{
    const struct gcs_state *state = cove__gcs_state(r);

    cove__gcs_add_path(url, r->name.bucket, (struct cove__slice){ 0 });
    switch (state->kind) {
    case GCS_LAYOUT:
        cove__buf_add_str(url, "/storageLayout");
        break;
    case GCS_FOLDERS:
        cove__buf_add_str(url, "/folders");
        break;
    case GCS_OPERATION:
        cove__buf_add_str(url, "/operations/");
        cove__uri_encode(url, state->source.key, false);
        break;
    case GCS_FOLDER_RENAME:
        add_folder(url, state->source.key);
        cove__buf_add_str(url, "/renameTo");
        add_folder(url, r->name.key);
        break;
    default:
        add_folder(url, r->name.key);
        if (state->kind == GCS_FOLDER_DELETE)
            cove__buf_add_str(url, "/deleteRecursive");
        break;
    }
}

static void add_target(const struct cove__object_request *r, struct cove__buf *url)
{
    const struct gcs_state *state = cove__gcs_state(r);
    const struct cove__slice none = { 0 };

    switch (state->kind) {
    case GCS_BATCH:
        cove__buf_add_str(url, "/batch/storage/v1");
        break;
    case GCS_BUCKETS:
        cove__buf_add_str(url, "/storage/v1/b");
        break;
    case GCS_BUCKET:
        cove__gcs_add_path(url, r->name.bucket, none);
        break;
    case GCS_OBJECTS:
        cove__gcs_add_path(url, r->name.bucket, none);
        cove__buf_add_str(url, "/o");
        break;
    case GCS_INSERT:
    case GCS_SESSION:
        cove__buf_add_str(url, "/upload");
        cove__gcs_add_path(url, r->name.bucket, none);
        cove__buf_add_str(url, "/o");
        break;
    case GCS_XML:
        cove__buf_add_char(url, '/');
        cove__uri_encode(url, r->name.bucket, false);
        if (r->name.key.size > 0)
            cove__buf_add_char(url, '/');
        cove__uri_encode(url, r->name.key, true);
        break;
    case GCS_REWRITE:
        cove__gcs_add_path(url, state->source.bucket, state->source.key);
        cove__buf_add_str(url, "/rewriteTo/b/");
        cove__uri_encode(url, r->name.bucket, false);
        cove__buf_add_str(url, "/o/");
        cove__uri_encode(url, r->name.key, false);
        break;
    case GCS_MOVE:
        cove__gcs_add_path(url, state->source.bucket, state->source.key);
        cove__buf_add_str(url, "/moveTo/o/");
        cove__uri_encode(url, r->name.key, false);
        break;
    case GCS_LAYOUT:
    case GCS_FOLDERS:
    case GCS_FOLDER:
    case GCS_FOLDER_RENAME:
    case GCS_FOLDER_DELETE:
    case GCS_OPERATION:
        add_target_of_folders(r, url);
        break;
    default:
        cove__gcs_add_path(url, r->name.bucket, r->name.key);
        if (state->kind == GCS_COMPOSE)
            cove__buf_add_str(url, "/compose");
        break;
    }
}

/* The properties of the new object, as the whole body of a rewrite or as the destination of a compose. */
static int set_body(struct cove__object_request *r, const struct cove__buf *resource)
{
    struct gcs_state *state = cove__gcs_state(r);
    struct cove__buf *head = &state->head;

    cove__buf_reset(head);
    if (state->kind == GCS_COMPOSE)
        cove__buf_addf(head, "{\"sourceObjects\":[%s],\"destination\":{%s}%s}", cove__buf_str(&state->sources),
                       cove__buf_str(resource), state->removes_sources ? ",\"deleteSourceObjects\":true" : "");
    else
        cove__buf_addf(head, "{%s}", cove__buf_str(resource));
    r->http.body_before = cove__buf_slice(head);
    return cove__buf_rc(&state->sources) < 0 ? cove__buf_rc(&state->sources) : cove__buf_rc(head);
}

/* multipart/related: the resource, then the bytes (https://cloud.google.com/storage/docs/uploading-objects). */
static int wrap(struct cove__object_request *r, const struct cove__buf *resource, struct cove__slice type)
{
    static const char end[] = "\r\n--", last[] = "--\r\n";
    struct gcs_state *state = cove__gcs_state(r);
    struct cove__buf *head = &state->head;

    if (state->boundary[0] == '\0')
        cove__multipart_new_boundary(state->boundary);
    cove__buf_reset(head);
    /* The tail stands first, so that both are in one piece of memory. */
    cove__buf_addf(head, "%s%s%s", end, state->boundary, last);
    size_t tail = head->size;
    cove__buf_addf(head, "--%s\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{%s}\r\n--%s\r\nContent-Type: ",
                   state->boundary, cove__buf_str(resource), state->boundary);
    cove__buf_add_slice(head, type.size > 0 ? type : cove__slice_str("application/octet-stream"));
    cove__buf_add_str(head, "\r\n\r\n");
    if (cove__buf_rc(head) < 0)
        return cove__buf_rc(head);
    r->http.body_before = cove__slice(head->data + tail, head->size - tail);
    r->http.body_after = cove__slice(head->data, tail);
    return cove__buf_addf(&r->http.headers, "Content-Type: multipart/related; boundary=%s\n", state->boundary);
}

static void add_checksums(const struct cove__object_request *r, struct cove__buf *resource)
{
    char text[COVE__BASE64_SIZE(4)];

    if (r->checksum == COVE__CHECKSUM_CRC32C) {
        cove__base64_be32(r->crc32c, text);
        cove__gcs_add_member(resource, "crc32c", cove__slice_str(text));
    }
    if (r->md5[0] != '\0')
        cove__gcs_add_member(resource, "md5Hash", cove__slice_str(r->md5));
}

/* Of a part of a multipart upload. */
static int add_part_checksum(struct cove__object_request *r)
{
    char text[COVE__BASE64_SIZE(4)];

    if (r->checksum != COVE__CHECKSUM_CRC32C)
        return 0;
    cove__base64_be32(r->crc32c, text);
    return cove__buf_addf(&r->http.headers, "x-goog-hash: crc32c=%s\n", text);
}

static int add_type(struct cove__object_request *r)
{
    const struct gcs_state *state = cove__gcs_state(r);

    if (state->kind == GCS_BATCH)
        return cove__buf_addf(&r->http.headers, "Content-Type: multipart/mixed; boundary=%s\n", state->boundary);
    return cove__buf_add_str(&r->http.headers, "Content-Type: application/json; charset=UTF-8\n");
}

/* The engine's lines, by where the API has them. */
static int add_lines(struct cove__object_request *r, struct cove__buf *query)
{
    const struct gcs_state *state = cove__gcs_state(r);
    struct cove__buf lines = COVE__BUF_SECRET(LINES_MAX), resource = COVE__BUF_INIT(HEAD_MAX);
    bool insert = state->kind == GCS_INSERT, compose = state->kind == GCS_COMPOSE;
    bool described = compose || state->kind == GCS_SESSION || (state->kind == GCS_REWRITE && state->describes);
    bool as_they_are = state->kind == GCS_XML; /* a session's URL is the engine's to prepare */
    struct cove__gcs_lines to = { .query = query,
                                  .headers = &r->http.headers,
                                  .resource = insert || described ? &resource : NULL,
                                  .made_by = compose                      ? COVE__GCS_BY_COMPOSE
                                             : state->kind == GCS_REWRITE ? COVE__GCS_BY_REWRITE
                                                                          : COVE__GCS_BY_BYTES };

    cove__object_add_headers(r, &lines);
    int rc = cove__buf_rc(&lines);
    if (rc == 0 && as_they_are)
        rc = cove__buf_add_slice(&r->http.headers, cove__buf_slice(&lines));
    else if (rc == 0)
        rc = cove__gcs_split_lines(cove__buf_slice(&lines), &to);
    if (rc == 0 && insert)
        add_checksums(r, &resource);
    if (rc == 0)
        rc = cove__buf_rc(&resource);
    if (rc == 0 && insert)
        rc = wrap(r, &resource, to.content_type);
    else if (rc == 0 && r->http.has_body && !as_they_are)
        rc = add_type(r);
    else if (rc == 0 && state->kind == GCS_XML)
        rc = add_part_checksum(r);
    if (rc == 0 && described)
        rc = set_body(r, &resource);
    cove__buf_done(&lines);
    cove__buf_done(&resource);
    return rc;
}

static int add_authorization(struct cove__buf *headers, const char *token)
{
    struct cove__buf value = COVE__BUF_SECRET(TOKEN_MAX);

    cove__buf_addf(&value, "Bearer %s", token);
    int rc = cove__buf_rc(&value);
    if (rc == 0)
        rc = cove__header_append(headers, "Authorization", cove__buf_slice(&value));
    cove__buf_wipe(&value);
    return rc;
}

/* What the credentials tell beside the token; "": nothing. */
struct of_credentials {
    char quota_project[COVE__HEADER_MAX], project[COVE__HEADER_MAX];
};

static int add_token(struct cove__object_request *r, struct of_credentials *ret, struct cove_error *err)
{
    struct cove__gcs *gcs = cove__gcs_of(r);
    struct cove__credentials *credentials = NULL;
    struct cove_error why = COVE_ERROR_INIT;

    if (!gcs->provider)
        return 0;
    int rc = cove__provider_get(gcs->provider, &r->http, &cove__gcs_state(r)->use, &credentials, &why);
    if (rc < 0) {
        cove__object_fail(r, err, rc, "%s", why.message);
        err->http_status = why.http_status;
        cove__error_store_code(err, why.store_code);
    } else if (rc == COVE__CREDENTIALS_UNCHANGED) {
        cove__error_copy(err, &why);
    } else if (rc == 0) {
        const struct cove__oauth_token *token = cove__oauth_token_of(credentials);

        if (token->token) /* else access is anonymous */
            rc = add_authorization(&r->http.headers, token->token);
        if (token->quota_project)
            cove__object_text(cove__slice_str(token->quota_project), ret->quota_project, COVE__HEADER_MAX);
        if (token->project)
            cove__object_text(cove__slice_str(token->project), ret->project, COVE__HEADER_MAX);
    }
    cove__credentials_unref(credentials);
    return rc;
}

/* Who pays, and against whose quota it counts: the XML API has one header for both. Buckets are a project's. */
static int add_projects(struct cove__object_request *r, const struct of_credentials *of, struct cove__buf *query,
                        struct cove_error *err)
{
    const struct cove__gcs *gcs = cove__gcs_of(r);
    bool xml = cove__gcs_state(r)->kind == GCS_XML, pays = gcs->user_project && r->name.bucket.size > 0;
    const char *quota = gcs->o.quota_project ? gcs->o.quota_project : of->quota_project;
    const char *counted = pays && xml ? gcs->user_project : quota;
    const char *project = gcs->project ? gcs->project : of->project;

    if (pays && !xml)
        cove__uri_add_pair(query, "userProject", cove__slice_str(gcs->user_project));
    if (counted[0] != '\0')
        cove__header_append(&r->http.headers, "x-goog-user-project", cove__slice_str(counted));
    if (cove__gcs_state(r)->kind != GCS_BUCKETS)
        return 0;
    if (project[0] != '\0')
        cove__uri_add_pair(query, "project", cove__slice_str(project));
    else if (!gcs->emulator) /* which may have one project */
        return cove__object_fail(r, err, COVE_EINVAL,
                                 "buckets are a project's, and none is known: set the option project, or "
                                 "GOOGLE_CLOUD_PROJECT, or run \"gcloud config set project\"");
    return 0;
}

/* The URL, its query and the headers, all but the token's. */
static int make(struct cove__object_request *r, const struct of_credentials *of, struct cove_error *err)
{
    struct cove__gcs *gcs = cove__gcs_of(r);
    struct cove__buf query = COVE__BUF_SECRET(LINES_MAX), *url = &r->http.url;

    cove__buf_addf(url, "%s://%s%s", gcs->endpoint.tls ? "https" : "http", gcs->endpoint.host, gcs->endpoint.base);
    add_target(r, url);
    add_fixed(r, &query);
    if (r->query.size > 0)
        cove__buf_addf(&query, "%s%s", query.size > 0 ? "&" : "", cove__buf_str(&r->query));
    int rc = add_projects(r, of, &query, err);
    if (rc < 0) {
        cove__buf_done(&query);
        return rc;
    }
    /* Without it, what is stored with Content-Encoding: gzip comes unpacked, and no range of it
     * (https://cloud.google.com/storage/docs/transcoding). */
    cove__buf_add_str(&r->http.headers, "Accept-Encoding: gzip\n");
    rc = add_lines(r, &query);
    if (rc == 0 && query.size > 0)
        cove__buf_addf(url, "?%s", cove__buf_str(&query));
    rc = rc < 0                     ? rc
         : cove__buf_rc(&query) < 0 ? cove__buf_rc(&query)
         : cove__buf_rc(url) < 0    ? cove__buf_rc(url)
                                    : cove__buf_rc(&r->http.headers);
    if (rc < 0)
        cove__object_fail(r, err, rc, "the request cannot be made: %s", cove_code_phrase(rc));
    cove__buf_done(&query);
    return rc;
}

int cove__gcs_prepare(struct cove__object_request *r, struct cove_error *err)
{
    struct of_credentials of = { "", "" };

    set_kind(r);
    int rc = add_token(r, &of, err);
    return rc == 0 ? make(r, &of, err) : rc;
}

/* ---- after an attempt ---- */

/* A response that is a resource becomes the lines that the engine reads. What is no resource is left for it to refuse.
 */
bool cove__gcs_response(struct cove__object_request *r, enum cove__http_verdict *ret_verdict, struct cove_error *err)
{
    const struct gcs_state *state = cove__gcs_state(r);
    bool good = r->http.status >= 200 && r->http.status < 300;
    struct cove__buf lines = COVE__BUF_SECRET(LINES_MAX);
    char date[COVE__HEADER_MAX];

    /* fake-gcs-server writes JSON's null where Google's response to the deletion of a bucket has no body. */
    if (good && state->kind == GCS_BUCKET && cove__gcs_of(r)->emulator &&
        cove__slice_eq(cove__buf_slice(&r->http.response), cove__slice_str("null\n")))
        cove__buf_reset(&r->http.response);
    bool patch = state->kind == GCS_OBJECT && strcmp(r->http.method, "PATCH") == 0;
    if (!good || (!patch && state->kind != GCS_RESOURCE && state->kind != GCS_INSERT && state->kind != GCS_COMPOSE &&
                  state->kind != GCS_MOVE && state->kind != GCS_REWRITE && state->kind != GCS_CHUNK))
        return false;
    if (cove__object_response_header(r, "date", date))
        cove__buf_addf(&lines, "date: %s\n", date);
    int rc = cove__gcs_resource_lines(cove__buf_slice(&r->http.response),
                                      state->kind == GCS_REWRITE ? "resource" : NULL, &lines);
    if (rc == 0) {
        cove__buf_reset(&r->http.response_headers);
        rc = cove__buf_add_slice(&r->http.response_headers, cove__buf_slice(&lines));
        if (state->kind != GCS_REWRITE) /* whose token is read later */
            cove__buf_reset(&r->http.response);
    }
    cove__buf_done(&lines);
    if (rc == COVE_ENOMEM || rc == COVE_ELIMIT) {
        cove__object_fail(r, err, rc, "the object's description cannot be held: %s", cove_code_phrase(rc));
        *ret_verdict = COVE__HTTP_FAIL;
        return true;
    }
    return false;
}

bool cove__gcs_credentials_refused(struct cove__object_request *r)
{
    struct cove__gcs *gcs = cove__gcs_of(r);

    return r->http.status == 401 && gcs->provider && cove__provider_invalidate(gcs->provider, &cove__gcs_state(r)->use);
}

int64_t cove__gcs_stored_size(const struct cove__object_request *r)
{
    char stored[COVE__HEADER_MAX], sent[COVE__HEADER_MAX];

    if (!cove__object_response_header(r, "x-goog-stored-content-encoding", stored))
        return -1;
    if (!cove__object_response_header(r, "content-encoding", sent))
        snprintf(sent, sizeof sent, "identity");
    return strcmp(stored, sent) == 0 ? cove__object_response_number(r, "x-goog-stored-content-length") : -1;
}

/* "crc32c=AAAAAA==,md5=...", in any order, and in several headers too. */
bool cove__gcs_response_crc32c(const struct cove__object_request *r, uint32_t *ret)
{
    struct cove__slice lines = cove__buf_slice(&r->http.response_headers);
    static const char name[] = "x-goog-hash:", sum[] = "crc32c=";

    while (lines.size > 0) {
        const uint8_t *end = memchr(lines.data, '\n', lines.size);
        size_t n = end ? (size_t)(end - lines.data) : lines.size;
        const uint8_t *at = n > strlen(name) && memcmp(lines.data, name, strlen(name)) == 0
                                ? memmem(lines.data, n, sum, strlen(sum))
                                : NULL;
        if (at) {
            char text[COVE__BASE64_SIZE(4)] = "";
            size_t left = n - (size_t)(at - lines.data) - strlen(sum);
            size_t size = left < sizeof text - 1 ? left : sizeof text - 1;
            memcpy(text, at + strlen(sum), size);
            return cove__base64_to_be32(text, ret);
        }
        lines = cove__slice_sub(lines, n + 1, SIZE_MAX);
    }
    return false;
}
