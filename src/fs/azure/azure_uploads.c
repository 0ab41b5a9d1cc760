/*
 * Uploads under way to names that have no blob yet. A listing shows these names as empty blobs, so the blocks of each
 * empty one are asked for. Blocks that wait behind a blob which is there are in no listing; the service drops them, as
 * all others, within a week or at the next write of one request.
 *
 * Only a blob ends them: an empty one is committed, if the name has none, and removed. (Azurite takes uncommitted
 * blocks for a blob when a Put Blob comes under If-None-Match, so it is no Put Blob.)
 */
#include "fs/azure/azure_uploads.h"

#include <string.h>

#include "base/error.h"
#include "fs/azure/azure_blocks.h"
#include "fs/azure/azure_container.h"
#include "fs/azure/azure_list.h"
#include "wire/digest.h"
#include "wire/uri.h"
#include "wire/xml.h"

#define LIST_BYTES_MAX ((size_t)32 << 20)
#define OWN_SIZE       AZURE_OWN_NAME_BYTES
#define MARK_SIZE      32 /* of these, the upload's mark */

/* ---- the list ---- */

void cove__azure_uploads_request(struct cove__object_request *r, struct cove__slice below,
                                 const struct cove__upload_page *last)
{
    cove__buf_addf(&r->query, "restype=container&comp=list&maxresults=%u&include=uncommittedblobs", AZURE_LIST_PAGE);
    if (below.size > 0)
        cove__uri_add_pair(&r->query, "prefix", below);
    if (last)
        cove__uri_add_pair(&r->query, "marker", cove__buf_slice(&last->next_key));
}

static int take_blob(void *user, const struct azure_entry *blob)
{
    const struct cove__object_entry *entry = &blob->entry;

    if (entry->size > 0)
        return 0;
    return cove__upload_page_add(user, entry->key, cove__slice_str("?"), entry->mtime_ns); /* see identify */
}

int cove__azure_uploads_response(const struct cove__object_request *r, struct cove__upload_page *ret)
{
    int rc = cove__azure_list_blobs(cove__buf_slice(&r->http.response), take_blob, ret, &ret->next_key);

    ret->more = ret->next_key.size > 0;
    return rc;
}

/* ---- one upload ---- */

struct reader {
    struct cove__buf *id;
};

/* Of a block of ours the mark of its upload, else the block's name. */
static int add_id(struct cove__slice name, struct cove__buf *ret)
{
    char text[COVE__BASE64_SIZE(OWN_SIZE)];
    uint8_t own[OWN_SIZE + 1] = { 0 };

    if (name.size == sizeof text - 1) {
        memcpy(text, name.data, name.size);
        text[name.size] = '\0';
        if (cove__unbase64(text, own, OWN_SIZE) && strspn((const char *)own, "0123456789abcdef") >= MARK_SIZE)
            return cove__buf_add_slice(ret, cove__slice(own, MARK_SIZE));
    }
    return cove__buf_add_slice(ret, name);
}

/* The first block's: that of one writer, usually. */
static int on_end(void *user, const char *path, struct cove__slice text)
{
    struct reader *in = user;

    if (strcmp(path, "BlockList/UncommittedBlocks/Block/Name") == 0 && in->id->size == 0)
        return add_id(text, in->id);
    return 0;
}

int cove__azure_identify_upload(struct cove__object_store *store, struct cove__object_name name,
                                const struct cove__ctx *ctx, struct cove__buf *ret_id, struct cove_error *err)
{
    static const struct cove__xml_handler handler = { NULL, on_end, "BlockList" };
    struct reader in = { ret_id };
    struct cove__object_request r;

    cove__object_request_init(&r, store, "GET", name, ctx);
    cove__buf_add_str(&r.query, "comp=blocklist&blocklisttype=uncommitted");
    r.http.response_max = LIST_BYTES_MAX;
    int rc = cove__object_run(&r, err);
    if (rc == 0) {
        rc = cove__xml_read(cove__buf_slice(&r.http.response), &handler, &in);
        if (rc < 0)
            cove__object_unreadable(&r, err, rc, "the list of the blob's blocks");
    }
    cove__object_request_done(&r);
    return rc;
}

/* ---- its end ---- */

/* *ret_version: the ETag of an empty blob in its place. COVE_EEXIST: there is a blob by now. */
static int make_empty(struct cove__object_store *store, const char *path, const struct cove__ctx *ctx,
                      char ret_version[COVE__HEADER_MAX], struct cove_error *err)
{
    struct cove__write_mark mark;
    struct cove__put put = { .condition = COVE_WRITE_IF_NEW };
    struct cove__object_head head;
    struct cove__object_request r;
    struct cove__buf body = COVE__BUF_INIT(COVE__HEADER_MAX);

    cove__azure_add_list_begin(&body);
    cove__azure_add_list_end(&body);
    cove__object_request_init(&r, store, "PUT", cove__object_split(path), ctx);
    cove__azure_commit_request(&r);
    cove__object_mark(&r, &put, &mark);
    cove__object_condition_headers(&r, COVE__CONDITION_SENT, &put);
    cove__object_body(&r, cove__buf_slice(&body), COVE__CHECKSUM_NONE);
    int rc = cove__buf_rc(&body) < 0 ? cove__fail_nomem(err, "a list of blocks") : cove__object_run(&r, err);
    if (rc == 0 && !cove__object_response_version(&r, ret_version))
        rc = cove__object_fail(&r, err, COVE_EPROTOCOL, "the response does not describe the blob");
    bool repeated = rc == COVE_EEXIST && r.http.sends > 1;
    cove__object_request_done(&r);
    cove__buf_done(&body);
    if (repeated && cove__object_head(store, cove__object_split(path), ctx, &head, err) == 0 &&
        strcmp(head.write_id, mark.write_id) == 0) { /* the response to an earlier attempt was lost */
        memcpy(ret_version, head.version, sizeof head.version);
        return 0;
    }
    return rc;
}

static int remove_empty(struct cove__object_store *store, const char *path, const char *version,
                        const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__object_request r;

    cove__object_request_init(&r, store, "DELETE", cove__object_split(path), ctx);
    cove__azure_delete_request(&r, false);
    cove__object_add_match(&r, &r.extra, version);
    int rc = cove__object_run(&r, err);
    cove__object_request_done(&r);
    return rc == COVE_EPRECONDITION || rc == COVE_ENOTFOUND ? 0 : rc; /* another writer's blob by now; or gone */
}

int cove__azure_remove_upload(void *self, const char *path, const char *id, const struct cove__ctx *ctx,
                              struct cove_error *err)
{
    struct cove__object_store *store = self;
    struct cove_error why = COVE_ERROR_INIT;
    struct cove__buf found = COVE__BUF_INIT(COVE__HEADER_MAX);
    char version[COVE__HEADER_MAX];
    int rc = cove__azure_identify_upload(store, cove__object_split(path), ctx, &found, &why);

    bool same = rc == 0 && cove__slice_is(cove__buf_slice(&found), id);
    cove__buf_done(&found);
    if (rc == COVE_ENOTFOUND || (rc == 0 && !same))
        return 1;
    if (rc == 0)
        rc = make_empty(store, path, ctx, version, &why);
    if (rc == COVE_EEXIST)
        return 1; /* it was finished meanwhile, or waits behind a blob */
    if (rc == 0)
        rc = remove_empty(store, path, version, ctx, &why);
    return rc < 0 ? cove__error_copy(err, &why) : 0;
}
