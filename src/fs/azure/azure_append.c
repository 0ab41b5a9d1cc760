/*
 * Appends to block blobs of any writer: the new bytes become a block, and a commit names it behind the blocks that
 * are there, under the condition that the blob has not changed. What was there is neither read nor sent again, except
 * for small blocks at the end, which are put together (azure_block_list.h). Where another program has left many blocks,
 * each append also lets the server put one run of them together, so that the list that it sends becomes short.
 *
 * A blob that was made by one request (Put Blob) has bytes but no blocks: a commit of a new block alone would lose
 * them. So where the blocks' sizes do not add up to the blob's, the engine rewrites it once, by copies of its ranges,
 * which leaves it with blocks.
 *
 * Append blobs take new bytes at their end. They keep their metadata, so such an append has no mark; where it may have
 * gone out twice, the blob's bytes show whether it succeeded.
 */
#include "fs/azure/azure_append.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/azure/azure_block_list.h"
#include "fs/azure/azure_blocks.h"
#include "fs/azure/azure_copy.h"
#include "fs/azure/azure_tags.h"
#include "fs/fs_impl.h"

/* Smaller blobs are put again with the new bytes: one request in place of two. */
#define REWRITE_BELOW  ((int64_t)64 << 10)
#define APPEND_MAX     ((size_t)100 << 20) /* bytes of one request to an append blob */
#define LIST_BYTES_MAX ((size_t)32 << 20)

/* What is known of the blob at one version. */
struct known {
    char version[COVE__HEADER_MAX];
    struct azure_block_list list;
    bool cannot_fold; /* the server makes no blocks of ranges, or not for us */
};

static void free_known(void *state)
{
    struct known *known = state;

    if (known)
        cove__azure_block_list_done(&known->list);
    cove__free(known);
}

/* ---- what blocks are there ---- */

/* Of the version that the tail has; COVE_EPRECONDITION: the blob is another one now. */
static int fetch(struct cove__object_store *store, const struct cove__object_tail *t, struct known *known,
                 const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__object_request r;
    char etag[COVE__HEADER_MAX];

    cove__azure_block_list_done(&known->list);
    cove__azure_block_list_init(&known->list);
    known->version[0] = '\0';
    cove__object_request_init(&r, store, "GET", cove__object_split(t->path), ctx);
    cove__buf_add_str(&r.query, "comp=blocklist&blocklisttype=all");
    r.http.response_max = LIST_BYTES_MAX;
    int rc = cove__object_run(&r, err);
    if (rc == 0) {
        rc = cove__azure_block_list_read(&known->list, cove__buf_slice(&r.http.response));
        if (rc < 0)
            cove__object_unreadable(&r, err, rc, "the list of the blob's blocks");
    }
    if (rc == 0 && (!cove__object_response_version(&r, etag) || !cove__object_same_version(etag, t->version)))
        rc = cove__append_changed(ctx, err);
    if (rc == 0)
        memcpy(known->version, etag, sizeof etag);
    cove__object_request_done(&r);
    return rc;
}

static int look_up(struct cove__object_store *store, struct cove__object_tail *t, const struct cove__ctx *ctx,
                   struct cove_error *err)
{
    struct known *known = t->state;

    if (!known) {
        known = cove__calloc(1, sizeof *known);
        if (!known)
            return cove__fail_nomem(err, "an appender");
        t->state = known;
        t->free_state = free_known;
    }
    return cove__object_same_version(known->version, t->version) ? 0 : fetch(store, t, known, ctx, err);
}

/* ---- the new block ---- */

/* The bytes of the blocks that the new one takes in, and the new ones. */
static int gather(struct cove__object_store *store, const struct cove__object_tail *t, int64_t taken,
                  struct cove__slice data, const struct cove__ctx *ctx, struct cove__buf *ret, struct cove_error *err)
{
    struct cove__inbox inbox;
    struct cove__read_io io = {
        .path = t->path, .offset = t->size - taken, .length = (size_t)taken, .if_match = t->version
    };
    int rc = cove__buf_reserve(ret, (size_t)taken + data.size);

    if (rc < 0)
        return cove__fail_nomem(err, "an append");
    io.dst = ret->data;
    io.op.ctx = *ctx;
    cove__op_will_wait(&io.op, &inbox);
    cove__op_start(&io.op);
    cove__object_read(store, &io);
    rc = cove__op_wait(&io.op, err);
    cove__free(io.ret_etag);
    if (rc == COVE_EPRECONDITION || rc == COVE_ENOTFOUND || (rc == 0 && io.op.count != taken))
        return cove__append_changed(ctx, err);
    if (rc < 0)
        return rc;
    ret->size = (size_t)taken;
    return cove__buf_add_slice(ret, data);
}

static int accept_block(struct cove__object_request *r, struct cove_error *err)
{
    return cove__azure_upload_ops.part_response(r, r->user, err);
}

static int put_block(struct cove__object_store *store, const struct cove__object_tail *t, const char *name,
                     struct cove__slice bytes, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__object_made made = { 0 };
    struct cove__object_request r;

    cove__object_request_init(&r, store, "PUT", cove__object_split(t->path), ctx);
    cove__azure_block_request(&r, name);
    r.accept = accept_block;
    r.user = &made;
    cove__object_body(&r, bytes, cove__object_checksum(store));
    int rc = cove__object_run(&r, err);
    cove__object_request_done(&r);
    return rc;
}

static int accept_commit(struct cove__object_request *r, struct cove_error *err)
{
    return cove__azure_upload_ops.finish_response(r, r->user, err);
}

/* Names all blocks of the list, the last of which is new, and keeps what the blob is now. */
static int commit(struct cove__object_store *store, struct cove__object_tail *t, struct known *known,
                  const struct cove__ctx *ctx, struct cove_error *err)
{
    struct azure_block_list *list = &known->list;
    struct cove__write_mark mark;
    struct cove__put put = { .condition = COVE_WRITE_IF_MATCH,
                             .etag = t->version,
                             .write_id = mark.write_id,
                             .headers = cove__buf_str(&t->headers) };
    struct cove__buf body = COVE__BUF_INIT(LIST_BYTES_MAX);
    struct cove__object_made made = { 0 };
    struct cove__object_request r;

    cove__append_mark(t, list->total, &mark);
    cove__object_request_init(&r, store, "PUT", cove__object_split(t->path), ctx);
    r.effect = COVE__EFFECT_MADE;
    r.accept = accept_commit;
    r.user = &made;
    cove__azure_commit_request(&r);
    cove__azure_add_list_begin(&body);
    for (size_t i = 0; i < list->n; i++)
        cove__azure_add_list_block(&body, list->blocks[i].name);
    cove__azure_add_list_end(&body);
    cove__object_describe(&r, &put);
    cove__object_mark(&r, &put, &mark);
    cove__object_condition_headers(&r, COVE__CONDITION_SENT, &put);
    int rc = cove__buf_rc(&body);
    if (rc < 0) {
        cove__object_fail(&r, err, rc, "the list of the blob's blocks cannot be kept in memory");
    } else {
        cove__object_body(&r, cove__buf_slice(&body), cove__object_checksum(store));
        rc = cove__object_run(&r, err);
    }
    if (rc == COVE_EPRECONDITION || rc == COVE_ENOTFOUND)
        rc = cove__append_changed(ctx, err);
    cove__object_request_done(&r);
    cove__buf_done(&body);
    known->version[0] = '\0';
    if (rc == 0)
        rc = cove__append_tail_is(t, cove__strdup(made.version), list->total, err);
    if (rc == 0)
        memcpy(known->version, made.version, sizeof known->version);
    return rc;
}

/* A block that the server makes of the blob's own bytes. It is the blob's with the next commit. */
static int make_block(struct cove__object_store *store, const struct cove__object_tail *t, struct known *known,
                      int64_t offset, int64_t size, const char *name, const struct cove__ctx *ctx,
                      struct cove_error *err)
{
    const struct cove__object_source from = {
        .name = cove__object_split(t->path), .version = t->version, .offset = offset, .size = size
    };
    struct cove__object_made made = { 0 };
    struct cove__object_request r;

    cove__object_request_init(&r, store, "PUT", from.name, ctx);
    cove__azure_copy_block_request(&r, name, &from);
    r.accept = accept_block;
    r.user = &made;
    int rc = cove__object_run(&r, err);
    cove__object_request_done(&r);
    if (rc == 0)
        known->version[0] = '\0'; /* until the commit, the list is not the blob's */
    return rc == COVE_EPRECONDITION || rc == COVE_ENOTFOUND ? cove__append_changed(ctx, err) : rc;
}

/* One block takes the place of a run of many. If the server cannot do that, the list stays as long as it is, as long as
 * it may. */
static int shorten(struct cove__object_store *store, const struct cove__object_tail *t, struct known *known,
                   const struct cove__ctx *ctx, struct cove_error *err)
{
    struct azure_block_list *list = &known->list;
    struct cove_error why = COVE_ERROR_INIT;
    char name[AZURE_BLOCK_NAME_SIZE];
    struct azure_block_run run;

    if (known->cannot_fold || list->total != t->size || !cove__azure_block_list_run(list, &run) ||
        !cove__azure_block_list_new_name(list, name))
        return 0;
    int rc = make_block(store, t, known, run.offset, run.bytes, name, ctx, &why);
    if (rc == 0)
        cove__azure_block_list_replace(list, &run, name);
    known->cannot_fold = rc < 0;
    return rc < 0 && (list->n >= AZURE_BLOCKS_KEPT || rc == COVE_EPRECONDITION) ? cove__error_copy(err, &why) : 0;
}

/* A blob that one request has put, with uncommitted blocks of another writer behind it: the service wants blocks with
 * names of their length, which the engine's rewrite does not give. So it gets its blocks here. */
static int adopt(struct cove__object_store *store, const struct cove__object_tail *t, struct known *known,
                 const struct cove__ctx *ctx, struct cove_error *err)
{
    struct azure_block_list *list = &known->list;
    char name[AZURE_BLOCK_NAME_SIZE];
    int rc = 0;

    if (list->n > 0 || list->name_bytes == 0 || list->name_bytes == AZURE_OWN_NAME_BYTES)
        return 0;
    while (rc == 0 && list->total < t->size && cove__azure_block_list_new_name(list, name)) {
        int64_t left = t->size - list->total;
        rc = make_block(store, t, known, list->total, left < AZURE_RUN_MAX ? left : AZURE_RUN_MAX, name, ctx, err);
        if (rc == 0 && cove__azure_block_list_add(list, name, left < AZURE_RUN_MAX ? left : AZURE_RUN_MAX) < 0)
            rc = cove__fail_nomem(err, "an append");
    }
    return rc;
}

static int extend_blocks(struct cove__object_store *store, struct cove__object_tail *t, struct cove__slice data,
                         const struct cove__ctx *ctx, struct cove_error *err)
{
    struct known *known = t->state;
    struct azure_block_list *list = &known->list;
    struct cove__buf bytes = COVE__BUF_INIT(SIZE_MAX / 2);
    char name[AZURE_BLOCK_NAME_SIZE];
    int64_t taken;
    int rc = adopt(store, t, known, ctx, err);

    if (rc == 0)
        rc = shorten(store, t, known, ctx, err);
    if (rc != 0)
        return rc;
    size_t n = cove__azure_block_list_merge(list, (int64_t)data.size, &taken);
    if (list->total != t->size || list->n - n >= AZURE_BLOCKS_MAX || !cove__azure_block_list_new_name(list, name)) {
        t->full = true;
        return COVE__APPEND_OTHERWISE;
    }
    if (taken > 0)
        rc = gather(store, t, taken, data, ctx, &bytes, err);
    if (rc == 0)
        rc = put_block(store, t, name, taken > 0 ? cove__buf_slice(&bytes) : data, ctx, err);
    if (rc == 0) {
        cove__azure_block_list_drop(list, n);
        known->version[0] = '\0'; /* until the commit, the list is not the blob's */
        rc = cove__azure_block_list_add(list, name, taken + (int64_t)data.size);
        rc = rc < 0 ? cove__fail_nomem(err, "an append") : commit(store, t, known, ctx, err);
    }
    cove__buf_done(&bytes);
    return rc;
}

/* ---- append blobs ---- */

bool cove__azure_is_append_blob(const struct cove__object_request *r)
{
    char type[COVE__HEADER_MAX];

    return cove__object_response_header(r, "x-ms-blob-type", type) && strcmp(type, "AppendBlob") == 0;
}

static int append_block(struct cove__object_store *store, struct cove__object_tail *t, struct cove__slice data,
                        const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__object_request r;
    struct cove_error why = COVE_ERROR_INIT;
    char etag[COVE__HEADER_MAX];

    if (data.size > APPEND_MAX)
        return cove__fs_fail(err, ctx, COVE_ELIMIT, "at most %zu bytes are added to an append blob at once",
                             APPEND_MAX);
    cove__object_request_init(&r, store, "PUT", cove__object_split(t->path), ctx);
    cove__azure_state(&r)->kind = AZURE_APPEND;
    cove__buf_add_str(&r.query, "comp=appendblock");
    cove__object_header(&r, "x-ms-blob-condition-appendpos", "%lld", (long long)t->size);
    cove__object_add_match(&r, &r.extra, t->version);
    cove__object_body(&r, data, cove__object_checksum(store));
    int rc = cove__object_run(&r, &why);
    t->unsure |= rc < 0 && r.http.sends > r.refusals; /* what went out and was not refused may have been done */
    if (rc == COVE_EPRECONDITION || rc == COVE_ENOTFOUND)
        rc = cove__append_changed(ctx, err);
    else if (rc < 0)
        rc = cove__error_copy(err, &why);
    else if (!cove__object_response_version(&r, etag))
        rc = cove__append_changed(ctx, err); /* or so it seems: the caller asks */
    else
        rc = cove__append_tail_is(t, cove__strdup(etag), t->size + (int64_t)data.size, err);
    if (rc < 0 && r.http.op.rc == 0)
        t->unsure = true; /* it is done, and cannot be remembered */
    cove__object_request_done(&r);
    return rc;
}

/* ---- for the engine ---- */

static int extend(struct cove__object_store *store, struct cove__object_tail *t, struct cove__slice data,
                  const struct cove__ctx *ctx, struct cove_error *err)
{
    int rc = 0;

    if (!t->extends_only)
        rc = look_up(store, t, ctx, err);
    if (rc == 0)
        rc = t->extends_only ? append_block(store, t, data, ctx, err) : extend_blocks(store, t, data, ctx, err);
    if (rc == 0) {
        cove__buf_done(&t->content);
        t->cached = false;
    }
    return rc;
}

static bool extends(const struct cove__object_store *store, struct cove__object_name name)
{
    return true;
}

const struct cove__object_append_ops cove__azure_append_ops = {
    .rewrite_below = REWRITE_BELOW,
    .extend_from = REWRITE_BELOW,
    .keep = cove__azure_keep,
    .extends = extends,
    .extend = extend,
};
