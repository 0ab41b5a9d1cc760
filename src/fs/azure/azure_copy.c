/*
 * Copy Blob, of any size within an account, which may still be under way after its response; and Put Block From URL,
 * which copies a range. Pure.
 */
#include "fs/azure/azure_copy.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "fs/azure/azure_blocks.h"
#include "fs/azure/azure_copy_end.h"
#include "fs/azure/azure_request.h"
#include "fs/azure/azure_tags.h"
#include "net/header.h"

#define PART_MAX  ((int64_t)100 << 20)
#define POLLS_MAX 100000u /* some five days: the caller's deadline ends it */

static void set_source(struct cove__object_request *r, const struct cove__object_source *from)
{
    cove__azure_state(r)->source = from->name;
    if (from->version)
        cove__object_header(r, "x-ms-source-if-match", "%s", cove__object_strong_etag(from->version));
}

/* Of the object itself: Set Blob Metadata, which keeps all else. */
static bool changes_metadata(const struct cove__object_request *r, const struct cove__object_source *from)
{
    return cove__slice_eq(from->name.bucket, r->name.bucket) && cove__slice_eq(from->name.key, r->name.key) &&
           from->name.version.size == 0;
}

/* The first step is the copy. Those after it ask whether it has ended: the token is its ID; "" where the response to
 * the first was lost. */
static void request(struct cove__object_request *r, const struct cove__object_source *from, const char *replaced,
                    bool new_properties)
{
    if (from->token) {
        struct azure_state *state = cove__azure_state(r);
        r->http.method = "HEAD";
        r->is_head = true;
        snprintf(state->copy_id, sizeof state->copy_id, "%s", from->token);
        state->source = from->name; /* to compare */
        return;
    }
    r->http.has_body = true; /* an empty one */
    if (new_properties && changes_metadata(r, from)) {
        cove__azure_state(r)->kind = AZURE_METADATA;
        cove__buf_add_str(&r->query, "comp=metadata");
    } else {
        cove__azure_state(r)->kind = AZURE_COPY;
        set_source(r, from);
    }
    if (replaced)
        cove__object_header(r, "If-Match", "%s", cove__object_strong_etag(replaced));
}

bool cove__azure_finds_copy(const struct cove__object_request *r)
{
    return cove__azure_state(r)->kind == AZURE_COPY && strcmp(r->code, "PendingCopyOperation") == 0;
}

/* Of a URL's parameters, all but a signature's, which the service does not show. */
static bool names_version(struct cove__slice query)
{
    static const char *const names[] = { "versionid=", "snapshot=" };

    for (size_t i = 0; i < query.size; i++) {
        for (size_t k = 0; (i == 0 || query.data[i - 1] == '&') && k < sizeof names / sizeof names[0]; k++) {
            struct cove__slice name = cove__slice_sub(query, i, strlen(names[k]));
            if (name.size == strlen(names[k]) && strncasecmp((const char *)name.data, names[k], name.size) == 0)
                return true;
        }
    }
    return false;
}

/* Whether a URL that the service shows is the copy's source, of this account and of this version. Where it is written
 * in another way it counts as another one: a move deletes the source after its copy. */
static bool is_source(const struct cove__object_request *r, const char *shown)
{
    const struct azure_state *state = cove__azure_state(r);
    const struct cove__azure *azure = cove__azure_of(r);
    struct cove__buf place = COVE__BUF_INIT(COVE__HEADER_MAX), path = COVE__BUF_INIT(COVE__HEADER_MAX),
                     version = COVE__BUF_INIT(COVE__HEADER_MAX);
    size_t n = strcspn(shown, "?");
    const char *query = shown[n] != '\0' ? shown + n + 1 : "";

    cove__buf_addf(&place, "%s://%s", azure->account.endpoint.tls ? "https" : "http", azure->account.endpoint.host);
    cove__azure_add_path(azure, state->source, &path);
    cove__azure_add_version(state->source, &version);
    bool same = cove__buf_rc(&place) == 0 && cove__buf_rc(&path) == 0 && n == place.size + path.size &&
                strncasecmp(shown, cove__buf_str(&place), place.size) == 0 &&
                memcmp(shown + place.size, path.data, path.size) == 0;
    if (version.size == 0)
        same = same && !names_version(cove__slice_str(query));
    else
        same = same && cove__buf_rc(&version) == 0 && strncmp(query, cove__buf_str(&version), version.size) == 0 &&
               (query[version.size] == '\0' || query[version.size] == '&');
    cove__buf_done(&place);
    cove__buf_done(&path);
    cove__buf_done(&version);
    return same;
}

/* Whether the blob is still what this copy makes: another writer may have ended the copy, and written to the blob. */
static bool is_own(const struct cove__object_request *r)
{
    const struct azure_state *state = cove__azure_state(r);
    char value[COVE__HEADER_MAX] = "";

    if (!r->is_head)
        return true;
    if (state->copy_id[0] != '\0')
        return cove__object_response_header(r, "x-ms-copy-id", value) && strcmp(value, state->copy_id) == 0;
    return cove__object_response_header(r, "x-ms-copy-source", value) && is_source(r, value);
}

static int token(const struct cove__object_request *r, struct cove__buf *ret_token, int64_t *ret_done)
{
    char status[COVE__HEADER_MAX] = "";
    struct cove__slice id;

    if (!is_own(r))
        return 0;
    cove__object_response_header(r, "x-ms-copy-status", status);
    if (strcmp(status, "pending") != 0 ||
        !cove__header_value(cove__buf_slice(&r->http.response_headers), "x-ms-copy-id", &id))
        return 0;
    return id.size < sizeof cove__azure_state(r)->copy_id ? cove__buf_add_slice(ret_token, id) : COVE_ELIMIT;
}

static int response(const struct cove__object_request *r, struct cove__object_made *ret, struct cove_error *err)
{
    char status[COVE__HEADER_MAX] = "", why[COVE__HEADER_MAX] = "";
    bool copied = cove__azure_state(r)->kind != AZURE_METADATA;

    if (!is_own(r) && cove__azure_state(r)->copy_id[0] == '\0')
        return cove__object_fail(r, err, COVE_ESERVER,
                                 "another copy to the blob is under way, or was when this one was to begin");
    if (!is_own(r))
        return cove__object_fail(r, err, COVE_ESERVER,
                                 "the copy has not been made: another writer has written to the blob meanwhile");
    cove__object_response_header(r, "x-ms-copy-status", status);
    cove__object_response_header(r, "x-ms-copy-status-description", why);
    if ((copied && strcmp(status, "success") != 0) || !cove__object_response_version(r, ret->version))
        return cove__object_fail(r, err, COVE_ESERVER, "the copy has not been made: %s%s%s",
                                 status[0] != '\0' ? status : "its status is missing in the response",
                                 why[0] != '\0' ? ": " : "", why);
    if (r->is_head) { /* the response to the copy itself has no size */
        ret->size = cove__object_response_number(r, "content-length");
        ret->has_size = ret->size >= 0;
    }
    return 0;
}

void cove__azure_copy_block_request(struct cove__object_request *r, const char *block_id,
                                    const struct cove__object_source *from)
{
    cove__azure_block_request(r, block_id);
    set_source(r, from);
    if (from->bytes.size > 0)
        cove__azure_set_checksum(r, from->bytes);
    r->http.has_body = true; /* an empty one */
    cove__object_header(r, "x-ms-source-range", "bytes=%lld-%lld", (long long)from->offset,
                        (long long)(from->offset + from->size - 1));
}

static void part_request(struct cove__object_request *r, const struct cove__upload *u,
                         const struct cove__object_place *place, const struct cove__object_source *from)
{
    char name[AZURE_BLOCK_NAME_SIZE];

    cove__azure_name_part(r, u, place->number, name);
    cove__azure_copy_block_request(r, name, from);
}

static int part_response(const struct cove__object_request *r, struct cove__object_made *ret, struct cove_error *err)
{
    return cove__azure_upload_ops.part_response(r, ret, err);
}

const struct cove__object_copy_ops cove__azure_copy_ops = {
    .max_size = COVE__OBJECT_SIZE_MAX,
    .max_part = PART_MAX,
    .request = request,
    .response = response,
    .keep = cove__azure_keep_tags,
    .token = token,
    .polls_max = POLLS_MAX,
    .finds_own = cove__azure_finds_copy,
    .give_up = cove__azure_give_up_copy,
    .part_request = part_request,
    .part_response = part_response,
};
