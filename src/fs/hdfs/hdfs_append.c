/*
 * Open ends of files. A file stays open for writing between the writes of an appender, so that each costs no more than
 * its bytes and one call that makes the new length known to every reader. While it is open no other client can write
 * to it.
 */
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/hdfs/hdfs_error.h"
#include "fs/hdfs/hdfs_writer.h"
#include "wire/protobuf.h"

#define NEW_MODE         0666u
#define CLOSE_NS         (30 * COVE__SEC) /* the longest wait for the file's end */
#define LEASE_NS         (60 * COVE__SEC) /* the longest wait for the lease of a writer that is gone */
#define COMPARED_AT_ONCE ((size_t)1 << 20)

struct tail {
    char *path;
    struct cove__hdfs_writer *writer; /* NULL: the file is not open */
    uint64_t id;                      /* of the file, once it was opened; 0: it was not */
    uint64_t size;                    /* bytes that are known to be in it */
    bool truncate, is_new;            /* the next opening makes the file; it must not exist */
    bool failed;                      /* a write failed: the file may have more than `size` bytes */
    bool bound;                       /* only to one file: the open one, or one that this tail makes */
    bool lost;                        /* the file is another writer's now */
};

static int fail_replaced(const struct cove__ctx *ctx, struct cove_error *err)
{
    return cove__fs_fail(err, ctx, COVE_EPRECONDITION, "another writer has replaced the file");
}

/* 1, 0 where there is nothing, or an error. */
static int look(struct cove__hdfs *fs, const char *path, struct cove__hdfs_status *ret, char etag[COVE__HDFS_ETAG_SIZE],
                const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__hdfs_reply reply;
    int rc = cove__hdfs_look(fs, path, ctx, &reply, ret, err);

    if (rc == COVE_ENOTFOUND)
        return 0;
    if (rc < 0)
        return rc;
    cove__hdfs_etag(ret, etag);
    cove__hdfs_reply_done(&reply);
    return ret->type == COVE__HDFS_DIRECTORY ? cove__fs_fail(err, ctx, COVE_EISDIR, "is a directory") : 1;
}

int cove__hdfs_append_open(void *self, const char *path, bool truncate, const char *etag, const struct cove__ctx *ctx,
                           void **ret_tail, struct cove_error *err)
{
    struct cove__hdfs_status status;
    char now[COVE__HDFS_ETAG_SIZE] = "";
    struct tail *tail;
    int there = look(self, path, &status, now, ctx, err);

    if (there < 0)
        return there;
    if (etag && strcmp(there ? now : "", etag) != 0)
        return fail_replaced(ctx, err);
    tail = cove__calloc(1, sizeof *tail);
    if (tail)
        tail->path = cove__strdup(path);
    if (!tail || !tail->path) {
        cove__free(tail);
        return cove__fail_nomem(err, "an appender");
    }
    tail->truncate = truncate;
    tail->bound = etag;
    tail->is_new = etag && !there;
    if (etag && there) {
        tail->id = status.file_id;
        tail->size = status.length;
    }
    *ret_tail = tail;
    return 0;
}

/* ---- opening the file ---- */

/* A writer that is gone may still hold the file's lease. The NameNode takes it from it, which lasts until the last
 * block's nodes agree on its length. */
static int take_lease(struct cove__hdfs *fs, const struct tail *tail, const struct cove__ctx *ctx,
                      struct cove_error *err)
{
    struct cove__buf request = COVE__BUF_INIT((size_t)1 << 20);
    int64_t until_ns = cove__now_ns() + LEASE_NS;
    uint64_t closed = 0;
    int rc = 0;

    cove__pb_string(&request, 1, tail->path);
    cove__pb_string(&request, 2, fs->client_name);
    while (rc == 0 && !closed) {
        struct cove__hdfs_reply reply;

        rc = cove__hdfs_call(fs, "recoverLease", &request, NULL, ctx, &reply, err);
        if (rc < 0)
            break;
        if (!cove__hdfs_number(reply.response.message, 1, &closed))
            rc = cove__hdfs_unreadable(ctx, "recoverLease", COVE_EPROTOCOL, err);
        cove__hdfs_reply_done(&reply);
        if (rc == 0 && !closed && cove__now_ns() >= until_ns)
            rc = cove__fs_fail(err, ctx, COVE_EPRECONDITION, "the lease of its last writer could not be recovered");
        for (int i = 0; rc == 0 && !closed && i < 50; i++) {
            cove__sleep_ns(20 * COVE__MS);
            rc = cove__ctx_check(ctx, err);
        }
    }
    cove__buf_done(&request);
    return rc;
}

/* Whether the file has the bytes that a failed write may have added: the next ones of `data`. */
static int adopt(struct cove__hdfs *fs, struct tail *tail, uint64_t length, struct cove__slice data,
                 const struct cove__ctx *ctx, size_t *ret_added, struct cove_error *err)
{
    uint64_t more = length - tail->size;
    uint8_t *there;
    int rc = 0;

    if (length < tail->size || more > data.size || (more > 0 && !tail->failed))
        return fail_replaced(ctx, err);
    there = more ? cove__malloc(COMPARED_AT_ONCE) : NULL;
    if (more && !there)
        return cove__fail_nomem(err, "a comparison");
    for (uint64_t at = 0; rc == 0 && at < more;) {
        size_t n = more - at < COMPARED_AT_ONCE ? (size_t)(more - at) : COMPARED_AT_ONCE;

        rc = cove__hdfs_read_bytes(fs, tail->path, tail->size + at, there, n, ctx, err);
        if (rc == 0 && memcmp(there, data.data + at, n) != 0)
            rc = fail_replaced(ctx, err);
        at += n;
    }
    cove__free(there);
    if (rc == 0) {
        *ret_added += (size_t)more;
        tail->size = length;
    }
    return rc;
}

static int open_existing(struct cove__hdfs *fs, struct tail *tail, struct cove__slice data, const struct cove__ctx *ctx,
                         size_t *ret_added, struct cove_error *err)
{
    char etag[COVE__HDFS_ETAG_SIZE];
    struct cove__hdfs_status status;
    int rc = tail->failed ? take_lease(fs, tail, ctx, err) : 0;

    if (rc == 0)
        rc = look(fs, tail->path, &status, etag, ctx, err);
    if (rc == 0 || (rc > 0 && tail->id && status.file_id != tail->id))
        return fail_replaced(ctx, err);
    if (rc < 0)
        return rc;
    if (!tail->id)
        tail->size = status.length;
    rc = adopt(fs, tail, status.length, data, ctx, ret_added, err);
    if (rc == 0)
        rc = cove__hdfs_append_to(fs, tail->path, ctx, &tail->writer, err);
    if (rc == 0 && (tail->writer->file.id != status.file_id || tail->writer->size != tail->size)) {
        struct cove__hdfs_writer *w = tail->writer;

        tail->writer = NULL;
        (void)cove__hdfs_complete(w, ctx, NULL);
        cove__hdfs_writer_free(w);
        rc = fail_replaced(ctx, err);
    }
    return rc;
}

static int open_file(struct cove__hdfs *fs, struct tail *tail, struct cove__slice data, const struct cove__ctx *ctx,
                     size_t *ret_added, struct cove_error *err)
{
    char etag[COVE__HDFS_ETAG_SIZE];
    struct cove__hdfs_status status;
    int rc = tail->id || tail->truncate || tail->is_new ? 1 : look(fs, tail->path, &status, etag, ctx, err);
    bool makes = !tail->id && (rc == 0 || tail->truncate || tail->is_new);

    if (rc < 0)
        return rc;
    if (!makes)
        rc = open_existing(fs, tail, data, ctx, ret_added, err);
    else {
        rc = cove__hdfs_create(fs, tail->path, NEW_MODE & ~fs->umask, tail->truncate, ctx, &tail->writer, err);
        if (rc == COVE_EEXIST && tail->is_new)
            rc = fail_replaced(ctx, err);
    }
    if (rc < 0)
        return rc;
    tail->id = tail->writer->file.id;
    tail->failed = tail->truncate = tail->is_new = false;
    return 0;
}

/* ---- writing ---- */

/* A log that was moved away or removed under us: bytes written to its old file would be lost, or be in the wrong one.
 * 1: so it is; 0: the path still leads to the open file. */
static int was_replaced(struct cove__hdfs *fs, const struct tail *tail, const struct cove__ctx *ctx,
                        struct cove_error *err)
{
    char etag[COVE__HDFS_ETAG_SIZE];
    struct cove__hdfs_status status;
    int rc = look(fs, tail->path, &status, etag, ctx, err);

    return rc < 0 ? rc : rc == 0 || status.file_id != tail->id;
}

/* The next write begins a new file, or adds to another one that stands there now. */
static int leave_file(struct tail *tail, const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__hdfs_writer *w = tail->writer;

    if (tail->bound)
        return fail_replaced(ctx, err);
    tail->writer = NULL;
    tail->id = tail->size = 0;
    (void)cove__hdfs_complete(w, ctx, NULL); /* it may have been removed */
    cove__hdfs_writer_free(w);
    return 0;
}

static void drop_writer(struct tail *tail)
{
    cove__hdfs_writer_free(tail->writer);
    tail->writer = NULL;
    tail->failed = true;
}

static int write_tail(struct cove__hdfs *fs, struct tail *tail, struct cove__slice data, const struct cove__ctx *ctx,
                      size_t *ret_added, struct cove_error *err)
{
    int rc = tail->writer ? was_replaced(fs, tail, ctx, err) : 0;
    if (rc == 1)
        rc = leave_file(tail, ctx, err);
    if (rc == 0 && !tail->writer)
        rc = open_file(fs, tail, data, ctx, ret_added, err);
    if (rc < 0)
        return rc;
    data = cove__slice_sub(data, *ret_added, data.size);
    rc = cove__hdfs_write(tail->writer, tail->size, data, ctx, err);
    if (rc == 0) {
        tail->size += data.size;
        *ret_added += data.size;
        rc = cove__hdfs_publish_length(tail->writer, ctx, err);
    }
    if (rc < 0)
        drop_writer(tail);
    return rc;
}

int cove__hdfs_append(void *self, void *opaque, struct cove__slice data, const struct cove__ctx *ctx, size_t *ret_added,
                      struct cove_error *err)
{
    struct tail *tail = opaque;
    int rc;

    *ret_added = 0;
    rc = tail->lost ? fail_replaced(ctx, err) : write_tail(self, tail, data, ctx, ret_added, err);
    tail->lost = tail->lost || rc == COVE_EPRECONDITION;
    return rc;
}

void cove__hdfs_append_close(void *self, void *opaque)
{
    struct tail *tail = opaque;
    const struct cove__ctx ctx = { .deadline_ns = cove__now_ns() + CLOSE_NS, .op = "close", .url = tail->path };

    (void)self;
    if (tail->writer)
        (void)cove__hdfs_complete(tail->writer, &ctx, NULL); /* all bytes are there; the lease ends later */
    cove__hdfs_writer_free(tail->writer);
    cove__free(tail->path);
    cove__free(tail);
}
