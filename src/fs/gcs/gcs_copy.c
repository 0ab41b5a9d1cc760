/* The pairs of rewriteTo, moveTo and PATCH (struct cove__object_copy_ops, struct cove__object_steps). */
#include "fs/gcs/gcs_copy.h"

#include <string.h>

#include "wire/json.h"
#include "wire/uri.h"

#define KEY_LINE "x-goog-encryption-"

/* ---- copies: steps, until a response has done: true ---- */

/* A source that is encrypted with a customer's key is read by the same one. */
static void add_source_key(struct cove__object_request *r)
{
    struct cove__slice rest = cove__buf_slice(&r->store->extra.each);

    while (rest.size > 0) {
        const uint8_t *end = memchr(rest.data, '\n', rest.size);
        size_t n = end ? (size_t)(end - rest.data) + 1 : rest.size;
        if (n > strlen(KEY_LINE) && memcmp(rest.data, KEY_LINE, strlen(KEY_LINE)) == 0) {
            cove__buf_add_str(&r->extra, "x-goog-copy-source-encryption-");
            cove__buf_add(&r->extra, rest.data + strlen(KEY_LINE), n - strlen(KEY_LINE));
        }
        rest = cove__slice_sub(rest, n, SIZE_MAX);
    }
}

static void set_source(struct cove__object_request *r, enum gcs_kind kind, struct cove__object_name from,
                       const char *version)
{
    struct gcs_state *state = cove__gcs_state(r);

    r->http.method = "POST";
    state->kind = kind;
    state->source = from;
    if (version) {
        r->conditional = true;
        cove__uri_add_pair(&r->query, "ifSourceGenerationMatch", cove__slice_str(version));
    }
    r->http.has_body = true; /* an empty one: the source's properties are kept */
}

static void copy_request(struct cove__object_request *r, const struct cove__object_source *from, const char *replaced,
                         bool new_properties)
{
    set_source(r, GCS_REWRITE, from->name, from->version);
    cove__gcs_state(r)->describes = new_properties;
    if (from->name.version.size > 0)
        cove__uri_add_pair(&r->query, "sourceGeneration", from->name.version);
    if (from->token)
        cove__uri_add_pair(&r->query, "rewriteToken", cove__slice_str(from->token));
    if (replaced)
        cove__object_add_match(r, &r->extra, replaced);
    add_source_key(r);
}

struct progress {
    bool done, has_done;
    int64_t size, rewritten; /* bytes of the source, and those that are copied; -1: not reported */
    struct cove__buf *token;
};

static int take_progress(void *user, const char *path, enum cove__json_type type, const char *text)
{
    struct progress *p = user;

    if (strcmp(path, "done") == 0 && type == COVE__JSON_BOOL) {
        p->has_done = true;
        p->done = strcmp(text, "true") == 0;
    } else if (strcmp(path, "objectSize") == 0) {
        p->size = cove__object_number(cove__slice_str(text));
    } else if (strcmp(path, "totalBytesRewritten") == 0) {
        p->rewritten = cove__object_number(cove__slice_str(text));
    } else if (strcmp(path, "rewriteToken") == 0 && type == COVE__JSON_STRING) {
        cove__buf_reset(p->token);
        return cove__buf_add_str(p->token, text);
    }
    return 0;
}

static int read_progress(const struct cove__object_request *r, struct progress *ret)
{
    static const struct cove__json_handler handler = { .value = take_progress };
    char why[160];

    ret->size = ret->rewritten = -1;
    return cove__json_read(cove__buf_slice(&r->http.response), &handler, ret, why, sizeof why);
}

/* The token names the copy, and may be the same in each response. */
static int copy_token(const struct cove__object_request *r, struct cove__buf *ret_token, int64_t *ret_done)
{
    struct progress p = { .token = ret_token };
    int rc = read_progress(r, &p);

    if (rc == COVE_EINVAL || (rc == 0 && (!p.has_done || (!p.done && ret_token->size == 0))))
        return COVE_EPROTOCOL;
    if (rc == 0 && p.done)
        cove__buf_reset(ret_token);
    if (rc == 0 && p.rewritten >= 0 && p.rewritten <= p.size) /* more than the object's size is no progress */
        *ret_done = p.rewritten;
    return rc;
}

static int copy_response(const struct cove__object_request *r, struct cove__object_made *ret, struct cove_error *err)
{
    struct cove__buf unused = COVE__BUF_INIT(COVE__HEADER_MAX);
    struct progress p = { .token = &unused };

    if (read_progress(r, &p) == 0) {
        ret->source_size = p.size;
        ret->has_source_size = p.size >= 0;
    }
    cove__buf_done(&unused);
    if (cove__object_response_version(r, ret->version))
        return 0;
    return cove__object_fail(r, err, COVE_EPROTOCOL,
                             "the response does not describe the copy: check the endpoint and any proxy");
}

static const char *const copy_options[] = { "cache-control", "x-goog-storage-class", NULL };
static const char *const left_out[] = { "x-goog-encryption-kms-key-name", NULL }; /* a copy gets its bucket's key */

const struct cove__object_copy_ops cove__gcs_copy_ops = {
    .options = copy_options,
    .left_out = left_out,
    .max_size = COVE__OBJECT_SIZE_MAX,
    .request = copy_request,
    .token = copy_token,
    .response = copy_response,
};

/* ---- moves: one request, within a bucket ---- */

static void move_request(struct cove__object_request *r, const void *arg, const char *token)
{
    const struct cove__object_move *move = arg;

    set_source(r, GCS_MOVE, move->from, move->version);
}

static int move_response(const struct cove__object_request *r, const void *arg, struct cove__buf *ret_token)
{
    struct cove__object_made *made = ((const struct cove__object_move *)arg)->ret_made;

    cove__object_made_headers(r, made);
    return cove__object_response_version(r, made->version) ? 0 : COVE_EPROTOCOL;
}

const struct cove__object_steps cove__gcs_move_ops = { .request = move_request, .response = move_response };

/* ---- metadata ---- */

void cove__gcs_metadata_request(struct cove__object_request *r, const struct cove_pair *pairs, size_t n,
                                struct cove__buf *body)
{
    cove__buf_add_str(&r->query, "fields=generation");
    cove__buf_add_str(body, "{\"metadata\":{");
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            cove__buf_add_char(body, ',');
        cove__json_add_string(body, cove__slice_str(pairs[i].name));
        cove__buf_add_char(body, ':');
        if (pairs[i].value)
            cove__json_add_string(body, cove__slice_str(pairs[i].value));
        else
            cove__buf_add_str(body, "null");
    }
    cove__buf_add_str(body, "}}");
}
