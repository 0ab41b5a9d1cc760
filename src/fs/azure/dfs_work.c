/*
 * Requests that take several: what follows each of them, and what a refusal means there.
 *
 * A whole write:   create (temporary) -> append and flush -> rename
 * Parts' end:      flush -> rename
 * A removal:       look -> delete, if it is the same
 * A rename:        rename, or where the target's directory is missing: make that -> rename
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "fs/azure/azure_request.h"
#include "fs/azure/dfs.h"
#include "net/header.h"
#include "net/status.h"
#include "wire/digest.h"

#define LOOKS_MAX 8u /* at what changes while it is being removed */

void cove__dfs_work_free(struct dfs_work *work)
{
    if (work)
        cove__free(work->failure);
    cove__free(work);
}

static void go_to(struct cove__object_request *r, enum dfs_step step)
{
    struct dfs_work *work = cove__dfs_work(r);

    work->step = step;
    work->sends = r->http.sends;
}

/* Whether this step may have been done by an attempt whose response was lost. */
static bool is_repeated(const struct cove__object_request *r)
{
    return r->http.sends > cove__dfs_work(r)->sends + 1;
}

/* ---- good responses ---- */

static int go_on(struct cove__object_request *r, enum dfs_step step)
{
    go_to(r, step);
    r->continues = true;
    return 0;
}

/* A rename keeps a file's ETag, and its response may not have it. */
static int published(struct cove__object_request *r, struct cove_error *err)
{
    struct dfs_work *work = cove__dfs_work(r);
    char etag[COVE__HEADER_MAX];

    if (cove__object_response_version(r, etag))
        return work->then ? work->then(r, err) : 0;
    if (work->etag[0] == '\0')
        return go_on(r, DFS_CONFIRM);
    int rc = cove__header_append(&r->http.response_headers, "etag", cove__slice_str(work->etag));
    return rc < 0 ? cove__fail_nomem(err, "a response") : work->then ? work->then(r, err) : 0;
}

/* Whether the file that has the name now is this write's: by the ETag that the flush has given, or by its mark. */
static bool is_own(const struct cove__object_request *r)
{
    const struct dfs_work *work = cove__dfs_work(r);
    struct cove__object_head head;

    cove__object_head_response(r, &head);
    if (work->etag[0] != '\0')
        return cove__object_same_version(head.version, work->etag);
    return head.version[0] != '\0' && work->mark[0] != '\0' && strcmp(head.write_id, work->mark) == 0;
}

static int confirmed(struct cove__object_request *r, struct cove_error *err)
{
    struct dfs_work *work = cove__dfs_work(r);

    if (is_own(r))
        return work->then ? work->then(r, err) : 0;
    return cove__object_fail(r, err, COVE_ESERVER,
                             "the store has lost the file under its temporary name: write it again");
}

static int looked(struct cove__object_request *r, struct cove_error *err)
{
    struct dfs_work *work = cove__dfs_work(r);
    char etag[COVE__HEADER_MAX];

    if (!cove__object_response_version(r, etag))
        return cove__object_fail(r, err, COVE_EPROTOCOL,
                                 "the response has no ETag, so it is not from the store: check the endpoint and any "
                                 "proxy");
    if (cove__dfs_is_directory(r) != work->directory)
        return cove__object_fail(r, err, work->directory ? COVE_ENOTDIR : COVE_EISDIR, "%s",
                                 work->directory ? "a file, not a directory" : "a directory");
    snprintf(work->etag, sizeof work->etag, "%s", etag);
    return go_on(r, DFS_DELETE);
}

/* 0: it is checked elsewhere. */
static int status_of(const struct dfs_work *work)
{
    switch (work->step) {
    case DFS_CREATE:
    case DFS_PUBLISH:
    case DFS_RENAME:
    case DFS_PARENT:
    case DFS_MAKE:
        return 201;
    case DFS_APPEND_ALL:
        return 202;
    case DFS_FLUSH:
    case DFS_PROPERTIES:
        return 200;
    case DFS_DELETE: /* the engine looks after that of one path */
        return work->recursive ? 200 : 0;
    default:
        return 0;
    }
}

static int accept(struct cove__object_request *r, struct cove_error *err)
{
    struct dfs_work *work = cove__dfs_work(r);
    int status = status_of(work);
    char etag[COVE__HEADER_MAX];

    if (status != 0 && !cove__azure_is_answer(r, status))
        return cove__azure_no_answer(r, err);
    switch (work->step) {
    case DFS_CREATE:
        if (work->writes_all)
            return go_on(r, work->body.size > 0 ? DFS_APPEND_ALL : DFS_PUBLISH);
        break;
    case DFS_APPEND_ALL:
    case DFS_FLUSH:
        if (cove__object_response_version(r, etag))
            snprintf(work->etag, sizeof work->etag, "%s", etag);
        if (work->temporary[0] != '\0')
            return go_on(r, DFS_PUBLISH);
        break;
    case DFS_PUBLISH:
        return published(r, err);
    case DFS_CONFIRM:
        return confirmed(r, err);
    case DFS_LOOK:
        return looked(r, err);
    case DFS_PARENT:
        return go_on(r, work->after_parent);
    default:
        break;
    }
    return work->then ? work->then(r, err) : 0;
}

/* ---- the begin ---- */

struct dfs_work *cove__dfs_begin(struct cove__object_request *r, enum dfs_step step)
{
    struct dfs_work *work = cove__calloc(1, sizeof *work);

    if (!work) {
        r->extra.rc = COVE_ENOMEM;
        return NULL;
    }
    cove__dfs_work_free(cove__dfs_work(r));
    cove__azure_state(r)->work = work;
    work->step = step;
    work->then = r->accept;
    r->accept = accept;
    return work;
}

static void new_temporary(struct dfs_work *work)
{
    snprintf(work->temporary, sizeof work->temporary, "%016llx%016llx", (unsigned long long)cove__random(),
             (unsigned long long)cove__random());
}

static void take_mark(const struct cove__object_request *r, struct dfs_work *work)
{
    const struct cove__object_headers *headers = &r->store->ops->headers;
    struct cove__slice mark;
    char name[64];

    snprintf(name, sizeof name, "%s%s", headers->metadata, headers->write_mark);
    if (cove__header_value(cove__buf_slice(&r->extra), name, &mark) && mark.size < sizeof work->mark)
        memcpy(work->mark, mark.data, mark.size);
}

void cove__dfs_body(struct cove__object_request *r)
{
    cove__azure_body(r);
    if (cove__dfs_work(r) || r->name.key.size == 0 || strcmp(r->http.method, "PUT") != 0)
        return;
    struct dfs_work *work = cove__dfs_begin(r, DFS_CREATE);
    if (!work)
        return;
    work->writes_all = true;
    work->body = r->http.body;
    take_mark(r, work);
    new_temporary(work);
}

/* ---- metadata ---- */

/* "name=BASE64,...", as the lines that the engine knows. What cannot be a line is left out. */
static int add_metadata(struct cove__slice text, struct cove__buf *lines)
{
    int rc = 0;

    while (rc == 0 && text.size > 0) {
        const uint8_t *comma = memchr(text.data, ',', text.size);
        struct cove__slice pair = cove__slice(text.data, comma ? (size_t)(comma - text.data) : text.size);
        const uint8_t *equals = memchr(pair.data, '=', pair.size);
        size_t name = equals ? (size_t)(equals - pair.data) : pair.size;
        struct cove__slice value = cove__slice_sub(pair, name + 1, SIZE_MAX);
        struct cove__buf header = COVE__BUF_INIT(COVE__OBJECT_METADATA_MAX);
        char *encoded = cove__strndup(value.size > 0 ? (const char *)value.data : "", value.size);
        uint8_t *bytes = cove__malloc(value.size + 1);
        size_t padding = 0;

        while (padding < 2 && padding < value.size && value.data[value.size - 1 - padding] == '=')
            padding++;
        size_t size = value.size / 4 * 3 - (value.size >= 4 ? padding : 0);
        cove__buf_add_str(&header, "x-ms-meta-");
        cove__buf_add(&header, pair.data, name);
        if (!encoded || !bytes || cove__buf_rc(&header) < 0)
            rc = COVE_ENOMEM;
        else if (name > 0 && (size == 0 || cove__unbase64(encoded, bytes, size)) &&
                 cove__header_is_valid(cove__slice(bytes, size)))
            rc = cove__header_append(lines, cove__buf_str(&header), cove__slice(bytes, size));
        cove__buf_done(&header);
        cove__free(encoded);
        cove__free(bytes);
        text = cove__slice_sub(text, pair.size + 1, SIZE_MAX);
    }
    return rc;
}

static int take_metadata(struct cove__object_request *r)
{
    struct cove__buf text = COVE__BUF_INIT(SIZE_MAX / 2); /* the lines that are added may move the head */
    struct cove__slice value;
    int rc = 0;

    if (cove__header_value(cove__buf_slice(&r->http.response_headers), "x-ms-properties", &value))
        rc = cove__buf_add_slice(&text, value);
    if (rc == 0)
        rc = add_metadata(cove__buf_slice(&text), &r->http.response_headers);
    cove__buf_done(&text);
    return rc;
}

/* ---- responses of any status ---- */

static bool has_code(const struct cove__object_request *r, const char *code)
{
    char text[COVE__HEADER_MAX];

    return cove__object_response_header(r, "x-ms-error-code", text) && strcmp(text, code) == 0;
}

/* A listing of what does not exist is empty, as in every other store; a file system that is missing has its own code.
 */
static void empty_listing(struct cove__object_request *r)
{
    if (r->http.status != 404 || r->name.key.size > 0 || strcmp(r->http.method, "GET") != 0 ||
        !has_code(r, "PathNotFound"))
        return;
    cove__buf_reset(&r->http.response);
    if (cove__buf_add_str(&r->http.response, "{\"paths\":[]}") == 0)
        r->http.status = 200;
}

bool cove__dfs_response(struct cove__object_request *r, enum cove__http_verdict *ret_verdict, struct cove_error *err)
{
    struct dfs_work *work = cove__dfs_work(r);
    bool good = r->http.status >= 200 && r->http.status < 300;

    if (work && work->step == DFS_DISCARD) { /* the failure before it stands */
        r->http.status = work->failed_status;
        r->refusal = work->failed_refusal;
        cove__error_copy(err, work->failure);
        snprintf(r->code, sizeof r->code, "%s", err->store_code);
        *ret_verdict = COVE__HTTP_FAIL;
        return true;
    }
    if (good && take_metadata(r) < 0) {
        cove__fail_nomem(err, "a response");
        *ret_verdict = COVE__HTTP_FAIL;
        return true;
    }
    if (good && !work && r->name.key.size > 0 && strcmp(r->http.method, "GET") == 0 && cove__dfs_is_directory(r)) {
        cove__object_fail(r, err, COVE_EISDIR, "a directory");
        *ret_verdict = COVE__HTTP_FAIL;
        return true;
    }
    empty_listing(r);
    return !work && cove__azure_response(r, ret_verdict, err);
}

/* ---- refusals ---- */

bool cove__dfs_classify(struct cove__object_request *r, struct cove_error *err)
{
    const struct dfs_work *work = cove__dfs_work(r);
    bool retry = cove__azure_classify(r, err);

    /* Without a condition a file would be replaced, so what is in the way is a directory. */
    if (err->code == COVE_EEXIST && work && !r->conditional && !work->directory &&
        (work->step == DFS_PUBLISH || work->step == DFS_RENAME)) {
        cove__object_fail(r, err, COVE_EISDIR, "a directory");
        cove__object_error_response(r, err);
    }
    return retry;
}

/* Another attempt, of another step. */
static bool goes_to(struct cove__object_request *r, enum dfs_step step)
{
    go_to(r, step);
    return true;
}

/* A write that has failed for good leaves no temporary file. */
static bool discards(struct cove__object_request *r)
{
    struct dfs_work *work = cove__dfs_work(r);

    if (!work->writes_all || work->step == DFS_CREATE || work->failure)
        return false;
    work->failure = cove__calloc(1, sizeof *work->failure);
    if (!work->failure)
        return false;
    *work->failure = (struct cove_error)COVE_ERROR_INIT;
    bool retry = cove__dfs_classify(r, work->failure);
    if (retry || r->http.status == 401 || cove__status_retry(r->http.status)) {
        cove__free(work->failure);
        work->failure = NULL;
        return false;
    }
    cove__error_store_code(work->failure, r->code);
    work->failed_status = r->http.status;
    work->failed_refusal = r->refusal;
    return goes_to(r, DFS_DISCARD);
}

bool cove__dfs_learns(struct cove__object_request *r)
{
    struct dfs_work *work = cove__dfs_work(r);
    bool renames = work && (work->step == DFS_PUBLISH || work->step == DFS_RENAME);

    if (!work || r->http.status < 400 || r->http.status >= 500)
        return false;
    if (renames && !work->made_parent && has_code(r, "RenameDestinationParentPathNotFound")) {
        work->made_parent = true;
        work->after_parent = work->step;
        return goes_to(r, DFS_PARENT);
    }
    if (work->step == DFS_PARENT && r->http.status == 409 && has_code(r, "PathAlreadyExists"))
        return goes_to(r, work->after_parent);
    if (work->step == DFS_PUBLISH && is_repeated(r) && r->http.status == 404)
        return goes_to(r, DFS_CONFIRM);
    if (work->step == DFS_APPEND_ALL && is_repeated(r) && !work->began_again) {
        work->began_again = true; /* the bytes may be there already, and are not taken twice */
        return goes_to(r, DFS_CREATE);
    }
    /* It has changed since the look, or something else has taken its place. */
    if (work->step == DFS_DELETE && r->http.status == 412 && !r->conditional && !work->token && work->etag[0] != '\0' &&
        work->looks < LOOKS_MAX) {
        work->looks++;
        return goes_to(r, DFS_LOOK);
    }
    return discards(r);
}
