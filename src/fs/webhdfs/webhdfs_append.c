/*
 * Appends: HDFS adds bytes to the end of a file without a condition, but for one client at a time. So the file is
 * looked at before each append. Where the response of an append was lost, the file's length shows how many of the bytes
 * it has, and they are compared. A new file, and one that is replaced, is written whole.
 */
#include <stdio.h>

#include "base/error.h"
#include "base/mem.h"
#include "fs/webhdfs/webhdfs.h"

#define TRIES 3 /* to find what is there, while other writers make and remove it */

struct tail {
    char *path;
    bool truncate;
    bool bound;       /* only to the file that is described below; else to any that is there */
    bool exists;      /* there was one at the last look; then: */
    int64_t id, size; /* `size`: with what was added since */
    enum { SURE, UNSURE_APPEND, UNSURE_WHOLE } state; /* whether the last write may have been done */
};

static int replaced(const struct cove__ctx *ctx, struct cove_error *err)
{
    return cove__fs_fail(err, ctx, COVE_EPRECONDITION, "another writer has changed the file");
}

/* 1, 0, or an error: whether there is such a file. */
static int look(struct cove__webhdfs *store, const char *path, const struct cove__ctx *ctx, struct webhdfs_status *ret,
                struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;
    int rc = cove__webhdfs_look(store, path, ctx, ret, &why);

    if (rc == COVE_ENOTFOUND)
        return 0;
    if (rc < 0)
        return cove__error_copy(err, &why);
    return ret->directory ? cove__fs_fail(err, ctx, COVE_EISDIR, "is a directory") : 1;
}

static void remember(struct tail *tail, bool there, const struct webhdfs_status *status)
{
    tail->exists = there;
    tail->id = there ? status->id : 0;
    tail->size = there ? status->length : 0;
}

int cove__webhdfs_append_open(void *self, const char *path, bool truncate, const char *etag,
                              const struct cove__ctx *ctx, void **ret_tail, struct cove_error *err)
{
    struct webhdfs_status status = { 0 };
    char now[WEBHDFS_ETAG_MAX] = "";
    int there = look(self, path, ctx, &status, err);

    if (there < 0)
        return there;
    if (there)
        cove__webhdfs_make_etag(&status, now);
    if (etag && strcmp(etag, now) != 0)
        return replaced(ctx, err);
    struct tail *tail = cove__calloc(1, sizeof *tail);
    if (tail)
        tail->path = cove__strdup(path);
    if (!tail || !tail->path) {
        cove__free(tail);
        return cove__fail_nomem(err, "an appender");
    }
    tail->truncate = truncate;
    tail->bound = etag;
    remember(tail, there, &status);
    *ret_tail = tail;
    return 0;
}

void cove__webhdfs_append_close(void *self, void *tail_)
{
    struct tail *tail = tail_;

    if (!tail)
        return;
    cove__free(tail->path);
    cove__free(tail);
}

/* ---- one write ---- */

/* A refusal shows that nothing was done. */
static bool may_be_done(int rc)
{
    return rc == COVE_ENETWORK || rc == COVE_ETIMEDOUT || rc == COVE_ECANCELED || rc == COVE_ESERVER ||
           rc == COVE_ETHROTTLED;
}

/* COVE_EEXIST: another writer has made the file meanwhile. */
static int write_whole(struct cove__webhdfs *store, struct tail *tail, struct cove__slice data,
                       const struct cove__ctx *ctx, struct cove_error *err)
{
    const struct cove__put put = { .condition = tail->exists ? COVE_WRITE_ALWAYS : COVE_WRITE_IF_NEW };
    struct cove__put_io io = { .path = tail->path, .src = data, .put = &put };
    struct webhdfs_status status;
    struct cove__inbox inbox;

    io.op.ctx = *ctx;
    cove__op_will_wait(&io.op, &inbox);
    cove__op_start(&io.op);
    cove__webhdfs_put(store, &io);
    int rc = cove__op_wait(&io.op, err);
    cove__free(io.ret_etag);
    if (rc < 0) {
        tail->state = may_be_done(rc) ? UNSURE_WHOLE : SURE;
        return rc;
    }
    tail->truncate = false;
    if (look(store, tail->path, ctx, &status, NULL) == 1)
        remember(tail, true, &status);
    return 0;
}

static int run_append(struct cove__webhdfs *store, struct tail *tail, struct cove__slice data,
                      const struct cove__ctx *ctx, struct cove_error *err)
{
    struct webhdfs_request r;

    cove__webhdfs_request_init(&r, store, ctx);
    r.http.repeatable = false; /* the caller looks before it appends again */
    cove__webhdfs_step(&r, "POST", "APPEND", tail->path);
    r.sends = true;
    r.data = data;
    int rc = cove__webhdfs_run(&r, err);
    tail->state = rc < 0 && cove__webhdfs_may_be_done(&r) ? UNSURE_APPEND : SURE;
    cove__webhdfs_request_done(&r);
    if (rc == 0)
        tail->size += (int64_t)data.size;
    return rc;
}

/* ---- after one whose response was lost ---- */

/* Whether the file's bytes from `offset` on are these: 1, 0, or an error. */
static int has_bytes(struct cove__webhdfs *store, const char *path, int64_t offset, struct cove__slice data,
                     const struct cove__ctx *ctx, struct cove_error *err)
{
    struct cove__read_io io = { .path = path, .offset = offset, .length = data.size, .ret_total = -1 };
    struct cove__inbox inbox;

    io.dst = cove__malloc(data.size + 1);
    if (!io.dst)
        return cove__fail_nomem(err, "a comparison");
    io.op.ctx = *ctx;
    cove__op_will_wait(&io.op, &inbox);
    cove__op_start(&io.op);
    cove__webhdfs_read(store, &io);
    int rc = cove__op_wait(&io.op, err);
    if (rc == 0)
        rc = io.op.count == (int64_t)data.size && memcmp(io.dst, data.data, data.size) == 0;
    cove__free(io.dst);
    cove__free(io.ret_etag);
    return rc;
}

/* How many of the first bytes are there. */
static int recognize(struct cove__webhdfs *store, struct tail *tail, bool there, const struct webhdfs_status *status,
                     struct cove__slice data, const struct cove__ctx *ctx, size_t *ret_added, struct cove_error *err)
{
    bool same = there == tail->exists && (!there || status->id == tail->id);
    int64_t before = tail->state == UNSURE_APPEND ? tail->size : 0;

    if (same && (!there || status->length == tail->size)) {
        tail->state = SURE; /* nothing was done */
        return 0;
    }
    if (!there || same != (tail->state == UNSURE_APPEND) || status->length < before ||
        (uint64_t)(status->length - before) > data.size)
        return replaced(ctx, err);
    size_t n = (size_t)(status->length - before);
    int rc = has_bytes(store, tail->path, before, cove__slice_sub(data, 0, n), ctx, err);
    if (rc <= 0)
        return rc < 0 ? rc : replaced(ctx, err);
    *ret_added = n;
    tail->state = SURE;
    tail->truncate = false;
    remember(tail, true, status);
    return 0;
}

static int write_once(struct cove__webhdfs *store, struct tail *tail, struct cove__slice data,
                      const struct cove__ctx *ctx, size_t *ret_added, struct cove_error *err)
{
    struct webhdfs_status status = { 0 };
    int there = look(store, tail->path, ctx, &status, err), rc = 0;

    if (there < 0)
        return there;
    if (tail->state != SURE)
        rc = recognize(store, tail, there, &status, data, ctx, ret_added, err);
    else if (tail->bound &&
             (there != tail->exists || (there && (status.id != tail->id || status.length != tail->size))))
        rc = replaced(ctx, err);
    if (rc < 0)
        return rc;
    struct cove__slice rest = cove__slice_sub(data, *ret_added, SIZE_MAX);
    remember(tail, there, &status);
    if (!there || tail->truncate)
        rc = write_whole(store, tail, rest, ctx, err);
    else if (rest.size > 0)
        rc = run_append(store, tail, rest, ctx, err);
    if (rc == 0)
        *ret_added = data.size;
    return rc;
}

int cove__webhdfs_append(void *self, void *tail_, struct cove__slice data, const struct cove__ctx *ctx,
                         size_t *ret_added, struct cove_error *err)
{
    struct cove_error why = COVE_ERROR_INIT;
    struct tail *tail = tail_;
    int rc = COVE_EEXIST;

    *ret_added = 0;
    for (int i = 0; i < TRIES && rc == COVE_EEXIST; i++) {
        rc = write_once(self, tail, data, ctx, ret_added, &why);
        if (rc == COVE_EEXIST && tail->bound)
            return replaced(ctx, err);
    }
    return rc < 0 ? cove__error_copy(err, &why) : 0;
}
