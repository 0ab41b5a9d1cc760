/* Bytes: reads, whole files, files in parts, appends. Each goes to the target, and ends when the target's has ended. */
#include "base/error.h"
#include "base/mem.h"
#include "fs/viewfs/viewfs.h"

/* ---- reads ---- */

struct handle {
    struct viewfs_spot spot;
    void *inner; /* the target's; NULL: it has none */
};

int cove__viewfs_read_open(void *self, const char *path, const struct cove__ctx *ctx, void **ret_handle,
                           struct cove_error *err)
{
    struct handle *h = cove__calloc(1, sizeof *h);
    int rc = h ? cove__viewfs_mounted(self, path, ctx, &h->spot, err) : cove__fail_nomem(err, "a reader");

    if (rc == 0 && h->spot.ops->read.open)
        rc = h->spot.ops->read.open(h->spot.self, h->spot.path, ctx, &h->inner, err);
    if (rc == 0) {
        *ret_handle = h;
        return 0;
    }
    if (h)
        cove__free(h->spot.path);
    cove__free(h);
    return rc;
}

void cove__viewfs_read_close(void *self, void *handle)
{
    struct handle *h = handle;

    (void)self;
    if (h->spot.ops->read.open)
        h->spot.ops->read.close(h->spot.self, h->inner);
    cove__free(h->spot.path);
    cove__free(h);
}

static int read_in(const struct viewfs_spot *spot, void *handle, struct cove__read_io *io, struct cove_error *err)
{
    struct cove__read_io inner = *io;
    struct cove__inbox inbox;

    inner.op = (struct cove__op){ .ctx = io->op.ctx };
    inner.path = spot->path;
    inner.handle = handle;
    cove__op_will_wait(&inner.op, &inbox);
    cove__op_start(&inner.op);
    spot->ops->read.range(spot->self, &inner);
    int rc = cove__op_wait(&inner.op, err);

    io->op.count = inner.op.count;
    io->ret_total = inner.ret_total;
    io->ret_wait_ns = inner.ret_wait_ns;
    io->ret_took_ns = inner.ret_took_ns;
    io->has_crc32c = inner.has_crc32c;
    io->ret_crc32c = inner.ret_crc32c;
    io->ret_etag = inner.ret_etag;
    return rc;
}

void cove__viewfs_read(void *self, struct cove__read_io *io)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct handle *h = io->handle;
    struct viewfs_spot spot = { 0 };
    int rc = h ? 0 : cove__viewfs_mounted(self, io->path, &io->op.ctx, &spot, &err);

    if (rc == 0)
        rc = read_in(h ? &h->spot : &spot, h ? h->inner : NULL, io, &err);
    cove__free(spot.path);
    cove__op_finish(&io->op, rc, io->op.count, &err);
}

/* ---- writes ---- */

/* What all targets can do: the caller does not know yet which one it is. */
static void narrow(struct cove__part_rules *all, const struct cove__part_rules *one)
{
    all->min_part = one->min_part > all->min_part ? one->min_part : all->min_part;
    all->default_part = one->default_part > all->default_part ? one->default_part : all->default_part;
    all->max_part = one->max_part < all->max_part ? one->max_part : all->max_part;
    if (one->max_parts && (!all->max_parts || one->max_parts < all->max_parts))
        all->max_parts = one->max_parts;
    all->wants_sha256 = all->wants_sha256 || one->wants_sha256;
    all->wants_crc32c = all->wants_crc32c || one->wants_crc32c;
    all->wants_crc64 = all->wants_crc64 || one->wants_crc64;
    all->equal_parts = all->equal_parts || one->equal_parts;
    all->multiple = one->multiple > all->multiple ? one->multiple : all->multiple; /* powers of two */
    all->ordered = all->ordered || one->ordered;
    all->crc32c_may_be_crc32 = all->crc32c_may_be_crc32 || one->crc32c_may_be_crc32;
    all->parallel = one->parallel < all->parallel ? one->parallel : all->parallel;
}

void cove__viewfs_part_rules(void *self, const struct cove__put *put, struct cove__part_rules *ret)
{
    const struct viewfs_table *table = &((struct cove__viewfs *)self)->table;
    bool some = false;

    for (size_t i = 0; i <= table->n; i++) {
        const struct viewfs_mount *mount = i < table->n ? &table->mounts[i] : &table->fallback;
        struct cove__part_rules rules;

        if (!mount->fs || !mount->fs->ops->upload.part_rules)
            continue;
        mount->fs->ops->upload.part_rules(mount->fs->self, put, &rules);
        if (some)
            narrow(ret, &rules);
        else
            *ret = rules;
        some = true;
    }
    if (ret->default_part > ret->max_part)
        ret->default_part = ret->max_part;
}

void cove__viewfs_put(void *self, struct cove__put_io *io)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct viewfs_spot spot = { 0 };
    struct cove__put_io inner = *io;
    struct cove__inbox inbox;
    int rc = cove__viewfs_mounted(self, io->path, &io->op.ctx, &spot, &err);

    if (rc == 0 && !spot.ops->put)
        rc = cove__fs_fail(&err, &io->op.ctx, COVE_ENOTSUP, "%s:// cannot be written to", spot.mount->fs->scheme);
    if (rc == 0) {
        inner.op = (struct cove__op){ .ctx = io->op.ctx };
        inner.path = spot.path;
        cove__op_will_wait(&inner.op, &inbox);
        cove__op_start(&inner.op);
        spot.ops->put(spot.self, &inner);
        rc = cove__op_wait(&inner.op, &err);
        io->op.count = inner.op.count;
        io->ret_etag = inner.ret_etag;
    }
    cove__free(spot.path);
    cove__op_finish(&io->op, rc, io->op.count, &err);
}

struct cove__upload {
    const struct cove__fs_ops *ops; /* the target's */
    void *self;
    struct cove__upload *inner;
};

int cove__viewfs_begin(void *self, const char *path, const struct cove__put *put, const struct cove__ctx *ctx,
                       struct cove__upload **ret, struct cove_error *err)
{
    struct viewfs_spot spot = { 0 };
    struct cove__upload *u = cove__calloc(1, sizeof *u);
    int rc = u ? cove__viewfs_mounted(self, path, ctx, &spot, err) : cove__fail_nomem(err, "an upload");

    if (rc == 0 && !spot.ops->upload.begin)
        rc = cove__fs_fail(err, ctx, COVE_ENOTSUP, "%s:// takes no files in parts", spot.mount->fs->scheme);
    if (rc == 0) {
        u->ops = spot.ops;
        u->self = spot.self;
        rc = spot.ops->upload.begin(spot.self, spot.path, put, ctx, &u->inner, err);
    }
    if (rc == 0)
        *ret = u;
    else
        cove__free(u);
    cove__free(spot.path);
    return rc;
}

void cove__viewfs_part(void *self, struct cove__part_io *io)
{
    struct cove_error err = COVE_ERROR_INIT;
    struct cove__part_io inner = *io;
    struct cove__inbox inbox;

    (void)self;
    inner.op = (struct cove__op){ .ctx = io->op.ctx };
    inner.upload = io->upload->inner;
    cove__op_will_wait(&inner.op, &inbox);
    cove__op_start(&inner.op);
    io->upload->ops->upload.part(io->upload->self, &inner);
    int rc = cove__op_wait(&inner.op, &err);

    cove__op_finish(&io->op, rc, inner.op.count, &err);
}

int cove__viewfs_finish(void *self, struct cove__upload *u, const struct cove__ctx *ctx, char **ret_etag,
                        char **ret_version_id, struct cove_error *err)
{
    int rc = u->ops->upload.finish(u->self, u->inner, ctx, ret_etag, ret_version_id, err);

    (void)self;
    cove__free(u);
    return rc;
}

void cove__viewfs_abort(void *self, struct cove__upload *u, const struct cove__ctx *ctx)
{
    (void)self;
    u->ops->upload.abort(u->self, u->inner, ctx);
    cove__free(u);
}

/* ---- appends ---- */

struct tail {
    const struct cove__fs_ops *ops; /* the target's */
    void *self, *inner;
};

int cove__viewfs_append_open(void *self, const char *path, bool truncate, const char *etag, const struct cove__ctx *ctx,
                             void **ret_tail, struct cove_error *err)
{
    struct viewfs_spot spot = { 0 };
    struct tail *t = cove__calloc(1, sizeof *t);
    int rc = t ? cove__viewfs_mounted(self, path, ctx, &spot, err) : cove__fail_nomem(err, "an append");

    if (rc == 0 && !spot.ops->append.open)
        rc = cove__fs_fail(err, ctx, COVE_ENOTSUP, "%s:// has no appends", spot.mount->fs->scheme);
    if (rc == 0) {
        t->ops = spot.ops;
        t->self = spot.self;
        rc = spot.ops->append.open(spot.self, spot.path, truncate, etag, ctx, &t->inner, err);
    }
    if (rc == 0)
        *ret_tail = t;
    else
        cove__free(t);
    cove__free(spot.path);
    return rc;
}

int cove__viewfs_append(void *self, void *tail, struct cove__slice data, const struct cove__ctx *ctx, size_t *ret_added,
                        struct cove_error *err)
{
    struct tail *t = tail;

    (void)self;
    return t->ops->append.write(t->self, t->inner, data, ctx, ret_added, err);
}

void cove__viewfs_append_close(void *self, void *tail)
{
    struct tail *t = tail;

    (void)self;
    t->ops->append.close(t->self, t->inner);
    cove__free(t);
}
