/*
 * The contents of files in memory: reads, whole files, uploads in parts, copies. They are shared by count of
 * references, so a reader copies outside the lock while writers put new contents in place.
 */
#include <pthread.h>
#include <string.h>

#include "base/error.h"
#include "base/fork.h"
#include "base/mem.h"
#include "fs/fs_impl.h"
#include "fs/memory/memory.h"

struct cove__upload {
    pthread_mutex_t lock; /* of the blob's bytes, while threads put parts */
    struct blob *blob;    /* no other thread sees it */
    char *path, *etag;
    enum cove_write_if condition;
};

static void unref_blob(struct blob *blob)
{
    cove__lock();
    cove__memory_unref_blob_locked(blob);
    cove__unlock();
}

/* The file's contents with one more reference, so that they can be read outside the lock. */
static int hold(const char *path, struct blob **ret, uint64_t *ret_version, size_t *ret_size)
{
    struct entry *e;
    int rc = 0;

    cove__lock();
    e = cove__memory_find_locked(path);
    if (!e)
        rc = path[0] ? COVE_ENOTFOUND : COVE_EISDIR;
    else if (!e->blob)
        rc = COVE_EISDIR;
    else {
        *ret = e->blob;
        *ret_version = e->version;
        *ret_size = e->blob->size;
        e->blob->refs++;
    }
    cove__unlock();
    return rc;
}

void cove__memory_read(void *self, struct cove__read_io *io)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct blob *blob = NULL;
    struct entry version = { 0 };
    size_t size = 0;
    char etag[32];
    int64_t at = io->offset;
    size_t n = 0;
    int rc = cove__ctx_check(&io->op.ctx, &err);

    if (rc == 0)
        rc = cove__memory_explain(&io->op.ctx, hold(io->path, &blob, &version.version, &size), &err);
    if (rc == 0) {
        cove__memory_make_etag(&version, etag);
        if (io->if_match && strcmp(io->if_match, etag) != 0)
            rc = cove__fs_fail(&err, &io->op.ctx, COVE_EPRECONDITION, "the file was replaced while it was read");
    }
    if (rc == 0) {
        if (at < 0)
            at = (int64_t)size + at > 0 ? (int64_t)size + at : 0;
        n = (uint64_t)at >= size ? 0 : size - (size_t)at;
        n = n < io->length ? n : io->length;
        if (n > 0)
            memcpy(io->dst, blob->data + at, n);
        io->ret_total = (int64_t)size;
        io->ret_etag = cove__strdup(etag);
        if (!io->ret_etag)
            rc = cove__fail_nomem(&err, "a read");
    }
    unref_blob(blob);
    cove__op_finish(&io->op, rc, rc < 0 ? 0 : (int64_t)n, &err);
}

int cove__memory_blob_write(struct blob *blob, int64_t offset, struct cove__slice data)
{
    size_t end = (size_t)offset + data.size;

    if (cove__grow(&blob->data, &blob->cap, end, 1, SIZE_MAX / 2) < 0)
        return COVE_ENOMEM;
    if (data.size > 0)
        memcpy(blob->data + offset, data.data, data.size);
    if (end > blob->size)
        blob->size = end;
    return 0;
}

static int publish(const char *path, struct blob *blob, enum cove_write_if condition, const char *etag, char **ret_etag)
{
    int rc;

    cove__lock();
    rc = cove__memory_publish_locked(path, blob, condition, etag, ret_etag);
    if (rc < 0)
        cove__memory_unref_blob_locked(blob);
    cove__unlock();
    return rc;
}

struct blob *cove__memory_new_blob(void)
{
    struct blob *blob = cove__calloc(1, sizeof *blob);

    if (blob)
        blob->refs = 1;
    return blob;
}

void cove__memory_put(void *self, struct cove__put_io *io)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct blob *blob = NULL;
    int rc = cove__ctx_check(&io->op.ctx, &err);

    if (rc == 0) {
        blob = cove__memory_new_blob();
        rc = blob ? cove__memory_blob_write(blob, 0, io->src) : COVE_ENOMEM;
        if (rc == 0)
            rc = publish(io->path, blob, io->put ? io->put->condition : COVE_WRITE_ALWAYS,
                         io->put ? io->put->etag : NULL, &io->ret_etag);
        else if (blob)
            unref_blob(blob);
        rc = cove__memory_explain(&io->op.ctx, rc, &err);
    }
    cove__op_finish(&io->op, rc, rc < 0 ? 0 : (int64_t)io->src.size, &err);
}

int cove__memory_copy(void *self, const char *from, const char *etag, const char *to, const struct cove__ctx *ctx,
                      struct cove_error *err)
{
    struct blob *blob = NULL;
    struct entry held = { 0 };
    size_t size;
    int rc = hold(from, &blob, &held.version, &size);

    if (rc == 0 && cove__memory_has_changed(&held, etag)) {
        unref_blob(blob);
        return cove__fs_fail(err, ctx, COVE_EPRECONDITION, "the source has changed");
    }
    if (rc == 0)
        rc = publish(to, blob, COVE_WRITE_ALWAYS, NULL, NULL); /* contents are shared until one is changed */
    return cove__memory_explain(ctx, rc, err);
}

/* ---- uploads ---- */

void cove__memory_part_rules(void *self, const struct cove__put *put, struct cove__part_rules *ret)
{
    *ret = (struct cove__part_rules){
        .min_part = 1, .default_part = (size_t)8 << 20, .max_part = (size_t)8 << 20, .parallel = 1
    };
}

void cove__memory_abort(void *self, struct cove__upload *u, const struct cove__ctx *ctx)
{
    if (!u)
        return;
    if (u->blob)
        unref_blob(u->blob);
    pthread_mutex_destroy(&u->lock);
    cove__free(u->path);
    cove__free(u->etag);
    cove__free(u);
}

int cove__memory_begin(void *self, const char *path, const struct cove__put *put, const struct cove__ctx *ctx,
                       struct cove__upload **ret, struct cove_error *err)
{
    struct cove__upload *u = cove__calloc(1, sizeof *u);

    if (u) {
        pthread_mutex_init(&u->lock, NULL);
        u->blob = cove__memory_new_blob();
        u->path = cove__strdup(path);
        u->condition = put ? put->condition : COVE_WRITE_ALWAYS;
        u->etag = put && put->etag ? cove__strdup(put->etag) : NULL;
    }
    if (!u || !u->blob || !u->path || (put && put->etag && !u->etag)) {
        cove__memory_abort(self, u, NULL);
        return cove__fail_nomem(err, "an upload");
    }
    *ret = u;
    return 0;
}

void cove__memory_part(void *self, struct cove__part_io *io)
{
    struct cove__upload *u = io->upload;
    struct cove_error err = COVE_ERROR_INIT;
    int rc = cove__ctx_check(&io->op.ctx, &err);

    if (rc == 0) {
        pthread_mutex_lock(&u->lock);
        rc = cove__memory_blob_write(u->blob, io->offset, io->src);
        pthread_mutex_unlock(&u->lock);
        rc = cove__memory_explain(&io->op.ctx, rc, &err);
    }
    cove__op_finish(&io->op, rc, rc < 0 ? 0 : (int64_t)io->src.size, &err);
}

int cove__memory_finish(void *self, struct cove__upload *u, const struct cove__ctx *ctx, char **ret_etag,
                        char **ret_version_id, struct cove_error *err)
{
    int rc = publish(u->path, u->blob, u->condition, u->etag, ret_etag);

    u->blob = NULL; /* published, or dropped */
    cove__memory_abort(self, u, NULL);
    return cove__memory_explain(ctx, rc, err);
}
