/* A blob that an append puts or commits again has the account's tier and no index tags, unless the request has them;
 * nor has a copy its source's tags. */
#include "fs/azure/azure_tags.h"

#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "wire/uri.h"
#include "wire/xml.h"

#define TAGS_MAX ((size_t)16 << 10) /* ten, of 128 and 256 characters, percent-encoded */

/* ---- the tier ---- */

/* Of block blobs that can be read. Others, such as Premium, are the account's own and cannot be set. */
static bool is_settable(const char *tier)
{
    return strcmp(tier, "Hot") == 0 || strcmp(tier, "Cool") == 0 || strcmp(tier, "Cold") == 0;
}

static void keep_tier(const struct cove__object_request *head, struct cove__buf *lines)
{
    char tier[COVE__HEADER_MAX], inferred[COVE__HEADER_MAX] = "";

    cove__object_response_header(head, "x-ms-access-tier-inferred", inferred);
    if (strcmp(inferred, "true") != 0 && cove__object_response_header(head, "x-ms-access-tier", tier) &&
        is_settable(tier))
        cove__buf_addf(lines, "x-ms-access-tier: %s\n", tier);
}

/* ---- tags ---- */

static int take(void *user, const char *path, struct cove__slice text)
{
    struct cove__buf *tags = user;
    bool is_value = strcmp(path, "Tags/TagSet/Tag/Value") == 0;

    if (!is_value && strcmp(path, "Tags/TagSet/Tag/Key") != 0)
        return 0;
    cove__buf_add_str(tags, is_value ? "=" : tags->size > 0 ? "&" : "");
    return cove__uri_encode(tags, text, false);
}

/* One warning for all blobs of the store. */
static void warn(struct cove__azure *azure, const char *url)
{
    if (!atomic_exchange(&azure->cannot_tag, true))
        cove__log(COVE_LOG_WARNING, "azure",
                  "%s: the blob loses its index tags, as the credentials may not read and write tags (permission t)",
                  url);
}

static int read_tags(const struct cove__object_request *head, const struct cove__ctx *ctx, struct cove__buf *tags,
                     struct cove_error *err)
{
    static const struct cove__xml_handler handler = { NULL, take, "Tags" };
    struct cove__object_request r;

    cove__object_request_init(&r, head->store, "GET", head->name, ctx);
    cove__uri_add_pair(&r.query, "comp", cove__slice_str("tags")); /* it may have a version */
    int rc = cove__object_run(&r, err);
    if (rc == 0) {
        rc = cove__xml_read(cove__buf_slice(&r.http.response), &handler, tags);
        if (rc < 0)
            cove__object_unreadable(&r, err, rc, "the blob's index tags");
    }
    cove__object_request_done(&r);
    return rc;
}

int cove__azure_keep_tags(const struct cove__object_request *head, const struct cove__ctx *ctx, struct cove__buf *lines,
                          struct cove_error *err)
{
    struct cove__azure *azure = cove__azure_of(head);
    struct cove__buf tags = COVE__BUF_INIT(TAGS_MAX);
    int rc = 0;

    if (cove__object_response_number(head, "x-ms-tag-count") > 0 && !atomic_load(&azure->cannot_tag))
        rc = read_tags(head, ctx, &tags, err);
    if (rc == COVE_EACCESS) {
        cove__error_clear(err);
        warn(azure, ctx->url);
        rc = 0;
    } else if (rc == 0 && tags.size > 0) {
        cove__buf_addf(lines, "x-ms-tags: %s\n", cove__buf_str(&tags));
    }
    cove__buf_done(&tags);
    if (rc == 0 && cove__buf_rc(lines) < 0)
        rc = cove__object_fail(head, err, cove__buf_rc(lines), "the blob's index tags cannot be kept in memory");
    return rc;
}

int cove__azure_keep(const struct cove__object_request *head, const struct cove__ctx *ctx, struct cove__buf *lines,
                     struct cove_error *err)
{
    if (head->store->ops->extends_only(head)) /* it stays the same blob */
        return 0;
    keep_tier(head, lines);
    return cove__azure_keep_tags(head, ctx, lines, err);
}

bool cove__azure_gives_up_tags(struct cove__object_request *r)
{
    char code[COVE__HEADER_MAX] = "";

    if (!cove__azure_state(r)->sends_tags || r->http.status != 403)
        return false;
    cove__azure_error_code(r, code);
    if (strcmp(code, "AuthorizationPermissionMismatch") != 0)
        return false;
    warn(cove__azure_of(r), r->http.op.ctx.url);
    return true;
}
