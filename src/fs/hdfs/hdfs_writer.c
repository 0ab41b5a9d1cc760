/* Files that are open for writing: see hdfs_writer.h. */
#include "fs/hdfs/hdfs_writer.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fork.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/hdfs/hdfs_error.h"
#include "wire/protobuf.h"

#define REQUEST_MAX      ((size_t)1 << 20)
#define PLACES_MAX       4 /* where a new block is tried: dfs.client.block.write.retries, and the first */
#define WAITS_MAX        9 /* for the blocks before to be reported: with the waits about a minute */
#define WAIT_NS          (400 * COVE__MS)
#define WAIT_MAX_NS      (10 * COVE__SEC)
#define FLAG_CREATE      1u
#define FLAG_REPLACE     2u
#define FLAG_APPEND      4u
#define FLAG_NO_EC       0x80u /* SHOULD_REPLICATE: replicated also in a directory of erasure-coded files */
#define ENCRYPTION_ZONES 2u

static struct cove__hdfs_writer *new_writer(struct cove__hdfs *fs, const char *path)
{
    struct cove__hdfs_writer *w = cove__calloc(1, sizeof *w);
    struct cove__buf client = COVE__BUF_INIT(256);

    if (!w)
        return NULL;
    w->pipeline.socket.fd = -1;
    pthread_mutex_init(&w->lock, NULL);
    cove__cond_init(&w->turn);
    w->path = cove__strdup(path);
    /* Each file has its own lease: one that was left open by a failure is not renewed with the others. */
    cove__buf_addf(&client, "%s_%08x", fs->client_name, (unsigned)cove__random());
    w->client = cove__buf_take(&client);
    w->stop = cove_cancel_new();
    if (!w->path || !w->client || !w->stop) {
        cove__hdfs_writer_free(w);
        return NULL;
    }
    w->file = (struct cove__hdfs_file){ .fs = fs, .path = w->path, .client = w->client };
    return w;
}

void cove__hdfs_writer_free(struct cove__hdfs_writer *w)
{
    if (!w)
        return;
    cove__hdfs_unkeep(w);
    cove__hdfs_pipeline_done(&w->pipeline);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->turn);
    cove_cancel_unref(w->stop);
    cove__free(w->path);
    cove__free(w->client);
    cove__free(w->last_pool);
    cove__free(w);
}

/* What the NameNode made of the request: the file's ID, and its blocks' size. */
static int take_status(struct cove__hdfs_writer *w, struct cove__slice message,
                       const struct cove__hdfs_defaults *defaults, const char *method, const struct cove__ctx *ctx,
                       struct cove_error *err)
{
    struct cove__hdfs_status status;

    if (cove__hdfs_read_status(message, &status) < 0 || status.block_size == 0)
        return cove__hdfs_unreadable(ctx, method, COVE_EPROTOCOL, err);
    if (status.encryption.size > 0)
        return cove__fs_fail(err, ctx, COVE_ENOTSUP, "writing into an encryption zone is not supported yet");
    if (status.ec_policy.size > 0)
        return cove__fs_fail(err, ctx, COVE_ENOTSUP, "an erasure-coded file cannot be appended to");
    w->file.id = status.file_id;
    w->file.block_size = status.block_size;
    w->file.replication = status.replication;
    w->file.checksum = (enum cove__hdfs_checksum)defaults->checksum_type;
    w->file.chunk = defaults->bytes_per_checksum;
    w->file.packet = defaults->packet_size;
    return 0;
}

int cove__hdfs_create(struct cove__hdfs *fs, const char *path, uint32_t mode, bool replaces,
                      const struct cove__ctx *ctx, struct cove__hdfs_writer **ret, struct cove_error *err)
{
    struct cove__buf request = COVE__BUF_INIT(REQUEST_MAX);
    struct cove__hdfs_writer *w = new_writer(fs, path);
    struct cove__hdfs_defaults defaults;
    struct cove__hdfs_reply reply;
    struct cove__slice message;
    int rc = w ? cove__hdfs_defaults(fs, ctx, &defaults, err) : cove__fail_nomem(err, "a writer");

    if (rc == 0) {
        cove__pb_string(&request, 1, path);
        cove__hdfs_write_permission(&request, 2, mode);
        cove__pb_string(&request, 3, w->client);
        cove__pb_uint(&request, 4, FLAG_CREATE | FLAG_NO_EC | (replaces ? FLAG_REPLACE : 0));
        cove__pb_uint(&request, 5, 1);
        cove__pb_uint(&request, 6, fs->replication ? (uint64_t)fs->replication : defaults.replication);
        cove__pb_uint(&request, 7, fs->block_size ? (uint64_t)fs->block_size : defaults.block_size);
        cove__pb_uint(&request, 8, ENCRYPTION_ZONES);
        rc = cove__hdfs_call(fs, "create", &request, NULL, ctx, &reply, err);
    }
    if (rc == 0) {
        rc = cove__hdfs_field(reply.response.message, 1, &message)
                 ? take_status(w, message, &defaults, "create", ctx, err)
                 : cove__hdfs_unreadable(ctx, "create", COVE_EPROTOCOL, err);
        cove__hdfs_reply_done(&reply);
        if (rc < 0)
            (void)cove__hdfs_delete(fs, path, false, ctx, NULL);
    }
    cove__buf_done(&request);
    if (rc == 0 && cove__hdfs_keep(w) < 0)
        rc = cove__fail_nomem(err, "a writer");
    if (rc == 0)
        *ret = w;
    else
        cove__hdfs_writer_free(w);
    return rc;
}

/* ---- blocks ---- */

static int remember_last(struct cove__hdfs_writer *w)
{
    char *pool = cove__strdup(w->pipeline.pool);

    if (!pool)
        return COVE_ENOMEM;
    cove__free(w->last_pool);
    w->last_pool = pool;
    w->last = w->pipeline.block;
    w->last.pool = cove__slice_str(pool);
    return 0;
}

static int wait_a_while(unsigned *times, const struct cove__ctx *ctx, struct cove_error *err)
{
    int64_t most = WAIT_NS << (*times < 5 ? *times : 5), until_ns;
    int rc = 0;

    ++*times;
    until_ns = cove__now_ns() + (most < WAIT_MAX_NS ? most : WAIT_MAX_NS);
    while (rc == 0 && cove__now_ns() < until_ns) {
        cove__sleep_ns(20 * COVE__MS);
        rc = cove__ctx_check(ctx, err);
    }
    return rc;
}

/* A place for the next block, on other nodes than those in `excluded`. */
static int ask_for_block(struct cove__hdfs_writer *w, const struct cove__buf *excluded, const struct cove__ctx *ctx,
                         struct cove__hdfs_reply *reply, struct cove__hdfs_located *ret, struct cove_error *err)
{
    struct cove__buf request = COVE__BUF_INIT(REQUEST_MAX);
    struct cove__slice message;
    unsigned waits = 0;
    bool again;
    int rc;

    cove__pb_string(&request, 1, w->path);
    cove__pb_string(&request, 2, w->client);
    if (w->last.pool.size > 0)
        cove__hdfs_write_block(&request, 3, &w->last);
    cove__buf_add_slice(&request, cove__buf_slice(excluded)); /* fields 4 */
    cove__pb_uint(&request, 5, w->file.id);
    do {
        rc = cove__hdfs_call(w->file.fs, "addBlock", &request, "NotReplicatedYetException", ctx, reply, err);
        again = rc == 0 && reply->response.failed; /* the DataNodes have not reported the block before yet */
        if (again && waits == WAITS_MAX)
            rc = cove__hdfs_fail(err, ctx, w->file.fs->name, &reply->response);
        else if (again)
            rc = wait_a_while(&waits, ctx, err);
        if (again)
            cove__hdfs_reply_done(reply);
    } while (again && rc == 0);
    cove__buf_done(&request);
    if (rc < 0)
        return rc;
    rc =
        cove__hdfs_field(reply->response.message, 1, &message) ? cove__hdfs_read_located(message, ret) : COVE_EPROTOCOL;
    if (rc == 0 && ret->n_nodes == 0) {
        cove__hdfs_located_done(ret);
        rc = COVE_EPROTOCOL;
    }
    if (rc < 0) {
        rc = cove__hdfs_unreadable(ctx, "addBlock", rc, err);
        cove__hdfs_reply_done(reply);
    }
    return rc;
}

static int abandon_block(struct cove__hdfs_writer *w, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__buf request = COVE__BUF_INIT(REQUEST_MAX);
    struct cove__hdfs_reply reply;
    int rc;

    cove__hdfs_write_block(&request, 1, &w->pipeline.block);
    cove__pb_string(&request, 2, w->path);
    cove__pb_string(&request, 3, w->client);
    cove__pb_uint(&request, 4, w->file.id);
    rc = cove__hdfs_call(w->file.fs, "abandonBlock", &request, NULL, ctx, &reply, err);
    cove__buf_done(&request);
    if (rc == 0)
        cove__hdfs_reply_done(&reply);
    return rc;
}

/* One attempt at a block. *ret_again: its nodes could not be connected; the bad one is in `excluded` now. */
static int try_block(struct cove__hdfs_writer *w, struct cove__buf *excluded, const struct cove__ctx *ctx,
                     bool *ret_again, struct cove_error *err)
{
    struct cove__hdfs_located located;
    struct cove__hdfs_reply reply;
    size_t bad = 0;
    int rc = ask_for_block(w, excluded, ctx, &reply, &located, err);

    *ret_again = false;
    if (rc < 0)
        return rc;
    rc = cove__hdfs_pipeline_init(&w->pipeline, &w->file, &located);
    cove__hdfs_located_done(&located);
    cove__hdfs_reply_done(&reply);
    if (rc < 0)
        return cove__fail_nomem(err, "a block");
    rc = cove__hdfs_pipeline_connect(&w->pipeline, COVE__HDFS_CREATE, 0, ctx, &bad, err);
    if (rc == 0)
        return 0;
    *ret_again = cove__hdfs_is_node_failure(rc);
    if (*ret_again) {
        cove__pb_bytes(excluded, 4, w->pipeline.nodes[bad].message);
        if (abandon_block(w, ctx, NULL) < 0)
            *ret_again = false;
    }
    cove__hdfs_pipeline_done(&w->pipeline);
    return rc;
}

static int begin_block(struct cove__hdfs_writer *w, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__buf excluded = COVE__BUF_INIT(REQUEST_MAX);
    struct cove_error first = COVE_ERROR_INIT;
    bool again = true;
    int rc = 0;

    for (unsigned i = 0; again && i < PLACES_MAX; i++) {
        struct cove_error why = COVE_ERROR_INIT;

        rc = try_block(w, &excluded, ctx, &again, &why);
        if (rc < 0 && (!first.code || again)) /* why a node failed is more useful than "no node is left" */
            first = why;
        else if (rc < 0)
            cove__error_add(&first, "; then: %s", why.message);
        if (rc == 0)
            again = false;
    }
    cove__buf_done(&excluded);
    return rc < 0 ? cove__error_copy(err, &first) : 0;
}

static int end_block(struct cove__hdfs_writer *w, const struct cove__ctx *ctx, struct cove_error *err)
{
    int rc = cove__hdfs_pipeline_end(&w->pipeline, ctx, err);

    if (rc == 0 && remember_last(w) < 0)
        rc = cove__fail_nomem(err, "a block");
    if (rc == 0)
        cove__hdfs_pipeline_done(&w->pipeline);
    return rc;
}

/* ---- the file ---- */

static int write_locked(struct cove__hdfs_writer *w, struct cove__slice data, const struct cove__ctx *ctx,
                        struct cove_error *err)
{
    int rc = 0;

    while (rc == 0 && data.size > 0) {
        if (w->pipeline.n_nodes == 0)
            rc = begin_block(w, ctx, err);
        if (rc < 0)
            return rc;
        uint64_t room = w->file.block_size - w->pipeline.block.size;
        struct cove__slice part = cove__slice_sub(data, 0, room < data.size ? (size_t)room : data.size);

        rc = cove__hdfs_pipeline_send(&w->pipeline, part, ctx, err);
        if (rc < 0)
            return rc;
        w->size += part.size;
        data = cove__slice_sub(data, part.size, data.size);
        if (w->pipeline.block.size == w->file.block_size)
            rc = end_block(w, ctx, err);
    }
    return rc;
}

/* Parts may be under way beside each other, but a block has its bytes in order. */
static int wait_for_turn(struct cove__hdfs_writer *w, uint64_t offset, const struct cove__ctx *ctx,
                         struct cove_error *err)
{
    int rc = 0;

    while (rc == 0 && !w->broken && w->size != offset) {
        cove__cond_wait_until(&w->turn, &w->lock, cove__now_ns() + 50 * COVE__MS);
        rc = cove__ctx_check(ctx, err);
    }
    if (rc == 0 && w->broken)
        rc = cove__fs_fail(err, ctx, COVE_ESTATE, "the bytes before these could not be written");
    return rc;
}

int cove__hdfs_write(struct cove__hdfs_writer *w, uint64_t offset, struct cove__slice data, const struct cove__ctx *ctx,
                     struct cove_error *err)
{
    int rc;

    pthread_mutex_lock(&w->lock);
    rc = wait_for_turn(w, offset, ctx, err);
    if (rc == 0)
        rc = write_locked(w, data, ctx, err);
    w->broken = w->broken || rc < 0;
    w->used_ns = cove__now_ns();
    pthread_cond_broadcast(&w->turn);
    pthread_mutex_unlock(&w->lock);
    return rc;
}

int cove__hdfs_publish_length(struct cove__hdfs_writer *w, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__buf request = COVE__BUF_INIT(REQUEST_MAX);
    struct cove__hdfs_reply reply;
    int rc;

    if (w->pipeline.n_nodes == 0)
        return 0; /* a block that has ended is known */
    w->pipeline.visible = true;
    cove__pb_string(&request, 1, w->path);
    cove__pb_string(&request, 2, w->client);
    cove__pb_uint(&request, 3, w->pipeline.block.size << 1); /* sint64 */
    cove__pb_uint(&request, 4, w->file.id);
    rc = cove__hdfs_call(w->file.fs, "fsync", &request, NULL, ctx, &reply, err);
    cove__buf_done(&request);
    if (rc == 0)
        cove__hdfs_reply_done(&reply);
    return rc;
}

static int call_complete(struct cove__hdfs_writer *w, const struct cove__ctx *ctx, bool *ret_done,
                         struct cove_error *err)
{
    struct cove__buf request = COVE__BUF_INIT(REQUEST_MAX);
    struct cove__hdfs_reply reply;
    uint64_t done = 0;
    int rc;

    cove__pb_string(&request, 1, w->path);
    cove__pb_string(&request, 2, w->client);
    if (w->last.pool.size > 0)
        cove__hdfs_write_block(&request, 3, &w->last);
    cove__pb_uint(&request, 4, w->file.id);
    rc = cove__hdfs_call(w->file.fs, "complete", &request, NULL, ctx, &reply, err);
    cove__buf_done(&request);
    if (rc < 0)
        return rc;
    if (!cove__hdfs_number(reply.response.message, 1, &done))
        rc = cove__hdfs_unreadable(ctx, "complete", COVE_EPROTOCOL, err);
    *ret_done = done != 0;
    cove__hdfs_reply_done(&reply);
    return rc;
}

int cove__hdfs_complete(struct cove__hdfs_writer *w, const struct cove__ctx *ctx, struct cove_error *err)
{
    unsigned waits = 0;
    bool done = false;
    int rc = 0;

    pthread_mutex_lock(&w->lock);
    if (w->pipeline.n_nodes > 0)
        rc = end_block(w, ctx, err);
    pthread_mutex_unlock(&w->lock);
    while (rc == 0 && !done) {
        rc = call_complete(w, ctx, &done, err);
        if (rc == 0 && !done)
            rc = waits < WAITS_MAX ? wait_a_while(&waits, ctx, err)
                                   : cove__fs_fail(err, ctx, COVE_ESERVER,
                                                   "the DataNodes have not reported the file's last block; is one "
                                                   "alive?");
    }
    if (rc == 0)
        cove__hdfs_unkeep(w);
    return rc;
}

/* ---- appending ---- */

/* The last block, if it is not full. */
static int take_last_block(struct cove__hdfs_writer *w, struct cove__slice message, const struct cove__ctx *ctx,
                           struct cove_error *err)
{
    struct cove__hdfs_located located;
    int rc = cove__hdfs_read_located(message, &located);

    if (rc < 0)
        return cove__hdfs_unreadable(ctx, "append", rc, err);
    if (located.n_nodes == 0)
        rc = cove__fs_fail(err, ctx, COVE_ESERVER, "the file's last block has no live replica to append to");
    else if (cove__hdfs_pipeline_init(&w->pipeline, &w->file, &located) < 0)
        rc = cove__fail_nomem(err, "a block");
    cove__hdfs_located_done(&located);
    return rc < 0 ? rc : cove__hdfs_pipeline_append(&w->pipeline, ctx, err);
}

int cove__hdfs_append_to(struct cove__hdfs *fs, const char *path, const struct cove__ctx *ctx,
                         struct cove__hdfs_writer **ret, struct cove_error *err)
{
    struct cove__buf request = COVE__BUF_INIT(REQUEST_MAX);
    struct cove__hdfs_writer *w = new_writer(fs, path);
    struct cove__hdfs_defaults defaults;
    struct cove__hdfs_status status;
    struct cove__hdfs_reply reply;
    struct cove__slice message;
    int rc = w ? cove__hdfs_defaults(fs, ctx, &defaults, err) : cove__fail_nomem(err, "a writer");

    if (rc == 0) {
        cove__pb_string(&request, 1, path);
        cove__pb_string(&request, 2, w->client);
        cove__pb_uint(&request, 3, FLAG_APPEND);
        rc = cove__hdfs_call(fs, "append", &request, NULL, ctx, &reply, err);
    }
    cove__buf_done(&request);
    if (rc == 0) {
        rc = cove__hdfs_field(reply.response.message, 2, &message)
                 ? take_status(w, message, &defaults, "append", ctx, err)
                 : cove__hdfs_unreadable(ctx, "append", COVE_EPROTOCOL, err);
        if (rc == 0 && cove__hdfs_read_status(message, &status) == 0)
            w->size = status.length;
        if (rc == 0 && cove__hdfs_keep(w) < 0)
            rc = cove__fail_nomem(err, "a writer");
        if (rc == 0 && cove__hdfs_field(reply.response.message, 1, &message))
            rc = take_last_block(w, message, ctx, err);
        cove__hdfs_reply_done(&reply);
    }
    if (rc == 0)
        *ret = w;
    else
        cove__hdfs_writer_free(w);
    return rc;
}
